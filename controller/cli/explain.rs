//! `driftless explain`: what a kind or a field means. The words are the repo room's.

use super::screen::Screen;
use super::{Exit, Output};
use crate::kinds;
use crate::render;
use crate::repo::{self, Explained};

/// Says what a kind or a field means
///
/// What it takes, what holds without it, and what lies below it. Without an argument: every kind in a line.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  driftless explain\n  driftless explain Droplet\n  driftless explain Droplet.spec.backups"
)]
pub struct Arguments {
    /// A kind or one of its fields, such as Firewall.spec.inbound
    #[arg(value_name = "KIND[.FIELD]")]
    what: Option<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments, screen: &Screen) -> anyhow::Result<Exit> {
    let explained = match &arguments.what {
        Some(what) => repo::explain(&kinds::pure(), what)?,
        None => every_kind()?,
    };
    if screen.output == Output::Json {
        let data = Told { schema: "driftless.explained/v1", explained: &explained };
        screen.print(&render::json(&data));
    } else {
        screen.print(&explained.to_string());
    }
    Ok(Exit::Well)
}

/// What `-o json` gives.
#[derive(serde::Serialize)]
struct Told<'a> {
    schema: &'static str,
    #[serde(flatten)]
    explained: &'a Explained,
}

/// The field `kind` itself: every word that it takes, in a line.
fn every_kind() -> anyhow::Result<Explained> {
    let pure = kinds::pure();
    let names = pure.iter().map(|kind| kind.name()).chain(["Settings"]);
    let values = names.map(|name| Ok((name.to_owned(), repo::explain(&pure, name)?.about)));
    Ok(Explained {
        title: "kind".to_owned(),
        about: "What a document describes. More about one: driftless explain Droplet".to_owned(),
        takes: "one of the values below".to_owned(),
        default: None,
        values: values.collect::<anyhow::Result<_>>()?,
        fields: Vec::new(),
    })
}

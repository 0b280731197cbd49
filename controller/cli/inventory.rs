//! `driftless inventory`: what exists, whose it is, what it costs. Changes nothing.

use super::screen::Screen;
use super::{Exit, Global, Output, connect, plan};
use crate::engine::{inventory::inventory, look};
use crate::kinds;
use crate::render;

/// Shows what exists and whose it is
///
/// Looks at the whole account and lists every object, kind by kind: what documents declare, what nobody claims, what
/// is wanted and missing, with addresses and a month's price. A token with read access is enough.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  driftless inventory\n  driftless inventory infra/ -o markdown > INVENTORY.md\n\nExit codes: 0 done, 1 error, or something could not be seen"
)]
pub struct Arguments {
    /// A folder, or a commit of the repo (default: this folder)
    #[arg(value_name = "DIR|REV")]
    what: Option<String>,
}

/// Runs the command.
pub async fn run(arguments: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let config = connect::settings(global, screen)?;
    let Some((estate, _)) = plan::estate(&config, arguments.what.as_deref(), screen).await? else {
        return Ok(Exit::Error);
    };
    let ports = connect::ports(&config)?;
    connect::reach(&config, &ports).await?;
    let memory = connect::journal_if_any(&config).await?.memory();
    let world = look::whole(&ports, kinds::ALL, Some(&estate), &memory).await;
    let found = inventory(&estate, &world, &memory);
    match screen.output {
        Output::Json => screen.json(&found),
        Output::Markdown => screen.print(&render::inventory_page(&found)),
        Output::Text => screen.print(&render::inventory(&found, &screen.out)),
    }
    Ok(if found.unread.is_empty() { Exit::Well } else { Exit::Error })
}

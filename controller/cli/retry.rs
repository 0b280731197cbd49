//! `driftless retry`: tries again at once what failed.

use super::screen::Screen;
use super::{Exit, Global, reach};
use crate::engine::act::Act;
use crate::model::ResourceId;

/// Tries again at once what failed
///
/// Forgets how often a resource's changes failed, so that they are tried anew.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  driftless retry Droplet/erp")]
pub struct Arguments {
    /// The resource, such as Droplet/erp
    #[arg(value_name = "ID")]
    id: ResourceId,
}

/// Runs the command.
pub async fn run(arguments: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    reach::act(&Act::Retry { id: arguments.id }, "", global, screen).await
}

//! `driftless resume`: ends a pause.

use super::screen::Screen;
use super::{Exit, Global, reach};
use crate::engine::act::Act;
use crate::model::ResourceId;

/// Ends a pause
#[derive(clap::Args)]
#[command(after_help = "Example:\n  driftless resume Droplet/erp")]
pub struct Arguments {
    /// The resource, such as Droplet/erp
    #[arg(value_name = "ID")]
    id: ResourceId,
}

/// Runs the command.
pub async fn run(arguments: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    reach::act(&Act::Resume { id: arguments.id }, "", global, screen).await
}

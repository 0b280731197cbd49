//! `driftless freeze`: stops all writes to the world.

use super::pause::Until;
use super::screen::Screen;
use super::{Exit, Global, reach};
use crate::engine::act::Act;

/// Stops all changes
///
/// What is being done may end; nothing else is begun until `driftless thaw`, or until a time. Looking and reporting go
/// on, and everything shows who froze it and why.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  driftless freeze --reason 'the provider moves the region' --until 6h")]
pub struct Arguments {
    /// Why, for everybody who wonders
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// How long (2h, 3d), or until when (2026-11-27T08:00:00Z); default: until `driftless thaw`
    #[arg(long, value_name = "TIME")]
    until: Option<Until>,
}

/// Runs the command.
pub async fn run(arguments: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let until = arguments.until.map(Until::time);
    reach::act(&Act::Freeze { reason: arguments.reason, until }, "", global, screen).await
}

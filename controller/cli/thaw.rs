//! `driftless thaw`: ends a freeze.

use super::screen::Screen;
use super::{Exit, Global, reach};
use crate::engine::act::Act;

/// Ends a freeze
#[derive(clap::Args)]
#[command(after_help = "Example:\n  driftless thaw")]
pub struct Arguments {}

/// Runs the command.
pub async fn run(_: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    reach::act(&Act::Thaw, "", global, screen).await
}

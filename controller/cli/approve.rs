//! `driftless approve`: releases held changes by their digest.

use super::screen::Screen;
use super::{Exit, Global, reach};
use crate::engine::act::Act;

/// Releases held changes
///
/// Takes the digests that a plan shows beside what it holds. An approval covers exactly the change that was shown, is
/// used once and is good for 24 hours. Nobody releases what came with their own commits, unless Settings say
/// selfApprove.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  driftless approve 7b1e-40aa")]
pub struct Arguments {
    /// The digests, as shown
    #[arg(required = true, value_name = "DIGEST")]
    digests: Vec<String>,
}

/// Runs the command.
pub async fn run(arguments: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    reach::act(&Act::Approve { digests: arguments.digests }, "Good for 24 hours.", global, screen).await
}

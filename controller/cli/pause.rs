//! `driftless pause`: leaves one resource alone.

use super::screen::Screen;
use super::{Exit, Global, reach};
use crate::engine::act::Act;
use crate::model::{ResourceId, Span};
use crate::ports::clock::Clock;
use jiff::Timestamp;
use std::str::FromStr;

/// Leaves a resource alone for a while
///
/// Nothing of it is changed until it is resumed, or until a time. It stands as paused in every report.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  driftless pause Droplet/erp --reason 'Jan works on it' --until 2h")]
pub struct Arguments {
    /// The resource, such as Droplet/erp
    #[arg(value_name = "ID")]
    id: ResourceId,
    /// Why, for everybody who wonders
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// How long (2h, 3d), or until when (2026-11-27T08:00:00Z); default: until `driftless resume`
    #[arg(long, value_name = "TIME")]
    until: Option<Until>,
}

/// When something ends: after a length of time, or at a time.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After it.
    After(Span),
    /// At it.
    At(Timestamp),
}

impl Until {
    /// The time that is meant.
    pub fn time(self) -> Timestamp {
        match self {
            Self::After(span) => Clock::System.now().saturating_add(span.signed()).unwrap_or(Timestamp::MAX),
            Self::At(time) => time,
        }
    }
}

impl FromStr for Until {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(span) = text.parse() {
            return Ok(Self::After(span));
        }
        text.parse().map(Self::At).map_err(|_| {
            "write how long, such as 2h or 3d, or a time with its zone, such as 2026-11-27T08:00:00Z".to_owned()
        })
    }
}

/// Runs the command.
pub async fn run(arguments: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let until = arguments.until.map(Until::time);
    reach::act(&Act::Pause { id: arguments.id, reason: arguments.reason, until }, "", global, screen).await
}

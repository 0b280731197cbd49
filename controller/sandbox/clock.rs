//! The simulator's time: the machine's, or one that only moves when told. Nothing here waits.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Tells the simulator where its time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock, moved forward by what `advance` added (milliseconds).
    Real {
        /// Milliseconds added by hand.
        ahead: u64,
    },
    /// A clock that stands still until it is advanced; milliseconds since 1970.
    Manual {
        /// The time that it shows.
        now: u64,
    },
    /// A clock that moves with each request, so that a story takes the same time wherever it is told.
    Ticking {
        /// The time that it shows.
        now: u64,
        /// How far a request moves it, in milliseconds.
        step: u64,
    },
}

impl Clock {
    /// Returns a clock that follows the machine's.
    pub fn real() -> Self {
        Self::Real { ahead: 0 }
    }

    /// Returns a clock that stands at 2026-01-01T00:00:00Z.
    pub fn manual() -> Self {
        Self::Manual { now: 1_767_225_600_000 }
    }

    /// Returns a clock that stands at 2026-01-01T00:00:00Z and moves by `step` with each request.
    pub fn ticking(step: Duration) -> Self {
        Self::Ticking { now: 1_767_225_600_000, step: millis(step) }
    }

    /// Notes that a request came.
    pub(super) fn tick(&mut self) {
        if let Self::Ticking { now, step } = self {
            *now = now.saturating_add(*step);
        }
    }

    /// Moves the clock forward.
    pub(super) fn advance(&mut self, by: Duration) {
        let by = millis(by);
        match self {
            Self::Real { ahead: at } | Self::Manual { now: at } | Self::Ticking { now: at, .. } => {
                *at = at.saturating_add(by)
            }
        }
    }

    /// Returns milliseconds since 1970.
    pub(super) fn now(&self) -> u64 {
        match self {
            Self::Manual { now } | Self::Ticking { now, .. } => *now,
            Self::Real { ahead } => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                millis(since).saturating_add(*ahead)
            }
        }
    }
}

/// Returns whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Writes a time as the API does, to the second.
pub(super) fn stamp(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or(0);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

//! The loop's sign of life: when it was last awake, and since when a cycle goes on. For health checks and the watchdog;
//! nothing is decided from it.

use crate::model::{Attempt, Outcome};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How often the loop says that it lives.
pub const BEAT: Duration = Duration::from_secs(5);
/// A loop that was not awake for so long is stuck: something in it blocks.
const STUCK: Duration = Duration::from_secs(30);
/// A cycle that goes on for so long is stuck: every call in it has a time-out of minutes at most.
const ENDLESS: Duration = Duration::from_secs(2 * 3_600);

/// What is known of the loop's life. Never blocks for longer than it takes to copy it.
#[derive(Debug, Default)]
pub struct Pulse {
    life: Mutex<Life>,
    ends: [AtomicU64; 3],
}

/// How many changes ended how, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Done.
    pub done: u64,
    /// Failed.
    pub failed: u64,
    /// Not tried.
    pub left: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Life {
    awake: Option<Instant>,
    began: Option<Instant>,
    whole: bool,
}

impl Pulse {
    /// The loop is awake.
    pub fn beat(&self) {
        self.life().awake = Some(Instant::now());
    }

    /// A cycle begins.
    pub fn began(&self) {
        self.life().began = Some(Instant::now());
    }

    /// The cycle has ended; whole, where it looked and planned.
    pub fn ended(&self, whole: bool) {
        let mut life = self.life();
        life.began = None;
        life.whole |= whole;
    }

    /// Says what is wrong with the loop; nothing where it lives.
    pub fn trouble(&self) -> Option<String> {
        let life = *self.life();
        let Some(awake) = life.awake else { return Some("the loop has not begun".to_owned()) };
        let (asleep, cycle) = (awake.elapsed(), life.began.map(|began| began.elapsed()));
        if asleep > STUCK {
            return Some(format!("the loop has not been awake for {} s", asleep.as_secs()));
        }
        let cycle = cycle.filter(|cycle| *cycle > ENDLESS)?;
        Some(format!("the cycle under way began {} s ago", cycle.as_secs()))
    }

    /// Says whether a whole cycle has been run since the start.
    pub fn ready(&self) -> bool {
        self.life().whole
    }

    /// Counts how the changes of a run ended.
    pub fn count(&self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let which = match outcome.attempt {
                Attempt::Done => 0,
                Attempt::Failed { .. } => 1,
                Attempt::Left { .. } => 2,
            };
            if let Some(end) = self.ends.get(which) {
                end.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many changes ended how.
    pub fn ends(&self) -> Ends {
        let [done, failed, left] = self.ends.each_ref().map(|end| end.load(Ordering::Relaxed));
        Ends { done, failed, left }
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_sleeps_too_long_or_a_cycle_without_end_is_told() {
        let pulse = Pulse::default();
        assert_eq!(pulse.trouble().as_deref(), Some("the loop has not begun"));
        pulse.beat();
        assert_eq!(pulse.trouble(), None);
        tokio::time::advance(STUCK + BEAT).await;
        assert!(pulse.trouble().is_some_and(|t| t.contains("has not been awake")));
        pulse.began();
        tokio::time::advance(ENDLESS + BEAT).await;
        pulse.beat();
        assert!(pulse.trouble().is_some_and(|t| t.contains("the cycle under way")));
        assert!(!pulse.ready());
        pulse.ended(true);
        assert_eq!((pulse.trouble(), pulse.ready()), (None, true));
    }
}

//! How fast the client may go: DigitalOcean's windows, kept exactly, and its answers, obeyed.
//! It sends nothing and knows nothing of what is sent.
//!
//! **Why not a GCRA** (governor and its kin): a bucket of 250 that refills at 250 a minute
//! lets through its burst and then the refill, nearly 500 in one 60 s window. DigitalOcean
//! counts a sliding window, so we keep the time of each request that is still inside one;
//! 5,000 instants are 80 kB.

use std::collections::VecDeque;
use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::HeaderMap;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::config::Limits;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// Requests that leave 60 s apart may arrive closer together; windows are longer by this much.
const ROAD: Duration = Duration::from_secs(1);
/// Nobody is kept waiting longer than this for one slot; the caller is told when to come again.
const LONGEST: Duration = Duration::from_secs(120);
/// From here on a wait is worth a line in the log.
const WORTH_A_LINE: Duration = Duration::from_secs(5);

/// Which of DigitalOcean's limits a call counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// The token's own limits.
    Common,
    /// The list of SSH keys, which has a limit of its own besides.
    KeyList,
}

/// A wait that would be too long to sit through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TooLong {
    /// How long until a slot is free.
    pub(super) wait: Duration,
    /// Which limit stands in the way.
    pub(super) why: &'static str,
}

/// The budget that all clones of a client share.
///
/// Flow: a call takes a slot, is sent, and tells what its answer's headers said.
/// Guarantees: in no 60 s more than `per_minute`, in no hour more than `per_hour`; slots are
/// given in the order they were asked for. Assumptions: one process per token keeps the
/// windows; others who use it are seen through `ratelimit-remaining` only. A call that is
/// dropped while it waits leaves nothing behind.
pub(super) struct Budget {
    common: Mutex<[Window; 2]>,
    key_list: Mutex<Window>,
    heard: StdMutex<Heard>,
}

#[derive(Default)]
struct Heard {
    in_flight: u64,
    /// What the server said is left, and when its oldest request leaves the window.
    left: Option<(u64, Instant)>,
    /// `retry-after` of the last 429, for all calls and for lists of keys.
    not_before: Option<Instant>,
    keys_not_before: Option<Instant>,
}

/// A slot in use; dropping it says that the call has ended.
pub(super) struct Slot<'a> {
    budget: &'a Budget,
    lane: Lane,
}

impl Budget {
    pub(super) fn new(limits: Limits) -> Self {
        let window = |span, most, name| Window::new(span, most, name);
        Self {
            common: Mutex::new([
                window(MINUTE, limits.per_minute, "the limit of requests a minute"),
                window(HOUR, limits.per_hour, "the limit of requests an hour"),
            ]),
            key_list: Mutex::new(window(MINUTE, limits.key_lists_per_minute, "the limit of SSH key lists a minute")),
            heard: StdMutex::new(Heard::default()),
        }
    }

    /// Waits for a slot, in order.
    pub(super) async fn take(&self, lane: Lane) -> Result<Slot<'_>, TooLong> {
        match lane {
            Lane::Common => self.take_common().await?,
            Lane::KeyList => {
                // Held until the call may really leave, so that the time noted is the time sent.
                let mut keys = self.key_list.lock().await;
                let asked = Instant::now();
                loop {
                    let now = Instant::now();
                    let held = self.heard().keys_not_before.unwrap_or(now);
                    let until = keys.free_at(now).max(held);
                    if until <= now {
                        break;
                    }
                    wait(until, now, asked, keys.name).await?;
                }
                self.take_common().await?;
                keys.note(Instant::now());
            }
        }
        self.heard().in_flight += 1;
        Ok(Slot { budget: self, lane })
    }

    /// What the server said is left, less what was sent since.
    pub(super) fn remaining(&self) -> Option<u64> {
        self.heard().left.map(|(left, _)| left)
    }

    async fn take_common(&self) -> Result<(), TooLong> {
        let asked = Instant::now();
        // tokio's mutex is fair: whoever holds it while sleeping is first in line.
        let mut windows = self.common.lock().await;
        loop {
            let now = Instant::now();
            let (until, why) = windows
                .iter_mut()
                .map(|window| (window.free_at(now), window.name))
                .chain([self.heard().free_at(now)])
                .max_by_key(|(until, _)| *until)
                .unwrap_or((now, ""));
            if until <= now {
                self.heard().spend(now);
                windows.iter_mut().for_each(|window| window.note(now));
                return Ok(());
            }
            wait(until, now, asked, why).await?;
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn wait(until: Instant, now: Instant, asked: Instant, why: &'static str) -> Result<(), TooLong> {
    let wait = until.duration_since(now);
    if wait > LONGEST {
        return Err(TooLong { wait, why });
    }
    if wait >= WORTH_A_LINE {
        tracing::info!(
            seconds = wait.as_secs(),
            waited = now.duration_since(asked).as_secs(),
            "DigitalOcean calls wait for {why}"
        );
    }
    sleep_until(until).await;
    Ok(())
}

impl Slot<'_> {
    /// Obeys what an answer's headers say about the limits. Returns its `retry-after`.
    pub(super) fn heard(&self, status: u16, headers: &HeaderMap) -> Option<Duration> {
        let number = |name: &str| -> Option<u64> { headers.get(name)?.to_str().ok()?.parse().ok() };
        let now = Instant::now();
        let mut heard = self.budget.heard();
        // The key list may report its own small limit, which says nothing of the token's.
        let of_token = self.lane == Lane::Common || number("ratelimit-limit") > Some(250);
        if let (true, Some(left)) = (of_token, number("ratelimit-remaining")) {
            let others = heard.in_flight.saturating_sub(1);
            let reset = number("ratelimit-reset").map_or(Duration::ZERO, until_epoch);
            heard.left = Some((left.saturating_sub(others), now + reset));
        }
        if status != 429 {
            return None;
        }
        let after = number("retry-after").map(|seconds| Duration::from_secs(seconds).min(HOUR));
        if let Some(after) = after {
            let until = now + after;
            let held = match self.lane {
                Lane::Common => &mut heard.not_before,
                Lane::KeyList => &mut heard.keys_not_before,
            };
            *held = Some(held.map_or(until, |held| held.max(until)));
        }
        after
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut heard = self.budget.heard();
        heard.in_flight = heard.in_flight.saturating_sub(1);
    }
}

/// Turns the server's "seconds since 1970" into a wait, bounded in case a clock is wrong.
fn until_epoch(seconds: u64) -> Duration {
    let then = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    then.and_then(|then| then.duration_since(SystemTime::now()).ok()).unwrap_or_default().min(HOUR)
}

impl Heard {
    fn free_at(&self, now: Instant) -> (Instant, &'static str) {
        match (self.not_before, self.left) {
            (Some(until), _) if until > now => (until, "DigitalOcean's retry-after"),
            (_, Some((0, reset))) => (reset, "the token's hourly limit, which other programs use too"),
            _ => (now, ""),
        }
    }

    fn spend(&mut self, now: Instant) {
        self.left = match self.left {
            // At the reset one slot is free for certain; the answer will say how many more.
            Some((0, _)) => Some((0, now + Duration::from_secs(1))),
            Some((left, reset)) => Some((left - 1, reset)),
            None => None,
        };
    }
}

struct Window {
    span: Duration,
    most: Option<usize>,
    name: &'static str,
    sent: VecDeque<Instant>,
}

impl Window {
    fn new(span: Duration, most: Option<usize>, name: &'static str) -> Self {
        Self { span: span + ROAD, most, name, sent: VecDeque::new() }
    }

    fn free_at(&mut self, now: Instant) -> Instant {
        let Some(most) = self.most else { return now };
        while self.sent.front().is_some_and(|sent| *sent + self.span <= now) {
            self.sent.pop_front();
        }
        match self.sent.front() {
            Some(oldest) if self.sent.len() >= most => *oldest + self.span,
            _ => now,
        }
    }

    fn note(&mut self, now: Instant) {
        if self.most.is_some() {
            self.sent.push_back(now);
        }
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;

//! Request limits: sliding windows of a minute and an hour per token, and a stricter one for the list of SSH keys.
//! Only counts and decides.

use std::collections::{HashMap, VecDeque};

use super::call::Problem;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 3_600_000;

/// How many requests a token may make; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests in any 60 seconds.
    pub per_minute: Option<usize>,
    /// Requests in any hour; what the `ratelimit-` headers tell.
    pub per_hour: Option<usize>,
    /// Lists of SSH keys in any 60 seconds.
    pub key_lists_per_minute: Option<usize>,
}

impl Limits {
    /// Returns DigitalOcean's own limits.
    pub fn real() -> Self {
        Self::scaled(1)
    }

    /// Returns DigitalOcean's own limits, each that many times as high.
    pub fn scaled(by: usize) -> Self {
        Self { per_minute: Some(250 * by), per_hour: Some(5000 * by), key_lists_per_minute: Some(10 * by) }
    }

    /// Returns no limits at all; no `ratelimit-` headers are sent then.
    pub fn off() -> Self {
        Self { per_minute: None, per_hour: None, key_lists_per_minute: None }
    }
}

/// What the `ratelimit-` headers of an answer say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) limit: usize,
    pub(super) remaining: usize,
    /// When the oldest counted request expires, in seconds since 1970.
    pub(super) reset: u64,
}

/// The requests that still count, by token.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    seen: HashMap<String, VecDeque<u64>>,
    key_lists: HashMap<String, VecDeque<u64>>,
}

impl Ledger {
    /// Counts a request or refuses it; says in either case where the token stands.
    pub(super) fn admit(
        &mut self,
        limits: &Limits,
        token: &str,
        lists_keys: bool,
        now: u64,
    ) -> (Result<(), Problem>, Option<Standing>) {
        if limits.per_hour.is_none() && limits.per_minute.is_none() {
            return (self.admit_key_list(limits, token, lists_keys, now), None);
        }
        let seen = self.seen.entry(token.to_owned()).or_default();
        expire(seen, now, HOUR);
        let recent = seen.len() - seen.partition_point(|at| *at + MINUTE <= now);
        let spent = limits.per_hour.is_some_and(|limit| seen.len() >= limit);
        let burst = limits.per_minute.filter(|limit| recent >= *limit);
        let verdict = match (spent, burst) {
            (true, _) => Err(Problem::too_many(None)),
            (false, Some(limit)) => {
                let wait = until_free(seen, recent, limit, now);
                Err(Problem::too_many(Some(wait)))
            }
            (false, None) => {
                seen.push_back(now);
                Ok(())
            }
        };
        let standing = self.standing(limits, token, now);
        let verdict = verdict.and_then(|()| self.admit_key_list(limits, token, lists_keys, now));
        (verdict, standing)
    }

    /// Says where a token stands, without counting anything.
    pub(super) fn standing(&self, limits: &Limits, token: &str, now: u64) -> Option<Standing> {
        let limit = limits.per_hour?;
        let seen = self.seen.get(token);
        let oldest = seen.and_then(VecDeque::front);
        Some(Standing {
            limit,
            remaining: limit.saturating_sub(seen.map_or(0, VecDeque::len)),
            reset: oldest.map_or(now, |at| at + HOUR) / 1000,
        })
    }

    fn admit_key_list(&mut self, limits: &Limits, token: &str, lists_keys: bool, now: u64) -> Result<(), Problem> {
        let Some(limit) = limits.key_lists_per_minute.filter(|_| lists_keys) else {
            return Ok(());
        };
        let seen = self.key_lists.entry(token.to_owned()).or_default();
        expire(seen, now, MINUTE);
        if seen.len() >= limit {
            let wait = until_free(seen, seen.len(), limit, now);
            return Err(Problem::too_many(Some(wait)));
        }
        seen.push_back(now);
        Ok(())
    }

    /// Forgets what was counted.
    pub(super) fn clear(&mut self) {
        self.seen.clear();
        self.key_lists.clear();
    }
}

fn expire(seen: &mut VecDeque<u64>, now: u64, window: u64) {
    while seen.front().is_some_and(|at| *at + window <= now) {
        seen.pop_front();
    }
}

/// Seconds until so many of the last minute's requests have expired that another one fits.
fn until_free(seen: &VecDeque<u64>, recent: usize, limit: usize, now: u64) -> u64 {
    let first = seen.len() - recent;
    let at = seen.get(first + recent.saturating_sub(limit));
    let free = at.map_or(now + MINUTE, |at| at + MINUTE);
    free.saturating_sub(now).div_ceil(1000).max(1)
}

//! What was asked of the simulator: counts by method and path, and every mutating call with its outcome.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::pattern::Pattern;

/// So that a simulator that runs for weeks stays small.
const MAX_PATHS: usize = 50_000;
const MAX_MUTATIONS: usize = 20_000;
const MAX_STRUCK: usize = 2_000;

/// The requests since the start, or since they were last forgotten.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Calls {
    /// How many requests there were.
    pub total: u64,
    /// How many by `METHOD /path`, without the query.
    pub by_path: BTreeMap<String, u64>,
    /// Every request that was not a GET, in order; the oldest of more than 20,000 are dropped.
    pub mutations: Vec<Mutation>,
    /// Which requests met which faults, in words, in order; the first 2,000.
    pub struck: Vec<String>,
}

/// A request that was not a GET.
#[derive(Clone, Debug, Serialize)]
pub struct Mutation {
    /// When it was answered, in milliseconds since 1970.
    pub at: u64,
    /// POST, PUT, PATCH or DELETE.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The body, as text where it was not JSON; null where it was empty.
    pub body: Value,
    /// The status of the answer; 0 where the connection was closed before the work.
    pub status: u16,
    /// The request id of the answer.
    pub request_id: String,
    /// Whether the answer was kept from the client.
    pub lost: bool,
}

impl Calls {
    /// Counts the requests that fit a pattern such as `GET /v2/domains/*/records`.
    pub fn count(&self, pattern: &str) -> u64 {
        let Some(pattern) = parse(pattern) else {
            return 0;
        };
        self.by_path
            .iter()
            .filter(|(key, _)| key.split_once(' ').is_some_and(|(method, path)| pattern.matches(method, path, &[])))
            .map(|(_, count)| count)
            .sum()
    }

    pub(super) fn note(&mut self, method: &str, path: &str) {
        self.total += 1;
        let mut key = format!("{method} {path}");
        if self.by_path.len() >= MAX_PATHS && !self.by_path.contains_key(&key) {
            key = format!("{method} (others)");
        }
        *self.by_path.entry(key).or_default() += 1;
    }

    pub(super) fn strike(&mut self, what: String) {
        if self.struck.len() < MAX_STRUCK {
            self.struck.push(what);
        }
    }

    pub(super) fn log(&mut self, mutation: Mutation) {
        if self.mutations.len() >= MAX_MUTATIONS {
            self.mutations.drain(..MAX_MUTATIONS / 10);
        }
        self.mutations.push(mutation);
    }
}

fn parse(text: &str) -> Option<Pattern> {
    let (method, path) = text.split_once(' ')?;
    Pattern::new(method, path.trim())
}

//! What the last cycle found and did, for whoever wants to know: status, pages, tests. Immutable once published.

use crate::insight::Inventory;
use crate::model::{Diagnostic, Estate, Outcome, Plan};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One cycle's result.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// When the cycle began.
    pub at: Timestamp,
    /// Which cycle it is, from 1; 0 before the first.
    pub cycle: u64,
    /// The newest commit, in full hex.
    pub commit: Option<String>,
    /// What is wrong with the newest commit.
    pub diagnostics: Vec<Diagnostic>,
    /// How many files the newest commit was read from.
    pub files: usize,
    /// What git wants: the last valid commit.
    pub estate: Option<Arc<Estate>>,
    /// What was planned.
    pub plan: Option<Arc<Plan>>,
    /// What came of it.
    pub outcomes: Vec<Outcome>,
    /// The plan after a second look; the same as `plan` where nothing was done.
    pub after: Option<Arc<Plan>>,
    /// What exists and whose it is, as the last look saw it.
    pub inventory: Option<Arc<Inventory>>,
    /// What kept the cycle from being whole.
    pub troubles: Vec<Trouble>,
    /// How many cycles in a row left the same to be done.
    pub stuck: u32,
    /// How long the cycle took, in milliseconds.
    pub took_ms: u64,
}

impl Snapshot {
    /// Adds a trouble.
    pub fn trouble(&mut self, trouble: Trouble) {
        self.troubles.push(trouble);
    }
}

/// Something outside any one resource that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Where: `git`, `journal`, `lease`, `report`, `driftless`.
    pub with: String,
    /// What was tried and what came back.
    pub what: String,
    /// What to do.
    pub hint: String,
}

impl Trouble {
    /// Makes one.
    pub fn of(with: &str, what: String, hint: &str) -> Self {
        Self { with: with.to_owned(), what, hint: hint.to_owned() }
    }
}

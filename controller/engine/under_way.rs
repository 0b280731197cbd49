//! What is being done right now, and at which stage it is: for people who wait for a machine to come up. In memory alone:
//! nothing is decided from it, and a start begins with none.

use crate::model::ChangeKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One change that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnderWay {
    /// The change.
    pub change: ChangeKey,
    /// What it is at: its title, or a stage such as `waiting for cloud-init`.
    pub stage: String,
    /// What was seen last of that; may be empty.
    pub detail: String,
    /// Since when the change goes on.
    pub began: Timestamp,
    /// Since when it is at this stage.
    pub since: Timestamp,
    /// For how many seconds it had been at this stage when this was asked for.
    #[serde(default)]
    pub seconds: u64,
}

/// Everything that is under way. Never blocks for longer than it takes to copy it.
#[derive(Debug, Default)]
pub struct Board(Mutex<BTreeMap<ChangeKey, UnderWay>>);

impl Board {
    /// A change begins; it is on the board until what is returned goes.
    pub fn begins(&self, change: &ChangeKey, title: &str, now: Timestamp) -> OnBoard<'_> {
        let entry = UnderWay {
            change: change.clone(),
            stage: title.to_owned(),
            detail: String::new(),
            began: now,
            since: now,
            seconds: 0,
        };
        self.all().insert(change.clone(), entry);
        OnBoard { board: self, change: change.clone() }
    }

    /// A change has come to a stage, or something else was seen of the one that it is at.
    pub fn tells(&self, change: &ChangeKey, stage: &str, detail: &str, now: Timestamp) {
        if let Some(entry) = self.all().get_mut(change) {
            if entry.stage != stage {
                (entry.stage, entry.since) = (stage.to_owned(), now);
            }
            detail.clone_into(&mut entry.detail);
        }
    }

    /// What is under way, the longest first.
    pub fn read(&self, now: Timestamp) -> Vec<UnderWay> {
        let mut all: Vec<UnderWay> = self.all().values().cloned().collect();
        for entry in &mut all {
            entry.seconds = u64::try_from(now.duration_since(entry.since).as_secs()).unwrap_or_default();
        }
        all.sort_by_key(|entry| entry.began);
        all
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<ChangeKey, UnderWay>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a change on the board.
pub struct OnBoard<'a> {
    board: &'a Board,
    change: ChangeKey,
}

impl Drop for OnBoard<'_> {
    fn drop(&mut self) {
        self.board.all().remove(&self.change);
    }
}

//! What happened to each change.

use super::{ChangeKey, Erased, Fault, Planned, ProviderId};
use serde::{Deserialize, Serialize};

/// What a kind's `apply` brings back when the work is done.
#[derive(Clone, Default)]
pub struct Done {
    /// The live object's id, for a create or replace.
    pub provider_id: Option<ProviderId>,
    /// The object as it was read back; none where it is gone or was not read.
    pub state: Option<Erased>,
}

/// How one change ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Attempt {
    /// Done.
    Done,
    /// It did not get done.
    Failed {
        /// What came back.
        fault: Fault,
        /// How often it has been tried.
        attempts: u32,
        /// When it is tried again.
        next: Option<jiff::Timestamp>,
    },
    /// It was not tried: what it waits for, or why the run ended first.
    Left {
        /// Why.
        why: String,
    },
}

/// One change and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The change.
    pub key: ChangeKey,
    /// The change as it was done, with placeholders filled.
    pub change: Planned,
    /// How it ended.
    pub attempt: Attempt,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

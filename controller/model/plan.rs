//! The whole decision as plain data that serialises. Terminal, comment, approval, report and apply share it.

use super::{Cents, ChangeKey, Finding, Patch, Planned, ProviderId, ResourceId, SettingsMode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The `schema` field of a serialised plan. Later versions only add.
pub const SCHEMA: &str = "driftless.plan/v1";

/// What would be done to bring reality to what git says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// `driftless.plan/v1`.
    pub schema: String,
    /// The estate's name.
    pub estate: String,
    /// The estate's uuid.
    pub estate_id: uuid::Uuid,
    /// The commit that it is made for; none for a working directory.
    pub commit: Option<String>,
    /// The time of the look that it is made from.
    pub as_of: Timestamp,
    /// The repo's mode.
    pub mode: SettingsMode,
    /// Every change in the order of the work, held and waiting ones included.
    pub changes: Vec<Planned>,
    /// What a reader should know besides.
    pub findings: Vec<Finding>,
    /// How many documents there are.
    pub resources: usize,
    /// How many of them are in sync.
    pub in_sync: usize,
    /// How many of them are paused.
    pub paused: usize,
    /// How many could not be seen.
    pub unknown: usize,
    /// Live objects that nobody claims.
    pub unowned: Vec<Unowned>,
    /// A month's price of what is owned now and of what it would be.
    pub monthly: Monthly,
    /// API calls and hosts that the look took.
    pub looked: Looked,
    /// When time alone would change the answer.
    pub next_due: Option<Timestamp>,
    /// Why nothing of it is done, where the estate is frozen; filled by the engine, which knows every way to freeze.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<String>,
    /// What to remember whether or not anything is applied: claims of what is in sync, fingerprints, policies.
    pub remember: Vec<Patch>,
}

/// A live object that nobody claims.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unowned {
    /// What kind it would be.
    pub kind: String,
    /// The provider's id.
    pub provider_id: ProviderId,
    /// The name that the provider shows.
    pub name: String,
}

/// A month's price before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Monthly {
    /// Now.
    pub before: Cents,
    /// With every change done, held ones excepted.
    pub after: Cents,
}

/// What the look took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Looked {
    /// API calls.
    pub calls: u64,
    /// Hosts reached.
    pub hosts: u32,
    /// Milliseconds.
    pub took_ms: u64,
}

impl Plan {
    /// Finds a change by its key.
    pub fn change(&self, key: &ChangeKey) -> Option<&Planned> {
        self.changes.iter().find(|c| &c.key == key)
    }
    /// Says whether there is nothing to do, hold or report.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
    /// The changes that may be done now.
    pub fn going(&self) -> impl Iterator<Item = &Planned> {
        self.changes.iter().filter(|c| c.goes())
    }
    /// The changes that wait for an approval.
    pub fn held(&self) -> impl Iterator<Item = &Planned> {
        self.changes.iter().filter(|c| c.hold().is_some())
    }
    /// The ids that have at least one change.
    pub fn touched(&self) -> std::collections::BTreeSet<&ResourceId> {
        self.changes.iter().map(|c| &c.key.id).collect()
    }
}

//! `status.json`: the report as data, with its published schema. Later versions only add.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The `schema` field of a report.
pub const SCHEMA: &str = "driftless.status/v1";

/// How an estate stands. It changes only when something changes that a reader cares about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusJson {
    /// driftless.status/v1.
    pub schema: String,
    /// The estate's name.
    pub estate: String,
    /// The estate's uuid.
    pub estate_id: Option<String>,
    /// The watched branch.
    pub branch: String,
    /// The commit that is desired, in full.
    pub commit: Option<String>,
    /// Whether all is well.
    pub state: State,
    /// The same in one line.
    pub summary: String,
    /// How many resources there are of each standing.
    pub counts: Counts,
    /// What is in sync, by kind; empty where that is not known.
    pub in_sync: BTreeMap<String, usize>,
    /// A month's price of what is owned, in US cents.
    pub monthly_cents: i64,
    /// Why the newest commit is not the desired one, or nothing is done at all.
    pub trouble: Option<TroubleJson>,
    /// What is not well, the most urgent first.
    pub concerns: Vec<Concern>,
    /// What reality says against git, and what was put back lately, newest first.
    pub drift: Vec<Drift>,
    /// What happened last; it stays until something else happens.
    pub recent: Vec<Event>,
    /// Live objects that no document claims, as kind and name.
    pub unowned: Vec<Stranger>,
}

/// Whether all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Everything is as git says.
    Well,
    /// Something differs or waits, and needs nobody.
    Working,
    /// Somebody has to act.
    Attention,
}

/// How many there are of each standing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Documents.
    pub resources: usize,
    /// Those that are as git says.
    pub in_sync: usize,
    /// Those that are paused.
    pub paused: usize,
    /// Those that could not be seen.
    pub unknown: usize,
}

/// Why the newest commit is not the desired one, or nothing is done at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TroubleJson {
    /// Which of them it is.
    pub is: TroubleKind,
    /// The newest commit, where it is known; none where the repository cannot be fetched.
    pub commit: Option<String>,
    /// How many errors its files have.
    pub errors: usize,
    /// How many files were read.
    pub files: usize,
    /// The errors or the refusal, word for word.
    pub text: String,
    /// Since when.
    #[schemars(with = "String")]
    pub since: Timestamp,
}

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TroubleKind {
    /// The newest commit's files have errors.
    Invalid,
    /// The repository cannot be fetched.
    Unreachable,
    /// The controller cannot work.
    Halted,
}

/// One thing that is not well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Concern {
    /// The resource, as Kind/name; none for the estate.
    pub id: Option<String>,
    /// The part of it, such as the record set `erp A`.
    pub part: Option<String>,
    /// How it stands.
    pub is: ConcernKind,
    /// What would be done, or which rule speaks.
    pub what: String,
    /// Why it is so, or the exact error.
    pub why: String,
    /// What to do.
    pub todo: String,
    /// What `driftless approve` takes, for what is held.
    pub approve: Option<String>,
    /// Since when.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
}

/// How a thing that is not well stands; the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ConcernKind {
    /// Nothing is written at all.
    Frozen,
    /// It failed.
    Failing,
    /// It waits for an approval.
    Held,
    /// It cannot be brought in sync until somebody acts.
    Problem,
    /// It could not be looked at.
    Unknown,
    /// Reality was changed by hand, and is left so.
    Drifted,
    /// It differs, and the mode says to report only.
    Observed,
    /// It comes after something else.
    Waiting,
    /// It is done in the next run.
    Pending,
    /// It is paused by hand.
    Paused,
}

/// What reality says against git.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The resource.
    pub id: String,
    /// The part of it.
    pub part: Option<String>,
    /// Field by field.
    pub fields: Vec<DriftField>,
    /// What was done about it, in words: `put back`, `reported only`, `held`.
    pub done: String,
    /// Whether reality is as git says again.
    pub over: bool,
    /// When it was put back, or since when it is so.
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
}

/// One field in which reality and git differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftField {
    /// The field as the document names it.
    pub path: String,
    /// What git says and reality does not.
    pub git: Vec<String>,
    /// What reality says and git does not.
    pub reality: Vec<String>,
    /// How many members of a set both have.
    pub same: usize,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When it was noticed.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The resource or commit it is about.
    pub about: String,
    /// What happened.
    pub what: String,
}

/// A live object that no document claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stranger {
    /// What kind it would be.
    pub kind: String,
    /// The name that the provider shows.
    pub name: String,
    /// The provider's id.
    pub provider_id: String,
}

/// The JSON Schema of `status.json`, to publish.
pub fn status_schema() -> serde_json::Value {
    schemars::schema_for!(StatusJson).to_value()
}

//! One change of a plan as plain data. There are no closures in it and no decisions left for later.

use super::{Cents, ChangeKey, Digest, Output, Place, ProviderId, ResourceId, Scope, Way};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A change with its step erased to JSON: what a plan holds.
pub type Planned = Change<Value>;

/// One change: what, why, how risky, at what price, after what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change<S> {
    /// Id, part and verb.
    pub key: ChangeKey,
    /// The live object it acts on; none for a create.
    pub provider_id: Option<ProviderId>,
    /// The generation that the object has, or gets by a create or replace.
    pub generation: u32,
    /// The collection in which deletions are counted: a kind, a zone, a host.
    pub scope: Scope,
    /// What is done, in a few words: `resize, 1–2 min off`.
    pub title: String,
    /// What can go wrong or be lost.
    pub risk: Risk,
    /// Field by field.
    pub fields: Vec<FieldChange>,
    /// A month's price before and after, where it has one.
    pub cost: Option<Cost>,
    /// Why there is a change at all.
    pub cause: Cause,
    /// Changes that must be done before this one.
    pub after: Vec<ChangeKey>,
    /// The work, or what it waits for.
    pub step: Step<S>,
    /// Whether it may go on.
    pub standing: Standing,
    /// Where the document says so.
    pub place: Option<Place>,
    /// Fingerprints, to remember once it is done, of fields that can be written and not read.
    pub wrote: Vec<(String, Digest)>,
    /// The fingerprint of the wanted part, remembered once it is done; filled by the planner.
    pub settles: Option<Digest>,
    /// Names this change for an approval: ids, parts, verbs, provider id, old and new values; no time, no price, no commit.
    pub digest: Digest,
    /// Whose ways in and out it alters: the planner holds what would cut off the controller, the engine reaches the rest anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<Way>,
    /// The work that takes it back, for a change of ways by which somebody is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<S>,
    /// The whole name that leads elsewhere afterwards: what serves it there comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leads: Option<String>,
}

/// A month's price before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// What is paid now.
    pub before: Cents,
    /// What will be paid.
    pub after: Cents,
}

/// What can go wrong or be lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "why")]
pub enum Risk {
    /// Nothing that a reader must stop for.
    #[default]
    None,
    /// It is away for a while: how long, and what.
    Downtime(String),
    /// Data or an address is lost for good: what.
    Destroys(String),
    /// More of the world gets in: what.
    Exposes(String),
    /// A protection goes: what.
    Unprotects(String),
    /// Something outside git's knowledge would be changed: adoption of what differs.
    TakesOver(String),
}

impl Risk {
    /// Says whether somebody has to approve, and why.
    pub fn needs_approval(&self) -> Option<&str> {
        match self {
            Self::None | Self::Downtime(_) => None,
            Self::Destroys(why) | Self::Exposes(why) | Self::Unprotects(why) | Self::TakesOver(why) => Some(why),
        }
    }
    /// The words for people; empty for none.
    pub fn why(&self) -> &str {
        match self {
            Self::None => "",
            Self::Downtime(why)
            | Self::Destroys(why)
            | Self::Exposes(why)
            | Self::Unprotects(why)
            | Self::TakesOver(why) => why,
        }
    }
}

/// One field's old and new value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// The field as the document names it: `size`, `inbound`, `value`.
    pub path: String,
    /// What reality says.
    pub from: Shown,
    /// What git says.
    pub to: Shown,
}

impl FieldChange {
    /// A change of one field.
    pub fn new(path: impl Into<String>, from: Shown, to: Shown) -> Self {
        Self { path: path.into(), from, to }
    }
}

/// A value as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shown {
    /// There is none.
    Nothing,
    /// One value.
    Text(String),
    /// A set of values, sorted; shown as what comes and what goes.
    Set(Vec<String>),
    /// Known once another resource exists.
    Pending {
        /// Whose.
        of: ResourceId,
        /// What of it.
        output: Output,
    },
    /// A set of which some members are not known yet.
    Mixed(Vec<Shown>),
    /// A secret: shown by name only.
    Secret(String),
}

impl Shown {
    /// One value.
    pub fn text(value: impl ToString) -> Self {
        Self::Text(value.to_string())
    }
    /// A set, sorted here.
    pub fn set(values: impl IntoIterator<Item = String>) -> Self {
        let mut values: Vec<String> = values.into_iter().collect();
        values.sort();
        Self::Set(values)
    }
}

/// Why there is a change at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The document is new or says something new.
    Document,
    /// Somebody or something changed reality; the document is as it was.
    Drift,
    /// A live object is taken over.
    Adoption,
    /// The document has gone.
    Removal,
    /// An earlier change was interrupted and goes on.
    Recovery,
}

/// The work of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step<S> {
    /// Everything is known; this is what the kind's `apply` gets.
    Ready(S),
    /// An input is not known yet.
    Waits {
        /// The resources whose outputs are missing.
        on: Vec<ResourceId>,
        /// The same in words: `address of Droplet/erp`.
        why: String,
    },
}

/// Whether a change may go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is", content = "because")]
pub enum Standing {
    /// Nothing is in its way.
    #[default]
    Go,
    /// Somebody has to approve it.
    Held(Hold),
    /// The mode is observe: it is reported, not done.
    Observed,
    /// It comes after something that is held, paused, failed or not known: which, in words.
    Blocked(String),
    /// It failed before and is tried again at this time.
    Backoff(jiff::Timestamp),
    /// Every sync window is shut: until when, in words such as `until Mon 08:00 Asia/Manila`.
    Closed(String),
}

/// Why a change is held, and by what name it is released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Every reason; at least one.
    pub reasons: Vec<HoldReason>,
    /// What `driftless approve` takes: this change's digest, or that of the replacement it belongs to.
    pub digest: Digest,
}

/// One reason to hold a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldReason {
    /// A stable word for the rule, such as `destroys-data`, `protected`, `delete-limit`.
    pub rule: String,
    /// Why, with names and numbers.
    pub text: String,
}

impl<S> Change<S> {
    /// Says whether it is to be done now, as far as standing goes.
    pub fn goes(&self) -> bool {
        self.standing == Standing::Go
    }
    /// The hold, where there is one.
    pub fn hold(&self) -> Option<&Hold> {
        match &self.standing {
            Standing::Held(hold) => Some(hold),
            _ => None,
        }
    }
    /// The same change with another step.
    pub fn map<T>(self, f: impl Fn(S) -> T) -> Change<T> {
        Change {
            key: self.key,
            provider_id: self.provider_id,
            generation: self.generation,
            scope: self.scope,
            title: self.title,
            risk: self.risk,
            fields: self.fields,
            cost: self.cost,
            cause: self.cause,
            after: self.after,
            step: match self.step {
                Step::Ready(step) => Step::Ready(f(step)),
                Step::Waits { on, why } => Step::Waits { on, why },
            },
            standing: self.standing,
            place: self.place,
            wrote: self.wrote,
            settles: self.settles,
            digest: self.digest,
            ways: self.ways,
            undo: self.undo.map(f),
            leads: self.leads,
        }
    }
}

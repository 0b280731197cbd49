//! What must not be forgotten between looks. A synchronous state that takes patches; the store writes the same
//! patches down, so that journal, ledger and memory cannot disagree.

use super::{ChangeKey, Digest, Key, Led, Pin, Policy, ProviderId, ResourceId, Scope};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything remembered, rebuilt from the journal at start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// The estate's uuid, pinned at first contact.
    pub estate: Option<uuid::Uuid>,
    /// The account's team, pinned at first contact: another team's token makes everything unknown, not absent.
    pub team: Option<String>,
    /// What is owned, by document.
    pub owned: BTreeMap<ResourceId, Owned>,
    /// Work that was begun and not seen to end.
    pub intents: BTreeMap<ChangeKey, Intent>,
    /// Pauses made by hand.
    pub pauses: BTreeMap<ResourceId, Pause>,
    /// Approvals not yet used.
    pub approvals: BTreeMap<Digest, Approval>,
    /// Deletions of the last 24 hours, oldest first.
    pub deletions: Vec<Deletion>,
    /// Changes that failed, and when they are tried again.
    pub failures: BTreeMap<ChangeKey, Failure>,
    /// Since when each thing that is not well has been so; keyed by the change or finding in words.
    pub since: BTreeMap<String, Timestamp>,
    /// Somebody's word that nothing is to be written to the world.
    #[serde(default)]
    pub frozen: Option<Freeze>,
    /// The number of the last ledger that was written or taken in; 0 before the first.
    pub serial: u64,
    /// What was found again after the journal was lost: nobody has said since that it may be deleted or replaced.
    pub found: BTreeSet<ResourceId>,
    /// The journal was lost without a ledger, and what it owned has not been seen whole since.
    pub lost: bool,
    /// The limits of Settings last applied: a commit that loosens them is judged by these.
    #[serde(default)]
    pub limits: Option<Limits>,
    /// The keys that hosts are believed to have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pins: BTreeMap<ResourceId, Pin>,
    /// When drift was put back within the last hour, oldest first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub put_back: BTreeMap<ChangeKey, Vec<PutBack>>,
    /// What moved, or is about to, and where its names lead.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub led: BTreeMap<ResourceId, Led>,
}

/// Limits of the repo's Settings that a commit must not loosen for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// How many deletions a day go without an approval.
    pub prune: super::Prune,
    /// Who may approve; none where Settings name nobody in particular.
    pub approvers: Option<BTreeSet<String>>,
    /// Whether an author may approve.
    pub self_approve: bool,
}

/// One time that drift was put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutBack {
    /// When.
    pub at: Timestamp,
    /// The digest of the change: from what to what.
    pub digest: Digest,
}

/// One owned object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owned {
    /// The live object.
    pub provider_id: ProviderId,
    /// Where it lives.
    pub scope: Scope,
    /// 1, and one more with each replacement.
    pub generation: u32,
    /// The policy last applied: it binds when the document has gone.
    pub policy: Policy,
    /// The references last applied, for the order of deletions.
    pub needs: BTreeSet<ResourceId>,
    /// Owned parts (record sets; `""` for the whole) with the fingerprint of what was wanted when they were last in sync.
    pub parts: BTreeMap<String, Digest>,
    /// Fingerprints of fields that can be written and not read (image, userData, sshKeys), as last sent. Empty for adopted objects.
    pub wrote: BTreeMap<String, Digest>,
    /// Former generations that are still to be removed, and by which approval.
    pub retiring: Vec<Retiring>,
    /// The file that declared it, for reports after it has gone.
    pub file: String,
    /// Since when it is stopped because its document went (`onRemove: stop`): the soak counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Timestamp>,
}

/// A former generation on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retiring {
    /// The live object.
    pub provider_id: ProviderId,
    /// Its generation.
    pub generation: u32,
    /// Where it lives, where that is not where its successor does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

/// Work that was begun: written before the first call, removed after the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// The change.
    pub key: ChangeKey,
    /// Where its effect would be seen.
    pub scope: Scope,
    /// How the world would know it; empty for work on an object that exists.
    pub keys: Vec<Key>,
    /// The ids seen in that scope before, so that a new one stands out.
    pub before: BTreeSet<ProviderId>,
    /// The object worked on, or created, where known.
    pub provider_id: Option<ProviderId>,
    /// The generation being made.
    pub generation: u32,
    /// Where staged work stands: `powered-off`. Recovery undoes only what this says.
    pub stage: Option<String>,
    /// When it was begun.
    pub opened: Timestamp,
    /// Whether a call ended without an answer; then only looking settles it.
    pub unclear: bool,
    /// What to remember of the object once it is found: see `Owned.wrote`.
    pub wrote: BTreeMap<String, Digest>,
    /// The fingerprint of what is wanted of a part, where it works on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settles: Option<Digest>,
    /// How far it has come.
    #[serde(default, skip_serializing_if = "Reached::is_begun")]
    pub reached: Reached,
}

/// How far begun work has come. Work on parts stays open for a while after its last answer, since only a list shows what
/// it wrote, and lists lag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reached {
    /// Not all of its calls are known to have been answered.
    #[default]
    Begun,
    /// All were answered.
    Answered,
    /// A look has shown what it wrote.
    Shown,
}

impl Reached {
    /// Says whether it may have been interrupted.
    pub fn is_begun(&self) -> bool {
        *self == Self::Begun
    }
}

/// How the stage of an intent begins that holds hosts to be reached anew after a change.
pub const REACHING: &str = "reaching ";

impl Intent {
    /// Says whether hosts are to be reached anew for it: whoever reached them closes it, and nothing else does.
    pub fn is_reaching(&self) -> bool {
        self.stage.as_deref().is_some_and(|stage| stage.starts_with(REACHING))
    }
}

/// A pause made by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Why.
    pub reason: String,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

/// Somebody's word that nothing is to be written to the world for now; looking goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Who gave it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

/// Somebody's word that one held change may be done: used once, good for 24 h.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A deletion that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// When.
    pub at: Timestamp,
    /// Where it counts.
    pub scope: Scope,
    /// What.
    pub key: ChangeKey,
}

/// A change that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The change's digest: other content is tried at once.
    pub digest: Digest,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again; none: not before its content changes, or `driftless retry`.
    pub next: Option<Timestamp>,
    /// The last fault.
    pub fault: super::Fault,
    /// Since when it fails.
    pub since: Timestamp,
    /// What was wanted, where that itself is no good: no change that wants the same is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfit: Option<Digest>,
}

impl Failure {
    /// How often it was tried, in words: `once`, `3 times`.
    pub fn often(&self) -> String {
        match self.attempts {
            1 => "once".to_owned(),
            n => format!("{n} times"),
        }
    }
}

/// One step of memory. Applied in order; the store keeps the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Patch {
    /// Pins the estate.
    Estate(uuid::Uuid),
    /// Pins the team.
    Team(String),
    /// Remembers an owned object as it is now, whole.
    Own(ResourceId, Owned),
    /// Forgets an object that is gone or let go.
    Forget(ResourceId),
    /// Remembers that a part is owned and in sync with this fingerprint.
    Part(ResourceId, String, Digest),
    /// Forgets a part.
    PartGone(ResourceId, String),
    /// Remembers that a document `old` is now called `new`.
    Rename(ResourceId, ResourceId),
    /// Opens or updates an intent.
    Intend(Intent),
    /// Closes an intent.
    Settle(ChangeKey),
    /// Pauses by hand.
    Pause(ResourceId, Pause),
    /// Ends a pause.
    Resume(ResourceId),
    /// Records an approval.
    Approve(Digest, Approval),
    /// Uses an approval up.
    Spend(Digest),
    /// Counts a deletion.
    Deleted(Deletion),
    /// Forgets deletions before this time.
    DeletionsBefore(Timestamp),
    /// Remembers a failure.
    Fail(ChangeKey, Failure),
    /// Forgets a failure.
    Heal(ChangeKey),
    /// Remembers since when something is so.
    Since(String, Timestamp),
    /// Forgets it.
    Over(String),
    /// Stops all writes to the world.
    Freeze(Freeze),
    /// Lets them go on.
    Thaw,
    /// Remembers the number of a ledger.
    Serial(u64),
    /// Remembers that an object was found again.
    Found(ResourceId),
    /// Somebody approved what deletes or replaces it: it is known again.
    Known(ResourceId),
    /// Remembers that the journal was lost, or that all has been seen since.
    Lost(bool),
    /// Remembers the limits last applied.
    Limits(Limits),
    /// Believes that a host has this key.
    Pin(ResourceId, Pin),
    /// Counts that drift was put back.
    PutBack(ChangeKey, PutBack),
    /// Forgets how often it was.
    Calm(ChangeKey),
    /// Forgets what was put back before this time.
    PutBackBefore(Timestamp),
    /// Remembers where the names of what moves lead.
    Led(ResourceId, Led),
    /// Forgets it: the move is over.
    Arrived(ResourceId),
}

impl Memory {
    /// Applies one patch.
    pub fn apply(&mut self, patch: &Patch) {
        match patch.clone() {
            Patch::Estate(uuid) => self.estate = Some(uuid),
            Patch::Team(team) => self.team = Some(team),
            Patch::Own(id, owned) => {
                self.owned.insert(id, owned);
            }
            Patch::Forget(id) => {
                self.owned.remove(&id);
                self.found.remove(&id);
            }
            Patch::Part(id, part, digest) => {
                if let Some(owned) = self.owned.get_mut(&id) {
                    owned.parts.insert(part, digest);
                }
            }
            Patch::PartGone(id, part) => {
                if let Some(owned) = self.owned.get_mut(&id) {
                    owned.parts.remove(&part);
                }
            }
            Patch::Rename(old, new) => {
                if self.found.remove(&old) {
                    self.found.insert(new.clone());
                }
                if let Some(pin) = self.pins.remove(&old) {
                    self.pins.insert(new.clone(), pin);
                }
                if let Some(led) = self.led.remove(&old) {
                    self.led.insert(new.clone(), led);
                }
                if let Some(owned) = self.owned.remove(&old) {
                    self.owned.insert(new, owned);
                }
            }
            Patch::Intend(intent) => {
                self.intents.insert(intent.key.clone(), intent);
            }
            Patch::Settle(key) => {
                self.intents.remove(&key);
            }
            other => self.apply_care(other),
        }
    }

    fn apply_care(&mut self, patch: Patch) {
        match patch {
            Patch::Pause(id, pause) => {
                self.pauses.insert(id, pause);
            }
            Patch::Resume(id) => {
                self.pauses.remove(&id);
            }
            Patch::Approve(digest, approval) => {
                self.approvals.insert(digest, approval);
            }
            Patch::Spend(digest) => {
                self.approvals.remove(&digest);
            }
            Patch::Deleted(deletion) => self.deletions.push(deletion),
            Patch::DeletionsBefore(time) => self.deletions.retain(|d| d.at >= time),
            Patch::Fail(key, failure) => {
                self.failures.insert(key, failure);
            }
            Patch::Heal(key) => {
                self.failures.remove(&key);
            }
            Patch::Since(what, when) => {
                self.since.entry(what).or_insert(when);
            }
            Patch::Over(what) => {
                self.since.remove(&what);
            }
            Patch::Freeze(freeze) => self.frozen = Some(freeze),
            Patch::Thaw => self.frozen = None,
            Patch::Serial(serial) => self.serial = serial,
            Patch::Found(id) => {
                self.found.insert(id);
            }
            Patch::Known(id) => {
                self.found.remove(&id);
            }
            Patch::Lost(lost) => self.lost = lost,
            Patch::Limits(limits) => self.limits = Some(limits),
            Patch::PutBack(key, done) => self.put_back.entry(key).or_default().push(done),
            Patch::Calm(key) => drop(self.put_back.remove(&key)),
            Patch::PutBackBefore(time) => self.put_back.retain(|_, all| {
                all.retain(|done| done.at >= time);
                !all.is_empty()
            }),
            Patch::Pin(id, pin) => {
                self.pins.insert(id, pin);
            }
            Patch::Led(id, led) => {
                self.led.insert(id, led);
            }
            Patch::Arrived(id) => {
                self.led.remove(&id);
            }
            _ => {}
        }
    }
}

//! How Memory lies in tables: which row holds which entry, and which rows a patch touches. Owns no rule of its own
//! about what a patch does: `Memory::apply` alone knows that.

use crate::model::{ChangeKey, Digest, Memory, Patch, ResourceId};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// The tables that hold one JSON value a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    Meta,
    Owned,
    Intents,
    Pauses,
    Approvals,
    Failures,
    Since,
}

impl Table {
    pub(super) const ALL: [Table; 7] =
        [Self::Meta, Self::Owned, Self::Intents, Self::Pauses, Self::Approvals, Self::Failures, Self::Since];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Owned => "owned",
            Self::Intents => "intents",
            Self::Pauses => "pauses",
            Self::Approvals => "approvals",
            Self::Failures => "failures",
            Self::Since => "since",
        }
    }
}

/// One entry of Memory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Row {
    Estate,
    Team,
    Owned(ResourceId),
    Intent(ChangeKey),
    Pause(ResourceId),
    Approval(Digest),
    Failure(ChangeKey),
    Since(String),
    Frozen,
    Serial,
    Found,
    Lost,
    Limits,
    Pins,
    PutBack,
    Led,
}

impl Row {
    pub(super) fn table(&self) -> Table {
        match self {
            Self::Estate
            | Self::Team
            | Self::Frozen
            | Self::Serial
            | Self::Found
            | Self::Lost
            | Self::Limits
            | Self::Pins
            | Self::PutBack
            | Self::Led => Table::Meta,
            Self::Owned(_) => Table::Owned,
            Self::Intent(_) => Table::Intents,
            Self::Pause(_) => Table::Pauses,
            Self::Approval(_) => Table::Approvals,
            Self::Failure(_) => Table::Failures,
            Self::Since(_) => Table::Since,
        }
    }

    /// The text that the row is found by.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Estate => "estate".to_owned(),
            Self::Team => "team".to_owned(),
            Self::Owned(id) | Self::Pause(id) => id.to_string(),
            Self::Intent(key) | Self::Failure(key) => key.to_string(),
            Self::Approval(digest) => digest.to_string(),
            Self::Since(what) => what.clone(),
            Self::Frozen => "frozen".to_owned(),
            Self::Serial => "serial".to_owned(),
            Self::Found => "found".to_owned(),
            Self::Lost => "lost".to_owned(),
            Self::Limits => "limits".to_owned(),
            Self::Pins => "pins".to_owned(),
            Self::PutBack => "put-back".to_owned(),
            Self::Led => "led".to_owned(),
        }
    }

    /// What Memory holds there; none where it holds nothing.
    pub(super) fn json(&self, memory: &Memory) -> Option<serde_json::Result<String>> {
        match self {
            Self::Estate => memory.estate.as_ref().map(serde_json::to_string),
            Self::Team => memory.team.as_ref().map(serde_json::to_string),
            Self::Owned(id) => memory.owned.get(id).map(serde_json::to_string),
            Self::Intent(key) => memory.intents.get(key).map(serde_json::to_string),
            Self::Pause(id) => memory.pauses.get(id).map(serde_json::to_string),
            Self::Approval(digest) => memory.approvals.get(digest).map(serde_json::to_string),
            Self::Failure(key) => memory.failures.get(key).map(serde_json::to_string),
            Self::Since(what) => memory.since.get(what).map(serde_json::to_string),
            Self::Frozen => memory.frozen.as_ref().map(serde_json::to_string),
            Self::Serial => (memory.serial > 0).then(|| serde_json::to_string(&memory.serial)),
            Self::Found => (!memory.found.is_empty()).then(|| serde_json::to_string(&memory.found)),
            Self::Lost => memory.lost.then(|| serde_json::to_string(&true)),
            Self::Limits => memory.limits.as_ref().map(serde_json::to_string),
            Self::Pins => (!memory.pins.is_empty()).then(|| serde_json::to_string(&memory.pins)),
            Self::PutBack => (!memory.put_back.is_empty()).then(|| serde_json::to_string(&memory.put_back)),
            Self::Led => (!memory.led.is_empty()).then(|| serde_json::to_string(&memory.led)),
        }
    }
}

/// Puts a row that was read into Memory; the error says what does not fit.
pub(super) fn put(memory: &mut Memory, table: Table, key: &str, json: &str) -> Result<(), String> {
    let id = || key.parse::<ResourceId>().map_err(|e| e.to_string());
    let change = || key.parse::<ChangeKey>().map_err(|e| e.to_string());
    match (table, key) {
        (Table::Meta, "estate") => memory.estate = Some(value(json)?),
        (Table::Meta, "team") => memory.team = Some(value(json)?),
        (Table::Meta, "frozen") => memory.frozen = Some(value(json)?),
        (Table::Meta, "serial") => memory.serial = value(json)?,
        (Table::Meta, "found") => memory.found = value(json)?,
        (Table::Meta, "lost") => memory.lost = value(json)?,
        (Table::Meta, "limits") => memory.limits = Some(value(json)?),
        (Table::Meta, "pins") => memory.pins = value(json)?,
        (Table::Meta, "put-back") => memory.put_back = value(json)?,
        (Table::Meta, "led") => memory.led = value(json)?,
        // What a later program keeps here is not for this one to judge; it stays.
        (Table::Meta, _) => {}
        (Table::Owned, _) => drop(memory.owned.insert(id()?, value(json)?)),
        (Table::Intents, _) => drop(memory.intents.insert(change()?, value(json)?)),
        (Table::Pauses, _) => drop(memory.pauses.insert(id()?, value(json)?)),
        (Table::Approvals, _) => {
            let digest = serde_json::from_value(serde_json::Value::from(key)).map_err(|e| e.to_string())?;
            memory.approvals.insert(digest, value(json)?);
        }
        (Table::Failures, _) => drop(memory.failures.insert(change()?, value(json)?)),
        (Table::Since, _) => drop(memory.since.insert(key.to_owned(), value(json)?)),
    }
    Ok(())
}

fn value<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|e| e.to_string())
}

/// The rows that some patches touch.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Those that may differ afterwards.
    pub(super) written: BTreeSet<Row>,
    /// Those among them whose former content decides what comes out.
    pub(super) read: BTreeSet<Row>,
    /// Deletions before this time go.
    pub(super) deletions_before: Option<jiff::Timestamp>,
}

impl Touched {
    pub(super) fn by(patches: &[Patch]) -> Self {
        let mut touched = Self::default();
        for patch in patches {
            touched.add(patch);
        }
        touched
    }

    fn add(&mut self, patch: &Patch) {
        match patch {
            Patch::Estate(_) => self.whole(Row::Estate),
            Patch::Team(_) => self.whole(Row::Team),
            Patch::Own(id, _) => self.whole(Row::Owned(id.clone())),
            Patch::Forget(id) => {
                self.whole(Row::Owned(id.clone()));
                self.inside(Row::Found);
            }
            Patch::Part(id, ..) | Patch::PartGone(id, _) => self.inside(Row::Owned(id.clone())),
            Patch::Rename(old, new) => {
                self.inside(Row::Owned(old.clone()));
                self.inside(Row::Owned(new.clone()));
                self.inside(Row::Found);
                self.inside(Row::Pins);
                self.inside(Row::Led);
            }
            Patch::Intend(intent) => self.whole(Row::Intent(intent.key.clone())),
            Patch::Settle(key) => self.whole(Row::Intent(key.clone())),
            Patch::Pause(id, _) | Patch::Resume(id) => self.whole(Row::Pause(id.clone())),
            Patch::Approve(digest, _) | Patch::Spend(digest) => self.whole(Row::Approval(digest.clone())),
            Patch::Fail(key, _) | Patch::Heal(key) => self.whole(Row::Failure(key.clone())),
            Patch::Since(what, _) => self.inside(Row::Since(what.clone())),
            Patch::Over(what) => self.whole(Row::Since(what.clone())),
            Patch::Freeze(_) | Patch::Thaw => self.whole(Row::Frozen),
            Patch::Serial(_) => self.whole(Row::Serial),
            Patch::Found(_) | Patch::Known(_) => self.inside(Row::Found),
            Patch::Lost(_) => self.whole(Row::Lost),
            Patch::Limits(_) => self.whole(Row::Limits),
            Patch::Pin(..) => self.inside(Row::Pins),
            Patch::PutBack(..) | Patch::Calm(_) | Patch::PutBackBefore(_) => self.inside(Row::PutBack),
            Patch::Led(..) | Patch::Arrived(_) => self.inside(Row::Led),
            Patch::Deleted(_) => {}
            Patch::DeletionsBefore(time) => self.deletions_before = self.deletions_before.max(Some(*time)),
        }
    }

    /// A row that is replaced or removed, whatever it held.
    fn whole(&mut self, row: Row) {
        self.written.insert(row);
    }

    /// A row of which a part is changed, or that is changed only if it is (or is not) there.
    fn inside(&mut self, row: Row) {
        self.read.insert(row.clone());
        self.written.insert(row);
    }
}

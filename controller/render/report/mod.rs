//! The files on the report branch: STATUS.md, DRIFT.md, INVENTORY.md, status.json, and the subject of their commit.
//!
//! Their bytes change only when something changes that a reader cares about: no time of the look, no duration, no count
//! of attempts. What happened stays told until something else happens. So a commit is due exactly when the bytes differ.

mod drift;
mod facts;
mod news;
mod status;
mod status_json;
mod steady;
mod subject;

use crate::insight::Inventory;
use crate::model::finding::Weight;
use crate::model::{Attempt, Diagnostic, Finding, Memory, Outcome, Plan, Planned, Standing};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

#[cfg(test)]
mod tests;

pub use status_json::{
    Concern, ConcernKind, Counts, Drift, DriftField, Event, State, StatusJson, TroubleKind, status_schema,
};
pub use subject::subject;

/// The file that says what exists. It is written only from a look that saw everything.
pub const INVENTORY: &str = "INVENTORY.md";

/// Everything that a report is made from.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The estate's name, as Settings or `driftless.toml` say.
    pub estate: &'a str,
    /// What is to be done, from the last look: best the one after the work. One made before it serves as well, since
    /// what the outcomes say is done counts as done. None while no commit was ever valid.
    pub plan: Option<&'a Plan>,
    /// What was done in this run.
    pub outcomes: &'a [Outcome],
    /// What is remembered after that.
    pub memory: &'a Memory,
    /// The watched branch.
    pub branch: &'a str,
    /// The commit that is desired, in full; none while no commit was ever valid.
    pub commit: Option<&'a str>,
    /// Why the newest commit is not the desired one.
    pub trouble: Option<Trouble<'a>>,
    /// What exists and whose it is; none where nothing was looked at.
    pub inventory: Option<&'a Inventory>,
    /// The report that stands on the branch.
    pub previous: Option<&'a StatusJson>,
    /// The time; written only beside what has just happened.
    pub now: Timestamp,
}

/// Why the newest commit is not the desired one, or nothing is done at all.
#[derive(Clone, Copy, Debug)]
pub enum Trouble<'a> {
    /// Its files have errors.
    Invalid {
        /// The commit, in full.
        commit: &'a str,
        /// What is wrong.
        diagnostics: &'a [Diagnostic],
        /// How many files were read.
        files: usize,
    },
    /// It cannot be fetched.
    Unreachable {
        /// What was tried, and what came back.
        why: &'a str,
    },
    /// The controller cannot work, and so nothing is looked at or changed.
    Halted {
        /// What was tried, and what came back.
        why: &'a str,
    },
}

/// Writes the files, by their name in the report folder.
pub fn files(report: &Report<'_>) -> BTreeMap<String, Vec<u8>> {
    let status = status(report);
    let mut files = BTreeMap::from([
        ("STATUS.md".to_owned(), status::page(&status, report).into_bytes()),
        ("DRIFT.md".to_owned(), drift::page(&status).into_bytes()),
        ("status.json".to_owned(), crate::render::json(&status).into_bytes()),
    ]);
    if let Some(whole) = report.inventory.filter(|inventory| inventory.unread.is_empty()) {
        files.insert(INVENTORY.to_owned(), crate::render::inventory_page(whole).into_bytes());
    }
    files
}

/// The same as data: what all three files are written from.
pub fn status(report: &Report<'_>) -> StatusJson {
    facts::gather(report)
}

/// Names everything that is not well, in the words by which `Memory::since` remembers it: the engine remembers a time
/// for each that is new, and forgets those that are no longer named.
pub fn not_well(plan: &Plan, outcomes: &[Outcome]) -> BTreeSet<String> {
    let ended: BTreeMap<_, _> = outcomes.iter().map(|o| (&o.key, &o.attempt)).collect();
    let open = plan.changes.iter().filter(|c| match ended.get(&c.key) {
        Some(Attempt::Done) => false,
        Some(_) => true,
        None => c.standing != Standing::Go,
    });
    let findings = plan.findings.iter().filter(|f| f.weight != Weight::Note);
    let frozen = plan.frozen.iter().map(|_| FROZEN.to_owned());
    open.map(change_words).chain(findings.map(finding_words)).chain(frozen).collect()
}

/// The words by which `Memory::since` knows that the estate is frozen.
pub(crate) const FROZEN: &str = "estate frozen";

/// The words by which `Memory::since` knows a change.
pub(crate) fn change_words(change: &Planned) -> String {
    change.key.to_string()
}

/// The words by which `Memory::since` knows a finding.
pub(crate) fn finding_words(finding: &Finding) -> String {
    match &finding.id {
        Some(id) => format!("{id} {}", finding.rule),
        None => format!("estate {}", finding.rule),
    }
}

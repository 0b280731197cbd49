//! Which limits bind: the stricter of those last applied and those that git says now. A commit that loosens its own
//! limits is judged by the former ones.
//!
//! When new limits count as applied, each by itself:
//! - stricter ones at once, whatever else their commit does;
//! - looser `prune` limits once a look that saw everything plans no deletion: whatever the commit that loosened them
//!   deletes was done or approved under the former limits, or was taken back;
//! - more approvers, or `selfApprove`, once a look that saw everything holds nothing: nobody is let in by the commit
//!   that they are to approve.
//!
//! A later commit alone does not loosen anything: two commits that are pushed at once are one to the controller, and a
//! change of the README must not release what somebody held. The first limits of all are taken as they are. `mode` is
//! no limit of this sort: observe → enforce acts at once, and what it would do stood in the plan before. Nor are
//! windows: they delay, and prevent nothing.

use super::assemble::Draft;
use crate::model::finding::Weight;
use crate::model::memory::Limits;
use crate::model::{Memory, Patch, Planned, Prune, Settings, Verb};
use std::collections::BTreeSet;

/// The limits that bind now.
pub fn binding(memory: &Memory, settings: &Settings) -> Limits {
    let said = said(settings);
    match &memory.limits {
        Some(former) => Limits {
            prune: stricter(former.prune, said.prune),
            approvers: both(former.approvers.as_ref(), said.approvers.as_ref()),
            self_approve: former.self_approve && said.self_approve,
        },
        None => said,
    }
}

/// The limits as Settings say them.
fn said(settings: &Settings) -> Limits {
    let approvers = settings.approvers.iter().cloned().collect::<BTreeSet<String>>();
    Limits {
        prune: settings.prune,
        approvers: (!approvers.is_empty()).then_some(approvers),
        self_approve: settings.self_approve,
    }
}

/// The smaller of each number.
pub fn stricter(one: Prune, other: Prune) -> Prune {
    Prune {
        max_deletes: one.max_deletes.min(other.max_deletes),
        max_delete_percent: one.max_delete_percent.min(other.max_delete_percent),
    }
}

/// Who is in both lists; no list is everybody.
fn both(one: Option<&BTreeSet<String>>, other: Option<&BTreeSet<String>>) -> Option<BTreeSet<String>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one & other),
        (one, other) => one.or(other).cloned(),
    }
}

/// What to remember of the limits after a plan that was made under those that bind.
fn applied(memory: &Memory, settings: &Settings, changes: &[Planned], seen: bool) -> Option<Limits> {
    let (mut limits, said) = (binding(memory, settings), said(settings));
    if seen && changes.iter().all(|c| c.key.verb != Verb::Delete) {
        limits.prune = said.prune;
    }
    if seen && changes.iter().all(|c| c.hold().is_none()) {
        (limits.approvers, limits.self_approve) = (said.approvers, said.self_approve);
    }
    (memory.limits.as_ref() != Some(&limits)).then_some(limits)
}

impl Draft<'_> {
    /// Remembers the limits that bind from now on. A world that was not wholly seen, or is another's, loosens nothing.
    pub(super) fn remember_limits(&mut self) {
        if self.strange {
            return;
        }
        let scopes = self.world.scopes.values().all(|sighting| sighting.found.is_ok());
        let seen = scopes && self.findings.iter().all(|f| f.weight != Weight::Unknown);
        let limits = applied(self.memory, &self.estate.settings, &self.changes, seen);
        self.remember.extend(limits.map(Patch::Limits));
    }
}

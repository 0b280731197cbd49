//! What Memory owns and git no longer names: what becomes of it, and whether it was only renamed.

use super::assemble::Draft;
use super::claim::{Claim, Claims};
use super::{guard, record, standing};
use crate::model::finding::Weight;
use crate::model::{
    Adopt, AnyKind, Cause, Document, Finding, HoldReason, Key, Mode, Observed, Owned, Patch, Planned, ResourceId,
    Standing, Verb,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// More pairs than this are not compared field by field; equal keys are always found.
const PAIRS: usize = 10_000;

impl Draft<'_> {
    pub(super) fn removals(&mut self, claims: &Claims<'_>) {
        for (id, claim) in claims.of.iter().filter(|(id, _)| !self.estate.documents.contains_key(id)) {
            if let (Some(kind), Some(owned)) = (self.kinds.get(id.kind.as_str()).copied(), claim.owned) {
                self.removed(kind, id, owned, claim);
            }
        }
    }

    fn removed(&mut self, kind: &dyn AnyKind, id: &ResourceId, owned: &Owned, claim: &Claim<'_>) {
        if let Some(live) = claim.observed.state() {
            self.price(kind, live);
        }
        if let Observed::Unknown { why } = &claim.observed {
            self.unseen(id, format!("its document has gone, and it could not be looked at: {why}"), None);
            self.aside.insert(id.clone(), why.clone());
        } else if claim.waits {
            self.aside.insert(id.clone(), "the outcome of its replacement is not known yet".to_owned());
        } else if self.removed_while_paused(id, owned) {
            self.aside.insert(id.clone(), "it is paused".to_owned());
        } else {
            match &claim.observed {
                Observed::Changing(_) => {
                    self.busy(id);
                    self.aside.insert(id.clone(), "the provider is still at work on it".to_owned());
                }
                Observed::Present(_) => {
                    let (mut changes, findings) = self.diff(kind, id, None, claim);
                    self.findings.extend(findings);
                    if changes.is_empty() {
                        self.soaks(id, owned);
                    }
                    for change in &mut changes {
                        self.judge_removal(owned, claim, change);
                    }
                    self.push(id, changes);
                }
                Observed::Absent | Observed::Unknown { .. } => self.remember.push(Patch::Forget(id.clone())),
            }
        }
    }

    /// Says of what was stopped when its document went how it goes on, and notes when that is.
    fn soaks(&mut self, id: &ResourceId, owned: &Owned) {
        let Some(stopped) = owned.stopped else { return };
        let moment = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC");
        let since = format!("its document has gone, and it is stopped since {}", moment(stopped));
        let finding = match owned.policy.destroyed_from(Some(stopped)) {
            Some(from) => {
                self.due(from);
                let text = format!("{since}; from {} on it is to be destroyed, which is held", moment(from));
                let hint = "Put its document back to start it again.";
                Finding::about(id, Weight::Note, "soaking", text).hint(hint)
            }
            None => {
                let text = format!("{since}; it stays so, as its policy names no soak");
                let hint = "To have it destroyed, put its document back with onRemove: destroy, and remove it again.";
                Finding::about(id, Weight::Note, "stopped", text).hint(hint)
            }
        };
        self.findings.push(finding);
    }

    /// A pause outlives the document: removing it does not end the pause.
    fn removed_while_paused(&mut self, id: &ResourceId, owned: &Owned) -> bool {
        let by_hand = self.memory.pauses.get(id);
        let by_policy = (owned.policy.mode == Mode::Paused).then_some(owned.policy.until);
        let all: Vec<_> = by_policy.into_iter().chain(by_hand.map(|p| p.until)).collect();
        if !self.pauses(&all) {
            return false;
        }
        let reason = by_hand.map(|p| p.reason.as_str()).or(owned.policy.reason.as_deref()).unwrap_or("no reason given");
        let text = format!("its document has gone while it is paused ({reason}); nothing is done to it");
        let hint = match by_hand {
            Some(_) => format!("`driftless resume {id}` lets its removal go on."),
            None => "Put the document back without the pause, and remove it then.".to_owned(),
        };
        self.findings.push(Finding::about(id, Weight::Note, "removed-while-paused", text).hint(hint));
        true
    }

    fn judge_removal(&mut self, owned: &Owned, claim: &Claim<'_>, change: &mut Planned) {
        change.cause = Cause::Removal;
        change.digest = record::digest(change);
        let document = if owned.policy.mode == Mode::Observe { Mode::Observe } else { Mode::Enforce };
        if self.estate.settings.mode.with(document) != Mode::Enforce {
            change.standing = Standing::Observed;
            return;
        }
        self.past(change);
        match change.key.verb {
            Verb::Retire if standing::is_left(change, claim) => {}
            Verb::Retire => self.judge_found(&owned.policy, change),
            _ => {
                let mut reasons = guard::of_itself(change, &owned.policy, self.brakes);
                self.judge_unsure(claim, change, &mut reasons);
                guard::hold(change, reasons, self.memory, self.world.as_of);
            }
        }
    }

    /// Holds both halves of what looks like a rename: one id has gone, and a new one would be made just like it.
    pub(super) fn renames(&mut self, claims: &Claims<'_>) {
        let gone = claims.of.iter().filter(|(id, claim)| {
            claim.owned.is_some() && claim.observed.state().is_some() && !self.estate.documents.contains_key(id)
        });
        let gone: Vec<(&ResourceId, &Claim<'_>)> = gone.collect();
        if gone.is_empty() {
            return;
        }
        let new = self.estate.documents.values().filter(|d| {
            claims.of.get(&d.id).is_some_and(|c| c.owned.is_none() && c.observed.state().is_none() && !c.waits)
        });
        let new: Vec<&Document> = new.collect();
        let mut pairs: Vec<(ResourceId, ResourceId)> = Vec::new();
        for (name, kind) in &self.kinds {
            let gone: Vec<_> = gone.iter().filter(|(id, _)| id.kind == *name).copied().collect();
            let new: Vec<_> = new.iter().filter(|d| d.id.kind == *name).copied().collect();
            pairs.extend(self.alike(*kind, &gone, &new));
        }
        let mut reasons: BTreeMap<ResourceId, HoldReason> = BTreeMap::new();
        for (old, new) in pairs {
            let reason = self.tell_rename(&old, &new);
            reasons.insert(old, reason.clone());
            reasons.insert(new, reason);
        }
        for change in &mut self.changes {
            let reason = reasons.get(&change.key.id).cloned();
            guard::hold(change, reason.into_iter().collect(), self.memory, self.world.as_of);
        }
    }

    fn alike(
        &self,
        kind: &dyn AnyKind,
        gone: &[(&ResourceId, &Claim<'_>)],
        new: &[&Document],
    ) -> Vec<(ResourceId, ResourceId)> {
        let mut by_key: BTreeMap<Key, &ResourceId> = BTreeMap::new();
        for (id, claim) in gone {
            if let Some(live) = claim.observed.state() {
                by_key.extend(kind.keys_of(&live.state).into_iter().map(|key| (key, *id)));
            }
        }
        let compare = gone.len().saturating_mul(new.len()) <= PAIRS;
        let mut pairs = Vec::new();
        for document in new {
            let named = gone.iter().find(|(_, claim)| match &document.policy.adopt {
                Adopt::Id { id } => claim.observed.state().is_some_and(|live| &live.provider_id == id),
                _ => false,
            });
            let keyed = || kind.keys(&document.want).iter().find_map(|key| by_key.get(key).copied());
            let same = || gone.iter().find(|(_, c)| compare && self.all_but_the_name(kind, document, c)).map(|g| g.0);
            let old = named.map(|g| g.0).or_else(keyed).or_else(same);
            pairs.extend(old.map(|old| (old.clone(), document.id.clone())));
        }
        pairs
    }

    /// Says whether the live object would be what the document wants, but for its name and marker.
    fn all_but_the_name(&self, kind: &dyn AnyKind, document: &Document, claim: &Claim<'_>) -> bool {
        let (changes, findings) = self.diff(kind, &document.id, Some(document), claim);
        let only_name = |c: &Planned| {
            c.key.verb == Verb::Adopt || c.key.verb == Verb::Update && c.fields.iter().all(|f| f.path == "name")
        };
        findings.iter().all(|f| f.weight == Weight::Note) && !kind.by_part() && changes.iter().all(only_name)
    }

    fn tell_rename(&mut self, old: &ResourceId, new: &ResourceId) -> HoldReason {
        let text = format!("{old} has gone and {new} is new and just like it: is it a rename?");
        let line = format!("metadata: {{formerly: [{}]}}", old.name);
        let mut finding = Finding::about(new, Weight::Problem, "renamed", text.clone())
            .hint(format!("If it is, add `{line}` to {new}; if not, approve both changes."));
        finding.place = self.estate.documents.get(new).map(|d| d.place.clone());
        self.findings.push(finding);
        HoldReason { rule: "renamed".to_owned(), text: format!("{text} If so, add `{line}` to {new}") }
    }
}

//! What is over: interrupted work that the world shows to be done, and failures of what nobody plans any more.

use super::assemble::Draft;
use super::claim::Claims;
use super::settle;
use super::standing::FOUND;
use crate::model::finding::Weight;
use crate::model::{ChangeKey, Finding, Intent, Observed, Patch, Reached, ResourceId, Verb};
use std::collections::BTreeSet;

/// So many ids are named one by one.
const NAMED: usize = 5;

fn found(patch: &Patch) -> Option<&ResourceId> {
    if let Patch::Found(id) = patch { Some(id) } else { None }
}

impl Draft<'_> {
    pub(super) fn close(&mut self, claims: &Claims<'_>) {
        if self.strange {
            return;
        }
        self.tell_found();
        let settled = |patch: &Patch| if let Patch::Settle(key) = patch { Some(key.clone()) } else { None };
        let settled: BTreeSet<ChangeKey> = self.remember.iter().filter_map(settled).collect();
        for intent in self.memory.intents.values().filter(|i| !settled.contains(&i.key) && !i.is_reaching()) {
            if self.over(claims, intent) {
                self.remember.extend(self.closed(intent));
            }
        }
        for (key, failure) in &self.memory.failures {
            // What is no good stays so by whatever change it is wanted.
            let same = |other: &ChangeKey| other == key || failure.unfit.is_some() && other.part == key.part;
            let planned = self.changed.get(&key.id).is_some_and(|keys| keys.iter().any(same));
            if !planned && self.judged(claims, &key.id) {
                self.remember.push(Patch::Heal(key.clone()));
            }
        }
    }

    /// Says what is owned only since it was found again, and ends the search once everything was seen.
    fn tell_found(&mut self) {
        let found: BTreeSet<&ResourceId> =
            self.memory.found.iter().chain(self.remember.iter().filter_map(found)).collect();
        if !found.is_empty() {
            let names: Vec<String> = found.iter().take(NAMED).map(ToString::to_string).collect();
            let more = found.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let text = format!(
                "owned again since the journal was lost, without a ledger to say how: {}{more}",
                names.join(", ")
            );
            let hint = "Whatever deletes or replaces one of them is held; approving it once ends that for this one.";
            let (rule, hint) = (FOUND.to_owned(), hint.to_owned());
            self.findings.push(Finding { id: None, weight: Weight::Note, rule, text, hint, place: None });
        }
        let seen = self.world.account.as_ref().is_none_or(Result::is_ok)
            && self.world.scopes.values().all(|scope| scope.found.is_ok());
        if self.memory.lost && seen && self.tally.unknown == 0 {
            self.remember.push(Patch::Lost(false));
        }
    }

    /// Says whether an id was seen and compared this time, or is nobody's any more.
    fn judged(&self, claims: &Claims<'_>, id: &ResourceId) -> bool {
        self.kinds.contains_key(id.kind.as_str())
            && !self.aside.contains_key(id)
            && claims.of.get(id).is_none_or(|claim| !matches!(claim.observed, Observed::Unknown { .. }))
    }

    /// What is remembered of an intent for which nothing is left to do. A list that has shown a part may be followed by one
    /// that lags, so a part's intent is kept until that cannot be any more.
    fn closed(&self, intent: &Intent) -> Option<Patch> {
        if !self.shows_later(&intent.key) || settle::settles(intent) <= self.world.as_of {
            return Some(Patch::Settle(intent.key.clone()));
        }
        let document = self.estate.documents.get(&intent.key.id)?;
        let wanted = document.fingerprints.get(intent.key.part.as_deref().unwrap_or_default());
        let shown = intent.reached != Reached::Shown && wanted.is_some() && wanted == intent.settles.as_ref();
        shown.then(|| Patch::Intend(Intent { reached: Reached::Shown, ..intent.clone() }))
    }

    pub(super) fn shows_later(&self, key: &ChangeKey) -> bool {
        self.kinds.get(key.id.kind.as_str()).is_some_and(|kind| settle::shows_later(*kind, key))
    }

    fn over(&self, claims: &Claims<'_>, intent: &Intent) -> bool {
        let renamed = self.estate.documents.values().find(|d| d.formerly.contains(&intent.key.id));
        let claim = claims.of.get(&intent.key.id).or_else(|| claims.of.get(&renamed?.id));
        match claim {
            Some(claim) if settle::makes(&intent.key) => claim.observed.state().is_some_and(|live| {
                !claim.waits
                    && (claim.generation >= intent.generation || intent.provider_id.as_ref() == Some(&live.provider_id))
            }),
            // Staged work is over once nothing is left to be done: until then its stage says what to undo.
            _ if settle::makes(&intent.key) => false,
            // A part is over once nothing is left to do for that part.
            _ => {
                let part_alone = intent.key.verb == Verb::Create || self.shows_later(&intent.key);
                let concerned = |key: &ChangeKey| !part_alone || key.part == intent.key.part;
                let left = self.changed.get(&intent.key.id).is_some_and(|keys| keys.iter().any(concerned));
                self.judged(claims, &intent.key.id) && !left
            }
        }
    }
}

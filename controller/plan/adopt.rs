//! Adoption: live objects that neither Memory nor a marker names, taken over by the documents that want them.

use super::claim::Claim;
use super::clerk::{Case, Clerk, adopt_id};
use crate::model::finding::Weight;
use crate::model::{Adopt, Finding};

impl<'w> Clerk<'_, 'w> {
    /// Adoption of what `policy.adopt` names; before anything is matched by key, so that no other document takes it.
    pub(super) fn adopt_named(&mut self, open: &mut Vec<Case<'w>>) {
        let (named, rest) = std::mem::take(open).into_iter().partition(|case| adopt_id(case.document).is_some());
        *open = rest;
        for case in Vec::from_iter::<Vec<Case<'w>>>(named) {
            let Some(wanted) = adopt_id(case.document) else { continue };
            match self.herd.by_id.get(wanted).copied().filter(|at| self.free(*at, &case.id)) {
                Some(at) => self.adopt(&case, &[at]),
                None => {
                    let what = format!("no {} with that id is free to be taken over", case.id.kind);
                    let text = format!("policy.adopt names {wanted}, but {what}");
                    let finding = Finding::about(&case.id, Weight::Problem, "adopt-missing", text);
                    let hint = "Correct the id, or leave policy.adopt out to create another one.";
                    self.claims.findings.push(finding.hint(hint));
                    let claim = Claim::unknown("the object that policy.adopt names is missing", case.owned);
                    self.claims.of.insert(case.id, claim);
                }
            }
        }
    }

    /// Adoption by key: all documents by their best key first, then by the next, so that the better claim wins.
    pub(super) fn adopt_by_key(&mut self, open: Vec<Case<'w>>) {
        let mut rest = open;
        for rank in 0.. {
            let mut next = Vec::new();
            for case in rest {
                let matching = case.document.filter(|d| d.policy.adopt == Adopt::Match);
                let Some(key) = matching.and_then(|d| self.kind.keys(&d.want).into_iter().nth(rank)) else {
                    self.absent(&case);
                    continue;
                };
                let found = self.herd.by_key.get(&key).into_iter().flatten().copied();
                let found: Vec<usize> = found.filter(|at| self.free(*at, &case.id)).collect();
                if found.is_empty() { next.push(case) } else { self.adopt(&case, &found) }
            }
            if next.is_empty() {
                return;
            }
            rest = next;
        }
    }

    fn adopt(&mut self, case: &Case<'w>, candidates: &[usize]) {
        let id = &case.id;
        let marked = |at: &usize| self.herd.markers.get(*at).is_some_and(Option::is_some);
        let (foreign, ours): (Vec<usize>, Vec<usize>) = candidates.iter().copied().partition(marked);
        match ours.as_slice() {
            [] => {
                let text = format!(
                    "an object with its name exists and carries the marker of another estate or document: {}",
                    self.names(&foreign)
                );
                let hint = "It is never taken over. Give this document another name, or remove the marker by hand.";
                self.claims.findings.push(Finding::about(id, Weight::Problem, "owned-elsewhere", text).hint(hint));
                let claim = Claim::unknown("its object belongs to another estate or document", case.owned);
                self.claims.of.insert(id.clone(), claim);
            }
            [only] => self.take(case, *only, |claim| {
                claim.adopting = true;
                claim.generation = 1;
                // What was remembered of an object that has gone says nothing about this one.
                claim.owned = None;
            }),
            several => self.several(id, case.owned, several, "have its name"),
        }
    }
}

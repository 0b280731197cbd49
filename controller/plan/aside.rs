//! What is left alone this time, and why: unseen, paused, busy, or waiting for the outcome of its creation.

use super::assemble::Draft;
use super::claim::Claim;
use crate::model::finding::Weight;
use crate::model::{Document, Finding, Mode, Observed, ResourceId};
use jiff::Timestamp;

impl Draft<'_> {
    /// Says why a document is left alone this time.
    pub(super) fn not_compared(&mut self, document: &Document, claim: &Claim<'_>) -> Option<String> {
        let id = &document.id;
        if let Observed::Unknown { why } = &claim.observed {
            self.tally.unknown += 1;
            self.unseen(id, format!("it could not be looked at: {why}"), Some(document));
            return Some(why.clone());
        }
        if let Some(why) = self.paused(document) {
            self.tally.paused += 1;
            let absent = claim.observed.state().is_none();
            return Some(if absent { format!("it does not exist and {why}") } else { why });
        }
        if claim.waits {
            self.tally.unknown += 1;
            return Some("the outcome of its creation is not known yet".to_owned());
        }
        if matches!(claim.observed, Observed::Changing(_)) {
            self.tally.unknown += 1;
            self.busy(id);
            return Some("the provider is still at work on it".to_owned());
        }
        None
    }

    pub(super) fn busy(&mut self, id: &ResourceId) {
        let text = "the provider is still at work on it; it is looked at again before anything else is done";
        self.findings.push(Finding::about(id, Weight::Unknown, "busy", text));
    }

    /// Says that something could not be seen, unless the reason was told already.
    pub(super) fn unseen(&mut self, id: &ResourceId, text: String, document: Option<&Document>) {
        if self.strange || self.told.contains(id) {
            return;
        }
        let finding = Finding::about(id, Weight::Unknown, "not-seen", text);
        let finding = finding.hint("Nothing is concluded or changed until it can be.");
        self.findings.push(match document {
            Some(document) => super::assemble::placed(finding, document),
            None => finding,
        });
    }

    /// Says that a document is paused, by its policy or by hand under its present or a former name, and when that ends.
    fn paused(&mut self, document: &Document) -> Option<String> {
        let by_policy = (document.policy.mode == Mode::Paused).then_some(document.policy.until);
        let (estate, memory) = (self.estate, self.memory);
        let former = document.formerly.iter().filter(|old| !estate.documents.contains_key(old));
        let by_hand = std::iter::once(&document.id).chain(former).filter_map(|id| memory.pauses.get(id));
        let all: Vec<Option<Timestamp>> = by_policy.into_iter().chain(by_hand.map(|p| p.until)).collect();
        self.pauses(&all).then(|| "it is paused".to_owned())
    }

    /// Says whether any of these pauses still lasts, and notes when that ends.
    pub(super) fn pauses(&mut self, until: &[Option<Timestamp>]) -> bool {
        let lasting: Vec<_> = until.iter().filter(|until| until.is_none_or(|at| at > self.world.as_of)).collect();
        for at in lasting.iter().filter_map(|until| **until) {
            self.due(at);
        }
        !lasting.is_empty()
    }
}

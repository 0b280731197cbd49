//! After a change of ways in or out the hosts behind it are reached anew; on loss what was before returns.
//! Owns the order of that; whose ways a change alters, and what takes it back, the change itself says.

use super::work::Worker;
use crate::kinds::AnyOperate;
use crate::model::{Attempt, Done, Fault, Outcome, Output, Planned, ProviderId, Step, Verb, World};
use crate::ports::reach::Reach;
use std::collections::BTreeSet;
use std::time::Instant;

/// The addresses behind the ways that a change alters.
pub(super) fn behind(change: &Planned, world: &World) -> Vec<String> {
    let mut found = BTreeSet::new();
    if change.ways.is_empty() {
        return Vec::new();
    }
    for (scope, sighting) in &world.scopes {
        let Some(kind) = crate::kinds::ALL.iter().find(|k| k.name() == scope.kind) else { continue };
        for live in sighting.found.iter().flatten() {
            let facts = kind.facts(&live.state);
            if change.ways.iter().any(|way| way.whom.means(kind.name(), &live.provider_id, &facts)) {
                found.extend(kind.outputs(&live.state).remove(&Output::Address));
            }
        }
    }
    found.into_iter().collect()
}

/// What answered before a change.
pub(super) struct Answering<'a> {
    reach: &'a Reach,
    addresses: Vec<String>,
}

impl<'a> Answering<'a> {
    /// Finds out who answers now: only those can be lost.
    pub(super) async fn before(reach: &'a Reach, addresses: &[String]) -> Self {
        Self { reach, addresses: reach.answering(addresses).await }
    }

    /// Says who is lost, once patience has ended.
    async fn lost(&self) -> Option<String> {
        if self.addresses.is_empty() { None } else { self.reach.check(&self.addresses).await.err() }
    }
}

/// A change by which hosts were lost, and how it was taken back.
pub(super) struct Lost {
    pub(super) fault: Fault,
    /// The change that took it back, as it is recorded.
    pub(super) back: Option<Box<Outcome>>,
}

impl Worker<'_> {
    /// Reaches anew what answered before a change that is done; on loss takes the change back and says so.
    ///
    /// What happens if interrupted: the new rules stay in force, as they were approved; the next change of them is
    /// judged by who answers then.
    pub(super) async fn reach_anew(
        &self,
        kind: &dyn AnyOperate,
        change: &Planned,
        done: &Done,
        before: Answering<'_>,
    ) -> Result<(), Box<Lost>> {
        let Some(lost) = before.lost().await else { return Ok(()) };
        tracing::error!(lost, "hosts are lost by this change; what was before is put back");
        let key = &change.key;
        let back = self.take_back(kind, change, done).await;
        let so = match back.as_ref().map(|outcome| &outcome.attempt) {
            None => "What was before cannot be put back by itself".to_owned(),
            Some(Attempt::Done) if before.lost().await.is_none() => {
                "What was before was put back, and they answer again".to_owned()
            }
            Some(Attempt::Done) => "What was before was put back, and they still do not answer".to_owned(),
            Some(Attempt::Failed { fault, .. }) => format!("Putting back what was before failed: {fault}"),
            Some(Attempt::Left { why }) => format!("What was before was not put back: {why}"),
        };
        let what = format!("after {key}, hosts that answered before do not any more: {lost}. {so}");
        let hint = "It is not tried again by itself. Change the document so that they can be reached.";
        Err(Box::new(Lost { fault: Fault::permanent(what, hint), back: back.map(Box::new) }))
    }

    async fn take_back(&self, kind: &dyn AnyOperate, change: &Planned, done: &Done) -> Option<Outcome> {
        let undo = change.undo.clone()?;
        let began = Instant::now();
        let made = matches!(change.key.verb, Verb::Create).then_some(()).and(done.provider_id.clone());
        let object: Option<ProviderId> = made.or_else(|| change.provider_id.clone());
        let mut back = change.clone();
        back.key.part = Some("as it was before".to_owned());
        if change.key.verb == Verb::Create {
            back.key.verb = Verb::Delete;
        }
        back.title = "put back what was before, as hosts were lost".to_owned();
        back.provider_id = object;
        back.step = Step::Ready(undo);
        for field in &mut back.fields {
            std::mem::swap(&mut field.from, &mut field.to);
        }
        let attempt = match self.operate(kind, &back, BTreeSet::new()).await {
            Ok(_) => Attempt::Done,
            Err(fault) => Attempt::Failed { fault, attempts: 1, next: None },
        };
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Some(Outcome { key: back.key.clone(), change: back, attempt, took_ms })
    }
}

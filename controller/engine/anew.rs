//! After a change of ways in or out the hosts behind it are reached anew; on loss what was before returns.
//! Owns the order of that; whose ways a change alters, and what takes it back, the change itself says.
//!
//! Flow: who answers now → promise (durable) → the change → reach anew → (take back) → the promise is kept.
//! What happens if interrupted: the promise stands in Memory, as an intent that nothing but this closes; the next run
//! begins by keeping it (`resume`), whatever else it has to do.

use super::work::Worker;
use crate::kinds::AnyOperate;
use crate::model::memory::{Failure, REACHING};
use crate::model::{
    Attempt, ChangeKey, Done, Fault, Intent, Memory, Outcome, Output, Patch, Planned, ProviderId, Reached, Scope, Step,
    Verb, World,
};
use crate::ports::reach::Reach;
use crate::ports::store::StoreError;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
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

/// What is promised before a change is sent.
#[derive(Serialize, Deserialize)]
struct Promise {
    change: Planned,
    addresses: Vec<String>,
}

/// Under which key the promise of a change stands.
fn promised(key: &ChangeKey) -> ChangeKey {
    ChangeKey { id: key.id.clone(), part: Some("hosts reached anew".to_owned()), verb: Verb::Update }
}

fn read(intent: &Intent) -> Option<Promise> {
    serde_json::from_str(intent.stage.as_deref()?.strip_prefix(REACHING)?).ok()
}

/// Says whether a run was interrupted before it had reached hosts anew.
pub(super) fn is_open(memory: &Memory) -> bool {
    memory.intents.values().any(Intent::is_reaching)
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

    /// Whether anybody can be lost.
    pub(super) fn anybody(&self) -> bool {
        !self.addresses.is_empty()
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
    /// Promises to reach anew who answers before a change, before it is sent: whoever starts after a crash keeps it.
    pub(super) async fn promise(&self, change: &Planned, before: &Answering<'_>) -> Result<(), StoreError> {
        if !before.anybody() || change.undo.is_none() {
            return Ok(());
        }
        let promise = Promise { change: change.clone(), addresses: before.addresses.clone() };
        let text = serde_json::to_string(&promise).unwrap_or_default();
        let intent = Intent {
            key: promised(&change.key),
            scope: Scope::of(&change.key.id.kind),
            keys: Vec::new(),
            before: BTreeSet::new(),
            provider_id: change.provider_id.clone(),
            generation: change.generation,
            stage: Some(format!("{REACHING}{text}")),
            opened: self.ports.clock.now(),
            unclear: false,
            wrote: BTreeMap::new(),
            settles: None,
            reached: Reached::Begun,
        };
        self.keeper.write(&[Patch::Intend(intent)]).await
    }

    /// Closes the promise of a change, once it is kept or was not needed.
    pub(super) async fn kept(&self, key: &ChangeKey) {
        let key = promised(key);
        if self.keeper.memory().intents.contains_key(&key) {
            self.put_down(&[Patch::Settle(key)]).await;
        }
    }

    /// Keeps the promises of a run that was interrupted; gives the changes that were taken back.
    ///
    /// What is not lost is left to the plan, which finds the change done or does it. What is, is not tried again by itself.
    pub(super) async fn resume(&self) -> Vec<Outcome> {
        let open: Vec<Intent> = self.keeper.memory().intents.values().filter(|i| i.is_reaching()).cloned().collect();
        let mut taken_back = Vec::new();
        if open.is_empty() || self.same_team().await.is_err() {
            return taken_back;
        }
        for intent in open {
            let promise = read(&intent);
            let kind = crate::kinds::ALL.iter().copied().find(|k| k.name() == intent.key.id.kind);
            let (Some(Promise { change, addresses }), Some(kind)) = (promise, kind) else {
                tracing::warn!(change = %intent.key, "what was to be done for it cannot be read by this program; it is let go");
                self.put_down(&[Patch::Settle(intent.key)]).await;
                continue;
            };
            tracing::info!(change = %change.key, "a run was interrupted before hosts were reached anew: it is done now");
            let done = Done { provider_id: self.made(&change.key), ..Done::default() };
            let before = Answering { reach: &self.ports.reach, addresses };
            if let Err(lost) = self.reach_anew(kind, &change, &done, before).await {
                let (digest, since) = (change.digest.clone(), self.ports.clock.now());
                let failure = Failure { digest, attempts: 1, next: None, fault: lost.fault, since, unfit: None };
                self.put_down(&[Patch::Fail(change.key.clone(), failure)]).await;
                taken_back.extend(lost.back.map(|back| *back));
            }
        }
        taken_back
    }

    async fn put_down(&self, patches: &[Patch]) {
        if let Err(error) = self.keeper.write(patches).await {
            tracing::error!(%error, "how hosts were reached anew could not be written down; the next run does it again");
        }
    }

    /// What a create made, as far as it came to be known.
    fn made(&self, key: &ChangeKey) -> Option<ProviderId> {
        let memory = self.keeper.memory();
        let intended = memory.intents.get(key).and_then(|intent| intent.provider_id.clone());
        intended.or_else(|| memory.owned.get(&key.id).map(|owned| owned.provider_id.clone()))
    }

    /// Reaches anew what answered before a change that is done; on loss takes the change back and says so.
    pub(super) async fn reach_anew(
        &self,
        kind: &dyn AnyOperate,
        change: &Planned,
        done: &Done,
        before: Answering<'_>,
    ) -> Result<(), Box<Lost>> {
        let told = self.reached(kind, change, done, before).await;
        let back = told.as_ref().err().and_then(|lost| lost.back.as_ref());
        // Where it could not be taken back, it is still owed: the next run begins with it.
        if !back.is_some_and(|back| matches!(back.attempt, Attempt::Failed { .. })) {
            self.kept(&change.key).await;
        }
        told
    }

    async fn reached(
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

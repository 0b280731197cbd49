//! What is remembered when something is in sync, and when a change has been done; and by which digest a change is known.

use super::claim::Claim;
use super::settle;
use crate::model::memory::{Deletion, PutBack, Retiring};
use crate::model::{
    AnyKind, Cause, ChangeKey, Digest, Document, Done, Live, Owned, Patch, Planned, Policy, ResourceId, Scope, Step,
    Verb,
};
use jiff::Timestamp;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The digest of a change: id, part, verb, object, generation, old and new values or placeholders, and what is written
/// that cannot be read back. What is made anew is made from the whole document, so that is in it as well.
///
/// No time, no price, no commit, and not what it comes after, which is another change's business: the same change keeps
/// its name however often it is planned, and an approval outlives the changes around it.
pub fn digest(change: &Planned) -> Digest {
    let makes = matches!(change.key.verb, Verb::Create | Verb::Replace);
    let mut wrote: Vec<_> = change.wrote.iter().collect();
    wrote.sort();
    Digest::of(&json!({
        "key": change.key,
        "object": change.provider_id,
        "generation": change.generation,
        "fields": change.fields,
        "wrote": wrote,
        "whole": change.settles.as_ref().filter(|_| makes),
    }))
}

/// What to remember of a document's object before anything is applied: whatever of it is in sync is owned from now on.
///
/// `sound` says that the diff had nothing to say but notes. Otherwise what has no change may still differ, so nothing
/// new is taken for in sync, and nothing is taken over.
pub fn in_sync(
    kind: &dyn AnyKind,
    document: &Document,
    claim: &Claim<'_>,
    changes: &[Planned],
    sound: bool,
) -> Option<Patch> {
    let live = claim.observed.state()?;
    if claim.adopting && !kind.by_part() && !(changes.is_empty() && sound) {
        return None;
    }
    if let (Some(owned), true) = (claim.owned, sound && changes.is_empty())
        && as_remembered(kind, document, claim, live, owned)
    {
        return None;
    }
    let pending: BTreeSet<&str> = changes.iter().map(|c| c.key.part.as_deref().unwrap_or_default()).collect();
    let mut parts: BTreeMap<String, Digest> = claim.owned.map(|o| o.parts.clone()).unwrap_or_default();
    if sound && (kind.by_part() || changes.is_empty()) {
        let settled = document.fingerprints.iter().filter(|(part, _)| !pending.contains(part.as_str()));
        parts.extend(settled.map(|(part, digest)| (part.clone(), digest.clone())));
        // A part that is neither wanted nor to be changed any more is gone or let go.
        parts.retain(|part, _| document.fingerprints.contains_key(part) || pending.contains(part.as_str()));
    }
    let done = sound && changes.is_empty();
    let left = retiring(kind, claim);
    let owned = Owned {
        provider_id: live.provider_id.clone(),
        // A document that names another place moves nothing by that.
        scope: claim.owned.filter(|_| claim.away).map_or_else(|| kind.scope(&document.want), |o| o.scope.clone()),
        generation: claim.generation.max(1),
        policy: if done { document.policy.clone() } else { stricter(claim.owned, document) },
        needs: if done && left.is_empty() { needs(document) } else { all_needs(claim.owned, document) },
        parts,
        wrote: wrote(claim),
        retiring: left,
        file: document.place.file.clone(),
        // Until it runs again: only then is the soak forgotten.
        stopped: claim.owned.filter(|_| !done).and_then(|o| o.stopped),
    };
    (claim.owned != Some(&owned)).then(|| Patch::Own(document.id.clone(), owned))
}

/// Says whether Memory holds a document in sync just as it is. The answer of most looks at most documents, so it copies nothing.
fn as_remembered(kind: &dyn AnyKind, document: &Document, claim: &Claim<'_>, live: &Live, owned: &Owned) -> bool {
    owned.provider_id == live.provider_id
        && owned.generation == claim.generation.max(1)
        && owned.policy == document.policy
        && owned.parts == document.fingerprints
        && owned.file == document.place.file
        && owned.scope == kind.scope(&document.want)
        && same_needs(&owned.needs, document)
        && claim.made_by.is_none()
        && owned.retiring == retiring(kind, claim)
}

/// What to remember of a document that is left alone this time: a policy that got stricter binds at once.
pub fn tightened(document: &Document, claim: &Claim<'_>) -> Option<Patch> {
    let owned = claim.owned?;
    let policy = stricter(Some(owned), document);
    (policy != owned.policy).then(|| Patch::Own(document.id.clone(), Owned { policy, ..owned.clone() }))
}

/// Former generations that a replacement of ours left behind; what only a marker names is not remembered as agreed.
fn retiring(kind: &dyn AnyKind, claim: &Claim<'_>) -> Vec<Retiring> {
    let left = claim.retiring.iter().filter(|live| claim.left_behind(&live.provider_id));
    let retiring = |live: &&Live| Retiring {
        provider_id: live.provider_id.clone(),
        generation: generation_of(claim, live, kind),
        scope: scope_of(claim, live),
    };
    left.map(retiring).chain(claim.hidden.iter().cloned()).collect()
}

/// What was sent and cannot be read back: as remembered, or as the interrupted create meant it.
fn wrote(claim: &Claim<'_>) -> BTreeMap<String, Digest> {
    let remembered = claim.made_by.map(|intent| &intent.wrote).or(claim.owned.map(|o| &o.wrote));
    remembered.cloned().unwrap_or_default()
}

/// Where a former generation lives, where its successor does not.
fn scope_of(claim: &Claim<'_>, live: &Live) -> Option<Scope> {
    let known = claim.owned.and_then(|o| o.retiring.iter().find(|r| r.provider_id == live.provider_id));
    let made = claim.made_by.zip(claim.owned).filter(|(intent, owned)| intent.scope != owned.scope);
    known.map_or_else(|| made.map(|(_, owned)| owned.scope.clone()), |r| r.scope.clone())
}

fn generation_of(claim: &Claim<'_>, live: &Live, kind: &dyn AnyKind) -> u32 {
    let owned = claim.owned.filter(|o| o.provider_id == live.provider_id).map(|o| o.generation);
    let known = claim.owned.and_then(|o| o.retiring.iter().find(|r| r.provider_id == live.provider_id));
    let known = known.map(|r| r.generation).or(owned);
    known.or_else(|| kind.marker(&live.state).map(|m| m.generation)).unwrap_or(1)
}

/// While a document is not fully applied, the stricter of its policy and the one last applied binds.
fn stricter(owned: Option<&Owned>, document: &Document) -> Policy {
    let policy = document.policy.clone();
    match owned {
        Some(owned) => policy.stricter(&owned.policy),
        None => policy,
    }
}

fn all_needs(owned: Option<&Owned>, document: &Document) -> BTreeSet<ResourceId> {
    owned.map_or_else(|| needs(document), |o| &o.needs | &needs(document))
}

fn same_needs(remembered: &BTreeSet<ResourceId>, document: &Document) -> bool {
    let mut needs: Vec<&ResourceId> = document.needs.iter().map(|n| &n.on).collect();
    needs.sort_unstable();
    needs.dedup();
    needs.into_iter().eq(remembered)
}

fn needs(document: &Document) -> BTreeSet<ResourceId> {
    document.needs.iter().map(|n| n.on.clone()).collect()
}

/// What to remember once a change has been done.
pub fn done(
    kind: &dyn AnyKind,
    document: Option<&Document>,
    owned: Option<&Owned>,
    change: &Planned,
    done: &Done,
    now: Timestamp,
) -> Vec<Patch> {
    let id = change.key.id.clone();
    let mut patches = vec![Patch::Heal(change.key.clone())];
    if change.cause == Cause::Drift {
        patches.push(Patch::PutBack(change.key.clone(), PutBack { at: now, digest: change.digest.clone() }));
    }
    if !settle::shows_later(kind, &change.key) {
        patches.push(Patch::Settle(change.key.clone()));
    }
    let part = change.key.part.clone();
    match (change.key.verb, part) {
        (Verb::Create | Verb::Update | Verb::Adopt, Some(part)) if kind.by_part() => {
            if let Some(digest) = &change.settles {
                patches.push(Patch::Part(id, part, digest.clone()));
            }
        }
        (Verb::Delete, Some(part)) => {
            patches.push(Patch::PartGone(id, part));
            patches.push(deleted(change, now));
        }
        (Verb::Release, Some(part)) => {
            let ours = [Verb::Create, Verb::Update].map(|verb| ChangeKey { verb, ..change.key.clone() });
            patches.extend(ours.into_iter().filter(|key| settle::shows_later(kind, key)).map(Patch::Settle));
            patches.push(Patch::PartGone(id, part));
        }
        (Verb::Delete, None) => {
            patches.push(Patch::Forget(id));
            patches.push(deleted(change, now));
        }
        (Verb::Release, None) => patches.push(Patch::Forget(id)),
        (Verb::Retire, _) => patches.extend(retired(owned, change)),
        (Verb::Stop, _) => patches.extend(owned.cloned().map(|o| Patch::Own(id, Owned { stopped: Some(now), ..o }))),
        (Verb::Create | Verb::Replace | Verb::Adopt | Verb::Update, _) => {
            patches.extend(document.and_then(|d| own(kind, d, owned, change, done)).map(|o| Patch::Own(id, o)));
        }
    }
    patches
}

fn deleted(change: &Planned, now: Timestamp) -> Patch {
    Patch::Deleted(Deletion { at: now, scope: change.scope.clone(), key: change.key.clone() })
}

fn retired(owned: Option<&Owned>, change: &Planned) -> Option<Patch> {
    let mut owned = owned?.clone();
    owned.retiring.retain(|r| Some(&r.provider_id) != change.provider_id.as_ref());
    Some(Patch::Own(change.key.id.clone(), owned))
}

fn own(kind: &dyn AnyKind, document: &Document, owned: Option<&Owned>, change: &Planned, done: &Done) -> Option<Owned> {
    let provider_id = done.provider_id.clone().or_else(|| change.provider_id.clone())?;
    let mut retiring = owned.map(|o| o.retiring.clone()).unwrap_or_default();
    if let (Verb::Replace, Some(former)) = (change.key.verb, owned) {
        let scope = Some(former.scope.clone()).filter(|scope| *scope != kind.scope(&document.want));
        retiring.push(Retiring { provider_id: former.provider_id.clone(), generation: former.generation, scope });
    }
    let makes = matches!(change.key.verb, Verb::Create | Verb::Replace);
    // What is remembered of an object that has gone says nothing about one that is taken over in its place.
    let owned = owned.filter(|o| makes || o.provider_id == provider_id);
    let mut parts = owned.map(|o| o.parts.clone()).unwrap_or_default();
    if makes && kind.by_part() {
        // A new object has none of the parts that a former one had.
        parts.clear();
    }
    if let (true, Some(digest)) = (makes || change.key.part.is_none(), &change.settles) {
        parts.insert(String::new(), digest.clone());
    }
    let mut wrote = if makes { BTreeMap::new() } else { owned.map(|o| o.wrote.clone()).unwrap_or_default() };
    wrote.extend(change.wrote.iter().cloned());
    let scope = owned.filter(|_| !makes).map_or_else(|| kind.scope(&document.want), |owned| owned.scope.clone());
    Some(Owned {
        provider_id,
        scope,
        generation: if makes { change.generation } else { owned.map_or(change.generation, |o| o.generation) },
        policy: stricter(owned, document),
        // What the former generation needs stays until that has gone.
        needs: if makes && retiring.is_empty() { needs(document) } else { all_needs(owned, document) },
        parts,
        wrote,
        retiring,
        file: document.place.file.clone(),
        stopped: owned.filter(|_| !makes).and_then(|o| o.stopped),
    })
}

/// Says whether a change is only a matter of Memory: nothing is sent for it.
pub fn only_remembered(change: &Planned) -> bool {
    change.key.verb == Verb::Release && matches!(&change.step, Step::Ready(step) if step.is_null())
}

/// Where a new object's creation would show.
pub fn scope(kind: &dyn AnyKind, document: Option<&Document>, change: &Planned) -> Scope {
    document.map_or_else(|| change.scope.clone(), |d| kind.scope(&d.want))
}

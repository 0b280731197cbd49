//! What stands on a place whose document has gone, or makes it another machine: a host is reached by what its document says,
//! so that nothing on the former one can be moved or taken away any more. That is held while it is so, and names what stays
//! behind; who approves it says that it may be forgotten. Knows places by `Kind::WITHIN`, never by a kind's name.

use super::assemble::Draft;
use super::{guard, record};
use crate::model::{
    AnyKind, Cause, Change, ChangeKey, Document, FieldChange, HoldReason, Memory, Mode, OnRemove, Owned, Patch,
    Planned, ProviderId, ResourceId, Scope, Shown, Standing, Step, Verb,
};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// The rule of these holds.
const LEAVES_BEHIND: &str = "leaves-behind";

/// Something that is remembered to be on a place.
struct Left<'m> {
    id: &'m ResourceId,
    objects: Vec<&'m ProviderId>,
    /// Whether letting go of it is all that is to be done with it.
    free: bool,
}

impl Left<'_> {
    fn words(&self, place: &ResourceId) -> String {
        let head = format!("{}:", place.name);
        let name = |object: &&ProviderId| object.0.strip_prefix(&head).unwrap_or(&object.0).to_owned();
        format!("{} ({})", self.id, self.objects.iter().map(name).collect::<Vec<_>>().join(", "))
    }
}

impl Draft<'_> {
    /// Holds the end of every place that something is still on, and remembers who need not be waited for.
    pub(super) fn ground(&mut self) {
        if self.strange {
            return;
        }
        let memory = self.memory;
        for place in self.gone() {
            let left = left(&self.kinds.values().copied().collect::<Vec<_>>(), memory, &place, |id| {
                self.estate.documents.get(id)
            });
            if left.is_empty() {
                continue;
            }
            self.left.insert(place.clone(), left.iter().map(|left| left.id.clone()).collect());
            let stays: Vec<String> = left.iter().filter(|left| !left.free).map(|left| left.words(&place)).collect();
            self.lets_go(&place);
            if stays.is_empty() {
                continue;
            }
            let as_of = self.world.as_of;
            let (end, needs) =
                (ChangeKey::whole(&place, Verb::Release), memory.owned.get(&place).map(|owned| &owned.needs));
            for change in self.changes.iter_mut().filter(|change| ends(&change.key)) {
                if change.key.id == place {
                    hold(change, &stays, still_on_it(&stays), memory, as_of);
                } else if needs.is_some_and(|needs| needs.contains(&change.key.id)) {
                    // The machine under it is kept as long.
                    change.after.push(end.clone());
                }
            }
        }
    }

    /// Holds what makes a place another machine while something is on the former one, which somebody still keeps.
    pub(super) fn new_ground(&mut self) {
        let memory = self.memory;
        let kinds: Vec<&dyn AnyKind> = self.kinds.values().copied().collect();
        for change in self.changes.iter_mut().filter(|c| c.key.verb == Verb::Create && c.key.part.is_none()) {
            let place = &change.key.id;
            let (Some(owned), Some(document)) = (memory.owned.get(place), self.estate.documents.get(place)) else {
                continue;
            };
            let kept = |on: &&ResourceId| {
                memory.owned.get(*on).is_some_and(|machine| machine.provider_id == owned.provider_id)
                    && !document.needs.iter().any(|need| need.on == **on)
            };
            let Some(former) = owned.needs.iter().find(kept) else { continue };
            let stays: Vec<String> =
                left(&kinds, memory, place, |_| None).iter().map(|left| left.words(place)).collect();
            if stays.is_empty() {
                continue;
            }
            let text = on_the_former(place, former, &stays);
            hold(change, &stays, text, memory, self.world.as_of);
        }
    }

    /// Places that are in no document any more, and that are remembered, or something on them is.
    fn gone(&self) -> BTreeSet<ResourceId> {
        let kinds = &self.kinds;
        let of = |id: &ResourceId, scope: &Scope| {
            let within = kinds.get(id.kind.as_str())?.within()?;
            Some(ResourceId::new(within, scope.within.as_ref()?))
        };
        let places = self.memory.owned.iter().flat_map(|(id, owned)| {
            let former = owned.retiring.iter().filter_map(|former| former.scope.as_ref());
            std::iter::once(&owned.scope).chain(former).filter_map(move |scope| of(id, scope)).collect::<Vec<_>>()
        });
        places.filter(|place| !self.estate.documents.contains_key(place)).collect()
    }

    /// A place that was never owned itself is let go of, too: by a change that is a matter of Memory alone.
    fn lets_go(&mut self, place: &ResourceId) {
        if self.memory.owned.contains_key(place) {
            return;
        }
        let key = ChangeKey::whole(place, Verb::Release);
        let mut change: Planned = Change::new(key, "let go of what is on it", Step::Ready(Value::Null));
        change.cause = Cause::Removal;
        change.digest = record::digest(&change);
        if self.estate.settings.mode.with(Mode::Enforce) != Mode::Enforce {
            change.standing = Standing::Observed;
        }
        self.push(place, vec![change]);
    }
}

/// What stays behind is part of what is approved.
fn hold(change: &mut Planned, stays: &[String], text: String, memory: &Memory, as_of: Timestamp) {
    change.fields.push(FieldChange::new("stays behind", Shown::set(stays.to_vec()), Shown::Nothing));
    change.digest = record::digest(change);
    guard::hold(change, vec![HoldReason { rule: LEAVES_BEHIND.to_owned(), text }], memory, as_of);
}

fn still_on_it(stays: &[String]) -> String {
    format!(
        "{} {} still on it, and nobody reaches it without its document. Put that back until nothing is left there, and \
         remove it then. Where the machine is gone for good, approve this: what is there stays as it is, and is forgotten",
        words(stays),
        if stays.len() == 1 { "is" } else { "are" }
    )
}

fn on_the_former(place: &ResourceId, former: &ResourceId, stays: &[String]) -> String {
    let (all, are) = (words(stays), if stays.len() == 1 { "is" } else { "are" });
    format!(
        "{place} would be another machine, and {all} {are} on {former}, with the data there. Give the new machine a {} \
         document of its own and name it where {former} is to be left: that moves things in their order. Approve this \
         where they are to be made anew: what is on {former} stays as it is, and is forgotten",
        place.kind
    )
}

fn words(all: &[String]) -> String {
    match all {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        all => all.join(", "),
    }
}

fn ends(key: &ChangeKey) -> bool {
    key.part.is_none() && matches!(key.verb, Verb::Release | Verb::Delete | Verb::Stop)
}

fn left<'m, 'e>(
    kinds: &[&dyn AnyKind],
    memory: &'m Memory,
    place: &ResourceId,
    document: impl Fn(&ResourceId) -> Option<&'e Document>,
) -> Vec<Left<'m>> {
    let one = |(id, owned): (&'m ResourceId, &'m Owned)| {
        let there = |scope: &Scope| scope.within.as_ref() == Some(&place.name);
        let lives = there(&owned.scope);
        let former = owned.retiring.iter().filter(|r| r.scope.as_ref().map_or(lives, there)).map(|r| &r.provider_id);
        let objects: Vec<&ProviderId> = former.chain(lives.then_some(&owned.provider_id)).collect();
        let free = document(id).is_none() && owned.policy.on_remove == OnRemove::Keep && owned.retiring.is_empty();
        (!objects.is_empty()).then_some(Left { id, objects, free })
    };
    memory.owned.iter().filter(|(id, _)| is_within(kinds, &id.kind, place)).filter_map(one).collect()
}

/// What is forgotten with a place that was let go of: everything that is remembered to be there.
pub fn forgotten(kinds: &[&dyn AnyKind], memory: &Memory, change: &ChangeKey) -> Vec<Patch> {
    if change.part.is_some() || change.verb != Verb::Release {
        return Vec::new();
    }
    let forget = |left: Left<'_>| {
        let owned = memory.owned.get(left.id)?;
        if left.objects.contains(&&owned.provider_id) {
            return Some(Patch::Forget(left.id.clone()));
        }
        let retiring = owned.retiring.iter().filter(|r| !left.objects.contains(&&r.provider_id)).cloned().collect();
        Some(Patch::Own(left.id.clone(), Owned { retiring, ..owned.clone() }))
    };
    let begun = memory.intents.values().filter(|intent| {
        intent.scope.within.as_ref() == Some(&change.id.name) && is_within(kinds, &intent.key.id.kind, &change.id)
    });
    let begun = begun.map(|intent| Patch::Settle(intent.key.clone()));
    left(kinds, memory, &change.id, |_| None).into_iter().filter_map(forget).chain(begun).collect()
}

fn is_within(kinds: &[&dyn AnyKind], kind: &str, place: &ResourceId) -> bool {
    kind != place.kind && kinds.iter().any(|k| k.name() == kind && k.within() == Some(place.kind.as_str()))
}

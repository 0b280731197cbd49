//! Works through one kind and claims what belongs to its documents. Order of trust: what Memory names, what a marker
//! names, what an interrupted create made, what `policy.adopt` names, what answers to a key.

use super::claim::{Claim, Claims};
use super::herd::Herd;
use super::settle::{self, Settled};
use crate::model::finding::Weight;
use crate::model::memory::Retiring;
use crate::model::plan::Unowned;
use crate::model::{
    Adopt, AnyKind, Document, Estate, Finding, Intent, Live, Marker, Memory, Observed, Owned, Patch, ProviderId,
    ResourceId, Scope, World,
};
use std::collections::{BTreeMap, BTreeSet};

/// What is said of a former self that could not be seen.
const GOES_LATER: &str = "It goes as soon as it can be seen; nothing else waits for that.";

/// Works through one kind.
pub(super) struct Clerk<'a, 'w> {
    pub(super) kind: &'a dyn AnyKind,
    estate: &'w Estate,
    world: &'w World,
    memory: &'w Memory,
    pub(super) herd: Herd<'w>,
    /// What Memory names, and for whom: no marker and no key gives it to another.
    named: BTreeMap<usize, ResourceId>,
    /// Creates and replacements that were begun and not seen to end, by id.
    making: BTreeMap<&'w ResourceId, &'w Intent>,
    pub(super) claims: &'a mut Claims<'w>,
}

/// One id with what Memory knows of it.
pub(super) struct Case<'w> {
    pub(super) id: ResourceId,
    pub(super) document: Option<&'w Document>,
    pub(super) owned: Option<&'w Owned>,
    /// The present name and the former ones that no other document bears: markers may still say those.
    names: Vec<ResourceId>,
}

impl<'a, 'w> Clerk<'a, 'w> {
    pub(super) fn new(
        kind: &'a dyn AnyKind,
        estate: &'w Estate,
        world: &'w World,
        memory: &'w Memory,
        claims: &'a mut Claims<'w>,
    ) -> Self {
        let herd = Herd::gather(kind, world);
        let making = memory.intents.values().filter(|i| i.key.id.kind == kind.name() && settle::makes(&i.key));
        let making = making.map(|i| (&i.key.id, i)).collect();
        Self { kind, estate, world, memory, herd, named: BTreeMap::new(), making, claims }
    }

    pub(super) fn work(mut self) {
        let mut open = Vec::new();
        let cases = self.cases();
        let names: BTreeSet<ResourceId> = cases.iter().flat_map(|case| case.names.iter().cloned()).collect();
        for case in cases {
            match self.blind(&case) {
                Some(why) => drop(self.claims.of.insert(case.id, Claim::unknown(&why, case.owned))),
                None => open.push(case),
            }
        }
        for case in &open {
            for at in self.remembered(case.owned) {
                self.named.entry(at).or_insert_with(|| case.id.clone());
            }
        }
        open.retain(|case| !self.known(case));
        self.adopt_named(&mut open);
        self.adopt_by_key(open);
        self.orphans(&names);
        self.leave_unowned();
    }

    fn cases(&self) -> Vec<Case<'w>> {
        let (estate, memory, kind) = (self.estate, self.memory, self.kind.name());
        let mut cases = Vec::new();
        for (id, document) in estate.documents.iter().filter(|(id, _)| id.kind == kind) {
            let former = document.formerly.iter().filter(|old| !estate.documents.contains_key(old));
            let names: Vec<ResourceId> = std::iter::once(id).chain(former).cloned().collect();
            // What was remembered under a former name was brought here before (`renaming`).
            cases.push(Case { id: id.clone(), document: Some(document), owned: memory.owned.get(id), names });
        }
        let gone = memory.owned.iter().filter(|(id, _)| id.kind == kind && !estate.documents.contains_key(id));
        cases.extend(gone.map(|(id, owned)| Case {
            id: id.clone(),
            document: None,
            owned: Some(owned),
            names: vec![id.clone()],
        }));
        cases
    }

    /// Says why an id's scopes cannot be judged: where it is wanted, and where it was last.
    fn blind(&self, case: &Case<'_>) -> Option<String> {
        let wanted = case.document.map(|d| self.kind.scope(&d.want));
        let scopes = wanted.into_iter().chain(case.owned.map(|o| o.scope.clone()));
        scopes.into_iter().find_map(|scope| self.unseen(&scope))
    }

    fn unseen(&self, scope: &Scope) -> Option<String> {
        let place = self.place(scope).filter(|place| place.kind != self.kind.name());
        if let Some(place) = place.filter(|place| !self.estate.documents.contains_key(place)) {
            return Some(format!("{place} has no document any more, and nobody reaches it without"));
        }
        match self.world.scopes.get(scope).map(|s| &s.found) {
            Some(Ok(_)) => None,
            Some(Err(why)) => Some(why.clone()),
            None => Some(format!("{scope} was not looked at")),
        }
    }

    fn remembered(&self, owned: Option<&Owned>) -> Vec<usize> {
        let ids = owned
            .into_iter()
            .flat_map(|o| std::iter::once(&o.provider_id).chain(o.retiring.iter().map(|r| &r.provider_id)));
        ids.filter_map(|id| self.herd.by_id.get(id)).copied().collect()
    }

    pub(super) fn free(&self, at: usize, id: &ResourceId) -> bool {
        !self.herd.taken.contains(&at) && self.named.get(&at).is_none_or(|who| who == id)
    }

    /// Claims what Memory, a marker or an interrupted create of ours names.
    fn known(&mut self, case: &Case<'w>) -> bool {
        let id = &case.id;
        let mut mine = self.remembered(case.owned);
        for name in &case.names {
            let marker = Marker::of(&self.estate.settings.id, name, 1);
            let marked = self.herd.by_owner.get(&format!("{}:{}", marker.estate, marker.hash));
            mine.extend(marked.into_iter().flatten());
        }
        mine.retain(|at| self.free(*at, id));
        let intent = case.names.iter().find_map(|name| self.making.get(name)).copied();
        let (mut made, mut waits) = (None, false);
        if let Some(intent) = intent {
            match self.settled(case, intent) {
                Settled::Ours(provider_id) => made = self.herd.by_id.get(&provider_id).copied(),
                Settled::Clear => self.claims.remember.push(Patch::Settle(intent.key.clone())),
                Settled::Wait { until } => {
                    self.wait(id, intent, until);
                    waits = true;
                }
                Settled::Several(ids) => {
                    let at: Vec<usize> = ids.iter().filter_map(|p| self.herd.by_id.get(p)).copied().collect();
                    self.several(id, case.owned, &at, "appeared after a create whose answer was lost");
                    self.herd.taken.extend(mine);
                    return true;
                }
            }
        }
        mine.extend(made);
        mine.sort_unstable();
        mine.dedup();
        if mine.is_empty() && !waits {
            return false;
        }
        let made = made.zip(intent);
        self.choose(case, mine, made);
        if let (Some(claim), true) = (self.claims.of.get_mut(id), waits) {
            claim.waits = true;
        }
        true
    }

    fn settled(&self, case: &Case<'_>, intent: &Intent) -> Settled {
        let owners: Vec<Marker> = case.names.iter().map(|n| Marker::of(&self.estate.settings.id, n, 1)).collect();
        let answers = |live: &Live| match self.kind.marker(&live.state) {
            Some(marker) => owners.iter().any(|ours| marker.same_owner(ours)),
            None => self.kind.keys_of(&live.state).iter().any(|key| intent.keys.contains(key)),
        };
        let all = self.herd.live.iter().enumerate().filter(|(at, live)| self.free(*at, &case.id) && answers(live));
        let candidates: Vec<&Live> = all.map(|(_, live)| *live).collect();
        match settle::settle(intent, &candidates, self.world.as_of) {
            // The way out of several: the document says which one.
            Settled::Several(ids) => match adopt_id(case.document).filter(|id| ids.contains(id)) {
                Some(id) => Settled::Ours(id.clone()),
                None => Settled::Several(ids),
            },
            other => other,
        }
    }

    fn wait(&mut self, id: &ResourceId, intent: &Intent, until: jiff::Timestamp) {
        let text = format!("{} was sent and its outcome is not known yet; it is looked for, not repeated", intent.key);
        let finding = Finding::about(id, Weight::Unknown, "outcome-unknown", text);
        self.claims.findings.push(finding.hint("The next look settles it; nothing else is planned for it before."));
        self.claims.next_due = Some(self.claims.next_due.map_or(until, |due| due.min(until)));
    }

    /// Takes the newest generation among an id's objects; the older ones are to go.
    fn choose(&mut self, case: &Case<'w>, mine: Vec<usize>, made: Option<(usize, &'w Intent)>) {
        let age = |at: usize| match made {
            Some((made, intent)) if made == at => intent.generation,
            _ => self.age(at, case.owned),
        };
        let ages: Vec<(usize, u32)> = mine.iter().map(|at| (*at, age(*at))).collect();
        self.herd.taken.extend(mine);
        let Some(newest) = ages.iter().map(|(_, age)| *age).max() else { return self.absent(case) };
        let heads: Vec<usize> = ages.iter().filter(|(_, age)| *age == newest).map(|(at, _)| *at).collect();
        let is = |wanted: Option<&ProviderId>| {
            let wanted = wanted.and_then(|id| self.herd.by_id.get(id));
            heads.iter().copied().find(|at| Some(at) == wanted)
        };
        let only = if let [only] = heads.as_slice() { Some(*only) } else { None };
        let head = is(case.owned.map(|o| &o.provider_id)).or(only).or_else(|| is(adopt_id(case.document)));
        let Some(head) = head else { return self.several(&case.id, case.owned, &heads, "carry its marker") };
        // Copies of the same generation are nobody's: they are listed as unowned and left alone.
        for copy in heads.iter().filter(|at| **at != head) {
            self.herd.taken.remove(copy);
        }
        let former = ages.iter().filter(|(_, age)| *age < newest);
        let retiring = former.filter_map(|(at, _)| self.herd.live.get(*at).copied()).collect();
        let hidden = self.hidden(case);
        self.take(case, head, |claim| {
            claim.generation = newest;
            claim.hidden = hidden;
            claim.retiring = retiring;
            claim.made_by = made.filter(|(at, _)| *at == head).map(|(_, intent)| intent);
        });
    }

    /// Former generations in places that could not be seen: they are remembered until they can be.
    fn hidden(&mut self, case: &Case<'w>) -> Vec<Retiring> {
        let former = case.owned.into_iter().flat_map(|owned| &owned.retiring);
        let unseen = |former: &Retiring| former.scope.as_ref().and_then(|scope| self.unseen(scope));
        let hidden: Vec<(&Retiring, String)> = former.filter_map(|r| Some((r, unseen(r)?))).collect();
        for (former, why) in &hidden {
            let text = format!("its former self {} is to go, and could not be looked at: {why}", former.provider_id);
            let finding = Finding::about(&case.id, Weight::Problem, "former-unseen", text);
            let place = former.scope.as_ref().and_then(|scope| self.place(scope));
            let hint = place.map_or_else(|| GOES_LATER.to_owned(), |place| self.way_out(&place));
            self.claims.findings.push(finding.hint(hint));
        }
        hidden.into_iter().map(|(former, _)| former.clone()).collect()
    }

    /// The document within which a scope is.
    fn place(&self, scope: &Scope) -> Option<ResourceId> {
        Some(ResourceId::new(self.kind.within()?, scope.within.as_ref()?))
    }

    fn way_out(&self, place: &ResourceId) -> String {
        match self.estate.documents.contains_key(place) {
            true => format!(
                "{GOES_LATER} Where that machine is gone for good, remove the document of {place}: what stays behind is named, \
                 and forgotten once you approve it."
            ),
            false => format!(
                "Put the document of {place} back, so that it can be reached; or, where that machine is gone for good, \
                 approve its release."
            ),
        }
    }

    /// The generation of a live object: as remembered, else as marked, else the first.
    fn age(&self, at: usize, owned: Option<&Owned>) -> u32 {
        let live = self.herd.live.get(at);
        let remembered = owned.zip(live).and_then(|(owned, live)| {
            if live.provider_id == owned.provider_id {
                return Some(owned.generation);
            }
            owned.retiring.iter().find(|r| r.provider_id == live.provider_id).map(|r| r.generation)
        });
        remembered.or_else(|| self.herd.generation(at)).unwrap_or(1)
    }

    pub(super) fn names(&self, at: &[usize]) -> String {
        let one =
            |at: &usize| self.herd.live.get(*at).map(|l| format!("{} ({})", l.provider_id, self.kind.title(&l.state)));
        at.iter().filter_map(one).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn several(&mut self, id: &ResourceId, owned: Option<&'w Owned>, at: &[usize], how: &str) {
        let text = format!("{} live objects {how}: {}", at.len(), self.names(at));
        let finding = Finding::about(id, Weight::Problem, "several-candidates", text);
        let hint = "Say which one is meant: policy: {adopt: {id: …}}. Nothing is touched until then.";
        self.claims.findings.push(finding.hint(hint));
        self.claims.of.insert(id.clone(), Claim::unknown("several live objects could be meant", owned));
    }

    pub(super) fn take(&mut self, case: &Case<'w>, at: usize, fill: impl FnOnce(&mut Claim<'w>)) {
        let Some(live) = self.herd.live.get(at).copied() else { return };
        self.herd.taken.insert(at);
        let observed = if live.changing { Observed::Changing(live) } else { Observed::Present(live) };
        let mut claim = Claim::new(observed, case.owned);
        claim.away = self.is_away(case, live);
        fill(&mut claim);
        self.claims.of.insert(case.id.clone(), claim);
    }

    /// Says whether an object lives elsewhere than its document wants it.
    fn is_away(&self, case: &Case<'_>, live: &Live) -> bool {
        let wanted = case.document.map(|document| self.kind.scope(&document.want));
        let Some(wanted) = wanted.filter(|wanted| case.owned.is_some_and(|owned| owned.scope != *wanted)) else {
            return false;
        };
        let there = self.world.scopes.get(&wanted).and_then(|sighting| sighting.found.as_ref().ok());
        !there.into_iter().flatten().any(|other| other.provider_id == live.provider_id)
    }

    pub(super) fn absent(&mut self, case: &Case<'w>) {
        self.claims.of.insert(case.id.clone(), Claim::new(Observed::Absent, case.owned));
    }

    /// Creates that were interrupted and whose document has gone since: what they made is told, never touched.
    fn orphans(&mut self, names: &BTreeSet<ResourceId>) {
        for (id, intent) in std::mem::take(&mut self.making) {
            if names.contains(id) || self.unseen(&intent.scope).is_some() {
                continue;
            }
            let case = Case { id: id.clone(), document: None, owned: None, names: vec![id.clone()] };
            let made = match self.settled(&case, intent) {
                Settled::Clear => {
                    self.claims.remember.push(Patch::Settle(intent.key.clone()));
                    continue;
                }
                Settled::Wait { until } => {
                    self.wait(id, intent, until);
                    continue;
                }
                Settled::Ours(made) => vec![made],
                Settled::Several(made) => made,
            };
            let at: Vec<usize> = made.iter().filter_map(|p| self.herd.by_id.get(p)).copied().collect();
            let text = format!("it was being made when its document went, and nobody wants it: {}", self.names(&at));
            let finding = Finding::about(id, Weight::Problem, "made-and-unwanted", text);
            self.claims.findings.push(finding.hint("Put the document back to keep it, or remove it by hand."));
        }
    }

    fn leave_unowned(&mut self) {
        for (at, live) in self.herd.live.iter().enumerate() {
            if !self.herd.taken.contains(&at) {
                self.claims.unowned.push(Unowned {
                    kind: self.kind.name().to_owned(),
                    provider_id: live.provider_id.clone(),
                    name: self.kind.title(&live.state),
                });
            }
        }
    }
}

/// The object that `policy.adopt` names.
pub(super) fn adopt_id(document: Option<&Document>) -> Option<&ProviderId> {
    match document.map(|d| &d.policy.adopt) {
        Some(Adopt::Id { id }) => Some(id),
        _ => None,
    }
}

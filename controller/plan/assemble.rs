//! Puts the plan together: diffs in dependency order over the world as planned so far, then the brakes, then what waits.
//!
//! Flow: claim → for each document in order: mode, diff, standing, what it supplies to others → removals → what comes
//! after what → limits → what is stuck → what is over.
//! Guarantees: nothing unknown is changed; nothing unclaimed is named by a change; equal inputs give equal plans.

use super::claim::{Claim, Claims, claim};
use super::guard::Guard;
use super::renaming::{Followed, followed};
use super::{Brakes, order::order, record};
use crate::model::erased::AnyDiff;
use crate::model::finding::Weight;
use crate::model::plan::{Looked, Monthly, SCHEMA};
use crate::model::{
    AnyKind, Cause, Cents, ChangeKey, Digest, Document, Estate, Finding, Live, Memory, Observed, Owned, Patch, Plan,
    Planned, ProviderId, ResourceId, Standing, Supply, Verb, View, World,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Decides what is to be done to bring the world to what git says.
pub fn plan(kinds: &[&dyn AnyKind], estate: &Estate, world: &World, memory: &Memory, brakes: &Brakes) -> Plan {
    let Followed { memory, patches: renames } = followed(kinds, estate, memory);
    let memory = &*memory;
    let mut claims = claim(kinds, estate, world, memory);
    let mut draft = Draft::new(kinds, estate, world, memory, brakes, &mut claims);
    draft.pin();
    draft.follow(renames);
    for id in order(&estate.documents) {
        if let (Some(document), Some(claim)) = (estate.documents.get(id), claims.of.get(id)) {
            draft.document(document, claim);
        }
    }
    draft.removals(&claims);
    draft.renames(&claims);
    draft.ground();
    draft.new_ground();
    draft.foundation(&claims);
    draft.handover(&claims);
    draft.sequence(&claims);
    let relief = Guard { kinds, estate, world, memory, claims: &claims, brakes }.limit(&mut draft.changes);
    draft.due_all(relief);
    draft.block();
    draft.windows();
    draft.remember_limits();
    draft.close(&claims);
    draft.finish(claims)
}

#[derive(Default)]
pub(super) struct Tally {
    in_sync: usize,
    pub(super) paused: usize,
    pub(super) unknown: usize,
    monthly: i64,
}

/// A plan in the making.
pub(super) struct Draft<'a> {
    pub(super) kinds: BTreeMap<&'static str, &'a dyn AnyKind>,
    pub(super) estate: &'a Estate,
    pub(super) world: &'a World,
    pub(super) memory: &'a Memory,
    pub(super) brakes: &'a Brakes,
    pub(super) view: View<'a>,
    pub(super) changes: Vec<Planned>,
    /// The change that makes a resource, and why, for those that wait for its outputs.
    pub(super) makers: HashMap<ResourceId, (ChangeKey, Cause)>,
    /// Every change of a resource, for `dependsOn`.
    pub(super) changed: BTreeMap<ResourceId, Vec<ChangeKey>>,
    /// Changes that do not go, as far as was known when they were planned.
    pub(super) stuck: BTreeMap<ChangeKey, Standing>,
    /// What was not compared this time, and why: unknown, paused, busy.
    pub(super) aside: BTreeMap<ResourceId, String>,
    /// What is on a place whose document has gone, by that place: nobody will see it again without that.
    pub(super) left: BTreeMap<ResourceId, BTreeSet<ResourceId>>,
    pub(super) findings: Vec<Finding>,
    pub(super) remember: Vec<Patch>,
    next_due: Option<Timestamp>,
    /// Resources of which `claim` has said already what is wrong.
    pub(super) told: BTreeSet<ResourceId>,
    /// Whether this is another team's world or another estate, of which nothing is to be concluded or remembered.
    pub(super) strange: bool,
    pub(super) tally: Tally,
}

impl<'a> Draft<'a> {
    fn new(
        kinds: &[&'a dyn AnyKind],
        estate: &'a Estate,
        world: &'a World,
        memory: &'a Memory,
        brakes: &'a Brakes,
        claims: &mut Claims<'a>,
    ) -> Self {
        let findings = std::mem::take(&mut claims.findings);
        let problems = || findings.iter().filter(|f| f.weight == Weight::Problem);
        Self {
            kinds: kinds.iter().map(|k| (k.name(), *k)).collect(),
            estate,
            world,
            memory,
            brakes,
            view: View {
                as_of: world.as_of,
                estate: estate.settings.id,
                catalog: &world.catalog,
                supplies: HashMap::with_capacity(estate.documents.len()),
            },
            changes: Vec::new(),
            makers: HashMap::new(),
            changed: BTreeMap::new(),
            stuck: BTreeMap::new(),
            aside: BTreeMap::new(),
            left: BTreeMap::new(),
            told: problems().filter_map(|f| f.id.clone()).collect(),
            strange: problems().any(|f| f.id.is_none()),
            findings,
            remember: std::mem::take(&mut claims.remember),
            next_due: claims.next_due,
            tally: Tally::default(),
        }
    }

    /// Pins estate and team at first contact.
    fn pin(&mut self) {
        if self.memory.estate.is_none() {
            self.remember.push(Patch::Estate(self.estate.settings.id));
        }
        if let (None, Some(Ok(team))) = (&self.memory.team, &self.world.account) {
            self.remember.push(Patch::Team(team.clone()));
        }
    }

    /// Remembers what is called otherwise before anything else of it.
    fn follow(&mut self, renames: Vec<Patch>) {
        if !self.strange {
            self.remember.splice(0..0, renames);
        }
    }

    pub(super) fn due(&mut self, at: Timestamp) {
        self.next_due = Some(self.next_due.map_or(at, |due| due.min(at)));
    }

    fn due_all(&mut self, at: Option<Timestamp>) {
        at.into_iter().for_each(|at| self.due(at));
    }

    fn document(&mut self, document: &Document, claim: &Claim<'_>) {
        let Some(kind) = self.kinds.get(document.id.kind.as_str()).copied() else { return };
        let id = &document.id;
        let live = claim.observed.state().copied();
        if let Some(live) = live {
            self.view.supplies.insert(id.clone(), Supply::Live(kind.outputs(&live.state)));
            self.price(kind, live);
        }
        if let Some(why) = self.not_compared(document, claim) {
            if live.is_none() {
                self.view.supplies.insert(id.clone(), Supply::Unknown(why.clone()));
            }
            if !self.strange {
                self.remember.extend(record::tightened(document, claim));
            }
            self.aside.insert(id.clone(), why);
            return;
        }
        let (changes, findings) = self.diff(kind, id, Some(document), claim);
        let sound = findings.iter().all(|f| f.weight == Weight::Note);
        self.findings.extend(findings.into_iter().map(|f| placed(f, document)));
        let changes = self.standing(kind, document, claim, changes);
        let remember = record::in_sync(kind, document, claim, &changes, sound);
        let changes = if claim.adopting { without_free_marks(changes) } else { changes };
        if changes.is_empty() && sound {
            self.tally.in_sync += 1;
        }
        if remember.is_some() && !self.memory.found.contains(id) && self.is_found(id, claim) {
            self.remember.push(Patch::Found(id.clone()));
        }
        self.remember.extend(remember);
        self.supply(document, live, &changes);
        self.push(id, changes);
    }

    pub(super) fn price(&mut self, kind: &dyn AnyKind, live: &Live) {
        self.tally.monthly += kind.price(&live.state, &self.world.catalog).unwrap_or_default().0;
    }

    pub(super) fn diff(
        &self,
        kind: &dyn AnyKind,
        id: &ResourceId,
        document: Option<&Document>,
        claim: &Claim<'_>,
    ) -> (Vec<Planned>, Vec<Finding>) {
        let remembered = claim.owned.map(|o| &o.policy);
        let Some(policy) = document.map(|d| &d.policy).or(remembered) else { return (Vec::new(), Vec::new()) };
        let intent = self.memory.intents.values().find(|i| &i.key.id == id && i.stage.is_some());
        let begun = self.with_begun_parts(id, claim.owned);
        let retiring: Vec<&ProviderId> = claim.retiring.iter().map(|l| &l.provider_id).collect();
        let have = match &claim.observed {
            Observed::Present(live) | Observed::Changing(live) => Observed::Present(&live.state),
            Observed::Absent => Observed::Absent,
            Observed::Unknown { why } => Observed::Unknown { why: why.clone() },
        };
        let diffed = kind.diff(AnyDiff {
            id,
            want: document.map(|d| &d.want),
            have,
            provider_id: claim.observed.state().map(|l| &l.provider_id),
            owned: begun.as_ref().or(claim.owned),
            policy,
            adopting: claim.adopting,
            generation: claim.generation,
            intent,
            retiring,
            scopes: Some(&self.world.scopes),
            view: &self.view,
        });
        (diffed.changes, diffed.findings)
    }

    /// What is owned, with the parts that we began to make and did not see to their end: what stands of them is ours.
    fn with_begun_parts(&self, id: &ResourceId, owned: Option<&Owned>) -> Option<Owned> {
        let open = self.memory.intents.values().filter(|i| &i.key.id == id && i.key.verb == Verb::Create);
        // What was answered is owned by itself, or was let go of since.
        let open = open.filter(|i| i.reached.is_begun());
        let begun: Vec<&String> = open.filter_map(|i| i.key.part.as_ref()).collect();
        let mut owned = owned.filter(|_| !begun.is_empty())?.clone();
        for part in begun {
            owned.parts.entry(part.clone()).or_insert_with(|| Digest::of("begun"));
        }
        Some(owned)
    }

    /// Says what this resource hands to those that need it: what it has, or nothing yet.
    fn supply(&mut self, document: &Document, live: Option<&Live>, changes: &[Planned]) {
        let making =
            changes.iter().find(|c| c.key.part.is_none() && matches!(c.key.verb, Verb::Create | Verb::Replace));
        match making {
            // A replacement that does not go is planned around: what lives now goes on serving.
            Some(change) if change.key.verb == Verb::Replace && !change.goes() => {}
            Some(change) => {
                self.view.supplies.insert(document.id.clone(), Supply::Pending);
                self.makers.insert(document.id.clone(), (change.key.clone(), change.cause));
            }
            None if live.is_none() => {
                let why = "it does not exist and nothing makes it".to_owned();
                self.view.supplies.insert(document.id.clone(), Supply::Unknown(why));
            }
            None => {}
        }
    }

    pub(super) fn push(&mut self, id: &ResourceId, changes: Vec<Planned>) {
        if !changes.is_empty() {
            self.changed.insert(id.clone(), changes.iter().map(|c| c.key.clone()).collect());
            self.stuck.extend(changes.iter().filter(|c| !c.goes()).map(|c| (c.key.clone(), c.standing.clone())));
            self.changes.extend(changes);
        }
    }

    fn finish(mut self, claims: Claims<'_>) -> Plan {
        let before = Cents(self.tally.monthly);
        let goes = |c: &&Planned| !matches!(c.standing, Standing::Held(_) | Standing::Observed);
        let delta = self.changes.iter().filter(goes).filter_map(|c| c.cost).map(|c| c.after - c.before).sum();
        self.findings.sort();
        self.findings.dedup();
        let mut unowned = claims.unowned;
        unowned.sort();
        Plan {
            schema: SCHEMA.to_owned(),
            estate: self.estate.settings.estate.clone(),
            estate_id: self.estate.settings.id,
            commit: self.estate.commit.clone(),
            as_of: self.world.as_of,
            mode: self.estate.settings.mode,
            changes: self.changes,
            findings: self.findings,
            resources: self.estate.documents.len(),
            in_sync: self.tally.in_sync,
            paused: self.tally.paused,
            unknown: self.tally.unknown,
            unowned,
            monthly: Monthly { before, after: before + delta },
            looked: Looked { calls: self.world.calls, hosts: self.world.hosts, took_ms: self.world.took_ms },
            next_due: self.next_due,
            frozen: None,
            remember: self.remember,
        }
    }
}

/// Where nothing is written, an object to be taken over that equals its document differs in nothing that anybody wants:
/// its marker comes with the first run that may write.
fn without_free_marks(changes: Vec<Planned>) -> Vec<Planned> {
    match changes.as_slice() {
        [only] if only.key.verb == Verb::Adopt && only.standing == Standing::Observed => Vec::new(),
        _ => changes,
    }
}

pub(super) fn placed(mut finding: Finding, document: &Document) -> Finding {
    finding.place.get_or_insert_with(|| document.place.clone());
    finding
}

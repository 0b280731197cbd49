//! The planner's tables and laws, over two kinds made for them. Owns the stage on which they play: an estate, a world,
//! a memory, and an interpreter that does what a plan lets go.

mod cause;
mod claim;
mod guard;
mod kinds;
mod law;
mod limits;
mod order;
mod record;
mod refine;
mod removal;
mod settle;
mod standing;
mod window;

use super::{Brakes, plan, record as remember, refines};
use crate::model::{erased::expose, memory::*, *};
use jiff::{SignedDuration, Timestamp};
use kinds::{Crate, CrateState, CrateStep, CrateWant, Shelf, ShelfState, ShelfStep, ShelfWant, Slot};
use std::collections::BTreeMap;
use std::sync::Arc;

const CRATE: Of<Crate> = Of::new();
const SHELF: Of<Shelf> = Of::new();
const KINDS: [&dyn AnyKind; 2] = [&CRATE, &SHELF];

fn uuid() -> uuid::Uuid {
    uuid::Uuid::from_u128(7)
}
fn now() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().expect("a time")
}
fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}
fn id(name: &str) -> ResourceId {
    let kind = if name.starts_with("shelf") { "Shelf" } else { "Crate" };
    ResourceId::new(kind, name)
}
fn whole(name: &str, verb: Verb) -> ChangeKey {
    ChangeKey::whole(&id(name), verb)
}
fn part(name: &str, part: &str, verb: Verb) -> ChangeKey {
    ChangeKey::part(&id(name), part, verb)
}
fn update(name: &str) -> ChangeKey {
    part(name, "all", Verb::Update)
}
fn pid(text: &str) -> ProviderId {
    ProviderId(text.to_owned())
}

/// Everything that a plan is made from.
#[derive(Clone)]
struct Stage {
    estate: Estate,
    world: World,
    memory: Memory,
    brakes: Brakes,
    made: u32,
}

impl Stage {
    /// An empty world that was looked at, with an estate that is known.
    fn new() -> Self {
        let settings = serde_json::json!({"estate": "test", "id": uuid()});
        let settings = serde_json::from_value(settings).expect("settings");
        let estate = Estate {
            commit: None,
            settings,
            documents: BTreeMap::new(),
            files: 1,
            sealed: BTreeMap::new(),
            freeze: None,
        };
        let mut world = World::unseen(now());
        world.account = Some(Ok("team".to_owned()));
        world.scopes.insert(Scope::of("Crate"), Sighting { found: Ok(Vec::new()) });
        let limits = Some(Limits::default());
        let memory = Memory { estate: Some(uuid()), team: Some("team".to_owned()), limits, ..Memory::default() };
        Self { estate, world, memory, brakes: Brakes::default(), made: 0 }
    }

    fn plan(&self) -> Plan {
        plan(&KINDS, &self.estate, &self.world, &self.memory, &self.brakes)
    }

    fn add(&mut self, kind: &dyn AnyKind, name: &str, want: Erased, with: impl FnOnce(&mut Document)) {
        let place = Place { file: format!("{name}.yaml"), line: 1, column: 1 };
        let mut document = Document {
            id: id(name),
            labels: BTreeMap::new(),
            formerly: Vec::new(),
            policy: Policy::default_for(kind.on_remove()),
            needs: kind.needs(&want),
            fingerprints: kind.fingerprints(&want),
            want,
            files: Vec::new(),
            place,
            fields: Vec::new(),
        };
        with(&mut document);
        self.estate.documents.insert(id(name), document);
    }

    /// Declares a crate: red, of oak, closed, unless `with` says something else.
    fn want(&mut self, name: &str, with: impl FnOnce(&mut CrateWant)) {
        self.want_with(name, with, |_| {});
    }

    fn want_with(&mut self, name: &str, with: impl FnOnce(&mut CrateWant), and: impl FnOnce(&mut Document)) {
        let mut want = CrateWant {
            name: name.to_owned(),
            paint: format!("{name}-red"),
            wood: "oak".to_owned(),
            ..CrateWant::default()
        };
        with(&mut want);
        self.add(&CRATE, name, Arc::new(want), and);
    }

    fn policy(&mut self, name: &str, with: impl FnOnce(&mut Policy)) {
        with(&mut self.estate.documents.get_mut(&id(name)).expect("a document").policy);
    }

    fn depends(&mut self, name: &str, on: &str) {
        let need = Need { on: id(on), path: "dependsOn[0]".to_owned(), verb: "depends on" };
        self.estate.documents.get_mut(&id(name)).expect("a document").needs.push(need);
    }

    fn drop(&mut self, name: &str) {
        self.estate.documents.remove(&id(name)).expect("a document");
    }

    fn shelf(&mut self, name: &str, slots: &[(&str, Slot)]) {
        let slots = slots.iter().map(|(slot, what)| ((*slot).to_owned(), what.clone())).collect();
        self.add(&SHELF, name, Arc::new(ShelfWant { name: name.to_owned(), slots }), |_| {});
        self.world.scopes.entry(Scope::within("Shelf", name)).or_insert(Sighting { found: Ok(Vec::new()) });
    }

    fn found(&mut self, scope: &Scope) -> &mut Vec<Live> {
        self.world.scopes.get_mut(scope).expect("a scope").found.as_mut().expect("a scope that was seen")
    }

    /// Puts a crate into the world, unmarked, as `want` would have it.
    fn live(&mut self, at: &str, name: &str, with: impl FnOnce(&mut CrateState)) {
        let mut state = CrateState {
            id: at.to_owned(),
            name: name.to_owned(),
            paint: format!("{name}-red"),
            wood: "oak".to_owned(),
            open: false,
            inside: None,
            marker: None,
        };
        with(&mut state);
        self.put(state, false);
    }

    fn put(&mut self, state: CrateState, changing: bool) {
        let provider_id = pid(&state.id);
        let found = self.found(&Scope::of("Crate"));
        found.retain(|live| live.provider_id != provider_id);
        found.push(Live { provider_id, state: Arc::new(state), changing });
    }

    /// A crate that was made by us: marked, and remembered unless `memory` is cleared.
    fn owned(&mut self, at: &str, name: &str, with: impl FnOnce(&mut CrateState)) {
        self.live(at, name, |state| {
            state.marker = Some(marker(name, 1));
            with(state);
        });
        let document = self.estate.documents.get(&id(name));
        let policy = document.map_or_else(|| Policy::default_for(OnRemove::Keep), |d| d.policy.clone());
        let parts = document.map(|d| d.fingerprints.clone()).unwrap_or_default();
        let needs = document.map(|d| d.needs.iter().map(|n| n.on.clone()).collect()).unwrap_or_default();
        let owned = Owned {
            provider_id: pid(at),
            scope: Scope::of("Crate"),
            generation: 1,
            policy,
            needs,
            parts,
            wrote: BTreeMap::new(),
            retiring: Vec::new(),
            file: format!("{name}.yaml"),
            stopped: None,
        };
        self.memory.owned.insert(id(name), owned);
    }

    /// A document and its object, in sync.
    fn settled(&mut self, at: &str, name: &str) {
        self.want(name, |_| {});
        self.owned(at, name, |_| {});
    }

    /// Lets every plan go until nothing goes any more, and gives back the last.
    fn run(&mut self) -> Plan {
        for _ in 0..12 {
            let plan = self.plan();
            self.remember(&plan);
            if plan.going().count() == 0 {
                return plan;
            }
            self.apply(&plan);
        }
        panic!("it does not come to rest: {:#?}", self.plan().changes);
    }

    fn remember(&mut self, plan: &Plan) {
        plan.remember.iter().for_each(|patch| self.memory.apply(patch));
    }

    /// Does what goes, in the order of the plan; what waited is planned anew and must refine what was planned.
    fn apply(&mut self, plan: &Plan) {
        let mut done = Vec::new();
        for planned in plan.going() {
            assert!(planned.after.iter().all(|key| done.contains(key)), "{} goes too early", planned.key);
            let change = match &planned.step {
                Step::Ready(_) => planned.clone(),
                Step::Waits { .. } => {
                    let anew = self.plan();
                    let now = anew.change(&planned.key).expect("what waited is planned anew").clone();
                    refines(planned, &now).expect("it is the same with its placeholders filled");
                    Planned { digest: planned.digest.clone(), ..now }
                }
            };
            self.effect(&change);
            done.push(change.key);
        }
    }

    fn effect(&mut self, change: &Planned) {
        let Step::Ready(step) = &change.step else { panic!("{} still waits", change.key) };
        let made = match change.key.id.kind.as_str() {
            "Crate" => self.crate_effect(change, &serde_json::from_value(step.clone()).expect("a step")),
            _ => self.shelf_effect(change, &serde_json::from_value(step.clone()).expect("a step")),
        };
        let document = self.estate.documents.get(&change.key.id);
        let kind = KINDS.iter().find(|k| k.name() == change.key.id.kind).expect("a kind");
        let done = Done { provider_id: made, ..Done::default() };
        let owned = self.memory.owned.get(&change.key.id).cloned();
        let patches = remember::done(*kind, document, owned.as_ref(), change, &done, self.world.as_of);
        patches.iter().for_each(|patch| self.memory.apply(patch));
        self.memory.apply(&Patch::Spend(change.digest.clone()));
    }

    fn crate_state(&self, at: &ProviderId) -> CrateState {
        let found = self.world.scopes.get(&Scope::of("Crate")).and_then(|s| s.found.as_ref().ok()).expect("crates");
        let live = found.iter().find(|live| &live.provider_id == at).expect("an object that a change names");
        expose::<CrateState>(&live.state).clone()
    }

    fn crate_effect(&mut self, change: &Planned, step: &CrateStep) -> Option<ProviderId> {
        let at = change.provider_id.clone();
        match step {
            CrateStep::Make { want, inside, marker } => {
                self.made += 1;
                let made = format!("new{}", self.made);
                let CrateWant { name, paint, wood, open, .. } = want.clone();
                let state = CrateState {
                    id: made.clone(),
                    name,
                    paint,
                    wood,
                    open,
                    inside: inside.clone(),
                    marker: Some(marker.clone()),
                };
                self.put(state, false);
                return Some(pid(&made));
            }
            CrateStep::Destroy => self.found(&Scope::of("Crate")).retain(|live| Some(&live.provider_id) != at.as_ref()),
            CrateStep::Set { .. } | CrateStep::Mark(_) | CrateStep::Unmark => {
                let mut state = self.crate_state(&at.expect("an object"));
                match step.clone() {
                    CrateStep::Set { paint, open, name, inside } => {
                        (state.paint, state.open, state.name, state.inside) = (paint, open, name, inside);
                    }
                    CrateStep::Mark(marker) => state.marker = Some(marker),
                    _ => state.marker = None,
                }
                self.put(state, false);
            }
            CrateStep::Stop => {}
        }
        None
    }

    fn shelf_effect(&mut self, change: &Planned, step: &ShelfStep) -> Option<ProviderId> {
        let name = change.key.id.name.clone();
        let scope = Scope::within("Shelf", &name);
        let have = self.found(&scope).first().map(|live| expose::<ShelfState>(&live.state).clone());
        let mut state = have.unwrap_or(ShelfState { name: name.clone(), slots: BTreeMap::new() });
        match step.clone() {
            ShelfStep::Put { slot, says } => drop(state.slots.insert(slot, says)),
            ShelfStep::Clear { slot } => drop(state.slots.remove(&slot)),
            ShelfStep::Make | ShelfStep::LetGo => {}
        }
        *self.found(&scope) = vec![Live { provider_id: pid(&name), state: Arc::new(state), changing: false }];
        Some(pid(&name))
    }

    /// Puts a shelf into the world.
    fn live_shelf(&mut self, name: &str, slots: &[(&str, &str)]) {
        let slots = slots.iter().map(|(slot, says)| ((*slot).to_owned(), (*says).to_owned())).collect();
        let state = ShelfState { name: name.to_owned(), slots };
        let live = Live { provider_id: pid(name), state: Arc::new(state), changing: false };
        self.world.scopes.insert(Scope::within("Shelf", name), Sighting { found: Ok(vec![live]) });
    }

    fn approve(&mut self, digest: &Digest, at: Timestamp) {
        self.memory.approvals.insert(digest.clone(), Approval { by: "ana".to_owned(), at });
    }

    fn intend(&mut self, key: ChangeKey, with: impl FnOnce(&mut Intent)) {
        let mut intent = Intent {
            keys: vec![Key(key.id.name.clone())],
            scope: Scope::of("Crate"),
            before: Default::default(),
            provider_id: None,
            generation: 1,
            stage: None,
            opened: ago(10),
            unclear: true,
            wrote: BTreeMap::new(),
            settles: None,
            reached: Reached::Begun,
            key: key.clone(),
        };
        with(&mut intent);
        self.memory.intents.insert(key, intent);
    }
}

fn marker(name: &str, generation: u32) -> Marker {
    Marker::of(&uuid(), &id(name), generation)
}
fn says(text: &str) -> Slot {
    Slot::Says(text.to_owned())
}
fn of(name: &str) -> Slot {
    Slot::Of(name.to_owned())
}

/// A plan's changes in short: key, and `!` and the rules where it is held, `?` where it is blocked, `o` observed, `~` later.
fn short(plan: &Plan) -> Vec<String> {
    let one = |c: &Planned| match &c.standing {
        Standing::Go => c.key.to_string(),
        Standing::Held(hold) => {
            let rules: Vec<&str> = hold.reasons.iter().map(|r| r.rule.as_str()).collect();
            format!("{} !{}", c.key, rules.join("+"))
        }
        Standing::Blocked(_) => format!("{} ?", c.key),
        Standing::Observed => format!("{} o", c.key),
        Standing::Backoff(_) => format!("{} ~", c.key),
        Standing::Closed(_) => format!("{} |", c.key),
    };
    plan.changes.iter().map(one).collect()
}

fn rules(plan: &Plan) -> Vec<&str> {
    plan.findings.iter().map(|f| f.rule.as_str()).collect()
}

/// What is wanted of a change that must be in the plan.
fn get(plan: &Plan, key: &ChangeKey) -> Planned {
    plan.change(key).unwrap_or_else(|| panic!("no {key} in {:?}", short(plan))).clone()
}

//! Two kinds made for the planner's tests: `Crate`, whole, with references, markers, replacement and prices; and
//! `Shelf`, by part, like a zone with record sets. They keep the promises of `Kind` and do nothing else.

use crate::model::{finding::Weight, *};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub struct Crate;
pub struct Shelf;

#[derive(Deserialize, JsonSchema)]
pub struct Nothing {}

/// What a crate shall be: `paint` changes in place, `wood` only by a replacement, `open` exposes, `inside` refers to another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CrateWant {
    pub name: String,
    pub paint: String,
    pub wood: String,
    pub open: bool,
    pub inside: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CrateState {
    pub id: String,
    pub name: String,
    pub paint: String,
    pub wood: String,
    pub open: bool,
    pub inside: Option<String>,
    pub marker: Option<Marker>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CrateStep {
    Make { want: CrateWant, inside: Option<String>, marker: Marker },
    Set { paint: String, open: bool, name: String, inside: Option<String> },
    Mark(Marker),
    Destroy,
    Stop,
    Unmark,
}

impl Kind for Crate {
    const NAME: &'static str = "Crate";
    const ABOUT: &'static str = "A thing with references, a marker and a price.";
    const PRICED: bool = true;
    type Spec = Nothing;
    type Want = CrateWant;
    type State = CrateState;
    type Step = CrateStep;

    fn desire(_: &ResourceId, _: &Nothing, _: &EstateView<'_>) -> Result<CrateWant, Vec<Complaint>> {
        Ok(CrateWant::default())
    }
    fn needs(want: &CrateWant) -> Vec<Need> {
        let need =
            |on: &String| Need { on: ResourceId::new("Crate", on), path: "spec.inside".to_owned(), verb: "lies in" };
        want.inside.iter().map(need).collect()
    }
    fn keys(want: &CrateWant) -> Vec<Key> {
        vec![Key(want.name.clone()), Key(format!("painted {}", want.paint))]
    }
    fn keys_of(state: &CrateState) -> Vec<Key> {
        vec![Key(state.name.clone()), Key(format!("painted {}", state.paint))]
    }
    fn marker(state: &CrateState) -> Option<Marker> {
        state.marker.clone()
    }
    fn title(state: &CrateState) -> String {
        state.name.clone()
    }
    fn outputs(state: &CrateState) -> BTreeMap<Output, String> {
        BTreeMap::from([(Output::Id, state.id.clone()), (Output::Address, format!("at {}", state.id))])
    }
    fn price(_: &CrateState, _: &Catalog) -> Option<Cents> {
        Some(Cents(100))
    }
    fn diff(input: &Diff<'_, Self>) -> Diffed<CrateStep> {
        let mut out = Diffed::default();
        match (input.want, &input.have) {
            (Some(want), Observed::Absent) => make(input, want, Verb::Create, &mut out),
            (Some(want), Observed::Present(state)) if state.wood != want.wood => {
                make(input, want, Verb::Replace, &mut out);
                let key = ChangeKey::whole(input.id, Verb::Replace);
                if out.changes.iter().any(|c| c.key == key) {
                    let old = input.provider_id.expect("it is there");
                    out.changes.push(retire(input, old).after(key));
                }
            }
            (Some(want), Observed::Present(state)) => settle(input, want, state, &mut out),
            (None, Observed::Present(state)) => out.changes.push(remove(input, state)),
            _ => {}
        }
        for old in &input.retiring {
            out.changes.push(retire(input, old));
        }
        out
    }
}

fn make(input: &Diff<'_, Crate>, want: &CrateWant, verb: Verb, out: &mut Diffed<CrateStep>) {
    let mut inside = None;
    let mut to = Shown::Nothing;
    let mut waits = None;
    if let Some(on) = &want.inside {
        let on = ResourceId::new("Crate", on);
        match input.view.resolve(&on, Output::Id) {
            Resolved::Known(id) => {
                to = Shown::text(&id);
                inside = Some(id);
            }
            Resolved::Pending { from, output } => {
                to = Shown::Pending { of: from.clone(), output };
                waits = Some(Step::Waits { on: vec![from], why: format!("id of {on}") });
            }
            Resolved::Unknown { why } => {
                return out.findings.push(Finding::about(input.id, Weight::Unknown, "reference-unknown", why));
            }
        }
    }
    let generation = input.generation + 1;
    let step = waits.unwrap_or_else(|| {
        Step::Ready(CrateStep::Make { want: want.clone(), inside, marker: input.marker(generation) })
    });
    let mut change = Change::new(ChangeKey::whole(input.id, verb), verb.word(), step)
        .on(input.provider_id)
        .generation(generation)
        .field("inside", Shown::Nothing, to)
        .cost(None, Some(Cents(100)))
        .wrote("wood", Digest::of(&want.wood));
    if let (Verb::Replace, Observed::Present(state)) = (verb, &input.have) {
        change = change.field("wood", Shown::text(&state.wood), Shown::text(&want.wood));
        change = change.risk(Risk::Destroys("what is in it".to_owned()));
    }
    out.changes.push(change);
}

fn settle(input: &Diff<'_, Crate>, want: &CrateWant, state: &CrateState, out: &mut Diffed<CrateStep>) {
    let marker = input.marker(input.generation.max(1));
    if state.marker.as_ref() != Some(&marker) {
        let step = Step::Ready(CrateStep::Mark(marker));
        let change = Change::new(ChangeKey::whole(input.id, Verb::Adopt), "mark", step);
        out.changes.push(change.on(input.provider_id).generation(input.generation));
    }
    let on = want.inside.as_ref().map(|on| input.view.resolve(&ResourceId::new("Crate", on), Output::Id));
    let (inside, pending) = match on {
        None => (None, None),
        Some(Resolved::Known(id)) => (Some(id), None),
        Some(Resolved::Pending { from, output }) => (None, Some((from, output))),
        Some(Resolved::Unknown { why }) => {
            out.findings.push(Finding::about(input.id, Weight::Unknown, "reference-unknown", why));
            (state.inside.clone(), None)
        }
    };
    let (paint, open, name) = (want.paint.clone(), want.open, want.name.clone());
    let step = match &pending {
        Some((from, _)) => Step::Waits { on: vec![from.clone()], why: format!("id of {from}") },
        None => Step::Ready(CrateStep::Set { paint, open, name, inside: inside.clone() }),
    };
    let mut change = Change::new(ChangeKey::part(input.id, "all", Verb::Update), "update", step);
    change = change.on(input.provider_id).generation(input.generation);
    if state.name != want.name {
        change = change.field("name", Shown::text(&state.name), Shown::text(&want.name));
    }
    if state.paint != want.paint {
        change = change.field("paint", Shown::text(&state.paint), Shown::text(&want.paint));
    }
    if state.open != want.open {
        change = change.field("open", Shown::text(state.open), Shown::text(want.open));
        if want.open {
            change = change.risk(Risk::Exposes("what is in it".to_owned()));
        }
    }
    let from = Shown::text(format!("{:?}", state.inside));
    if let Some((of, output)) = pending {
        change = change.field("inside", from, Shown::Pending { of, output });
    } else if state.inside != inside {
        change = change.field("inside", from, Shown::text(inside.unwrap_or_default()));
    }
    if !change.fields.is_empty() {
        out.changes.push(change);
    }
}

fn retire(input: &Diff<'_, Crate>, old: &ProviderId) -> Change<CrateStep> {
    let key = ChangeKey::part(input.id, old.to_string(), Verb::Retire);
    let risk = Risk::Destroys("the former one".to_owned());
    Change::new(key, "destroy the former one", Step::Ready(CrateStep::Destroy)).on(Some(old)).risk(risk)
}

fn remove(input: &Diff<'_, Crate>, state: &CrateState) -> Change<CrateStep> {
    let (verb, step) = match input.policy.on_remove {
        OnRemove::Keep => (Verb::Release, CrateStep::Unmark),
        OnRemove::Stop => (Verb::Stop, CrateStep::Stop),
        OnRemove::Destroy => (Verb::Delete, CrateStep::Destroy),
    };
    let change = Change::new(ChangeKey::whole(input.id, verb), verb.word(), Step::Ready(step));
    change.on(input.provider_id).generation(input.generation).field("name", Shown::text(&state.name), Shown::Nothing)
}

/// What a slot shall say: a text, or the address of a crate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Slot {
    Says(String),
    Of(String),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ShelfWant {
    pub name: String,
    pub slots: BTreeMap<String, Slot>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShelfState {
    pub name: String,
    pub slots: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ShelfStep {
    Make,
    Put { slot: String, says: String },
    Clear { slot: String },
    LetGo,
}

impl Kind for Shelf {
    const NAME: &'static str = "Shelf";
    const ABOUT: &'static str = "A thing of parts.";
    const BY_PART: bool = true;
    const ON_REMOVE: OnRemove = OnRemove::Destroy;
    type Spec = Nothing;
    type Want = ShelfWant;
    type State = ShelfState;
    type Step = ShelfStep;

    fn desire(_: &ResourceId, _: &Nothing, _: &EstateView<'_>) -> Result<ShelfWant, Vec<Complaint>> {
        Ok(ShelfWant::default())
    }
    fn needs(want: &ShelfWant) -> Vec<Need> {
        let need = |(slot, what): (&String, &Slot)| match what {
            Slot::Of(on) => {
                Some(Need { on: ResourceId::new("Crate", on), path: format!("spec.{slot}"), verb: "points at" })
            }
            Slot::Says(_) => None,
        };
        want.slots.iter().filter_map(need).collect()
    }
    fn scope(want: &ShelfWant) -> Scope {
        Scope::within("Shelf", &want.name)
    }
    fn keys(want: &ShelfWant) -> Vec<Key> {
        vec![Key(want.name.clone())]
    }
    fn keys_of(state: &ShelfState) -> Vec<Key> {
        vec![Key(state.name.clone())]
    }
    fn title(state: &ShelfState) -> String {
        state.name.clone()
    }
    fn outputs(_: &ShelfState) -> BTreeMap<Output, String> {
        BTreeMap::new()
    }
    fn fingerprints(want: &ShelfWant) -> BTreeMap<String, Digest> {
        want.slots.iter().map(|(slot, what)| (slot.clone(), Digest::of(what))).collect()
    }
    fn members(state: &ShelfState) -> usize {
        state.slots.len()
    }
    fn diff(input: &Diff<'_, Self>) -> Diffed<ShelfStep> {
        let mut out = Diffed::default();
        let none = BTreeMap::new();
        match (input.want, &input.have) {
            (Some(want), Observed::Absent) => {
                let change =
                    Change::new(ChangeKey::whole(input.id, Verb::Create), "create", Step::Ready(ShelfStep::Make));
                out.changes.push(change);
                slots(input, want, &none, true, &mut out);
            }
            (Some(want), Observed::Present(state)) => slots(input, want, &state.slots, false, &mut out),
            (None, Observed::Present(_)) => {
                let step = Step::Ready(ShelfStep::LetGo);
                let change = Change::new(ChangeKey::whole(input.id, Verb::Release), "let go", step);
                out.changes.push(change.on(input.provider_id));
            }
            _ => {}
        }
        out
    }
}

fn slots(
    input: &Diff<'_, Shelf>,
    want: &ShelfWant,
    live: &BTreeMap<String, String>,
    new: bool,
    out: &mut Diffed<ShelfStep>,
) {
    let ours = |slot: &String| input.owned.is_some_and(|o| o.parts.contains_key(slot));
    let begin = |slot: &String, verb: Verb, step| {
        let change = Change::new(ChangeKey::part(input.id, slot, verb), verb.word(), step);
        let change = change.on(Some(&ProviderId(want.name.clone()))).scope(Scope::within("Shelf", &want.name));
        if new { change.after(ChangeKey::whole(input.id, Verb::Create)) } else { change }
    };
    for (slot, what) in &want.slots {
        let resolved = match what {
            Slot::Says(text) => Resolved::Known(text.clone()),
            Slot::Of(on) => input.view.resolve(&ResourceId::new("Crate", on), Output::Address),
        };
        let (to, step) = match resolved {
            Resolved::Known(says) if live.get(slot) == Some(&says) => continue,
            Resolved::Known(says) => (Shown::text(&says), Step::Ready(ShelfStep::Put { slot: slot.clone(), says })),
            Resolved::Pending { from, output } => {
                let step = Step::Waits { on: vec![from.clone()], why: format!("address of {from}") };
                (Shown::Pending { of: from, output }, step)
            }
            Resolved::Unknown { why } => {
                out.findings.push(Finding::about(
                    input.id,
                    Weight::Unknown,
                    "reference-unknown",
                    format!("{slot}: {why}"),
                ));
                continue;
            }
        };
        let change = match live.get(slot) {
            None => begin(slot, Verb::Create, step).field(slot, Shown::Nothing, to),
            Some(says) => {
                let change = begin(slot, Verb::Update, step).field(slot, Shown::text(says), to);
                let risk = Risk::TakesOver(format!("{slot} was never set from git"));
                if ours(slot) { change } else { change.cause(Cause::Adoption).risk(risk) }
            }
        };
        out.changes.push(change);
    }
    for (slot, says) in live.iter().filter(|(slot, _)| !want.slots.contains_key(*slot) && ours(slot)) {
        let step = Step::Ready(ShelfStep::Clear { slot: slot.clone() });
        let change = begin(slot, Verb::Delete, step).cause(Cause::Removal);
        out.changes.push(change.field(slot, Shown::text(says), Shown::Nothing));
    }
}

//! Private networks: `kind: Vpc`. Ties the pure half to the working half; decides nothing.

mod apply;
mod diff;
mod draft;
mod observe;
mod spec;

pub use diff::{State, Step};
pub use spec::{Spec, Want};

use super::operate::{Finished, Look, Operate, Seen, Work};
use crate::model::{
    Complaint, Diff, Diffed, Draft, EstateView, Fact, Fault, Key, Kind, Names, Need, Output, ResourceId, Scope,
};
use std::collections::BTreeMap;

/// A private network of one region.
pub struct Vpc;

impl Kind for Vpc {
    const NAME: &'static str = "Vpc";
    const ABOUT: &'static str =
        "A private network of one region, in which droplets reach each other by private addresses.";
    const HOME: &'static str = "network/vpcs.yaml";
    const MANY: &'static str = "networks";
    type Spec = Spec;
    type Want = Want;
    type State = State;
    type Step = Step;

    fn desire(id: &ResourceId, spec: &Spec, _: &EstateView<'_>) -> Result<Want, Vec<Complaint>> {
        spec::desire(id, spec)
    }
    fn check(all: &[(&ResourceId, &Want)]) -> Vec<(ResourceId, Complaint)> {
        spec::overlaps(all)
    }
    fn needs(_: &Want) -> Vec<Need> {
        Vec::new()
    }
    fn keys(want: &Want) -> Vec<Key> {
        let place = want.ip_range.map(|range| by_place(&want.region, &range.to_string()));
        std::iter::once(by_name(&want.name)).chain(place).collect()
    }
    fn keys_of(state: &State) -> Vec<Key> {
        vec![by_name(&state.name), by_place(&state.region, &state.ip_range)]
    }
    fn title(state: &State) -> String {
        state.name.clone()
    }
    fn outputs(state: &State) -> BTreeMap<Output, String> {
        BTreeMap::from([
            (Output::Id, state.id.clone()),
            (Output::Range, state.ip_range.clone()),
            (Output::Name, state.name.clone()),
        ])
    }
    fn facts(state: &State) -> Vec<Fact> {
        draft::facts(state)
    }
    fn draft(id: &ResourceId, state: &State, names: &Names) -> Draft {
        draft::draft(id, state, names)
    }
    fn diff(input: &Diff<'_, Self>) -> Diffed<Step> {
        diff::diff(input)
    }
}

impl Operate for Vpc {
    async fn observe(look: &Look<'_>) -> Vec<(Scope, Result<Vec<Seen<State>>, String>)> {
        vec![(Scope::of(Self::NAME), observe::all(look).await)]
    }
    async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
        apply::apply(work, step).await
    }
}

/// Names are unique in a team.
fn by_name(name: &str) -> Key {
    Key(format!("name {}", name.to_ascii_lowercase()))
}

/// So are ranges.
fn by_place(region: &str, range: &str) -> Key {
    Key(format!("range {region} {range}"))
}

#[cfg(test)]
mod tests;

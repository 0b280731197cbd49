//! Machines from the inside: `kind: Host`. Ties the pure half to the working half; decides nothing.

mod apply;
mod care;
mod care_work;
mod diff;
mod live;
mod observe;
mod registries;
mod spec;

pub use live::{Place, State, Step};
pub use registries::Login;
pub use spec::{
    Become, Connect, DockerSpec, Machine, Network, Package, Registry, RegistrySpec, SecretName, Spec, Want,
};

use super::operate::{Contact, Finished, Look, Operate, Sightings, Turn, Work};
use crate::model::{Complaint, Diff, Diffed, EstateView, Fact, Fault, Key, Kind, Need, Output, ResourceId, Scope};
use crate::ports::host::survey::Ask;
use std::collections::BTreeMap;

/// A machine that is looked at and worked on from the inside.
pub struct Host;

impl Kind for Host {
    const NAME: &'static str = "Host";
    const ABOUT: &'static str =
        "A machine that is looked at and worked on from the inside, over SSH or as the controller's own.";
    const WITHIN: Option<&'static str> = Some("Host");
    const HOME: &'static str = "hosts/";
    const MANY: &'static str = "hosts";
    type Spec = Spec;
    type Want = Want;
    type State = State;
    type Step = Step;

    fn desire(id: &ResourceId, spec: &Spec, _: &EstateView<'_>) -> Result<Want, Vec<Complaint>> {
        spec::desire(id, spec)
    }
    fn check(all: &[(&ResourceId, &Want)]) -> Vec<(ResourceId, Complaint)> {
        spec::twice(all)
    }
    fn needs(want: &Want) -> Vec<Need> {
        spec::needs(want)
    }
    fn scope(want: &Want) -> Scope {
        Scope::within(Self::NAME, &want.name)
    }
    fn keys(want: &Want) -> Vec<Key> {
        vec![want.machine.key()]
    }
    fn keys_of(state: &State) -> Vec<Key> {
        state.keys()
    }
    fn title(state: &State) -> String {
        state.name.clone()
    }
    fn outputs(state: &State) -> BTreeMap<Output, String> {
        live::outputs(state)
    }
    fn facts(state: &State) -> Vec<Fact> {
        live::facts(state)
    }
    fn diff(input: &Diff<'_, Self>) -> Diffed<Step> {
        diff::diff(input)
    }
}

impl Operate for Host {
    const TURN: Turn = Turn::Hosts;

    fn asks(look: &Look<'_>) -> Vec<(String, Ask)> {
        observe::asks(look)
    }
    fn contact(look: &Look<'_>, id: &ResourceId) -> Option<Result<Contact, String>> {
        observe::contact(look, id)
    }
    async fn observe(look: &Look<'_>) -> Sightings<State> {
        observe::all(look).await
    }
    async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
        apply::apply(work, step).await
    }
}

#[cfg(test)]
mod tests;

//! Stacks that docker compose runs on a host: `kind: ComposeStack`. Ties the pure half to the working half; decides
//! nothing.
//!
//! Flow: the folder of the repo is sent, compose on the host does the work, and a receipt beside the stack says what was
//! sent and what compose made of it. The survey of the host brings receipt, digests of files and containers; the plan
//! compares these, and never asks compose.

mod apply;
mod compose;
mod diff;
mod dotenv;
mod draft;
mod drift;
mod heal;
mod leaving;
mod live;
mod observe;
mod offer;
mod private;
mod ready;
mod receipt;
mod ship;
mod spec;
mod study;
mod want;

pub use compose::{Flaw, Read};
pub use draft::{Folder, There};
pub use live::{State, Step};
pub use private::{Print, Prints, SecretFile, SecretFileSpec};
pub use ready::{Heal, HttpProbe, Probe, ProbeSpec, Ready, ReadySpec, Stopped, TcpProbe, Unhealthy};
pub use receipt::{Made, Notes, Receipt};
pub use spec::{EnvSpec, SecretName, Spec};
pub use want::{Published, Pull, Run, Sent, Service, Value, Want};

use super::operate::{Finished, Look, Operate, Sightings, Turn, Work};
use crate::model::{
    Complaint, Diff, Diffed, Draft, EstateView, Fact, Fault, FileNeed, Key, Kind, Names, Need, Offer, Output,
    ResourceId, Scope,
};
use crate::ports::Ports;
use crate::ports::host::survey::Ask;
use std::collections::BTreeMap;

/// A stack of containers on a host.
pub struct ComposeStack;

impl Kind for ComposeStack {
    const NAME: &'static str = "ComposeStack";
    const ABOUT: &'static str = "A stack of containers that docker compose runs on a host.";
    const WITHIN: Option<&'static str> = Some("Host");
    const HOME: &'static str = "stacks/";
    const MANY: &'static str = "stacks";
    type Spec = Spec;
    type Want = Want;
    type State = State;
    type Step = Step;

    fn files(spec: &Spec) -> Vec<FileNeed> {
        spec::files(spec)
    }
    fn desire(id: &ResourceId, spec: &Spec, estate: &EstateView<'_>) -> Result<Want, Vec<Complaint>> {
        spec::desire(id, spec, estate)
    }
    fn check(all: &[(&ResourceId, &Want)]) -> Vec<(ResourceId, Complaint)> {
        want::twice(all)
    }
    fn offer(want: &Want) -> Option<Offer> {
        Some(offer::offer(want))
    }
    fn needs(want: &Want) -> Vec<Need> {
        want.needs()
    }
    fn scope(want: &Want) -> Scope {
        Scope::within(Self::NAME, &want.host.name)
    }
    fn keys(want: &Want) -> Vec<Key> {
        vec![want.key()]
    }
    fn keys_of(state: &State) -> Vec<Key> {
        state.keys()
    }
    fn title(state: &State) -> String {
        state.project.clone()
    }
    fn outputs(state: &State) -> BTreeMap<Output, String> {
        state.outputs()
    }
    fn facts(state: &State) -> Vec<Fact> {
        state.facts()
    }
    fn draft(id: &ResourceId, state: &State, _: &Names) -> Draft {
        draft::draft(id, state)
    }
    fn diff(input: &Diff<'_, Self>) -> Diffed<Step> {
        diff::diff(input)
    }
}

impl Operate for ComposeStack {
    const TURN: Turn = Turn::OnHosts;

    fn asks(look: &Look<'_>) -> Vec<(String, Ask)> {
        observe::asks(look)
    }
    async fn observe(look: &Look<'_>) -> Sightings<State> {
        observe::all(look).await
    }
    async fn study(ports: &Ports, state: &State) -> Option<State> {
        Some(study::study(ports, state).await)
    }
    async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
        apply::apply(work, step).await
    }
}

#[cfg(test)]
mod tests;

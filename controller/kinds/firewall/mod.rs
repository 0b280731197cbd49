//! Cloud firewalls: `kind: Firewall`. Ties the pure half to the working half; decides nothing.

mod apply;
mod diff;
mod draft;
mod observe;
mod risk;
mod rules;
mod spec;
mod ways;
mod words;

pub use diff::{Body, Rule, State, Step};
pub use rules::{Far, Flow, Peer, PeerText, Ports, PortsText, Protocol};
pub use spec::{ApplyTo, Inbound, Outbound, Spec, Want};

use super::operate::{Finished, Look, Operate, Seen, Work};
use crate::model::{
    Complaint, Diff, Diffed, Draft, EstateView, Fact, Fault, Key, Kind, Names, Need, Output, ResourceId, Scope,
};
use std::collections::BTreeMap;

/// A cloud firewall in front of droplets.
pub struct Firewall;

impl Kind for Firewall {
    const NAME: &'static str = "Firewall";
    const ABOUT: &'static str =
        "A cloud firewall: what may reach the droplets that it covers, and what they may reach.";
    const HOME: &'static str = "firewalls/";
    const MANY: &'static str = "firewalls";
    type Spec = Spec;
    type Want = Want;
    type State = State;
    type Step = Step;

    fn desire(id: &ResourceId, spec: &Spec, _: &EstateView<'_>) -> Result<Want, Vec<Complaint>> {
        spec::desire(id, spec)
    }
    fn needs(want: &Want) -> Vec<Need> {
        want.needs.clone()
    }
    fn keys(want: &Want) -> Vec<Key> {
        vec![Key(want.name.clone())]
    }
    fn keys_of(state: &State) -> Vec<Key> {
        vec![Key(state.name.clone())]
    }
    fn title(state: &State) -> String {
        state.name.clone()
    }
    fn outputs(state: &State) -> BTreeMap<Output, String> {
        BTreeMap::from([(Output::Id, state.id.clone()), (Output::Name, state.name.clone())])
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

impl Operate for Firewall {
    async fn observe(look: &Look<'_>) -> Vec<(Scope, Result<Vec<Seen<State>>, String>)> {
        vec![(Scope::of(Self::NAME), observe::all(look).await)]
    }
    async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
        apply::apply(work, step).await
    }
}

#[cfg(test)]
mod tests;

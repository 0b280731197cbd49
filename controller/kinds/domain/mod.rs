//! Zones and their records: `kind: Domain`. Ties the pure half to the working half; decides nothing.

mod apply;
mod diff;
mod draft;
mod normal;
mod observe;
mod read;
mod records;
mod spec;

pub use diff::{State, Step};
pub use records::{Data, Op, Record, RecordType, SetKey, Wanted};
pub use spec::{CaaTag, Entry, Ignore, Member, Network, Retired, Set, Spec, Target, Unlisted, Want};

use super::operate::{Finished, Look, Operate, Seen, Work};
use crate::model::{
    Complaint, Diff, Diffed, Digest, Draft, EstateView, Fact, Fault, Key, Kind, Leads, Names, Need, OnRemove, Output,
    ResourceId, Scope,
};
use std::collections::BTreeMap;

/// A DNS zone with its records.
pub struct Domain;

impl Kind for Domain {
    const NAME: &'static str = "Domain";
    const ABOUT: &'static str = "A DNS zone at DigitalOcean with its records; its name is metadata.name.";
    /// This is for record sets that are taken off the list. The zone itself always stays.
    const ON_REMOVE: OnRemove = OnRemove::Destroy;
    const BY_PART: bool = true;
    const ZONES: bool = true;
    const HOME: &'static str = "domains/";
    const MANY: &'static str = "zones";
    type Spec = Spec;
    type Want = Want;
    type State = State;
    type Step = Step;

    fn desire(id: &ResourceId, spec: &Spec, _: &EstateView<'_>) -> Result<Want, Vec<Complaint>> {
        read::desire(id, spec)
    }
    fn check(all: &[(&ResourceId, &Want)]) -> Vec<(ResourceId, Complaint)> {
        read::points_at_retired(all)
    }
    fn needs(want: &Want) -> Vec<Need> {
        want.needs.clone()
    }
    fn scope(want: &Want) -> Scope {
        Scope::within(Self::NAME, &want.zone)
    }
    fn keys(want: &Want) -> Vec<Key> {
        vec![Key(want.zone.clone())]
    }
    fn keys_of(state: &State) -> Vec<Key> {
        vec![Key(state.zone.clone())]
    }
    fn title(state: &State) -> String {
        state.zone.clone()
    }
    fn outputs(state: &State) -> BTreeMap<Output, String> {
        BTreeMap::from([(Output::Id, state.zone.clone()), (Output::Name, state.zone.clone())])
    }
    fn fingerprints(want: &Want) -> BTreeMap<String, Digest> {
        want.sets.iter().map(|(key, set)| (key.to_string(), Digest::of(set))).collect()
    }
    fn members(state: &State) -> usize {
        state.sets.as_ref().map_or(0, BTreeMap::len)
    }
    fn facts(state: &State) -> Vec<Fact> {
        draft::facts(state)
    }
    fn leads(state: &State) -> Option<Leads> {
        state.leads()
    }
    fn draft(id: &ResourceId, state: &State, names: &Names) -> Draft {
        draft::draft(id, state, names)
    }
    fn diff(input: &Diff<'_, Self>) -> Diffed<Step> {
        diff::diff(input)
    }
}

impl Operate for Domain {
    async fn observe(look: &Look<'_>) -> Vec<(Scope, Result<Vec<Seen<State>>, String>)> {
        observe::all(look).await
    }
    async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
        apply::apply(work, step).await
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

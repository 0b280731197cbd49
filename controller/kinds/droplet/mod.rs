//! Virtual machines: `kind: Droplet`. Ties the pure half to the working half; decides nothing.

mod apply;
mod diff;
mod fixed;
mod inplace;
mod live;
mod observe;
mod places;
mod resize;
mod spec;
mod want;

pub use live::{Addresses, State, Status, Step};
pub use spec::{BackupsSpec, DataSpec, FileSpec, ImageSpec, Plan, PolicySpec, ReplaceOn, Spec, Weekday};
pub use want::{Backups, Image, Schedule, UserData, Want};

use super::operate::{Finished, Look, Operate, Seen, Work};
use crate::model::{
    Catalog, Cents, Complaint, Diff, Diffed, EstateView, Fact, Fault, FileNeed, Key, Kind, Marker, Need, Output,
    ResourceId, Scope,
};
use std::collections::BTreeMap;

/// A virtual machine.
pub struct Droplet;

impl Kind for Droplet {
    const NAME: &'static str = "Droplet";
    const ABOUT: &'static str = "A virtual machine at DigitalOcean.";
    const PRICED: bool = true;
    type Spec = Spec;
    type Want = Want;
    type State = State;
    type Step = Step;

    fn files(spec: &Spec) -> Vec<FileNeed> {
        match &spec.user_data {
            Some(DataSpec::File(FileSpec { file })) => {
                vec![FileNeed { file: file.clone(), path: "spec.userData.file".to_owned() }]
            }
            _ => Vec::new(),
        }
    }
    fn desire(id: &ResourceId, spec: &Spec, estate: &EstateView<'_>) -> Result<Want, Vec<Complaint>> {
        want::desire(id, spec, estate)
    }
    fn needs(want: &Want) -> Vec<Need> {
        want::needs(want)
    }
    fn keys(want: &Want) -> Vec<Key> {
        vec![key(&want.name)]
    }
    fn keys_of(state: &State) -> Vec<Key> {
        vec![key(&state.name)]
    }
    fn marker(state: &State) -> Option<Marker> {
        state.markers.first().cloned()
    }
    fn title(state: &State) -> String {
        state.name.clone()
    }
    fn outputs(state: &State) -> BTreeMap<Output, String> {
        live::outputs(state)
    }
    fn facts(state: &State) -> Vec<Fact> {
        state.tags.iter().map(|tag| Fact::Tag(tag.to_ascii_lowercase())).collect()
    }
    fn price(state: &State, catalog: &Catalog) -> Option<Cents> {
        places::price(catalog, &state.size, &state.backups)
    }
    fn diff(input: &Diff<'_, Self>) -> Diffed<Step> {
        diff::diff(input)
    }
}

impl Operate for Droplet {
    async fn observe(look: &Look<'_>) -> Vec<(Scope, Result<Vec<Seen<State>>, String>)> {
        vec![(Scope::of(Self::NAME), observe::all(look).await)]
    }
    async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
        apply::apply(work, step).await
    }
}

/// DigitalOcean finds droplets by name without regard to case, and so do we.
fn key(name: &str) -> Key {
    Key(format!("name {}", name.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests;

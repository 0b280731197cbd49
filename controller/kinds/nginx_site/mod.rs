//! Sites that nginx on a host serves, with their certificates: `kind: NginxSite`. Ties the pure half to the working
//! half; decides nothing.

mod apply;
mod certificate;
mod desire;
mod diff;
pub mod directive;
mod draft;
mod foreseen;
mod leaving;
mod moving;
mod names;
mod normal;
mod observe;
mod render;
mod spec;
mod step;
mod upstream;
mod want;
mod world;
mod wrong;

pub use names::Asked;
pub use observe::sites;
pub use render::Form;
pub use spec::{
    FileSpec, Issuer, ListenSpec, LocationSpec, Match, RawSpec, RedirectSpec, Spec, TlsProtocol, TlsSpec, ToSpec,
};
pub use step::{Before, Content, Step, Write, text_of};
pub use upstream::Upstream;
pub use want::{Answer, Body, Buffers, Certificate, Location, Site, Tls, Want};
pub use world::{Around, Held, Live, State, version};

use super::operate::{Finished, Look, Operate, Sightings, Turn, Work};
use crate::model::{
    Complaint, Diff, Diffed, Draft, EstateView, Fact, Fault, FileNeed, Key, Kind, Names, Need, Offers, OnRemove,
    Output, ProviderId, ResourceId, Scope, Serves,
};
use crate::ports::host::survey::Ask;
use std::collections::BTreeMap;

/// A site that nginx on a host serves.
pub struct NginxSite;

impl Kind for NginxSite {
    const NAME: &'static str = "NginxSite";
    const ABOUT: &'static str =
        "A site that nginx on a host serves: its file, the link that enables it, its certificate.";
    const ON_REMOVE: OnRemove = OnRemove::Destroy;
    const WITHIN: Option<&'static str> = Some("Host");
    const HOME: &'static str = "sites/";
    const MANY: &'static str = "sites";
    type Spec = Spec;
    type Want = Want;
    type State = State;
    type Step = Step;

    fn files(spec: &Spec) -> Vec<FileNeed> {
        match &spec.raw {
            Some(RawSpec::File(FileSpec { file })) => {
                vec![FileNeed { file: file.clone(), path: "spec.raw.file".to_owned() }]
            }
            _ => Vec::new(),
        }
    }
    fn desire(id: &ResourceId, spec: &Spec, estate: &EstateView<'_>) -> Result<Want, Vec<Complaint>> {
        desire::desire(id, spec, estate)
    }
    fn check(all: &[(&ResourceId, &Want)]) -> Vec<(ResourceId, Complaint)> {
        names::twice(all)
    }
    fn meet(id: &ResourceId, want: &Want, offers: &Offers) -> Result<Option<Want>, Vec<Complaint>> {
        upstream::meet(id, want, offers)
    }
    fn needs(want: &Want) -> Vec<Need> {
        want.needs.clone()
    }
    fn scope(want: &Want) -> Scope {
        Scope::within(Self::NAME, &want.host.name)
    }
    fn keys(want: &Want) -> Vec<Key> {
        vec![key(&want.host.name, &want.file)]
    }
    fn keys_of(state: &State) -> Vec<Key> {
        vec![key(&state.host, &state.file)]
    }
    fn title(state: &State) -> String {
        state.file.strip_suffix(".conf").unwrap_or(&state.file).to_owned()
    }
    fn outputs(state: &State) -> BTreeMap<Output, String> {
        BTreeMap::from([(Output::Name, state.file.clone())])
    }
    fn facts(state: &State) -> Vec<Fact> {
        draft::facts(state)
    }
    fn serves(want: &Want) -> Option<Serves> {
        Some(Serves { at: want.host.clone(), names: names::led(&want.names) })
    }
    fn draft(id: &ResourceId, state: &State, names: &Names) -> Draft {
        draft::draft(id, state, names)
    }
    fn diff(input: &Diff<'_, Self>) -> Diffed<Step> {
        diff::diff(input)
    }
}

impl Operate for NginxSite {
    const TURN: Turn = Turn::OnHosts;

    fn asks(look: &Look<'_>) -> Vec<(String, Ask)> {
        observe::asks(look)
    }
    async fn observe(look: &Look<'_>) -> Sightings<State> {
        observe::all(look)
    }
    async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
        apply::apply(work, step).await
    }
}

/// A live site's id.
fn provider_id(host: &str, file: &str) -> ProviderId {
    ProviderId(format!("{host}:{file}"))
}

/// A file's name is unique on its host.
fn key(host: &str, file: &str) -> Key {
    Key(format!("{host} {file}"))
}

#[cfg(test)]
mod tests;

//! SSH keys of the account: `kind: SshKey`. Ties the pure half to the working half; decides nothing.

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

/// A public key that new droplets are given.
pub struct SshKey;

impl Kind for SshKey {
    const NAME: &'static str = "SshKey";
    const ABOUT: &'static str = "A public SSH key of the account, which new droplets let in as root.";
    const HOME: &'static str = "network/ssh-keys.yaml";
    const MANY: &'static str = "SSH keys";
    type Spec = Spec;
    type Want = Want;
    type State = State;
    type Step = Step;

    fn desire(id: &ResourceId, spec: &Spec, _: &EstateView<'_>) -> Result<Want, Vec<Complaint>> {
        spec::desire(id, spec)
    }
    fn needs(_: &Want) -> Vec<Need> {
        Vec::new()
    }
    fn keys(want: &Want) -> Vec<Key> {
        vec![key(&want.fingerprint)]
    }
    fn keys_of(state: &State) -> Vec<Key> {
        vec![key(&state.fingerprint)]
    }
    fn title(state: &State) -> String {
        state.name.clone()
    }
    fn outputs(state: &State) -> BTreeMap<Output, String> {
        BTreeMap::from([
            (Output::Id, state.id.to_string()),
            (Output::Name, state.name.clone()),
            (Output::PublicKey, state.public_key.clone()),
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

impl Operate for SshKey {
    async fn observe(look: &Look<'_>) -> Vec<(Scope, Result<Vec<Seen<State>>, String>)> {
        vec![(Scope::of(Self::NAME), observe::all(look).await)]
    }
    async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
        apply::apply(work, step).await
    }
}

/// The account holds a key once, whatever its name: the fingerprint is the identity, and a name is none.
fn key(fingerprint: &str) -> Key {
    Key(format!("fingerprint {fingerprint}"))
}

#[cfg(test)]
mod tests;

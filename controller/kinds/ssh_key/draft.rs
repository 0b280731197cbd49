//! A key as a document says it. Pure.

use super::diff::State;
use crate::model::{Draft, Fact, Names, ResourceId};

pub(super) fn draft(id: &ResourceId, state: &State, _: &Names) -> Draft {
    let mut draft = Draft::default();
    draft.unless("name", state.name.as_str(), id.name.as_str()).field("publicKey", state.public_key.as_str());
    draft
}

pub(super) fn facts(state: &State) -> Vec<Fact> {
    vec![Fact::Size(state.fingerprint.clone())]
}

//! A network as a document says it. Pure.

use super::diff::State;
use super::spec::range;
use crate::model::{Draft, Fact, Names, ResourceId};

pub(super) fn draft(id: &ResourceId, state: &State, _: &Names) -> Draft {
    let mut draft = Draft::default();
    draft.unless("name", state.name.as_str(), id.name.as_str()).field("region", state.region.as_str());
    match range(&state.ip_range) {
        Ok(_) => drop(draft.field("ipRange", state.ip_range.as_str())),
        Err((why, _)) => draft.left_out.push(format!("ipRange: it is {}, {why}", state.ip_range)),
    }
    draft.unless("description", state.description.as_str(), "");
    if state.default {
        draft.note(format!("The default network of {}: it cannot be deleted.", state.region));
    }
    draft
}

pub(super) fn facts(state: &State) -> Vec<Fact> {
    vec![Fact::Region(state.region.clone()), Fact::Range(state.ip_range.clone())]
}

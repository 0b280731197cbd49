//! A droplet as a document says it. Pure.

use super::inplace::left_alone;
use super::live::{State, Status};
use super::want::{Backups, Schedule};
use crate::model::{Draft, Fact, Names, Output, ResourceId};
use serde_json::{Map, Value, json};

pub(super) fn draft(id: &ResourceId, state: &State, names: &Names) -> Draft {
    let mut draft = Draft::default();
    draft.unless("name", state.name.as_str(), id.name.as_str());
    draft.field("region", state.region.as_str()).field("size", state.size.as_str());
    match &state.image {
        Some(slug) => draft.field("image", slug.as_str()),
        None => draft.field("image", state.image_id),
    };
    match names.of("Vpc", Output::Id, &state.vpc) {
        Some(vpc) => drop(draft.field("vpc", vpc)),
        None if state.vpc.is_empty() => {}
        None => draft.left_out.push(format!("vpc: it lies in the network {}, which has no document here", state.vpc)),
    }
    if let Some(backups) = backups(state.backups) {
        draft.field("backups", backups);
    }
    draft.unless("monitoring", state.monitoring, false).unless("ipv6", state.ipv6, false);
    let mut tags: Vec<&str> = state.tags.iter().map(String::as_str).filter(|tag| !left_alone(tag)).collect();
    tags.sort_by_key(|tag| tag.to_ascii_lowercase());
    draft.unless("tags", tags, Vec::new());
    draft.note("sshKeys and userData are not told by DigitalOcean. They act only when a droplet is made: add them before it is made anew.");
    if let [marker, ..] = state.markers.as_slice() {
        draft.refuse(format!("its tag {marker} says that it belongs to another estate, or to another document"));
    }
    draft
}

fn backups(backups: Backups) -> Option<Value> {
    match backups {
        Backups::Off => None,
        Backups::On(None) => Some(Value::Bool(true)),
        Backups::On(Some(Schedule { plan, weekday, hour })) => {
            let mut at = Map::new();
            at.insert("plan".to_owned(), json!(plan));
            at.extend(weekday.map(|day| ("weekday".to_owned(), json!(day))));
            // Hours outside of the six that can be asked for are DigitalOcean's own choice.
            let asked = hour.filter(|hour| hour % 4 == 0 && *hour <= 20);
            at.extend(asked.map(|hour| ("hour".to_owned(), json!(hour))));
            Some(Value::Object(at))
        }
    }
}

pub(super) fn facts(state: &State) -> Vec<Fact> {
    let at = &state.addresses;
    let mut facts = vec![Fact::Region(state.region.clone()), Fact::Size(state.size.clone())];
    facts.extend([&at.public, &at.v6].into_iter().flatten().cloned().map(Fact::Address));
    facts.extend(at.private.clone().map(Fact::PrivateAddress));
    match state.status {
        Status::Active => {}
        Status::New => facts.push(Fact::Idle("being made".to_owned())),
        Status::Off => facts.push(Fact::Idle("off".to_owned())),
        Status::Other => facts.push(Fact::Idle("archived".to_owned())),
    }
    facts.push(Fact::Created(state.created.clone()));
    facts.extend(state.tags.iter().map(|tag| Fact::Tag(tag.to_ascii_lowercase())));
    facts
}

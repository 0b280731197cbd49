//! What becomes of a stack, or of a part of it, that is wanted no more where it is: dropped services, a move to another
//! host, a document that has gone. Volumes and files stay, and are named. Pure.

use super::ComposeStack;
use super::diff::{described, first};
use super::live::{State, Step};
use super::want::Want;
use crate::model::{
    Cause, Change, ChangeKey, Diff, Diffed, Finding, Kind, OnRemove, ProviderId, Risk, Shown, Step as Work, Verb,
    finding::Weight,
};
use std::collections::{BTreeMap, BTreeSet};

/// Services that the compose file has no more: each is a deletion that counts. Their volumes stay.
pub(super) fn dropped(input: &Diff<'_, ComposeStack>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    if want.more {
        return;
    }
    let mut left: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for container in state.of_services().filter(|container| !want.services.contains_key(&container.service)) {
        left.entry(container.service.as_str()).or_default().insert(container.id.clone());
    }
    let up = out.changes.iter().find(|change| change.key.part.is_none()).map(|change| change.key.clone());
    for (service, containers) in left {
        let key = ChangeKey::part(input.id, format!("service {service}"), Verb::Delete);
        let step = Work::Ready(Step::Drop { host: state.host.clone(), containers });
        let change = Change::new(key, "remove its containers: no compose file names it any more", step)
            .on(input.provider_id)
            .generation(input.generation.max(1))
            .scope(<ComposeStack as Kind>::scope(want))
            .field(format!("services.{service}"), Shown::text("there"), Shown::Nothing);
        out.changes.push(up.iter().fold(change, |change, key| change.after(key.clone())));
    }
    let stays = |(name, _): &(&String, _)| name.starts_with("volume ") && !want.definitions.contains_key(*name);
    let volumes: Vec<&str> = state.things.iter().filter(stays).map(|(_, volume)| volume.name.as_str()).collect();
    if !volumes.is_empty() {
        let text = format!("no compose file names these volumes any more; they stay: {}", volumes.join(", "));
        let hint = format!(
            "What is in them is nobody's but yours: `docker volume rm {}` on {}.",
            volumes.join(" "),
            want.host
        );
        out.findings.push(Finding::about(input.id, Weight::Note, "volumes-stay", text).hint(hint));
    }
}

/// The document names another host: it is made there, what needs it follows, and then it goes here.
pub(super) fn moving(input: &Diff<'_, ComposeStack>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    let Some(step) = first(input, want, true, out) else { return };
    let volumes = state.volumes();
    let key = ChangeKey::whole(input.id, Verb::Replace);
    let title = format!("move to {}: make it there, then remove it from Host/{}", want.host, state.host);
    let mut change = Change::new(key.clone(), title, step)
        .on(input.provider_id)
        .generation(input.generation.saturating_add(1))
        .field("host", Shown::text(&state.host), Shown::text(&want.host.name));
    if !volumes.is_empty() {
        let stays = format!("{} on Host/{}", volumes.join(", "), state.host);
        change = change
            .risk(Risk::Destroys(format!("its volumes do not move: {stays} stay, and it starts with empty ones")));
        change = change.field("volumes", Shown::set(volumes), Shown::text("empty ones"));
    }
    out.changes.push(described(want, change));
    if let Some(old) = input.provider_id {
        out.changes.push(retirement(input, old, input.generation, state.volumes()).after(key));
    }
}

/// What a move left behind goes once nothing else is to be done.
pub(super) fn former(input: &Diff<'_, ComposeStack>, out: &mut Diffed<Step>) {
    let before: Vec<ChangeKey> = out.changes.iter().map(|change| change.key.clone()).collect();
    let known = |id: &ProviderId| {
        input.owned.and_then(|o| o.retiring.iter().find(|r| &r.provider_id == id)).map_or(0, |r| r.generation)
    };
    for old in &input.retiring {
        let change = retirement(input, old, known(old), Vec::new());
        out.changes.push(before.iter().fold(change, |change, key| change.after(key.clone())));
    }
}

/// What a move left behind goes before the rest, when the document has gone as well: nothing remembers it afterwards.
pub(super) fn left(input: &Diff<'_, ComposeStack>, out: &mut Diffed<Step>) {
    let left: Vec<Change<Step>> = input.retiring.iter().map(|old| retirement(input, old, 0, Vec::new())).collect();
    for change in &mut out.changes {
        change.after.extend(left.iter().map(|former| former.key.clone()));
    }
    out.changes.extend(left);
}

fn retirement(input: &Diff<'_, ComposeStack>, old: &ProviderId, generation: u32, volumes: Vec<String>) -> Change<Step> {
    let (host, project) = old.0.split_once(':').unwrap_or((&old.0, ""));
    let step = Step::Down { host: host.to_owned(), project: project.to_owned() };
    let key = ChangeKey::part(input.id, old.to_string(), Verb::Retire);
    let title = format!("remove its containers from Host/{host}; volumes and files stay there");
    let change = Change::new(key, title, Work::Ready(step)).on(Some(old)).generation(generation);
    let change = change.field("host", Shown::text(host), Shown::Nothing);
    if volumes.is_empty() { change } else { change.field("volumes that stay", Shown::set(volumes), Shown::Nothing) }
}

pub(super) fn remove(input: &Diff<'_, ComposeStack>, state: &State, out: &mut Diffed<Step>) {
    let (host, project) = (state.host.clone(), state.project.clone());
    let volumes = state.volumes();
    let change = |verb, title: &str, step| {
        let change = Change::new(ChangeKey::whole(input.id, verb), title, Work::Ready(step))
            .on(input.provider_id)
            .generation(input.generation.max(1))
            .cause(Cause::Removal)
            .field("project", Shown::text(&state.project), Shown::Nothing);
        let stay = volumes.clone();
        if stay.is_empty() { change } else { change.field("volumes that stay", Shown::set(stay), Shown::Nothing) }
    };
    let runs = state.of_services().any(|c| ["running", "restarting", "paused"].contains(&c.state.as_str()));
    let stopped = input.owned.and_then(|owned| owned.stopped);
    let soaked = input.policy.soaked(stopped, input.view.as_of);
    out.changes.push(match input.policy.on_remove {
        OnRemove::Keep => change(Verb::Release, "let go; it goes on as it is", Step::Release),
        OnRemove::Stop if runs || stopped.is_none() => {
            let risk = Risk::Downtime("it is stopped; containers and volumes stay".to_owned());
            change(Verb::Stop, "stop", Step::Stop { host, project }).risk(risk)
        }
        OnRemove::Stop if !soaked => return,
        OnRemove::Stop | OnRemove::Destroy => {
            let risk = Risk::Destroys("removes its containers and networks; volumes and files stay".to_owned());
            change(Verb::Delete, "remove its containers", Step::Down { host, project }).risk(risk)
        }
    });
}

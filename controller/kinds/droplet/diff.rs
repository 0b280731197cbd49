//! What is to be done so that a droplet is as its document says. Pure; says how risky it is, not whether it may be done.

use super::fixed::{self, Fixed};
use super::live::{Body, State, Status, Step};
use super::want::{Backups, UserData, Want};
use super::{Droplet, inplace, places};
use crate::model::{
    Cause, Change, ChangeKey, Diff, Diffed, Finding, Observed, OnRemove, Output, ProviderId, Resolved, ResourceId,
    Risk, Shown, Step as Work, Verb, finding::Weight,
};
use std::collections::BTreeSet;

pub(super) type In<'a> = Diff<'a, Droplet>;

/// The stage of a resize in which the droplet is off because of us.
pub(super) const POWERED_OFF: &str = "powered-off";

pub(super) fn diff(input: &In<'_>) -> Diffed<Step> {
    let mut out = Diffed::default();
    match (input.want, &input.have) {
        (_, Observed::Changing(_) | Observed::Unknown { .. }) => return out,
        (_, Observed::Present(state)) if state.locked || state.status == Status::New => return out,
        (Some(want), Observed::Absent) => create(input, want, &mut out),
        (Some(want), Observed::Present(state)) => {
            settle(input, want, state, &mut out);
            out.findings.extend(off(input, state));
        }
        (None, Observed::Present(state)) => remove(input, state, &mut out),
        (None, Observed::Absent) => {}
    }
    retire(input, &mut out);
    out
}

fn settle(input: &In<'_>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    let Fixed { replacing, findings } = fixed::compare(input, want, state);
    if replacing.is_empty() {
        out.findings.extend(findings);
        inplace::changes(input, want, state, out);
        return;
    }
    let mut rest = Diffed::default();
    inplace::changes(input, want, state, &mut rest);
    let key = ChangeKey::whole(input.id, Verb::Replace);
    let Some(mut change) = making(input, want, key.clone(), "replace with a new droplet", out) else { return };
    let words: Vec<&str> = replacing.iter().map(|(field, _)| field.word()).collect();
    change.fields = replacing.into_iter().map(|(_, field)| field).collect();
    // The new one is made from the whole document, so what would change in place changes on the way.
    change.fields.extend(rest.changes.into_iter().filter(|c| c.key.verb == Verb::Update).flat_map(|c| c.fields));
    change = change
        .on(input.provider_id)
        .risk(Risk::Destroys(format!("replaceOn: [{}]; replacing a droplet destroys its disk", words.join(", "))))
        .cost(
            places::price(input.view.catalog, &state.size, &state.backups),
            places::price(input.view.catalog, &want.size, &want.backups),
        );
    let fields = change.fields.clone();
    out.changes.push(change);
    if let Some(old) = input.provider_id {
        let mut change = retirement(input, old, input.generation).after(key);
        change.fields = fields;
        out.changes.push(change);
    }
}

/// Says that a droplet is off which a document wants, where it is none of our doing: a resize under way, or a soak that
/// its document ended. Nothing is done about it: a document does not say whether a droplet runs.
fn off(input: &In<'_>, state: &State) -> Option<Finding> {
    let staged = input.intent.is_some_and(|intent| intent.stage.is_some());
    let ours = staged || input.owned.is_some_and(|owned| owned.stopped.is_some());
    (state.status == Status::Off && !ours).then(|| {
        let text = "it is off, and costs all the same; nothing in git says whether a droplet runs";
        let hint = "To have it run, power it on at DigitalOcean; to end its costs, remove its document with policy: {onRemove: destroy}.";
        Finding::about(input.id, Weight::Note, "is-off", text).hint(hint)
    })
}

fn create(input: &In<'_>, want: &Want, out: &mut Diffed<Step>) {
    let key = ChangeKey::whole(input.id, Verb::Create);
    let Some(change) = making(input, want, key, "create", out) else { return };
    let mut change = change
        .field("name", Shown::Nothing, Shown::text(&want.name))
        .field("region", Shown::Nothing, Shown::text(&want.region))
        .field("size", Shown::Nothing, Shown::text(&want.size))
        .field("image", Shown::Nothing, Shown::text(&want.image));
    if let Some(vpc) = &want.vpc {
        change = change.field("vpc", Shown::Nothing, reference(input, vpc));
    }
    if !want.ssh_keys.is_empty() {
        let all: Vec<Shown> = want.ssh_keys.iter().map(|id| reference(input, id)).collect();
        let known = all.iter().all(|shown| matches!(shown, Shown::Text(_)));
        change = change.field("sshKeys", Shown::Nothing, if known { fixed::keys(want) } else { Shown::Mixed(all) });
    }
    if want.backups != Backups::Off {
        change = change.field("backups", Shown::Nothing, Shown::text(want.backups));
    }
    for (word, on) in [("monitoring", want.monitoring), ("ipv6", want.ipv6)] {
        if on {
            change = change.field(word, Shown::Nothing, Shown::text("on"));
        }
    }
    if !want.tags.is_empty() {
        change = change.field("tags", Shown::Nothing, Shown::set(want.tags.clone()));
    }
    if want.user_data.is_some() {
        change = change.field("userData", Shown::Nothing, fixed::data(want));
    }
    change = change.cost(None, places::price(input.view.catalog, &want.size, &want.backups));
    out.changes.push(change);
}

fn reference(input: &In<'_>, id: &ResourceId) -> Shown {
    match input.view.resolve(id, Output::Id) {
        Resolved::Pending { from, output } => Shown::Pending { of: from, output },
        Resolved::Known(_) | Resolved::Unknown { .. } => Shown::text(&id.name),
    }
}

/// Begins the change that makes the next generation; none, with a finding, where it could not succeed.
fn making(input: &In<'_>, want: &Want, key: ChangeKey, title: &str, out: &mut Diffed<Step>) -> Option<Change<Step>> {
    if let Some(finding) = places::refused(input.id, input.view.catalog, &want.size, &want.region) {
        out.findings.push(finding);
        return None;
    }
    let generation = input.generation.saturating_add(1);
    let step = match body(input, want, generation) {
        Ok(step) => step,
        Err(whys) => {
            let text = format!("it is not made, since {}", whys.join("; "));
            out.findings.push(Finding::about(input.id, Weight::Unknown, "reference-unknown", text));
            return None;
        }
    };
    let mut change = Change::new(key, title, step).generation(generation);
    for (field, digest) in want.at_creation() {
        change = change.wrote(field.word(), digest);
    }
    Some(change)
}

/// The whole body, or what it waits for, or why nothing can be said.
fn body(input: &In<'_>, want: &Want, generation: u32) -> Result<Work<Step>, Vec<String>> {
    let mut on = Vec::new();
    let mut whys = Vec::new();
    let mut resolve = |id: &ResourceId| match input.view.resolve(id, Output::Id) {
        Resolved::Known(value) => Some(value),
        Resolved::Pending { from, .. } => {
            on.push(from);
            None
        }
        Resolved::Unknown { why } => {
            whys.push(why);
            None
        }
    };
    let vpc = want.vpc.as_ref().and_then(&mut resolve);
    let keys: Vec<(&ResourceId, String)> = want.ssh_keys.iter().filter_map(|id| Some((id, resolve(id)?))).collect();
    let mut ssh_keys = Vec::new();
    for (id, value) in keys {
        match value.parse() {
            Ok(number) => ssh_keys.push(number),
            Err(_) => whys.push(format!("{id} has the id {value:?}, which is no number")),
        }
    }
    if !whys.is_empty() {
        return Err(whys);
    }
    if !on.is_empty() {
        let why = on.iter().map(|id| format!("id of {id}")).collect::<Vec<_>>().join(", ");
        return Ok(Work::Waits { on, why });
    }
    let marker = input.marker(generation).to_string();
    Ok(Work::Ready(Step::Create(Box::new(Body {
        name: want.name.clone(),
        region: want.region.clone(),
        size: want.size.clone(),
        image: want.image.clone(),
        vpc,
        ssh_keys,
        backups: want.backups,
        monitoring: want.monitoring,
        ipv6: want.ipv6,
        tags: want.tags.iter().cloned().chain([marker]).collect(),
        user_data: want.user_data.as_ref().map(UserData::digest),
    }))))
}

/// Former generations go once the new one stands and nothing needs them.
fn retire(input: &In<'_>, out: &mut Diffed<Step>) {
    let planned: BTreeSet<ProviderId> =
        out.changes.iter().filter(|c| c.key.verb == Verb::Retire).filter_map(|c| c.provider_id.clone()).collect();
    let generation = |id: &ProviderId| {
        input.owned.and_then(|o| o.retiring.iter().find(|r| &r.provider_id == id)).map_or(0, |r| r.generation)
    };
    for old in input.retiring.iter().filter(|old| !planned.contains(**old)) {
        out.changes.push(retirement(input, old, generation(old)));
    }
}

fn retirement(input: &In<'_>, old: &ProviderId, generation: u32) -> Change<Step> {
    Change::new(
        ChangeKey::part(input.id, old.to_string(), Verb::Retire),
        format!("destroy the former droplet {old}"),
        Work::Ready(Step::Delete),
    )
    .on(Some(old))
    .generation(generation)
    .risk(Risk::Destroys(format!("destroys the disk and the address of the former droplet {old}")))
}

/// Says whether the droplet is off because a resize of ours was interrupted.
pub(super) fn left_off(input: &In<'_>, state: &State) -> bool {
    let ours = |part: &Option<String>| part.as_deref() == Some("size");
    state.status == Status::Off
        && input.intent.is_some_and(|i| ours(&i.key.part) && i.stage.as_deref() == Some(POWERED_OFF))
}

fn remove(input: &In<'_>, state: &State, out: &mut Diffed<Step>) {
    let change = |verb, title, step| {
        Change::new(ChangeKey::whole(input.id, verb), title, Work::Ready(step))
            .on(input.provider_id)
            .generation(input.generation.max(1))
            .cause(Cause::Removal)
            .field("name", Shown::text(&state.name), Shown::Nothing)
    };
    let price = places::price(input.view.catalog, &state.size, &state.backups);
    let stopped = input.owned.and_then(|owned| owned.stopped);
    let soaked = input.policy.soaked(stopped, input.view.as_of);
    match input.policy.on_remove {
        OnRemove::Keep => {
            let mut release = change(
                Verb::Release,
                "let go; it stays, its marker goes",
                Step::Mark { add: None, remove: state.markers.clone() },
            );
            if left_off(input, state) {
                let start = inplace::power_on(input);
                release = release.after(start.key.clone());
                out.changes.push(start);
            }
            out.changes.push(release);
        }
        OnRemove::Stop if state.status == Status::Active => out.changes.push(
            change(Verb::Stop, "shut down", Step::Stop)
                .field("status", Shown::text("active"), Shown::text("off"))
                .risk(Risk::Downtime("it is shut down and stays off; it costs until it is destroyed".to_owned())),
        ),
        // It is off already: from now on that counts as stopped, and the soak begins.
        OnRemove::Stop if state.status == Status::Off && stopped.is_none() => {
            out.changes.push(change(Verb::Stop, "leave it off, as it is", Step::Stop));
        }
        OnRemove::Stop if state.status != Status::Off || !soaked => {}
        OnRemove::Stop | OnRemove::Destroy => out.changes.push(
            change(Verb::Delete, if soaked { "destroy, as its soak is over" } else { "destroy" }, Step::Delete)
                .field("size", Shown::text(&state.size), Shown::Nothing)
                .field("address", state.addresses.public.as_ref().map_or(Shown::Nothing, Shown::text), Shown::Nothing)
                .risk(Risk::Destroys("destroys its disk and its address".to_owned()))
                .cost(price, None),
        ),
    }
}

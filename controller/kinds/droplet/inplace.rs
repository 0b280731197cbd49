//! What can change on a droplet in place, each part a change of its own, chained: DigitalOcean does one thing at a time. Pure.
//!
//! What is harmless comes first and what may be held comes last, so that a hold keeps back as little as possible.

use super::diff::{In, left_off};
use super::live::{State, Status, Step};
use super::places;
use super::want::{Backups, Want};
use crate::model::{Cause, Change, ChangeKey, Diffed, Finding, Risk, Shown, Step as Work, Verb, finding::Weight};
use std::collections::BTreeSet;

pub(super) fn changes(input: &In<'_>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    let size = size(input, want, state, &mut out.findings);
    // Backups go off after the resize, so at the new size's price; they go on before it.
    let priced_at = if size.is_some() && want.backups == Backups::Off { &want.size } else { &state.size };
    let backups = backups(input, want, state, priced_at);
    let (enabling, disabling) = if want.backups == Backups::Off { (None, backups) } else { (backups, None) };
    let rest = [
        rename(input, want, state),
        ipv6(input, want, state),
        tags(input, want, state),
        enabling,
        size,
        start_again(input, state),
        disabling,
    ];
    let rest: Vec<Change<Step>> = rest.into_iter().flatten().collect();
    let mark = mark(input, state).map(|mark| if input.adopting { taking_over(mark, &rest) } else { mark });
    let mut last: Option<ChangeKey> = None;
    for mut change in mark.into_iter().chain(rest) {
        change.after.extend(last.replace(change.key.clone()));
        out.changes.push(change);
    }
}

/// A droplet that differs is owned once it is marked, and then it is changed: so the mark carries all of it, to be
/// approved as one. One that equals its document is free to take.
fn taking_over(mut mark: Change<Step>, rest: &[Change<Step>]) -> Change<Step> {
    if rest.is_empty() {
        return mark;
    }
    mark.fields.extend(rest.iter().flat_map(|change| change.fields.iter().cloned()));
    let words: Vec<&str> = rest.iter().filter_map(|change| change.key.part.as_deref()).collect();
    let why =
        format!("takes over a droplet that the controller did not make, and then changes its {}", words.join(", "));
    mark.risk(Risk::TakesOver(why))
}

fn part(input: &In<'_>, part: &str, title: impl Into<String>, step: Step) -> Change<Step> {
    Change::new(ChangeKey::part(input.id, part, Verb::Update), title, Work::Ready(step))
        .on(input.provider_id)
        .generation(input.generation.max(1))
}

/// Writes the marker where it is missing or names another: a droplet taken over, renamed by its document, or untagged by hand.
fn mark(input: &In<'_>, state: &State) -> Option<Change<Step>> {
    let generation = input.generation.max(1);
    let right = input.marker(generation);
    if state.markers == [right.clone()] {
        return None;
    }
    let shown = |all: &[crate::model::Marker]| match all {
        [] => Shown::Nothing,
        all => Shown::set(all.iter().map(ToString::to_string)),
    };
    let add = (!state.markers.contains(&right)).then(|| right.clone());
    let remove = state.markers.iter().filter(|m| **m != right).cloned().collect();
    let title = if input.adopting { "take over: put our marker on it" } else { "put our marker on it" };
    let change = Change::new(ChangeKey::whole(input.id, Verb::Adopt), title, Work::Ready(Step::Mark { add, remove }))
        .on(input.provider_id)
        .generation(generation)
        .field("marker", shown(&state.markers), Shown::text(right));
    Some(if input.adopting { change.cause(Cause::Adoption) } else { change })
}

fn rename(input: &In<'_>, want: &Want, state: &State) -> Option<Change<Step>> {
    (want.name != state.name).then(|| {
        part(input, "name", "rename", Step::Rename { name: want.name.clone() }).field(
            "name",
            Shown::text(&state.name),
            Shown::text(&want.name),
        )
    })
}

fn ipv6(input: &In<'_>, want: &Want, state: &State) -> Option<Change<Step>> {
    (want.ipv6 && !state.ipv6).then(|| {
        part(input, "ipv6", "turn IPv6 on (it cannot be turned off again)", Step::EnableIpv6).field(
            "ipv6",
            Shown::text("off"),
            Shown::text("on"),
        )
    })
}

/// Tags that Kubernetes, DigitalOcean and markers bring: not for a document to take away.
pub(super) fn left_alone(tag: &str) -> bool {
    let tag = tag.to_ascii_lowercase();
    tag == "k8s" || ["k8s:", "do:", "driftless:"].iter().any(|prefix| tag.starts_with(prefix))
}

fn tags(input: &In<'_>, want: &Want, state: &State) -> Option<Change<Step>> {
    let lower = |tags: &[String]| tags.iter().map(|t| t.to_ascii_lowercase()).collect::<BTreeSet<_>>();
    let (wanted, present) = (lower(&want.tags), lower(&state.tags));
    let add: Vec<String> = want.tags.iter().filter(|t| !present.contains(&t.to_ascii_lowercase())).cloned().collect();
    let ours = |tag: &&String| wanted.contains(&tag.to_ascii_lowercase()) || !left_alone(tag);
    let compared: Vec<String> = state.tags.iter().filter(ours).cloned().collect();
    let remove: Vec<String> = compared.iter().filter(|t| !wanted.contains(&t.to_ascii_lowercase())).cloned().collect();
    if add.is_empty() && remove.is_empty() {
        return None;
    }
    // Tags that stay are shown as DigitalOcean spells them, so that a spelling is never told as a change.
    let after = compared.iter().filter(|t| !remove.contains(t)).chain(&add).cloned().collect::<Vec<_>>();
    Some(part(input, "tags", "change tags", Step::Tags { add, remove }).field(
        "tags",
        Shown::set(compared),
        Shown::set(after),
    ))
}

fn backups(input: &In<'_>, want: &Want, state: &State, size: &str) -> Option<Change<Step>> {
    if want.backups.fits(&state.backups) {
        return None;
    }
    let price = |backups: &Backups| places::price(input.view.catalog, size, backups);
    let (title, step, risk) = match (want.backups, state.backups) {
        (Backups::Off, _) => {
            let why = "turns backups off; those that exist are kept no longer than their time".to_owned();
            ("turn backups off", Step::DisableBackups, Risk::Unprotects(why))
        }
        (Backups::On(Some(schedule)), Backups::On(_)) => {
            ("change the times of backups", Step::ChangeBackups { schedule }, Risk::None)
        }
        (Backups::On(schedule), _) => ("turn backups on", Step::EnableBackups { schedule }, Risk::None),
    };
    Some(
        part(input, "backups", title, step)
            .risk(risk)
            .field("backups", Shown::text(state.backups), Shown::text(want.backups))
            .cost(price(&state.backups), price(&want.backups)),
    )
}

/// The share of backups counts with the price of the new size, where backups are turned on or changed before.
fn after_backups(want: &Want, state: &State) -> Backups {
    match want.backups {
        Backups::Off => state.backups,
        wanted if wanted.fits(&state.backups) => state.backups,
        wanted => wanted,
    }
}

fn size(input: &In<'_>, want: &Want, state: &State, findings: &mut Vec<Finding>) -> Option<Change<Step>> {
    let left_off = left_off(input, state);
    if want.size == state.size {
        return left_off.then(|| power_on(input));
    }
    if let Some(finding) = refuse(input, want, state) {
        findings.push(finding);
        // Whatever the document says now, a droplet that we turned off is turned on again.
        return left_off.then(|| power_on(input));
    }
    let runs = state.status == Status::Active || left_off;
    let disk = |size: &str| input.view.catalog.sizes.get(size).map(|size| size.disk);
    let grows = want.resize_disk && disk(&want.size).is_none_or(|gib| gib > state.disk);
    let mut title = if runs { "resize, 1–2 min off" } else { "resize; it is off and stays off" }.to_owned();
    if grows {
        title.push_str("; the disk grows for good");
    }
    let backups = after_backups(want, state);
    let price = |size: &str| places::price(input.view.catalog, size, &backups);
    let step = Step::Resize { size: want.size.clone(), disk: grows };
    let mut change = part(input, "size", title, step)
        .field("size", Shown::text(&state.size), Shown::text(&want.size))
        .cost(price(&state.size), price(&want.size));
    if grows {
        let to = disk(&want.size).map_or_else(|| "(that of the size)".to_owned(), |gib| format!("{gib} GiB"));
        change = change.field("disk", Shown::Text(format!("{} GiB", state.disk)), Shown::Text(to));
    }
    if runs {
        let why = if grows { "1–2 min off; the larger disk cannot be undone" } else { "1–2 min off" };
        change = change.risk(Risk::Downtime(why.to_owned()));
    }
    Some(if left_off { change.cause(Cause::Recovery) } else { change })
}

/// Starts a droplet again that an interrupted resize of ours left off.
pub(super) fn power_on(input: &In<'_>) -> Change<Step> {
    part(input, "size", "start it again after an interrupted resize", Step::PowerOn).cause(Cause::Recovery).field(
        "status",
        Shown::text("off"),
        Shown::text("active"),
    )
}

/// Starts a droplet again that we stopped when its document went, and whose document is back. One that somebody turned
/// off stays off.
fn start_again(input: &In<'_>, state: &State) -> Option<Change<Step>> {
    let ours = input.owned.is_some_and(|owned| owned.stopped.is_some());
    (ours && state.status == Status::Off).then(|| {
        part(input, "status", "start it again, as its document is back", Step::PowerOn).field(
            "status",
            Shown::text("off"),
            Shown::text("active"),
        )
    })
}

/// Says why a resize would be refused.
fn refuse(input: &In<'_>, want: &Want, state: &State) -> Option<Finding> {
    let catalog = input.view.catalog;
    if let Some(finding) = places::refused(input.id, catalog, &want.size, &state.region) {
        return Some(finding);
    }
    let disk = catalog.sizes.get(&want.size)?.disk;
    (disk < state.disk).then(|| {
        let text = format!(
            "cannot resize from {} to {}: its disk of {disk} GiB is smaller than the droplet's of {} GiB, and DigitalOcean refuses that (422)",
            state.size, want.size, state.disk
        );
        Finding::about(input.id, Weight::Problem, "cannot-shrink-disk", text).hint(format!(
            "Choose a size with at least {} GiB; or make a smaller droplet and move what is on this one.",
            state.disk
        ))
    })
}

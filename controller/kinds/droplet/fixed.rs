//! Fields of a droplet that cannot change in place: told as findings, or reasons for a replacement. Pure.

use super::Droplet;
use super::live::State;
use super::spec::ReplaceOn;
use super::want::Want;
use crate::model::{Diff, FieldChange, Finding, Output, Resolved, Shown, finding::Weight};

/// What differs for good.
#[derive(Default)]
pub(super) struct Fixed {
    /// The fields for which the document wants another droplet.
    pub replacing: Vec<(ReplaceOn, FieldChange)>,
    /// What is told about the others.
    pub findings: Vec<Finding>,
}

/// Compares what is fixed. What acts at creation is compared with what was sent then, so never for adopted droplets.
pub(super) fn compare(input: &Diff<'_, Droplet>, want: &Want, state: &State) -> Fixed {
    let mut out = Fixed::default();
    if want.region != state.region {
        differs(input, want, &mut out, ReplaceOn::Region, Shown::text(&state.region), Shown::text(&want.region));
    }
    network(input, want, state, &mut out);
    if state.ipv6 && !want.ipv6 {
        differs(input, want, &mut out, ReplaceOn::Ipv6, Shown::text("on"), Shown::text("off"));
    }
    at_creation(input, want, state, &mut out);
    out
}

fn network(input: &Diff<'_, Droplet>, want: &Want, state: &State, out: &mut Fixed) {
    let Some(vpc) = &want.vpc else { return };
    let to = match input.view.resolve(vpc, Output::Id) {
        Resolved::Known(uuid) if uuid == state.vpc => return,
        Resolved::Known(_) => Shown::text(&vpc.name),
        Resolved::Pending { from, output } => Shown::Pending { of: from, output },
        Resolved::Unknown { why } => {
            let text = format!("vpc could not be compared: {why}");
            out.findings.push(Finding::about(input.id, Weight::Unknown, "reference-unknown", text));
            return;
        }
    };
    let from = if state.vpc.is_empty() { Shown::Nothing } else { Shown::text(&state.vpc) };
    differs(input, want, out, ReplaceOn::Vpc, from, to);
}

fn differs(input: &Diff<'_, Droplet>, want: &Want, out: &mut Fixed, field: ReplaceOn, from: Shown, to: Shown) {
    let word = field.word();
    if want.replace_on.contains(&field) {
        out.replacing.push((field, FieldChange::new(word, from, to)));
        return;
    }
    let (text, keep) = match (field, &from) {
        (ReplaceOn::Ipv6, _) => ("ipv6 is on and cannot be turned off".to_owned(), "Write ipv6: true".to_owned()),
        (ReplaceOn::Vpc, Shown::Text(uuid)) => (
            format!("vpc is {uuid} and cannot change to {}", want.vpc.as_ref().map_or("", |id| &id.name)),
            "Name the Vpc document of the network that it is in".to_owned(),
        ),
        (ReplaceOn::Vpc, _) => {
            ("it is in no network and cannot be moved into one".to_owned(), "Leave vpc out".to_owned())
        }
        (_, Shown::Text(from)) => {
            (format!("{word} is {from} and cannot change to {}", want.region), format!("Write {word}: {from}"))
        }
        _ => (format!("{word} cannot change"), format!("Leave {word} as it was")),
    };
    let hint = format!("{keep}; or write replaceOn: [{word}] for a new droplet, which destroys the disk of this one.");
    out.findings.push(Finding::about(input.id, Weight::Problem, "cannot-change-in-place", text).hint(hint));
}

fn at_creation(input: &Diff<'_, Droplet>, want: &Want, state: &State, out: &mut Fixed) {
    let Some(owned) = input.owned.filter(|_| !input.adopting) else { return };
    for (field, digest) in want.at_creation() {
        let word = field.word();
        if owned.wrote.get(word).is_none_or(|sent| *sent == digest) {
            continue;
        }
        let (from, to) = shown(field, want, state);
        if want.replace_on.contains(&field) {
            out.replacing.push((field, FieldChange::new(word, from, to)));
        } else {
            let text = format!("{word} is not what it was when the droplet was made, and it acts only then");
            let hint = format!(
                "Nothing is done. For a new droplet, which destroys the disk of this one, write replaceOn: [{word}]."
            );
            out.findings.push(Finding::about(input.id, Weight::Note, "acts-at-creation", text).hint(hint));
        }
    }
}

/// Old and new value as far as they can be told: user data and keys cannot be read back.
fn shown(field: ReplaceOn, want: &Want, state: &State) -> (Shown, Shown) {
    let before = || Shown::text("(as sent when it was made)");
    match field {
        ReplaceOn::Image => {
            let from = state.image.clone().unwrap_or_else(|| state.image_id.to_string());
            (Shown::Text(from), Shown::text(&want.image))
        }
        ReplaceOn::Monitoring => {
            let on = |on: bool| Shown::text(if on { "on" } else { "off" });
            (on(!want.monitoring), on(want.monitoring))
        }
        ReplaceOn::SshKeys => (before(), keys(want)),
        _ => (before(), data(want)),
    }
}

/// The keys by name.
pub(super) fn keys(want: &Want) -> Shown {
    Shown::set(want.ssh_keys.iter().map(|id| id.name.clone()))
}

/// User data by place and size; its text would fill the plan.
pub(super) fn data(want: &Want) -> Shown {
    match &want.user_data {
        Some(data) => Shown::Text(format!("({}, {} bytes)", data.from, data.text.len())),
        None => Shown::Nothing,
    }
}

//! The subject of a report's commit: what happened, in one line.

use super::facts::{ConcernKey, concern_key, who, word};
use super::{Concern, ConcernKind, Report, StatusJson, TroubleKind};
use crate::model::{Attempt, Cause, Outcome, Planned};
use crate::render::outcome::answer;
use crate::render::{blocks, safe, words};
use std::collections::BTreeSet;

/// Longer than this and `git log --oneline` wraps.
const LONG: usize = 72;

/// Says what happened, in at most 72 characters.
pub fn subject(report: &Report<'_>) -> String {
    let status = super::status(report);
    let text = trouble(report, &status)
        .or_else(|| worked(report, &status))
        .or_else(|| standing(report, &status))
        .unwrap_or_else(|| quiet(&status));
    words::clip(&safe::line(&text), LONG)
}

/// The newest commit could not be taken.
fn trouble(report: &Report<'_>, status: &StatusJson) -> Option<String> {
    let now = status.trouble.as_ref()?;
    if report.previous.is_some_and(|p| p.trouble.as_ref() == Some(now)) && !report.outcomes.is_empty() {
        return None; // Known already; what was done is the news.
    }
    let stays = status.commit.as_deref().map(|c| format!(", {} stays desired", words::short(c))).unwrap_or_default();
    Some(match &now.commit {
        _ if now.is == TroubleKind::Halted => "halted: the controller cannot work, nothing is changed".to_owned(),
        Some(commit) => format!("invalid: {} has {}{stays}", words::short(commit), words::count(now.errors, "error")),
        None => format!("unreachable: the repository cannot be fetched{stays}"),
    })
}

/// Something was done or tried.
fn worked(report: &Report<'_>, status: &StatusJson) -> Option<String> {
    let of = |f: fn(&Attempt) -> bool| report.outcomes.iter().filter(|o| f(&o.attempt)).collect::<Vec<&Outcome>>();
    let done = of(|a| matches!(a, Attempt::Done));
    let failed = of(|a| matches!(a, Attempt::Failed { .. }));
    if done.is_empty() {
        return match failed.as_slice() {
            [] => None,
            [one, rest @ ..] => {
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                Some(format!("failing: {}{more}{}", named(&one.change), cause_of(one)))
            }
        };
    }
    let put_back: Vec<&Outcome> = done.iter().copied().filter(|o| o.change.cause == Cause::Drift).collect();
    if put_back.len() == done.len() && failed.is_empty() {
        return Some(format!("drift: {}, put back", by_hand(&put_back)));
    }
    let held = status.concerns.iter().filter(|c| c.is == ConcernKind::Held).count();
    let waiting = status.concerns.iter().filter(|c| c.is == ConcernKind::Waiting).count();
    let mut parts = vec![format!("{} done", words::number(done.len()))];
    for (n, word) in [(failed.len(), "failed"), (held, "held"), (waiting, "waiting")] {
        if n > 0 {
            parts.push(format!("{} {word}", words::number(n)));
        }
    }
    let commit = status.commit.as_deref().map(|c| format!(" {}", words::short(c))).unwrap_or_default();
    Some(format!("applied{commit}: {}", parts.join(", ")))
}

/// `Firewall/production inbound changed by hand`, or how many resources were.
fn by_hand(all: &[&Outcome]) -> String {
    let ids: BTreeSet<String> = all.iter().map(|o| o.key.id.to_string()).collect();
    match (ids.len(), all) {
        (1, [one]) => format!("{} changed by hand", field_of(&one.change)),
        (1, _) => format!("{} changed by hand", ids.into_iter().next().unwrap_or_default()),
        (n, _) => format!("{} changed by hand", words::count(n, "resource")),
    }
}

/// The id with its part, or with its only field.
fn field_of(change: &Planned) -> String {
    let id = change.key.id.to_string();
    match (&change.key.part, change.fields.as_slice()) {
        (Some(part), _) => who(&id, Some(part)),
        (None, [field]) => who(&id, Some(&field.path)),
        _ => id,
    }
}

fn named(change: &Planned) -> String {
    let title = blocks::title(change);
    format!("{} {}", blocks::name(change), title.split(',').next().unwrap_or_default())
}

/// ` (DigitalOcean 422)`, where the error says who answered what.
fn cause_of(outcome: &Outcome) -> String {
    let Attempt::Failed { fault, .. } = &outcome.attempt else { return String::new() };
    answer(fault).map(|a| format!(" ({a})")).unwrap_or_default()
}

/// Nothing was done, and something stands otherwise than it did.
fn standing(report: &Report<'_>, status: &StatusJson) -> Option<String> {
    let known: BTreeSet<ConcernKey<'_>> = report.previous.iter().flat_map(|p| &p.concerns).map(concern_key).collect();
    let fresh: Vec<&Concern> = status.concerns.iter().filter(|c| !known.contains(&concern_key(c))).collect();
    let told = if fresh.is_empty() { status.concerns.iter().collect() } else { fresh };
    let first = told.first()?;
    let alike: Vec<&&Concern> = told.iter().filter(|c| c.is == first.is).collect();
    let name = who(first.id.as_deref().unwrap_or("the estate"), first.part.as_deref());
    let more = match alike.len() - 1 {
        0 => String::new(),
        n => format!(" and {} more", words::number(n)),
    };
    Some(match first.is {
        ConcernKind::Frozen => format!("frozen: {}", words::clip(&first.why, 60)),
        ConcernKind::Drifted => format!("drift: {name}{more} changed by hand, reported only"),
        ConcernKind::Unknown => format!("not seen: {name}{more}"),
        // Of the estate as a whole the reason says more than its name.
        ConcernKind::Problem if first.id.is_none() => first.why.clone(),
        ConcernKind::Problem | ConcernKind::Paused => format!("{}: {name}{more}", word(first.is)),
        is => {
            let what = first.what.split([',', '(']).next().unwrap_or_default().trim_end();
            format!("{}: {name} {what}{more}", word(is))
        }
    })
}

fn quiet(status: &StatusJson) -> String {
    let counts = &status.counts;
    let at = status.commit.as_deref().map(|c| format!(" at {}", words::short(c))).unwrap_or_default();
    if counts.in_sync == counts.resources {
        format!("all {} in sync{at}", words::count(counts.resources, "resource"))
    } else {
        format!("{} of {} in sync{at}", words::number(counts.in_sync), words::count(counts.resources, "resource"))
    }
}

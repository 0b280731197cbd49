//! What has happened between two reports. Owns what is news and what is not.

use super::facts::{ConcernKey, concern_key, who, word};
use super::{Concern, ConcernKind, Event, Report, StatusJson};
use crate::model::{Attempt, Cause, Planned, Verb};
use crate::render::{blocks, fields, words};
use std::collections::BTreeSet;

/// What has happened since the last report; empty where nothing has.
pub(super) fn news(report: &Report<'_>, status: &StatusJson) -> Vec<Event> {
    let event = |(about, what): (String, String)| Event { at: report.now, about, what };
    let mut news: Vec<(String, String)> = commit(report, status).into_iter().collect();
    news.extend(report.outcomes.iter().filter(|o| o.attempt == Attempt::Done).map(|o| done(&o.change)));
    if let Some(before) = report.previous {
        let told: BTreeSet<String> = news.iter().map(|(about, _)| about.clone()).collect();
        news.extend(came(before, status));
        news.extend(went(before, status).filter(|(about, _)| !told.contains(about)));
        news.extend(trouble(before, status));
    }
    news.into_iter().map(event).collect()
}

fn commit(report: &Report<'_>, status: &StatusJson) -> Option<(String, String)> {
    let now = status.commit.as_deref()?;
    let then = report.previous?.commit.as_deref()?;
    if now == then {
        return None;
    }
    Some((format!("commit {}", words::short(now)), format!("follows {}", words::short(then))))
}

/// `resize, 1–2 min off (size s-2vcpu-4gb → s-4vcpu-8gb), done`.
fn done(change: &Planned) -> (String, String) {
    let title = match change.key.verb {
        Verb::Adopt if blocks::plain(change) => "taken over".to_owned(),
        Verb::Release if blocks::plain(change) => "let go; the object stays".to_owned(),
        _ => blocks::title(change),
    };
    let what = fields::brief(change).map(|f| format!(" ({f})")).unwrap_or_default();
    let end = match change.cause {
        Cause::Drift => ": changed by hand, put back",
        _ if matches!(change.key.verb, Verb::Adopt | Verb::Release) => "",
        _ => ", done",
    };
    (who(&change.key.id.to_string(), change.key.part.as_deref()), format!("{title}{what}{end}"))
}

/// Concerns that the last report did not have. What the next run does anyway is none.
fn came<'a>(before: &'a StatusJson, status: &'a StatusJson) -> impl Iterator<Item = (String, String)> + 'a {
    let known: BTreeSet<ConcernKey<'_>> = before.concerns.iter().map(concern_key).collect();
    lasting(status).filter(move |c| !known.contains(&concern_key(c))).map(|c| said(c, "now"))
}

/// Concerns of the last report that are over.
fn went<'a>(before: &'a StatusJson, status: &'a StatusJson) -> impl Iterator<Item = (String, String)> + 'a {
    let open: BTreeSet<ConcernKey<'_>> = status.concerns.iter().map(concern_key).collect();
    lasting(before).filter(move |c| !open.contains(&concern_key(c))).map(|c| said(c, "no longer"))
}

fn lasting(status: &StatusJson) -> impl Iterator<Item = &Concern> {
    status.concerns.iter().filter(|c| c.is != ConcernKind::Pending)
}

fn said(concern: &Concern, how: &str) -> (String, String) {
    let about = who(concern.id.as_deref().unwrap_or("estate"), concern.part.as_deref());
    (about, format!("{how} {}: {}", word(concern.is), concern.what))
}

fn trouble(before: &StatusJson, status: &StatusJson) -> Option<(String, String)> {
    match (&before.trouble, &status.trouble) {
        (None, None) => None,
        (Some(_), None) => Some(("repository".to_owned(), "read again".to_owned())),
        (then, Some(now)) if then.as_ref() == Some(now) => None,
        (_, Some(now)) => Some(match &now.commit {
            Some(commit) => (format!("commit {}", words::short(commit)), "has errors".to_owned()),
            None => ("repository".to_owned(), "cannot be fetched".to_owned()),
        }),
    }
}

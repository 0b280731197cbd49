//! What happened, as lines while the work goes on and as a sum at its end. Owns the words for success and failure.

use super::page::{Line, Page};
use super::paint::{Paint, Tone};
use super::plan::{part, verb_sign};
use super::{blocks, safe, words};
use crate::model::{Attempt, Fault, Outcome, Planned};
use jiff::Timestamp;

/// What a line about a failure needs besides the outcome.
#[derive(Clone, Copy, Debug)]
pub struct Tries {
    /// The time by which "in 40 s" is counted.
    pub now: Timestamp,
    /// How many tries there are before the controller gives up, where it does.
    pub limit: Option<u32>,
}

/// The line for a change that begins.
pub fn started(change: &Planned, paint: &Paint) -> String {
    let mut page = Page::new(paint);
    let lead = Line::new().plain("  ").join(verb_sign(change.key.verb, paint)).plain(" ").join(name(change, paint));
    let body = Line::of(Tone::Dim, format!("{} {}", title(change, paint), paint.more()));
    page.flow(lead, 4, body, Line::new());
    page.finish()
}

/// The line, or for a failure the block, for a change that has ended.
pub fn ended(outcome: &Outcome, tries: &Tries, paint: &Paint) -> String {
    let mut page = Page::new(paint);
    match &outcome.attempt {
        Attempt::Done => {
            let sign = Line::of(Tone::Add, paint.sign("✓", "*"));
            let lead = Line::new().plain("  ").join(sign).plain(" ").join(name(&outcome.change, paint));
            let body = Line::new().plain(title(&outcome.change, paint)).put(Tone::Dim, took(outcome.took_ms));
            page.flow(lead, 4, body, Line::new());
        }
        Attempt::Left { why } => {
            let sign = Line::of(Tone::Dim, paint.dot());
            let lead = Line::new().plain("  ").join(sign).plain(" ").join(name(&outcome.change, paint));
            page.flow(lead, 4, Line::new().plain("not done: ").plain(paint.clean(why)), Line::new());
        }
        Attempt::Failed { fault, attempts, next } => failed(&mut page, outcome, fault, *attempts, *next, tries),
    }
    page.finish()
}

/// How it went, all in all: `3 done, 1 failed, 1 not done in 1 m 42 s`.
pub fn sum(outcomes: &[Outcome], held: usize, took_ms: u64, paint: &Paint) -> String {
    let of = |f: fn(&Attempt) -> bool| outcomes.iter().filter(|o| f(&o.attempt)).count();
    let done = of(|a| matches!(a, Attempt::Done));
    let failed = of(|a| matches!(a, Attempt::Failed { .. }));
    let left = of(|a| matches!(a, Attempt::Left { .. }));
    let all = [
        (done, "done", Tone::Add),
        (failed, "failed", Tone::Bad),
        (left, "not done", Tone::Edit),
        (held, "held", Tone::Held),
    ];
    let mut line = Line::new();
    for (n, word, tone) in all.into_iter().filter(|(n, ..)| *n > 0) {
        let comma = if line.is_empty() { "" } else { ", " };
        line = line.plain(comma).put(tone, format!("{} {word}", words::number(n)));
    }
    if line.is_empty() {
        line = line.plain("Nothing done");
    }
    let mut page = Page::new(paint);
    page.para(0, line.plain(format!(" in {}", words::took(took_ms))));
    page.finish()
}

fn failed(
    page: &mut Page<'_>,
    outcome: &Outcome,
    fault: &Fault,
    attempts: u32,
    next: Option<Timestamp>,
    tries: &Tries,
) {
    let paint = page.paint;
    let lead = Line::of(Tone::Bad, "failed").plain(": ").join(name(&outcome.change, paint));
    page.flow(lead, 2, Line::new().plain(title(&outcome.change, paint)), Line::new());
    for line in safe::lines(&fault.to_string()).lines() {
        page.para(2, Line::new().plain(paint.clean(line)));
    }
    let again = again(fault, attempts, next, tries);
    let hint = words::sentence(&paint.clean(fault.hint()));
    let gap = if hint.is_empty() { "" } else { " " };
    page.para(2, Line::new().plain(hint).plain(gap).put(Tone::Name, again));
}

/// What the controller does next: `Next try in 40 s (3 of 10).`
fn again(fault: &Fault, attempts: u32, next: Option<Timestamp>, tries: &Tries) -> String {
    let count = match tries.limit {
        Some(limit) if attempts > 0 => format!(" ({attempts}\u{a0}of\u{a0}{limit})"),
        None if attempts > 1 => format!(" (tried {attempts} times)"),
        _ => String::new(),
    };
    match (next, fault) {
        (Some(at), _) => format!("Next try {}{count}.", words::until(tries.now, at).replace(' ', "\u{a0}")),
        (None, Fault::Unclear { .. }) => {
            "It is not sent again before a look has settled whether it happened.".to_owned()
        }
        (None, _) => "It is not tried again before its content changes, or driftless\u{a0}retry.".to_owned(),
    }
}

fn name(change: &Planned, paint: &Paint) -> Line {
    let line = Line::of(Tone::Name, paint.clean(&change.key.id.to_string()));
    match part(change, paint) {
        Some(part) => line.plain(format!("  {part}")),
        None => line,
    }
}

fn title(change: &Planned, paint: &Paint) -> String {
    paint.clean(&blocks::title(change))
}

/// `DigitalOcean 422`, where an error says who answered what.
pub(crate) fn answer(fault: &Fault) -> Option<String> {
    let text = fault.to_string();
    let (who, rest) = text.split_once(" answered ")?;
    let who = who.rsplit(' ').next().unwrap_or(who);
    let status: String = rest.chars().take_while(char::is_ascii_digit).collect();
    if status.is_empty() { None } else { Some(format!("{who} {status}")) }
}

fn took(ms: u64) -> String {
    format!("  done\u{a0}in\u{a0}{}", words::took(ms).replace(' ', "\u{a0}"))
}

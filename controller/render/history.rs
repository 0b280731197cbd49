//! Runs as a list and one by one. Owns their words; the journal says what happened.

use super::page::{Line, Page};
use super::paint::{Paint, Tone};
use super::{Tries, blocks, outcome, safe, words};
use crate::model::{Attempt, Fault, Outcome, Plan};
use jiff::Timestamp;

/// One run, as the journal has it.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// Its number.
    pub id: i64,
    /// The commit; none for a working directory.
    pub commit: Option<&'a str>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; none: it goes on, or the controller died in it.
    pub ended: Option<Timestamp>,
    /// How many changes were done, failed, and not tried.
    pub counts: (usize, usize, usize),
    /// What was planned, as far as it was kept.
    pub plan: Option<&'a Plan>,
    /// What became of it, as far as it was kept.
    pub outcomes: &'a [Outcome],
    /// How many of either did not fit the journal.
    pub cut: usize,
    /// Why it ended early.
    pub stopped: Option<&'a str>,
}

/// How many changes of a run its line names.
const NAMED: usize = 3;

/// Draws the list, the latest first.
pub fn history(runs: &[Past<'_>], paint: &Paint) -> String {
    let mut page = Page::new(paint);
    let width = runs.iter().map(|run| run.id.to_string().len()).max().unwrap_or(1).max(3);
    for run in runs {
        let id = format!("{:>width$}", run.id);
        let lead = Line::of(Tone::Name, id).plain("  ").plain(words::moment(run.started));
        let dot = format!("  {} ", paint.dot());
        let mut body = Line::of(Tone::Dim, commit(run, paint)).put(Tone::Dim, &*dot).join(counts(run));
        if let Some(ended) = run.ended {
            body = body.put(Tone::Dim, format!("{dot}{}", took(run.started, ended)));
        }
        page.flow(lead, width + 24, body, Line::new());
        page.para(width + 2, Line::of(Tone::Dim, named(run, paint)));
    }
    page.finish()
}

fn commit(run: &Past<'_>, paint: &Paint) -> String {
    run.commit.map_or_else(|| "(folder)".to_owned(), |commit| paint.clean(&words::short(commit)))
}

fn took(started: Timestamp, ended: Timestamp) -> String {
    words::took(u64::try_from(ended.duration_since(started).as_millis()).unwrap_or_default())
}

fn counts(run: &Past<'_>) -> Line {
    let (done, failed, left) = run.counts;
    if run.ended.is_none() {
        return Line::of(Tone::Edit, "not finished");
    }
    let all = [(done, "done", Tone::Add), (failed, "failed", Tone::Bad), (left, "not done", Tone::Edit)];
    let mut line = Line::new();
    for (n, word, tone) in all.into_iter().filter(|(n, ..)| *n > 0) {
        let comma = if line.is_empty() { "" } else { ", " };
        line = line.plain(comma).put(tone, format!("{} {word}", words::number(n)));
    }
    if line.is_empty() { line.plain("nothing done") } else { line }
}

/// The first changes by name: failures come first in the journal.
fn named(run: &Past<'_>, paint: &Paint) -> String {
    let of_outcome = |o: &Outcome| format!("{} {}", blocks::name(&o.change), o.key.verb.word());
    let mut names: Vec<String> = run.outcomes.iter().map(of_outcome).collect();
    if names.is_empty() {
        let changes = run.plan.into_iter().flat_map(Plan::going);
        names = changes.map(|c| format!("{} {}", blocks::name(c), c.key.verb.word())).collect();
    }
    let (done, failed, left) = run.counts;
    let all = names.len().max(done + failed + left);
    let mut text = names.iter().take(NAMED).map(|name| paint.clean(name)).collect::<Vec<_>>().join(", ");
    if all > NAMED {
        text.push_str(&format!(" and {} more", words::number(all - NAMED)));
    }
    text
}

/// Draws one run: when and for what, its plan, what came of each change.
pub fn run(run: &Past<'_>, paint: &Paint) -> String {
    let mut page = Page::new(paint);
    let dot = format!(" {} ", paint.dot());
    let mut line = Line::of(Tone::Dim, "Run ").put(Tone::Name, run.id.to_string());
    line = line.put(Tone::Dim, &*dot).plain(commit(run, paint));
    line = line.put(Tone::Dim, &*dot).plain(words::moment(run.started));
    page.para(0, line);
    match run.ended {
        Some(ended) => page.para(0, Line::new().join(counts(run)).plain(format!(" in {}", took(run.started, ended)))),
        None => page.para(0, Line::of(Tone::Edit, "It has no end: it goes on, or the controller was killed in it.")),
    }
    if let Some(why) = run.stopped {
        page.para(0, Line::new().plain(format!("It ended early: {}", words::sentence(&paint.clean(why)))));
    }
    let mut out = page.finish();
    out.push_str("\nWhat was planned\n\n");
    match run.plan {
        Some(plan) => {
            let context = super::PlanContext { applying: true, full: true, ..super::PlanContext::default() };
            out.push_str(&super::plan(plan, &context, paint));
        }
        None => out.push_str("  The plan was written by another version of driftless and cannot be read.\n"),
    }
    out.push_str("\nWhat came of it\n\n");
    for one in run.outcomes {
        match &one.attempt {
            Attempt::Failed { fault, .. } => out.push_str(&failed(one, fault, paint)),
            _ => out.push_str(&outcome::ended(one, &Tries { now: run.started, limit: None }, paint)),
        }
    }
    if run.outcomes.is_empty() {
        out.push_str("  Nothing is on record.\n");
    }
    if run.cut > 0 {
        out.push_str(&format!("  {} more did not fit the journal\n", words::number(run.cut)));
    }
    out
}

/// A failure without what came next: that was long ago.
fn failed(one: &Outcome, fault: &Fault, paint: &Paint) -> String {
    let mut page = Page::new(paint);
    let name = paint.clean(&blocks::name(&one.change));
    let lead = Line::of(Tone::Bad, "failed").plain(": ").put(Tone::Name, name);
    page.flow(lead, 2, Line::new().plain(paint.clean(&blocks::title(&one.change))), Line::new());
    for line in safe::lines(&fault.to_string()).lines().chain([words::sentence(fault.hint()).as_str()]) {
        page.para(2, Line::new().plain(paint.clean(line)));
    }
    page.finish()
}

/// Says whether a run concerns a resource.
pub fn concerns(run: &Past<'_>, id: &crate::model::ResourceId) -> bool {
    let planned = run.plan.into_iter().flat_map(|plan| &plan.changes);
    planned.map(|c| &c.key).chain(run.outcomes.iter().map(|o| &o.key)).any(|key| &key.id == id)
}

/// How one outcome ended, in a word for data.
pub fn ending(attempt: &Attempt) -> &'static str {
    match attempt {
        Attempt::Done => "done",
        Attempt::Failed { .. } => "failed",
        Attempt::Left { .. } => "left",
    }
}

/// Says that nothing is on record.
pub fn nothing(about: Option<&crate::model::ResourceId>) -> String {
    match about {
        Some(id) => format!("No run on record concerns {}.\n", safe::line(&id.to_string())),
        None => "No run is on record: nothing was changed yet.\n".to_owned(),
    }
}

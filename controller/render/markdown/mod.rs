//! The comment on a pull request: what a merge would do, and afterwards what it did. Owns its length and its table;
//! nothing from outside gets into it but through `safe`.

mod bounded;
mod details;
mod table;

use super::blocks::{self, Block, Section, Tally};
use super::paint::Paint;
use super::{diagnostic, findings, safe, words};
use crate::model::finding::Weight;
use crate::model::{Attempt, Cause, Diagnostic, Outcome, Plan, Planned};
use bounded::Bounded;
use details::details;
use std::collections::{BTreeMap, BTreeSet};
use table::table;
use uuid::Uuid;

/// The longest comment that GitHub takes; counted in bytes here, which is never less than in characters.
pub const LIMIT: usize = 65_536;
/// Kept for what stands at the end.
const RESERVE: usize = 2_048;
/// More parts of one resource with one verb than this share a row.
const ROWS: usize = 5;

/// What the caller knows and the plan does not.
#[derive(Clone, Debug, Default)]
pub struct CommentContext {
    /// The commit that would be merged, in full; a folder's name where it is none.
    pub commit: String,
    /// The branch that it would be merged into; empty for a folder.
    pub branch: String,
}

/// What came of the merge.
#[derive(Clone, Copy, Debug)]
pub struct Applied<'a> {
    /// Each change and how it ended.
    pub outcomes: &'a [Outcome],
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// The hidden first line by which an estate's own comment is found again.
pub fn marker(estate: &Uuid) -> String {
    format!("<!-- driftless:plan {estate} -->")
}

/// Writes the comment for a plan; with `applied`, for what came of it. Never longer than [`LIMIT`].
pub fn comment(plan: &Plan, context: &CommentContext, applied: Option<&Applied<'_>>) -> String {
    let (mine, drifted) = split(plan);
    let ended = applied.map(|a| a.outcomes.iter().map(|o| (&o.key, &o.attempt)).collect::<BTreeMap<_, _>>());
    let mut page = Bounded::new();
    page.push(&format!("{}\n", marker(&plan.estate_id)));
    page.push(&headline(plan, &Tally::of_blocks(&mine)));
    page.push(&subline(context, applied, &mine));
    if let Some(why) = &plan.frozen {
        page.push(&format!("**Frozen:** nothing is changed; {}\n\n", safe::markdown(&words::clip(why, 600))));
    }
    table(&mut page, &mine, ended.as_ref());
    if let Some(applied) = applied {
        failures(&mut page, applied.outcomes);
    }
    findings(&mut page, plan);
    let all = mine.values().flatten().count();
    details(&mut page, "Field by field", &mine, all);
    let branch = safe::html(&words::clip(&context.branch, 80));
    let n = drifted.values().flatten().count();
    let unfinished = drifted.values().flatten().flat_map(|b| &b.changes).any(|c| c.cause == Cause::Recovery);
    let so = if unfinished { "Already drifted or unfinished" } else { "Already drifted" };
    let title = format!("{so} on {branch}, not from this pull request ({})", words::number(n));
    details(&mut page, &title, &drifted, n);
    page.finish()
}

/// Writes the comment for a commit whose files have errors.
pub fn invalid_comment(estate: &Uuid, found: &[Diagnostic], files: usize, context: &CommentContext) -> String {
    let mut page = Bounded::new();
    page.push(&format!("{}\n", marker(estate)));
    let errors = words::count(found.len(), "problem");
    page.push(&format!("### driftless: {errors} in {}, nothing was planned\n", words::count(files, "file")));
    let commit = safe::code(&words::short(&context.commit));
    let branch = safe::code(&words::clip(&context.branch, 80));
    page.push(&format!("Commit {commit} · what {branch} says stays desired, also after a merge\n\n"));
    let paint = Paint::plain(100);
    let mut text = String::new();
    let mut left = 0;
    for one in found {
        let drawn = diagnostic::diagnostic(one, &paint);
        if text.len() + drawn.len() + RESERVE > page.left() {
            left += 1;
        } else {
            text.push_str(&drawn);
            text.push('\n');
        }
    }
    page.push(&safe::fenced("", &text));
    if left > 0 {
        page.push(&format!("… and {} more: `driftless validate` shows them all.\n", words::number(left)));
    }
    page.finish()
}

type Sections<'a> = BTreeMap<Section, Vec<Block<'a>>>;

/// Parts what the pull request brings from what was so before.
fn split(plan: &Plan) -> (Sections<'_>, Sections<'_>) {
    let before = |c: &Planned| matches!(c.cause, Cause::Drift | Cause::Recovery);
    let mut mine = Sections::new();
    let mut drifted = Sections::new();
    for (section, blocks) in blocks::sections(plan) {
        for block in blocks {
            let (old, new): (Vec<&Planned>, Vec<&Planned>) = block.changes.into_iter().partition(|c| before(c));
            for (changes, to) in [(old, &mut drifted), (new, &mut mine)] {
                if !changes.is_empty() {
                    to.entry(section).or_default().push(Block { id: block.id, changes, retire: block.retire.clone() });
                }
            }
        }
    }
    (mine, drifted)
}

fn headline(plan: &Plan, tally: &Tally) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (n, word) in tally.words() {
        let text = format!("{} {word}", words::number(n));
        parts.push(if word == "held" { format!("**{text}**") } else { text });
    }
    let problems = plan.findings.iter().filter(|f| f.weight == Weight::Problem).count();
    if problems > 0 {
        parts.push(format!("**{} to mend**", words::number(problems)));
    }
    if parts.is_empty() {
        parts.push("nothing to do".to_owned());
    }
    format!("### driftless: {}{}\n", parts.join(", "), money(plan))
}

fn money(plan: &Plan) -> String {
    let (before, after) = (plan.monthly.before, plan.monthly.after);
    match (before.0, after.0) {
        (0, 0) => String::new(),
        (b, a) if a == b => format!(" · {after} a month"),
        _ => format!(" · {before} → {after} a month"),
    }
}

fn subline(context: &CommentContext, applied: Option<&Applied<'_>>, mine: &Sections<'_>) -> String {
    let commit = safe::code(&words::short(&context.commit));
    let branch = safe::code(&words::clip(&context.branch, 80));
    let Some(applied) = applied else {
        if context.branch.is_empty() {
            return format!("Plan for the folder {commit} as it stands\n\n");
        }
        return format!("Plan for {commit} merged into {branch} · nothing happens before the merge\n\n");
    };
    let of = |f: fn(&Attempt) -> bool| applied.outcomes.iter().filter(|o| f(&o.attempt)).count();
    let held: usize = mine.get(&Section::Held).map_or(0, |b| b.iter().map(|b| b.changes.len()).sum());
    let counts = [
        (of(|a| matches!(a, Attempt::Done)), "done"),
        (of(|a| matches!(a, Attempt::Failed { .. })), "failed"),
        (of(|a| matches!(a, Attempt::Left { .. })), "not done"),
        (held, "waiting for approval"),
    ];
    let text: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, w)| format!("{} {w}", words::number(*n))).collect();
    let text = if text.is_empty() { "nothing to do".to_owned() } else { text.join(", ") };
    format!("**Applied in {}.** {text} · {commit} on {branch}\n\n", words::took(applied.took_ms))
}

fn failures(page: &mut Bounded, outcomes: &[Outcome]) {
    for outcome in outcomes {
        let Attempt::Failed { fault, .. } = &outcome.attempt else { continue };
        let name = safe::markdown(&words::clip(&blocks::name(&outcome.change), 120));
        let what = safe::markdown(&words::clip(&blocks::title(&outcome.change), 120));
        let error = safe::fenced("", &safe::lines(&words::clip(&fault.to_string(), 2_000)));
        let hint = safe::markdown(&words::clip(fault.hint(), 600));
        let text = format!("**{name}**, {what}, failed:\n\n{error}{hint}\n\n");
        if !page.try_push(&text) {
            page.push("More failures are in STATUS.md on the report branch.\n\n");
            return;
        }
    }
}

fn findings(page: &mut Bounded, plan: &Plan) {
    let mut text = String::new();
    let all: Vec<_> = plan.findings.iter().collect();
    for group in findings::grouped(&all) {
        let line = bullet(&group);
        if text.len() + line.len() > page.left() / 3 {
            text.push_str("- … more in `driftless plan`\n");
            break;
        }
        text.push_str(&line);
    }
    if !text.is_empty() {
        page.push(&text);
        page.push("\n");
    }
}

/// One finding, or many of one reason, as a list's item.
fn bullet(group: &findings::Group<'_>) -> String {
    let icon = match group.said.first().map(|(f, _)| f.weight) {
        Some(Weight::Problem) => "⚠️",
        Some(Weight::Unknown) => "❔",
        _ => "ℹ️",
    };
    let safe = |text: &str| safe::markdown(&words::clip(text, 600));
    let name = |id: &Option<crate::model::ResourceId>| id.as_ref().map(|id| format!("**{}**", safe(&id.to_string())));
    let hint = safe(group.hint().unwrap_or_default());
    match group.said.as_slice() {
        [(one, said)] => {
            let name = name(&one.id).map(|n| format!("{n}: ")).unwrap_or_default();
            format!("- {icon} {name}{} {hint}\n", words::sentence(&safe(said)))
        }
        many => {
            let names: BTreeSet<String> = many.iter().filter_map(|(f, _)| name(&f.id)).collect();
            let names = names.into_iter().take(20).collect::<Vec<_>>().join(", ");
            format!("- {icon} {names}, for one reason: {} {hint}\n", words::sentence(&safe(group.reason)))
        }
    }
}

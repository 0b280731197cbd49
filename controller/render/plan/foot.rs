//! The end of a plan: what was noticed, what nobody claims, the counts, the price, and what to do next.

use super::PlanContext;
use crate::model::finding::Weight;
use crate::model::{Finding, Plan, SettingsMode, Standing};
use crate::render::blocks::{self, Tally};
use crate::render::findings;
use crate::render::page::{Line, Page};
use crate::render::paint::Tone;
use crate::render::words;
use std::collections::BTreeMap;

/// How many findings of one weight, or unowned objects of one kind, are named before the rest is counted.
const FIRST: usize = 20;

/// Draws the findings by weight.
pub(super) fn findings(page: &mut Page<'_>, plan: &Plan, full: bool) {
    let groups = [
        (Weight::Problem, "Cannot be brought in sync until somebody acts:"),
        (Weight::Unknown, "Could not be looked at; nothing is decided about them:"),
        (Weight::Note, "Worth knowing:"),
    ];
    for (weight, title) in groups {
        let all: Vec<&Finding> = plan.findings.iter().filter(|f| f.weight == weight).collect();
        if all.is_empty() {
            continue;
        }
        page.blank();
        page.para(2, Line::new().plain(title));
        let shown = if full { all.len() } else { FIRST };
        for group in findings::grouped(all.get(..shown).unwrap_or(&all)) {
            for (one, said) in &group.said {
                finding(page, one, said, group.reason.is_empty());
            }
            if !group.reason.is_empty() {
                let reason = page.paint.clean(group.reason);
                let all = words::number(group.said.len());
                page.para(6, Line::of(Tone::Dim, format!("All {all} for one reason: ")).plain(reason));
                if let Some(hint) = group.hint() {
                    page.para(6, Line::new().plain(page.paint.clean(hint)));
                }
            }
        }
        if all.len() > shown {
            let text = format!("{} and {} more (--full)", page.paint.more(), words::number(all.len() - shown));
            page.para(4, Line::of(Tone::Dim, text));
        }
    }
}

fn finding(page: &mut Page<'_>, one: &Finding, said: &str, alone: bool) {
    let paint = page.paint;
    let sign = match one.weight {
        Weight::Problem => Line::of(Tone::Bad, "!"),
        Weight::Unknown => Line::of(Tone::Edit, "?"),
        Weight::Note => Line::of(Tone::Dim, paint.dot()),
    };
    let lead = Line::new().plain("  ").join(sign).plain(" ");
    let (lead, text) = match &one.id {
        Some(id) => {
            let id = id.to_string();
            // The text may begin with the id itself; then it is said once.
            let text = said.strip_prefix(&id).map_or(said, |rest| rest.trim_start_matches([':', ' ']));
            (lead.put(Tone::Name, paint.clean(&id)), text)
        }
        None => (lead, said),
    };
    let mut body = Line::new().plain(paint.clean(text));
    if let Some(place) = &one.place {
        body = body.put(Tone::Dim, format!(" ({}:{})", paint.clean(&place.file), place.line));
    }
    page.flow(lead, if one.id.is_some() { 6 } else { 4 }, body, Line::new());
    if alone && !one.hint.is_empty() {
        page.para(6, Line::new().plain(paint.clean(&one.hint)));
    }
}

/// Names live objects that no document claims, kind by kind.
pub(super) fn unowned(page: &mut Page<'_>, plan: &Plan, full: bool) {
    if plan.unowned.is_empty() {
        return;
    }
    let paint = page.paint;
    let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in &plan.unowned {
        kinds.entry(&one.kind).or_default().push(paint.clean(&one.name).replace(' ', "\u{a0}"));
    }
    page.blank();
    page.para(2, Line::new().plain("Live objects that no document claims, left alone:"));
    for (kind, names) in kinds {
        let shown = if full { names.len() } else { 8 };
        let mut text = names.iter().take(shown).cloned().collect::<Vec<_>>().join(", ");
        if names.len() > shown {
            text.push_str(&format!(" {} and {} more", paint.more(), words::number(names.len() - shown)));
        }
        let lead = Line::new().plain("    ").put(Tone::Dim, paint.clean(kind));
        page.flow(lead, 20, Line::new().plain(text), Line::new());
    }
}

/// `1 to create, 3 to update, 1 held, 18 in sync · $72.00 → $96.00 a month`.
pub(super) fn sum(page: &mut Page<'_>, plan: &Plan) {
    let tally = Tally::of(plan);
    if tally == Tally::default() && plan.findings.is_empty() {
        return;
    }
    let mut parts: Vec<(Tone, String)> = tally
        .words()
        .into_iter()
        .map(|(n, word)| {
            let tone = if word == "held" { Tone::Held } else { Tone::Name };
            (tone, format!("{} {word}", words::number(n)))
        })
        .collect();
    let problems = plan.findings.iter().filter(|f| f.weight == Weight::Problem).count();
    let rest =
        [(problems, "to mend", Tone::Bad), (plan.unknown, "unknown", Tone::Edit), (plan.paused, "paused", Tone::Plain)];
    parts.extend(
        rest.into_iter().filter(|(n, ..)| *n > 0).map(|(n, word, tone)| (tone, format!("{} {word}", words::number(n)))),
    );
    parts.push((Tone::Plain, format!("{} in sync", words::number(plan.in_sync))));
    let mut line = Line::new();
    for (i, (tone, text)) in parts.into_iter().enumerate() {
        let comma = if i > 0 { ", " } else { "" };
        line = line.plain(comma).put(tone, text.replace(' ', "\u{a0}"));
    }
    page.para(0, line.join(money(page, plan)));
}

fn money(page: &Page<'_>, plan: &Plan) -> Line {
    let (before, after) = (plan.monthly.before, plan.monthly.after);
    if before.0 == 0 && after.0 == 0 {
        return Line::new();
    }
    let dot = Line::of(Tone::Dim, format!(" {}\u{a0}", page.paint.dot()));
    if before == after {
        return dot.plain(format!("{after}\u{a0}a\u{a0}month"));
    }
    dot.plain(format!("{before}\u{a0}{}\u{a0}", page.paint.arrow()))
        .put(Tone::Name, format!("{after}\u{a0}a\u{a0}month"))
}

/// What to do next.
pub(super) fn next(page: &mut Page<'_>, plan: &Plan, context: &PlanContext) {
    let tally = Tally::of(plan);
    let command = |text: &str| Line::of(Tone::Command, page.paint.clean(text).replace(' ', "\u{a0}"));
    let line = if tally.going() > 0 && plan.frozen.is_some() {
        Line::new().plain("Nothing is applied while it is frozen.")
    } else if tally.going() > 0 {
        if context.applying {
            return;
        }
        Line::new().plain("Apply with: ").join(command("driftless apply"))
    } else if tally.held > 0 {
        Line::new().plain(held(plan))
    } else if tally.observed > 0 && plan.mode == SettingsMode::Observe {
        Line::new().plain("Nothing is changed: the mode is observe. Settings, mode: enforce lets it act.")
    } else if tally.observed > 0 {
        Line::new().plain("Nothing to apply: what differs is reported only.")
    } else if let Some(until) = shut(plan) {
        Line::new().plain(format!("Nothing to apply {until}. Sooner: ")).join(command("driftless apply --now"))
    } else if tally.waiting > 0 {
        Line::new().plain("Nothing to apply now: the rest waits.")
    } else if plan.findings.iter().any(|f| f.weight != Weight::Note) {
        Line::new().plain("Nothing to apply.")
    } else {
        Line::of(Tone::Add, "Nothing to do").plain(format!(": {}", all_well(plan)))
    };
    page.para(0, line);
}

/// Until when the sync windows are shut, where they keep something back: `before Mon 08:00 Asia/Manila`.
fn shut(plan: &Plan) -> Option<String> {
    plan.changes.iter().find_map(|change| match &change.standing {
        Standing::Closed(words) => Some(match words.strip_prefix("until ") {
            Some(opens) => format!("before {opens}"),
            None => words.clone(),
        }),
        _ => None,
    })
}

fn held(plan: &Plan) -> String {
    let sections = blocks::sections(plan);
    let codes: usize = sections.values().flatten().map(|b| b.digests().len()).sum();
    match codes {
        1 => "Nothing to apply before it is approved.".to_owned(),
        _ => "Nothing to apply before something is approved.".to_owned(),
    }
}

fn all_well(plan: &Plan) -> String {
    let mut text = format!("{} in sync", words::count(plan.in_sync, "resource"));
    if plan.paused > 0 {
        text.push_str(&format!(", {} paused", words::number(plan.paused)));
    }
    if plan.monthly.after.0 != 0 {
        text.push_str(&format!(", {} a month", plan.monthly.after));
    }
    text
}

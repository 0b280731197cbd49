//! STATUS.md: whether all is well, what is not and what to do about it, what happened last, what is in sync.

use super::facts::{who, word};
use super::{Concern, ConcernKind, Report, State, StatusJson, TroubleKind};
use crate::model::Cents;
use crate::render::{safe, words};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How many rows a table has before the rest is counted.
const ROWS: usize = 100;

/// Says in one line whether all is well.
pub(super) fn summary(status: &StatusJson) -> String {
    let counts = &status.counts;
    let mut parts: Vec<String> = Vec::new();
    if let Some(trouble) = &status.trouble {
        parts.push(match (trouble.is, &trouble.commit) {
            (TroubleKind::Halted, _) => "the controller cannot work: nothing is changed".to_owned(),
            (_, Some(commit)) => {
                format!("commit {} has {}", words::short(commit), words::count(trouble.errors, "error"))
            }
            (_, None) => "the repository cannot be fetched".to_owned(),
        });
    }
    let mut kinds: BTreeMap<ConcernKind, usize> = BTreeMap::new();
    for concern in &status.concerns {
        *kinds.entry(concern.is).or_default() += 1;
    }
    parts.extend(kinds.iter().map(|(is, n)| match is {
        ConcernKind::Frozen => "frozen: nothing is changed".to_owned(),
        _ => format!("{} {}", words::number(*n), word(*is)),
    }));
    let total = words::count(counts.resources, "resource");
    match (parts.is_empty(), status.commit.is_some()) {
        (true, true) if counts.in_sync == counts.resources => format!("All is well: {total} in sync"),
        (true, true) => format!("All is well: {} of {total} in sync", words::number(counts.in_sync)),
        (true, false) => "Nothing is desired yet: no commit has been read".to_owned(),
        (false, false) => format!("{}; nothing is desired yet, and nothing is touched", capital(&parts.join(", "))),
        (false, true) => {
            format!("{}; {} of {total} in sync", capital(&parts.join(", ")), words::number(counts.in_sync))
        }
    }
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or(String::new(), |first| first.to_uppercase().chain(rest).collect())
}

/// Writes the page.
pub(super) fn page(status: &StatusJson, report: &Report<'_>) -> String {
    let mut out = String::new();
    let light = match status.state {
        State::Well => "🟢",
        State::Working => "🟡",
        State::Attention => "🔴",
    };
    let _ = writeln!(out, "# {}\n", safe::markdown(&words::clip(&status.estate, 100)));
    let _ = writeln!(out, "{light} **{}.**\n", safe::markdown(&status.summary));
    let _ = writeln!(out, "{}\n", below(status));
    trouble(&mut out, status);
    concerns(&mut out, status);
    errors(&mut out, status);
    recent(&mut out, status);
    in_sync(&mut out, status);
    unowned(&mut out, status);
    notes(&mut out, report);
    let exists = report.inventory.map_or("", |_| " · [what exists](INVENTORY.md)");
    let _ = writeln!(
        out,
        "---\n\n[What differs by hand, field by field](DRIFT.md){exists} · [the same as data](status.json)"
    );
    out
}

/// The commit, the branch, the price.
fn below(status: &StatusJson) -> String {
    let branch = safe::code(&words::clip(&status.branch, 100));
    let mut text = match &status.commit {
        Some(commit) => format!("Desired: commit {} on {branch}", safe::code(&words::short(commit))),
        None => format!("Watched: {branch}"),
    };
    if status.monthly_cents != 0 {
        let _ = write!(text, " · {} a month", Cents(status.monthly_cents));
    }
    text
}

fn trouble(out: &mut String, status: &StatusJson) {
    let Some(trouble) = &status.trouble else { return };
    let stays = match &status.commit {
        _ if trouble.is == TroubleKind::Halted => "Nothing is changed until it can; it tries by itself.".to_owned(),
        Some(commit) => format!(
            "The last valid commit {} stays desired: looking and putting back go on by it.",
            safe::code(&words::short(commit))
        ),
        None => "There is no valid commit yet, so nothing is touched.".to_owned(),
    };
    let head = match (trouble.is, &trouble.commit) {
        (TroubleKind::Halted, _) => "What stands below is as it was then.".to_owned(),
        (_, Some(commit)) => format!(
            "Commit {} has {} in {}. Push a commit that mends it.",
            safe::code(&words::short(commit)),
            words::count(trouble.errors, "error"),
            words::count(trouble.files, "file")
        ),
        (_, None) => "The repository cannot be fetched; it is tried again with every look.".to_owned(),
    };
    let title = match trouble.is {
        TroubleKind::Invalid => "The newest commit is not valid",
        TroubleKind::Unreachable => "The repository is out of reach",
        TroubleKind::Halted => "The controller cannot work",
    };
    let text = safe::fenced("", &safe::lines(&words::clip(&trouble.text, 60_000)));
    let since = words::moment(trouble.since);
    let _ = writeln!(out, "## {title}\n\nSince {since}. {head} {stays}\n\n{text}");
}

fn concerns(out: &mut String, status: &StatusJson) {
    if status.concerns.is_empty() {
        return;
    }
    out.push_str("## What is not in sync\n\n| | Resource | What | Since | What to do |\n|:-:|---|---|---|---|\n");
    for concern in status.concerns.iter().take(ROWS) {
        out.push_str(&row(concern));
    }
    if status.concerns.len() > ROWS {
        let left = words::number(status.concerns.len() - ROWS);
        let _ = writeln!(out, "| … | and {left} more in [status.json](status.json) | | | |");
    }
    out.push('\n');
}

fn row(concern: &Concern) -> String {
    let name = who(concern.id.as_deref().unwrap_or("the estate"), concern.part.as_deref());
    let since = concern.since.map(words::moment).unwrap_or_default();
    let since = since.replacen(' ', "<br>", 1).replace(' ', "&nbsp;");
    let text = |t: &str| safe::markdown(&words::clip(t, 400));
    let said = match concern.is {
        ConcernKind::Failing => text(&concern.what),
        ConcernKind::Problem | ConcernKind::Unknown => text(&concern.why),
        ConcernKind::Drifted => format!("{}, see [DRIFT.md](DRIFT.md)", text(&concern.why)),
        _ if concern.why.is_empty() => text(&concern.what),
        _ => format!("{}<br>{}", text(&concern.what), text(&concern.why)),
    };
    let todo = match (&concern.approve, concern.is) {
        (Some(code), ConcernKind::Held) => format!("`driftless approve {code}`"),
        _ if concern.todo.starts_with("driftless ") => safe::cell(&concern.todo),
        _ => text(&concern.todo),
    };
    format!("| {} | **{}** | **{}**<br>{said} | {since} | {todo} |\n", icon(concern.is), text(&name), word(concern.is))
}

fn icon(is: ConcernKind) -> &'static str {
    match is {
        ConcernKind::Frozen => "🧊",
        ConcernKind::Failing => "❌",
        ConcernKind::Held => "⛔",
        ConcernKind::Problem => "⚠️",
        ConcernKind::Unknown => "❔",
        ConcernKind::Drifted => "✋",
        ConcernKind::Observed => "👁️",
        ConcernKind::Waiting | ConcernKind::Pending => "⏳",
        ConcernKind::Paused => "⏸️",
    }
}

/// The exact errors; a table's cell is no place to read them.
fn errors(out: &mut String, status: &StatusJson) {
    let failing: Vec<&Concern> =
        status.concerns.iter().filter(|c| c.is == ConcernKind::Failing && !c.why.is_empty()).collect();
    for concern in failing.iter().take(20) {
        let name = who(concern.id.as_deref().unwrap_or("the estate"), concern.part.as_deref());
        let (name, what) = (safe::markdown(&words::clip(&name, 200)), safe::markdown(&words::clip(&concern.what, 200)));
        let text = safe::fenced("", &safe::lines(&concern.why));
        let _ = writeln!(out, "**{name}**, {what}, ended with:\n\n{text}");
    }
    if failing.len() > 20 {
        let _ =
            writeln!(out, "… and {} more errors in [status.json](status.json).\n", words::number(failing.len() - 20));
    }
}

fn recent(out: &mut String, status: &StatusJson) {
    let Some(first) = status.recent.first() else { return };
    let _ = writeln!(out, "## What happened last ({})\n", words::moment(first.at));
    for event in status.recent.iter().take(ROWS) {
        let about = safe::markdown(&words::clip(&event.about, 200));
        let _ = writeln!(out, "- **{about}**: {}", safe::markdown(&words::clip(&event.what, 300)));
    }
    if status.recent.len() > ROWS {
        let _ =
            writeln!(out, "- … and {} more in [status.json](status.json)", words::number(status.recent.len() - ROWS));
    }
    out.push('\n');
}

fn in_sync(out: &mut String, status: &StatusJson) {
    let counts = &status.counts;
    if counts.resources == 0 {
        return;
    }
    let _ = writeln!(out, "## What is in sync\n");
    let mut text = format!("{} of {}", words::number(counts.in_sync), words::count(counts.resources, "resource"));
    if !status.in_sync.is_empty() {
        let kinds: Vec<String> = status
            .in_sync
            .iter()
            .map(|(kind, n)| format!("{}&nbsp;{}", words::number(*n), safe::markdown(kind)))
            .collect();
        let _ = write!(text, ": {}", kinds.join(", "));
    }
    for (n, word) in [(counts.paused, "paused"), (counts.unknown, "not seen")] {
        if n > 0 {
            let _ = write!(text, " · {} {word}", words::number(n));
        }
    }
    let _ = writeln!(out, "{text}\n");
}

fn unowned(out: &mut String, status: &StatusJson) {
    if status.unowned.is_empty() {
        return;
    }
    let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in &status.unowned {
        kinds.entry(&one.kind).or_default().push(safe::code(&words::clip(&one.name, 100)));
    }
    out.push_str("## What no document claims\n\nLeft alone:\n\n");
    for (kind, names) in kinds {
        let more =
            if names.len() > 20 { format!(" … and {} more", words::number(names.len() - 20)) } else { String::new() };
        let first = names.into_iter().take(20).collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "- {}: {first}{more}", safe::markdown(kind));
    }
    out.push('\n');
}

/// Findings that need nobody, folded away.
fn notes(out: &mut String, report: &Report<'_>) {
    use crate::model::finding::Weight;
    let all = report.plan.map(|p| p.findings.as_slice()).unwrap_or_default();
    let notes: Vec<_> = all.iter().filter(|f| f.weight == Weight::Note).collect();
    if notes.is_empty() {
        return;
    }
    let _ = writeln!(out, "<details><summary>Worth knowing ({})</summary>\n", words::number(notes.len()));
    for note in notes.iter().take(ROWS) {
        let name = note.id.as_ref().map(|id| format!("**{}**: ", safe::markdown(&id.to_string()))).unwrap_or_default();
        let said = words::sentence(&safe::markdown(&words::clip(&note.text, 400)));
        let _ = writeln!(out, "- {name}{said} {}", safe::markdown(&words::clip(&note.hint, 400)));
    }
    out.push_str("\n</details>\n\n");
}

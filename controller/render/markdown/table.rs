//! The table of a comment: a row for each change, what it costs, whether it is held, how it came out.

use super::bounded::Bounded;
use super::{ROWS, Sections};
use crate::model::{Attempt, ChangeKey, Planned, Risk, Standing, Verb};
use crate::render::blocks::{self, Block, Section};
use crate::render::{fields, outcome, safe, words};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How each change ended.
pub(super) type Ended<'a> = BTreeMap<&'a ChangeKey, &'a Attempt>;

/// Writes the table, half of the room at most.
pub(super) fn table(page: &mut Bounded, sections: &Sections<'_>, ended: Option<&Ended<'_>>) {
    let rows: Vec<String> =
        sections.iter().flat_map(|(s, blocks)| blocks.iter().flat_map(|b| block_rows(*s, b, ended))).collect();
    if rows.is_empty() {
        return;
    }
    let (head, rule) = if ended.is_some() { (" Came out |", "---|") } else { ("", "") };
    page.push(&format!("| | Resource | What | |{head}\n|:-:|---|---|---|{rule}\n"));
    // The fields below are worth as much room as the table.
    let room = page.left() / 2;
    let mut used = 0;
    let mut shown = 0;
    for row in &rows {
        used += row.len();
        if used > room {
            break;
        }
        page.push(row);
        shown += 1;
    }
    if shown < rows.len() {
        let column = if ended.is_some() { " |" } else { "" };
        page.push(&format!(
            "| … | | and {} more rows: `driftless plan` | |{column}\n",
            words::number(rows.len() - shown)
        ));
    }
    page.push("\n");
}

/// A row for each change, or one for many parts of one verb.
fn block_rows(section: Section, block: &Block<'_>, ended: Option<&Ended<'_>>) -> Vec<String> {
    let mut groups: BTreeMap<Verb, Vec<&Planned>> = BTreeMap::new();
    for change in &block.changes {
        groups.entry(change.key.verb).or_default().push(change);
    }
    let mut rows = Vec::new();
    for (verb, changes) in groups {
        let alone = section == Section::Held && block.digests().len() > 1;
        if changes.len() > ROWS && !alone && ended.is_none() {
            rows.push(group_row(section, block, verb, &changes));
        } else {
            rows.extend(changes.iter().map(|c| row(section, c, ended)));
        }
    }
    rows
}

fn row(section: Section, change: &Planned, ended: Option<&Ended<'_>>) -> String {
    let held = section == Section::Held;
    let mut name = safe::markdown(&words::clip(&change.key.id.to_string(), 100));
    if held {
        name = format!("**{name}**");
    }
    let mut right = Vec::new();
    if let Some(hold) = change.hold() {
        right.push(format!("held: `/driftless approve {}`", hold.digest.short()));
    }
    if let Some(cost) = blocks::delta(change) {
        right.push(cost.signed());
    }
    let came = ended.map_or(String::new(), |ended| format!(" {} |", came_out(change, ended)));
    format!("| {} | {name} | {} | {} |{came}\n", icon(section, change), what(change), right.join(" · "))
}

fn group_row(section: Section, block: &Block<'_>, verb: Verb, changes: &[&Planned]) -> String {
    let parts: Vec<String> = changes.iter().take(3).filter_map(|c| c.key.part.as_deref()).map(safe::cell).collect();
    let icon = changes.first().map_or("", |c| icon(section, c));
    let code = match block.digests().as_slice() {
        [one] => format!("held: `/driftless approve {}`", one.short()),
        _ => String::new(),
    };
    format!(
        "| {icon} | {} | {} to {}: {}, … | {code} |\n",
        safe::markdown(&words::clip(&block.id.to_string(), 100)),
        words::number(changes.len()),
        verb.word(),
        parts.join(", ")
    )
}

/// The part, the title, what is lost, and the fields where they are few and short.
fn what(change: &Planned) -> String {
    let mut text = String::new();
    let alone = matches!(change.fields.as_slice(), [f] if Some(&f.path) == change.key.part.as_ref());
    if let (Some(part), false) = (&change.key.part, alone) {
        let _ = write!(text, "{} ", safe::cell(part));
    }
    let fields = brief(change);
    let silent = change.key.verb == Verb::Update && blocks::plain(change) && fields.is_some();
    let title = safe::markdown(&words::clip(&blocks::title(change), 160));
    match change.risk.needs_approval() {
        Some(_) => text.push_str(&format!("**{title}**")),
        None if silent => {}
        None => text.push_str(&title),
    }
    let why = change.risk.why();
    if !why.is_empty() && !change.title.contains(why) {
        let _ = write!(text, ": {}", safe::markdown(&words::clip(why, 200)));
    }
    if let Some(fields) = fields {
        let gap = if text.is_empty() || text.ends_with(' ') { "" } else { "<br>" };
        let _ = write!(text, "{gap}{fields}");
    }
    if let Standing::Blocked(why) = &change.standing {
        let _ = write!(text, "<br>not now: {}", safe::markdown(&words::clip(why, 200)));
    }
    if let Standing::Closed(until) = &change.standing {
        let _ = write!(text, "<br>sync window shut {}", safe::markdown(until));
    }
    text
}

/// The fields in a line, unless they are many; those stand below.
fn brief(change: &Planned) -> Option<String> {
    if change.fields.len() > 2 {
        return None;
    }
    let mut parts = Vec::new();
    for field in &change.fields {
        let sides = fields::sides(field, change.key.verb);
        if sides.git.len() + sides.reality.len() > 4 {
            return None;
        }
        let code = |v: &Vec<String>| v.iter().map(|t| safe::cell(t)).collect::<Vec<_>>();
        let (git, reality) = (code(&sides.git), code(&sides.reality));
        let text = match (reality.as_slice(), git.as_slice()) {
            ([from], [to]) if !sides.set => format!("{from} → {to}"),
            (gone, []) if change.key.verb != Verb::Update => gone.join(", "),
            ([], come) if change.key.verb != Verb::Update => come.join(", "),
            (gone, come) => {
                let come = come.iter().map(|v| format!("+ {v}"));
                come.chain(gone.iter().map(|v| format!("− {v}"))).collect::<Vec<_>>().join(" ")
            }
        };
        let path = safe::markdown(&words::clip(&field.path, 60));
        parts.push(if field.path == "value" { text } else { format!("{path} {text}") });
    }
    if parts.is_empty() { None } else { Some(parts.join(" · ")) }
}

fn icon(section: Section, change: &Planned) -> &'static str {
    match (section, change.key.verb, &change.risk) {
        (Section::Held, ..) => "⛔",
        (Section::Waiting, ..) => "⏳",
        (Section::Seen | Section::DriftSeen, ..) => "👁️",
        (_, Verb::Create, _) => "➕",
        (_, Verb::Update, Risk::Downtime(_)) => "🔁",
        (_, Verb::Update, _) => "✏️",
        (_, Verb::Replace, _) => "♻️",
        (_, Verb::Delete | Verb::Retire, _) => "🗑️",
        (_, Verb::Stop, _) => "⏹️",
        (_, Verb::Adopt | Verb::Release, _) => "🏷️",
    }
}

fn came_out(change: &Planned, ended: &Ended<'_>) -> String {
    match (ended.get(&change.key), &change.standing) {
        (Some(Attempt::Done), _) => "✓".to_owned(),
        (Some(Attempt::Failed { fault, .. }), _) => match outcome::answer(fault) {
            Some(answer) => format!("✗ {}, see below", safe::markdown(&words::clip(&answer, 60))),
            None => "✗ see below".to_owned(),
        },
        (Some(Attempt::Left { why }), _) => format!("not done: {}", safe::markdown(&words::clip(why, 160))),
        (None, Standing::Held(_)) => "waits for approval".to_owned(),
        (None, Standing::Observed) => "reported only".to_owned(),
        (None, Standing::Closed(until)) => format!("waits {}", safe::markdown(until)),
        (None, _) => "not done".to_owned(),
    }
}

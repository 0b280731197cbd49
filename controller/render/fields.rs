//! Fields as people read them: old and new, sets as what comes and goes, texts as changed lines, secrets by name.

use super::page::Line;
use super::paint::{Paint, Tone};
use super::words;
use crate::model::{FieldChange, Planned, Shown, Verb};
use similar::{ChangeTag, TextDiff};
use std::collections::BTreeSet;

/// One labelled line of a block; a label that is empty goes on with the line above.
pub(crate) struct Row {
    pub label: String,
    pub body: Line,
}

impl Row {
    pub fn new(label: impl Into<String>, body: Line) -> Self {
        Self { label: label.into(), body }
    }
}

/// How many lines of one field are shown before the rest is counted.
const LINES: usize = 20;

/// What comes or goes in one field, without any layout: what terminal, Markdown and reports share.
pub(crate) enum Delta {
    /// Only one side has a value.
    Only(Vec<String>),
    /// One value takes another's place.
    Swap(String, String),
    /// Members of a set: what comes, what goes, how many stay.
    Members { come: Vec<String>, go: Vec<String>, stay: usize },
    /// Lines of a text: what comes and what goes, in order.
    Lines(Vec<(bool, String)>),
}

/// Compares the two sides of a field. What comes or goes whole has one side only.
pub(crate) fn delta(field: &FieldChange, verb: Verb) -> Delta {
    let whole = matches!(verb, Verb::Create | Verb::Delete | Verb::Retire | Verb::Stop | Verb::Release);
    match (&field.from, &field.to) {
        (Shown::Nothing, side) | (side, Shown::Nothing) if whole => Delta::Only(members(side)),
        (Shown::Secret(_), Shown::Secret(name)) => Delta::Only(vec![format!("(secret {name}, changed)")]),
        (Shown::Text(from), Shown::Text(to)) if from.contains('\n') || to.contains('\n') => lines(from, to),
        (Shown::Set(_) | Shown::Mixed(_), _) | (_, Shown::Set(_) | Shown::Mixed(_)) => {
            sets(&members(&field.from), &members(&field.to))
        }
        (from, to) => Delta::Swap(one(from), one(to)),
    }
}

fn one(shown: &Shown) -> String {
    match shown {
        Shown::Nothing => "(none)".to_owned(),
        shown => members(shown).join(", "),
    }
}

/// Every member as text.
fn members(shown: &Shown) -> Vec<String> {
    match shown {
        Shown::Nothing => Vec::new(),
        Shown::Text(text) if text.is_empty() => vec!["\"\"".to_owned()],
        Shown::Text(text) if text.trim() != text => vec![format!("\"{text}\"")],
        Shown::Text(text) => vec![text.clone()],
        Shown::Set(values) => values.clone(),
        Shown::Pending { of, output } => vec![format!("({} of {of}, known once it exists)", output.words())],
        Shown::Mixed(parts) => parts.iter().flat_map(members).collect(),
        Shown::Secret(name) => vec![format!("(secret {name})")],
    }
}

fn sets(from: &[String], to: &[String]) -> Delta {
    let old: BTreeSet<&String> = from.iter().collect();
    let new: BTreeSet<&String> = to.iter().collect();
    if let ([old], [new]) = (from, to) {
        return Delta::Swap(old.clone(), new.clone());
    }
    Delta::Members {
        come: to.iter().filter(|v| !old.contains(v)).cloned().collect(),
        go: from.iter().filter(|v| !new.contains(v)).cloned().collect(),
        stay: old.intersection(&new).count(),
    }
}

fn lines(from: &str, to: &str) -> Delta {
    let changed = TextDiff::from_lines(from, to)
        .iter_all_changes()
        .filter_map(|change| match change.tag() {
            ChangeTag::Equal => None,
            tag => Some((tag == ChangeTag::Insert, change.value().trim_end_matches(['\n', '\r']).to_owned())),
        })
        .collect();
    Delta::Lines(changed)
}

/// Draws a field as rows.
pub(crate) fn rows(field: &FieldChange, verb: Verb, full: bool, paint: &Paint) -> Vec<Row> {
    let path = paint.clean(&field.path);
    match delta(field, verb) {
        Delta::Only(values) => only(path, &values, full, paint),
        Delta::Swap(from, to) => vec![Row::new(path, swap(&from, &to, paint))],
        Delta::Members { come, go, stay } => {
            let all: Vec<(bool, String)> =
                come.into_iter().map(|v| (true, v)).chain(go.into_iter().map(|v| (false, v))).collect();
            let mut rows = signed(path, &all, full, paint);
            if let (Some(row), true) = (rows.last_mut(), stay > 0) {
                row.body =
                    std::mem::take(&mut row.body).put(Tone::Dim, format!("  ({} as before)", words::number(stay)));
            }
            rows
        }
        Delta::Lines(all) => {
            let n = all.len();
            let mut rows = vec![Row::new(path, Line::of(Tone::Dim, words::count(n, "line")).put(Tone::Dim, " differ"))];
            rows.extend(signed(String::new(), &all, full, paint));
            rows
        }
    }
}

fn swap(from: &str, to: &str, paint: &Paint) -> Line {
    Line::new()
        .plain(paint.clean(from))
        .put(Tone::Dim, format!(" {}\u{a0}", paint.arrow()))
        .put(Tone::Name, paint.clean(to))
}

fn only(path: String, values: &[String], full: bool, paint: &Paint) -> Vec<Row> {
    if let [text] = values
        && text.contains('\n')
    {
        let all: Vec<&str> = text.lines().collect();
        let mut rows = vec![Row::new(path, Line::of(Tone::Dim, words::count(all.len(), "line")))];
        if full {
            rows.extend(all.iter().map(|line| Row::new("", Line::new().plain(paint.clean(line)))));
        }
        return rows;
    }
    if values.iter().all(|v| !v.contains(' ')) || values.len() <= 1 {
        return vec![Row::new(path, Line::new().plain(paint.clean(&values.join(", "))))];
    }
    let shown = if full { values.len() } else { LINES };
    let mut rows: Vec<Row> =
        values.iter().take(shown).map(|v| Row::new("", Line::new().plain(paint.clean(v)))).collect();
    if let Some(first) = rows.first_mut() {
        first.label = path;
    }
    rows.extend(rest(values.len(), shown, paint));
    rows
}

fn signed(path: String, all: &[(bool, String)], full: bool, paint: &Paint) -> Vec<Row> {
    let shown = if full { all.len() } else { LINES };
    let mut rows: Vec<Row> = all
        .iter()
        .take(shown)
        .map(|(comes, text)| {
            let (sign, tone) = if *comes { ("+", Tone::Add) } else { ("-", Tone::Remove) };
            Row::new("", Line::of(tone, format!("{sign}\u{a0}{}", paint.clean(text))))
        })
        .collect();
    if let Some(first) = rows.first_mut() {
        first.label = path;
    }
    rows.extend(rest(all.len(), shown, paint));
    rows
}

fn rest(all: usize, shown: usize, paint: &Paint) -> Option<Row> {
    let left = all.checked_sub(shown).filter(|n| *n > 0)?;
    Some(Row::new("", Line::of(Tone::Dim, format!("{} {} more (--full)", paint.more(), words::number(left)))))
}

/// Draws all fields of a change on one line, for a part among many; none where a field needs lines of its own.
pub(crate) fn inline(change: &Planned, paint: &Paint) -> Option<Line> {
    let mut line = Line::new();
    for (i, field) in change.fields.iter().enumerate() {
        if i > 0 {
            line = line.put(Tone::Dim, format!(" {} ", paint.dot()));
        }
        if !matches!(field.path.as_str(), "value" | "values") {
            line = line.put(Tone::Dim, format!("{}\u{a0}", paint.clean(&field.path)));
        }
        line = match delta(field, change.key.verb) {
            Delta::Only(values) if values.iter().any(|v| v.contains('\n')) => return None,
            Delta::Only(values) => line.plain(paint.clean(&values.join(", "))),
            Delta::Swap(from, to) => line.join(swap(&from, &to, paint)),
            Delta::Members { come, go, .. } if come.iter().chain(&go).all(|v| !v.contains(' ')) => {
                inline_members(line, &come, &go, paint)
            }
            Delta::Members { .. } | Delta::Lines(_) => return None,
        };
    }
    Some(line)
}

fn inline_members(mut line: Line, come: &[String], go: &[String], paint: &Paint) -> Line {
    let signed = come.iter().map(|v| ("+", Tone::Add, v)).chain(go.iter().map(|v| ("-", Tone::Remove, v)));
    for (i, (sign, tone, value)) in signed.enumerate() {
        let space = if i > 0 { " " } else { "" };
        line = line.put(tone, format!("{space}{sign}\u{a0}{}", paint.clean(value)));
    }
    line
}

/// The two sides of a field where they differ: what reality says and what git says.
pub(crate) struct Sides {
    pub reality: Vec<String>,
    pub git: Vec<String>,
    /// Members that both have.
    pub same: usize,
    /// Whether the values are members of a set or lines of a text, so that none takes another's place.
    pub set: bool,
}

/// Takes a field apart for reports and comments. Texts of many lines give the lines that differ.
pub(crate) fn sides(field: &FieldChange, verb: Verb) -> Sides {
    let split = |values: Vec<String>| values.iter().flat_map(|v| v.lines().map(str::to_owned)).collect();
    match delta(field, verb) {
        Delta::Only(values) if matches!(field.to, Shown::Nothing) => {
            Sides { reality: split(values), git: Vec::new(), same: 0, set: false }
        }
        Delta::Only(values) => Sides { reality: Vec::new(), git: split(values), same: 0, set: false },
        Delta::Swap(from, to) => Sides { reality: vec![from], git: vec![to], same: 0, set: false },
        Delta::Members { come, go, stay } => Sides { reality: go, git: come, same: stay, set: true },
        Delta::Lines(all) => {
            let (git, reality): (Vec<_>, Vec<_>) = all.into_iter().partition(|(comes, _)| *comes);
            let text = |v: Vec<(bool, String)>| v.into_iter().map(|(_, t)| t).collect();
            Sides { reality: text(reality), git: text(git), same: 0, set: true }
        }
    }
}

/// The fields of a change in a few words: `size s-2vcpu-4gb → s-4vcpu-8gb`; none where they are many or long.
pub(crate) fn brief(change: &Planned) -> Option<String> {
    if change.fields.is_empty() || change.fields.len() > 2 {
        return None;
    }
    let parts: Vec<String> = change.fields.iter().map(|f| brief_field(f, change.key.verb)).collect::<Option<_>>()?;
    Some(parts.join(", ")).filter(|text| text.chars().count() <= 120)
}

fn brief_field(field: &FieldChange, verb: Verb) -> Option<String> {
    let value = match delta(field, verb) {
        Delta::Only(values) => values.join(", "),
        Delta::Swap(from, to) => format!("{from} → {to}"),
        Delta::Members { come, go, .. } => {
            let come = come.iter().map(|v| format!("+ {v}"));
            come.chain(go.iter().map(|v| format!("- {v}"))).collect::<Vec<_>>().join(" ")
        }
        Delta::Lines(lines) => format!("{} differ", words::count(lines.len(), "line")),
    };
    if value.contains('\n') {
        return None;
    }
    Some(if field.path == "value" { value } else { format!("{} {value}", field.path) })
}

//! DRIFT.md: what reality says against git, field by field, and what was done about it.

use super::facts::who;
use super::{Drift, DriftField, StatusJson};
use crate::render::{safe, words};
use std::fmt::Write as _;

/// How many entries are written before the rest is counted.
const ENTRIES: usize = 200;
/// How many values of one side.
const VALUES: usize = 30;

/// Writes the page.
pub(super) fn page(status: &StatusJson) -> String {
    let mut out = format!("# Drift in {}\n\n", safe::markdown(&words::clip(&status.estate, 100)));
    let (over, open): (Vec<&Drift>, Vec<&Drift>) = status.drift.iter().partition(|d| d.over);
    if open.is_empty() {
        out.push_str("Nothing differs by hand: reality is as git says, or as a change of git is about to make it.\n\n");
    } else {
        out.push_str("## Changed by hand\n\n");
        entries(&mut out, &open);
    }
    if !over.is_empty() {
        out.push_str("## Put back lately\n\n");
        entries(&mut out, &over);
    }
    out.push_str("---\n\n[All of the status](STATUS.md) · [the same as data](status.json)\n");
    out
}

fn entries(out: &mut String, all: &[&Drift]) {
    for entry in all.iter().take(ENTRIES) {
        let name = safe::markdown(&words::clip(&who(&entry.id, entry.part.as_deref()), 200));
        let when = match (entry.at, entry.over) {
            (Some(at), true) => format!(" on {}", words::moment(at)),
            (Some(at), false) => format!(", so since {}", words::moment(at)),
            (None, _) => String::new(),
        };
        let _ = writeln!(out, "### {name}\n\n{}{when}\n", safe::markdown(&entry.done));
        if !entry.fields.is_empty() {
            out.push_str(
                "| Field | Git says | Reality said |\n|---|---|---|\n"
                    .replace("said", if entry.over { "said" } else { "says" })
                    .as_str(),
            );
            for field in &entry.fields {
                out.push_str(&row(field));
            }
            out.push('\n');
        }
    }
    if all.len() > ENTRIES {
        let _ = writeln!(out, "… and {} more in [status.json](status.json)\n", words::number(all.len() - ENTRIES));
    }
}

fn row(field: &DriftField) -> String {
    let path = safe::markdown(&words::clip(&field.path, 100));
    let same = if field.same > 0 { format!("<br>({} the same)", words::number(field.same)) } else { String::new() };
    format!("| {path}{same} | {} | {} |\n", side(&field.git), side(&field.reality))
}

fn side(values: &[String]) -> String {
    let mut text = values.iter().take(VALUES).map(|v| safe::cell(v)).collect::<Vec<_>>().join("<br>");
    if values.len() > VALUES {
        let _ = write!(text, "<br>… and {} more", words::number(values.len() - VALUES));
    }
    text
}

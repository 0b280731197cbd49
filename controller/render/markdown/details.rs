//! The folded parts of a comment: every field as lines of a diff.

use super::Sections;
use super::bounded::Bounded;
use crate::model::{Planned, Verb};
use crate::render::{blocks, fields, safe, words};
use std::fmt::Write as _;

/// A folded part with every field as lines of a diff.
pub(super) fn details(page: &mut Bounded, title: &str, sections: &Sections<'_>, n: usize) {
    if n == 0 {
        return;
    }
    let mut text = String::new();
    let mut left = 0;
    let room = page.left().saturating_sub(title.len() + 200);
    let changes = sections.values().flatten().flat_map(|b| b.changes.iter().chain(&b.retire).copied());
    for change in changes {
        let lines = as_diff(change);
        if lines.is_empty() {
            continue;
        }
        if left > 0 || text.len() + lines.len() > room {
            left += 1;
        } else {
            text.push_str(&lines);
        }
    }
    if text.is_empty() && left == 0 {
        return;
    }
    page.push(&format!("<details><summary>{title}</summary>\n\n"));
    if !text.is_empty() {
        page.push(&safe::fenced("diff", &text));
    }
    if left > 0 {
        let more = words::count(left, "more change");
        page.push(&format!("\n… and {more}, as a comment holds no more: `driftless plan --full` shows all.\n"));
    }
    page.push("\n</details>\n");
}

/// A change as lines of a diff: `-` what reality says, `+` what git says.
fn as_diff(change: &Planned) -> String {
    let mut text = String::new();
    if change.key.verb == Verb::Retire && change.fields.is_empty() {
        return text; // The replacement before it says why it is held.
    }
    let key = words::clip(&format!("{}: {}", blocks::name(change), blocks::title(change)), 200);
    for field in &change.fields {
        let sides = fields::sides(field, change.key.verb);
        let path = safe::line(&words::clip(&field.path, 80));
        for (sign, values) in [('-', &sides.reality), ('+', &sides.git)] {
            for value in values.iter().take(200) {
                let _ = writeln!(text, "{sign} {path}: {}", safe::line(&words::clip(value, 1_000)));
            }
        }
    }
    for reason in change.hold().map(|h| h.reasons.as_slice()).unwrap_or_default() {
        let _ = writeln!(text, "! held: {}", safe::line(&words::clip(&reason.text, 600)));
    }
    if text.is_empty() { text } else { format!("@@ {} @@\n{text}", safe::line(&key)) }
}

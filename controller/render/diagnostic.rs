//! Errors in files as text: where, the line, the mark, what to do. Owns the box; finds nothing wrong itself.

use super::page::{Line, Page};
use super::paint::{Paint, Tone};
use super::{safe, words};
use crate::model::{Diagnostic, Severity};
use unicode_width::UnicodeWidthStr;

/// Draws every diagnostic of a run, one after another, then the sum.
///
/// `files` is how many files were read.
pub fn diagnostics(all: &[Diagnostic], files: usize, paint: &Paint) -> String {
    let mut page = Page::new(paint);
    for one in all {
        draw(&mut page, one);
        page.blank();
    }
    page.para(0, sum(all, files));
    page.finish()
}

/// Draws one diagnostic.
pub fn diagnostic(one: &Diagnostic, paint: &Paint) -> String {
    let mut page = Page::new(paint);
    draw(&mut page, one);
    page.finish()
}

/// `2 errors in 31 files; nothing was planned`.
fn sum(all: &[Diagnostic], files: usize) -> Line {
    let errors = all.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = all.len() - errors;
    let read = words::count(files, "file");
    match (errors, warnings) {
        (0, 0) => Line::of(Tone::Add, format!("{read} checked, nothing wrong")),
        (0, w) => Line::of(Tone::Edit, words::count(w, "warning")).plain(format!(" in {read}")),
        (e, w) => {
            let mut line = Line::of(Tone::Bad, words::count(e, "error"));
            if w > 0 {
                line = line.plain(" and ").put(Tone::Edit, words::count(w, "warning"));
            }
            line.plain(format!(" in {read}; nothing was planned"))
        }
    }
}

fn draw(page: &mut Page<'_>, one: &Diagnostic) {
    let paint = page.paint;
    let (word, tone) = match one.severity {
        Severity::Error => ("error", Tone::Bad),
        Severity::Warning => ("warning", Tone::Edit),
    };
    let lead = Line::of(tone, word).plain(": ");
    let indent = lead.width();
    page.flow(lead, indent, Line::of(Tone::Name, paint.clean(&one.message)), Line::new());

    let number = if one.place.line == 0 { String::new() } else { one.place.line.to_string() };
    let gutter = number.width().max(2);
    let bar = paint.sign("│", "|");
    let place = match one.place.line {
        0 => paint.clean(&one.place.file),
        _ => paint.clean(&one.place.to_string()),
    };
    let open = format!("{}{} ", " ".repeat(gutter), paint.sign("┌─", "-->"));
    let indent = open.width();
    let mut place = Line::new().plain(place);
    if one.source_line.is_empty() && !one.path.is_empty() {
        place = place.put(Tone::Dim, format!(" ({})", paint.clean(&one.path)));
    }
    page.flow(Line::of(Tone::Dim, open), indent, place, Line::new());
    let margin = || Line::of(Tone::Dim, format!("{}{bar} ", " ".repeat(gutter)));

    if one.source_line.trim().is_empty() {
        if !one.label.is_empty() {
            page.flow(margin(), gutter + 2, Line::new().plain(paint.clean(&one.label)), Line::new());
        }
    } else {
        page.line(margin());
        let view = view(one, paint, paint.width.saturating_sub(gutter + 2).max(16));
        let lead = Line::of(Tone::Dim, format!("{number:>gutter$}{bar} "));
        page.line(lead.plain(view.text));
        mark(page, margin(), gutter + 2, view.before, view.marked, one, tone);
    }
    if !one.hint.is_empty() {
        let lead = Line::of(Tone::Dim, format!("{}{} ", " ".repeat(gutter), paint.sign("└", "=")));
        let mut lines = one.hint.lines();
        let first = lines.next().unwrap_or_default();
        page.flow(lead, gutter + 2, Line::new().plain(paint.clean(first)), Line::new());
        // A snippet to copy keeps its lines and what they are indented by.
        for line in lines {
            page.line(Line::new().plain(" ".repeat(gutter + 2)).plain(paint.clean(line)));
        }
    }
}

/// Underlines, and says what was expected: beside the mark where it fits, else below.
fn mark(page: &mut Page<'_>, margin: Line, indent: usize, before: usize, marked: usize, one: &Diagnostic, tone: Tone) {
    let paint = page.paint;
    let label = paint.clean(&one.label);
    let carets = Line::new().plain(" ".repeat(before)).put(tone, "^".repeat(marked));
    let beside = indent + before + marked + 1;
    let room = paint.width.saturating_sub(beside);
    let longest = label.split(' ').map(UnicodeWidthStr::width).max().unwrap_or(0);
    if label.width() <= room || (room >= 28 && longest <= room) {
        let lead = margin.join(carets).plain(" ");
        return flow_with_bar(page, lead, indent, beside, label);
    }
    page.line(margin.join(carets));
    let column = (indent + before).min(paint.width.saturating_sub(label.width().min(paint.width / 2)));
    let lead = bar_lead(paint, indent, column);
    flow_with_bar(page, lead, indent, column, label);
}

/// Wraps a label so that the bar at the left goes on beside every line of it.
fn flow_with_bar(page: &mut Page<'_>, lead: Line, indent: usize, column: usize, label: String) {
    let paint = page.paint;
    let room = paint.width.saturating_sub(column).max(8);
    let mut lead = Some(lead);
    let mut rest = String::new();
    for word in label.split(' ') {
        if !rest.is_empty() && rest.width() + 1 + word.width() > room {
            let line = lead.take().unwrap_or_else(|| bar_lead(paint, indent, column));
            page.line(line.plain(std::mem::take(&mut rest)));
        } else if !rest.is_empty() {
            rest.push(' ');
        }
        rest.push_str(word);
    }
    let line = lead.take().unwrap_or_else(|| bar_lead(paint, indent, column));
    page.line(line.plain(rest));
}

fn bar_lead(paint: &Paint, indent: usize, column: usize) -> Line {
    let bar = paint.sign("│", "|");
    let left = indent.saturating_sub(2);
    Line::of(Tone::Dim, format!("{}{bar} ", " ".repeat(left))).plain(" ".repeat(column.saturating_sub(indent)))
}

/// The part of a source line that fits, with the mark in it.
struct Seen {
    text: String,
    before: usize,
    marked: usize,
}

/// Shows the line with tabs and hidden characters made visible, cut to the room around its mark.
fn view(one: &Diagnostic, paint: &Paint, room: usize) -> Seen {
    let cells: Vec<String> = one.source_line.trim_end().chars().map(|c| cell(c, paint)).collect();
    let start = (one.place.column.max(1) as usize - 1).min(cells.len());
    let end = start.saturating_add(one.width.max(1) as usize).min(cells.len());
    let wide = |range: &[String]| range.iter().map(|c| c.width()).sum::<usize>();
    let get = |from: usize, to: usize| cells.get(from..to).unwrap_or_default();
    if wide(&cells) <= room {
        return Seen { text: cells.concat(), before: wide(get(0, start)), marked: wide(get(start, end)).max(1) };
    }
    let more = paint.more();
    let room = room.saturating_sub(2 * more.width());
    // The mark stands at two thirds of the room at most, so that what leads to it is seen.
    let mut from = start;
    while from > 0 && wide(get(from - 1, start)) <= room * 3 / 5 {
        from -= 1;
    }
    let mut to = from;
    while to < cells.len() && wide(get(from, to + 1)) <= room {
        to += 1;
    }
    let head = if from > 0 { more } else { "" };
    let tail = if to < cells.len() { more } else { "" };
    Seen {
        text: format!("{head}{}{tail}", get(from, to).concat()),
        before: head.width() + wide(get(from, start)),
        marked: wide(get(start, end.min(to))).max(1),
    }
}

fn cell(c: char, paint: &Paint) -> String {
    let mut out = String::new();
    match c {
        '\t' => out.push_str("    "),
        c => safe::push_shown(&mut out, c),
    }
    if paint.ascii { safe::ascii(&out) } else { out }
}

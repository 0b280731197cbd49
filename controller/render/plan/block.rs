//! One resource of a plan: the line that names it, its fields, why it is held, what it waits for.

use crate::model::{Cause, Planned, Risk, Standing, Step, Verb};
use crate::render::blocks::{self, Block, Section};
use crate::render::fields::{self, Row};
use crate::render::page::{Line, Page};
use crate::render::paint::{Paint, Tone};
use crate::render::words;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// More parts of one verb than this are not all drawn.
pub(super) const MANY: usize = 40;
/// How many of them are.
pub(super) const FIRST: usize = 20;
/// How all of them are seen.
pub(super) const HOW: &str = "driftless plan -o json, or --full";
/// How many reasons to hold are told of one block.
const REASONS: usize = 4;
/// Where a block's rows begin.
const INDENT: usize = 6;

/// How blocks of one plan are drawn.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// The column in which every block says what is done.
    pub column: usize,
    /// Whether every part and line is shown.
    pub full: bool,
    /// The time by which "in 40 s" is counted.
    pub now: Timestamp,
}

/// Draws a block.
pub(super) fn draw(page: &mut Page<'_>, section: Section, block: &Block<'_>, manner: Manner) {
    let paint = page.paint;
    let Manner { column, full, now } = manner;
    let held = section == Section::Held;
    let lead = Line::new().plain("  ").join(sign(block, held, paint)).plain(" ").join(name(block, paint));
    let mut title = title(block, paint);
    if held {
        title = title.put(Tone::Dim, format!(" {} ", paint.dot())).put(Tone::Held, "HELD");
    }
    page.flow(lead, column, title, price(block.cost()));
    match block.changes.as_slice() {
        [one] => {
            let mut rows = detail(one, full, paint);
            rows.extend(circumstances(one, now, paint));
            rows.extend(follows(block, paint));
            rows.extend(hold(block, paint));
            table(page, INDENT, rows);
        }
        many => {
            parts(page, block, many, manner);
            let mut rows = follows(block, paint);
            rows.extend(hold(block, paint));
            table(page, INDENT, rows);
        }
    }
}

/// The id, and the part where it is the only one and no field repeats it.
pub(super) fn name(block: &Block<'_>, paint: &Paint) -> Line {
    let line = Line::of(Tone::Name, paint.clean(&block.id.to_string()));
    match block.changes.as_slice() {
        [one] => match part(one, paint) {
            Some(part) => line.plain("  ").put(Tone::Name, part.replace(' ', "\u{a0}")),
            None => line,
        },
        _ => line,
    }
}

/// The part's name, unless a field says the same.
pub(crate) fn part(change: &Planned, paint: &Paint) -> Option<String> {
    let part = change.key.part.as_ref()?;
    let said = matches!(change.fields.as_slice(), [field] if field.path == *part);
    if said { None } else { Some(paint.clean(part)) }
}

fn title(block: &Block<'_>, paint: &Paint) -> Line {
    match block.changes.as_slice() {
        [one] => words_of(one, paint),
        many => {
            let mut counts: BTreeMap<Verb, usize> = BTreeMap::new();
            for change in many {
                *counts.entry(change.key.verb).or_default() += 1;
            }
            match counts.into_iter().collect::<Vec<_>>().as_slice() {
                [(verb, n)] => Line::new().plain(format!("{} to {}", words::number(*n), verb.word())),
                several => {
                    let each: Vec<String> = several
                        .iter()
                        .map(|(verb, n)| format!("{}\u{a0}to\u{a0}{}", words::number(*n), verb.word()))
                        .collect();
                    Line::new().plain(each.join(", "))
                }
            }
        }
    }
}

fn words_of(change: &Planned, paint: &Paint) -> Line {
    Line::new().plain(paint.clean(&blocks::title(change)))
}

/// `+ ~ - ±` for what is done, `=` where only ownership changes, `!` where a person must act.
fn sign(block: &Block<'_>, held: bool, paint: &Paint) -> Line {
    if held {
        return Line::of(Tone::Held, "!");
    }
    let mut verbs: Vec<Verb> = block.changes.iter().map(|c| c.key.verb).collect();
    verbs.dedup();
    match verbs.as_slice() {
        [verb] => verb_sign(*verb, paint),
        _ => Line::of(Tone::Edit, "~"),
    }
}

/// The sign of a verb.
pub(crate) fn verb_sign(verb: Verb, paint: &Paint) -> Line {
    match verb {
        Verb::Create => Line::of(Tone::Add, "+"),
        Verb::Update => Line::of(Tone::Edit, "~"),
        Verb::Replace => Line::of(Tone::Remove, paint.sign("±", "%")),
        Verb::Delete | Verb::Retire | Verb::Stop => Line::of(Tone::Remove, "-"),
        Verb::Adopt | Verb::Release => Line::of(Tone::Dim, "="),
    }
}

fn price(cost: Option<crate::model::Cents>) -> Line {
    match cost {
        Some(cents) => Line::new().plain(format!("{}/month", cents.signed())),
        None => Line::new(),
    }
}

/// The parts of a resource: on one line each where that says all, else with rows of their own.
fn parts(page: &mut Page<'_>, block: &Block<'_>, many: &[&Planned], manner: Manner) {
    let paint = page.paint;
    let full = manner.full;
    let codes = block.digests().len() > 1;
    let mut by_verb: BTreeMap<Verb, usize> = BTreeMap::new();
    for change in many {
        *by_verb.entry(change.key.verb).or_default() += 1;
    }
    let names = |c: &Planned| part(c, paint).map(|p| Line::new().plain(p).width()).unwrap_or(0);
    let widest = many.iter().map(|c| names(c)).max().unwrap_or(0).clamp(8, 24) + INDENT + 4;
    let mut drawn: BTreeMap<Verb, usize> = BTreeMap::new();
    for change in many {
        let all = by_verb.get(&change.key.verb).copied().unwrap_or(0);
        let so_far = drawn.entry(change.key.verb).or_default();
        *so_far += 1;
        if full || all <= MANY || *so_far <= FIRST {
            one_part(page, change, widest, codes, manner);
        } else if *so_far == FIRST + 1 {
            let left = words::number(all - FIRST);
            let text = format!("{} and {left} more to {} ({HOW})", paint.more(), change.key.verb.word());
            page.para(INDENT, Line::of(Tone::Dim, text));
        }
    }
}

fn one_part(page: &mut Page<'_>, change: &Planned, column: usize, codes: bool, manner: Manner) {
    let paint = page.paint;
    let mut lead = Line::new().plain(" ".repeat(INDENT)).join(verb_sign(change.key.verb, paint)).plain(" ");
    if let Some(part) = part(change, paint) {
        lead = lead.plain(part);
    }
    let code = match change.hold() {
        Some(hold) if codes => Line::of(Tone::Command, hold.digest.short()),
        _ => Line::new(),
    };
    let own = circumstances(change, manner.now, paint);
    let short = blocks::plain(change) && own.is_empty() && blocks::delta(change).is_none();
    if let (true, Some(line)) = (short, fields::inline(change, paint)) {
        return page.flow(lead, column, line, code);
    }
    if lead.width() <= INDENT + 2 {
        page.flow(lead, INDENT + 2, words_of(change, paint), code);
    } else {
        page.flow(lead, column, words_of(change, paint), code);
    }
    let mut rows = detail(change, manner.full, paint);
    rows.extend(own);
    table(page, INDENT + 2, rows);
}

fn detail(change: &Planned, full: bool, paint: &Paint) -> Vec<Row> {
    change.fields.iter().flat_map(|field| fields::rows(field, change.key.verb, full, paint)).collect()
}

/// What a reader must know besides the fields: what it waits for, what is lost, why it is there.
fn circumstances(change: &Planned, now: Timestamp, paint: &Paint) -> Vec<Row> {
    let text = |label: &str, text: &str| Row::new(label, Line::new().plain(paint.clean(text)));
    let mut rows = Vec::new();
    if change.cause == Cause::Recovery {
        rows.push(text("why", "an earlier run was interrupted; this goes on with it"));
    }
    if change.cause == Cause::Drift && !matches!(change.standing, Standing::Go | Standing::Observed) {
        rows.push(text("why", "somebody changed it by hand"));
    }
    if let Some(label) = risk_label(&change.risk)
        && !said_already(change)
    {
        rows.push(text(label, change.risk.why()));
    }
    match (&change.standing, &change.step) {
        (Standing::Blocked(why), _) => rows.push(text("not now", why)),
        (Standing::Backoff(at), _) => {
            rows.push(text("next try", &format!("{}, as it failed before", words::until(now, *at))));
        }
        (Standing::Closed(until), _) => rows.push(text("not now", &format!("sync window shut {until}"))),
        (_, Step::Waits { why, .. }) if !shows_pending(change) => rows.push(text("waits for", why)),
        _ => {}
    }
    rows
}

/// Says whether a field shows already which output of another resource is not known yet.
fn shows_pending(change: &Planned) -> bool {
    use crate::model::Shown;
    fn pending(shown: &Shown) -> bool {
        match shown {
            Shown::Pending { .. } => true,
            Shown::Mixed(parts) => parts.iter().any(pending),
            _ => false,
        }
    }
    change.fields.iter().any(|field| pending(&field.to))
}

/// Says whether the title or a reason to hold says the risk in the same words.
fn said_already(change: &Planned) -> bool {
    let why = change.risk.why();
    let reasons = change.hold().map(|h| h.reasons.as_slice()).unwrap_or_default();
    why.is_empty() || change.title.contains(why) || reasons.iter().any(|r| r.text.contains(why))
}

fn risk_label(risk: &Risk) -> Option<&'static str> {
    match risk {
        Risk::None => None,
        Risk::Downtime(_) => Some("downtime"),
        _ => Some("risk"),
    }
}

/// The removal of the former object.
fn follows(block: &Block<'_>, paint: &Paint) -> Vec<Row> {
    let row = |retire: &&Planned| {
        let which = retire.provider_id.as_ref().map(|p| format!(" {p}")).unwrap_or_default();
        let text = match retire.title.as_str() {
            "" | "retire" => format!("the former one{which} is destroyed, once nothing needs it"),
            title => title.to_owned(),
        };
        Row::new("afterwards", Line::new().plain(paint.clean(&text)))
    };
    block.retire.iter().map(row).collect()
}

/// Why it is held and what to type.
fn hold(block: &Block<'_>, paint: &Paint) -> Vec<Row> {
    let digests = block.digests();
    if digests.is_empty() {
        return Vec::new();
    }
    let all = block.reasons();
    let mut reasons = all.iter().take(REASONS).map(|r| paint.clean(r)).collect::<Vec<_>>().join("; ");
    if all.len() > REASONS {
        reasons.push_str(&format!("; and {} more", words::number(all.len() - REASONS)));
    }
    let place = block.changes.iter().filter(|c| c.hold().is_some()).find_map(|c| c.place.as_ref());
    let mut why = Line::new().plain(reasons);
    if let Some(place) = place {
        why = why.put(Tone::Dim, format!(" ({}:{})", paint.clean(&place.file), place.line));
    }
    let mut command = Line::new();
    match digests.as_slice() {
        [one] => command = command.put(Tone::Command, format!("driftless\u{a0}approve\u{a0}{}", one.short())),
        _ => {
            command = command
                .put(Tone::Command, "driftless\u{a0}approve\u{a0}CODE")
                .plain(", with the code at the right of a line")
        }
    }
    vec![Row::new("why held", why), Row::new("to go on", command)]
}

/// Draws rows with their labels in one column.
fn table(page: &mut Page<'_>, indent: usize, rows: Vec<Row>) {
    let widest = rows.iter().map(|r| Line::new().plain(&*r.label).width()).max().unwrap_or(0);
    let column = indent + widest.clamp(12, 24) + 2;
    for row in rows {
        let lead = Line::new().plain(" ".repeat(indent)).put(Tone::Dim, row.label);
        page.flow(lead, column, row.body, Line::new());
    }
}

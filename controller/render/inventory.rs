//! The inventory as terminal text and as INVENTORY.md. No time stands in either that would change by itself.

use super::page::{Line, Page};
use super::paint::{Paint, Tone};
use super::{safe, words};
use crate::insight::inventory::{Inventory, Item, Shelf, Whose};
use crate::model::{Cents, Fact};
use std::fmt::Write as _;

/// How many rows of one kind a page has before the rest is counted.
const ROWS: usize = 500;

/// Draws it for a terminal.
pub fn inventory(all: &Inventory, paint: &Paint) -> String {
    let mut page = Page::new(paint);
    for shelf in &all.kinds {
        page.blank();
        page.flow(Line::of(Tone::Name, title(shelf)), 0, Line::new(), price(sum(shelf)));
        for item in &shelf.items {
            draw(&mut page, item);
        }
    }
    for (scope, why) in &all.unread {
        page.blank();
        let lead = Line::of(Tone::Bad, "not read").plain(format!(": {}", paint.clean(scope)));
        page.flow(lead, 2, Line::new().plain(format!(" {}", paint.clean(why))), Line::new());
    }
    page.blank();
    page.para(0, Line::new().plain(sums(all)));
    page.finish()
}

fn draw(page: &mut Page<'_>, item: &Item) {
    let paint = page.paint;
    let (sign, tone) = match item.whose {
        Whose::Owned => (paint.sign("✓", "*"), Tone::Add),
        Whose::Claimed => ("~", Tone::Edit),
        Whose::Missing => ("+", Tone::Add),
        Whose::Unknown => ("?", Tone::Bad),
        Whose::Unowned => (paint.dot(), Tone::Dim),
    };
    let lead = Line::new().plain("  ").put(tone, sign).plain(" ").put(Tone::Name, paint.clean(&name(item)));
    let facts = facts(item).join(&format!(" {} ", paint.dot()));
    page.flow(lead, 30, Line::new().plain(paint.clean(&facts)), price(item.monthly));
    let below = below(item).join(&format!(" {} ", paint.dot()));
    page.para(6, Line::of(Tone::Dim, paint.clean(&below)));
}

/// The document's name, or for what has none the provider's.
fn name(item: &Item) -> String {
    match &item.id {
        Some(id) => id.name.clone(),
        None => item.name.clone().unwrap_or_default(),
    }
}

/// What it is like and where.
fn facts(item: &Item) -> Vec<String> {
    let ports: Vec<&str> = item
        .facts
        .iter()
        .filter_map(|fact| if let Fact::OpenPort(p) = fact { Some(p.as_str()) } else { None })
        .collect();
    let mut words: Vec<String> = item.facts.iter().filter_map(word).collect();
    if !ports.is_empty() {
        words.push(format!("open to the world: {}", ports.join(", ")));
    }
    match item.whose {
        Whose::Missing => words.push("wanted, and not there".to_owned()),
        Whose::Unknown => words.push("could not be seen".to_owned()),
        _ => {}
    }
    words
}

fn word(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::Region(text)
        | Fact::Size(text)
        | Fact::Address(text)
        | Fact::Range(text)
        | Fact::Idle(text)
        | Fact::Runs(text)
        | Fact::Ails(text) => text.clone(),
        Fact::Holds(count, what) => words::count(*count, what),
        Fact::PrivateAddress(_) | Fact::OpenPort(_) | Fact::Created(_) | Fact::Tag(_) => return None,
    })
}

/// Whose it is, what the provider calls it, where it is declared, since when it is there.
fn below(item: &Item) -> Vec<String> {
    let whose = match item.whose {
        Whose::Claimed => Some("not taken over yet".to_owned()),
        Whose::Unowned => Some("in no document".to_owned()),
        _ => None,
    };
    let title = item.name.clone().filter(|title| *title != name(item));
    let id = item.provider_id.as_ref().map(ToString::to_string).filter(|id| Some(id) != item.name.as_ref());
    let private = item.facts.iter().filter_map(|fact| match fact {
        Fact::PrivateAddress(address) => Some(format!("private {address}")),
        _ => None,
    });
    let shown = whose.into_iter().chain(title).chain(id).chain(private);
    shown.chain(item.file.clone()).chain(since(item)).collect()
}

/// The day is what somebody wants to know.
fn since(item: &Item) -> Option<String> {
    item.facts.iter().find_map(|fact| match fact {
        Fact::Created(at) => Some(format!("since {}", at.split('T').next().unwrap_or(at))),
        _ => None,
    })
}

fn title(shelf: &Shelf) -> String {
    let count = |whose: &[Whose]| shelf.items.iter().filter(|item| whose.contains(&item.whose)).count();
    let mut title = capital(shelf.many);
    let counts = [
        (count(&[Whose::Owned, Whose::Claimed]), "in git"),
        (count(&[Whose::Unowned]), "in no document"),
        (count(&[Whose::Missing]), "missing"),
        (count(&[Whose::Unknown]), "not seen"),
    ];
    let counts = counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", words::number(n)));
    let _ = write!(title, ": {}", counts.collect::<Vec<_>>().join(", "));
    title
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

fn sum(shelf: &Shelf) -> Option<Cents> {
    let priced: Vec<Cents> = shelf.items.iter().filter_map(|item| item.monthly).collect();
    (!priced.is_empty()).then(|| priced.into_iter().sum())
}

fn price(price: Option<Cents>) -> Line {
    price.map_or_else(Line::new, |price| Line::new().plain(price.to_string()))
}

fn sums(all: &Inventory) -> String {
    let mut text = format!("{} a month", all.monthly + all.monthly_unowned);
    if all.monthly_unowned != Cents::default() {
        let _ = write!(text, ": {} in git, {} in no document", all.monthly, all.monthly_unowned);
    }
    if all.kinds.is_empty() {
        return "Nothing exists, and nothing is wanted".to_owned();
    }
    text
}

/// Writes INVENTORY.md.
pub fn inventory_page(all: &Inventory) -> String {
    let mut out = format!("# Inventory of {}\n\n{}.\n\n", safe::markdown(&words::clip(&all.estate, 100)), sums(all));
    for shelf in &all.kinds {
        let _ = writeln!(out, "## {}\n", safe::markdown(&title(shelf)));
        out.push_str("| | Name | What | A month | Document |\n|---|---|---|---|---|\n");
        for item in shelf.items.iter().take(ROWS) {
            out.push_str(&row(item));
        }
        if shelf.items.len() > ROWS {
            let _ = writeln!(out, "\n… and {} more", words::number(shelf.items.len() - ROWS));
        }
        out.push('\n');
    }
    for (scope, why) in &all.unread {
        let _ = writeln!(out, "**Not read**: {}: {}\n", safe::markdown(scope), safe::markdown(&words::clip(why, 300)));
    }
    out.push_str("---\n\n[All of the status](STATUS.md)\n");
    out
}

fn row(item: &Item) -> String {
    let sign = match item.whose {
        Whose::Owned => "✓",
        Whose::Claimed => "~",
        Whose::Missing => "+",
        Whose::Unknown => "?",
        Whose::Unowned => "·",
    };
    let cell = |words: Vec<String>| {
        words.iter().map(|word| safe::cell(&words::clip(word, 200))).collect::<Vec<_>>().join("<br>")
    };
    let mut names = vec![name(item)];
    let file = item.file.clone();
    names.extend(below(item).into_iter().filter(|word| Some(word) != file.as_ref()));
    let price = item.monthly.map(|price| price.to_string()).unwrap_or_default();
    format!("| {sign} | {} | {} | {price} | {} |\n", cell(names), cell(facts(item)), cell(file.into_iter().collect()))
}

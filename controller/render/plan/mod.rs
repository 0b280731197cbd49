//! A plan as terminal text: what it was made from, what waits for a person, what is done, what was noticed, the sum and
//! what to do next.

mod block;
mod foot;

use super::blocks::{self, Block, Section};
use super::page::{Line, Page};
use super::paint::{Paint, Tone};
use super::words;
use crate::model::{Plan, SettingsMode, Verb};
pub(crate) use block::{part, verb_sign};
use std::collections::BTreeMap;

/// What the caller knows and the plan does not.
#[derive(Clone, Debug, Default)]
pub struct PlanContext {
    /// Where the documents came from: `infra@4f2c9d1 (main)`.
    pub source: String,
    /// Shows every part and every line instead of the first twenty of many.
    pub full: bool,
    /// Whether it is about to be applied, so that nobody has to be told how.
    pub applying: bool,
}

/// Draws a plan.
pub fn plan(plan: &Plan, context: &PlanContext, paint: &Paint) -> String {
    let mut page = Page::new(paint);
    head(&mut page, plan, context);
    let sections = blocks::sections(plan);
    let column = title_column(sections.values().flatten(), paint);
    let manner = block::Manner { column, full: context.full, now: plan.as_of };
    for (section, blocks) in &sections {
        page.blank();
        if let Some(title) = heading(*section, plan) {
            page.para(2, Line::new().plain(paint.clean(title)));
        }
        draw_blocks(&mut page, *section, blocks, manner);
    }
    foot::findings(&mut page, plan, context.full);
    foot::unowned(&mut page, plan, context.full);
    page.blank();
    foot::sum(&mut page, plan);
    foot::next(&mut page, plan, context);
    page.finish()
}

fn head(page: &mut Page<'_>, plan: &Plan, context: &PlanContext) {
    let paint = page.paint;
    let mut line = Line::of(Tone::Dim, "Estate ").put(Tone::Name, paint.clean(&plan.estate));
    let dot = format!(" {} ", paint.dot());
    if !context.source.is_empty() {
        line = line.put(Tone::Dim, &*dot).plain(paint.clean(&context.source));
    }
    line = line.put(Tone::Dim, &*dot).plain(words::count(plan.resources, "resource"));
    page.para(0, line);
    if let Some(why) = &plan.frozen {
        let text = Line::new().plain(paint.clean(&format!("nothing is changed; {why}")));
        page.flow(Line::of(Tone::Held, "FROZEN"), 8, text, Line::new());
    }
    let looked = &plan.looked;
    let calls = words::count(usize::try_from(looked.calls).unwrap_or(usize::MAX), "call");
    let what = match (looked.calls, looked.hosts) {
        (0, 0) => return,
        (0, hosts) => words::count(hosts as usize, "host"),
        (_, 0) => format!("DigitalOcean ({calls})"),
        (_, hosts) => format!("DigitalOcean ({calls}) and {}", words::count(hosts as usize, "host")),
    };
    page.para(0, Line::of(Tone::Dim, format!("Looked at {what} in {}", words::took(looked.took_ms))));
}

/// What a section is, where its blocks do not say it themselves.
fn heading(section: Section, plan: &Plan) -> Option<&'static str> {
    let everywhere = plan.mode == SettingsMode::Observe;
    Some(match section {
        Section::Held | Section::Going => return None,
        Section::Drift => "Drift that somebody made by hand, put back by this plan:",
        Section::Removed => "Their documents have gone:",
        Section::Adopted => "Live objects that documents take over:",
        Section::DriftSeen => "Drift that somebody made by hand, reported only (mode: observe):",
        Section::Seen if everywhere => "Would be done; reported only (mode: observe):",
        Section::Seen => "Reported only (mode: observe):",
        Section::Waiting => "Not in this run:",
    })
}

/// Draws the blocks of a section; of very many of one kind with one verb, the first.
fn draw_blocks(page: &mut Page<'_>, section: Section, blocks: &[Block<'_>], manner: block::Manner) {
    let alike = |b: &Block<'_>| match b.changes.as_slice() {
        [one] => Some((b.id.kind.clone(), one.key.verb)),
        _ => None,
    };
    let mut all: BTreeMap<(String, Verb), usize> = BTreeMap::new();
    for sort in blocks.iter().filter_map(alike) {
        *all.entry(sort).or_default() += 1;
    }
    all.retain(|_, n| *n > block::MANY && !manner.full);
    let mut drawn: BTreeMap<(String, Verb), usize> = BTreeMap::new();
    for one in blocks {
        let sort = alike(one).and_then(|s| all.get(&s).map(|n| (s, *n)));
        let Some((sort, n)) = sort else {
            block::draw(page, section, one, manner);
            continue;
        };
        let so_far = drawn.entry(sort.clone()).or_default();
        *so_far += 1;
        if *so_far <= block::FIRST {
            block::draw(page, section, one, manner);
        } else if *so_far == n {
            let (left, more) = (words::number(n - block::FIRST), page.paint.more());
            let kind = page.paint.clean(&sort.0);
            let text = format!("{more} and {left} more of {kind} to {} ({})", sort.1.word(), block::HOW);
            page.para(2, Line::of(Tone::Dim, text));
        }
    }
}

/// The column in which every block says what is done.
fn title_column<'a, 'b: 'a>(blocks: impl Iterator<Item = &'a Block<'b>>, paint: &Paint) -> usize {
    let widest = blocks.map(|b| block::name(b, paint).width()).max().unwrap_or(0);
    let most = (paint.width / 2).max(24);
    (widest + 6).clamp(24.min(most), most)
}

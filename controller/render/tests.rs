//! Goldens and laws of the terminal texts and the comment.
#![allow(clippy::string_slice, reason = "a test that cuts in the wrong place fails")]

use super::samples::{self, With};
use super::*;
use crate::model::finding::Weight;
use crate::model::{Attempt, Finding, Outcome, Plan, ResourceId, SettingsMode, Shown, Standing, Verb};
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

fn context() -> PlanContext {
    PlanContext { source: "infra@4f2c9d1 (main)".to_owned(), ..PlanContext::default() }
}

fn text(p: &Plan) -> String {
    plan(p, &context(), &Paint::default())
}

fn merge() -> CommentContext {
    CommentContext { commit: "4f2c9d1be0a7c3d2e1f0".to_owned(), branch: "main".to_owned() }
}

/// What goes is done, but for the first, which fails.
fn outcomes(p: &Plan) -> Vec<Outcome> {
    let mut going = p.going().cloned();
    let mut all: Vec<Outcome> = going.next().map(samples::failing).into_iter().collect();
    all.extend(going.map(|c| samples::outcome(c, Attempt::Done)));
    all
}

fn without_colour(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            rest.by_ref().find(|c| *c == 'm');
        } else {
            out.push(c);
        }
    }
    out
}

/// Every sample plan.
fn plans() -> Vec<Plan> {
    let mut observed = samples::ordinary();
    observed.mode = SettingsMode::Observe;
    observed.changes.iter_mut().for_each(|c| c.standing = Standing::Observed);
    vec![
        samples::in_sync(),
        samples::ordinary(),
        samples::everything(),
        samples::big(60),
        samples::hostile(),
        samples::shut(),
        samples::frozen(),
        observed,
    ]
}

#[test]
fn an_empty_plan_says_so_in_two_lines_below_its_head() {
    insta::assert_snapshot!(text(&samples::in_sync()), @r"
    Estate production · infra@4f2c9d1 (main) · 23 resources
    Looked at DigitalOcean (9 calls) and 2 hosts in 0.8 s

    Nothing to do: 23 resources in sync, $72.00 a month
    ");
}

#[test]
fn an_ordinary_plan() {
    insta::assert_snapshot!(text(&samples::ordinary()));
}

#[test]
fn a_plan_with_everything_in_it() {
    insta::assert_snapshot!(text(&samples::everything()));
}

#[test]
fn a_plan_outside_of_its_windows_says_until_when() {
    insta::assert_snapshot!(text(&samples::shut()));
    insta::assert_snapshot!("comment_shut", comment(&samples::shut(), &merge(), None));
}

#[test]
fn a_frozen_plan_says_so_first_and_last() {
    insta::assert_snapshot!(text(&samples::frozen()));
    insta::assert_snapshot!("comment_frozen", comment(&samples::frozen(), &merge(), None));
}

#[test]
fn a_plan_in_observe_mode() {
    insta::assert_snapshot!(text(plans().last().unwrap()));
}

#[test]
fn hundreds_of_parts_are_counted_after_the_first_twenty_unless_all_are_asked_for() {
    let big = samples::big(500);
    let short = text(&big);
    assert!(short.contains("… and 480 more to create (driftless plan -o json, or --full)"), "{short}");
    assert!(short.lines().count() < 30);
    let full = plan(&big, &PlanContext { full: true, ..context() }, &Paint::default());
    assert!(full.contains("host-499 A") && !full.contains("more to create"));
}

#[test]
fn hundreds_of_resources_of_one_kind_are_counted_after_the_first_twenty() {
    let mut p = samples::in_sync();
    let create = |i| samples::change(&format!("Droplet/d{i}"), None, Verb::Create, "create");
    p.changes = (0..100).map(create).chain([samples::resize_erp()]).collect();
    let short = text(&p);
    assert!(short.contains("  … and 80 more of Droplet to create (driftless plan -o json, or --full)\n"), "{short}");
    assert!(short.contains("resize, 1–2 min off") && short.contains("100 to create, 1 to update"), "{short}");
    assert!(plan(&p, &PlanContext { full: true, ..context() }, &Paint::default()).contains("Droplet/d99"));
}

#[test]
fn parts_that_are_held_under_several_codes_show_each_its_code() {
    let mut p = samples::in_sync();
    p.changes = (0..3)
        .map(|i| {
            samples::change("Domain/example.com", Some(&format!("w{i} A")), Verb::Delete, "delete")
                .field("value", samples::shown("203.0.113.9"), Shown::Nothing)
                .place("zones/example.com.yaml", 4)
                .held("delete-limit", "7 deletions in 24 hours are more than maxDeletes: 5")
        })
        .collect();
    insta::assert_snapshot!(text(&p));
}

#[test]
fn every_former_object_of_a_replacement_is_named() {
    let mut p = samples::in_sync();
    let retire =
        |n: &str| samples::change("Droplet/ocr", Some(n), Verb::Retire, &format!("destroy the former droplet {n}"));
    p.changes = vec![samples::change("Droplet/ocr", None, Verb::Replace, "replace"), retire("7"), retire("8")];
    let drawn = text(&p);
    assert!(drawn.contains("former droplet 7") && drawn.contains("former droplet 8"), "{drawn}");
    assert!(drawn.contains("\n1 to replace, 23 in sync"), "{drawn}");
}

#[test]
fn one_outage_is_one_message() {
    let mut p = samples::in_sync();
    let why = "DigitalOcean answered 503 to GET /v2/droplets, tried 5 times";
    let unseen = |id: &str, text: String| Finding::about(&samples::id(id), Weight::Unknown, "not-seen", text);
    p.findings = vec![
        unseen("Domain/example.com", format!("erp A is left as it is: Droplet/erp could not be seen: {why}")),
        unseen("Droplet/erp", format!("it could not be looked at: {why}")),
        unseen("Droplet/ocr", format!("it could not be looked at: {why}")),
        unseen("Vpc/main", "it could not be looked at: no token".to_owned()),
    ];
    (p.unknown, p.in_sync) = (4, 19);
    insta::assert_snapshot!(text(&p), @r"
    Estate production · infra@4f2c9d1 (main) · 23 resources
    Looked at DigitalOcean (9 calls) and 2 hosts in 0.8 s

      Could not be looked at; nothing is decided about them:
      ? Domain/example.com  erp A is left as it is: Droplet/erp could not be seen
      ? Droplet/erp  it could not be looked at
      ? Droplet/ocr  it could not be looked at
          All 3 for one reason: DigitalOcean answered 503 to GET /v2/droplets, tried
          5 times
      ? Vpc/main  it could not be looked at: no token

    4 unknown, 19 in sync · $72.00 a month
    Nothing to apply.
    ");
    assert_eq!(comment(&p, &merge(), None).matches("answered 503").count(), 1);
}

#[test]
fn errors_in_files() {
    insta::assert_snapshot!(diagnostics(&samples::diagnostics(), 31, &Paint::default()));
}

#[test]
fn a_long_line_is_cut_around_its_mark_and_hidden_characters_show() {
    let mut one = samples::diagnostics().remove(0);
    one.source_line = format!("\t- {{a: {}\u{202e}, vpc: mian, b: {}}}", "x".repeat(100), "y".repeat(100));
    one.place.column = 115;
    let drawn = diagnostic(&one, &Paint::default());
    insta::assert_snapshot!(drawn);
}

#[test]
fn a_change_begins_ends_fails_or_is_left() {
    let tries = Tries { now: samples::noon(), limit: Some(10) };
    let paint = Paint::default();
    let resize = samples::resize_erp();
    let left = Attempt::Left { why: "Droplet/erp failed".to_owned() };
    let gone = samples::outcome(
        samples::change("Domain/example.com", Some("erp A"), Verb::Update, "update"),
        Attempt::Failed { fault: crate::model::Fault::permanent("refused", ""), attempts: 1, next: None },
    );
    let all = [
        started(&resize, &paint),
        ended(&samples::outcome(resize.clone(), Attempt::Done), &tries, &paint),
        ended(&samples::outcome(resize.clone(), left), &tries, &paint),
        ended(&samples::failing(resize.clone()), &tries, &paint),
        ended(&gone, &tries, &paint),
        sum(&[samples::failing(resize.clone()), samples::outcome(resize, Attempt::Done)], 1, 102_000, &paint),
    ];
    insta::assert_snapshot!(all.concat());
}

#[test]
fn the_comment_before_and_after_the_merge() {
    let p = samples::ordinary();
    insta::assert_snapshot!("comment_before", comment(&p, &merge(), None));
    let all = outcomes(&p);
    insta::assert_snapshot!(
        "comment_after",
        comment(&p, &merge(), Some(&Applied { outcomes: &all, took_ms: 102_000 }))
    );
    insta::assert_snapshot!("comment_everything", comment(&samples::everything(), &merge(), None));
    let estate = p.estate_id;
    insta::assert_snapshot!("comment_invalid", invalid_comment(&estate, &samples::diagnostics(), 31, &merge()));
}

#[test]
fn a_comment_is_never_longer_than_github_takes_and_says_what_it_leaves_out() {
    let mut long = samples::big(3_000);
    for change in &mut long.changes {
        change.key.id = ResourceId::new("Droplet", format!("{}|@{}", "n".repeat(300), change.key));
        change.title = "<".repeat(5_000);
        change.standing = Standing::Blocked("*".repeat(9_000));
    }
    let found: Vec<_> = std::iter::repeat_with(samples::diagnostics).take(400).flatten().collect();
    for p in [samples::big(20_000), long] {
        let all = outcomes(&p);
        let applied = Applied { outcomes: &all, took_ms: 1 };
        for text in [comment(&p, &merge(), None), comment(&p, &merge(), Some(&applied))] {
            assert!(text.len() <= markdown::LIMIT, "{}", text.len());
            assert!(text.contains("… and "), "{}", &text[text.len() - 300..]);
            assert!(text.ends_with("</details>\n"), "{}", &text[text.len() - 300..]);
        }
    }
    let text = invalid_comment(&samples::in_sync().estate_id, &found, 31, &merge());
    assert!(text.len() <= markdown::LIMIT && text.contains("more: `driftless validate` shows them all"));
}

#[test]
fn nothing_is_wider_than_the_terminal() {
    for width in [72, 80, 120] {
        let paint = Paint::plain(width);
        let mut all: Vec<String> = plans().iter().map(|p| plan(p, &context(), &paint)).collect();
        all.push(diagnostics(&samples::diagnostics(), 31, &paint));
        for line in all.iter().flat_map(|t| t.lines()) {
            assert!(line.width() <= width, "{} columns: {line}", line.width());
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    for p in plans() {
        let colour = plan(&p, &context(), &Paint { colour: true, ..Paint::default() });
        assert!(colour.contains("\u{1b}["));
        assert_eq!(without_colour(&colour), text(&p));
    }
}

#[test]
fn ascii_is_ascii() {
    let paint = Paint { ascii: true, ..Paint::default() };
    for p in plans() {
        let drawn = plan(&p, &context(), &paint);
        assert!(drawn.is_ascii(), "{drawn}");
    }
    assert!(diagnostics(&samples::diagnostics(), 31, &paint).is_ascii());
    let tries = Tries { now: samples::noon(), limit: None };
    let resize = samples::resize_erp();
    assert!(started(&resize, &paint).is_ascii());
    assert!(ended(&samples::outcome(resize.clone(), Attempt::Done), &tries, &paint).is_ascii());
    assert!(ended(&samples::failing(resize), &tries, &paint).is_ascii());
}

#[test]
fn names_and_messages_cannot_steer_a_terminal() {
    let p = samples::hostile();
    let drawn = text(&p);
    assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{drawn:?}");
    assert!(drawn.contains("prod\\x1b]0;owned\\x07") && drawn.contains("a\\u{202e}b"));
    insta::assert_snapshot!(drawn);
}

/// What GitHub would read as text: code spans and fences taken out.
fn outside_code(text: &str) -> String {
    let mut out = String::new();
    let mut fence: Option<String> = None;
    for line in text.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if *open == ticks && line == ticks => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => {
                let mut rest = line;
                while let Some(at) = rest.find('`') {
                    let escaped = rest[..at].ends_with('\\');
                    out.push_str(&rest[..at]);
                    let ticks: String = rest[at..].chars().take_while(|c| *c == '`').collect();
                    rest = &rest[at + ticks.len()..];
                    if !escaped && let Some(end) = rest.find(&ticks) {
                        rest = &rest[end + ticks.len()..];
                    }
                }
                out.push_str(rest);
                out.push('\n');
            }
        }
    }
    out
}

#[test]
fn names_and_messages_cannot_break_the_table_or_call_anyone() {
    let p = samples::hostile();
    let all: Vec<Outcome> = p.changes.iter().cloned().map(samples::failing).collect();
    let texts = [comment(&p, &merge(), None), comment(&p, &merge(), Some(&Applied { outcomes: &all, took_ms: 1 }))];
    for written in &texts {
        let read = outside_code(written);
        for (at, _) in read.match_indices('@') {
            assert!(read[at..].starts_with("@&#8203;"), "{read}");
        }
        for tag in read.split('<').skip(1) {
            let name = tag.split(['>', ' ']).next().unwrap_or_default();
            assert!(
                ["!--", "br", "code", "/code", "details", "/details", "summary", "/summary"].contains(&name),
                "<{tag}"
            );
        }
        let bars = |line: &str| line.replace("\\|", "").matches('|').count();
        let rows: Vec<usize> = written.lines().filter(|l| l.starts_with("| ")).map(bars).collect();
        assert!(rows.len() > 1 && rows.iter().all(|n| Some(n) == rows.first()), "{rows:?} in {written}");
    }
    insta::assert_snapshot!(texts.concat());
}

proptest! {
    #[test]
    fn cleaned_text_is_one_harmless_line(any in "\\PC*|[\\x00-\\x{2fff}]*") {
        let clean = safe::line(&any);
        prop_assert!(!clean.chars().any(char::is_control));
        prop_assert_eq!(safe::line(&clean), clean);
    }

    #[test]
    fn markdown_holds_no_live_sign(any in "[ -~\\x{80}-\\x{2fff}\n]*") {
        let written = safe::markdown(&any);
        prop_assert!(!written.contains('<') && !written.contains('\n'));
        for (at, _) in written.match_indices('@') {
            prop_assert!(written[at..].starts_with("@&#8203;"));
        }
        let plain = written.replace("\\\\", "");
        for (at, _) in plain.match_indices('|') {
            prop_assert!(plain[..at].ends_with('\\'));
        }
    }

    #[test]
    fn a_cell_holds_no_live_bar(any in "[ -~]*") {
        let written = safe::cell(&any);
        prop_assert!(!written.contains('|'));
    }

    #[test]
    fn wrapped_text_keeps_its_width_and_its_words(words in prop::collection::vec("[a-z]{1,12}", 0..60), width in 60usize..120) {
        let mut p = samples::in_sync();
        let why = words.join(" ");
        p.changes.push(samples::change("Droplet/x", None, Verb::Create, "create").held("r", &why));
        let drawn = plan(&p, &context(), &Paint::plain(width));
        for line in drawn.lines() {
            prop_assert!(line.width() <= width, "{}", line);
        }
        let flat = drawn.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert!(flat.contains(why.trim()));
    }
}

#[test]
fn a_plan_that_is_about_to_be_applied_does_not_say_how() {
    let plan = samples::ordinary();
    let shown = |applying| super::plan(&plan, &PlanContext { applying, ..PlanContext::default() }, &Paint::plain(80));
    assert!(shown(false).contains("Apply with: driftless apply"));
    assert!(!shown(true).contains("Apply with"));
}

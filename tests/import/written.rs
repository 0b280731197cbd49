//! How documents are written: what every reader of YAML takes for the same text.

use driftless::insight;
use driftless::kinds;
use driftless::model::{AnyKind, Draft, ProviderId, ResourceId};
use driftless::render::document::{document, scalar};
use driftless::repo::{Options, Tree, read};
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A description says any text, and is read back as it was.
fn read_back(text: &str) -> String {
    let mut draft = Draft::default();
    draft.field("region", "sgp1").field("description", text);
    let file = document(&ResourceId::new("Vpc", "main"), None, &draft);
    let settings = crate::house::ENFORCE.to_owned();
    let tree = Tree::of([("settings.yaml".to_owned(), settings), ("vpc.yaml".to_owned(), file.clone())]);
    let read = read(&tree, &Options::default(), &kinds::pure());
    let estate = read.estate.unwrap_or_else(|| panic!("{file}\n{:#?}", read.diagnostics));
    let document = estate.documents.values().next().expect("a document");
    let kind = kinds::pure().into_iter().find(|kind| kind.name() == "Vpc").expect("the kind");
    kind.want_json(&document.want)["description"].as_str().expect("a text").to_owned()
}

#[test]
fn words_that_some_yaml_reads_as_something_else_stand_in_quotes() {
    let texts = [
        "no",
        "On",
        "y",
        "null",
        "~",
        "1e3",
        "007",
        "0x1f",
        "1_000",
        "12:30",
        "2026-01-01",
        "@",
        "*",
        "*.dev",
        "",
        " a",
        "a: b",
        "a #b",
        "- a",
        "a, b",
        "'a'",
        "a\"b",
        "1.2.3",
        ".5",
        "=",
        "<<",
        "é",
        "a\tb",
    ];
    for text in texts {
        assert!(scalar(text).starts_with('"'), "{text:?} stands as {}", scalar(text));
    }
    for text in ["web", "web-2", "s-1vcpu-1gb", "10.114.0.0/16", "203.0.113.7", "8000-9000", "_sip._tcp", "a b"] {
        assert_eq!(scalar(text), text);
    }
}

#[test]
fn any_text_is_read_back_as_it_was() {
    let any = proptest::string::string_regex(
        "[ -~\u{7f}-\u{a0}é日\u{202e}\u{feff}\u{10ffff}\u{85}\u{2028}\t\n\"'\\\\:#-]{1,40}",
    );
    let config = proptest::test_runner::Config { cases: 500, failure_persistence: None, ..Default::default() };
    let tried = proptest::test_runner::TestRunner::new(config).run(&any.expect("a pattern"), |text| {
        // White space at the ends is none of a description's.
        prop_assert_eq!(read_back(&text), text.trim());
        Ok(())
    });
    tried.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_document_reads_as_a_person_would_write_it() {
    let mut draft = Draft::default();
    draft.note("Above it, and longer than a line is wide, so that it goes on in the next one and is still a comment there, whatever \n it says.");
    draft.field("name", "Web: the 2nd").field("image", 12_345).field("monitoring", true);
    draft.field("backups", json!({"plan": "weekly", "hour": 4}));
    draft.field(
        "inbound",
        json!([{"protocol": "tcp", "ports": 22, "from": ["any"]}, {"protocol": "tcp", "ports": 443,
        "from": ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4", "203.0.113.5", "203.0.113.6"]}]),
    );
    draft.field("tags", Value::from((0..12).map(|n| format!("a-long-tag-{n}")).collect::<Vec<_>>()));
    draft.left_out.push("vpc: why\nnot".to_owned());
    let id = ResourceId::new("Droplet", "1e3");
    assert_snapshot!(document(&id, Some(&ProviderId("3164494".to_owned())), &draft));
}

#[test]
fn nothing_is_drafted_of_a_world_that_was_not_seen() {
    let world = driftless::model::World::unseen("2026-03-01T12:00:00Z".parse().expect("a time"));
    let kinds: Vec<&dyn AnyKind> = kinds::pure();
    assert!(insight::draft(&kinds, &world, insight::Without::new()).is_empty());
}

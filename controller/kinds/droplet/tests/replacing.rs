//! What cannot change in place: findings, notes, and replacements where the document asks for them.

use super::super::*;
use super::fixture::*;
use crate::model::{Owned, ProviderId, Risk, Step as Work, Supply, Verb, memory::Retiring};
use serde_json::{Value, json};
use uuid::Uuid;

/// Each row: the field, a value that the droplet does not have, what is wrong without `replaceOn`.
fn rows() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("region", json!("fra1"), "cannot-change-in-place"),
        ("ipv6", json!(false), "cannot-change-in-place"),
        ("image", json!("debian-12-x64"), "acts-at-creation"),
        ("userData", json!("#!/bin/sh"), "acts-at-creation"),
        ("sshKeys", json!([]), "acts-at-creation"),
        ("monitoring", json!(false), "acts-at-creation"),
    ]
}

fn before() -> (State, Owned) {
    let made = desire(with("ipv6", true));
    (state(&made), owned(&made))
}

fn after(field: &str, value: Value, replace_on: &[&str]) -> Want {
    let mut spec = with("ipv6", true);
    spec[field] = value;
    spec["replaceOn"] = json!(replace_on);
    desire(spec)
}

#[test]
fn what_cannot_change_in_place_is_told_and_nothing_is_done() {
    let (have, memory) = before();
    for (field, value, rule) in rows() {
        let want = after(field, value, &[]);
        let diffed = Case { owned: Some(&memory), ..Case::of(&want, &have) }.diff();
        assert!(diffed.changes.is_empty(), "{field}: {diffed:?}");
        assert_eq!(rules(&diffed), [rule], "{field}");
        assert!(diffed.findings[0].text.contains(field), "{}", diffed.findings[0].text);
        assert!(diffed.findings[0].hint.contains(&format!("replaceOn: [{field}]")), "{}", diffed.findings[0].hint);
    }
}

#[test]
fn what_replace_on_names_replaces_and_then_destroys_the_old_one() {
    let (have, memory) = before();
    for (field, value, _) in rows() {
        let want = after(field, value, &[field]);
        let diffed = Case { owned: Some(&memory), ..Case::of(&want, &have) }.diff();
        assert_eq!(keys(&diffed), [" replace", "#3164494 retire"], "{field}");
        let [replace, retire] = &diffed.changes[..] else { panic!("two changes") };
        assert!(matches!(&replace.risk, Risk::Destroys(why) if why.contains(&format!("replaceOn: [{field}]"))));
        assert_eq!((replace.generation, retire.generation), (2, 1));
        assert_eq!(replace.fields[0].path, field);
        let Work::Ready(Step::Create(body)) = &replace.step else { panic!("{:?}", replace.step) };
        assert!(body.tags.contains(&Marker::of(&Uuid::nil(), &id(), 2).to_string()));
        assert_eq!(replace.wrote.len(), 4);
        assert_eq!(retire.after.as_slice(), std::slice::from_ref(&replace.key));
        assert_eq!((retire.key.verb, &retire.step), (Verb::Retire, &Work::Ready(Step::Delete)));
        assert_eq!(retire.fields, replace.fields);
        assert!(diffed.findings.is_empty(), "{field}: {:?}", diffed.findings);
    }
}

#[test]
fn another_network_is_told_or_replaces() {
    let (have, memory) = before();
    let have = State { vpc: "another".to_owned(), ..have };
    let told = Case { owned: Some(&memory), ..Case::of(&after("vpc", json!("main"), &[]), &have) }.diff();
    assert_eq!((told.changes.len(), rules(&told)), (0, vec!["cannot-change-in-place"]));
    let want = after("vpc", json!("main"), &["vpc"]);
    let done = Case { owned: Some(&memory), ..Case::of(&want, &have) }.diff();
    assert_eq!(keys(&done), [" replace", "#3164494 retire"]);
    let waits = Case { owned: Some(&memory), vpc: Supply::Pending, ..Case::of(&want, &have) }.diff();
    assert!(matches!(waits.changes[0].step, Work::Waits { .. }), "{waits:?}");
    let unknown = Case { vpc: Supply::Unknown("500".into()), ..Case::of(&want, &have) }.diff();
    assert_eq!((unknown.changes.len(), rules(&unknown)), (0, vec!["reference-unknown"]));
}

#[test]
fn no_network_in_the_document_is_any_network() {
    let (have, memory) = before();
    let want = after("vpc", Value::Null, &["vpc"]);
    assert_eq!(Case { owned: Some(&memory), ..Case::of(&want, &have) }.diff(), Diffed::default());
}

#[test]
fn a_replacement_takes_what_would_change_in_place_along() {
    let (have, memory) = before();
    let have = State { name: "x".into(), ..have };
    let want = after("image", json!("debian-12-x64"), &["image"]);
    let diffed = Case { owned: Some(&memory), ..Case::of(&want, &have) }.diff();
    assert_eq!(keys(&diffed), [" replace", "#3164494 retire"]);
    let fields: Vec<&str> = diffed.changes[0].fields.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(fields, ["image", "name"]);
}

#[test]
fn the_order_of_keys_is_no_change() {
    let one = desire(with("sshKeys", json!(["a", "b"])));
    let other = desire(with("sshKeys", json!(["b", "a"])));
    assert_eq!(one.at_creation(), other.at_creation());
}

#[test]
fn former_generations_that_are_still_there_go() {
    let want = desire(full());
    let retiring = vec![Retiring { provider_id: ProviderId("11".to_owned()), generation: 1, scope: None }];
    let memory = Owned { retiring, generation: 2, ..owned(&want) };
    let diffed = Case { owned: Some(&memory), ..Case::of(&want, &state(&want)) }.diff();
    assert_eq!(keys(&diffed), ["#11 retire"]);
    assert_eq!(diffed.changes[0].generation, 1);
    let gone = Case { owned: Some(&memory), ..Case::of(None, None) }.diff();
    assert_eq!(keys(&gone), ["#11 retire"]);
}

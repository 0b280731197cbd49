//! The ledger as a text: who wrote it, what comes back of it, what differs when.

use super::*;
use crate::model::memory::{Deletion, Retiring};
use crate::model::{Approval, OnRemove, Policy, ProviderId, ResourceId, Scope};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

const ESTATE: uuid::Uuid = uuid::Uuid::from_u128(10);

fn key(secret: &str) -> Key {
    Key::new(secret.into())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn id(name: &str) -> ResourceId {
    ResourceId::new("Droplet", name)
}

fn owned(number: &str) -> Owned {
    Owned {
        provider_id: ProviderId(number.to_owned()),
        scope: Scope::of("Droplet"),
        generation: 2,
        policy: Policy { protect: true, ..Policy::default_for(OnRemove::Keep) },
        needs: BTreeSet::from([ResourceId::new("Vpc", "main")]),
        parts: BTreeMap::from([(String::new(), Digest::of("whole"))]),
        wrote: BTreeMap::from([("image".to_owned(), Digest::of("image"))]),
        retiring: vec![Retiring { provider_id: ProviderId("1".to_owned()), generation: 1, scope: None }],
        file: "erp.yaml".to_owned(),
        stopped: None,
    }
}

fn memory() -> Memory {
    let noon = at("2026-01-01T12:00:00Z");
    let deleted = "Droplet/old delete".parse().unwrap();
    Memory {
        estate: Some(ESTATE),
        team: Some("team".to_owned()),
        owned: BTreeMap::from([(id("erp"), owned("2"))]),
        pauses: BTreeMap::from([(id("erp"), Pause { reason: "by hand".to_owned(), until: None })]),
        approvals: BTreeMap::from([(Digest::of("held"), Approval { by: "ana".to_owned(), at: noon })]),
        deletions: vec![Deletion { at: noon, scope: Scope::of("Droplet"), key: deleted }],
        since: BTreeMap::from([("Droplet/erp replace".to_owned(), noon)]),
        serial: 7,
        found: BTreeSet::from([id("erp")]),
        ..Memory::default()
    }
}

fn applied(mut memory: Memory, patches: &[Patch]) -> Memory {
    patches.iter().for_each(|patch| memory.apply(patch));
    memory
}

#[test]
fn an_empty_journal_gets_back_everything_but_approvals() {
    let text = write(&memory(), &key("a"));
    let read = read(text.as_bytes(), &[key("b"), key("a")], &ESTATE).unwrap();
    let back = applied(Memory::default(), &taken_in(&Memory::default(), read, at("2026-01-02T00:00:00Z")));
    assert_eq!(back, Memory { approvals: BTreeMap::new(), ..memory() });
}

#[test]
fn a_ledger_that_anybody_changed_is_not_believed() {
    let text = write(&memory(), &key("a"));
    let says = |text: &str, keys: &[Key]| read(text.as_bytes(), keys, &ESTATE).unwrap_err();
    let ours = [key("a")];
    assert_eq!(says(&text.replace("\"protect\": true", "\"protect\": false"), &ours), Refused::Forged);
    assert_eq!(says(&text.replace("\"serial\": 7", "\"serial\": 8"), &ours), Refused::Forged);
    assert_eq!(says(&text.replace("by hand", "By hand"), &ours), Refused::Forged);
    assert_eq!(says(&text, &[key("b")]), Refused::UnknownKey(key("a").id().to_owned()));
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["signature"] = Value::from("00".repeat(32));
    assert_eq!(says(&value.to_string(), &ours), Refused::Forged);
    for odd in ["", "zz", "0", "é"] {
        value["signature"] = Value::from(odd);
        assert_eq!(says(&value.to_string(), &ours), Refused::Forged, "{odd:?}");
    }
    value.as_object_mut().unwrap().shift_remove("signature");
    assert_eq!(says(&value.to_string(), &ours), Refused::Unsigned);
    for odd in ["", "[]", "null", "{}", "{\"schema\": \"driftless.ledger/v9\"}", "\u{0}"] {
        assert!(matches!(says(odd, &ours), Refused::Unreadable(_)), "{odd:?}");
    }
}

#[test]
fn the_ledger_of_another_estate_is_another_ones_however_well_signed() {
    let text = write(&memory(), &key("a"));
    let other = uuid::Uuid::from_u128(11);
    assert_eq!(read(text.as_bytes(), &[key("a")], &other), Err(Refused::OtherEstate(ESTATE.to_string())));
}

#[test]
fn line_ends_and_spaces_are_nobodys_forgery() {
    let text = write(&memory(), &key("a")).replace('\n', "\r\n");
    assert!(read(text.as_bytes(), &[key("a")], &ESTATE).is_ok());
}

#[test]
fn a_later_programs_fields_are_left_aside_and_an_earlier_ones_may_be_missing() {
    let text = write(&memory(), &key("a"));
    let mut value: Value = serde_json::from_str(&text).unwrap();
    let inner = value["memory"].as_object_mut().unwrap();
    inner.insert("moods".to_owned(), Value::from("good"));
    inner.shift_remove("found");
    let Value::Object(mut all) = value else { panic!() };
    all.shift_remove("signature");
    let mac = key("a").mac(&canonical(&Value::Object(all.clone()))).unwrap();
    all.insert("signature".to_owned(), hex(&mac.finalize().into_bytes()).into());
    let read = read(Value::Object(all).to_string().as_bytes(), &[key("a")], &ESTATE).unwrap();
    assert_eq!(read, Memory { approvals: BTreeMap::new(), found: BTreeSet::new(), ..memory() });
}

#[test]
fn a_journal_that_is_behind_takes_in_what_is_new_and_keeps_what_is_stricter() {
    let mut old = memory();
    old.serial = 3;
    let loose = Policy { protect: false, on_remove: OnRemove::Keep, ..Policy::default_for(OnRemove::Keep) };
    old.owned.insert(id("erp"), Owned { provider_id: ProviderId("1".to_owned()), policy: loose, ..owned("1") });
    old.pauses.insert(id("db"), Pause { reason: "resumed since".to_owned(), until: None });
    let mut new = memory();
    new.approvals.clear();
    new.owned.insert(id("ocr"), owned("3"));
    new.owned.get_mut(&id("erp")).unwrap().policy.on_remove = OnRemove::Destroy;
    new.pauses.insert(id("erp"), Pause { reason: "for a day".to_owned(), until: Some(at("2026-01-02T00:00:00Z")) });
    let both = applied(old.clone(), &taken_in(&old, new, at("2026-01-02T00:00:00Z")));
    let erp = &both.owned[&id("erp")];
    assert_eq!(erp.provider_id.0, "2", "which object it is, the later one knows");
    assert!(erp.policy.protect && erp.policy.on_remove == OnRemove::Keep, "{:?}", erp.policy);
    assert_eq!(both.owned[&id("ocr")], owned("3"));
    assert_eq!(both.pauses[&id("erp")].until, None, "the longer pause holds");
    assert!(both.pauses.contains_key(&id("db")));
    assert!(both.approvals.is_empty(), "they may have been used already");
    assert_eq!((both.serial, both.deletions.len()), (7, 1));
}

#[test]
fn a_key_shows_in_no_text() {
    let key = key("a very secret key");
    assert!(!format!("{key:?}{}{}", key.id(), write(&memory(), &key)).contains("secret key"));
}

#[test]
fn equal_memories_are_equal_bytes_and_a_changed_one_differs_in_few_lines() {
    let before = write(&memory(), &key("a"));
    assert_eq!(before, write(&memory(), &key("a")));
    let mut changed = memory();
    changed.owned.get_mut(&id("erp")).unwrap().policy.protect = false;
    let after = write(&changed, &key("a"));
    let differ = before.lines().zip(after.lines()).filter(|(a, b)| a != b).count();
    assert_eq!(differ, 2, "the field and the signature");
    assert_ne!(essence(&memory()), essence(&changed));
    let later = Memory { serial: 8, since: BTreeMap::new(), ..memory() };
    assert_eq!(essence(&memory()), essence(&later), "no reason for a commit");
}

//! Taking droplets over, and markers.

use super::super::*;
use super::fixture::*;
use crate::model::{Cause, Owned, Risk, Step as Work};
use uuid::Uuid;

#[test]
fn a_droplet_that_is_taken_over_is_marked_first() {
    let want = desire(full());
    let have = State { markers: Vec::new(), name: "x".into(), ..state(&want) };
    let diffed = Case { adopting: true, ..Case::of(&want, &have) }.diff();
    assert_eq!(keys(&diffed), [" adopt", "#name update"]);
    assert_eq!(diffed.changes[0].cause, Cause::Adoption);
    let words: Vec<&str> = diffed.changes[0].fields.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(words, ["marker", "name"], "what follows is approved with it");
    assert!(matches!(&diffed.changes[0].risk, Risk::TakesOver(why) if why.ends_with("its name")));
    assert_eq!(diffed.changes[1].after, [diffed.changes[0].key.clone()]);
}

#[test]
fn a_droplet_that_equals_its_document_is_taken_over_freely() {
    let want = desire(full());
    let have = State { markers: Vec::new(), ..state(&want) };
    let change = Case { adopting: true, ..Case::of(&want, &have) }.only();
    assert_eq!(change.risk, Risk::None);
}

#[test]
fn what_acts_at_creation_is_not_compared_for_a_droplet_that_was_taken_over() {
    let want = desire(with("image", "debian-12-x64"));
    let memory = Owned { wrote: BTreeMap::new(), ..owned(&want) };
    assert_eq!(Case { owned: Some(&memory), ..Case::of(&want, &state(&want)) }.diff(), Diffed::default());
}
#[test]
fn a_marker_of_an_earlier_name_is_exchanged() {
    let want = desire(full());
    let old = Marker::of(&Uuid::nil(), &ResourceId::new("Droplet", "odoo"), 1);
    let have = State { markers: vec![old.clone()], ..state(&want) };
    let change = Case::of(&want, &have).only();
    let add = Some(Marker::of(&Uuid::nil(), &id(), 1));
    assert_eq!(change.step, Work::Ready(Step::Mark { add, remove: vec![old] }));
}

#[test]
fn a_second_marker_goes_and_the_right_one_is_not_sent_again() {
    let want = desire(full());
    let right = Marker::of(&Uuid::nil(), &id(), 1);
    let other = Marker::of(&Uuid::from_u128(7 << 100), &id(), 1);
    let have = State { markers: vec![other.clone(), right], ..state(&want) };
    assert_eq!(Case::of(&want, &have).only().step, Work::Ready(Step::Mark { add: None, remove: vec![other] }));
}

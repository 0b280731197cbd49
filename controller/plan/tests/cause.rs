//! Why there is a change: an edit, drift, an adoption, a removal; part by part.

use super::*;

#[test]
fn the_table_of_causes() {
    let mut drift = Stage::new();
    drift.settled("1", "a");
    drift.live("1", "a", |s| (s.marker, s.paint) = (Some(marker("a", 1)), "blue".to_owned()));
    assert_eq!(get(&drift.plan(), &update("a")).cause, Cause::Drift);
    let mut edit = drift.clone();
    edit.want("a", |w| w.paint = "green".to_owned());
    assert_eq!(get(&edit.plan(), &update("a")).cause, Cause::Document);
    let mut adoption = drift.clone();
    adoption.memory.owned.clear();
    adoption.live("1", "a", |s| s.paint = "blue".to_owned());
    assert_eq!(get(&adoption.plan(), &update("a")).cause, Cause::Adoption);
    let mut gone = drift.clone();
    gone.found(&Scope::of("Crate")).clear();
    assert_eq!(get(&gone.plan(), &whole("a", Verb::Create)).cause, Cause::Drift);
    let mut removal = drift.clone();
    removal.drop("a");
    assert_eq!(get(&removal.plan(), &whole("a", Verb::Release)).cause, Cause::Removal);
    let mut new = Stage::new();
    new.want("a", |_| {});
    assert_eq!(get(&new.plan(), &whole("a", Verb::Create)).cause, Cause::Document);
}

#[test]
fn causes_are_told_part_by_part() {
    let mut stage = Stage::new();
    let slots = [("drifts", says("1")), ("edited", says("1")), ("goes", says("1"))];
    stage.shelf("shelf", &slots);
    stage.run();
    stage.shelf("shelf", &[("drifts", says("1")), ("edited", says("2")), ("theirs", says("1"))]);
    stage.live_shelf("shelf", &[("drifts", "9"), ("edited", "1"), ("goes", "1"), ("theirs", "9")]);
    let plan = stage.plan();
    let cause = |slot: &str, verb| get(&plan, &part("shelf", slot, verb)).cause;
    assert_eq!(cause("drifts", Verb::Update), Cause::Drift);
    assert_eq!(cause("edited", Verb::Update), Cause::Document);
    assert_eq!(cause("theirs", Verb::Update), Cause::Adoption);
    assert_eq!(cause("goes", Verb::Delete), Cause::Removal);
    assert_eq!(plan.held().count(), 1, "only what was never set from git is held");
}

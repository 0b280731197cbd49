//! The brakes that look at many changes.

use super::*;
use crate::plan::guard::IN_DOUBT;

/// `all` crates that go when their document does, of which the first `gone` have none any more.
fn herd(all: usize, gone: usize) -> Stage {
    let mut stage = Stage::new();
    for i in 0..all {
        let name = format!("c{i:02}");
        stage.want_with(&name, |_| {}, |d| d.policy.on_remove = OnRemove::Destroy);
        stage.owned(&i.to_string(), &name, |_| {});
        if i < gone {
            stage.drop(&name);
        }
    }
    stage
}

fn held(stage: &Stage, rule: &str) -> (usize, usize) {
    let plan = stage.plan();
    let by = |c: &&Planned| c.hold().is_some_and(|h| h.reasons.iter().any(|r| r.rule == rule));
    (plan.changes.iter().filter(by).count(), plan.going().count())
}

fn deleted(stage: &mut Stage, age: i64, scope: Scope) {
    let key = whole("x", Verb::Delete);
    stage.memory.deletions.push(Deletion { at: ago(age), scope, key });
}

#[test]
fn the_table_of_delete_limits() {
    for (all, gone, expected) in [
        (40, 5, (0, 5)),
        (40, 6, (6, 0)),
        (9, 5, (0, 5)),
        (10, 3, (0, 3)),
        (10, 4, (4, 0)),
        (12, 4, (4, 0)),
        (14, 4, (0, 4)),
    ] {
        assert_eq!(held(&herd(all, gone), "delete-limit"), expected, "{gone} of {all}");
    }
}

#[test]
fn deletions_of_a_day_count_together_and_only_in_their_scope() {
    let mut stage = herd(40, 2);
    (0..4).for_each(|_| deleted(&mut stage, 3600, Scope::of("Crate")));
    assert_eq!(held(&stage, "delete-limit"), (2, 0));
    assert_eq!(stage.plan().next_due, Some(ago(3600 - 24 * 3600 - 1)), "time alone lifts it");
    stage.memory.deletions.clear();
    (0..4).for_each(|_| deleted(&mut stage, 24 * 3600 + 1, Scope::of("Crate")));
    (0..4).for_each(|_| deleted(&mut stage, 3600, Scope::within("Shelf", "shelf")));
    assert_eq!(held(&stage, "delete-limit"), (0, 2));
}

#[test]
fn all_deletes_of_the_scope_are_held_those_of_another_go_on_and_an_approved_one_goes() {
    let mut stage = herd(40, 6);
    stage.shelf("shelf", &[("x", says("1")), ("y", says("2"))]);
    stage.run();
    stage.shelf("shelf", &[("x", says("1"))]);
    assert_eq!(held(&stage, "delete-limit"), (6, 1));
    let digest = stage.plan().held().next().map(|c| c.digest.clone()).expect("held");
    stage.approve(&digest, now());
    assert_eq!(held(&stage, "delete-limit"), (5, 2));
}

#[test]
fn the_stricter_of_repo_and_machine_holds() {
    let caps = |max_deletes, max_delete_percent| Some(Prune { max_deletes, max_delete_percent });
    let mut stage = herd(40, 3);
    stage.brakes.caps = caps(2, 100);
    assert_eq!(held(&stage, "delete-limit"), (3, 0));
    stage.brakes.caps = caps(50, 50);
    assert_eq!(held(&stage, "delete-limit"), (0, 3));
    stage.estate.settings.prune = Prune { max_deletes: 2, max_delete_percent: 100 };
    assert_eq!(held(&stage, "delete-limit"), (3, 0));
}

#[test]
fn what_replaces_is_no_deletion_under_the_limits() {
    let mut stage = herd(40, 5);
    stage.want("c10", |w| w.wood = "elm".to_owned());
    let digest = get(&stage.plan(), &whole("c10", Verb::Replace)).digest;
    stage.approve(&digest, now());
    assert_eq!(held(&stage, "delete-limit"), (0, 7));
}

#[test]
fn rewriting_more_than_a_third_of_a_zone_is_held() {
    let slots = |n: usize, changed: usize| -> Vec<(String, String)> {
        (0..n).map(|i| (format!("s{i:02}"), if i < changed { "new".to_owned() } else { "old".to_owned() })).collect()
    };
    for (all, changed, expected) in [(10, 3, (0, 3)), (10, 4, (4, 0)), (9, 9, (0, 9)), (20, 6, (0, 6)), (20, 7, (7, 0))]
    {
        let mut stage = Stage::new();
        for changed in [0, changed] {
            let all = slots(all, changed);
            let all: Vec<(&str, Slot)> = all.iter().map(|(slot, text)| (slot.as_str(), says(text))).collect();
            stage.shelf("shelf", &all);
            if changed == 0 {
                stage.run();
            }
        }
        assert_eq!(held(&stage, "rewrite-limit"), expected, "{changed} of {all}");
    }
}

#[test]
fn what_vanished_at_once_is_not_made_anew_unasked() {
    for (all, gone, expected) in [(9, 3, 3), (10, 3, 0), (10, 4, 4), (2, 2, 0), (3, 3, 3)] {
        let mut stage = herd(all, 0);
        stage.found(&Scope::of("Crate")).drain(..gone);
        // One of them is edited in the same commit: that it is gone is no less odd.
        stage.want("c00", |w| w.paint = "green".to_owned());
        assert_eq!(held(&stage, "vanished"), (expected, gone - expected), "{gone} of {all}");
    }
}

#[test]
fn an_empty_estate_changes_nothing() {
    for on_remove in [OnRemove::Keep, OnRemove::Stop, OnRemove::Destroy] {
        let mut stage = Stage::new();
        stage.owned("1", "a", |_| {});
        stage.memory.owned.get_mut(&id("a")).expect("owned").policy.on_remove = on_remove;
        assert_eq!(held(&stage, "empty-estate"), (1, 0), "{on_remove:?}");
    }
}

#[test]
fn while_history_is_in_doubt_nothing_is_deleted_or_stopped() {
    for on_remove in [OnRemove::Stop, OnRemove::Destroy] {
        let mut stage = herd(5, 1);
        stage.memory.owned.get_mut(&id("c00")).expect("owned").policy.on_remove = on_remove;
        assert_eq!(held(&stage, IN_DOUBT), (0, 1));
        stage.brakes.no_deletions = Some("the branch was rewritten".to_owned());
        assert_eq!(held(&stage, IN_DOUBT), (1, 0));
    }
}

#[test]
fn what_the_controller_runs_on_is_neither_replaced_stopped_nor_destroyed_unasked() {
    for on_remove in [OnRemove::Stop, OnRemove::Destroy] {
        let mut stage = herd(3, 1);
        stage.memory.owned.get_mut(&id("c00")).expect("owned").policy.on_remove = on_remove;
        stage.brakes.runs_on = Some(id("c00"));
        assert_eq!(held(&stage, "runs-on"), (1, 0));
    }
    let mut stage = herd(3, 0);
    stage.brakes.runs_on = Some(id("c00"));
    stage.want("c00", |w| w.wood = "elm".to_owned());
    assert_eq!(held(&stage, "runs-on"), (1, 0));
}

#[test]
fn what_the_controller_runs_on_is_not_changed_unasked_nor_is_what_it_needs_taken_away() {
    let mut stage = herd(4, 0);
    stage.brakes.runs_on = Some(id("c00"));
    // A change that hurts nobody else is held on its own ground, and nowhere else.
    stage.want("c00", |w| w.paint = "green".to_owned());
    stage.want("c01", |w| w.paint = "green".to_owned());
    assert_eq!((held(&stage, "runs-on"), stage.plan().going().count()), ((1, 1), 1));
    // What it needs, now or as remembered, and what that needs in turn: replaced or stopped, held; painted, not.
    let mut stage = herd(4, 0);
    stage.brakes.runs_on = Some(id("c00"));
    stage.memory.owned.get_mut(&id("c00")).expect("owned").needs.insert(id("c01"));
    stage.memory.owned.get_mut(&id("c01")).expect("owned").needs.insert(id("c02"));
    stage.want("c02", |w| w.wood = "elm".to_owned());
    stage.want("c03", |w| w.wood = "elm".to_owned());
    let plan = stage.plan();
    let reasons = |name: &str| -> Vec<String> {
        let hold = get(&plan, &whole(name, Verb::Replace)).hold().cloned().expect("held");
        hold.reasons.into_iter().map(|r| r.rule).collect()
    };
    assert_eq!(
        (reasons("c02"), reasons("c03")),
        (vec!["destroys".to_owned(), "runs-on".to_owned()], vec!["destroys".to_owned()])
    );
    stage.want("c02", |w| w.paint = "green".to_owned());
    stage.want("c03", |w| w.paint = "green".to_owned());
    assert_eq!(held(&stage, "runs-on"), (0, 2));
    stage.drop("c02");
    stage.memory.owned.get_mut(&id("c02")).expect("owned").policy.on_remove = OnRemove::Stop;
    assert_eq!(held(&stage, "runs-on"), (1, 1));
}

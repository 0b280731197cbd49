//! The stricter of the limits last applied and the new ones.

use super::*;
use crate::model::memory::Limits;
use crate::plan::limits::binding;

/// Forty crates with limits that were applied, of which some go in a commit that raises the limit to `raised`.
fn careless(gone: usize, raised: u32) -> Stage {
    let mut stage = Stage::new();
    for i in 0..40 {
        let name = format!("c{i:02}");
        stage.want_with(&name, |_| {}, |d| d.policy.on_remove = OnRemove::Destroy);
        stage.owned(&i.to_string(), &name, |_| {});
    }
    stage.memory.limits = None;
    let plan = stage.plan();
    stage.remember(&plan);
    assert_eq!(
        stage.memory.limits.as_ref().map(|l| l.prune.max_deletes),
        Some(5),
        "the first limits are taken as they are"
    );
    stage.estate.settings.prune = Prune { max_deletes: raised, max_delete_percent: 100 };
    (0..gone).for_each(|i| stage.drop(&format!("c{i:02}")));
    stage
}

fn limit(stage: &Stage) -> u32 {
    stage.memory.limits.as_ref().expect("limits").prune.max_deletes
}

#[test]
fn a_commit_that_raises_the_limits_and_deletes_is_held_by_the_former_ones() {
    let mut stage = careless(8, 50);
    for _ in 0..3 {
        let plan = stage.plan();
        assert_eq!((plan.held().count(), plan.going().count()), (8, 0));
        let text = plan.held().filter_map(|c| c.hold()).map(|h| h.reasons[0].text.clone()).next().expect("a reason");
        assert_eq!(
            text,
            "8 deletions of Crate in 24 h (0 done, 8 planned); the limit is 5, as it was before the commit that raises it"
        );
        stage.remember(&plan);
        assert_eq!(limit(&stage), 5, "looking again does not loosen it");
    }
    // Somebody approves all of them: then nothing is left that the looser limits would have released.
    let digests: Vec<Digest> = stage.plan().held().map(|c| c.digest.clone()).collect();
    digests.iter().for_each(|digest| stage.approve(digest, now()));
    stage.run();
    assert_eq!((limit(&stage), stage.found(&Scope::of("Crate")).len()), (50, 32));
}

#[test]
fn raised_limits_bind_once_their_commit_leaves_nothing_to_delete() {
    let mut stage = careless(0, 50);
    let plan = stage.plan();
    stage.remember(&plan);
    assert_eq!(limit(&stage), 50);
    (0..8).for_each(|i| stage.drop(&format!("c{i:02}")));
    assert_eq!(stage.plan().going().count(), 8, "a later commit may use them");
    // What could not be seen may still be deleted.
    let mut stage = careless(0, 50);
    stage.world.scopes.insert(Scope::of("Shelf"), Sighting { found: Err("500".to_owned()) });
    let plan = stage.plan();
    stage.remember(&plan);
    assert_eq!(limit(&stage), 5);
}

#[test]
fn taking_the_deletions_back_lets_the_limits_be_raised() {
    let mut stage = careless(8, 50);
    let plan = stage.plan();
    stage.remember(&plan);
    (0..8).for_each(|i| stage.want_with(&format!("c{i:02}"), |_| {}, |d| d.policy.on_remove = OnRemove::Destroy));
    let plan = stage.plan();
    stage.remember(&plan);
    assert_eq!(limit(&stage), 50);
}

#[test]
fn stricter_limits_bind_at_once() {
    let mut stage = careless(4, 3);
    let plan = stage.plan();
    assert_eq!(plan.held().count(), 4);
    stage.remember(&plan);
    assert_eq!(limit(&stage), 3);
    // And a commit that takes them back with its deletions is held by them.
    stage.estate.settings.prune.max_deletes = 50;
    assert_eq!(stage.plan().held().count(), 4);
}

#[test]
fn five_deletes_a_commit_in_five_commits_are_held_from_the_sixth_delete_of_a_day_on() {
    let mut stage = careless(0, 5);
    for commit in 0..5 {
        (0..5).for_each(|i| stage.drop(&format!("c{:02}", commit * 5 + i)));
        let plan = stage.run();
        assert_eq!((plan.held().count(), stage.memory.deletions.len()), (commit * 5, 5));
        stage.world.as_of += SignedDuration::from_hours(1);
    }
    // The first five were done at noon: they count for 24 h and no second longer.
    stage.world.as_of = now() + SignedDuration::from_hours(24);
    assert_eq!(stage.plan().going().count(), 0);
    assert_eq!(stage.plan().next_due, Some(now() + SignedDuration::from_secs(24 * 3600 + 1)));
    stage.world.as_of = now() + SignedDuration::from_secs(24 * 3600 + 1);
    // Twenty are left and none counts any more: more than the limit all the same.
    assert_eq!((stage.plan().going().count(), stage.plan().held().count()), (0, 20));
    (5..20).for_each(|i| stage.want_with(&format!("c{i:02}"), |_| {}, |d| d.policy.on_remove = OnRemove::Destroy));
    assert_eq!(stage.plan().going().count(), 5, "the last five may go");
}

#[test]
fn approvers_are_those_of_both_and_new_ones_count_once_nothing_is_held() {
    let of = |names: &[&str]| Some(names.iter().map(|n| (*n).to_owned()).collect());
    for (former, said, expected) in [
        (&["ana", "bob"][..], &["ana", "eve"][..], of(&["ana"])),
        (&["ana"], &[], of(&["ana"])),
        (&[], &["ana"], of(&["ana"])),
        (&["ana"], &["eve"], of(&[])),
        (&[], &[], None),
    ] {
        let mut stage = careless(6, 5);
        let limits = Limits {
            prune: Prune::default(),
            approvers: of(former).filter(|_| !former.is_empty()),
            self_approve: false,
        };
        stage.memory.limits = Some(limits);
        stage.estate.settings.approvers = said.iter().map(|n| (*n).to_owned()).collect();
        stage.estate.settings.self_approve = true;
        let bound = binding(&stage.memory, &stage.estate.settings);
        assert_eq!((bound.approvers, bound.self_approve), (expected.clone(), false), "{former:?} and {said:?}");
        let plan = stage.plan();
        stage.remember(&plan);
        let bound = stage.memory.limits.clone().expect("limits");
        assert_eq!((bound.approvers, bound.self_approve), (expected, false), "six deletions are held");
        (0..6).for_each(|i| stage.want_with(&format!("c{i:02}"), |_| {}, |d| d.policy.on_remove = OnRemove::Destroy));
        let plan = stage.plan();
        stage.remember(&plan);
        let bound = stage.memory.limits.clone().expect("limits");
        assert_eq!((bound.approvers, bound.self_approve), (of(said).filter(|_| !said.is_empty()), true));
    }
}

#[test]
fn another_estate_or_team_changes_no_limits() {
    let mut stage = careless(0, 50);
    stage.world.account = Some(Ok("strangers".to_owned()));
    let plan = stage.plan();
    stage.remember(&plan);
    assert_eq!(limit(&stage), 5);
}

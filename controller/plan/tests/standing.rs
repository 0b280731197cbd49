//! Whether one change may go on: modes, holds, approvals, failures.

use super::*;
use crate::model::memory::PutBack;

const DAY: i64 = 24 * 3600;

fn drifted() -> Stage {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.live("1", "a", |s| {
        s.marker = Some(marker("a", 1));
        s.paint = "blue".to_owned();
    });
    stage
}

#[test]
fn observe_reports_and_changes_nothing_whoever_says_it() {
    let mut stage = drifted();
    assert_eq!(short(&stage.plan()), ["Crate/a#all update"]);
    stage.policy("a", |p| p.mode = Mode::Observe);
    assert_eq!(short(&stage.plan()), ["Crate/a#all update o"]);
    stage.policy("a", |p| p.mode = Mode::Enforce);
    stage.estate.settings.mode = SettingsMode::Observe;
    stage.owned("2", "gone", |_| {});
    stage.want("new", |_| {});
    stage.shelf("shelf", &[("x", of("new"))]);
    let plan = stage.plan();
    assert!(plan.going().count() == 0 && plan.held().count() == 0, "{:?}", short(&plan));
    assert_eq!(plan.changes.len(), 5);
}

#[test]
fn an_adoption_that_differs_is_not_remembered_as_owned_in_any_mode() {
    for mode in [Mode::Observe, Mode::Enforce] {
        let mut stage = Stage::new();
        stage.want_with("a", |_| {}, |d| d.policy.mode = mode);
        stage.live("1", "a", |s| s.paint = "blue".to_owned());
        stage.run();
        assert_eq!(stage.memory.owned.len(), 0);
    }
}

#[test]
fn a_pause_lasts_until_its_time_and_the_next_plan_is_due_then() {
    for by_hand in [true, false] {
        let mut stage = drifted();
        let until = ago(-3600);
        if by_hand {
            let pause = Pause { reason: "moving".to_owned(), until: Some(until) };
            stage.memory.pauses.insert(id("a"), pause);
        } else {
            stage.policy("a", |p| (p.mode, p.until) = (Mode::Paused, Some(until)));
        }
        let plan = stage.plan();
        assert_eq!((short(&plan), plan.paused, plan.next_due), (vec![], 1, Some(until)));
        stage.world.as_of = until;
        assert_eq!(short(&stage.plan()), ["Crate/a#all update"]);
    }
}

#[test]
fn a_pause_by_hand_outlives_a_rename() {
    let mut stage = drifted();
    stage.memory.pauses.insert(id("a"), Pause { reason: "moving".to_owned(), until: None });
    stage.drop("a");
    stage.want_with("b", |_| {}, |d| d.formerly = vec![id("a")]);
    assert_eq!((short(&stage.plan()), stage.plan().paused), (vec![], 1));
}

#[test]
fn what_needs_a_paused_one_is_compared_with_what_lives_and_waits_where_nothing_does() {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.policy("a", |p| p.mode = Mode::Paused);
    stage.shelf("shelf", &[("x", of("a"))]);
    stage.want("b", |_| {});
    stage.depends("b", "a");
    let both = ["Crate/b create", "Shelf/shelf create", "Shelf/shelf#x create"];
    assert_eq!(short(&stage.plan()), both);
    stage.found(&Scope::of("Crate")).clear();
    let plan = stage.plan();
    assert_eq!(
        (short(&plan), rules(&plan)),
        (vec!["Crate/b create ?".to_owned(), both[1].to_owned()], vec!["reference-unknown"])
    );
    let Standing::Blocked(why) = get(&plan, &whole("b", Verb::Create)).standing else { panic!("blocked") };
    assert_eq!(why, "it depends on Crate/a: it does not exist and it is paused");
}

#[test]
fn each_risk_holds_its_change_and_an_approval_of_its_digest_lets_it_go_for_a_day() {
    let mut exposes = drifted();
    exposes.want("a", |w| w.open = true);
    let mut destroys = drifted();
    destroys.want("a", |w| w.wood = "elm".to_owned());
    let mut takes_over = drifted();
    takes_over.memory.owned.clear();
    takes_over.live("1", "a", |s| s.paint = "blue".to_owned());
    for (mut stage, rule) in [(exposes, "exposes"), (destroys, "destroys"), (takes_over, "takes-over")] {
        let held = stage.plan().held().next().cloned().expect("a held change");
        assert_eq!(held.hold().map(|h| h.reasons.iter().map(|r| r.rule.as_str()).collect()), Some(vec![rule]));
        stage.approve(&Digest::of("another"), now());
        assert_eq!(stage.plan().going().count(), 0);
        stage.approve(&held.digest, ago(DAY + 1));
        assert_eq!(stage.plan().going().count(), 0, "an approval is good for 24 h");
        stage.approve(&held.digest, ago(DAY));
        assert_eq!(stage.plan().held().count(), 0);
        assert_eq!(short(&stage.run()), [""; 0]);
        assert!(!stage.memory.approvals.contains_key(&held.digest), "an approval is used once");
    }
}

#[test]
fn a_protected_one_is_neither_replaced_nor_destroyed_unasked() {
    let mut stage = Stage::new();
    stage.want_with("a", |w| w.wood = "elm".to_owned(), |d| d.policy.protect = true);
    stage.owned("1", "a", |_| {});
    assert_eq!(short(&stage.plan()), ["Crate/a replace !destroys+protected", "Crate/a#1 retire !replaced"]);
    stage.settled("2", "b");
    stage.policy("b", |p| (p.protect, p.on_remove) = (true, OnRemove::Destroy));
    stage.run();
    stage.drop("b");
    assert_eq!(get(&stage.plan(), &whole("b", Verb::Delete)).hold().map(|h| h.reasons.len()), Some(1));
}

#[test]
fn a_protection_binds_from_the_plan_that_sees_it_though_other_changes_are_open() {
    for paused in [true, false] {
        let mut stage = drifted();
        stage.settled("9", "other");
        stage.policy("a", |p| (p.protect, p.on_remove) = (true, OnRemove::Destroy));
        stage.memory.owned.get_mut(&id("a")).expect("owned").policy.on_remove = OnRemove::Destroy;
        if paused {
            stage.policy("a", |p| (p.mode, p.until) = (Mode::Paused, Some(ago(-60))));
        }
        let plan = stage.plan();
        stage.remember(&plan);
        stage.drop("a");
        stage.world.as_of = now() + SignedDuration::from_secs(60);
        assert_eq!(short(&stage.plan()), ["Crate/a delete !protected"]);
    }
}

#[test]
fn an_adoption_is_approved_as_one_with_all_that_is_behind_it() {
    let mut stage = Stage::new();
    stage.want("a", |w| w.open = true);
    stage.live("1", "a", |s| s.paint = "blue".to_owned());
    let plan = stage.plan();
    assert_eq!(short(&plan), ["Crate/a adopt !takes-over", "Crate/a#all update !exposes"]);
    let digests: Vec<&Digest> = plan.changes.iter().map(|c| &c.digest).collect();
    assert_eq!(digests.first(), digests.last());
    // The marker alone would make it ours, and then the rest would go.
    stage.approve(digests.first().expect("a digest"), now());
    stage.want("a", |w| (w.open, w.paint) = (true, "green".to_owned()));
    assert_eq!(stage.plan().going().count(), 0, "what was approved was something else");
    stage.want("a", |w| w.open = true);
    assert_eq!(short(&stage.run()), [""; 0]);
    // Free when equal.
    let mut stage = Stage::new();
    stage.want("a", |_| {});
    stage.live("1", "a", |_| {});
    assert_eq!(short(&stage.plan()), ["Crate/a adopt"]);
}

#[test]
fn a_part_that_could_not_be_compared_is_not_taken_for_ours() {
    let mut stage = Stage::new();
    stage.shelf("shelf", &[("x", of("a")), ("y", says("1"))]);
    stage.live_shelf("shelf", &[("x", "theirs"), ("y", "1")]);
    stage.want_with("a", |_| {}, |d| d.policy.mode = Mode::Paused);
    stage.run();
    stage.policy("a", |p| p.mode = Mode::Enforce);
    stage.owned("1", "a", |_| {});
    assert_eq!(short(&stage.plan()), ["Shelf/shelf#x update !takes-over"]);
    assert_eq!(stage.plan().in_sync, 1, "the shelf was not in sync while one part was unknown");
}

#[test]
fn a_held_replacement_is_planned_around_and_a_held_create_is_waited_for() {
    let mut stage = Stage::new();
    stage.want("a", |w| w.wood = "elm".to_owned());
    stage.owned("1", "a", |_| {});
    stage.shelf("shelf", &[("x", of("a"))]);
    stage.live_shelf("shelf", &[("x", "drifted")]);
    stage.remember(&stage.plan());
    stage.memory.owned.get_mut(&id("shelf")).expect("owned").parts.insert("x".to_owned(), Digest::of("x"));
    stage.want("d", |_| {});
    stage.depends("d", "a");
    let held = ["Crate/a replace !destroys", "Crate/a#1 retire !replaced"];
    assert_eq!(short(&stage.plan()), [held[0], "Crate/d create", "Shelf/shelf#x update", held[1]]);
    assert_eq!(
        get(&stage.plan(), &part("shelf", "x", Verb::Update)).fields.last().map(|f| f.to.clone()),
        Some(Shown::text("at 1"))
    );
    assert_eq!(get(&stage.plan(), &whole("d", Verb::Create)).after, [], "it need not wait for what is held");
    assert_eq!(short(&stage.run()), held);
}

#[test]
fn what_comes_after_a_create_that_does_not_go_says_for_what_it_waits() {
    let mut stage = Stage::new();
    stage.want("a", |_| {});
    stage.shelf("shelf", &[("x", of("a"))]);
    stage.want("b", |w| w.inside = Some("a".to_owned()));
    stage.want("c", |_| {});
    stage.depends("c", "b");
    stage.policy("a", |p| p.mode = Mode::Observe);
    let plan = stage.plan();
    let blocked = ["Crate/b create ?", "Crate/c create ?", "Shelf/shelf create", "Shelf/shelf#x create ?"];
    assert_eq!(short(&plan), [&["Crate/a create o"], &blocked[..]].concat());
    let why = |key| match get(&plan, &key).standing {
        Standing::Blocked(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(whole("b", Verb::Create)), "it comes after Crate/a create, which is only reported (mode: observe)");
    assert_eq!(why(whole("c", Verb::Create)), "it comes after Crate/b create, which waits itself");
}

#[test]
fn a_failure_waits_for_its_time_blocks_at_its_end_and_changed_content_is_tried_at_once() {
    let mut stage = Stage::new();
    stage.want("a", |_| {});
    let digest = get(&stage.plan(), &whole("a", Verb::Create)).digest;
    let fault = Fault::transient("locked", "");
    let failure = Failure { digest, attempts: 2, next: Some(ago(-60)), fault, since: ago(60), unfit: None };
    let key = whole("a", Verb::Create);
    stage.memory.failures.insert(key.clone(), failure.clone());
    assert_eq!((short(&stage.plan()), stage.plan().next_due), (vec!["Crate/a create ~".to_owned()], Some(ago(-60))));
    stage.world.as_of = ago(-60);
    assert_eq!(short(&stage.plan()), ["Crate/a create"]);
    stage.memory.failures.insert(key.clone(), Failure { next: None, ..failure });
    assert_eq!(short(&stage.plan()), ["Crate/a create ?"]);
    // Paint is in no field of a create, and yet another create than the one that failed.
    stage.want("a", |w| w.paint = "green".to_owned());
    assert_eq!(short(&stage.plan()), ["Crate/a create"]);
    // What nobody plans any more has not failed.
    stage.live("1", "a", |s| (s.paint, s.marker) = ("green".to_owned(), Some(marker("a", 1))));
    assert!(stage.plan().remember.contains(&Patch::Heal(key.clone())));
    stage.world.scopes.clear();
    assert!(!stage.plan().remember.contains(&Patch::Heal(key)), "but nothing is concluded from what was not seen");
}

#[test]
fn content_that_is_no_good_is_not_tried_by_another_name_before_it_changes() {
    let mut stage = Stage::new();
    stage.want("a", |_| {});
    let wanted = get(&stage.plan(), &whole("a", Verb::Create)).settles;
    let (digest, fault) = (Digest::of("another change"), Fault::unfit("it did not get ready", ""));
    let failure = Failure { digest, attempts: 1, next: None, fault, since: ago(60), unfit: wanted };
    let key = whole("a", Verb::Update);
    stage.memory.failures.insert(key.clone(), failure);
    let plan = stage.plan();
    assert_eq!(short(&plan), ["Crate/a create ?"]);
    assert!(!plan.remember.contains(&Patch::Heal(key.clone())), "it is still no good");
    stage.want("a", |w| w.paint = "green".to_owned());
    assert_eq!(short(&stage.plan()), ["Crate/a create"]);
    stage.memory.failures.remove(&key);
    stage.want("a", |_| {});
    assert_eq!(short(&stage.plan()), ["Crate/a create"], "somebody said that it is to be tried again");
}

#[test]
fn a_failed_change_that_is_held_anew_is_not_lost_behind_its_backoff() {
    let mut stage = drifted();
    stage.want("a", |w| w.open = true);
    let digest = get(&stage.plan(), &update("a")).digest;
    let fault = Fault::transient("locked", "");
    let failure =
        Failure { digest: digest.clone(), attempts: 1, next: Some(ago(-60)), fault, since: ago(60), unfit: None };
    stage.memory.failures.insert(update("a"), failure);
    assert_eq!(short(&stage.plan()), ["Crate/a#all update !exposes"]);
    stage.approve(&digest, now());
    assert_eq!(short(&stage.plan()), ["Crate/a#all update ~"]);
}

#[test]
fn a_change_keeps_its_digest_whatever_happens_around_it() {
    let mut stage = drifted();
    stage.want("a", |w| w.open = true);
    stage.settled("2", "b");
    stage.depends("a", "b");
    let digest = |stage: &Stage| get(&stage.plan(), &update("a")).digest;
    let before = digest(&stage);
    stage.world.as_of = ago(-3600);
    stage.estate.commit = Some("0123".to_owned());
    stage.live("2", "b", |s| (s.marker, s.paint) = (Some(marker("b", 1)), "blue".to_owned()));
    assert_eq!(digest(&stage), before, "what it depends on drifted in between");
    stage.want("a", |w| (w.open, w.paint) = (true, "green".to_owned()));
    assert_ne!(digest(&stage), before);
}

#[test]
fn an_approved_replacement_is_the_one_that_was_seen() {
    let mut stage = Stage::new();
    stage.want("a", |w| w.wood = "elm".to_owned());
    stage.owned("1", "a", |_| {});
    let digest = get(&stage.plan(), &whole("a", Verb::Replace)).digest;
    stage.approve(&digest, now());
    assert_eq!(stage.plan().going().count(), 2);
    // Paint is none of the fields of a replacement, but the new one would have it.
    stage.want("a", |w| (w.wood, w.paint) = ("elm".to_owned(), "green".to_owned()));
    assert_eq!(stage.plan().going().count(), 0);
}

#[test]
fn a_replacement_that_waits_for_something_stuck_is_planned_around() {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.want_with("z", |_| {}, |d| d.policy.mode = Mode::Observe);
    stage.want("a", |w| (w.wood, w.inside) = ("elm".to_owned(), Some("z".to_owned())));
    let digest = get(&stage.plan(), &whole("a", Verb::Replace)).digest;
    stage.approve(&digest, now());
    stage.shelf("shelf", &[("x", of("a"))]);
    assert_eq!(
        short(&stage.plan()),
        ["Crate/z create o", "Crate/a replace ?", "Shelf/shelf create", "Shelf/shelf#x create", "Crate/a#1 retire ?"]
    );
}

#[test]
fn an_approval_covers_the_change_with_its_placeholders_filled_and_no_other() {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.want("z", |_| {});
    stage.want("a", |w| (w.wood, w.inside) = ("elm".to_owned(), Some("z".to_owned())));
    let key = whole("a", Verb::Replace);
    let held = get(&stage.plan(), &key);
    stage.approve(&held.digest, now());
    let planned = get(&stage.plan(), &key);
    assert!(planned.goes() && matches!(planned.step, Step::Waits { .. }));
    stage.effect(&get(&stage.plan(), &whole("z", Verb::Create)));
    let filled = get(&stage.plan(), &key);
    let proceeds = |planned, now: &Planned, at| crate::plan::proceeds(planned, now, &stage.memory, at);
    assert_eq!(proceeds(&planned, &filled, now()), Ok(()));
    assert!(proceeds(&held, &filled, now()).is_err(), "what was held when the run began stays held");
    assert!(proceeds(&planned, &filled, ago(-DAY - 1)).is_err(), "the approval has expired");
    assert!(proceeds(&planned, &Planned { wrote: Vec::new(), ..filled }, now()).is_err(), "it is another change");
    assert!(proceeds(&planned, &planned, now()).is_err(), "it still waits");
}

#[test]
fn what_was_put_back_three_times_within_an_hour_is_told_and_left_alone_until_that_is_over() {
    let mut stage = drifted();
    let digest = get(&stage.plan(), &update("a")).digest;
    let put_back = |stage: &mut Stage, times: &[i64]| {
        let done = |&seconds: &i64| PutBack { at: ago(seconds), digest: digest.clone() };
        stage.memory.put_back.insert(update("a"), times.iter().map(done).collect());
    };
    put_back(&mut stage, &[3_700, 1_800, 60]);
    assert_eq!(short(&stage.plan()), ["Crate/a#all update"], "the first is longer ago than an hour");
    put_back(&mut stage, &[3_000, 1_800, 60]);
    let plan = stage.plan();
    assert_eq!((short(&plan), plan.next_due), (vec!["Crate/a#all update ?".to_owned()], Some(ago(-600))));
    let told = plan.findings.iter().find(|finding| finding.rule == "put-back-in-vain").expect("it is told");
    assert!(told.hint.contains("driftless retry Crate/a"), "{told:?}");
    stage.world.as_of = ago(-600);
    assert_eq!(short(&stage.plan()), ["Crate/a#all update"]);
    stage.world.as_of = now();
    stage.live("1", "a", |s| (s.marker, s.paint) = (Some(marker("a", 1)), "black".to_owned()));
    assert_eq!(short(&stage.plan()), ["Crate/a#all update"], "it is off in another way");
}

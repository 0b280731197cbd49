//! What became of a create whose answer never came.

use super::*;
use crate::plan::settle::{Settled, settle};
use std::collections::BTreeSet;

#[test]
fn the_table_of_settling() {
    let mut stage = Stage::new();
    for at in ["1", "2", "3"] {
        stage.live(at, "a", |_| {});
    }
    let live: Vec<Live> = stage.found(&Scope::of("Crate")).clone();
    let decide = |seen: &[usize], before: &[&str], made: Option<&str>, age: i64| {
        let mut stage = Stage::new();
        stage.intend(whole("a", Verb::Create), |i| {
            i.before = before.iter().map(|b| pid(b)).collect::<BTreeSet<_>>();
            i.provider_id = made.map(pid);
            i.opened = ago(age);
        });
        let intent = stage.memory.intents.values().next().cloned().expect("an intent");
        settle(&intent, &seen.iter().filter_map(|i| live.get(*i)).collect::<Vec<_>>(), now())
    };
    let until = ago(10) + SignedDuration::from_secs(60);
    assert_eq!(decide(&[0], &[], None, 10), Settled::Ours(pid("1")), "one new match");
    assert_eq!(decide(&[0, 1], &["1"], None, 10), Settled::Ours(pid("2")), "one besides what was there");
    assert_eq!(decide(&[0], &["1"], None, 10), Settled::Wait { until }, "none yet");
    assert_eq!(decide(&[], &[], None, 60), Settled::Clear, "none after the settle time");
    assert_eq!(decide(&[0, 1], &[], None, 10), Settled::Several(vec![pid("1"), pid("2")]));
    assert_eq!(decide(&[0, 1], &[], Some("2"), 10), Settled::Ours(pid("2")), "the answer came");
}

#[test]
fn an_open_create_plans_nothing_until_it_is_known_and_closes_when_it_is() {
    for unclear in [true, false] {
        let mut stage = Stage::new();
        stage.want("a", |_| {});
        stage.intend(whole("a", Verb::Create), |i| {
            i.unclear = unclear;
            i.wrote = BTreeMap::from([("wood".to_owned(), Digest::of("oak"))]);
        });
        let plan = stage.plan();
        assert_eq!((short(&plan), rules(&plan)), (vec![], vec!["outcome-unknown"]));
        assert_eq!(plan.next_due, Some(ago(10) + SignedDuration::from_secs(60)));
        // It shows in the list: by its marker, or unmarked by its name.
        for mark in [Some(marker("a", 1)), None] {
            let mut stage = stage.clone();
            stage.live("1", "a", |s| s.marker = mark);
            assert_eq!(short(&stage.run()), [""; 0]);
            assert_eq!(stage.memory.intents.len(), 0);
            let owned = stage.memory.owned.get(&id("a")).expect("owned");
            assert_eq!(owned.wrote.len(), 1, "what the create sent is remembered");
        }
        // It never does.
        stage.world.as_of = now() + SignedDuration::from_secs(60);
        let plan = stage.plan();
        assert_eq!(short(&plan), ["Crate/a create"]);
        assert!(plan.remember.contains(&Patch::Settle(whole("a", Verb::Create))));
    }
}

#[test]
fn an_open_replacement_is_not_sent_again_while_the_old_one_stands() {
    for (unclear, mark) in [(true, None), (false, None), (false, Some(marker("a", 2)))] {
        let mut stage = Stage::new();
        stage.want("a", |w| w.wood = "elm".to_owned());
        stage.owned("1", "a", |_| {});
        stage.intend(whole("a", Verb::Replace), |i| {
            i.generation = 2;
            i.unclear = unclear;
            i.before = BTreeSet::from([pid("1")]);
        });
        let plan = stage.plan();
        assert_eq!((short(&plan), rules(&plan)), (vec![], vec!["outcome-unknown"]));
        stage.live("2", "a", |s| {
            s.wood = "elm".to_owned();
            s.marker = mark;
        });
        let last = stage.run();
        assert_eq!(short(&last), [""; 0]);
        let owned = stage.memory.owned.get(&id("a")).expect("owned");
        assert_eq!((&owned.provider_id, owned.generation, owned.retiring.len()), (&pid("2"), 2, 0));
        assert_eq!((stage.found(&Scope::of("Crate")).len(), stage.memory.intents.len()), (1, 0));
    }
}

#[test]
fn several_new_ones_are_a_finding_until_the_document_says_which() {
    let mut stage = Stage::new();
    stage.want("a", |_| {});
    stage.intend(whole("a", Verb::Create), |_| {});
    stage.live("1", "a", |_| {});
    stage.live("2", "a", |_| {});
    assert_eq!((short(&stage.plan()), rules(&stage.plan())), (vec![], vec!["several-candidates"]));
    stage.policy("a", |p| p.adopt = Adopt::Id { id: pid("1") });
    assert_eq!(short(&stage.run()), [""; 0]);
    assert_eq!(stage.memory.intents.len(), 0);
}

#[test]
fn a_renamed_document_still_finds_what_it_was_making() {
    let mut stage = Stage::new();
    stage.want_with("new", |_| {}, |d| d.formerly = vec![id("old")]);
    stage.intend(whole("old", Verb::Create), |_| {});
    assert_eq!(short(&stage.plan()), [""; 0]);
    stage.live("1", "new", |s| s.marker = Some(marker("old", 1)));
    assert_eq!(short(&stage.plan()), ["Crate/new adopt"]);
    stage.run();
    assert_eq!(stage.memory.intents.len(), 0);
}

#[test]
fn what_was_made_for_a_document_that_has_gone_is_told_and_left_alone() {
    let mut stage = Stage::new();
    stage.settled("9", "other");
    stage.intend(whole("a", Verb::Create), |_| {});
    stage.live("1", "a", |s| s.marker = Some(marker("a", 1)));
    let plan = stage.run();
    assert_eq!((short(&plan), rules(&plan), plan.unowned.len()), (vec![], vec!["made-and-unwanted"], 1));
    stage.found(&Scope::of("Crate")).retain(|l| l.provider_id.0 != "1");
    stage.world.as_of = now() + SignedDuration::from_secs(60);
    stage.run();
    assert_eq!(stage.memory.intents.len(), 0);
}

#[test]
fn what_nobody_wants_is_told_for_as_long_as_it_stands_and_no_longer() {
    let mut stage = Stage::new();
    stage.settled("9", "other");
    stage.intend(whole("a", Verb::Create), |i| i.provider_id = Some(pid("1")));
    stage.live("1", "a", |_| {});
    stage.world.as_of = now() + SignedDuration::from_hours(48);
    assert_eq!((rules(&stage.run()), stage.memory.intents.len()), (vec!["made-and-unwanted"], 1));
    // A look that did not see the scope says nothing of it.
    let seen = stage.world.scopes.insert(Scope::of("Crate"), Sighting { found: Err("503".to_owned()) });
    stage.run();
    assert_eq!(stage.memory.intents.len(), 1);
    stage.world.scopes.insert(Scope::of("Crate"), seen.expect("it was seen before"));
    stage.found(&Scope::of("Crate")).retain(|l| l.provider_id.0 != "1");
    assert_eq!((rules(&stage.run()), stage.memory.intents.len()), (vec![], 0));
}

#[test]
fn a_document_that_comes_back_takes_what_was_being_made_for_it() {
    let mut stage = Stage::new();
    stage.settled("9", "other");
    stage.intend(whole("a", Verb::Create), |i| i.wrote = BTreeMap::from([("wood".to_owned(), Digest::of("oak"))]));
    stage.live("1", "a", |_| {});
    assert_eq!(rules(&stage.run()), ["made-and-unwanted"]);
    stage.want("a", |_| {});
    let plan = stage.run();
    assert_eq!((short(&plan), rules(&plan), plan.unowned.len()), (vec![], vec![], 0));
    let owned = stage.memory.owned.get(&id("a")).expect("owned");
    assert_eq!((&owned.provider_id, owned.wrote.len()), (&pid("1"), 1), "by its intent, not as a find");
    assert_eq!(stage.memory.intents.len(), 0);
}

#[test]
fn staged_work_is_not_over_while_nobody_looked_or_something_is_left() {
    let key = update("a");
    let staged = |stage: &mut Stage| stage.intend(update("a"), |i| i.stage = Some("powered-off".to_owned()));
    let closes = |stage: &Stage| stage.plan().remember.contains(&Patch::Settle(key.clone()));
    let mut stage = Stage::new();
    stage.settled("1", "a");
    staged(&mut stage);
    assert!(closes(&stage), "the world shows it done");
    let mut paused = stage.clone();
    paused.policy("a", |p| p.mode = Mode::Paused);
    assert!(!closes(&paused), "paused");
    let mut drifted = stage.clone();
    drifted.live("1", "a", |s| s.marker = None);
    assert!(!closes(&drifted), "another change of it is left");
    let mut unseen = stage.clone();
    unseen.world.scopes.clear();
    assert!(!closes(&unseen), "unseen");
}

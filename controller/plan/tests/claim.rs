//! Who is who: Memory, then markers, then keys; never a guess, never what is unowned.

use super::*;

#[test]
fn a_plan_of_equals_is_empty() {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    let plan = stage.plan();
    assert_eq!((short(&plan), plan.in_sync, plan.unowned.len()), (vec![], 1, 0));
    assert_eq!(plan.remember, vec![], "nothing new is to be remembered of what is in sync");
}

#[test]
fn memory_wins_over_a_marker_and_a_marker_over_a_key() {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.live("2", "a", |s| s.marker = Some(marker("a", 1)));
    stage.live("3", "a", |_| {});
    assert_eq!(stage.plan().unowned.iter().map(|u| u.provider_id.0.as_str()).collect::<Vec<_>>(), ["2", "3"]);
    stage.memory.owned.clear();
    stage.found(&Scope::of("Crate")).retain(|l| l.provider_id.0 != "1");
    let plan = stage.plan();
    assert_eq!(plan.unowned.iter().map(|u| u.provider_id.0.as_str()).collect::<Vec<_>>(), ["3"]);
    assert!(matches!(plan.remember.as_slice(), [Patch::Own(_, owned)] if owned.provider_id.0 == "2"));
}

#[test]
fn what_memory_names_for_one_id_goes_to_no_other_by_its_marker() {
    // `b` was `a` once; the marker on its object still says so, and a new `a` is declared.
    let mut stage = Stage::new();
    stage.want("a", |_| {});
    stage.settled("1", "b");
    stage.live("1", "b", |s| s.marker = Some(marker("a", 1)));
    stage.policy("b", |p| p.mode = Mode::Observe);
    assert_eq!(short(&stage.plan()), ["Crate/a create", "Crate/b adopt o"]);
}

#[test]
fn two_candidates_are_a_finding_with_a_way_out_that_works() {
    let mut stage = Stage::new();
    stage.want("a", |_| {});
    stage.live("1", "a", |_| {});
    stage.live("2", "a", |_| {});
    let plan = stage.plan();
    assert_eq!((short(&plan), rules(&plan), plan.unknown), (vec![], vec!["several-candidates"], 1));
    stage.policy("a", |p| p.adopt = Adopt::Id { id: pid("2") });
    assert_eq!(get(&stage.plan(), &whole("a", Verb::Adopt)).provider_id, Some(pid("2")));
    // The same with two that carry its marker, after Memory was lost.
    for at in ["1", "2"] {
        stage.live(at, "a", |s| s.marker = Some(marker("a", 1)));
    }
    stage.policy("a", |p| p.adopt = Adopt::Match);
    assert_eq!(rules(&stage.plan()), ["several-candidates"]);
    stage.policy("a", |p| p.adopt = Adopt::Id { id: pid("2") });
    let plan = stage.plan();
    assert_eq!((rules(&plan).len(), plan.in_sync, plan.unowned.len()), (0, 1, 1));
}

#[test]
fn a_foreign_marker_is_never_adopted() {
    let other = Marker { estate: "0123abcd".to_owned(), ..marker("a", 1) };
    for adopt in [Adopt::Match, Adopt::Id { id: pid("1") }] {
        let mut stage = Stage::new();
        stage.want_with("a", |_| {}, |d| d.policy.adopt = adopt);
        stage.live("1", "a", |s| s.marker = Some(other.clone()));
        let plan = stage.plan();
        assert_eq!((short(&plan), rules(&plan)), (vec![], vec!["owned-elsewhere"]));
        assert_eq!(plan.unowned.len(), 1);
    }
}

#[test]
fn adopt_says_which_object_may_be_taken() {
    let mut stage = Stage::new();
    stage.want_with("a", |_| {}, |d| d.policy.adopt = Adopt::Never);
    stage.live("1", "a", |_| {});
    assert_eq!(short(&stage.plan()), ["Crate/a create"]);
    stage.policy("a", |p| p.adopt = Adopt::Id { id: pid("9") });
    let plan = stage.plan();
    assert_eq!((short(&plan), rules(&plan)), (vec![], vec!["adopt-missing"]));
}

#[test]
fn what_a_document_names_or_knows_better_is_not_taken_by_another_first() {
    let mut stage = Stage::new();
    // `a` would take object 1 by its second key, `b` has its name; `c` names object 2, which bears the name of `d`.
    stage.want("a", |w| w.paint = "same".to_owned());
    stage.want("b", |w| w.paint = "same".to_owned());
    stage.live("1", "b", |s| s.paint = "same".to_owned());
    stage.want("c", |_| {});
    stage.want_with("d2", |w| w.name = "c".to_owned(), |d| d.policy.adopt = Adopt::Id { id: pid("2") });
    stage.live("2", "c", |_| {});
    let plan = stage.plan();
    assert_eq!(get(&plan, &whole("b", Verb::Adopt)).provider_id, Some(pid("1")));
    assert_eq!(get(&plan, &whole("d2", Verb::Adopt)).provider_id, Some(pid("2")));
    assert!(plan.change(&whole("a", Verb::Create)).is_some() && plan.change(&whole("c", Verb::Create)).is_some());
}

#[test]
fn another_team_or_another_estate_makes_everything_unknown_and_remembers_nothing() {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.want("b", |_| {});
    stage.owned("2", "gone", |_| {});
    stage.policy("a", |p| p.protect = true);
    for rule in ["another-team", "another-estate", "account-unknown"] {
        let mut stage = stage.clone();
        match rule {
            "another-team" => stage.world.account = Some(Ok("other".to_owned())),
            "another-estate" => stage.memory.estate = Some(uuid::Uuid::from_u128(8)),
            _ => stage.world.account = Some(Err("401".to_owned())),
        }
        stage.intend(whole("x", Verb::Create), |i| i.opened = ago(3600));
        let plan = stage.plan();
        assert_eq!((short(&plan), rules(&plan), plan.unknown), (vec![], vec![rule], 2));
        assert_eq!(plan.remember, vec![]);
    }
}

#[test]
fn what_was_not_seen_is_unknown_and_so_is_what_needs_it() {
    for found in [Some(Err("500".to_owned())), None] {
        let mut stage = Stage::new();
        stage.settled("1", "a");
        stage.owned("2", "gone", |_| {});
        stage.shelf("shelf", &[("x", of("a")), ("y", says("1"))]);
        match found {
            Some(found) => drop(stage.world.scopes.insert(Scope::of("Crate"), Sighting { found })),
            None => drop(stage.world.scopes.remove(&Scope::of("Crate"))),
        }
        let plan = stage.plan();
        assert_eq!(short(&plan), ["Shelf/shelf create", "Shelf/shelf#y create"]);
        assert_eq!(rules(&plan), ["not-seen", "not-seen", "reference-unknown"]);
    }
}

#[test]
fn an_object_whose_former_scope_was_not_seen_is_unknown() {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.found(&Scope::of("Crate")).clear();
    if let Some(owned) = stage.memory.owned.get_mut(&id("a")) {
        owned.scope = Scope::within("Crate", "elsewhere");
    }
    assert_eq!((short(&stage.plan()), stage.plan().unknown), (vec![], 1));
}

#[test]
fn formerly_renames_and_changes_nothing_else() {
    let mut stage = Stage::new();
    stage.owned("1", "old", |s| s.name = "new".to_owned());
    stage.want_with("new", |w| w.paint = "old-red".to_owned(), |d| d.formerly = vec![id("old")]);
    let plan = stage.plan();
    assert_eq!(short(&plan), ["Crate/new adopt"]);
    assert!(plan.remember.contains(&Patch::Rename(id("old"), id("new"))));
    let last = stage.run();
    assert_eq!((short(&last), stage.memory.owned.contains_key(&id("old"))), (vec![], false));
}

#[test]
fn formerly_takes_nothing_from_a_document_that_still_bears_the_name() {
    let mut stage = Stage::new();
    stage.settled("1", "old");
    stage.memory.owned.clear();
    stage.want_with("new", |_| {}, |d| d.formerly = vec![id("old")]);
    assert_eq!(short(&stage.plan()), ["Crate/new create"]);
    stage.want_with("newer", |_| {}, |d| d.formerly = vec![id("old2")]);
    stage.want_with("newest", |_| {}, |d| d.formerly = vec![id("old2")]);
    stage.owned("2", "old2", |_| {});
    let renames = stage.plan().remember.iter().filter(|p| matches!(p, Patch::Rename(..))).count();
    assert_eq!(renames, 1, "one object has one new name");
}

#[test]
fn a_lost_memory_is_found_again_by_markers() {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.memory.owned.clear();
    let plan = stage.plan();
    assert_eq!((short(&plan), plan.in_sync), (vec![], 1));
    stage.remember(&plan);
    assert_eq!(stage.memory.owned.get(&id("a")).map(|o| &o.provider_id), Some(&pid("1")));
}

#[test]
fn of_two_generations_the_older_goes_and_only_after_a_replacement_of_ours_without_asking() {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.live("2", "a", |s| s.marker = Some(marker("a", 2)));
    // Found by its marker alone: held, and not taken for agreed by the next plan either.
    for _ in 0..2 {
        let plan = stage.plan();
        assert_eq!(short(&plan), ["Crate/a#1 retire !destroys"]);
        stage.remember(&plan);
    }
    // The crash came between the two halves of a replacement that was approved.
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.live("2", "a", |s| s.marker = Some(marker("a", 2)));
    stage.intend(whole("a", Verb::Replace), |i| {
        i.generation = 2;
        i.before.insert(pid("1"));
    });
    for _ in 0..2 {
        let plan = stage.plan();
        assert_eq!(short(&plan), ["Crate/a#1 retire"]);
        stage.remember(&plan);
    }
    assert_eq!(stage.memory.intents.len(), 0);
    assert_eq!(short(&stage.run()), [""; 0]);
    assert_eq!(stage.found(&Scope::of("Crate")).len(), 1);
}

#[test]
fn what_nobody_claims_is_listed_and_left_alone() {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.settled("4", "kept");
    stage.live("2", "stray", |_| {});
    stage.live("3", "foreign", |s| s.marker = Some(marker("nobody", 1)));
    stage.drop("a");
    let plan = stage.run();
    assert_eq!(plan.unowned.len(), 3, "what was let go is nobody's either");
    assert_eq!(stage.found(&Scope::of("Crate")).len(), 4);
}

#[test]
fn an_adopted_object_inherits_nothing_from_one_that_has_gone() {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    if let Some(owned) = stage.memory.owned.get_mut(&id("a")) {
        owned.wrote.insert("wood".to_owned(), Digest::of("oak"));
    }
    stage.found(&Scope::of("Crate")).clear();
    stage.live("2", "a", |_| {});
    assert_eq!(short(&stage.run()), [""; 0]);
    let owned = stage.memory.owned.get(&id("a")).expect("owned");
    assert_eq!((&owned.provider_id, owned.wrote.len()), (&pid("2"), 0));
}

//! What comes after what.

use super::*;

fn at(plan: &Plan, key: &ChangeKey) -> usize {
    plan.changes.iter().position(|c| &c.key == key).unwrap_or_else(|| panic!("no {key} in {:?}", short(plan)))
}

#[test]
fn needs_come_first_and_outputs_that_are_not_known_yet_are_waited_for() {
    let mut stage = Stage::new();
    stage.want("a", |w| w.inside = Some("z".to_owned()));
    stage.want("z", |_| {});
    stage.shelf("shelf", &[("x", of("a"))]);
    let plan = stage.plan();
    assert_eq!(short(&plan), ["Crate/z create", "Crate/a create", "Shelf/shelf create", "Shelf/shelf#x create"]);
    let slot = get(&plan, &part("shelf", "x", Verb::Create));
    assert_eq!(slot.after, [whole("a", Verb::Create), whole("shelf", Verb::Create)]);
    assert!(matches!(&slot.step, Step::Waits { on, .. } if on == &[id("a")]));
    assert_eq!(short(&stage.run()), [""; 0], "and applying it leaves nothing to do");
}

#[test]
fn removals_come_last_and_in_reverse_of_remembered_needs() {
    let mut stage = Stage::new();
    for (at, name, inside) in [("1", "a", None), ("2", "b", Some("a")), ("3", "c", Some("b"))] {
        stage.want_with(name, |w| w.inside = inside.map(str::to_owned), |d| d.policy.on_remove = OnRemove::Destroy);
        stage.owned(at, name, |_| {});
    }
    for name in ["a", "b", "c"] {
        stage.drop(name);
    }
    stage.settled("4", "d");
    stage.owned("4", "d", |s| s.paint = "blue".to_owned());
    assert_eq!(short(&stage.plan()), ["Crate/d#all update", "Crate/c delete", "Crate/b delete", "Crate/a delete"]);
}

#[test]
fn a_circle_of_remembered_needs_stops_nothing() {
    let mut stage = Stage::new();
    for (at, name, on) in [("1", "a", "b"), ("2", "b", "a")] {
        stage.owned(at, name, |_| {});
        let owned = stage.memory.owned.get_mut(&id(name)).expect("owned");
        owned.needs.insert(id(on));
        owned.policy.on_remove = OnRemove::Destroy;
    }
    stage.settled("3", "c");
    assert_eq!(short(&stage.run()), [""; 0]);
    assert_eq!(stage.found(&Scope::of("Crate")).len(), 1);
}

#[test]
fn a_replacement_is_create_then_dependents_then_retire() {
    let mut stage = Stage::new();
    stage.want("a", |w| w.wood = "elm".to_owned());
    stage.owned("1", "a", |_| {});
    stage.shelf("shelf", &[("x", of("a"))]);
    stage.live_shelf("shelf", &[("x", "at 1")]);
    stage.remember(&stage.plan());
    let replace = get(&stage.plan(), &whole("a", Verb::Replace));
    stage.approve(&replace.digest, now());
    let plan = stage.plan();
    let (first, then, last) =
        (whole("a", Verb::Replace), part("shelf", "x", Verb::Update), part("a", "1", Verb::Retire));
    assert!(at(&plan, &first) < at(&plan, &then) && at(&plan, &then) < at(&plan, &last), "{:?}", short(&plan));
    assert_eq!(plan.going().count(), 3);
    assert_eq!(short(&stage.run()), [""; 0]);
}

#[test]
fn what_depends_on_a_replaced_one_does_not_wait_for_its_end() {
    let mut stage = Stage::new();
    stage.want("a", |w| w.wood = "elm".to_owned());
    stage.owned("1", "a", |_| {});
    stage.want("b", |_| {});
    stage.owned("2", "b", |s| s.paint = "blue".to_owned());
    stage.depends("b", "a");
    let digest = get(&stage.plan(), &whole("a", Verb::Replace)).digest;
    stage.approve(&digest, now());
    assert_eq!(short(&stage.plan()), ["Crate/a replace", "Crate/b#all update", "Crate/a#1 retire"]);
    assert_eq!(short(&stage.run()), [""; 0]);
}

#[test]
fn a_former_generation_stays_while_something_still_points_at_it() {
    let mut stage = Stage::new();
    stage.settled("2", "a");
    stage.live("2", "a", |s| s.marker = Some(marker("a", 2)));
    stage.live("1", "a", |s| s.marker = Some(marker("a", 1)));
    let owned = stage.memory.owned.get_mut(&id("a")).expect("owned");
    owned.generation = 2;
    owned.retiring.push(Retiring { provider_id: pid("1"), generation: 1, scope: None });
    stage.shelf("shelf", &[("x", of("a"))]);
    stage.live_shelf("shelf", &[("x", "at 1")]);
    let plan = stage.plan();
    stage.remember(&plan);
    // The slot that points at it is held, since it was never ours.
    assert_eq!(short(&stage.plan()), ["Shelf/shelf#x update !takes-over", "Crate/a#1 retire ?"]);
    // The shelf cannot be seen, or is paused.
    let mut unseen = stage.clone();
    unseen.world.scopes.insert(Scope::within("Shelf", "shelf"), Sighting { found: Err("500".to_owned()) });
    assert_eq!(short(&unseen.plan()), ["Crate/a#1 retire ?"]);
    stage.policy("shelf", |p| p.mode = Mode::Paused);
    assert_eq!(short(&stage.plan()), ["Crate/a#1 retire ?"]);
    stage.policy("shelf", |p| p.mode = Mode::Enforce);
    stage.live_shelf("shelf", &[("x", "at 2")]);
    assert_eq!(short(&stage.plan()), ["Crate/a#1 retire"]);
}

#[test]
fn nothing_is_removed_while_what_needed_it_cannot_be_seen_or_is_left_alone() {
    let mut stage = Stage::new();
    stage.want_with("a", |_| {}, |d| d.policy.on_remove = OnRemove::Destroy);
    stage.owned("1", "a", |_| {});
    stage.shelf("shelf", &[("x", of("a"))]);
    stage.live_shelf("shelf", &[("x", "at 1")]);
    stage.run();
    stage.shelf("shelf", &[("x", says("elsewhere"))]);
    stage.drop("a");
    assert_eq!(short(&stage.plan()), ["Shelf/shelf#x update", "Crate/a delete"]);
    stage.policy("shelf", |p| p.mode = Mode::Paused);
    assert_eq!(short(&stage.plan()), ["Crate/a delete ?"]);
    stage.policy("shelf", |p| p.mode = Mode::Enforce);
    stage.world.scopes.insert(Scope::within("Shelf", "shelf"), Sighting { found: Err("500".to_owned()) });
    let plan = stage.plan();
    assert_eq!(short(&plan), ["Crate/a delete ?"]);
    let Standing::Blocked(why) = get(&plan, &whole("a", Verb::Delete)).standing else { panic!("blocked") };
    assert_eq!(why, "Shelf/shelf may still need it: 500");
}

#[test]
fn equal_inputs_give_equal_bytes() {
    let mut stage = Stage::new();
    stage.shelf("shelf", &[("x", of("b")), ("y", says("1"))]);
    for (at, name) in [("1", "a"), ("2", "b"), ("3", "c")] {
        stage.want(name, |w| w.wood = "elm".to_owned());
        stage.owned(at, name, |_| {});
    }
    stage.drop("c");
    let bytes = |stage: &Stage| serde_json::to_string(&stage.plan()).expect("a plan serialises");
    let mut turned = stage.clone();
    turned.found(&Scope::of("Crate")).reverse();
    assert_eq!(bytes(&stage), bytes(&stage.clone()));
    assert_eq!(bytes(&stage), bytes(&turned), "the order of a list means nothing");
    let back: Plan = serde_json::from_str(&bytes(&stage)).expect("and is read back");
    assert_eq!(back, stage.plan());
}

#[test]
fn the_former_self_of_what_needs_something_goes_before_that_ones_own() {
    let mut stage = Stage::new();
    for (at, name, inside) in [("1", "z", None), ("2", "a", Some("z"))] {
        stage.want(name, |w| w.inside = inside.map(str::to_owned));
        stage.owned(at, name, |state| state.inside = inside.map(|_| "1".to_owned()));
        stage.want(name, |w| (w.inside, w.wood) = (inside.map(str::to_owned), "elm".to_owned()));
    }
    let plan = stage.plan();
    let (user, used) = (part("a", "2", Verb::Retire), part("z", "1", Verb::Retire));
    assert!(get(&plan, &used).after.contains(&user) && at(&plan, &user) < at(&plan, &used), "{:?}", short(&plan));
}

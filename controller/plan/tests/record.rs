//! What is remembered once something is done.

use super::*;

fn done(stage: &Stage, key: &ChangeKey, made: Option<&str>) -> Memory {
    let change = get(&stage.plan(), key);
    let kind = KINDS.iter().find(|k| k.name() == key.id.kind).expect("a kind");
    let result = Done { provider_id: made.map(pid), ..Done::default() };
    let (document, owned) = (stage.estate.documents.get(&key.id), stage.memory.owned.get(&key.id));
    let mut memory = stage.memory.clone();
    let patches = remember::done(*kind, document, owned, &change, &result, now());
    assert!(patches.contains(&Patch::Heal(key.clone())));
    // Parts that show in a list alone stay open until one has shown them.
    assert_eq!(patches.contains(&Patch::Settle(key.clone())), !crate::plan::settle::shows_later(*kind, key));
    patches.iter().for_each(|patch| memory.apply(patch));
    memory
}

#[test]
fn a_create_is_owned_with_what_it_sent_and_needs() {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.want_with("b", |w| w.inside = Some("a".to_owned()), |d| d.policy.protect = true);
    let memory = done(&stage, &whole("b", Verb::Create), Some("9"));
    let owned = memory.owned.get(&id("b")).expect("owned");
    assert_eq!((&owned.provider_id, owned.generation, owned.policy.protect), (&pid("9"), 1, true));
    assert_eq!(owned.needs, [id("a")].into());
    assert_eq!(owned.wrote, BTreeMap::from([("wood".to_owned(), Digest::of("oak"))]));
    assert_eq!(Some(&owned.parts), stage.estate.documents.get(&id("b")).map(|d| &d.fingerprints));
}

#[test]
fn a_replacement_leaves_the_former_one_to_be_retired() {
    let mut stage = Stage::new();
    stage.want("a", |w| w.wood = "elm".to_owned());
    stage.owned("1", "a", |_| {});
    let memory = done(&stage, &whole("a", Verb::Replace), Some("2"));
    let owned = memory.owned.get(&id("a")).expect("owned");
    assert_eq!((&owned.provider_id, owned.generation), (&pid("2"), 2));
    assert_eq!(owned.retiring, [Retiring { provider_id: pid("1"), generation: 1, scope: None }]);
    stage.memory = memory;
    stage.live("2", "a", |s| (s.wood, s.marker) = ("elm".to_owned(), Some(marker("a", 2))));
    let memory = done(&stage, &part("a", "1", Verb::Retire), None);
    assert_eq!(memory.owned.get(&id("a")).map(|o| o.retiring.len()), Some(0));
    assert_eq!(memory.deletions.len(), 0);
}

#[test]
fn an_update_keeps_the_generation_and_what_was_needed_before() {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.owned("1", "a", |s| s.paint = "blue".to_owned());
    let owned = stage.memory.owned.get_mut(&id("a")).expect("owned");
    owned.generation = 3;
    owned.needs.insert(id("before"));
    let memory = done(&stage, &update("a"), None);
    let owned = memory.owned.get(&id("a")).expect("owned");
    assert_eq!((owned.generation, owned.needs.contains(&id("before"))), (3, true));
}

#[test]
fn removals_forget_and_deletions_are_counted() {
    for (on_remove, verb, kept, counted) in [
        (OnRemove::Keep, Verb::Release, 0, 0),
        (OnRemove::Stop, Verb::Stop, 1, 0),
        (OnRemove::Destroy, Verb::Delete, 0, 1),
    ] {
        let mut stage = Stage::new();
        stage.owned("1", "a", |_| {});
        stage.memory.owned.get_mut(&id("a")).expect("owned").policy.on_remove = on_remove;
        let memory = done(&stage, &whole("a", verb), None);
        assert_eq!((memory.owned.len(), memory.deletions.len()), (kept, counted), "{verb:?}");
    }
}

#[test]
fn parts_are_remembered_and_forgotten_one_by_one() {
    let mut stage = Stage::new();
    stage.shelf("shelf", &[("x", says("1")), ("y", says("1"))]);
    stage.run();
    let parts = |memory: &Memory| memory.owned.get(&id("shelf")).expect("owned").parts.clone();
    let fingerprints = stage.estate.documents.get(&id("shelf")).expect("a document").fingerprints.clone();
    assert_eq!(parts(&stage.memory), fingerprints);
    stage.shelf("shelf", &[("x", says("2"))]);
    let memory = done(&stage, &part("shelf", "x", Verb::Update), None);
    assert_ne!(parts(&memory).get("x"), fingerprints.get("x"));
    let memory = done(&stage, &part("shelf", "y", Verb::Delete), None);
    assert_eq!((parts(&memory).contains_key("y"), memory.deletions.len()), (false, 1));
    assert_eq!(memory.deletions.first().map(|d| d.scope.clone()), Some(Scope::within("Shelf", "shelf")));
}

#[test]
fn what_differs_and_cannot_be_changed_is_neither_in_sync_nor_taken_over() {
    let mut stage = Stage::new();
    stage.want_with("z", |_| {}, |d| d.policy.mode = Mode::Paused);
    stage.want("a", |w| w.inside = Some("z".to_owned()));
    stage.live("1", "a", |s| s.marker = Some(marker("a", 1)));
    let plan = stage.plan();
    assert_eq!((short(&plan), rules(&plan), plan.in_sync), (vec![], vec!["reference-unknown"], 0));
    let fingerprints = plan.remember.iter().map(|p| if let Patch::Own(_, o) = p { o.parts.len() } else { 9 });
    assert_eq!(fingerprints.collect::<Vec<_>>(), [0], "ours by its marker, but with nothing in sync");
}

#[test]
fn a_document_that_names_another_place_moves_nothing_by_that() {
    let mut stage = Stage::new();
    stage.shelf("shelf", &[("x", says("1"))]);
    stage.live_shelf("shelf", &[("x", "1")]);
    stage.run();
    let slots = BTreeMap::from([("x".to_owned(), says("1"))]);
    stage.add(&SHELF, "shelf", Arc::new(ShelfWant { name: "far".to_owned(), slots }), |_| {});
    stage.world.scopes.insert(Scope::within("Shelf", "far"), Sighting { found: Ok(Vec::new()) });
    let plan = stage.plan();
    stage.remember(&plan);
    let here = Scope::within("Shelf", "shelf");
    assert_eq!(stage.memory.owned.get(&id("shelf")).map(|owned| &owned.scope), Some(&here));
    stage.world.scopes.insert(here, Sighting { found: Err("away".to_owned()) });
    assert_eq!(stage.plan().unknown, 1, "where it is cannot be seen: nothing is made in the other place");
}

#[test]
fn what_a_former_generation_needs_is_remembered_until_it_has_gone() {
    let mut stage = Stage::new();
    stage.settled("1", "z");
    stage.want("a", |w| w.inside = Some("z".to_owned()));
    stage.owned("2", "a", |_| {});
    stage.want("a", |w| w.wood = "elm".to_owned());
    stage.memory = done(&stage, &whole("a", Verb::Replace), Some("3"));
    stage.live("3", "a", |s| (s.wood, s.marker) = ("elm".to_owned(), Some(marker("a", 2))));
    let plan = stage.plan();
    stage.remember(&plan);
    let needs = |stage: &Stage| stage.memory.owned.get(&id("a")).expect("owned").needs.clone();
    assert_eq!(needs(&stage), [id("z")].into());
    stage.run();
    assert_eq!(needs(&stage), [].into());
}

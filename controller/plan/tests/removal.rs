//! What becomes of what git no longer names.

use super::*;

fn removed(on_remove: OnRemove) -> Stage {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.settled("2", "b");
    stage.memory.owned.get_mut(&id("a")).expect("owned").policy.on_remove = on_remove;
    stage.drop("a");
    stage
}

#[test]
fn a_removed_document_follows_the_policy_last_applied() {
    for (on_remove, expected) in
        [(OnRemove::Keep, "Crate/a release"), (OnRemove::Stop, "Crate/a stop"), (OnRemove::Destroy, "Crate/a delete")]
    {
        assert_eq!(short(&removed(on_remove).plan()), [expected]);
    }
    let mut stage = removed(OnRemove::Destroy);
    stage.memory.owned.get_mut(&id("a")).expect("owned").policy.mode = Mode::Observe;
    assert_eq!(short(&stage.plan()), ["Crate/a delete o"]);
}

#[test]
fn a_removed_document_that_cannot_be_seen_is_left_alone_and_remembered() {
    let mut stage = removed(OnRemove::Destroy);
    stage.world.scopes.insert(Scope::of("Crate"), Sighting { found: Err("500".to_owned()) });
    let plan = stage.plan();
    assert_eq!((short(&plan), rules(&plan)), (vec![], vec!["not-seen", "not-seen"]));
    stage.remember(&plan);
    assert!(stage.memory.owned.contains_key(&id("a")));
}

#[test]
fn what_is_gone_already_is_forgotten() {
    let mut stage = removed(OnRemove::Destroy);
    stage.found(&Scope::of("Crate")).retain(|l| l.provider_id.0 != "1");
    let plan = stage.plan();
    assert_eq!((short(&plan), plan.remember), (vec![], vec![Patch::Forget(id("a"))]));
}

#[test]
fn a_document_removed_while_paused_stays_paused() {
    let mut stage = removed(OnRemove::Destroy);
    let until = ago(-60);
    stage.memory.pauses.insert(id("a"), Pause { reason: "moving".to_owned(), until: Some(until) });
    let plan = stage.plan();
    assert_eq!((short(&plan), rules(&plan), plan.next_due), (vec![], vec!["removed-while-paused"], Some(until)));
    stage.world.as_of = until;
    assert_eq!(short(&stage.plan()), ["Crate/a delete"]);
    // The same where the document itself said so, and only then was removed.
    let mut stage = Stage::new();
    stage.settled("1", "a");
    stage.settled("2", "b");
    stage.policy("a", |p| (p.mode, p.reason) = (Mode::Paused, Some("moving".to_owned())));
    let plan = stage.plan();
    stage.remember(&plan);
    stage.drop("a");
    assert_eq!((short(&stage.plan()), rules(&stage.plan())), (vec![], vec!["removed-while-paused"]));
}

#[test]
fn one_the_provider_is_at_work_on_waits() {
    let mut stage = removed(OnRemove::Destroy);
    let state = stage.crate_state(&pid("1"));
    stage.put(state, true);
    let plan = stage.plan();
    assert_eq!((short(&plan), rules(&plan)), (vec![], vec!["busy"]));
    assert!(plan.remember.is_empty());
}

#[test]
fn former_generations_go_before_the_last_is_forgotten() {
    let mut stage = removed(OnRemove::Destroy);
    stage.live("0", "a", |s| s.marker = Some(marker("a", 1)));
    let owned = stage.memory.owned.get_mut(&id("a")).expect("owned");
    owned.generation = 2;
    owned.retiring.push(Retiring { provider_id: pid("0"), generation: 1, scope: None });
    assert_eq!(short(&stage.plan()), ["Crate/a#0 retire", "Crate/a delete"]);
    assert_eq!((short(&stage.run()), stage.found(&Scope::of("Crate")).len()), (vec![], 1));
}

#[test]
fn a_former_generation_where_nobody_can_look_is_remembered_until_somebody_can() {
    let mut stage = Stage::new();
    stage.settled("1", "a");
    let scope = Some(Scope::within("Crate", "elsewhere"));
    let former = Retiring { provider_id: pid("0"), generation: 1, scope };
    stage.memory.owned.get_mut(&id("a")).expect("owned").retiring.push(former.clone());
    let plan = stage.run();
    assert_eq!((short(&plan), rules(&plan)), (vec![], vec!["former-unseen"]));
    assert_eq!(stage.memory.owned[&id("a")].retiring, [former]);
    // Once it can be seen and is not there, it has gone.
    stage.world.scopes.insert(Scope::within("Crate", "elsewhere"), Sighting { found: Ok(Vec::new()) });
    let plan = stage.run();
    assert_eq!((rules(&plan).len(), stage.memory.owned[&id("a")].retiring.len()), (0, 0));
}

#[test]
fn what_looks_like_a_rename_is_held_on_both_sides_with_the_line_to_add() {
    // The same key; the same but for the name; named by `adopt`.
    let mut same_key = removed(OnRemove::Destroy);
    same_key.want("new", |w| (w.name, w.paint) = ("a".to_owned(), "green".to_owned()));
    let mut but_the_name = removed(OnRemove::Destroy);
    but_the_name.want("new", |w| w.paint = "a-red".to_owned());
    for stage in [same_key, but_the_name] {
        let plan = stage.plan();
        assert_eq!(short(&plan), ["Crate/new create !renamed", "Crate/a delete !renamed"]);
        assert_eq!(
            plan.findings.iter().map(|f| f.hint.as_str()).collect::<Vec<_>>(),
            ["If it is, add `metadata: {formerly: [a]}` to Crate/new; if not, approve both changes."]
        );
    }
    let mut adopt = removed(OnRemove::Destroy);
    adopt.want_with("new", |_| {}, |d| d.policy.adopt = Adopt::Id { id: pid("1") });
    assert_eq!(short(&adopt.plan()), ["Crate/a delete !renamed"]);
    let mut another = removed(OnRemove::Destroy);
    another.want("new", |w| w.wood = "elm".to_owned());
    assert_eq!(short(&another.plan()), ["Crate/new create", "Crate/a delete"]);
}

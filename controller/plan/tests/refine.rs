//! Filled placeholders pass; any other difference does not.

use super::*;

fn planned() -> Planned {
    let step = Step::Waits { on: vec![id("a")], why: "an id".to_owned() };
    let pending = Shown::Pending { of: id("a"), output: Output::Id };
    let mixed = Shown::Mixed(vec![Shown::text("one"), pending.clone()]);
    let change: Change<CrateStep> = Change::new(update("b"), "update", step);
    change
        .on(Some(&pid("1")))
        .field("inside", Shown::text("old"), pending)
        .field("all", Shown::Nothing, mixed)
        .map(|_| serde_json::Value::Null)
}

fn filled() -> Planned {
    let mut change = planned();
    change.step = Step::Ready(serde_json::json!("Destroy"));
    change.fields[0].to = Shown::text("2");
    change.fields[1].to = Shown::set(["one".to_owned(), "two".to_owned()]);
    change
}

#[test]
fn filled_placeholders_pass() {
    assert_eq!(refines(&planned(), &filled()), Ok(()));
    assert_eq!(refines(&planned(), &planned()), Ok(()), "it still waits");
    assert_eq!(refines(&filled(), &filled()), Ok(()));
}

#[test]
fn what_waited_for_its_own_create_has_an_id_by_then() {
    let without = |change: Planned| Planned { provider_id: None, ..change };
    assert_eq!(refines(&without(planned()), &filled()), Ok(()));
    assert!(refines(&without(filled()), &filled()).is_err(), "what was ready acts on what it was planned for");
}

#[test]
fn what_followed_something_that_git_makes_anew_may_look_like_drift_once_that_stands() {
    let mut now = filled();
    now.cause = Cause::Drift;
    assert_eq!(refines(&planned(), &now), Ok(()));
    assert!(refines(&filled(), &now).is_err(), "what was ready followed nothing");
}

#[test]
fn any_other_difference_does_not_pass() {
    type Edit = fn(&mut Planned);
    let differ: [(&str, Edit); 12] = [
        ("key", |c| c.key = whole("b", Verb::Replace)),
        ("object", |c| c.provider_id = Some(pid("2"))),
        ("generation", |c| c.generation = 9),
        ("cause", |c| c.cause = Cause::Recovery),
        ("risk", |c| c.risk = Risk::Exposes("it".to_owned())),
        ("scope", |c| c.scope = Scope::of("Shelf")),
        ("field less", |c| drop(c.fields.pop())),
        ("path", |c| c.fields[0].path = "other".to_owned()),
        ("old value", |c| c.fields[0].from = Shown::text("other")),
        ("placeholder to nothing", |c| c.fields[0].to = Shown::Nothing),
        ("known member", |c| c.fields[1].to = Shown::set(["two".to_owned(), "three".to_owned()])),
        ("members more", |c| c.fields[1].to = Shown::set(["one", "two", "three"].map(str::to_owned))),
    ];
    for (what, change) in differ {
        let mut now = filled();
        change(&mut now);
        assert!(refines(&planned(), &now).is_err(), "{what}");
    }
    let mut now = filled();
    now.step = Step::Ready(serde_json::json!("Stop"));
    assert!(refines(&filled(), &now).is_err(), "other work");
    now.step = planned().step;
    assert!(refines(&filled(), &now).is_err(), "what was ready waits now");
    let mut now = filled();
    now.wrote.push(("wood".to_owned(), Digest::of("elm")));
    assert!(refines(&planned(), &now).is_err(), "other content that cannot be read back");
}

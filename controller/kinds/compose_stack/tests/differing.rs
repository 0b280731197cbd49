//! What differs between a stack and its document, by name.

use super::*;
use crate::model::ledger::Key;
use crate::model::{Catalog, Change, Observed, OnRemove, Policy, Risk, Shown, Step as Doing, Supply, Verb, View};
use crate::ports::host::survey::{Container, Thing};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

pub(super) fn container(service: &str) -> Container {
    Container {
        id: format!("{service}1"),
        name: format!("odoo-{service}-1"),
        project: "odoo".to_owned(),
        service: service.to_owned(),
        folder: "/opt/stacks/odoo".to_owned(),
        hash: format!("hash-of-{service}"),
        state: "running".to_owned(),
        image: "sha256:a".to_owned(),
        tag: "tiny:1".to_owned(),
        ..Container::default()
    }
}

/// What is known of what is secret, with this key and this value of every secret.
pub(super) fn prints(want: &Want, key: &str, secret: &str) -> Prints {
    let private = private::Private::new(want, |_| Ok(secret.to_owned())).expect("fit");
    private.prints(want, Some(&Key::new(key.to_owned().into())))
}

/// A volume of its own.
pub(super) fn volume() -> Thing {
    let word = |text: &str| text.to_owned();
    Thing {
        name: word("odoo_data"),
        id: word("monday"),
        driver: word("local"),
        project: word("odoo"),
        key: word("data"),
    }
}

/// The stack as it is once all is well.
pub(super) fn well(want: &Want) -> State {
    let at = "2026-11-27T12:00:00Z".parse().expect("a time");
    let prints = prints(want, "a key", "hunter2");
    let sent = receipt::Sent::new(want, prints.clone(), at);
    let definition = want.definitions.get("volume data").map_or("-".to_owned(), |digest| digest.hex());
    let hashes = want.services.keys().map(|name| format!("hash {name} hash-of-{name}"));
    let made: Vec<String> = hashes.chain([format!("volume data {definition} monday odoo_data")]).collect();
    let receipt = Receipt::of(sent, &made);
    let public = receipt.sent.files.clone();
    let migrate = Container { state: "exited".to_owned(), ..container("migrate") };
    State {
        host: "erp".to_owned(),
        project: "odoo".to_owned(),
        containers: vec![migrate, container("web")],
        images: BTreeMap::from([("tiny:1".to_owned(), "sha256:a".to_owned())]),
        files: public.into_iter().chain(prints.digests.clone()).collect(),
        prints: Some(Ok(prints)),
        things: BTreeMap::from([("volume data".to_owned(), volume())]),
        receipt: Some(Ok(receipt)),
        ..State::default()
    }
}

pub(super) fn plan_as(want: Option<&Want>, state: Option<&State>, on_remove: OnRemove, adopting: bool) -> Diffed<Step> {
    let (id, catalog) = (id(), Catalog::default());
    let as_of = "2026-11-27T12:00:00Z".parse().expect("a time");
    let host = Supply::Live(BTreeMap::from([(Output::Id, "7".to_owned())]));
    let supplies = HashMap::from([(ResourceId::new("Host", "erp"), host)]);
    let view = View { as_of, estate: Uuid::nil(), catalog: &catalog, supplies };
    let provider_id = state.map(|s| live::provider_id(&s.host, &s.project));
    ComposeStack::diff(&Diff {
        id: &id,
        want,
        have: state.map_or(Observed::Absent, Observed::Present),
        provider_id: provider_id.as_ref(),
        owned: None,
        policy: &Policy::default_for(on_remove),
        adopting,
        generation: u32::from(state.is_some()),
        intent: None,
        retiring: Vec::new(),
        scopes: None,
        view: &view,
    })
}

pub(super) fn plan(want: &Want, state: &State) -> Diffed<Step> {
    plan_as(Some(want), Some(state), OnRemove::Keep, false)
}

pub(super) fn only(diffed: Diffed<Step>) -> Change<Step> {
    assert_eq!(diffed.changes.len(), 1, "{diffed:?}");
    diffed.changes.into_iter().next().expect("one change")
}

pub(super) fn fields(change: &Change<Step>) -> Vec<(String, String)> {
    let words = |shown: &Shown| match shown {
        Shown::Text(text) => text.clone(),
        Shown::Secret(name) => format!("(secret {name})"),
        other => format!("{other:?}"),
    };
    change.fields.iter().map(|field| (field.path.clone(), words(&field.from))).collect()
}

#[test]
fn a_stack_that_is_as_its_document_says_has_no_change() {
    for spec in [json!({}), json!({"env": {"P": {"secret": "a"}}, "profiles": []})] {
        let want = odoo(spec);
        assert_eq!(plan(&want, &well(&want)), Diffed::default());
    }
}

/// Something done by hand, and the field with what is told of it.
type Drift = (fn(&mut State), &'static str, &'static str);

#[test]
fn each_drift_is_told_by_its_own_name_and_field() {
    let table: [Drift; 14] = [
        (|s| drop(s.containers.pop()), "services.web", "missing"),
        (|s| s.containers.push(container("web")), "services.web", "2 containers, of 1"),
        (|s| s.containers[1].state = "exited".to_owned(), "services.web.state", "stopped, exit code 0"),
        (|s| s.containers[1].state = "paused".to_owned(), "services.web.state", "paused"),
        (|s| s.containers[0].exit_code = 3, "services.migrate.state", "stopped, exit code 3"),
        (|s| s.containers[1].hash = "0123456789abcdef".to_owned(), "services.web.config", "0123456789ab"),
        (|s| drop(s.images.insert("tiny:1".to_owned(), "sha256:b".to_owned())), "services.migrate.image", "a"),
        (
            |s| drop(s.files.insert("conf/app.ini".to_owned(), "0".repeat(64))),
            "files.conf/app.ini",
            "edited on the host",
        ),
        (|s| drop(s.files.remove("conf/app.ini")), "files.conf/app.ini", "missing on the host"),
        (
            |s| drop(s.files.insert("compose.yaml".to_owned(), "0".repeat(64))),
            "files.compose.yaml",
            "edited on the host",
        ),
        (|s| drop(s.files.insert(".env".to_owned(), "0".repeat(64))), "files..env", "edited on the host"),
        (|s| drop(s.files.insert("db.txt".to_owned(), "0".repeat(64))), "secretFiles.db.txt", "edited on the host"),
        (|s| drop(s.files.remove("db.txt")), "secretFiles.db.txt", "missing on the host"),
        (|s| s.things = BTreeMap::new(), "volumes.data", "missing: what was in it is gone"),
    ];
    let want = odoo(json!({"env": {"P": {"secret": "a"}}, "secretFiles": {"db.txt": {"secret": "b"}}}));
    for (by_hand, path, told) in table {
        let mut state = well(&want);
        by_hand(&mut state);
        let change = only(plan(&want, &state));
        assert_eq!(change.key.verb, Verb::Update);
        let fields = fields(&change);
        assert_eq!(fields.first(), Some(&(path.to_owned(), told.to_owned())), "{fields:?}");
    }
}

/// Something that goes wrong by itself, and the rule that tells it.
type Ailment = (fn(&mut State), &'static str);

#[test]
fn what_bringing_it_up_would_not_cure_is_a_finding() {
    let want = odoo(json!({}));
    let table: [Ailment; 2] = [
        (|s| s.containers[1].health = Some("unhealthy".to_owned()), "unhealthy"),
        (|s| s.containers[1].state = "restarting".to_owned(), "restarting"),
    ];
    for (by_hand, rule) in table {
        let mut state = well(&want);
        by_hand(&mut state);
        let diffed = plan(&want, &state);
        let rules: Vec<&str> = diffed.findings.iter().map(|f| f.rule.as_str()).collect();
        assert_eq!((rules, diffed.changes.len()), (vec![rule], 0));
    }
}

#[test]
fn a_mounted_file_that_changed_starts_anew_what_mounts_it() {
    let (want, before) = (odoo(json!({})), odoo(json!({})));
    let mut want = want;
    want.files.insert("conf/app.ini".to_owned(), Sent::new("conf/app.ini", Arc::from(&b"x=2\n"[..])));
    let Doing::Ready(Step::Up { restart, .. }) = only(plan(&want, &well(&before))).step else { panic!("an up") };
    assert_eq!(restart, BTreeSet::from(["web".to_owned()]));
    // It is there, and the stack has not been ready with it: who mounts it may not have read it.
    let mut state = well(&before);
    state.files.insert("conf/app.ini".to_owned(), want.files["conf/app.ini"].digest.hex());
    let change = only(plan(&want, &state));
    assert_eq!(fields(&change), [("files.conf/app.ini".to_owned(), "sent, and not ready with it yet".to_owned())]);
    assert!(matches!(&change.step, Doing::Ready(Step::Up { restart, .. }) if restart.len() == 1));
}

#[test]
fn a_rotated_secret_is_shown_by_name_alone() {
    let want =
        odoo(json!({"env": {"P": {"secret": "a.b"}, "PORT": 9}, "secretFiles": {"conf/db.txt": {"secret": "a.c"}}}));
    let mut state = well(&want);
    state.prints = Some(Ok(prints(&want, "a key", "another")));
    let change = only(plan(&want, &state));
    let told = [("env.P", "(secret a.b)"), ("secretFiles.conf/db.txt", "(secret a.c)")];
    assert_eq!(fields(&change), told.map(|(path, from)| (path.to_owned(), from.to_owned())));
    // Only what mounts the file is started anew; for what stands in .env, compose makes anew what uses it.
    assert!(
        matches!(&change.step, Doing::Ready(Step::Up { restart, .. }) if *restart == BTreeSet::from(["web".to_owned()]))
    );
    let all = serde_json::to_string(&(&change, &state)).expect("JSON");
    for digest in prints(&want, "a key", "another").digests.values() {
        assert!(!all.contains(digest.as_str()), "no digest of a secret");
    }
    state.prints = Some(Err("the secret a is nowhere".to_owned()));
    let diffed = plan(&want, &state);
    assert!(diffed.changes.is_empty() && diffed.findings[0].rule == "secret-missing", "{diffed:?}");
}

#[test]
fn a_receipt_names_secrets_by_keyed_fingerprints_and_another_key_starts_nothing_anew() {
    let want = odoo(json!({"env": {"P": {"secret": "a"}}}));
    let mut state = well(&want);
    let Some(Ok(receipt)) = &state.receipt else { panic!("a receipt") };
    let text = receipt.sent.text();
    for digest in prints(&want, "a key", "hunter2").digests.values() {
        assert!(!text.contains(digest.as_str()) && !text.contains("hunter2"), "{text}");
    }
    state.prints = Some(Ok(prints(&want, "another key", "hunter2")));
    let change = only(plan(&want, &state));
    assert!(matches!(change.step, Doing::Ready(Step::Adopt { .. })), "{change:?}");
    assert_eq!(change.fields[0].path, "receipt.key");
    // Whoever has no key cannot say what was sent, and changes nothing for that.
    let keyless = private::Private::new(&want, |_| Ok("hunter2".to_owned())).expect("fit").prints(&want, None);
    state.prints = Some(Ok(keyless));
    assert_eq!(plan(&want, &state), Diffed::default());
}

#[test]
fn a_running_stack_is_taken_over_as_it_is_or_held_with_what_would_be_made_anew() {
    let want = odoo(json!({}));
    let mut state = well(&want);
    let receipt = state.receipt.take().expect("one").expect("good");
    state.trial = Some(Ok(receipt.hashes.clone()));
    let change = only(plan_as(Some(&want), Some(&state), OnRemove::Keep, true));
    assert_eq!((change.key.verb, matches!(change.step, Doing::Ready(Step::Adopt { .. }))), (Verb::Adopt, true));

    let mut other = state.clone();
    other.containers[1].hash = "by another hand".to_owned();
    let change = only(plan_as(Some(&want), Some(&other), OnRemove::Keep, true));
    // The planner holds every update of what is not owned yet.
    assert_eq!(change.key.verb, Verb::Update);
    assert_eq!(fields(&change), [("services.web.config".to_owned(), "by another h".to_owned())]);

    let mut other = state.clone();
    other.trial = Some(Err("no such file".to_owned()));
    assert!(matches!(only(plan(&want, &other)).risk, Risk::TakesOver(_)));
    let mut other = well(&want);
    other.containers[1].folder = "/root/odoo".to_owned();
    assert!(matches!(only(plan(&want, &other)).risk, Risk::TakesOver(text) if text.contains("/root/odoo")));
}

#[test]
fn a_dropped_service_is_a_deletion_and_somebodys_own_run_is_none() {
    let want = odoo(json!({}));
    let mut state = well(&want);
    state.containers.push(container("old"));
    state.containers.push(Container { one_off: true, state: "exited".to_owned(), ..container("web") });
    let change = only(plan(&want, &state));
    assert_eq!(
        (change.key.to_string().as_str(), change.key.verb),
        ("ComposeStack/odoo#service old delete", Verb::Delete)
    );
    assert_eq!(change.scope, Scope::within("ComposeStack", "erp"));
    let more = Want { more: true, ..want };
    assert_eq!(plan(&more, &state), Diffed::default(), "an included file may name it");
}

#[test]
fn stopped_means_there_and_not_running() {
    let want = odoo(json!({"state": "stopped"}));
    let mut state = well(&want);
    assert_eq!(fields(&only(plan(&want, &state))), [("services.web.state".to_owned(), "running".to_owned())]);
    state.containers[1].state = "exited".to_owned();
    assert_eq!(plan(&want, &state), Diffed::default());
}

#[test]
fn a_receipt_is_read_again_and_another_form_is_not_guessed_at() {
    let Some(Ok(receipt)) = well(&odoo(json!({}))).receipt else { panic!("a receipt") };
    let text = |form: u32| {
        let sent = receipt.sent.text();
        format!("{{\"schema\":{form},\"sent\":{sent},\"made\":[\"hash web hash-of-web\",\"strange\",\"\"]}}")
    };
    let read = Receipt::read(&text(2)).expect("whole").expect("of this form");
    assert_eq!((&read.sent.files, read.hashes.len()), (&receipt.sent.files, 1));
    assert_eq!(receipt.sent.list(), "compose.yaml\nconf/app.ini\n");
    assert_eq!(Receipt::read(&text(1)), Ok(None), "written anew");
    assert!(Receipt::read(&text(3)).expect_err("another form").contains("form 3"));
    let mut state = well(&odoo(json!({})));
    state.receipt = Receipt::read("{").transpose();
    let diffed = plan(&odoo(json!({})), &state);
    assert!(diffed.changes.is_empty() && diffed.findings[0].rule == "receipt-unreadable");
}

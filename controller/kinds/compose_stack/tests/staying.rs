//! What is done about a stack that ails, failed or is to go, and what of it stays.

use super::differing::{fields, only, plan, plan_as, volume, well};
use super::*;
use crate::model::{Change, OnRemove, Risk, Step as Doing, Verb};
use crate::ports::host::survey::Thing;

#[test]
fn what_becomes_of_a_stack_without_a_document_is_its_policys_word() {
    let state = well(&odoo(json!({})));
    let gone = |policy| only(plan_as(None, Some(&state), policy, false));
    assert_eq!(gone(OnRemove::Keep).key.verb, Verb::Release);
    assert!(matches!(gone(OnRemove::Stop), Change { risk: Risk::Downtime(_), .. }));
    let destroy = gone(OnRemove::Destroy);
    assert!(matches!(&destroy.risk, Risk::Destroys(text) if text.contains("volumes and files stay")));
    assert_eq!(destroy.key.verb, Verb::Delete);
}

fn rules(diffed: &Diffed<Step>) -> Vec<&str> {
    diffed.findings.iter().map(|finding| finding.rule.as_str()).collect()
}

#[test]
fn what_ails_is_healed_as_the_document_says() {
    let want = odoo(json!({"heal": {"unhealthy": "restart"}}));
    let mut sick = well(&want);
    sick.containers[1].health = Some("unhealthy".to_owned());
    let change = only(plan(&want, &sick));
    assert_eq!(change.key.to_string(), "ComposeStack/odoo#service web update");
    assert!(matches!(&change.step, Doing::Ready(Step::Heal { anew: true, service, .. }) if service == "web"));

    let reports = odoo(json!({"heal": {"stopped": "report"}}));
    let mut state = well(&reports);
    state.containers[1].state = "exited".to_owned();
    let told = plan(&reports, &state);
    assert_eq!((told.changes.len(), rules(&told)), (0, vec!["stopped"]));
}

#[test]
fn a_version_that_failed_is_told_and_what_runs_in_its_place_is_kept() {
    let (before, mut want) = (odoo(json!({})), odoo(json!({})));
    want.files.insert("conf/app.ini".to_owned(), Sent::new("conf/app.ini", Arc::from(&b"x=2\n"[..])));
    let mut state = well(&before);
    state.notes.failed = Some(want.version().hex());
    state.containers[1].state = "exited".to_owned();
    let diffed = plan(&want, &state);
    let keys: Vec<String> = diffed.changes.iter().map(|change| change.key.to_string()).collect();
    assert_eq!(keys, ["ComposeStack/odoo update", "ComposeStack/odoo#service web update"]);
    assert_eq!(rules(&diffed), ["rolled-back"]);
    // Another content is another version, and bringing it up starts what has stopped.
    want.files.insert("conf/app.ini".to_owned(), Sent::new("conf/app.ini", Arc::from(&b"x=3\n"[..])));
    let diffed = plan(&want, &state);
    assert_eq!((diffed.changes.len(), diffed.findings.len()), (1, 0));
}

#[test]
fn what_was_begun_and_has_no_receipt_is_brought_up_and_not_taken_for_ready() {
    let want = odoo(json!({}));
    let mut state = well(&want);
    let receipt = state.receipt.take().expect("one").expect("good");
    state.trial = Some(Ok(receipt.hashes));
    state.notes.trying = Some(want.version().hex());
    let change = only(plan(&want, &state));
    assert!(matches!(change.step, Doing::Ready(Step::Up { .. })), "{change:?}");
    assert_eq!(fields(&change), [("ready".to_owned(), "begun, and not ready yet".to_owned())]);
}

#[test]
fn a_volume_that_is_defined_otherwise_is_told_and_one_that_nobody_names_stays() {
    let other = COMPOSE.replace("volumes: {data: {}}", "volumes: {data: {driver_opts: {type: nfs}}}");
    let files = |yaml: &str| desire(json!({}), &[("compose.yaml", yaml), ("conf/app.ini", "x=1\n")]).expect("good");
    let (before, want) = (files(COMPOSE), files(&other));
    let mut state = well(&want);
    let Some(Ok(receipt)) = &mut state.receipt else { panic!("a receipt") };
    let made = receipt.things.get_mut("volume data").expect("made");
    made.definition = before.definitions["volume data"].hex();
    let diffed = plan(&want, &state);
    assert_eq!((diffed.changes.len(), rules(&diffed)), (0, vec!["volume-definition"]));

    let none = files(&COMPOSE.replace("volumes: {data: {}}", "").replace(", 'data:/data'", ""));
    let diffed = plan(&none, &well(&none));
    assert_eq!((diffed.changes.len(), rules(&diffed)), (0, vec!["volumes-stay"]));
    assert!(diffed.findings[0].text.contains("odoo_data"), "{diffed:?}");

    let mut state = well(&before);
    state.things = BTreeMap::from([("volume data".to_owned(), Thing { id: "tuesday".to_owned(), ..volume() })]);
    assert_eq!(fields(&only(plan(&before, &state)))[0].1, "another one, made tuesday");
}

#[test]
fn a_move_makes_it_there_first_and_is_held_where_volumes_stay_behind() {
    let want = odoo(json!({}));
    let mut state = well(&want);
    state.host = "old".to_owned();
    let moved = plan(&want, &state);
    let [replace, retire] = moved.changes.as_slice() else { panic!("{moved:?}") };
    assert_eq!((replace.key.verb, retire.key.verb), (Verb::Replace, Verb::Retire));
    assert!(matches!(&replace.risk, Risk::Destroys(why) if why.contains("odoo_data on Host/old")), "{replace:?}");
    assert!(matches!(&replace.step, Doing::Ready(Step::Up { fresh: true, .. })));
    assert_eq!(retire.after.first(), Some(&replace.key));
    assert!(matches!(&retire.step, Doing::Ready(Step::Down { host, project }) if host == "old" && project == "odoo"));
    state.things = BTreeMap::new();
    assert_eq!(plan(&want, &state).changes[0].risk, Risk::None);
}

#[test]
fn an_image_is_built_when_what_it_is_made_from_changed() {
    let yaml = "services: {app: {build: ./app}}\n";
    let of = |docker: &str| desire(json!({}), &[("compose.yaml", yaml), ("app/Dockerfile", docker)]).expect("good");
    let change = plan(&of("FROM two"), &well(&of("FROM one"))).changes.swap_remove(0);
    assert!(matches!(&change.step, Doing::Ready(Step::Up { build, .. }) if build.contains("app")), "{change:?}");
    let mut state = well(&of("FROM one"));
    state.containers.clear();
    let change = only(plan(&of("FROM one"), &state));
    assert!(matches!(&change.step, Doing::Ready(Step::Up { build, .. }) if build.is_empty()), "{change:?}");
}

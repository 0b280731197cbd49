//! What people do over the API and the socket: who may, what it does at once, and what is refused.

use driftless::model::Attempt;
use driftless::ports::git::{self, Edits, Person};
use reqwest::Method;
use serde_json::{Value, json};

use super::office::Office;
use crate::house::{ENFORCE, ana};
use crate::process::rig::{VPC, droplet, reimaged};

const SMALL: &str = "s-1vcpu-1gb";

fn text(value: &Value) -> String {
    value.to_string()
}

async fn push(office: &Office, author: &Person, path: &str, text: &str) {
    let edits = Edits::from([(path.to_owned(), Some(text.as_bytes().to_vec()))]);
    git::commit_in(&office.repo(), &edits, "Change", author).await.expect("a commit");
    let (status, said) = office.act("look", "eve", &Value::Null).await;
    assert_eq!(status, 200, "{said}");
}

/// An office in which the replacement of a droplet is held, as a commit of Ana's wants it.
async fn held(settings: &str) -> Office {
    let office = Office::open(&[("settings.yaml", settings), ("erp.yaml", &droplet("erp", SMALL))]).await;
    office.sees("all is made", |s| s.after.as_ref().is_some_and(|p| p.is_empty())).await;
    push(&office, &ana(), "erp.yaml", &reimaged("erp", SMALL)).await;
    office.sees("it is held", |s| s.after.as_ref().is_some_and(|p| p.held().next().is_some())).await;
    office
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_token_or_another_or_too_little_a_role_is_told_so() {
    let office = Office::open(&[("settings.yaml", ENFORCE)]).await;
    for who in ["", "nobody"] {
        let (status, told) = office.ask(Method::GET, "status", who, &Value::Null).await;
        assert_eq!(status, 401, "{told}");
    }
    let (status, told) = office.ask(Method::GET, "status", "eve", &Value::Null).await;
    assert_eq!((status, &told["schema"]), (200, &json!("driftless.controller-status/v1")), "{told}");
    let (status, told) = office.act("approvals", "eve", &json!({"digests": ["7b1e-40aa"]})).await;
    assert!(status == 403 && text(&told["error"]).contains("takes the role approver"), "{told}");
    for (path, body) in [
        ("freeze", json!({"reason": "x"})),
        ("thaw", json!({})),
        ("pauses", json!({"id": "Vpc/main", "reason": "x"})),
        ("resumes", json!({"id": "Vpc/main"})),
        ("retries", json!({"id": "Vpc/main"})),
    ] {
        let (status, told) = office.act(path, "bob", &body).await;
        assert!(status == 403 && text(&told["error"]).contains("takes the role admin"), "{path}: {told}");
    }
    assert_eq!(office.controller.keeper.memory().frozen, None);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_approves_their_own_commit_and_somebody_else_lets_it_go_on_at_once() {
    let office = held(ENFORCE).await;
    let digests = json!({"digests": office.held()});
    let (status, told) = office.act("approvals", "ana", &digests).await;
    assert!(status == 403 && text(&told["error"]).contains("nobody approves their own work"), "{told}");
    assert!(office.controller.keeper.memory().approvals.is_empty());
    let (status, told) = office.act("approvals", "bob", &digests).await;
    assert!(status == 200 && text(&told["said"]).contains("approved: Droplet/erp"), "{told}");
    // The interval is five minutes: only the wake-up can be this quick.
    let done = |s: &driftless::engine::snapshot::Snapshot| {
        s.outcomes.iter().any(|o| o.key.id.name == "erp" && o.attempt == Attempt::Done)
    };
    office.sees("it is replaced", done).await;
    office.sees("nothing is left", |s| s.after.as_ref().is_some_and(|p| p.is_empty())).await;
    // What was applied is nobody's any more: Ana's next word is about Bob's commit.
    push(
        &office,
        &Person::new("Bob", "BOB@example.com"),
        "erp.yaml",
        &droplet("erp", "s-2vcpu-4gb").replace("ubuntu-22-04-x64", "ubuntu-22-04-x64, replaceOn: [image]"),
    )
    .await;
    office.sees("it is held again", |s| s.after.as_ref().is_some_and(|p| p.held().next().is_some())).await;
    let digests = json!({"digests": office.held()});
    assert_eq!(office.act("approvals", "bob", &digests).await.0, 403);
    assert_eq!(office.act("approvals", "ana", &digests).await.0, 200);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_works_on_something_else_meanwhile_may_approve_and_who_touched_the_same_may_not() {
    let bob = Person::new("Bob", "bob@example.com");
    let office = held(ENFORCE).await;
    push(&office, &bob, "vpc.yaml", VPC).await;
    office.sees("the other is made", |s| s.outcomes.iter().any(|o| o.key.id.name == "main")).await;
    let digests = json!({"digests": office.held()});
    let (status, told) = office.act("approvals", "ana", &digests).await;
    assert!(status == 403 && text(&told["error"]).contains("some of what changes Droplet/erp"), "{told}");
    assert_eq!(office.act("approvals", "bob", &digests).await.0, 200);
    office.sees("nothing is left", |s| s.after.as_ref().is_some_and(|p| p.is_empty())).await;
    office.close().await;
    let office = held(ENFORCE).await;
    push(&office, &bob, "erp.yaml", &format!("# both of us\n{}", reimaged("erp", SMALL))).await;
    let commit = crate::house::git_in(&office.repo(), &["rev-parse", "main"]).trim().to_owned();
    office.sees("it is planned", |s| s.after.as_ref().and_then(|p| p.commit.as_ref()) == Some(&commit)).await;
    let digests = json!({"digests": office.held()});
    for who in ["ana", "bob"] {
        assert_eq!(office.act("approvals", who, &digests).await.0, 403, "{who}");
    }
    assert_eq!(office.act("approvals", "jan", &digests).await.0, 200);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_may_let_an_author_approve_and_may_name_who_does() {
    let office = held(&format!("{ENFORCE}  selfApprove: true\n")).await;
    let (status, told) = office.act("approvals", "ana", &json!({"digests": office.held()})).await;
    assert_eq!(status, 200, "{told}");
    office.close().await;
    let office = held(&format!("{ENFORCE}  approvers: [someone-else]\n")).await;
    let (status, told) = office.act("approvals", "bob", &json!({"digests": office.held()})).await;
    assert!(status == 403 && text(&told["error"]).contains("someone-else"), "{told}");
    assert_eq!(office.act("approvals", "jan", &json!({"digests": office.held()})).await.0, 200);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_does_not_bring_the_leave_to_approve_itself() {
    let office = held(ENFORCE).await;
    let commit = format!("{ENFORCE}  selfApprove: true\n");
    push(&office, &ana(), "settings.yaml", &commit).await;
    office.sees("it is read", |s| s.estate.as_ref().is_some_and(|e| e.settings.self_approve)).await;
    let (status, told) = office.act("approvals", "ana", &json!({"digests": office.held()})).await;
    assert!(status == 403 && text(&told["hint"]).contains("which counts once nothing is held"), "{told}");
    assert_eq!(office.act("approvals", "bob", &json!({"digests": office.held()})).await.0, 200);
    office.sees("nothing is left", |s| s.after.as_ref().is_some_and(|p| p.is_empty())).await;
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_stops_all_writes_and_is_shown_until_it_is_thawed() {
    let office = Office::open(&[("settings.yaml", ENFORCE)]).await;
    office.sees("it has looked", |s| s.after.is_some()).await;
    let (status, told) = office.act("freeze", "jan", &json!({"reason": "the region moves"})).await;
    assert!(status == 200 && text(&told["said"]).contains("frozen"), "{told}");
    push(&office, &ana(), "vpc.yaml", VPC).await;
    let frozen = office.sees("it is planned", |s| s.after.as_ref().is_some_and(|p| !p.is_empty())).await;
    let told = format!("{:?}", frozen.after.as_ref().map(|p| &p.frozen));
    assert!(told.contains("frozen by jan since") && told.contains("the region moves"), "{told}");
    assert_eq!(office.running.handle().calls().mutations.len(), 0);
    let report = crate::house::git_in(&office.repo(), &["show", "driftless/reports:reports/STATUS.md"]);
    assert!(report.contains("frozen by jan"), "{report}");
    let (_, status) = office.ask(Method::GET, "status", "eve", &Value::Null).await;
    assert_eq!((&status["frozen"]["by"], &status["frozen"]["reason"]), (&json!("jan"), &json!("the region moves")));
    let (status, told) = office.act("thaw", "jan", &Value::Null).await;
    assert!(status == 200 && text(&told).contains("thawed"), "{told}");
    office.sees("it is made", |s| s.after.as_ref().is_some_and(|p| p.is_empty() && p.findings.is_empty())).await;
    assert_eq!(office.act("thaw", "jan", &Value::Null).await.0, 404, "there is nothing left to thaw");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_leaves_one_resource_alone_until_it_is_resumed() {
    let office = Office::open(&[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    office.sees("it is made", |s| s.after.as_ref().is_some_and(|p| p.is_empty())).await;
    let (status, told) = office.act("pauses", "jan", &json!({"id": "Vpc/mian", "reason": "x"})).await;
    assert!(status == 404 && text(&told["hint"]).contains("Vpc/main"), "{told}");
    let past = json!({"id": "Vpc/main", "reason": "x", "until": "2020-01-01T00:00:00Z"});
    assert_eq!(office.act("pauses", "jan", &past).await.0, 422);
    assert_eq!(office.act("pauses", "jan", &json!({"id": "Vpc/main", "reason": " \n"})).await.0, 422);
    assert_eq!(office.act("pauses", "jan", &json!({"id": "Vpc/main", "reason": "by hand"})).await.0, 200);
    office.sees("it is paused", |s| s.after.as_ref().is_some_and(|p| p.paused == 1)).await;
    office.running.handle().edit(|w| w.vpcs.iter_mut().for_each(|v| v.description = "by hand".to_owned()));
    let before = office.controller.snapshot.borrow().cycle;
    assert_eq!(office.act("look", "jan", &Value::Null).await.0, 200);
    office.sees("it has looked", |s| s.cycle > before).await;
    assert!(office.running.handle().read(|w| w.vpcs.iter().any(|v| v.description == "by hand")));
    let (status, told) = office.act("resumes", "jan", &json!({"id": "Vpc/main"})).await;
    assert!(status == 200 && text(&told).contains("by hand"), "{told}");
    office.sees("it is put back", |s| s.outcomes.iter().any(|o| o.attempt == Attempt::Done)).await;
    let (status, told) = office.act("resumes", "jan", &json!({"id": "Vpc/main"})).await;
    assert!(status == 404 && text(&told["hint"]).contains("Nothing is paused"), "{told}");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_has_what_failed_tried_again_at_once() {
    let office = Office::open(&[("settings.yaml", ENFORCE)]).await;
    office.sees("it has looked", |s| s.after.is_some()).await;
    office.running.handle().edit(|w| w.droplet_limit = 0);
    push(&office, &ana(), "erp.yaml", &droplet("erp", SMALL)).await;
    office.sees("it failed", |s| s.outcomes.iter().any(|o| o.attempt != Attempt::Done)).await;
    office.running.handle().edit(|w| w.droplet_limit = 10);
    let (status, told) = office.act("retries", "jan", &json!({"id": "Droplet/other"})).await;
    assert!(status == 404 && text(&told["hint"]).contains("Droplet/erp"), "{told}");
    // By itself it would be tried again after ten minutes.
    let (status, told) = office.act("retries", "jan", &json!({"id": "Droplet/erp"})).await;
    assert!(status == 200 && text(&told).contains("Droplet/erp create"), "{told}");
    office.sees("it is made", |s| s.outcomes.iter().any(|o| o.attempt == Attempt::Done)).await;
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_socket_the_kernel_says_who_asks() {
    let nobody = Office::with(&[("settings.yaml", ENFORCE)], "").await;
    assert_eq!(nobody.beside(Method::POST, "freeze", &json!({"reason": "x"})).await.0, 200, "the first day");
    assert_eq!(nobody.ask(Method::GET, "status", "jan", &Value::Null).await.0, 401, "nobody has a token");
    nobody.close().await;
    let own = driftless::ports::people::OsUser::this().uid;
    let viewer = format!("[[access]]\nname = 'me'\nrole = 'viewer'\nos_user = '{own}'\n");
    let office = Office::with(&[("settings.yaml", ENFORCE)], &viewer).await;
    assert_eq!(office.beside(Method::GET, "status", &Value::Null).await.0, 200);
    let (status, told) = office.beside(Method::POST, "thaw", &json!({})).await;
    assert!(status == 403 && text(&told).contains("theirs is viewer"), "{told}");
    office.close().await;
    let other = "[[access]]\nname = 'else'\nrole = 'admin'\nos_user = 'somebody-else'\n";
    let office = Office::with(&[("settings.yaml", ENFORCE)], other).await;
    let (status, told) = office.beside(Method::GET, "status", &Value::Null).await;
    assert!(status == 403 && text(&told).contains("os_user"), "{told}");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_counts_as_applied_only_once_nothing_of_it_is_left_paused() {
    let office = Office::open(&[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    office.sees("it is made", |s| s.after.as_ref().is_some_and(|p| p.is_empty())).await;
    let applied = || office.controller.mirror.kept("applied").map(|c| c.as_str().to_owned());
    let first = applied().expect("the first commit is applied");
    assert_eq!(office.act("pauses", "jan", &json!({"id": "Vpc/main", "reason": "by hand"})).await.0, 200);
    push(&office, &ana(), "vpc.yaml", &VPC.replace("spec: {", "spec: {description: changed, ")).await;
    let commit = crate::house::git_in(&office.repo(), &["rev-parse", "main"]).trim().to_owned();
    let of_it = |s: &driftless::engine::snapshot::Snapshot| {
        s.after.as_ref().and_then(|p| p.commit.clone()) == Some(commit.clone())
    };
    office.sees("it is paused", |s| of_it(s) && s.after.as_ref().is_some_and(|p| p.paused == 1)).await;
    assert_eq!(applied(), Some(first), "else its author could release what is held once it is resumed");
    assert_eq!(office.act("resumes", "jan", &json!({"id": "Vpc/main"})).await.0, 200);
    office.sees("it is changed", |s| of_it(s) && s.after.as_ref().is_some_and(|p| p.paused == 0 && p.is_empty())).await;
    assert_eq!(applied(), Some(commit));
    office.close().await;
}

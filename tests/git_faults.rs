//! What git can do to the controller: force-pushes, outages, deleted branches, other repos. None of it deletes anything.

use crate::house::{ENFORCE, House, git_in, lines};
use driftless::model::Attempt;
use driftless::ports::git::{self, Edits};
use std::collections::BTreeMap;

const SERVERS: &str = "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: main}\nspec: {name: production, region: sgp1, ipRange: 10.114.0.0/16}\n---\napiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: web}\npolicy: {onRemove: destroy}\nspec: {region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64, vpc: main}\n";

/// A zone with an A record for each of these names.
fn zone(names: &[&str]) -> String {
    let records: String =
        names.iter().map(|name| format!("    - {{name: {name}, type: A, value: 192.0.2.7}}\n")).collect();
    format!(
        "apiVersion: driftless/v1\nkind: Domain\nmetadata: {{name: example.com}}\nspec:\n  records:\n    - {{name: www, type: A, droplet: web}}\n{records}"
    )
}

/// A house that is in sync, with two records beyond those of its first commit.
async fn settled() -> House {
    let house =
        House::new(&[("settings.yaml", ENFORCE), ("servers.yaml", SERVERS), ("zone.yaml", &zone(&["first"]))]).await;
    house.settles().await;
    house.push(&[("zone.yaml", Some(&zone(&["first", "second"])))]).await;
    house.settles().await;
    house.hand().forget_calls();
    house
}

/// Everything that people pay for or rely on, as bytes.
fn estate(house: &House) -> String {
    house.hand().read(|w| {
        serde_json::to_string(&(&w.droplets, &w.domains, &w.firewalls, &w.vpcs, &w.keys)).expect("a world serialises")
    })
}

fn has_record(house: &House, name: &str) -> bool {
    house.hand().edit(|w| w.record("example.com", name, "A").is_some())
}

fn troubles(house: &House) -> String {
    format!("{:?}", house.controller.snapshot.borrow().troubles)
}

/// Takes the newest commit off the branch and puts another one in its place.
async fn force_push(house: &House) {
    git_in(&house.repo(), &["reset", "--quiet", "--hard", "main~1"]);
    house.push(&[("notes.txt", Some("another history"))]).await;
}

fn away(house: &House) -> std::path::PathBuf {
    let away = house.folder.path().join("away");
    std::fs::rename(house.repo(), &away).expect("moved away");
    away
}

#[tokio::test]
async fn a_force_push_holds_its_deletions_until_they_are_approved_whatever_comes_between() {
    let house = settled().await;
    force_push(&house).await;
    let snapshot = house.cycle().await;
    let plan = snapshot.after.clone().expect("a plan");
    assert!(
        plan.held().any(|c| c.hold().is_some_and(|h| h.reasons[0].rule == "history-rewritten")),
        "{:#?}",
        lines(&plan)
    );
    assert!(has_record(&house, "second"));
    let status = house.reported("STATUS.md");
    assert!(status.contains("rewritten"), "{status}");

    // A restart, and further commits.
    let house = house.restart().await;
    house.cycle().await;
    assert!(has_record(&house, "second"), "held after a restart");
    house.push(&[("notes.txt", Some("and on"))]).await;
    house.cycle().await;
    house.push(&[("notes.txt", Some("and on and on"))]).await;
    let house = house.restart().await;
    house.cycle().await;
    assert!(has_record(&house, "second"), "held after further commits and a restart");
    assert_eq!(house.hand().calls().count("DELETE /**"), 0);

    assert_eq!(house.approve_all().await, 1);
    house.settles().await;
    assert!(!has_record(&house, "second"), "approved and done");

    // What comes after is trusted again.
    house.push(&[("zone.yaml", Some(&zone(&[])))]).await;
    house.settles().await;
    assert!(!has_record(&house, "first"));
}

#[tokio::test]
async fn a_force_push_stays_in_doubt_when_the_repo_is_away_at_the_next_start() {
    let house = settled().await;
    force_push(&house).await;
    house.cycle().await;
    let away = away(&house);
    let house = house.restart().await;
    let snapshot = house.cycle().await;
    assert!(has_record(&house, "second"), "{:#?}", snapshot.outcomes);
    std::fs::rename(away, house.repo()).expect("moved back");
    house.cycle().await;
    assert!(has_record(&house, "second"));
}

#[tokio::test]
async fn a_force_push_stays_in_doubt_when_a_commit_with_errors_follows_and_the_controller_restarts() {
    let house = settled().await;
    force_push(&house).await;
    house.cycle().await;
    house.push(&[("broken.yaml", Some("apiVersion: driftless/v1\nkind: Droplet\nmetadata: {"))]).await;
    house.cycle().await;
    let house = house.restart().await;
    let snapshot = house.cycle().await;
    assert!(!snapshot.diagnostics.is_empty(), "the newest commit has errors");
    assert!(has_record(&house, "second"), "{:#?}", snapshot.outcomes);
}

#[tokio::test]
async fn a_force_push_stays_in_doubt_while_the_zone_cannot_be_seen() {
    let house = settled().await;
    force_push(&house).await;
    house.hand().inject("GET /v2/domains/** 500".parse().expect("a fault"));
    house.cycle().await;
    house.hand().clear_faults();
    let snapshot = house.cycle().await;
    assert!(has_record(&house, "second"), "{:#?}", snapshot.outcomes);
}

#[tokio::test]
async fn a_force_push_stays_in_doubt_when_it_was_only_observed_at_first() {
    let house = settled().await;
    git_in(&house.repo(), &["reset", "--quiet", "--hard", "main~1"]);
    house.push(&[("settings.yaml", Some(&ENFORCE.replace("enforce", "observe")))]).await;
    house.cycle().await;
    house.push(&[("settings.yaml", Some(ENFORCE))]).await;
    let snapshot = house.cycle().await;
    assert!(has_record(&house, "second"), "{:#?}", snapshot.outcomes);
}

#[tokio::test]
async fn a_branch_set_back_to_an_older_commit_is_a_rewritten_one() {
    let house = settled().await;
    git_in(&house.repo(), &["reset", "--quiet", "--hard", "main~1"]);
    house.cycle().await;
    house.cycle().await;
    assert!(has_record(&house, "second"));
    let house = house.restart().await;
    house.cycle().await;
    assert!(has_record(&house, "second"));
}

#[tokio::test]
async fn an_unreachable_repo_leaves_the_last_valid_commit_desired_and_drift_is_put_back_once_it_answers() {
    let house = settled().await;
    let before = estate(&house);
    let back = away(&house);
    let snapshot = house.cycle().await;
    assert_eq!(estate(&house), before);
    assert!(snapshot.troubles.iter().any(|t| t.with == "git" && !t.hint.is_empty()), "{:?}", snapshot.troubles);
    let house = house.restart().await;
    house.hand().edit(|w| w.record("example.com", "first", "A").expect("there").data = "198.51.100.9".to_owned());
    let snapshot = house.cycle().await;
    // The lease lies in the repo: without it, another may be the one that writes.
    assert!(snapshot.outcomes.is_empty(), "{}", troubles(&house));
    assert_eq!(snapshot.plan.as_ref().map(|p| p.going().count()), Some(1));
    std::fs::rename(back, house.repo()).expect("moved back");
    let snapshot = house.cycle().await;
    assert!(snapshot.troubles.is_empty(), "{:?}", snapshot.troubles);
    assert!(snapshot.outcomes.iter().any(|o| o.attempt == Attempt::Done), "{}", troubles(&house));
    assert_eq!(estate(&house), before);
}

#[tokio::test]
async fn a_deleted_branch_is_reported_and_deletes_nothing() {
    let house = settled().await;
    let before = estate(&house);
    let tip = git_in(&house.repo(), &["rev-parse", "main"]);
    git_in(&house.repo(), &["update-ref", "-d", "refs/heads/main"]);
    let snapshot = house.cycle().await;
    assert_eq!(estate(&house), before);
    assert!(snapshot.troubles.iter().any(|t| t.what.contains("main")), "{:?}", snapshot.troubles);
    let status = house.reported("STATUS.md");
    assert!(status.contains("branch"), "{status}");
    let house = house.restart().await;
    house.cycle().await;
    assert_eq!(estate(&house), before);
    git_in(&house.repo(), &["update-ref", "refs/heads/main", tip.trim()]);
    house.settles().await;
    assert_eq!(estate(&house), before);
}

/// Puts another repository with these files where the estate's was.
async fn swap(house: &House, files: &[(&str, &str)]) -> std::path::PathBuf {
    let back = away(house);
    let contents: BTreeMap<String, Vec<u8>> =
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    git::init_repo(&house.repo(), &contents, "Begin", "main", Some(&crate::house::ana())).await.expect("a repository");
    back
}

#[tokio::test]
async fn an_empty_repo_deletes_nothing() {
    let house = settled().await;
    let before = estate(&house);
    let back = away(&house);
    std::fs::create_dir(house.repo()).expect("a folder");
    git_in(&house.repo(), &["init", "--quiet", "--bare", "--initial-branch=main"]);
    for _ in 0..2 {
        let snapshot = house.cycle().await;
        assert!(!snapshot.troubles.is_empty());
        assert_eq!(estate(&house), before);
    }
    let house = house.restart().await;
    let snapshot = house.cycle().await;
    assert!(!snapshot.troubles.is_empty());
    assert_eq!(estate(&house), before);
    std::fs::remove_dir_all(house.repo()).expect("removed");
    std::fs::rename(back, house.repo()).expect("moved back");
    house.settles().await;
    assert_eq!(estate(&house), before);
}

#[tokio::test]
async fn another_estate_behind_the_same_address_is_reported_and_touches_nothing() {
    let house = settled().await;
    let before = estate(&house);
    let other = ENFORCE.replace("00000000000a", "00000000000b");
    let back = swap(
        &house,
        &[("settings.yaml", &other), ("zone.yaml", &zone(&[]).replace("droplet: web", "value: 192.0.2.1"))],
    )
    .await;
    let snapshot = house.cycle().await;
    assert_eq!(estate(&house), before, "{:#?}", snapshot.outcomes);
    let status = house.reported("STATUS.md");
    assert!(status.contains("not the one that this controller keeps"), "{status}");
    let house = house.restart().await;
    house.cycle().await;
    assert_eq!(estate(&house), before);
    std::fs::remove_dir_all(house.repo()).expect("removed");
    std::fs::rename(back, house.repo()).expect("moved back");
    house.cycle().await;
    house.cycle().await;
    assert_eq!(estate(&house), before);
    let plan = house.controller.snapshot.borrow().after.clone().expect("a plan");
    assert!(plan.is_empty(), "{:#?}", lines(&plan));
}

#[tokio::test]
async fn a_repo_with_the_same_id_and_an_unrelated_history_holds_its_deletions() {
    let house = settled().await;
    swap(&house, &[("settings.yaml", ENFORCE), ("servers.yaml", SERVERS), ("zone.yaml", &zone(&[]))]).await;
    let snapshot = house.cycle().await;
    assert!(has_record(&house, "first") && has_record(&house, "second"), "{:#?}", snapshot.outcomes);
    let house = house.restart().await;
    house.cycle().await;
    assert!(has_record(&house, "first") && has_record(&house, "second"));
}

#[tokio::test]
async fn a_commit_without_any_document_is_an_error_and_deletes_nothing() {
    let house = settled().await;
    let before = estate(&house);
    house
        .push(&[("settings.yaml", None), ("servers.yaml", None), ("zone.yaml", None), ("README.md", Some("moved"))])
        .await;
    let snapshot = house.cycle().await;
    assert!(!snapshot.diagnostics.is_empty());
    assert_eq!(estate(&house), before);
    let house = house.restart().await;
    house.cycle().await;
    assert_eq!(estate(&house), before);
}

#[tokio::test]
async fn settings_alone_after_an_estate_hold_everything() {
    let house = settled().await;
    let before = estate(&house);
    house.push(&[("servers.yaml", None), ("zone.yaml", None)]).await;
    let snapshot = house.cycle().await;
    assert_eq!(estate(&house), before, "{:#?}", snapshot.outcomes);
    assert!(snapshot.after.as_ref().is_some_and(|p| p.held().count() > 0));
}

/// The subjects of the report branch, newest first.
fn subjects(house: &House) -> Vec<String> {
    git_in(&house.repo(), &["log", "--format=%B%x00", "driftless/reports"])
        .split('\0')
        .map(|message| message.trim().to_owned())
        .filter(|message| !message.is_empty())
        .collect()
}

#[tokio::test]
async fn ten_cycles_make_one_report_whose_message_is_one_line() {
    let house = House::new(&[("settings.yaml", ENFORCE), ("servers.yaml", SERVERS), ("zone.yaml", &zone(&[]))]).await;
    let main = git_in(&house.repo(), &["rev-parse", "main"]);
    for _ in 0..10 {
        house.cycle().await;
    }
    let house = house.restart().await;
    house.cycle().await;
    let subjects = subjects(&house);
    assert_eq!(subjects.len(), 1, "{subjects:#?}");
    assert!(subjects[0].starts_with("applied ") && !subjects[0].contains('\n'), "{subjects:?}");
    assert_eq!(git_in(&house.repo(), &["rev-parse", "main"]), main, "the watched branch is left alone");
}

#[tokio::test]
async fn drift_that_was_put_back_is_told_in_the_subject_once() {
    let house = settled().await;
    house.hand().edit(|w| w.record("example.com", "first", "A").expect("there").data = "198.51.100.9".to_owned());
    house.cycle().await;
    house.cycle().await;
    let subjects = subjects(&house);
    let drift: Vec<&String> = subjects.iter().filter(|s| s.contains("put back")).collect();
    assert_eq!(drift.len(), 1, "{subjects:#?}");
    assert!(drift[0].contains("example.com") && drift[0].contains("first"), "{drift:?}");
    assert!(house.reported("DRIFT.md").contains("198.51.100.9"));
}

#[tokio::test]
async fn a_report_branch_that_somebody_else_moved_keeps_their_files_and_gets_the_next_report() {
    let house = settled().await;
    let tree = house.folder.path().join("theirs");
    git_in(&house.repo(), &["worktree", "add", "--quiet", tree.to_str().expect("text"), "driftless/reports"]);
    let edits: Edits = BTreeMap::from([
        ("reports/STATUS.md".to_owned(), Some(b"scribbled\n".to_vec())),
        ("theirs.md".to_owned(), Some(b"ours too\n".to_vec())),
    ]);
    git::commit_in(&tree, &edits, "Scribble", &crate::house::ana()).await.expect("a commit");
    git_in(&house.repo(), &["worktree", "remove", "--force", tree.to_str().expect("text")]);
    house.push(&[("zone.yaml", Some(&zone(&["first", "second", "third"])))]).await;
    let snapshot = house.cycle().await;
    assert!(snapshot.troubles.is_empty(), "{:?}", snapshot.troubles);
    assert!(house.reported("STATUS.md").contains("in sync"), "{}", house.reported("STATUS.md"));
    assert_eq!(git_in(&house.repo(), &["show", "driftless/reports:theirs.md"]), "ours too\n");
    assert!(subjects(&house).contains(&"Scribble".to_owned()), "their commit stays in the history");
}

#[tokio::test]
async fn a_report_branch_that_was_deleted_comes_back_with_the_next_report() {
    let house = settled().await;
    git_in(&house.repo(), &["update-ref", "-d", "refs/heads/driftless/reports"]);
    house.push(&[("zone.yaml", Some(&zone(&["first", "second", "third"])))]).await;
    let snapshot = house.cycle().await;
    assert!(snapshot.troubles.is_empty(), "{:?}", snapshot.troubles);
    assert!(house.reported("status.json").contains("example.com") || house.reported("STATUS.md").contains("sync"));
}

#[tokio::test]
async fn reports_are_never_written_to_the_watched_branch() {
    let settings = format!("{ENFORCE}  reports: {{branch: main, path: reports}}\n");
    let house = House::new(&[("settings.yaml", &settings), ("servers.yaml", SERVERS)]).await;
    let main = git_in(&house.repo(), &["rev-parse", "main"]);
    house.cycle().await;
    house.cycle().await;
    assert_eq!(git_in(&house.repo(), &["rev-parse", "main"]), main);
}

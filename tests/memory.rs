//! Memory survives: a journal that is lost comes back from the signed ledger, a restored one catches up, and what neither
//! tells is neither deleted nor replaced.

mod bounded;

use crate::house::{ENFORCE, House, Setup, TOKEN, git_in, lines};
use driftless::engine::snapshot::Snapshot;
use driftless::model::{Patch, Pause, Plan, ResourceId};
use std::path::Path;

const KEPT: &str = "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: main}\npolicy: {onRemove: destroy, protect: true}\nspec: {name: production, region: sgp1, ipRange: 10.114.0.0/16}\n";
const SPARE: &str = "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: spare}\npolicy: {onRemove: destroy}\nspec: {name: spare, region: sgp1, ipRange: 10.115.0.0/16}\n";
const OPS: &str = "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: ops}\nspec: {name: ops, region: sgp1, ipRange: 10.116.0.0/16}\n";
const ERP: &str = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: erp}\nspec: {region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64}\n";

async fn house(files: &[(&str, &str)]) -> House {
    let files: Vec<_> = [("settings.yaml", ENFORCE)].into_iter().chain(files.iter().copied()).collect();
    let house = House::new(&files).await;
    // The first network of a region is its default one, which cannot be deleted: it is to be none of ours.
    by_hand(&house, "default", "10.200.0.0/16").await;
    house
}

/// Makes a network as somebody else does.
async fn by_hand(house: &House, name: &str, range: &str) {
    let network = serde_json::json!({"name": name, "region": "sgp1", "ip_range": range});
    let url = format!("{}/v2/vpcs", house.running.url());
    let made = reqwest::Client::new().post(url).bearer_auth(TOKEN).json(&network).send().await.expect("an answer");
    assert!(made.status().is_success(), "{made:?}");
}

fn plan(snapshot: &Snapshot) -> Plan {
    let plan = snapshot.plan.as_deref().expect("a plan").clone();
    Plan { remember: Vec::new(), looked: Default::default(), as_of: Default::default(), ..plan }
}

/// The rules that hold something, with what they hold.
fn held(snapshot: &Snapshot) -> Vec<String> {
    let plan = snapshot.plan.as_ref().expect("a plan");
    let holds = plan.changes.iter().filter_map(|c| Some((c, c.hold()?)));
    holds.flat_map(|(c, h)| h.reasons.iter().map(move |r| format!("{}: {}", c.key, r.rule))).collect()
}

fn said(snapshot: &Snapshot) -> String {
    snapshot.troubles.iter().map(|t| format!("{}: {}", t.with, t.what)).collect::<Vec<_>>().join("\n")
}

async fn pause(house: &House, id: &str) {
    let patch =
        Patch::Pause(id.parse::<ResourceId>().expect("an id"), Pause { reason: "by hand".to_owned(), until: None });
    house.controller.keeper.write(&[patch]).await.expect("written");
}

/// Puts a file on the report branch, as somebody does who may push there.
fn put_report(house: &House, name: &str, text: Option<&str>) {
    let work = house.folder.path().join("reports-by-hand");
    let _ = std::fs::remove_dir_all(&work);
    let path = work.display().to_string();
    git_in(&house.repo(), &["worktree", "add", "-q", "--detach", "-f", &path, "driftless/reports"]);
    let file = work.join("reports").join(name);
    match text {
        Some(text) => std::fs::write(&file, text).expect("written"),
        None => std::fs::remove_file(&file).expect("gone"),
    }
    let who = ["-c", "user.name=Eve", "-c", "user.email=eve@example.com"];
    git_in(&work, &["add", "-A"]);
    git_in(&work, &[&who[..], &["commit", "-q", "-m", "Nothing to see here"]].concat());
    git_in(&work, &["push", "-q", &house.repo().display().to_string(), "HEAD:refs/heads/driftless/reports"]);
}

fn copy(from: &Path, to: &Path) {
    std::fs::copy(from, to).expect("copied");
}

#[tokio::test]
async fn a_lost_journal_comes_back_with_protections_pauses_and_the_same_plan() {
    let house = house(&[("main.yaml", KEPT), ("spare.yaml", SPARE), ("erp.yaml", ERP)]).await;
    house.settles().await;
    pause(&house, "Droplet/erp").await;
    house.cycle().await;
    // The document goes with its protection, and the droplet is changed while it is paused.
    house.push(&[("main.yaml", None), ("erp.yaml", Some(&ERP.replace("1gb", "2gb")))]).await;
    let before = house.cycle().await;
    assert_eq!(held(&before), ["Vpc/main delete: protected"]);
    let memory = house.controller.keeper.memory();
    let house = house.restart_without_journal().await;
    let after = house.cycle().await;
    assert_eq!((plan(&after), said(&after).as_str()), (plan(&before), ""));
    let back = house.controller.keeper.memory();
    assert_eq!((&back.owned, &back.pauses, &back.team), (&memory.owned, &memory.pauses, &memory.team));
    assert!(!back.lost && back.found.is_empty());
}

#[tokio::test]
async fn a_generation_on_its_way_out_goes_on_after_the_journal_was_lost() {
    let house = house(&[("erp.yaml", ERP)]).await;
    house.settles().await;
    let other = ERP.replace("ubuntu-22-04-x64", "ubuntu-24-04-x64, replaceOn: [image]");
    house.push(&[("erp.yaml", Some(&other))]).await;
    house.cycle().await;
    assert_eq!(house.approve_all().await, 1);
    house.fault("DELETE /v2/droplets/* 500");
    house.cycle().await;
    house.hand().clear_faults();
    assert_eq!(house.controller.keeper.memory().owned.values().map(|o| o.retiring.len()).sum::<usize>(), 1);
    let house = house.restart_without_journal().await;
    let after = house.cycle().await;
    assert_eq!(
        held(&after),
        [] as [&str; 0],
        "its end was agreed to: {:#?}",
        lines(after.plan.as_ref().expect("a plan"))
    );
}

#[tokio::test]
async fn deletions_that_were_done_count_after_the_journal_was_lost() {
    let zone = |names: &[u8]| {
        let records: String =
            names.iter().map(|n| format!("    - {{name: r{n}, type: A, value: 192.0.2.{n}}}\n")).collect();
        format!(
            "apiVersion: driftless/v1\nkind: Domain\nmetadata: {{name: example.com}}\nspec:\n  ignore: [{{type: NS, name: \"@\"}}]\n  records:\n{records}"
        )
    };
    let house = house(&[("zone.yaml", &zone(&[1, 2, 3, 4, 5, 6, 7, 8, 9]))]).await;
    house.settles().await;
    house.push(&[("zone.yaml", Some(&zone(&[3, 4, 5, 6, 7, 8, 9])))]).await;
    house.settles().await;
    let house = house.restart_without_journal().await;
    house.push(&[("zone.yaml", Some(&zone(&[5, 6, 7, 8, 9])))]).await;
    let seen = house.cycle().await;
    assert!(held(&seen).iter().all(|h| h.ends_with("delete-limit")) && held(&seen).len() == 2, "{:?}", held(&seen));
}

#[tokio::test]
async fn a_forged_ledger_is_told_and_ignored_and_nothing_goes_by_it() {
    let house = house(&[("main.yaml", KEPT), ("spare.yaml", SPARE), ("ops.yaml", OPS)]).await;
    house.settles().await;
    let ledger = house.reported("ledger.json");
    put_report(&house, "ledger.json", Some(&ledger.replace("\"protect\": true", "\"protect\": false")));
    let house = house.restart_without_journal().await;
    let seen = house.cycle().await;
    assert!(said(&seen).contains("its signature is wrong"), "{:?}", seen.troubles);
    // What is wanted and there is owned again; what ends it is held until somebody says so.
    house.push(&[("main.yaml", None), ("spare.yaml", None)]).await;
    let seen = house.cycle().await;
    assert_eq!(
        held(&seen),
        ["Vpc/main delete: protected", "Vpc/spare delete: found-again"],
        "{:#?}",
        lines(seen.plan.as_ref().expect("a plan"))
    );
    let told =
        seen.plan.iter().flat_map(|p| &p.findings).find(|f| f.rule == "found-again").expect("it is told").clone();
    assert!(told.text.ends_with("Vpc/main, Vpc/ops, Vpc/spare"), "{told:?}");
    house.approve_all().await;
    house.settles().await;
    assert!(house.hand().read(|w| w.vpcs.iter().all(|v| v.name != "spare" && v.name != "production")));
    assert_eq!(house.controller.keeper.memory().found.len(), 1, "of the third nobody has said anything");
}

#[tokio::test]
async fn reports_without_a_ledger_beside_an_empty_journal_mean_that_it_was_lost() {
    let house = house(&[("spare.yaml", SPARE), ("erp.yaml", ERP)]).await;
    house.settles().await;
    put_report(&house, "ledger.json", None);
    let house = house.restart_without_journal().await;
    let seen = house.cycle().await;
    assert!(said(&seen).contains("no ledger, and the journal is empty"), "{:?}", seen.troubles);
    let memory = house.controller.keeper.memory();
    assert_eq!((memory.found.len(), memory.lost), (2, false), "all was seen once");
    house.push(&[("spare.yaml", None)]).await;
    assert_eq!(held(&*house.cycle().await), ["Vpc/spare delete: found-again"]);
}

#[tokio::test]
async fn a_first_start_on_an_account_with_equal_objects_holds_nothing_for_that() {
    let house = house(&[("spare.yaml", SPARE)]).await;
    by_hand(&house, "spare", "10.115.0.0/16").await;
    house.hand().forget_calls();
    house.settles().await;
    assert_eq!(house.hand().calls().mutations.len(), 0, "it is taken over as it is");
    assert!(house.controller.keeper.memory().found.is_empty());
    house.push(&[("spare.yaml", None), ("erp.yaml", Some(ERP))]).await;
    assert_eq!(held(&*house.cycle().await), [] as [&str; 0]);
}

#[tokio::test]
async fn a_ledger_of_another_key_is_not_believed_and_a_former_key_is() {
    let mut house = house(&[("main.yaml", KEPT), ("erp.yaml", ERP)]).await;
    house.settles().await;
    house.setup.keys = vec!["the key of today, a new one", "a key that signs ledgers"];
    let mut house = house.restart_without_journal().await;
    let seen = house.cycle().await;
    assert_eq!((said(&seen).as_str(), house.controller.keeper.memory().found.len()), ("", 0));
    // By now it is signed with the new one.
    house.setup.keys = vec!["a key that signs ledgers"];
    let house = house.restart_without_journal().await;
    let seen = house.cycle().await;
    assert!(said(&seen).contains("which this controller does not have"), "{:?}", seen.troubles);
    assert_eq!(house.controller.keeper.memory().found.len(), 2);
}

#[tokio::test]
async fn a_journal_from_a_restored_disk_catches_up_with_the_ledger_and_says_so() {
    let house = house(&[("main.yaml", &KEPT.replace(", protect: true", "")), ("spare.yaml", SPARE)]).await;
    house.settles().await;
    let snapshot = house.folder.path().join("snapshot.db");
    house.controller.keeper.store().backup(&snapshot).await.expect("a copy");
    // Since then: a deletion, a protection, a pause, a droplet.
    house.push(&[("spare.yaml", None), ("main.yaml", Some(KEPT)), ("erp.yaml", Some(ERP))]).await;
    house.settles().await;
    pause(&house, "Droplet/erp").await;
    house.cycle().await;
    let now = house.controller.keeper.memory();
    let data = house.folder.path().join("data/journal.db");
    house.controller.keeper.store().close().await;
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", data.display()));
    }
    copy(&snapshot, &data);
    let house = house.restart().await;
    let seen = house.cycle().await;
    assert!(said(&seen).contains("the journal is older than the ledger"), "{:?}", seen.troubles);
    let back = house.controller.keeper.memory();
    assert_eq!((&back.pauses, back.deletions.len()), (&now.pauses, 1));
    let main = "Vpc/main".parse().expect("an id");
    assert!(back.owned[&main].policy.protect);
    assert!(back.owned.contains_key(&"Droplet/erp".parse().expect("an id")));
    assert!(back.serial >= now.serial);
    assert_eq!(said(&*house.cycle().await), "", "it is told once");
}

#[tokio::test]
async fn an_older_ledger_never_overrides_the_journal() {
    let house = house(&[("main.yaml", KEPT)]).await;
    house.settles().await;
    let old = house.reported("ledger.json");
    house.push(&[("main.yaml", Some(&KEPT.replace(", protect: true", ""))), ("erp.yaml", Some(ERP))]).await;
    house.settles().await;
    let now = house.controller.keeper.memory();
    put_report(&house, "ledger.json", Some(&old));
    let house = house.restart().await;
    let seen = house.cycle().await;
    assert_eq!(said(&seen), "");
    assert_eq!(house.controller.keeper.memory().owned, now.owned);
    assert!(house.reported("ledger.json").contains("Droplet/erp"), "and is put right");
}

#[tokio::test]
async fn with_an_empty_journal_nothing_is_looked_at_before_the_ledger_could_be_read() {
    let house = house(&[("main.yaml", KEPT)]).await;
    house.settles().await;
    let repo = house.repo();
    let away = house.folder.path().join("away");
    std::fs::rename(&repo, &away).expect("moved");
    let house = house.restart_without_journal().await;
    let seen = house.cycle().await;
    assert!(seen.plan.is_none(), "what is whose is not guessed");
    assert!(said(&seen).contains("ledger: the report branch"), "{:?}", seen.troubles);
    std::fs::rename(&away, &repo).expect("moved");
    house.settles().await;
    assert!(house.controller.keeper.memory().found.is_empty());
}

#[tokio::test]
async fn the_ledger_is_committed_where_only_protection_changed_and_not_for_every_look() {
    let house = house(&[("main.yaml", &KEPT.replace(", protect: true", ""))]).await;
    house.settles().await;
    let commits = |house: &House| git_in(&house.repo(), &["rev-list", "--count", "driftless/reports"]);
    let before = commits(&house);
    house.cycle().await;
    house.cycle().await;
    assert_eq!(commits(&house), before, "nothing changed");
    pause(&house, "Vpc/main").await;
    house.cycle().await;
    assert_ne!(commits(&house), before);
    assert!(house.reported("ledger.json").contains("by hand"));
}

#[tokio::test]
async fn without_a_key_there_is_no_ledger_and_no_trouble() {
    let files = [("settings.yaml", ENFORCE), ("main.yaml", KEPT)];
    let house = House::set_up(&files, Setup { keys: Vec::new(), ..Setup::default() }).await;
    house.settles().await;
    let names = git_in(&house.repo(), &["ls-tree", "--name-only", "driftless/reports:reports"]);
    assert!(!names.contains("ledger"), "{names}");
}

//! `driftless journal`: a backup beside the running controller, and the way back from one.

use std::time::Duration;

use super::rig::{ENFORCE, Rig, VPC, files};

const QUICK: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_beside_the_running_controller_and_restored_once_it_stands_still() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let backup = rig.file("backup.db").display().to_string();
    rig.run(&["journal", "backup", &backup]).await.ended(1).says("there is no journal");
    let controller = rig.controller(&[]);
    controller.logs(&["reported"]);
    rig.run(&["journal", "backup", &backup]).await.ended(0).says("holds the journal");
    rig.run(&["journal", "backup", &backup]).await.ended(1).says("overwrites nothing");
    rig.run(&["journal", "restore", &backup]).await.ended(1).says("another driftless works with the data");
    assert_eq!(controller.stop(), 0);
    let text = rig.file("notes.txt").display().to_string();
    std::fs::write(&text, "no journal").expect("written");
    rig.run(&["journal", "restore", &text]).await.ended(1).says("no journal of driftless");
    rig.run(&["journal", "restore", &backup]).await.ended(0).says("The former one is kept");
    assert!(files(&rig.data()).iter().any(|f| f.display().to_string().contains("journal.db.replaced-")));
    // It goes on from there: all is in sync, and nothing is made anew.
    rig.hand().forget_calls();
    let repo = rig.repo().display().to_string();
    rig.run(&["run", "--once", "--repo", &repo]).await;
    assert_eq!(rig.hand().calls().mutations.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_the_ledger_is_made_once_and_shows_nowhere() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let repo = rig.repo().display().to_string();
    let first = rig.run(&["run", "--once", "--repo", &repo]).await.ended(0).says("keep a copy of it away");
    let file = rig.data().join("ledger.key");
    let key = std::fs::read_to_string(&file).expect("a key");
    assert_eq!(std::fs::metadata(&file).expect("it").permissions().mode() & 0o777, 0o600);
    let again = rig.run(&["run", "--once", "--repo", &repo]).await.ended(0);
    assert!(!again.err.contains("keep a copy"), "{}", again.err);
    assert_eq!(std::fs::read_to_string(&file).expect("a key"), key);
    let ledger = crate::house::git_in(&rig.repo(), &["show", "driftless/reports:reports/ledger.json"]);
    assert!(ledger.contains("Vpc/main"), "{ledger}");
    assert!(![&first.err, &first.out, &again.err, &ledger].iter().any(|text| text.contains(&key)));
    rig.run(&["--set", "ledger.key=abc", "run", "--once", "--repo", &repo]).await.ended(1).says("ledger.key_file");
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_on_a_laptop_does_nothing_while_the_controller_has_the_lease() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let repo = rig.repo().display().to_string();
    let fault = rig.hand().inject("POST /v2/vpcs latency=60s count=1".parse().expect("a fault"));
    let controller = rig.controller(&[]);
    super::rig::until("the request is on its way", || rig.hand().fired(fault) > 0);
    let laptop = rig.file("laptop").display().to_string();
    let apply = ["--data-dir", &laptop, "--repo", &repo, "apply", "--yes"];
    rig.run(&apply).await.ended(1).says("another driftless has the lease of this repo");
    controller.kill();
    assert_eq!(rig.hand().calls().mutations.len(), 0, "the laptop sent nothing");
}

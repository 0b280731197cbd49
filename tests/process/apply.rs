//! `driftless apply`, `approve` and `status`: what is asked, refused, done and remembered.

use std::time::Duration;

use driftless::ports::clock::Clock;
use jiff::ToSpan;
use jiff::tz::TimeZone;

use super::rig::{ENFORCE, Rig, VPC, droplet, reimaged};

const QUICK: Duration = Duration::from_millis(20);
const SMALL: &str = "s-1vcpu-1gb";

#[tokio::test(flavor = "multi_thread")]
async fn apply_asks_somebody_or_wants_yes() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    rig.run(&["apply"]).await.ended(1).says("--yes");
    assert_eq!(rig.hand().calls().mutations.len(), 0);
    let done = rig.run(&["apply", "--yes"]).await.ended(0);
    assert!(done.err.contains("Vpc/main"), "progress on stderr: {}", done.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_done_exactly_and_refused_once_it_no_longer_fits() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let saved = rig.file("plan.json").display().to_string();
    rig.run(&["plan", "--save", &saved]).await.ended(2);
    rig.push(&[("erp.yaml", &droplet("erp", SMALL))]);
    rig.run(&["apply", &saved, "--yes"]).await.ended(0);
    assert_eq!(
        rig.hand().read(|w| (w.vpcs.iter().filter(|v| v.name == "production").count(), w.droplets.len())),
        (1, 0)
    );
    let again = rig.run(&["apply", &saved, "--yes"]).await.ended(1);
    assert!(again.err.contains("no longer fits") && again.err.contains("Vpc/main"), "{}", again.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn observe_binds_apply_too() {
    let observe = ENFORCE.replace("enforce", "observe");
    let rig = Rig::new(QUICK, &[("settings.yaml", &observe), ("vpc.yaml", VPC)]).await;
    rig.run(&["apply", "--yes"]).await.ended(3).says("mode: observe");
    assert_eq!(rig.hand().calls().mutations.len(), 0);
}

/// Settings with a window on the day after tomorrow only.
fn shut() -> String {
    let day = Clock::System.now().to_zoned(TimeZone::UTC).date() + 2.days();
    let day = day.strftime("%a").to_string().to_lowercase();
    format!("{ENFORCE}  windows: [{{days: [{day}], hours: \"06:00-18:00\"}}]\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_and_run_wait_for_a_sync_window_unless_it_is_to_be_done_now() {
    let rig = Rig::new(QUICK, &[("settings.yaml", &shut()), ("vpc.yaml", VPC)]).await;
    let saved = rig.file("plan.json").display().to_string();
    rig.run(&["plan", "--save", &saved]).await.ended(2).says("sync window shut until");
    rig.run(&["apply", "--yes"]).await.ended(3).says("Sooner: driftless apply --now");
    rig.run(&["apply", &saved, "--yes"]).await.ended(3);
    rig.run(&["run", "--repo", ".", "--once"]).await.ended(3);
    assert_eq!(rig.hand().calls().mutations.len(), 0);
    rig.run(&["run", "--repo", ".", "--now"]).await.ended(64).says("--once");
    rig.run(&["run", "--repo", ".", "--once", "--now"]).await.ended(0);
    rig.push(&[("erp.yaml", &droplet("erp", SMALL))]);
    rig.run(&["plan", "--save", &saved]).await.ended(2);
    rig.run(&["apply", &saved, "--yes", "--now"]).await.ended(0);
    assert_eq!(
        rig.hand().read(|w| (w.vpcs.iter().filter(|v| v.name == "production").count(), w.droplets.len())),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_in_git_binds_plan_apply_and_run_and_status_tells_it() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC), ("FREEZE", "ask Ana first\n")]).await;
    rig.run(&["plan"]).await.ended(2).says("FROZEN").says("ask Ana first");
    rig.run(&["apply", "--yes"]).await.ended(1).says("ask Ana first").says("remove the file");
    rig.run(&["apply", "--yes", "--now"]).await.ended(1).says("frozen");
    rig.run(&["run", "--repo", ".", "--once"]).await.ended(3);
    assert_eq!(rig.hand().calls().mutations.len(), 0);
    rig.run(&["status"]).await.ended(3).says("FROZEN").says("ask Ana first");
    let status = rig.run(&["status", "-o", "json"]).await.ended(3).json();
    assert!(status["plan"]["frozen"].as_str().is_some_and(|why| why.contains("ask Ana first")), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_exits_with_3_where_something_failed() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    rig.hand().edit(|w| w.droplet_limit = 0);
    rig.push(&[("erp.yaml", &droplet("erp", SMALL))]);
    rig.run(&["apply", "--yes"]).await.ended(3).says("droplet limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_wakes_the_controller_and_the_replacement_is_done() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("erp.yaml", &droplet("erp", SMALL))]).await;
    let controller = rig.controller(&[]);
    let first = controller.logs(&["reported"]);
    let old = rig.hand().edit(|w| w.droplet_named("erp").map(|d| d.id)).expect("it");
    rig.push(&[("erp.yaml", &reimaged("erp", SMALL))]);
    let held = controller.logs_after(first, &["reported"]);
    rig.run(&["approve", "0000"]).await.ended(1).says("Droplet/erp");
    let status = rig.run(&["status", "-o", "json"]).await.ended(3).json();
    let digest =
        status["plan"]["changes"][0]["standing"]["because"]["digest"].as_str().expect("a held change").to_owned();
    rig.run(&["status"]).await.ended(3).says(&digest[..4]);
    rig.run(&["approve", &digest[..8]]).await.ended(0).says("Droplet/erp");
    controller.logs_after(held, &["reported"]);
    let new = rig.hand().edit(|w| w.droplet_named("erp").map(|d| d.id)).expect("it");
    assert_ne!(old, new);
    assert_eq!(controller.stop(), 0);
    rig.run(&["status"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_approve_without_a_journal_say_where_they_looked() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE)]).await;
    let data = rig.data().display().to_string();
    rig.run(&["status"]).await.ended(1).says(&data);
    rig.run(&["approve", "7b1e"]).await.ended(1).says(&data);
}

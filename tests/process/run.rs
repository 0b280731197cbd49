//! `driftless run`: pushes, signals, stops and restarts.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::rig::{ENFORCE, Rig, VPC, droplet, reimaged, until};
use crate::house::git_in;

const SMALL: &str = "s-1vcpu-1gb";
const LARGE: &str = "s-2vcpu-4gb";
const QUICK: Duration = Duration::from_millis(20);

fn settings(more: &str) -> String {
    format!("{ENFORCE}{more}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_to_a_local_repo_is_followed_at_once_and_reported() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let controller = rig.controller(&[]);
    let at = controller.logs(&["reported"]);
    assert!(rig.hand().read(|w| w.vpcs.iter().any(|v| v.name == "production")));
    // The interval is five minutes: only the watch can be this quick.
    rig.push(&[("erp.yaml", &droplet("erp", SMALL))]);
    controller.logs_after(at, &["reported"]);
    assert!(rig.hand().edit(|w| w.droplet_named("erp").is_some()));
    let status = git_in(&rig.repo(), &["show", "driftless/reports:reports/STATUS.md"]);
    assert!(status.contains("in sync"), "{status}");
    assert_eq!(controller.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_has_it_look_at_once() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let controller = rig.controller(&[]);
    let at = controller.logs(&["reported"]);
    rig.hand().edit(|w| w.vpcs.iter_mut().for_each(|v| v.description = "by hand".to_owned()));
    controller.signal(Signal::HUP);
    controller.logs_after(at, &["reported"]);
    assert!(rig.hand().read(|w| w.vpcs.iter().all(|v| v.description != "by hand")));
    assert_eq!(controller.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_looks_again_after_the_interval_of_the_settings() {
    let short = settings("  interval: 30s\n");
    let rig = Rig::new(QUICK, &[("settings.yaml", &short)]).await;
    let controller = rig.controller(&[]);
    let first = controller.logs(&["planned"]);
    controller.logs_after(first, &["planned"]);
    assert_eq!(controller.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_of_a_resize_lets_it_end_and_the_droplet_runs() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("erp.yaml", &droplet("erp", SMALL))]).await;
    let controller = rig.controller(&[]);
    controller.logs(&["reported"]);
    rig.hand().set_action_time(Duration::from_millis(700));
    rig.push(&[("erp.yaml", &droplet("erp", LARGE)), ("vpc.yaml", VPC)]);
    until("it is powered off", || rig.hand().edit(|w| w.droplet_named("erp").is_some_and(|d| d.status == "off")));
    assert_eq!(controller.stop(), 0);
    let (size, status) =
        rig.hand().edit(|w| w.droplet_named("erp").map(|d| (d.size.clone(), d.status.clone()))).expect("it");
    assert_eq!((size.as_str(), status.as_str()), (LARGE, "active"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_whose_grace_is_over_leaves_the_rest_to_the_next_start() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("erp.yaml", &droplet("erp", SMALL))]).await;
    let controller = rig.controller(&["--grace", "0s"]);
    controller.logs(&["reported"]);
    rig.hand().set_action_time(Duration::from_secs(2));
    rig.push(&[("erp.yaml", &droplet("erp", LARGE))]);
    until("it is powered off", || rig.hand().edit(|w| w.droplet_named("erp").is_some_and(|d| d.status == "off")));
    assert_eq!(controller.stop(), 0);
    let status = rig.hand().edit(|w| w.droplet_named("erp").map(|d| d.status.clone()));
    assert_eq!(status.as_deref(), Some("off"), "the grace was too short for it");
    let again = rig.controller(&[]);
    until("it is resized and runs", || {
        rig.hand().edit(|w| w.droplet_named("erp").is_some_and(|d| d.status == "active" && d.size == LARGE))
    });
    again.logs(&["reported"]);
    assert_eq!(again.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_a_create_makes_no_second_droplet() {
    // Alone in its estate: another create, killed before it was sent, would be waited for through the whole time to settle.
    let files = [("settings.yaml", ENFORCE), ("erp.yaml", &droplet("erp", SMALL))];
    let rig = Rig::new(Duration::from_secs(2), &files).await;
    let controller = rig.controller(&[]);
    until("it is asked for", || rig.hand().read(|w| !w.droplets.is_empty()));
    controller.kill();
    let again = rig.controller(&[]);
    until("all is well", || {
        std::process::Command::new("git")
            .args(["-C", &rig.repo().display().to_string(), "show", "driftless/reports:reports/STATUS.md"])
            .output()
            .is_ok_and(|o| String::from_utf8_lossy(&o.stdout).contains("All is well"))
    });
    assert_eq!(rig.hand().calls().count("POST /v2/droplets"), 1);
    assert_eq!(rig.hand().read(|w| w.droplets.len()), 1);
    assert_eq!(again.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_controller_on_the_same_data_is_refused() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE)]).await;
    let controller = rig.controller(&[]);
    controller.logs(&["running"]);
    let mut second = rig.controller(&[]);
    assert_eq!(second.ends(), 1);
    let told = second.log().join("\n");
    assert!(told.contains("another driftless") && told.contains(&rig.data().display().to_string()), "{told}");
    assert_eq!(controller.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_logs_are_json_and_name_run_resource_and_change() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let ran = rig.run(&["run", "--repo", ".", "--once", "--set", "log.format=json"]).await.ended(0);
    let lines: Vec<Value> = ran.err.lines().map(|l| serde_json::from_str(l).expect(l)).collect();
    let done = lines.iter().find(|l| l["message"] == "done").expect("the change was done");
    let spans = done["spans"].as_array().expect("spans");
    assert!(spans.iter().any(|s| s["run"] == 1), "{done}");
    assert!(spans.iter().any(|s| s["resource"] == "Vpc/main" && s["change"] == "Vpc/main create"), "{done}");
    assert_eq!(ran.out, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn once_ends_with_0_when_all_is_well_3_when_something_is_held_and_1_without_a_look() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("erp.yaml", &droplet("erp", SMALL))]).await;
    let once = ["run", "--repo", ".", "--once"];
    rig.run(&once).await.ended(0);
    rig.push(&[("erp.yaml", &reimaged("erp", SMALL))]);
    rig.run(&once).await.ended(3);
    rig.run(&["run", "--repo", "elsewhere", "--once"]).await.ended(1).says("elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_controller_looks_and_changes_nothing() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    rig.run(&["run", "--repo", ".", "--once", "--set", "freeze=true"]).await.ended(3).says("frozen");
    assert_eq!(rig.hand().calls().mutations.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_in_the_middle_of_an_apply_ends_it_after_what_is_under_way_and_the_work_goes_on() {
    let key = |n: u32| (format!("d{n}.yaml"), droplet(&format!("d{n}"), SMALL));
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE)]).await;
    rig.hand().set_action_time(Duration::from_millis(700));
    let documents: Vec<(String, String)> = (0..20).map(key).collect();
    let files: Vec<(&str, &str)> = documents.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    rig.push(&files);
    let controller = rig.controller(&[]);
    // Sixteen changes are under way at the same time, at most.
    until("some are asked for", || rig.hand().read(|w| !w.droplets.is_empty()));
    rig.push(&[("vpc.yaml", VPC)]);
    until("all are there", || {
        rig.hand().read(|w| w.droplets.len() == 20 && w.vpcs.iter().any(|v| v.name == "production"))
    });
    until("the report says so", || {
        git_in(&rig.repo(), &["log", "-1", "--format=%s", "--all", "--", "reports/STATUS.md"]).contains("done")
    });
    assert_eq!(rig.hand().calls().count("POST /v2/droplets"), 20);
    assert_eq!(controller.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_goes_away_deletes_nothing_and_is_followed_again_when_it_comes_back() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let controller = rig.controller(&[]);
    let first = controller.logs(&["reported"]);
    let tip = git_in(&rig.repo(), &["rev-parse", "main"]);
    git_in(&rig.repo(), &["update-ref", "-d", "refs/heads/main"]);
    let away = controller.logs_after(first, &["could not be had"]);
    // Said in a report before the branch is back: else there would be nothing new to report then.
    let away = controller.logs_after(away, &["reported", "unreachable"]);
    assert_eq!(rig.hand().calls().count("DELETE *"), 0);
    git_in(&rig.repo(), &["update-ref", "refs/heads/main", tip.trim()]);
    let back = controller.logs_after(away, &["reported"]);
    rig.push(&[("erp.yaml", &droplet("erp", SMALL))]);
    controller.logs_after(back, &["reported"]);
    until("it is there", || rig.hand().edit(|w| w.droplet_named("erp").is_some()));
    assert_eq!(rig.hand().read(|w| w.vpcs.iter().filter(|v| v.name == "production").count()), 1);
    assert_eq!(controller.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_a_look_that_hangs() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let slow = rig.hand().inject("GET /v2/vpcs latency=10m".parse().expect("a fault"));
    let controller = rig.controller(&["--grace", "1h"]);
    until("it looks", || rig.hand().fired(slow) > 0);
    assert_eq!(controller.stop(), 0);
}

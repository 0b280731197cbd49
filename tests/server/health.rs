//! Health, readiness and metrics, as a service manager and Prometheus ask for them.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::office::{Office, answered};
use crate::house::ENFORCE;
use crate::process::rig::VPC;

async fn get(office: &Office, path: &str) -> (u16, String) {
    let (status, body) = answered(reqwest::Client::new().get(format!("{}{path}", office.url))).await;
    (status, body.as_str().map_or_else(|| body.to_string(), str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_after_the_first_whole_cycle_and_while_its_journal_can_be_written() {
    let office = Office::open(&[("settings.yaml", "kind: Nonsense\n")]).await;
    office.sees("a cycle has ended", |s| s.cycle > 0).await;
    assert_eq!(get(&office, "/healthz").await, (200, "ok\n".to_owned()));
    let (status, why) = get(&office, "/readyz").await;
    assert!(status == 503 && why.contains("no whole cycle"), "{why}");
    office.close().await;
    let office = Office::open(&[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    office.sees("it has looked", |s| s.after.is_some()).await;
    assert_eq!(get(&office, "/readyz").await, (200, "ok\n".to_owned()));
    office.controller.keeper.store().close().await;
    assert_eq!(get(&office, "/readyz").await.0, 503);
    assert_eq!(get(&office, "/healthz").await.0, 200, "a restart would not help the disk");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_is_in_the_list_and_no_other_and_they_say_what_happened() {
    let office = Office::open(&[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    office.sees("all is made", |s| s.after.as_ref().is_some_and(|p| p.is_empty())).await;
    assert_eq!(office.ask(Method::POST, "freeze", "jan", &serde_json::json!({"reason": "x"})).await.0, 200);
    office.sees("it is frozen", |s| s.after.as_ref().is_some_and(|p| p.frozen.is_some())).await;
    let unsigned = reqwest::Client::new().post(format!("{}/hooks/github", office.url)).body("{}");
    assert_eq!(answered(unsigned).await.0, 401);
    let (status, page) = get(&office, "/metrics").await;
    assert_eq!(status, 200);
    let scraped: BTreeSet<&str> = page.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let listed = include_str!("../../controller/server/README.md");
    let listed: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("driftless_") || name.starts_with("process_"))
        // A counter's and an info's family is named without the ending of its samples.
        .map(|name| name.split('{').next().unwrap_or(name).trim_end_matches("_total").trim_end_matches("_info"))
        .collect();
    assert_eq!(scraped, listed);
    let figure = |name: &str| -> f64 {
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in\n{page}")).trim().parse().expect("a number")
    };
    assert!(figure("driftless_cycles_total") >= 2.0);
    assert_eq!(figure("driftless_changes_total{outcome=\"done\"}"), 1.0);
    assert_eq!(figure("driftless_resources{state=\"in_sync\"}"), 1.0);
    assert_eq!(figure("driftless_frozen"), 1.0);
    assert_eq!(figure("driftless_webhooks_total{source=\"github\",result=\"bad_signature\"}"), 1.0);
    assert!(figure("driftless_digitalocean_requests_total") >= 2.0);
    assert!(figure("driftless_commit_applied_timestamp_seconds") > 1.7e9);
    assert!(figure("process_resident_memory_bytes") > 1e6 && figure("process_open_fds") > 3.0);
    assert!(page.trim_end().ends_with("# EOF"));
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_is_served_as_it_is() {
    let office = Office::open(&[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    office.sees("all is made", |s| s.after.as_ref().is_some_and(|p| p.is_empty())).await;
    let (status, plan) = office.ask(Method::GET, "plan", "eve", &Value::Null).await;
    assert_eq!((status, &plan["schema"], &plan["inSync"]), (200, &"driftless.plan/v1".into(), &1.into()));
    office.close().await;
}

//! `driftless inventory` and `driftless history`: what exists, and what was done.

use super::rig::{ENFORCE, Rig, VPC, droplet};
use insta::assert_snapshot;
use serde_json::Value;
use std::time::Duration;

const QUICK: Duration = Duration::from_millis(20);

/// Ids, addresses, days and durations differ from run to run.
fn steady(text: &str) -> String {
    let rules = [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[uuid]"),
        (r"\b3164\d{3}\b", "[number]"),
        (r"\b\d+\.\d+\.\d+\.\d+\b", "[address]"),
        (r"\d{4}-\d\d-\d\d( \d\d:\d\d UTC)?", "[time]"),
        (r"\b\d+(\.\d)? m?s\b", "[took]"),
        (r"\b[0-9a-f]{7}\b", "[commit]"),
        (r"driftless:[0-9a-f]+:[0-9a-f]+:g", "driftless:[hash]:g"),
    ];
    rules.iter().fold(text.to_owned(), |text, (rule, word)| {
        regex::Regex::new(rule).expect("a rule").replace_all(&text, *word).into_owned()
    })
}

fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inventory_tells_whose_everything_is() {
    let erp = droplet("erp", "s-1vcpu-1gb");
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC), ("droplets/erp.yaml", &erp)]).await;
    rig.run(&["apply", "--yes"]).await.ended(0);
    let url = rig.url();
    for (path, body) in [
        ("domains", serde_json::json!({"name": "example.com"})),
        (
            "firewalls",
            serde_json::json!({"name": "old-firewall", "inbound_rules": [{"protocol": "tcp", "ports": "22",
              "sources": {"addresses": ["0.0.0.0/0"]}}], "tags": ["web"]}),
        ),
        ("tags", serde_json::json!({"name": "web"})),
        (
            "firewalls",
            serde_json::json!({"name": "old-firewall", "inbound_rules": [{"protocol": "tcp", "ports": "22",
              "sources": {"addresses": ["0.0.0.0/0"]}}], "tags": ["web"]}),
        ),
    ] {
        let asked = reqwest::Client::new().post(format!("{url}/v2/{path}")).bearer_auth("sandbox").json(&body);
        asked.send().await.expect("an answer");
    }
    rig.push(&[("droplets/ocr.yaml", &droplet("ocr", "s-2vcpu-4gb"))]);
    let text = rig.run(&["inventory"]).await.ended(0).out;
    fits(&text);
    assert_snapshot!(steady(&text));
    let page = rig.run(&["inventory", "-o", "markdown"]).await.ended(0).out;
    assert_snapshot!(steady(&page));
    let data = rig.run(&["inventory", "-o", "json"]).await.ended(0).json();
    assert_eq!(data["schema"], "driftless.inventory/v1");
    let droplets = data["kinds"].as_array().expect("kinds").iter().find(|k| k["kind"] == "Droplet").expect("droplets");
    let whose: Vec<&Value> = droplets["items"].as_array().expect("items").iter().map(|i| &i["whose"]).collect();
    assert_eq!(whose, ["owned", "missing"]);
    assert_eq!(data["monthly"], 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_tells_what_was_done_and_how_it_went() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    rig.run(&["history"]).await.ended(1).says("there is no journal at");
    rig.run(&["apply", "--yes"]).await.ended(0);
    rig.hand().edit(|w| w.droplet_limit = 0);
    rig.push(&[("erp.yaml", &droplet("erp", "s-1vcpu-1gb"))]);
    rig.run(&["apply", "--yes"]).await.ended(3);
    let list = rig.run(&["history"]).await.ended(0).out;
    fits(&list);
    assert_snapshot!(steady(&list));
    let one = rig.run(&["history", "2"]).await.ended(0).out;
    fits(&one);
    assert_snapshot!(steady(&one));
    let about = rig.run(&["history", "--about", "Vpc/main", "-o", "json"]).await.ended(0).json();
    assert_eq!(about["schema"], "driftless.history/v1");
    assert_eq!(about["runs"].as_array().expect("runs").iter().map(|r| &r["run"]).collect::<Vec<_>>(), [1]);
    let data = rig.run(&["history", "2", "-o", "json"]).await.ended(0).json();
    assert_eq!((&data["failed"], &data["outcomes"][0]["attempt"]["is"]), (&1.into(), &"failed".into()));
    rig.run(&["history", "--about", "Vpc/none"]).await.ended(0).says("No run on record concerns Vpc/none");
    rig.run(&["history", "9"]).await.ended(1).says("there is no run 9");
    rig.run(&["history", "--about", "none"]).await.ended(64).says("Kind/name");
}

//! The first start on somebody else's account: nothing is written while the mode is observe, and nothing to what would
//! be taken over and changed before somebody has agreed.

use super::settings;
use crate::house::{House, failed, lines, sandbox_settings};
use crate::laws::estates::public_key;
use driftless::model::{Attempt, Standing};
use serde_json::json;

/// An account with objects of the documents' names, each of them different.
async fn somebody_elses() -> House {
    let documents = format!(
        r#"
apiVersion: driftless/v1
kind: Vpc
metadata: {{name: main}}
spec: {{region: sgp1, ipRange: 10.114.0.0/20, description: ours}}
---
apiVersion: driftless/v1
kind: SshKey
metadata: {{name: ops}}
spec: {{publicKey: "{}"}}
---
apiVersion: driftless/v1
kind: Droplet
metadata: {{name: web}}
spec: {{region: sgp1, size: s-2vcpu-4gb, image: ubuntu-22-04-x64, tags: [production]}}
---
apiVersion: driftless/v1
kind: Firewall
metadata: {{name: production}}
spec: {{outbound: [{{protocol: icmp, to: [any]}}]}}
---
apiVersion: driftless/v1
kind: Domain
metadata: {{name: example.com}}
spec: {{unlisted: delete, records: [{{name: www, type: A, value: 192.0.2.1}}]}}
"#,
        public_key(0)
    );
    let files = [("settings.yaml", &*settings("observe")), ("all.yaml", &*documents)];
    let house = House::with(&files, sandbox_settings()).await;
    let url = house.running.url();
    let theirs = [
        ("vpcs", json!({"name": "main", "region": "sgp1", "ip_range": "10.114.0.0/20", "description": "theirs"})),
        ("account/keys", json!({"name": "theirs", "public_key": public_key(0)})),
        ("droplets", json!({"name": "web", "region": "sgp1", "size": "s-1vcpu-1gb", "image": "ubuntu-24-04-x64"})),
        (
            "firewalls",
            json!({"name": "production", "outbound_rules": [{"protocol": "tcp", "ports": "443",
                   "destinations": {"addresses": ["0.0.0.0/0"]}}]}),
        ),
        ("domains", json!({"name": "example.com"})),
        ("domains/example.com/records", json!({"type": "A", "name": "www", "data": "192.0.2.99", "ttl": 60})),
    ];
    for (path, body) in theirs {
        super::account::post(&url, path, body).await;
    }
    // Until the droplet is there it is busy, and nothing is said of it.
    let at_rest = || house.hand().read(|w| w.droplets.values().all(|d| d.event.is_none()));
    while !at_rest() {
        super::account::look(&url, "droplets").await;
    }
    house.hand().forget_calls();
    house
}

#[tokio::test]
async fn while_the_mode_is_observe_nothing_is_written() {
    let house = somebody_elses().await;
    let before = super::world(&house);
    for _ in 0..3 {
        let snapshot = house.cycle().await;
        let plan = snapshot.after.clone().expect("a plan");
        assert!(plan.changes.len() >= 5, "{:#?}", lines(&plan));
        assert!(plan.changes.iter().all(|c| c.standing == Standing::Observed), "{:#?}", lines(&plan));
        assert!(snapshot.outcomes.is_empty(), "{:#?}", snapshot.outcomes);
    }
    assert!(house.hand().calls().mutations.is_empty(), "{:?}", house.hand().calls().mutations);
    assert_eq!(super::world(&house), before);
}

#[tokio::test]
async fn what_would_be_taken_over_and_changed_waits_for_somebodys_word() {
    let house = somebody_elses().await;
    let before = super::world(&house);
    house.cycle().await;
    house.push(&[("settings.yaml", Some(&settings("enforce")))]).await;
    for _ in 0..2 {
        let snapshot = house.cycle().await;
        let plan = snapshot.after.clone().expect("a plan");
        assert!(plan.changes.iter().all(|c| c.hold().is_some()), "{:#?}", lines(&plan));
        let done: Vec<_> = snapshot.outcomes.iter().filter(|o| o.attempt == Attempt::Done).collect();
        assert!(done.is_empty(), "{done:#?}");
    }
    assert!(house.hand().calls().mutations.is_empty(), "{:?}", house.hand().calls().mutations);
    assert_eq!(super::world(&house), before);

    assert!(house.approve_all().await >= 5);
    let snapshot = house.cycle().await;
    assert!(failed(&snapshot.outcomes).is_empty(), "{:#?}", failed(&snapshot.outcomes));
    assert!(!house.hand().calls().mutations.is_empty());
}

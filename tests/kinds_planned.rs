//! Zones and firewalls from their YAML to the simulator and back: reader, planner, execution and journal together.

use std::collections::BTreeMap;

use driftless::engine::backoff::Backoff;
use driftless::engine::execute::{Progress, Run, execute};
use driftless::engine::keeper::Keeper;
use driftless::engine::look::look;
use driftless::kinds;
use driftless::model::{Attempt, Cause, Estate, Outcome, Plan, Standing, World};
use driftless::plan::{self, Brakes};
use driftless::ports::store::Store;
use driftless::repo::{self, Tree};
use tokio_util::sync::CancellationToken;

use crate::workbench::Bench;

const SETTINGS: &str = "
apiVersion: driftless/v1
kind: Settings
metadata: {name: settings}
spec: {estate: production, id: 9f2c6a1e-0d7e-4c7e-9f5c-5d8f2b1a7c11, mode: enforce}
";

const FIREWALL: &str = "
apiVersion: driftless/v1
kind: Firewall
metadata: {name: production}
spec:
  name: production-firewall
  applyTo: {tags: [production]}
  inbound:
    - {protocol: tcp, ports: 22, from: [any]}
    - {protocol: tcp, ports: 8000-9000, from: [10.0.0.0/8, {tag: web}]}
    - {protocol: icmp, from: [any]}
  outbound:
    - {protocol: tcp, ports: all, to: [any]}
";

const ZONE: &str = "
apiVersion: driftless/v1
kind: Domain
metadata: {name: example.com}
spec:
  defaultTtl: 300
  unlisted: report
  ignore: [{name: \"_acme-challenge*\"}, {type: NS, name: \"@\"}]
  records:
    - {name: erp, type: A, value: 203.0.113.10}
    - {name: mcp, type: CNAME, value: pulse-hub-web.ondigitalocean.app}
    - {name: \"@\", type: MX, value: mail.example.com, priority: 10}
    - {name: \"@\", type: TXT, values: [\"v=spf1 -all\"]}
    - {name: ipa, retired: {since: 2025-11-28, reason: never configured}}
";

/// A controller without its loop.
struct Rig {
    bench: Bench,
    keeper: Keeper,
}

impl Rig {
    async fn new() -> Self {
        let keeper = Keeper::load(Store::memory_only().await.expect("a journal"), jiff::Timestamp::UNIX_EPOCH)
            .await
            .expect("an empty one");
        Self { bench: Bench::new().await, keeper }
    }

    async fn plan(&self, estate: &Estate) -> (Plan, World) {
        let memory = self.keeper.memory();
        let world = look(&self.bench.ports, estate, &memory).await;
        (plan::plan(&kinds::pure(), estate, &world, &memory, &Brakes::default()), world)
    }

    /// Looks, plans, does what may be done, and tells the plan and the outcomes.
    async fn run(&self, estate: &Estate) -> (Plan, Vec<Outcome>) {
        let (plan, world) = self.plan(estate).await;
        self.keeper.write(&plan.remember).await.expect("written");
        let run = Run {
            ports: &self.bench.ports,
            estate,
            keeper: &self.keeper,
            brakes: &Brakes::default(),
            backoff: &Backoff::default(),
            lease: None,
            stop: &CancellationToken::new(),
            heard: &|_: Progress<'_>| {},
        };
        let outcomes = execute(&run, &plan, world).await;
        (plan, outcomes)
    }

    /// Runs, and insists that everything was done and that a second look finds nothing.
    async fn settle(&self, estate: &Estate) -> Plan {
        let (plan, outcomes) = self.run(estate).await;
        for outcome in &outcomes {
            assert!(matches!(outcome.attempt, Attempt::Done), "{}: {:?}", outcome.key, outcome.attempt);
        }
        let (again, _) = self.plan(estate).await;
        assert_eq!(again.changes, [], "a second look finds nothing");
        // What is in sync now is remembered, as the loop does after each look.
        self.keeper.write(&again.remember).await.expect("written");
        plan
    }
}

fn read(documents: &[&str]) -> repo::Read {
    let files: BTreeMap<String, Vec<u8>> =
        documents.iter().enumerate().map(|(i, text)| (format!("{i}.yaml"), text.as_bytes().to_vec())).collect();
    repo::read(&Tree::of(files), &repo::Options::default(), &kinds::pure())
}

fn estate(documents: &[&str]) -> Estate {
    let read = read(documents);
    read.estate.unwrap_or_else(|| panic!("{:#?}", read.diagnostics))
}

fn keys(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(|c| c.key.to_string()).collect()
}

#[tokio::test]
async fn an_estate_is_made_from_its_files_and_a_second_plan_is_empty() {
    let rig = Rig::new().await;
    let estate = estate(&[SETTINGS, FIREWALL, ZONE]);
    let plan = rig.settle(&estate).await;
    assert_eq!(plan.changes.len(), 6, "{:?}", keys(&plan));
    let (again, _) = rig.plan(&estate).await;
    assert_eq!((again.in_sync, again.resources, again.findings.len()), (2, 2, 0), "{:?}", again.findings);
}

#[tokio::test]
async fn hand_edits_are_drift_and_document_edits_are_not() {
    let rig = Rig::new().await;
    rig.settle(&estate(&[SETTINGS, FIREWALL, ZONE])).await;
    rig.bench.hand().edit(|world| {
        world.firewalls[0].inbound_rules.remove(0);
        let records = &mut world.domains.get_mut("example.com").expect("the zone").records;
        records.values_mut().filter(|r| r.name == "erp").for_each(|r| r.data = "203.0.113.66".to_owned());
    });
    let edited = ZONE.replace("mail.example.com", "mx.example.com");
    let plan = rig.plan(&estate(&[SETTINGS, FIREWALL, &edited])).await.0;
    let causes: Vec<(String, Cause)> = plan.changes.iter().map(|c| (c.key.to_string(), c.cause)).collect();
    let expected = [
        ("Domain/example.com#@ MX update", Cause::Document),
        ("Domain/example.com#erp A update", Cause::Drift),
        ("Firewall/production update", Cause::Drift),
    ];
    for (key, cause) in expected {
        assert!(causes.contains(&(key.to_owned(), cause)), "{causes:?}");
    }
    assert_eq!(causes.len(), 3, "{causes:?}");
    // Tcp 22 from any is put back as the document has it; that it opens to the world is for somebody to approve.
    let firewall = plan.changes.iter().find(|c| c.key.id.kind == "Firewall").expect("the firewall");
    assert!(matches!(firewall.standing, Standing::Held(_)), "{:?}", firewall.standing);
}

#[tokio::test]
async fn a_zone_that_exists_is_taken_over_set_by_set() {
    let rig = Rig::new().await;
    let client = &rig.bench.ports.digitalocean;
    client.create_domain("example.com").await.expect("a zone");
    let record = |name: &str, data: &str, ttl| driftless::ports::digitalocean::RecordBody {
        kind: "A".to_owned(),
        name: name.to_owned(),
        data: data.to_owned(),
        ttl: Some(ttl),
        ..Default::default()
    };
    client.create_record("example.com", &record("erp", "203.0.113.99", 300)).await.expect("a record");
    client.create_record("example.com", &record("theirs", "203.0.113.77", 1800)).await.expect("a record");
    let estate = estate(&[SETTINGS, ZONE]);
    let (plan, outcomes) = rig.run(&estate).await;
    let held: Vec<String> = plan.held().map(|c| c.key.to_string()).collect();
    assert_eq!(held, ["Domain/example.com#erp A update"]);
    assert!(outcomes.iter().all(|o| matches!(o.attempt, Attempt::Done)), "{outcomes:?}");
    assert_eq!(outcomes.len(), 3);
    let (again, _) = rig.plan(&estate).await;
    assert_eq!(keys(&again), ["Domain/example.com#erp A update"]);
    assert!(again.held().count() == 1 && again.findings.iter().any(|f| f.text.contains("theirs A")));
    let untouched = client.records("example.com").await.expect("records");
    assert!(untouched.iter().any(|r| r.data == "203.0.113.99") && untouched.iter().any(|r| r.data == "203.0.113.77"));
}

#[tokio::test]
async fn a_set_off_the_list_is_deleted_and_a_zone_off_the_repo_is_let_go() {
    let rig = Rig::new().await;
    rig.settle(&estate(&[SETTINGS, ZONE])).await;
    let shorter = ZONE.replace("    - {name: erp, type: A, value: 203.0.113.10}\n", "");
    let plan = rig.settle(&estate(&[SETTINGS, &shorter])).await;
    assert_eq!(keys(&plan), ["Domain/example.com#erp A delete"]);
    let gone = rig.settle(&estate(&[SETTINGS, FIREWALL])).await;
    assert!(keys(&gone).contains(&"Domain/example.com release".to_owned()), "{:?}", keys(&gone));
    assert!(rig.bench.hand().read(|world| world.domains.contains_key("example.com")));
}

#[test]
fn errors_of_all_kinds_stand_at_their_place_and_in_one_run() {
    let zone = ZONE.replace("priority: 10", "priority: ten").replace("203.0.113.10", "erp");
    let firewall = FIREWALL.replace("8000-9000", "ssh").replace("10.0.0.0/8", "{vpc: mian}");
    let found = read(&[SETTINGS, &firewall, &zone]).diagnostics;
    let all =
        || found.iter().map(|d| format!("{}: {} ({})", d.place, d.message, d.label)).collect::<Vec<_>>().join("\n");
    assert_eq!(found.len(), 2, "{}", all());
    assert_eq!((found[0].path.as_str(), found[0].place.line), ("spec.inbound[1].ports", 10), "{}", all());
    assert!(found[0].label.contains("a range such as 8000-9000"), "{}", all());
    assert_eq!((found[1].path.as_str(), found[1].place.line), ("spec.records[2].priority", 12), "{}", all());
    let found = read(&[SETTINGS, &ZONE.replace("203.0.113.10", "erp").replace("mail.example.com", ".")]).diagnostics;
    let places: Vec<(&str, u32)> = found.iter().map(|d| (d.path.as_str(), d.place.line)).collect();
    assert_eq!(places, [("spec.records[0].value", 10), ("spec.records[2].value", 12)]);
}

const DROPLET: &str = "
apiVersion: driftless/v1
kind: Vpc
metadata: {name: main}
spec: {name: production-vpc, region: sgp1, ipRange: 10.114.0.0/16}
---
apiVersion: driftless/v1
kind: Droplet
metadata: {name: erp}
spec: {region: sgp1, size: s-2vcpu-4gb, image: ubuntu-22-04-x64, vpc: main, ipv6: true}
";

#[tokio::test]
async fn rules_and_records_of_a_new_droplet_are_made_in_the_same_run() {
    let rig = Rig::new().await;
    let firewall = FIREWALL
        .replace("{tags: [production]}", "{droplets: [erp], tags: [production]}")
        .replace("{tag: web}", "{tag: web}, {vpc: main}, {droplet: erp}");
    let zone = format!(
        "{ZONE}    - {{name: app, type: A, droplet: erp}}\n    - {{name: app, type: AAAA, droplet: erp}}\n    - {{name: in, type: A, droplet: erp, network: private}}\n"
    );
    let estate = estate(&[SETTINGS, DROPLET, &firewall, &zone]);
    let (planned, _) = rig.plan(&estate).await;
    let waiting = planned.changes.iter().filter(|c| matches!(c.step, driftless::model::Step::Waits { .. }));
    assert!(waiting.count() >= 4, "{:?}", keys(&planned));
    rig.settle(&estate).await;
    let (droplet, range) = rig.bench.hand().read(|world| {
        (world.droplets.values().next().map(|d| d.id).expect("the droplet"), world.vpcs[0].ip_range.to_string())
    });
    let (covered, rule) = rig.bench.hand().read(|world| {
        let firewall = &world.firewalls[0];
        let rule = firewall.inbound_rules.iter().find(|rule| rule.ports == "8000-9000").expect("the rule");
        (firewall.droplet_ids.clone(), rule.sources.clone())
    });
    assert_eq!((covered, rule.droplet_ids), (vec![droplet], vec![droplet]));
    assert!(rule.addresses.contains(&range), "{:?}", rule.addresses);
}

#[tokio::test]
async fn a_droplet_that_is_gone_takes_its_rules_and_records_along() {
    let rig = Rig::new().await;
    let firewall = FIREWALL.replace("{tags: [production]}", "{droplets: [erp], tags: [production]}");
    let zone = format!("{ZONE}    - {{name: app, type: A, droplet: erp}}\n");
    let estate = estate(&[SETTINGS, DROPLET, &firewall, &zone]);
    rig.settle(&estate).await;
    let address = |rig: &Rig| {
        rig.bench.hand().read(|world| {
            let records = &world.domains["example.com"].records;
            records.values().find(|r| r.name == "app").map(|r| r.data.clone()).expect("the record")
        })
    };
    let before = address(&rig);
    let droplet = rig.bench.hand().read(|world| world.droplets.keys().next().copied().expect("the droplet"));
    let client = &rig.bench.ports.digitalocean;
    client.delete_droplet(droplet).await.expect("deleted by hand");
    client.wait_droplet_gone(droplet, std::time::Duration::from_secs(60)).await.expect("gone");
    let plan = rig.settle(&estate).await;
    assert!(keys(&plan).contains(&"Domain/example.com#app A update".to_owned()), "{:?}", keys(&plan));
    assert_ne!(address(&rig), before);
}

//! Zones and records over real HTTP: what is made, what is seen, what is put back, and how many calls that takes.

use std::collections::BTreeMap;

use driftless::model::{Fault, Output, Planned, Risk, Scope, Supply};
use driftless::sandbox::{Record, Seed};
use serde_json::{Value, json};

use crate::workbench::{Bench, Paper};

const ZONE: &str = "example.com";

fn every_type() -> Value {
    json!({
        "defaultTtl": 300,
        "ignore": [{"name": "_acme-challenge*"}],
        "records": [
            {"name": "@", "type": "A", "value": "203.0.113.10"},
            {"name": "@", "type": "NS", "values": ["ns1.digitalocean.com", "ns2.digitalocean.com.", "NS3.digitalocean.com"]},
            {"name": "erp", "type": "A", "values": ["203.0.113.10", "203.0.113.11"]},
            {"name": "erp.example.com.", "type": "AAAA", "value": "2001:DB8:0::1"},
            {"name": "*.dev", "type": "A", "value": "203.0.113.12", "ttl": 60},
            {"name": "www", "type": "CNAME", "value": "@"},
            {"name": "mcp", "type": "CNAME", "value": "pulse-hub-web.ondigitalocean.app"},
            {"name": "@", "type": "MX", "value": "mail", "priority": 10},
            {"name": "@", "type": "MX", "value": "mail.example.net.", "priority": 20},
            {"name": "@", "type": "TXT", "values": ["v=spf1 -all", "\"Quoted Once\""]},
            {"name": "key._domainkey", "type": "TXT", "value": "k".repeat(504)},
            {"name": "_sip._tcp", "type": "SRV", "value": "sip.example.net", "priority": 5, "weight": 0, "port": 5060},
            {"name": "@", "type": "CAA", "tag": "issue", "value": "letsencrypt.org"},
            {"name": "@", "type": "CAA", "tag": "iodef", "value": "mailto:ops@example.com"},
            {"name": "ipa", "retired": {"since": "2025-11-28", "reason": "never configured"}},
        ],
    })
}

async fn made() -> (Bench, Paper) {
    let bench = Bench::new().await;
    let mut paper = Paper::new("Domain", ZONE, every_type());
    paper.settle(&bench).await;
    paper.own(ZONE);
    (bench, paper)
}

fn records(bench: &Bench) -> Vec<Record> {
    bench.hand().read(|world| world.domains[ZONE].records.values().cloned().collect())
}

/// Edits one record by hand.
fn edit(bench: &Bench, name: &str, kind: &str, change: impl FnOnce(&mut Record)) {
    bench.hand().edit(|world| {
        let record = world
            .domains
            .get_mut(ZONE)
            .and_then(|zone| zone.records.values_mut().find(|r| r.name == name && r.kind == kind));
        change(record.expect("the record exists"));
    });
}

/// Adds one record by hand.
fn add(bench: &Bench, name: &str, kind: &str, data: &str, ttl: u32) {
    bench.hand().edit(|world| {
        let zone = world.domains.get_mut(ZONE).expect("the zone exists");
        let id = zone.records.keys().max().map_or(1, |id| id + 1_000_000);
        let record = Record {
            id,
            kind: kind.to_owned(),
            name: name.to_owned(),
            data: data.to_owned(),
            priority: None,
            port: None,
            ttl,
            weight: None,
            flags: None,
            tag: None,
        };
        zone.records.insert(id, record);
    });
}

fn parts(changes: &[Planned]) -> Vec<String> {
    changes.iter().map(|c| format!("{} {}", c.key.part.as_deref().unwrap_or("the zone"), c.key.verb.word())).collect()
}

#[tokio::test]
async fn a_zone_with_every_type_is_made_and_a_second_look_finds_nothing() {
    let bench = Bench::new().await;
    let paper = Paper::new("Domain", ZONE, every_type());
    let done = paper.settle(&bench).await;
    assert_eq!(done.len(), 13, "{done:?}");
    let kept = records(&bench);
    // The name servers that came with the zone are kept by number, not made again.
    assert_eq!(kept.iter().filter(|r| r.kind == "NS").count(), 3);
    assert!(kept.iter().filter(|r| r.name == "@" && r.kind != "SOA").all(|r| r.ttl == 300));
    assert_eq!(bench.hand().calls().count("POST /v2/domains"), 1);
}

#[tokio::test]
async fn drift_of_every_field_is_seen_and_put_back() {
    let (bench, paper) = made().await;
    type Edit = fn(&Bench);
    let cases: [(&str, &str, Edit); 9] = [
        ("erp AAAA update", "value", |b| edit(b, "erp", "AAAA", |r| r.data = "2001:db8::2".to_owned())),
        ("*.dev A update", "ttl", |b| edit(b, "*.dev", "A", |r| r.ttl = 1800)),
        ("@ MX update", "value", |b| edit(b, "@", "MX", |r| r.priority = Some(99))),
        ("_sip._tcp SRV update", "value", |b| edit(b, "_sip._tcp", "SRV", |r| r.weight = Some(7))),
        ("_sip._tcp SRV update", "value", |b| edit(b, "_sip._tcp", "SRV", |r| r.port = Some(5061))),
        ("@ CAA update", "value", |b| edit(b, "@", "CAA", |r| r.tag = Some("issuewild".to_owned()))),
        ("www CNAME update", "value", |b| edit(b, "www", "CNAME", |r| r.data = "elsewhere.example.net".to_owned())),
        ("erp A update", "value", |b| add(b, "erp", "A", "203.0.113.99", 300)),
        ("ipa TXT delete", "value", |b| add(b, "ipa", "TXT", "back again", 300)),
    ];
    for (change, field, by_hand) in cases {
        by_hand(&bench);
        let plan = paper.plan(&bench).await;
        assert_eq!(parts(&plan.changes), [change]);
        assert_eq!(plan.changes[0].fields.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), [field], "{change}");
        assert_eq!(plan.changes[0].risk, Risk::None);
        paper.settle(&bench).await;
    }
    bench.hand().edit(|world| world.domains.get_mut(ZONE).expect("a zone").records.retain(|_, r| r.kind != "TXT"));
    assert_eq!(parts(&paper.plan(&bench).await.changes), ["@ TXT create", "key._domainkey TXT create"]);
    paper.settle(&bench).await;
}

#[tokio::test]
async fn records_keep_their_numbers_where_their_values_change() {
    let (bench, mut paper) = made().await;
    let number = |name: &'static str| {
        move |all: Vec<Record>| all.into_iter().find(|r| r.name == name).map(|r| r.id).expect("the record exists")
    };
    let before = number("mcp")(records(&bench));
    let mut spec = every_type();
    spec["records"][6]["value"] = json!("other.example.net");
    paper.says(spec);
    assert_eq!(paper.settle(&bench).await, ["Domain/example.com#mcp CNAME update"]);
    assert_eq!(number("mcp")(records(&bench)), before);
}

#[tokio::test]
async fn what_is_not_ours_is_reported_and_stays_as_it_is() {
    let (bench, paper) = made().await;
    add(&bench, "legacy", "A", "203.0.113.77", 1800);
    add(&bench, "_acme-challenge", "TXT", "token", 60);
    let before = records(&bench);
    let plan = paper.plan(&bench).await;
    assert_eq!(plan.changes, []);
    assert_eq!(plan.findings.len(), 1);
    assert!(plan.findings[0].text.contains("1 record set of example.com is not in git: legacy A"));
    edit(&bench, "erp", "AAAA", |r| r.data = "2001:db8::2".to_owned());
    paper.settle(&bench).await;
    let others = |all: Vec<Record>| all.into_iter().filter(|r| r.kind != "AAAA").collect::<Vec<_>>();
    assert_eq!(others(records(&bench)), others(before));
}

#[tokio::test]
async fn a_set_off_the_list_goes_and_the_document_may_claim_the_whole_zone() {
    let (bench, mut paper) = made().await;
    add(&bench, "legacy", "A", "203.0.113.77", 1800);
    paper.says(json!({"defaultTtl": 300, "unlisted": "delete", "records": [
        {"name": "@", "type": "A", "value": "203.0.113.10"}, {"name": "erp", "type": "CNAME", "value": "@"}]}));
    let done = paper.settle(&bench).await;
    assert!(done.contains(&"Domain/example.com#legacy A delete".to_owned()), "{done:?}");
    let left = records(&bench)
        .into_iter()
        .map(|r| format!("{} {}", r.name, r.kind))
        .collect::<std::collections::BTreeSet<_>>();
    let expected = ["@ A", "@ NS", "@ SOA", "erp CNAME"].map(str::to_owned);
    assert_eq!(left.into_iter().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_droplets_address_reaches_its_record() {
    let bench = Bench::new().await;
    let spec = json!({"records": [{"name": "erp", "type": "A", "droplet": "erp"}]});
    let mut paper = Paper::new("Domain", ZONE, spec);
    let droplet = driftless::model::ResourceId::new("Droplet", "erp");
    let at = |address: &str| Supply::Live(BTreeMap::from([(Output::Address, address.to_owned())]));
    paper.supplies.insert(droplet.clone(), at("203.0.113.10"));
    paper.settle(&bench).await;
    paper.own(ZONE);
    paper.supplies.insert(droplet, at("203.0.113.20"));
    assert_eq!(paper.settle(&bench).await, ["Domain/example.com#erp A update"]);
    assert!(records(&bench).iter().any(|r| r.data == "203.0.113.20"));
}

#[tokio::test]
async fn a_thousand_records_cost_five_pages_and_the_list_of_zones() {
    let bench = Bench::new().await;
    // Each zone has three NS and a SOA besides.
    bench.hand().seed(Seed { zones: 2, records_per_zone: 996, ..Seed::default() });
    let paper = Paper::new("Domain", "seed-001.example", json!({"unlisted": "keep"}));
    bench.hand().forget_calls();
    let scopes = paper.look(&bench).await;
    let calls = bench.hand().calls();
    assert_eq!(calls.total, 6, "{:?}", calls.by_path);
    let listed = scopes[&Scope::of("Domain")].found.as_ref().expect("the list was read");
    assert_eq!(listed.iter().map(|live| live.provider_id.0.as_str()).collect::<Vec<_>>(), ["seed-002.example"]);
    let live = paper.find(&bench).await.expect("the zone");
    let kind = driftless::kinds::ALL.iter().find(|k| k.name() == "Domain").expect("the kind");
    assert_eq!(kind.members(&live.state), 998);
}

#[tokio::test]
async fn one_zone_that_cannot_be_read_blinds_nothing_else() {
    let (bench, paper) = made().await;
    bench.fault("GET /v2/domains 500");
    let scopes = paper.look(&bench).await;
    assert!(scopes[&Scope::of("Domain")].found.is_err());
    assert!(scopes[&Scope::within("Domain", ZONE)].found.as_ref().is_ok_and(|found| found.len() == 1));
    bench.hand().clear_faults();
    bench.fault("GET /v2/domains/*/records 500");
    let scopes = paper.look(&bench).await;
    let why = scopes[&Scope::within("Domain", ZONE)].found.as_ref().err().expect("unknown, not absent");
    assert!(why.contains("500") && why.contains("/v2/domains/example.com/records"), "{why}");
    assert!(scopes[&Scope::of("Domain")].found.is_ok());
}

#[tokio::test]
async fn a_zone_that_is_gone_is_absent_and_made_anew() {
    let (bench, paper) = made().await;
    bench.hand().edit(|world| drop(world.domains.remove(ZONE)));
    assert!(paper.find(&bench).await.is_none());
    let done = paper.settle(&bench).await;
    assert_eq!(done.first().map(String::as_str), Some("Domain/example.com create"));
}

#[tokio::test]
async fn an_interrupted_set_is_finished_without_a_second_record() {
    let bench = Bench::new().await;
    let values = ["203.0.113.1", "203.0.113.2", "203.0.113.3"];
    let mut paper = Paper::new("Domain", ZONE, json!({"records": []}));
    paper.settle(&bench).await;
    paper.own(ZONE);
    paper.says(json!({"records": [{"name": "w", "type": "A", "values": values}]}));
    bench.fault("POST /v2/domains/*/records lost-reply after=1 count=1");
    let plan = paper.plan(&bench).await;
    let fault = paper.work(&bench, &plan.changes[0]).await.err().expect("the answer was lost");
    assert!(matches!(fault, Fault::Unclear { .. }), "{fault:?}");
    assert_eq!(paper.settle(&bench).await, ["Domain/example.com#w A update"]);
    let kept: Vec<String> = records(&bench).into_iter().filter(|r| r.name == "w").map(|r| r.data).collect();
    assert_eq!(kept, values);
}

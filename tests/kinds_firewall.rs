//! Firewalls over real HTTP: what is made, what is seen, what is put back.

use std::collections::BTreeMap;

use driftless::model::{Fault, Output, ResourceId, Risk, Supply};
use driftless::sandbox::{Firewall, Seed};
use serde_json::{Value, json};

use crate::workbench::{Bench, Paper};

fn spec() -> Value {
    json!({
        "name": "production-firewall",
        "applyTo": {"droplets": ["erp"], "tags": ["Production"]},
        "inbound": [
            {"protocol": "tcp", "ports": 22, "from": ["203.0.113.7", "2001:DB8::/32"]},
            {"protocol": "tcp", "ports": "80-81", "from": ["any"]},
            {"protocol": "icmp", "from": ["any"]},
            {"protocol": "tcp", "ports": "all", "from": [{"vpc": "main"}, {"droplet": "erp"}, {"tag": "web"}]},
        ],
        "outbound": [
            {"protocol": "tcp", "ports": "all", "to": ["any"]},
            {"protocol": "udp", "ports": "1-65535", "to": ["any"]},
            {"protocol": "icmp", "to": ["any"]},
        ],
    })
}

/// A bench with two droplets, and the document with its references looked up.
async fn start(spec: Value) -> (Bench, Paper) {
    let bench = Bench::new().await;
    bench.hand().seed(Seed { droplets: 2, ..Seed::default() });
    let erp = bench.hand().read(|world| world.droplets.keys().next().copied().expect("a droplet"));
    let mut paper = Paper::new("Firewall", "production", spec);
    let one = |output, value: String| Supply::Live(BTreeMap::from([(output, value)]));
    paper.supplies.insert(ResourceId::new("Droplet", "erp"), one(Output::Id, erp.to_string()));
    paper.supplies.insert(ResourceId::new("Vpc", "main"), one(Output::Range, "10.114.0.0/16".to_owned()));
    (bench, paper)
}

async fn made() -> (Bench, Paper) {
    let (bench, mut paper) = start(spec()).await;
    assert_eq!(paper.settle(&bench).await, ["Firewall/production create"]);
    let id = bench.hand().read(|world| world.firewalls[0].id.clone());
    paper.own(&id);
    (bench, paper)
}

fn edit(bench: &Bench, change: impl FnOnce(&mut Firewall)) {
    bench.hand().edit(|world| {
        change(world.firewalls.iter_mut().find(|f| f.name.starts_with("production")).expect("it exists"))
    });
}

#[tokio::test]
async fn a_firewall_is_made_with_its_tags_and_a_second_look_finds_nothing() {
    let (bench, paper) = made().await;
    let tags = bench.hand().read(|world| world.tags.keys().cloned().collect::<Vec<_>>());
    assert!(tags.contains(&"production".to_owned()) && tags.contains(&"web".to_owned()), "{tags:?}");
    bench.hand().forget_calls();
    assert_eq!(paper.plan(&bench).await.changes, []);
    assert_eq!(bench.hand().calls().total, 1);
}

#[tokio::test]
async fn the_spelling_of_a_tag_that_exists_is_kept() {
    let (bench, paper) = start(spec()).await;
    bench.ports.digitalocean.create_tag("PRODUCTION").await.expect("a tag");
    paper.settle(&bench).await;
    assert_eq!(bench.hand().read(|world| world.firewalls[0].tags.clone()), ["PRODUCTION"]);
}

#[tokio::test]
async fn drift_of_every_field_is_seen_and_put_back() {
    let (bench, paper) = made().await;
    let other = bench.hand().read(|world| world.droplets.keys().nth(1).copied().expect("a second droplet"));
    type Edit = Box<dyn FnOnce(&mut Firewall)>;
    let cases: Vec<(&str, Edit)> = vec![
        ("name", Box::new(|f| f.name = "production-2".to_owned())),
        ("inbound", Box::new(|f| drop(f.inbound_rules.remove(0)))),
        ("inbound", Box::new(|f| f.inbound_rules[0].ports = "2222".to_owned())),
        ("inbound", Box::new(|f| f.inbound_rules[0].protocol = "udp".to_owned())),
        ("inbound", Box::new(|f| f.inbound_rules[0].sources.addresses = vec!["0.0.0.0/0".to_owned()])),
        ("inbound", Box::new(move |f| f.inbound_rules[0].sources.droplet_ids = vec![other])),
        ("outbound", Box::new(|f| f.outbound_rules.truncate(1))),
        ("applyTo.droplets", Box::new(|f| f.droplet_ids.clear())),
        ("applyTo.tags", Box::new(|f| f.tags = vec!["seed".to_owned()])),
    ];
    for (field, by_hand) in cases {
        edit(&bench, by_hand);
        // It is known by its id, whatever its name.
        let id = bench.hand().read(|world| world.firewalls[0].id.clone());
        let scopes = paper.look(&bench).await;
        let found: Vec<_> = scopes.values().flat_map(|s| s.found.as_ref().expect("it was read")).collect();
        assert_eq!(found.iter().map(|live| &live.provider_id.0).collect::<Vec<_>>(), [&id]);
        let plan = paper.compare(Some(found[0]));
        assert_eq!(plan.changes.len(), 1, "{field}");
        assert_eq!(plan.changes[0].fields.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), [field]);
        paper.work(&bench, &plan.changes[0]).await.expect("put back");
        assert_eq!(paper.plan(&bench).await.changes, [], "{field}");
    }
}

#[tokio::test]
async fn the_order_of_rules_and_of_far_ends_is_no_drift() {
    let (bench, paper) = made().await;
    edit(&bench, |f| {
        f.inbound_rules.reverse();
        f.inbound_rules.iter_mut().for_each(|rule| rule.sources.addresses.reverse());
        // One rule as two, and a host without its /32, are the same to the world.
        let split = f.outbound_rules.remove(0);
        let mut halves = [split.clone(), split];
        halves[0].destinations.addresses.truncate(1);
        halves[1].destinations.addresses.remove(0);
        f.outbound_rules.extend(halves);
        let bare = |a: &mut String| *a = a.replace("7/32", "7");
        f.inbound_rules.iter_mut().flat_map(|rule| &mut rule.sources.addresses).for_each(bare);
    });
    assert_eq!(paper.plan(&bench).await.changes, []);
}

#[tokio::test]
async fn an_edit_replaces_the_whole_and_names_what_opens() {
    let (bench, mut paper) = made().await;
    let mut wider = spec();
    wider["inbound"][0]["from"] = json!(["any"]);
    wider["applyTo"] = json!({"tags": ["production"]});
    paper.says(wider);
    let plan = paper.plan(&bench).await;
    let why = "opens tcp 22 to the world; Droplet/erp is no longer protected by production-firewall";
    let droplet = bench.hand().read(|world| world.droplets.keys().next().copied().expect("a droplet"));
    let named = why.replace("Droplet/erp", &format!("droplet {droplet}"));
    assert!(
        matches!(&plan.changes[0].risk, Risk::Exposes(text) if *text == why || *text == named),
        "{:?}",
        plan.changes[0].risk
    );
    paper.settle(&bench).await;
}

#[tokio::test]
async fn a_name_that_somebody_else_took_is_refused_and_not_overwritten() {
    let (bench, paper) = start(spec()).await;
    let plan = paper.plan(&bench).await;
    let other =
        Paper::new("Firewall", "production-firewall", json!({"inbound": [{"protocol": "icmp", "from": ["any"]}]}));
    other.settle(&bench).await;
    let fault = paper.work(&bench, &plan.changes[0]).await.err().expect("the name is taken");
    assert!(matches!(&fault, Fault::Permanent { what, .. } if what.contains("409")), "{fault:?}");
    assert_eq!(other.plan(&bench).await.changes, []);
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_found_again() {
    let (bench, paper) = start(spec()).await;
    bench.fault("POST /v2/firewalls lost-reply count=1");
    let plan = paper.plan(&bench).await;
    let fault = paper.work(&bench, &plan.changes[0]).await.err().expect("the answer was lost");
    assert!(matches!(fault, Fault::Unclear { .. }), "{fault:?}");
    assert_eq!(paper.plan(&bench).await.changes, []);
    // Sent again, it is taken for what it is.
    let done = paper.work(&bench, &plan.changes[0]).await.expect("the same firewall");
    let id = bench.hand().read(|world| world.firewalls[0].id.clone());
    assert_eq!(done.provider_id.map(|p| p.0), Some(id));
    assert_eq!(bench.hand().read(|world| world.firewalls.len()), 1);
}

#[tokio::test]
async fn an_owned_firewall_that_a_list_lacks_is_asked_for() {
    let (bench, paper) = made().await;
    bench.hand().forget_calls();
    bench.hand().edit(|world| world.firewalls.clear());
    assert!(paper.find(&bench).await.is_none());
    assert_eq!(bench.hand().calls().total, 2);
}

#[tokio::test]
async fn a_document_that_goes_lets_go_or_deletes_as_its_policy_says() {
    let (bench, mut paper) = made().await;
    let keep = paper.plan_removal(&bench).await;
    assert_eq!(keep.changes[0].key.to_string(), "Firewall/production release");
    paper.work(&bench, &keep.changes[0]).await.expect("let go");
    assert!(paper.find(&bench).await.is_some());
    if let Some(owned) = &mut paper.owned {
        owned.policy.on_remove = driftless::model::OnRemove::Destroy;
    }
    let delete = paper.plan_removal(&bench).await;
    assert!(matches!(delete.changes[0].risk, Risk::Unprotects(_)));
    paper.work(&bench, &delete.changes[0]).await.expect("deleted");
    assert!(paper.find(&bench).await.is_none());
}

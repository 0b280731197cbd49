//! Mistakes of the controller that random schedules found, each as a small story of its own.

use crate::house::{ENFORCE, House};
use driftless::model::Attempt;
use driftless::ports::clock::Clock;

const DROPLET: &str = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: erp}\nspec: {region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64}\n";
const ZONE: &str =
    "apiVersion: driftless/v1\nkind: Domain\nmetadata: {name: example.com}\nspec: {defaultTtl: 300, records: []}\n";

async fn house(files: &[(&str, &str)]) -> House {
    let clock = Clock::at("2026-03-01T12:00:00Z".parse().expect("a time"));
    let house =
        House::at(&[&[("settings.yaml", ENFORCE)], files].concat(), crate::house::sandbox_settings(), clock).await;
    // The simulator keeps what was only while some fault may ask for it.
    house.fault("GET /v2/nothing stale=1s");
    house
}

/// Seed 409: nothing looked at a kind any more once its last document had gone, and the create of unknown fate with it.
#[tokio::test]
async fn what_a_lost_create_made_is_told_when_its_document_was_the_last_of_its_kind() {
    let house = house(&[("erp.yaml", DROPLET)]).await;
    house.fault("POST /v2/droplets lost-reply count=1");
    house.cycle().await;
    house.push(&[("erp.yaml", None)]).await;
    house.pass(120);
    let plan = house.cycle().await.after.clone().expect("a plan");
    let told = plan.findings.iter().find(|f| f.rule == "made-and-unwanted").expect("the droplet costs money");
    assert!(told.text.contains("erp"), "{told:?}");
}

#[tokio::test]
async fn the_intent_of_a_zone_that_was_not_made_is_settled_when_its_document_has_gone() {
    let house = house(&[("zone.yaml", ZONE)]).await;
    house.fault("POST /v2/domains 500 count=1");
    house.cycle().await;
    assert_eq!(house.controller.keeper.memory().intents.len(), 1);
    house.push(&[("zone.yaml", None)]).await;
    house.pass(120);
    house.cycle().await;
    assert!(house.controller.keeper.memory().intents.is_empty(), "{:?}", house.controller.keeper.memory().intents);
}

fn records(value: &str) -> String {
    let record = format!("records: [{{name: www, type: A, value: {value}}}]");
    ZONE.replace("records: []", &record)
}

/// What stands in the zone besides the records that come with it.
fn hosts(house: &House) -> Vec<String> {
    house.hand().read(|w| {
        let all = w.domains.values().flat_map(|zone| zone.records.values());
        all.filter(|record| record.kind == "A").map(|record| record.data.clone()).collect()
    })
}

/// Seeds 59 and 83: what a list did not show yet was made a second time, though its create had been answered.
#[tokio::test]
async fn a_record_that_a_list_does_not_show_yet_is_made_once() {
    let house = house(&[("zone.yaml", ZONE)]).await;
    house.cycle().await;
    house.pass(120);
    house.push(&[("zone.yaml", Some(&records("203.0.113.7")))]).await;
    house.cycle().await;
    house.fault("GET /v2/domains/*/records stale=40s");
    for _ in 0..3 {
        house.pass(10);
        house.cycle().await;
        assert_eq!(hosts(&house), ["203.0.113.7"]);
    }
    house.hand().clear_faults();
    house.pass(60);
    let snapshot = house.cycle().await;
    assert!(snapshot.after.as_ref().is_some_and(|plan| plan.is_empty()));
    assert!(house.controller.keeper.memory().intents.is_empty(), "it was seen, and a minute has passed");
}

#[tokio::test]
async fn a_record_whose_create_was_on_its_way_when_the_controller_died_is_made_once() {
    let house = house(&[("zone.yaml", ZONE)]).await;
    house.cycle().await;
    house.pass(120);
    house.push(&[("zone.yaml", Some(&records("203.0.113.7")))]).await;
    let fault = house.hand().inject("POST /v2/domains/*/records mute count=1".parse().expect("a fault"));
    let hand = house.hand();
    tokio::select! {
        () = hand.hit(fault) => {}
        _ = house.cycle() => panic!("it was answered"),
    }
    // It may have been sent long after it was written down, and shortly before the end.
    house.pass(300);
    let house = house.restart().await;
    house.fault("GET /v2/domains/*/records stale=310s");
    house.cycle().await;
    assert_eq!(hosts(&house), ["203.0.113.7"]);
    house.hand().clear_faults();
    house.cycle().await;
    assert_eq!(hosts(&house), ["203.0.113.7"]);
}

#[tokio::test]
async fn a_record_that_one_list_has_shown_and_the_next_lacks_is_not_made_again_for_a_minute() {
    let house = house(&[("zone.yaml", ZONE)]).await;
    house.cycle().await;
    house.pass(120);
    house.push(&[("zone.yaml", Some(&records("203.0.113.7")))]).await;
    house.cycle().await;
    house.pass(5);
    house.cycle().await;
    let fault = house.hand().inject("GET /v2/domains/*/records stale=40s".parse().expect("a fault"));
    house.cycle().await;
    assert_eq!(hosts(&house), ["203.0.113.7"]);
    // A new wish need not wait.
    house.hand().lift(fault);
    house.push(&[("zone.yaml", Some(&records("203.0.113.8")))]).await;
    house.cycle().await;
    assert_eq!(hosts(&house), ["203.0.113.8"]);
}

/// Seed 1384: the document named the droplet anew, so that the same record seemed to be another wish.
#[tokio::test]
async fn a_record_whose_document_came_to_say_the_same_in_other_words_is_not_made_again_for_a_minute() {
    let zone =
        |droplet: &str| ZONE.replace("records: []", &format!("records: [{{name: www, type: A, droplet: {droplet}}}]"));
    let house = house(&[("erp.yaml", DROPLET), ("zone.yaml", ZONE)]).await;
    house.cycle().await;
    house.pass(120);
    house.push(&[("zone.yaml", Some(&zone("erp")))]).await;
    house.cycle().await;
    house.pass(5);
    house.cycle().await;
    house.fault("GET /v2/domains/*/records stale=40s");
    let renamed = DROPLET.replace("name: erp", "name: shop, formerly: [erp]").replace("spec: {", "spec: {name: erp, ");
    house.push(&[("erp.yaml", Some(&renamed)), ("zone.yaml", Some(&zone("shop")))]).await;
    house.cycle().await;
    assert_eq!(hosts(&house).len(), 1, "{:?}", hosts(&house));
}

/// Seed 4957: an approved adoption that waited for a droplet was done, and told as held.
#[tokio::test]
async fn what_was_approved_is_told_as_going_on_once_its_placeholders_are_filled() {
    let firewall = "apiVersion: driftless/v1\nkind: Firewall\nmetadata: {name: web}\nspec:\n  applyTo: {droplets: [erp]}\n  \
                    inbound: [{protocol: tcp, ports: 443, from: [any]}]\n  outbound: [{protocol: tcp, ports: all, to: [any]}]\n";
    let house = house(&[("note.txt", "")]).await;
    let body = serde_json::json!({
        "name": "web", "outbound_rules": [],
        "inbound_rules": [{"protocol": "tcp", "ports": "443", "sources": {"addresses": ["203.0.113.0/24"]}}]
    });
    let url = format!("{}/v2/firewalls", house.running.url());
    let made = reqwest::Client::new().post(url).bearer_auth("sandbox").json(&body).send().await.expect("an answer");
    assert!(made.status().is_success(), "{made:?}");
    house.push(&[("erp.yaml", Some(DROPLET)), ("web.yaml", Some(firewall))]).await;
    house.fault("POST /v2/droplets 500 count=1");
    house.cycle().await;
    assert_eq!(house.approve_all().await, 1);
    house.pass(3600);
    let snapshot = house.cycle().await;
    let told: Vec<(String, bool)> =
        snapshot.outcomes.iter().map(|o| (o.key.to_string(), o.change.goes() && o.attempt == Attempt::Done)).collect();
    assert!(told.contains(&("Firewall/web update".to_owned(), true)), "{told:?} {:?}", snapshot.outcomes);
}

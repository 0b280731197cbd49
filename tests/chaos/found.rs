//! Mistakes of the controller that random schedules found, each as a small story of its own.

use crate::house::{ENFORCE, House};
use driftless::ports::clock::Clock;

const DROPLET: &str = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: erp}\nspec: {region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64}\n";
const ZONE: &str =
    "apiVersion: driftless/v1\nkind: Domain\nmetadata: {name: example.com}\nspec: {defaultTtl: 300, records: []}\n";

async fn house(files: &[(&str, &str)]) -> House {
    let clock = Clock::at("2026-03-01T12:00:00Z".parse().expect("a time"));
    House::at(&[&[("settings.yaml", ENFORCE)], files].concat(), crate::house::sandbox_settings(), clock).await
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

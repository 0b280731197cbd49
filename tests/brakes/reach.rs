//! After a firewall's change its hosts are reached anew; on loss the former rules return. Hosts are real sockets here.

use crate::house::{ENFORCE, House, Setup};
use driftless::model::{Attempt, Outcome, Standing};
use driftless::ports::reach::{Reach, Tcp};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

const ERP: &str = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: erp}\nspec: {region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64, tags: [web]}\n";

/// A firewall that covers the droplet by its tag and lets `ssh` in.
fn firewall(ssh: &str) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: Firewall\nmetadata: {{name: production}}\nspec:\n  name: production-firewall\n  applyTo: {{tags: [web]}}\n  inbound:\n    - {{protocol: tcp, ports: 22, from: [{ssh}]}}\n    - {{protocol: tcp, ports: 443, from: [any]}}\n  outbound:\n    - {{protocol: tcp, ports: all, to: [any]}}\n"
    )
}

fn quick(map: BTreeMap<String, std::net::SocketAddr>) -> Reach {
    let each = Duration::from_millis(200);
    Reach::Tcp(Tcp { each, patience: Duration::from_millis(400), map, ..Tcp::default() })
}

/// A house with a droplet behind a firewall, whose port 22 is a socket on loopback.
async fn house() -> (House, TcpListener) {
    let host = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut house = House::set_up(
        &[("settings.yaml", ENFORCE), ("erp.yaml", ERP), ("fw.yaml", &firewall("203.0.113.0/24"))],
        Setup::default(),
    )
    .await;
    house.settles().await;
    let address = house.hand().read(|w| w.droplets.values().find_map(|d| d.public_v4)).expect("an address");
    let to = host.local_addr().expect("an address");
    house.controller.ports.reach = quick(BTreeMap::from([(address.to_string(), to)]));
    (house, host)
}

fn rules(house: &House) -> Vec<String> {
    house.hand().read(|w| w.firewalls[0].inbound_rules.iter().flat_map(|r| r.sources.addresses.clone()).collect())
}

fn of<'a>(outcomes: &'a [Outcome], verb: &str) -> &'a Outcome {
    outcomes.iter().find(|o| o.key.to_string().ends_with(verb)).unwrap_or_else(|| panic!("no {verb} in {outcomes:#?}"))
}

/// Shuts the socket as soon as the new rules are in force, and opens it again once the former ones are.
async fn cycle_with_rules_that_work(
    house: &House,
    host: TcpListener,
    allowed: &'static str,
) -> Arc<driftless::engine::snapshot::Snapshot> {
    let at = host.local_addr().expect("an address");
    let mut host = Some(host);
    let mut tick = tokio::time::interval(Duration::from_millis(2));
    let cycle = house.cycle();
    tokio::pin!(cycle);
    loop {
        tokio::select! {
            snapshot = &mut cycle => return snapshot,
            _ = tick.tick() => match rules(house).iter().any(|net| net == allowed) {
                true if host.is_none() => host = TcpListener::bind(at).ok(),
                true => {}
                false => drop(host.take()),
            },
        }
    }
}

#[tokio::test]
async fn rules_that_lose_a_host_are_put_back_and_the_loss_is_told() {
    let (house, host) = house().await;
    house.push(&[("fw.yaml", Some(&firewall("198.51.100.7")))]).await;
    let snapshot = cycle_with_rules_that_work(&house, host, "203.0.113.0/24").await;
    let failed = of(&snapshot.outcomes, "Firewall/production update");
    let Attempt::Failed { fault, next, .. } = &failed.attempt else { panic!("{failed:#?}") };
    let said = fault.to_string();
    assert!(said.contains("hosts that answered before do not any more") && said.contains("port 22"), "{said}");
    assert!(said.contains("put back, and they answer again"), "{said}");
    assert_eq!(*next, None, "what cut off a host is not tried again by itself");
    assert_eq!(of(&snapshot.outcomes, "#as it was before update").attempt, Attempt::Done, "it is recorded as a change");
    assert!(rules(&house).contains(&"203.0.113.0/24".to_owned()), "{:?}", rules(&house));
    // The next looks leave it alone, and the report says why.
    house.hand().forget_calls();
    let again = house.cycle().await;
    let plan = again.plan.clone().expect("a plan");
    assert!(
        matches!(&plan.changes[0].standing, Standing::Blocked(why) if why.contains("driftless retry")),
        "{plan:#?}"
    );
    assert_eq!(house.hand().calls().mutations.len(), 0);
    let status = house.reported("STATUS.md");
    assert!(status.contains("hosts that answered before do not any more"), "{status}");
    // Other rules are another change.
    house.push(&[("fw.yaml", Some(&firewall("203.0.113.0/25")))]).await;
    house.settles().await;
}

#[tokio::test]
async fn a_new_firewall_that_loses_a_host_is_taken_away_again() {
    let host = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut house = House::new(&[("settings.yaml", ENFORCE), ("erp.yaml", ERP)]).await;
    house.settles().await;
    let address = house.hand().read(|w| w.droplets.values().find_map(|d| d.public_v4)).expect("an address");
    let at = host.local_addr().expect("an address");
    house.controller.ports.reach = quick(BTreeMap::from([(address.to_string(), at)]));
    house.push(&[("fw.yaml", Some(&firewall("198.51.100.7")))]).await;
    let mut host = Some(host);
    let mut tick = tokio::time::interval(Duration::from_millis(2));
    let cycle = house.cycle();
    tokio::pin!(cycle);
    let snapshot = loop {
        tokio::select! {
            snapshot = &mut cycle => break snapshot,
            _ = tick.tick() => match house.hand().read(|w| w.firewalls.is_empty()) {
                true if host.is_none() => host = TcpListener::bind(at).ok(),
                true => {}
                false => drop(host.take()),
            },
        }
    };
    assert!(matches!(of(&snapshot.outcomes, "Firewall/production create").attempt, Attempt::Failed { next: None, .. }));
    assert_eq!(of(&snapshot.outcomes, "#as it was before delete").attempt, Attempt::Done);
    assert!(house.hand().read(|w| w.firewalls.is_empty()));
}

/// Ends a cycle on the spot, as a power cut does, once the new rules are in force.
async fn cut_off_after_the_update(house: &House, allowed: &'static str) {
    let mut tick = tokio::time::interval(Duration::from_millis(2));
    let cycle = house.cycle();
    tokio::pin!(cycle);
    loop {
        tokio::select! {
            snapshot = &mut cycle => panic!("it was not interrupted: {:#?}", snapshot.outcomes),
            _ = tick.tick() => if rules(house).iter().any(|net| net == allowed) { return },
        }
    }
}

/// Opens a socket that was shut, once these rules are in force.
async fn cycle_that_opens_again(
    house: &House,
    at: std::net::SocketAddr,
    allowed: &'static str,
) -> Arc<driftless::engine::snapshot::Snapshot> {
    let mut host = None;
    let mut tick = tokio::time::interval(Duration::from_millis(2));
    let cycle = house.cycle();
    tokio::pin!(cycle);
    loop {
        tokio::select! {
            snapshot = &mut cycle => return snapshot,
            _ = tick.tick() => if host.is_none() && rules(house).iter().any(|net| net == allowed) {
                host = TcpListener::bind(at).ok();
            },
        }
    }
}

#[tokio::test]
async fn a_crash_before_hosts_were_reached_anew_is_made_good_by_the_next_start() {
    let (house, host) = house().await;
    let reach = house.controller.ports.reach.clone();
    house.push(&[("fw.yaml", Some(&firewall("198.51.100.7")))]).await;
    let answer = house.hand().inject("PUT /v2/firewalls/* mute".parse().expect("a fault"));
    cut_off_after_the_update(&house, "198.51.100.7/32").await;
    house.hand().lift(answer);
    let at = host.local_addr().expect("an address");
    drop(host);

    let mut house = house.restart().await;
    house.controller.ports.reach = reach.clone();
    let snapshot = cycle_that_opens_again(&house, at, "203.0.113.0/24").await;
    assert_eq!(of(&snapshot.outcomes, "#as it was before update").attempt, Attempt::Done);
    assert!(rules(&house).contains(&"203.0.113.0/24".to_owned()), "{:?}", rules(&house));
    let memory = house.controller.keeper.memory();
    assert!(memory.intents.is_empty(), "{:#?}", memory.intents);
    // It is not tried again by itself, after another start neither.
    house.hand().forget_calls();
    let house = house.restart().await;
    let plan = house.cycle().await.plan.clone().expect("a plan");
    assert!(matches!(&plan.changes[0].standing, Standing::Blocked(_)), "{plan:#?}");
    assert_eq!(house.hand().calls().mutations.len(), 0);
}

#[tokio::test]
async fn a_crash_before_hosts_were_reached_anew_that_lost_nobody_leaves_the_new_rules() {
    let (house, _host) = house().await;
    let reach = house.controller.ports.reach.clone();
    house.push(&[("fw.yaml", Some(&firewall("198.51.100.7")))]).await;
    let answer = house.hand().inject("PUT /v2/firewalls/* mute".parse().expect("a fault"));
    cut_off_after_the_update(&house, "198.51.100.7/32").await;
    house.hand().lift(answer);
    let mut house = house.restart().await;
    house.controller.ports.reach = reach;
    house.settles().await;
    assert!(rules(&house).contains(&"198.51.100.7/32".to_owned()), "{:?}", rules(&house));
    assert!(house.controller.keeper.memory().intents.is_empty());
}

#[tokio::test]
async fn hosts_that_go_on_answering_or_never_did_lose_nothing() {
    let (mut house, host) = house().await;
    house.push(&[("fw.yaml", Some(&firewall("198.51.100.7")))]).await;
    house.settles().await;
    assert!(rules(&house).contains(&"198.51.100.7/32".to_owned()));
    // A host that did not answer before is no loss, and where hosts are not reached at all nothing is.
    drop(host);
    house.push(&[("fw.yaml", Some(&firewall("198.51.100.8")))]).await;
    house.settles().await;
    house.controller.ports.reach = Reach::Off;
    house.push(&[("fw.yaml", Some(&firewall("198.51.100.9")))]).await;
    house.settles().await;
    assert!(rules(&house).contains(&"198.51.100.9/32".to_owned()));
}

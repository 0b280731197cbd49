//! A host whose document goes while something is still on it: nothing is forgotten without somebody's word.

use super::{SITE, TTL, at_home, cycle, done, droplets, push, say, service, until_done, waiting};
use crate::house::House;
use driftless::engine::snapshot::Snapshot;
use driftless::model::ResourceId;

fn without_ocr() -> String {
    droplets().split("---\n").take(2).collect::<Vec<_>>().join("---\n")
}

fn line(snapshot: &Snapshot, begins: &str) -> String {
    let all = waiting(snapshot);
    all.iter().find(|line| line.starts_with(begins)).unwrap_or_else(|| panic!("no {begins} in {all:#?}")).clone()
}

fn told(snapshot: &Snapshot, rule: &str) -> String {
    let plan = snapshot.after.clone().expect("a plan");
    let found = plan.findings.iter().find(|finding| finding.rule == rule);
    let found = found.unwrap_or_else(|| panic!("no {rule} in {:#?}", plan.findings));
    format!("{}. {}", found.text, found.hint)
}

/// Nobody reaches the former host any more.
async fn away(house: House) -> House {
    house.hand().inject_host("host ocr connect closed".parse().expect("a fault"));
    // Its connections end with the controller.
    house.restart().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_whose_document_goes_with_the_move_is_kept_until_its_things_have_moved() {
    let house = at_home().await;
    let mut files = service("erp", "erp", TTL).to_vec();
    files.push(("droplets.yaml", without_ocr()));
    push(&house, &files).await;
    let early = cycle(&house).await;
    assert!(early.outcomes.is_empty(), "{:#?}", early.outcomes);
    let held = line(&early, "Host/ocr release: Held");
    for part in ["ComposeStack/ocr (ocr) and NginxSite/ocr (ocr.example.com.conf) are still on it", "Put that back"] {
        assert!(held.contains(part), "{held}");
    }
    let why = told(&early, "not-seen");
    assert!(why.contains("Host/ocr has no document any more"), "{why}");
    line(&early, "Droplet/ocr ");
    assert_eq!(say(&house, "ocr", SITE).await, "1\n");

    // With the document back the move comes to its end, and then the document goes with nothing said.
    push(&house, &[("droplets.yaml", droplets())]).await;
    assert_eq!(done(cycle(&house).await.as_ref()).len(), 4);
    house.pass(TTL + 60);
    until_done(&house, 4).await;
    assert_eq!(say(&house, "ocr", SITE).await, "0\n");
    push(&house, &[("droplets.yaml", without_ocr())]).await;
    let gone = cycle(&house).await;
    assert!(done(&gone).contains(&"Host/ocr release".to_owned()), "{:#?}", waiting(&gone));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_move_left_on_a_host_that_is_gone_for_good_is_forgotten_once_somebody_says_so() {
    let house = at_home().await;
    push(&house, &service("erp", "erp", TTL)).await;
    assert_eq!(done(cycle(&house).await.as_ref()).len(), 4);
    let house = away(house).await;
    house.pass(TTL + 60);
    let unseen = cycle(&house).await;
    let way_out = told(&unseen, "former-unseen");
    assert!(way_out.contains("remove the document of Host/ocr"), "{way_out}");

    push(&house, &[("droplets.yaml", without_ocr())]).await;
    let held = line(cycle(&house).await.as_ref(), "Host/ocr release: Held");
    assert!(held.contains("ComposeStack/ocr (ocr) and NginxSite/ocr (ocr.example.com.conf) are still on it"), "{held}");
    house.approve_all().await;
    let let_go = cycle(&house).await;
    assert!(done(&let_go).contains(&"Host/ocr release".to_owned()), "{:#?}", waiting(&let_go));
    let memory = house.controller.keeper.memory();
    let left: Vec<_> = memory.owned.values().flat_map(|owned| &owned.retiring).collect();
    assert!(left.is_empty() && !memory.owned.contains_key(&ResourceId::new("Host", "ocr")), "{left:#?}");
    let after = cycle(&house).await.after.clone().expect("a plan");
    assert!(!after.findings.iter().any(|finding| finding.rule == "former-unseen"), "{:#?}", after.findings);
    assert!(memory.owned.contains_key(&ResourceId::new("NginxSite", "ocr")), "the new ones are ours as before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_on_a_host_that_is_lost_is_made_anew_elsewhere_once_somebody_says_so() {
    let house = away(at_home().await).await;
    let mut files = service("erp", "erp", TTL).to_vec();
    files.push(("droplets.yaml", without_ocr()));
    push(&house, &files).await;
    let held = cycle(&house).await;
    assert!(held.outcomes.is_empty(), "{:#?}", held.outcomes);
    line(&held, "Host/ocr release: Held");
    house.approve_all().await;
    for _ in 0..6 {
        house.cycle().await;
        house.approve_all().await;
    }
    assert_eq!(say(&house, "erp", SITE).await, "1\n", "{:#?}", waiting(&house.controller.snapshot.borrow()));
    assert_eq!(say(&house, "erp", "docker ps -q | wc -l").await.trim(), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_goes_with_what_is_only_to_be_let_go_of_and_is_held_for_what_is_to_be_destroyed() {
    let house = at_home().await;
    // Stacks are kept by default, and sites go.
    let [_, (path, domain)] = service("erp", "erp", TTL);
    house.push(&[("ocr.yaml", None), (path, Some(&domain)), ("droplets.yaml", Some(&without_ocr()))]).await;
    let held = line(cycle(&house).await.as_ref(), "Host/ocr release: Held");
    assert!(held.contains("NginxSite/ocr (ocr.example.com.conf) is still on it"), "{held}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_would_be_another_machine_waits_while_something_is_on_the_former_one() {
    let house = at_home().await;
    let second = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: ocr2}\nspec: {region: sgp1, size: s-2vcpu-4gb, image: ubuntu-22-04-x64, sshKeys: [ops]}\n";
    let other = droplets().replace("droplet: ocr\n", "droplet: ocr2\n") + second;
    push(&house, &[("droplets.yaml", other.clone())]).await;
    cycle(&house).await;
    for _ in 0..3 {
        let early = cycle(&house).await;
        let held = line(&early, "Host/ocr create: Held");
        for part in [
            "ComposeStack/ocr (ocr) and NginxSite/ocr (ocr.example.com.conf) are on Droplet/ocr, with the data there",
            "document of its own",
        ] {
            assert!(held.contains(part), "{held}");
        }
        assert_eq!(
            (say(&house, "ocr", SITE).await.as_str(), say(&house, "ocr2", "ls /opt").await.as_str()),
            ("1\n", "")
        );
    }

    // Taken back, nothing has happened; approved, all of it is made anew on the other machine.
    push(&house, &[("droplets.yaml", droplets() + second)]).await;
    let back = cycle(&house).await;
    assert!(back.after.as_ref().is_some_and(|plan| plan.is_empty()), "{:#?}", waiting(&back));
    push(&house, &[("droplets.yaml", other)]).await;
    cycle(&house).await;
    house.approve_all().await;
    house.settles().await;
    assert_eq!((say(&house, "ocr2", SITE).await.as_str(), say(&house, "ocr", SITE).await.as_str()), ("1\n", "1\n"));
}

//! What moves from host to host: the seed's consolidation (its section P2-1) as one commit, and what goes wrong with it.
//! Somebody asks for the site ten times a second all along, with every address that a resolver may still hold.

pub mod asker;
mod foreseen;
mod gone;
mod renamed;

use crate::house::{House, failed};
use crate::simulated::house_at;
use asker::Asker;
use driftless::engine::snapshot::Snapshot;
use driftless::model::Standing;
use driftless::ports::clock::Clock;
use std::sync::Arc;

/// Seconds that others may keep the record.
const TTL: u64 = 300;

fn droplets() -> String {
    let one = |name: &str| {
        format!(
            "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {{name: {name}}}\nspec: {{region: sgp1, size: s-2vcpu-4gb, image: ubuntu-22-04-x64, sshKeys: [ops]}}\n---\napiVersion: driftless/v1\nkind: Host\nmetadata: {{name: {name}}}\nspec:\n  droplet: {name}\n  identity: {{secret: ssh.ops}}\n  install: [docker, compose, nginx, certbot]\n---\n"
        )
    };
    ["erp", "ocr"].map(one).concat()
}

/// The OCR service, its site and its record, on one host.
fn service(host: &str, lead: &str, ttl: u64) -> [(&'static str, String); 2] {
    let on_host = format!(
        "apiVersion: driftless/v1\nkind: ComposeStack\nmetadata: {{name: ocr}}\nspec:\n  host: {host}\n  path: stacks/ocr\n  ready: {{within: 5s}}\n---\napiVersion: driftless/v1\nkind: NginxSite\nmetadata: {{name: ocr}}\nspec:\n  host: {host}\n  serverNames: [ocr.example.com]\n  tls: {{issuer: letsencrypt, email: ops@example.com}}\n  locations:\n    - {{path: /, to: {{stack: ocr, service: adapter, port: 8100}}}}\n"
    );
    let domain = format!(
        "apiVersion: driftless/v1\nkind: Domain\nmetadata: {{name: example.com}}\nspec:\n  defaultTtl: {ttl}\n  records:\n    - {{name: erp, type: A, droplet: erp}}\n    - {{name: ocr, type: A, droplet: {lead}}}\n"
    );
    [("ocr.yaml", on_host), ("domain.yaml", domain)]
}

const COMPOSE: &str = "services:\n  adapter:\n    image: ocr-adapter:${TAG:-1}\n    ports: ['127.0.0.1:8100:8100']\n";

/// Everything on the old host, and at rest.
async fn at_home() -> House {
    let (droplets, service) = (droplets(), service("ocr", "ocr", TTL));
    let files = [("droplets.yaml", droplets.as_str()), ("stacks/ocr/compose.yaml", COMPOSE)];
    let service = service.iter().map(|(path, text)| (*path, text.as_str()));
    let files: Vec<_> = files.into_iter().chain(service).collect();
    let house = house_at(&files, Clock::at(Clock::System.now())).await;
    house.settles().await;
    house
}

async fn push(house: &House, files: &[(&str, String)]) {
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, Some(text.as_str()))).collect();
    house.push(&files).await;
}

async fn say(house: &House, host: &str, script: &str) -> String {
    let said = house.hand().on_host(host, script).await.expect("there is such a host");
    format!("{}{}", said.text(), said.errors())
}

fn done(snapshot: &Snapshot) -> Vec<String> {
    assert!(failed(&snapshot.outcomes).is_empty(), "{:#?}", failed(&snapshot.outcomes));
    snapshot.outcomes.iter().map(|outcome| outcome.key.to_string()).collect()
}

/// What waits in the last plan, with the reason.
fn waiting(snapshot: &Snapshot) -> Vec<String> {
    let plan = snapshot.after.clone().expect("a plan");
    let one = |c: &driftless::model::Planned| match &c.standing {
        Standing::Blocked(why) => format!("{}: {why}", c.key),
        other => format!("{}: {other:?}", c.key),
    };
    plan.changes.iter().map(one).collect()
}

async fn cycle(house: &House) -> Arc<Snapshot> {
    let snapshot = house.cycle().await;
    assert!(snapshot.troubles.is_empty(), "{:?}", snapshot.troubles);
    snapshot
}

const SITE: &str = "cat /etc/nginx/sites-enabled/ocr.example.com.conf 2>/dev/null | grep -c ssl_certificate_key";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_moves_to_another_host_by_one_commit_and_nobody_who_asks_is_left_without_an_answer() {
    let house = at_home().await;
    let asker = Asker::start(&house, "ocr.example.com", TTL);
    let chain = "sha256sum </etc/letsencrypt/live/ocr.example.com/fullchain.pem";
    let certificate = say(&house, "ocr", chain).await;

    push(&house, &service("erp", "erp", TTL)).await;
    let moved = cycle(&house).await;
    assert_eq!(
        done(&moved),
        [
            "ComposeStack/ocr replace",
            "NginxSite/ocr#certificate update",
            "NginxSite/ocr replace",
            "Domain/example.com#ocr A update"
        ]
    );
    assert_eq!(say(&house, "erp", chain).await, certificate, "the certificate came along");
    let key = "stat -L -c %a /etc/letsencrypt/live/ocr.example.com/privkey.pem; grep -c 'authenticator = webroot' /etc/letsencrypt/renewal/ocr.example.com.conf";
    assert_eq!(say(&house, "erp", key).await, "600\n1\n");
    let left = waiting(&moved);
    assert!(left[0].starts_with("NginxSite/ocr#ocr:ocr.example.com.conf retire: it serves on until "), "{left:#?}");
    assert!(left[1].starts_with("ComposeStack/ocr#ocr:ocr retire: it comes after NginxSite/ocr"), "{left:#?}");
    asker.goes_on(5).await;

    // As long as others may keep the former record, the former site and what is behind it serve.
    house.pass(TTL + 59);
    let before = cycle(&house).await;
    assert_eq!((done(&before).len(), waiting(&before).len()), (0, 2), "{:#?}", waiting(&before));
    asker.goes_on(5).await;
    house.pass(1);
    let after = cycle(&house).await;
    assert_eq!(done(&after), ["NginxSite/ocr#ocr:ocr.example.com.conf retire", "ComposeStack/ocr#ocr:ocr retire"]);
    assert!(after.after.as_ref().is_some_and(|plan| plan.is_empty()), "{:#?}", waiting(&after));
    assert_eq!(say(&house, "ocr", SITE).await, "0\n");
    assert_eq!(say(&house, "ocr", "docker ps -q | wc -l").await.trim(), "0");
    let renewed = "ls /etc/letsencrypt/renewal; ls /etc/letsencrypt/live";
    let (old, new) = (say(&house, "ocr", renewed).await, say(&house, "erp", renewed).await);
    assert_eq!(old, "ocr.example.com.conf.ended\nocr.example.com\n", "it stays there, and nobody renews it");
    assert_eq!(new, "ocr.example.com.conf\nocr.example.com\n");
    asker.goes_on(5).await;
    house.settles().await;
    assert!(house.controller.keeper.memory().led.is_empty(), "nothing is remembered of a move that is over");

    // The old droplet goes by a second commit, and only with somebody's word.
    let gone = droplets().split("---\n").take(2).collect::<Vec<_>>().join("---\n");
    push(&house, &[("droplets.yaml", gone)]).await;
    cycle(&house).await;
    asker.goes_on(5).await;
    let (asked, wrong) = asker.stop().await;
    assert!(asked > 20 && wrong.is_empty(), "of {asked} questions, these had no answer: {wrong:#?}");
}

/// Somebody hurries: failures are tried again.
async fn until_done(house: &House, most: usize) -> Arc<Snapshot> {
    for _ in 0..most {
        let snapshot = house.cycle().await;
        if snapshot.after.as_ref().is_some_and(|plan| plan.is_empty()) {
            return snapshot;
        }
        house.pass(120);
    }
    panic!("it does not come to its end: {:#?}", waiting(&house.controller.snapshot.borrow()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_on_the_way_the_former_site_serves_and_the_move_comes_to_its_end() {
    let house = at_home().await;
    let asker = Asker::start(&house, "ocr.example.com", TTL);
    push(&house, &service("erp", "erp", TTL)).await;
    let hand = house.hand();
    for (line, fails) in [
        ("host erp pull * fails says='toomanyrequests'", "ComposeStack/ocr replace"),
        ("host erp run 'flock -w 200*' fails", "NginxSite/ocr#certificate update"),
        ("host erp run 'nginx -t*' fails=1 says='no space'", "NginxSite/ocr replace"),
        ("host erp run 'nginx -s reload*' fails=1 says='no room'", "NginxSite/ocr replace"),
        ("host ocr run 'openssl s_client*' fails=1 says='timed out'", "NginxSite/ocr replace"),
        // Somebody answers, and with an error that the former site does not have.
        ("host erp run 'docker start*' fails=1", "NginxSite/ocr replace"),
        ("PUT /v2/domains/*/records/* 500", "Domain/example.com#ocr A update"),
    ] {
        match line.starts_with("host") {
            true => drop(hand.inject_host(line.parse().expect("a fault"))),
            false => house.fault(line),
        }
        if line.contains("docker start") {
            say(&house, "erp", "docker stop ocr-adapter-1").await;
        }
        let snapshot = house.cycle().await;
        let wrong: Vec<String> = failed(&snapshot.outcomes).iter().map(|outcome| outcome.key.to_string()).collect();
        assert!(wrong.iter().any(|key| key == fails), "{line}: {:#?}", snapshot.outcomes);
        asker.goes_on(2).await;
        hand.clear_faults();
        house.pass(3_600);
    }
    let moved = house.cycle().await;
    assert!(done(&moved).contains(&"Domain/example.com#ocr A update".to_owned()), "{:?}", moved.outcomes);
    house.pass(TTL + 60);
    let unheard = "host ocr run 'openssl s_client*' fails=1 says='timed out'".parse().expect("a fault");
    hand.inject_host(unheard);
    let kept = house.cycle().await;
    let wrong: Vec<String> = failed(&kept.outcomes).iter().map(|outcome| outcome.key.to_string()).collect();
    assert_eq!(wrong[0], "NginxSite/ocr#ocr:ocr.example.com.conf retire", "{wrong:?}");
    assert_eq!(say(&house, "ocr", SITE).await, "1\n");
    hand.clear_faults();
    until_done(&house, 8).await;
    assert_eq!(say(&house, "ocr", SITE).await, "0\n");
    let (_, wrong) = asker.stop().await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_whose_host_cannot_be_seen_waits_and_so_does_its_record() {
    let house = at_home().await;
    house.hand().inject_host("host ocr connect closed".parse().expect("a fault"));
    // Its connections end with the controller.
    let house = house.restart().await;
    push(&house, &service("erp", "erp", TTL)).await;
    let blind = house.cycle().await;
    assert!(blind.outcomes.is_empty(), "{:#?}", blind.outcomes);
    let left = waiting(&blind);
    assert!(
        left[0].starts_with("Domain/example.com#ocr A update: NginxSite/ocr is to serve it from Host/erp first: "),
        "{left:#?}"
    );
    let plan = blind.after.clone().expect("a plan");
    assert!(
        plan.findings.iter().any(|finding| finding.text.contains("could not be looked at")),
        "{:#?}",
        plan.findings
    );
    house.hand().clear_faults();
    house.controller.ports.hosts.host("ocr").expect("aimed").wake();
    assert_eq!(done(cycle(&house).await.as_ref()).len(), 4);

    // A former host that is away is waited for, and what it stands on is not taken away meanwhile.
    house.hand().inject_host("host ocr connect closed".parse().expect("a fault"));
    let house = house.restart().await;
    house.pass(TTL + 60);
    let away = house.cycle().await;
    assert!(away.outcomes.is_empty() && waiting(&away).is_empty(), "{:#?}", waiting(&away));
    let told = away.after.as_ref().expect("a plan").findings.iter().any(|finding| finding.rule == "former-unseen");
    assert!(told, "{:#?}", away.after);
    house.hand().clear_faults();
    house.controller.ports.hosts.host("ocr").expect("aimed").wake();
    until_done(&house, 4).await;
    assert_eq!(say(&house, "ocr", SITE).await, "0\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_former_site_stays_while_its_name_leads_elsewhere_and_what_it_stands_on_stays_with_it() {
    let house = at_home().await;
    // The site moves, and somebody forgot the record.
    push(&house, &service("erp", "ocr", TTL)).await;
    let moved = cycle(&house).await;
    assert_eq!(done(&moved).last().map(String::as_str), Some("NginxSite/ocr replace"));
    let held = waiting(&moved);
    assert!(held[0].contains("Held") && held[0].contains("leads-elsewhere"), "{held:#?}");
    house.pass(7 * TTL);
    assert!(done(cycle(&house).await.as_ref()).is_empty());
    assert_eq!(say(&house, "ocr", SITE).await, "1\n");

    // The record follows with a longer ttl: what counts is how long the former one may be kept. The old host goes, too.
    let gone = droplets().split("---\n").take(2).collect::<Vec<_>>().join("---\n");
    let record = service("erp", "erp", 3_600)[1].clone();
    push(&house, &[record, ("droplets.yaml", gone)]).await;
    let followed = cycle(&house).await;
    let left = waiting(&followed);
    assert!(
        left.iter().any(|line| line.starts_with("Host/ocr release: Held") && line.contains("leaves-behind")),
        "{left:#?}"
    );
    push(&house, &[("droplets.yaml", droplets())]).await;
    house.pass(TTL + 59);
    cycle(&house).await;
    assert_eq!(say(&house, "ocr", SITE).await, "1\n");
    house.pass(1);
    let after = until_done(&house, 4).await;
    assert!(after.after.is_some());
    assert_eq!(say(&house, "ocr", SITE).await, "0\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_before_its_move_is_over_goes_from_both_hosts() {
    let house = at_home().await;
    let destroyed = |[(path, service), record]: [(&'static str, String); 2]| {
        [(path, service.replace("metadata: {name: ocr}", "metadata: {name: ocr}\npolicy: {onRemove: destroy}")), record]
    };
    push(&house, &destroyed(service("ocr", "ocr", TTL))).await;
    house.settles().await;
    push(&house, &destroyed(service("erp", "erp", TTL))).await;
    assert_eq!(done(cycle(&house).await.as_ref()).len(), 4);
    house.push(&[("ocr.yaml", None), ("stacks/ocr/compose.yaml", None)]).await;
    for _ in 0..3 {
        house.cycle().await;
        house.approve_all().await;
    }
    for host in ["erp", "ocr"] {
        assert_eq!(say(&house, host, SITE).await, "0\n", "{host}");
        assert_eq!(say(&house, host, "docker ps -aq | wc -l").await.trim(), "0", "{host}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_waits_for_a_stack_whose_move_is_held_and_may_go_back_before_it_is_over() {
    let house = at_home().await;
    let asker = Asker::start(&house, "ocr.example.com", TTL);
    let volume = format!("{COMPOSE}    volumes: ['data:/data']\nvolumes: {{data: {{}}}}\n");
    push(&house, &[("stacks/ocr/compose.yaml", volume.clone())]).await;
    house.settles().await;
    push(&house, &service("erp", "erp", TTL)).await;
    let held = cycle(&house).await;
    assert!(held.outcomes.is_empty(), "{:#?}", held.outcomes);
    let left = waiting(&held);
    assert!(left.iter().any(|line| line.starts_with("ComposeStack/ocr replace: Held")), "{left:#?}");
    assert!(
        left.iter().any(|line| line.starts_with("Domain/example.com#ocr A update: NginxSite/ocr is to serve")),
        "{left:#?}"
    );
    asker.goes_on(2).await;
    house.approve_all().await;
    assert!(done(cycle(&house).await.as_ref()).contains(&"Domain/example.com#ocr A update".to_owned()));
    asker.goes_on(2).await;

    // Somebody takes it back while the former one still serves: it is made anew where it was.
    push(&house, &service("ocr", "ocr", TTL)).await;
    for _ in 0..4 {
        house.cycle().await;
        house.approve_all().await;
        asker.goes_on(2).await;
    }
    house.pass(TTL + 60);
    until_done(&house, 8).await;
    asker.goes_on(2).await;
    assert_eq!(say(&house, "erp", SITE).await, "0\n");
    let (_, wrong) = asker.stop().await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

//! What moves from host to host: the seed's consolidation (its section P2-1) as one commit, and what goes wrong with it.
//! Somebody asks for the site ten times a second all along, with every address that a resolver may still hold.

mod asker;

use crate::house::{House, failed, lines};
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

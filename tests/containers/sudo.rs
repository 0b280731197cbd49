//! A host whose user is not root and not in the group docker, and works by `sudo`: real sudo, sshd, Docker and nginx.

use super::Machines;
use super::estate::{WAITS, compose};
use crate::house::{House, failed, lines};
use crate::simulated::{ERP, HOST, acts, house_on, say};
use driftless::engine::snapshot::Snapshot;
use driftless::model::{Attempt, Patch};
use driftless::ports::clock::Clock;
use std::time::{Duration, Instant};

/// `ops` may do everything as root, with a password that nobody has. What sudo does is written down.
const CLOUD: &str = "#cloud-config\nusers:\n  - {name: ops, shell: /bin/bash, sudo: \"ALL=(ALL) ALL\", ssh_authorized_keys: [\"PUBLIC\"]}\n\
    write_files: [{path: /etc/sudoers.d/log, permissions: \"0440\", content: \"Defaults logfile=/var/log/sudo.log\\n\"}]\n";
/// Lets the user work without a password, as the hint says.
const NO_PASSWORD: &str = "echo 'ops ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/driftless && chmod 440 /etc/sudoers.d/driftless && visudo -c >/dev/null";
const STACK: &str = "apiVersion: driftless/v1\nkind: ComposeStack\nmetadata: {name: odoo}\nspec:\n  host: erp\n  path: stacks/odoo\n  \
    env: {PASSWORD: {secret: odoo.db}}\n  ready: {within: 30s, probes: [{http: \"http://127.0.0.1:8069/index.html\"}]}\n";
const SITE: &str = "apiVersion: driftless/v1\nkind: NginxSite\nmetadata: {name: erp}\nspec:\n  host: erp\n  serverNames: [erp.example.com]\n  \
    clientMaxBodySize: 16m\n  locations: [{path: /, to: {stack: odoo, service: web, port: 8069}}]\n";
const SECRET: &str = "hunter2 isn't it";

/// What failed, with its hint, and what is not known.
fn told(snapshot: &Snapshot) -> String {
    let one = |attempt: &Attempt| match attempt {
        Attempt::Failed { fault, .. } => format!("{fault} | {}\n", fault.hint()),
        _ => String::new(),
    };
    let faults: String = snapshot.outcomes.iter().map(|outcome| one(&outcome.attempt)).collect();
    let after = snapshot.after.as_deref();
    let findings = after.iter().flat_map(|plan| &plan.findings).map(|finding| format!("{}\n", finding.text));
    findings.fold(faults, |all, one| all + &one)
}

async fn answer(house: &House) -> String {
    say(house, "curl -sS -H 'Host: erp.example.com' http://127.0.0.1/index.html").await
}

/// The next cycle that does something, after which nothing is left.
async fn puts_back(house: &House, hand: &str) {
    say(house, hand).await;
    let snapshot = acts(house).await;
    assert!(failed(&snapshot.outcomes).is_empty(), "{hand}: {}", told(&snapshot));
    let after = snapshot.after.clone().expect("a plan");
    assert!(after.is_empty(), "{hand}: {:#?}", lines(&after));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_works_by_sudo_does_all_that_root_does_and_one_who_needs_a_password_is_told_of() {
    let Some(machines) = Machines::start() else { return };
    let erp = ERP.replace("image", "userData: {file: cloud.yaml}, image");
    let host = HOST.replace("  droplet: erp\n", "  droplet: erp\n  user: ops\n  become: sudo\n");
    let yaml = compose(1, WAITS);
    let files = [
        ("erp.yaml", erp.as_str()),
        ("cloud.yaml", CLOUD),
        ("host.yaml", &host),
        ("stack.yaml", STACK),
        ("stacks/odoo/compose.yaml", &yaml),
        ("stacks/odoo/side.ini", "workers = 2\n"),
        ("site.yaml", SITE),
    ];
    let house = house_on(machines.hosts(), Clock::System, &files).await;
    crate::simulated::secret(&house, "odoo.db", SECRET);

    // A password that nobody types is not waited for.
    let begun = Instant::now();
    let why = told(&*house.cycle().await);
    assert!(begun.elapsed() < Duration::from_secs(90), "{:?}: {why}", begun.elapsed());
    assert!(why.contains("sudo") && why.contains("password is required"), "{why}");
    assert!(why.contains("ops ALL=(ALL) NOPASSWD:ALL"), "{why}");

    // As the hint says; and somebody says that it is to be tried again.
    say(&house, NO_PASSWORD).await;
    let failing = house.controller.keeper.memory().failures.keys().cloned().map(Patch::Heal).collect::<Vec<_>>();
    house.controller.keeper.write(&failing).await.expect("retried");
    house.settles().await;
    assert_eq!(answer(&house).await, "one\n");
    let inventory = serde_json::to_value(house.controller.snapshot.borrow().inventory.as_deref()).expect("JSON");
    assert!(inventory.to_string().contains("web:1"), "{inventory}");
    assert_eq!(say(&house, "id -nG ops").await, "ops\n", "it may not open Docker's socket itself");

    puts_back(&house, "docker stop odoo-web-1").await;
    puts_back(&house, "sed -i s/16m/1m/ /etc/nginx/sites-available/erp.example.com.conf && nginx -s reload").await;
    puts_back(&house, "echo workers = 9 >/opt/stacks/odoo/side.ini").await;
    assert_eq!(answer(&house).await, "one\n");
    let log = say(&house, "cat /var/log/sudo.log | tr -d '\\n '").await;
    assert!(log.contains("dockersystemdial-stdio"), "Docker is read through a command");
    assert!(!log.contains("hunter2"), "no secret is an argument");

    // A host that let it in and does so no more is told of as such, and what serves is left alone.
    say(&house, "mv /etc/sudoers.d/driftless /root/").await;
    let begun = Instant::now();
    let blind = house.cycle().await;
    assert!(blind.outcomes.is_empty() && begun.elapsed() < Duration::from_secs(30), "{:#?}", blind.outcomes);
    let why = told(&blind);
    assert!(why.contains("password is required") && why.contains("NOPASSWD"), "{why}");
    say(&house, "mv /root/driftless /etc/sudoers.d/").await;
    house.settles().await;
    assert_eq!(answer(&house).await, "one\n");
}

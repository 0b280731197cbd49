//! Simulated hosts, as a controller works on them: real ssh, the controller's own scripts, and machines that follow droplets.

mod coming;
mod imported;

use crate::house::{ENFORCE, House, Setup, sandbox_settings};
use crate::sshd::keygen;
use driftless::model::ResourceId;
use driftless::ports::clock::Clock;
use driftless::ports::host::Hosts;
use driftless::ports::secrets::Secrets;
use driftless::sandbox::HostsConfig;

/// A house whose droplets are simulated hosts, and let in who holds the secret `ssh.ops` by the SshKey `ops`. Its public
/// half stands where files say PUBLIC.
pub async fn house(files: &[(&str, &str)]) -> House {
    house_on(HostsConfig::default(), Clock::System, files).await
}

/// The same with a controller that lives by this clock.
pub async fn house_at(files: &[(&str, &str)], clock: Clock) -> House {
    house_on(HostsConfig::default(), clock, files).await
}

/// The same with these machines behind its droplets.
pub async fn house_on(hosts: HostsConfig, clock: Clock, files: &[(&str, &str)]) -> House {
    let keys = tempfile::tempdir().expect("a folder");
    keygen(&keys.path().join("ops"));
    let public = std::fs::read_to_string(keys.path().join("ops.pub")).expect("a key");
    let key = format!(
        "apiVersion: driftless/v1\nkind: SshKey\nmetadata: {{name: ops}}\nspec: {{publicKey: \"{}\"}}\n",
        public.trim()
    );
    let mut sandbox = sandbox_settings();
    // A machine in a container boots as long as a small real one.
    let patience = std::time::Duration::from_secs(if hosts.containers.is_some() { 120 } else { 20 });
    sandbox.hosts = Some(hosts);
    let files: Vec<(&str, String)> =
        files.iter().map(|(path, text)| (*path, text.replace("PUBLIC", public.trim()))).collect();
    let files: Vec<(&str, &str)> = [("settings.yaml", ENFORCE), ("ops.yaml", &key)]
        .into_iter()
        .chain(files.iter().map(|(path, text)| (*path, text.as_str())))
        .collect();
    let mut house = House::set_up(&files, Setup { sandbox, clock, ..Setup::default() }).await;
    let secrets = house.folder.path().join("secrets");
    std::fs::create_dir_all(&secrets).expect("a folder");
    std::fs::copy(keys.path().join("ops"), secrets.join("ssh.ops")).expect("copied");
    house.controller.ports.hosts = Hosts::patient(Secrets::in_folder(secrets), house.setup.reach.clone(), patience);
    house
}

pub const ERP: &str = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: erp}\nspec: {region: sgp1, size: s-2vcpu-4gb, image: ubuntu-22-04-x64, sshKeys: [ops]}\n";
pub const HOST: &str = "apiVersion: driftless/v1\nkind: Host\nmetadata: {name: erp}\nspec:\n  droplet: erp\n  identity: {secret: ssh.ops}\n  authorizedKeys: [ops]\n  install: [docker, compose, nginx, certbot]\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_droplet_becomes_a_host_that_is_made_ready_and_seen() {
    let house = house(&[("erp.yaml", ERP), ("host.yaml", HOST)]).await;
    let snapshot = house.settles().await;
    let plan = snapshot.plan.clone().expect("a plan");
    let keys: Vec<String> = plan.changes.iter().map(|c| c.key.to_string()).collect();
    assert_eq!(keys, ["SshKey/ops create", "Droplet/erp create", "Host/erp create"]);
    assert!(house.controller.keeper.memory().pins.contains_key(&ResourceId::new("Host", "erp")));
    let inventory = serde_json::to_value(snapshot.inventory.as_deref()).expect("JSON").to_string();
    assert!(inventory.contains("Ubuntu 22.04"), "{inventory}");
    let said =
        house.hand().on_host("erp", "command -v docker nginx certbot; cat /etc/hostname").await.expect("it runs");
    assert!(said.text().ends_with("erp\n"), "{said:?}");
}

pub const STACK: &str = "apiVersion: driftless/v1\nkind: ComposeStack\nmetadata: {name: odoo}\nspec:\n  host: erp\n  path: stacks/odoo\n  env: {PASSWORD: {secret: odoo.db}}\n  ready: {within: 5s}\n";
const COMPOSE: &str = "services:\n  web:\n    image: odoo:${TAG:-17}\n    environment: {PASSWORD: \"${PASSWORD:?}\"}\n    ports: ['127.0.0.1:8069:8069']\n    volumes: [./odoo.conf:/etc/odoo.conf:ro]\n    depends_on: {db: {condition: service_healthy}}\n  db:\n    image: postgres:16\n    healthcheck: {test: [CMD, pg_isready]}\n    volumes: [data:/var/lib/postgresql]\nvolumes: {data: {}}\n";
pub const SITE: &str = "apiVersion: driftless/v1\nkind: NginxSite\nmetadata: {name: erp}\nspec:\n  host: erp\n  serverNames: [erp.example.com]\n  tls: {issuer: letsencrypt, email: ops@example.com}\n  locations:\n    - {path: /, to: {url: \"http://127.0.0.1:8069\"}}\n";

pub async fn say(house: &House, script: &str) -> String {
    let said = house.hand().on_host("erp", script).await.expect("there is such a host");
    assert_eq!(said.code, 0, "{script}: {}", said.errors());
    said.text()
}

/// The next cycle that did something.
pub async fn acts(house: &House) -> std::sync::Arc<driftless::engine::snapshot::Snapshot> {
    for _ in 0..6 {
        let snapshot = house.cycle().await;
        if !snapshot.outcomes.is_empty() {
            return snapshot;
        }
    }
    panic!("nothing is done: {:#?}", house.controller.snapshot.borrow().after);
}

pub fn secret(house: &House, name: &str, value: &str) {
    std::fs::write(house.folder.path().join("secrets").join(name), value).expect("written");
}

pub async fn stacked(more: &[(&str, &str)]) -> House {
    let files = [
        ("erp.yaml", ERP),
        ("host.yaml", HOST),
        ("stack.yaml", STACK),
        ("stacks/odoo/compose.yaml", COMPOSE),
        ("stacks/odoo/odoo.conf", "workers = 2 # ä\n"),
    ];
    let files: Vec<_> = files.into_iter().chain(more.iter().copied()).collect();
    let house = house(&files).await;
    secret(&house, "odoo.db", "s3cret");
    house.settles().await;
    house
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_comes_up_and_what_is_done_by_hand_is_seen_and_put_back() {
    let house = stacked(&[]).await;
    let running = "docker ps --format '{{.Names}} {{.State}}' | sort";
    assert_eq!(say(&house, running).await, "odoo-db-1 running\nodoo-web-1 running\n");
    assert_eq!(
        say(&house, "cat /opt/stacks/odoo/odoo.conf; stat -c %a /opt/stacks/odoo/.env").await,
        "workers = 2 # ä\n600\n"
    );
    let before = say(&house, "docker ps -q --no-trunc | sort").await;
    say(&house, "docker stop odoo-web-1; echo workers = 9 >/opt/stacks/odoo/odoo.conf").await;
    let snapshot = acts(&house).await;
    let fields: Vec<&str> =
        snapshot.outcomes.iter().flat_map(|o| o.change.fields.iter().map(|f| f.path.as_str())).collect();
    assert!(fields.contains(&"files.odoo.conf"), "{:#?}", snapshot.outcomes);
    assert_eq!(say(&house, "cat /opt/stacks/odoo/odoo.conf").await, "workers = 2 # ä\n");
    assert_eq!(say(&house, "docker ps -q --no-trunc | sort").await, before, "the same containers run");
    house.push(&[("stacks/odoo/compose.yaml", Some(&COMPOSE.replace(":-17", ":-18")))]).await;
    acts(&house).await;
    assert_eq!(say(&house, "docker ps --format '{{.Image}}' | sort").await, "odoo:18\npostgres:16\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_second_name_keeps_can_be_put_back() {
    let house = house(&[("erp.yaml", ERP), ("host.yaml", HOST)]).await;
    house.settles().await;
    let script =
        "cd /tmp; echo old >a; ln a kept; ln -s a link; echo new >b; mv -fT b a; cat link; mv -fT kept a; cat a link";
    assert_eq!(say(&house, script).await, "new\nold\nold\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_works_by_sudo_speaks_to_docker_through_a_command() {
    let cloud = "#cloud-config\nusers:\n  - name: ops\n    sudo: ALL=(ALL) NOPASSWD:ALL\n    groups: [sudo]\n    ssh_authorized_keys: [PUBLIC]\n";
    let (user, host) = (
        "userData: {file: cloud.yaml}, image",
        HOST.replace("  droplet: erp\n", "  droplet: erp\n  user: ops\n  become: sudo\n"),
    );
    let erp = ERP.replace("image", user);
    let files = [("erp.yaml", erp.as_str()), ("cloud.yaml", cloud), ("host.yaml", &host), ("stack.yaml", STACK)];
    let stack = [("stacks/odoo/compose.yaml", COMPOSE), ("stacks/odoo/odoo.conf", "workers = 2\n")];
    let house = house(&[&files[..], &stack[..]].concat()).await;
    secret(&house, "odoo.db", "s3cret");
    let snapshot = house.settles().await;
    assert!(snapshot.after.as_ref().is_some_and(|plan| plan.is_empty() && plan.unknown == 0), "{:#?}", snapshot.after);
    let inventory = serde_json::to_value(snapshot.inventory.as_deref()).expect("JSON").to_string();
    assert!(inventory.contains("odoo:17"), "{inventory}");
    say(&house, "docker stop odoo-web-1").await;
    acts(&house).await;
    assert_eq!(say(&house, "docker ps -q | wc -l").await.trim(), "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_is_served_over_http_then_certified_then_over_https() {
    let house = stacked(&[("site.yaml", SITE)]).await;
    let asked = "curl -s -o /dev/null -w '%{http_code} ' -H 'Host: erp.example.com' http://127.0.0.1/x; curl -s https://erp.example.com/";
    assert_eq!(say(&house, asked).await, "301 web of odoo, image odoo:17\n");
    say(&house, "sed -i 's/8069/9999/' /etc/nginx/sites-available/erp.example.com.conf; nginx -s reload").await;
    let snapshot = acts(&house).await;
    assert_eq!(snapshot.outcomes.len(), 1, "{:#?}", snapshot.outcomes);
    assert_eq!(say(&house, asked).await, "301 web of odoo, image odoo:17\n");
}

fn faults(snapshot: &driftless::engine::snapshot::Snapshot) -> String {
    crate::house::failed(&snapshot.outcomes).iter().map(|o| format!("{} {:?}\n", o.key, o.attempt)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_hosts_strike_what_they_name_and_pass() {
    let house = stacked(&[]).await;
    let hand = house.hand();
    let fault = |line: &str| hand.inject_host(line.parse().expect("a fault"));
    for (number, line, told) in [
        (1, "host erp container web unhealthy", "unhealthy"),
        (2, "host erp pull odoo:* fails says='toomanyrequests: slow down'", "toomanyrequests: slow down"),
        (3, "host erp disk full", "disk"),
        (4, "host e* transfer drop=700 after=1 count=1", "ComposeStack/odoo"),
    ] {
        let id = fault(line);
        let tag = format!(":-1{number}.0");
        house.push(&[("stacks/odoo/compose.yaml", Some(&COMPOSE.replace(":-17", &tag)))]).await;
        let failed = faults(&*acts(&house).await);
        assert!(failed.contains(told), "{line}: {failed}");
        // A connection that breaks says so, and nothing that the host would have said.
        assert_eq!(failed.contains("broke"), line.contains("transfer"), "{line}: {failed}");
        assert!(hand.host_struck(id) > 0, "{line} has struck");
        hand.lift(id);
        // It is left alone for a while after its connection broke.
        house.controller.ports.hosts.host("erp").expect("it is known").wake();
        assert!(say(&house, "docker ps --format '{{.Image}}'").await.contains("postgres:16"), "the stack still runs");
    }
    house.push(&[("stacks/odoo/compose.yaml", Some(&COMPOSE.replace(":-17", ":-20")))]).await;
    acts(&house).await;
    assert_eq!(say(&house, "docker ps --format '{{.Image}}' | sort").await, "odoo:20\npostgres:16\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_is_off_is_away_and_comes_back_with_its_files_and_containers() {
    let house = stacked(&[]).await;
    let power = |status: &str| {
        house.hand().edit(|world| world.droplet_named("erp").expect("a droplet").status = status.to_owned());
    };
    power("off");
    let until = |on: bool| {
        let hand = house.hand();
        async move {
            while hand.on_host("erp", "true").await.is_ok() != on {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await
            }
        }
    };
    until(false).await;
    power("active");
    until(true).await;
    assert_eq!(say(&house, "cat /opt/stacks/odoo/odoo.conf").await, "workers = 2 # ä\n");
}

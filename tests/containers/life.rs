//! The life of a droplet that is a container: made, seen, off, on and gone, and nothing left behind.

use super::Machines;
use crate::simulated::{ERP, HOST, house_on, say};
use driftless::model::ResourceId;
use driftless::ports::clock::Clock;
use driftless::sandbox::{self, Config, ContainersConfig, HostsConfig};
use std::time::{Duration, Instant};

/// Waits until docker says this of some containers.
async fn says(machines: &Machines, words: &[&str], wanted: &str) {
    let until = Instant::now() + Duration::from_secs(30);
    while machines.engine.say(words) != wanted {
        assert!(Instant::now() < until, "docker {words:?}: {} and not {wanted}", machines.engine.say(words));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_droplet_becomes_a_container_that_is_made_ready_seen_turned_off_and_on_and_removed() {
    let Some(machines) = Machines::start() else { return };
    // What a sandbox left that was killed, here before the last boot.
    let left = ["create", "--name", "left", "--label", "driftless.sandbox=0123456789ab.1.1.1.dead", "web:1", "sh"];
    machines.engine.say(&left);
    let house = house_on(machines.hosts(), Clock::System, &[("erp.yaml", ERP), ("host.yaml", HOST)]).await;
    says(&machines, &["ps", "-aq", "--filter", "name=^left$"], "").await;
    let snapshot = house.settles().await;
    let plan = snapshot.plan.clone().expect("a plan");
    let keys: Vec<String> = plan.changes.iter().map(|c| c.key.to_string()).collect();
    assert_eq!(keys, ["SshKey/ops create", "Droplet/erp create", "Host/erp create"]);
    assert!(house.controller.keeper.memory().pins.contains_key(&ResourceId::new("Host", "erp")));
    let inventory = serde_json::to_value(snapshot.inventory.as_deref()).expect("JSON").to_string();
    assert!(inventory.contains("Debian GNU/Linux 13"), "{inventory}");
    assert_eq!(say(&house, "cat /etc/hostname; docker images -q | wc -l").await, "erp\n2\n");
    let (container, ..) = machines.of(&house.running.url(), "erp");
    let network = machines.network(&house.running.url());

    let state = ["inspect", "-f", "{{.State.Running}}", &container];
    let power = |status: &str| {
        house.hand().edit(|world| world.droplet_named("erp").expect("a droplet").status = status.to_owned());
    };
    say(&house, "echo kept >/root/file").await;
    power("off");
    says(&machines, &state, "false").await;
    let off = house.cycle().await.after.clone().expect("a plan");
    assert!(off.changes.iter().all(|change| change.key.id.kind != "Host"), "{:?}", crate::house::lines(&off));
    power("active");
    let until = Instant::now() + Duration::from_secs(60);
    while house.hand().on_host("erp", "true").await.is_err() {
        assert!(Instant::now() < until, "it does not come up again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(say(&house, "cat /root/file; docker version --format '{{.Server.Os}}'").await, "kept\nlinux\n");
    house.controller.ports.hosts.host("erp").expect("aimed").wake();
    house.settles().await;

    house.hand().edit(|world| world.droplets.clear());
    let filter = format!("name=^{container}$");
    says(&machines, &["ps", "-aq", "--filter", &filter], "").await;
    drop(house);
    says(&machines, &["network", "ls", "-q", "--filter", &format!("name=^{network}$")], "").await;
}

#[tokio::test]
async fn without_an_engine_or_an_image_it_says_what_to_do() {
    let refused = async |docker: &str, image: &str| {
        let containers =
            ContainersConfig { image: image.to_owned(), docker: Some(docker.to_owned()), ..Default::default() };
        let hosts = HostsConfig { containers: Some(containers), ..HostsConfig::default() };
        let started = sandbox::serve(Config { hosts: Some(hosts), ..Config::default() }).await;
        started.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let why = refused("unix:///nowhere/docker.sock", "any").await;
    assert!(why.contains("need a Docker Engine on this machine") && why.contains("simulated hosts"), "{why}");
    let Some(machines) = Machines::start() else { return };
    let why = refused(&machines.engine.address(), "nobody/made-it").await;
    assert!(why.contains("sudo deploy/droplet-image/build nobody/made-it"), "{why}");
}

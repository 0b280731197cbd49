//! What a controller makes of hosts: seen, away, strangers, new.

use crate::house::{ENFORCE, House, Setup};
use crate::sshd::{Sshd, user};
use driftless::engine::act::{Act, Desk};
use driftless::engine::person::Who;
use driftless::model::finding::Weight;
use driftless::model::{Pin, ResourceId};
use driftless::ports::host::Hosts;
use driftless::ports::reach::{Reach, Tcp};
use driftless::ports::secrets::Secrets;
use std::collections::BTreeMap;
use std::time::Duration;

fn document(name: &str, sshd: &Sshd, more: &str) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: Host\nmetadata: {{name: {name}}}\nspec:\n  address: 127.0.0.1\n  port: {}\n  \
         user: {}\n  identity: {{secret: ssh.ops}}\n{more}",
        sshd.port,
        user()
    )
}

/// A house whose controller holds the private key that an sshd lets in.
async fn house(sshd: &Sshd, files: &[(&str, &str)]) -> House {
    let house = House::new(files).await;
    let secrets = house.folder.path().join("secrets");
    std::fs::create_dir_all(&secrets).expect("a folder");
    std::fs::write(secrets.join("ssh.ops"), sshd.private_key("client")).expect("written");
    house
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_whose_key_is_known_is_seen_taken_over_and_told_of() {
    let Some(sshd) = Sshd::start().await else { return };
    let key = format!("  hostKey: {}\n", sshd.host_key("host"));
    let house = house(&sshd, &[("settings.yaml", ENFORCE), ("erp.yaml", &document("erp", &sshd, &key))]).await;
    let snapshot = house.cycle().await;
    let plan = snapshot.after.clone().expect("a plan");
    assert_eq!((plan.changes.len(), plan.in_sync, plan.unknown), (0, 1, 0), "{plan:?}");
    assert_eq!(plan.looked.hosts, 1);
    let inventory = serde_json::to_value(snapshot.inventory.as_deref()).expect("JSON").to_string();
    assert!(inventory.contains("\"runs\"") && inventory.contains("processor"), "{inventory}");
    assert!(house.controller.keeper.memory().owned.keys().any(|id| id.to_string() == "Host/erp"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_not_spoken_to_and_one_that_is_away_is_unknown() {
    let Some(sshd) = Sshd::start().await else { return };
    let away = document("away", &sshd, &format!("  hostKey: {}\n", sshd.host_key("host")));
    let away = away.replace(&format!("port: {}", sshd.port), "port: 1").replace("127.0.0.1", "localhost");
    let stranger = document("stranger", &sshd, "");
    let house = house(&sshd, &[("settings.yaml", ENFORCE), ("a.yaml", &away), ("b.yaml", &stranger)]).await;
    let plan = house.cycle().await.after.clone().expect("a plan");
    assert_eq!((plan.changes.len(), plan.unknown), (0, 2), "{plan:?}");
    let told = |name: &str| {
        let of = plan.findings.iter().filter(|f| f.id.as_ref().is_some_and(|id| id.name == name));
        of.map(|f| (f.weight, f.text.clone())).collect::<Vec<_>>()
    };
    let [(Weight::Unknown, text)] = &told("stranger")[..] else { panic!("{:?}", plan.findings) };
    assert!(text.contains("driftless trust stranger"), "{text}");
    let [(Weight::Unknown, text)] = &told("away")[..] else { panic!("{:?}", plan.findings) };
    assert!(text.contains("cannot be reached at localhost port 1: ") && text.contains("refused"), "{text}");
    assert_eq!(sshd.connections(), 0);
}

const ERP: &str = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: erp}\nspec: {region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64}\n";

fn on_droplet() -> String {
    let user = user();
    format!(
        "apiVersion: driftless/v1\nkind: Host\nmetadata: {{name: erp}}\nspec: {{droplet: erp, user: {user}, identity: {{secret: ssh.ops}}}}\n"
    )
}

fn pin(house: &House) -> Option<Pin> {
    house.controller.keeper.memory().pins.get(&ResourceId::new("Host", "erp")).cloned()
}

/// Maps every address that a simulator gives out first to an sshd.
fn mapped(sshd: &Sshd) -> Reach {
    let addresses = (1..255)
        .flat_map(|last| [format!("203.0.113.{last}"), format!("198.51.100.{last}"), format!("192.0.2.{last}")]);
    let to = std::net::SocketAddr::from(([127, 0, 0, 1], sshd.port));
    Reach::Tcp(Tcp { map: addresses.map(|address| (address, to)).collect::<BTreeMap<_, _>>(), ..Tcp::default() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_droplet_of_ours_is_made_ready_in_the_run_that_makes_it_and_its_key_is_pinned_to_that_machine() {
    let Some(mut sshd) = Sshd::start().await else { return };
    let files = [("settings.yaml", ENFORCE), ("erp.yaml", ERP), ("host.yaml", &on_droplet())];
    let mut house = House::set_up(&files, Setup { reach: mapped(&sshd), ..Setup::default() }).await;
    house.controller.ports.hosts =
        Hosts::patient(Secrets::in_folder(sshd.secrets()), house.setup.reach.clone(), Duration::from_secs(30));
    let snapshot = house.cycle().await;
    let plan = snapshot.plan.clone().expect("a plan");
    let keys: Vec<String> = plan.changes.iter().map(|c| c.key.to_string()).collect();
    assert_eq!(keys, ["Droplet/erp create", "Host/erp create"]);
    let after = snapshot.after.clone().expect("a plan");
    assert!(after.is_empty() && after.unknown == 0, "{:#?}", snapshot.outcomes);
    let machine = house.hand().read(|w| *w.droplets.keys().next().expect("a droplet")).to_string();
    let first = pin(&house).expect("its key is pinned");
    assert_eq!((&first.key, &first.machine, &first.by), (&sshd.host_key("host"), &machine, &None));

    // Another machine answers there.
    assert!(sshd.restart("stranger").await, "the port is its own");
    house.controller.ports.hosts =
        Hosts::patient(Secrets::in_folder(sshd.secrets()), house.setup.reach.clone(), Duration::from_secs(30));
    let plan = house.cycle().await.after.clone().expect("a plan");
    assert_eq!((plan.changes.len(), plan.unknown), (0, 1), "{plan:?}");
    let told = &plan.findings.iter().find(|f| f.weight == Weight::Unknown).expect("told").text;
    for part in
        [sshd.host_key("host").fingerprint(), sshd.host_key("stranger").fingerprint(), "driftless trust erp".to_owned()]
    {
        assert!(told.contains(&part), "{told} names {part}");
    }
    assert_eq!(pin(&house), Some(first), "nothing is believed by itself");

    // Somebody says that it is right.
    let act = Act::Trust { id: ResourceId::new("Host", "erp"), key: sshd.host_key("stranger").to_string(), machine };
    let keeper = &house.controller.keeper;
    let desk = Desk { keeper, estate: None, mirror: None, path: "", now: house.controller.ports.clock.now() };
    let said = desk.act(&Who::first("ana"), &act).await.expect("it may").said;
    assert!(said[0].contains("and no longer by"), "{said:?}");
    let plan = house.cycle().await.after.clone().expect("a plan");
    assert!(plan.is_empty() && plan.unknown == 0, "{plan:?}");
    assert_eq!(pin(&house).and_then(|pin| pin.by).as_deref(), Some("ana"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_droplet_that_somebody_else_made_is_a_stranger_until_somebody_says_its_key() {
    let Some(sshd) = Sshd::start().await else { return };
    let mut house = House::set_up(
        &[("settings.yaml", ENFORCE), ("erp.yaml", ERP)],
        Setup { reach: mapped(&sshd), ..Setup::default() },
    )
    .await;
    house.controller.ports.hosts = crate::house::hosts(&house.setup.reach, &sshd.folder.path().join("none"));
    house.settles().await;
    // A lost journal without a ledger: what was found again was not made by anybody whom this controller knows.
    let memory = house.controller.keeper.memory();
    let id = ResourceId::new("Droplet", "erp");
    let mut owned = memory.owned.get(&id).cloned().expect("owned");
    owned.wrote.clear();
    house.controller.keeper.write(&[driftless::model::Patch::Own(id, owned)]).await.expect("written");
    house.push(&[("host.yaml", Some(&on_droplet()))]).await;
    let plan = house.cycle().await.after.clone().expect("a plan");
    assert_eq!((plan.changes.len(), plan.unknown), (0, 1), "{plan:?}");
    assert!(plan.findings.iter().any(|f| f.text.contains("driftless trust erp")), "{:?}", plan.findings);
    assert_eq!((sshd.connections(), pin(&house)), (0, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn trust_shows_the_key_asks_for_its_fingerprint_and_records_it() {
    use crate::process::rig::Rig;
    let Some(sshd) = Sshd::start().await else { return };
    let rig = Rig::new(Duration::ZERO, &[("settings.yaml", ENFORCE), ("erp.yaml", &document("erp", &sshd, ""))]).await;
    let (right, wrong) = (sshd.host_key("host").fingerprint(), sshd.host_key("stranger").fingerprint());
    let secrets = sshd.secrets().display().to_string();
    let set = format!("secrets_dir={secrets}");
    let repo = rig.repo().display().to_string();
    rig.run(&["run", "--once", "--repo", &repo, "--set", &set]).await.ended(0);
    rig.run(&["plan", "--set", &set]).await.ended(1).says("driftless trust erp");
    rig.run(&["trust", "nobody"]).await.ended(1).says("There are Host/erp");
    rig.run(&["trust", "erp"]).await.ended(1).says(&right).says("nobody can be asked here");
    rig.run(&["trust", "erp", "--fingerprint", &wrong, "--yes"]).await.ended(1).says("Nothing was recorded");
    rig.run(&["trust", "erp", "--fingerprint", &right, "--yes"])
        .await
        .ended(0)
        .says("trusted: Host/erp is known by ssh-ed25519");
    rig.run(&["plan", "--set", &set]).await.ended(0);
    rig.run(&["trust", "Host/erp", "--fingerprint", &right, "--yes"]).await.ended(0).says("known by this key already");
}

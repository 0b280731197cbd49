//! What a controller makes of hosts: seen, away, strangers, new.

use crate::house::{ENFORCE, House};
use crate::sshd::{Sshd, user};
use driftless::model::finding::Weight;

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

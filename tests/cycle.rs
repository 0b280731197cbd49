//! The main job, whole: a commit in a real repository becomes an estate in the simulator, is kept, and is reported.

use crate::house::{ENFORCE, House, git_in, lines};
use std::path::Path;

/// The template's files, with mode enforce.
fn template() -> Vec<(String, String)> {
    fn gather(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).expect("the template").map(|e| e.expect("an entry").path()) {
            if entry.is_dir() {
                gather(root, &entry, found);
            } else {
                let path = entry.strip_prefix(root).expect("inside").display().to_string();
                let text = std::fs::read_to_string(&entry).expect("text");
                found.push((path, text.replace("mode: observe", "mode: enforce")));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("repo-template");
    let mut found = Vec::new();
    gather(&root, &root, &mut found);
    found
}

/// The template's estate beside a key and settings of the house's own, with the secrets that its documents name.
async fn template_house() -> House {
    let files = template();
    let own = ["settings.yaml", "network/ssh-keys.yaml"];
    let files = files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    let files: Vec<(&str, &str)> = files.filter(|(path, _)| !own.contains(path)).collect();
    let house = crate::simulated::house(&files).await;
    let named =
        files.iter().flat_map(|(_, text)| text.split("{secret: ").skip(1)).filter_map(|rest| rest.split('}').next());
    for name in named.filter(|name| *name != "ssh.ops") {
        std::fs::write(house.folder.path().join("secrets").join(name), "a value").expect("written");
    }
    house
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_template_becomes_an_estate_and_a_second_look_finds_nothing_to_do() {
    let house = template_house().await;
    let snapshot = house.settles().await;
    let plan = snapshot.plan.clone().expect("a plan");
    assert!(plan.changes.len() > 10, "{:#?}", lines(&plan));
    house.hand().edit(|world| {
        let address = world.droplet_named("odoo-erp-prod").expect("the droplet exists").public_v4;
        let record = world.record("example.com", "erp", "A").expect("its record exists");
        assert_eq!(Some(record.data.clone()), address.map(|ip| ip.to_string()));
    });
    let status = house.reported("STATUS.md");
    assert!(status.contains("in sync"), "{status}");
    assert_eq!(git_in(&house.repo(), &["rev-list", "--count", "driftless/reports"]).trim(), "1");
}

#[tokio::test]
async fn settings_alone_are_a_valid_and_empty_estate() {
    let house = House::new(&[("settings.yaml", ENFORCE)]).await;
    let snapshot = house.cycle().await;
    assert!(snapshot.plan.as_ref().is_some_and(|p| p.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_inventory_is_reported_and_stays_while_something_cannot_be_read() {
    let house = template_house().await;
    house.settles().await;
    let page = house.reported("INVENTORY.md");
    assert!(page.contains("`erp`") && page.contains("`domains/example.com.yaml`"), "{page}");
    assert!(house.reported("STATUS.md").contains("[what exists](INVENTORY.md)"));
    // Time passes and nothing changes: no commit.
    house.cycle().await;
    assert_eq!(git_in(&house.repo(), &["rev-list", "--count", "driftless/reports"]).trim(), "1");
    house.fault("GET /v2/firewalls 500");
    house.cycle().await;
    assert_eq!(house.reported("INVENTORY.md"), page);
    assert_eq!(git_in(&house.repo(), &["rev-list", "--count", "driftless/reports"]).trim(), "2");
}

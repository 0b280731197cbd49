//! A host that was set up by hand: its sites become documents that change nothing.

use super::machine::Machine;
use crate::house::House;
use driftless::engine::import::{Files, ImportError, of_hosts};
use driftless::kinds::AnyOperate;
use driftless::kinds::nginx_site::NginxSite;
use driftless::model::{Of, ResourceId};

/// Of stacks nothing is asked: this machine need have no engine.
const SITES: &[&dyn AnyOperate] = &[&Of::<NginxSite>::new()];
const ENABLED: &str = "/etc/nginx/sites-enabled";
const AVAILABLE: &str = "/etc/nginx/sites-available";

fn enable(machine: &Machine, file: &str, text: &str) {
    machine.write(&format!("{AVAILABLE}/{file}"), text);
    std::os::unix::fs::symlink(format!("../sites-available/{file}"), machine.path(&format!("{ENABLED}/{file}")))
        .expect("a link");
}

/// The work tree of the repo.
fn files_of(house: &House) -> Files {
    let root = house.repo();
    let listed = driftless::ports::disk::list(&root).expect("listed");
    listed.into_keys().map(|path| (path.clone(), driftless::ports::disk::read(&root, &path).expect("read"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sites_that_were_made_by_hand_become_documents_and_the_plan_after_it_is_empty() {
    let Some(machine) = Machine::start(&[]).await else { return };
    let http = machine.http;
    enable(
        &machine,
        "shop",
        &format!(
            "# the shop\nserver {{\n  listen {http};\n  server_name shop.example.test www.shop.example.test;\n  client_max_body_size 64m;\n  \
             location / {{\n    proxy_pass http://127.0.0.1:8069;\n    proxy_set_header Host $host;\n    proxy_read_timeout 600s;\n  }}\n}}\n"
        ),
    );
    enable(
        &machine,
        "odd.conf",
        &format!("geo $near {{ default 0; }}\nserver {{ listen {http}; server_name odd.example.test; return 204; }}\n"),
    );
    machine.write(&format!("{AVAILABLE}/asleep.conf"), "server { listen 1; server_name asleep.example.test; }\n");
    let own = machine.site("erp", "  locations: [{path: /, redirect: {to: \"https://there.example.test/\"}}]\n");
    let house = machine.house(&[("erp.yaml", &own)]).await;
    house.settles().await;

    let files = files_of(&house);
    let memory = house.controller.keeper.memory();
    let hosts = ["erp".to_owned()];
    let imported = of_hosts(&house.controller.ports, &hosts, SITES, &files, &memory).await.expect("an import");
    let text = |path: &str| String::from_utf8_lossy(&imported.files[path]).into_owned();
    assert_eq!(imported.files.keys().collect::<Vec<_>>(), ["sites/asleep.yaml", "sites/odd.yaml", "sites/shop.yaml"]);
    let shop = text("sites/shop.yaml");
    for part in [
        "name: shop",
        "host: erp",
        "file: shop",
        "readTimeout: \"600s\"",
        "clientMaxBodySize: \"64m\"",
        "comment is lost",
    ] {
        assert!(shop.contains(part), "{shop}");
    }
    assert!(text("sites/odd.yaml").contains("raw: "), "{}", text("sites/odd.yaml"));
    let asleep = text("sites/asleep.yaml");
    assert!(asleep.lines().all(|line| line.is_empty() || line.starts_with('#')), "{asleep}");
    assert!(imported.plan.is_empty(), "{:?}", imported.plan);

    // Committed, they are taken over as they are.
    let before = machine.read(&format!("{AVAILABLE}/shop"));
    let edits: Vec<(String, String)> = imported.files.keys().map(|path| (path.clone(), text(path))).collect();
    let edits: Vec<(&str, Option<&str>)> =
        edits.iter().map(|(path, text)| (path.as_str(), Some(text.as_str()))).collect();
    house.push(&edits).await;
    let snapshot = house.settles().await;
    assert!(snapshot.outcomes.is_empty(), "{:?}", snapshot.outcomes);
    assert!(house.controller.keeper.memory().owned.contains_key(&ResourceId::new("NginxSite", "shop")));
    assert_eq!(machine.read(&format!("{AVAILABLE}/shop")), before);
    let again =
        of_hosts(&house.controller.ports, &hosts, SITES, &files_of(&house), &house.controller.keeper.memory()).await;
    assert_eq!(again.expect("an import").files.keys().collect::<Vec<_>>(), ["sites/asleep.yaml"]);

    let none = of_hosts(&house.controller.ports, &["erpp".to_owned()], SITES, &files, &memory).await;
    assert!(matches!(none, Err(ImportError::NoHost { known, .. }) if known == ["erp"]));
    let unsound = Files::from([("a.yaml".to_owned(), b"kind: Host\n".to_vec())]);
    let unsound = of_hosts(&house.controller.ports, &hosts, SITES, &unsound, &memory).await;
    assert!(matches!(unsound, Err(ImportError::Unsound(_))));
}

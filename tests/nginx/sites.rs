//! Sites: made, drifted and put back, refused and put back, taken by others, given up.

use super::machine::{Machine, faults};
use crate::house::lines;
use driftless::model::Patch;
use std::net::TcpListener;
use std::time::Duration;

const REDIRECT: &str = "  locations: [{path: /, redirect: {to: \"https://there.example.test/\", status: 302}}]\n";
const FILE: &str = "/etc/nginx/sites-available/erp.example.test.conf";
const LINK: &str = "/etc/nginx/sites-enabled/erp.example.test.conf";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_is_made_put_back_when_somebody_changes_it_and_given_up_with_its_document() {
    let Some(machine) = Machine::start(&[]).await else { return };
    let house = machine.house(&[("erp.yaml", &machine.site("erp", REDIRECT))]).await;
    house.settles().await;
    assert!(machine.ask("erp.example.test", "/").contains("302"), "{}", machine.ask("erp.example.test", "/"));
    let written = machine.read(FILE);
    assert!(written.starts_with("# NginxSite/erp: kept equal"), "{written}");
    let link = std::fs::read_link(machine.path(LINK)).expect("a link");
    assert_eq!(link.to_str(), Some("../sites-available/erp.example.test.conf"));

    // By hand: another answer, live.
    machine.write(FILE, &written.replace("302", "307"));
    let snapshot = house.settles().await;
    let plan = snapshot.plan.clone().expect("a plan");
    let [line] = &lines(&plan)[..] else { panic!("{plan:?}") };
    let shown = format!(
        "NginxSite/erp update: rewrite, reload [Go] [FieldChange {{ path: \"server {} › location / › return\", \
         from: Text(\"307 https://there.example.test/\"), to: Text(\"302 https://there.example.test/\") }}]",
        machine.http
    );
    assert_eq!(*line, shown);
    assert_eq!(format!("{:?}", plan.changes[0].cause), "Drift");
    assert_eq!(machine.read(FILE), written);

    // The link taken away.
    std::fs::remove_file(machine.path(LINK)).expect("gone");
    house.settles().await;
    assert!(machine.path(LINK).exists());

    // What means the same is left as it is.
    machine.write(FILE, &format!("# by hand\n{}", written.replace("    ", "\t")));
    house.settles().await;
    assert!(machine.read(FILE).starts_with("# by hand"));

    house.push(&[("erp.yaml", None)]).await;
    house.settles().await;
    assert_eq!((machine.path(FILE).exists(), machine.path(LINK).exists()), (false, false));
    assert!(machine.names("/etc/nginx").iter().all(|name| !name.starts_with(".driftless")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nginx_refuses_is_never_live_and_names_the_field() {
    let Some(machine) = Machine::start(&[]).await else { return };
    let site = |location: &str| machine.site("erp", &format!("  locations: [{location}]\n"));
    let good = "{path: /, redirect: {to: \"https://there.example.test/\"}}";
    let house = machine.house(&[("erp.yaml", &site(good))]).await;
    house.settles().await;
    let written = machine.read(FILE);

    let bad = format!("{good}, {{path: /x, to: {{url: \"http://127.0.0.1:1\"}}, extra: \"proxy_method;\"}}");
    house.push(&[("erp.yaml", Some(&site(&bad)))]).await;
    let told = faults(&*house.cycle().await);
    let [fault] = told.as_slice() else { panic!("{told:?}") };
    assert!(fault.contains("nginx on Host/erp refuses NginxSite/erp: "), "{fault}");
    assert!(fault.contains("invalid number of arguments in \"proxy_method\" directive in /etc/nginx/sites-available/erp.example.test.conf:"), "{fault}");
    let line = site(&bad).lines().position(|line| line.contains("proxy_method")).expect("a line") + 1;
    let place = format!("| That line is spec.locations[1].extra (erp.yaml:{line}:");
    assert!(fault.contains(&place) && fault.contains("). Nothing was changed"), "{place}: {fault}");
    assert_eq!(machine.read(FILE), written);
    assert!(machine.ask("erp.example.test", "/").contains("301"));

    // What a test lets pass and a reload does not: a port that another has.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let raw = format!(
        "  raw: |\n    server {{ listen 127.0.0.1:{port}; listen {}; server_name erp.example.test; return 204; }}\n",
        machine.http
    );
    let raw = machine
        .site("erp", &raw)
        .replace(&format!("  listen: {{http: {}, https: {}}}\n", machine.http, machine.https), "");
    house.push(&[("erp.yaml", Some(&raw))]).await;
    let told = faults(&*house.cycle().await);
    let [fault] = told.as_slice() else { panic!("{told:?}") };
    assert!(fault.contains("did not work") && fault.contains("Address already in use"), "{fault}");
    assert_eq!(machine.read(FILE), written, "the former site was put back");
    assert!(machine.ask("erp.example.test", "/").contains("301"), "and goes on");
    drop(taken);
    assert!(machine.names("/etc/nginx").iter().all(|name| !name.starts_with(".driftless")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_a_file_made_by_hand_has_is_told_and_neither_file_changed() {
    let Some(machine) = Machine::start(&[]).await else { return };
    let own = format!("server {{ listen {}; server_name erp.example.test; return 204; }}\n", machine.http);
    machine.write("/etc/nginx/conf.d/own.conf", &own);
    let house = machine.house(&[("erp.yaml", &machine.site("erp", REDIRECT))]).await;
    let told = faults(&*house.cycle().await);
    let [fault] = told.as_slice() else { panic!("{told:?}") };
    assert!(fault.contains("has a server name that another file on Host/erp has, too"), "{fault}");
    assert!(fault.contains("conflicting server name \"erp.example.test\""), "{fault}");
    assert_eq!(machine.names("/etc/nginx/sites-enabled"), [] as [&str; 0]);
    assert_eq!(machine.read("/etc/nginx/conf.d/own.conf"), own);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sites_that_are_all_broken_are_mended_in_one_cycle() {
    let Some(machine) = Machine::start(&[]).await else { return };
    let names = ["one", "two", "three"];
    let sites = names.map(|name| (format!("{name}.yaml"), machine.site(name, REDIRECT)));
    let sites = sites.each_ref().map(|(path, text)| (path.as_str(), text.as_str()));
    let house = machine.house(&sites).await;
    house.settles().await;
    let files = names.map(|name| format!("/etc/nginx/sites-available/{name}.example.test.conf"));
    for broken in [true, false] {
        for file in &files {
            match broken {
                true => machine.write(file, "server { listn 80; }\n"),
                false => std::fs::remove_file(machine.path(file)).expect("gone"),
            }
        }
        let snapshot = house.settles().await;
        assert_eq!(snapshot.outcomes.len(), 3, "{:?}", snapshot.outcomes);
        for name in names {
            assert!(machine.ask(&format!("{name}.example.test"), "/").contains("302"), "{name}");
        }
        assert!(machine.names("/etc/nginx").iter().all(|name| !name.starts_with(".driftless")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_equals_its_document_is_taken_over_as_it_is_and_another_is_held() {
    let Some(machine) = Machine::start(&[]).await else { return };
    let own = format!(
        "server {{\n  server_name erp.example.test; # ours\n  listen {};\n  location / {{ return 302 https://there.example.test/; }}\n}}\n",
        machine.http
    );
    machine.write(FILE, &own);
    std::os::unix::fs::symlink("/etc/nginx/sites-available/erp.example.test.conf", machine.path(LINK)).expect("a link");
    let house = machine.house(&[("erp.yaml", &machine.site("erp", REDIRECT))]).await;
    house.settles().await;
    assert_eq!(machine.read(FILE), own, "it means the same");

    let other = machine.site("other", REDIRECT);
    machine.write("/etc/nginx/sites-available/other.example.test.conf", "server { listen 1; server_name x; }\n");
    house.push(&[("other.yaml", Some(&other))]).await;
    let after = house.cycle().await.after.clone().expect("a plan");
    assert_eq!(after.held().count(), 1, "{after:?}");
    let kept = machine.read("/etc/nginx/sites-available/other.example.test.conf");
    assert_eq!(kept, "server { listen 1; server_name x; }\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_in_the_middle_leaves_the_former_site_or_the_new_one() {
    let Some(machine) = Machine::start(&[]).await else { return };
    let site = |status: u16| machine.site("erp", &REDIRECT.replace("302", &status.to_string()));
    let house = machine.house(&[("erp.yaml", &site(302))]).await;
    house.settles().await;
    let host = house.controller.ports.hosts.host("erp").expect("it was looked at");
    for (status, wait) in [(307, 20), (302, 120), (307, 300), (308, 700)] {
        house.push(&[("erp.yaml", Some(&site(status)))]).await;
        let cut = async {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            machine.sshd.cut();
        };
        tokio::join!(house.cycle(), cut);
        let said = machine.ask("erp.example.test", "/");
        assert!(["302", "307", "308"].iter().any(|one| said.contains(one)), "{said}");
        // Not left alone for long, and not held back: what failed is tried at once.
        let memory = house.controller.keeper.memory().clone();
        let retry: Vec<Patch> = memory.failures.keys().cloned().map(Patch::Heal).collect();
        house.controller.keeper.write(&retry).await.expect("the journal takes it");
        host.wake();
        house.settles().await;
        assert!(machine.ask("erp.example.test", "/").contains(&status.to_string()));
        assert!(machine.names("/etc/nginx").iter().all(|name| !name.starts_with(".driftless")));
    }
}

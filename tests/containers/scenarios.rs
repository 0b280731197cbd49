//! The scenarios of hosts, as they are written, on containers: what is planned there is what is planned on simulated hosts.

use super::Machines;
use super::acme::{Acme, directory};
use super::machines::IMAGE;
use crate::scenarios::files;
use crate::scenarios::script::Scenario;
use crate::scenarios::stage::{Journal, play_on};
use regex::Regex;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

/// A droplet whose certbot asks the ACME service of the tests, whatever it is told.
const TRUSTING: &str = "droplet-of-tests";
/// Where the first droplet of a simulator is.
const FIRST: &str = "203.0.113.2";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_of_hosts_is_planned_the_same_on_containers() {
    let Some(machines) = Machines::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let asks = format!("#!/bin/sh\nexec /usr/bin/certbot \"$@\" --server {} --no-verify-ssl\n", directory());
    let certbot = folder.path().join("certbot");
    std::fs::write(&certbot, asks).expect("written");
    std::fs::set_permissions(&certbot, std::fs::Permissions::from_mode(0o755)).expect("it may be run");
    let file = format!("FROM {IMAGE}\nCOPY certbot /usr/local/bin/certbot\n");
    machines.engine.build(TRUSTING, folder.path(), &file);
    let image = Regex::new(r#"image: "?([a-z0-9/.-]+:[a-z0-9.]+)"#).expect("a pattern");
    let mut played = 0;
    for path in files() {
        let scenario = Scenario::read(&path);
        if !scenario.hosts {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("the file");
        let images: BTreeSet<&str> =
            image.captures_iter(&text).filter_map(|found| Some(found.get(1)?.as_str())).collect();
        images.iter().for_each(|name| machines.engine.image(name, "stands-in"));
        let images: Vec<&str> = images.into_iter().collect();
        let hosts = machines.hosts_of(TRUSTING, &images);
        let acme = |house: &crate::house::House| drop(Acme::start(&machines, house, Some(FIRST)));
        let went = play_on(&scenario, Journal::Kept, hosts, acme).await;
        went.unwrap_or_else(|why| panic!("{}:\n{why}", path.display()));
        played += 1;
    }
    assert!(played > 1, "there are scenarios of hosts");
}

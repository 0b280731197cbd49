//! A site on its way between two machines with a real certbot: its certificate goes along, and is certbot's own there.

use super::certificates::{Pebble, site};
use super::machine::Machine;
use crate::house::{House, failed, lines};

const RENEWAL: &str = "/etc/letsencrypt/renewal";
const SERIAL: &str = "/etc/letsencrypt/live/erp.example.test/cert.pem";

/// The site has left nothing to be done on either host.
async fn arrives(house: &House) {
    for _ in 0..4 {
        let snapshot = house.cycle().await;
        assert!(failed(&snapshot.outcomes).is_empty(), "{:#?}", failed(&snapshot.outcomes));
        if snapshot.after.as_ref().is_some_and(|plan| plan.is_empty()) {
            return;
        }
        // Nobody knows where its name leads.
        house.approve_all().await;
    }
    panic!("it does not come to its end: {:?}", house.controller.snapshot.borrow().after.as_ref().map(|p| lines(p)));
}

/// What certbot itself makes of its certificates there.
async fn certificates(house: &House, host: &str) -> String {
    let words = ["certbot", "certificates"];
    let command = driftless::ports::host::Command::program("asking certbot", words);
    let said = house.controller.ports.hosts.host(host).expect("aimed").output(&command).await.expect("it answers");
    said.text()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_moves_with_its_site_and_back_and_certbot_keeps_it() {
    let programs = ["certbot", "pebble", "pebble-challtestsrv"];
    let (Some(first), Some(second)) = (Machine::start(&programs).await, Machine::start(&programs).await) else {
        return;
    };
    std::fs::copy(first.sshd.folder.path().join("client.pub"), second.sshd.folder.path().join("client.pub"))
        .expect("one key");
    let pebble = Pebble::start(&first.path("/"), first.http);
    // A host is known by its address: the same one twice is one machine.
    let next = second.document().replace("name: erp", "name: next").replace("127.0.0.1", "localhost");
    let here = site(&first, "[erp.example.test]", &pebble.directory);
    let there = site(&second, "[erp.example.test]", &pebble.directory).replace("host: erp", "host: next");
    let house = first.house(&[("next.yaml", &next), ("erp.yaml", &here)]).await;
    house.settles().await;
    let serial = first.read(SERIAL);

    house.push(&[("erp.yaml", Some(&there))]).await;
    arrives(&house).await;
    assert!(second.issuer("erp.example.test").contains("Pebble"));
    assert_eq!(second.read(SERIAL), serial, "it came along");
    assert_eq!(second.names(RENEWAL), ["erp.example.test.conf"]);
    let known = certificates(&house, "next").await;
    assert!(known.contains("Certificate Name: erp.example.test") && known.contains("VALID"), "{known}");
    assert_eq!(first.names(RENEWAL), ["erp.example.test.conf.ended"]);
    let forgotten = certificates(&house, "erp").await;
    assert!(forgotten.contains("No certificates found"), "{forgotten}");

    house.push(&[("erp.yaml", Some(&here))]).await;
    arrives(&house).await;
    assert!(first.issuer("erp.example.test").contains("Pebble"));
    assert_eq!((first.read(SERIAL), first.names(RENEWAL)), (serial, vec!["erp.example.test.conf".to_owned()]));
    assert!(certificates(&house, "erp").await.contains("VALID"));
    assert_eq!(second.names(RENEWAL), ["erp.example.test.conf.ended"]);
}

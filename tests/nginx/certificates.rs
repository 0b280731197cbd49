//! Certificates: from nothing to https in one commit, all names in one, and attempts that are counted.

use super::machine::{Machine, faults, ports};
use crate::house::lines;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An ACME service on loopback that finds every name at 127.0.0.1.
pub struct Pebble {
    pub directory: String,
    children: Vec<Child>,
}

impl Pebble {
    pub fn start(folder: &Path, http: u16) -> Self {
        let [listen, management, dns, dns_management, tls] = ports();
        let file = |name: &str| folder.join(name).display().to_string();
        let (key, certificate, config) = (file("pebble.key"), file("pebble.pem"), file("pebble.json"));
        let words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
        let made = Command::new("openssl")
            .args(words)
            .args(["-keyout", &key, "-out", &certificate])
            .stderr(Stdio::null())
            .status();
        assert!(made.expect("openssl runs").success());
        let settings = serde_json::json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{listen}"), "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": certificate, "privateKey": key, "httpPort": http, "tlsPort": tls, "ocspResponderURL": "",
        }});
        std::fs::write(&config, settings.to_string()).expect("written");
        let quiet = |program: &str, words: &[&str]| {
            let mut command = Command::new(program);
            command.args(words).stdout(Stdio::null()).stderr(Stdio::null());
            command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "0");
            command.spawn().expect(program)
        };
        let (dns, dns_management) = (format!("127.0.0.1:{dns}"), format!("127.0.0.1:{dns_management}"));
        let names = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-dns01", &dns, "-management", &dns_management];
        let children = vec![
            quiet("pebble-challtestsrv", &[&names[..], &["-defaultIPv6", "", "-defaultIPv4", "127.0.0.1"]].concat()),
            quiet("pebble", &["-config", &config, "-dnsserver", &dns]),
        ];
        let until = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", listen)).is_err() {
            assert!(Instant::now() < until, "pebble does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { directory: format!("https://127.0.0.1:{listen}/dir"), children }
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn site(machine: &Machine, names: &str, directory: &str) -> String {
    let more = format!(
        "  tls: {{issuer: letsencrypt, email: ops@example.test, directory: \"{directory}\"}}\n  \
         locations: [{{path: /, redirect: {{to: \"https://there.example.test/\", status: 302}}}}]\n"
    );
    machine.site("erp", &more).replace("[erp.example.test]", names)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_commit_brings_a_site_with_its_certificate_and_another_gets_one_with_all_names() {
    let Some(machine) = Machine::start(&["certbot", "pebble", "pebble-challtestsrv"]).await else { return };
    let pebble = Pebble::start(&machine.path("/"), machine.http);
    let house = machine.house(&[("erp.yaml", &site(&machine, "[erp.example.test]", &pebble.directory))]).await;
    house.settles().await;
    let shown = machine.issuer("erp.example.test");
    assert!(shown.contains("Pebble") && shown.contains("DNS:erp.example.test"), "{shown}");
    let redirect = machine.ask("erp.example.test", "/");
    assert!(redirect.contains("301") && redirect.contains("https://erp.example.test"), "{redirect}");
    let renewal = machine.read("/etc/letsencrypt/renewal/erp.example.test.conf");
    assert!(renewal.contains("nginx -s reload"), "certbot's own renewals reach nginx, too: {renewal}");

    let two = site(&machine, "[erp.example.test, www.example.test]", &pebble.directory);
    house.push(&[("erp.yaml", Some(&two))]).await;
    house.settles().await;
    let shown = machine.issuer("www.example.test");
    assert!(shown.contains("DNS:erp.example.test") && shown.contains("DNS:www.example.test"), "{shown}");
    let ledger = machine.read("/var/lib/driftless/certificates.ledger");
    let results: Vec<&str> = ledger.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(results, ["got", "got"]);

    // Taken away by hand, it comes back at once with the certificate that it had.
    for folder in ["sites-available", "sites-enabled"] {
        let file = machine.path(&format!("/etc/nginx/{folder}/erp.example.test.conf"));
        std::fs::remove_file(file).expect("gone");
    }
    let plan = house.settles().await.plan.clone().expect("a plan");
    assert_eq!(plan.changes.len(), 1, "{:?}", lines(&plan));
    assert!(machine.issuer("www.example.test").contains("Pebble"));
    assert_eq!(machine.read("/var/lib/driftless/certificates.ledger"), ledger);

    // Given up, it is renewed no longer; and it comes back as it was, with nothing got anew.
    house.push(&[("erp.yaml", None)]).await;
    house.settles().await;
    assert_eq!(machine.names("/etc/letsencrypt/renewal"), ["erp.example.test.conf.ended"]);
    let serial = machine.read("/etc/letsencrypt/live/erp.example.test/cert.pem");
    house.push(&[("erp.yaml", Some(&two))]).await;
    house.settles().await;
    assert!(machine.issuer("www.example.test").contains("Pebble"));
    assert_eq!(machine.names("/etc/letsencrypt/renewal"), ["erp.example.test.conf"]);
    assert_eq!(machine.read("/etc/letsencrypt/live/erp.example.test/cert.pem"), serial);
    let ledger = machine.read("/var/lib/driftless/certificates.ledger");
    let results: Vec<&str> = ledger.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(results, ["got", "got", "kept"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_refuses_is_told_of_and_not_asked_a_fifth_time_within_the_hour() {
    let Some(machine) = Machine::start(&["certbot"]).await else { return };
    let [nobody] = ports();
    let directory = format!("https://127.0.0.1:{nobody}/dir");
    let house = machine.house(&[("erp.yaml", &site(&machine, "[erp.example.test]", &directory))]).await;
    let told = faults(&*house.cycle().await);
    let [fault] = told.as_slice() else { panic!("{told:?}") };
    assert!(fault.contains("got no certificate erp.example.test on Host/erp"), "{fault}");
    assert!(fault.contains("| The issuer must reach erp.example.test over http"), "{fault}");
    assert!(machine.ask("erp.example.test", "/").contains("503"), "http waits for the issuer, and serves nothing yet");

    // Three more of the same.
    let ledger = machine.read("/var/lib/driftless/certificates.ledger");
    assert_eq!(ledger.lines().count(), 1, "{ledger}");
    machine.write("/var/lib/driftless/certificates.ledger", &ledger.repeat(4));
    house.controller.keeper.write(&retry(&house)).await.expect("the journal takes it");
    let told = faults(&*house.cycle().await);
    let [fault] = told.as_slice() else { panic!("{told:?}") };
    assert!(fault.contains("it failed four times within an hour"), "{fault}");
    assert_eq!(machine.read("/var/lib/driftless/certificates.ledger").lines().count(), 4, "nobody was asked");
}

/// Forgets what failed, as `driftless retry` does.
fn retry(house: &crate::house::House) -> Vec<driftless::model::Patch> {
    let memory = house.controller.keeper.memory();
    memory.failures.keys().cloned().map(driftless::model::Patch::Heal).collect()
}

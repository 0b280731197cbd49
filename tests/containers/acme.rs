//! An ACME service on the wire of the droplets, at an address that none of them gets. It asks the simulator for names.

use super::Machines;
use crate::house::House;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CHALLTESTSRV: &str = "/usr/bin/pebble-challtestsrv:/usr/bin/pebble-challtestsrv:ro";
const ADDRESS: &str = "198.51.100.250";
/// On droplets' wire there is every public address; then the program, which the machine has and the image has not. What is
/// asked for names is the simulator, or where an address is given a service that finds every name there.
const SCRIPT: &str = r#"ip address add 198.51.100.250/32 dev eth0; ip route add 203.0.113.0/24 dev eth0
[ -z "$2" ] || { pebble-challtestsrv -http01 "" -https01 "" -tlsalpn01 "" -dns01 :53 -defaultIPv6 "" -defaultIPv4 "$2" & }
exec pebble -config /acme/pebble.json -dnsserver "$1":53"#;

/// The service. It ends with its engine.
pub struct Acme {
    /// The file with the root of its certificates.
    pub root: String,
}

/// Where it hands out certificates.
pub fn directory() -> String {
    format!("https://{ADDRESS}:14000/dir")
}

impl Acme {
    /// Starts it on the wire of a house's droplets. It finds every name at this address, or asks the simulator.
    pub fn start(machines: &Machines, house: &House, address: Option<&str>) -> Self {
        let (folder, network) = (house.folder.path().join("acme"), machines.network(&house.running.url()));
        std::fs::create_dir(&folder).expect("a folder");
        let file = |name: &str| folder.join(name).display().to_string();
        let words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=acme"];
        let (key, certificate) = (file("pebble.key"), file("pebble.pem"));
        let mut made = Command::new("openssl");
        made.args(words).args(["-keyout", &key, "-out", &certificate]).stderr(Stdio::null());
        assert!(made.status().expect("openssl runs").success());
        let settings = serde_json::json!({"pebble": {
            "listenAddress": "0.0.0.0:14000", "managementListenAddress": "0.0.0.0:15000", "httpPort": 80, "tlsPort": 443,
            "certificate": "/acme/pebble.pem", "privateKey": "/acme/pebble.key", "ocspResponderURL": "",
        }});
        std::fs::write(file("pebble.json"), settings.to_string()).expect("written");
        let engine = &machines.engine;
        let gateway = engine.say(&["network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", &network]);
        let names = if address.is_some() { "127.0.0.1" } else { &gateway };
        let (mounted, name) = (format!("{}:/acme:ro", folder.display()), format!("acme-{network}"));
        let run = ["run", "-d", "--name", &name, "--network", &network, "--cap-add", "NET_ADMIN", "-v", &mounted];
        let with = [
            "-v",
            "/usr/bin/pebble:/usr/bin/pebble:ro",
            "-v",
            CHALLTESTSRV,
            "-e",
            "PEBBLE_VA_NOSLEEP=1",
            "-e",
            "PEBBLE_WFE_NONCEREJECT=0",
        ];
        let what = [
            "--entrypoint",
            "/bin/sh",
            super::machines::IMAGE,
            "-c",
            SCRIPT,
            "acme",
            names,
            address.unwrap_or_default(),
        ];
        engine.say(&[&run[..], &with[..], &what[..]].concat());
        let at = engine.say(&["inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", &name]);
        let (url, root) = (format!("https://{at}:15000/roots/0"), file("root.pem"));
        let until = Instant::now() + Duration::from_secs(20);
        let got =
            || Command::new("curl").args(["-sfk", "-o", &root, &url]).status().is_ok_and(|status| status.success());
        while !got() {
            assert!(Instant::now() < until, "pebble does not listen: {}", engine.say(&["logs", &name]));
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { root }
    }
}

//! The command `driftless sandbox --hosts containers` as a process: what it says where it cannot, and what it leaves.

use super::Machines;
use crate::cli::Desk;
use serde_json::Value;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SANDBOX: [&str; 9] =
    ["sandbox", "-o", "json", "--listen", "127.0.0.1:0", "--action-time", "0s", "--hosts", "containers"];

/// A sandbox, and the network that it made.
struct Playing {
    child: Child,
    url: String,
    network: String,
}

impl Playing {
    fn start(desk: &Desk, machines: &Machines) -> Self {
        let mut command = desk.command(&[&SANDBOX[..], &["--hosts-at", "127.77.13.9:20000"]].concat());
        command.env("DOCKER_HOST", machines.engine.address()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program");
        let out = child.stdout.take().expect("stdout");
        let told: Value =
            serde_json::Deserializer::from_reader(out).into_iter().next().expect("an answer").expect("JSON");
        let url = told["url"].as_str().expect("an address").to_owned();
        let network = machines.network(&url);
        Self { child, url, network }
    }

    fn signal(&mut self, signal: rustix::process::Signal) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("a signal");
        self.child.wait().expect("an end").code()
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many containers and networks there are whose names begin so.
fn left(machines: &Machines, name: &str) -> (usize, usize) {
    let filter = format!("name=^{name}");
    let count = |words: &[&str]| machines.engine.say(&[words, &["--filter", &filter]].concat()).lines().count();
    (count(&["ps", "-aq"]), count(&["network", "ls", "-q"]))
}

#[test]
fn what_a_killed_sandbox_leaves_goes_with_the_next_start() {
    let Some(machines) = Machines::start() else { return };
    let desk = Desk::new();
    let mut killed = Playing::start(&desk, &machines);
    let droplet = r#"{"name": "erp", "region": "sgp1", "size": "s-1vcpu-1gb", "image": "ubuntu-22-04-x64"}"#;
    let words = ["-sf", "-H", "Authorization: Bearer sandbox", "-H", "Content-Type: application/json", "-d", droplet];
    let made =
        Command::new("curl").args(words).arg(format!("{}/v2/droplets", killed.url)).stdout(Stdio::null()).status();
    assert!(made.expect("curl runs").success());
    let until = Instant::now() + Duration::from_secs(30);
    while left(&machines, &killed.network) != (1, 1) {
        assert!(Instant::now() < until, "no container is made");
        std::thread::sleep(Duration::from_millis(50));
    }
    killed.signal(rustix::process::Signal::KILL);
    assert_eq!(left(&machines, &killed.network), (1, 1), "nobody could take them away");

    let mut next = Playing::start(&desk, &machines);
    assert_eq!(left(&machines, &killed.network), (0, 0));
    assert_eq!(left(&machines, &next.network), (0, 1));
    assert_eq!(next.signal(rustix::process::Signal::TERM), Some(0));
    assert_eq!(left(&machines, &next.network), (0, 0), "what ends in order leaves nothing");
}

#[test]
fn without_an_engine_the_command_says_what_it_needs() {
    let desk = Desk::new();
    let output =
        desk.command(&SANDBOX).env("DOCKER_HOST", "unix:///nowhere/docker.sock").output().expect("the program");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("need a Docker Engine on this machine") && !said.contains("--listen"), "{said}");
}

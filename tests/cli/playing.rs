//! `sandbox`: that it listens on this machine only, can be planned against, and keeps its world.

use super::Desk;
use serde_json::Value;
use std::process::{Child, Stdio};

/// A sandbox in a process of its own, which ends with the test.
struct Playing {
    child: Child,
    told: Value,
}

impl Playing {
    fn new(desk: &Desk, args: &[&str]) -> Self {
        let all = [&["sandbox", "--listen", "127.0.0.1:0", "-o", "json"], args].concat();
        let mut child = desk.command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        let out = child.stdout.take().expect("stdout");
        let told = serde_json::Deserializer::from_reader(out).into_iter().next().expect("an answer").expect("JSON");
        Self { child, told }
    }

    /// Ends it as an init system does; what it said at its end.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
        if let Some(mut err) = self.child.stderr.take() {
            std::io::Read::read_to_string(&mut err, &mut said).expect("stderr");
        }
        (self.child.wait().expect("an end").code(), said)
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn plan(desk: &Desk, playing: &Playing, token: &str) -> (Option<i32>, Value) {
    let mut command = desk.command(&["plan", "infra", "-o", "json"]);
    command.env("DIGITALOCEAN_API_URL", playing.told["url"].as_str().expect("a url"));
    let output = command.env("DIGITALOCEAN_ACCESS_TOKEN", token).output().expect("the program");
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

#[test]
fn what_init_writes_can_be_planned_against_it() {
    let desk = Desk::new();
    desk.well(&["init", "infra", "--no-git"]);
    let settings = desk.read("infra/settings.yaml").replace("\n  mode: observe\n", "\n  mode: enforce\n");
    desk.write("infra/settings.yaml", &settings);
    let playing = Playing::new(&desk, &["--token", "ana", "--token", "ci:read-only", "--dns", "--action-time", "0s"]);
    assert_eq!(playing.told["tokens"], serde_json::json!(["ana", "ci"]));
    assert!(playing.told["dns"].as_str().is_some_and(|dns| dns.starts_with("127.0.0.1:")));
    let (code, told) = plan(&desk, &playing, "ci");
    assert_eq!(code, Some(2));
    assert!(told["changes"].as_array().is_some_and(|changes| changes.len() > 5), "{told}");
}

#[test]
fn its_world_outlives_it_in_a_file_and_is_seeded_once() {
    let desk = Desk::new();
    let args = ["--state", "world.json", "--seed", "droplets=3,zones=2,records=4"];
    for said in ["", "The state file has a world already: nothing was added to it.\n"] {
        let playing = Playing::new(&desk, &args);
        let end = "Stopped; the world is kept in world.json.\n";
        assert_eq!(playing.end(), (Some(0), format!("{said}{end}")));
        let kept = desk.read("world.json");
        assert!(kept.contains("seed-0003") && !kept.contains("seed-0004"), "{kept}");
    }
}

#[test]
fn arguments_that_mean_nothing_are_refused_with_what_is_expected() {
    let desk = Desk::new();
    for (flag, value, expected) in [
        ("--listen", "0.0.0.0:8484", "listens on this machine only"),
        ("--listen", "[::]:8484", "listens on this machine only"),
        ("--dns", "8.8.8.8:53", "listens on this machine only"),
        ("--listen", "here", "such as 127.0.0.1:8484"),
        ("--token", "ci:readonly", "no scope: full, read-only"),
        ("--token", ":full", "a token is a word"),
        ("--limits", "0", "real, off, or a whole number above 0"),
        ("--action-time", "soon", "such as 500ms, 2s or 1m"),
        ("--fault", "GET /v2/droplets explode", "not understood in the fault"),
        ("--seed", "droplets=-1", "each up to 60000"),
    ] {
        let said = desk.say(&["sandbox", flag, value]);
        assert_eq!((said.code, said.out.as_str()), (Some(64), ""), "{flag} {value}");
        assert!(said.err.contains(expected), "{flag} {value}: {}", said.err);
    }
}

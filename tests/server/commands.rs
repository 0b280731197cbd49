//! The commands from another process, with the real binary: beside a controller that runs, beside one that does not,
//! and over the network. And what a service manager hears.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use driftless::model::Digest;

use crate::process::rig::{ENFORCE, PATIENCE, Rig, Started, VPC, droplet, ran, reimaged, until};

const QUICK: Duration = Duration::from_millis(20);
const SMALL: &str = "s-1vcpu-1gb";

fn vpc_stands(rig: &Rig) -> bool {
    rig.hand().read(|w| w.vpcs.iter().any(|v| v.name == "production"))
}

/// Where a controller says that it listens.
fn listens(controller: &Started) -> String {
    let at = controller.logs(&["listening", "address="]);
    let line = controller.log()[at - 1].clone();
    let address = line.split("address=").nth(1).expect("an address").trim_matches(['"', ' ']);
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_and_a_pause_from_another_process_hold_until_they_are_ended() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE)]).await;
    let controller = rig.controller(&[]);
    let first = controller.logs(&["reported"]);
    rig.run(&["freeze", "--reason", "the region moves", "--until", "2h"]).await.ended(0).says("goes on with it now");
    let frozen = controller.logs_after(first, &["reported", "frozen"]);
    rig.push(&[("vpc.yaml", VPC)]);
    let planned = controller.logs_after(frozen, &["reported"]);
    assert!(!vpc_stands(&rig));
    rig.run(&["status"]).await.ended(3).says("FROZEN").says("The controller runs");
    rig.run(&["status", "-o", "json"]).await.ended(3).says("the region moves");
    rig.run(&["thaw"]).await.ended(0).says("thawed");
    until("it is made", || vpc_stands(&rig));
    controller.logs_after(planned, &["reported"]);
    rig.run(&["thaw"]).await.ended(1).says("nothing is frozen");
    rig.run(&["pause", "Vpc/main", "--reason", "by hand"]).await.ended(0).says("driftless resume Vpc/main");
    rig.run(&["pause", "Vpc", "--reason", "x"]).await.ended(64).says("Kind/name");
    rig.run(&["status"]).await.says("paused: Vpc/main (by hand)");
    rig.run(&["resume", "Vpc/main"]).await.ended(0);
    rig.run(&["retry", "Vpc/main"]).await.ended(1).says("failing");
    assert_eq!(controller.stop(), 0);
    assert!(!rig.data().join("driftless.sock").exists() && !rig.data().join("wake").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_beside_a_controller_is_refused_and_told_who_runs() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let controller = rig.controller(&[]);
    controller.logs(&["reported"]);
    rig.run(&["apply", "--yes"]).await.ended(1).says("driftless run, process").says("push to its repo");
    assert_eq!(controller.stop(), 0);
    rig.run(&["apply", "--yes"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_controller_the_commands_write_the_journal_and_the_next_run_heeds_it() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("erp.yaml", &droplet("erp", SMALL))]).await;
    let once = ["run", "--repo", ".", "--once"];
    rig.run(&["freeze", "--reason", "x"]).await.ended(1).says("there is no journal").says("DRIFTLESS_SERVER");
    rig.run(&once).await.ended(0);
    rig.run(&["freeze", "--reason", "moving"]).await.ended(0).says("No controller runs").says("frozen");
    rig.push(&[("vpc.yaml", VPC)]);
    rig.run(&once).await.ended(3);
    rig.run(&["apply", "--yes"]).await.ended(1).says("frozen by").says("driftless thaw");
    assert!(!vpc_stands(&rig));
    rig.run(&["plan"]).await.ended(2).says("frozen by");
    rig.run(&["thaw"]).await.ended(0);
    rig.run(&once).await.ended(0);
    assert!(vpc_stands(&rig));
    rig.push(&[("erp.yaml", &reimaged("erp", SMALL))]);
    rig.run(&once).await.ended(3);
    let plan = rig.run(&["status", "-o", "json"]).await.ended(3).json();
    let digest = plan["plan"]["changes"][0]["standing"]["because"]["digest"].as_str().expect("held").to_owned();
    let said = rig.run(&["approve", &digest, "-o", "json"]).await.ended(0).json();
    assert!(said["said"][0].as_str().is_some_and(|s| s.contains("Droplet/erp")), "{said}");
    rig.run(&once).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_reaches_the_controller_over_the_network_with_a_token() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("erp.yaml", &droplet("erp", SMALL))]).await;
    let file = rig.file("driftless.toml");
    let person = |name: &str, role: &str, more: &str| {
        let hash = Digest::of_bytes(format!("{name}-token").as_bytes());
        format!("[[access]]\nname='{name}'\nrole='{role}'\ntoken_hash='{hash}'\n{more}\n")
    };
    let people = [person("ana", "admin", "emails=['ana@example.com']"), person("bob", "approver", "")].concat();
    std::fs::write(&file, format!("[server]\nlisten = '127.0.0.1:0'\n{people}")).expect("settings");
    let controller = rig.controller(&["--config", &file.display().to_string()]);
    let first = controller.logs(&["reported"]);
    let url = listens(&controller);
    rig.push(&[("erp.yaml", &reimaged("erp", SMALL))]);
    controller.logs_after(first, &["reported"]);
    let laptop = async |who: &str, arguments: &[&str]| {
        let mut command = rig.stranger(arguments);
        command.env("DRIFTLESS_SERVER", &url);
        if !who.is_empty() {
            command.env("DRIFTLESS_SERVER_TOKEN", format!("{who}-token"));
        }
        ran(command).await
    };
    laptop("", &["status"]).await.ended(1).says("DRIFTLESS_SERVER_TOKEN");
    let wrong = laptop("eve", &["status"]).await.ended(1).says("nobody has this token");
    assert!(!wrong.err.contains("eve-token"), "{}", wrong.err);
    let plan = laptop("bob", &["status", "-o", "json"]).await.ended(3).json();
    let digest = plan["plan"]["changes"][0]["standing"]["because"]["digest"].as_str().expect("held").to_owned();
    laptop("ana", &["approve", &digest]).await.ended(1).says("nobody approves their own work");
    laptop("bob", &["freeze", "--reason", "x"]).await.ended(1).says("takes the role admin");
    laptop("bob", &["approve", &digest]).await.ended(0).says("Droplet/erp");
    until("it is replaced", || rig.hand().edit(|w| w.droplet_named("erp").is_some_and(|d| d.status == "active")));
    let log = controller.log().join("\n");
    assert!(!log.contains("-token"), "{log}");
    // On the machine itself nobody is named by a user: root is nobody in particular.
    rig.run(&["thaw"]).await.ended(1).says("os_user");
    assert_eq!(controller.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_leaves_a_stale_socket_that_stands_in_nobodys_way() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE)]).await;
    let controller = rig.controller(&[]);
    controller.logs(&["reported"]);
    controller.kill();
    assert!(rig.data().join("driftless.sock").exists());
    rig.run(&["status"]).await.ended(0).says("No controller runs");
    rig.run(&["freeze", "--reason", "x"]).await.ended(0);
    let again = rig.controller(&[]);
    again.logs(&["reported"]);
    rig.run(&["status"]).await.ended(3).says("The controller runs");
    assert_eq!(again.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_that_it_is_ready_lives_and_ends() {
    let rig = Rig::new(QUICK, &[("settings.yaml", ENFORCE), ("vpc.yaml", VPC)]).await;
    let place = rig.file("notify");
    let heard = UnixDatagram::bind(&place).expect("a socket");
    heard.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let repo = rig.repo().display().to_string();
    let run = rig.command(&["run", "--repo", &repo]);
    // The watchdog is one process's, and its number is known only once it is there.
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "WATCHDOG_PID=$$ exec \"$0\" \"$@\""]).arg(run.get_program()).args(run.get_args()).env_clear();
    command.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(rig.repo());
    command.env("NOTIFY_SOCKET", &place).env("WATCHDOG_USEC", "300000");
    let mut controller = Started::new(command);
    let hears = |wanted: &str| {
        let (began, mut all) = (Instant::now(), Vec::new());
        loop {
            let mut bytes = [0; 4096];
            let n = match heard.recv(&mut bytes) {
                Ok(n) => n,
                // A signal of the test program's own, such as the end of a child.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => panic!("no {wanted} ({error}) in {all:?}"),
            };
            let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
            if text.contains(wanted) {
                return text;
            }
            assert!(began.elapsed() < PATIENCE, "no {wanted} in {all:?}");
            all.push(text);
        }
    };
    let status = hears("STATUS=");
    assert!(status.contains("of 1 in sync"), "{status}");
    hears("READY=1");
    for _ in 0..3 {
        hears("WATCHDOG=1");
    }
    controller.signal(rustix::process::Signal::TERM);
    hears("STOPPING=1");
    assert_eq!(controller.ends(), 0);
}

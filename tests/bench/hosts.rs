//! A hundred simulated hosts with their stacks and sites, 20 ms away: what a full look with nothing to do takes once the
//! sessions are warm, what one host that hangs costs the others, and how many hosts one changed stack touches.
//!
//! `HOSTS=10` takes fewer, each with five stacks and three sites as ever.

use crate::look::runtime;
use crate::process::Running;
use crate::report::Report;
use crate::world::settings;
use driftless::ports::git;
use driftless::sandbox::{self, HostsConfig};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The argument with which this program is the simulator.
pub const CHILD: &str = "--hosts-world";
const STACKS: usize = 5;
const SITES: usize = 3;
const ROUND_TRIP: Duration = Duration::from_millis(20);
const RUNS: usize = 9;
const SETTINGS: &str = "apiVersion: driftless/v1\nkind: Settings\nmetadata: {name: settings}\nspec:\n  estate: bench\n  id: 9f2c6a1e-0000-4000-8000-00000000000b\n  mode: enforce\n  interval: 1h\n";

/// The simulator in a process of its own, with hosts behind its droplets.
struct Hosts {
    child: Child,
    url: String,
    map: String,
}

impl Hosts {
    fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        let mut child = command.arg(CHILD).stdout(Stdio::piped()).stdin(Stdio::piped()).spawn().expect("a process");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let (url, map) = (lines.next().expect("its address"), lines.next().expect("where its hosts are"));
        Self { child, url, map }
    }

    fn tell(&self, path: &str, body: &str) {
        let url = format!("{}/sandbox/{path}", self.url);
        let sent =
            async { reqwest::Client::new().post(url).body(body.to_owned()).send().await.expect("an answer").status() };
        assert!(runtime().block_on(sent).is_success(), "{path} {body}");
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the simulator until standard input ends.
pub fn be_hosts() {
    runtime().block_on(async {
        let hosts = HostsConfig { round_trip: ROUND_TRIP, haste: 1000, ..HostsConfig::default() };
        let running = sandbox::serve(sandbox::Config { hosts: Some(hosts), ..settings() }).await.expect("a simulator");
        println!("{}\n{}", running.url(), running.reach_map().expect("hosts"));
        let _ = tokio::task::spawn_blocking(|| std::io::stdin().lines().count()).await;
    });
}

fn files(hosts: usize, public_key: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::from([
        ("settings.yaml".to_owned(), SETTINGS.to_owned()),
        (
            "ops.yaml".to_owned(),
            format!(
                "apiVersion: driftless/v1\nkind: SshKey\nmetadata: {{name: ops}}\nspec: {{publicKey: \"{public_key}\"}}\n"
            ),
        ),
    ]);
    for host in 0..hosts {
        let mut text = format!(
            "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {{name: h{host}}}\nspec: {{region: sgp1, size: s-1vcpu-1gb, \
             image: ubuntu-22-04-x64, sshKeys: [ops]}}\n---\napiVersion: driftless/v1\nkind: Host\nmetadata: {{name: h{host}}}\n\
             spec: {{droplet: h{host}, identity: {{secret: ssh.ops}}, install: [docker, compose, nginx]}}\n"
        );
        for stack in 0..STACKS {
            text.push_str(&format!(
                "---\napiVersion: driftless/v1\nkind: ComposeStack\nmetadata: {{name: h{host}-s{stack}}}\n\
                 spec: {{host: h{host}, path: stacks/h{host}-s{stack}}}\n"
            ));
            let compose = format!(
                "services:\n  web:\n    image: app:1\n    ports: ['127.0.0.1:{}:80']\n    volumes: [./app.conf:/etc/app.conf:ro]\n  db: {{image: 'postgres:16'}}\n",
                8000 + stack
            );
            files.insert(format!("stacks/h{host}-s{stack}/compose.yaml"), compose);
            files.insert(format!("stacks/h{host}-s{stack}/app.conf"), "workers = 2\n".to_owned());
        }
        for site in 0..SITES {
            text.push_str(&format!(
                "---\napiVersion: driftless/v1\nkind: NginxSite\nmetadata: {{name: h{host}-n{site}}}\nspec: {{host: h{host}, \
                 serverNames: [n{site}.h{host}.example.com], locations: [{{path: /, to: {{url: \"http://127.0.0.1:{}\"}}}}]}}\n",
                8000 + site
            ));
        }
        files.insert(format!("hosts/h{host}.yaml"), text);
    }
    files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect()
}

/// Measures it.
pub fn measure(report: &mut Report) {
    let hosts: usize = std::env::var("HOSTS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let (world, folder) = (Hosts::start(), tempfile::tempdir().expect("a folder"));
    let (private, public) = sandbox::key_pair();
    let (repo, secrets) = (folder.path().join("infra"), folder.path().join("secrets"));
    std::fs::create_dir_all(&secrets).expect("a folder");
    std::fs::write(secrets.join("ssh.ops"), private).expect("written");
    let ana = git::Person::new("Ana", "ana@example.com");
    runtime()
        .block_on(git::init_repo(&repo, &files(hosts, &public), "Begin", "main", Some(&ana)))
        .expect("a repository");
    report.note("hosts, stacks, sites", &format!("{hosts}, {}, {}", hosts * STACKS, hosts * SITES));
    let set = [
        "reach.hosts=true".to_owned(),
        format!("reach.map={}", world.map),
        format!("secrets_dir={}", secrets.display()),
        "log.level=info,driftless::ports::host=debug".to_owned(),
    ];
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    let began = Instant::now();
    let running = Running::start_with(&repo.display().to_string(), &folder.path().join("data"), &world.url, &set);
    while changes(&running.says("\"planned\"")) != 0 {
        running.hang_up();
    }
    report.note("from an empty account to in sync", &format!("{:.1} s", began.elapsed().as_secs_f64()));
    let look = || {
        let began = Instant::now();
        running.hang_up();
        let (line, before) = running.says_after("\"planned\"");
        assert_eq!(changes(&line), 0, "{line}");
        (began.elapsed(), others(&before))
    };
    let looks = |count: usize| -> (Vec<Duration>, f64) {
        let (times, others): (Vec<_>, Vec<_>) = (0..count).map(|_| look()).unzip();
        (times, ninety_ninth(others.concat()))
    };
    let (times, quiet) = looks(RUNS);
    report.times("a full look with nothing to do", &times, Duration::from_secs(3));
    report.figure("peak memory of driftless run", running.memory("VmHWM") as f64 / 1024.0, "MiB", 150.0, "");
    one_stack(report, &running, &repo);
    world.tell("faults", "host h1 run 'uname*' hang");
    let (times, beside) = looks(RUNS);
    report.times("the same while one host hangs", &times, Duration::from_secs(3));
    report.note("the 99th percentile of the others, before", &format!("{quiet:.0} ms a host"));
    report.figure("the same beside the one that hangs", beside, "ms", quiet * 1.05, "");
}

/// How many milliseconds each host took that a look waited for, but for the one that is going to hang.
fn others(log: &[String]) -> Vec<u64> {
    let lines = log.iter().filter(|line| line.contains("looked at the host"));
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let field = |line: &Value, name: &str| line.pointer(&format!("/fields/{name}")).or_else(|| line.get(name)).cloned();
    lines
        .filter(|line| field(line, "host") != Some("h1".into()))
        .filter_map(|line| field(&line, "took_ms")?.as_u64())
        .collect()
}

fn ninety_ninth(mut all: Vec<u64>) -> f64 {
    all.sort_unstable();
    let at = (all.len() * 99).div_ceil(100).saturating_sub(1);
    all.get(at).copied().expect("hosts were looked at") as f64
}

/// A commit that changes one stack touches its host and no other.
fn one_stack(report: &mut Report, running: &Running, repo: &Path) {
    let path = "stacks/h0-s0/app.conf".to_owned();
    let edits = git::Edits::from([(path, Some(b"workers = 3\n".to_vec()))]);
    let ana = git::Person::new("Ana", "ana@example.com");
    let began = Instant::now();
    runtime().block_on(git::commit_in(repo, &edits, "More workers", &ana)).expect("a commit");
    let planned = changes(&running.says("\"planned\""));
    report.figure("changes after a commit to one stack", planned as f64, "changes", 1.0, "");
    running.says("\"reported\"");
    report.note("from the commit to its end", &format!("{:.2} s", began.elapsed().as_secs_f64()));
}

/// How many changes a plan had, as its line of the log says.
fn changes(line: &str) -> u64 {
    let line: Value = serde_json::from_str(line).expect("a line of JSON");
    let found = line.pointer("/fields/changes").or_else(|| line.get("changes"));
    found.and_then(Value::as_u64).unwrap_or_else(|| panic!("{line} says how many"))
}

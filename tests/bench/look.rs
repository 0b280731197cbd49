//! A large estate that is in sync: how long reading, looking and planning take, with how many calls and how much memory.

use crate::estate::{LARGE, Size};
use crate::process::Running;
use crate::report::{Report, timed};
use crate::world::World;
use driftless::engine::look::look;
use driftless::kinds;
use driftless::model::{Estate, Memory, Plan};
use driftless::plan::{self, Brakes};
use driftless::ports::digitalocean::{Client, Config, Limits, Pace, Token};
use driftless::ports::{Ports, clock::Clock, git};
use driftless::repo::{self, Options};
use std::time::{Duration, Instant};

const RUNS: usize = 9;
const SECOND: Duration = Duration::from_secs(1);

/// Measures it.
pub fn measure(report: &mut Report) {
    reading(report);
    let world = World::of(LARGE);
    runtime().block_on(looking(report, &world));
    remembering(report, &world);
}

/// The runtime of the program.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// The ways to a simulator, without limits of our own.
pub fn ports(url: &str) -> Ports {
    let mut config = Config::at(url, Token::inline("sandbox")).expect("an address");
    (config.limits, config.pace) = (Limits::OFF, Pace::SANDBOX);
    Ports {
        clock: Clock::System,
        digitalocean: Client::new(config).expect("a client"),
        reach: Default::default(),
        hosts: Default::default(),
    }
}

/// The estate of a size, as read from its YAML.
pub fn estate(size: Size) -> Estate {
    let read = repo::read(&size.tree(), &Options::default(), &kinds::pure());
    assert!(read.estate.is_some(), "{:#?}", read.diagnostics.iter().take(5).collect::<Vec<_>>());
    read.estate.expect("an estate")
}

/// Plans until everything that is in sync is remembered, and insists that nothing is left to do.
pub async fn remember(ports: &Ports, estate: &Estate) -> Memory {
    let mut memory = Memory::default();
    let world = look(ports, estate, &memory).await;
    let plan = plan::plan(&kinds::pure(), estate, &world, &memory, &Brakes::default());
    in_sync(&plan);
    plan.remember.iter().for_each(|patch| memory.apply(patch));
    memory
}

/// Insists that a plan is empty.
pub fn in_sync(plan: &Plan) {
    assert!(plan.is_empty(), "{:#?}", plan.changes.iter().take(3).collect::<Vec<_>>());
    let findings: Vec<_> = plan.findings.iter().take(3).collect();
    assert_eq!((plan.in_sync, findings.len()), (plan.resources, 0), "{findings:#?}");
}

fn reading(report: &mut Report) {
    let tree = LARGE.tree();
    let times: Vec<Duration> =
        (0..RUNS).map(|_| timed(|| repo::read(&tree, &Options::default(), &kinds::pure())).1).collect();
    let bytes: usize = LARGE.files().values().map(Vec::len).sum();
    report.note("its YAML", &format!("{} files, {} KiB", LARGE.files().len(), bytes / 1024));
    report.times("parse and check", &times, SECOND);
}

async fn looking(report: &mut Report, world: &World) {
    let (ports, estate) = (ports(&world.url), estate(LARGE));
    let memory = remember(&ports, &estate).await;
    let (mut whole, mut planning, mut calls) = (Vec::new(), Vec::new(), 0);
    for _ in 0..RUNS {
        world.forget().await;
        let began = Instant::now();
        let seen = look(&ports, &estate, &memory).await;
        let (plan, took) = timed(|| plan::plan(&kinds::pure(), &estate, &seen, &memory, &Brakes::default()));
        whole.push(began.elapsed());
        planning.push(took);
        in_sync(&plan);
        assert_eq!(plan.remember, [], "everything is remembered already");
        calls = seen.calls;
    }
    report.times("observe and an empty plan", &whole, SECOND);
    report.times("of which planning", &planning, SECOND);
    report.figure("API calls", calls as f64, "calls", 80.0, "");
    by_collection(report, &world.calls().await);
}

/// Says how the calls spread, zones as one.
fn by_collection(report: &Report, by_path: &serde_json::Value) {
    let mut sums = std::collections::BTreeMap::<String, u64>::new();
    for (path, count) in by_path.as_object().into_iter().flatten() {
        let path = if path.ends_with("/records") { "GET /v2/domains/*/records" } else { path };
        *sums.entry(path.to_owned()).or_default() += count.as_u64().unwrap_or_default();
    }
    for (path, count) in sums {
        report.note(&format!("  {path}"), &count.to_string());
    }
}

/// The program itself: its first cycle takes everything in, and three more find nothing to do.
fn remembering(report: &mut Report, world: &World) {
    let folder = tempfile::tempdir().expect("a folder");
    let repo = folder.path().join("infra");
    let (files, ana) = (LARGE.files(), git::Person::new("Ana", "ana@example.com"));
    runtime().block_on(git::init_repo(&repo, &files, "Begin", "main", Some(&ana))).expect("a repository");
    let running = Running::start(&repo, &folder.path().join("data"), &world.url);
    for cycle in 0..4 {
        let line = running.says("\"planned\"");
        assert!(line.contains("\"changes\":0"), "{line}");
        std::thread::sleep(SECOND);
        let (peak, now) = (running.memory("VmHWM"), running.memory("VmRSS"));
        report.note(&format!("cycle {}", cycle + 1), &format!("peak {peak} KiB, resident {now} KiB"));
        running.hang_up();
    }
    report.figure("peak memory of driftless run", running.memory("VmHWM") as f64 / 1024.0, "MiB", 120.0, "");
}

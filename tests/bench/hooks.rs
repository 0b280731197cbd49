//! Webhooks: how soon one leads to a write, and a minute of a hundred a second with repetitions and bad signatures among
//! them. The repository is served over http, so that nothing but the webhook tells of a push.

use crate::estate::settings;
use crate::look::runtime;
use crate::process::Running;
use crate::push::{first_write, zone};
use crate::report::{Report, ms};
use crate::{served, world};
use driftless::ports::git;
use driftless::sandbox::{self, Handle};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;

const RUNS: usize = 15;
const SECONDS: u64 = 60;
const A_SECOND: u64 = 100;
/// A commit every so many seconds of the minute.
const COMMIT: u64 = 6;
const SECRET: &str = "a secret of the bench";
const BODY: &str = r#"{"ref": "refs/heads/main"}"#;

/// What is measured.
struct Bench {
    running: Running,
    hand: Handle,
    repo: PathBuf,
    url: String,
    http: reqwest::Client,
}

/// Measures it with the program as a process of its own.
pub fn measure(report: &mut Report) {
    runtime().block_on(async {
        let simulator = sandbox::serve(world::settings()).await.expect("a simulator");
        let folder = tempfile::tempdir().expect("a folder");
        let bench = start(&simulator, folder.path()).await;
        let mut times = Vec::new();
        for run in 1..=RUNS {
            bench.hand.forget_calls();
            bench.commit(run).await;
            let sent = SystemTime::now();
            assert_eq!(bench.send(&format!("first {run}"), SECRET).await.1, 202);
            let first = UNIX_EPOCH + Duration::from_millis(first_write(&bench.hand).await);
            times.push(first.duration_since(sent).unwrap_or_default());
            bench.running.says("\"reported\"");
            // The next push is no part of this one's burst, which would be answered a second later.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        report.times("from a webhook to the first write", &times, Duration::from_millis(500));
        let slowest = times.iter().max().copied().unwrap_or_default();
        report.times("the slowest of them", &[slowest], Duration::from_millis(500));
        bench.minute(report).await;
    });
}

async fn start(simulator: &sandbox::Running, folder: &Path) -> Bench {
    let repo = folder.join("infra");
    let files = BTreeMap::from([
        ("settings.yaml".to_owned(), settings().into_bytes()),
        ("zone.yaml".to_owned(), zone(0).into_bytes()),
    ]);
    git::init_repo(&repo, &files, "Begin", "main", Some(&ana())).await.expect("a repository");
    let address = served::serve(folder).await;
    std::fs::write(folder.join("secrets"), SECRET).expect("secrets");
    let secrets = format!("webhook.secrets_file={}", folder.join("secrets").display());
    let running = Running::start_with(
        &format!("{address}/infra/.git"),
        &folder.join("data"),
        &simulator.url(),
        &["server.listen=127.0.0.1:0", &secrets],
    );
    let line = running.says("\"listening\"");
    let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let url = format!("http://{}", line["address"].as_str().expect("an address"));
    running.says("\"planned\"");
    let bench = Bench { running, hand: simulator.handle(), repo, url, http: reqwest::Client::new() };
    // What it made of the first commit is no answer to a webhook.
    for _ in 0..6_000 {
        if bench.figure("driftless_resources{state=\"in_sync\"}").await >= 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bench
}

impl Bench {
    async fn commit(&self, run: usize) {
        let edits = BTreeMap::from([("zone.yaml".to_owned(), Some(zone(run).into_bytes()))]);
        git::commit_in(&self.repo, &edits, "Change", &ana()).await.expect("a commit");
    }

    /// Sends a webhook; gives how long its answer took, and its status.
    async fn send(&self, delivery: &str, secret: &str) -> (Duration, u16) {
        sent(self.http.clone(), self.url.clone(), delivery.to_owned(), secret).await
    }

    async fn figure(&self, name: &str) -> u64 {
        let page = self.http.get(format!("{}/metrics", self.url)).send().await.expect("an answer");
        let page = page.text().await.expect("a body");
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|n| n.trim().parse::<f64>().ok()).map_or(0, |n| n as u64)
    }

    async fn counted(&self, result: &str) -> u64 {
        self.figure(&format!("driftless_webhooks_total{{source=\"github\",result=\"{result}\"}}")).await
    }

    async fn minute(&self, report: &mut Report) {
        let before =
            [self.counted("accepted").await, self.counted("duplicate").await, self.counted("bad_signature").await];
        let cycles = self.figure("driftless_cycles_total").await;
        self.hand.forget_calls();
        let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / A_SECOND));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let (mut answers, mut memory, mut commits) = (JoinSet::new(), Vec::new(), 0u64);
        let (mut fresh, mut again, mut bad) = (0u64, 0u64, 0u64);
        let began = Instant::now();
        for n in 0..SECONDS * A_SECOND {
            tick.tick().await;
            if n % (COMMIT * A_SECOND) == 0 {
                commits += 1;
                self.commit(100 + usize::try_from(commits).expect("few")).await;
            }
            if n % (10 * A_SECOND) == 0 {
                memory.push(self.running.memory("VmRSS"));
            }
            let (delivery, secret) = match n % 10 {
                3 | 7 => (format!("minute {}", n - 1), SECRET),
                5 | 9 => (format!("minute {n}"), "another secret"),
                _ => (format!("minute {n}"), SECRET),
            };
            match n % 10 {
                3 | 7 => again += 1,
                5 | 9 => bad += 1,
                _ => fresh += 1,
            }
            answers.spawn(sent(self.http.clone(), self.url.clone(), delivery, secret));
        }
        let mut times: Vec<Duration> = answers.join_all().await.into_iter().map(|(time, _)| time).collect();
        let took = began.elapsed();
        times.sort_unstable();
        let last = self.written(commits).await;
        memory.push(self.running.memory("VmRSS"));
        let part = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
        let sent = format!(
            "{} in {:.1} s: {fresh} new, {again} seen before, {bad} badly signed",
            times.len(),
            took.as_secs_f64()
        );
        report.note("webhooks sent", &sent);
        report
            .note("their answers", &format!("median {:.1} ms, slowest {:.1} ms", ms(part(0.5)), ms(part(1.0 - 1e-9))));
        report.figure("99 of 100 answers within", ms(part(0.99)), "ms", 50.0, "");
        let now =
            [self.counted("accepted").await, self.counted("duplicate").await, self.counted("bad_signature").await];
        let [accepted, duplicates, refused] = [0, 1, 2].map(|i| now[i] - before[i]);
        report.figure("lost: sent new and not accepted", fresh.abs_diff(accepted) as f64, "", 0.0, "");
        report.figure("seen before and not ignored", again.abs_diff(duplicates) as f64, "", 0.0, "");
        report.figure("badly signed and not refused", bad.abs_diff(refused) as f64, "", 0.0, "");
        report.figure(
            "writes more or less than commits",
            last.abs_diff(commits) as f64,
            "",
            0.0,
            &format!(" ({commits} commits)"),
        );
        let ran = self.figure("driftless_cycles_total").await - cycles;
        report.note("cycles that they led to", &ran.to_string());
        let settled = memory.get(1).copied().unwrap_or_default() as f64 / 1024.0;
        let end = memory.last().copied().unwrap_or_default() as f64 / 1024.0;
        report.note("resident memory, every ten seconds", &format!("{memory:?} KiB"));
        report.figure("memory gained from 10 s on", end - settled, "MiB", 2.0, "");
    }

    /// Waits until the last commit is applied and nothing is under way; gives how many calls changed anything.
    async fn written(&self, commits: u64) -> u64 {
        let mut before = u64::MAX;
        for _ in 0..60 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let now = u64::try_from(self.hand.calls().mutations.len()).unwrap_or(u64::MAX);
            if now >= commits && now == before {
                return now;
            }
            before = now;
        }
        before
    }
}

async fn sent(http: reqwest::Client, url: String, delivery: String, secret: &str) -> (Duration, u16) {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(BODY.as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let request = http
        .post(format!("{url}/hooks/github"))
        .header("X-Hub-Signature-256", format!("sha256={hex}"))
        .header("X-GitHub-Event", "push")
        .header("X-GitHub-Delivery", delivery)
        .body(BODY);
    let began = Instant::now();
    let answer = request.send().await.expect("an answer");
    (began.elapsed(), answer.status().as_u16())
}

fn ana() -> git::Person {
    git::Person::new("Ana", "ana@example.com")
}

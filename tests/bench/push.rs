//! From a push to the first write: a commit in a local repository, and the call that it makes the program send.
//! The clock starts when the branch's file is written, which is before `git commit` has ended.

use crate::estate::settings;
use crate::look::runtime;
use crate::process::Running;
use crate::report::Report;
use crate::world;
use driftless::ports::git;
use driftless::sandbox::{self, Handle};
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

const RUNS: usize = 15;

/// Measures it with the program as a process of its own.
pub fn measure(report: &mut Report) {
    runtime().block_on(async {
        let simulator = sandbox::serve(world::settings()).await.expect("a simulator");
        let folder = tempfile::tempdir().expect("a folder");
        let repo = folder.path().join("infra");
        let ana = git::Person::new("Ana", "ana@example.com");
        let files = BTreeMap::from([
            ("settings.yaml".to_owned(), settings().into_bytes()),
            ("zone.yaml".to_owned(), zone(0).into_bytes()),
        ]);
        git::init_repo(&repo, &files, "Begin", "main", Some(&ana)).await.expect("a repository");
        let running = Running::start(&repo, &folder.path().join("data"), &simulator.url());
        running.says("\"reported\"");
        let mut times = Vec::new();
        for run in 1..=RUNS {
            let hand = simulator.handle();
            hand.forget_calls();
            let edits = BTreeMap::from([("zone.yaml".to_owned(), Some(zone(run).into_bytes()))]);
            git::commit_in(&repo, &edits, "Change", &ana).await.expect("a commit");
            let moved = std::fs::metadata(repo.join(".git/refs/heads/main")).and_then(|m| m.modified());
            let first = UNIX_EPOCH + Duration::from_millis(first_write(&hand).await);
            times.push(first.duration_since(moved.expect("when the branch moved")).unwrap_or_default());
            running.says("\"reported\"");
        }
        report.times("from the branch's move to the first write", &times, Duration::from_millis(500));
        let slowest = times.iter().max().copied().unwrap_or_default();
        report.times("the slowest of them", &[slowest], Duration::from_millis(500));
    });
}

/// A zone whose one record is another in each run.
pub fn zone(run: usize) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: Domain\nmetadata: {{name: bench.example}}\nspec:\n  ignore: [{{type: NS, name: \"@\"}}]\n  records:\n    - {{name: www, type: A, value: 192.0.2.{}}}\n",
        run + 1
    )
}

/// When the first call that changes anything was answered.
pub async fn first_write(hand: &Handle) -> u64 {
    for _ in 0..60_000 {
        if let Some(first) = hand.calls().mutations.first() {
            return first.at;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("nothing was written within a minute");
}

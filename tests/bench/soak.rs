//! A controller that reconciles every second for an hour: the template's estate, signals and commits, limits off.
//! Memory and open files have to be flat, the mirror and the journal bounded. `SOAK_SECONDS=600` takes ten minutes.

use crate::idle::template;
use crate::look::runtime;
use crate::process::Running;
use crate::report::Report;
use crate::world;
use driftless::ports::git;
use driftless::sandbox;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
/// So often the figures are taken.
const POINTS: u32 = 10;
/// Every so manieth second brings a commit, and every other one of these changes something.
const COMMIT: u32 = 5;

/// What is to be flat or bounded at one point.
#[derive(Clone, Copy)]
struct Figures {
    memory: u64,
    files: u64,
    mirror: u64,
    journal: u64,
}

/// Measures the program as a process of its own.
pub fn measure(report: &mut Report) {
    let seconds = std::env::var("SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3_600);
    runtime().block_on(soak(report, seconds));
}

async fn soak(report: &mut Report, seconds: u32) {
    let simulator = sandbox::serve(world::settings()).await.expect("a simulator");
    let folder = tempfile::tempdir().expect("a folder");
    let (repo, data) = (folder.path().join("infra"), folder.path().join("data"));
    let ana = git::Person::new("Ana", "ana@example.com");
    git::init_repo(&repo, &template(), "Begin", "main", Some(&ana)).await.expect("a repository");
    let running = Running::start(&repo, &data, &simulator.url());
    running.says("\"reported\"");
    let (began, mut reconciles, mut points) = (Instant::now(), 0, Vec::new());
    for second in 1..=seconds {
        if second % COMMIT == 0 {
            git::commit_in(&repo, &change(second / COMMIT), "Change", &ana).await.expect("a commit");
        } else {
            running.hang_up();
        }
        tokio::time::sleep((SECOND * second).saturating_sub(began.elapsed())).await;
        let heard = running.heard();
        reconciles += heard.iter().filter(|line| line.contains("\"took_ms\"") && line.contains("\"planned\"")).count();
        let failed = heard.iter().find(|line| line.contains("\"ERROR\""));
        assert!(failed.is_none(), "{failed:?}");
        // The simulator keeps what it was asked; that is its memory, not ours, but it is this machine's.
        simulator.handle().forget_calls();
        if second % (seconds / POINTS).max(1) == 0 {
            points.push(Figures {
                memory: running.memory("VmRSS"),
                files: running.open_files(),
                mirror: size(&data.join("mirror.git")),
                journal: size_of_journal(&data),
            });
            tell(report, second, points.last());
        }
    }
    report.note("looks", &format!("{reconciles} in {seconds} s"));
    judge(report, &points);
}

/// A record that comes and goes with every other commit; the others change nothing that is wanted.
fn change(n: u32) -> BTreeMap<String, Option<Vec<u8>>> {
    let zone = format!(
        "apiVersion: driftless/v1\nkind: Domain\nmetadata: {{name: soak.example}}\nspec:\n  ignore: [{{type: NS, name: \"@\"}}]\n  records:\n    - {{name: www, type: A, value: 192.0.2.{}}}\n",
        n / 2 % 200 + 1
    );
    let note = format!("commit {n}\n");
    BTreeMap::from([
        ("soak.yaml".to_owned(), Some(zone.into_bytes())),
        ("soak.txt".to_owned(), Some(note.into_bytes())),
    ])
}

fn tell(report: &Report, second: u32, figures: Option<&Figures>) {
    let Some(Figures { memory, files, mirror, journal }) = figures else { return };
    let text = format!("{memory} KiB resident, {files} files, mirror {mirror} KiB, journal {journal} KiB");
    report.note(&format!("after {second} s"), &text);
}

/// The last point against the second: by then everything that is made once has been made.
fn judge(report: &mut Report, points: &[Figures]) {
    let (Some(first), Some(last)) = (points.get(1), points.last()) else { return };
    let growth = |what: fn(&Figures) -> u64| what(last) as f64 / (what(first) as f64).max(1.0) * 100.0;
    let most = |what: fn(&Figures) -> u64| points.iter().map(what).max().unwrap_or_default() as f64;
    report.figure("resident memory, last of second point", growth(|f| f.memory), "%", 115.0, "");
    report.figure("open files, last of second point", growth(|f| f.files), "%", 115.0, "");
    report.figure("mirror, at most", most(|f| f.mirror) / 1024.0, "MiB", 50.0, "");
    report.figure("journal, at most", most(|f| f.journal) / 1024.0, "MiB", 20.0, "");
}

/// KiB below a folder.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(data) if data.is_dir() => size(&entry.path()) * 1024,
        Ok(data) => data.len(),
        // Gone meanwhile: git tidies up.
        Err(_) => 0,
    });
    sizes.sum::<u64>() / 1024
}

fn size_of_journal(data: &Path) -> u64 {
    let names = ["journal.db", "journal.db-wal", "journal.db-shm"];
    names.iter().filter_map(|name| std::fs::metadata(data.join(name)).ok()).map(|data| data.len()).sum::<u64>() / 1024
}

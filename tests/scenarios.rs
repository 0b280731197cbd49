//! Runs every scenario file of every kind: commits and hands-on edits, the expected plan after each, then nothing to do.
//! `tests/scenarios/README.md` says how they are written. Owns finding them; what a step does is in `stage.rs`.

mod names;
pub mod script;
mod shown;
pub mod stage;
mod update;

use script::Scenario;
use stage::Journal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Scenarios at the same time; each has a simulator, a repository and a controller of its own.
const AT_ONCE: usize = 4;

/// Every scenario file, kind by kind; a kind without any is an error.
pub fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for kind in folders(&root.join("controller/kinds")) {
        let mut of_kind = yaml(&kind.join("scenarios"));
        assert!(!of_kind.is_empty(), "{} has no scenarios", kind.display());
        found.append(&mut of_kind);
    }
    found.extend(yaml(&root.join("tests/scenarios")));
    found.sort();
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().map(|e| e.expect("an entry").path()).collect()
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.is_dir()).collect()
}

fn yaml(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_of_every_kind_goes_as_it_is_written() {
    play_all(Journal::Kept).await;
}

/// The promise that memory survives: the ledger on the report branch brings back everything that a plan depends on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_goes_the_same_with_the_journal_lost_before_each_step() {
    if !update::wanted() {
        play_all(Journal::Lost).await;
    }
}

async fn play_all(journal: Journal) {
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for path in files().into_iter().filter(|path| path.display().to_string().contains(&only)) {
        let turns = turns.clone();
        running.spawn(async move {
            let _turn = turns.acquire().await.expect("nobody closes it");
            let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(&path).display().to_string();
            // A task of its own, so that a panic is one scenario's failure.
            let ended = tokio::spawn(async move { stage::play(&Scenario::read(&path), journal).await }).await;
            match ended {
                Ok(Ok(())) => None,
                Ok(Err(why)) => Some(format!("── {name}\n{why}")),
                Err(panic) => Some(format!("── {name}\n{}", said(panic))),
            }
        });
    }
    assert!(!running.is_empty(), "no scenario matches {only:?}");
    let mut failed: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    failed.sort();
    assert!(failed.is_empty(), "{} scenarios went otherwise\n\n{}", failed.len(), failed.join("\n\n"));
}

fn said(error: tokio::task::JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => panic.downcast::<&str>().map_or_else(|_| "it panicked".to_owned(), |text| (*text).to_owned()),
        },
        Err(error) => error.to_string(),
    }
}

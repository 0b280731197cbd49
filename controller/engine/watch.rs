//! Notices a push to a repo on this machine at once. Owns the file watch; a missed event costs no more than the interval.

use super::run::Wake;
use crate::ports::git::Watched;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Watches a local repository's branch; it lasts as long as the value is kept.
pub struct RepoWatch(#[expect(dead_code, reason = "kept alive for its watch")] RecommendedWatcher);

/// Sends a wake-up whenever the watched branch has moved, once a move: git touches its files several times for one, and
/// a second wake-up would end the run that the first one began.
pub fn repo(watched: Watched, wakes: mpsc::Sender<Wake>) -> notify::Result<RepoWatch> {
    let directories = watched.directories.clone();
    let mut known = watched.tip();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        if event.kind.is_access() || !event.paths.iter().any(|path| watched.concerns(path)) {
            return;
        }
        let tip = watched.tip();
        // A branch that is not there may just be coming back, and the file that says so be missed: look rather twice.
        if tip.is_none() || tip != known {
            known = tip;
            // A full channel already holds a wake-up, and one is enough.
            let _ = wakes.try_send(Wake::Git);
        }
    })?;
    for (directory, below) in &directories {
        watcher.watch(directory, if *below { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive })?;
    }
    Ok(RepoWatch(watcher))
}

//! A controller that has nothing to do: the template's estate, in sync, for a minute.

use crate::look::runtime;
use crate::process::Running;
use crate::report::Report;
use crate::world;
use driftless::ports::git;
use driftless::sandbox;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const WATCHED: Duration = Duration::from_secs(60);

/// Measures the program as a process of its own.
pub fn measure(report: &mut Report) {
    runtime().block_on(async {
        let simulator = sandbox::serve(world::settings()).await.expect("a simulator");
        let folder = tempfile::tempdir().expect("a folder");
        let repo = folder.path().join("infra");
        let ana = git::Person::new("Ana", "ana@example.com");
        git::init_repo(&repo, &template(), "Begin", "main", Some(&ana)).await.expect("a repository");
        let running = Running::start(&repo, &folder.path().join("data"), &simulator.url());
        running.says("\"reported\"");
        running.hang_up();
        running.says("\"changes\":0");
        tokio::time::sleep(Duration::from_secs(2)).await;
        let before = running.ticks();
        tokio::time::sleep(WATCHED).await;
        let spent = running.ticks() - before;
        report.figure("resident memory", running.memory("VmRSS") as f64 / 1024.0, "MiB", 30.0, "");
        report.note("its peak", &format!("{:.1} MiB", running.memory("VmHWM") as f64 / 1024.0));
        report.figure("CPU time in a minute", spent as f64 * 10.0, "ms", 0.0, "");
    });
}

/// The template's estate at DigitalOcean, with mode enforce: hosts have a benchmark of their own.
pub fn template() -> BTreeMap<String, Vec<u8>> {
    fn gather(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).expect("the template").map(|e| e.expect("an entry").path()) {
            if entry.is_dir() {
                gather(root, &entry, found);
            } else {
                let path = entry.strip_prefix(root).expect("inside").display().to_string();
                let text = std::fs::read_to_string(&entry).expect("text");
                found.insert(path, text.replace("mode: observe", "mode: enforce").into_bytes());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("repo-template");
    let mut found = BTreeMap::new();
    gather(&root, &root, &mut found);
    found.retain(|path, _| !["hosts/", "stacks/", "sites/"].iter().any(|folder| path.starts_with(folder)));
    found
}

//! A house under watch: every log line is kept, and at its end everything it wrote is searched for what must not be there.

use super::{SECRET, TOKEN};
use crate::house::{House, git_in};
use base64::Engine as _;
use std::io::Write;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tracing::subscriber::DefaultGuard;

/// Collects log lines.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A house under watch; use it as the house.
pub struct Canary {
    house: Option<House>,
    log: Log,
    _watch: DefaultGuard,
}

impl Canary {
    /// Begins to listen on this thread, at every level.
    pub fn begin() -> Self {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        Self { house: None, log, _watch: tracing::subscriber::set_default(subscriber) }
    }

    pub fn house(mut self, house: House) -> Self {
        self.house = Some(house);
        self
    }

    /// Stops the controller and starts it anew; `change` may set it up otherwise.
    pub async fn restart(mut self, change: impl FnOnce(&mut crate::house::Setup)) -> Self {
        let mut house = self.house.take().expect("a house");
        change(&mut house.setup);
        self.house = Some(house.restart().await);
        self
    }

    pub fn logged(&self) -> String {
        String::from_utf8_lossy(&self.log.0.lock().expect("no panic")).into_owned()
    }

    /// Everything that people pay for or rely on, as bytes.
    pub fn world(&self) -> String {
        self.hand().read(|w| {
            serde_json::to_string(&(&w.droplets, &w.domains, &w.firewalls, &w.vpcs, &w.keys)).expect("it serialises")
        })
    }

    /// Searches all that the controller said and wrote.
    pub async fn leaks_nothing(&self) {
        let snapshot = self.controller.snapshot.borrow().clone();
        let memory = self.controller.keeper.memory();
        let last = self.controller.keeper.last_plan().await.expect("the journal is readable");
        let said = [
            ("log", self.logged()),
            ("plan", serde_json::to_string(&snapshot.plan.as_deref()).expect("json")),
            ("plan after", serde_json::to_string(&snapshot.after.as_deref()).expect("json")),
            ("last plan", serde_json::to_string(&last).expect("json")),
            ("outcomes", serde_json::to_string(&snapshot.outcomes).expect("json")),
            ("outcomes in full", format!("{:?}", snapshot.outcomes)),
            ("troubles", format!("{:?}", snapshot.troubles)),
            ("diagnostics", format!("{:?}", snapshot.diagnostics)),
            ("memory", serde_json::to_string(&*memory).expect("json")),
            ("memory in full", format!("{memory:?}")),
        ];
        assert!(!said[0].1.is_empty(), "something was logged");
        for (what, text) in &said {
            clean(what, text.as_bytes());
        }
        let reports = git_in(&self.repo(), &["log", "-p", "--all", "--", "reports"]);
        clean("reports", reports.as_bytes());
        // The journal's latest pages stand in a file beside it; a copy holds them all.
        let copy = tempfile::tempdir().expect("a folder");
        self.controller.keeper.store().backup(&copy.path().join("copy.db")).await.expect("a copy");
        clean("journal", &std::fs::read(copy.path().join("copy.db")).expect("read"));
        for entry in std::fs::read_dir(self.folder.path().join("data")).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                clean(&path.display().to_string(), &std::fs::read(&path).expect("read"));
            }
        }
        config(&self.folder.path().join("data/mirror.git"));
    }
}

/// The mirror's objects hold the documents, as git does; its settings and logs hold no token.
fn config(mirror: &Path) {
    for name in ["config", "FETCH_HEAD", "packed-refs"] {
        if let Ok(bytes) = std::fs::read(mirror.join(name)) {
            clean(name, &bytes);
        }
    }
}

fn clean(what: &str, bytes: &[u8]) {
    for secret in [TOKEN, SECRET] {
        let coded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret);
        for form in [secret.as_bytes(), coded.as_bytes()] {
            let at = bytes.windows(form.len()).position(|window| window == form);
            if let Some(at) = at {
                let around = &bytes[at.saturating_sub(200)..(at + 60).min(bytes.len())];
                panic!("{what} holds {secret}: …{}", String::from_utf8_lossy(around));
            }
        }
    }
}

impl Deref for Canary {
    type Target = House;
    fn deref(&self) -> &House {
        self.house.as_ref().expect("a house")
    }
}

impl DerefMut for Canary {
    fn deref_mut(&mut self) -> &mut House {
        self.house.as_mut().expect("a house")
    }
}

//! The state file: JSON, written whole to a new file and renamed over the old one. Requests that arrive together
//! share one write; an answer goes out only after its change is in the file.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use tokio::sync::watch;

use super::server::Shared;
use super::state::World;

/// Asks for writes and waits for them.
pub(super) struct Store {
    wanted: watch::Sender<u64>,
    done: watch::Receiver<Done>,
}

/// What the writer has to work with.
pub(super) struct Writer {
    path: PathBuf,
    wanted: watch::Receiver<u64>,
    done: watch::Sender<Done>,
}

#[derive(Clone, Default)]
struct Done {
    version: u64,
    error: Option<String>,
}

/// Makes the two ends of a state file.
pub(super) fn open(path: PathBuf) -> (Store, Writer) {
    let (wanted, asked) = watch::channel(0);
    let (report, done) = watch::channel(Done::default());
    let writer = Writer { path, wanted: asked, done: report };
    (Store { wanted, done }, writer)
}

/// Reads a state file; one that is not there is an empty world.
pub(super) fn load(path: &Path) -> io::Result<BTreeMap<String, World>> {
    match std::fs::read(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(err) => Err(named(path, &err)),
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|err| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is no state file of the sandbox: {err}", path.display()),
            )
        }),
    }
}

fn named(path: &Path, err: &io::Error) -> io::Error {
    io::Error::new(err.kind(), format!("{}: {err}", path.display()))
}

impl Store {
    /// Asks for a write without waiting for it.
    pub(super) fn want(&self, version: u64) {
        self.wanted.send_if_modified(|wanted| {
            let newer = version > *wanted;
            *wanted = version.max(*wanted);
            newer
        });
    }

    /// Waits until the file holds that version or a later one.
    pub(super) async fn saved(&self, version: u64) -> Result<(), String> {
        self.want(version);
        let mut done = self.done.clone();
        let reached = done.wait_for(|done| done.version >= version).await;
        match reached {
            Ok(done) => done.error.clone().map_or(Ok(()), Err),
            Err(_) => Err("the state file is no longer written".to_owned()),
        }
    }
}

impl Writer {
    /// Writes whenever asked, until the simulator is gone.
    pub(super) async fn run(mut self, shared: Weak<Shared>) {
        while self.wanted.changed().await.is_ok() {
            let Some(shared) = shared.upgrade() else {
                return;
            };
            let done = self.write(&shared).await;
            self.done.send_replace(done);
        }
    }

    async fn write(&self, shared: &Arc<Shared>) -> Done {
        let (version, bytes) = {
            let core = shared.lock();
            (core.version, serde_json::to_vec(&core.worlds))
        };
        let path = self.path.clone();
        let written = match bytes {
            Err(err) => Err(err.to_string()),
            Ok(bytes) => tokio::task::spawn_blocking(move || replace(&path, &bytes))
                .await
                .map_err(|err| err.to_string())
                .and_then(|done| done.map_err(|err| err.to_string())),
        };
        Done { version, error: written.err().map(|why| format!("the state file could not be written: {why}")) }
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|err| named(folder, &err))?;
    io::Write::write_all(&mut file, bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|err| named(path, &err.error))?;
    Ok(())
}

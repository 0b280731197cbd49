//! One machine: its disk, what runs on it, and whether it is up. Must not know how it is reached.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::disk::Disk;
use super::programs::Installed;
use super::{Config, Ground};
use crate::sandbox::catalog::CATALOG;
use crate::sandbox::images;
use crate::sandbox::server::Shared;

/// What a system takes on its disk, in bytes.
const SYSTEM: u64 = 2 << 30;

/// What a droplet is, for the machine behind it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) up: bool,
    pub(super) addresses: Vec<Ipv4Addr>,
    /// The lines of the public keys that it was made with.
    pub(super) keys: Vec<String>,
    pub(super) user_data: Option<String>,
    /// The image's slug: `ubuntu-22-04-x64`.
    pub(super) image: String,
    pub(super) processors: u64,
    /// MB.
    pub(super) memory: u64,
    /// GB.
    pub(super) disk: u64,
    created: u64,
}

/// Looks at all droplets; says whether some are about to change by themselves.
pub(super) fn look(shared: &Shared) -> (BTreeMap<u64, Seen>, bool) {
    let mut core = shared.lock();
    let now = core.clock.now();
    let (mut seen, mut busy) = (BTreeMap::new(), false);
    for world in core.worlds.values_mut() {
        world.settle(now);
        for droplet in world.droplets.values() {
            busy |= droplet.event.is_some();
            let addresses: Vec<Ipv4Addr> = droplet.public_v4.into_iter().chain(droplet.private_v4).collect();
            if addresses.is_empty() {
                continue;
            }
            let size = CATALOG.size(&droplet.size);
            let image = images::find(world, &serde_json::json!(droplet.image)).and_then(|image| image.slug.clone());
            let keys = droplet.ssh_keys.iter().filter_map(|id| world.keys.get(id));
            let one = Seen {
                id: droplet.id,
                name: droplet.name.clone(),
                up: droplet.status == "active",
                addresses,
                keys: keys.map(|key| key.public_key.clone()).collect(),
                user_data: droplet.user_data.clone(),
                image: image.unwrap_or_else(|| "ubuntu-24-04-x64".to_owned()),
                processors: size.map_or(1, |size| size.vcpus),
                memory: size.map_or(1024, |size| size.memory),
                disk: droplet.disk,
                created: droplet.created_at,
            };
            seen.insert(droplet.id, one);
        }
    }
    (seen, busy)
}

/// A machine.
pub(super) struct Machine {
    pub(super) id: u64,
    pub(super) disk: Disk,
    pub(super) config: Config,
    /// What it is known by; it stays the same when the simulator starts anew with the same droplets.
    pub(super) key: PrivateKey,
    state: Mutex<State>,
    locks: Mutex<BTreeMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>,
}

/// What changes about a machine.
pub(super) struct State {
    pub(super) seen: Seen,
    pub(super) installed: Installed,
    /// Its start, and what ends with it; none while it is off.
    life: Option<(Instant, CancellationToken)>,
    pub(super) booted: bool,
}

impl Machine {
    /// A machine with an empty disk that is off.
    pub(super) fn new(ground: &Ground, seen: &Seen) -> Arc<Self> {
        let seed = Sha256::digest(format!("the host key of droplet {} of {}", seen.id, seen.created));
        let state = State { seen: seen.clone(), installed: Installed::default(), life: None, booted: false };
        Arc::new(Self {
            id: seen.id,
            disk: Disk::default(),
            config: ground.config.clone(),
            key: PrivateKey::from(Ed25519Keypair::from_seed(&seed.into())),
            state: Mutex::new(state),
            locks: Mutex::default(),
        })
    }

    /// Its state; a panic elsewhere does not stop it.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The droplet's name.
    pub(super) fn name(&self) -> String {
        self.state().seen.name.clone()
    }

    /// Says whether somebody means it by a name or number.
    pub(super) fn is(&self, name: &str) -> bool {
        self.state().seen.name == name || self.id.to_string() == name
    }

    /// Takes over what its droplet is by now.
    pub(super) fn is_now(&self, seen: &Seen) {
        self.state().seen = seen.clone();
    }

    /// Says whether it is on.
    pub(super) fn runs(&self) -> bool {
        self.state().life.is_some()
    }

    /// How long it has been on.
    pub(super) fn uptime(&self) -> std::time::Duration {
        self.state().life.as_ref().map(|(since, _)| since.elapsed()).unwrap_or_default()
    }

    /// Turns it on.
    pub(super) fn start(&self) -> CancellationToken {
        let end = CancellationToken::new();
        self.state().life = Some((Instant::now(), end.clone()));
        end
    }

    /// Turns it off: connections break, nothing listens.
    pub(super) fn stop(&self) {
        if let Some((_, end)) = self.state().life.take() {
            end.cancel();
        }
    }

    /// Waits for a lock on a file.
    pub(super) async fn lock(&self, path: &Path) -> tokio::sync::OwnedMutexGuard<()> {
        let lock =
            self.locks.lock().unwrap_or_else(PoisonError::into_inner).entry(path.to_owned()).or_default().clone();
        lock.lock_owned().await
    }

    /// How large the disk is and how much of it is taken, in bytes.
    pub(super) fn room(&self) -> (u64, u64) {
        let size = self.state().seen.disk << 30;
        let used = if self.disk.is_full() { size } else { SYSTEM + self.disk.used() };
        (size, used.min(size))
    }

    /// What listens: address, port, program.
    pub(super) fn listening(&self) -> Vec<(String, u16, String)> {
        vec![("0.0.0.0".to_owned(), 22, "sshd".to_owned())]
    }

    /// Says whether a process runs.
    pub(super) fn has_process(&self, _: u32) -> bool {
        false
    }
}

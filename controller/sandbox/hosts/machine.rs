//! One machine: its disk, what runs on it, and whether it is up. Must not know how it is reached.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ipnet::Ipv4Net;
use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::disk::Disk;
use super::engine::{self, Container, Engine, Life, named};
use super::faults::{Effect, Faults, On};
use super::nginx::Server;
use super::programs::Installed;
use super::shell::Said;
use super::{Config, Ground};
use crate::sandbox::catalog::CATALOG;
use crate::sandbox::clock::millis;
use crate::sandbox::images;
use crate::sandbox::networks;
use crate::sandbox::server::Shared;

/// What a system takes on its disk, in bytes.
const SYSTEM: u64 = 2 << 30;
/// What hangs longer has been given up by everybody.
const FOREVER: Duration = Duration::from_secs(86_400);

/// What a droplet is, for the machine behind it.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Seen {
    pub(in crate::sandbox) id: u64,
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) up: bool,
    pub(in crate::sandbox) addresses: Vec<Ipv4Addr>,
    /// What its private address is one of.
    pub(in crate::sandbox) network: Option<Ipv4Net>,
    /// The lines of the public keys that it was made with.
    pub(in crate::sandbox) keys: Vec<String>,
    pub(in crate::sandbox) user_data: Option<String>,
    /// The image's slug: `ubuntu-22-04-x64`.
    pub(super) image: String,
    pub(super) processors: u64,
    /// MB.
    pub(super) memory: u64,
    /// GB.
    pub(super) disk: u64,
    created: u64,
}

impl Seen {
    /// What its machine is known by; it stays the same when the simulator starts anew with the same droplets.
    pub(in crate::sandbox) fn host_key(&self) -> PrivateKey {
        let seed = Sha256::digest(format!("the host key of droplet {} of {}", self.id, self.created));
        PrivateKey::from(Ed25519Keypair::from_seed(&seed.into()))
    }
}

/// Looks at all droplets; says whether some are about to change by themselves.
pub(in crate::sandbox) fn look(shared: &Shared) -> (BTreeMap<u64, Seen>, bool) {
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
                network: networks::range_of(world, droplet),
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
    /// What it is known by.
    pub(super) key: PrivateKey,
    state: Mutex<State>,
    engine: Mutex<Engine>,
    nginx: Mutex<Option<Nginx>>,
    processes: AtomicU32,
    faults: Arc<Faults>,
    /// The others.
    ground: Weak<Ground>,
    /// Grows when somebody puts new images under old names.
    pub(super) editions: AtomicU64,
    locks: Mutex<BTreeMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>,
}

/// An nginx that runs.
#[derive(Clone, Debug)]
pub(super) struct Nginx {
    pub(super) master: u32,
    pub(super) workers: Vec<u32>,
    pub(super) servers: Vec<Server>,
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
    pub(super) fn new(ground: &Arc<Ground>, seen: &Seen) -> Arc<Self> {
        let state = State { seen: seen.clone(), installed: Installed::default(), life: None, booted: false };
        Arc::new(Self {
            id: seen.id,
            disk: Disk::default(),
            config: ground.config.clone(),
            key: seen.host_key(),
            state: Mutex::new(state),
            engine: Mutex::default(),
            nginx: Mutex::default(),
            processes: AtomicU32::new(1200),
            faults: ground.faults.clone(),
            ground: Arc::downgrade(ground),
            editions: AtomicU64::new(0),
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

    /// Who is at an address, seen from this one: itself where that is no droplet's, nobody where that one is off.
    pub(super) fn at(self: &Arc<Self>, host: &str) -> Option<Arc<Self>> {
        let Ok(address) = host.parse::<Ipv4Addr>() else { return Some(self.clone()) };
        let found = self.ground.upgrade().and_then(|ground| ground.at(address));
        found.map_or_else(|| Some(self.clone()), |other| other.runs().then_some(other))
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
    pub(super) fn uptime(&self) -> Duration {
        self.state().life.as_ref().map(|(since, _)| since.elapsed()).unwrap_or_default()
    }

    /// Turns it on.
    pub(super) fn start(&self) -> CancellationToken {
        let end = CancellationToken::new();
        self.state().life = Some((Instant::now(), end.clone()));
        let now = self.now();
        self.engine().power_on(now);
        end
    }

    /// Turns it off: connections break, nothing listens.
    pub(super) fn stop(&self) {
        if let Some((_, end)) = self.state().life.take() {
            end.cancel();
            let now = self.now();
            self.engine().power_off(now);
            self.stop_nginx();
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
        let images: u64 = self.engine().images.values().map(|image| image.size).sum();
        let used = if self.disk.is_full() { size } else { SYSTEM + self.disk.used() + images };
        (size, used.min(size))
    }

    /// Its engine.
    pub(super) fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since 1970.
    pub(super) fn now(&self) -> u64 {
        millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// Has an image brought from where its name says: there is every image. What came before under its name is the same.
    pub(super) async fn pull(&self, name: &str) -> Result<(), String> {
        if let Err(said) = self.met(On::Pull, name).await {
            let why = said.errors();
            return Err(format!("Error response from daemon: {}", why.trim()));
        }
        if self.disk.is_full() {
            return Err(format!("failed to register layer: write /{name}: no space left on device"));
        }
        let now = self.now();
        let content = format!("{}{}", named(name), self.editions.load(Ordering::SeqCst));
        let mut engine = self.engine();
        engine.take(name, &content, now);
        Ok(())
    }

    /// How a fault has a container live.
    pub(super) fn life_of(&self, one: &Container) -> Option<Life> {
        let host = self.name();
        let names = [one.name.as_str(), one.label("service"), one.tag.as_str()];
        let lives = |effect| if let Effect::Lives(life) = effect { Some(life) } else { None };
        names.iter().find_map(|name| self.faults.meet(&host, On::Container, name).into_iter().find_map(lives))
    }

    /// Has its disk and its containers be as faults in force want them.
    pub(super) fn afflict(&self) {
        let full = self.faults.meet(&self.name(), On::Disk, "").contains(&Effect::Full);
        self.disk.fill(full);
        let now = self.now();
        let running: Vec<Container> = self.engine().containers.clone();
        for one in running.iter().filter(|one| matches!(one.state, engine::State::Up(_))) {
            let life = self.life_of(one).unwrap_or(one.nature);
            if life != one.life
                && let Some(one) = self.engine().container(&one.id)
            {
                one.life = life;
                one.start(now);
            }
        }
    }

    /// Lets faults do to a command what they do; an error is what it says instead of its own.
    pub(super) async fn met(&self, on: On, what: &str) -> Result<(), Said> {
        let (mut code, mut says, mut wait) = (None, None, None);
        for effect in self.faults.meet(&self.name(), on, what) {
            match effect {
                Effect::Hang => wait = Some(FOREVER),
                Effect::Latency(time) => wait = Some(time),
                Effect::Fails(with) => code = Some(with),
                Effect::Says(text) => says = Some(text),
                _ => {}
            }
        }
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
        }
        match (code, says) {
            (None, None) => Ok(()),
            (code, says) => {
                Err(Said::fails(code.unwrap_or(1), says.unwrap_or_else(|| "it was made to fail".to_owned())))
            }
        }
    }

    /// What the machine's own programs listen on: address, port, program.
    pub(super) fn serves(&self) -> Vec<(String, u16, String)> {
        let mut all = BTreeSet::from([("0.0.0.0".to_owned(), 22, "sshd".to_owned())]);
        let nginx = self.nginx();
        let listens = nginx.iter().flat_map(|nginx| &nginx.servers).flat_map(|server| &server.listens);
        all.extend(listens.map(|(address, port, _)| (address.clone(), *port, "nginx".to_owned())));
        all.into_iter().collect()
    }

    /// Its nginx, where it runs.
    pub(super) fn nginx(&self) -> MutexGuard<'_, Option<Nginx>> {
        self.nginx.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that no process has had.
    pub(super) fn next_process(&self) -> u32 {
        self.processes.fetch_add(1, Ordering::SeqCst)
    }

    /// Has nginx serve something else than before.
    pub(super) fn start_nginx(&self, nginx: Nginx) {
        let (master, children) = (nginx.master, nginx.workers.iter().map(|pid| format!("{pid} ")).collect::<String>());
        self.disk.put("/run/nginx.pid", format!("{master}\n"), 0o644);
        self.disk.put(&format!("/proc/{master}/task/{master}/children"), children, 0o444);
        *self.nginx() = Some(nginx);
    }

    /// Ends nginx.
    pub(super) fn stop_nginx(&self) {
        *self.nginx() = None;
        self.disk.put("/run/nginx.pid", "", 0o644);
    }

    /// A text file, for whoever serves it.
    pub(super) fn file(&self, path: &str) -> Option<String> {
        // Files are in memory: nothing is waited for.
        let text = futures::executor::block_on(self.disk.read(path))?;
        String::from_utf8(text).ok()
    }

    /// All that listens.
    pub(super) fn listening(&self) -> Vec<(String, u16, String)> {
        let mut all = self.serves();
        let engine = self.engine();
        for one in engine.containers.iter().filter(|one| matches!(one.state, engine::State::Up(_))) {
            let of = one.ports.iter().map(|port| {
                let address = if port.address.is_empty() { "0.0.0.0".to_owned() } else { port.address.clone() };
                (address, port.outside, "docker-proxy".to_owned())
            });
            all.extend(of);
        }
        all
    }

    /// Says whether a process runs.
    pub(super) fn has_process(&self, pid: u32) -> bool {
        self.nginx().as_ref().is_some_and(|nginx| nginx.master == pid || nginx.workers.contains(&pid))
    }
}

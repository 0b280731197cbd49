//! Simulated hosts: behind every droplet that is up stands a machine that is reached over real SSH, with a shell, a file
//! system, a Docker Engine, compose, nginx and certbot, good enough for whoever works on hosts by scripts.
//!
//! Owns the life of machines: they follow droplets. What a machine is, is in `machine.rs`; its programs are in `programs/`.

mod api;
mod boot;
mod compose;
mod disk;
mod engine;
mod faults;
mod inspect;
mod interpolate;
mod invocation;
mod machine;
mod nginx;
mod place;
mod programs;
mod shell;
mod ssh;
mod template;
mod up;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use ipnet::Ipv4Net;
use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::Ed25519Keypair;
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use self::faults::Faults;
use self::machine::Machine;
use super::containers::Config as ContainersConfig;
use super::server::Shared;

pub use self::faults::{HostFault, HostFaultError};
pub(super) use self::machine::{Seen, look};
pub(super) use self::place::Place;
pub use self::shell::Said;

/// How often machines are held against their droplets while one of those is about to change by itself.
const SOON: Duration = Duration::from_millis(10);
/// How often they are otherwise, besides after every change.
const SELDOM: Duration = Duration::from_millis(500);
/// Shells nest deeply, in builds without optimisation above all.
const STACK: usize = 32 * 1024 * 1024;

/// A new pair of keys for logging in to hosts: the private one as ssh reads it, and the line of the public one.
pub fn key_pair() -> (String, String) {
    let seed = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(|half| *half.as_bytes()).concat();
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&Sha256::digest(seed).into()));
    let public = key.public_key().to_openssh().unwrap_or_default();
    let private = key.to_openssh(LineEnding::LF).map(|text| text.to_string()).unwrap_or_default();
    (private, format!("{public} demo"))
}

/// How simulated hosts are set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The loopback address and the first port that they listen on; none chooses both.
    pub at: Option<(Ipv4Addr, u16)>,
    /// Private networks whose addresses are listened on, too.
    pub private: Vec<Ipv4Net>,
    /// How long a packet takes to them and back.
    pub round_trip: Duration,
    /// By how much `sleep` is shorter there.
    pub haste: u32,
    /// Where machines are containers of a Docker Engine; none where they are simulated.
    pub containers: Option<ContainersConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self { at: None, private: Vec::new(), round_trip: Duration::ZERO, haste: 10, containers: None }
    }
}

/// What all machines share.
pub(super) struct Ground {
    pub(super) config: Config,
    place: Place,
    faults: Arc<Faults>,
    machines: Mutex<BTreeMap<u64, Arc<Machine>>>,
    changed: Notify,
}

/// The simulated hosts of one simulator. They live in a runtime of their own, so that a clock that a test holds still
/// holds none of them.
pub(super) struct Hosts {
    pub(super) ground: Arc<Ground>,
    runtime: Option<Runtime>,
}

impl Hosts {
    /// Lays out where they listen; nothing runs yet.
    pub(super) fn new(config: Config) -> io::Result<Self> {
        let place = Place::new(config.at, &config.private)?;
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).thread_stack_size(STACK).thread_name("hosts").enable_all().build()?;
        let ground =
            Ground { config, place, faults: Arc::default(), machines: Mutex::default(), changed: Notify::new() };
        Ok(Self { ground: Arc::new(ground), runtime: Some(runtime) })
    }

    /// Begins to follow the droplets of a simulator, until it has gone.
    pub(super) fn follow(&self, shared: Weak<Shared>) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(follow(shared, self.ground.clone()));
        }
    }

    /// Has the machines held against their droplets now.
    pub(super) fn look(&self) {
        self.ground.changed.notify_one();
    }

    /// What a client has to be told so that it finds them.
    pub(super) fn map(&self) -> String {
        self.ground.place.map()
    }

    /// Puts a fault in force; what it makes of containers, it makes of those that run, too.
    pub(super) fn inject(&self, fault: HostFault, id: u64) {
        self.ground.faults.add(fault, id);
        self.settle();
    }

    /// Takes faults out of force: one, or all.
    pub(super) fn lift(&self, id: Option<u64>) {
        self.ground.faults.all().retain(|active| id.is_some_and(|id| id != active.id));
        self.settle();
    }

    /// The faults in force: number, line, how often they were met and struck.
    pub(super) fn faults(&self) -> Vec<(u64, String, u64, u64)> {
        let all = self.ground.faults.all();
        all.iter().map(|active| (active.id, active.fault.to_string(), active.matched, active.fired)).collect()
    }

    /// Has faults of disks and containers be what they are now.
    fn settle(&self) {
        let machines: Vec<_> =
            self.ground.machines.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        machines.iter().for_each(|machine| machine.afflict());
    }

    /// All machines: name, whether it is on, and where its addresses are.
    pub(super) fn all(&self) -> Vec<serde_json::Value> {
        let machines = self.ground.machines.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |machine: &Arc<Machine>| {
            let seen = machine.state().seen.clone();
            let at = |address: &Ipv4Addr| Some((address.to_string(), self.ground.place.of(*address)?.to_string()));
            let at: BTreeMap<String, String> = seen.addresses.iter().filter_map(at).collect();
            serde_json::json!({"name": seen.name, "on": machine.runs(), "at": at})
        };
        machines.values().map(one).collect()
    }

    /// Runs a script on a machine, by hand, as root.
    pub(super) async fn run(&self, name: &str, script: &str) -> Result<Said, String> {
        let machine = self.ground.named(name)?;
        if !machine.runs() {
            return Err(format!("{name} is off"));
        }
        let (send, receive) = tokio::sync::oneshot::channel();
        let runtime = self.runtime.as_ref().ok_or("the simulator has ended")?;
        let script = script.to_owned();
        runtime.spawn(async move {
            let words = ["sh".to_owned(), "-c".to_owned(), script];
            let _ = send.send(shell::run(&machine, "root", &shell::line(&words), Vec::new()).await);
        });
        receive.await.map_err(|_| format!("{name} has gone"))
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Ground {
    /// Finds a machine by one of its addresses.
    fn at(&self, address: Ipv4Addr) -> Option<Arc<Machine>> {
        let machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        machines.values().find(|machine| machine.state().seen.addresses.contains(&address)).cloned()
    }

    /// Finds a machine by the droplet's name or number.
    fn named(&self, name: &str) -> Result<Arc<Machine>, String> {
        let machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        let found = machines.values().find(|machine| machine.is(name));
        found.cloned().ok_or_else(|| {
            let all = machines.values().map(|machine| machine.name()).collect::<Vec<_>>().join(", ");
            format!("there is no simulated host {name}; there are: {all}")
        })
    }
}

async fn follow(shared: Weak<Shared>, ground: Arc<Ground>) {
    loop {
        let Some(held) = shared.upgrade() else { break };
        let (seen, busy) = look(&held);
        drop(held);
        let gone = {
            let mut machines = ground.machines.lock().unwrap_or_else(PoisonError::into_inner);
            let gone: Vec<u64> = machines.keys().filter(|id| !seen.contains_key(id)).copied().collect();
            let gone: Vec<_> = gone.into_iter().filter_map(|id| machines.remove(&id)).collect();
            for (id, seen) in &seen {
                machines.entry(*id).or_insert_with(|| Machine::new(&ground, seen));
            }
            gone
        };
        gone.iter().for_each(|machine| machine.stop());
        let machines: Vec<_> =
            ground.machines.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for machine in machines {
            if let Some(seen) = seen.get(&machine.id) {
                live(&ground, &machine, seen).await;
            }
        }
        let pause = if busy { SOON } else { SELDOM };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = ground.changed.notified() => {}
        }
    }
    let machines = std::mem::take(&mut *ground.machines.lock().unwrap_or_else(PoisonError::into_inner));
    machines.values().for_each(|machine| machine.stop());
}

/// Starts or stops a machine as its droplet is.
async fn live(ground: &Arc<Ground>, machine: &Arc<Machine>, seen: &Seen) {
    machine.is_now(seen);
    match (seen.up, machine.runs()) {
        (true, false) => {
            let at: Vec<_> = seen.addresses.iter().filter_map(|address| ground.place.of(*address)).collect();
            let started = machine.start();
            boot::boot(machine, seen).await;
            machine.afflict();
            for at in at {
                match tokio::net::TcpListener::bind(at).await {
                    Ok(listener) => {
                        drop(tokio::spawn(ssh::listen(listener, ground.clone(), machine.clone(), started.clone())))
                    }
                    Err(error) => {
                        tracing::warn!(host = machine.name(), %at, "a simulated host cannot listen: {error}");
                        machine.stop();
                    }
                }
            }
        }
        (false, true) => machine.stop(),
        _ => {}
    }
}

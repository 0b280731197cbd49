//! Hosts that are real: behind every droplet that is up stands a container with sshd, cloud-init, a Docker Engine, compose,
//! nginx and certbot. Owns their life, which follows the droplets; what is in them is the image's (`deploy/droplet-image/`).
//!
//! Guarantees: everything that it makes carries its label, and goes when it ends. What a crash leaves goes at the next start
//! of any sandbox on this engine, which knows by the label whose process made it.
//!
//! Assumptions: the engine runs on this machine (Linux), so that its bridges are reached from here.

mod docker;
mod droplet;
mod images;
mod owner;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::docker::Docker;
pub use self::images::{Given, Source, Wanted, provide};
use self::owner::{LABEL, Owner};
use super::hosts::{Config as HostsConfig, Place, Said, Seen, look};
use super::server::Shared;

/// How often droplets are looked at while one of them is about to change by itself.
const SOON: Duration = Duration::from_millis(50);
/// How often they are otherwise, besides after every change.
const SELDOM: Duration = Duration::from_millis(500);

/// How containers are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The image: what `deploy/droplet-image/build` makes.
    pub image: String,
    /// Images of this engine that every new droplet's own engine is given: it can pull none.
    pub seeds: Vec<Given>,
    /// Where the engine is, as in DOCKER_HOST; none leaves that to the environment.
    pub docker: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self { image: "driftless-droplet".to_owned(), seeds: Vec::new(), docker: None }
    }
}

/// What all droplets share.
struct Ground {
    config: Config,
    docker: Docker,
    place: Place,
    owner: Owner,
    network: String,
    /// Where the sandbox is, as droplets see it.
    gateway: Ipv4Addr,
    /// Whether it answers DNS there.
    names: Mutex<bool>,
    machines: Mutex<BTreeMap<u64, Machine>>,
    changed: Notify,
}

/// What is known of a droplet's container.
#[derive(Clone, Debug, Default)]
struct Machine {
    /// The droplet's name.
    name: String,
    container: String,
    addresses: Vec<Ipv4Addr>,
    on: bool,
    /// Why it is not as its droplet is.
    trouble: Option<String>,
}

/// The containers of one simulator. A thread of its own makes and ends them, so that they go with it however it ends.
pub(super) struct Containers {
    ground: Arc<Ground>,
    end: CancellationToken,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Containers {
    /// Finds the engine and the image, takes away what crashes left, and makes the network; the error says what to do.
    pub(super) async fn new(hosts: &HostsConfig, config: Config) -> io::Result<Self> {
        let place = Place::new(hosts.at, &hosts.private)?;
        let docker = Docker { host: config.docker.clone() };
        let ground = prepare(config, docker, place).await.map_err(io::Error::other)?;
        Ok(Self { ground: Arc::new(ground), end: CancellationToken::new(), thread: Mutex::default() })
    }

    /// Where droplets find the sandbox.
    pub(super) fn gateway(&self) -> Ipv4Addr {
        self.ground.gateway
    }

    /// The network that all droplets are on.
    pub(super) fn network(&self) -> &str {
        &self.ground.network
    }

    /// Has droplets ask the sandbox for names, from their next start on.
    pub(super) fn answers_names(&self) {
        *self.ground.names.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Begins to follow the droplets of a simulator, until it or this has gone.
    pub(super) fn follow(&self, shared: Weak<Shared>) -> io::Result<()> {
        let (ground, end) = (self.ground.clone(), self.end.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("containers".to_owned());
        let thread = thread.spawn(move || runtime.block_on(follow(shared, ground, end)))?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Waits until every container has gone, which takes a second or two.
    pub(super) fn end(&self) {
        self.end.cancel();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The thread itself may hold what keeps the simulator the longest; then it is at its end anyway.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }

    /// Has the containers held against their droplets now.
    pub(super) fn look(&self) {
        self.ground.changed.notify_one();
    }

    /// What a client has to be told so that it finds them.
    pub(super) fn map(&self) -> String {
        self.ground.place.map()
    }

    /// All machines: name, whether it is on, where its addresses are, which container it is, and what ails it.
    pub(super) fn all(&self) -> Vec<serde_json::Value> {
        let one = |machine: &Machine| {
            let at = |address: &Ipv4Addr| Some((address.to_string(), self.ground.place.of(*address)?.to_string()));
            let at: BTreeMap<String, String> = machine.addresses.iter().filter_map(at).collect();
            serde_json::json!({
                "name": machine.name, "on": machine.on, "at": at, "container": machine.container, "trouble": machine.trouble,
            })
        };
        self.ground.machines().values().map(one).collect()
    }

    /// Runs a script on a machine, by hand, as root.
    pub(super) async fn run(&self, name: &str, script: &str) -> Result<Said, String> {
        let found = {
            let machines = self.ground.machines();
            let found = machines.iter().find(|(id, machine)| machine.name == name || id.to_string() == name);
            found.map(|(_, machine)| machine.clone()).ok_or_else(|| {
                let all = machines.values().map(|machine| machine.name.as_str()).collect::<Vec<_>>().join(", ");
                format!("there is no host {name}; there are: {all}")
            })?
        };
        if !found.on {
            let why = found.trouble.map(|why| format!(": {why}")).unwrap_or_default();
            return Err(format!("{name} is off{why}"));
        }
        let words = ["exec", &found.container, "sh", "-c", script];
        self.ground.docker.ask(&words).await.map_err(|error| format!("the program docker could not be run: {error}"))
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        self.end();
    }
}

impl Ground {
    fn machines(&self) -> MutexGuard<'_, BTreeMap<u64, Machine>> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answers_names(&self) -> bool {
        *self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is known of a droplet's container.
    fn note(&self, id: u64, change: impl FnOnce(&mut Machine)) {
        change(self.machines().entry(id).or_default());
    }
}

/// Says what is missing of the engine and the image of droplets, and what to do about it.
async fn engine(docker: &Docker, image: &str) -> Result<(), String> {
    docker.run(&["version", "--format", "{{.Server.Version}}"]).await.map_err(|why| {
        format!("droplets that are containers need a Docker Engine on this machine, and none answers ({why}); start one, or take simulated hosts")
    })?;
    docker.run(&["image", "inspect", "--format", "{{.Id}}", image]).await.map_err(|why| {
        format!("the engine has no image {image} ({why}); make it, in a checkout of driftless: sudo deploy/droplet-image/build {image}")
    })?;
    Ok(())
}

async fn prepare(config: Config, docker: Docker, place: Place) -> Result<Ground, String> {
    engine(&docker, &config.image).await?;
    for seed in config.seeds.iter().map(|seed| &seed.image) {
        let missing = |why| format!("the engine has no image {seed} to give to droplets ({why}): docker pull {seed}");
        docker.run(&["image", "inspect", "--format", "{{.Id}}", seed]).await.map_err(missing)?;
    }
    let id = uuid::Uuid::new_v4().simple().to_string();
    let owner = Owner::this(id.get(..8).unwrap_or_default());
    if let Err(why) = clear(&docker, |other| other.has_ended(&owner)).await {
        // Another sandbox may be taking the same away, or somebody may be using it.
        tracing::warn!("what a sandbox left that has ended is still there: {why}");
    }
    let (label, network) = (owner.labelled(), owner.name());
    // Internal: nothing that runs on a droplet reaches anything but droplets and this machine.
    docker.run(&["network", "create", "--internal", "--label", &label, &network]).await?;
    let form = "{{(index .IPAM.Config 0).Gateway}}";
    let gateway = docker.run(&["network", "inspect", "--format", form, &network]).await?;
    let gateway = gateway.parse().map_err(|_| format!("the network {network} has no gateway: {gateway:?}"))?;
    let machines = Mutex::default();
    Ok(Ground {
        config,
        docker,
        place,
        owner,
        network,
        gateway,
        names: Mutex::new(false),
        machines,
        changed: Notify::new(),
    })
}

/// Takes away the containers and networks of some owners. Done twice it does the same.
async fn clear(docker: &Docker, whose: impl Fn(&Owner) -> bool) -> Result<(), String> {
    let label = format!("label={LABEL}");
    let form = format!("{{{{.ID}}}} {{{{.Label \"{LABEL}\"}}}}");
    let of = |lines: String| -> Vec<String> {
        let mine = |line: &str| {
            let (id, label) = line.split_once(' ')?;
            Owner::read(label).is_some_and(|owner| whose(&owner)).then(|| id.to_owned())
        };
        lines.lines().filter_map(mine).collect()
    };
    let containers = of(docker.run(&["ps", "--all", "--no-trunc", "--filter", &label, "--format", &form]).await?);
    let containers: Vec<&str> = containers.iter().map(String::as_str).collect();
    if !containers.is_empty() {
        docker.run(&[&["rm", "--force", "--volumes"], &containers[..]].concat()).await?;
    }
    let networks = of(docker.run(&["network", "ls", "--no-trunc", "--filter", &label, "--format", &form]).await?);
    for network in networks {
        docker.run(&["network", "rm", &network]).await?;
    }
    Ok(())
}

/// Has containers follow droplets until the end, and takes them all away then.
async fn follow(shared: Weak<Shared>, ground: Arc<Ground>, end: CancellationToken) {
    let mut droplets: BTreeMap<u64, (watch::Sender<Seen>, JoinHandle<()>)> = BTreeMap::new();
    let mut leaving = Vec::new();
    while let Some(held) = shared.upgrade() {
        let (seen, busy) = look(&held);
        drop(held);
        let gone: Vec<u64> = droplets.keys().filter(|id| !seen.contains_key(id)).copied().collect();
        leaving.extend(gone.into_iter().filter_map(|id| droplets.remove(&id)).map(|(_, task)| task));
        for (id, seen) in seen {
            match droplets.get(&id) {
                Some((told, _)) => drop(told.send_if_modified(|last| {
                    let changed = droplet::differ(last, &seen);
                    *last = seen;
                    changed
                })),
                None => {
                    let (told, hears) = watch::channel(seen);
                    droplets.insert(id, (told, tokio::spawn(droplet::live(ground.clone(), hears))));
                }
            }
        }
        let pause = if busy { SOON } else { SELDOM };
        tokio::select! {
            () = end.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
            () = ground.changed.notified() => {}
        }
    }
    // Whoever is told no more takes its container away; what is in the middle of something is not waited for.
    for (told, task) in droplets.into_values() {
        drop(told);
        task.abort();
        leaving.push(task);
    }
    for task in leaving {
        let _ = task.await;
    }
    if let Err(why) = clear(&ground.docker, |owner| *owner == ground.owner).await {
        tracing::warn!("containers of droplets are left, and go with the next start: {why}");
    }
}

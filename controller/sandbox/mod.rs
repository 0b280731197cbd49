//! Simulators that speak the real protocols, for rehearsals, the demo and the tests. Uses nothing else of this crate,
//! so that a field misread in a client is not misread here too. `README.md` says what is simulated and how to make faults.

mod account;
mod actions;
mod backups;
mod behind;
mod call;
mod calls;
mod catalog;
mod clock;
mod containers;
mod control;
mod core;
mod dns;
mod dns_answers;
mod domains;
mod droplet_actions;
mod droplet_create;
mod droplets;
mod faults;
mod firewall_rules;
mod firewalls;
mod handle;
mod hosts;
mod images;
mod keys;
mod limits;
mod networks;
mod pages;
mod pattern;
mod record_rules;
mod records;
mod routes;
mod seed;
mod server;
mod state;
mod store;
mod tags;
mod tokens;
mod vpcs;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::actions::{Action, Effect};
pub use self::backups::BackupPolicy;
pub use self::calls::{Calls, Mutation};
pub use self::clock::Clock;
pub use self::containers::{
    Config as ContainersConfig, Given as GivenImage, Source as ImageSource, Wanted as WantedImage,
    provide as provide_images,
};
pub use self::droplets::Droplet;
pub use self::faults::{Fault, FaultError};
pub use self::firewall_rules::{Inbound, Outbound, Targets};
pub use self::firewalls::Firewall;
pub use self::handle::Handle;
pub use self::hosts::{Config as HostsConfig, HostFault, HostFaultError, Said, key_pair};
pub use self::images::Image;
pub use self::keys::{SshKey, fingerprint};
pub use self::limits::Limits;
pub use self::records::{Record, Zone};
pub use self::seed::Seed;
pub use self::state::{Departed, World};
pub use self::tags::Tag;
pub use self::tokens::{Scopes, Token};
pub use self::vpcs::Vpc;

/// Where whoever is on a droplet asks for names.
const DNS: u16 = 53;
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// How the simulator is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where DNS is answered over UDP and TCP; port 0 takes a free one, none leaves DNS out.
    pub dns: Option<SocketAddr>,
    /// The tokens it accepts; the first one's team is the default team.
    pub tokens: Vec<Token>,
    /// The file that keeps the world; without one it is forgotten.
    pub state: Option<PathBuf>,
    /// How long actions last; zero is over by the next request.
    pub action_time: Duration,
    /// The request limits.
    pub limits: Limits,
    /// The faults that are in force from the start.
    pub faults: Vec<Fault>,
    /// Where time comes from.
    pub clock: Clock,
    /// The machines behind droplets; none leaves them out.
    pub hosts: Option<HostsConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            dns: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            tokens: vec![Token::full("sandbox")],
            state: None,
            action_time: Duration::from_millis(200),
            limits: Limits::real(),
            faults: Vec::new(),
            clock: Clock::real(),
            hosts: None,
        }
    }
}

/// A simulator that is listening; it stops when this is dropped.
pub struct Running {
    /// Where the API listens.
    pub addr: SocketAddr,
    /// Where DNS is answered; none where it was left out.
    pub dns_addr: Option<SocketAddr>,
    handle: Handle,
    stop: DropGuard,
    tasks: Vec<JoinHandle<()>>,
    machines: behind::Guard,
}

/// Starts the simulator; it listens when this returns.
pub async fn serve(config: Config) -> io::Result<Running> {
    let listener = TcpListener::bind(config.listen).await?;
    let addr = listener.local_addr()?;
    let dns = match config.dns {
        Some(listen) => Some(dns::bind(listen).await?),
        None => None,
    };
    let dns_addr = dns.as_ref().map(dns::Sockets::addr).transpose()?;
    let worlds = match &config.state {
        Some(path) => store::load(path)?,
        None => Default::default(),
    };
    let team = config.tokens.first().map_or(Token::DEFAULT_TEAM, Token::team).to_owned();
    let (store, writer) = config.state.map(store::open).unzip();
    let mut core = core::Core {
        worlds,
        tokens: config.tokens,
        clock: config.clock,
        action_ms: clock::millis(config.action_time),
        limits: config.limits,
        ledger: Default::default(),
        faults: Default::default(),
        calls: Calls::default(),
        history: VecDeque::new(),
        born: HashMap::new(),
        version: 0,
    };
    for fault in config.faults {
        core.faults.add(fault);
    }
    let hosts = match config.hosts {
        Some(hosts) => Some(behind::Behind::new(hosts).await?),
        None => None,
    };
    let mut sockets: Vec<dns::Sockets> = dns.into_iter().collect();
    if let Some(containers) = hosts.as_ref().and_then(behind::Behind::containers) {
        match dns::bind(SocketAddr::from((containers.gateway(), DNS))).await {
            Ok(there) => {
                containers.answers_names();
                sockets.push(there);
            }
            Err(error) => tracing::warn!("droplets cannot ask this sandbox for names: {error}"),
        }
    }
    let shared = Arc::new(server::Shared { core: Mutex::new(core), store, addr, judged: Default::default(), hosts });
    if let Some(hosts) = &shared.hosts {
        hosts.follow(Arc::downgrade(&shared))?;
    }
    let stop = CancellationToken::new();
    let mut tasks = vec![tokio::spawn(listen(listener, shared.clone(), stop.clone()))];
    for sockets in sockets {
        tasks.push(tokio::spawn(sockets.serve(shared.clone(), stop.clone())));
    }
    if let Some(writer) = writer {
        tasks.push(tokio::spawn(writer.run(Arc::downgrade(&shared))));
    }
    let machines = behind::Guard(shared.clone());
    Ok(Running { addr, dns_addr, handle: Handle { shared, team }, stop: stop.drop_guard(), tasks, machines })
}

async fn listen(listener: TcpListener, shared: Arc<server::Shared>, stop: CancellationToken) {
    let service = server::router(shared).into_make_service_with_connect_info::<wire::Cut>();
    let serving = axum::serve(wire::Door(listener), service).with_graceful_shutdown(stop.cancelled_owned());
    // It cannot fail: accept errors are retried.
    let _ = serving.await;
}

impl Running {
    /// Returns the address of the API, such as `http://127.0.0.1:4000`, without `/v2`.
    pub fn url(&self) -> String {
        self.handle.url()
    }

    /// Returns where the addresses of its hosts are, for `[reach] map` of the controller; none without simulated hosts.
    pub fn reach_map(&self) -> Option<String> {
        self.handle.shared.hosts.as_ref().map(behind::Behind::map)
    }

    /// Returns the control of this simulator.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops listening, lets open requests end within two seconds, and writes the state file a last time.
    pub async fn stop(self) -> io::Result<()> {
        self.stop.disarm().cancel();
        let mut tasks = self.tasks.into_iter();
        if let Some(mut server) = tasks.next()
            && tokio::time::timeout(STOP_WITHIN, &mut server).await.is_err()
        {
            server.abort();
        }
        let shared = self.handle.shared;
        let saved = match &shared.store {
            Some(store) => {
                let version = shared.lock().version;
                store.saved(version).await.map_err(io::Error::other)
            }
            None => Ok(()),
        };
        tasks.for_each(|task| task.abort());
        let machines = self.machines;
        let _ = tokio::task::spawn_blocking(move || drop(machines)).await;
        saved
    }
}

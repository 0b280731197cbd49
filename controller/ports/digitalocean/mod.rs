//! The DigitalOcean client: typed calls, lists that are whole, a budget, and errors that help.
//!
//! It decides nothing about infrastructure: it says what DigitalOcean said. One file a
//! collection holds the wire types and the calls; `send`, `list`, `budget`, `token` and
//! `error` hold what all calls share.

mod account;
mod actions;
mod advice;
mod budget;
mod call;
mod catalog;
mod config;
mod domains;
mod droplets;
mod error;
mod firewalls;
mod keys;
mod list;
mod send;
mod tags;
mod token;
mod vpcs;
mod wire;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use account::{Account, AccountStatus, Team};
pub use actions::{Action, ActionStatus, DropletAction};
pub use catalog::{Image, Region, Size};
pub use config::{Config, Limits, PUBLIC_API, Pace, SetupError};
pub use domains::{Domain, Record, RecordBody};
pub use droplets::{
    BackupPolicy, CreatedDroplet, Droplet, DropletBackups, DropletCreate, DropletImage, DropletNetwork,
    DropletNetworks, DropletRegion, DropletSize, DropletStatus, ImageRef, KeyRef,
};
pub use error::{ApiError, ErrorKind, Result};
pub use firewalls::{Firewall, FirewallBody, FirewallStatus, InboundRule, OutboundRule, PendingChange, Targets};
pub use keys::SshKey;
pub use tags::Tag;
pub use token::{Token, TokenError};
pub use vpcs::{Vpc, VpcCreate, VpcMember, VpcUpdate};

use budget::Budget;
use secrecy::SecretString;
use token::Keeper;

/// Speaks to DigitalOcean. A clone is cheap and shares budget, token and connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    config: Config,
    http: reqwest::Client,
    token: Keeper,
    budget: Budget,
    calls: AtomicU64,
    owner: Mutex<Option<(SecretString, String)>>,
}

impl Client {
    /// Makes a client; it reads the token and sends nothing.
    ///
    /// The process must have installed a rustls crypto provider before.
    pub fn new(config: Config) -> Result<Self, SetupError> {
        config.check()?;
        let token = Keeper::new(config.token.clone())?;
        Ok(Self(Arc::new(Inner {
            http: http(&config)?,
            token,
            budget: Budget::new(config.limits),
            calls: AtomicU64::new(0),
            owner: Mutex::new(None),
            config,
        })))
    }

    /// Returns how many requests this client and its clones have sent.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// Returns how many requests DigitalOcean has said are left this hour, as far as it has said so.
    pub fn remaining(&self) -> Option<u64> {
        self.0.budget.remaining()
    }

    /// Returns the pace at which it polls, from which others derive how long they wait.
    pub fn pace(&self) -> Pace {
        self.config().pace
    }

    fn count(&self) {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
    }

    fn config(&self) -> &Config {
        &self.0.config
    }

    fn http(&self) -> &reqwest::Client {
        &self.0.http
    }

    fn token(&self) -> &Keeper {
        &self.0.token
    }

    fn budget(&self) -> &Budget {
        &self.0.budget
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client")
            .field("base", &self.config().base.as_str())
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}

fn http(config: &Config) -> Result<reqwest::Client, SetupError> {
    let refuse = |why: String| SetupError::Http { why };
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(refuse("no crypto provider is installed in this process".to_owned()));
    }
    let loopback = config.is_loopback();
    let mut builder = reqwest::Client::builder()
        .user_agent(&config.user_agent)
        .connect_timeout(config.connect_timeout)
        .tcp_nodelay(true)
        // A POST on a connection that the other side is just closing would be unclear.
        .pool_idle_timeout(Duration::from_secs(20))
        // A redirect could carry the token to another host.
        .redirect(reqwest::redirect::Policy::none())
        .https_only(!loopback);
    if loopback {
        // Neither a proxy nor a resolver may take plain http off this machine.
        let here = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
        builder = builder.no_proxy().resolve_to_addrs("localhost", &here);
    }
    if config.base.scheme() == "http" {
        // Without TLS there is nobody to trust, and reading the machine's certificates costs more than many calls.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|why| refuse(why.to_string()))
}

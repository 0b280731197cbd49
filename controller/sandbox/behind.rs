//! What is behind droplets: simulated machines, or containers. Says which does what; does nothing itself.

use std::io;
use std::sync::{Arc, Weak};

use super::containers::Containers;
use super::hosts::{Config, HostFault, Hosts, Said};
use super::server::Shared;

/// Ends the machines of a simulator when it is dropped, however much else still holds the simulator.
pub(super) struct Guard(pub(super) Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(containers) = self.0.hosts.as_ref().and_then(Behind::containers) {
            containers.end();
        }
    }
}

/// The machines behind droplets.
pub(super) enum Behind {
    /// In this process.
    Simulated(Hosts),
    /// In a Docker Engine.
    Containers(Containers),
}

impl Behind {
    /// Makes ready what machines need; none runs yet.
    pub(super) async fn new(config: Config) -> io::Result<Self> {
        match config.containers.clone() {
            Some(containers) => Containers::new(&config, containers).await.map(Self::Containers),
            None => Hosts::new(config).map(Self::Simulated),
        }
    }

    /// The containers, where machines are those.
    pub(super) fn containers(&self) -> Option<&Containers> {
        match self {
            Self::Simulated(_) => None,
            Self::Containers(containers) => Some(containers),
        }
    }

    /// Begins to follow the droplets of a simulator, until it has gone.
    pub(super) fn follow(&self, shared: Weak<Shared>) -> io::Result<()> {
        match self {
            Self::Simulated(hosts) => {
                hosts.follow(shared);
                Ok(())
            }
            Self::Containers(containers) => containers.follow(shared),
        }
    }

    /// Has the machines held against their droplets now.
    pub(super) fn look(&self) {
        match self {
            Self::Simulated(hosts) => hosts.look(),
            Self::Containers(containers) => containers.look(),
        }
    }

    /// What a client has to be told so that it finds them.
    pub(super) fn map(&self) -> String {
        match self {
            Self::Simulated(hosts) => hosts.map(),
            Self::Containers(containers) => containers.map(),
        }
    }

    /// The network of the engine that is the wire of all droplets, where they are containers.
    pub(super) fn network(&self) -> Option<&str> {
        self.containers().map(Containers::network)
    }

    /// All machines: name, whether it is on, and where its addresses are.
    pub(super) fn all(&self) -> Vec<serde_json::Value> {
        match self {
            Self::Simulated(hosts) => hosts.all(),
            Self::Containers(containers) => containers.all(),
        }
    }

    /// Runs a script on a machine, by hand, as root.
    pub(super) async fn run(&self, name: &str, script: &str) -> Result<Said, String> {
        match self {
            Self::Simulated(hosts) => hosts.run(name, script).await,
            Self::Containers(containers) => containers.run(name, script).await,
        }
    }

    /// Puts a fault in force; false where machines are real, and only a hand on them breaks anything.
    pub(super) fn inject(&self, fault: HostFault, id: u64) -> bool {
        match self {
            Self::Simulated(hosts) => {
                hosts.inject(fault, id);
                true
            }
            Self::Containers(_) => false,
        }
    }

    /// Takes faults out of force: one, or all.
    pub(super) fn lift(&self, id: Option<u64>) {
        if let Self::Simulated(hosts) = self {
            hosts.lift(id);
        }
    }

    /// The faults in force: number, line, how often they were met and struck.
    pub(super) fn faults(&self) -> Vec<(u64, String, u64, u64)> {
        match self {
            Self::Simulated(hosts) => hosts.faults(),
            Self::Containers(_) => Vec::new(),
        }
    }
}

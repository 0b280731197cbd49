//! How a host is reached, as data: what a pool compares to know whether a session still fits.

use crate::model::HostKey;

/// How a host is reached and worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The way to it.
    pub way: Way,
    /// Whether commands go through `sudo -n`.
    pub sudo: bool,
}

/// The way to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is the controller's own machine.
    Local,
    /// Over SSH.
    Ssh(Box<Ssh>),
}

/// A way over SSH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssh {
    /// What the host is called in messages and in the file of known keys.
    pub name: String,
    /// The address.
    pub address: String,
    /// The port.
    pub port: u16,
    /// The user to log in as.
    pub user: String,
    /// The secret that holds the private key; none: what ssh finds by itself (an agent, the user's own keys).
    pub identity: Option<String>,
    /// The key that the host must have.
    pub key: HostKey,
    /// Another host that it is reached through.
    pub jump: Option<Box<Ssh>>,
}

impl Target {
    /// The controller's own machine, worked on as the controller's own user.
    pub fn local() -> Self {
        Self { way: Way::Local, sudo: false }
    }
}

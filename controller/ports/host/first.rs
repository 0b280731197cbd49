//! First contact: which key a host shows, before anybody has said which one it has. Nothing is sent to it but a greeting:
//! no login is tried, and no secret leaves this machine but those of hosts on the way.

use super::error::HostError;
use super::link;
use super::pool::Hosts;
use super::room;
use super::target::Ssh;
use crate::model::HostKey;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

/// A way to a host whose key is not known.
#[derive(Clone, Debug)]
pub struct Stranger {
    /// What the host is called.
    pub name: String,
    /// The address.
    pub address: String,
    /// The port.
    pub port: u16,
    /// The host that it is reached through, whose key is known.
    pub jump: Option<Box<Ssh>>,
}

impl Hosts {
    /// Asks a host for its key, ed25519 before the others.
    ///
    /// Whoever answers at the address is believed: it is for people to compare the fingerprint, or for droplets that
    /// the controller made a moment ago.
    pub async fn first_contact(&self, stranger: &Stranger, within: Duration) -> Result<HostKey, HostError> {
        let told = timeout(within, self.greet(stranger)).await;
        told.unwrap_or_else(|_| Err(away(stranger, format!("no answer within {} s", within.as_secs()))))
    }

    async fn greet(&self, stranger: &Stranger) -> Result<HostKey, HostError> {
        let base = self.room()?;
        let folder = tempfile::Builder::new().prefix("f").rand_bytes(4).tempdir_in(base).map_err(link::here)?;
        let seen = folder.path().join("seen");
        let mut config = String::new();
        if let Some(jump) = &stranger.jump {
            // Its own connection is made as ever: with its key and by its rules.
            config.push_str(&link::way(jump, self.secrets(), self.reach(), folder.path())?.0);
        }
        let at = link::place(&stranger.address, stranger.port, self.reach());
        let config = format!(
            "Host stranger\n  HostName {}\n  Port {}\n  HostKeyAlias stranger\n  StrictHostKeyChecking accept-new\n  UserKnownHostsFile {}\n  \
             HostKeyAlgorithms ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256\n  \
             HashKnownHosts no\n  PreferredAuthentications none\n  IdentityAgent none\n  IdentityFile none\n  ConnectTimeout 10\n{}{config}{}",
            at.0,
            at.1,
            link::quoted(&seen),
            stranger.jump.as_ref().map(|jump| format!("  ProxyJump {}\n", link::alias(jump))).unwrap_or_default(),
            link::ALWAYS,
        );
        let path = folder.path().join("config");
        room::write(&path, config.as_bytes()).map_err(link::here)?;
        let mut command = link::program(&path);
        command.args(["-N", "--", "stranger"]).stdin(std::process::Stdio::null());
        let mut child = command.spawn().map_err(link::no_program)?;
        let mut said = String::new();
        if let Some(err) = child.stderr.take() {
            let _ = err.take(16 * 1024).read_to_string(&mut said).await;
        }
        let _ = child.wait().await;
        let known = std::fs::read_to_string(&seen).unwrap_or_default();
        let key = known.lines().find_map(|line| line.strip_prefix("stranger ")?.parse().ok());
        key.ok_or_else(|| away(stranger, link::last_line(&said)))
    }
}

fn away(stranger: &Stranger, why: String) -> HostError {
    let at = format!("{} port {}", stranger.address, stranger.port);
    HostError::Unreachable { host: stranger.name.clone(), at, why }
}

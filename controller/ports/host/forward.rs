//! The Docker socket of a host, on this machine: what speaks to a local engine speaks to a remote one through it. Knows
//! nothing of what is said over it.

use super::error::HostError;
use super::pool::Host;
use openssh::{ForwardType, Socket};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::timeout;

/// Where an engine listens.
pub const DOCKER: &str = "/var/run/docker.sock";
/// How long a forwarding may take, the connection included.
const PATIENCE: Duration = Duration::from_secs(20);

/// A socket on this machine behind which a host's own is. It lasts as long as the connection: take it anew for each job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// The socket's path on this machine.
    pub path: PathBuf,
}

impl Host {
    /// Brings the Docker socket of this host here: the one that its DOCKER_HOST names, else the usual one. Asked again
    /// over the same connection, it is the same socket. None where DOCKER_HOST names something else than a socket.
    ///
    /// Whether an engine listens behind it shows when it is spoken to. The user must be allowed to: root, or one of the
    /// group `docker`, as `sudo` does not reach through a socket.
    pub async fn forward_docker(&self) -> Result<Option<Forwarded>, HostError> {
        let named = match self.link().await? {
            Some(link) => link.docker.clone(),
            None => std::env::var("DOCKER_HOST").unwrap_or_default(),
        };
        match (named.is_empty(), named.strip_prefix("unix://")) {
            (true, _) => self.forward(DOCKER).await.map(Some),
            (false, Some(socket)) => self.forward(socket).await.map(Some),
            (false, None) => Ok(None),
        }
    }

    /// Brings any unix socket of this host here.
    pub async fn forward(&self, there: &str) -> Result<Forwarded, HostError> {
        let doing = format!("bringing {there} here");
        let forwarding = timeout(PATIENCE, self.bring(there, &doing)).await;
        forwarding.unwrap_or_else(|_| Err(HostError::TimedOut { host: self.name().to_owned(), doing, after: PATIENCE }))
    }

    async fn bring(&self, there: &str, doing: &str) -> Result<Forwarded, HostError> {
        let Some(link) = self.link().await? else { return Ok(Forwarded { path: PathBuf::from(there) }) };
        let mut brought = link.forwards.lock().await;
        if let Some(path) = brought.get(there) {
            return Ok(Forwarded { path: path.clone() });
        }
        let path = link.folder.path().join(format!("s{}", brought.len()));
        let (near, far) = (Socket::from(path.clone()), Socket::from(PathBuf::from(there)));
        // ssh answers once it listens.
        let asked = link.session.request_port_forward(ForwardType::Local, near, far).await;
        asked.map_err(|error| self.lost(doing, error.to_string()))?;
        brought.insert(there.to_owned(), path.clone());
        Ok(Forwarded { path })
    }
}

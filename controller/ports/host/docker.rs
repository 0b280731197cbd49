//! The Docker Engine of a host, as bollard speaks to it: over its own socket, brought here over SSH. Owns the way to it
//! and which version of its API is spoken; must not know what is asked.
//!
//! Where a user who is not root works by `sudo`, the socket is not theirs to open, and DOCKER_HOST may name no socket: there
//! each request goes through `docker system dial-stdio`, as those of Docker's own client do for hosts behind SSH.

use super::error::HostError;
use super::pool::{Host, Inner};
use super::run::{self, Command};
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use std::io;
use std::path::PathBuf;
use std::sync::Weak;
use std::time::Duration;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client of a host's engine, and the socket that it speaks over; none where it speaks through a command.
pub(super) struct Spoken {
    socket: Option<PathBuf>,
    docker: Docker,
}

impl Host {
    /// A client of this host's engine, speaking a version of the API that both know (20.10 and later).
    ///
    /// Finding that out costs a request, once for each connection to the host.
    pub async fn docker(&self) -> Result<Docker, String> {
        let socket = match self.works_by_sudo() {
            true => None,
            false => self.forward_docker().await.map_err(|error| error.to_string())?.map(|socket| socket.path),
        };
        let mut spoken = self.spoken().lock().await;
        if let Some(known) = spoken.as_ref().filter(|known| known.socket == socket) {
            return Ok(known.docker.clone());
        }
        // What fails here is tried anew by whoever comes next.
        *spoken = None;
        let seconds = PATIENCE.as_secs();
        let docker = match &socket {
            Some(path) => Docker::connect_with_unix(&path.to_string_lossy(), seconds, API_DEFAULT_VERSION),
            None => {
                let host = self.downgrade();
                let send = move |request| through(host.clone(), request);
                Docker::connect_with_custom_transport(send, Some("http://docker"), seconds, API_DEFAULT_VERSION)
            }
        };
        let docker = docker.map_err(|error| error.to_string())?;
        let docker = docker.negotiate_version().await.map_err(|error| why(&error))?;
        *spoken = Some(Spoken { socket, docker: docker.clone() });
        Ok(docker)
    }
}

/// One request through a command on the host.
async fn through(host: Weak<Inner>, request: BollardRequest) -> Result<Response<Incoming>, Error> {
    let failed = |error: &dyn std::error::Error| Error::from(io::Error::other(run::chain(error)));
    let gone = || io::Error::other("the host is no longer among those that are known");
    let host = Host::upgrade(&host).ok_or_else(gone)?;
    let command = Command::program("speaking to Docker", ["docker", "system", "dial-stdio"]).within(PATIENCE);
    let stream = host.stream(&command).await.map_err(|error: HostError| failed(&error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    tokio::spawn(connection);
    let (mut parts, body) = request.into_parts();
    parts.headers.insert(HOST, HeaderValue::from_static("docker"));
    if let Some(path) = parts.uri.path_and_query().cloned() {
        parts.uri = path.into();
    }
    sender.send_request(BollardRequest::from_parts(parts, body)).await.map_err(|error| failed(&error))
}

/// What went wrong, in a line.
pub(super) fn why(error: &Error) -> String {
    let text = match error {
        Error::RequestTimeoutError => "no answer in time".to_owned(),
        // Over a socket that is brought here, sshd says no more than that.
        Error::HyperLegacyError { .. } | Error::HyperResponseError { .. } => {
            format!(
                "its socket was shut at once ({}): it does not run, or this user may not open it",
                run::chain(error)
            )
        }
        error => run::chain(error),
    };
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

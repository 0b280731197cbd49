//! Takes connections and speaks HTTP on them: so many at once, each with a time for its headers, all ended at a stop.
//! Knows no route.

use axum::Router;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Connections at the same time; more wait in the kernel's queue.
const AT_ONCE: usize = 256;
/// How long the headers of a request may take, and how long a connection may idle.
const HEADERS: Duration = Duration::from_secs(10);
/// How long what is being answered may take after a stop.
const GRACE: Duration = Duration::from_secs(2);

/// Where a request came from.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// A user of this machine, over the unix socket, by number; none where the kernel does not say.
    Peer(Option<u32>),
    /// Anybody, over the network.
    Network,
}

impl Caller {
    /// Who is at the other end of a unix socket, as the kernel says.
    pub(super) fn peer(stream: &UnixStream) -> Self {
        Self::Peer(stream.peer_cred().ok().map(|peer| peer.uid()))
    }
}

/// Serves every connection until `stop`.
pub(super) async fn accept<L: Listener>(
    mut listener: L,
    router: Router,
    caller: impl Fn(&L::Io) -> Caller,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut open = JoinSet::new();
    loop {
        let taken = stop.run_until_cancelled(async {
            let permit = room.clone().acquire_owned().await.ok()?;
            Some((permit, listener.accept().await.0))
        });
        let Some(Some((permit, io))) = taken.await else { break };
        let connection = connection(caller(&io), io, router.clone(), stop.clone());
        open.spawn(async move {
            connection.await;
            drop(permit);
        });
        while open.try_join_next().is_some() {}
    }
    drop(listener);
    if tokio::time::timeout(GRACE, async { while open.join_next().await.is_some() {} }).await.is_err() {
        tracing::debug!(open = open.len(), "connections were cut at the stop");
    }
}

async fn connection<I>(caller: Caller, io: I, router: Router, stop: CancellationToken)
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let routes = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(caller.clone());
        routes.call(request)
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADERS);
    let connection = server.serve_connection(TokioIo::new(io), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

//! The controller's face to people and programs: its API, webhooks, health and metrics. It reads what the engine
//! publishes and writes only through `engine::act`; a webhook is a wake-up and no more. It never reconciles.

mod access;
mod api;
mod bound;
mod deliveries;
mod health;
mod hooks;
mod listen;
mod metrics;
mod notify;

pub use access::SUDO;
pub use api::{ACTS, Told};

use crate::engine::cycle::Controller;
use crate::engine::run::Wake;
use crate::ports::config::{Access, Config, SecretLines};
use crate::ports::socket::{self, SocketError};
use axum::Router;
use axum::routing::get;
use deliveries::Deliveries;
use listen::Caller;
use metrics::Metrics;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What every request reads from and wakes.
struct Shared {
    controller: Arc<Controller>,
    wakes: mpsc::Sender<Wake>,
    access: Vec<Access>,
    branch: String,
    secrets: Option<SecretLines>,
    seen: Deliveries,
    metrics: Metrics,
}

/// Says why nothing could be served.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The unix socket could not be made.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The port could not be had.
    #[error(
        "could not listen on {0}, as server.listen says: see that the address is this machine's and nobody else has it"
    )]
    Listen(SocketAddr, #[source] std::io::Error),
}

/// A server that goes on until it is ended, so that people can ask while work in flight ends.
pub struct Server {
    /// Where it listens over the network, where it does.
    pub addr: Option<SocketAddr>,
    tasks: JoinSet<()>,
    closing: CancellationToken,
}

impl Server {
    /// Ends it, and waits until what is being answered has been, a few seconds at most.
    pub async fn end(self) {
        self.closing.cancel();
        self.tasks.join_all().await;
    }
}

/// Begins to serve: on the unix socket, and where `server.listen` says so on the network. At `stop` systemd is told.
///
/// Everything that could go wrong with either is told here, before the loop begins; afterwards a bad request costs its
/// sender an error and nobody else anything.
pub async fn serve(
    config: &Config,
    controller: Arc<Controller>,
    wakes: mpsc::Sender<Wake>,
    stop: CancellationToken,
) -> Result<Server, ServerError> {
    let bound = socket::bind(&config.socket)?;
    let network = match config.server.listen {
        Some(address) => Some(TcpListener::bind(address).await.map_err(|e| ServerError::Listen(address, e))?),
        None => None,
    };
    let shared = Arc::new(Shared {
        metrics: Metrics::new(),
        controller,
        wakes,
        access: config.access.clone(),
        branch: config.branch.clone(),
        secrets: config.webhook_secrets.clone(),
        seen: Deliveries::default(),
    });
    let closing = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(metrics::watch(shared.clone(), closing.clone()));
    tasks.spawn(notify::keep_told(shared.controller.clone(), stop, closing.clone()));
    let addr = network.as_ref().and_then(|n| n.local_addr().ok());
    if let Some(network) = network {
        let router = common(&shared).merge(hooks::routes(&shared));
        tracing::info!(address = addr.map(|a| a.to_string()), "listening");
        tasks.spawn(listen::accept(network, bound::bounded(router), |_| Caller::Network, closing.clone()));
    }
    let (router, until) = (bound::bounded(common(&shared)), closing.clone());
    tasks.spawn(async move {
        let (listener, place) = bound.split();
        listen::accept(listener, router, Caller::peer, until).await;
        drop(place);
    });
    Ok(Server { addr, tasks, closing })
}

/// What both the socket and the network offer.
fn common(shared: &Arc<Shared>) -> Router {
    Router::new()
        .nest("/api/v1", api::routes())
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::scrape))
        .fallback(api::nowhere)
        .method_not_allowed_fallback(api::not_so)
        .with_state(shared.clone())
}

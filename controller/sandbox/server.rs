//! The HTTP face: reads a request whole, lets the core decide, and sends or withholds the answer.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use axum::http::{HeaderValue, Request as HttpRequest, Response, StatusCode};

use tokio::sync::watch;

use super::behind::Behind;
use super::control;
use super::core::{Core, Outcome, Request};
use super::store::Store;
use super::wire::Cut;

const MAX_BODY: usize = 4 * 1024 * 1024;
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html");
const GARBLED: &str = "<html>\n<head><title>Sign in</title></head>\n";
const BAD_GATEWAY: &str = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body>\n<center><h1>502 Bad Gateway</h1></center>\n</body>\n</html>\n";

/// What every connection shares.
pub(super) struct Shared {
    pub(super) core: Mutex<Core>,
    pub(super) store: Option<Store>,
    pub(super) addr: SocketAddr,
    /// How many requests were judged, for those who wait for one.
    pub(super) judged: watch::Sender<u64>,
    /// The machines behind droplets.
    pub(super) hosts: Option<Behind>,
}

impl Shared {
    /// Locks the core; a panic elsewhere does not stop the simulator.
    pub(super) fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the machines that droplets may have changed.
    pub(super) fn told(&self) {
        if let Some(hosts) = &self.hosts {
            hosts.look();
        }
    }
}

/// Builds the service.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(serve).with_state(shared)
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: HttpRequest<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, JSON, Vec::new());
    };
    let header = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let request = Request {
        path: parts.uri.path().trim_end_matches('/').to_owned(),
        query: url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
        token: header(AUTHORIZATION)
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(|secret| secret.trim().to_owned()),
        body: body.to_vec(),
        base: match header(HOST) {
            Some(host) => format!("http://{host}"),
            None => format!("http://{}", shared.addr),
        },
        method: parts.method,
    };
    if request.path.starts_with("/sandbox") {
        let (status, body) = control::answer(&shared, &request).await;
        shared.told();
        return plain(status, JSON, body);
    }
    exchange(&shared, &cut, &request).await
}

async fn exchange(shared: &Shared, cut: &Cut, request: &Request) -> Response<Body> {
    let verdict = shared.lock().judge(request);
    shared.judged.send_modify(|count| *count += 1);
    if verdict.hang {
        return std::future::pending().await;
    }
    if !verdict.latency.is_zero() {
        tokio::time::sleep(verdict.latency).await;
    }
    if verdict.close {
        cut.now();
        return Response::new(Body::empty());
    }
    let outcome = shared.lock().perform(request, &verdict);
    if request.method != axum::http::Method::GET {
        shared.told();
    }
    if let Some(store) = &shared.store
        && let Err(why) = store.saved(outcome.version).await
    {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, JSON, why.into_bytes());
    }
    if verdict.mute {
        return std::future::pending().await;
    }
    if verdict.lose_reply {
        cut.now();
        return Response::new(Body::empty());
    }
    let mut response = respond(outcome);
    if verdict.garbled {
        *response.body_mut() = Body::from(GARBLED);
    }
    response
}

fn respond(outcome: Outcome) -> Response<Body> {
    let mut response = match &outcome.answer {
        _ if outcome.bad_gateway => plain(StatusCode::BAD_GATEWAY, HTML, BAD_GATEWAY.into()),
        Ok(_) => Response::new(Body::empty()),
        Err(problem) => plain(problem.status, JSON, problem.body(&outcome.request_id)),
    };
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    set("x-request-id", outcome.request_id);
    if let Some(standing) = outcome.standing {
        set("ratelimit-limit", standing.limit.to_string());
        set("ratelimit-remaining", standing.remaining.to_string());
        set("ratelimit-reset", standing.reset.to_string());
    }
    match outcome.answer {
        Err(problem) => {
            if let Some(seconds) = problem.retry_after {
                set(RETRY_AFTER.as_str(), seconds.to_string());
            }
        }
        Ok(reply) => {
            *response.status_mut() = reply.status;
            if !reply.body.is_empty() {
                response.headers_mut().insert(CONTENT_TYPE, JSON);
                *response.body_mut() = Body::from(reply.body);
            }
        }
    }
    response
}

fn plain(status: StatusCode, kind: HeaderValue, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

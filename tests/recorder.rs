//! A proxy on loopback that passes everything on and keeps what went over the wire, both ways.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Request, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: String,
    pub path: String,
    pub sent: Value,
    pub status: u16,
    pub answered: Value,
}

/// A proxy that is listening.
pub struct Recorder {
    pub addr: SocketAddr,
    wire: Arc<Wire>,
    task: JoinHandle<()>,
}

struct Wire {
    target: String,
    client: reqwest::Client,
    exchanges: Mutex<Vec<Exchange>>,
}

impl Recorder {
    /// Begins to record what is sent to `target`, such as `http://127.0.0.1:4000`.
    pub async fn before(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let wire = Arc::new(Wire { target, client: reqwest::Client::new(), exchanges: Mutex::default() });
        let app = Router::new().fallback(pass_on).with_state(wire.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("a server");
        });
        Self { addr, wire, task }
    }

    /// Stops, and returns everything that was exchanged.
    pub fn finish(self) -> Vec<Exchange> {
        self.task.abort();
        self.wire.exchanges.lock().expect("a lock").clone()
    }
}

async fn pass_on(State(wire): State<Arc<Wire>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let answer = wire
        .client
        .request(parts.method.clone(), format!("{}{}", wire.target, parts.uri))
        .headers(parts.headers)
        .body(body.clone())
        .send()
        .await
        .expect("an answer");
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    let answered = answer.bytes().await.expect("a body");
    let exchange = Exchange {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        sent: serde_json::from_slice(&body).unwrap_or(Value::Null),
        status: response.status().as_u16(),
        answered: serde_json::from_slice(&answered).unwrap_or(Value::Null),
    };
    wire.exchanges.lock().expect("a lock").push(exchange);
    *response.body_mut() = Body::from(answered);
    response
}

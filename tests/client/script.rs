//! A scripted HTTP server on loopback: it notes what it is asked, and answers as a test says.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use driftless::ports::digitalocean::{Client, Config, Pace, Token};
use serde_json::{Value, json};

/// The token that tests give to the client, to be looked for where it must not be.
pub const TOKEN: &str = "dop_v1_5ec2e7c0ffee";

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub authorization: String,
    pub body: Option<Value>,
    /// How many requests came before it.
    pub nth: usize,
}

impl Seen {
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn page(&self) -> usize {
        self.query("page").and_then(|page| page.parse().ok()).unwrap_or(1)
    }
}

/// What the server answers.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
}

impl Reply {
    pub fn json(status: u16, body: Value) -> Self {
        Self { status, headers: vec![("content-type", "application/json".to_owned())], body: body.to_string().into() }
    }

    pub fn error(status: u16, id: &str, message: &str) -> Self {
        Self::json(status, json!({"id": id, "message": message, "request_id": "req-1"}))
    }

    pub fn text(status: u16, body: &str) -> Self {
        Self { status, headers: vec![("content-type", "text/html".to_owned())], body: body.to_owned().into() }
    }

    /// Headers that promise success, and a connection cut before the body.
    pub fn cut(status: u16) -> Self {
        let lost = futures::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) });
        Self { status, headers: Vec::new(), body: Body::from_stream(lost) }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

type Answering = Pin<Box<dyn Future<Output = Reply> + Send>>;

#[derive(Clone)]
struct Script {
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<dyn Fn(Seen) -> Answering + Send + Sync>,
}

/// A server that runs until it is dropped.
pub struct Server {
    pub address: String,
    script: Script,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts a server that answers each request by itself.
    pub async fn answering(answer: impl Fn(Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::awaiting(move |seen| std::future::ready(answer(seen))).await
    }

    /// Starts a server whose answers may wait for something.
    pub async fn awaiting<F>(answer: impl Fn(Seen) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let script = Script { seen: Arc::default(), answer: Arc::new(move |seen| Box::pin(answer(seen))) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let app = axum::Router::new().fallback(handle).with_state(script.clone());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("serving") });
        Self { address, script, task }
    }

    /// Returns all requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().expect("not poisoned").clone()
    }

    /// Returns a quick client of this server.
    pub fn client(&self) -> Client {
        client(&self.address, Token::inline(TOKEN))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns a client with short waits.
pub fn client(address: &str, token: Token) -> Client {
    Client::new(config(address, token)).expect("a client")
}

/// Returns a configuration with short waits.
pub fn config(address: &str, token: Token) -> Config {
    // Several tests install it; the first one wins and the rest are refused, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Config { pace: Pace::SANDBOX, ..Config::at(address, token).expect("an address") }
}

async fn handle(
    State(script): State<Script>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let seen = {
        let mut all = script.seen.lock().expect("not poisoned");
        let nth = all.len();
        all.push(Seen {
            method: method.to_string(),
            path: uri.path().to_owned(),
            query,
            authorization: header("authorization"),
            body: serde_json::from_slice(&body).ok(),
            nth,
        });
        all.last().cloned().expect("just pushed")
    };
    let reply = (script.answer)(seen).await;
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(reply.body).expect("an answer")
}

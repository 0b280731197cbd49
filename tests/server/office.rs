//! A controller that runs and is served, in this process: over a real port and a real unix socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use driftless::engine::cycle::Controller;
use driftless::engine::run::{Pace, run};
use driftless::engine::snapshot::Snapshot;
use driftless::model::Digest;
use driftless::ports::config::{Config, Overrides};
use driftless::sandbox;
use driftless::server::{self, Server};
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::house::House;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who may do what; the token of each is their name and `-token`.
pub const PEOPLE: [(&str, &str, &str); 4] = [
    ("ana", "approver", "emails = ['ana@example.com']"),
    ("bob", "approver", "emails = ['bob@example.com']"),
    ("eve", "viewer", ""),
    ("jan", "admin", ""),
];

/// A controller that runs and is served.
pub struct Office {
    pub controller: Arc<Controller>,
    pub running: sandbox::Running,
    pub url: String,
    pub socket: PathBuf,
    pub folder: TempDir,
    stop: CancellationToken,
    server: Server,
    looping: JoinHandle<()>,
}

impl Office {
    /// One with these people, over a house with these files.
    pub async fn open(files: &[(&str, &str)]) -> Self {
        let people = PEOPLE.map(|(name, role, more)| {
            let hash = Digest::of_bytes(format!("{name}-token").as_bytes());
            format!("[[access]]\nname = '{name}'\nrole = '{role}'\ntoken_hash = '{hash}'\n{more}\n")
        });
        Self::with(files, &people.concat()).await
    }

    /// One where driftless.toml ends like this.
    pub async fn with(files: &[(&str, &str)], access: &str) -> Self {
        let House { running, controller, folder, .. } = House::new(files).await;
        let file = folder.path().join("driftless.toml");
        let data = folder.path().join("data").display().to_string();
        let text = format!(
            "data_dir = '{data}'\n[server]\nlisten = '127.0.0.1:0'\n[webhook]\nsecrets_file = 'secrets'\n{access}"
        );
        std::fs::write(&file, text).expect("settings");
        std::fs::write(folder.path().join("secrets"), "hush\n").expect("secrets");
        let config = Config::load(Overrides::default(), &|_| None, Some(file)).expect("settings that make sense");
        let (controller, stop) = (Arc::new(controller), CancellationToken::new());
        let (wakes, heard) = mpsc::channel(8);
        let server = server::serve(&config, controller.clone(), wakes, stop.clone()).await.expect("it is served");
        let addr = server.addr.expect("an address");
        let (looped, until) = (controller.clone(), stop.clone());
        let looping = tokio::spawn(async move {
            let pace = Pace { jitter: 0.0, seed: 0, grace: PATIENCE };
            run(&looped, &pace, heard, until, &|_| {}).await;
        });
        Self {
            controller,
            running,
            url: format!("http://{addr}"),
            socket: config.socket,
            folder,
            stop,
            server,
            looping,
        }
    }

    /// The repository's folder.
    pub fn repo(&self) -> PathBuf {
        self.folder.path().join("infra")
    }

    /// Waits until a cycle has published something.
    pub async fn sees(&self, what: &str, holds: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let mut snapshots = self.controller.snapshot.subscribe();
        let seen = tokio::time::timeout(PATIENCE, snapshots.wait_for(|snapshot| holds(snapshot))).await;
        match seen {
            Ok(Ok(snapshot)) => snapshot.clone(),
            _ => panic!("it never came true: {what}"),
        }
    }

    /// Asks over the network, as somebody.
    pub async fn ask(&self, method: Method, path: &str, who: &str, body: &Value) -> (u16, Value) {
        let mut request = reqwest::Client::new().request(method, format!("{}/api/v1/{path}", self.url));
        if !who.is_empty() {
            request = request.bearer_auth(format!("{who}-token"));
        }
        if !body.is_null() {
            request = request.json(body);
        }
        answered(request).await
    }

    /// Acts over the network, as somebody.
    pub async fn act(&self, path: &str, who: &str, body: &Value) -> (u16, Value) {
        self.ask(Method::POST, path, who, body).await
    }

    /// Asks over the unix socket, as the user of this process.
    pub async fn beside(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let client = reqwest::Client::builder().unix_socket(self.socket.clone()).build().expect("a client");
        answered(client.request(method, format!("http://localhost/api/v1/{path}")).json(body)).await
    }

    /// The digests of what is held.
    pub fn held(&self) -> Vec<String> {
        let snapshot = self.controller.snapshot.borrow().clone();
        let held = snapshot.after.iter().flat_map(|plan| plan.held()).filter_map(|c| c.hold());
        held.map(|hold| hold.digest.short()).collect()
    }

    /// Ends it, and says that nothing went wrong.
    pub async fn close(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.looping).await.expect("it ends").expect("without a panic");
        tokio::time::timeout(PATIENCE, self.server.end()).await.expect("the server ends");
        assert!(!self.socket.exists(), "the socket's file goes with it");
    }
}

/// Sends a request and reads what comes back.
pub async fn answered(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

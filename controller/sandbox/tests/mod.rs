//! The simulator through real HTTP: the bed that all topics share.

mod account;
mod dns;
mod droplets;
mod faults;
mod firewalls;
mod records;
mod running;
mod strange;
mod vpcs;

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::*;

/// A running simulator and a client that has a token.
struct Bed {
    running: Running,
    client: reqwest::Client,
}

async fn bed(config: Config) -> Bed {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Bed { running: serve(config).await.expect("a free port on loopback"), client: reqwest::Client::new() }
}

/// Actions are over by the next request, and nothing is limited.
fn quick() -> Config {
    Config { action_time: Duration::ZERO, limits: Limits::off(), ..Config::default() }
}

/// Time stands still until a test moves it; actions take ten seconds.
fn by_hand() -> Config {
    Config { clock: Clock::manual(), action_time: Duration::from_secs(10), limits: Limits::off(), ..Config::default() }
}

fn droplet(name: &str) -> Value {
    json!({"name": name, "region": "sgp1", "size": "s-1vcpu-1gb", "image": "ubuntu-22-04-x64"})
}

impl Bed {
    fn handle(&self) -> Handle {
        self.running.handle()
    }

    async fn try_raw(&self, token: &str, method: &str, path: &str, body: &Value) -> reqwest::Result<Response> {
        let method = method.parse().expect("a method");
        let request = self.client.request(method, format!("{}{path}", self.running.url())).bearer_auth(token);
        match body.is_null() {
            true => request.send().await,
            false => request.json(body).send().await,
        }
    }

    async fn raw(&self, method: &str, path: &str) -> Response {
        self.try_raw("sandbox", method, path, &Value::Null).await.expect("an answer")
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let response = self.try_raw("sandbox", method, path, &body).await.expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Sends what must be accepted, and returns the answer.
    async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(method, path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        answer
    }

    /// Sends what must be refused with that status, and returns the message.
    async fn refused(&self, status: u16, method: &str, path: &str, body: Value) -> String {
        let (got, answer) = self.send(method, path, body).await;
        assert_eq!(got, status, "{method} {path}: {answer}");
        assert!(answer["id"].is_string() && answer["request_id"].is_string());
        answer["message"].as_str().expect("a message").to_owned()
    }

    async fn get(&self, path: &str) -> Value {
        self.done("GET", path, Value::Null).await
    }

    /// Creates a droplet and returns its path.
    async fn droplet(&self, body: Value) -> String {
        let made = self.done("POST", "/v2/droplets", body).await;
        format!("/v2/droplets/{}", made["droplet"]["id"])
    }
}

fn ids(list: &Value) -> Vec<u64> {
    list.as_array().expect("a list").iter().map(|item| item["id"].as_u64().expect("a number")).collect()
}

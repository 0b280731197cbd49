//! The Docker Engine API of a machine, as far as a look at it needs: versions, containers, images, volumes, networks.
//! Owns routes and shapes; what there is, the engine knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};

use super::engine::{self, Engine};
use super::inspect;
use super::machine::Machine;
use super::programs::Package;

/// Where the engine listens.
pub(super) const SOCKETS: [&str; 2] = ["/var/run/docker.sock", "/run/docker.sock"];
/// The newest version of the API that it speaks, and the oldest.
const SPEAKS: (&str, &str) = ("1.43", "1.24");

/// Says whether an engine runs that a user may speak to.
pub(super) fn listens(machine: &Machine, user: &str) -> bool {
    user == "root" && machine.state().installed.has(Package::Docker)
}

/// Answers what comes over one connection.
pub(super) async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, machine: Arc<Machine>) {
    let service = TowerToHyperService::new(router(machine));
    // Whoever hangs up has what was wanted.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn router(machine: Arc<Machine>) -> Router {
    let versioned = Router::new()
        .route("/_ping", get(|| async { "OK" }))
        .route("/version", get(version))
        .route("/containers/json", get(containers))
        .route("/containers/{id}/json", get(container))
        .route("/images/json", get(images))
        .route("/volumes", get(volumes))
        .route("/networks", get(networks));
    let missing = || async { error(StatusCode::NOT_FOUND, "page not found") };
    versioned.clone().nest("/{version}", versioned).fallback(missing).with_state(machine)
}

fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

/// What the engine says by now.
fn seen<T>(machine: &Machine, say: impl FnOnce(&mut Engine, u64) -> T) -> T {
    let now = machine.now();
    let mut engine = machine.engine();
    engine.settle(now);
    say(&mut engine, now)
}

async fn version() -> Json<Value> {
    Json(json!({
        "Version": engine::VERSION, "ApiVersion": SPEAKS.0, "MinAPIVersion": SPEAKS.1, "Os": "linux", "Arch": "amd64",
        "Platform": {"Name": "Docker Engine - Community"},
    }))
}

async fn containers(State(machine): State<Arc<Machine>>, Query(asked): Query<BTreeMap<String, String>>) -> Json<Value> {
    let all = asked.get("all").is_some_and(|all| ["1", "true", "True"].contains(&all.as_str()));
    seen(&machine, |engine, now| {
        let listed = engine.containers.iter().filter(|one| all || matches!(one.state, engine::State::Up(_)));
        Json(listed.map(|one| inspect::listed(one, engine, now)).collect())
    })
}

async fn container(State(machine): State<Arc<Machine>>, Path(named): Path<BTreeMap<String, String>>) -> Response {
    let id = named.get("id").map(String::as_str).unwrap_or_default();
    seen(&machine, |engine, now| match engine.container(id) {
        Some(one) => Json(inspect::container(one, now)).into_response(),
        None => error(StatusCode::NOT_FOUND, &format!("No such container: {id}")),
    })
}

async fn images(State(machine): State<Arc<Machine>>) -> Json<Value> {
    seen(&machine, |engine, _| {
        let one = |(id, image): (&String, &engine::Image)| {
            json!({
                "Id": id, "ParentId": "", "RepoTags": image.tags, "RepoDigests": [], "Created": image.created / 1000,
                "Size": image.size, "SharedSize": -1, "Labels": null, "Containers": -1,
            })
        };
        Json(engine.images.iter().map(one).collect())
    })
}

async fn volumes(State(machine): State<Arc<Machine>>) -> Json<Value> {
    seen(&machine, |engine, _| {
        let all: Vec<Value> = engine.volumes.iter().map(|(name, one)| inspect::thing(name, one)).collect();
        Json(json!({"Volumes": all, "Warnings": null}))
    })
}

async fn networks(State(machine): State<Arc<Machine>>) -> Json<Value> {
    seen(&machine, |engine, _| Json(engine.networks.iter().map(|(name, one)| inspect::thing(name, one)).collect()))
}

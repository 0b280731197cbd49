//! The JSON API, `/api/v1`: how it stands, the plan, and what people do. A thin skin over `engine::act` and
//! `engine::status`: it checks nothing that they do not.

use super::Shared;
use crate::engine::act::{Act, Desk, Refusal, Said, Why};
use crate::engine::person::Who;
use crate::engine::status::status;
use crate::ports::config::Role;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, body::Bytes};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The longest body of an act.
const LONGEST: usize = 64 * 1024;

/// Where each act is asked for; the body holds its fields.
pub const ACTS: &[(&str, &str)] = &[
    ("approvals", "approve"),
    ("pauses", "pause"),
    ("resumes", "resume"),
    ("retries", "retry"),
    ("trusts", "trust"),
    ("freeze", "freeze"),
    ("thaw", "thaw"),
    ("look", "look"),
];

/// What is answered where something was not done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    /// What was asked, and what stands against it.
    pub error: String,
    /// What to do.
    pub hint: String,
}

/// The routes below `/api/v1`.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/status", get(stands))
        .route("/plan", get(plan))
        .route("/{act}", post(act))
        .layer(DefaultBodyLimit::max(LONGEST))
}

async fn stands(State(shared): State<Arc<Shared>>, who: Who) -> Result<Response, Answer> {
    who.at_least(Role::Viewer, "look")?;
    let controller = &shared.controller;
    let snapshot = controller.snapshot.borrow().clone();
    let status = status(&controller.keeper, Some(&snapshot), controller.ports.clock.now()).await;
    Ok(Json(status.map_err(Refusal::from)?).into_response())
}

async fn plan(State(shared): State<Arc<Shared>>, who: Who) -> Result<Response, Answer> {
    who.at_least(Role::Viewer, "look")?;
    match &shared.controller.snapshot.borrow().after {
        Some(plan) => Ok(Json(&**plan).into_response()),
        None => Err(Refusal::new(
            Why::Unable,
            "there is no plan: no look has been made, or the last one could not be ended",
            "GET /api/v1/status says what is wrong.",
        )
        .into()),
    }
}

async fn act(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    who: Who,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Answer> {
    let Some((_, act)) = ACTS.iter().find(|(place, _)| *place == name) else { return Ok(nowhere().await) };
    let act = read(act, &body?)?;
    // In a task of its own: somebody who hangs up, or the time-out, does not part an act from its wake-up.
    let done = tokio::spawn(async move {
        let snapshot = shared.controller.snapshot.borrow().clone();
        let controller = &shared.controller;
        let desk = Desk {
            keeper: &controller.keeper,
            estate: snapshot.estate.as_deref(),
            mirror: Some(&controller.mirror),
            path: &controller.path,
            now: controller.ports.clock.now(),
        };
        let said = desk.act(&who, &act).await?;
        // The loop ends only when the program does.
        let _ = shared.wakes.send(act.wake()).await;
        Ok::<Said, Refusal>(said)
    });
    match done.await {
        Ok(said) => Ok(Json(said?).into_response()),
        Err(_) => Err(refused(
            StatusCode::INTERNAL_SERVER_ERROR,
            "this request ended by a mistake in driftless",
            "Please report it with the log around it.",
        )
        .into()),
    }
}

/// An act from the fields of a body; an empty one has none.
fn read(name: &str, body: &[u8]) -> Result<Act, Answer> {
    let senseless = |what: String| Refusal::new(Why::Senseless, what, "controller/server/README.md shows every body.");
    let mut fields: Map<String, Value> = match body {
        [] => Map::new(),
        body => serde_json::from_slice(body).map_err(|e| senseless(format!("the body is no JSON object: {e}")))?,
    };
    fields.insert("act".to_owned(), Value::from(name));
    serde_json::from_value(Value::Object(fields)).map_err(|e| senseless(format!("the body does not fit: {e}")).into())
}

/// There is no such place.
pub(super) async fn nowhere() -> Response {
    refused(StatusCode::NOT_FOUND, "there is nothing at this address", "controller/server/README.md names every one.")
}

/// The place is there, for another method.
pub(super) async fn not_so() -> Response {
    refused(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method", "GET looks, POST acts.")
}

/// An answer that says what stands against a request.
pub(super) fn refused(status: StatusCode, error: &str, hint: &str) -> Response {
    (status, Json(Told { error: error.to_owned(), hint: hint.to_owned() })).into_response()
}

/// A refusal as an answer.
#[derive(Debug)]
pub(super) struct Answer(Box<Response>);

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.why {
            Why::Forbidden => StatusCode::FORBIDDEN,
            Why::Unknown => StatusCode::NOT_FOUND,
            Why::Senseless => StatusCode::UNPROCESSABLE_ENTITY,
            Why::Unable => StatusCode::SERVICE_UNAVAILABLE,
        };
        refused(status, &refusal.what, &refusal.hint).into()
    }
}

impl From<BytesRejection> for Answer {
    fn from(rejection: BytesRejection) -> Self {
        let hint = "A body here is a JSON object of at most 64 KiB.";
        refused(rejection.status(), "the body could not be taken in", hint).into()
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        *self.0
    }
}

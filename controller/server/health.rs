//! Whether the controller lives and whether it works, for whoever restarts or routes: `/healthz` and `/readyz`.

use super::Shared;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;

/// What a check answers: a status, and a line that says why.
type Check = (StatusCode, String);

/// The loop lives. A restart may help where it does not.
pub(super) async fn alive(State(shared): State<Arc<Shared>>) -> Check {
    match shared.controller.pulse.trouble() {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(trouble) => (StatusCode::SERVICE_UNAVAILABLE, format!("{trouble}\n")),
    }
}

/// A whole cycle has been run, and the journal can be written.
pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> Check {
    let no = |why: String| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"));
    if !shared.controller.pulse.ready() {
        return no("no whole cycle has been run since the start".to_owned());
    }
    match shared.controller.keeper.store().probe().await {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(error) => no(error.to_string()),
    }
}

//! What bounds every request: its time, and that a mistake of ours in one costs the others nothing.

use super::api;
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// How long a request may take, its body and its answer together.
const LONGEST: Duration = Duration::from_secs(10);

/// Puts the bounds around routes.
pub(super) fn bounded(router: Router) -> Router {
    router.layer(middleware::from_fn(within))
}

async fn within(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LONGEST, AssertUnwindSafe(next.run(request)).catch_unwind()).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => api::refused(
            StatusCode::INTERNAL_SERVER_ERROR,
            "this request ended by a mistake in driftless",
            "Please report it with the log around it.",
        ),
        Err(_) => api::refused(
            StatusCode::REQUEST_TIMEOUT,
            "the request took longer than 10 s",
            "Send it anew; what was written down before counts.",
        ),
    }
}

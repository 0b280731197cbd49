//! `/v2/account`: who the token belongs to. Holds no state of its own.

use axum::http::StatusCode;
use serde_json::json;

use super::call::{Answer, Call, Reply};
use super::state::World;

/// Answers `GET /v2/account`.
pub(super) fn get(world: &World, call: &Call<'_>) -> Answer {
    let account = json!({
        "droplet_limit": world.droplet_limit,
        "floating_ip_limit": 3,
        "reserved_ip_limit": 3,
        "volume_limit": 100,
        "email": "sandbox@example.com",
        "name": "Sandbox",
        "uuid": call.team,
        "email_verified": true,
        "status": "active",
        "status_message": "",
        "team": {"uuid": call.team, "name": "Sandbox team"},
    });
    Reply::one(StatusCode::OK, "account", &account)
}

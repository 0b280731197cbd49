//! The control endpoint under `/sandbox`, outside of the simulated API and without a token: faults, calls, clock, world.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::core::Request;
use super::faults::Fault;
use super::server::Shared;

/// Answers one control request with a status and a JSON body.
pub(super) async fn answer(shared: &Shared, request: &Request) -> (StatusCode, Vec<u8>) {
    let result = act(shared, request);
    let (status, body) = match result {
        Ok(body) => (StatusCode::OK, body),
        Err((status, why)) => (status, json!({"message": why})),
    };
    if let Some(store) = &shared.store {
        let version = shared.lock().version;
        if let Err(why) = store.saved(version).await {
            return (StatusCode::INTERNAL_SERVER_ERROR, why.into_bytes());
        }
    }
    (status, body.to_string().into_bytes())
}

fn act(shared: &Shared, request: &Request) -> Result<Value, (StatusCode, String)> {
    let refuse = |why: String| (StatusCode::UNPROCESSABLE_ENTITY, why);
    let text = String::from_utf8_lossy(&request.body);
    let mut core = shared.lock();
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/sandbox/faults") => {
            let all: Vec<Value> = core
                .faults
                .active
                .iter()
                .map(|active| {
                    json!({
                        "id": active.id,
                        "fault": active.fault.to_string(),
                        "matched": active.matched,
                        "fired": active.fired,
                    })
                })
                .collect();
            Ok(json!({"faults": all}))
        }
        ("POST", "/sandbox/faults") => {
            let faults = text
                .lines()
                .filter(|line| !line.trim().is_empty())
                .map(str::parse::<Fault>)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|err| refuse(err.to_string()))?;
            let ids: Vec<u64> = faults.into_iter().map(|fault| core.faults.add(fault)).collect();
            Ok(json!({"ids": ids}))
        }
        ("DELETE", "/sandbox/faults") => {
            core.faults.active.clear();
            Ok(json!({}))
        }
        ("GET", "/sandbox/calls") => Ok(json!(core.calls)),
        ("DELETE", "/sandbox/calls") => {
            core.calls = Default::default();
            Ok(json!({}))
        }
        ("GET", "/sandbox/world") => Ok(json!(core.worlds)),
        ("PUT", "/sandbox/world") => {
            core.worlds = serde_json::from_slice(&request.body).map_err(|err| refuse(err.to_string()))?;
            core.version += 1;
            Ok(json!({}))
        }
        ("POST", "/sandbox/clock") => {
            let ms: u64 = text.trim().parse().map_err(|_| refuse("the body must be milliseconds".to_owned()))?;
            core.clock.advance(std::time::Duration::from_millis(ms));
            Ok(json!({"now": core.clock.now()}))
        }
        (method, path) => Err((
            StatusCode::NOT_FOUND,
            format!(
                "{method} {path} is not there; there are GET, POST (one fault a line) and DELETE /sandbox/faults, \
                 GET and DELETE /sandbox/calls, GET and PUT /sandbox/world, POST /sandbox/clock (milliseconds)"
            ),
        )),
    }
}

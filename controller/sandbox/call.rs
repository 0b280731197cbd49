//! One call and its answer, as every resource sees them: parsed query, body, time, and the error bodies of the API.
//! Knows nothing of sockets; `server.rs` turns these into HTTP.

use axum::http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::faults::Shift;

/// Carries one request to the resource that answers it.
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    /// The path without the query, beginning with `/v2`.
    pub(super) path: &'a str,
    pub(super) query: &'a [(String, String)],
    pub(super) body: &'a [u8],
    /// Where links lead, such as `http://127.0.0.1:4000`.
    pub(super) base: &'a str,
    /// The simulator's time, in milliseconds since 1970.
    pub(super) now: u64,
    /// How long actions last, in milliseconds.
    pub(super) action_ms: u64,
    /// The team that the token belongs to.
    pub(super) team: &'a str,
    /// Set when a fault lets the actions that this call starts end as errored.
    pub(super) errored: bool,
    /// Set when a fault moves the pages after the first.
    pub(super) shift: Option<Shift>,
    /// How much `meta.total` is off, when a fault makes it so.
    pub(super) total_off: i64,
}

impl Call<'_> {
    /// Returns the first value of a query parameter.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Parses the body; unknown fields are ignored, as the real API does.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(self.body).map_err(|err| {
            if err.is_data() {
                Problem::unprocessable(format!("invalid request body: {err}"))
            } else {
                Problem::bad_request("error parsing request body")
            }
        })
    }
}

/// What a resource answers: a reply or a problem.
pub(super) type Answer = Result<Reply, Problem>;

/// A successful answer, already serialised.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
    /// The path under which a created object will be read.
    pub(super) created: Vec<String>,
}

impl Reply {
    /// Serialises `{key: value}` with the given status.
    pub(super) fn one(status: StatusCode, key: &'static str, value: &impl Serialize) -> Answer {
        Self::json(status, &Keyed { key, value })
    }

    /// Serialises a whole body.
    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
        match serde_json::to_vec(body) {
            Ok(body) => Ok(Self { status, body, created: Vec::new() }),
            Err(err) => Err(Problem::new(500, "server_error", err.to_string())),
        }
    }

    /// Answers 204 without a body.
    pub(super) fn no_content() -> Answer {
        Ok(Self { status: StatusCode::NO_CONTENT, body: Vec::new(), created: Vec::new() })
    }

    /// Notes where the created object can be read.
    pub(super) fn at(mut self, path: impl Into<String>) -> Self {
        self.created.push(path.into());
        self
    }
}

struct Keyed<'a, T> {
    key: &'static str,
    value: &'a T,
}

impl<T: Serialize> Serialize for Keyed<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.key, self.value)?;
        map.end()
    }
}

/// An error answer with the API's own words.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) id: &'static str,
    pub(super) message: String,
    /// Seconds, sent as `retry-after`.
    pub(super) retry_after: Option<u64>,
}

impl Problem {
    /// Builds a problem; an impossible status becomes 500.
    pub(super) fn new(status: u16, id: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            id,
            message: message.into(),
            retry_after: None,
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "bad_request", message)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "unauthorized", "Unable to authenticate you")
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, "forbidden", message)
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "not_found", "The resource you requested could not be found.")
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "conflict", message)
    }

    pub(super) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, "unprocessable_entity", message)
    }

    pub(super) fn too_many(retry_after: Option<u64>) -> Self {
        Self { retry_after, ..Self::new(429, "too_many_requests", "API Rate limit exceeded.") }
    }

    /// Serialises the body that the API sends for this problem.
    pub(super) fn body(&self, request_id: &str) -> Vec<u8> {
        json!({"id": self.id, "message": self.message, "request_id": request_id}).to_string().into_bytes()
    }
}

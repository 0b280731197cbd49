//! What can go wrong between us and DigitalOcean, in words a person can act on.
//! It classifies; it neither retries nor sends. No error ever holds the token.

use std::fmt;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;

use super::call::{Aim, Call};
use super::wire::or_default;

/// A shorthand for what calls return.
pub type Result<T, E = ApiError> = std::result::Result<T, E>;

/// What class of failure it was, by status and message together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// DigitalOcean itself says that the thing does not exist.
    NotFound,
    /// The token is not valid (any more).
    Unauthorized,
    /// The token may not do this.
    Forbidden,
    /// It clashes with something that exists, such as a name in use.
    Conflict,
    /// The request is refused for what it says.
    Invalid,
    /// The thing is busy or still in use; later it will do.
    Busy,
    /// A rate limit was met, DigitalOcean's or our own.
    RateLimited,
    /// DigitalOcean failed (5xx).
    Server,
    /// The answer was not the JSON that was expected.
    NotJson,
    /// No answer in time.
    Timeout,
    /// No connection; nothing was sent.
    Connect,
    /// It was sent, and whether it was done is unknown.
    Unclear,
    /// A list changed while it was read, each time.
    ListMoved,
    /// An action ended with an error.
    ActionErrored,
    /// An action has not ended in the time given.
    StillRunning,
}

/// A call that failed: what was tried, on what, what came back, what to do.
#[derive(Clone, thiserror::Error)]
pub struct ApiError(Box<Details>);

#[derive(Clone)]
pub(super) struct Details {
    kind: ErrorKind,
    method: Method,
    path: String,
    pub(super) aim: Aim,
    pub(super) scope: String,
    pub(super) needed_by: &'static str,
    pub(super) token_place: String,
    status: Option<u16>,
    id: String,
    message: String,
    request_id: String,
    retry_after: Option<Duration>,
    tries: usize,
}

impl ApiError {
    pub(super) fn new(call: &Call, kind: ErrorKind) -> Self {
        Self(Box::new(Details {
            kind,
            method: call.method.clone(),
            path: call.path(),
            aim: call.aim,
            scope: call.scope(),
            needed_by: call.need.kind,
            token_place: String::new(),
            status: None,
            id: String::new(),
            message: String::new(),
            request_id: String::new(),
            retry_after: None,
            tries: 1,
        }))
    }

    pub(super) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = shortened(&message.into());
        self
    }

    pub(super) fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.0.retry_after = after;
        self
    }

    pub(super) fn with_tries(mut self, tries: usize) -> Self {
        self.0.tries = tries;
        self
    }

    pub(super) fn with_token_place(mut self, place: String) -> Self {
        self.0.token_place = place;
        self
    }

    pub(super) fn with_status(mut self, status: u16, request_id: &str) -> Self {
        self.0.status = Some(status);
        self.0.request_id = request_id.to_owned();
        self
    }

    /// Turns an answer that is no success into an error. `text` must be scrubbed already.
    pub(super) fn from_answer(call: &Call, status: u16, request_id: &str, text: &str) -> Self {
        let error = Self::new(call, ErrorKind::Server).with_status(status, request_id);
        match serde_json::from_str::<Told>(text) {
            Ok(told) if !(told.id.is_empty() && told.message.is_empty()) => {
                let mut error = error.with_message(told.message.as_str());
                error.0.kind = classify(call, status, &told.message);
                error.0.id = told.id;
                if !told.request_id.is_empty() {
                    error.0.request_id = told.request_id;
                }
                error
            }
            _ => {
                let mut error = error.with_message(text);
                // A proxy's 404 is no proof that a droplet is gone.
                error.0.kind = match status {
                    429 => ErrorKind::RateLimited,
                    401 => ErrorKind::Unauthorized,
                    408 | 500..=599 => ErrorKind::Server,
                    _ => ErrorKind::NotJson,
                };
                error
            }
        }
    }

    /// Marks a call that must not run twice, and whose fate is not known, as unclear.
    pub(super) fn unclear(mut self) -> Self {
        self.0.kind = ErrorKind::Unclear;
        self
    }

    /// Returns the class of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns DigitalOcean's message, or what the transport said.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the id under which DigitalOcean's support finds the request; empty if none.
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// Returns how long to wait before another try, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Tells whether DigitalOcean's message contains `words`, ignoring case.
    pub fn says(&self, words: &str) -> bool {
        let message = self.0.message.to_ascii_lowercase();
        message.contains(&words.to_ascii_lowercase())
    }

    /// Tells whether the failure is DigitalOcean saying that the thing does not exist.
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// Says what was tried and what came back, and how to get in where the door is shut: for looks, which hand on no hint.
    pub fn why(&self) -> String {
        match self.0.kind {
            ErrorKind::Unauthorized | ErrorKind::Forbidden => format!("{}. {}", self.what(), self.hint()),
            _ => self.what(),
        }
    }

    /// Says what was tried and what came back.
    pub fn what(&self) -> String {
        let d = &*self.0;
        let call = format!("{} {}", d.method, d.path);
        let request = match d.request_id.as_str() {
            "" => String::new(),
            id => format!(" (request {id})"),
        };
        let tries = match d.tries {
            0 | 1 => String::new(),
            n => format!(", tried {n} times"),
        };
        let message = match d.message.as_str() {
            "" => String::new(),
            message => format!(": \"{message}\""),
        };
        match (d.kind, d.status) {
            (ErrorKind::ListMoved | ErrorKind::ActionErrored | ErrorKind::StillRunning, _) => {
                format!("{call}: {}", d.message)
            }
            (ErrorKind::NotJson, Some(status)) => format!(
                "DigitalOcean answered {status} to {call}{request}{tries}, but not with the JSON expected{message}"
            ),
            (_, Some(status)) => {
                format!("DigitalOcean answered {status} to {call}{request}{tries}{message}")
            }
            (ErrorKind::Invalid, None) => format!("{call} was not sent: {}", d.message),
            (ErrorKind::RateLimited, None) => format!("{call} was not sent: {}", d.message),
            (_, None) => format!("no answer to {call}{tries}: {}", d.message),
        }
    }

    pub(super) fn details(&self) -> &Details {
        &self.0
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what();
        let stop = if what.ends_with(['.', '…']) || what.ends_with(".\"") { "" } else { "." };
        write!(out, "{what}{stop} {}", self.hint())
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ApiError({:?}: {self})", self.0.kind)
    }
}

/// DigitalOcean's body of an error.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    #[serde(deserialize_with = "or_default")]
    id: String,
    #[serde(deserialize_with = "or_default")]
    message: String,
    #[serde(deserialize_with = "or_default")]
    request_id: String,
}

/// Classifies by status and message: DigitalOcean says "busy" with 403, 409, 412, 422 and 423.
fn classify(call: &Call, status: u16, message: &str) -> ErrorKind {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let busy = says(&[
        "pending event",
        "is locked",
        "currently locked",
        "processes previous actions",
        "is being processed",
        "currently being",
        "another action",
        "in progress",
        "try again",
    ]) || (call.aim == Aim::Delete && says(&["members", "in use", "still has", "not empty"]));
    match status {
        401 => ErrorKind::Unauthorized,
        404 | 410 => ErrorKind::NotFound,
        429 => ErrorKind::RateLimited,
        423 => ErrorKind::Busy,
        400..=499 if busy => ErrorKind::Busy,
        // Not every 403 is about the token: "Can not delete default VPCs" is a refusal of the thing itself.
        403 if says(&["permission", "authorized", "access", "scope", "forbidden"]) => ErrorKind::Forbidden,
        403 if message.is_empty() => ErrorKind::Forbidden,
        409 | 412 => ErrorKind::Conflict,
        // A name or key in use comes as 422 too.
        422 if says(&["already in use", "already exists", "duplicate name", "must be unique", "overlap"]) => {
            ErrorKind::Conflict
        }
        408 | 500..=599 => ErrorKind::Server,
        _ => ErrorKind::Invalid,
    }
}

/// Bounds a body for people's eyes: one line, 300 characters.
fn shortened(text: &str) -> String {
    const MOST: usize = 300;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;

//! One call on its way: the budget's slot, the token, one attempt, and the rule for another.
//! It knows nothing of droplets or zones.
//!
//! Flow: slot → attempt → (401: the token read again, once) → retry where it is safe.
//! Guarantees: a call that must not run twice is sent again only when it certainly did
//! nothing (429, 401, or no connection); every other failure after sending is `Unclear`.
//! What happens if interrupted: a dropped future leaves the slot counted and nothing else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::Client;
use super::budget::Slot;
use super::call::{Call, Safety};
use super::error::{ApiError, ErrorKind, Result};

/// No answer of DigitalOcean's comes near this; a runaway one must not fill the memory.
const LARGEST_ANSWER: usize = 32 << 20;

impl Client {
    /// Sends `call` and reads the answer as `T`.
    pub(super) async fn ask<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        self.retrying(call, |body| serde_json::from_slice(body)).await
    }

    /// Sends `call`, whose answer has no body that matters.
    pub(super) async fn tell(&self, call: &Call) -> Result<()> {
        self.retrying(call, |_| Ok(())).await
    }

    /// Sends a GET; `None` when DigitalOcean itself says that there is no such thing.
    pub(super) async fn look_up<T: DeserializeOwned>(&self, call: &Call) -> Result<Option<T>> {
        match self.ask(call).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a DELETE; what is gone already is a success.
    pub(super) async fn remove(&self, call: &Call) -> Result<()> {
        match self.tell(call).await {
            Err(error) if error.is_not_found() => Ok(()),
            other => other,
        }
    }

    async fn retrying<T>(&self, call: &Call, read: impl Fn(&[u8]) -> serde_json::Result<T>) -> Result<T> {
        let pace = self.config().pace;
        let tries = AtomicUsize::new(0);
        let backoff = ExponentialBuilder::default()
            .with_min_delay(pace.retry_first)
            .with_max_delay(pace.retry_most)
            .with_max_times(pace.retries)
            .with_jitter();
        let once = || async {
            let nth = tries.fetch_add(1, Ordering::Relaxed) + 1;
            self.authorized(call, nth, &read).await
        };
        once.retry(backoff)
            .when(|error| worth_another_try(call, error))
            // After a 429 the budget's gate does the waiting.
            .notify(|error, wait| tracing::debug!(?wait, "{error}; sending again"))
            .await
            .map_err(|error| error.with_tries(tries.load(Ordering::Relaxed)))
    }

    /// Sends once, and once more with another token when the first was refused and there is one.
    async fn authorized<T>(
        &self,
        call: &Call,
        nth: usize,
        read: &impl Fn(&[u8]) -> serde_json::Result<T>,
    ) -> Result<T> {
        let token = self.token().current();
        let refused = match self.attempt(call, nth, &token, read).await {
            Err(error) if error.kind() == ErrorKind::Unauthorized => error,
            other => return other,
        };
        match self.token().another_than(&token) {
            // A 401 was not executed, so this is safe for a POST too.
            Some(other) => self.attempt(call, nth, &other, read).await,
            None => Err(refused),
        }
        .map_err(|error| error.with_token_place(self.token().place()))
    }

    async fn attempt<T>(
        &self,
        call: &Call,
        nth: usize,
        token: &SecretString,
        read: &impl Fn(&[u8]) -> serde_json::Result<T>,
    ) -> Result<T> {
        let scrub = Scrub::new(token, call);
        let request = self.request(call, token)?;
        let slot = self.budget().take(call.lane).await.map_err(|late| {
            ApiError::new(call, ErrorKind::RateLimited)
                .with_message(format!("{} leaves no room for {} s", late.why, late.wait.as_secs()))
                .with_retry_after(Some(late.wait))
        })?;
        self.count();
        let began = Instant::now();
        let (method, path) = (&call.method, call.path());
        let span = tracing::debug_span!(target: "driftless::trace", "DigitalOcean", %method, path);
        let exchange = self.exchange(call, request, &slot, &scrub);
        let outcome = tracing::Instrument::instrument(exchange, span).await;
        let outcome = outcome.and_then(|answer| answer.read(call, &scrub, read));
        tracing::debug!(
            method = %call.method,
            path = call.path(),
            status = match &outcome {
                Ok((status, _)) => Some(*status),
                Err(error) => error.status(),
            },
            ms = began.elapsed().as_millis(),
            attempt = nth,
            "DigitalOcean call"
        );
        outcome.map(|(_, value)| value)
    }

    fn request(&self, call: &Call, token: &SecretString) -> Result<reqwest::RequestBuilder> {
        let url = call.url(&self.config().base)?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(|_| {
            ApiError::new(call, ErrorKind::Invalid).with_message("the token holds signs that no header may have")
        })?;
        bearer.set_sensitive(true);
        let patience = match call.is_list {
            true => self.config().list_timeout,
            false => self.config().call_timeout,
        };
        let request = self.http().request(call.method.clone(), url).header(AUTHORIZATION, bearer).timeout(patience);
        Ok(match &call.body {
            Some(body) => request.json(body),
            None => request,
        })
    }

    async fn exchange(
        &self,
        call: &Call,
        request: reqwest::RequestBuilder,
        slot: &Slot<'_>,
        scrub: &Scrub,
    ) -> Result<Answer> {
        let lost = |error: reqwest::Error| lost(call, error, scrub);
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status().as_u16();
        let retry_after = slot.heard(status, response.headers());
        let request_id = scrub.clean(&request_id(response.headers()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                let error = ApiError::new(call, ErrorKind::NotJson)
                    .with_status(status, &request_id)
                    .with_message("the answer is larger than 32 MB");
                return Err(unclear_if_once(call, error));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, request_id, retry_after, body })
    }
}

/// An answer that arrived whole.
struct Answer {
    status: u16,
    request_id: String,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl Answer {
    fn read<T>(self, call: &Call, scrub: &Scrub, read: &impl Fn(&[u8]) -> serde_json::Result<T>) -> Result<(u16, T)> {
        if !(200..300).contains(&self.status) {
            let text = scrub.clean(&String::from_utf8_lossy(&self.body));
            let error =
                ApiError::from_answer(call, self.status, &self.request_id, &text).with_retry_after(self.retry_after);
            // Redirects are not followed (they would carry the token elsewhere), so nothing was done.
            return Err(match error.kind() {
                ErrorKind::Server => unclear_if_once(call, error),
                _ => error,
            });
        }
        read(&self.body).map(|value| (self.status, value)).map_err(|why| {
            let error = ApiError::new(call, ErrorKind::NotJson)
                .with_status(self.status, &self.request_id)
                .with_message(scrub.clean(&why.to_string()));
            unclear_if_once(call, error)
        })
    }
}

/// Decides whether the same call may be sent again.
fn worth_another_try(call: &Call, error: &ApiError) -> bool {
    match error.kind() {
        // Certainly not executed. Without a status it was our own gate that refused.
        ErrorKind::RateLimited => error.status().is_some(),
        ErrorKind::Connect => true,
        ErrorKind::Server | ErrorKind::Timeout => call.safety == Safety::Repeatable,
        ErrorKind::NotJson => {
            let odd_status = error.status().is_some_and(|status| (300..500).contains(&status));
            call.safety == Safety::Repeatable && !odd_status
        }
        _ => false,
    }
}

/// Names a failure of the transport: only a connection that never stood is certain.
fn lost(call: &Call, error: reqwest::Error, scrub: &Scrub) -> ApiError {
    let kind = match () {
        () if error.is_connect() => ErrorKind::Connect,
        () if error.is_builder() => ErrorKind::Invalid,
        () => ErrorKind::Timeout,
    };
    let timed_out = error.is_timeout();
    let mut message = String::new();
    let chain = error.without_url();
    let mut source: Option<&dyn std::error::Error> = Some(&chain);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !message.contains(&cause_text) {
            let joint = if message.is_empty() { "" } else { ": " };
            message.push_str(joint);
            message.push_str(&cause_text);
        }
        source = cause.source();
    }
    if timed_out && !message.contains("timed out") {
        message.push_str(" (timed out)");
    }
    let error = ApiError::new(call, kind).with_message(scrub.clean(&message));
    match kind {
        ErrorKind::Timeout => unclear_if_once(call, error),
        _ => error,
    }
}

fn unclear_if_once(call: &Call, error: ApiError) -> ApiError {
    match call.safety {
        Safety::Once => error.unclear(),
        Safety::Repeatable => error,
    }
}

fn request_id(headers: &HeaderMap) -> String {
    let id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    id.unwrap_or_default().chars().take(80).collect()
}

/// Takes secrets out of text that came from outside.
struct Scrub(Vec<SecretString>);

impl Scrub {
    fn new(token: &SecretString, call: &Call) -> Self {
        let sent = call.body.as_ref().and_then(|body| body.get("user_data"));
        let user_data = sent.and_then(|data| data.as_str());
        let mut secrets = vec![token.clone()];
        secrets.extend(user_data.map(SecretString::from));
        Self(secrets)
    }

    fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in &self.0 {
            let secret = secret.expose_secret();
            if !secret.is_empty() && clean.contains(secret) {
                clean = clean.replace(secret, "[redacted]");
            }
        }
        clean
    }
}

//! Webhooks: a push that is told at once. The signature over the raw body is checked, the body is hashed as it comes and
//! never kept whole, and what it says is used for one thing: a push to another branch wakes nobody. Everything else in
//! it is looked up in git.

use super::Shared;
use super::api::refused;
use crate::engine::run::Wake;
use crate::model::hex::unhex;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures::StreamExt;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;

/// GitHub sends no more: <https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap>.
const LONGEST: usize = 25 * 1024 * 1024;
/// So much of a body is kept to be read; of a longer one nothing is read, and it wakes the loop to be on the safe side.
const KEPT: usize = 64 * 1024;

/// How one sort of sender says what it sends.
struct Sender {
    name: &'static str,
    signature: &'static str,
    prefix: &'static str,
    delivery: &'static str,
    /// The header that names the event; none: everything is a push to the watched branch.
    event: Option<&'static str>,
}

const GITHUB: Sender = Sender {
    name: "github",
    signature: "x-hub-signature-256",
    prefix: "sha256=",
    delivery: "x-github-delivery",
    event: Some("x-github-event"),
};
const GITEA: Sender = Sender {
    name: "gitea",
    signature: "x-gitea-signature",
    prefix: "",
    delivery: "x-gitea-delivery",
    event: Some("x-gitea-event"),
};
const FORGEJO: Sender = Sender {
    name: "forgejo",
    signature: "x-forgejo-signature",
    prefix: "",
    delivery: "x-forgejo-delivery",
    event: Some("x-forgejo-event"),
};
const GENERIC: Sender = Sender {
    name: "generic",
    signature: "x-driftless-signature-256",
    prefix: "sha256=",
    delivery: "x-driftless-delivery",
    event: None,
};

/// The routes of every sender.
pub(super) fn routes(shared: &Arc<Shared>) -> Router {
    let mut router = Router::new();
    for sender in [&GITHUB, &GITEA, &FORGEJO, &GENERIC] {
        let take = move |State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Body| async move {
            let (result, answer) = match receive(&shared, sender, &headers, body).await {
                Ok(result) => (result.word(), result.answer()),
                Err(no) => (no.word(), no.answer()),
            };
            shared.metrics.webhook(sender.name, result);
            answer
        };
        router = router.route(&format!("/hooks/{}", sender.name), post(take));
    }
    router.with_state(shared.clone())
}

/// What came of a delivery that was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// The loop was woken.
    Woke,
    /// It was seen before.
    Duplicate,
    /// It is about something else.
    Ignored,
    /// The sender tries whether it arrives.
    Ping,
}

impl Taken {
    fn word(self) -> &'static str {
        match self {
            Self::Woke => "accepted",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::Ping => "ping",
        }
    }

    fn answer(self) -> Response {
        let status = if self == Self::Ping { StatusCode::OK } else { StatusCode::ACCEPTED };
        (status, Json(json!({"result": self.word()}))).into_response()
    }
}

/// Why a delivery was not taken. What is wrong with a signature is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum No {
    Signature,
    TooLarge,
    Broken,
    OddJson,
    NotSetUp,
}

impl No {
    fn word(self) -> &'static str {
        match self {
            Self::Signature => "bad_signature",
            Self::TooLarge => "too_large",
            Self::Broken | Self::OddJson => "unreadable",
            Self::NotSetUp => "not_set_up",
        }
    }

    fn answer(self) -> Response {
        match self {
            Self::Signature => {
                refused(StatusCode::UNAUTHORIZED, "signature", "It must be made with a secret of this controller.")
            }
            Self::TooLarge => refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 25 MB", "Send less."),
            Self::Broken => refused(StatusCode::BAD_REQUEST, "the body ended early", "Send it anew."),
            Self::OddJson => {
                let hint = "Set the webhook's content type to application/json.";
                refused(StatusCode::BAD_REQUEST, "the body is no JSON", hint)
            }
            Self::NotSetUp => {
                let hint = "The controller's log says why, or webhook.secrets_file is not set in its driftless.toml.";
                refused(StatusCode::SERVICE_UNAVAILABLE, "webhooks are not set up here", hint)
            }
        }
    }
}

async fn receive(shared: &Shared, sender: &Sender, headers: &HeaderMap, body: Body) -> Result<Taken, No> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let secrets = shared.secrets.as_ref().ok_or(No::NotSetUp)?.read().map_err(|error| {
        tracing::error!(%error, "a webhook came and its secrets cannot be read; pushes are found after the interval");
        No::NotSetUp
    })?;
    // Without one that could be right, its body is not even taken in.
    let signature = text(sender.signature).and_then(|s| s.strip_prefix(sender.prefix)).and_then(unhex);
    let signature = signature.filter(|bytes| bytes.len() == 32).ok_or(No::Signature)?;
    let kept = signed(body, &secrets, &signature).await?;
    if !shared.seen.is_new(sender.name, text(sender.delivery)) {
        return Ok(Taken::Duplicate);
    }
    match sender.event.and_then(text) {
        Some("ping") => return Ok(Taken::Ping),
        Some("push") if concerns(kept.as_deref(), &shared.branch)? => {}
        Some(_) => return Ok(Taken::Ignored),
        None if sender.event.is_some() => return Ok(Taken::Ignored),
        None => {}
    }
    // A full channel already holds a wake-up, and the look that follows it finds this push too.
    if let Err(TrySendError::Closed(_)) = shared.wakes.try_send(Wake::Git) {
        tracing::debug!("a webhook came at the stop");
    }
    Ok(Taken::Woke)
}

/// Takes in a body and checks its signature; gives the body, where it is short enough to be read.
async fn signed(body: Body, secrets: &[SecretString], signature: &[u8]) -> Result<Option<Vec<u8>>, No> {
    let mac = |secret: &SecretString| Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes());
    // HMAC takes keys of every length.
    let mut macs = secrets.iter().map(mac).collect::<Result<Vec<_>, _>>().map_err(|_| No::NotSetUp)?;
    let (mut length, mut kept) = (0usize, Some(Vec::new()));
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| No::Broken)?;
        length = length.saturating_add(chunk.len());
        if length > LONGEST {
            return Err(No::TooLarge);
        }
        macs.iter_mut().for_each(|mac| mac.update(&chunk));
        match &mut kept {
            Some(bytes) if length <= KEPT => bytes.extend_from_slice(&chunk),
            _ => kept = None,
        }
    }
    // All are compared, in constant time each, so that the time says nothing of which.
    let fits = macs.into_iter().fold(false, |fits, mac| mac.verify_slice(signature).is_ok() | fits);
    if fits { Ok(kept) } else { Err(No::Signature) }
}

/// Says whether a push is one to the watched branch; one too long to be read may be.
fn concerns(body: Option<&[u8]>, branch: &str) -> Result<bool, No> {
    #[derive(Deserialize)]
    struct Push {
        r#ref: String,
    }
    let Some(body) = body else { return Ok(true) };
    let push: Push = serde_json::from_slice(body).map_err(|_| No::OddJson)?;
    Ok(push.r#ref.strip_prefix("refs/heads/") == Some(branch))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GitHub's own test vector.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &str = "Hello, World!";
    const SIGNATURE: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    async fn check(body: Body, secrets: &[&str], signature: &str) -> Result<Option<Vec<u8>>, No> {
        let secrets: Vec<SecretString> = secrets.iter().map(|s| (*s).to_owned().into()).collect();
        signed(body, &secrets, &unhex(signature).expect("hex")).await
    }

    #[tokio::test]
    async fn githubs_test_vector_is_taken_and_one_bit_less_is_not() {
        assert_eq!(check(BODY.into(), &[SECRET], SIGNATURE).await, Ok(Some(BODY.into())));
        assert_eq!(check(BODY.into(), &["old", SECRET], SIGNATURE).await, Ok(Some(BODY.into())));
        assert_eq!(check("Hello, World?".into(), &[SECRET], SIGNATURE).await, Err(No::Signature));
        assert_eq!(check(BODY.into(), &["It's a secret"], SIGNATURE).await, Err(No::Signature));
        let short = SIGNATURE.get(..62).expect("longer");
        assert_eq!(check(BODY.into(), &[SECRET], short).await, Err(No::Signature));
    }

    #[tokio::test]
    async fn a_body_is_kept_only_where_it_is_short_and_refused_where_it_is_endless() {
        let chunks = |n: usize| {
            Body::from_stream(futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 1024 * 1024])).take(n))
        };
        assert_eq!(check(chunks(26), &[SECRET], SIGNATURE).await, Err(No::TooLarge));
        let mut mac = Hmac::<Sha256>::new_from_slice(b"s").expect("a key");
        mac.update(&vec![b'x'; 2 * 1024 * 1024]);
        let right = mac.finalize().into_bytes();
        let secrets = ["s".to_owned().into()];
        assert_eq!(signed(chunks(2), &secrets, &right).await, Ok(None));
    }

    #[test]
    fn only_the_watched_branch_concerns_us() {
        for (body, concerned) in [
            (r#"{"ref": "refs/heads/main"}"#, Ok(true)),
            (r#"{"ref": "refs/heads/main2"}"#, Ok(false)),
            (r#"{"ref": "refs/tags/main"}"#, Ok(false)),
            (r#"{"ref": 5}"#, Err(No::OddJson)),
            ("payload=%7B%7D", Err(No::OddJson)),
        ] {
            assert_eq!(concerns(Some(body.as_bytes()), "main"), concerned, "{body}");
        }
        assert_eq!(concerns(None, "main"), Ok(true));
    }
}

//! Who asks: a user of this machine over the unix socket, or whoever shows a token over the network. Decides nothing
//! about what they may: that is `engine::person`.

use super::Shared;
use super::api::{Answer, refused};
use super::listen::Caller;
use crate::engine::person::Who;
use crate::model::hex::unhex;
use crate::ports::config::Access;
use crate::ports::people::OsUser;
use axum::extract::{Extension, FromRequestParts};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq};

/// Under this header root's program says who called sudo; it counts from root on the unix socket only.
pub const SUDO: &str = "x-driftless-sudo-user";

impl FromRequestParts<Arc<Shared>> for Who {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Answer> {
        let caller = Extension::<Caller>::from_request_parts(parts, shared).await.map(|Extension(c)| c);
        match caller {
            Ok(Caller::Peer(Some(uid))) => {
                let sudo = parts.headers.get(SUDO).and_then(|name| name.to_str().ok());
                let own = OsUser::this().uid;
                Self::on_machine(&OsUser::of(uid), own, sudo, &shared.access).map_err(Answer::from)
            }
            Ok(Caller::Network) => by_token(&parts.headers, &shared.access),
            // Not known is not anybody.
            Ok(Caller::Peer(None)) | Err(_) => {
                Err(refused(StatusCode::FORBIDDEN, "the kernel does not say who asks", "Use the API with a token.")
                    .into())
            }
        }
    }
}

fn by_token(headers: &HeaderMap, access: &[Access]) -> Result<Who, Answer> {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    let found = token.and_then(|token| owner(token, access));
    found.map(Who::listed).ok_or_else(|| {
        let what = if token.is_some() { "nobody has this token" } else { "no token was sent" };
        let hint = "Send Authorization: Bearer and the token whose SHA-256 stands as token_hash in [[access]].";
        let mut answer = refused(StatusCode::UNAUTHORIZED, what, hint);
        answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        answer.into()
    })
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// Whose token it is. Compared with every hash to its end, so that the time of the answer says nothing about any.
fn owner<'a>(token: &str, access: &'a [Access]) -> Option<&'a Access> {
    let hash = Sha256::digest(token.as_bytes());
    let mut found = None;
    for person in access {
        let known = person.token_hash.as_ref().and_then(|hex| digest(hex.expose_secret()));
        let same = known.map_or(Choice::from(0), |known| known.as_slice().ct_eq(hash.as_slice()));
        if bool::from(same) {
            found = Some(person);
        }
    }
    found
}

/// A SHA-256 from 64 hex digits.
fn digest(hex: &str) -> Option<[u8; 32]> {
    unhex(hex.trim()).and_then(|bytes| bytes.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::config::Role;

    fn person(name: &str, hash: Option<&str>) -> Access {
        let token_hash = hash.map(|h| h.to_owned().into());
        Access {
            name: name.to_owned(),
            token_hash,
            role: Role::Viewer,
            github: None,
            teams: vec![],
            emails: vec![],
            os_user: None,
        }
    }

    #[test]
    fn a_token_is_its_owners_and_nobody_elses() {
        // printf %s test | sha256sum
        let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let access =
            [person("none", None), person("odd", Some("xyz")), person("ana", Some(hash)), person("e", Some(""))];
        assert_eq!(owner("test", &access).map(|p| p.name.as_str()), Some("ana"));
        for wrong in ["", "Test", "test ", hash] {
            assert!(owner(wrong, &access).is_none(), "{wrong}");
        }
        assert_eq!(bearer("bearer  x "), Some("x"));
        assert_eq!((bearer("Basic x"), bearer("Bearer "), bearer("Bearer")), (None, None, None));
    }
}

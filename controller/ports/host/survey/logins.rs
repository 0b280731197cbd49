//! Where Docker on a host is logged in, as its settings keep it. Shows nothing of the passwords, and serialises nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::collections::BTreeMap;
use subtle::ConstantTimeEq;

/// Logins by registry, as Docker names it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logins(BTreeMap<String, Auth>);

/// One login.
#[derive(Clone)]
pub enum Auth {
    /// It stands in Docker's settings.
    Known {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A program keeps it.
    Elsewhere,
}

impl Logins {
    /// The login at a registry.
    pub fn of(&self, server: &str) -> Option<&Auth> {
        self.0.get(server)
    }
}

impl Auth {
    /// Says whether this is its password, in a time that tells nothing of it.
    pub fn has(&self, password: &str) -> bool {
        match self {
            Self::Known { password: own, .. } => own.expose_secret().as_bytes().ct_eq(password.as_bytes()).into(),
            Self::Elsewhere => false,
        }
    }
}

impl PartialEq for Auth {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Known { user, password }, Self::Known { user: other_user, .. }) => {
                user == other_user && other.has(password.expose_secret())
            }
            (Self::Elsewhere, Self::Elsewhere) => true,
            _ => false,
        }
    }
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Known { user, .. } => write!(f, "Known({user}, redacted)"),
            Self::Elsewhere => f.write_str("Elsewhere"),
        }
    }
}

/// Reads Docker's config.json. What cannot be read is no login: it is made anew, and Docker says what is wrong with its file.
pub(super) fn read(text: &str) -> Logins {
    let Ok(Value::Object(settings)) = serde_json::from_str(text) else { return Logins::default() };
    let store = settings.get("credsStore").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
    let helpers = settings.get("credHelpers").and_then(Value::as_object).into_iter().flatten();
    let mut all: BTreeMap<String, Auth> = helpers.map(|(server, _)| (server.clone(), Auth::Elsewhere)).collect();
    for (server, auth) in settings.get("auths").and_then(Value::as_object).into_iter().flatten() {
        let known = auth.get("auth").and_then(Value::as_str).and_then(|text| STANDARD.decode(text).ok());
        let known = known.and_then(|bytes| String::from_utf8(bytes).ok());
        match known.as_deref().and_then(|text| text.split_once(':')) {
            Some((user, password)) => {
                let password = password.trim_end_matches('\0').into();
                all.insert(server.clone(), Auth::Known { user: user.to_owned(), password });
            }
            None if store => drop(all.insert(server.clone(), Auth::Elsewhere)),
            None => {}
        }
    }
    Logins(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_read_as_docker_keeps_them_and_never_shown() {
        let auth = STANDARD.encode("bot:s3cret:of two parts");
        let text = format!(
            r#"{{"auths": {{"ghcr.io": {{"auth": "{auth}"}}, "odd": {{"auth": "%"}}}}, "credHelpers": {{"gcr.io": "gcloud"}}}}"#
        );
        let logins = read(&text);
        let ghcr = logins.of("ghcr.io").expect("a login");
        assert!(ghcr.has("s3cret:of two parts") && !ghcr.has("s3cret"));
        assert_eq!((logins.of("gcr.io"), logins.of("odd")), (Some(&Auth::Elsewhere), None));
        assert!(!format!("{logins:?}").contains("s3cret"), "{logins:?}");
        assert_eq!(read("{"), Logins::default());
        let store = read(r#"{"auths": {"ghcr.io": {}}, "credsStore": "pass"}"#);
        assert_eq!(store.of("ghcr.io"), Some(&Auth::Elsewhere));
    }
}

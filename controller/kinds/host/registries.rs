//! Where Docker on a host is logged in, beside what its document wants. Pure: secrets are compared where they are at hand,
//! and what comes of it is kept, never what they hold.

use super::Host;
use super::care::change;
use super::live::{State, Step};
use super::spec::{Registry, Want};
use crate::model::finding::Weight;
use crate::model::{ChangeKey, Diff, Diffed, Finding, Shown, Step as Work, Verb};
use crate::ports::host::survey::{Auth, Survey};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::collections::BTreeMap;

/// Docker's own registry.
pub(super) const HUB: &str = "docker.io";
/// What Docker calls it where it keeps logins.
const HUB_KEPT: &str = "https://index.docker.io/v1/";

/// How a login compares with the one that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Login {
    /// It is as wanted.
    Right,
    /// There is none.
    None,
    /// It is another user's.
    Other(String),
    /// It has another password.
    Password,
    /// A program there keeps it: its password cannot be compared.
    Elsewhere,
    /// The secret could not be had: why.
    Secret(String),
}

/// Compares what Docker keeps with what is wanted; `secret` looks one up by its name.
pub(super) fn compared(
    want: &Want,
    survey: &Survey,
    secret: impl Fn(&str) -> Result<SecretString, String>,
) -> BTreeMap<String, Login> {
    let one = |registry: &Registry| {
        let hub = (registry.server == HUB).then_some(HUB_KEPT);
        let kept = [Some(registry.server.as_str()), hub].into_iter().flatten().find_map(|name| survey.logins.of(name));
        let login = match (kept, secret(&registry.secret)) {
            (Some(Auth::Elsewhere), _) => Login::Elsewhere,
            (_, Err(why)) => Login::Secret(why),
            (None, Ok(_)) => Login::None,
            (Some(Auth::Known { user, .. }), Ok(_)) if *user != registry.username => Login::Other(user.clone()),
            (Some(auth), Ok(password)) if auth.has(password.expose_secret()) => Login::Right,
            (Some(_), Ok(_)) => Login::Password,
        };
        (registry.server.clone(), login)
    };
    want.registries.iter().map(one).collect()
}

pub(super) fn registries(input: &Diff<'_, Host>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    let Some(survey) = &state.survey else { return };
    let installs = ChangeKey::part(input.id, "install", Verb::Update);
    let after = out.changes.iter().any(|change| change.key == installs).then_some(installs);
    if !want.registries.is_empty() && survey.engine.is_none() && after.is_none() {
        let text = "it is to be logged in to registries, and there is no docker on it";
        let hint = "Add docker to install, or take registries out.";
        out.findings.push(Finding::about(input.id, Weight::Problem, "no-docker", text).hint(hint));
        return;
    }
    for registry in &want.registries {
        let Registry { server, username, secret } = registry;
        let from = match state.logins.get(server) {
            Some(Login::Right) | None => continue,
            Some(Login::Elsewhere) => {
                let text =
                    format!("the login at {server} is kept by a program there, and its password is not compared");
                out.findings.push(Finding::about(input.id, Weight::Note, "login-elsewhere", text));
                continue;
            }
            Some(Login::Secret(why)) => {
                let text = format!("it cannot be logged in to {server}: {why}");
                out.findings.push(Finding::about(input.id, Weight::Problem, "no-secret", text));
                continue;
            }
            Some(Login::None) => Shown::Nothing,
            Some(Login::Other(user)) => Shown::text(user),
            Some(Login::Password) => Shown::text(format!("{username}, with another password")),
        };
        let step = Work::Ready(Step::Login { registry: registry.clone() });
        let mut change = change(input, &format!("registry {server}"), format!("log in to {server}"), step).field(
            format!("registries.{server}"),
            from,
            Shown::text(format!("{username} (secret {secret})")),
        );
        change.after.extend(after.clone());
        out.changes.push(change);
    }
}

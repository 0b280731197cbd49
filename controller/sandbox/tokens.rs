//! Bearer tokens: whose they are and what they may do.

use std::collections::BTreeSet;
use std::fmt;

use super::call::Problem;

/// A token that the simulator accepts.
#[derive(Clone)]
pub struct Token {
    secret: String,
    team: String,
    scopes: Scopes,
}

/// What a token may do.
#[derive(Clone, Debug)]
pub enum Scopes {
    /// Everything.
    Full,
    /// Reading, and nothing else.
    ReadOnly,
    /// What is named, such as `droplet:read` or `domain:*`.
    List(BTreeSet<String>),
}

impl Scopes {
    /// Reads `full`, `read-only`, or names with commas between them.
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "full" | "" => Self::Full,
            "read-only" | "read" => Self::ReadOnly,
            list => Self::List(list.split(',').map(|name| name.trim().to_owned()).collect()),
        }
    }

    fn allow(&self, scope: &str) -> bool {
        match self {
            Self::Full => true,
            Self::ReadOnly => scope.ends_with(":read"),
            Self::List(names) => {
                let all = scope.split_once(':').map(|(kind, _)| format!("{kind}:*"));
                names.contains(scope) || all.is_some_and(|all| names.contains(&all))
            }
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Token")
            .field("secret", &"redacted")
            .field("team", &self.team)
            .field("scopes", &self.scopes)
            .finish()
    }
}

impl Token {
    /// The team of tokens that name none.
    pub const DEFAULT_TEAM: &str = "5df3e300-4a17-4e24-8b7c-20ca6c9fc25b";

    /// Makes a token of the default team that may do everything.
    pub fn full(secret: impl Into<String>) -> Self {
        Self { secret: secret.into(), team: Self::DEFAULT_TEAM.to_owned(), scopes: Scopes::Full }
    }

    /// Makes a token of the default team that may only read.
    pub fn read_only(secret: impl Into<String>) -> Self {
        Self::full(secret).with_scopes(Scopes::ReadOnly)
    }

    /// Returns the token with other scopes.
    pub fn with_scopes(self, scopes: Scopes) -> Self {
        Self { scopes, ..self }
    }

    /// Returns the token as one of another team, which has a world of its own.
    pub fn of_team(self, team: impl Into<String>) -> Self {
        Self { team: team.into(), ..self }
    }

    /// Returns the uuid of the team that it belongs to.
    pub fn team(&self) -> &str {
        &self.team
    }

    /// Returns what a request has to show: made up, and good for this simulator only.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn is(&self, secret: &str) -> bool {
        self.secret == secret
    }

    /// Fails with 403 where the token lacks what a route needs; any one of the alternatives is enough.
    pub(super) fn authorize(&self, method: &str, path: &[&str]) -> Result<(), Problem> {
        let needed = needed(method, path);
        match needed.is_empty() || needed.iter().any(|scope| self.scopes.allow(scope)) {
            true => Ok(()),
            false => Err(Problem::forbidden("You are not authorized to perform this operation")),
        }
    }
}

/// Names the scopes of which a route needs one, as the API's description says.
fn needed(method: &str, path: &[&str]) -> Vec<String> {
    let (kind, plain) = match path {
        ["account", "keys", ..] => ("ssh_key", false),
        ["account"] => ("account", true),
        ["actions", ..] => ("actions", true),
        ["regions"] => ("regions", true),
        ["sizes"] => ("sizes", true),
        ["droplets", _, "firewalls"] => ("firewall", true),
        ["droplets", ..] => ("droplet", false),
        ["domains", ..] => ("domain", false),
        ["firewalls", ..] => ("firewall", false),
        ["vpcs", ..] => ("vpc", false),
        ["tags", ..] => ("tag", false),
        ["images", ..] => ("image", false),
        _ => return Vec::new(),
    };
    let verbs: &[&str] = match (method, path) {
        ("GET", _) => &["read"],
        _ if plain => &["read"],
        ("POST", ["droplets", .., "actions"]) | ("POST" | "DELETE", ["firewalls", _, _]) => &["update"],
        ("POST", ["domains", _, "records"]) => &["create", "update"],
        ("DELETE", ["domains", _, "records", _]) => &["delete", "update"],
        ("POST", _) => &["create"],
        ("DELETE", _) => &["delete"],
        _ => &["update"],
    };
    verbs.iter().map(|verb| format!("{kind}:{verb}")).collect()
}

//! How this controller is set up: flags, environment and driftless.toml become one `Config`. What a commit must not be
//! able to change stands here and never in the repo. Decides nothing from what it reads.

mod check;
mod file;
mod keys;
mod resolve;
mod secret;
#[cfg(test)]
mod tests;

pub use secret::{Secret, SecretError, SecretLines};

use super::reach::Reach;
use crate::model::{Diagnostic, Place, ResourceId};
use resolve::Resolver;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Everything that is set on the controller's machine. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// The infra repo: an URL, `host:path` of ssh, or a local path.
    pub repo: Option<String>,
    /// The watched branch.
    pub branch: String,
    /// The watched folder of the repo, without slashes at its ends; empty for all of it.
    pub path: String,
    /// Where the journal and the mirror live.
    pub data_dir: PathBuf,
    /// The unix socket that other commands reach the controller through.
    pub socket: PathBuf,
    /// The folder of the secrets that documents name, a file each.
    pub secrets_dir: PathBuf,
    /// What the controller itself runs on.
    pub this: Option<ResourceId>,
    /// No writes at all, whatever the repo says.
    pub freeze: bool,
    /// No colours.
    pub no_color: bool,
    /// How the repo is reached.
    pub git: Git,
    /// How DigitalOcean is reached.
    pub digitalocean: DigitalOcean,
    /// What opens SOPS files: age keys, one a line.
    pub age_key: Option<Secret>,
    /// What the ledger is signed with; else a key in the data folder.
    pub ledger_key: Option<Secret>,
    /// The key before that one, still believed.
    pub former_ledger_key: Option<Secret>,
    /// What is logged.
    pub log: Log,
    /// The collector that traces go to, without a slash at its end.
    pub telemetry: Option<String>,
    /// Bounds on what Settings in the repo may allow.
    pub caps: Caps,
    /// Where the API is heard, and where that of another machine is.
    pub server: Server,
    /// The secrets that webhooks are signed with, one a line.
    pub webhook_secrets: Option<SecretLines>,
    /// Whether and how hosts are reached anew after a change of their firewall.
    pub reach: Reach,
    /// Who may do what.
    pub access: Vec<Access>,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// What is unwise but works: files with secrets that others can read.
    pub warnings: Vec<String>,
    described: Vec<Described>,
}

/// How the repo is reached.
#[derive(Clone, Debug)]
pub struct Git {
    /// The user name that goes with the token over https.
    pub username: String,
    /// The token or password over https.
    pub token: Option<Secret>,
    /// The private key over ssh; else ssh's own choice.
    pub ssh_key_file: Option<PathBuf>,
    /// The known host keys over ssh; else ssh's own.
    pub known_hosts_file: Option<PathBuf>,
}

/// How DigitalOcean is reached.
#[derive(Clone, Debug)]
pub struct DigitalOcean {
    /// The API token.
    pub token: Option<Secret>,
    /// The API's address, without `/v2` and without a slash at its end.
    pub api_url: String,
    /// Calls a minute at most.
    pub per_minute: u32,
    /// Calls an hour at most.
    pub per_hour: u32,
}

/// What is logged.
#[derive(Clone, Debug)]
pub struct Log {
    /// A level, or a filter as in RUST_LOG.
    pub level: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Bounds on the limits of Settings: the lower of both holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// On `prune.maxDeletes`.
    pub max_deletes: Option<u32>,
    /// On `prune.maxDeletePercent`.
    pub max_delete_percent: Option<u8>,
}

/// The API over the network.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where this machine's controller listens; none: on its unix socket only.
    pub listen: Option<SocketAddr>,
    /// The controller that commands of this machine go to; none: the one of this machine.
    pub url: Option<String>,
    /// The token for that.
    pub token: Option<Secret>,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look.
    Viewer,
    /// Look and approve.
    Approver,
    /// Everything.
    Admin,
}

/// Somebody who may do something.
#[derive(Clone, Debug)]
pub struct Access {
    /// Who.
    pub name: String,
    /// The hash of their token for the API.
    pub token_hash: Option<SecretString>,
    /// What they may do.
    pub role: Role,
    /// Their GitHub login.
    pub github: Option<String>,
    /// The teams that they are in, as Settings name approvers: `org/team`.
    pub teams: Vec<String>,
    /// The addresses that they commit with.
    pub emails: Vec<String>,
    /// Their user on this machine, for the unix socket.
    pub os_user: Option<String>,
}

/// Settings from the command line, by their names in driftless.toml.
#[derive(Clone, Debug, Default)]
pub struct Overrides(BTreeMap<String, String>);

impl Overrides {
    /// Sets one, where the flag was given. Secrets have no flag but the one for their file: `digitalocean.token_file`.
    pub fn set(&mut self, name: &str, value: Option<impl Into<String>>) -> &mut Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line.
    Flag,
    /// The environment, under this name.
    Environment(String),
    /// driftless.toml.
    File(Place),
    /// Nowhere: it is the default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(place) => write!(f, "{}:{}", place.file, place.line),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One setting, its value as it may be shown, and where that comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The name in driftless.toml.
    pub name: &'static str,
    /// The value; secrets show where they are, not what.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Why the controller does not know how it is set up.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("could not read the settings in {path}: see that the file is there, is text, and is readable by you", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What came back.
        source: std::io::Error,
    },
    /// Values that make no sense; all of them.
    #[error("{}", told(.0))]
    Wrong(Vec<Diagnostic>),
}

fn told(problems: &[Diagnostic]) -> String {
    let lines = problems.iter().map(|p| {
        let place = if p.place.line == 0 { p.place.file.clone() } else { p.place.to_string() };
        format!("{place}: {}: {}", p.message, p.label)
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl Config {
    /// Puts flags, environment, file and defaults together, in this order of precedence.
    ///
    /// `file` is the one that a flag names; else `DRIFTLESS_CONFIG` does; else it is, where it exists,
    /// `/etc/driftless/driftless.toml` for root and `$XDG_CONFIG_HOME/driftless/driftless.toml` (or the same under
    /// `~/.config`) for others. Never one of the repo or the working directory. Empty values of the environment count
    /// as not set. Secrets are not read here: see `Secret::read`.
    pub fn load(
        flags: Overrides,
        env: &dyn Fn(&str) -> Option<String>,
        file: Option<PathBuf>,
    ) -> Result<Self, ConfigError> {
        let file = check::settings_file(env, file);
        let contents = match &file {
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
                file::read(&path.display().to_string(), &text)
            }
            None => file::Contents::default(),
        };
        let folder = file.as_deref().and_then(Path::parent).map(Path::to_owned);
        let mut resolver = Resolver { flags: &flags, env, file: contents, folder, described: Vec::new() };
        let config = Self::resolve(&mut resolver, file);
        let mut problems = resolver.file.problems;
        problems.sort();
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Wrong(problems)) }
    }

    fn resolve(from: &mut Resolver<'_>, file: Option<PathBuf>) -> Self {
        check::flags(from);
        let data_dir = check::data_dir(from);
        let socket = from.path("socket").unwrap_or_else(|| {
            let beside = data_dir.join("driftless.sock");
            from.default("socket", beside.display().to_string());
            beside
        });
        let secrets_dir = from.path("secrets_dir").unwrap_or_else(|| {
            let beside = data_dir.join("secrets");
            from.default("secrets_dir", beside.display().to_string());
            beside
        });
        let git = Git {
            username: from.text("git.username", "x-access-token"),
            token: from.secret("git.token"),
            ssh_key_file: from.path("git.ssh_key_file"),
            known_hosts_file: from.path("git.known_hosts_file"),
        };
        let digitalocean = check::digitalocean(from);
        let api_url = digitalocean.api_url.clone();
        let mut config = Self {
            repo: check::repo(from, git.token.is_some()),
            branch: from.text("branch", "main"),
            path: from.optional("path", check::folder).unwrap_or_default(),
            data_dir,
            socket,
            secrets_dir,
            this: from.optional("self", |text| text.parse().map_err(|e: crate::model::id::NotAnId| e.to_string())),
            freeze: from.flag("freeze"),
            no_color: from.flag("no_color"),
            git,
            digitalocean,
            age_key: from.secret("sops.age_key"),
            ledger_key: from.secret("ledger.key"),
            former_ledger_key: from.secret("ledger.former_key"),
            log: Log { level: from.text("log.level", "info"), format: check::log_format(from) },
            telemetry: from.optional("telemetry.endpoint", check::collector),
            caps: Caps {
                max_deletes: from.optional("caps.max_deletes", |text| check::number(text, 0, u32::MAX)),
                max_delete_percent: from
                    .optional("caps.max_delete_percent", |text| check::number(text, 0, 100))
                    .and_then(|percent| u8::try_from(percent).ok()),
            },
            server: check::server(from),
            webhook_secrets: from.path("webhook.secrets_file").map(SecretLines::in_file),
            reach: check::reach(from, &api_url),
            access: std::mem::take(&mut from.file.access),
            file,
            warnings: Vec::new(),
            described: std::mem::take(&mut from.described),
        };
        config.warnings = check::warnings(&config);
        config
    }

    /// The journal's file.
    pub fn journal(&self) -> PathBuf {
        self.data_dir.join("journal.db")
    }

    /// The folder of the repo's mirror.
    pub fn mirror(&self) -> PathBuf {
        self.data_dir.join("mirror.git")
    }

    /// Whether a token may be sent to an address: over https, or to this machine.
    pub fn is_private(address: &url::Url) -> bool {
        address.scheme() == "https" || check::is_loopback(address)
    }

    /// Every setting that has a value, and where it comes from: for `--verbose`. Shows no secret.
    pub fn describe(&self) -> &[Described] {
        &self.described
    }
}

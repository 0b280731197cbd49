//! A stack as it is wanted, canonical. Holds the contents of files and no secret: those stand here by name.

use super::private::SecretFile;
use super::ready::{Heal, Ready};
use crate::model::{Complaint, Digest, Key, Need, ResourceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The file with variables, which compose reads by itself.
pub(super) const ENV: &str = ".env";

/// A stack as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    /// The host.
    pub host: ResourceId,
    /// Compose's name for it.
    pub project: String,
    /// The folder on the host.
    pub directory: String,
    /// The compose files, by their paths from there.
    pub compose: Vec<String>,
    /// Profiles whose services run, too.
    pub profiles: BTreeSet<String>,
    /// Everything that is sent, by its path from there.
    pub files: BTreeMap<String, Sent>,
    /// What stands in .env.
    pub env: BTreeMap<String, Value>,
    /// Whether it runs.
    pub state: Run,
    /// When images are pulled.
    pub pull: Pull,
    /// When it is ready.
    pub ready: Ready,
    /// Files that hold secrets, by their paths from the folder.
    pub secret_files: BTreeMap<String, SecretFile>,
    /// Whether it goes back where a new version does not get ready.
    pub rollback: bool,
    /// What is done about containers that ail.
    pub heal: Heal,
    /// What the compose files say of volumes and networks that compose makes: `volume data`, `network default`.
    pub definitions: BTreeMap<String, Digest>,
    /// What images are built from, by service.
    pub builds: BTreeMap<String, Digest>,
    /// The services that are to have containers.
    pub services: BTreeMap<String, Service>,
    /// Whether there may be more services: the compose files include others.
    pub more: bool,
}

/// A file that is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// The digest of what is in it.
    pub digest: Digest,
    /// Its mode in octal.
    pub mode: &'static str,
    /// What is in it.
    #[serde(skip)]
    pub bytes: Arc<[u8]>,
}

impl Sent {
    /// A file of the repo. Git's own modes are not known here: what names its interpreter is executable.
    pub(super) fn new(path: &str, bytes: Arc<[u8]>) -> Self {
        let mode = match (path.rsplit('/').next(), bytes.starts_with(b"#!")) {
            (Some(".env"), _) => "0600",
            (_, true) => "0755",
            _ => "0644",
        };
        Self { digest: Digest::of_bytes(&bytes), mode, bytes }
    }
}

/// A variable's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Value {
    /// As it stands in the document.
    Plain(String),
    /// A secret, by its name.
    Secret(String),
}

impl Value {
    /// Says whether it is a secret.
    pub fn is_secret(&self) -> bool {
        self.secret().is_some()
    }
    /// The name of the secret that it is.
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::Secret(name) => Some(name),
            Self::Plain(_) => None,
        }
    }
}

/// Whether a stack runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Run {
    /// It runs.
    #[default]
    Running,
    /// Its containers are there and do not run.
    Stopped,
}

/// When images are pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// Those that the host lacks.
    #[default]
    Missing,
    /// With every change of the stack.
    Always,
    /// Never.
    Never,
}

impl Pull {
    /// Compose's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

/// A service, as far as its compose file says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Whether it has an image or is built.
    pub made: bool,
    /// Whether it is built on the host.
    pub build: bool,
    /// The profiles that it is in; it always runs where there is none.
    pub profiles: BTreeSet<String>,
    /// Files and folders that it mounts, from the stack's folder: `conf/app.ini`; empty for the folder itself.
    pub mounts: BTreeSet<String>,
    /// Services that it waits for until they have ended well.
    pub awaits: BTreeSet<String>,
    /// Whether it is meant to end.
    pub once: bool,
    /// How many containers it has; none where that is not known before compose has read it.
    pub count: Option<u64>,
    /// Ports that it publishes and that are known.
    pub ports: Vec<Published>,
    /// The line of its name, from 1.
    #[serde(skip)]
    pub line: usize,
    /// The index of the compose file that names it first.
    #[serde(skip)]
    pub file: usize,
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The host's address; empty for every one.
    pub address: String,
    /// The host's port.
    pub port: u16,
    /// The container's.
    pub target: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
}

impl Want {
    /// A project is unique on its host.
    pub(super) fn key(&self) -> Key {
        Key(format!("{} {}", self.host.name, self.project))
    }

    pub(super) fn needs(&self) -> Vec<Need> {
        vec![Need { on: self.host.clone(), path: "spec.host".to_owned(), verb: "runs on" }]
    }

    /// Names this very version of it.
    pub(super) fn version(&self) -> Digest {
        Digest::of(self)
    }

    /// The services that mount a file, or a folder that it is in.
    pub(super) fn mounting<'a>(&'a self, file: &'a str) -> impl Iterator<Item = &'a String> {
        let within = move |mount: &String| {
            mount.is_empty()
                || file == mount
                || file.strip_prefix(mount.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        self.services.iter().filter(move |(_, service)| service.mounts.iter().any(within)).map(|(name, _)| name)
    }
}

/// Finds folders that two stacks of a host share, and ports of a host that two of them publish.
pub(super) fn twice(all: &[(&ResourceId, &Want)]) -> Vec<(ResourceId, Complaint)> {
    let mut wrong = Vec::new();
    let (mut folders, mut ports) = (BTreeMap::new(), BTreeMap::new());
    for (id, want) in all {
        if let Some(first) = folders.insert((&want.host, &want.directory), *id) {
            let message = format!("{id} lies in {} on {}, and so does {first}", want.directory, want.host);
            let complaint = Complaint::at("spec.directory", message, "a folder of its own");
            wrong.push(((*id).clone(), complaint));
        }
        let running = want.services.iter().filter(|_| want.state == Run::Running);
        for (service, port) in running.flat_map(|(name, s)| s.ports.iter().map(move |port| (name, port))) {
            let key = (&want.host, &port.address, port.port, &port.protocol);
            let former = ports.insert(key, (*id, service)).filter(|former| *former != (*id, service));
            if let Some((first, other)) = former {
                let (number, host) = (port.port, &want.host);
                let message =
                    format!("{id} publishes port {number} on {host} ({service}), and so does {first} ({other})");
                let complaint = Complaint::at("spec.path", message, "another port, in its compose file");
                wrong.push(((*id).clone(), complaint));
            }
        }
    }
    wrong
}

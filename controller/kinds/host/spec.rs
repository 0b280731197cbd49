//! What a user writes for a host, and what it means. Refuses what could not be reached, or is said twice.

use crate::model::{Complaint, HostKey, Key, Need, ResourceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A machine that is looked at and worked on from the inside: over SSH, or the controller's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Spec {
    /// The Droplet document of this machine. One of droplet, address and connect: local says which machine it is.
    pub droplet: Option<String>,
    /// The address of a machine that is no droplet of this estate: 203.0.113.10 or a hostname.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[A-Za-z0-9:._-]+$"))]
    pub address: Option<String>,
    /// local: the controller's own machine, as the controller's own user; ssh (default): everything else.
    pub connect: Connect,
    /// The user to log in as. Default: root.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z_][a-z0-9_.-]*$"))]
    pub user: Option<String>,
    /// sudo: commands go through `sudo -n`, which must ask for no password. Default: as the user that is logged in.
    #[serde(rename = "become")]
    pub escalate: Option<Become>,
    /// The port of SSH. Default: 22.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// The droplet's address to connect to: public (default) or private.
    pub network: Network,
    /// Another Host document, through which this one is reached.
    pub jump: Option<String>,
    /// The private key, by the name of the secret that holds it: {secret: ssh.ops}. Without a passphrase. Default: what
    /// ssh finds by itself, such as an agent or the controller's own ~/.ssh.
    pub identity: Option<SecretName>,
    /// The host's public key: what stands in /etc/ssh/ssh_host_ed25519_key.pub there. Without it, the key of a droplet
    /// that the controller itself makes is taken at first contact; for every other machine, `driftless trust HOST`
    /// records it.
    #[schemars(length(min = 16, max = 8192))]
    pub host_key: Option<String>,
    /// Names of SshKey documents that are let in, besides those that are already: put into ~/.ssh/authorized_keys of the
    /// user. Others that stand there are reported, and never taken out.
    pub authorized_keys: Vec<String>,
    /// Programs that must be there: docker, compose, nginx, certbot. What is missing is installed from the
    /// distribution's packages (Debian, Ubuntu); nothing is ever upgraded or removed.
    pub install: BTreeSet<Package>,
    /// Registries that Docker is logged in to there, for images that are not public. The password is looked up by its
    /// name, and goes to `docker login` on its standard input. A login that is not named here is left alone.
    pub registries: Vec<RegistrySpec>,
    /// Limits on the Docker Engine.
    pub docker: DockerSpec,
    /// How much of the disk systemd's journal may take: 500M, 1G. Default: as it is there.
    #[schemars(regex(pattern = r"^[1-9][0-9]{0,6}[KMGT]$"))]
    pub journal_max: Option<String>,
    /// How full the disk with Docker's images may get, such as 80%, before images that no container uses are removed.
    /// Never volumes, never containers. Default: none is removed.
    #[schemars(regex(pattern = r"^[1-9][0-9]?%$"))]
    pub prune_images_above: Option<String>,
}

/// A registry that Docker is logged in to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistrySpec {
    /// Its address: ghcr.io, registry.example.com:5000, or docker.io.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?$"))]
    pub server: String,
    /// Who to log in as.
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[^\s:-][^\s:]*$"))]
    pub username: String,
    /// The password or token, by the name of its secret: {secret: ghcr.token}.
    pub password: SecretName,
}

/// Limits on the Docker Engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DockerSpec {
    /// How large a container's log may get: 50m, 1g. Written into /etc/docker/daemon.json; it holds for containers that
    /// are made after the engine's next start, which the controller leaves to you. Default: as it is there.
    #[schemars(regex(pattern = r"^[1-9][0-9]{0,6}[kmg]$"))]
    pub log_max_size: Option<String>,
}

/// A program that is installed where it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Package {
    /// The Docker Engine.
    Docker,
    /// docker compose, version 2 or later.
    Compose,
    /// nginx.
    Nginx,
    /// certbot.
    Certbot,
}

impl Package {
    /// Its name, as users write it and as the program is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Compose => "compose",
            Self::Nginx => "nginx",
            Self::Certbot => "certbot",
        }
    }
}

/// How a machine is worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Connect {
    /// Over SSH.
    #[default]
    Ssh,
    /// It is the controller's own machine.
    Local,
}

/// How rights are had that the user lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Become {
    /// By `sudo -n`.
    Sudo,
}

/// Which of a droplet's addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// The public IPv4 address.
    #[default]
    Public,
    /// The address in its VPC.
    Private,
}

/// A secret by its name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretName {
    /// Its name: parts of letters, digits, dashes and underscores, with dots between them.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"))]
    pub secret: String,
}

/// The host in canonical words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    /// metadata.name.
    pub name: String,
    /// Which machine it is.
    pub machine: Machine,
    /// The user to log in as.
    pub user: String,
    /// Whether commands go through sudo.
    pub sudo: bool,
    /// The port.
    pub port: u16,
    /// The host that it is reached through.
    pub jump: Option<ResourceId>,
    /// The secret with the private key.
    pub identity: Option<String>,
    /// The key that the document names.
    pub host_key: Option<HostKey>,
    /// Who is let in.
    pub authorized_keys: Vec<ResourceId>,
    /// What must be there.
    pub install: BTreeSet<Package>,
    /// Where Docker is logged in.
    pub registries: Vec<Registry>,
    /// How large a container's log may get.
    pub log_max_size: Option<String>,
    /// How large the journal may get.
    pub journal_max: Option<String>,
    /// Above how many percent of the disk unused images go.
    pub prune_images_above: Option<u64>,
}

/// A login, its password by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registry {
    /// The registry's address, in lower case.
    pub server: String,
    /// The user.
    pub username: String,
    /// The secret with the password.
    pub secret: String,
}

/// Which machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Machine {
    /// A droplet of this estate.
    Droplet(ResourceId, Network),
    /// The one at an address.
    Address(String),
    /// The controller's own.
    Local,
}

impl Machine {
    /// How the world would know it: two documents for one machine are an error.
    pub(super) fn key(&self) -> Key {
        Key(match self {
            Self::Droplet(id, _) => format!("droplet {}", id.name),
            Self::Address(address) => format!("address {address}"),
            Self::Local => "the controller's own machine".to_owned(),
        })
    }
}

const KIND: &str = "Host";

pub(super) fn desire(id: &ResourceId, spec: &Spec) -> Result<Want, Vec<Complaint>> {
    let mut wrong = Vec::new();
    let machine = machine(id, spec, &mut wrong);
    let host_key = spec.host_key.as_ref().and_then(|text| {
        let told = |why: &dyn std::fmt::Display| {
            let complaint = Complaint::at("spec.hostKey", format!("{id} has a hostKey that is no key: {why}"), "this one");
            complaint.hint("On the host it stands in /etc/ssh/ssh_host_ed25519_key.pub; `driftless trust` shows what a host answers with.")
        };
        text.parse::<HostKey>().map_err(|why| wrong.push(told(&why))).ok()
    });
    let registries = registries(id, spec, &mut wrong);
    match machine {
        Some(machine) if wrong.is_empty() => Ok(Want {
            registries,
            name: id.name.clone(),
            machine,
            user: spec.user.clone().unwrap_or_else(|| "root".to_owned()),
            sudo: spec.escalate.is_some(),
            port: spec.port.unwrap_or(22),
            jump: spec.jump.as_ref().map(|name| ResourceId::new(KIND, name)),
            identity: spec.identity.as_ref().map(|identity| identity.secret.clone()),
            host_key,
            authorized_keys: spec.authorized_keys.iter().map(|name| ResourceId::new("SshKey", name)).collect(),
            install: spec.install.clone(),
            log_max_size: spec.docker.log_max_size.clone(),
            journal_max: spec.journal_max.clone(),
            prune_images_above: spec
                .prune_images_above
                .as_ref()
                .and_then(|text| text.trim_end_matches('%').parse().ok()),
        }),
        _ => Err(wrong),
    }
}

fn machine(id: &ResourceId, spec: &Spec, wrong: &mut Vec<Complaint>) -> Option<Machine> {
    let local = spec.connect == Connect::Local;
    let mut named: Vec<(&str, Machine)> = Vec::new();
    named.extend(
        spec.droplet
            .as_ref()
            .map(|name| ("spec.droplet", Machine::Droplet(ResourceId::new("Droplet", name), spec.network))),
    );
    named.extend(spec.address.as_ref().map(|address| ("spec.address", Machine::Address(address.to_ascii_lowercase()))));
    named.extend(local.then_some(("spec.connect", Machine::Local)));
    if let [_, (path, _), ..] = named.as_slice() {
        let message = format!("{id} says twice which machine it is");
        wrong.push(Complaint::at(*path, message, "one of droplet, address and connect: local is enough"));
    }
    if named.is_empty() {
        let message = format!("{id} does not say which machine it is");
        let hint = "A droplet of this estate: `droplet: erp`. Any other: `address: 203.0.113.10`. The controller's own: `connect: local`.";
        wrong.push(Complaint::at("spec", message, "one of droplet, address and connect: local is missing").hint(hint));
    }
    if local {
        let idle = [
            ("spec.user", spec.user.is_some()),
            ("spec.port", spec.port.is_some()),
            ("spec.jump", spec.jump.is_some()),
            ("spec.identity", spec.identity.is_some()),
            ("spec.hostKey", spec.host_key.is_some()),
        ];
        let said = idle.into_iter().filter(|(_, said)| *said);
        wrong.extend(said.map(|(path, _)| {
            let field = path.trim_start_matches("spec.");
            Complaint::at(
                path,
                format!("{id} is the controller's own machine and needs no {field}"),
                "take this line out",
            )
        }));
    }
    if spec.droplet.is_none() && spec.network == Network::Private {
        let message = format!("{id} has network: private and is no droplet");
        wrong.push(Complaint::at("spec.network", message, "write the private address as its address"));
    }
    if spec.jump.as_ref() == Some(&id.name) {
        wrong.push(Complaint::at("spec.jump", format!("{id} is reached through itself"), "name another Host"));
    }
    named.into_iter().next().map(|(_, machine)| machine)
}

fn registries(id: &ResourceId, spec: &Spec, wrong: &mut Vec<Complaint>) -> Vec<Registry> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for (at, registry) in spec.registries.iter().enumerate() {
        let server = registry.server.to_ascii_lowercase();
        if !seen.insert(server.clone()) {
            let message = format!("{id} logs in to {server} twice");
            wrong.push(Complaint::at(
                format!("spec.registries[{at}].server"),
                message,
                "Docker keeps one login of each",
            ));
        }
        let (username, secret) = (registry.username.clone(), registry.password.secret.clone());
        all.push(Registry { server, username, secret });
    }
    all
}

pub(super) fn needs(want: &Want) -> Vec<Need> {
    let mut needs = Vec::new();
    if let Machine::Droplet(on, _) = &want.machine {
        needs.push(Need { on: on.clone(), path: "spec.droplet".to_owned(), verb: "is" });
    }
    if let Some(on) = &want.jump {
        needs.push(Need { on: on.clone(), path: "spec.jump".to_owned(), verb: "is reached through" });
    }
    for (at, name) in want.authorized_keys.iter().enumerate() {
        needs.push(Need { on: name.clone(), path: format!("spec.authorizedKeys[{at}]"), verb: "lets in" });
    }
    needs
}

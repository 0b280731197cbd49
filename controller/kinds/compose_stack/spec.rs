//! What a user writes for a stack, and what it means. What compose itself would refuse at once is refused here, with its
//! place; must not know how a host is reached.

use super::compose::{self, Read};
use super::dotenv;
use super::private::{self, SecretFileSpec};
use super::ready::{self, Heal, ReadySpec};
use super::want::{ENV, Pull, Run, Sent, Value, Want};
use crate::model::{Complaint, EstateView, FileNeed, ResourceId};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A stack of containers that docker compose runs on a host, from a folder of the repo.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The Host document that it runs on.
    pub host: String,
    /// The folder of the repo with its compose file: stacks/odoo. Everything in it is sent; what begins with `#!` may be
    /// executed there. What was not sent is never deleted there.
    #[schemars(length(min = 1, max = 512))]
    pub path: String,
    /// The compose files, by their paths from that folder. Default: compose's own choice, override file included.
    #[serde(default)]
    pub files: Vec<String>,
    /// Profiles whose services run, too.
    #[serde(default)]
    pub profiles: BTreeSet<String>,
    /// The folder on the host. Default: /opt/stacks/NAME.
    #[schemars(length(max = 512), regex(pattern = r"^(/opt|/srv|(/[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*){2,})$"))]
    pub directory: Option<String>,
    /// Compose's name for the stack. Default: metadata.name. The same one twice on a host is an error.
    #[schemars(length(max = 63), regex(pattern = r"^[a-z0-9][a-z0-9_-]*$"))]
    pub project: Option<String>,
    /// Variables for the compose file, written into .env beside it (0600): a text, or {secret: odoo.postgres}.
    #[serde(default)]
    pub env: BTreeMap<String, EnvSpec>,
    /// running (default) | stopped: its containers are there and do not run.
    #[serde(default)]
    pub state: Run,
    /// missing (default) | always (looked for with every change of the stack) | never: when images are pulled.
    #[serde(default)]
    pub pull: Pull,
    /// When it counts as ready.
    #[serde(default)]
    pub ready: ReadySpec,
    /// Files in its folder that hold secrets: {"db.txt": {secret: odoo.postgres, owner: "101", mode: "0400"}}. A compose file
    /// mounts them, or names them under secrets:. A rotated secret starts anew only what mounts it.
    #[serde(default)]
    pub secret_files: BTreeMap<String, SecretFileSpec>,
    /// Whether it goes back to the last version that was ready where a new one does not get ready in time. Default: true.
    /// What a new version wrote into volumes stays there.
    pub rollback: Option<bool>,
    /// What is done about containers that ail: {stopped: start | report, unhealthy: report | restart}, at most three times
    /// an hour each.
    #[serde(default)]
    pub heal: Heal,
    /// Services that are meant to end, with 0; those that another waits for with service_completed_successfully are known.
    #[serde(default)]
    pub one_shot: BTreeSet<String>,
}

/// A variable's value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EnvSpec {
    /// As it stands here.
    Text(String),
    /// A number, as it stands here.
    Number(i64),
    /// true or false.
    Bool(bool),
    /// The value of a secret.
    Secret(SecretName),
}

/// A secret, by its name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretName {
    /// Its name, such as odoo.postgres.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"))]
    pub secret: String,
}

/// What compose looks for, the first one first, each with what may stand beside it.
const CHOICE: [(&str, &str); 4] = [
    ("compose.yaml", "compose.override.yaml"),
    ("compose.yml", "compose.override.yml"),
    ("docker-compose.yml", "docker-compose.override.yml"),
    ("docker-compose.yaml", "docker-compose.override.yaml"),
];

/// Says whether compose would choose these files by itself.
pub(super) fn is_choice(files: &[String]) -> bool {
    CHOICE.iter().any(|(first, beside)| files == [*first] || files == [*first, *beside])
}

fn folder(spec: &Spec) -> String {
    format!("{}/", spec.path.trim_end_matches('/'))
}

pub(super) fn files(spec: &Spec) -> Vec<FileNeed> {
    vec![FileNeed { file: folder(spec), path: "spec.path".to_owned() }]
}

pub(super) fn desire(id: &ResourceId, spec: &Spec, estate: &EstateView<'_>) -> Result<Want, Vec<Complaint>> {
    let mut wrong = Vec::new();
    let folder = folder(spec);
    let files = sent(id, &folder, estate, &mut wrong);
    let env = env(id, spec, &files, &mut wrong);
    let project = project(id, spec, &mut wrong);
    let compose = chosen(id, spec, &files, &mut wrong);
    let interpolation = interpolation(&env, &files);
    let mut read = Read::default();
    for file in &compose {
        let text = files.get(file).and_then(|sent| std::str::from_utf8(&sent.bytes).ok()).unwrap_or_default();
        if let Err(flaw) = compose::read(text, &interpolation, &mut read) {
            let place = format!("{folder}{file}:{}:{}", flaw.line, flaw.column);
            let message = format!("{id} has a compose file that cannot be read: {place}: {}", flaw.what);
            wrong.push(Complaint::at("spec.path", message, "the file is in this folder"));
        }
    }
    let sound = wrong.is_empty();
    if sound {
        wrong.extend(services(id, spec, &folder, &compose, &read));
    }
    let ready = ready::ready(id, &spec.ready, &mut wrong);
    let secret_files = private::secret_files(id, &spec.secret_files, &|path| files.contains_key(path), &mut wrong);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let more = read.more;
    let (definitions, mut builds) = (read.definitions(), read.builds(&files));
    let mut services = read.finish(&spec.profiles);
    services.iter_mut().filter(|(name, _)| spec.one_shot.contains(*name)).for_each(|(_, service)| service.once = true);
    builds.retain(|service, _| services.contains_key(service));
    Ok(Want {
        host: ResourceId::new("Host", &spec.host),
        project,
        directory: spec.directory.clone().unwrap_or_else(|| format!("/opt/stacks/{}", id.name)),
        compose,
        profiles: spec.profiles.clone(),
        files,
        env,
        state: spec.state,
        pull: spec.pull,
        ready,
        services,
        more,
        secret_files,
        rollback: spec.rollback.unwrap_or(true),
        heal: spec.heal,
        definitions,
        builds,
    })
}

/// Everything in the folder. The path of a file is a word in commands and a line in a list on the host.
fn sent(id: &ResourceId, folder: &str, estate: &EstateView<'_>, wrong: &mut Vec<Complaint>) -> BTreeMap<String, Sent> {
    let mut files = BTreeMap::new();
    for (path, bytes) in estate.folder(folder) {
        let strange = path.chars().any(char::is_control) || path.trim() != path || path.contains('\\');
        if strange || path.starts_with(".driftless/") {
            let message = format!("{id} would send the file {path:?}");
            wrong.push(Complaint::at("spec.path", message, "such a name cannot be sent: rename it"));
        }
        files.insert(path.to_owned(), Sent::new(path, bytes.clone()));
    }
    files
}

fn env(
    id: &ResourceId,
    spec: &Spec,
    files: &BTreeMap<String, Sent>,
    wrong: &mut Vec<Complaint>,
) -> BTreeMap<String, Value> {
    if !spec.env.is_empty() && files.contains_key(ENV) {
        let message = format!("{id} has variables, and its folder has a file .env");
        let complaint = Complaint::at("spec.env", message, "one of them: .env is written from these variables");
        wrong.push(complaint.hint("Move what stands in .env here; its secrets as {secret: …}."));
    }
    for (name, value) in &spec.env {
        let good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !good {
            let message = format!("{id} has a variable {name:?}");
            wrong.push(Complaint::at("spec.env", message, "letters, digits and _"));
        }
        if matches!(value, EnvSpec::Text(text) if text.contains(['\n', '\r', '\0'])) {
            let message = format!("{id} has a variable {name} of several lines");
            wrong.push(Complaint::at(format!("spec.env.{name}"), message, "one line"));
        }
    }
    let value = |value: &EnvSpec| match value {
        EnvSpec::Text(text) => Value::Plain(text.clone()),
        EnvSpec::Number(number) => Value::Plain(number.to_string()),
        EnvSpec::Bool(yes) => Value::Plain(yes.to_string()),
        EnvSpec::Secret(name) => Value::Secret(name.secret.clone()),
    };
    spec.env.iter().map(|(name, spec)| (name.clone(), value(spec))).collect()
}

fn project(id: &ResourceId, spec: &Spec, wrong: &mut Vec<Complaint>) -> String {
    let project = spec.project.as_ref().unwrap_or(&id.name);
    if project.contains('.') {
        let message = format!("{id} has a name that compose does not take for a project: dots are none of its letters");
        let dashes = project.replace('.', "-");
        wrong.push(Complaint::at("metadata.name", message, format!("add project: {dashes} to its spec")));
    }
    project.clone()
}

/// The compose files, as named or as compose chooses.
fn chosen(id: &ResourceId, spec: &Spec, files: &BTreeMap<String, Sent>, wrong: &mut Vec<Complaint>) -> Vec<String> {
    for (at, file) in spec.files.iter().enumerate().filter(|(_, file)| !files.contains_key(*file)) {
        let message = format!("{id} names the compose file {file}, which is not in {}", spec.path);
        wrong.push(Complaint::at(format!("spec.files[{at}]"), message, "a path from that folder"));
    }
    if !spec.files.is_empty() {
        return spec.files.iter().filter(|file| files.contains_key(*file)).cloned().collect();
    }
    let Some((first, beside)) = CHOICE.into_iter().find(|(file, _)| files.contains_key(*file)) else {
        let message = format!("{id} has no compose file: there is none in {}", spec.path);
        let complaint = Complaint::at("spec.path", message, "expected compose.yaml there");
        wrong.push(complaint.hint("Another name is said with files: [NAME]."));
        return Vec::new();
    };
    let both = [first, beside].into_iter().filter(|file| files.contains_key(*file));
    both.map(str::to_owned).collect()
}

/// What the compose file's variables are known to be; a secret is there and not known.
fn interpolation(env: &BTreeMap<String, Value>, files: &BTreeMap<String, Sent>) -> BTreeMap<String, Option<String>> {
    let text = files.get(ENV).and_then(|sent| std::str::from_utf8(&sent.bytes).ok()).unwrap_or_default();
    let of_file = dotenv::read(text).into_iter().map(|line| (line.name, line.value.ok()));
    let own = env.iter().map(|(name, value)| match value {
        Value::Plain(text) => (name.clone(), Some(text.clone())),
        Value::Secret(_) => (name.clone(), None),
    });
    of_file.chain(own).collect()
}

fn services(id: &ResourceId, spec: &Spec, folder: &str, compose: &[String], read: &Read) -> Vec<Complaint> {
    let mut wrong = Vec::new();
    let files = compose.iter().map(|file| format!("{folder}{file}")).collect::<Vec<_>>().join(" and ");
    if read.services.is_empty() && !read.more {
        let message = format!("{id} has no service: {files} names none");
        wrong.push(Complaint::at("spec.path", message, "expected services: in it"));
    }
    for (name, service) in read.services.iter().filter(|(_, service)| !service.made) {
        let (line, file) = (service.line, compose.get(service.file).map(String::as_str).unwrap_or_default());
        let message = format!("{id} has a service without image and build: {name} at {folder}{file}:{line}");
        wrong.push(Complaint::at("spec.path", message, "compose refuses it"));
    }
    let known = |name: &String| read.more || read.services.contains_key(name);
    for name in spec.one_shot.iter().filter(|name| !known(name)) {
        let message = format!("{id} has no service {name}: {files} does not name it");
        let names = read.services.keys().cloned().collect::<Vec<_>>().join(", ");
        wrong.push(Complaint::at("spec.oneShot", message, format!("there are {names}")));
    }
    let profiled = |name: &&String| read.services.values().any(|service| service.profiles.contains(*name));
    for name in spec.profiles.iter().filter(|name| !read.more && !profiled(name)) {
        let message = format!("{id} has no service with the profile {name}");
        wrong.push(Complaint::at("spec.profiles", message, "nothing would run by it"));
    }
    wrong
}

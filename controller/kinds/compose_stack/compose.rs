//! Reads compose files as far as the controller needs to know them before compose does: services, what they mount and
//! publish, what they wait for. Lenient: compose itself has the last word, on the host. Pure.

use super::want::{Published, Sent, Service};
use crate::model::Digest;
use serde_json::{Map, Value as Yaml};
use std::collections::{BTreeMap, BTreeSet};

/// Values of variables; one that is set and not known is none.
pub type Variables = BTreeMap<String, Option<String>>;

/// What the compose files of a stack say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// By name.
    pub services: BTreeMap<String, Service>,
    /// Whether there is more than these files say: they include others.
    pub more: bool,
    /// Files behind configs and secrets, by their names.
    sources: BTreeMap<String, String>,
    /// Which service uses which of them.
    uses: Vec<(String, String)>,
    /// What is said of volumes and networks that compose makes.
    definitions: BTreeMap<String, Yaml>,
    /// What is said of how services are built.
    built: BTreeMap<String, (Yaml, Option<String>)>,
    files: usize,
}

/// Why a compose file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

/// Reads one file on top of those before it.
pub(super) fn read(text: &str, variables: &Variables, into: &mut Read) -> Result<(), Flaw> {
    let at = |line: usize, what: String| Flaw { line, column: 1, what };
    let yaml: Yaml = serde_saphyr::from_str(text).map_err(|error| {
        let place = error.location();
        let number = |of: u64| usize::try_from(of).unwrap_or(usize::MAX);
        let what = error.without_snippet().to_string();
        let what = what.lines().next().unwrap_or("it is no YAML").to_owned();
        let (line, column) = place.map_or((1, 1), |place| (number(place.line()), number(place.column())));
        Flaw { line, column, what }
    })?;
    let file = into.files;
    into.files += 1;
    let Yaml::Object(root) = &yaml else {
        return Err(at(1, "a compose file is a map with services: in it".to_owned()));
    };
    into.more |= root.contains_key("include");
    for kind in ["configs", "secrets"] {
        for (name, source) in map(root.get(kind)) {
            if let Some(path) = source.get("file").and_then(Yaml::as_str).and_then(|path| relative(path, variables)) {
                into.sources.insert(format!("{kind} {name}"), path);
            }
        }
    }
    for (word, kind) in [("volumes", "volume"), ("networks", "network")] {
        for (name, said) in map(root.get(word)).filter(|(_, said)| !is_others(said)) {
            // Nothing said and nothing in braces are the same.
            let said = if said.is_null() { Yaml::Object(Map::new()) } else { said.clone() };
            into.definitions.insert(format!("{kind} {name}"), said);
        }
    }
    let all = match root.get("services") {
        None | Some(Yaml::Null) => return Ok(()),
        Some(Yaml::Object(all)) => all,
        Some(_) => return Err(at(line_of(text, &["services"]), "services is a map of names".to_owned())),
    };
    for (name, said) in all {
        let line = line_of(text, &["services", name]);
        let Yaml::Object(said) = said else {
            return Err(at(line, format!("the service {name} is a map")));
        };
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            return Err(at(line, format!("the service {name:?} has a name that compose refuses")));
        }
        let service = into.services.entry(name.clone()).or_insert_with(|| Service {
            line,
            file,
            count: Some(1),
            ..Service::default()
        });
        take(service, said, variables);
        if let Some(how) = said.get("build") {
            let context = how.as_str().or_else(|| how.get("context").and_then(Yaml::as_str));
            let context = context.and_then(|context| relative(context, variables));
            into.built.insert(name.clone(), (how.clone(), context));
        }
        for kind in ["configs", "secrets"] {
            for used in list(said.get(kind)) {
                let source = used.as_str().or_else(|| used.get("source").and_then(Yaml::as_str));
                into.uses.extend(source.map(|source| (name.clone(), format!("{kind} {source}"))));
            }
        }
    }
    Ok(())
}

impl Read {
    /// Names what is said of each volume and network that compose makes, as far as it is not left to compose.
    pub(super) fn definitions(&self) -> BTreeMap<String, Digest> {
        self.definitions.iter().map(|(name, said)| (name.clone(), Digest::of(said))).collect()
    }

    /// Names what each built image is made from: what is said of it, and every file of its context.
    pub(super) fn builds(&self, files: &BTreeMap<String, Sent>) -> BTreeMap<String, Digest> {
        let within = |context: &str, path: &str| {
            context.is_empty() || path.strip_prefix(context).is_some_and(|rest| rest.starts_with('/'))
        };
        let one = |(how, context): &(Yaml, Option<String>)| {
            let of = files.iter().filter(|(path, _)| context.as_ref().is_some_and(|context| within(context, path)));
            let of: BTreeMap<&String, &Digest> = of.map(|(path, sent)| (path, &sent.digest)).collect();
            Digest::of(&(how, of))
        };
        self.built.iter().map(|(name, built)| (name.clone(), one(built))).collect()
    }

    /// The services that are to have containers.
    pub(super) fn finish(mut self, profiles: &BTreeSet<String>) -> BTreeMap<String, Service> {
        for (service, used) in &self.uses {
            if let (Some(service), Some(path)) = (self.services.get_mut(service), self.sources.get(used)) {
                service.mounts.insert(path.clone());
            }
        }
        let awaited: BTreeSet<String> = self.services.values().flat_map(|service| service.awaits.clone()).collect();
        for (name, service) in &mut self.services {
            service.once |= awaited.contains(name);
        }
        self.services.retain(|_, s| s.profiles.is_empty() || s.profiles.iter().any(|p| profiles.contains(p)));
        self.services
    }
}

/// Says whether a volume or network is made by somebody else.
fn is_others(said: &Yaml) -> bool {
    !matches!(said.get("external"), None | Some(Yaml::Null | Yaml::Bool(false)))
}

fn take(service: &mut Service, said: &Map<String, Yaml>, variables: &Variables) {
    service.build |= said.contains_key("build");
    service.made |= ["image", "build", "extends", "provider"].iter().any(|field| said.contains_key(*field));
    service.profiles.extend(list(said.get("profiles")).iter().filter_map(Yaml::as_str).map(str::to_owned));
    service.mounts.extend(list(said.get("volumes")).iter().filter_map(|volume| mount(volume, variables)));
    service.ports.extend(list(said.get("ports")).iter().filter_map(|port| published(port, variables)));
    for (name, how) in map(said.get("depends_on")) {
        if how.get("condition").and_then(Yaml::as_str) == Some("service_completed_successfully") {
            service.awaits.insert(name.clone());
        }
    }
    let count = said.get("scale").or_else(|| said.get("deploy")?.get("replicas"));
    if let Some(count) = count {
        service.count = match count {
            Yaml::String(text) => filled(text, variables).and_then(|text| text.parse().ok()),
            other => other.as_u64(),
        };
    }
    if said.get("deploy").and_then(|deploy| deploy.get("mode")).and_then(Yaml::as_str) == Some("global") {
        service.count = None;
    }
}

fn map(value: Option<&Yaml>) -> impl Iterator<Item = (&String, &Yaml)> {
    value.and_then(Yaml::as_object).into_iter().flatten()
}

fn list(value: Option<&Yaml>) -> &[Yaml] {
    value.and_then(Yaml::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A bind from the stack's own folder: `./conf:/etc/app:ro`, or `{type: bind, source: ./conf}`.
fn mount(volume: &Yaml, variables: &Variables) -> Option<String> {
    let source = match volume {
        Yaml::String(text) => {
            let text = filled(text, variables)?;
            let source = text.split(':').next()?.to_owned();
            source.starts_with('.').then_some(source)?
        }
        other => {
            (other.get("type").and_then(Yaml::as_str) == Some("bind")).then_some(())?;
            other.get("source").and_then(Yaml::as_str)?.to_owned()
        }
    };
    relative(&source, variables)
}

/// A path within the stack's folder, without dots; none where it leads elsewhere.
pub(super) fn relative(path: &str, variables: &Variables) -> Option<String> {
    let path = filled(path, variables)?;
    if path.starts_with(['/', '~']) {
        return None;
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// `8069`, `8069:8069`, `127.0.0.1:8069:8069/tcp`, `[::1]:80:80`, or a map. Ranges, and ports that the engine chooses, are none.
fn published(port: &Yaml, variables: &Variables) -> Option<Published> {
    let text = |field: &str| match port.get(field)? {
        Yaml::String(text) => filled(text, variables),
        Yaml::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let (address, host, target, protocol) = match port {
        Yaml::String(written) => {
            let written = filled(written, variables)?;
            let (written, protocol) = written.split_once('/').unwrap_or((&written, "tcp"));
            let (rest, target) = written.rsplit_once(':')?;
            let (address, host) = rest.rsplit_once(':').unwrap_or(("", rest));
            let address = address.trim_matches(['[', ']']).to_owned();
            (address, host.to_owned(), target.to_owned(), protocol.to_owned())
        }
        Yaml::Object(_) => (
            text("host_ip").unwrap_or_default(),
            text("published")?,
            text("target")?,
            text("protocol").unwrap_or_else(|| "tcp".to_owned()),
        ),
        _ => return None,
    };
    Some(Published { address, port: host.parse().ok()?, target: target.parse().ok()?, protocol })
}

/// A text with its variables filled in; none where one of them is not known.
pub(super) fn filled(text: &str, variables: &Variables) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let (inner, after) = after.split_once('}')?;
            let name: String = inner.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let tail = inner.strip_prefix(name.as_str()).unwrap_or_default();
            let value = match variables.get(&name) {
                Some(None) => return None,
                Some(Some(value)) => Some(value.as_str()),
                None => None,
            };
            let full = value.filter(|value| !value.is_empty());
            let value = match (tail.strip_prefix(":-"), tail.strip_prefix('-')) {
                (Some(default), _) => full.unwrap_or(default),
                (_, Some(default)) => value.unwrap_or(default),
                _ if tail.is_empty() || tail.starts_with(['?', ':']) => value.unwrap_or_default(),
                _ => return None,
            };
            out.push_str(value);
            rest = after;
        } else {
            let name: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            match variables.get(&name) {
                Some(None) => return None,
                Some(Some(value)) => out.push_str(value),
                None => {}
            }
            rest = after.strip_prefix(name.as_str()).unwrap_or_default();
        }
    }
    out.push_str(rest);
    Some(out)
}

/// The line of a key at the end of a path of keys, as far as it can be told from how they are indented; else the first.
fn line_of(text: &str, path: &[&str]) -> usize {
    let (mut at, mut found) = (0, 1);
    for (number, line) in text.lines().enumerate() {
        let Some(key) = path.get(at) else { break };
        let bare = line.trim_start().trim_start_matches(['"', '\'']);
        let indented = line.len() > line.trim_start().len();
        let is = bare.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'']).starts_with(':'));
        if is && (at > 0) == indented {
            (at, found) = (at + 1, number + 1);
        }
    }
    found
}

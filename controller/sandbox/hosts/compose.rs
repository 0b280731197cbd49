//! What compose makes of its files: one resolved project. Pure: files come as text, errors are in compose's own words as
//! far as they are known.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::engine::digest;
use super::interpolate::{Variables, filled};

/// What a service may say; compose refuses the rest.
const FIELDS: &[&str] = &[
    "annotations",
    "attach",
    "build",
    "blkio_config",
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "command",
    "configs",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpus",
    "cpuset",
    "credential_spec",
    "depends_on",
    "deploy",
    "develop",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "env_file",
    "environment",
    "expose",
    "extends",
    "external_links",
    "extra_hosts",
    "gpus",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "ipc",
    "isolation",
    "label_file",
    "labels",
    "links",
    "logging",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "network_mode",
    "networks",
    "oom_kill_disable",
    "oom_score_adj",
    "pid",
    "pids_limit",
    "platform",
    "ports",
    "post_start",
    "pre_stop",
    "privileged",
    "profiles",
    "provider",
    "pull_policy",
    "pull_refresh_after",
    "read_only",
    "restart",
    "runtime",
    "scale",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "storage_opt",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "userns_mode",
    "uts",
    "volumes",
    "volumes_from",
    "working_dir",
];
/// What a file may say.
const TOP: &[&str] = &["configs", "include", "name", "networks", "secrets", "services", "version", "volumes"];

/// A project, resolved.
#[derive(Clone, Debug, Default)]
pub(super) struct Project {
    pub(super) name: String,
    /// By name, with everything filled in.
    pub(super) services: BTreeMap<String, Value>,
    pub(super) networks: Map<String, Value>,
    pub(super) volumes: Map<String, Value>,
    /// Configs and secrets: passed on as they are.
    pub(super) others: Map<String, Value>,
    /// Files that environments are read from, by service, in order.
    pub(super) env_files: BTreeMap<String, Vec<(String, bool)>>,
}

/// Merges the files of a project, one after another, and fills their variables in.
pub(super) fn read(files: &[(String, String)], variables: &Variables) -> Result<Map<String, Value>, String> {
    let mut all = Map::new();
    for (path, text) in files {
        let value: Value = serde_saphyr::from_str(text).map_err(|error| {
            let text = error.to_string();
            format!("yaml: {}", text.lines().next().unwrap_or("it cannot be read"))
        })?;
        let Value::Object(root) = value else { return Err(format!("{path}: top-level object must be a mapping")) };
        if let Some(wrong) = root.keys().find(|key| !TOP.contains(&key.as_str()) && !key.starts_with("x-")) {
            return Err(format!("validating {path}: (root) Additional property {wrong} is not allowed"));
        }
        for (name, service) in root.get("services").and_then(Value::as_object).into_iter().flatten() {
            let Value::Object(service) = service else {
                return Err(format!("validating {path}: services.{name} must be a mapping"));
            };
            if let Some(wrong) = service.keys().find(|key| !FIELDS.contains(&key.as_str()) && !key.starts_with("x-")) {
                return Err(format!("validating {path}: services.{name} Additional property {wrong} is not allowed"));
            }
        }
        merge(&mut all, filled_in(Value::Object(root), variables)?);
    }
    Ok(all)
}

fn filled_in(value: Value, variables: &Variables) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => Value::String(filled(&text, variables)?),
        Value::Array(members) => {
            Value::Array(members.into_iter().map(|m| filled_in(m, variables)).collect::<Result<_, _>>()?)
        }
        Value::Object(members) => {
            let one = |(name, member)| Ok::<_, String>((name, filled_in(member, variables)?));
            Value::Object(members.into_iter().map(one).collect::<Result<_, _>>()?)
        }
        other => other,
    })
}

fn merge(into: &mut Map<String, Value>, from: Value) {
    let Value::Object(from) = from else { return };
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, Value::Object(from)),
            (Some(Value::Array(into)), Value::Array(from)) if name != "command" && name != "entrypoint" => {
                into.extend(from)
            }
            (_, value) => drop(into.insert(name, value)),
        }
    }
}

impl Project {
    /// Puts what was read into one form: paths from a folder, only services of these profiles.
    pub(super) fn resolve(
        mut root: Map<String, Value>,
        name: &str,
        folder: &str,
        profiles: &[String],
    ) -> Result<Self, String> {
        let take = |root: &mut Map<String, Value>, key: &str| match root.remove(key) {
            Some(Value::Object(all)) => all,
            _ => Map::new(),
        };
        let mut project = Self { name: name.to_owned(), ..Self::default() };
        let services = take(&mut root, "services");
        (project.networks, project.volumes) = (take(&mut root, "networks"), take(&mut root, "volumes"));
        for key in ["configs", "secrets"] {
            let mut all = take(&mut root, key);
            for file in all.values_mut().filter_map(|one| one.get_mut("file")) {
                *file = json!(absolute(file.as_str().unwrap_or_default(), folder));
            }
            if !all.is_empty() {
                project.others.insert(key.to_owned(), Value::Object(all));
            }
        }
        for (service, said) in services {
            let Value::Object(mut said) = said else { continue };
            let of = strings(said.get("profiles"));
            if !of.is_empty() && !of.iter().any(|profile| profiles.contains(profile)) {
                continue;
            }
            if !["image", "build", "provider"].iter().any(|key| said.contains_key(*key)) {
                return Err(format!(
                    "service {service:?} has neither an image nor a build context specified: invalid compose project"
                ));
            }
            settle(&mut said, folder);
            let files = env_files(said.remove("env_file"), folder);
            if !files.is_empty() {
                project.env_files.insert(service.clone(), files);
            }
            project.services.insert(service, Value::Object(said));
        }
        project.check()?;
        Ok(project)
    }

    /// What a service may not lead to nowhere.
    fn check(&mut self) -> Result<(), String> {
        for (name, said) in &self.services {
            let missing = names(said.get("depends_on")).find(|on| !self.services.contains_key(*on));
            if let Some(on) = missing {
                return Err(format!("service {name:?} depends on undefined service {on:?}: invalid compose project"));
            }
            for volume in said.get("volumes").and_then(Value::as_array).into_iter().flatten() {
                let source = volume.get("source").and_then(Value::as_str).unwrap_or_default();
                let named = volume.get("type").and_then(Value::as_str) == Some("volume") && !source.is_empty();
                if named && !self.volumes.contains_key(source) {
                    return Err(format!(
                        "service {name:?} refers to undefined volume {source}: invalid compose project"
                    ));
                }
            }
            for network in names(said.get("networks")).filter(|network| *network != "default") {
                if !self.networks.contains_key(network) {
                    return Err(format!(
                        "service {name:?} refers to undefined network {network}: invalid compose project"
                    ));
                }
            }
        }
        if self.services.values().any(|said| said.get("networks").and_then(|all| all.get("default")).is_some()) {
            self.networks.entry("default").or_insert(Value::Null);
        }
        Ok(())
    }

    /// Compose's digest of a service: of everything that says what its containers are.
    pub(super) fn hash(&self, service: &str) -> String {
        let Some(Value::Object(said)) = self.services.get(service) else { return String::new() };
        let mut said = said.clone();
        for beside in ["build", "pull_policy", "scale", "depends_on", "profiles"] {
            said.remove(beside);
        }
        if let Some(deploy) = said.get_mut("deploy").and_then(Value::as_object_mut) {
            deploy.remove("replicas");
        }
        digest(&sorted(&Value::Object(said)).to_string())
    }

    /// The whole as `compose config` shows it: JSON, which is YAML, too. What would be filled in anew is quoted.
    pub(super) fn shown(&self) -> String {
        let mut root = self.others.clone();
        root.insert("name".to_owned(), json!(self.name));
        root.insert("services".to_owned(), json!(self.services));
        root.insert("networks".to_owned(), Value::Object(self.networks.clone()));
        root.insert("volumes".to_owned(), Value::Object(self.volumes.clone()));
        let text = serde_json::to_string_pretty(&quoted(Value::Object(root))).unwrap_or_default();
        format!("{text}\n")
    }

    /// The image that a service's containers run.
    pub(super) fn image(&self, service: &str) -> String {
        let said = self.services.get(service).and_then(|said| said.get("image")).and_then(Value::as_str);
        said.map_or_else(|| format!("{}-{service}", self.name), str::to_owned)
    }
}

fn quoted(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('$', "$$")),
        Value::Array(members) => Value::Array(members.into_iter().map(quoted).collect()),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, member)| (name, quoted(member))).collect())
        }
        other => other,
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(members) => Value::Array(members.iter().map(sorted).collect()),
        Value::Object(members) => {
            let ordered: BTreeMap<&String, Value> =
                members.iter().map(|(name, member)| (name, sorted(member))).collect();
            json!(ordered)
        }
        other => other.clone(),
    }
}

/// The names in a list or the keys of a map.
pub(super) fn names(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let list = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let map = value.and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.as_str());
    list.chain(map)
}

fn strings(value: Option<&Value>) -> Vec<String> {
    names(value).map(str::to_owned).collect()
}

/// A path of the project's folder.
fn absolute(path: &str, folder: &str) -> String {
    let path = match path.strip_prefix("~/") {
        Some(rest) => format!("/root/{rest}"),
        None => path.to_owned(),
    };
    bashkit::normalize_path(&std::path::Path::new(folder).join(path)).display().to_string()
}

fn env_files(value: Option<Value>, folder: &str) -> Vec<(String, bool)> {
    let one = |value: &Value| match value {
        Value::String(path) => Some((absolute(path, folder), true)),
        other => {
            let needed = other.get("required").and_then(Value::as_bool).unwrap_or(true);
            Some((absolute(other.get("path")?.as_str()?, folder), needed))
        }
    };
    match value {
        Some(Value::Array(all)) => all.iter().filter_map(one).collect(),
        Some(value) => one(&value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Brings a service into the one form that is hashed.
fn settle(said: &mut Map<String, Value>, folder: &str) {
    for key in ["environment", "labels", "annotations"] {
        if let Some(Value::Array(list)) = said.get(key) {
            let pair = |text: &str| {
                let (name, value) = text.split_once('=').unwrap_or((text, ""));
                (name.to_owned(), Value::from(value))
            };
            let map: Map<String, Value> = list.iter().filter_map(Value::as_str).map(pair).collect();
            said.insert(key.to_owned(), Value::Object(map));
        }
    }
    if let Some(Value::Array(list)) = said.get("depends_on") {
        let one =
            |name: &Value| Some((name.as_str()?.to_owned(), json!({"condition": "service_started", "required": true})));
        said.insert("depends_on".to_owned(), Value::Object(list.iter().filter_map(one).collect()));
    }
    match said.get("networks") {
        Some(Value::Array(list)) => {
            let one = |name: &Value| Some((name.as_str()?.to_owned(), Value::Null));
            said.insert("networks".to_owned(), Value::Object(list.iter().filter_map(one).collect()));
        }
        None if !said.contains_key("network_mode") => {
            drop(said.insert("networks".to_owned(), json!({"default": null})))
        }
        _ => {}
    }
    if let Some(ports) = said.get("ports").and_then(Value::as_array) {
        said.insert("ports".to_owned(), Value::Array(ports.iter().map(port).collect()));
    }
    if let Some(volumes) = said.get("volumes").and_then(Value::as_array) {
        said.insert("volumes".to_owned(), Value::Array(volumes.iter().map(|one| volume(one, folder)).collect()));
    }
    if let Some(build) = said.get("build") {
        let context = build.as_str().or_else(|| build.get("context").and_then(Value::as_str)).unwrap_or(".");
        let mut to = build.as_object().cloned().unwrap_or_default();
        to.insert("context".to_owned(), json!(absolute(context, folder)));
        said.insert("build".to_owned(), Value::Object(to));
    }
}

fn port(said: &Value) -> Value {
    let (mut host, mut outside) = (String::new(), String::new());
    let text = match said {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => return other.clone(),
    };
    let (text, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
    let inside = match text.rsplit_once(':') {
        Some((rest, inside)) => {
            let (address, port) = rest.rsplit_once(':').unwrap_or(("", rest));
            (host, outside) = (address.trim_matches(['[', ']']).to_owned(), port.to_owned());
            inside
        }
        None => text,
    };
    let mut port =
        json!({"mode": "ingress", "target": inside.parse::<u16>().unwrap_or_default(), "protocol": protocol});
    if let Some(port) = port.as_object_mut() {
        if !outside.is_empty() {
            port.insert("published".to_owned(), json!(outside));
        }
        if !host.is_empty() {
            port.insert("host_ip".to_owned(), json!(host));
        }
    }
    port
}

fn volume(said: &Value, folder: &str) -> Value {
    let Some(text) = said.as_str() else {
        let mut said = said.clone();
        let bind = said.get("type").and_then(Value::as_str) == Some("bind");
        if let Some(source) = said.get_mut("source").filter(|_| bind) {
            *source = json!(absolute(source.as_str().unwrap_or_default(), folder));
        }
        return said;
    };
    let mut parts = text.split(':');
    let (first, second, mode) = (parts.next().unwrap_or_default(), parts.next(), parts.next().unwrap_or_default());
    let Some(target) = second else { return json!({"type": "volume", "target": first, "volume": {}}) };
    let bind = first.starts_with(['.', '/', '~']);
    let (kind, source) = match bind {
        true => ("bind", absolute(first, folder)),
        false => ("volume", first.to_owned()),
    };
    let mut to = json!({"type": kind, "source": source, "target": target});
    if let Some(to) = to.as_object_mut()
        && mode.split(',').any(|word| word == "ro")
    {
        to.insert("read_only".to_owned(), json!(true));
    }
    to
}

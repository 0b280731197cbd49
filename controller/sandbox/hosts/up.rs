//! Brings a project up on a machine's engine, as compose does: what is as it was is left alone, what differs is made anew.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::compose::{Project, names};
use super::engine::{Container, Engine, Life, Mount, Port, State, Thing};
use super::machine::Machine;

/// Ports that the engine chooses begin here.
const CHOSEN: u16 = 32_768;
/// How long one service waits for another.
const PATIENCE: Duration = Duration::from_secs(300);
/// What `docker compose version` says.
pub(super) const VERSION: &str = "2.26.1";

/// What is to be done.
pub(super) struct Up<'a> {
    pub(super) machine: &'a Arc<Machine>,
    pub(super) project: &'a Project,
    pub(super) folder: &'a str,
    pub(super) files: &'a [String],
    /// `missing`, `always` or `never`.
    pub(super) pull: &'a str,
    pub(super) build: bool,
    /// Whether containers are started, too.
    pub(super) start: bool,
    pub(super) force: bool,
}

impl Up<'_> {
    /// Does it, and says so.
    pub(super) async fn run(&self) -> Result<String, String> {
        let mut said = String::new();
        for service in self.project.services.keys() {
            self.fetch(service).await?;
        }
        self.things(&mut said)?;
        for service in self.order()? {
            self.await_others(&service).await?;
            self.service(&service, &mut said).await?;
        }
        Ok(said)
    }

    /// Services after those that they depend on.
    fn order(&self) -> Result<Vec<String>, String> {
        let mut left: Vec<&String> = self.project.services.keys().collect();
        let mut order: Vec<String> = Vec::new();
        while !left.is_empty() {
            let ready = |name: &&&String| {
                let on = self.project.services.get(**name).and_then(|said| said.get("depends_on"));
                names(on).all(|on| order.iter().any(|done| done == on))
            };
            let Some(next) = left.iter().find(ready).map(|name| (*name).clone()) else {
                return Err("dependency cycle detected: invalid compose project".to_owned());
            };
            left.retain(|name| **name != next);
            order.push(next);
        }
        Ok(order)
    }

    /// Has the image of a service there.
    pub(super) async fn fetch(&self, service: &str) -> Result<(), String> {
        let image = self.project.image(service);
        let said = self.project.services.get(service);
        let build = said.and_then(|said| said.get("build"));
        let there = self.machine.engine().image(&image).is_some();
        let now = self.machine.now();
        if let Some(build) = build {
            if self.build || !there {
                let context = build.get("context").and_then(Value::as_str).unwrap_or_default();
                let content = self.machine.disk.digest(context).await;
                self.machine.engine().take(&image, &format!("build {build} {content}"), now);
            }
            return Ok(());
        }
        let policy = said.and_then(|said| said.get("pull_policy")).and_then(Value::as_str);
        match policy.unwrap_or(self.pull) {
            "always" => self.machine.pull(&image).await,
            "never" if !there => Err(format!("Error response from daemon: No such image: {image}")),
            _ if there => Ok(()),
            _ => self.machine.pull(&image).await,
        }
    }

    /// Makes networks and volumes that are missing.
    fn things(&self, said: &mut String) -> Result<(), String> {
        let now = self.machine.now();
        let mut engine = self.machine.engine();
        for (kind, all) in [("network", &self.project.networks), ("volume", &self.project.volumes)] {
            for (name, how) in all {
                let full = self.full(name, how);
                let there = match kind {
                    "network" => engine.networks.contains_key(&full),
                    _ => engine.volumes.contains_key(&full),
                };
                if how.get("external").is_some_and(|external| external != &json!(false)) {
                    if !there {
                        return Err(match kind {
                            "network" => format!("network {full} declared as external, but could not be found"),
                            _ => format!("external volume {full:?} not found"),
                        });
                    }
                    continue;
                }
                if there {
                    continue;
                }
                let mut labels = strings(how.get("labels"));
                for (label, value) in [("project", self.project.name.as_str()), (kind, name), ("version", VERSION)] {
                    labels.insert(format!("com.docker.compose.{label}"), value.to_owned());
                }
                let usual = if kind == "network" { "bridge" } else { "local" };
                let driver = how.get("driver").and_then(Value::as_str).unwrap_or(usual).to_owned();
                let options = how.get("driver_opts").cloned().unwrap_or_else(|| json!({}));
                let thing = Thing { id: engine.next_id(kind), labels, driver, options, created: now };
                match kind {
                    "network" => drop(engine.networks.insert(full.clone(), thing)),
                    _ => drop(engine.volumes.insert(full.clone(), thing)),
                }
                said.push_str(&format!(" {} {full}  Created\n", if kind == "network" { "Network" } else { "Volume" }));
            }
        }
        Ok(())
    }

    fn full(&self, name: &str, how: &Value) -> String {
        let external = how.get("external").is_some_and(|external| external != &json!(false));
        match how.get("name").and_then(Value::as_str) {
            Some(own) => own.to_owned(),
            None if external => name.to_owned(),
            None => format!("{}_{name}", self.project.name),
        }
    }

    /// Waits for those that a service depends on.
    async fn await_others(&self, service: &str) -> Result<(), String> {
        if !self.start {
            return Ok(());
        }
        let on = self.project.services.get(service).and_then(|said| said.get("depends_on"));
        let on = on.and_then(Value::as_object).cloned().unwrap_or_default();
        let until = tokio::time::Instant::now() + PATIENCE;
        for (other, how) in on {
            let condition = how.get("condition").and_then(Value::as_str).unwrap_or("service_started").to_owned();
            loop {
                let now = self.machine.now();
                let ready = {
                    let mut engine = self.machine.engine();
                    engine.settle(now);
                    let found = self
                        .of(&engine, &other)
                        .into_iter()
                        .find_map(|id| engine.containers.iter().find(|c| c.id == id).cloned());
                    met(found.as_ref(), &condition, now)
                };
                match ready {
                    Some(Ok(())) => break,
                    Some(Err(why)) => return Err(format!("dependency failed to start: {why}")),
                    None if tokio::time::Instant::now() > until => return Err(format!("{other} is not ready")),
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        }
        Ok(())
    }

    /// The ids of a service's containers.
    fn of(&self, engine: &Engine, service: &str) -> Vec<String> {
        let own = |one: &&Container| {
            one.label("project") == self.project.name
                && one.label("service") == service
                && one.label("oneoff") != "True"
        };
        engine.containers.iter().filter(own).map(|one| one.id.clone()).collect()
    }

    /// Brings one service's containers to what is said.
    async fn service(&self, service: &str, said: &mut String) -> Result<(), String> {
        let Some(Value::Object(how)) = self.project.services.get(service) else { return Ok(()) };
        let count =
            how.get("scale").or_else(|| how.get("deploy")?.get("replicas")).and_then(Value::as_u64).unwrap_or(1);
        for source in binds(how) {
            self.machine.disk.folder_if_missing(&source).await;
        }
        let (hash, now) = (self.project.hash(service), self.machine.now());
        let mut engine = self.machine.engine();
        engine.settle(now);
        let wanted = self.container(&mut engine, service, how, &hash)?;
        let there = self.of(&engine, service);
        for (at, id) in there.iter().enumerate() {
            let Some(one) = engine.containers.iter().find(|one| one.id == *id) else { continue };
            let name = one.name.clone();
            let extra = at as u64 >= count;
            if extra || self.force || one.label("config-hash") != hash || one.image != wanted.image {
                engine.containers.retain(|one| one.id != *id);
                said.push_str(&format!(" Container {name}  {}\n", if extra { "Removed" } else { "Recreate" }));
            }
        }
        for number in 1..=count {
            let text = number.to_string();
            let taken = self
                .of(&engine, service)
                .iter()
                .any(|id| engine.containers.iter().any(|one| one.id == *id && one.label("container-number") == text));
            if !taken {
                self.create(&mut engine, &wanted, number, how, now)?;
            }
        }
        if self.start {
            for id in self.of(&engine, service) {
                start(self.machine, &mut engine, &id, now)?;
                said.push_str(&format!(" Container {id:.12}  Started\n"));
            }
        }
        Ok(())
    }

    fn create(
        &self,
        engine: &mut Engine,
        wanted: &Container,
        number: u64,
        how: &Map<String, Value>,
        now: u64,
    ) -> Result<(), String> {
        let own = how.get("container_name").and_then(Value::as_str);
        let name =
            own.map_or_else(|| format!("{}-{}-{number}", self.project.name, wanted.label("service")), str::to_owned);
        if let Some(other) = engine.containers.iter().find(|one| one.name == name) {
            return Err(format!(
                "Error response from daemon: Conflict. The container name \"/{name}\" is already in use by container \"{}\".",
                other.id
            ));
        }
        let mut one = Container { id: engine.next_id("container"), name, created: now, ..wanted.clone() };
        one.labels.insert("com.docker.compose.container-number".to_owned(), number.to_string());
        engine.containers.push(one);
        Ok(())
    }

    /// What a container of a service is.
    fn container(
        &self,
        engine: &mut Engine,
        service: &str,
        how: &Map<String, Value>,
        hash: &str,
    ) -> Result<Container, String> {
        let tag = self.project.image(service);
        let image = engine.image(&tag).ok_or_else(|| format!("Error response from daemon: No such image: {tag}"))?;
        let mut labels = strings(how.get("labels"));
        for (label, value) in [
            ("project", self.project.name.as_str()),
            ("service", service),
            ("config-hash", hash),
            ("oneoff", "False"),
            ("project.working_dir", self.folder),
            ("project.config_files", &self.files.join(",")),
            ("image", &image),
            ("version", VERSION),
        ] {
            labels.insert(format!("com.docker.compose.{label}"), value.to_owned());
        }
        let env = strings(how.get("environment")).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let list = |key: &str| how.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |value: &Value, key: &str| value.get(key).map(shown).unwrap_or_default();
        let mut ports = Vec::new();
        for port in list("ports") {
            let inside = text(&port, "target").parse().unwrap_or_default();
            let outside = match text(&port, "published").as_str() {
                "" => CHOSEN.saturating_add(u16::try_from(engine.containers.len()).unwrap_or_default()),
                text => text.parse().map_err(|_| format!("invalid hostPort: {text}"))?,
            };
            let protocol =
                Some(text(&port, "protocol")).filter(|text| !text.is_empty()).unwrap_or_else(|| "tcp".to_owned());
            ports.push(Port { inside, protocol, address: text(&port, "host_ip"), outside });
        }
        let volumes = list("volumes");
        let mounts = volumes.iter().map(|volume| {
            let kind = text(volume, "type");
            let source = text(volume, "source");
            let source = match (kind.as_str(), self.project.volumes.get(&source)) {
                ("volume", Some(how)) => self.full(&source, how),
                _ => source,
            };
            let writable = volume.get("read_only").and_then(Value::as_bool) != Some(true);
            Mount { kind, source, target: text(volume, "target"), writable }
        });
        let networks = names(how.get("networks"))
            .map(|name| self.full(name, self.project.networks.get(name).unwrap_or(&Value::Null)));
        let check = how.get("healthcheck").filter(|check| check.get("disable").and_then(Value::as_bool) != Some(true));
        let awaited = self.project.services.values().any(|other| {
            let on = other.get("depends_on").and_then(|on| on.get(service)).and_then(|on| on.get("condition"));
            on.and_then(Value::as_str) == Some("service_completed_successfully")
        });
        Ok(Container {
            id: String::new(),
            name: String::new(),
            tag,
            image,
            labels,
            state: State::Created,
            life: Life::Runs,
            nature: life(how, awaited),
            checked: check.is_some(),
            restarts: 0,
            restart: how
                .get("restart")
                .and_then(Value::as_str)
                .unwrap_or("no")
                .split(':')
                .next()
                .unwrap_or("no")
                .to_owned(),
            created: 0,
            ports,
            mounts: mounts.collect(),
            networks: networks.collect(),
            env,
            log: Vec::new(),
            stopped: false,
        })
    }
}

/// Starts a container that does not run; its ports must be free, on the engine and on the machine.
pub(super) fn start(machine: &Machine, engine: &mut Engine, id: &str, now: u64) -> Result<(), String> {
    let Some(one) = engine.containers.iter().find(|one| one.id == id).cloned() else { return Ok(()) };
    if matches!(one.state, State::Up(_)) {
        return Ok(());
    }
    for port in &one.ports {
        let served = machine.serves().into_iter().find(|served| served.1 == port.outside && port.protocol == "tcp");
        let address = if port.address.is_empty() { "0.0.0.0" } else { &port.address };
        if let Some((_, _, program)) = served {
            return Err(format!(
                "Error response from daemon: driver failed programming external connectivity on endpoint {}: \
                 failed to bind port {address}:{}/tcp: address already in use ({program})",
                one.name, port.outside
            ));
        }
        if engine.holder(port, id).is_some() {
            return Err(format!(
                "Error response from daemon: driver failed programming external connectivity on endpoint {}: \
                 Bind for {address}:{} failed: port is already allocated",
                one.name, port.outside
            ));
        }
    }
    let forced = machine.life_of(&one);
    if let Some(one) = engine.containers.iter_mut().find(|one| one.id == id) {
        one.life = forced.unwrap_or(one.nature);
        one.start(now);
    }
    Ok(())
}

/// Whether a condition on another service is met; none where that shows later.
fn met(one: Option<&Container>, condition: &str, now: u64) -> Option<Result<(), String>> {
    let Some(one) = one else { return Some(Err("it has no container".to_owned())) };
    match (condition, one.state, one.health(now)) {
        ("service_completed_successfully", State::Ended(0, _), _) => Some(Ok(())),
        ("service_completed_successfully", State::Ended(code, _), _) => {
            Some(Err(format!("container {} exited ({code})", one.name)))
        }
        ("service_completed_successfully", ..) => None,
        ("service_healthy", _, Some("healthy")) => Some(Ok(())),
        ("service_healthy", State::Up(_), Some("unhealthy")) => {
            Some(Err(format!("container {} is unhealthy", one.name)))
        }
        ("service_healthy", State::Up(_), None) => {
            Some(Err(format!("container {} has no healthcheck configured", one.name)))
        }
        ("service_healthy", State::Up(_), _) => None,
        ("service_healthy", ..) => Some(Err(format!("container {} exited", one.name))),
        _ => Some(Ok(())),
    }
}

/// How a container lives, by what it runs: there is no other way to tell.
fn life(how: &Map<String, Value>, awaited: bool) -> Life {
    let words = ["entrypoint", "command"].iter().filter_map(|key| how.get(*key)).map(|value| match value {
        Value::Array(words) => words.iter().map(shown).collect::<Vec<_>>().join(" "),
        other => shown(other),
    });
    let line = words.collect::<Vec<_>>().join(" ");
    let line = line.trim().trim_end_matches(['"', '\'']);
    let code = line.rsplit_once("exit ").and_then(|(_, code)| code.trim().parse().ok());
    match (line, code) {
        (_, Some(code)) => Life::Ends(code),
        ("true" | "/bin/true", _) => Life::Ends(0),
        ("false" | "/bin/false", _) => Life::Ends(1),
        _ if awaited => Life::Ends(0),
        _ => Life::Runs,
    }
}

fn binds(how: &Map<String, Value>) -> Vec<String> {
    let all = how.get("volumes").and_then(Value::as_array).into_iter().flatten();
    let binds = all.filter(|volume| volume.get("type").and_then(Value::as_str) == Some("bind"));
    binds.filter_map(|volume| volume.get("source")?.as_str()).map(str::to_owned).collect()
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn strings(value: Option<&Value>) -> BTreeMap<String, String> {
    let all = value.and_then(Value::as_object).into_iter().flatten();
    all.map(|(name, value)| (name.clone(), if value.is_null() { String::new() } else { shown(value) })).collect()
}

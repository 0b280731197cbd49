//! The Docker Engine of a machine: containers, images, volumes and networks, and how containers live. Knows no command
//! line: programs speak to it.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The engine's version.
pub(super) const VERSION: &str = "24.0.7";
/// How long a health check takes until it says something, in milliseconds.
const CHECK: u64 = 150;
/// How often one that ends again and again is started anew, in milliseconds.
const ANEW: u64 = 400;

/// How a container lives once it is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Life {
    /// It runs.
    #[default]
    Runs,
    /// It ends with this code.
    Ends(i64),
    /// It runs, and its health check fails.
    Ailing,
    /// It runs, and its health check comes to no end.
    Unsettled,
}

/// Whether a container is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Created,
    /// Since when, in milliseconds since 1970.
    Up(u64),
    Paused,
    /// With a code, since when.
    Ended(i64, u64),
}

/// A container.
#[derive(Clone, Debug)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) name: String,
    /// The image by name, as it was asked for.
    pub(super) tag: String,
    /// The image's id.
    pub(super) image: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) state: State,
    /// How it lives now: as is its nature, or as a fault has it.
    pub(super) life: Life,
    pub(super) nature: Life,
    pub(super) checked: bool,
    pub(super) restarts: u64,
    /// `no`, `always`, `unless-stopped`, `on-failure`.
    pub(super) restart: String,
    pub(super) created: u64,
    pub(super) ports: Vec<Port>,
    pub(super) mounts: Vec<Mount>,
    pub(super) networks: Vec<String>,
    pub(super) env: Vec<String>,
    pub(super) log: Vec<String>,
    /// Whether somebody stopped it.
    pub(super) stopped: bool,
}

/// A port of a container that is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) inside: u16,
    pub(super) protocol: String,
    /// Empty for every address.
    pub(super) address: String,
    pub(super) outside: u16,
}

/// What a container sees of the machine or of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// `bind` or `volume`.
    pub(super) kind: String,
    pub(super) source: String,
    pub(super) target: String,
    pub(super) writable: bool,
}

/// An image.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) tags: Vec<String>,
    pub(super) created: u64,
    /// In bytes.
    pub(super) size: u64,
}

/// A volume or a network.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) id: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) driver: String,
    pub(super) options: Value,
    pub(super) created: u64,
}

/// All of an engine.
#[derive(Clone, Debug, Default)]
pub(super) struct Engine {
    /// In the order in which they were made.
    pub(super) containers: Vec<Container>,
    /// By id.
    pub(super) images: BTreeMap<String, Image>,
    pub(super) volumes: BTreeMap<String, Thing>,
    pub(super) networks: BTreeMap<String, Thing>,
    /// So that nothing gets an id twice.
    count: u64,
}

/// The name of an image in full: without a tag it is the latest.
pub(super) fn named(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if name.contains('@') || last.contains(':') { name.to_owned() } else { format!("{name}:latest") }
}

/// 64 digits of a text.
pub(super) fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Engine {
    /// An id that nothing has had.
    pub(super) fn next_id(&mut self, of: &str) -> String {
        self.count += 1;
        digest(&format!("{of} {}", self.count))
    }

    /// The id of an image by its name, its id, or the beginning of that.
    pub(super) fn image(&self, name: &str) -> Option<String> {
        let full = named(name);
        let by_tag = self.images.iter().find(|(_, image)| image.tags.contains(&full));
        let bare = name.trim_start_matches("sha256:");
        let by_id =
            || self.images.iter().find(|(id, _)| bare.len() >= 6 && id.trim_start_matches("sha256:").starts_with(bare));
        by_tag.or_else(by_id).map(|(id, _)| id.clone())
    }

    /// Takes an image in under a name; what had the name before keeps only its id.
    pub(super) fn take(&mut self, name: &str, content: &str, now: u64) -> String {
        let id = format!("sha256:{}", digest(content));
        self.tag(&id, &named(name));
        let size = 40_000_000 + u64::from(id.bytes().last().unwrap_or_default()) * 1_000_000;
        let image = self.images.entry(id.clone()).or_insert(Image { tags: Vec::new(), created: now, size });
        image.tags.push(named(name));
        id
    }

    /// Gives a name to an image that is there.
    pub(super) fn tag(&mut self, id: &str, name: &str) {
        for image in self.images.values_mut() {
            image.tags.retain(|tag| tag != name);
        }
        if let Some(image) = self.images.get_mut(id) {
            image.tags.push(name.to_owned());
        }
    }

    /// The container of an id, of the beginning of one, or of a name.
    pub(super) fn container(&mut self, name: &str) -> Option<&mut Container> {
        let bare = name.trim_start_matches('/');
        let at = self.containers.iter().position(|one| one.name == bare);
        let at = at.or_else(|| self.containers.iter().position(|one| bare.len() >= 4 && one.id.starts_with(bare)))?;
        self.containers.get_mut(at)
    }

    /// Who has a port of the machine already.
    pub(super) fn holder(&self, port: &Port, but: &str) -> Option<&Container> {
        let same = |other: &Port| {
            let everywhere = |address: &str| address.is_empty() || address == "0.0.0.0";
            other.outside == port.outside
                && other.protocol == port.protocol
                && (other.address == port.address || everywhere(&other.address) || everywhere(&port.address))
        };
        let up = self.containers.iter().filter(|one| matches!(one.state, State::Up(_)) && one.id != but);
        up.into_iter().find(|one| one.ports.iter().any(same))
    }

    /// Lets time pass: what ends has ended, and is started anew where it is to be.
    pub(super) fn settle(&mut self, now: u64) {
        for one in &mut self.containers {
            let (State::Up(since), Life::Ends(code)) = (one.state, one.life) else { continue };
            let again = match one.restart.as_str() {
                "always" | "unless-stopped" => true,
                "on-failure" => code != 0,
                _ => false,
            };
            match again {
                true => {
                    let ended = now.saturating_sub(since) / ANEW;
                    one.restarts = one.restarts.max(ended + 1);
                }
                false if now.saturating_sub(since) >= CHECK => one.state = State::Ended(code, since + CHECK),
                false => {}
            }
        }
    }

    /// What happens to containers when the machine goes down.
    pub(super) fn power_off(&mut self, now: u64) {
        for one in &mut self.containers {
            if matches!(one.state, State::Up(_) | State::Paused) {
                one.state = State::Ended(255, now);
            }
        }
    }

    /// What happens to them when it comes up.
    pub(super) fn power_on(&mut self, now: u64) {
        for one in &mut self.containers {
            if matches!(one.state, State::Ended(..))
                && !one.stopped
                && ["always", "unless-stopped"].contains(&one.restart.as_str())
            {
                one.start(now);
            }
        }
    }
}

impl Container {
    /// Starts it.
    pub(super) fn start(&mut self, now: u64) {
        self.state = State::Up(now);
        self.stopped = false;
        self.log.push(format!("{} is starting", self.name));
        match self.life {
            Life::Ends(0) => self.log.push("done".to_owned()),
            Life::Ends(code) => self.log.push(format!("fatal: giving up with exit code {code}")),
            Life::Ailing => self.log.push("error: the health check was answered with 500".to_owned()),
            Life::Runs | Life::Unsettled => self.log.push("ready".to_owned()),
        }
    }

    /// Stops it, as somebody who wants that.
    pub(super) fn stop(&mut self, now: u64) {
        if matches!(self.state, State::Up(_) | State::Paused) {
            self.state = State::Ended(0, now);
        }
        self.stopped = true;
    }

    /// Says whether it ends again and again.
    pub(super) fn loops(&self) -> bool {
        matches!((self.state, self.life), (State::Up(_), Life::Ends(_))) && self.restarts > 0
    }

    /// `running`, `exited`, …
    pub(super) fn status(&self) -> &'static str {
        match self.state {
            State::Created => "created",
            State::Up(_) if self.loops() => "restarting",
            State::Up(_) => "running",
            State::Paused => "paused",
            State::Ended(..) => "exited",
        }
    }

    /// What its health check says by now; none without one.
    pub(super) fn health(&self, now: u64) -> Option<&'static str> {
        let State::Up(since) = self.state else { return None };
        let starts = now.saturating_sub(since) < CHECK;
        match (self.checked, self.life) {
            // Whoever makes a container ail means it, whatever its image says.
            (_, Life::Ailing) if !starts => Some("unhealthy"),
            (_, Life::Ailing | Life::Unsettled) => Some("starting"),
            (false, _) => None,
            (true, _) if starts => Some("starting"),
            (true, _) => Some("healthy"),
        }
    }

    /// `Up 2 seconds (healthy)`.
    pub(super) fn words(&self, now: u64) -> String {
        let ago = |since: u64| match now.saturating_sub(since) / 1000 {
            0 => "Less than a second".to_owned(),
            1 => "1 second".to_owned(),
            seconds if seconds < 120 => format!("{seconds} seconds"),
            seconds => format!("{} minutes", seconds / 60),
        };
        match self.state {
            State::Created => "Created".to_owned(),
            State::Paused => "Up 1 second (Paused)".to_owned(),
            State::Up(since) if self.loops() => {
                let code = if let Life::Ends(code) = self.life { code } else { 0 };
                format!("Restarting ({code}) {} ago", ago(since))
            }
            State::Up(since) => match self.health(now) {
                None => format!("Up {}", ago(since)),
                Some("starting") => format!("Up {} (health: starting)", ago(since)),
                Some(health) => format!("Up {} ({health})", ago(since)),
            },
            State::Ended(code, since) => format!("Exited ({code}) {} ago", ago(since)),
        }
    }

    /// One of compose's labels.
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.get(&format!("com.docker.compose.{name}")).map(String::as_str).unwrap_or_default()
    }
}

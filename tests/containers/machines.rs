//! The engine that droplets of tests are containers in, one for all tests that run at a time, with the image of a droplet and
//! small images for what runs on them.

use crate::stacks::engine::{self, Engine};
use driftless::sandbox::{ContainersConfig, HostsConfig};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

pub const IMAGE: &str = "driftless-droplet";
/// What runs on droplets, with what each says of itself.
const SEEDS: [(&str, &str); 2] = [("web:1", "one"), ("web:2", "two")];
/// What `deploy/droplet-image/build` puts together; `tests/run` names its tar by their digest.
const PARTS: [&str; 3] = ["build", "cloud.cfg", "droplet"];

static ALL: Mutex<Weak<Machines>> = Mutex::new(Weak::new());

/// An engine that makes droplets. It ends with the last test that has it.
pub struct Machines {
    pub engine: Engine,
}

impl Machines {
    /// What this machine lacks for it.
    pub fn lacks() -> Option<String> {
        let of_engine = engine::lacks().map(str::to_owned);
        let image = || (!tar().exists()).then(|| format!("{} (tests/run makes it)", tar().display()));
        (!engine::root()).then(|| "root's rights".to_owned()).or(of_engine).or_else(image)
    }

    /// Starts it, or joins the tests that have it; none for a user who is not root, which is said.
    pub fn start() -> Option<Arc<Self>> {
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(machines) = all.upgrade() {
            return Some(machines);
        }
        let engine = Engine::start()?;
        if let Some(what) = Self::lacks() {
            panic!("the tests of droplets as containers need {what}");
        }
        let settings = Command::new(folder().join("build")).arg("--settings").output().expect("it runs").stdout;
        let settings = String::from_utf8(settings).expect("text");
        let tar = tar().display().to_string();
        engine.say(&[&["import"], &settings.lines().collect::<Vec<_>>()[..], &[&tar, IMAGE]].concat());
        SEEDS.iter().for_each(|(name, says)| engine.image(name, says));
        let machines = Arc::new(Self { engine });
        *all = Arc::downgrade(&machines);
        Some(machines)
    }

    /// How a simulator is told to make its droplets here.
    pub fn hosts(&self) -> HostsConfig {
        self.hosts_of(IMAGE, &SEEDS.map(|(name, _)| name))
    }

    /// The same from this image, with these images for their own engines.
    pub fn hosts_of(&self, image: &str, seeds: &[&str]) -> HostsConfig {
        let seeds = seeds.iter().map(|name| (*name).into()).collect();
        let containers = ContainersConfig { image: image.to_owned(), seeds, docker: Some(self.engine.address()) };
        HostsConfig { containers: Some(containers), ..HostsConfig::default() }
    }

    /// The container behind a droplet, and its address on the wire of all droplets.
    pub fn of(&self, sandbox: &str, droplet: &str) -> (String, String) {
        let told = hosts(sandbox);
        let all = told["hosts"].as_array().expect("hosts");
        let found = all.iter().find(|host| host["name"] == droplet).unwrap_or_else(|| panic!("{droplet}: {told}"));
        let container = found["container"].as_str().expect("a name").to_owned();
        let form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let address = self.engine.say(&["inspect", "-f", form, &container]);
        (container, address)
    }

    /// The network that is the wire of a simulator's droplets.
    pub fn network(&self, sandbox: &str) -> String {
        hosts(sandbox)["network"].as_str().expect("a name").to_owned()
    }
}

/// What a simulator tells of its hosts.
fn hosts(sandbox: &str) -> serde_json::Value {
    let asked = Command::new("curl").args(["-sSf", &format!("{sandbox}/sandbox/hosts")]).output().expect("curl runs");
    serde_json::from_slice(&asked.stdout).unwrap_or_else(|error| panic!("{error}: {asked:?}"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/droplet-image")
}

/// Where `tests/run` keeps the image's file system.
fn tar() -> PathBuf {
    let mut digest = Sha256::new();
    PARTS.iter().for_each(|part| digest.update(std::fs::read(folder().join(part)).expect(part)));
    let digest: String = digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"))).expect("a home");
    cache.join("driftless-test").join(format!("droplet-{digest}.tar"))
}

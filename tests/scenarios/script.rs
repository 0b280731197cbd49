//! The format of a scenario file, and nothing of what it means.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A story: what happens, step by step, and what the controller is expected to make of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows and why that matters.
    #[allow(dead_code, reason = "for those who read the file")]
    pub about: String,
    /// Whether it goes the same with the journal lost between steps; where not, the file says why beside it.
    #[serde(default = "yes")]
    pub survives: bool,
    /// What the controller itself runs on: `self` of its settings.
    #[serde(default, rename = "self")]
    pub runs_on: Option<String>,
    /// Whether droplets are simulated hosts. `{public key}` in a commit is then that of the secret `ssh.ops`.
    #[serde(default)]
    pub hosts: bool,
    pub steps: Vec<Step>,
    #[serde(skip)]
    pub path: PathBuf,
}

/// One step: everything that happens, in the order of these fields, and then what the controller plans and leaves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What happens, in a sentence.
    pub step: String,
    /// Time that passes first, such as `61s`, `25h`.
    pub wait: Option<String>,
    /// The controller is stopped and started over the same journal.
    #[serde(default)]
    pub restart: bool,
    /// Its journal is lost, too.
    pub memory: Option<Memory>,
    /// From now on its token is one of this team (`ours` again for the first).
    pub team: Option<String>,
    /// Requests of somebody in the control panel: `METHOD /path: body`.
    #[serde(default, rename = "by hand")]
    pub by_hand: Vec<BTreeMap<String, Value>>,
    /// Scripts that somebody runs on simulated hosts as root: `erp: docker stop odoo-web-1`, by the droplet's name.
    #[serde(default, rename = "on host")]
    pub on_host: Vec<BTreeMap<String, String>>,
    /// Files by path, written whole; `null` removes one.
    #[serde(default)]
    pub commit: BTreeMap<String, Option<String>>,
    /// Files by path, each text replaced by another.
    #[serde(default)]
    pub edit: BTreeMap<String, BTreeMap<String, String>>,
    /// Held changes that somebody approves: `Kind/name`, or a change such as `Domain/example.com#erp A update`.
    #[serde(default)]
    pub approve: Vec<String>,
    /// Resources that somebody pauses by hand.
    #[serde(default)]
    pub pause: Vec<String>,
    /// Resources whose pause somebody ends.
    #[serde(default)]
    pub resume: Vec<String>,
    /// Somebody wants it done now: the first look passes over sync windows.
    #[serde(default)]
    pub now: bool,
    /// Faults of the simulator, in force for this step.
    #[serde(default)]
    pub faults: Vec<String>,
    /// A request during which the controller dies, and with it the step; the next one starts it over the same journal.
    pub crash: Option<String>,
    /// The plan of the first look.
    #[serde(default = "nothing")]
    pub plan: String,
    /// What is not well once nothing goes on any more: what failed, and what still stands in the plan.
    #[serde(default = "nothing")]
    pub then: String,
    /// What was sent, request by request; not compared where it is left out.
    pub sent: Option<String>,
    /// What exists afterwards; not compared where it is left out.
    pub world: Option<String>,
    /// What a script says on a simulated host afterwards: `erp: {docker ps -q | wc -l: "2"}`.
    #[serde(default)]
    pub seen: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    Lost,
}

fn yes() -> bool {
    true
}

/// What is expected where a file says nothing.
pub fn nothing() -> String {
    "nothing".to_owned()
}

impl Scenario {
    /// Reads a file; the test fails where it is no scenario.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a file");
        let scenario: Self =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path: path.to_owned(), ..scenario }
    }
}

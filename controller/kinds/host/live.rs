//! A host as it was seen, in words that all kinds share, and one change's work on it.

use super::registries::Login;
use super::spec::{Machine, Package, Registry};
use crate::model::{Fact, Key, Output};
use crate::ports::host::survey::{Certificate, Survey};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A host as it was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// How its document would know it.
    pub key: String,
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// The fingerprint of its key; none for the controller's own machine.
    pub fingerprint: Option<String>,
    /// How its logins compare with those that its document wants, by registry.
    pub logins: BTreeMap<String, Login>,
    /// What was seen of it; none where it is only remembered, its document being gone.
    pub survey: Option<Arc<Survey>>,
}

/// Which machine it is, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The machine: a droplet's id, an address, `local`.
    pub machine: String,
    /// Where it is connected to.
    pub at: String,
    /// Its public address.
    pub public: Option<String>,
    /// Its address in its own network.
    pub private: Option<String>,
    /// Its public IPv6 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v6: Option<String>,
}

/// One change's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub enum Step {
    /// Waits until a new machine can be worked on; takes its key at first contact where nobody has named one.
    MakeReady {
        /// Where it is.
        place: Place,
    },
    /// Installs programs from the distribution's packages.
    Install {
        /// Which.
        packages: BTreeSet<Package>,
    },
    /// Lets keys in.
    Authorize {
        /// Their lines.
        lines: Vec<String>,
    },
    /// Writes a file of settings.
    Write {
        /// Its path.
        path: String,
        /// What is in it.
        text: String,
        /// The service that is started anew afterwards.
        then: Option<String>,
    },
    /// Logs Docker in to a registry.
    Login {
        /// Where, as whom, and by which secret.
        registry: Registry,
    },
    /// Removes images that no container uses.
    Prune {
        /// Their ids.
        images: Vec<String>,
    },
    /// Lets go of it; nothing is sent.
    Release,
}

/// A disk that is fuller than this is worth a word.
pub(super) const FULL: u64 = 80;

impl State {
    pub(super) fn key_of(machine: &Machine) -> String {
        machine.key().0
    }
    pub(super) fn keys(&self) -> Vec<Key> {
        vec![Key(self.key.clone())]
    }
}

pub(super) fn outputs(state: &State) -> BTreeMap<Output, String> {
    let mut outputs = BTreeMap::from([(Output::Id, state.place.machine.clone()), (Output::Name, state.name.clone())]);
    outputs.extend(state.place.public.clone().map(|address| (Output::Address, address)));
    outputs.extend(state.place.private.clone().map(|address| (Output::PrivateAddress, address)));
    // As records have it.
    let v6 = state.place.v6.as_ref().and_then(|address| address.parse::<std::net::Ipv6Addr>().ok());
    outputs.extend(v6.map(|address| (Output::AddressV6, address.to_string())));
    outputs.extend(state.survey.as_ref().map(|survey| (Output::Nginx, nginx(survey))));
    outputs
}

/// What sites that are not there yet have to know of their host.
fn nginx(survey: &Survey) -> String {
    let times = |c: &Certificate| serde_json::json!({"names": c.names, "from": c.from, "until": c.until});
    let certificates = survey.certificates.iter().filter_map(|(path, c)| Some((path.clone(), times(c.as_ref().ok()?))));
    let certificates: BTreeMap<String, serde_json::Value> = certificates.collect();
    serde_json::json!({"version": survey.nginx, "certificates": certificates, "missing": survey.missing}).to_string()
}

/// Facts change when the host does, not from look to look: nothing in them counts up.
pub(super) fn facts(state: &State) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(state.place.public.clone().map(Fact::Address));
    facts.extend(state.place.private.clone().map(Fact::PrivateAddress));
    let Some(survey) = &state.survey else { return facts };
    if survey.memory.0 > 0 {
        let gib = survey.memory.0.div_ceil(1 << 20);
        let processors = match survey.processors {
            1 => "1 processor".to_owned(),
            many => format!("{many} processors"),
        };
        facts.push(Fact::Size(format!("{processors}, {gib} GiB")));
    }
    let mut runs = vec![survey.os.clone()];
    match &survey.engine {
        Some(Ok(version)) => runs.push(format!("Docker {version}")),
        Some(Err(_)) => facts.push(Fact::Ails("Docker does not answer".to_owned())),
        None => {}
    }
    runs.extend(survey.compose.as_ref().map(|version| format!("Compose {version}")));
    runs.extend(survey.nginx.as_ref().map(|version| format!("nginx {version}")));
    facts.extend(runs.into_iter().filter(|text| !text.is_empty()).map(Fact::Runs));
    facts.extend(ails(survey).into_iter().map(|(_, text)| Fact::Ails(text)));
    facts
}

/// What a person should look after, by a stable word and in words that stay the same as long as it is so.
pub(super) fn ails(survey: &Survey) -> Vec<(&'static str, String)> {
    let mut ails = Vec::new();
    for (mount, disk) in &survey.disks {
        let step = |percent: u64| percent / 5 * 5;
        if disk.percent() > FULL {
            ails.push(("disk-full", format!("the disk {mount} is over {} % full", step(disk.percent() - 1))));
        }
        let (all, used) = disk.inodes;
        if all > 0 && used * 100 / all > FULL {
            ails.push((
                "inodes-full",
                format!("the disk {mount} has used over {} % of its inodes", step(used * 100 / all - 1)),
            ));
        }
    }
    if let Some(packages) = &survey.reboot {
        let why = if packages.is_empty() { String::new() } else { format!(" for {}", packages.join(", ")) };
        ails.push(("reboot-pending", format!("it wants to be started anew{why}")));
    }
    ails
}

//! Two small kinds that look like real ones: a network and a machine in it.

#![expect(dead_code, reason = "some fields are only there for their schema")]

use crate::model::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A network.
pub struct Vpc;
/// A machine.
pub struct Droplet;

/// A private network.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VpcSpec {
    /// The name that the provider shows. Default metadata.name.
    pub name: Option<String>,
    /// The region, such as sgp1.
    pub region: String,
    /// The range in CIDR form.
    #[schemars(regex(pattern = r"^[0-9.]+/[0-9]+$"), extend("patternErrorMessage" = "a range, such as 10.114.0.0/16"))]
    pub ip_range: Option<String>,
}

/// A virtual machine.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DropletSpec {
    /// The name that the provider shows. Default metadata.name.
    pub name: Option<String>,
    /// The region, such as sgp1.
    #[schemars(regex(pattern = r"^([a-z]{3}[0-9]|no)$"))]
    pub region: String,
    /// The size, such as s-2vcpu-4gb. It can grow in place.
    pub size: String,
    /// The network that it lies in.
    pub vpc: Option<String>,
    /// Backups: true, false, or when.
    pub backups: Option<Backups>,
    /// Whether the agent is installed.
    #[serde(default)]
    pub monitoring: bool,
    /// Tags of the provider.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What runs at the first boot.
    pub user_data: Option<UserData>,
    /// Ports that are open.
    #[serde(default)]
    pub open: Vec<Rule>,
    /// What names it.
    #[serde(default)]
    pub records: Vec<Record>,
}

/// When backups are made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Backups {
    /// On or off.
    Switch(bool),
    /// With a plan.
    Plan(BackupPlan),
}

/// A backup plan.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackupPlan {
    /// daily | weekly.
    pub plan: Often,
    /// The hour in UTC.
    #[schemars(range(min = 0, max = 20))]
    pub hour: Option<u8>,
    /// The day of the month.
    #[schemars(extend("enum" = [1, 15, null]))]
    pub day: Option<u8>,
}

/// How often.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Often {
    /// Each day.
    Daily,
    /// Each week.
    Weekly,
}

/// Text or a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum UserData {
    /// Inline.
    Text(String),
    /// A file of the repo.
    File(FileRef),
}

/// A file of the repo.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileRef {
    /// The path from the repo's root.
    pub file: String,
}

/// A port and who may reach it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The port.
    pub port: u16,
    /// Who: any, or {vpc: name}.
    pub from: Vec<Peer>,
}

/// Who may reach a port.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Peer {
    /// any.
    Any(Anyone),
    /// A network.
    Vpc(VpcRef),
    /// A machine.
    Droplet(DropletRef),
}

/// Everybody.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Anyone {
    /// The world.
    Any,
}

/// A network by name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VpcRef {
    /// Its name.
    pub vpc: String,
}

/// A machine by name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DropletRef {
    /// Its name.
    pub droplet: String,
}

/// A record.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "type", deny_unknown_fields)]
pub enum Record {
    /// An address.
    A {
        /// The address.
        value: String,
    },
    /// A mail server.
    MX {
        /// The server.
        value: String,
        /// The lower the better.
        priority: u16,
    },
}

/// What is wanted.
#[derive(Debug, Serialize)]
pub struct Want {
    pub name: String,
    pub region: String,
    pub needs: Vec<(String, String, String)>,
    pub text: Option<String>,
}

impl Kind for Vpc {
    const NAME: &'static str = "Vpc";
    const ABOUT: &'static str = "A private network.";
    type Spec = VpcSpec;
    type Want = Want;
    type State = ();
    type Step = ();
    fn desire(id: &ResourceId, spec: &VpcSpec, _: &EstateView<'_>) -> Result<Want, Vec<Complaint>> {
        if spec.region.len() != 4 {
            let message = format!("{:?} is no region", spec.region);
            return Err(vec![Complaint::at("spec.region", message, "expected four letters, such as sgp1")]);
        }
        let name = spec.name.clone().unwrap_or_else(|| id.name.clone());
        Ok(Want { name, region: spec.region.clone(), needs: Vec::new(), text: spec.ip_range.clone() })
    }
    fn check(all: &[(&ResourceId, &Want)]) -> Vec<(ResourceId, Complaint)> {
        let mut seen: BTreeMap<&str, &ResourceId> = BTreeMap::new();
        let mut found = Vec::new();
        for (id, want) in all {
            let Some(range) = want.text.as_deref() else { continue };
            match seen.get(range) {
                Some(other) => {
                    let message = format!("{id} overlaps {other}");
                    found.push(((*id).clone(), Complaint::at("spec.ipRange", message, "the same range")));
                }
                None => {
                    seen.insert(range, id);
                }
            }
        }
        found
    }
    fn needs(_: &Want) -> Vec<Need> {
        Vec::new()
    }
    fn keys(want: &Want) -> Vec<Key> {
        vec![Key(want.name.clone())]
    }
    fn keys_of(_: &()) -> Vec<Key> {
        Vec::new()
    }
    fn title(_: &()) -> String {
        String::new()
    }
    fn outputs(_: &()) -> BTreeMap<Output, String> {
        BTreeMap::new()
    }
    fn diff(_: &Diff<'_, Self>) -> Diffed<()> {
        Diffed::default()
    }
}

impl Kind for Droplet {
    const NAME: &'static str = "Droplet";
    const ABOUT: &'static str = "A virtual machine.";
    type Spec = DropletSpec;
    type Want = Want;
    type State = ();
    type Step = ();
    fn files(spec: &DropletSpec) -> Vec<FileNeed> {
        match &spec.user_data {
            Some(UserData::File(f)) => vec![FileNeed { file: f.file.clone(), path: "spec.userData.file".into() }],
            _ => Vec::new(),
        }
    }
    fn desire(id: &ResourceId, spec: &DropletSpec, estate: &EstateView<'_>) -> Result<Want, Vec<Complaint>> {
        let mut needs = Vec::new();
        if let Some(vpc) = &spec.vpc {
            needs.push(("Vpc".to_owned(), vpc.clone(), "spec.vpc".to_owned()));
        }
        for (r, rule) in spec.open.iter().enumerate() {
            for (f, peer) in rule.from.iter().enumerate() {
                match peer {
                    Peer::Vpc(v) => needs.push(("Vpc".into(), v.vpc.clone(), format!("spec.open[{r}].from[{f}].vpc"))),
                    Peer::Droplet(d) => {
                        needs.push(("Droplet".into(), d.droplet.clone(), format!("spec.open[{r}].from[{f}].droplet")));
                    }
                    Peer::Any(_) => {}
                }
            }
        }
        let text = match &spec.user_data {
            Some(UserData::File(f)) => estate.text(&f.file).map(str::to_owned),
            Some(UserData::Text(t)) => Some(t.clone()),
            None => None,
        };
        let name = spec.name.clone().unwrap_or_else(|| id.name.clone());
        Ok(Want { name, region: spec.region.clone(), needs, text })
    }
    fn needs(want: &Want) -> Vec<Need> {
        want.needs
            .iter()
            .map(|(kind, name, path)| Need {
                on: ResourceId::new(kind.clone(), name.clone()),
                path: path.clone(),
                verb: if kind == "Vpc" && path == "spec.vpc" { "lies in" } else { "lets in from" },
            })
            .collect()
    }
    fn keys(want: &Want) -> Vec<Key> {
        vec![Key(want.name.clone())]
    }
    fn keys_of(_: &()) -> Vec<Key> {
        Vec::new()
    }
    fn title(_: &()) -> String {
        String::new()
    }
    fn outputs(_: &()) -> BTreeMap<Output, String> {
        BTreeMap::new()
    }
    fn diff(_: &Diff<'_, Self>) -> Diffed<()> {
        Diffed::default()
    }
}

/// Both of them.
pub fn both() -> [&'static dyn AnyKind; 2] {
    [&const { Of::<Vpc>::new() }, &const { Of::<Droplet>::new() }]
}

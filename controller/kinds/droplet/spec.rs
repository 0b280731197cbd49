//! What a user writes for a droplet. The comments here are the help texts and the editors' hints; no meaning is decided.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A virtual machine. image, userData, sshKeys and monitoring act when it is made: a later change of them is a note in the plan, unless replaceOn names the field.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The name that DigitalOcean shows, and the host name: letters, digits, dashes and periods. Changes in place. Default: metadata.name.
    #[serde(default)]
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[a-zA-Z0-9]?[a-z0-9A-Z.\-]*[a-z0-9A-Z]$"))]
    pub name: Option<String>,
    /// The region's slug, such as sgp1. It cannot change in place.
    #[schemars(regex(pattern = r"^[a-z]{2,4}[0-9]{1,2}$"))]
    pub region: String,
    /// The size's slug, such as s-2vcpu-4gb. A change is a resize: the droplet is off for 1–2 minutes.
    #[schemars(length(max = 100), regex(pattern = r"^[a-z0-9][a-z0-9.\-]*$"))]
    pub size: String,
    /// The slug of a public image, such as ubuntu-22-04-x64, or the number of any image, such as a snapshot. Acts when the droplet is made.
    pub image: ImageSpec,
    /// The name of the Vpc document of the network that it is in. It cannot change in place. Default: the region's default network.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub vpc: Option<String>,
    /// The names of the SshKey documents that may log in as root. Acts when the droplet is made.
    #[serde(default)]
    pub ssh_keys: Vec<String>,
    /// Whether it is backed up, or when: true, false, or {plan: weekly, weekday: SUN, hour: 4}. Weekly backups cost 20 % of the droplet's price, daily ones 30 %. Default: false.
    #[serde(default)]
    pub backups: BackupsSpec,
    /// Whether DigitalOcean's monitoring agent is put in. Acts when the droplet is made. Default: false.
    #[serde(default)]
    pub monitoring: bool,
    /// Whether it has a public IPv6 address. It can be turned on in place, and never off. Default: false.
    #[serde(default)]
    pub ipv6: bool,
    /// Its tags: letters, digits, underscores, dashes and colons, case ignored. Other tags are taken off, but for those of Kubernetes (k8s…), of DigitalOcean (do:…) and markers. Default: none.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 255), regex(pattern = r"^[a-zA-Z0-9_\-\:]+$")))]
    pub tags: Vec<String>,
    /// What cloud-init does at the first start: the text, or {file: …} from the root of the repository, at most 64 KiB. Processes on the droplet can read it: no secrets. Acts when the droplet is made.
    #[serde(default)]
    pub user_data: Option<DataSpec>,
    /// Whether a resize grows the disk too. It cannot be undone: a droplet never goes back to a size with a smaller disk. Default: false.
    #[serde(default)]
    pub resize_disk: bool,
    /// Which changes make a new droplet in place of the old one: image, userData, sshKeys, monitoring, region, vpc, ipv6. A replacement destroys the disk and waits for an approval. Default: none.
    #[serde(default)]
    pub replace_on: BTreeSet<ReplaceOn>,
}

/// An image, by slug or number.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ImageSpec {
    /// The number of any image, such as a snapshot.
    Id(#[schemars(range(min = 1))] u64),
    /// The slug of a public image.
    Slug(#[schemars(length(max = 255), regex(pattern = r"^[a-zA-Z0-9][a-zA-Z0-9._\-]*$"))] String),
}

/// Whether and when a droplet is backed up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum BackupsSpec {
    /// On, at a time that DigitalOcean picks and that is then left as it is; or off.
    On(bool),
    /// On, at these times.
    At(PolicySpec),
}

impl Default for BackupsSpec {
    fn default() -> Self {
        Self::On(false)
    }
}

/// When a droplet is backed up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicySpec {
    /// weekly (kept for four weeks) or daily (kept for a week).
    pub plan: Plan,
    /// The day of weekly backups: SUN to SAT. Default: DigitalOcean picks, and any is right.
    #[serde(default)]
    pub weekday: Option<Weekday>,
    /// The hour in UTC at which the four hours begin in which it is made: 0, 4, 8, 12, 16 or 20. Default: DigitalOcean picks, and any is right.
    #[serde(default)]
    #[schemars(extend("enum" = [0, 4, 8, 12, 16, 20, null]))]
    pub hour: Option<u8>,
}

/// How often backups are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    /// Every day, kept for a week.
    Daily,
    /// Every week, kept for four weeks.
    Weekly,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Weekday {
    /// Sunday.
    Sun,
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
}

/// What cloud-init gets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DataSpec {
    /// The text itself.
    Text(#[schemars(length(min = 1, max = 65536))] String),
    /// A file of the repository.
    File(FileSpec),
}

/// Names a file of the repository.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileSpec {
    /// The path from the root of the repository.
    #[schemars(length(min = 1))]
    pub file: String,
}

/// A field whose change may replace the droplet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReplaceOn {
    /// The image.
    Image,
    /// What cloud-init gets.
    UserData,
    /// The keys that may log in at first.
    SshKeys,
    /// The monitoring agent.
    Monitoring,
    /// The region.
    Region,
    /// The network.
    Vpc,
    /// IPv6, to turn it off.
    Ipv6,
}

impl ReplaceOn {
    /// The field as documents name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::UserData => "userData",
            Self::SshKeys => "sshKeys",
            Self::Monitoring => "monitoring",
            Self::Region => "region",
            Self::Vpc => "vpc",
            Self::Ipv6 => "ipv6",
        }
    }
}

//! Droplets: `/v2/droplets`. It tells both types, and never deletes by tag.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::call::{Call, Need};
use super::list::{Id, Listed};
use super::wire::or_default;
use super::{Client, Result};

const NEED: Need = Need::of("droplet", "Droplet");

/// A droplet as DigitalOcean tells it. User data and SSH keys are never told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Droplet {
    /// DigitalOcean's id.
    pub id: u64,
    /// Its name, which need not be unique.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Whether it runs.
    #[serde(default, deserialize_with = "or_default")]
    pub status: DropletStatus,
    /// Whether an event holds it.
    #[serde(default, deserialize_with = "or_default")]
    pub locked: bool,
    /// The slug of its size.
    #[serde(default, deserialize_with = "or_default")]
    pub size_slug: String,
    /// Its size with the price.
    #[serde(default)]
    pub size: Option<DropletSize>,
    /// Memory in MB.
    #[serde(default, deserialize_with = "or_default")]
    pub memory: u64,
    /// Virtual processors.
    #[serde(default, deserialize_with = "or_default")]
    pub vcpus: u64,
    /// Disk in GB; it may be smaller than its size's after a resize without disk.
    #[serde(default, deserialize_with = "or_default")]
    pub disk: u64,
    /// Where it is.
    #[serde(default, deserialize_with = "or_default")]
    pub region: DropletRegion,
    /// What it was made from.
    #[serde(default, deserialize_with = "or_default")]
    pub image: DropletImage,
    /// What is on, such as `backups`, `ipv6`, `monitoring`.
    #[serde(default, deserialize_with = "or_default")]
    pub features: Vec<String>,
    /// Its tags, in the spelling each was first used in.
    #[serde(default, deserialize_with = "or_default")]
    pub tags: Vec<String>,
    /// The network it is in.
    #[serde(default)]
    pub vpc_uuid: Option<String>,
    /// Its addresses; none while it is new.
    #[serde(default, deserialize_with = "or_default")]
    pub networks: DropletNetworks,
    /// The volumes attached.
    #[serde(default, deserialize_with = "or_default")]
    pub volume_ids: Vec<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: String,
}

/// Whether a droplet runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DropletStatus {
    /// Being made.
    New,
    /// Running.
    Active,
    /// Off; it still costs.
    Off,
    /// Archived.
    Archive,
    /// A status that this version does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A droplet's size with its price.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct DropletSize {
    /// Its slug.
    #[serde(deserialize_with = "or_default")]
    pub slug: String,
    /// US dollars a month.
    #[serde(deserialize_with = "or_default")]
    pub price_monthly: f64,
    /// US dollars an hour.
    #[serde(deserialize_with = "or_default")]
    pub price_hourly: f64,
}

/// Where a droplet is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct DropletRegion {
    /// The region's slug.
    #[serde(deserialize_with = "or_default")]
    pub slug: String,
}

/// What a droplet was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct DropletImage {
    /// The image's id at that time.
    #[serde(deserialize_with = "or_default")]
    pub id: u64,
    /// The slug of a public image; null once it is retired.
    pub slug: Option<String>,
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Its distribution.
    #[serde(deserialize_with = "or_default")]
    pub distribution: String,
}

/// A droplet's addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct DropletNetworks {
    /// IPv4.
    #[serde(deserialize_with = "or_default")]
    pub v4: Vec<DropletNetwork>,
    /// IPv6.
    #[serde(deserialize_with = "or_default")]
    pub v6: Vec<DropletNetwork>,
}

/// One address of a droplet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct DropletNetwork {
    /// The address.
    #[serde(deserialize_with = "or_default")]
    pub ip_address: String,
    /// `public` or `private`.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
}

/// When backups are made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackupPolicy {
    /// `daily` or `weekly`.
    #[serde(deserialize_with = "or_default")]
    pub plan: String,
    /// `SUN` to `SAT`, for `weekly`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekday: Option<String>,
    /// 0, 4, 8, 12, 16 or 20, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hour: Option<u8>,
}

/// Whether and when one droplet is backed up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DropletBackups {
    /// The droplet.
    pub droplet_id: u64,
    /// Whether it is backed up.
    #[serde(default, deserialize_with = "or_default")]
    pub backup_enabled: bool,
    /// When.
    #[serde(default)]
    pub backup_policy: Option<BackupPolicy>,
}

/// What a new droplet shall be.
#[derive(Debug, Clone, Serialize)]
pub struct DropletCreate {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Its size.
    pub size: String,
    /// Its image.
    pub image: ImageRef,
    /// The keys that may log in as root.
    pub ssh_keys: Vec<KeyRef>,
    /// Its network; the region's default where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_uuid: Option<String>,
    /// Its tags, made as needed; DigitalOcean puts them on after it has made the droplet.
    pub tags: Vec<String>,
    /// Whether it is backed up.
    pub backups: bool,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_policy: Option<BackupPolicy>,
    /// Whether it has an IPv6 address.
    pub ipv6: bool,
    /// Whether DigitalOcean's monitoring agent is put in.
    pub monitoring: bool,
    /// What cloud-init shall do; it may hold secrets, so it never prints.
    #[serde(serialize_with = "exposed", skip_serializing_if = "Option::is_none")]
    pub user_data: Option<SecretString>,
    /// The volumes to attach.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// Whether it has a public address; DigitalOcean says yes where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_networking: Option<bool>,
    /// Whether the console agent is put in: must, must not, or if it fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_droplet_agent: Option<bool>,
}

/// Names an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ImageRef {
    /// A public image by slug.
    Slug(String),
    /// Any image by id.
    Id(u64),
}

/// Names an SSH key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum KeyRef {
    /// By id.
    Id(u64),
    /// By MD5 fingerprint.
    Fingerprint(String),
}

/// A droplet that DigitalOcean has taken on to make.
#[derive(Debug, Clone, PartialEq)]
pub struct CreatedDroplet {
    /// The droplet, still without addresses.
    pub droplet: Droplet,
    /// The action that makes it.
    pub action: Option<u64>,
}

fn exposed<S: Serializer>(data: &Option<SecretString>, to: S) -> Result<S::Ok, S::Error> {
    data.as_ref().map(|data| data.expose_secret()).serialize(to)
}

impl Listed for Droplet {
    const KEY: &'static str = "droplets";

    fn id(&self) -> Id<'_> {
        Id::Number(self.id)
    }
}

impl Listed for DropletBackups {
    const KEY: &'static str = "policies";

    fn id(&self) -> Id<'_> {
        Id::Number(self.droplet_id)
    }
}

#[derive(Deserialize)]
struct Answer {
    droplet: Droplet,
    #[serde(default, deserialize_with = "or_default")]
    links: Links,
}

#[derive(Deserialize)]
struct PolicyAnswer {
    policy: DropletBackups,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Links {
    #[serde(deserialize_with = "or_default")]
    actions: Vec<Link>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Link {
    #[serde(deserialize_with = "or_default")]
    id: u64,
    #[serde(deserialize_with = "or_default")]
    rel: String,
}

impl Client {
    /// Lists all droplets, those with a GPU too, in the order of their ids.
    ///
    /// DigitalOcean's plain list leaves out GPU droplets. A failure to read either list is a
    /// failure of the whole: a droplet that is not seen would be made again.
    pub async fn droplets(&self) -> Result<Vec<Droplet>> {
        let plain = self.list::<Droplet>(Call::get(&["droplets"], NEED));
        let gpus = self.list::<Droplet>(Call::get(&["droplets"], NEED).query("type", "gpus"));
        let (plain, gpus) = futures::try_join!(plain, gpus)?;
        let all = plain.into_iter().chain(gpus);
        let by_id: BTreeMap<u64, Droplet> = all.map(|droplet| (droplet.id, droplet)).collect();
        Ok(by_id.into_values().collect())
    }

    /// Reads one droplet of either type.
    pub async fn droplet(&self, id: u64) -> Result<Option<Droplet>> {
        let call = Call::get(&["droplets", &id.to_string()], NEED);
        let answer: Option<Answer> = self.look_up(&call).await?;
        Ok(answer.map(|answer| answer.droplet))
    }

    /// Has a droplet made. Names are not unique, so it is never sent twice.
    pub async fn create_droplet(&self, droplet: &DropletCreate) -> Result<CreatedDroplet> {
        let call = Call::create(&["droplets"], NEED).body(droplet);
        let answer: Answer = self.ask(&call).await?;
        let create = answer.links.actions.iter().find(|link| link.rel == "create");
        Ok(CreatedDroplet { action: create.map(|link| link.id), droplet: answer.droplet })
    }

    /// Destroys a droplet and its disk.
    pub async fn delete_droplet(&self, id: u64) -> Result<()> {
        self.remove(&Call::delete(&["droplets", &id.to_string()], NEED)).await
    }

    /// Reads one droplet's backup policy.
    pub async fn backup_policy(&self, id: u64) -> Result<Option<DropletBackups>> {
        let call = Call::get(&["droplets", &id.to_string(), "backups", "policy"], NEED);
        let answer: Option<PolicyAnswer> = self.look_up(&call).await?;
        Ok(answer.map(|answer| answer.policy))
    }

    /// Lists all droplets' backup policies at once.
    pub async fn backup_policies(&self) -> Result<Vec<DropletBackups>> {
        self.list(Call::get(&["droplets", "backups", "policies"], NEED)).await
    }
}

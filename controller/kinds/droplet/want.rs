//! What a droplet's document means: defaults filled, files read, everything that DigitalOcean would refuse refused.

use super::spec::{BackupsSpec, DataSpec, FileSpec, ImageSpec, Plan, ReplaceOn, Spec, Weekday};
use crate::model::{Complaint, Digest, EstateView, Need, ResourceId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A droplet in canonical words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    /// The name.
    pub name: String,
    /// The region's slug.
    pub region: String,
    /// The size's slug.
    pub size: String,
    /// The image.
    pub image: Image,
    /// The Vpc document; the region's default network where there is none.
    pub vpc: Option<ResourceId>,
    /// The SshKey documents, each once, in the document's order.
    pub ssh_keys: Vec<ResourceId>,
    /// Whether and when it is backed up.
    pub backups: Backups,
    /// Whether the monitoring agent is put in.
    pub monitoring: bool,
    /// Whether it has an IPv6 address.
    pub ipv6: bool,
    /// Its tags in the document's spelling, sorted without regard to case, each once.
    pub tags: Vec<String>,
    /// What cloud-init gets.
    pub user_data: Option<UserData>,
    /// Whether a resize grows the disk.
    pub resize_disk: bool,
    /// Which changes replace it.
    pub replace_on: BTreeSet<ReplaceOn>,
}

/// An image, by slug or number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Image {
    /// Any image.
    Id(u64),
    /// A public one.
    Slug(String),
}

impl std::fmt::Display for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Slug(slug) => f.write_str(slug),
        }
    }
}

/// Whether a droplet is backed up, and when where that is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Backups {
    /// Not at all.
    Off,
    /// It is; at any time where there is no schedule.
    On(Option<Schedule>),
}

/// When backups are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// How often.
    pub plan: Plan,
    /// The day; any where it is not said. None for daily ones.
    pub weekday: Option<Weekday>,
    /// The hour in UTC; any where it is not said.
    pub hour: Option<u8>,
}

impl Backups {
    /// Says whether what is there is as wanted; what the document leaves open is always right.
    pub fn fits(&self, have: &Self) -> bool {
        match (self, have) {
            (Self::Off, Self::Off) | (Self::On(None), Self::On(_)) => true,
            (Self::On(Some(want)), Self::On(Some(have))) => {
                want.plan == have.plan
                    && want.weekday.is_none_or(|day| Some(day) == have.weekday)
                    && want.hour.is_none_or(|hour| Some(hour) == have.hour)
            }
            _ => false,
        }
    }
}

impl std::fmt::Display for Backups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::On(None) => f.write_str("on"),
            Self::On(Some(schedule)) => {
                f.write_str(if schedule.plan == Plan::Daily { "daily" } else { "weekly" })?;
                if let Some(day) = schedule.weekday {
                    write!(f, " {}", format!("{day:?}").to_uppercase())?;
                }
                schedule.hour.map_or(Ok(()), |hour| write!(f, " {hour:02}:00 UTC"))
            }
        }
    }
}

/// What cloud-init gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserData {
    /// The text.
    pub text: String,
    /// Where it comes from, for people: the file, or `inline`.
    pub from: String,
}

impl UserData {
    /// Its fingerprint: plans and the journal hold this, never the text.
    pub fn digest(&self) -> Digest {
        Digest::of_bytes(self.text.as_bytes())
    }
}

impl Want {
    /// Fingerprints of what acts when a droplet is made, by field.
    ///
    /// Keys count by their documents' names: a key that is replaced under its name does not reach old droplets,
    /// and Host.authorizedKeys is the place for that.
    pub fn at_creation(&self) -> BTreeMap<ReplaceOn, Digest> {
        let data = self.user_data.as_ref().map(|data| data.text.as_str()).unwrap_or_default();
        let keys: BTreeSet<&str> = self.ssh_keys.iter().map(|id| id.name.as_str()).collect();
        BTreeMap::from([
            (ReplaceOn::Image, Digest::of(&self.image.to_string())),
            (ReplaceOn::UserData, Digest::of_bytes(data.as_bytes())),
            (ReplaceOn::SshKeys, Digest::of(&keys)),
            (ReplaceOn::Monitoring, Digest::of(&self.monitoring)),
        ])
    }
}

pub(super) fn needs(want: &Want) -> Vec<Need> {
    let need = |on: &ResourceId, path: String, verb| Need { on: on.clone(), path, verb };
    let vpc = want.vpc.iter().map(|id| need(id, "spec.vpc".to_owned(), "lies in"));
    let keys = want.ssh_keys.iter().enumerate().map(|(i, id)| need(id, format!("spec.sshKeys[{i}]"), "lets in"));
    vpc.chain(keys).collect()
}

pub(super) fn desire(id: &ResourceId, spec: &Spec, estate: &EstateView<'_>) -> Result<Want, Vec<Complaint>> {
    let mut wrong = Wrong { id, all: Vec::new() };
    let name = spec.name.clone().unwrap_or_else(|| id.name.clone());
    if !is_name(&name) {
        wrong.say(
            if spec.name.is_some() { "spec.name" } else { "metadata.name" },
            format!("is named {name:?}, which DigitalOcean refuses"),
            "letters, digits, dashes and periods, a letter or digit at both ends, at most 255",
        );
    }
    if !is_region(&spec.region) {
        let what = format!("has the region {:?}, which is no region's slug", spec.region);
        wrong.say("spec.region", what, "such as sgp1, fra1 or nyc3");
    }
    if !is_slug(&spec.size) {
        let what = format!("has the size {:?}, which is no size's slug", spec.size);
        wrong.say("spec.size", what, "such as s-2vcpu-4gb");
    }
    let want = Want {
        image: image(&spec.image, &mut wrong),
        vpc: spec.vpc.as_ref().map(|name| ResourceId::new("Vpc", name)),
        ssh_keys: ssh_keys(&spec.ssh_keys, &mut wrong),
        backups: backups(&spec.backups, &mut wrong),
        monitoring: spec.monitoring,
        ipv6: spec.ipv6,
        tags: tags(&spec.tags, &mut wrong),
        user_data: spec.user_data.as_ref().and_then(|data| user_data(data, estate, &mut wrong)),
        resize_disk: spec.resize_disk,
        replace_on: spec.replace_on.clone(),
        region: spec.region.clone(),
        size: spec.size.clone(),
        name,
    };
    if wrong.all.is_empty() { Ok(want) } else { Err(wrong.all) }
}

/// Gathers complaints about one document.
struct Wrong<'a> {
    id: &'a ResourceId,
    all: Vec<Complaint>,
}

impl Wrong<'_> {
    fn say(&mut self, path: impl Into<String>, what: impl std::fmt::Display, label: impl Into<String>) {
        self.all.push(Complaint::at(path, format!("{} {what}", self.id), label));
    }
}

/// `^[a-zA-Z0-9]?[a-z0-9A-Z.\-]*[a-z0-9A-Z]$` is DigitalOcean's rule; a host name that begins with a period or dash is none, though.
fn is_name(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    let end = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    (1..=255).contains(&name.len()) && name.bytes().all(inner) && end(name.bytes().next()) && end(name.bytes().last())
}

fn is_region(slug: &str) -> bool {
    let letters = slug.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = slug.len() - letters.len();
    (2..=4).contains(&letters.len()) && letters.bytes().all(|b| b.is_ascii_lowercase()) && (1..=2).contains(&digits)
}

fn is_slug(slug: &str) -> bool {
    let within = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    (1..=100).contains(&slug.len()) && slug.bytes().all(within) && !slug.starts_with(['-', '.'])
}

fn image(spec: &ImageSpec, wrong: &mut Wrong<'_>) -> Image {
    match spec {
        ImageSpec::Id(0) => wrong.say("spec.image", "has the image 0", "the slug of an image, or its number"),
        ImageSpec::Id(id) => return Image::Id(*id),
        // A number in quotes is the same number.
        ImageSpec::Slug(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            match text.parse::<u64>() {
                Ok(id) if id > 0 => return Image::Id(id),
                _ => wrong.say("spec.image", format!("has the image {text}"), "no image has that number"),
            }
        }
        ImageSpec::Slug(slug) => {
            let within = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
            if slug.is_empty() || slug.len() > 255 || !slug.bytes().all(within) {
                let what = format!("has the image {slug:?}, which is no image's slug");
                wrong.say("spec.image", what, "such as ubuntu-22-04-x64, or an image's number");
            }
            return Image::Slug(slug.clone());
        }
    }
    Image::Id(0)
}

fn ssh_keys(names: &[String], wrong: &mut Wrong<'_>) -> Vec<ResourceId> {
    let mut keys = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let path = format!("spec.sshKeys[{i}]");
        let id = ResourceId::new("SshKey", name);
        if name.contains(' ') {
            wrong.say(path, "names a key by its content", "the metadata.name of a SshKey document");
        } else if keys.contains(&id) {
            wrong.say(path, format!("names {id} twice"), "once is enough");
        }
        keys.push(id);
    }
    keys
}

fn backups(spec: &BackupsSpec, wrong: &mut Wrong<'_>) -> Backups {
    let policy = match spec {
        BackupsSpec::On(false) => return Backups::Off,
        BackupsSpec::On(true) => return Backups::On(None),
        BackupsSpec::At(policy) => policy,
    };
    if policy.plan == Plan::Daily && policy.weekday.is_some() {
        let what = "has daily backups with a weekday";
        wrong.say("spec.backups.weekday", what, "only with plan: weekly");
    }
    if let Some(hour) = policy.hour.filter(|hour| hour % 4 != 0 || *hour > 20) {
        let what = format!("has backups at {hour} o'clock");
        wrong.say("spec.backups.hour", what, "one of 0, 4, 8, 12, 16, 20 (UTC)");
    }
    Backups::On(Some(Schedule { plan: policy.plan, weekday: policy.weekday, hour: policy.hour }))
}

fn tags(spec: &[String], wrong: &mut Wrong<'_>) -> Vec<String> {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (i, tag) in spec.iter().enumerate() {
        let path = format!("spec.tags[{i}]");
        let within = |b: u8| b.is_ascii_alphanumeric() || b"_-:".contains(&b);
        let lower = tag.to_ascii_lowercase();
        if tag.is_empty() || tag.len() > 255 || !tag.bytes().all(within) {
            let what =
                format!("has the tag {:?}, which DigitalOcean refuses", tag.chars().take(60).collect::<String>());
            wrong.say(path, what, "letters, digits, underscores, dashes and colons, at most 255");
        } else if lower.starts_with("driftless:") {
            let what = format!("has the tag {tag:?}");
            wrong.say(path, what, "driftless: begins the controller's own markers");
        } else {
            // The same tag in two spellings is one tag.
            seen.entry(lower).or_insert_with(|| tag.clone());
        }
    }
    seen.into_values().collect()
}

const USER_DATA_MOST: usize = 64 * 1024;

fn user_data(spec: &DataSpec, estate: &EstateView<'_>, wrong: &mut Wrong<'_>) -> Option<UserData> {
    let (text, from, path) = match spec {
        DataSpec::Text(text) => (text.as_str(), "inline".to_owned(), "spec.userData"),
        // A file that is missing or not text is told by the room that reads files.
        DataSpec::File(FileSpec { file }) => (estate.text(file)?, file.clone(), "spec.userData.file"),
    };
    if text.is_empty() {
        wrong.say(path, "has empty userData", "leave it out, or write what cloud-init shall do");
    }
    if text.len() > USER_DATA_MOST {
        let what = format!("has userData of {} bytes", text.len());
        wrong.say(path, what, "at most 65,536 bytes (64 KiB): let it fetch the rest");
    }
    if text.contains('\0') {
        wrong.say(path, "has userData with a NUL byte", "plain text");
    }
    Some(UserData { text: text.to_owned(), from })
}

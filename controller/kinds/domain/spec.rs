//! What a user writes for a zone and its records, and the same in canonical words. Reading it is in `read.rs`.

use super::normal::glob;
use super::records::{Data, RecordType, SetKey};
use crate::model::{Need, Output, ResourceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A DNS zone at DigitalOcean; its name is metadata.name. All records of one name and type are one record set, and record sets are compared, approved and reported one by one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// Seconds that others may keep a record whose entry has no ttl; 1800 by default.
    #[serde(default)]
    #[schemars(range(min = 30, max = 2147483647u32))]
    pub default_ttl: Option<u32>,
    /// What happens to record sets that are not listed and were never ours: report (default) | keep (silent) | delete (the document claims the whole zone). The zone's own NS and SOA are never deleted. Sets of ours that are taken off the list follow policy.onRemove, which is destroy for record sets; a Domain document that vanishes keeps the zone and its sets.
    #[serde(default)]
    pub unlisted: Unlisted,
    /// Record sets that are left alone, whatever they say: those that another program keeps.
    #[serde(default)]
    pub ignore: Vec<Ignore>,
    /// The records; entries of one name and type make one set.
    #[serde(default)]
    pub records: Vec<Entry>,
}

/// What happens to record sets that are not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unlisted {
    /// They stay, and plans and reports name them.
    #[default]
    Report,
    /// They stay, and nothing is said.
    Keep,
    /// They are deleted, within the limits on deletions.
    Delete,
}

/// Record sets to leave alone, by name, by type, or by both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ignore {
    /// A name below the zone, in which * stands for any text and ? for one character; every name by default.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// A type such as NS; every type by default.
    #[serde(default, rename = "type")]
    pub kind: Option<RecordType>,
}

impl Ignore {
    /// Says whether it names a set.
    pub fn matches(&self, key: &SetKey) -> bool {
        self.name.as_ref().is_none_or(|pattern| glob(pattern, &key.name))
            && self.kind.is_none_or(|kind| kind.word() == key.kind)
    }
}

/// One entry of the list: a value, several values, a droplet's address, or a name that must not exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// The name below the zone (erp), the whole name with a dot at the end (erp.example.com.), or @ for the zone itself. A star may stand for the first label.
    #[schemars(length(min = 1, max = 254))]
    pub name: String,
    /// A, AAAA, CNAME, MX, TXT, NS, SRV or CAA. Left out with retired.
    #[serde(default, rename = "type")]
    pub kind: Option<RecordType>,
    /// The value: an address, the name of a host, or text. Hosts are whole names with or without a dot at the end; @ is the zone itself, and a host without any dot is below the zone. Text stands as it is, without quotes.
    #[serde(default)]
    pub value: Option<String>,
    /// Several values, instead of value.
    #[serde(default)]
    pub values: Option<Vec<String>>,
    /// Instead of a value: the name of a Droplet document. A takes its IPv4 address, AAAA its IPv6 address.
    #[serde(default)]
    pub droplet: Option<String>,
    /// Which of the droplet's IPv4 addresses: public (default) | private.
    #[serde(default)]
    pub network: Option<Network>,
    /// The name must not exist, with any type, and nothing may point at it: live records of it are deleted.
    #[serde(default)]
    pub retired: Option<Retired>,
    /// Seconds that others may keep it. DigitalOcean keeps one ttl per name: a ttl here holds for every entry of the name, and two different ones are an error. Default: defaultTtl.
    #[serde(default)]
    #[schemars(range(min = 30, max = 2147483647u32))]
    pub ttl: Option<u32>,
    /// MX and SRV: lower is tried first.
    #[serde(default)]
    #[schemars(range(min = 0, max = 65535))]
    pub priority: Option<u16>,
    /// SRV: the share among equal priorities.
    #[serde(default)]
    #[schemars(range(min = 0, max = 65535))]
    pub weight: Option<u16>,
    /// SRV: the service's port.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// CAA: 0 (default), or 128 for critical.
    #[serde(default)]
    #[schemars(range(min = 0, max = 255))]
    pub flags: Option<u8>,
    /// CAA: issue (who may issue certificates), issuewild (for wildcards), iodef (where to report).
    #[serde(default)]
    pub tag: Option<CaaTag>,
}

/// One of a droplet's networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// The address that the world reaches.
    Public,
    /// The address inside of its Vpc.
    Private,
}

/// What a CAA record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CaaTag {
    /// Who may issue certificates.
    Issue,
    /// Who may issue wildcard certificates.
    Issuewild,
    /// Where to report violations.
    Iodef,
}

impl CaaTag {
    /// The word that users and DigitalOcean write.
    pub fn word(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Issuewild => "issuewild",
            Self::Iodef => "iodef",
        }
    }
}

/// Why and since when a name must not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retired {
    /// The day from which it is retired, such as 2025-11-28.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    #[schemars(extend("patternErrorMessage" = "a date such as 2025-11-28"))]
    pub since: String,
    /// Why, for those who ask later.
    #[schemars(length(min = 1))]
    pub reason: String,
}

/// The zone in canonical words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    /// The zone's name.
    pub zone: String,
    /// What happens to sets that are not listed.
    pub unlisted: Unlisted,
    /// What is left alone.
    pub ignore: Vec<Ignore>,
    /// The record sets.
    pub sets: BTreeMap<SetKey, Set>,
    /// Names that must not exist.
    pub retired: BTreeMap<String, Retired>,
    /// Whole names that records point at, with where they stand; no part of any fingerprint.
    #[serde(skip)]
    pub targets: Vec<Target>,
    /// References, with where they stand.
    #[serde(skip)]
    pub needs: Vec<Need>,
}

/// A whole name that a record points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where it stands: `spec.records[3].value`.
    pub path: String,
    /// The set that points.
    pub from: SetKey,
    /// The whole name, without the dot at the end.
    pub host: String,
}

/// A wanted record set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Set {
    /// Seconds that others may keep it.
    pub ttl: u32,
    /// The records, each once.
    pub members: BTreeSet<Member>,
}

/// A wanted record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Member {
    /// What it says.
    Says(Data),
    /// It says an address of another resource.
    Of {
        /// Whose.
        id: ResourceId,
        /// Which.
        output: Output,
    },
}

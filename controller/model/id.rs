//! Names of things: resources, parts, provider ids, scopes and changes.
//! Owns their text forms; must not know any kind.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Names one document: `Droplet/erp`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    /// The kind, as users write it.
    pub kind: String,
    /// `metadata.name`, unique within the kind.
    pub name: String,
}

impl ResourceId {
    /// Makes an id from its two halves.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// Says that a text is no `Kind/name`.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not an id: write Kind/name, such as Droplet/erp")]
pub struct NotAnId(pub String);

impl FromStr for ResourceId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        match text.split_once('/') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self::new(kind, name))
            }
            _ => Err(NotAnId(text.to_owned())),
        }
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
as_text!(ResourceId);
as_text!(ChangeKey);
as_text!(Scope);

/// The provider's own id of a live object, as text: a droplet's number, a firewall's uuid, a zone's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderId(pub String);

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the world would know an object: its name, or region and range. Compared whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub String);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One collection that is read as a whole and can fail as a whole: `Droplet`, or one zone's records `Domain:example.com`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The kind whose objects are found there.
    pub kind: String,
    /// A part that can be read, and fail, alone; none for the account's collection.
    pub within: Option<String>,
}

impl Scope {
    /// The account's collection of a kind.
    pub fn of(kind: &str) -> Self {
        Self { kind: kind.to_owned(), within: None }
    }
    /// One part of a kind's world, such as a zone.
    pub fn within(kind: &str, part: &str) -> Self {
        Self { kind: kind.to_owned(), within: Some(part.to_owned()) }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.within {
            Some(part) => write!(f, "{}:{part}", self.kind),
            None => f.write_str(&self.kind),
        }
    }
}

impl FromStr for Scope {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        Ok(match text.split_once(':') {
            Some((kind, part)) => Self::within(kind, part),
            None => Self::of(text),
        })
    }
}

/// What is done to a resource or one of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Takes a live object into the estate: writes its marker, or only remembers it.
    Adopt,
    /// Makes what does not exist.
    Create,
    /// Changes in place.
    Update,
    /// Makes the next generation; the former one follows as a `Retire`.
    Replace,
    /// Removes the former generation after a replacement, once nothing needs it.
    Retire,
    /// Removes what git no longer wants.
    Delete,
    /// Stops without destroying; `onRemove: stop`.
    Stop,
    /// Lets go: the object stays, marker and ownership go; `onRemove: keep`.
    Release,
}

impl Verb {
    /// Says whether something that exists is gone afterwards.
    pub fn removes(self) -> bool {
        matches!(self, Verb::Delete | Verb::Retire | Verb::Replace)
    }
    /// The word that users read.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Adopt => "adopt",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Replace => "replace",
            Verb::Retire => "retire",
            Verb::Delete => "delete",
            Verb::Stop => "stop",
            Verb::Release => "release",
        }
    }
    fn parse(word: &str) -> Option<Self> {
        use Verb::*;
        [Adopt, Create, Update, Replace, Retire, Delete, Stop, Release].into_iter().find(|v| v.word() == word)
    }
}

/// Names one change: an id, a part of it, and the verb. Its text form is `Domain/example.com#erp A create`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeKey {
    /// The resource.
    pub id: ResourceId,
    /// The part that is planned, held and reported on its own: a record set `erp A`, a droplet's `size`.
    pub part: Option<String>,
    /// What is done.
    pub verb: Verb,
}

impl ChangeKey {
    /// A change of the whole resource.
    pub fn whole(id: &ResourceId, verb: Verb) -> Self {
        Self { id: id.clone(), part: None, verb }
    }
    /// A change of one part.
    pub fn part(id: &ResourceId, part: impl Into<String>, verb: Verb) -> Self {
        Self { id: id.clone(), part: Some(part.into()), verb }
    }
}

impl fmt::Display for ChangeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Some(part) => write!(f, "{}#{part} {}", self.id, self.verb.word()),
            None => write!(f, "{} {}", self.id, self.verb.word()),
        }
    }
}

impl FromStr for ChangeKey {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let bad = || NotAnId(text.to_owned());
        let (thing, verb) = text.rsplit_once(' ').ok_or_else(bad)?;
        let verb = Verb::parse(verb).ok_or_else(bad)?;
        let (id, part) = match thing.split_once('#') {
            Some((id, part)) => (id, Some(part.to_owned())),
            None => (thing, None),
        };
        Ok(Self { id: id.parse()?, part, verb })
    }
}

/// What one resource can hand to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Output {
    /// The provider's id.
    Id,
    /// The public IPv4 address.
    Address,
    /// The public IPv6 address.
    AddressV6,
    /// The private IPv4 address.
    PrivateAddress,
    /// The CIDR range of a network.
    Range,
    /// The name that the provider shows.
    Name,
    /// What a host has for sites, as JSON: nginx's version, and certificates by path with their names and times.
    Nginx,
    /// A public key, in a line.
    PublicKey,
    /// The name of the host that it is on.
    Host,
}

impl Output {
    /// The words inside `(… of Droplet/erp, known once it exists)`.
    pub fn words(self) -> &'static str {
        match self {
            Output::Id => "id",
            Output::Address => "address",
            Output::AddressV6 => "IPv6 address",
            Output::PrivateAddress => "private address",
            Output::Range => "range",
            Output::Name => "name",
            Output::Nginx => "nginx",
            Output::PublicKey => "public key",
            Output::Host => "host",
        }
    }
}

/// The tag that says whose an object is: `driftless:<uuid8>:<hash>:g<generation>`.
///
/// It fits what DigitalOcean allows in tags (`^[a-zA-Z0-9_\-\:]+$`, 255).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Marker {
    /// The first eight hex digits of the estate's uuid.
    pub estate: String,
    /// Twelve hex digits of SHA-256 over the id.
    pub hash: String,
    /// 1 for the first object of an id, one more with each replacement.
    pub generation: u32,
}

impl Marker {
    /// The marker of an id in an estate.
    pub fn of(estate: &uuid::Uuid, id: &ResourceId, generation: u32) -> Self {
        let estate = estate.simple().to_string().chars().take(8).collect();
        let hash = super::Digest::of_bytes(id.to_string().as_bytes()).hex().chars().take(12).collect();
        Self { estate, hash, generation }
    }
    /// Finds the marker among tags; other tags are none of ours. Case is ignored, as DigitalOcean does.
    pub fn among<'a>(tags: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        tags.into_iter().find_map(|tag| tag.parse().ok())
    }
    /// Says whether both name the same id of the same estate, whatever the generation.
    pub fn same_owner(&self, other: &Self) -> bool {
        self.estate == other.estate && self.hash == other.hash
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "driftless:{}:{}:g{}", self.estate, self.hash, self.generation)
    }
}

impl FromStr for Marker {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let bad = || NotAnId(text.to_owned());
        let lower = text.to_ascii_lowercase();
        let mut parts = lower.strip_prefix("driftless:").ok_or_else(bad)?.split(':');
        let (estate, hash, generation) =
            (parts.next().ok_or_else(bad)?, parts.next().ok_or_else(bad)?, parts.next().ok_or_else(bad)?);
        let hex = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_hexdigit());
        let generation = generation.strip_prefix('g').and_then(|g| g.parse().ok()).ok_or_else(bad)?;
        if !hex(estate, 8) || !hex(hash, 12) || parts.next().is_some() {
            return Err(bad());
        }
        Ok(Self { estate: estate.to_owned(), hash: hash.to_owned(), generation })
    }
}

//! Records and record sets in one canonical form for git and for DigitalOcean. Holds data; decides nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// A record type that documents can list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Another name for a name.
    Cname,
    /// Where mail goes.
    Mx,
    /// Text.
    Txt,
    /// A name server.
    Ns,
    /// Where a service is.
    Srv,
    /// Who may issue certificates.
    Caa,
}

impl RecordType {
    /// The word that users and DigitalOcean write.
    pub fn word(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Txt => "TXT",
            Self::Ns => "NS",
            Self::Srv => "SRV",
            Self::Caa => "CAA",
        }
    }
    /// Says whether its value is the name of a host.
    pub fn points(self) -> bool {
        matches!(self, Self::Cname | Self::Mx | Self::Ns | Self::Srv)
    }
}

/// Names a record set within its zone: `erp A`. All records of one name and type are planned as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetKey {
    /// The name below the zone; `@` for the zone itself.
    pub name: String,
    /// The type, as DigitalOcean writes it.
    pub kind: String,
}

impl SetKey {
    /// Makes a key.
    pub fn new(name: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { name: name.into(), kind: kind.into() }
    }
    /// Reads a part of a change: `erp A`.
    pub fn parse(part: &str) -> Option<Self> {
        part.rsplit_once(' ').map(|(name, kind)| Self::new(name, kind))
    }
    /// Says whether DigitalOcean made it with the zone and keeps it: the SOA and the zone's own name servers.
    pub fn comes_with_the_zone(&self) -> bool {
        self.name == "@" && matches!(self.kind.as_str(), "NS" | "SOA")
    }
    /// Says whether those who look for a host follow it.
    pub fn leads(&self) -> bool {
        matches!(self.kind.as_str(), "A" | "AAAA" | "CNAME")
    }
    /// The whole name, as others ask for it.
    pub fn whole_name(&self, zone: &str) -> String {
        let name = if self.name == "@" { zone.to_owned() } else { format!("{}.{zone}", self.name) };
        name.to_ascii_lowercase()
    }
    /// Says whether both cannot stand at one name: a CNAME is alone.
    pub fn excludes(&self, other: &Self) -> bool {
        self.name == other.name && self.kind != other.kind && (self.kind == "CNAME" || other.kind == "CNAME")
    }
}

impl fmt::Display for SetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.kind)
    }
}

impl Serialize for SetKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// What one record says, in canonical form: whole names of hosts without a dot at the end, text without quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// MX and SRV: lower is tried first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u16>,
    /// SRV: the share among equal priorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// SRV: the service's port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// CAA: 0, or 128 for critical.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<u8>,
    /// CAA: issue, issuewild or iodef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The value.
    pub value: String,
}

impl Data {
    /// A record that has nothing but a value.
    pub fn plain(value: impl Into<String>) -> Self {
        Self { value: value.into(), ..Self::default() }
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = [self.priority, self.weight, self.port, self.flags.map(u16::from)];
        for number in numbers.into_iter().flatten() {
            write!(f, "{number} ")?;
        }
        if let Some(tag) = &self.tag {
            write!(f, "{tag} ")?;
        }
        f.write_str(&self.value)
    }
}

/// One live record of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// DigitalOcean's number.
    pub id: u64,
    /// Seconds that others may keep it.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// A record as it shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    /// The name below the zone; `@` for the zone itself.
    pub name: String,
    /// The type.
    pub kind: String,
    /// Seconds that others may keep it.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// One call's worth of work on one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Op {
    /// Gives a record another value or ttl; it keeps its number.
    Update {
        /// DigitalOcean's number.
        id: u64,
        /// What it shall be.
        record: Wanted,
    },
    /// Adds a record.
    Create {
        /// What it shall be.
        record: Wanted,
    },
    /// Removes a record.
    Delete {
        /// DigitalOcean's number.
        id: u64,
    },
}

/// Says whether live records are the wanted ones; equal duplicates count as one.
pub fn in_sync<'a>(live: &[Record], want: impl Iterator<Item = &'a Data> + Clone, ttl: u32) -> bool {
    live.iter().all(|r| r.ttl == ttl && want.clone().any(|data| *data == r.data))
        && want.clone().all(|data| live.iter().any(|r| r.data == *data))
}

/// The work that makes live records the wanted ones: values that match stay (the lowest number of duplicates), what
/// is left over takes on the values that are missing, then the rest is made, then what is too many goes.
pub fn operations<'a>(key: &SetKey, live: &[Record], want: impl Iterator<Item = &'a Data>, ttl: u32) -> Vec<Op> {
    let wanted = |data: &Data| Wanted { name: key.name.clone(), kind: key.kind.clone(), ttl, data: data.clone() };
    let mut rest: Vec<&Record> = live.iter().collect();
    rest.sort_by_key(|r| r.id);
    let (mut updates, mut missing) = (Vec::new(), Vec::new());
    for data in want {
        match rest.iter().position(|r| r.data == *data) {
            Some(at) => {
                let kept = rest.remove(at);
                if kept.ttl != ttl {
                    updates.push(Op::Update { id: kept.id, record: wanted(data) });
                }
            }
            None => missing.push(data),
        }
    }
    let pairs = rest.len().min(missing.len());
    let surplus = rest.split_off(pairs);
    let made = missing.split_off(pairs);
    updates.extend(rest.iter().zip(&missing).map(|(r, data)| Op::Update { id: r.id, record: wanted(data) }));
    updates.extend(made.into_iter().map(|data| Op::Create { record: wanted(data) }));
    updates.extend(surplus.iter().map(|r| Op::Delete { id: r.id }));
    updates
}

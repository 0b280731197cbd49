//! What a firewall's rule says, in one canonical form for git and for DigitalOcean. Compares; decides nothing.

use crate::model::ResourceId;
use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

/// What a packet speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP, such as ping; it has no ports.
    Icmp,
}

impl Protocol {
    /// The word that users and DigitalOcean write.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }
    /// Reads DigitalOcean's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp, Self::Icmp].into_iter().find(|p| p.word() == word)
    }
}

/// An inclusive range of ports. All of them is 0 to 65535; icmp has that too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ports {
    /// The first.
    pub low: u16,
    /// The last.
    pub high: u16,
}

impl Ports {
    /// Every port.
    pub const ALL: Self = Self { low: 0, high: u16::MAX };

    /// Reads `22`, `8000-9000`, `all`; `0`, `1-65535` and nothing at all mean all, as DigitalOcean has them.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if matches!(text, "" | "0" | "all") {
            return Some(Self::ALL);
        }
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let number = |s: &str| s.trim().parse::<u16>().ok().filter(|n| *n > 0);
        let (low, high) = (number(low)?, number(high)?);
        match (low, high) {
            (1, u16::MAX) => Some(Self::ALL),
            _ if low <= high => Some(Self { low, high }),
            _ => None,
        }
    }
    /// Says whether these ports are all among the others.
    pub fn within(self, other: Self) -> bool {
        other.low <= self.low && self.high <= other.high
    }
    /// As DigitalOcean takes them.
    pub fn wire(self) -> String {
        if self == Self::ALL { "0".to_owned() } else { self.to_string() }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            &Self::ALL => f.write_str("all"),
            Self { low, high } if low == high => write!(f, "{low}"),
            Self { low, high } => write!(f, "{low}-{high}"),
        }
    }
}

/// `ports` as written: a number or a text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum PortsText {
    /// `22`.
    Number(u16),
    /// `8000-9000`, `all`.
    Text(String),
}

impl fmt::Display for PortsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(n) => write!(f, "{n}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl JsonSchema for PortsText {
    fn schema_name() -> Cow<'static, str> {
        "Ports".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A port such as 22, a range such as 8000-9000, or all. Left out for icmp.",
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 65535},
                {"type": "string", "pattern": "^(all|[0-9]{1,5}(-[0-9]{1,5})?)$",
                 "patternErrorMessage": "a port such as 22, a range such as 8000-9000, all"}
            ]
        })
    }
}

/// The far end of a rule as written: `any`, an address or range, or another resource.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum PeerText {
    /// `any`, `203.0.113.7`, `10.0.0.0/8`.
    Text(String),
    /// `{vpc: main}`.
    Vpc {
        /// The Vpc document's name.
        vpc: String,
    },
    /// `{droplet: erp}`.
    Droplet {
        /// The Droplet document's name.
        droplet: String,
    },
    /// `{tag: web}`.
    Tag {
        /// The tag.
        tag: String,
    },
}

impl JsonSchema for PeerText {
    fn schema_name() -> Cow<'static, str> {
        "Peer".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let named = |field: &str, what: &str| {
            serde_json::json!({
                "type": "object", "additionalProperties": false, "required": [field],
                "properties": {field: {"type": "string", "minLength": 1, "description": what}}
            })
        };
        json_schema!({
            "description": "any (0.0.0.0/0 and ::/0), an address or CIDR range, {vpc: name}, {droplet: name} or {tag: name}.",
            "anyOf": [
                {"type": "string", "minLength": 1,
                 "description": "any, an address such as 203.0.113.7, or a range such as 10.0.0.0/8."},
                named("vpc", "The name of a Vpc document: its whole range."),
                named("droplet", "The name of a Droplet document."),
                named("tag", "A tag: every droplet that carries it."),
            ]
        })
    }
}

/// The far end of a wanted rule. A document's resource is named, not yet looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Peer {
    /// A range of addresses.
    Net(IpNet),
    /// The range of a Vpc.
    Vpc(ResourceId),
    /// A droplet of a document.
    Droplet(ResourceId),
    /// Every droplet with a tag, in lower case.
    Tag(String),
}

/// The far end of a live rule, and of a wanted one once names are looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Far {
    /// A range of addresses.
    Net(IpNet),
    /// A droplet's number.
    Droplet(u64),
    /// Every droplet with a tag, in lower case.
    Tag(String),
    /// A load balancer's id.
    LoadBalancer(String),
    /// A Kubernetes cluster's id.
    Kubernetes(String),
    /// Something that could not be read, as DigitalOcean wrote it.
    Strange(String),
}

/// One thing that a firewall lets through: protocol, ports, one far end. Rules are compared as sets of these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Flow<P> {
    /// What it speaks.
    pub protocol: Protocol,
    /// To which ports.
    pub ports: Ports,
    /// From or to whom.
    pub peer: P,
}

/// Reads an address or a range in canonical form: a host is a /32 or /128, and bits beyond the prefix are none.
pub fn net(text: &str) -> Option<IpNet> {
    let text = text.trim();
    match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => text.parse::<IpNet>().ok().map(|net| net.trunc()),
    }
}

/// Both halves of `any`.
pub fn any() -> [IpNet; 2] {
    [IpNet::V4(ipnet::Ipv4Net::default()), IpNet::V6(ipnet::Ipv6Net::default())]
}

/// A range as people write it: a host without its /32 or /128.
pub fn net_words(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

//! What a user writes for a cloud firewall, and what it means. Refuses what DigitalOcean would refuse.

use super::rules::{Flow, Peer, PeerText, Ports, PortsText, Protocol, any, net};
use crate::model::{Complaint, Need, ResourceId};
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const MAX_DROPLETS: usize = 10;
const MAX_TAGS: usize = 5;
const MAX_RULES: usize = 50;
const MAX_ADDRESSES: usize = 1000;

/// A cloud firewall: what may reach the droplets that it covers, and what they may reach. What no rule lets through is dropped.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The name that DigitalOcean shows, unique in the account; metadata.name by default. Letters, digits, dashes and periods.
    #[serde(default)]
    #[schemars(length(min = 2, max = 255))]
    pub name: Option<String>,
    /// The droplets that it covers, by document and by tag. A tag also covers droplets that come later.
    #[serde(default)]
    pub apply_to: ApplyTo,
    /// What may come in.
    #[serde(default)]
    pub inbound: Vec<Inbound>,
    /// What may go out; without any rule nothing does, DNS and package updates included.
    #[serde(default)]
    pub outbound: Vec<Outbound>,
}

/// The droplets that a firewall covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplyTo {
    /// Names of Droplet documents, 10 at most.
    #[serde(default)]
    pub droplets: Vec<String>,
    /// Tags, 5 at most; every droplet that carries one is covered. Missing tags are made.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A rule that lets traffic in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inbound {
    /// tcp, udp or icmp.
    pub protocol: Protocol,
    /// A port such as 22, a range such as 8000-9000, or all; left out for icmp.
    #[serde(default)]
    pub ports: Option<PortsText>,
    /// From where: any, addresses and CIDR ranges, {vpc: name}, {droplet: name}, {tag: name}.
    #[schemars(length(min = 1))]
    pub from: Vec<PeerText>,
}

/// A rule that lets traffic out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outbound {
    /// tcp, udp or icmp.
    pub protocol: Protocol,
    /// A port such as 53, a range such as 8000-9000, or all; left out for icmp.
    #[serde(default)]
    pub ports: Option<PortsText>,
    /// To where: any, addresses and CIDR ranges, {vpc: name}, {droplet: name}, {tag: name}.
    #[schemars(length(min = 1))]
    pub to: Vec<PeerText>,
}

/// The firewall in canonical words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    /// The name.
    pub name: String,
    /// The droplets covered by document.
    pub droplets: BTreeSet<ResourceId>,
    /// The tags covered, in lower case.
    pub tags: BTreeSet<String>,
    /// What may come in.
    pub inbound: BTreeSet<Flow<Peer>>,
    /// What may go out.
    pub outbound: BTreeSet<Flow<Peer>>,
    /// References, with where they stand; no part of the fingerprint.
    #[serde(skip)]
    pub needs: Vec<Need>,
}

pub(super) fn desire(id: &ResourceId, spec: &Spec) -> Result<Want, Vec<Complaint>> {
    let mut reader = Reader { id, wrong: Vec::new(), needs: Vec::new() };
    let name = reader.name(spec);
    let droplets = reader.droplets(&spec.apply_to.droplets);
    let tags = reader.tags(&spec.apply_to.tags);
    let inbound = spec.inbound.iter().map(|r| (r.protocol, r.ports.as_ref(), r.from.as_slice()));
    let inbound = reader.rules("inbound", "from", "lets in from", inbound);
    let outbound = spec.outbound.iter().map(|r| (r.protocol, r.ports.as_ref(), r.to.as_slice()));
    let outbound = reader.rules("outbound", "to", "lets out to", outbound);
    reader.limits(&inbound, &outbound);
    if !reader.wrong.is_empty() {
        return Err(reader.wrong);
    }
    Ok(Want { name, droplets, tags, inbound, outbound, needs: reader.needs })
}

struct Reader<'a> {
    id: &'a ResourceId,
    wrong: Vec<Complaint>,
    needs: Vec<Need>,
}

impl Reader<'_> {
    fn complain(&mut self, path: impl Into<String>, message: String, label: &str, hint: &str) {
        self.wrong.push(Complaint::at(path, format!("{} {message}", self.id), label).hint(hint));
    }

    fn name(&mut self, spec: &Spec) -> String {
        let name = spec.name.clone().unwrap_or_else(|| self.id.name.clone());
        let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
        let begins = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if name.len() < 2 || name.len() > 255 || !begins || !name.bytes().all(fine) {
            let hint = match name.contains('_') {
                true => format!("DigitalOcean refuses underscores here: write {}", name.replace('_', "-")),
                false => String::new(),
            };
            let path = if spec.name.is_some() { "spec.name" } else { "metadata.name" };
            let label = "2 to 255 letters, digits, dashes and periods, beginning with a letter or digit";
            self.complain(path, format!("is named {name:?}, which DigitalOcean refuses"), label, &hint);
        }
        name
    }

    fn droplets(&mut self, names: &[String]) -> BTreeSet<ResourceId> {
        let mut ids = BTreeSet::new();
        for (i, name) in names.iter().enumerate() {
            let path = format!("spec.applyTo.droplets[{i}]");
            let on = ResourceId::new("Droplet", name);
            if !ids.insert(on.clone()) {
                self.complain(&path, format!("covers droplet {name:?} twice"), "the second time", "");
            }
            self.needs.push(Need { on, path, verb: "covers" });
        }
        if ids.len() > MAX_DROPLETS {
            let text = format!("covers {} droplets by name; DigitalOcean allows {MAX_DROPLETS}", ids.len());
            let hint = "Give the droplets a tag and cover it: applyTo: {tags: [web]}. Droplets that come later are covered too.";
            self.complain("spec.applyTo.droplets", text, "too many", hint);
        }
        ids
    }

    fn tags(&mut self, names: &[String]) -> BTreeSet<String> {
        let mut tags = BTreeSet::new();
        for (i, name) in names.iter().enumerate() {
            let path = format!("spec.applyTo.tags[{i}]");
            if let Some(tag) = self.tag(&path, name)
                && !tags.insert(tag)
            {
                self.complain(&path, format!("covers tag {name:?} twice (case is ignored)"), "the second time", "");
            }
        }
        if tags.len() > MAX_TAGS {
            let text = format!("covers {} tags; DigitalOcean allows {MAX_TAGS}", tags.len());
            self.complain("spec.applyTo.tags", text, "too many", "Give the droplets one more tag in common.");
        }
        tags
    }

    fn tag(&mut self, path: &str, name: &str) -> Option<String> {
        let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b':');
        if name.is_empty() || name.len() > 255 || !name.bytes().all(fine) {
            let label = "1 to 255 letters, digits, underscores, dashes and colons";
            self.complain(path, format!("names the tag {name:?}, which DigitalOcean refuses"), label, "");
            return None;
        }
        Some(name.to_ascii_lowercase())
    }

    fn rules<'s>(
        &mut self,
        list: &str,
        side: &str,
        verb: &'static str,
        rules: impl Iterator<Item = (Protocol, Option<&'s PortsText>, &'s [PeerText])>,
    ) -> BTreeSet<Flow<Peer>> {
        let mut flows: BTreeMap<Flow<Peer>, String> = BTreeMap::new();
        for (i, (protocol, ports, peers)) in rules.enumerate() {
            let rule = format!("spec.{list}[{i}]");
            let ports = self.ports(&rule, protocol, ports);
            if peers.is_empty() {
                let text = format!("has a rule with an empty {side} list");
                self.complain(format!("{rule}.{side}"), text, "at least one", "Write [any] for everybody.");
            }
            for (k, peer) in peers.iter().enumerate() {
                let path = format!("{rule}.{side}[{k}]");
                for peer in self.peer(&path, peer, verb) {
                    let Some(ports) = ports else { continue };
                    let flow = Flow { protocol, ports, peer };
                    if let Some(first) = flows.get(&flow) {
                        let text = format!("says the same twice: {} {ports} at {first}", protocol.word());
                        self.complain(&path, text, "the second time", "DigitalOcean refuses duplicate rules.");
                        break;
                    }
                    flows.insert(flow, path.clone());
                }
            }
        }
        flows.into_keys().collect()
    }

    fn ports(&mut self, rule: &str, protocol: Protocol, ports: Option<&PortsText>) -> Option<Ports> {
        let path = format!("{rule}.ports");
        match (protocol, ports.map(ToString::to_string)) {
            (Protocol::Icmp, None) => Some(Ports::ALL),
            (Protocol::Icmp, Some(text)) => match Ports::parse(&text) {
                Some(Ports::ALL) => Some(Ports::ALL),
                _ => {
                    let text = format!("has an icmp rule with ports {text}; icmp has none");
                    self.complain(path, text, "leave this out", "");
                    None
                }
            },
            (_, None) => {
                let text = format!("has a {} rule without ports", protocol.word());
                self.complain(rule, text, "ports missing", "Write ports: 443, ports: 8000-9000 or ports: all.");
                None
            }
            (_, Some(text)) => {
                let ports = Ports::parse(&text).filter(|_| !text.is_empty());
                if ports.is_none() {
                    let label = "a port from 1 to 65535, a range such as 8000-9000, or all";
                    self.complain(path, format!("has a rule for ports {text:?}"), label, "");
                }
                ports
            }
        }
    }

    fn peer(&mut self, path: &str, peer: &PeerText, verb: &'static str) -> Vec<Peer> {
        let mut needs = |kind: &str, field: &str, name: &str| {
            let on = ResourceId::new(kind, name);
            self.needs.push(Need { on: on.clone(), path: format!("{path}.{field}"), verb });
            on
        };
        match peer {
            PeerText::Text(text) if text == "any" => any().into_iter().map(Peer::Net).collect(),
            PeerText::Text(text) => self.address(path, text).into_iter().map(Peer::Net).collect(),
            PeerText::Vpc { vpc } => vec![Peer::Vpc(needs("Vpc", "vpc", vpc))],
            PeerText::Droplet { droplet } => vec![Peer::Droplet(needs("Droplet", "droplet", droplet))],
            PeerText::Tag { tag } => self.tag(&format!("{path}.tag"), tag).into_iter().map(Peer::Tag).collect(),
        }
    }

    fn address(&mut self, path: &str, text: &str) -> Option<IpNet> {
        let Some(canonical) = net(text) else {
            let label = "any, an address, a CIDR range, {vpc: …}, {droplet: …} or {tag: …}";
            self.complain(path, format!("names {text:?}, which is no address and no range"), label, "");
            return None;
        };
        // 203.0.113.7/24 lets 256 addresses in where one may have been meant.
        if let Some(written) = text.trim().parse::<IpNet>().ok().filter(|n| n.addr() != canonical.addr()) {
            let text = format!("names {text}, an address inside of the range {canonical}");
            let hint = format!("Write {canonical} for the range, or {} for the address alone.", written.addr());
            self.complain(path, text, "the address or the range?", &hint);
            return None;
        }
        Some(canonical)
    }

    fn limits(&mut self, inbound: &BTreeSet<Flow<Peer>>, outbound: &BTreeSet<Flow<Peer>>) {
        let rules =
            |flows: &BTreeSet<Flow<Peer>>| flows.iter().map(|f| (f.protocol, f.ports)).collect::<BTreeSet<_>>().len();
        let count = rules(inbound) + rules(outbound);
        if count == 0 && self.wrong.is_empty() {
            let hint = "A firewall that lets nothing through needs at least one rule, such as outbound {protocol: icmp, to: [any]}.";
            self.complain("spec", "has no rule; DigitalOcean wants at least one".to_owned(), "no rules", hint);
        }
        if count > MAX_RULES {
            let text = format!("has {count} rules (inbound and outbound together); DigitalOcean allows {MAX_RULES}");
            self.complain(
                "spec",
                text,
                "too many",
                "Use ranges of ports, or two firewalls: what one lets through is let through.",
            );
        }
        let both = inbound.iter().chain(outbound);
        let addresses = both.filter(|f| matches!(f.peer, Peer::Net(_) | Peer::Vpc(_))).count();
        if addresses > MAX_ADDRESSES {
            let text = format!("names {addresses} addresses; DigitalOcean allows {MAX_ADDRESSES}");
            self.complain("spec", text, "too many", "Use wider ranges or tags.");
        }
    }
}

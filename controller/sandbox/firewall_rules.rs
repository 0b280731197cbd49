//! What a firewall's rules may say, and how the API rewrites them. Works on parsed bodies, changes no state.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::call::Problem;
use super::state::World;
use super::tags;

const MAX_RULES: usize = 50;
const MAX_ADDRESSES: usize = 1000;

/// A rule that lets traffic in.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Inbound {
    /// `tcp`, `udp` or `icmp`.
    pub protocol: String,
    /// `N`, `N-M`, or `0` for all of them and for icmp.
    #[serde(default, deserialize_with = "port_text")]
    pub ports: String,
    /// Where the traffic may come from.
    pub sources: Targets,
}

/// A rule that lets traffic out.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Outbound {
    /// `tcp`, `udp` or `icmp`.
    pub protocol: String,
    /// `N`, `N-M`, or `0` for all of them and for icmp.
    #[serde(default, deserialize_with = "port_text")]
    pub ports: String,
    /// Where the traffic may go.
    pub destinations: Targets,
}

/// The other end of a rule.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Targets {
    /// Addresses and networks.
    #[serde(default, deserialize_with = "or_empty", skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Droplets by number.
    #[serde(default, deserialize_with = "or_empty", skip_serializing_if = "Vec::is_empty")]
    pub droplet_ids: Vec<u64>,
    /// Load balancers; they are not simulated, so none exists.
    #[serde(default, deserialize_with = "or_empty", skip_serializing_if = "Vec::is_empty")]
    pub load_balancer_uids: Vec<String>,
    /// Kubernetes clusters; they are not simulated, so none exists.
    #[serde(default, deserialize_with = "or_empty", skip_serializing_if = "Vec::is_empty")]
    pub kubernetes_ids: Vec<String>,
    /// Tags that exist.
    #[serde(default, deserialize_with = "or_empty", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// Reads null as an empty list.
pub(super) fn or_empty<'de, D, T>(input: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(input)?.unwrap_or_default())
}

/// Reads ports written as text, as a number, or not at all.
fn port_text<'de, D: serde::Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Ports {
        Text(String),
        Number(u64),
        Nothing(()),
    }
    Ok(match Ports::deserialize(input)? {
        Ports::Text(text) => text,
        Ports::Number(number) => number.to_string(),
        Ports::Nothing(()) => String::new(),
    })
}

/// What inbound and outbound rules have in common.
pub(super) trait Rule: PartialEq + Sized {
    fn parts(&mut self) -> (&str, &mut String, &mut Targets);
}

impl Rule for Inbound {
    fn parts(&mut self) -> (&str, &mut String, &mut Targets) {
        (&self.protocol, &mut self.ports, &mut self.sources)
    }
}

impl Rule for Outbound {
    fn parts(&mut self) -> (&str, &mut String, &mut Targets) {
        (&self.protocol, &mut self.ports, &mut self.destinations)
    }
}

/// Rewrites rules as the API shows them and fails on what it refuses, duplicates among them.
pub(super) fn canonical<R: Rule + Clone>(world: &World, mut rules: Vec<R>) -> Result<Vec<R>, Problem> {
    for rule in &mut rules {
        let (protocol, ports, targets) = rule.parts();
        *ports = canonical_ports(protocol, ports)?;
        check_targets(world, targets)?;
    }
    let mut seen: Vec<R> = Vec::new();
    for rule in &rules {
        let sorted = sorted(rule);
        if seen.contains(&sorted) {
            return Err(Problem::unprocessable("duplicate rules are not allowed"));
        }
        seen.push(sorted);
    }
    Ok(rules)
}

/// Fails where a firewall has no rule at all, or too many.
pub(super) fn check_count(inbound: usize, outbound: usize) -> Result<(), Problem> {
    match inbound + outbound {
        0 => Err(Problem::unprocessable("must have at least one rule")),
        count if count > MAX_RULES => {
            Err(Problem::unprocessable(format!("a firewall can have at most {MAX_RULES} rules")))
        }
        _ => Ok(()),
    }
}

/// Returns the rule with its targets in order, so that equal rules compare as equal.
pub(super) fn sorted<R: Rule + Clone>(rule: &R) -> R {
    let mut copy = rule.clone();
    let (_, _, targets) = copy.parts();
    targets.addresses.sort();
    targets.droplet_ids.sort_unstable();
    targets.load_balancer_uids.sort();
    targets.kubernetes_ids.sort();
    targets.tags.sort();
    copy
}

fn canonical_ports(protocol: &str, ports: &str) -> Result<String, Problem> {
    let invalid = || Problem::unprocessable(format!("invalid ports \"{ports}\" for {protocol}"));
    match (protocol, ports) {
        ("icmp", _) | ("tcp" | "udp", "all" | "0") => Ok("0".to_owned()),
        ("tcp" | "udp", _) => {
            let (low, high) = ports.split_once('-').unwrap_or((ports, ports));
            let low: u16 = low.parse().map_err(|_| invalid())?;
            let high: u16 = high.parse().map_err(|_| invalid())?;
            match low >= 1 && low <= high {
                true => Ok(ports.to_owned()),
                false => Err(invalid()),
            }
        }
        _ => Err(Problem::unprocessable(format!("invalid protocol \"{protocol}\": tcp, udp or icmp"))),
    }
}

fn check_targets(world: &World, targets: &mut Targets) -> Result<(), Problem> {
    if *targets == Targets::default() {
        return Err(Problem::unprocessable("a rule needs at least one source or destination"));
    }
    if targets.addresses.len() > MAX_ADDRESSES {
        return Err(Problem::unprocessable(format!("a rule can have at most {MAX_ADDRESSES} addresses")));
    }
    let address = |text: &&String| text.parse::<IpAddr>().is_err() && text.parse::<IpNet>().is_err();
    if let Some(wrong) = targets.addresses.iter().find(address) {
        return Err(Problem::unprocessable(format!("invalid address \"{wrong}\"")));
    }
    check_droplets(world, &targets.droplet_ids)?;
    if let Some(uid) = targets.load_balancer_uids.iter().chain(&targets.kubernetes_ids).next() {
        return Err(Problem::unprocessable(format!("{uid} does not exist")));
    }
    targets.tags = check_tags(world, &targets.tags)?;
    Ok(())
}

/// Fails on a droplet that does not exist.
pub(super) fn check_droplets(world: &World, ids: &[u64]) -> Result<(), Problem> {
    match ids.iter().find(|id| !world.droplets.contains_key(id)) {
        Some(id) => Err(Problem::unprocessable(format!("droplet {id} does not exist"))),
        None => Ok(()),
    }
}

/// Returns the canonical spellings; unlike a droplet, a firewall makes no tags.
pub(super) fn check_tags(world: &World, names: &[String]) -> Result<Vec<String>, Problem> {
    names
        .iter()
        .map(|name| {
            tags::known(world, name)
                .map(str::to_owned)
                .ok_or_else(|| Problem::unprocessable(format!("tag {name} does not exist")))
        })
        .collect()
}

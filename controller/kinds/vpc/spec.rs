//! What a user writes for a private network, and what it means. Refuses what DigitalOcean would refuse.

use crate::model::{Complaint, ResourceId};
use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A private network. Name and description change in place; region and range never do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The name, unique in the account: letters, digits, dashes and periods. Default: metadata.name.
    #[serde(default)]
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[a-zA-Z0-9\-\.]+$"))]
    pub name: Option<String>,
    /// The region's slug, such as sgp1. It cannot change.
    #[schemars(regex(pattern = r"^[a-z]{2,4}[0-9]{1,2}$"))]
    pub region: String,
    /// The range of private addresses, from /16 to /28, such as 10.114.0.0/16. It cannot change and must not overlap with another network's. Default: DigitalOcean picks a /20.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}/[0-9]{1,2}$"))]
    pub ip_range: Option<String>,
    /// What it is for, at most 255 characters. Default: empty.
    #[serde(default)]
    #[schemars(length(max = 255))]
    pub description: String,
}

/// The network in canonical words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    /// The name.
    pub name: String,
    /// The region's slug.
    pub region: String,
    /// The range; none where DigitalOcean picks, and then it is never compared.
    pub ip_range: Option<Ipv4Net>,
    /// What it is for.
    pub description: String,
}

pub(super) fn desire(id: &ResourceId, spec: &Spec) -> Result<Want, Vec<Complaint>> {
    let mut wrong = Vec::new();
    let name = spec.name.clone().unwrap_or_else(|| id.name.clone());
    if name.is_empty() || name.len() > 255 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)) {
        wrong.push(Complaint::at(
            "spec.name",
            format!("{id} is named {name:?}, which DigitalOcean refuses"),
            "letters, digits, dashes and periods, at most 255",
        ));
    }
    if !is_region(&spec.region) {
        wrong.push(Complaint::at(
            "spec.region",
            format!("{id} has the region {:?}, which is no region's slug", spec.region),
            "such as sgp1, fra1 or nyc3",
        ));
    }
    if spec.description.chars().count() > 255 {
        wrong.push(Complaint::at(
            "spec.description",
            format!("{id} has a description of {} characters", spec.description.chars().count()),
            "at most 255",
        ));
    }
    let ip_range = match spec.ip_range.as_deref().map(range).transpose() {
        Ok(range) => range,
        Err((what, label)) => {
            let text = spec.ip_range.as_deref().unwrap_or_default();
            wrong.push(Complaint::at("spec.ipRange", format!("{id} has the range {text}, {what}"), label));
            None
        }
    };
    if !wrong.is_empty() {
        return Err(wrong);
    }
    // DigitalOcean keeps no white space at the ends.
    let description = spec.description.trim().to_owned();
    Ok(Want { name, region: spec.region.clone(), ip_range, description })
}

fn is_region(slug: &str) -> bool {
    let letters = slug.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = slug.len() - letters.len();
    (2..=4).contains(&letters.len()) && letters.bytes().all(|b| b.is_ascii_lowercase()) && (1..=2).contains(&digits)
}

/// The private ranges of RFC 1918.
const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// Reads a range, or says what is wrong with it and what was expected.
pub(super) fn range(text: &str) -> Result<Ipv4Net, (String, String)> {
    let refuse = |what: &str, label: String| Err((what.to_owned(), label));
    let Ok(net) = text.parse::<Ipv4Net>() else {
        return refuse("which is no IPv4 range", "write it like 10.114.0.0/16".to_owned());
    };
    if !(16..=28).contains(&net.prefix_len()) {
        return refuse("whose size DigitalOcean refuses", format!("from /16 to /28, not /{}", net.prefix_len()));
    }
    if net.trunc() != net {
        return refuse("which does not begin where a network begins", format!("did you mean {}?", net.trunc()));
    }
    let within = |all: &&str| all.parse::<Ipv4Net>().is_ok_and(|all| all.contains(&net));
    if !PRIVATE.iter().any(within) {
        return refuse("which is not private", format!("within one of {}", PRIVATE.join(", ")));
    }
    Ok(net)
}

/// Finds documents whose ranges overlap: sorted by range, one that overlaps a former overlaps the widest former.
pub(super) fn overlaps(all: &[(&ResourceId, &Want)]) -> Vec<(ResourceId, Complaint)> {
    let mut ranges: Vec<(Ipv4Net, &ResourceId)> =
        all.iter().filter_map(|(id, want)| want.ip_range.map(|range| (range, *id))).collect();
    ranges.sort_by_key(|(range, id)| (range.network(), range.prefix_len(), *id));
    let mut found = Vec::new();
    let mut widest: Option<(Ipv4Net, &ResourceId)> = None;
    for (range, id) in ranges {
        match widest {
            Some((other, whose)) if other.broadcast() >= range.network() => {
                let message = format!("{id} has the range {range}, which overlaps {other} of {whose}");
                let label = format!("{other} is taken");
                found.push((id.clone(), Complaint::at("spec.ipRange", message, label)));
            }
            _ => widest = Some((range, id)),
        }
    }
    found
}

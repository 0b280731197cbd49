//! What every document has around its `spec`: apiVersion, kind, metadata, policy, dependsOn. Owns the rules for names
//! and for policies; knows no kind.

use super::flaw::Flaw;
use super::nearest::nearest;
use super::yaml::Node;
use crate::model::policy::PolicySpec;
use crate::model::{Mode, Need, OnRemove, Policy, ResourceId, Span};
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The `apiVersion` of every document.
pub const API_VERSION: &str = "driftless/v1";
/// The kind of the one document that says how the repo is kept.
pub(super) const SETTINGS: &str = "Settings";

/// One resource.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Envelope {
    /// Always driftless/v1.
    #[allow(dead_code)]
    pub api_version: String,
    /// What it is.
    #[allow(dead_code)]
    pub kind: String,
    /// Name, former names and labels.
    pub metadata: Metadata,
    /// What may be done to the object; the same for every kind.
    #[serde(default)]
    pub policy: PolicySpec,
    /// Documents to do first, as Kind/name, beyond the references in spec.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// What is wanted.
    #[allow(dead_code)]
    pub spec: serde_json::Value,
}

/// The Settings document.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct SettingsEnvelope {
    /// Always driftless/v1.
    pub api_version: String,
    /// Always Settings.
    pub kind: String,
    /// Its name: settings.
    pub metadata: Metadata,
    /// How the repo is kept.
    pub spec: serde_json::Value,
}

/// Name, former names and labels.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Metadata {
    /// Unique within the kind: lower-case letters, digits, dots and dashes, at most 63.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9.-]*$"), length(min = 1, max = 63))]
    #[schemars(extend("patternErrorMessage" = "lower-case letters, digits, dots and dashes"))]
    pub name: String,
    /// Earlier names: makes a new name a rename, not a replacement.
    #[serde(default)]
    pub formerly: Vec<String>,
    /// Labels of your own, such as criticality: critical.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Turns `policy:` into a policy with the kind's defaults, or says what does not go together.
pub(super) fn policy(spec: PolicySpec, on_remove: OnRemove, root: &Node) -> (Policy, Vec<Flaw>) {
    let mut policy = Policy::default_for(on_remove);
    let mut flaws = Vec::new();
    let mut tell = |path: &str, message: &str, label: &str, hint: &str| {
        let (node, key) = root.find(path);
        flaws.push(Flaw::at(key.unwrap_or(node.at), path, message, label).hint(hint));
    };
    policy.mode = spec.mode.unwrap_or(policy.mode);
    policy.on_remove = spec.on_remove.unwrap_or(on_remove);
    policy.protect = spec.protect.unwrap_or(false);
    policy.adopt = spec.adopt.unwrap_or_default();
    let paused = policy.mode == Mode::Paused;
    if paused && spec.reason.as_deref().unwrap_or_default().trim().is_empty() {
        let hint = "say why, for whoever finds it next month: reason: moving the disk";
        tell("policy.mode", "a pause needs a reason", "add reason: beside it", hint);
    }
    for (name, given) in [("policy.reason", spec.reason.is_some()), ("policy.until", spec.until.is_some())] {
        if given && !paused {
            tell(name, &format!("{name} belongs to a pause"), "add mode: paused, or take the line away", "");
        }
    }
    if let Some(until) = &spec.until {
        policy.until = end_of(until);
        if policy.until.is_none() {
            let label = "expected a date (2026-12-31) or an instant (2026-12-31T08:00:00Z)";
            let (node, _) = root.find("policy.until");
            flaws.push(Flaw::at(node.at, "policy.until", format!("{until:?} is no time"), label));
        }
    }
    let mut tell = |path: &str, message: &str, label: &str| {
        let (node, key) = root.find(path);
        flaws.push(Flaw::at(key.unwrap_or(node.at), path, message, label));
    };
    if spec.soak.is_some() && policy.on_remove != OnRemove::Stop {
        tell("policy.soak", "policy.soak is the time between stop and destroy", "needs onRemove: stop beside it");
    }
    policy.soak = spec.soak.unwrap_or(Span(0));
    policy.reason = spec.reason;
    (policy, flaws)
}

/// A date ends with its day, in UTC; an instant is itself.
fn end_of(text: &str) -> Option<Timestamp> {
    match text.parse::<civil::Date>() {
        Ok(date) if text.len() == 10 => {
            date.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        }
        _ => text.parse().ok(),
    }
}

/// Reads `dependsOn` and `formerly`.
pub(super) fn links(
    envelope: &Envelope,
    id: &ResourceId,
    kinds: &[&str],
    root: &Node,
) -> (Vec<Need>, Vec<ResourceId>, Vec<Flaw>) {
    let mut flaws = Vec::new();
    let mut depends = Vec::new();
    for (index, text) in envelope.depends_on.iter().enumerate() {
        let path = format!("dependsOn[{index}]");
        let (node, _) = root.find(&path);
        match text.parse::<ResourceId>() {
            Ok(on) if kinds.contains(&on.kind.as_str()) => depends.push(Need { on, path, verb: "depends on" }),
            Ok(on) => {
                let label = match nearest(&on.kind, kinds.iter().copied()) {
                    Some(kind) => format!("did you mean \"{kind}/{}\"?", on.name),
                    None => format!("expected one of: {}", kinds.join(", ")),
                };
                flaws.push(Flaw::at(node.at, path, format!("there is no kind {:?}", on.kind), label));
            }
            Err(_) => {
                let message = format!("{text:?} is no id");
                flaws.push(Flaw::at(node.at, path, message, "expected Kind/name, such as Droplet/erp"));
            }
        }
    }
    let mut formerly = Vec::new();
    for (index, name) in envelope.metadata.formerly.iter().enumerate() {
        let path = format!("metadata.formerly[{index}]");
        if *name == id.name {
            let (node, _) = root.find(&path);
            flaws.push(Flaw::at(node.at, path, format!("{id} was always named {name:?}"), "expected an earlier name"));
        } else {
            formerly.push(ResourceId::new(id.kind.clone(), name.clone()));
        }
    }
    (depends, formerly, flaws)
}

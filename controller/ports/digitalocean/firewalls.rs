//! Cloud firewalls: `/v2/firewalls`. Ports stay as DigitalOcean writes them ("0" for all).

use serde::{Deserialize, Serialize};

use super::call::{Call, Need};
use super::list::{Id, Listed};
use super::wire::or_default;
use super::{Client, Result};

const NEED: Need = Need::of("firewall", "Firewall");

/// A firewall as DigitalOcean tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Firewall {
    /// DigitalOcean's id.
    pub id: String,
    /// Its name, unique in the team.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Whether its rules are in force everywhere.
    #[serde(default, deserialize_with = "or_default")]
    pub status: FirewallStatus,
    /// The droplets where they are not, yet.
    #[serde(default, deserialize_with = "or_default")]
    pub pending_changes: Vec<PendingChange>,
    /// What may come in.
    #[serde(default, deserialize_with = "or_default")]
    pub inbound_rules: Vec<InboundRule>,
    /// What may go out.
    #[serde(default, deserialize_with = "or_default")]
    pub outbound_rules: Vec<OutboundRule>,
    /// The droplets it guards by id.
    #[serde(default, deserialize_with = "or_default")]
    pub droplet_ids: Vec<u64>,
    /// The tags whose droplets it guards.
    #[serde(default, deserialize_with = "or_default")]
    pub tags: Vec<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: String,
}

/// Whether a firewall's rules are in force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirewallStatus {
    /// Being put in force.
    Waiting,
    /// In force.
    Succeeded,
    /// Could not be put in force.
    Failed,
    /// A status that this version does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A droplet on which a firewall is not in force yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PendingChange {
    /// The droplet.
    #[serde(deserialize_with = "or_default")]
    pub droplet_id: u64,
    /// Whether it is being taken off.
    #[serde(deserialize_with = "or_default")]
    pub removing: bool,
    /// How far it is.
    #[serde(deserialize_with = "or_default")]
    pub status: String,
}

/// What may come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundRule {
    /// `tcp`, `udp` or `icmp`.
    pub protocol: String,
    /// A port, a range, or `0` for all; `0` for icmp.
    #[serde(default, deserialize_with = "or_default")]
    pub ports: String,
    /// From where.
    #[serde(default, deserialize_with = "or_default")]
    pub sources: Targets,
}

/// What may go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboundRule {
    /// `tcp`, `udp` or `icmp`.
    pub protocol: String,
    /// A port, a range, or `0` for all; `0` for icmp.
    #[serde(default, deserialize_with = "or_default")]
    pub ports: String,
    /// Where to.
    #[serde(default, deserialize_with = "or_default")]
    pub destinations: Targets,
}

/// The far ends of a rule; what is empty is not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Targets {
    /// Addresses and ranges.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Droplets by id.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub droplet_ids: Vec<u64>,
    /// Load balancers by id.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub load_balancer_uids: Vec<String>,
    /// Kubernetes clusters by id.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub kubernetes_ids: Vec<String>,
    /// Droplets by tag.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// What a firewall shall be, whole: creating and replacing take the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FirewallBody {
    /// Its name.
    pub name: String,
    /// What may come in.
    pub inbound_rules: Vec<InboundRule>,
    /// What may go out.
    pub outbound_rules: Vec<OutboundRule>,
    /// The droplets it guards by id, ten at most.
    pub droplet_ids: Vec<u64>,
    /// The tags whose droplets it guards, five at most; they must exist.
    pub tags: Vec<String>,
}

impl Listed for Firewall {
    const KEY: &'static str = "firewalls";

    fn id(&self) -> Id<'_> {
        Id::Name(&self.id)
    }
}

#[derive(Deserialize)]
struct Answer {
    firewall: Firewall,
}

impl Client {
    /// Lists all firewalls.
    ///
    /// DigitalOcean leaves out of the answer what the token may not read (droplets, tags),
    /// so the token needs those scopes as well for a firewall to be told whole.
    pub async fn firewalls(&self) -> Result<Vec<Firewall>> {
        self.list(Call::get(&["firewalls"], NEED)).await
    }

    /// Reads one firewall.
    pub async fn firewall(&self, id: &str) -> Result<Option<Firewall>> {
        let answer: Option<Answer> = self.look_up(&Call::get(&["firewalls", id], NEED)).await?;
        Ok(answer.map(|answer| answer.firewall))
    }

    /// Makes a firewall. A name in use is a conflict.
    pub async fn create_firewall(&self, firewall: &FirewallBody) -> Result<Firewall> {
        let call = Call::create(&["firewalls"], NEED).body(firewall);
        let answer: Answer = self.ask(&call).await?;
        Ok(answer.firewall)
    }

    /// Replaces a firewall whole: what `firewall` leaves out is gone.
    pub async fn replace_firewall(&self, id: &str, firewall: &FirewallBody) -> Result<Firewall> {
        let call = Call::put(&["firewalls", id], NEED).body(firewall);
        let answer: Answer = self.ask(&call).await?;
        Ok(answer.firewall)
    }

    /// Deletes a firewall; its droplets stand open from then on.
    pub async fn delete_firewall(&self, id: &str) -> Result<()> {
        self.remove(&Call::delete(&["firewalls", id], NEED)).await
    }
}

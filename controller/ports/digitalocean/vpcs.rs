//! Private networks: `/v2/vpcs`. It compares no ranges.

use serde::{Deserialize, Serialize};

use super::call::{Call, Need};
use super::list::{Id, Listed};
use super::wire::or_default;
use super::{Client, Result};

const NEED: Need = Need::of("vpc", "Vpc");

/// A private network of one region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Vpc {
    /// DigitalOcean's id.
    pub id: String,
    /// Its name, unique in the team.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Free text, which may carry a marker.
    #[serde(default, deserialize_with = "or_default")]
    pub description: String,
    /// The region's slug.
    #[serde(default, deserialize_with = "or_default")]
    pub region: String,
    /// Its range in CIDR notation.
    #[serde(default, deserialize_with = "or_default")]
    pub ip_range: String,
    /// Whether new droplets of the region land here when they name none.
    #[serde(default, deserialize_with = "or_default")]
    pub default: bool,
    /// DigitalOcean's name for it across kinds.
    #[serde(default, deserialize_with = "or_default")]
    pub urn: String,
    /// When it was made.
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: String,
}

/// What a new network shall be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VpcCreate {
    /// Its name.
    pub name: String,
    /// Its region; fixed for good.
    pub region: String,
    /// Its range; DigitalOcean picks one where there is none. Fixed for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_range: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What a network shall be from now on. It is a PUT: send all that shall stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VpcUpdate {
    /// Its name.
    pub name: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `Some(true)` makes it the region's default; it cannot be unset, only passed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<bool>,
}

/// Something that is in a network and keeps it from being deleted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct VpcMember {
    /// What it is, such as `do:droplet:123`.
    pub urn: String,
    /// Its name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
}

impl Listed for Vpc {
    const KEY: &'static str = "vpcs";

    fn id(&self) -> Id<'_> {
        Id::Name(&self.id)
    }
}

impl Listed for VpcMember {
    const KEY: &'static str = "members";

    fn id(&self) -> Id<'_> {
        Id::Name(&self.urn)
    }
}

#[derive(Deserialize)]
struct Answer {
    vpc: Vpc,
}

impl Client {
    /// Lists all networks.
    pub async fn vpcs(&self) -> Result<Vec<Vpc>> {
        self.list(Call::get(&["vpcs"], NEED)).await
    }

    /// Reads one network.
    pub async fn vpc(&self, id: &str) -> Result<Option<Vpc>> {
        let answer: Option<Answer> = self.look_up(&Call::get(&["vpcs", id], NEED)).await?;
        Ok(answer.map(|answer| answer.vpc))
    }

    /// Makes a network. Serialise this per region: ranges are picked and checked there.
    pub async fn create_vpc(&self, vpc: &VpcCreate) -> Result<Vpc> {
        let answer: Answer = self.ask(&Call::create(&["vpcs"], NEED).body(vpc)).await?;
        Ok(answer.vpc)
    }

    /// Changes a network's name, description or default.
    pub async fn update_vpc(&self, id: &str, vpc: &VpcUpdate) -> Result<Vpc> {
        let answer: Answer = self.ask(&Call::put(&["vpcs", id], NEED).body(vpc)).await?;
        Ok(answer.vpc)
    }

    /// Deletes a network. While it has members (also just deleted ones) the error is `Busy`.
    pub async fn delete_vpc(&self, id: &str) -> Result<()> {
        self.remove(&Call::delete(&["vpcs", id], NEED)).await
    }

    /// Lists what is in a network.
    pub async fn vpc_members(&self, id: &str) -> Result<Vec<VpcMember>> {
        self.list(Call::get(&["vpcs", id, "members"], NEED)).await
    }
}

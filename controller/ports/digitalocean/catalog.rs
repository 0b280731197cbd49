//! What DigitalOcean sells: regions, sizes with their prices, images. It reckons no costs.

use serde::Deserialize;

use super::call::{Call, Need};
use super::list::{Id, Listed};
use super::wire::or_default;
use super::{Client, Result};

const REGIONS: Need = Need::of("regions", "every plan (which regions exist)");
const SIZES: Need = Need::of("sizes", "every plan (sizes and prices)");
const IMAGES: Need = Need::of("image", "Droplet (its image)");

/// A place where droplets can be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Region {
    /// Its name in the API, such as `fra1`.
    pub slug: String,
    /// Its name for people.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Whether new droplets are taken.
    #[serde(default, deserialize_with = "or_default")]
    pub available: bool,
    /// What it offers, such as `backups`.
    #[serde(default, deserialize_with = "or_default")]
    pub features: Vec<String>,
    /// The sizes it offers.
    #[serde(default, deserialize_with = "or_default")]
    pub sizes: Vec<String>,
}

/// A size of droplet and its price.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Size {
    /// Its name in the API, such as `s-2vcpu-4gb`.
    pub slug: String,
    /// Memory in MB.
    #[serde(default, deserialize_with = "or_default")]
    pub memory: u64,
    /// Virtual processors.
    #[serde(default, deserialize_with = "or_default")]
    pub vcpus: u64,
    /// Disk in GB.
    #[serde(default, deserialize_with = "or_default")]
    pub disk: u64,
    /// Traffic included, in TB.
    #[serde(default, deserialize_with = "or_default")]
    pub transfer: f64,
    /// US dollars a month.
    pub price_monthly: f64,
    /// US dollars an hour.
    #[serde(default, deserialize_with = "or_default")]
    pub price_hourly: f64,
    /// Where it is offered.
    #[serde(default, deserialize_with = "or_default")]
    pub regions: Vec<String>,
    /// Whether new droplets may have it.
    #[serde(default, deserialize_with = "or_default")]
    pub available: bool,
    /// Its class for people, such as `Basic`.
    #[serde(default, deserialize_with = "or_default")]
    pub description: String,
}

/// An image that droplets are made from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Image {
    /// The id, which moves whenever the slug's image is renewed.
    pub id: u64,
    /// The slug of a public image.
    #[serde(default)]
    pub slug: Option<String>,
    /// Its name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Its distribution.
    #[serde(default, deserialize_with = "or_default")]
    pub distribution: String,
    /// Where it is.
    #[serde(default, deserialize_with = "or_default")]
    pub regions: Vec<String>,
    /// The smallest disk it fits on, in GB.
    #[serde(default)]
    pub min_disk_size: Option<u64>,
    /// `available`, or why not.
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
}

impl Listed for Region {
    const KEY: &'static str = "regions";

    fn id(&self) -> Id<'_> {
        Id::Name(&self.slug)
    }
}

impl Listed for Size {
    const KEY: &'static str = "sizes";

    fn id(&self) -> Id<'_> {
        Id::Name(&self.slug)
    }
}

#[derive(Deserialize)]
struct Answer {
    image: Image,
}

impl Client {
    /// Lists the regions.
    pub async fn regions(&self) -> Result<Vec<Region>> {
        self.list(Call::get(&["regions"], REGIONS)).await
    }

    /// Lists the sizes with their prices.
    pub async fn sizes(&self) -> Result<Vec<Size>> {
        self.list(Call::get(&["sizes"], SIZES)).await
    }

    /// Reads an image by its slug or id.
    pub async fn image(&self, slug: &str) -> Result<Option<Image>> {
        let answer: Option<Answer> = self.look_up(&Call::get(&["images", slug], IMAGES)).await?;
        Ok(answer.map(|answer| answer.image))
    }
}

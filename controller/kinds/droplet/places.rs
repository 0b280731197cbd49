//! What droplets cost and where sizes can be had, from the catalog alone.

use super::spec::Plan;
use super::want::Backups;
use crate::model::world::Size;
use crate::model::{Catalog, Cents, Finding, ResourceId, finding::Weight};

/// A month's price of a droplet; none where the catalog does not know the size.
///
/// Weekly backups cost 20 % of it and daily ones 30 %. Where no schedule is said DigitalOcean makes daily ones.
pub(super) fn price(catalog: &Catalog, size: &str, backups: &Backups) -> Option<Cents> {
    let base = catalog.sizes.get(size)?.monthly;
    let percent = match backups {
        Backups::Off => 0,
        Backups::On(Some(schedule)) if schedule.plan == Plan::Weekly => 20,
        Backups::On(_) => 30,
    };
    Some(base + base.percent(percent))
}

/// Says why a size cannot be had in a region, with sizes that can; none where it can, or the catalog is not known.
pub(super) fn refused(id: &ResourceId, catalog: &Catalog, size: &str, region: &str) -> Option<Finding> {
    if catalog.sizes.is_empty() {
        return None;
    }
    let known = catalog.sizes.get(size);
    if known.is_some_and(|size| offered(size, region)) {
        return None;
    }
    let (rule, text) = match known {
        None => ("size-unknown", format!("DigitalOcean has no size {size}")),
        Some(size_of) if !size_of.available => ("size-not-offered", format!("size {size} is not offered any more")),
        Some(_) => ("size-not-offered", format!("size {size} is not offered in {region}")),
    };
    let similar = similar(catalog, size, region);
    let hint = match similar.is_empty() {
        true => format!("No size at all is offered in {region}: check the region."),
        false => format!("Similar sizes in {region}: {}.", similar.join(", ")),
    };
    Some(Finding::about(id, Weight::Problem, rule, text).hint(hint))
}

fn offered(size: &Size, region: &str) -> bool {
    size.available && size.regions.iter().any(|r| r == region)
}

/// The three sizes of a region that are nearest: by price where the size is known, else by the words of the slug.
fn similar<'a>(catalog: &'a Catalog, slug: &str, region: &str) -> Vec<&'a str> {
    let known = catalog.sizes.get(slug).map(|size| size.monthly.0);
    let far = |other: &str, size: &Size| match known {
        Some(monthly) => (monthly - size.monthly.0).abs(),
        None => {
            let words: Vec<&str> = other.split('-').collect();
            let shared = slug.split('-').filter(|word| words.contains(word)).count();
            -i64::try_from(shared).unwrap_or(0)
        }
    };
    let mut all: Vec<(i64, i64, &str)> = catalog
        .sizes
        .iter()
        .filter(|(_, size)| offered(size, region))
        .map(|(other, size)| (far(other, size), size.monthly.0, other.as_str()))
        .collect();
    all.sort_unstable();
    all.into_iter().take(3).map(|(_, _, slug)| slug).collect()
}

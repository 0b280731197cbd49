//! `/v2/droplets`: what a droplet is, how it is shown, listed and destroyed. Creation is in `droplet_create.rs`,
//! everything that takes time in `actions.rs`.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::actions::{self, Effect};
use super::backups::{self, BackupPolicy, BackupWindow};
use super::call::{Answer, Call, Problem, Reply};
use super::catalog::{self, CATALOG, Gpu, Region, Size};
use super::clock::stamp;
use super::images::{self, Image};
use super::networks::{self, Networks};
use super::pages;
use super::state::{Departed, World};

/// A virtual machine.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Droplet {
    /// Its number.
    pub id: u64,
    /// Its name; not unique.
    pub name: String,
    /// `new`, `active`, `off` or `archive`.
    pub status: String,
    /// The region's slug.
    pub region: String,
    /// The size's slug.
    pub size: String,
    /// GB of disk; stays behind when a resize leaves the disk alone.
    pub disk: u64,
    /// The number of the image it was made of.
    pub image: u64,
    /// The VPC it lives in.
    pub vpc_uuid: String,
    /// Canonical tag names.
    pub tags: Vec<String>,
    /// `monitoring`, `ipv6`, `droplet_agent`, …; `backups` follows from the policy.
    pub features: Vec<String>,
    /// When backups are taken; none where they are off.
    pub backup_policy: Option<BackupPolicy>,
    /// When it was asked for, in milliseconds since 1970.
    pub created_at: u64,
    /// Whether it gets a public address.
    pub public_networking: bool,
    /// The public IPv4 address, once it is up.
    pub public_v4: Option<Ipv4Addr>,
    /// The address in the VPC, once it is up.
    pub private_v4: Option<Ipv4Addr>,
    /// The public IPv6 address.
    pub public_v6: Option<Ipv6Addr>,
    /// Snapshots taken of it.
    pub snapshot_ids: Vec<u64>,
    /// The action that is under way; it locks the droplet.
    pub event: Option<u64>,
    /// The keys that were sent at creation; the API never shows them.
    pub ssh_keys: Vec<u64>,
    /// The user data that was sent at creation; the API never shows it.
    pub user_data: Option<String>,
    /// Set by hand: the system inside ignores a `shutdown`, so that only `power_off` stops it.
    #[serde(default)]
    pub ignores_shutdown: bool,
}

impl Droplet {
    /// Says whether a feature is on.
    pub(super) fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|own| own == feature)
    }

    /// Says whether it is listed with `?type=gpus` only.
    pub(super) fn is_gpu(&self) -> bool {
        self.size.starts_with("gpu-")
    }
}

/// A droplet as the API shows it.
#[derive(Serialize)]
pub(super) struct View<'a> {
    id: u64,
    name: &'a str,
    memory: u64,
    vcpus: u64,
    disk: u64,
    disk_info: [catalog::Disk; 1],
    locked: bool,
    status: &'a str,
    kernel: Option<()>,
    created_at: String,
    features: Vec<&'a str>,
    backup_ids: [u64; 0],
    next_backup_window: Option<BackupWindow>,
    snapshot_ids: &'a [u64],
    image: std::borrow::Cow<'a, Image>,
    volume_ids: [&'a str; 0],
    size: &'a Size,
    size_slug: &'a str,
    networks: Networks,
    region: &'a Region,
    tags: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    vpc_uuid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu_info: Option<Gpu>,
}

/// Shows a droplet; an unknown size or region, set by hand, is shown as the first of the catalogue.
pub(super) fn view<'a>(world: &'a World, droplet: &'a Droplet, now: u64) -> Option<View<'a>> {
    let size = CATALOG.size(&droplet.size).or_else(|| CATALOG.sizes.first())?;
    let region = CATALOG.region(&droplet.region).or_else(|| CATALOG.regions.first())?;
    let backups = droplet.backup_policy.as_ref().map(|_| "backups");
    let private = droplet.private_v4.map(|_| "private_networking");
    let others = droplet.features.iter().map(String::as_str);
    Some(View {
        id: droplet.id,
        name: &droplet.name,
        memory: size.memory,
        vcpus: size.vcpus,
        disk: droplet.disk,
        disk_info: [catalog::local_disk(droplet.disk)],
        locked: droplet.event.is_some(),
        status: &droplet.status,
        kernel: None,
        created_at: stamp(droplet.created_at),
        features: backups.into_iter().chain(others).chain(private).collect(),
        backup_ids: [],
        next_backup_window: backups::window(droplet, now),
        snapshot_ids: &droplet.snapshot_ids,
        image: match images::by_id(world, droplet.image) {
            Some(image) => std::borrow::Cow::Borrowed(image),
            None => std::borrow::Cow::Owned(Image::retired(droplet.image)),
        },
        volume_ids: [],
        size,
        size_slug: &droplet.size,
        networks: networks::view(world, droplet),
        region,
        tags: &droplet.tags,
        vpc_uuid: &droplet.vpc_uuid,
        gpu_info: size.gpu_info,
    })
}

/// Finds a droplet by the number in a path.
pub(super) fn find<'a>(world: &'a World, id: &str) -> Result<&'a Droplet, Problem> {
    id.parse().ok().and_then(|id: u64| world.droplets.get(&id)).ok_or_else(Problem::not_found)
}

/// Answers `GET /v2/droplets`: without `type=gpus`, GPU droplets are missing.
pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    let (name, tag, kind) = (call.param("name"), call.param("tag_name"), call.param("type"));
    if tag.is_some() && (name.is_some() || kind.is_some()) {
        return Err(Problem::unprocessable("tag_name cannot be combined with name or type"));
    }
    if kind.is_some_and(|kind| !matches!(kind, "droplets" | "gpus")) {
        return Err(Problem::unprocessable("type must be droplets or gpus"));
    }
    let gpus = kind == Some("gpus");
    let wanted = world
        .droplets
        .values()
        .filter(move |droplet| tag.is_some() || droplet.is_gpu() == gpus)
        .filter(move |droplet| name.is_none_or(|name| droplet.name.eq_ignore_ascii_case(name)))
        .filter(move |droplet| tag.is_none_or(|tag| carries(droplet, tag)));
    pages::list(call, "droplets", wanted, |droplet| view(world, droplet, call.now))
}

fn carries(droplet: &Droplet, tag: &str) -> bool {
    droplet.tags.iter().any(|own| own.eq_ignore_ascii_case(tag))
}

/// Answers `GET /v2/droplets/{id}`.
pub(super) fn get(world: &World, call: &Call<'_>, id: &str) -> Answer {
    let droplet = find(world, id)?;
    Reply::one(StatusCode::OK, "droplet", &view(world, droplet, call.now))
}

/// Answers `DELETE /v2/droplets/{id}`: refused while an event is pending; the droplet is gone a little later.
pub(super) fn delete(world: &mut World, call: &Call<'_>, id: &str) -> Answer {
    let id = find(world, id)?.id;
    actions::refuse_while_pending(world, id)?;
    actions::start(world, call, id, "destroy", Effect::Destroy);
    Reply::no_content()
}

/// Answers `DELETE /v2/droplets?tag_name=`, which destroys every match.
pub(super) fn delete_tagged(world: &mut World, call: &Call<'_>) -> Answer {
    let tag = call.param("tag_name").ok_or_else(|| Problem::unprocessable("tag_name is required"))?;
    let ids: Vec<u64> =
        world.droplets.values().filter(|droplet| carries(droplet, tag)).map(|droplet| droplet.id).collect();
    for id in ids {
        actions::start(world, call, id, "destroy", Effect::Destroy);
    }
    Reply::no_content()
}

/// Removes a droplet and every mention of it; its VPC counts it until `until`.
pub(super) fn remove(world: &mut World, id: u64, until: u64) {
    let Some(droplet) = world.droplets.remove(&id) else {
        return;
    };
    world.departed.push(Departed { vpc: droplet.vpc_uuid, until });
    for firewall in &mut world.firewalls {
        firewall.forget(id);
    }
}

/// Answers `GET /v2/droplets/{id}/snapshots`.
pub(super) fn snapshots(world: &World, call: &Call<'_>, id: &str) -> Answer {
    let droplet = find(world, id)?;
    let own = droplet.snapshot_ids.iter().filter_map(|id| world.snapshots.get(id));
    pages::list(call, "snapshots", own, |image| {
        json!({
            "id": image.id,
            "name": image.name,
            "type": image.kind,
            "created_at": image.created_at,
            "regions": image.regions,
            "min_disk_size": image.min_disk_size,
            "size_gigabytes": image.size_gigabytes,
        })
    })
}

/// Answers the lists of a droplet that are always empty here: backups and kernels.
pub(super) fn nothing(world: &World, call: &Call<'_>, id: &str, key: &'static str) -> Answer {
    find(world, id)?;
    pages::list(call, key, std::iter::empty::<()>(), |()| ())
}

/// Answers `GET /v2/droplets/{id}/neighbors`: no two droplets share a machine here.
pub(super) fn neighbors(world: &World, id: &str) -> Answer {
    find(world, id)?;
    Reply::one(StatusCode::OK, "droplets", &[(); 0])
}

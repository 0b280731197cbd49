//! `/v2/images`: distribution images from the catalogue, and snapshots that droplet actions made.
//! Custom uploads, transfers between accounts and image actions are not simulated.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::{Answer, Call, Problem, Reply};
use super::catalog::CATALOG;
use super::pages;
use super::state::World;

/// An image as the API shows it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Image {
    /// The number of this build; a slug moves to newer numbers over time.
    pub id: u64,
    /// The name that people see.
    pub name: String,
    /// `base`, `snapshot`, `backup`, `custom` or `admin`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The distribution's name.
    pub distribution: String,
    /// The name that stays the same from build to build; none for snapshots.
    pub slug: Option<String>,
    /// Whether every account sees it.
    pub public: bool,
    /// Where a droplet can be made of it.
    pub regions: Vec<String>,
    /// When it was made.
    pub created_at: String,
    /// GB of disk that a droplet needs at least.
    pub min_disk_size: u64,
    /// GB that it takes.
    pub size_gigabytes: f64,
    /// Free text.
    pub description: String,
    /// Canonical tag names.
    pub tags: Vec<String>,
    /// `available`, `pending`, `NEW`, `deleted` or `retired`.
    pub status: String,
    /// Why an import failed; empty.
    pub error_message: String,
}

#[derive(Deserialize)]
struct Update {
    name: Option<String>,
    description: Option<String>,
}

impl Image {
    /// Builds a distribution image.
    pub(super) fn base(
        id: u64,
        slug: &str,
        name: &str,
        distribution: &str,
        disk: u64,
        gigabytes: f64,
        regions: &[String],
    ) -> Self {
        Self {
            id,
            name: name.to_owned(),
            kind: "base".to_owned(),
            distribution: distribution.to_owned(),
            slug: Some(slug.to_owned()),
            public: true,
            regions: regions.to_vec(),
            created_at: "2026-05-20T09:30:00Z".to_owned(),
            min_disk_size: disk,
            size_gigabytes: gigabytes,
            description: format!("{distribution} {name}"),
            tags: Vec::new(),
            status: "available".to_owned(),
            error_message: String::new(),
        }
    }

    /// Builds a snapshot of a droplet's disk.
    pub(super) fn snapshot(id: u64, name: &str, of: &Image, region: &str, disk: u64, created_at: String) -> Self {
        Self {
            id,
            name: name.to_owned(),
            kind: "snapshot".to_owned(),
            slug: None,
            public: false,
            regions: vec![region.to_owned()],
            created_at,
            min_disk_size: disk,
            description: String::new(),
            tags: Vec::new(),
            ..of.clone()
        }
    }

    /// Stands for an image that the catalogue no longer has.
    pub(super) fn retired(id: u64) -> Self {
        Self { status: "retired".to_owned(), slug: None, ..Self::base(id, "", "retired", "Unknown", 7, 0.5, &[]) }
    }
}

/// Finds an image by id or slug, as requests name it.
pub(super) fn find<'a>(world: &'a World, which: &Value) -> Option<&'a Image> {
    match which {
        Value::Number(number) => by_id(world, number.as_u64()?),
        Value::String(text) => named(world, text),
        _ => None,
    }
}

/// Finds an image by its number.
pub(super) fn by_id(world: &World, id: u64) -> Option<&Image> {
    CATALOG.images.iter().find(|image| image.id == id).or_else(|| world.snapshots.get(&id))
}

fn named<'a>(world: &'a World, text: &str) -> Option<&'a Image> {
    match text.parse() {
        Ok(id) => by_id(world, id),
        Err(_) => CATALOG.images.iter().find(|image| image.slug.as_deref() == Some(text)),
    }
}

/// Answers `GET /v2/images` with its filters `type`, `private` and `tag_name`.
pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    let private = call.param("private") == Some("true");
    let kind = call.param("type");
    let tag = call.param("tag_name");
    let wanted = CATALOG
        .images
        .iter()
        .chain(world.snapshots.values())
        .filter(move |image| !private || !image.public)
        .filter(move |image| match kind {
            Some("distribution") => image.kind == "base",
            Some("application") => false,
            _ => true,
        })
        .filter(move |image| tag.is_none_or(|tag| image.tags.iter().any(|own| own.eq_ignore_ascii_case(tag))));
    pages::list(call, "images", wanted, |image| image)
}

/// Answers `GET /v2/images/{id or slug}`.
pub(super) fn get(world: &World, which: &str) -> Answer {
    let image = named(world, which).ok_or_else(Problem::not_found)?;
    Reply::one(StatusCode::OK, "image", image)
}

/// Answers `PUT /v2/images/{id}`, for snapshots only.
pub(super) fn update(world: &mut World, call: &Call<'_>, which: &str) -> Answer {
    let body: Update = call.json()?;
    let image = which.parse().ok().and_then(|id: u64| world.snapshots.get_mut(&id)).ok_or_else(Problem::not_found)?;
    image.name = body.name.unwrap_or_else(|| image.name.clone());
    image.description = body.description.unwrap_or_else(|| image.description.clone());
    Reply::one(StatusCode::OK, "image", image)
}

/// Answers `DELETE /v2/images/{id}`, for snapshots only.
pub(super) fn delete(world: &mut World, which: &str) -> Answer {
    let id = which.parse().ok().filter(|id: &u64| world.snapshots.contains_key(id)).ok_or_else(Problem::not_found)?;
    world.snapshots.remove(&id);
    for droplet in world.droplets.values_mut() {
        droplet.snapshot_ids.retain(|own| *own != id);
    }
    Reply::no_content()
}

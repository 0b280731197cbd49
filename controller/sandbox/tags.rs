//! `/v2/tags` and `/v2/tags/{name}/resources`. A tag's first spelling is the canonical one and names it in URLs;
//! another spelling of the same letters is the same tag.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::{Answer, Call, Problem, Reply};
use super::pages;
use super::state::World;

const MAX_LENGTH: usize = 255;

/// A tag of the account; what carries it is known by the objects themselves.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Tag {
    /// The canonical spelling.
    pub name: String,
}

#[derive(Deserialize)]
struct Create {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Resources {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    resource_id: Value,
    resource_type: String,
}

/// Answers `GET /v2/tags`.
pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    pages::list(call, "tags", world.tags.values(), |tag| view(world, call, tag))
}

/// Answers `GET /v2/tags/{name}`.
pub(super) fn get(world: &World, call: &Call<'_>, name: &str) -> Answer {
    let tag = exact(world, name)?;
    Reply::one(StatusCode::OK, "tag", &view(world, call, tag))
}

/// Answers `POST /v2/tags`; a tag that exists is answered, not doubled.
pub(super) fn create(world: &mut World, call: &Call<'_>) -> Answer {
    let body: Create = call.json()?;
    let name = canonical(world, &body.name.unwrap_or_default())?;
    let tag = exact(world, &name)?;
    Ok(Reply::one(StatusCode::CREATED, "tag", &view(world, call, tag))?.at(format!("/v2/tags/{name}")))
}

/// Answers `DELETE /v2/tags/{name}`: the tag goes from everything that carries it.
pub(super) fn delete(world: &mut World, name: &str) -> Answer {
    let name = exact(world, name)?.name.clone();
    world.tags.remove(&name.to_lowercase());
    for droplet in world.droplets.values_mut() {
        droplet.tags.retain(|tag| *tag != name);
    }
    for image in world.snapshots.values_mut() {
        image.tags.retain(|tag| *tag != name);
    }
    for firewall in &mut world.firewalls {
        firewall.forget_tag(&name);
    }
    Reply::no_content()
}

/// Answers `POST /v2/tags/{name}/resources`.
pub(super) fn attach(world: &mut World, call: &Call<'_>, name: &str) -> Answer {
    change(world, call, name, |tags, name| {
        if !tags.iter().any(|tag| tag == name) {
            tags.push(name.to_owned());
        }
    })
}

/// Answers `DELETE /v2/tags/{name}/resources`, whose body names what loses the tag.
pub(super) fn detach(world: &mut World, call: &Call<'_>, name: &str) -> Answer {
    change(world, call, name, |tags, name| {
        tags.retain(|tag| tag != name);
    })
}

fn change(world: &mut World, call: &Call<'_>, name: &str, edit: impl Fn(&mut Vec<String>, &str)) -> Answer {
    let name = exact(world, name)?.name.clone();
    let body: Resources = call.json()?;
    if body.resources.is_empty() {
        return Err(Problem::unprocessable("resources can't be blank"));
    }
    let ids = body.resources.iter().map(|resource| target(world, resource)).collect::<Result<Vec<_>, _>>()?;
    for id in ids {
        if let Some(tags) = tags_of(world, id) {
            edit(tags, &name);
        }
    }
    Reply::no_content()
}

fn target(world: &mut World, resource: &Resource) -> Result<u64, Problem> {
    let id = match &resource.resource_id {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let known = match (resource.resource_type.as_str(), id) {
        ("droplet", Some(id)) => world.droplets.contains_key(&id),
        ("image", Some(id)) => world.snapshots.contains_key(&id),
        _ => false,
    };
    id.filter(|_| known).ok_or_else(Problem::not_found)
}

fn tags_of(world: &mut World, id: u64) -> Option<&mut Vec<String>> {
    match world.droplets.get_mut(&id) {
        Some(droplet) => Some(&mut droplet.tags),
        None => world.snapshots.get_mut(&id).map(|image| &mut image.tags),
    }
}

/// Returns the canonical spelling of a tag, creating it where it is new.
pub(super) fn canonical(world: &mut World, name: &str) -> Result<String, Problem> {
    check(name)?;
    let tag = world.tags.entry(name.to_lowercase()).or_insert_with(|| Tag { name: name.to_owned() });
    Ok(tag.name.clone())
}

/// Fails as the API does on a name that cannot be a tag.
pub(super) fn check(name: &str) -> Result<(), Problem> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
    if name.is_empty() || name.len() > MAX_LENGTH || !name.chars().all(allowed) {
        return Err(Problem::unprocessable(format!(
            "Tag name \"{name}\" is invalid: letters, numbers, colons, dashes and underscores, at most 255"
        )));
    }
    Ok(())
}

/// Returns the canonical spelling of a tag that exists, whatever the case.
pub(super) fn known<'a>(world: &'a World, name: &str) -> Option<&'a str> {
    world.tags.get(&name.to_lowercase()).map(|tag| tag.name.as_str())
}

/// Finds a tag by its canonical spelling only, as URLs must.
fn exact<'a>(world: &'a World, name: &str) -> Result<&'a Tag, Problem> {
    world.tags.get(&name.to_lowercase()).filter(|tag| tag.name == name).ok_or_else(Problem::not_found)
}

fn view(world: &World, call: &Call<'_>, tag: &Tag) -> Value {
    let carried = |tags: &[String]| tags.contains(&tag.name);
    let droplets: Vec<u64> =
        world.droplets.values().filter(|droplet| carried(&droplet.tags)).map(|droplet| droplet.id).collect();
    let images: Vec<u64> =
        world.snapshots.values().filter(|image| carried(&image.tags)).map(|image| image.id).collect();
    let part = |kind: &str, ids: &[u64]| match ids.last() {
        Some(id) => json!({
            "count": ids.len(),
            "last_tagged_uri": format!("{}/v2/{kind}/{id}", call.base),
        }),
        None => json!({"count": 0}),
    };
    let mut all = json!({
        "count": droplets.len() + images.len(),
        "droplets": part("droplets", &droplets),
        "images": part("images", &images),
        "volumes": {"count": 0},
        "volume_snapshots": {"count": 0},
        "databases": {"count": 0},
    });
    let last = part("images", &images);
    let last = if droplets.is_empty() { last } else { part("droplets", &droplets) };
    if let (Some(all), Some(uri)) = (all.as_object_mut(), last.get("last_tagged_uri")) {
        all.insert("last_tagged_uri".to_owned(), uri.clone());
    }
    json!({"name": tag.name, "resources": all})
}

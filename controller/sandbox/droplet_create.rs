//! `POST /v2/droplets`: checks the body as the API does, then makes droplets that come up when their action ends.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::actions::{self, Effect};
use super::backups::BackupPolicy;
use super::call::{Answer, Call, Problem, Reply};
use super::catalog::{CATALOG, Size};
use super::droplets::{self, Droplet};
use super::state::World;
use super::{images, keys, tags, vpcs};

const MAX_NAMES: usize = 10;
const MAX_NAME: usize = 255;
const MAX_USER_DATA: usize = 64 * 1024;
const DEFAULT_REGION: &str = "nyc3";

#[derive(Deserialize)]
struct Body {
    name: Option<String>,
    names: Option<Vec<String>>,
    region: Option<String>,
    size: Option<String>,
    image: Option<Value>,
    ssh_keys: Option<Vec<Value>>,
    backups: Option<bool>,
    backup_policy: Option<BackupPolicy>,
    ipv6: Option<bool>,
    monitoring: Option<bool>,
    tags: Option<Vec<String>>,
    user_data: Option<String>,
    volumes: Option<Vec<Value>>,
    vpc_uuid: Option<String>,
    with_droplet_agent: Option<bool>,
    public_networking: Option<bool>,
}

/// Answers 202 with one droplet, or with several where `names` was sent.
pub(super) fn create(world: &mut World, call: &Call<'_>) -> Answer {
    let body: Body = call.json()?;
    let names = names(&body)?;
    let several = body.names.is_some();
    if (world.droplets.len() + names.len()) as u64 > world.droplet_limit {
        return Err(Problem::unprocessable("creating this/these droplet(s) will exceed your droplet limit"));
    }
    let pattern = pattern(world, call, body)?;
    let mut made = Vec::new();
    for name in names {
        let id = world.next_id();
        let droplet = Droplet { id, name, ..pattern.clone() };
        world.droplets.insert(id, droplet);
        let action = actions::start(world, call, id, "create", Effect::Create);
        made.push((id, action));
    }
    answer(world, call, &made, several)
}

fn answer(world: &World, call: &Call<'_>, made: &[(u64, u64)], several: bool) -> Answer {
    let views: Vec<_> =
        made.iter().filter_map(|(id, _)| droplets::view(world, world.droplets.get(id)?, call.now)).collect();
    let links: Vec<Value> = made
        .iter()
        .map(|(_, action)| {
            let href = format!("{}/v2/actions/{action}", call.base);
            json!({"id": action, "rel": "create", "href": href})
        })
        .collect();
    let links = json!({"actions": links});
    let mut reply = match (several, views.as_slice()) {
        (false, [view]) => Reply::json(StatusCode::ACCEPTED, &json!({"droplet": view, "links": links}))?,
        _ => Reply::json(StatusCode::ACCEPTED, &json!({"droplets": views, "links": links}))?,
    };
    for (id, _) in made {
        reply = reply.at(format!("/v2/droplets/{id}"));
    }
    Ok(reply)
}

fn names(body: &Body) -> Result<Vec<String>, Problem> {
    let names = match (&body.name, &body.names) {
        (Some(name), None) => vec![name.clone()],
        (None, Some(names)) => names.clone(),
        (None, None) => return Err(Problem::unprocessable("Name can't be blank")),
        (Some(_), Some(_)) => {
            return Err(Problem::unprocessable("name and names cannot be used together"));
        }
    };
    if names.is_empty() || names.len() > MAX_NAMES {
        return Err(Problem::unprocessable(format!("names must hold 1 to {MAX_NAMES} names")));
    }
    names.iter().try_for_each(|name| check_name(name))?;
    Ok(names)
}

/// Fails on what is no host name: `^[a-zA-Z0-9]?[a-z0-9A-Z.\-]*[a-z0-9A-Z]$`, at most 255.
pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    if name.is_empty() {
        return Err(Problem::unprocessable("Name can't be blank"));
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if name.len() > MAX_NAME || !name.chars().all(fine) || !name.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(Problem::unprocessable("Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"));
    }
    Ok(())
}

/// Builds the droplet that all names of one request share.
fn pattern(world: &mut World, call: &Call<'_>, body: Body) -> Result<Droplet, Problem> {
    let region = body.region.as_deref().unwrap_or(DEFAULT_REGION);
    let size = size(body.size.as_deref(), region)?;
    let image = image(world, body.image.as_ref(), size, region)?;
    let ssh_keys = ssh_keys(world, body.ssh_keys.as_deref().unwrap_or_default())?;
    let backup_policy = match (body.backups, body.backup_policy) {
        (Some(true), Some(policy)) => Some(policy.checked()?),
        (Some(true), None) => Some(BackupPolicy::default()),
        (_, Some(_)) => {
            return Err(Problem::unprocessable("backup_policy can only be set when backups is true"));
        }
        (_, None) => None,
    };
    if body.user_data.as_ref().map_or(0, String::len) > MAX_USER_DATA {
        return Err(Problem::unprocessable("User data is too long (64 KiB)"));
    }
    if let Some(volume) = body.volumes.as_deref().and_then(<[Value]>::first) {
        return Err(Problem::unprocessable(format!("volume {volume} not found")));
    }
    let wanted = body.tags.unwrap_or_default();
    wanted.iter().try_for_each(|tag| tags::check(tag))?;
    let vpc_uuid = vpcs::for_droplet(world, call, body.vpc_uuid.as_deref(), region)?;
    let mut canonical: Vec<String> = Vec::new();
    for tag in &wanted {
        let name = tags::canonical(world, tag)?;
        if !canonical.contains(&name) {
            canonical.push(name);
        }
    }
    let features = [
        ("ipv6", body.ipv6 == Some(true)),
        ("monitoring", body.monitoring == Some(true)),
        ("droplet_agent", body.with_droplet_agent != Some(false)),
    ];
    Ok(Droplet {
        id: 0,
        name: String::new(),
        status: "new".to_owned(),
        region: region.to_owned(),
        size: size.slug.to_owned(),
        disk: size.disk,
        image,
        vpc_uuid,
        tags: canonical,
        features: features.iter().filter(|(_, on)| *on).map(|(name, _)| (*name).to_owned()).collect(),
        backup_policy,
        created_at: call.now,
        public_networking: body.public_networking != Some(false),
        public_v4: None,
        private_v4: None,
        public_v6: None,
        snapshot_ids: Vec::new(),
        event: None,
        ssh_keys,
        user_data: body.user_data,
        ignores_shutdown: false,
    })
}

fn size(slug: Option<&str>, region: &str) -> Result<&'static Size, Problem> {
    let size = slug.and_then(|slug| CATALOG.size(slug)).ok_or_else(|| invalid("size"))?;
    CATALOG.region(region).filter(|region| region.available).ok_or_else(|| invalid("region"))?;
    if !size.regions.contains(&region) {
        return Err(Problem::unprocessable("Size is not available in this region."));
    }
    Ok(size)
}

fn image(world: &World, which: Option<&Value>, size: &Size, region: &str) -> Result<u64, Problem> {
    let image = which.and_then(|which| images::find(world, which)).ok_or_else(|| invalid("image"))?;
    if !image.regions.iter().any(|own| own == region) {
        return Err(Problem::unprocessable("Image is not available in this region."));
    }
    if image.min_disk_size > size.disk {
        return Err(Problem::unprocessable("This size is not available because it has a smaller disk."));
    }
    Ok(image.id)
}

fn ssh_keys(world: &World, wanted: &[Value]) -> Result<Vec<u64>, Problem> {
    wanted
        .iter()
        .map(|which| {
            let text = match which {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            keys::find(world, &text).map(|key| key.id).ok_or_else(|| {
                Problem::unprocessable(format!("{text} are invalid key identifiers for Droplet creation."))
            })
        })
        .collect()
}

fn invalid(what: &str) -> Problem {
    Problem::unprocessable(format!("You specified an invalid {what} for Droplet creation."))
}

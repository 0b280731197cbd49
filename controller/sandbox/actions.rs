//! Actions: work that takes time. An action is a record with a due time; its effect comes about when a request
//! finds it due. A droplet with an action under way is locked and refuses the next one.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::backups::BackupPolicy;
use super::call::{Answer, Call, Problem, Reply};
use super::catalog::{CATALOG, Region};
use super::clock::stamp;
use super::droplets;
use super::images::{self, Image};
use super::pages;
use super::state::World;
use super::{droplet_actions, networks};

/// Work on a droplet, under way or done.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Action {
    /// Its number.
    pub id: u64,
    /// `in-progress`, `completed` or `errored`.
    pub status: String,
    /// `create`, `resize`, `power_off`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// When it was asked for, in milliseconds since 1970.
    pub started_at: u64,
    /// When it ends, in milliseconds since 1970.
    pub due: u64,
    /// The droplet it works on.
    pub droplet: u64,
    /// The droplet's region.
    pub region: String,
    /// What is true once it has ended.
    pub effect: Effect,
    /// Whether it will end as `errored`, without its effect.
    #[serde(default)]
    pub fails: bool,
}

/// What an action changes when it ends.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The droplet comes up and gets its addresses; a failure removes it.
    Create,
    /// The droplet is gone.
    Destroy,
    /// Nothing but time passes.
    Nothing,
    /// The droplet's status changes.
    Status(String),
    /// The droplet has another name.
    Rename(String),
    /// The droplet has another size, and perhaps a larger disk.
    Resize {
        /// The size's slug.
        size: String,
        /// Whether the disk grows too.
        disk: bool,
    },
    /// Backups are taken as this says, or no more.
    Backups(Option<BackupPolicy>),
    /// The droplet has an IPv6 address.
    Ipv6,
    /// The droplet's disk holds another image.
    Image(u64),
    /// An image of the droplet's disk exists.
    Snapshot(String),
}

#[derive(Serialize)]
struct View<'a> {
    id: u64,
    status: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    started_at: String,
    completed_at: Option<String>,
    resource_id: u64,
    resource_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a Region>,
    region_slug: &'a str,
}

fn view(action: &Action) -> View<'_> {
    View {
        id: action.id,
        status: &action.status,
        kind: &action.kind,
        started_at: stamp(action.started_at),
        completed_at: (action.status != "in-progress").then(|| stamp(action.due)),
        resource_id: action.droplet,
        resource_type: "droplet",
        region: CATALOG.region(&action.region),
        region_slug: &action.region,
    }
}

/// Begins an action on a droplet, which is locked from now on, and returns its number.
pub(super) fn start(world: &mut World, call: &Call<'_>, droplet: u64, kind: &str, effect: Effect) -> u64 {
    let id = world.next_id();
    let mut region = String::new();
    if let Some(target) = world.droplets.get_mut(&droplet) {
        target.event = Some(id);
        region.clone_from(&target.region);
    }
    let due = call.now.saturating_add(call.action_ms);
    let action = Action {
        id,
        status: "in-progress".to_owned(),
        kind: kind.to_owned(),
        started_at: call.now,
        due,
        droplet,
        region,
        effect,
        fails: call.errored,
    };
    world.actions.insert(id, action);
    world.pending.insert((due, id));
    id
}

/// Fails as the API does while another action works on the droplet.
pub(super) fn refuse_while_pending(world: &World, droplet: u64) -> Result<(), Problem> {
    match world.droplets.get(&droplet).and_then(|own| own.event) {
        Some(_) => Err(Problem::unprocessable("Droplet already has a pending event.")),
        None => Ok(()),
    }
}

/// Ends an action: its effect comes about, unless it is one that fails.
pub(super) fn finish(world: &mut World, id: u64) {
    let Some(action) = world.actions.get_mut(&id) else {
        return;
    };
    let (status, fails) = match action.fails {
        true => ("errored", true),
        false => ("completed", false),
    };
    action.status = status.to_owned();
    let action = action.clone();
    if let Some(droplet) = world.droplets.get_mut(&action.droplet)
        && droplet.event == Some(id)
    {
        droplet.event = None;
    }
    match (fails, &action.effect) {
        (false, effect) => apply(world, &action, effect.clone()),
        (true, Effect::Create) => droplets::remove(world, action.droplet, action.due),
        (true, _) => {}
    }
}

fn apply(world: &mut World, action: &Action, effect: Effect) {
    match effect {
        Effect::Create => networks::assign(world, action.droplet),
        Effect::Destroy => {
            let lag = action.due.saturating_sub(action.started_at);
            return droplets::remove(world, action.droplet, action.due.saturating_add(lag));
        }
        Effect::Snapshot(ref name) => snapshot(world, action, name),
        _ => {}
    }
    let Some(droplet) = world.droplets.get_mut(&action.droplet) else {
        return;
    };
    match effect {
        Effect::Create => droplet.status = "active".to_owned(),
        Effect::Status(status) => droplet.status = status,
        Effect::Rename(name) => droplet.name = name,
        Effect::Backups(policy) => droplet.backup_policy = policy,
        Effect::Image(image) => droplet.image = image,
        Effect::Resize { size, disk } => {
            if let Some(size) = CATALOG.size(&size).filter(|_| disk) {
                droplet.disk = size.disk;
            }
            droplet.size = size;
        }
        Effect::Ipv6 => {
            if !droplet.has("ipv6") {
                droplet.features.push("ipv6".to_owned());
            }
            droplet.public_v6 = Some(networks::v6_of(droplet.id));
        }
        Effect::Nothing | Effect::Destroy | Effect::Snapshot(_) => {}
    }
}

fn snapshot(world: &mut World, action: &Action, name: &str) {
    let Some(droplet) = world.droplets.get(&action.droplet) else {
        return;
    };
    let base = images::by_id(world, droplet.image).cloned().unwrap_or_else(|| Image::retired(droplet.image));
    let (region, disk) = (droplet.region.clone(), droplet.disk);
    let id = world.next_id();
    let image = Image::snapshot(id, name, &base, &region, disk, stamp(action.due));
    world.snapshots.insert(id, image);
    if let Some(droplet) = world.droplets.get_mut(&action.droplet) {
        droplet.snapshot_ids.push(id);
    }
}

/// Answers `GET /v2/actions`, the newest first.
pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    pages::list(call, "actions", world.actions.values().rev(), view)
}

/// Answers `GET /v2/actions/{id}`.
pub(super) fn get(world: &World, id: &str) -> Answer {
    let action = id.parse().ok().and_then(|id: u64| world.actions.get(&id)).ok_or_else(Problem::not_found)?;
    Reply::one(StatusCode::OK, "action", &view(action))
}

/// Answers `GET /v2/droplets/{id}/actions`.
pub(super) fn list_of(world: &World, call: &Call<'_>, id: &str) -> Answer {
    let droplet = droplets::find(world, id)?.id;
    let own = world.actions.values().rev().filter(move |action| action.droplet == droplet);
    pages::list(call, "actions", own, view)
}

/// Answers `GET /v2/droplets/{id}/actions/{action}`.
pub(super) fn get_of(world: &World, id: &str, action: &str) -> Answer {
    let droplet = droplets::find(world, id)?.id;
    let found = action
        .parse()
        .ok()
        .and_then(|id: u64| world.actions.get(&id))
        .filter(|action| action.droplet == droplet)
        .ok_or_else(Problem::not_found)?;
    Reply::one(StatusCode::OK, "action", &view(found))
}

/// Answers `POST /v2/droplets/{id}/actions` with 201 and the action.
pub(super) fn create(world: &mut World, call: &Call<'_>, id: &str) -> Answer {
    let id = droplets::find(world, id)?.id;
    let body: Value = call.json()?;
    let action = droplet_actions::order(world, call, id, &body)?;
    let action = world.actions.get(&action).ok_or_else(Problem::not_found)?;
    Reply::one(StatusCode::CREATED, "action", &view(action))
}

/// Answers `POST /v2/droplets/actions?tag_name=`: the same action on every droplet with the tag.
pub(super) fn create_tagged(world: &mut World, call: &Call<'_>) -> Answer {
    let tag = call.param("tag_name").ok_or_else(|| Problem::unprocessable("tag_name is required"))?;
    let body: Value = call.json()?;
    let ids: Vec<u64> = world
        .droplets
        .values()
        .filter(|droplet| droplet.tags.iter().any(|own| own.eq_ignore_ascii_case(tag)))
        .map(|droplet| droplet.id)
        .collect();
    let started =
        ids.into_iter().map(|id| droplet_actions::order(world, call, id, &body)).collect::<Result<Vec<_>, _>>()?;
    let views: Vec<_> = started.iter().filter_map(|id| world.actions.get(id)).map(view).collect();
    Reply::one(StatusCode::CREATED, "actions", &views)
}

//! `/v2/firewalls`: PUT replaces everything; a change is `waiting` for a while, then `succeeded`.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::call::{Answer, Call, Problem, Reply};
use super::clock::stamp;
use super::droplets;
use super::firewall_rules::{self as rules, Inbound, Outbound, or_empty};
use super::pages;
use super::state::World;

const MAX_DROPLETS: usize = 10;
const MAX_TAGS: usize = 5;

/// A firewall.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Firewall {
    /// Its uuid.
    pub id: String,
    /// Its name, unique in the account.
    pub name: String,
    /// What may come in.
    pub inbound_rules: Vec<Inbound>,
    /// What may go out.
    pub outbound_rules: Vec<Outbound>,
    /// The droplets it names.
    pub droplet_ids: Vec<u64>,
    /// The tags whose droplets it covers.
    pub tags: Vec<String>,
    /// When it was made, in milliseconds since 1970.
    pub created_at: u64,
    /// From when its last change is in force, in milliseconds since 1970.
    pub settles_at: u64,
    /// The droplets that its last change concerns, and whether they leave.
    pub changes: Vec<(u64, bool)>,
}

impl Firewall {
    /// Forgets a droplet that is gone, in what it covers and in its rules.
    pub(super) fn forget(&mut self, id: u64) {
        self.droplet_ids.retain(|own| *own != id);
        self.changes.retain(|(own, _)| *own != id);
        for rule in &mut self.inbound_rules {
            rule.sources.droplet_ids.retain(|own| *own != id);
        }
        for rule in &mut self.outbound_rules {
            rule.destinations.droplet_ids.retain(|own| *own != id);
        }
    }

    /// Forgets a tag that is gone, in what it covers and in its rules.
    pub(super) fn forget_tag(&mut self, name: &str) {
        self.tags.retain(|tag| tag != name);
        for rule in &mut self.inbound_rules {
            rule.sources.tags.retain(|tag| tag != name);
        }
        for rule in &mut self.outbound_rules {
            rule.destinations.tags.retain(|tag| tag != name);
        }
    }

    fn covers(&self, droplet: &droplets::Droplet) -> bool {
        self.droplet_ids.contains(&droplet.id) || droplet.tags.iter().any(|tag| self.tags.contains(tag))
    }
}

#[derive(Deserialize)]
struct Body {
    name: Option<String>,
    #[serde(default, deserialize_with = "or_empty")]
    inbound_rules: Vec<Inbound>,
    #[serde(default, deserialize_with = "or_empty")]
    outbound_rules: Vec<Outbound>,
    #[serde(default, deserialize_with = "or_empty")]
    droplet_ids: Vec<u64>,
    #[serde(default, deserialize_with = "or_empty")]
    tags: Vec<String>,
}

#[derive(Serialize)]
struct View<'a> {
    id: &'a str,
    name: &'a str,
    status: &'static str,
    inbound_rules: &'a [Inbound],
    outbound_rules: &'a [Outbound],
    created_at: String,
    droplet_ids: &'a [u64],
    tags: &'a [String],
    pending_changes: Vec<Value>,
}

fn view(firewall: &Firewall, now: u64) -> View<'_> {
    let waiting = now < firewall.settles_at;
    let change = |(id, removing): &(u64, bool)| json!({"droplet_id": id, "removing": removing, "status": "waiting"});
    View {
        id: &firewall.id,
        name: &firewall.name,
        status: if waiting { "waiting" } else { "succeeded" },
        inbound_rules: &firewall.inbound_rules,
        outbound_rules: &firewall.outbound_rules,
        created_at: stamp(firewall.created_at),
        droplet_ids: &firewall.droplet_ids,
        tags: &firewall.tags,
        pending_changes: match waiting {
            true => firewall.changes.iter().map(change).collect(),
            false => Vec::new(),
        },
    }
}

/// Answers `GET /v2/firewalls`.
pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    pages::list(call, "firewalls", world.firewalls.iter(), |firewall| view(firewall, call.now))
}

/// Answers `GET /v2/droplets/{id}/firewalls`: those that cover it by number or by tag.
pub(super) fn list_of(world: &World, call: &Call<'_>, id: &str) -> Answer {
    let droplet = droplets::find(world, id)?;
    let covering = world.firewalls.iter().filter(move |firewall| firewall.covers(droplet));
    pages::list(call, "firewalls", covering, |firewall| view(firewall, call.now))
}

fn find<'a>(world: &'a World, id: &str) -> Result<&'a Firewall, Problem> {
    world.firewalls.iter().find(|firewall| firewall.id == id).ok_or_else(Problem::not_found)
}

/// Answers `GET /v2/firewalls/{id}`.
pub(super) fn get(world: &World, call: &Call<'_>, id: &str) -> Answer {
    Reply::one(StatusCode::OK, "firewall", &view(find(world, id)?, call.now))
}

/// Answers `POST /v2/firewalls` with 202.
pub(super) fn create(world: &mut World, call: &Call<'_>) -> Answer {
    let id = Uuid::new_v4().to_string();
    let firewall = checked(world, call, call.json()?, id, call.now)?;
    let firewall = settle(world, call, firewall, &[]);
    let reply = Reply::one(StatusCode::ACCEPTED, "firewall", &view(&firewall, call.now))?
        .at(format!("/v2/firewalls/{}", firewall.id));
    world.firewalls.push(firewall);
    Ok(reply)
}

/// Answers `PUT /v2/firewalls/{id}`: what the body leaves out is gone.
pub(super) fn replace(world: &mut World, call: &Call<'_>, id: &str) -> Answer {
    let old = find(world, id)?.clone();
    let new = checked(world, call, call.json()?, old.id.clone(), old.created_at)?;
    save(world, call, new, &old)?;
    get(world, call, id)
}

/// Answers `DELETE /v2/firewalls/{id}`.
pub(super) fn delete(world: &mut World, id: &str) -> Answer {
    let id = find(world, id)?.id.clone();
    world.firewalls.retain(|firewall| firewall.id != id);
    Reply::no_content()
}

/// Answers POST and DELETE on `/droplets`, `/tags` and `/rules` of a firewall with 204.
pub(super) fn part(world: &mut World, call: &Call<'_>, id: &str, part: &str, adding: bool) -> Answer {
    let old = find(world, id)?.clone();
    let mut new = old.clone();
    let body: Body = call.json()?;
    match part {
        "droplets" if !body.droplet_ids.is_empty() => {
            edit(&mut new.droplet_ids, body.droplet_ids, adding);
            rules::check_droplets(world, &new.droplet_ids)?;
        }
        "tags" if !body.tags.is_empty() => {
            let tags = rules::check_tags(world, &body.tags)?;
            edit(&mut new.tags, tags, adding);
        }
        "rules" if !body.inbound_rules.is_empty() || !body.outbound_rules.is_empty() => {
            let inbound = rules::canonical(world, body.inbound_rules)?;
            let outbound = rules::canonical(world, body.outbound_rules)?;
            edit_rules(&mut new.inbound_rules, inbound, adding)?;
            edit_rules(&mut new.outbound_rules, outbound, adding)?;
        }
        _ => return Err(Problem::bad_request("the request body names nothing")),
    }
    check_limits(&new)?;
    save(world, call, new, &old)?;
    Reply::no_content()
}

fn edit<T: PartialEq>(own: &mut Vec<T>, sent: Vec<T>, adding: bool) {
    own.retain(|item| !sent.contains(item));
    if adding {
        own.extend(sent);
    }
}

fn edit_rules<R: rules::Rule + Clone>(own: &mut Vec<R>, sent: Vec<R>, adding: bool) -> Result<(), Problem> {
    for rule in sent {
        let wanted = rules::sorted(&rule);
        let at = own.iter().position(|have| rules::sorted(have) == wanted);
        match (adding, at) {
            (true, None) => own.push(rule),
            (true, Some(_)) => {
                return Err(Problem::unprocessable("duplicate rules are not allowed"));
            }
            (false, Some(at)) => drop(own.remove(at)),
            (false, None) => return Err(Problem::not_found()),
        }
    }
    Ok(())
}

fn checked(world: &World, call: &Call<'_>, body: Body, id: String, created_at: u64) -> Result<Firewall, Problem> {
    let name = body.name.unwrap_or_default();
    check_name(&name)?;
    let taken = |other: &Firewall| other.name == name && other.id != id;
    if world.firewalls.iter().any(taken) {
        return Err(Problem::conflict("duplicate name"));
    }
    rules::check_droplets(world, &body.droplet_ids)?;
    let firewall = Firewall {
        id,
        name,
        inbound_rules: rules::canonical(world, body.inbound_rules)?,
        outbound_rules: rules::canonical(world, body.outbound_rules)?,
        droplet_ids: body.droplet_ids,
        tags: rules::check_tags(world, &body.tags)?,
        created_at,
        settles_at: call.now,
        changes: Vec::new(),
    };
    check_limits(&firewall)?;
    Ok(firewall)
}

fn check_name(name: &str) -> Result<(), Problem> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if name.len() < 2
        || name.len() > 255
        || !name.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !name.chars().all(fine)
    {
        return Err(Problem::unprocessable(
            "name is invalid: letters, numbers, dashes and periods, beginning with a letter or number",
        ));
    }
    Ok(())
}

fn check_limits(firewall: &Firewall) -> Result<(), Problem> {
    rules::check_count(firewall.inbound_rules.len(), firewall.outbound_rules.len())?;
    if firewall.droplet_ids.len() > MAX_DROPLETS {
        return Err(Problem::unprocessable(format!("a firewall can have at most {MAX_DROPLETS} droplets")));
    }
    if firewall.tags.len() > MAX_TAGS {
        return Err(Problem::unprocessable(format!("a firewall can have at most {MAX_TAGS} tags")));
    }
    Ok(())
}

fn save(world: &mut World, call: &Call<'_>, new: Firewall, old: &Firewall) -> Result<(), Problem> {
    let left: Vec<u64> = world
        .droplets
        .values()
        .filter(|droplet| old.covers(droplet) && !new.covers(droplet))
        .map(|droplet| droplet.id)
        .collect();
    let new = settle(world, call, new, &left);
    let slot = world.firewalls.iter_mut().find(|firewall| firewall.id == new.id).ok_or_else(Problem::not_found)?;
    *slot = new;
    Ok(())
}

/// Notes until when the change is on its way, and to which droplets.
fn settle(world: &World, call: &Call<'_>, mut firewall: Firewall, left: &[u64]) -> Firewall {
    let covered = world.droplets.values().filter(|droplet| firewall.covers(droplet)).map(|droplet| (droplet.id, false));
    firewall.changes = covered.chain(left.iter().map(|id| (*id, true))).collect();
    firewall.settles_at = call.now.saturating_add(call.action_ms);
    firewall
}

//! The one visible list of what the simulated API answers.

use super::call::{Answer, Call, Problem};
use super::state::World;
use super::{
    account, actions, backups, catalog, domains, droplet_create, droplets, firewalls, images, keys, records, tags, vpcs,
};

/// Hands a call to the resource that answers it; `path` is what follows `/v2/`.
pub(super) fn answer(world: &mut World, call: &Call<'_>, path: &[&str]) -> Answer {
    match (call.method.as_str(), path) {
        ("GET", ["account"]) => account::get(world, call),
        ("GET", ["account", "keys"]) => keys::list(world, call),
        ("POST", ["account", "keys"]) => keys::create(world, call),
        ("GET", ["account", "keys", key]) => keys::get(world, key),
        ("PUT", ["account", "keys", key]) => keys::rename(world, call, key),
        ("DELETE", ["account", "keys", key]) => keys::delete(world, key),

        ("GET", ["actions"]) => actions::list(world, call),
        ("GET", ["actions", id]) => actions::get(world, id),
        ("GET", ["regions"]) => catalog::regions(call),
        ("GET", ["sizes"]) => catalog::sizes(call),

        ("GET", ["images"]) => images::list(world, call),
        ("GET", ["images", image]) => images::get(world, image),
        ("PUT", ["images", image]) => images::update(world, call, image),
        ("DELETE", ["images", image]) => images::delete(world, image),

        ("GET", ["droplets", "backups", "policies"]) => backups::list(world, call),
        ("GET", ["droplets", "backups", "supported_policies"]) => backups::supported(),
        ("POST", ["droplets", "actions"]) => actions::create_tagged(world, call),
        ("GET", ["droplets"]) => droplets::list(world, call),
        ("POST", ["droplets"]) => droplet_create::create(world, call),
        ("DELETE", ["droplets"]) => droplets::delete_tagged(world, call),
        ("GET", ["droplets", id]) => droplets::get(world, call, id),
        ("DELETE", ["droplets", id]) => droplets::delete(world, call, id),
        ("GET", ["droplets", id, "backups", "policy"]) => backups::get(world, call, id),
        ("GET", ["droplets", id, "backups"]) => droplets::nothing(world, call, id, "backups"),
        ("GET", ["droplets", id, "kernels"]) => droplets::nothing(world, call, id, "kernels"),
        ("GET", ["droplets", id, "snapshots"]) => droplets::snapshots(world, call, id),
        ("GET", ["droplets", id, "neighbors"]) => droplets::neighbors(world, id),
        ("GET", ["droplets", id, "firewalls"]) => firewalls::list_of(world, call, id),
        ("GET", ["droplets", id, "actions"]) => actions::list_of(world, call, id),
        ("POST", ["droplets", id, "actions"]) => actions::create(world, call, id),
        ("GET", ["droplets", id, "actions", action]) => actions::get_of(world, id, action),

        ("GET", ["domains"]) => domains::list(world, call),
        ("POST", ["domains"]) => domains::create(world, call),
        ("GET", ["domains", name]) => domains::get(world, name),
        ("DELETE", ["domains", name]) => domains::delete(world, name),
        ("GET", ["domains", name, "records"]) => records::list(world, call, name),
        ("POST", ["domains", name, "records"]) => records::create(world, call, name),
        ("GET", ["domains", name, "records", id]) => records::get(world, name, id),
        ("PUT" | "PATCH", ["domains", name, "records", id]) => records::update(world, call, name, id),
        ("DELETE", ["domains", name, "records", id]) => records::delete(world, name, id),

        ("GET", ["firewalls"]) => firewalls::list(world, call),
        ("POST", ["firewalls"]) => firewalls::create(world, call),
        ("GET", ["firewalls", id]) => firewalls::get(world, call, id),
        ("PUT", ["firewalls", id]) => firewalls::replace(world, call, id),
        ("DELETE", ["firewalls", id]) => firewalls::delete(world, id),
        ("POST" | "DELETE", ["firewalls", id, part @ ("droplets" | "tags" | "rules")]) => {
            firewalls::part(world, call, id, part, call.method == "POST")
        }

        ("GET", ["vpcs"]) => vpcs::list(world, call),
        ("POST", ["vpcs"]) => vpcs::create(world, call),
        ("GET", ["vpcs", id]) => vpcs::get(world, id),
        ("PUT", ["vpcs", id]) => vpcs::update(world, call, id, true),
        ("PATCH", ["vpcs", id]) => vpcs::update(world, call, id, false),
        ("DELETE", ["vpcs", id]) => vpcs::delete(world, id),
        ("GET", ["vpcs", id, "members"]) => vpcs::members(world, call, id),

        ("GET", ["tags"]) => tags::list(world, call),
        ("POST", ["tags"]) => tags::create(world, call),
        ("GET", ["tags", name]) => tags::get(world, call, name),
        ("DELETE", ["tags", name]) => tags::delete(world, name),
        ("POST", ["tags", name, "resources"]) => tags::attach(world, call, name),
        ("DELETE", ["tags", name, "resources"]) => tags::detach(world, call, name),

        _ => Err(Problem::not_found()),
    }
}

//! The verbs of `POST /v2/droplets/{id}/actions`: what each needs, when it is refused, what it will change.

use serde_json::Value;

use super::actions::{self, Effect};
use super::backups::BackupPolicy;
use super::call::{Call, Problem};
use super::catalog::CATALOG;
use super::droplet_create::check_name;
use super::droplets::Droplet;
use super::images;
use super::state::World;

/// Begins the action that the body asks for and returns its number.
pub(super) fn order(world: &mut World, call: &Call<'_>, id: u64, body: &Value) -> Result<u64, Problem> {
    let kind = text(body, "type").ok_or_else(|| Problem::unprocessable("type can't be blank"))?;
    actions::refuse_while_pending(world, id)?;
    let droplet = world.droplets.get(&id).ok_or_else(Problem::not_found)?;
    let effect = effect(world, droplet, kind, body)?;
    Ok(actions::start(world, call, id, kind, effect))
}

fn effect(world: &World, droplet: &Droplet, kind: &str, body: &Value) -> Result<Effect, Problem> {
    let off = droplet.status == "off";
    match kind {
        "power_off" | "shutdown" if off => Err(Problem::unprocessable("Droplet is already powered off")),
        "shutdown" if droplet.ignores_shutdown => Ok(Effect::Nothing),
        "power_off" | "shutdown" => Ok(Effect::Status("off".to_owned())),
        "power_on" if !off => Err(Problem::unprocessable("Droplet is already powered on")),
        "power_on" | "power_cycle" => Ok(Effect::Status("active".to_owned())),
        "reboot" if off => Err(Problem::unprocessable("Droplet is currently powered off")),
        "reboot" | "password_reset" | "change_kernel" => Ok(Effect::Nothing),
        "rename" => {
            let name = text(body, "name").unwrap_or_default();
            check_name(name)?;
            Ok(Effect::Rename(name.to_owned()))
        }
        "resize" => resize(droplet, body),
        "rebuild" | "restore" => rebuild(world, droplet, body),
        "snapshot" => Ok(Effect::Snapshot(match text(body, "name") {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => format!("{}-snapshot", droplet.name),
        })),
        "enable_ipv6" if droplet.has("ipv6") => Err(Problem::unprocessable("Droplet already has ipv6 enabled")),
        "enable_ipv6" => Ok(Effect::Ipv6),
        "enable_backups" | "disable_backups" | "change_backup_policy" => backups(droplet, kind, body),
        other => Err(Problem::unprocessable(format!("{other} is not a valid action type"))),
    }
}

fn resize(droplet: &Droplet, body: &Value) -> Result<Effect, Problem> {
    let slug = text(body, "size").unwrap_or_default();
    let size = CATALOG
        .size(slug)
        .ok_or_else(|| Problem::unprocessable("You specified an invalid size for Droplet resize."))?;
    if !size.regions.contains(&droplet.region.as_str()) {
        return Err(Problem::unprocessable("Size is not available in this region."));
    }
    if size.disk < droplet.disk {
        return Err(Problem::unprocessable("This size is not available because it has a smaller disk."));
    }
    let disk = body.get("disk").and_then(Value::as_bool).unwrap_or(false);
    if size.slug == droplet.size && (!disk || size.disk == droplet.disk) {
        return Err(Problem::unprocessable("Droplet is already this size."));
    }
    if droplet.status != "off" {
        return Err(Problem::unprocessable("Droplet must be powered off before it can be resized."));
    }
    Ok(Effect::Resize { size: slug.to_owned(), disk })
}

fn rebuild(world: &World, droplet: &Droplet, body: &Value) -> Result<Effect, Problem> {
    let image = body
        .get("image")
        .and_then(|which| images::find(world, which))
        .ok_or_else(|| Problem::unprocessable("You specified an invalid image for Droplet rebuild."))?;
    if image.min_disk_size > droplet.disk {
        return Err(Problem::unprocessable("The image is larger than the disk of this Droplet."));
    }
    Ok(Effect::Image(image.id))
}

fn backups(droplet: &Droplet, kind: &str, body: &Value) -> Result<Effect, Problem> {
    let policy = match body.get("backup_policy") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let policy: BackupPolicy = serde_json::from_value(value.clone())
                .map_err(|err| Problem::unprocessable(format!("backup_policy is invalid: {err}")))?;
            Some(policy.checked()?)
        }
    };
    match (kind, droplet.backup_policy.is_some(), policy) {
        ("enable_backups", true, _) => Err(Problem::unprocessable("Backups are already enabled for this Droplet.")),
        ("enable_backups", false, policy) => Ok(Effect::Backups(Some(policy.unwrap_or_default()))),
        ("disable_backups", true, _) => Ok(Effect::Backups(None)),
        ("change_backup_policy", true, Some(policy)) => Ok(Effect::Backups(Some(policy))),
        ("change_backup_policy", true, None) => Err(Problem::unprocessable("backup_policy can't be blank")),
        _ => Err(Problem::unprocessable("Backups are not enabled for this Droplet.")),
    }
}

fn text<'a>(body: &'a Value, field: &str) -> Option<&'a str> {
    body.get(field).and_then(Value::as_str)
}

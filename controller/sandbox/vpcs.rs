//! `/v2/vpcs`: private networks. The first in a region is its default and stays; ranges never overlap; names are unique.
//! Peerings are not simulated.

use axum::http::StatusCode;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::call::{Answer, Call, Problem, Reply};
use super::catalog::CATALOG;
use super::clock::stamp;
use super::pages;
use super::state::World;

const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
/// Ranges that DigitalOcean keeps for itself.
const RESERVED: [&str; 4] = ["10.244.0.0/16", "10.245.0.0/16", "10.246.0.0/24", "10.229.0.0/16"];

/// A private network of one region.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Vpc {
    /// Its uuid.
    pub id: String,
    /// Its name, unique in the account.
    pub name: String,
    /// Free text.
    pub description: String,
    /// The region's slug.
    pub region: String,
    /// The addresses it hands out.
    pub ip_range: Ipv4Net,
    /// Whether droplets without a VPC land here.
    pub default: bool,
    /// When it was made, in milliseconds since 1970.
    pub created_at: u64,
}

#[derive(Deserialize)]
struct Body {
    name: Option<String>,
    description: Option<String>,
    region: Option<String>,
    ip_range: Option<String>,
    default: Option<bool>,
}

#[derive(Serialize)]
struct View<'a> {
    id: &'a str,
    urn: String,
    name: &'a str,
    description: &'a str,
    region: &'a str,
    ip_range: Ipv4Net,
    created_at: String,
    default: bool,
}

fn view(vpc: &Vpc) -> View<'_> {
    View {
        id: &vpc.id,
        urn: format!("do:vpc:{}", vpc.id),
        name: &vpc.name,
        description: &vpc.description,
        region: &vpc.region,
        ip_range: vpc.ip_range,
        created_at: stamp(vpc.created_at),
        default: vpc.default,
    }
}

/// Answers `GET /v2/vpcs`.
pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    pages::list(call, "vpcs", world.vpcs.iter(), view)
}

/// Answers `GET /v2/vpcs/{id}`.
pub(super) fn get(world: &World, id: &str) -> Answer {
    Reply::one(StatusCode::OK, "vpc", &view(find(world, id)?))
}

fn find<'a>(world: &'a World, id: &str) -> Result<&'a Vpc, Problem> {
    world.vpcs.iter().find(|vpc| vpc.id == id).ok_or_else(Problem::not_found)
}

/// Answers `POST /v2/vpcs`.
pub(super) fn create(world: &mut World, call: &Call<'_>) -> Answer {
    let body: Body = call.json()?;
    let name = body.name.unwrap_or_default();
    check_name(world, &name, None)?;
    let region = body.region.unwrap_or_default();
    if !CATALOG.region(&region).is_some_and(|region| region.available) {
        return Err(Problem::unprocessable(format!("region \"{region}\" is invalid")));
    }
    let ip_range = match body.ip_range.filter(|text| !text.is_empty()) {
        Some(text) => check_range(world, &text)?,
        None => free_range(world)?,
    };
    let description = body.description.unwrap_or_default();
    check_description(&description)?;
    let vpc = insert(world, call.now, name, description, region, ip_range);
    let path = format!("/v2/vpcs/{}", vpc.id);
    Ok(Reply::one(StatusCode::CREATED, "vpc", &view(&vpc))?.at(path))
}

fn insert(world: &mut World, now: u64, name: String, description: String, region: String, ip_range: Ipv4Net) -> Vpc {
    let default = !world.vpcs.iter().any(|vpc| vpc.region == region);
    let id = Uuid::new_v4().to_string();
    let vpc = Vpc { id, name, description, region, ip_range, default, created_at: now };
    world.vpcs.push(vpc.clone());
    vpc
}

fn check_name(world: &World, name: &str, own: Option<&str>) -> Result<(), Problem> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if name.is_empty() || name.len() > 255 || !name.chars().all(fine) {
        return Err(Problem::unprocessable("name is invalid: letters, numbers, dashes and periods, at most 255"));
    }
    let taken = |vpc: &Vpc| vpc.name == name && Some(vpc.id.as_str()) != own;
    if world.vpcs.iter().any(taken) {
        return Err(Problem::unprocessable(format!(
            "a VPC with the name \"{name}\" already exists: name must be unique"
        )));
    }
    Ok(())
}

fn check_description(text: &str) -> Result<(), Problem> {
    match text.chars().count() > 255 {
        true => Err(Problem::unprocessable("description is too long (maximum is 255 characters)")),
        false => Ok(()),
    }
}

fn check_range(world: &World, text: &str) -> Result<Ipv4Net, Problem> {
    let invalid = |why: &str| Problem::unprocessable(format!("ip_range {text} is invalid: {why}"));
    let net: Ipv4Net = text.parse().map_err(|_| invalid("not an IPv4 network"))?;
    if !(16..=28).contains(&net.prefix_len()) {
        return Err(invalid("the network must be between /16 and /28"));
    }
    if net.trunc() != net {
        return Err(invalid("it has bits set beyond its prefix"));
    }
    let within = |ranges: &[&str], test: &dyn Fn(&Ipv4Net) -> bool| {
        ranges.iter().filter_map(|range| range.parse().ok()).any(|range| test(&range))
    };
    if !within(&PRIVATE, &|range| range.contains(&net)) {
        return Err(invalid("it is not a private network"));
    }
    if within(&RESERVED, &|range| overlap(range, &net)) {
        return Err(invalid("it is reserved for internal use"));
    }
    match world.vpcs.iter().find(|vpc| overlap(&vpc.ip_range, &net)) {
        Some(_) => Err(Problem::unprocessable(format!(
            "This range/size overlaps with another VPC network in your account: {net}"
        ))),
        None => Ok(net),
    }
}

fn overlap(one: &Ipv4Net, other: &Ipv4Net) -> bool {
    one.contains(other) || other.contains(one)
}

/// Picks a /20 that nobody has, as the API does where no range is sent.
fn free_range(world: &World) -> Result<Ipv4Net, Problem> {
    (100..140_u8)
        .flat_map(|second| (0..16_u8).map(move |part| (second, part * 16)))
        .filter_map(|(second, third)| Ipv4Net::new([10, second, third, 0].into(), 20).ok())
        .find(|net| !world.vpcs.iter().any(|vpc| overlap(&vpc.ip_range, net)))
        .ok_or_else(|| Problem::unprocessable("no range is free for another VPC"))
}

/// Returns the VPC that a new droplet lands in: the one asked for, else the region's default, which is made if need be.
pub(super) fn for_droplet(
    world: &mut World,
    call: &Call<'_>,
    wanted: Option<&str>,
    region: &str,
) -> Result<String, Problem> {
    if let Some(id) = wanted.filter(|id| !id.is_empty()) {
        return match world.vpcs.iter().find(|vpc| vpc.id == id) {
            Some(vpc) if vpc.region == region => Ok(id.to_owned()),
            Some(_) => Err(Problem::unprocessable("VPC is not in the same region as the Droplet")),
            None => Err(Problem::unprocessable(format!("VPC {id} not found"))),
        };
    }
    let own = |vpc: &&Vpc| vpc.region == region && vpc.default;
    if let Some(vpc) = world.vpcs.iter().find(own) {
        return Ok(vpc.id.clone());
    }
    let range = free_range(world)?;
    let name = format!("default-{region}");
    let vpc = insert(world, call.now, name, String::new(), region.to_owned(), range);
    Ok(vpc.id.clone())
}

/// Answers `PUT` (name required) and `PATCH /v2/vpcs/{id}`; region and range are not looked at.
pub(super) fn update(world: &mut World, call: &Call<'_>, id: &str, whole: bool) -> Answer {
    let body: Body = call.json()?;
    let old = find(world, id)?.clone();
    let name = match (body.name, whole) {
        (Some(name), _) => name,
        (None, false) => old.name.clone(),
        (None, true) => return Err(Problem::unprocessable("name can't be blank")),
    };
    check_name(world, &name, Some(id))?;
    let description = match (body.description, whole) {
        (Some(text), _) => text,
        (None, _) => old.description.clone(),
    };
    check_description(&description)?;
    if body.default == Some(false) && old.default {
        return Err(Problem::forbidden("The default VPC of a region cannot be changed to a non-default one."));
    }
    let default = body.default.unwrap_or(old.default);
    for vpc in world.vpcs.iter_mut().filter(|vpc| vpc.region == old.region) {
        if vpc.id == id {
            vpc.name.clone_from(&name);
            vpc.description.clone_from(&description);
            vpc.default = default;
        } else if default {
            vpc.default = false;
        }
    }
    get(world, id)
}

/// Answers `DELETE /v2/vpcs/{id}`: never a default one, never one that still counts members.
pub(super) fn delete(world: &mut World, id: &str) -> Answer {
    let vpc = find(world, id)?;
    if vpc.default {
        return Err(Problem::forbidden("Can not delete default VPCs"));
    }
    let members = world.droplets.values().any(|droplet| droplet.vpc_uuid == id)
        || world.departed.iter().any(|gone| gone.vpc == id);
    match (members, world.busy_vpc_is_forbidden) {
        (true, true) => Err(Problem::forbidden("Can not delete VPC with members")),
        (true, false) => Err(Problem::conflict("Can not delete VPC with members")),
        (false, _) => {
            world.vpcs.retain(|vpc| vpc.id != id);
            Reply::no_content()
        }
    }
}

/// Answers `GET /v2/vpcs/{id}/members`.
pub(super) fn members(world: &World, call: &Call<'_>, id: &str) -> Answer {
    find(world, id)?;
    let other_kind = call.param("resource_type").is_some_and(|kind| kind != "droplet");
    let members = world.droplets.values().filter(move |droplet| droplet.vpc_uuid == id && !other_kind);
    pages::list(call, "members", members, |droplet| {
        json!({
            "urn": format!("do:droplet:{}", droplet.id),
            "name": droplet.name,
            "created_at": stamp(droplet.created_at),
        })
    })
}

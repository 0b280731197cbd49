//! `/v2/domains`: zones. A new one holds three NS records and a SOA, and an A record where an address was sent.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::call::{Answer, Call, Problem, Reply};
use super::pages;
use super::record_rules;
use super::records::{Record, Zone};
use super::state::World;

const NAME_SERVERS: [&str; 3] = ["ns1.digitalocean.com", "ns2.digitalocean.com", "ns3.digitalocean.com"];
pub(super) const DEFAULT_TTL: u32 = 1800;

#[derive(Deserialize)]
struct Create {
    name: Option<String>,
    ip_address: Option<String>,
}

#[derive(Serialize)]
struct View<'a> {
    name: &'a str,
    ttl: Option<u32>,
    zone_file: Option<String>,
}

fn view(zone: &Zone) -> View<'_> {
    View { name: &zone.name, ttl: Some(DEFAULT_TTL), zone_file: Some(zone_file(zone)) }
}

/// Answers `GET /v2/domains`.
pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    pages::list(call, "domains", world.domains.values(), view)
}

/// Answers `GET /v2/domains/{name}`.
pub(super) fn get(world: &World, name: &str) -> Answer {
    Reply::one(StatusCode::OK, "domain", &view(find(world, name)?))
}

/// Finds a zone, whatever the case of the name.
pub(super) fn find<'a>(world: &'a World, name: &str) -> Result<&'a Zone, Problem> {
    world.domains.get(&name.to_ascii_lowercase()).ok_or_else(Problem::not_found)
}

/// Answers `POST /v2/domains`; the new zone is shown before its zone file exists.
pub(super) fn create(world: &mut World, call: &Call<'_>) -> Answer {
    let body: Create = call.json()?;
    let name = body.name.unwrap_or_default().trim().to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name).to_owned();
    if !record_rules::is_hostname(&name) || !name.contains('.') {
        return Err(Problem::unprocessable(format!("Name \"{name}\" is not a valid domain name")));
    }
    if world.domains.contains_key(&name) {
        return Err(Problem::unprocessable(format!("domain '{name}': name already exists")));
    }
    let address = match body.ip_address.filter(|text| !text.is_empty()) {
        Some(text) => Some(
            text.parse::<Ipv4Addr>()
                .map_err(|_| Problem::unprocessable(format!("ip_address {text} is not an IPv4 address")))?,
        ),
        None => None,
    };
    insert(world, &name, address);
    let view = View { name: &name, ttl: Some(DEFAULT_TTL), zone_file: None };
    Ok(Reply::one(StatusCode::CREATED, "domain", &view)?.at(format!("/v2/domains/{name}")))
}

/// Makes a zone with the records that every zone begins with.
pub(super) fn insert(world: &mut World, name: &str, address: Option<Ipv4Addr>) {
    let mut records = BTreeMap::new();
    let mut add = |kind: &str, data: String| {
        let id = world.next_id();
        records.insert(id, Record::plain(id, kind, "@", data, DEFAULT_TTL));
    };
    add("SOA", DEFAULT_TTL.to_string());
    for server in NAME_SERVERS {
        add("NS", server.to_owned());
    }
    if let Some(address) = address {
        add("A", address.to_string());
    }
    let zone = Zone { name: name.to_owned(), records };
    world.domains.insert(name.to_owned(), zone);
}

/// Answers `DELETE /v2/domains/{name}`: the zone goes with all its records.
pub(super) fn delete(world: &mut World, name: &str) -> Answer {
    let name = find(world, name)?.name.clone();
    world.domains.remove(&name);
    Reply::no_content()
}

fn zone_file(zone: &Zone) -> String {
    let name = &zone.name;
    let mut text = format!(
        "$ORIGIN {name}.\n$TTL {DEFAULT_TTL}\n{name}. IN SOA ns1.digitalocean.com. hostmaster.{name}. 1718611200 10800 3600 604800 1800\n"
    );
    for record in zone.records.values().filter(|record| record.kind != "SOA") {
        let owner = match record.name.as_str() {
            "@" => format!("{name}."),
            relative => format!("{relative}.{name}."),
        };
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "{owner} {} IN {} {}", record.ttl, record.kind, record_rules::presentation(record, name));
    }
    text
}

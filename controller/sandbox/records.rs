//! `/v2/domains/{domain}/records`: list, read, make, change and remove records. What a record may say is in
//! `record_rules.rs`. Two equal POSTs make two records; all records of one name share one TTL.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::call::{Answer, Call, Problem, Reply};
use super::domains;
use super::pages;
use super::record_rules;
use super::state::World;

/// A DNS zone.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Zone {
    /// The apex, in lower case, without a trailing dot.
    pub name: String,
    /// Records by id.
    pub records: BTreeMap<u64, Record>,
}

/// A DNS record as the API shows it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Its number.
    pub id: u64,
    /// `A`, `AAAA`, `CAA`, `CNAME`, `MX`, `NS`, `SOA`, `SRV` or `TXT`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Relative to the zone, or `@`.
    pub name: String,
    /// The value; host names without the trailing dot, `@` for the apex.
    pub data: String,
    /// For MX and SRV.
    pub priority: Option<u16>,
    /// For SRV.
    pub port: Option<u16>,
    /// Seconds.
    pub ttl: u32,
    /// For SRV.
    pub weight: Option<u16>,
    /// For CAA.
    pub flags: Option<u8>,
    /// For CAA.
    pub tag: Option<String>,
}

impl Record {
    /// Builds a record that has nothing but a value.
    pub(super) fn plain(id: u64, kind: &str, name: &str, data: String, ttl: u32) -> Self {
        Self {
            id,
            kind: kind.to_owned(),
            name: name.to_owned(),
            data,
            priority: None,
            port: None,
            ttl,
            weight: None,
            flags: None,
            tag: None,
        }
    }
}

/// What a request says about a record; every field may be missing.
#[derive(Deserialize)]
pub(super) struct Draft {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
    pub(super) data: Option<String>,
    pub(super) priority: Option<i64>,
    pub(super) port: Option<i64>,
    pub(super) ttl: Option<i64>,
    pub(super) weight: Option<i64>,
    pub(super) flags: Option<i64>,
    pub(super) tag: Option<String>,
}

/// Answers the list, filtered by `type` and by `name`, which has to be the whole name.
pub(super) fn list(world: &World, call: &Call<'_>, domain: &str) -> Answer {
    let zone = domains::find(world, domain)?;
    let kind = call.param("type");
    let name = call.param("name").map(|full| relative(&full.to_ascii_lowercase(), &zone.name));
    let wanted =
        zone.records.values().filter(move |record| kind.is_none_or(|kind| record.kind == kind)).filter(|record| {
            match &name {
                None => true,
                Some(relative) => relative.as_ref() == Some(&record.name),
            }
        });
    pages::list(call, "domain_records", wanted, |record| record)
}

/// Turns a whole name into one relative to the zone; `None` where it is outside.
fn relative(full: &str, zone: &str) -> Option<String> {
    if full == zone {
        return Some("@".to_owned());
    }
    full.strip_suffix(zone)?.strip_suffix('.').map(str::to_owned)
}

fn find<'a>(zone: &'a Zone, id: &str) -> Result<&'a Record, Problem> {
    id.parse().ok().and_then(|id: u64| zone.records.get(&id)).ok_or_else(Problem::not_found)
}

/// Answers `GET …/records/{id}`.
pub(super) fn get(world: &World, domain: &str, id: &str) -> Answer {
    let zone = domains::find(world, domain)?;
    Reply::one(StatusCode::OK, "domain_record", find(zone, id)?)
}

/// Answers `POST …/records` with 201; an equal record beside it does not matter.
pub(super) fn create(world: &mut World, call: &Call<'_>, domain: &str) -> Answer {
    let draft: Draft = call.json()?;
    let zone = domains::find(world, domain)?;
    let mut record = record_rules::fresh(zone, draft)?;
    let apex = zone.name.clone();
    record.id = world.next_id();
    let path = format!("/v2/domains/{apex}/records/{}", record.id);
    let reply = Reply::one(StatusCode::CREATED, "domain_record", &record)?.at(path);
    store(world, &apex, record);
    Ok(reply)
}

/// Answers `PUT` and `PATCH …/records/{id}`: fields that are not sent stay as they are.
pub(super) fn update(world: &mut World, call: &Call<'_>, domain: &str, id: &str) -> Answer {
    let draft: Draft = call.json()?;
    let zone = domains::find(world, domain)?;
    let record = record_rules::changed(zone, find(zone, id)?, draft)?;
    let apex = zone.name.clone();
    let reply = Reply::one(StatusCode::OK, "domain_record", &record)?;
    store(world, &apex, record);
    Ok(reply)
}

/// Puts a record into its zone and forces its TTL on the others of the same name.
fn store(world: &mut World, apex: &str, record: Record) {
    let Some(zone) = world.domains.get_mut(apex) else {
        return;
    };
    let same = |other: &&mut Record| other.name == record.name && other.kind != "SOA";
    if record.kind != "SOA" {
        for other in zone.records.values_mut().filter(same) {
            other.ttl = record.ttl;
        }
    }
    zone.records.insert(record.id, record);
}

/// Answers `DELETE …/records/{id}`; the SOA stays.
pub(super) fn delete(world: &mut World, domain: &str, id: &str) -> Answer {
    let zone = domains::find(world, domain)?;
    let record = find(zone, id)?;
    if record.kind == "SOA" {
        return Err(Problem::unprocessable("SOA records cannot be deleted"));
    }
    let (apex, id) = (zone.name.clone(), record.id);
    if let Some(zone) = world.domains.get_mut(&apex) {
        zone.records.remove(&id);
    }
    Reply::no_content()
}

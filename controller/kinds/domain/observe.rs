//! Reads zones: the list of them once, and the records of those that documents or Memory speak of, or of all of them
//! where everything is looked at. Concludes nothing.

use super::super::operate::{Look, Seen};
use super::Domain;
use super::diff::State;
use super::normal::{Raw, live_data, live_name};
use super::records::{Record, SetKey};
use crate::model::{ProviderId, Scope};
use crate::ports::digitalocean::{self, Client, Result};
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet};

/// What one scope holds, or why it could not be read.
type Found = (Scope, Result<Vec<Seen<State>>, String>);

/// Every zone that is wanted or owned in a scope of its own, and the others by name. The client bounds how many are
/// read at the same time.
pub(super) async fn all(look: &Look<'_>) -> Vec<Found> {
    let client = &look.ports.digitalocean;
    let wanted = look.wants::<Domain>().map(|(_, want)| want.zone.clone());
    let begun = look.begun.iter().filter_map(|intent| intent.scope.within.clone());
    let owned = look.owned_ids().map(|id| id.0.clone());
    let mut zones: BTreeSet<String> = wanted.chain(owned).chain(begun).collect();
    if look.whole {
        match client.domains().await {
            Ok(list) => zones.extend(list.into_iter().map(|zone| zone.name.to_ascii_lowercase())),
            Err(error) => return vec![(Scope::of("Domain"), Err(error.why()))],
        }
        let mut found = join_all(zones.iter().map(|zone| one(client, zone))).await;
        found.push((Scope::of("Domain"), Ok(Vec::new())));
        return found;
    }
    let reads = join_all(zones.iter().map(|zone| one(client, zone)));
    let (list, mut found) = tokio::join!(client.domains(), reads);
    found.push((Scope::of("Domain"), list.map(|list| others(list, &zones)).map_err(|error| error.why())));
    found
}

fn others(list: Vec<digitalocean::Domain>, zones: &BTreeSet<String>) -> Vec<Seen<State>> {
    let names = list.into_iter().map(|zone| zone.name.to_ascii_lowercase()).filter(|name| !zones.contains(name));
    names.map(|name| seen(State { zone: name, sets: None })).collect()
}

fn seen(state: State) -> Seen<State> {
    Seen { provider_id: ProviderId(state.zone.clone()), state, changing: false }
}

async fn one(client: &Client, zone: &str) -> Found {
    let found = match read(client, zone).await {
        Ok(state) => Ok(vec![seen(state)]),
        // The list of zones is not asked: it may lag behind.
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error.why()),
    };
    (Scope::within("Domain", zone), found)
}

/// A zone with all its records, 200 a call.
pub(super) async fn read(client: &Client, zone: &str) -> Result<State> {
    let records = client.records(zone).await?;
    let mut sets: BTreeMap<SetKey, Vec<Record>> = BTreeMap::new();
    for record in &records {
        let (key, record) = canonical(zone, record);
        sets.entry(key).or_default().push(record);
    }
    sets.values_mut().for_each(|set| set.sort_by_key(|record| record.id));
    Ok(State { zone: zone.to_owned(), sets: Some(sets) })
}

/// A record in the words of `State`.
pub(super) fn canonical(zone: &str, record: &digitalocean::Record) -> (SetKey, Record) {
    let raw = Raw {
        data: &record.data,
        priority: record.priority,
        weight: record.weight,
        port: record.port,
        flags: record.flags,
        tag: record.tag.as_deref(),
    };
    let kind = record.kind.to_ascii_uppercase();
    let data = live_data(zone, &kind, &raw);
    (SetKey::new(live_name(zone, &record.name), kind), Record { id: record.id, ttl: record.ttl, data })
}

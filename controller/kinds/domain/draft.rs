//! A zone as a document says it. Pure.
//!
//! What can be written is not told here a second time: every entry is read back the way a document is, and stands only
//! where it says exactly what lives.

use super::diff::State;
use super::read;
use super::records::{Data, Record, SetKey};
use super::spec::{Member, Spec};
use crate::model::{Draft, Fact, Names, Output, ResourceId};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The ttl of a document that names none.
const DEFAULT_TTL: u32 = read::DEFAULT_TTL;

pub(super) fn draft(id: &ResourceId, state: &State, names: &Names) -> Draft {
    let mut draft = Draft::default();
    if id.name != state.zone {
        draft.refuse(format!("a Domain is named like its zone, and {:?} is no name of a document", state.zone));
    }
    let Some(sets) = &state.sets else {
        draft.refuse("its records were not read");
        return draft;
    };
    let ttls = ttls(sets);
    let default = usual(&ttls);
    draft.unless("defaultTtl", default, DEFAULT_TTL);
    let (mut records, mut listed) = (Vec::new(), 0);
    let mut keys: Vec<&SetKey> = sets.keys().filter(|key| !kept_by_digitalocean(key, sets)).collect();
    keys.sort_by_key(|key| (key.name != "@", *key));
    for key in keys {
        let Some(live) = sets.get(key) else { continue };
        match entries(id, key, live, (&ttls, default), sets, names) {
            Ok(entries) => {
                records.extend(entries);
                listed += 1;
            }
            Err(why) => draft.left_out.push(format!("{key}: {why}")),
        }
    }
    draft.unless("records", Value::Array(records), json!([]));
    draft.note("The zone's own SOA and NS records are DigitalOcean's and not listed.");
    draft.parts = Some((listed, "record set"));
    draft
}

/// The SOA, and the name servers that every zone has: nobody would write them.
fn kept_by_digitalocean(key: &SetKey, sets: &BTreeMap<SetKey, Vec<Record>>) -> bool {
    let usual = |record: &Record| record.data.value.ends_with(".digitalocean.com");
    key.kind == "SOA" || (key.comes_with_the_zone() && sets.get(key).is_some_and(|set| set.iter().all(usual)))
}

/// The one ttl that a document can give each name: that of most of its sets.
fn ttls(sets: &BTreeMap<SetKey, Vec<Record>>) -> BTreeMap<&str, u32> {
    let mut votes: BTreeMap<&str, BTreeMap<u32, usize>> = BTreeMap::new();
    for (key, live) in sets.iter().filter(|(key, _)| !kept_by_digitalocean(key, sets)) {
        for ttl in live.iter().map(|record| record.ttl).collect::<BTreeSet<_>>() {
            *votes.entry(&key.name).or_default().entry(ttl).or_default() += 1;
        }
    }
    votes.into_iter().map(|(name, votes)| (name, most(&votes))).collect()
}

/// The ttl of most names, so that few entries need one of their own.
fn usual(ttls: &BTreeMap<&str, u32>) -> u32 {
    let mut votes: BTreeMap<u32, usize> = BTreeMap::new();
    ttls.values().for_each(|ttl| *votes.entry(*ttl).or_default() += 1);
    // A default that cannot be written would take the whole document with it.
    votes.retain(|ttl, _| *ttl >= read::MIN_TTL && i32::try_from(*ttl).is_ok());
    if votes.is_empty() { DEFAULT_TTL } else { most(&votes) }
}

fn most(votes: &BTreeMap<u32, usize>) -> u32 {
    votes.iter().max_by_key(|(ttl, count)| (**count, std::cmp::Reverse(**ttl))).map_or(DEFAULT_TTL, |(ttl, _)| *ttl)
}

/// The entries of one set, or why it cannot be listed.
fn entries(
    id: &ResourceId,
    key: &SetKey,
    live: &[Record],
    (ttls, default): (&BTreeMap<&str, u32>, u32),
    sets: &BTreeMap<SetKey, Vec<Record>>,
    names: &Names,
) -> Result<Vec<Value>, String> {
    let ttl = ttls.get(key.name.as_str()).copied().unwrap_or(default);
    if let Some(other) = live.iter().map(|record| record.ttl).find(|other| *other != ttl) {
        return Err(format!("its ttl is {other}, and a document gives all records of a name one ttl (here {ttl})"));
    }
    if key.kind == "CNAME" && sets.keys().any(|other| key.excludes(other)) {
        return Err("other records stand at its name, and a CNAME is alone".to_owned());
    }
    let own = (ttl != default).then_some(ttl);
    let says: BTreeSet<&Data> = live.iter().map(|record| &record.data).collect();
    let found = |data: &&Data| droplet(key, data, names).map(|found| (found, (*data).clone()));
    let of: Vec<((&str, Output), Data)> = says.iter().filter_map(found).collect();
    let plain: Vec<&Data> = says.iter().filter(|data| droplet(key, data, names).is_none()).copied().collect();
    let mut entries: Vec<Value> = of.iter().map(|((name, output), _)| of_droplet(key, name, *output, own)).collect();
    entries.extend(of_values(key, &plain, own));
    proven(id, key, ttl, &entries, &says, &of)?;
    Ok(entries)
}

/// The document of the droplet whose address a record says.
fn droplet<'n>(key: &SetKey, data: &Data, names: &'n Names) -> Option<(&'n str, Output)> {
    let outputs: &[Output] = match key.kind.as_str() {
        "A" => &[Output::Address, Output::PrivateAddress],
        "AAAA" => &[Output::AddressV6],
        _ => &[],
    };
    outputs.iter().find_map(|output| Some((names.of("Droplet", *output, &data.value)?, *output)))
}

fn begin(key: &SetKey) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("name".to_owned(), json!(key.name));
    entry.insert("type".to_owned(), json!(key.kind));
    entry
}

fn of_droplet(key: &SetKey, name: &str, output: Output, ttl: Option<u32>) -> Value {
    let mut entry = begin(key);
    entry.insert("droplet".to_owned(), json!(name));
    if output == Output::PrivateAddress {
        entry.insert("network".to_owned(), json!("private"));
    }
    entry.extend(ttl.map(|ttl| ("ttl".to_owned(), json!(ttl))));
    Value::Object(entry)
}

/// Values that share all else stand in one entry.
fn of_values(key: &SetKey, values: &[&Data], ttl: Option<u32>) -> Vec<Value> {
    let mut alike: Vec<(Data, Vec<String>)> = Vec::new();
    for data in values {
        let rest = Data { value: String::new(), ..(*data).clone() };
        let value = written(key, &data.value);
        match alike.iter_mut().find(|(other, _)| *other == rest) {
            Some((_, values)) => values.push(value),
            None => alike.push((rest, vec![value])),
        }
    }
    let entry = |(data, values): (Data, Vec<String>)| {
        let mut entry = begin(key);
        match values.as_slice() {
            [value] => entry.insert("value".to_owned(), json!(value)),
            values => entry.insert("values".to_owned(), json!(values)),
        };
        let numbers = [("priority", data.priority), ("weight", data.weight), ("port", data.port)];
        entry.extend(numbers.into_iter().filter_map(|(name, n)| Some((name.to_owned(), json!(n?)))));
        entry.extend(data.flags.filter(|flags| *flags > 0).map(|flags| ("flags".to_owned(), json!(flags))));
        entry.extend(data.tag.map(|tag| ("tag".to_owned(), json!(tag))));
        entry.extend(ttl.map(|ttl| ("ttl".to_owned(), json!(ttl))));
        Value::Object(entry)
    };
    alike.into_iter().map(entry).collect()
}

/// A host without any dot would be read as one below the zone.
fn written(key: &SetKey, value: &str) -> String {
    let host = matches!(key.kind.as_str(), "CNAME" | "MX" | "NS" | "SRV" | "CAA");
    let bare = host && !value.contains(['.', ';', ':']) && !value.is_empty();
    if bare { format!("{value}.") } else { value.to_owned() }
}

/// Reads the entries back and compares them with what lives.
fn proven(
    id: &ResourceId,
    key: &SetKey,
    ttl: u32,
    entries: &[Value],
    says: &BTreeSet<&Data>,
    of: &[((&str, Output), Data)],
) -> Result<(), String> {
    let spec = json!({"defaultTtl": ttl, "records": entries});
    let spec: Spec = serde_json::from_value(spec).map_err(|error| format!("it cannot be written: {error}"))?;
    let want = read::desire(id, &spec).map_err(|complaints| {
        let first = complaints.into_iter().next().map(|complaint| complaint.message).unwrap_or_default();
        first.strip_prefix(&format!("{id} ")).unwrap_or(&first).to_owned()
    })?;
    let of = |member: &Member| match member {
        Member::Says(data) => Some(data.clone()),
        Member::Of { id, output } => of.iter().find(|((n, o), _)| *n == id.name && o == output).map(|(_, d)| d.clone()),
    };
    let read: BTreeSet<Data> = want.sets.get(key).into_iter().flat_map(|set| &set.members).filter_map(of).collect();
    if want.sets.len() == 1 && read.iter().eq(says.iter().copied()) {
        return Ok(());
    }
    let says: Vec<String> = says.iter().map(ToString::to_string).collect();
    Err(format!("{} cannot be written so that it stays as it is", says.join(", ")))
}

pub(super) fn facts(state: &State) -> Vec<Fact> {
    state.sets.iter().map(|sets| Fact::Holds(sets.len(), "record set".to_owned())).collect()
}

//! Turns a zone's document into what is wanted, or says all that is wrong with it. Pure.

use super::normal::{host_fault, written_host, written_name, written_text};
use super::records::{Data, RecordType, SetKey};
use super::spec::{CaaTag, Entry, Ignore, Member, Network, Retired, Set, Spec, Target, Want};
use crate::model::{Complaint, Need, Output, ResourceId};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The ttl of a document that names none.
pub(super) const DEFAULT_TTL: u32 = 1800;
/// The least that DigitalOcean takes.
pub(super) const MIN_TTL: u32 = 30;

pub(super) fn desire(id: &ResourceId, spec: &Spec) -> Result<Want, Vec<Complaint>> {
    let mut reader = Reader {
        id,
        zone: id.name.to_ascii_lowercase(),
        default_ttl: spec.default_ttl.unwrap_or(DEFAULT_TTL),
        sets: BTreeMap::new(),
        ttls: BTreeMap::new(),
        retired: BTreeMap::new(),
        targets: Vec::new(),
        needs: Vec::new(),
        wrong: Vec::new(),
    };
    reader.zone_name();
    reader.ttl("spec.defaultTtl", spec.default_ttl);
    let ignore = reader.ignore(&spec.ignore);
    for (i, entry) in spec.records.iter().enumerate() {
        reader.entry(&format!("spec.records[{i}]"), entry);
    }
    reader.alone();
    reader.retired_names();
    reader.not_ignored(&ignore);
    if !reader.wrong.is_empty() {
        return Err(reader.wrong);
    }
    let ttl_of = |name: &str| reader.ttls.get(name).map_or(reader.default_ttl, |(ttl, _)| *ttl);
    let sets = reader.sets.iter().map(|(key, draft)| {
        let members = draft.keys().cloned().collect();
        (key.clone(), Set { ttl: ttl_of(&key.name), members })
    });
    Ok(Want {
        sets: sets.collect(),
        unlisted: spec.unlisted,
        ignore,
        retired: reader.retired.into_iter().map(|(name, (retired, _))| (name, retired)).collect(),
        zone: reader.zone,
        targets: reader.targets,
        needs: reader.needs,
    })
}

/// Says which records of a document point at a name that another document retires.
pub(super) fn points_at_retired(all: &[(&ResourceId, &Want)]) -> Vec<(ResourceId, Complaint)> {
    let retired: BTreeMap<String, (&ResourceId, &Retired)> = all
        .iter()
        .flat_map(|(id, want)| want.retired.iter().map(|(name, r)| (whole(name, &want.zone), (*id, r))))
        .collect();
    let mut wrong = Vec::new();
    for (id, want) in all {
        for target in &want.targets {
            if let Some((by, why)) = retired.get(&target.host).filter(|(by, _)| by != id) {
                wrong.push(((*id).clone(), dangling(id, target, by, why)));
            }
        }
    }
    wrong
}

fn whole(name: &str, zone: &str) -> String {
    if name == "@" { zone.to_owned() } else { format!("{name}.{zone}") }
}

fn dangling(id: &ResourceId, target: &Target, by: &ResourceId, why: &Retired) -> Complaint {
    let text =
        format!("{id} points {} at {}, which {by} retired on {} ({})", target.from, target.host, why.since, why.reason);
    Complaint::at(&target.path, text, "a retired name").hint("Point it elsewhere, or take it off the list.")
}

struct Reader<'a> {
    id: &'a ResourceId,
    zone: String,
    default_ttl: u32,
    /// Members with where they stand.
    sets: BTreeMap<SetKey, BTreeMap<Member, String>>,
    /// The ttl that an entry of a name asks for, with where it stands.
    ttls: BTreeMap<String, (u32, String)>,
    retired: BTreeMap<String, (Retired, String)>,
    targets: Vec<Target>,
    needs: Vec<Need>,
    wrong: Vec<Complaint>,
}

impl Reader<'_> {
    fn complain(&mut self, path: impl Into<String>, message: impl AsRef<str>, label: &str, hint: &str) {
        let message = format!("{} {}", self.id, message.as_ref());
        self.wrong.push(Complaint::at(path, message, label).hint(hint));
    }

    fn zone_name(&mut self) {
        if let Some(why) = host_fault(&self.zone).or((!self.zone.contains('.')).then_some("has no dot")) {
            let text = format!("is named {:?}, which is no zone: it {why}", self.zone);
            self.complain("metadata.name", text, "the zone's name, such as example.com", "");
        }
    }

    fn ttl(&mut self, path: &str, ttl: Option<u32>) {
        if let Some(ttl) = ttl.filter(|ttl| *ttl < MIN_TTL || *ttl > i32::MAX as u32) {
            let text = format!("asks for a ttl of {ttl} s, which DigitalOcean refuses");
            self.complain(path, text, "from 30 to 2147483647", "");
        }
    }

    fn ignore(&mut self, all: &[Ignore]) -> Vec<Ignore> {
        let mut read = Vec::new();
        for (i, one) in all.iter().enumerate() {
            let path = format!("spec.ignore[{i}]");
            if one.name.is_none() && one.kind.is_none() {
                self.complain(&path, "ignores everything", "name or type", "Write a name, a type, or both.");
            }
            let name = one.name.as_ref().map(|name| {
                let lower = name.trim().to_ascii_lowercase();
                let short = lower
                    .strip_suffix('.')
                    .and_then(|full| full.strip_suffix(&self.zone))
                    .map(|n| n.trim_end_matches('.'));
                match short {
                    Some("") => "@".to_owned(),
                    Some(short) => short.to_owned(),
                    None => lower.clone(),
                }
            });
            read.push(Ignore { name, kind: one.kind });
        }
        read
    }

    fn entry(&mut self, path: &str, entry: &Entry) {
        let name = match written_name(&self.zone, &entry.name) {
            Ok(name) => Some(name),
            Err((why, hint)) => {
                let text = format!("has a record named {:?}, which {why}", entry.name);
                self.complain(format!("{path}.name"), text, "not a name below this zone", &hint);
                None
            }
        };
        if let Some(retired) = &entry.retired {
            return self.retire(path, name, entry, retired);
        }
        let Some(kind) = entry.kind else {
            let label = "one of A, AAAA, CNAME, MX, TXT, NS, SRV, CAA";
            return self.complain(path, format!("has a record {:?} without a type", entry.name), label, "");
        };
        self.ttl(&format!("{path}.ttl"), entry.ttl);
        self.fields(path, kind, entry);
        if let Some(name) = &name {
            self.shape(path, kind, name);
        }
        // Values are read even where the name is wrong, so that all errors come in one run.
        let key = SetKey::new(name.clone().unwrap_or_else(|| "?".to_owned()), kind.word());
        let members = self.members(path, kind, entry, &key);
        if name.is_none() {
            return;
        }
        if let Some(ttl) = entry.ttl {
            self.one_ttl(path, &key.name, ttl);
        }
        for (member, at) in members {
            let set = self.sets.entry(key.clone()).or_default();
            if let Some(first) = set.get(&member) {
                let text = format!("lists the same {key} twice, first at {first}");
                self.complain(at, text, "the second time", "");
            } else {
                set.insert(member, at);
            }
        }
    }

    /// DigitalOcean keeps one ttl for all records of one name.
    fn one_ttl(&mut self, path: &str, name: &str, ttl: u32) {
        let path = format!("{path}.ttl");
        match self.ttls.get(name) {
            Some((other, at)) if *other != ttl => {
                let text = format!("gives {name} a ttl of {ttl} here and of {other} at {at}");
                let hint = "DigitalOcean keeps one ttl for all records of a name, whatever their type.";
                self.complain(path, text, "another ttl", hint);
            }
            Some(_) => {}
            None => drop(self.ttls.insert(name.to_owned(), (ttl, path))),
        }
    }

    fn retire(&mut self, path: &str, name: Option<String>, entry: &Entry, retired: &Retired) {
        let others = [
            ("type", entry.kind.is_some()),
            ("value", entry.value.is_some()),
            ("values", entry.values.is_some()),
            ("droplet", entry.droplet.is_some()),
            ("network", entry.network.is_some()),
            ("ttl", entry.ttl.is_some()),
            ("priority", entry.priority.is_some()),
            ("weight", entry.weight.is_some()),
            ("port", entry.port.is_some()),
            ("flags", entry.flags.is_some()),
            ("tag", entry.tag.is_some()),
        ];
        for (field, _) in others.into_iter().filter(|(_, there)| *there) {
            let text = format!("retires {:?} and gives it a {field}", entry.name);
            let hint = "A retired name must not exist, whatever its type: leave the rest out.";
            self.complain(format!("{path}.{field}"), text, "not with retired", hint);
        }
        if retired.since.parse::<jiff::civil::Date>().is_err() {
            let text = format!("retires {:?} since {:?}, which is no date", entry.name, retired.since);
            self.complain(format!("{path}.retired.since"), text, "such as 2025-11-28", "");
        }
        let Some(name) = name else { return };
        if name == "@" {
            return self.complain(format!("{path}.name"), "retires the zone itself", "not the zone", "");
        }
        if let Some((_, first)) = self.retired.get(&name) {
            let text = format!("retires {name} twice, first at {first}");
            return self.complain(format!("{path}.name"), text, "the second time", "");
        }
        self.retired.insert(name, (retired.clone(), path.to_owned()));
    }

    /// Fields that belong to other types, and fields that are missing.
    fn fields(&mut self, path: &str, kind: RecordType, entry: &Entry) {
        use RecordType::{Caa, Mx, Srv};
        let fields: [(&str, bool, &[RecordType], bool); 5] = [
            ("priority", entry.priority.is_some(), &[Mx, Srv], true),
            ("weight", entry.weight.is_some(), &[Srv], true),
            ("port", entry.port.is_some(), &[Srv], true),
            ("flags", entry.flags.is_some(), &[Caa], false),
            ("tag", entry.tag.is_some(), &[Caa], true),
        ];
        for (field, there, kinds, needed) in fields {
            let fits = kinds.contains(&kind);
            if there && !fits {
                let words = kinds.iter().map(|k| k.word()).collect::<Vec<_>>().join(" and ");
                let text = format!("gives the {} record {:?} a {field}", kind.word(), entry.name);
                self.complain(format!("{path}.{field}"), text, &format!("only for {words}"), "");
            }
            if fits && needed && !there {
                let text = format!("has the {} record {:?} without {field}", kind.word(), entry.name);
                self.complain(path, text, &format!("{field} is missing"), "");
            }
        }
        if entry.port == Some(0) {
            self.complain(format!("{path}.port"), "has an SRV record with port 0", "from 1 to 65535", "");
        }
        if entry.network.is_some() && entry.droplet.is_none() {
            let text = format!("names a network for {:?}, which is no droplet's", entry.name);
            self.complain(format!("{path}.network"), text, "only with droplet", "");
        }
    }

    /// Names that a type asks for or forbids.
    fn shape(&mut self, path: &str, kind: RecordType, name: &str) {
        let path = format!("{path}.name");
        if kind == RecordType::Cname && name == "@" {
            let hint = "Use A and AAAA records: the zone itself has NS and SOA records, and a CNAME must be alone.";
            self.complain(&path, "has a CNAME for the zone itself", "no CNAME here", hint);
        }
        if kind == RecordType::Srv {
            let labels: Vec<&str> = name.split('.').take(2).collect();
            if labels.len() < 2 || labels.iter().any(|label| label.len() < 2 || !label.starts_with('_')) {
                let text = format!("has an SRV record named {name:?}");
                self.complain(&path, text, "such as _sip._tcp or _sip._tcp.phones", "");
            }
        }
    }

    fn members(&mut self, path: &str, kind: RecordType, entry: &Entry, key: &SetKey) -> Vec<(Member, String)> {
        let given = [entry.value.is_some(), entry.values.is_some(), entry.droplet.is_some()];
        match given.iter().filter(|there| **there).count() {
            1 => {}
            0 => {
                let text = format!("has the {} record {:?} without a value", kind.word(), entry.name);
                self.complain(path, text, "value, values or droplet is missing", "");
                return Vec::new();
            }
            _ => {
                let text = format!(
                    "has the {} record {:?} with more than one of value, values and droplet",
                    kind.word(),
                    entry.name
                );
                self.complain(path, text, "one of them", "");
                return Vec::new();
            }
        }
        if let Some(droplet) = &entry.droplet {
            return self.droplet(path, kind, entry, droplet).into_iter().collect();
        }
        let mut values: Vec<(&String, String)> = Vec::new();
        values.extend(entry.value.iter().map(|value| (value, format!("{path}.value"))));
        for (i, value) in entry.values.iter().flatten().enumerate() {
            values.push((value, format!("{path}.values[{i}]")));
        }
        if values.is_empty() {
            let text = format!("has the {} record {:?} with an empty list", kind.word(), entry.name);
            self.complain(format!("{path}.values"), text, "at least one", "Take the entry off to have no such record.");
        }
        let read = values
            .into_iter()
            .filter_map(|(value, at)| self.data(&at, kind, entry, key, value).map(|d| (Member::Says(d), at)));
        read.collect::<Vec<_>>()
    }

    fn droplet(&mut self, path: &str, kind: RecordType, entry: &Entry, name: &str) -> Option<(Member, String)> {
        let private = entry.network == Some(Network::Private);
        let output = match (kind, private) {
            (RecordType::A, false) => Output::Address,
            (RecordType::A, true) => Output::PrivateAddress,
            (RecordType::Aaaa, false) => Output::AddressV6,
            (RecordType::Aaaa, true) => {
                let text = "asks for a droplet's private IPv6 address; droplets have none";
                self.complain(format!("{path}.network"), text, "only for A", "");
                return None;
            }
            _ => {
                let text = format!("has the {} record {:?} with a droplet", kind.word(), entry.name);
                self.complain(format!("{path}.droplet"), text, "only for A and AAAA", "");
                return None;
            }
        };
        let at = format!("{path}.droplet");
        let on = ResourceId::new("Droplet", name);
        self.needs.push(Need { on: on.clone(), path: at.clone(), verb: "points a record at" });
        Some((Member::Of { id: on, output }, at))
    }

    fn data(&mut self, at: &str, kind: RecordType, entry: &Entry, key: &SetKey, value: &str) -> Option<Data> {
        let read = match kind {
            RecordType::A => address::<Ipv4Addr>(value, "an IPv4 address"),
            RecordType::Aaaa => address::<Ipv6Addr>(value, "an IPv6 address"),
            RecordType::Txt => written_text(value),
            RecordType::Caa => caa(&self.zone, entry.tag, value),
            RecordType::Cname | RecordType::Mx | RecordType::Ns | RecordType::Srv => written_host(&self.zone, value),
        };
        let value = match read {
            Ok(value) => value,
            Err((why, hint)) => {
                let text = format!("has the {} record {:?} with {value:?}, which {why}", kind.word(), entry.name);
                self.complain(at, text, "this value", &hint);
                return None;
            }
        };
        if kind.points() {
            self.targets.push(Target { path: at.to_owned(), from: key.clone(), host: value.clone() });
        }
        let caa = kind == RecordType::Caa;
        Some(Data {
            priority: entry.priority,
            weight: entry.weight,
            port: entry.port,
            flags: caa.then(|| entry.flags.unwrap_or(0)),
            tag: entry.tag.filter(|_| caa).map(|tag| tag.word().to_owned()),
            value,
        })
    }

    /// A CNAME is alone at its name, and has one value.
    fn alone(&mut self) {
        let mut wrong = Vec::new();
        for (key, members) in self.sets.iter().filter(|(key, _)| key.kind == "CNAME") {
            if let Some(at) = members.values().nth(1) {
                wrong.push((at.clone(), format!("gives {} more than one CNAME", key.name), "one too many"));
            }
            let Some(at) = members.values().next() else { continue };
            let others: BTreeSet<&str> =
                self.sets.keys().filter(|other| key.excludes(other)).map(|other| other.kind.as_str()).collect();
            if !others.is_empty() {
                let others = others.into_iter().collect::<Vec<_>>().join(", ");
                wrong.push((
                    at.clone(),
                    format!("gives {} a CNAME and {others}", key.name),
                    "a CNAME is alone at its name",
                ));
            }
        }
        for (at, text, label) in wrong {
            self.complain(at, text, label, "");
        }
    }

    /// A retired name has no records, and nothing points at it.
    fn retired_names(&mut self) {
        let mut wrong = Vec::new();
        for (name, (retired, path)) in &self.retired {
            for (key, members) in self.sets.iter().filter(|(key, _)| key.name == *name) {
                let at = members.values().next().cloned().unwrap_or_default();
                let text = format!("{} lists {key}, which it retires at {path}", self.id);
                wrong.push(Complaint::at(at, text, "a retired name").hint("Take one of the two off the list."));
            }
            let host = whole(name, &self.zone);
            for target in self.targets.iter().filter(|t| t.host == host) {
                wrong.push(dangling(self.id, target, self.id, retired));
            }
        }
        self.wrong.extend(wrong);
    }

    /// What is listed cannot be left alone as well.
    fn not_ignored(&mut self, ignore: &[Ignore]) {
        let mut wrong = Vec::new();
        for (i, one) in ignore.iter().enumerate() {
            for (key, members) in self.sets.iter().filter(|(key, _)| one.matches(key)) {
                let at = members.values().next().cloned().unwrap_or_default();
                wrong.push((at, format!("lists {key}, which spec.ignore[{i}] leaves alone")));
            }
            // Only a pattern without a type can cover a retired name whole.
            let any_type = SetKey::new("", "");
            let covers = |name: &str| one.kind.is_none() && one.matches(&SetKey::new(name, any_type.kind.clone()));
            for (name, (_, path)) in self.retired.iter().filter(|(name, _)| covers(name)) {
                wrong.push((path.clone(), format!("retires {name}, which spec.ignore[{i}] leaves alone")));
            }
        }
        for (at, text) in wrong {
            self.complain(at, text, "listed and ignored", "Take one of the two off.");
        }
    }
}

fn address<T: std::str::FromStr + ToString>(value: &str, what: &str) -> Result<String, (String, String)> {
    let hint = || match (value.parse::<Ipv4Addr>(), value.parse::<Ipv6Addr>()) {
        (Ok(_), _) => "Use type A.".to_owned(),
        (_, Ok(_)) => "Use type AAAA.".to_owned(),
        _ => "For a host's name use type CNAME; for a droplet's address write droplet: name.".to_owned(),
    };
    value.trim().parse::<T>().map(|a| a.to_string()).map_err(|_| (format!("is not {what}"), hint()))
}

fn caa(zone: &str, tag: Option<CaaTag>, value: &str) -> Result<String, (String, String)> {
    let value = value.trim();
    if tag == Some(CaaTag::Iodef) {
        let fine = ["mailto:", "http://", "https://"].iter().any(|scheme| value.starts_with(scheme));
        let hint = "Write mailto:security@example.com or an https address.".to_owned();
        return if fine { Ok(value.to_owned()) } else { Err(("is no address to report to".to_owned(), hint)) };
    }
    if value.contains(';') {
        // Nobody (";") and parameters are no hosts; DigitalOcean is asked as it stands.
        return Ok(value.to_owned());
    }
    written_host(zone, value)
}

//! What a DNS record may say, and how the API rewrites what it was sent. Pure functions over one zone.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::call::Problem;
use super::domains::DEFAULT_TTL;
use super::records::{Draft, Record, Zone};

const MIN_TTL: i64 = 30;
const MAX_TXT: usize = 509;

/// Checks a draft and makes it a record without a number.
pub(super) fn fresh(zone: &Zone, draft: Draft) -> Result<Record, Problem> {
    let kind = draft.kind.clone().unwrap_or_default();
    if kind == "SOA" {
        return Err(refuse("SOA records cannot be created"));
    }
    if !["A", "AAAA", "CAA", "CNAME", "MX", "NS", "SRV", "TXT"].contains(&kind.as_str()) {
        return Err(refuse(format!("type \"{kind}\" is invalid")));
    }
    if draft.data.is_none() {
        return Err(refuse("Data can't be blank"));
    }
    // Without a name, these two are the zone's own.
    if draft.name.is_none() && !matches!(kind.as_str(), "NS" | "MX") {
        return Err(refuse("Name can't be blank"));
    }
    let blank = Record::plain(0, &kind, "@", String::new(), DEFAULT_TTL);
    let record = filled(zone, blank, draft)?;
    check_neighbours(zone, &record)?;
    Ok(record)
}

/// Checks a change of a record; its type cannot change, and a SOA has a TTL only.
pub(super) fn changed(zone: &Zone, old: &Record, draft: Draft) -> Result<Record, Problem> {
    if draft.kind.as_ref().is_some_and(|kind| *kind != old.kind) {
        return Err(refuse("Type cannot be changed"));
    }
    if old.kind == "SOA" {
        let mut record = old.clone();
        if let Some(ttl) = draft.ttl {
            record.ttl = check_ttl(ttl)?;
            record.data = record.ttl.to_string();
        }
        return Ok(record);
    }
    let record = filled(zone, old.clone(), draft)?;
    check_neighbours(zone, &record)?;
    Ok(record)
}

fn filled(zone: &Zone, mut record: Record, draft: Draft) -> Result<Record, Problem> {
    if let Some(name) = draft.name {
        record.name = relative_name(&name, &zone.name)?;
    }
    if let Some(ttl) = draft.ttl {
        record.ttl = check_ttl(ttl)?;
    }
    let kind = record.kind.clone();
    if matches!(kind.as_str(), "MX" | "SRV") {
        record.priority = small(draft.priority, record.priority, "Priority")?;
    }
    if kind == "SRV" {
        record.port = small(draft.port, record.port, "Port")?;
        record.weight = small(draft.weight, record.weight, "Weight")?;
        let labels: Vec<&str> = record.name.split('.').take(2).collect();
        if labels.len() < 2 || labels.iter().any(|label| !label.starts_with('_')) {
            return Err(refuse("SRV names look like _service._protocol"));
        }
    }
    if kind == "CAA" {
        record.flags = small(draft.flags, record.flags, "Flags")?;
        record.tag = draft.tag.or(record.tag);
        if !matches!(record.tag.as_deref(), Some("issue" | "issuewild" | "iodef")) {
            return Err(refuse("Tag must be issue, issuewild or iodef"));
        }
    }
    // A change that leaves the value out has it checked as it is kept, without its dot, and is refused
    // (digitalocean/doctl#919).
    let sent = draft.data.unwrap_or_else(|| record.data.clone());
    record.data = value(&record, &sent, &zone.name)?;
    Ok(record)
}

fn small<T: TryFrom<i64>>(sent: Option<i64>, had: Option<T>, what: &str) -> Result<Option<T>, Problem> {
    match (sent, had) {
        (Some(number), _) => {
            T::try_from(number).map(Some).map_err(|_| refuse(format!("{what} {number} is out of range")))
        }
        (None, Some(had)) => Ok(Some(had)),
        (None, None) => Err(refuse(format!("{what} can't be blank"))),
    }
}

fn check_ttl(ttl: i64) -> Result<u32, Problem> {
    u32::try_from(ttl).ok().filter(|_| ttl >= MIN_TTL).ok_or_else(|| refuse("TTL must be greater than or equal to 30"))
}

/// A name with a trailing dot is whole; any other is relative, even where it ends in the zone's name.
fn relative_name(name: &str, zone: &str) -> Result<String, Problem> {
    let lower = name.trim().to_ascii_lowercase();
    let relative = match lower.strip_suffix('.') {
        _ if lower.is_empty() || lower == "@" => "@",
        None => lower.as_str(),
        Some(full) if full == zone => "@",
        Some(full) => full
            .strip_suffix(zone)
            .and_then(|rest| rest.strip_suffix('.'))
            .ok_or_else(|| refuse(format!("Name {name} is outside of {zone}")))?,
    };
    let bare = relative.strip_prefix("*.").unwrap_or(relative);
    if !matches!(relative, "@" | "*") && !is_hostname(bare) {
        return Err(refuse(format!("Name \"{name}\" is invalid: only valid hostname characters are allowed")));
    }
    Ok(relative.to_owned())
}

/// Says whether every label is 1 to 63 letters, digits, dashes or underscores.
pub(super) fn is_hostname(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.chars().all(fine)
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// Rewrites a value as the API shows it.
fn value(record: &Record, data: &str, zone: &str) -> Result<String, Problem> {
    match record.kind.as_str() {
        "A" => data
            .parse::<Ipv4Addr>()
            .map(|ip| ip.to_string())
            .map_err(|_| refuse(format!("Data \"{data}\" is not a valid IPv4 address"))),
        "AAAA" => data
            .parse::<Ipv6Addr>()
            .map(|ip| ip.to_string())
            .map_err(|_| refuse(format!("Data \"{data}\" is not a valid IPv6 address"))),
        "TXT" => text(data),
        "CAA" if record.tag.as_deref() == Some("iodef") => match data.ends_with('.') {
            true => Err(refuse("Data of iodef must not end with a dot")),
            false => Ok(data.to_owned()),
        },
        kind => target(kind, data, zone),
    }
}

/// A host has to end with a dot, which is taken off again; the apex becomes `@`. A CAA may also name nobody (`;`).
fn target(kind: &str, data: &str, zone: &str) -> Result<String, Problem> {
    if data == "@" || (data == ";" && kind == "CAA") {
        return Ok(data.to_owned());
    }
    let host = data.strip_suffix('.').ok_or_else(|| refuse("Data needs to end with a dot (.)"))?.to_ascii_lowercase();
    if !is_hostname(&host) {
        return Err(refuse(format!("Data \"{data}\" is not a valid hostname")));
    }
    Ok(match host == zone {
        true => "@".to_owned(),
        false => host,
    })
}

fn text(data: &str) -> Result<String, Problem> {
    let encoded = data.len() + data.matches('"').count();
    if data.is_empty() {
        return Err(refuse("Data can't be blank"));
    }
    if data.contains('\\') {
        return Err(refuse("Data of TXT records must not contain a backslash"));
    }
    if encoded > MAX_TXT {
        return Err(refuse("Data is too long (maximum is 509 characters)"));
    }
    Ok(data.to_owned())
}

/// A CNAME is alone at its name and never at the apex.
fn check_neighbours(zone: &Zone, record: &Record) -> Result<(), Problem> {
    let cname = record.kind == "CNAME";
    if cname && record.name == "@" {
        return Err(refuse("CNAME records cannot be created at the apex"));
    }
    let clash = zone
        .records
        .values()
        .any(|other| other.id != record.id && other.name == record.name && (cname || other.kind == "CNAME"));
    match clash {
        true => Err(refuse("CNAME records cannot share a name with other records")),
        false => Ok(()),
    }
}

/// Writes a record's value as a zone file does.
pub(super) fn presentation(record: &Record, zone: &str) -> String {
    let host = match record.data.as_str() {
        "@" => format!("{zone}."),
        data => format!("{data}."),
    };
    let number = |value: Option<u16>| value.unwrap_or(0);
    match record.kind.as_str() {
        "CNAME" | "NS" => host,
        "MX" => format!("{} {host}", number(record.priority)),
        "SRV" => format!("{} {} {} {host}", number(record.priority), number(record.weight), number(record.port)),
        "TXT" => format!("\"{}\"", record.data.replace('"', "\\\"")),
        "CAA" => {
            format!("{} {} \"{}\"", record.flags.unwrap_or(0), record.tag.as_deref().unwrap_or("issue"), record.data)
        }
        _ => record.data.clone(),
    }
}

fn refuse(why: impl Into<String>) -> Problem {
    Problem::unprocessable(why)
}

//! What the zones answer to a DNS query: records, wildcards, CNAME chains inside a zone, NODATA and NXDOMAIN.
//! Pure: a message in, a message out.

use std::collections::BTreeMap;

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CAA, CNAME, MX, NS, SOA, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record as Answer, RecordType};

use super::records::{Record, Zone};
use super::state::World;

const CHAIN: usize = 8;
const SOA_SERIAL: u32 = 1_718_611_200;
const TXT_PIECE: usize = 255;

/// Answers a query from the zones of all teams.
pub(super) fn respond(worlds: &BTreeMap<String, World>, query: &Message) -> Message {
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.metadata.recursion_desired = query.metadata.recursion_desired;
    let Some(question) = query.queries.first() else {
        reply.metadata.response_code = ResponseCode::FormErr;
        return reply;
    };
    reply.add_query(question.clone());
    if query.metadata.op_code != OpCode::Query {
        reply.metadata.response_code = ResponseCode::NotImp;
        return reply;
    }
    let asked = question.name().to_lowercase().to_ascii();
    let asked = asked.trim_end_matches('.');
    let Some(zone) = zone_of(worlds, asked) else {
        reply.metadata.response_code = ResponseCode::Refused;
        return reply;
    };
    reply.metadata.authoritative = true;
    fill(&mut reply, zone, asked, question.query_type());
    reply
}

/// Finds the zone with the longest name that the asked one is in.
fn zone_of<'a>(worlds: &'a BTreeMap<String, World>, asked: &str) -> Option<&'a Zone> {
    std::iter::successors(Some(asked), |name| name.split_once('.').map(|(_, rest)| rest))
        .find_map(|name| worlds.values().find_map(|world| world.domains.get(name)))
}

fn fill(reply: &mut Message, zone: &Zone, asked: &str, kind: RecordType) {
    let mut owner = asked.to_owned();
    for _ in 0..CHAIN {
        let found = at(zone, &owner);
        if found.is_empty() {
            if reply.answers.is_empty() && !exists(zone, &owner) {
                reply.metadata.response_code = ResponseCode::NXDomain;
            }
            break;
        }
        let wanted =
            |record: &&&Record| kind == RecordType::ANY || record.kind == kind.to_string() || record.kind == "CNAME";
        let mut next = None;
        for record in found.iter().filter(wanted) {
            if let Some(data) = data(zone, record)
                && let Ok(name) = Name::from_ascii(format!("{owner}."))
            {
                reply.add_answer(Answer::from_rdata(name, record.ttl, data));
            }
            if record.kind == "CNAME" && !matches!(kind, RecordType::CNAME | RecordType::ANY) {
                next = Some(whole(zone, &record.data));
            }
        }
        match next {
            Some(target) if zone_has(zone, &target) => owner = target,
            _ => break,
        }
    }
    if reply.answers.is_empty()
        && let Some(soa) = zone.records.values().find(|record| record.kind == "SOA")
        && let (Some(data), Ok(name)) = (data(zone, soa), Name::from_ascii(format!("{}.", zone.name)))
    {
        reply.add_authority(Answer::from_rdata(name, soa.ttl, data));
    }
}

fn zone_has(zone: &Zone, name: &str) -> bool {
    name == zone.name || name.strip_suffix(&zone.name).is_some_and(|rest| rest.ends_with('.'))
}

fn relative<'a>(zone: &Zone, name: &'a str) -> &'a str {
    match name.strip_suffix(&zone.name) {
        None | Some("") => "@",
        Some(rest) => rest.trim_end_matches('.'),
    }
}

/// Returns the records of a name, else those of the nearest wildcard.
fn at<'a>(zone: &'a Zone, name: &str) -> Vec<&'a Record> {
    let own =
        |wanted: &str| -> Vec<&'a Record> { zone.records.values().filter(|record| record.name == wanted).collect() };
    let exact = relative(zone, name);
    let found = own(exact);
    if !found.is_empty() || exact == "@" || exists(zone, name) {
        return found;
    }
    let mut rest = exact;
    while let Some((_, parent)) = rest.split_once('.') {
        let wild = own(&format!("*.{parent}"));
        if !wild.is_empty() {
            return wild;
        }
        rest = parent;
    }
    own("*")
}

/// Says whether a name has records, or names below it that have.
fn exists(zone: &Zone, name: &str) -> bool {
    let relative = relative(zone, name);
    let below = format!(".{relative}");
    zone.records.values().any(|record| record.name == relative || record.name.ends_with(&below))
}

fn whole(zone: &Zone, data: &str) -> String {
    match data {
        "@" => zone.name.clone(),
        host => host.to_owned(),
    }
}

fn data(zone: &Zone, record: &Record) -> Option<RData> {
    let host = || Name::from_ascii(format!("{}.", whole(zone, &record.data))).ok();
    Some(match record.kind.as_str() {
        "A" => RData::A(A(record.data.parse().ok()?)),
        "AAAA" => RData::AAAA(AAAA(record.data.parse().ok()?)),
        "CNAME" => RData::CNAME(CNAME(host()?)),
        "NS" => RData::NS(NS(host()?)),
        "MX" => RData::MX(MX::new(record.priority?, host()?)),
        "SRV" => RData::SRV(SRV::new(record.priority?, record.weight?, record.port?, host()?)),
        "TXT" => RData::TXT(TXT::new(pieces(&record.data))),
        "CAA" => {
            let flags = record.flags?;
            let mut caa = CAA::new_issue(flags & 0x80 != 0, None, Vec::new());
            caa.reserved_flags = flags & 0x7f;
            caa.tag = record.tag.clone()?;
            caa.value = record.data.clone().into_bytes();
            RData::CAA(caa)
        }
        "SOA" => RData::SOA(SOA::new(
            Name::from_ascii("ns1.digitalocean.com.").ok()?,
            Name::from_ascii(format!("hostmaster.{}.", zone.name)).ok()?,
            SOA_SERIAL,
            10_800,
            3_600,
            604_800,
            record.ttl,
        )),
        _ => return None,
    })
}

/// Cuts a text into strings of at most 255 bytes, between characters.
fn pieces(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for c in text.chars() {
        match all.last_mut() {
            Some(last) if last.len() + c.len_utf8() <= TXT_PIECE => last.push(c),
            _ => all.push(c.to_string()),
        }
    }
    all
}

//! One spelling for names and values, whoever wrote them. Pure text; knows no document and no API.

use super::records::Data;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What DigitalOcean takes of an encoded TXT value.
const MAX_TEXT: usize = 509;

/// A record's fields as DigitalOcean tells them.
#[derive(Clone, Debug, Default)]
pub struct Raw<'a> {
    /// `data`.
    pub data: &'a str,
    /// `priority`.
    pub priority: Option<u32>,
    /// `weight`.
    pub weight: Option<u32>,
    /// `port`.
    pub port: Option<u32>,
    /// `flags`.
    pub flags: Option<u32>,
    /// `tag`.
    pub tag: Option<&'a str>,
}

/// The name below the zone of a live record.
pub fn live_name(zone: &str, name: &str) -> String {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if name.is_empty() || name == zone { "@".to_owned() } else { name }
}

/// What a live record says, in canonical form. Fields that its type has not are dropped.
pub fn live_data(zone: &str, kind: &str, raw: &Raw<'_>) -> Data {
    let small = |n: Option<u32>| n.map(|n| u16::try_from(n).unwrap_or(u16::MAX));
    match kind {
        "A" => Data::plain(raw.data.parse::<Ipv4Addr>().map_or_else(|_| raw.data.to_owned(), |ip| ip.to_string())),
        "AAAA" => Data::plain(raw.data.parse::<Ipv6Addr>().map_or_else(|_| raw.data.to_owned(), |ip| ip.to_string())),
        "TXT" => Data::plain(unquoted(raw.data)),
        "CNAME" | "NS" => Data::plain(live_host(zone, raw.data)),
        "MX" => Data { priority: small(raw.priority), ..Data::plain(live_host(zone, raw.data)) },
        "SRV" => Data {
            priority: small(raw.priority),
            weight: small(raw.weight),
            port: small(raw.port),
            ..Data::plain(live_host(zone, raw.data))
        },
        "CAA" => {
            let tag = raw.tag.unwrap_or("issue").to_ascii_lowercase();
            let value = if tag == "iodef" { raw.data.to_owned() } else { live_host(zone, raw.data) };
            let flags = Some(raw.flags.map_or(0, |n| u8::try_from(n).unwrap_or(u8::MAX)));
            Data { flags, tag: Some(tag), ..Data::plain(value) }
        }
        _ => Data::plain(raw.data),
    }
}

/// The one spelling of an address that another resource told.
pub fn canonical_address(value: &str) -> String {
    value.parse::<IpAddr>().map_or_else(|_| value.to_owned(), |ip| ip.to_string())
}

fn live_host(zone: &str, data: &str) -> String {
    match data.trim() {
        "@" => zone.to_owned(),
        data => data.strip_suffix('.').unwrap_or(data).to_ascii_lowercase(),
    }
}

/// The name below the zone that a document means: `erp`, `erp.example.com.`, `@`.
pub fn written_name(zone: &str, text: &str) -> Result<String, (String, String)> {
    let lower = text.trim().to_ascii_lowercase();
    if !lower.is_ascii() {
        return Err(("is not ASCII".to_owned(), punycode(&lower)));
    }
    let relative = match lower.strip_suffix('.') {
        _ if lower == "@" => "@",
        Some(full) if full == zone => "@",
        Some(full) => match full.strip_suffix(zone).and_then(|rest| rest.strip_suffix('.')) {
            Some(relative) => relative,
            None => {
                return Err((
                    format!("lies outside of {zone}"),
                    format!("Write it without {zone} and without the last dot."),
                ));
            }
        },
        None if lower == zone => return Err(("is the zone itself".to_owned(), "Write \"@\".".to_owned())),
        None => match lower.strip_suffix(zone).and_then(|rest| rest.strip_suffix('.')) {
            // DigitalOcean would make it erp.example.com.example.com.
            Some(short) => {
                return Err((
                    format!("ends in {zone} without a dot"),
                    format!("Write {short:?}, or {:?} for the whole name.", format!("{lower}.")),
                ));
            }
            None => lower.as_str(),
        },
    };
    if relative == "@" {
        return Ok(relative.to_owned());
    }
    let bare = if relative == "*" { "wild" } else { relative.strip_prefix("*.").unwrap_or(relative) };
    match host_fault(bare)
        .or_else(|| (relative.len() + zone.len() + 1 > 253).then_some("is longer than 253 characters"))
    {
        None => Ok(relative.to_owned()),
        Some(why) => Err((why.to_owned(), String::new())),
    }
}

/// The whole name of a host that a document means, without the dot at the end: `@` and names without a dot are below the zone.
pub fn written_host(zone: &str, text: &str) -> Result<String, (String, String)> {
    let lower = text.trim().to_ascii_lowercase();
    if !lower.is_ascii() {
        return Err(("is not ASCII".to_owned(), punycode(&lower)));
    }
    if lower == "." {
        return Err(("is the null target; DigitalOcean does not take it".to_owned(), String::new()));
    }
    let whole = match lower.strip_suffix('.') {
        _ if lower == "@" => zone.to_owned(),
        Some(full) => full.to_owned(),
        None if lower.contains('.') => lower,
        None => format!("{lower}.{zone}"),
    };
    if whole.parse::<Ipv4Addr>().is_ok() {
        return Err((
            "is an address; a host's name is needed".to_owned(),
            "Point an A record at the address and name that.".to_owned(),
        ));
    }
    match host_fault(&whole).or_else(|| (whole.len() > 253).then_some("is longer than 253 characters")) {
        None => Ok(whole),
        Some(why) => Err((why.to_owned(), String::new())),
    }
}

/// What is wrong with a name of a host, label by label.
pub fn host_fault(name: &str) -> Option<&'static str> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    for label in name.split('.') {
        if label.is_empty() {
            return Some("has an empty label");
        }
        if label.len() > 63 {
            return Some("has a label longer than 63 characters");
        }
        if label.contains('*') {
            return Some("has a star that is not the whole first label");
        }
        if !label.bytes().all(fine) {
            return Some("has characters other than letters, digits, dashes and underscores");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Some("has a label that begins or ends with a dash");
        }
    }
    None
}

fn punycode(text: &str) -> String {
    match url::Host::parse(text.trim_end_matches('.')) {
        Ok(url::Host::Domain(ascii)) => format!("Write it in punycode: {ascii}"),
        _ => "Write it in punycode (xn--…).".to_owned(),
    }
}

/// The text of a TXT value that a document means: quotes around all of it are taken off, as zone files have them.
pub fn written_text(text: &str) -> Result<String, (String, String)> {
    let fault = |why: &str, hint: &str| Err((why.to_owned(), hint.to_owned()));
    if text.contains('\\') {
        return fault("has a backslash; DigitalOcean refuses those", "Write the text itself, without escapes.");
    }
    let plain = unquoted(text);
    if plain.is_empty() {
        return fault("is empty; DigitalOcean refuses that", "");
    }
    if plain.contains('"') {
        return fault(
            "has a double quote inside",
            "DigitalOcean wants a backslash before it, and refuses backslashes.",
        );
    }
    if plain.chars().any(char::is_control) {
        return fault("has a line break or another control character", "Write it on one line.");
    }
    let chunks = plain.len().div_ceil(255);
    let encoded = plain.len() + 2 * chunks + chunks.saturating_sub(1);
    if encoded > MAX_TEXT {
        return Err((
            format!("is {encoded} bytes long with its quotes; DigitalOcean takes {MAX_TEXT}"),
            "Use a shorter key, such as a DKIM key of 2048 bits.".to_owned(),
        ));
    }
    Ok(plain)
}

/// Takes the quotes off `"a"` and `"a" "b"`; text in any other form stays as it is.
fn unquoted(text: &str) -> String {
    let whole = text.trim();
    let inner = whole.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    match inner {
        Some(inner) if whole.len() >= 2 => {
            let chunks: Vec<&str> = inner.split("\" \"").collect();
            if chunks.iter().any(|c| c.contains('"')) { text.to_owned() } else { chunks.concat() }
        }
        _ => text.to_owned(),
    }
}

/// Says whether a name matches a pattern in which `*` stands for any text and `?` for one character.
pub fn glob(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || name.get(n) == Some(c) => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

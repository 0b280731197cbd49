//! Server names: how nginx compares them, and who serves which. Pure.

use super::directive::Directive;
use super::want::Want;
use crate::model::{Complaint, ResourceId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// A name as nginx compares it: in lower case, without the last dot; expressions stay as they are.
pub fn canonical(name: &str) -> String {
    let name = name.trim();
    if name.starts_with('~') {
        return name.to_owned();
    }
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// Says whether it is one host's full name: no wildcard, no expression.
pub fn is_plain(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name != "_" && !name.is_empty() && name.len() <= 253 && name.split('.').all(label)
}

/// Says whether nginx takes it for a server name.
pub fn is_sound(name: &str) -> bool {
    match name {
        "" | "_" => name == "_",
        name if name.starts_with('~') => name.len() > 1,
        name => {
            let middle = name.strip_prefix("*.").or_else(|| name.strip_suffix(".*")).unwrap_or(name);
            is_plain(middle.strip_prefix('.').unwrap_or(middle))
        }
    }
}

/// Every name that server blocks of a file answer to; not those that answer to nobody (`_` and the empty name).
pub fn served(directives: &[Directive]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for directive in directives {
        let inner = directive.block.as_deref().unwrap_or_default();
        match directive.name.as_str() {
            "http" => names.extend(served(inner)),
            "server" => {
                let all = inner.iter().filter(|d| d.name == "server_name").flat_map(|d| &d.args);
                names.extend(all.map(|name| canonical(name)).filter(|name| !name.is_empty()));
            }
            _ => {}
        }
    }
    names
}

/// The names by which others find a site, as zones have them: no expressions, and not those that answer to nobody.
pub fn led(names: &[String]) -> BTreeSet<String> {
    let whole = |name: &str| is_plain(name) && name.contains('.');
    let one = |name: &String| match name.strip_prefix("*.").or_else(|| name.strip_prefix('.')) {
        Some(rest) if !is_plain(rest) => Vec::new(),
        Some(rest) if name.starts_with('.') => vec![rest.to_owned(), format!("*.{rest}")],
        Some(_) => vec![name.clone()],
        None => Some(name.clone()).filter(|name| whole(name)).into_iter().collect(),
    };
    names.iter().flat_map(one).collect()
}

/// The same questions, asked of a host at its address from another one. What it answers only to itself is not asked.
pub fn asked_from_afar(asked: &[Asked], address: &str) -> Vec<Asked> {
    let far = |one: &&Asked| one.address == "127.0.0.1";
    asked.iter().filter(far).map(|one| Asked { address: address.to_owned(), ..one.clone() }).collect()
}

/// Where a site is asked after it was changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The address.
    pub address: String,
    /// The port.
    pub port: u16,
    /// Whether over https.
    pub tls: bool,
    /// By which name.
    pub name: String,
}

/// So many questions are asked of one site: each may take seconds.
const MOST: usize = 4;

/// Where server blocks with these names listen: one question a port, and what is not an IPv4 address is not asked.
pub fn asked(directives: &[Directive], names: &[String]) -> Vec<Asked> {
    let mut all = BTreeSet::new();
    for server in directives.iter().filter(|d| d.name == "server") {
        let served = served(std::slice::from_ref(server));
        let Some(name) = names.iter().find(|name| is_plain(name) && served.contains(*name)) else { continue };
        for listen in server.block.iter().flatten().filter(|d| d.name == "listen") {
            let Some(at) = listen.args.first() else { continue };
            let (address, port) = at.rsplit_once(':').unwrap_or(("127.0.0.1", at));
            let address = if matches!(address, "*" | "0.0.0.0") { "127.0.0.1" } else { address };
            let tls = listen.args.iter().any(|arg| arg == "ssl");
            if let (Ok(_), Ok(port)) = (address.parse::<Ipv4Addr>(), port.parse()) {
                all.insert(Asked { address: address.to_owned(), port, tls, name: name.clone() });
            }
        }
    }
    all.into_iter().take(MOST).collect()
}

/// Finds documents of one host that have a server name in common; nginx would serve one and ignore the other.
pub fn twice(all: &[(&ResourceId, &Want)]) -> Vec<(ResourceId, Complaint)> {
    let mut first: BTreeMap<(&ResourceId, &str), &ResourceId> = BTreeMap::new();
    let mut found = Vec::new();
    for (id, want) in all {
        for (i, name) in want.names.iter().enumerate().filter(|(_, name)| *name != "_") {
            let other = first.entry((&want.host, name)).or_insert(id);
            if other != id {
                let message = format!("{id} has the server name {name} on {}, which {other} has, too", want.host);
                let label = format!("{other} has it");
                found.push(((*id).clone(), Complaint::at(format!("spec.serverNames[{i}]"), message, label)));
            }
        }
    }
    found
}

//! Where a location's requests go: an address, or a port of a stack's service that is looked up in what the stack's
//! document offers. Owns what may be reached from where; must not know how a stack comes by its ports. Pure.

use super::spec::ToSpec;
use super::want::{Answer, Body, Want};
use super::wrong::Wrong;
use crate::model::offer::{Door, Service};
use crate::model::{Complaint, Need, Offer, Offers, Output, Resolved, ResourceId, View};
use serde::Serialize;

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Upstream {
    /// To an address.
    Url(String),
    /// To a service of a stack, before it has been looked up.
    Stack {
        /// The stack.
        stack: ResourceId,
        /// Its service.
        service: String,
        /// The service's own port; none: the only one that it publishes.
        port: Option<u16>,
        /// What takes the place of the location's path.
        path: String,
    },
    /// To a port of another host, at the address that it has in the network of both.
    Far {
        /// The host.
        host: ResourceId,
        /// Its port.
        port: u16,
        /// What takes the place of the location's path.
        path: String,
    },
}

impl Upstream {
    /// As nginx reads it; in words where it is not known yet.
    pub fn text(&self) -> String {
        match self {
            Self::Url(url) => url.clone(),
            Self::Stack { stack, service, path, .. } => format!("http://({service} of {stack}){path}"),
            Self::Far { host, port, path } => format!("http://({} of {host}):{port}{path}", WHERE.words()),
        }
    }
}

/// What of another host has to be known.
const WHERE: Output = Output::PrivateAddress;

/// Reads `to`.
pub(super) fn upstream(to: &ToSpec, at: &str, wrong: &mut Wrong<'_>) -> Upstream {
    let rest = [
        ("service", to.service.is_some()),
        ("port", to.port.is_some()),
        ("path", to.path.is_some()),
        ("stack", to.stack.is_some()),
    ];
    match (&to.url, &to.stack) {
        (Some(url), None) => {
            for (field, _) in rest.iter().filter(|(_, there)| *there) {
                let what = format!("passes requests on to an address, and has {field}");
                wrong.say(format!("{at}.to.{field}"), what, "leave this out: it belongs to a stack's service", "");
            }
            Upstream::Url(url.clone())
        }
        (None, Some(stack)) => {
            if to.service.is_none() {
                let what = format!("passes requests on to ComposeStack/{stack}, and names no service of it");
                wrong.say(format!("{at}.to"), what, "add service: the name in its compose file", "");
            }
            Upstream::Stack {
                stack: ResourceId::new("ComposeStack", stack),
                service: to.service.clone().unwrap_or_default(),
                port: to.port,
                path: to.path.clone().unwrap_or_default(),
            }
        }
        (Some(_), Some(_)) => {
            wrong.say(format!("{at}.to"), "passes requests on to both an address and a stack", "one of them", "");
            Upstream::Url(String::new())
        }
        (None, None) => {
            let label = "url: http://127.0.0.1:8069, or stack, service and port";
            wrong.say(format!("{at}.to"), "does not say where requests go", label, "");
            Upstream::Url(String::new())
        }
    }
}

/// References to stacks.
pub(super) fn needs(body: &Body) -> Vec<Need> {
    let Body::Site(site) = body else { return Vec::new() };
    let stack = |(i, answer): (usize, &Answer)| match answer {
        Answer::Proxy(Upstream::Stack { stack, .. }) => Some(Need {
            on: stack.clone(),
            path: format!("spec.locations[{i}].to.stack"),
            verb: "passes requests on to",
        }),
        _ => None,
    };
    site.locations.iter().map(|location| &location.answer).enumerate().filter_map(stack).collect()
}

/// Looks up every service that the site names.
pub(super) fn meet(id: &ResourceId, want: &Want, offers: &Offers) -> Result<Option<Want>, Vec<Complaint>> {
    let mut met = want.clone();
    let mut wrong = Wrong::new(id);
    let Body::Site(site) = &mut met.body else { return Ok(None) };
    let mut far = Vec::new();
    for (i, location) in site.locations.iter_mut().enumerate() {
        let Answer::Proxy(Upstream::Stack { stack, service, port, path }) = &location.answer else { continue };
        let Some(offer) = offers.get(stack) else { continue };
        let of = (stack.clone(), offer.on.clone());
        if !met.stacks.contains(&of) {
            met.stacks.push(of);
        }
        let at = format!("spec.locations[{i}].to");
        let Some((door, place)) = door(stack, offer, (service, *port), &at, &mut wrong) else { continue };
        let found = if offer.on == met.host {
            Upstream::Url(format!("http://{}:{}{path}", near(&door.address), door.outside))
        } else if let Some(loopback) = Some(&door.address).filter(|address| is_loopback(address)) {
            let what = format!(
                "passes requests on to {service} of {stack}, which {} publishes on {loopback} alone ({place})",
                offer.on
            );
            let hint = format!("Publish it there on the private address, or serve the site on {}.", offer.on);
            wrong.say(format!("{at}.stack"), what, format!("{} cannot reach it", met.host), &hint);
            continue;
        } else if is_any(&door.address) {
            far.push((offer.on.clone(), format!("{at}.stack")));
            Upstream::Far { host: offer.on.clone(), port: door.outside, path: path.clone() }
        } else {
            Upstream::Url(format!("http://{}:{}{path}", bracketed(&door.address), door.outside))
        };
        location.answer = Answer::Proxy(found);
    }
    met.needs.extend(far.into_iter().map(|(on, path)| Need { on, path, verb: "passes requests on to" }));
    if wrong.all.is_empty() { Ok(Some(met)) } else { Err(wrong.all) }
}

/// The published port that is meant, and where it is written.
fn door<'a>(
    stack: &ResourceId,
    offer: &'a Offer,
    (service, port): (&str, Option<u16>),
    at: &str,
    wrong: &mut Wrong<'_>,
) -> Option<(&'a Door, &'a str)> {
    let Some(Service { doors, place }) = offer.services.get(service) else {
        let names: Vec<&str> = offer.services.keys().map(String::as_str).collect();
        let what = format!("passes requests on to {service:?} of {stack}, which has no such service");
        let hint = if offer.more {
            "What its compose files include is not looked into: give the address instead."
        } else {
            ""
        };
        wrong.say(format!("{at}.service"), what, format!("it has {}", names.join(", ")), hint);
        return None;
    };
    let inside: Vec<String> = doors.iter().map(|door| door.inside.to_string()).collect();
    let hint = format!(
        "Publish it in the stack's {place}, with a fixed port: ports: [\"127.0.0.1:8080:{}\"].",
        port.unwrap_or(8080)
    );
    match (port, doors.as_slice()) {
        (Some(port), doors) => {
            let found = doors.iter().find(|door| door.inside == port);
            if found.is_none() {
                let what = format!("passes requests on to port {port} of {service} of {stack}, which is not published");
                let label = match inside.as_slice() {
                    [] => format!("{service} publishes none ({place})"),
                    inside => format!("{service} publishes {} ({place})", inside.join(", ")),
                };
                wrong.say(format!("{at}.port"), what, label, &hint);
            }
            found.map(|door| (door, place.as_str()))
        }
        (None, [only]) => Some((only, place)),
        (None, []) => {
            let what = format!("passes requests on to {service} of {stack}, which publishes no port");
            wrong.say(format!("{at}.service"), what, place.clone(), &hint);
            None
        }
        (None, _) => {
            let what = format!("passes requests on to {service} of {stack}, which publishes several ports");
            wrong.say(at, what, format!("add port: {}", inside.join(", or ")), "");
            None
        }
    }
}

fn is_any(address: &str) -> bool {
    matches!(address, "" | "0.0.0.0" | "::")
}

fn is_loopback(address: &str) -> bool {
    address == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Where a port of the host itself is reached.
fn near(address: &str) -> String {
    if is_any(address) { "127.0.0.1".to_owned() } else { bracketed(address) }
}

fn bracketed(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}

/// Fills in the addresses of other hosts; gives what is not there yet of what it is in front of, or why an address is not
/// known.
pub(super) fn settle(want: &Want, view: &View<'_>) -> Result<(Want, Vec<ResourceId>), String> {
    let (mut settled, mut pending) = (want.clone(), Vec::new());
    for (stack, host) in &want.stacks {
        match view.resolve(stack, Output::Host) {
            Resolved::Pending { from, .. } => pending.push(from),
            // Its move is held, or failed: where git says that it is, nobody answers.
            Resolved::Known(at) if at != host.name => {
                return Err(format!("{stack} is still on Host/{at}, and has to be on {host} first"));
            }
            Resolved::Known(_) | Resolved::Unknown { .. } => {}
        }
    }
    let Body::Site(site) = &mut settled.body else { return Ok((settled, pending)) };
    for location in &mut site.locations {
        let Answer::Proxy(Upstream::Far { host, port, path }) = &location.answer else { continue };
        match view.resolve(host, WHERE) {
            Resolved::Known(address) => {
                let url = format!("http://{}:{port}{path}", bracketed(&address));
                location.answer = Answer::Proxy(Upstream::Url(url));
            }
            Resolved::Pending { from, .. } => pending.push(from),
            Resolved::Unknown { why } => return Err(why),
        }
    }
    Ok((settled, pending))
}

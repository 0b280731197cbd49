//! What a stack offers to others by its compose files alone: the tcp ports that its services publish. Pure.

use super::want::Want;
use crate::model::Offer;
use crate::model::offer::{Door, Service};

/// What others can use of a stack.
pub(super) fn offer(want: &Want) -> Offer {
    let services = want.services.iter().map(|(name, service)| {
        let tcp = service.ports.iter().filter(|port| port.protocol == "tcp");
        let door = tcp.map(|port| Door { inside: port.target, address: port.address.clone(), outside: port.port });
        let file = want.compose.get(service.file).map(String::as_str).unwrap_or_default();
        (name.clone(), Service { doors: door.collect(), place: format!("{file}:{}", service.line) })
    });
    Offer { on: want.host.clone(), services: services.collect(), more: want.more }
}

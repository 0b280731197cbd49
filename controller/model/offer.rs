//! What documents make available to each other by what git says alone: the ports that a stack's services publish. So a
//! site finds its upstream, and a port that nobody publishes is a mistake in a file, before anything is planned.

use super::ResourceId;
use std::collections::BTreeMap;

/// What one document offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The host on which it is offered.
    pub on: ResourceId,
    /// By the name of the service.
    pub services: BTreeMap<String, Service>,
    /// Whether there may be services that are not named here.
    pub more: bool,
}

/// What one service offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The tcp ports that it publishes.
    pub doors: Vec<Door>,
    /// Where it is written, for people: `compose.yaml:12`.
    pub place: String,
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// The service's own port.
    pub inside: u16,
    /// The host's address; empty for every one.
    pub address: String,
    /// The host's port.
    pub outside: u16,
}

/// All that documents offer.
pub type Offers = BTreeMap<ResourceId, Offer>;

//! The world of one team: every object that the simulator holds, as plain data that serialises.
//! Time passes only in `settle`, which each request calls; nothing runs in between.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::actions::{self, Action};
use super::droplets::Droplet;
use super::firewalls::Firewall;
use super::images::Image;
use super::keys::SshKey;
use super::records::{Record, Zone};
use super::tags::Tag;
use super::vpcs::Vpc;

/// Everything one team owns; tests edit it by hand through `Handle::edit`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct World {
    /// How many droplets the account may have.
    pub droplet_limit: u64,
    /// Droplets by id.
    pub droplets: BTreeMap<u64, Droplet>,
    /// Actions by id, finished ones too.
    pub actions: BTreeMap<u64, Action>,
    /// DNS zones by name.
    pub domains: BTreeMap<String, Zone>,
    /// Firewalls in the order of their creation.
    pub firewalls: Vec<Firewall>,
    /// VPCs in the order of their creation.
    pub vpcs: Vec<Vpc>,
    /// SSH keys by id.
    pub keys: BTreeMap<u64, SshKey>,
    /// Tags by their lower-case name.
    pub tags: BTreeMap<String, Tag>,
    /// Snapshots by id.
    pub snapshots: BTreeMap<u64, Image>,
    /// Members that a VPC still counts for a while after they have gone.
    pub departed: Vec<Departed>,
    /// Whether deleting a VPC with members answers 403 (as documented) and not 409 (as seen).
    pub busy_vpc_is_forbidden: bool,
    pub(super) pending: BTreeSet<(u64, u64)>,
    pub(super) last_id: u64,
    pub(super) public_addresses: u32,
}

/// A droplet that was deleted, as long as its VPC has not noticed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Departed {
    /// The VPC that still counts it.
    pub vpc: String,
    /// Until when, in milliseconds since 1970.
    pub until: u64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            droplet_limit: 5_000,
            droplets: BTreeMap::new(),
            actions: BTreeMap::new(),
            domains: BTreeMap::new(),
            firewalls: Vec::new(),
            vpcs: Vec::new(),
            keys: BTreeMap::new(),
            tags: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            departed: Vec::new(),
            busy_vpc_is_forbidden: false,
            pending: BTreeSet::new(),
            last_id: 3_164_443,
            public_addresses: 0,
        }
    }
}

impl World {
    /// Returns a number that no object of this world has had.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Finds the first droplet of a name, to change it by hand.
    pub fn droplet_named(&mut self, name: &str) -> Option<&mut Droplet> {
        self.droplets.values_mut().find(|droplet| droplet.name == name)
    }

    /// Finds a firewall by its name, to change it by hand.
    pub fn firewall_named(&mut self, name: &str) -> Option<&mut Firewall> {
        self.firewalls.iter_mut().find(|firewall| firewall.name == name)
    }

    /// Finds a VPC by its name, to change it by hand.
    pub fn vpc_named(&mut self, name: &str) -> Option<&mut Vpc> {
        self.vpcs.iter_mut().find(|vpc| vpc.name == name)
    }

    /// Finds the first record of a zone with that relative name and type, to change it by hand.
    pub fn record(&mut self, zone: &str, name: &str, kind: &str) -> Option<&mut Record> {
        self.domains.get_mut(zone)?.records.values_mut().find(|record| record.name == name && record.kind == kind)
    }

    /// Finishes every action that is due, in the order in which they fell due.
    pub(super) fn settle(&mut self, now: u64) {
        while let Some(&(due, id)) = self.pending.first() {
            if due > now {
                break;
            }
            self.pending.pop_first();
            actions::finish(self, id);
        }
        self.departed.retain(|gone| gone.until > now);
    }
}

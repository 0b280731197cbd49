//! A droplet as it is at DigitalOcean, and the work that can be done on it, as plain data.

use super::want::{Backups, Image, Schedule};
use crate::model::{Digest, Marker, Output};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A droplet as it is, in the words of `Want`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// DigitalOcean's id.
    pub id: u64,
    /// The name.
    pub name: String,
    /// The region's slug.
    pub region: String,
    /// The size's slug.
    pub size: String,
    /// The slug of the image that it was made from, while that image has one. A slug's id moves, so it is never compared.
    pub image: Option<String>,
    /// The image's id.
    pub image_id: u64,
    /// The network's uuid; empty for a droplet of the time before networks.
    pub vpc: String,
    /// Its tags without markers, in DigitalOcean's spelling.
    pub tags: Vec<String>,
    /// The markers among its tags; one, where all is well.
    pub markers: Vec<Marker>,
    /// Whether and when it is backed up.
    pub backups: Backups,
    /// Whether it has an IPv6 address.
    pub ipv6: bool,
    /// Whether the monitoring agent was put in.
    pub monitoring: bool,
    /// Whether it runs.
    pub status: Status,
    /// Whether an event holds it.
    pub locked: bool,
    /// Where it can be reached.
    pub addresses: Addresses,
    /// Its disk in GiB; smaller than its size's after a resize without disk.
    pub disk: u64,
    /// When it was made.
    pub created: String,
}

/// Whether a droplet runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Being made.
    New,
    /// Running.
    Active,
    /// Off; it still costs.
    Off,
    /// Archived, or a status that this version does not know.
    Other,
}

/// Where a droplet can be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Addresses {
    /// The public IPv4 address.
    pub public: Option<String>,
    /// The public IPv6 address.
    pub v6: Option<String>,
    /// The private IPv4 address.
    pub private: Option<String>,
}

/// One change's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "do")]
pub enum Step {
    /// Makes a droplet.
    Create(Box<Body>),
    /// Puts a marker on, and takes others off.
    Mark {
        /// The marker to carry; none when it is let go.
        add: Option<Marker>,
        /// The markers to lose.
        remove: Vec<Marker>,
    },
    /// Gives it another name.
    Rename {
        /// The name.
        name: String,
    },
    /// Turns IPv6 on, for good.
    EnableIpv6,
    /// Puts tags on and takes tags off.
    Tags {
        /// To put on.
        add: Vec<String>,
        /// To take off, in DigitalOcean's spelling.
        remove: Vec<String>,
    },
    /// Has it backed up from now on.
    EnableBackups {
        /// When, where that is said.
        schedule: Option<Schedule>,
    },
    /// Has it backed up at other times.
    ChangeBackups {
        /// When.
        schedule: Schedule,
    },
    /// Has it backed up no more.
    DisableBackups,
    /// Gives it another size; it is off meanwhile, and runs afterwards if it ran before.
    Resize {
        /// The size's slug.
        size: String,
        /// Whether the disk grows too, for good.
        disk: bool,
    },
    /// Starts it, after a resize that was interrupted.
    PowerOn,
    /// Shuts it down.
    Stop,
    /// Destroys it.
    Delete,
}

/// All that a new droplet shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    /// The name.
    pub name: String,
    /// The region's slug.
    pub region: String,
    /// The size's slug.
    pub size: String,
    /// The image.
    pub image: Image,
    /// The network's uuid.
    pub vpc: Option<String>,
    /// The ids of the keys that may log in.
    pub ssh_keys: Vec<u64>,
    /// Whether and when it is backed up.
    pub backups: Backups,
    /// Whether the monitoring agent is put in.
    pub monitoring: bool,
    /// Whether it has an IPv6 address.
    pub ipv6: bool,
    /// Its tags; the marker is one of them.
    pub tags: Vec<String>,
    /// The fingerprint of what cloud-init gets: the text is read from the document when the droplet is made, since
    /// people put passwords there, and plans are shown, saved and written into the journal.
    pub user_data: Option<Digest>,
}

pub(super) fn outputs(state: &State) -> BTreeMap<Output, String> {
    let at = &state.addresses;
    let known = [
        (Output::Id, Some(state.id.to_string())),
        (Output::Name, Some(state.name.clone())),
        (Output::Address, at.public.clone()),
        (Output::AddressV6, at.v6.clone()),
        (Output::PrivateAddress, at.private.clone()),
    ];
    known.into_iter().filter_map(|(output, value)| Some((output, value?))).collect()
}

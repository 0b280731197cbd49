//! Where names lead and who serves them, in words that zones, hosts and sites share: so that a name that moves is served in
//! its new place before it leads there, and in its old one until nobody believes any more that it is there.

use super::ResourceId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a document serves, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serves {
    /// What has the addresses at which it is reached.
    pub at: ResourceId,
    /// Whole names, in lower case; a star may stand for the first label.
    pub names: BTreeSet<String>,
}

/// Where the names of one zone lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leads {
    /// The zone's name.
    pub zone: String,
    /// By the whole name; one that has no record leads nowhere.
    pub names: BTreeMap<String, Lead>,
}

/// Where one name leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lead {
    /// Addresses, in canonical form.
    pub to: BTreeSet<String>,
    /// The name that leads on from here.
    pub on: Option<String>,
    /// Seconds that others may keep it.
    pub ttl: u32,
}

/// Since when what moved is found in its new place, and how long others may go on asking in the old one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Led {
    /// The longest time, in seconds, that a record seen since the move began may be kept.
    pub ttl: u32,
    /// The first look that saw every name lead to the new place; none while one still leads elsewhere.
    pub since: Option<Timestamp>,
}

/// Says whether two whole names have a name in common, either of which may begin with a star.
pub fn meet(one: &str, other: &str) -> bool {
    let covers = |star: &str, name: &str| {
        let rest = star.strip_prefix('*').filter(|rest| rest.starts_with('.'));
        rest.is_some_and(|rest| name.ends_with(rest) && name.len() > rest.len())
    };
    one == other || covers(one, other) || covers(other, one)
}

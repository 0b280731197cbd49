//! What was seen, scope by scope. Owns the difference between "not there" and "not known".

use super::{Cents, Erased, ProviderId, Scope};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one look says about one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed<S> {
    /// Certainly not there.
    Absent,
    /// There, at rest.
    Present(S),
    /// There, and the provider is at work on it; not to be touched now.
    Changing(S),
    /// It could not be seen; nothing may be concluded.
    Unknown {
        /// Why not, for people.
        why: String,
    },
}

impl<S> Observed<S> {
    /// The state, where one was seen.
    pub fn state(&self) -> Option<&S> {
        match self {
            Self::Present(s) | Self::Changing(s) => Some(s),
            Self::Absent | Self::Unknown { .. } => None,
        }
    }
    /// The same with another state type.
    pub fn map<T>(self, f: impl FnOnce(S) -> T) -> Observed<T> {
        match self {
            Self::Absent => Observed::Absent,
            Self::Present(s) => Observed::Present(f(s)),
            Self::Changing(s) => Observed::Changing(f(s)),
            Self::Unknown { why } => Observed::Unknown { why },
        }
    }
}

/// One live object.
#[derive(Clone)]
pub struct Live {
    /// The provider's id.
    pub provider_id: ProviderId,
    /// The kind's `State`.
    pub state: Erased,
    /// Whether the provider is at work on it.
    pub changing: bool,
}

/// What was found in one scope: all that exists there, wanted or not, or why it could not be read.
#[derive(Clone)]
pub struct Sighting {
    /// All objects, or why there is no answer. Never a part of them.
    pub found: Result<Vec<Live>, String>,
}

/// Everything that was seen in one look.
#[derive(Clone)]
pub struct World {
    /// The only time that the planner knows.
    pub as_of: jiff::Timestamp,
    /// The account that the token belongs to (its team's uuid), or why that is not known; none where no account was needed.
    pub account: Option<Result<String, String>>,
    /// What was found, scope by scope. A scope that is missing was not looked at, and is unknown.
    pub scopes: BTreeMap<Scope, Sighting>,
    /// What can be had and for how much; empty where it could not be read.
    pub catalog: Catalog,
    /// API calls that the look took.
    pub calls: u64,
    /// Hosts that were reached.
    pub hosts: u32,
    /// How long the look took, in milliseconds; shown, never decided upon.
    pub took_ms: u64,
}

impl World {
    /// A world in which nothing was looked at.
    pub fn unseen(as_of: jiff::Timestamp) -> Self {
        Self {
            as_of,
            account: None,
            scopes: BTreeMap::new(),
            catalog: Catalog::default(),
            calls: 0,
            hosts: 0,
            took_ms: 0,
        }
    }

    /// Takes in what became of one object, so that what waits for it can be planned without another look.
    /// A scope that could not be read stays unknown.
    pub fn learn(&mut self, scope: &Scope, provider_id: &ProviderId, now: Option<Live>) {
        let Some(Sighting { found: Ok(found) }) = self.scopes.get_mut(scope) else { return };
        found.retain(|live| &live.provider_id != provider_id);
        found.extend(now);
    }
}

/// What the provider offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// Droplet sizes by slug.
    pub sizes: BTreeMap<String, Size>,
}

/// One droplet size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// A month's price.
    pub monthly: Cents,
    /// The disk, in GiB.
    pub disk: u64,
    /// The memory, in MiB.
    pub memory: u64,
    /// Virtual processors.
    pub vcpus: u64,
    /// Whether new droplets may have it.
    pub available: bool,
    /// Regions that offer it.
    pub regions: Vec<String>,
}

//! What live objects say about themselves, and what changes do to the ways between them: the words in which kinds meet
//! without knowing each other.

use super::ProviderId;
use serde::{Deserialize, Serialize};

/// Something that is true of a live object, in words that all kinds share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fact {
    /// The region's slug.
    Region(String),
    /// What it is like, by the provider's word: a size, a fingerprint.
    Size(String),
    /// A public address at which it answers.
    Address(String),
    /// An address inside of its network.
    PrivateAddress(String),
    /// A range of addresses.
    Range(String),
    /// A port that the world can reach: `tcp 22`.
    OpenPort(String),
    /// How many of what it holds or covers: `(41, "record set")`.
    Holds(usize, String),
    /// It is not running, and why: `off`.
    Idle(String),
    /// What runs on it, with its version: `Docker 24.0.7`.
    Runs(String),
    /// What somebody should look after: `the disk / is over 90 % full`.
    Ails(String),
    /// When it was made, as the provider says it.
    Created(String),
    /// It carries this tag, in lower case.
    Tag(String),
}

/// An object, or all that have something in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Whom {
    /// One live object.
    Object {
        /// Its kind.
        kind: String,
        /// The provider's id.
        id: ProviderId,
    },
    /// Every object of which this is true.
    Every(Fact),
}

impl Whom {
    /// Says whether a live object is meant.
    pub fn means(&self, kind: &str, id: &ProviderId, facts: &[Fact]) -> bool {
        match self {
            Self::Object { kind: wanted, id: named } => wanted == kind && named == id,
            Self::Every(fact) => facts.contains(fact),
        }
    }
}

/// That a change alters how something is reached, or what it reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Way {
    /// Who is behind it.
    pub whom: Whom,
    /// What may not get through any more that somebody who keeps it needs: `lets in tcp 22 from any no longer`.
    pub cuts: Option<String>,
}

//! What is known of a live object in words that every kind shares, so that insight needs to know no kind.

use serde::Serialize;

/// One thing that is known of a live object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
    Holds(usize, &'static str),
    /// It is not running, and why: `off`.
    Idle(String),
    /// When it was made, as the provider says it.
    Created(String),
}

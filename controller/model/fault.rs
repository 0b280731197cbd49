//! What can go wrong between a change and the world, in three classes that decide what is tried next.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Why a change did not get done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase", tag = "class")]
pub enum Fault {
    /// It did not happen and may succeed later: a locked droplet, a rate limit, a refused connection.
    #[error("{what}")]
    Transient {
        /// What was tried, on what, and what came back.
        what: String,
        /// What to do, or what the controller does next.
        hint: String,
        /// When the other side said that another try makes sense.
        retry_after: Option<Duration>,
    },
    /// It did not happen and will not until something changes: a refused size, a missing scope.
    #[error("{what}")]
    Permanent {
        /// What was tried, on what, and what came back.
        what: String,
        /// What to do.
        hint: String,
    },
    /// It did not happen, since something else in the same place is in its way: it is tried again as soon as another change
    /// there is done, and else as seldom as what is refused.
    #[error("{what}")]
    Hindered {
        /// What was tried, on what, and what came back.
        what: String,
        /// What to do.
        hint: String,
    },
    /// It was done, and what came of it is no good: the same content is not tried again, unless somebody says so.
    #[error("{what}")]
    Unfit {
        /// What was tried, on what, and what came back.
        what: String,
        /// What to do.
        hint: String,
    },
    /// It was sent, and whether it happened is not known: never retried, only settled by looking.
    #[error("{what}")]
    Unclear {
        /// What was tried, on what, and what came back.
        what: String,
        /// How the controller finds out.
        hint: String,
    },
}

impl Fault {
    /// A fault that time may cure.
    pub fn transient(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Transient { what: what.into(), hint: hint.into(), retry_after: None }
    }
    /// A fault that somebody has to cure.
    pub fn permanent(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Permanent { what: what.into(), hint: hint.into() }
    }
    /// A fault of something else in the same place.
    pub fn hindered(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Hindered { what: what.into(), hint: hint.into() }
    }
    /// A fault of the content itself.
    pub fn unfit(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unfit { what: what.into(), hint: hint.into() }
    }
    /// A fault whose effect has to be looked for.
    pub fn unclear(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unclear { what: what.into(), hint: hint.into() }
    }
    /// What to do next, in a sentence; may be empty.
    pub fn hint(&self) -> &str {
        match self {
            Self::Transient { hint, .. }
            | Self::Permanent { hint, .. }
            | Self::Hindered { hint, .. }
            | Self::Unfit { hint, .. }
            | Self::Unclear { hint, .. } => hint,
        }
    }
}

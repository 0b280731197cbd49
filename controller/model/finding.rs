//! What the planner noticed and cannot or will not change by itself.

use super::{Place, ResourceId};
use serde::{Deserialize, Serialize};

/// How a finding is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// The resource cannot be brought in sync until somebody acts.
    Problem,
    /// It could not be looked at; nothing is decided about it.
    Unknown,
    /// Worth reading: a field that acts only at creation differs.
    Note,
}

/// Something that a reader should know about a resource, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The resource it is about; none for the estate.
    pub id: Option<ResourceId>,
    /// How it is meant.
    pub weight: Weight,
    /// A stable word for the rule, such as `cannot-change-in-place`.
    pub rule: String,
    /// What was noticed.
    pub text: String,
    /// What to do; may be empty.
    pub hint: String,
    /// Where the document says so.
    pub place: Option<Place>,
}

impl Finding {
    /// Makes a finding about a resource.
    pub fn about(id: &ResourceId, weight: Weight, rule: &str, text: impl Into<String>) -> Self {
        Self {
            id: Some(id.clone()),
            weight,
            rule: rule.to_owned(),
            text: text.into(),
            hint: String::new(),
            place: None,
        }
    }
    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

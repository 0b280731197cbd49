//! What a document lets the controller do with its object; the same for every kind.

use super::{ProviderId, Span};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Whether drift is put back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Puts back what differs.
    #[default]
    Enforce,
    /// Reports what differs and changes nothing.
    Observe,
    /// Neither reports nor changes, until `until` or the line goes; wants a `reason`.
    Paused,
}

/// What happens to the object when its document disappears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnRemove {
    /// The object stays; ownership and marker go.
    Keep,
    /// It is stopped and, where `soak` says after which time, destroyed.
    Stop,
    /// It is destroyed.
    Destroy,
}

/// Which live object a new document may take over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Adopt {
    /// The one that already has this document's key (name).
    #[default]
    Match,
    /// None: create another, whatever exists.
    Never,
    /// Exactly this one.
    #[serde(untagged)]
    Id {
        /// The provider's id.
        #[serde(deserialize_with = "text_or_number")]
        id: ProviderId,
    },
}

fn text_or_number<'de, D: serde::Deserializer<'de>>(d: D) -> Result<ProviderId, D::Error> {
    match serde_json::Value::deserialize(d)? {
        serde_json::Value::String(text) if !text.is_empty() => Ok(ProviderId(text)),
        serde_json::Value::Number(n) => Ok(ProviderId(n.to_string())),
        _ => Err(serde::de::Error::custom("expected the provider's id, a number or a text")),
    }
}

impl JsonSchema for Adopt {
    fn schema_name() -> Cow<'static, str> {
        "Adopt".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Which live object this document may take over: match (the one with the same key), never, or {id: …}.",
            "anyOf": [
                {"type": "string", "enum": ["match", "never"]},
                {"type": "object", "additionalProperties": false, "required": ["id"],
                 "properties": {"id": {"description": "The provider's id, such as 3164494.", "type": ["string", "integer"]}}}
            ]
        })
    }
}

/// `policy:` as written in a document; what is left out takes the kind's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PolicySpec {
    /// enforce (default) | observe (report drift, change nothing) | paused (with reason, until).
    pub mode: Option<Mode>,
    /// Why it is paused; needed with mode: paused.
    pub reason: Option<String>,
    /// When a pause ends by itself: a date (2026-12-31) or an instant (2026-12-31T08:00:00Z).
    pub until: Option<String>,
    /// What happens when this document disappears: keep | stop | destroy. Default keep.
    pub on_remove: Option<OnRemove>,
    /// With onRemove: stop, the time between stop and destroy, such as 48h; the destruction is held for an approval all
    /// the same. Without it, what was stopped stays stopped.
    pub soak: Option<Span>,
    /// Never destroyed or replaced without an approval.
    pub protect: Option<bool>,
    /// match (default) | never | {id: …}: which live object this document may take over.
    pub adopt: Option<Adopt>,
}

/// A document's policy with every default filled; what Memory remembers of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Whether drift is put back.
    pub mode: Mode,
    /// Why it is paused.
    pub reason: Option<String>,
    /// When a pause ends.
    pub until: Option<jiff::Timestamp>,
    /// What happens when the document disappears.
    pub on_remove: OnRemove,
    /// The time between stop and destroy.
    pub soak: Span,
    /// Never destroyed or replaced without an approval.
    pub protect: bool,
    /// Which live object may be taken over.
    pub adopt: Adopt,
}

impl Policy {
    /// When what was stopped because its document went is to be destroyed; none where nothing but the stop was asked for.
    pub fn destroyed_from(&self, stopped: Option<jiff::Timestamp>) -> Option<jiff::Timestamp> {
        let soaks = self.on_remove == OnRemove::Stop && self.soak.0 > 0;
        stopped.filter(|_| soaks)?.checked_add(self.soak.signed()).ok()
    }
    /// Says whether that time has come.
    pub fn soaked(&self, stopped: Option<jiff::Timestamp>, as_of: jiff::Timestamp) -> bool {
        self.destroyed_from(stopped).is_some_and(|from| from <= as_of)
    }
    /// The policy of a document that says nothing.
    pub fn default_for(on_remove: OnRemove) -> Self {
        Self {
            mode: Mode::Enforce,
            reason: None,
            until: None,
            on_remove,
            soak: Span(0),
            protect: false,
            adopt: Adopt::Match,
        }
    }

    /// The stricter of this and another, field by field; what may be taken over is this one's.
    pub fn stricter(mut self, then: &Self) -> Self {
        self.protect |= then.protect;
        self.on_remove = self.on_remove.min(then.on_remove);
        self.soak = self.soak.max(then.soak);
        if then.mode > self.mode {
            (self.mode, self.reason, self.until) = (then.mode, then.reason.clone(), then.until);
        }
        self
    }
}

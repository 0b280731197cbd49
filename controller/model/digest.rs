//! SHA-256 over canonical JSON. Owns what "the same" means for plans and documents.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A SHA-256 in full, as 64 hex digits; shown short as `7b1e-40aa`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Hashes bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(bytes) {
            hex.extend([byte >> 4, byte & 15].into_iter().filter_map(|half| char::from_digit(half.into(), 16)));
        }
        Self(hex)
    }
    /// Hashes a value by its canonical JSON: keys sorted, no white space.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        Self::of_bytes(canonical(&serde_json::to_value(value).unwrap_or(Value::Null)).as_bytes())
    }
    /// The 64 hex digits.
    pub fn hex(&self) -> &str {
        &self.0
    }
    /// The first eight digits in two groups, for people.
    pub fn short(&self) -> String {
        format!("{}-{}", self.0.get(..4).unwrap_or_default(), self.0.get(4..8).unwrap_or_default())
    }
    /// Says whether a text that somebody typed (short or longer, with or without dashes) names this digest.
    pub fn matches(&self, typed: &str) -> bool {
        let plain: String = typed.chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase();
        plain.len() >= 8 && self.0.starts_with(&plain)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes JSON with sorted keys and no white space, so that equal values are equal bytes.
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

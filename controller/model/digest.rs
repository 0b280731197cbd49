//! SHA-256 over canonical JSON. Owns what "the same" means for plans and documents.

use super::hex::{hex, unhex};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::fmt;

/// A SHA-256 in full, written as 64 hex digits; shown short as `7b1e-40aa`.
///
/// Kept as bytes in place: an estate of 10,000 record sets has two of them for each, and a plan compares them all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Hashes bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
    /// Hashes a value by its canonical JSON: keys sorted, no white space.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        Self::of_bytes(canonical(&serde_json::to_value(value).unwrap_or(Value::Null)).as_bytes())
    }
    /// The 64 hex digits.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
    /// The first eight digits in two groups, for people.
    pub fn short(&self) -> String {
        let [a, b, c, d, ..] = self.0;
        format!("{a:02x}{b:02x}-{c:02x}{d:02x}")
    }
    /// The first eight bytes as a number, to seed what must be the same each time.
    pub fn seed(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
    /// Says whether a text that somebody typed (short or longer, with or without dashes) names this digest.
    pub fn matches(&self, typed: &str) -> bool {
        let plain: String = typed.chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase();
        plain.len() >= 8 && self.hex().starts_with(&plain)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.hex())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(d)?;
        let refuse = || serde::de::Error::invalid_value(serde::de::Unexpected::Str(&text), &"64 hex digits");
        unhex(&text).and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(refuse)
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

//! What the wire types share: how answers are forgiven their nulls. It knows no resource.

use serde::{Deserialize, Deserializer};

/// Reads null as the default: DigitalOcean answers null where it means an empty list or text.
pub(super) fn or_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

//! Reads the account's SSH keys. Concludes nothing.

use super::super::operate::{Look, Seen};
use super::diff::State;
use crate::model::ProviderId;
use crate::ports::digitalocean::{self, Result};
use std::collections::BTreeMap;

/// All keys, or why they could not be read.
pub(super) async fn all(look: &Look<'_>) -> Result<Vec<Seen<State>>, String> {
    read(look).await.map_err(|error| error.why())
}

async fn read(look: &Look<'_>) -> Result<Vec<Seen<State>>> {
    let client = &look.ports.digitalocean;
    let mut found: BTreeMap<u64, digitalocean::SshKey> =
        client.ssh_keys().await?.into_iter().map(|key| (key.id, key)).collect();
    // A list may lag behind: an owned key is gone only where a GET says so.
    for id in look.owned_ids().filter_map(|id| id.0.parse::<u64>().ok()) {
        if !found.contains_key(&id)
            && let Some(key) = client.ssh_key(id).await?
        {
            found.insert(id, key);
        }
    }
    let seen = |key| {
        let state = state(key);
        Seen { provider_id: ProviderId(state.id.to_string()), state, changing: false }
    };
    Ok(found.into_values().map(seen).collect())
}

/// A key in the words of `State`.
pub(super) fn state(key: digitalocean::SshKey) -> State {
    State {
        id: key.id,
        name: key.name,
        fingerprint: key.fingerprint.to_ascii_lowercase(),
        public_key: key.public_key.trim().to_owned(),
    }
}

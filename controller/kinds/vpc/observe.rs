//! Reads the account's private networks. Concludes nothing.

use super::super::operate::{Look, Seen};
use super::diff::State;
use crate::model::ProviderId;
use crate::ports::digitalocean::{self, Result};
use std::collections::BTreeMap;

/// All networks, or why they could not be read.
pub(super) async fn all(look: &Look<'_>) -> Result<Vec<Seen<State>>, String> {
    read(look).await.map_err(|error| error.why())
}

async fn read(look: &Look<'_>) -> Result<Vec<Seen<State>>> {
    let client = &look.ports.digitalocean;
    let mut found: BTreeMap<String, digitalocean::Vpc> =
        client.vpcs().await?.into_iter().map(|vpc| (vpc.id.clone(), vpc)).collect();
    // A list may lag behind: an owned network is gone only where a GET says so.
    for id in look.owned_ids() {
        if !found.contains_key(&id.0)
            && let Some(vpc) = client.vpc(&id.0).await?
        {
            found.insert(id.0.clone(), vpc);
        }
    }
    let seen =
        |vpc: digitalocean::Vpc| Seen { provider_id: ProviderId(vpc.id.clone()), state: state(vpc), changing: false };
    Ok(found.into_values().map(seen).collect())
}

/// A network in the words of `State`.
pub(super) fn state(vpc: digitalocean::Vpc) -> State {
    State {
        id: vpc.id,
        name: vpc.name,
        region: vpc.region,
        // The same notation as documents are read into.
        ip_range: vpc.ip_range.parse::<ipnet::Ipv4Net>().map_or(vpc.ip_range, |range| range.trunc().to_string()),
        description: vpc.description.trim().to_owned(),
        default: vpc.default,
    }
}

//! Reads the account's droplets, of both types, with their backup policies. Concludes nothing.

use super::super::operate::{Look, Seen};
use super::live::{Addresses, State, Status};
use super::spec::{Plan, Weekday};
use super::want::{Backups, Schedule};
use crate::model::{Marker, ProviderId};
use crate::ports::digitalocean::{self as api, Client, DropletStatus, Result};
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};

/// How many droplets that a list lacks are asked for at the same time.
const AT_ONCE: usize = 8;

/// All droplets, or why they could not be read.
pub(super) async fn all(look: &Look<'_>) -> Result<Vec<Seen<State>>, String> {
    read(look).await.map_err(|error| error.why())
}

async fn read(look: &Look<'_>) -> Result<Vec<Seen<State>>> {
    let client = &look.ports.digitalocean;
    let (mut droplets, policies) = futures::try_join!(client.droplets(), client.backup_policies())?;
    let policies: BTreeMap<u64, api::DropletBackups> = policies.into_iter().map(|p| (p.droplet_id, p)).collect();
    let listed: BTreeSet<u64> = droplets.iter().map(|d| d.id).collect();
    // A list may lag behind: an owned droplet is gone only where a GET says so.
    let missing: BTreeSet<u64> =
        look.owned_ids().filter_map(|id| id.0.parse().ok()).filter(|id| !listed.contains(id)).collect();
    let found: Vec<Option<api::Droplet>> =
        stream::iter(missing).map(|id| client.droplet(id)).buffered(AT_ONCE).try_collect().await?;
    droplets.extend(found.into_iter().flatten());
    let seen = |droplet: api::Droplet| {
        let policy = policies.get(&droplet.id);
        let state = state(droplet, policy);
        Seen {
            provider_id: ProviderId(state.id.to_string()),
            changing: state.locked || state.status == Status::New,
            state,
        }
    };
    Ok(droplets.into_iter().map(seen).collect())
}

/// Reads one droplet with its policy; none where it is gone.
pub(super) async fn one(client: &Client, id: u64) -> Result<Option<State>> {
    let Some(droplet) = client.droplet(id).await? else { return Ok(None) };
    let policy = if has(&droplet, "backups") { client.backup_policy(id).await? } else { None };
    Ok(Some(state(droplet, policy.as_ref())))
}

fn has(droplet: &api::Droplet, feature: &str) -> bool {
    droplet.features.iter().any(|f| f == feature)
}

/// A droplet in the words of `State`.
fn state(droplet: api::Droplet, policy: Option<&api::DropletBackups>) -> State {
    let backups = if has(&droplet, "backups") {
        Backups::On(policy.and_then(|p| p.backup_policy.as_ref()).and_then(schedule))
    } else {
        Backups::Off
    };
    let (ipv6, monitoring) = (has(&droplet, "ipv6"), has(&droplet, "monitoring"));
    let (marks, tags): (Vec<String>, Vec<String>) =
        droplet.tags.into_iter().partition(|tag| tag.parse::<Marker>().is_ok());
    State {
        id: droplet.id,
        name: droplet.name,
        region: droplet.region.slug,
        size: droplet.size_slug,
        image: droplet.image.slug.filter(|slug| !slug.is_empty()),
        image_id: droplet.image.id,
        vpc: droplet.vpc_uuid.unwrap_or_default(),
        tags,
        markers: marks.iter().filter_map(|tag| tag.parse().ok()).collect(),
        backups,
        ipv6,
        monitoring,
        status: match droplet.status {
            DropletStatus::New => Status::New,
            DropletStatus::Active => Status::Active,
            DropletStatus::Off => Status::Off,
            DropletStatus::Archive | DropletStatus::Unknown => Status::Other,
        },
        locked: droplet.locked,
        addresses: addresses(&droplet.networks),
        disk: droplet.disk,
        created: droplet.created_at,
    }
}

fn addresses(networks: &api::DropletNetworks) -> Addresses {
    let first = |all: &[api::DropletNetwork], kind: &str| {
        all.iter().find(|n| n.kind == kind && !n.ip_address.is_empty()).map(|n| n.ip_address.clone())
    };
    Addresses {
        public: first(&networks.v4, "public"),
        v6: first(&networks.v6, "public"),
        private: first(&networks.v4, "private"),
    }
}

/// A policy in canonical words; none where its plan is not known to this version, and then any is right.
fn schedule(policy: &api::BackupPolicy) -> Option<Schedule> {
    let plan = match policy.plan.to_ascii_lowercase().as_str() {
        "daily" => Plan::Daily,
        "weekly" => Plan::Weekly,
        _ => return None,
    };
    let days = [
        ("SUN", Weekday::Sun),
        ("MON", Weekday::Mon),
        ("TUE", Weekday::Tue),
        ("WED", Weekday::Wed),
        ("THU", Weekday::Thu),
        ("FRI", Weekday::Fri),
        ("SAT", Weekday::Sat),
    ];
    let named = policy.weekday.as_deref().unwrap_or_default();
    let weekday = days.iter().find(|(name, _)| name.eq_ignore_ascii_case(named)).map(|(_, day)| *day);
    // Daily backups may come back with a day that means nothing.
    Some(Schedule { plan, weekday: weekday.filter(|_| plan == Plan::Weekly), hour: policy.hour })
}

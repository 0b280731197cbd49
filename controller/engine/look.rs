//! One look at the world: every kind that documents or Memory speak of, in parallel, each collection once.
//! Owns the time of the look; concludes nothing.

use super::work::said;
use crate::kinds::{self, AnyOperate, Look};
use crate::model::{Catalog, Cents, Estate, Memory, Scope, Sighting, World, world::Size};
use crate::ports::Ports;
use futures::FutureExt;
use futures::future::join_all;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

/// Looks at everything that the estate and Memory speak of.
///
/// Never fails as a whole: a scope that cannot be read says why, and the planner leaves it alone.
pub async fn look(ports: &Ports, estate: &Estate, memory: &Memory) -> World {
    let kinds: Vec<&dyn AnyOperate> = kinds::ALL.iter().copied().filter(|k| concerns(*k, estate, memory)).collect();
    gather(ports, &kinds, Some(estate), memory, false).await
}

/// Looks at all that the account holds of some kinds, whether or not anything speaks of it; an estate says what is wanted besides.
pub async fn whole(ports: &Ports, kinds: &[&dyn AnyOperate], estate: Option<&Estate>, memory: &Memory) -> World {
    gather(ports, kinds, estate, memory, true).await
}

async fn gather(
    ports: &Ports,
    kinds: &[&dyn AnyOperate],
    estate: Option<&Estate>,
    memory: &Memory,
    whole: bool,
) -> World {
    let (began, calls) = (Instant::now(), ports.digitalocean.calls());
    let mut world = World::unseen(ports.clock.now());
    if kinds.is_empty() {
        return world;
    }
    let scopes = join_all(kinds.iter().map(|kind| sight(*kind, ports, estate, memory, whole)));
    let (account, catalog, scopes) = tokio::join!(account(ports), catalog(ports, kinds), scopes);
    // A token file may be switched in mid-look: what was seen then is of two teams, and says nothing about either.
    world.account = Some(match (account, self::account(ports).await) {
        (Ok(before), Ok(after)) if before != after => {
            Err(format!("the token was switched from team {before} to team {after} while it was looked at"))
        }
        (Ok(_), Err(why)) => Err(why),
        (before, _) => before,
    });
    world.catalog = catalog;
    world.scopes = scopes.into_iter().flatten().collect();
    world.calls = ports.digitalocean.calls().saturating_sub(calls);
    world.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    world
}

fn concerns(kind: &dyn AnyOperate, estate: &Estate, memory: &Memory) -> bool {
    let begun = memory.intents.keys().map(|key| &key.id);
    estate.documents.keys().chain(memory.owned.keys()).chain(begun).any(|id| id.kind == kind.name())
}

async fn sight(
    kind: &dyn AnyOperate,
    ports: &Ports,
    estate: Option<&Estate>,
    memory: &Memory,
    whole: bool,
) -> BTreeMap<Scope, Sighting> {
    let documents = estate.into_iter().flat_map(|e| &e.documents).filter(|(id, _)| id.kind == kind.name());
    let look = Look {
        ports,
        wants: documents.map(|(id, document)| (id, &document.want)).collect(),
        owned: memory.owned.iter().filter(|(id, _)| id.kind == kind.name()).collect(),
        whole,
        begun: memory.intents.values().filter(|intent| intent.key.id.kind == kind.name()).collect(),
    };
    match AssertUnwindSafe(kind.observe(&look)).catch_unwind().await {
        Ok(seen) => seen.into_iter().collect(),
        Err(panic) => {
            // Nothing was looked at, so nothing is known; the other kinds go on.
            tracing::error!(kind = kind.name(), panic = said(panic.as_ref()), "a look ended by a mistake in driftless");
            BTreeMap::new()
        }
    }
}

async fn account(ports: &Ports) -> Result<String, String> {
    match ports.digitalocean.owner().await {
        Ok(owner) => Ok(owner),
        Err(error) => Err(format!("{}. {}", error.what(), error.hint())),
    }
}

/// Sizes and prices, where droplets are concerned. Without them a plan has no prices, which stops nothing.
async fn catalog(ports: &Ports, kinds: &[&dyn AnyOperate]) -> Catalog {
    if !kinds.iter().any(|k| k.priced()) {
        return Catalog::default();
    }
    match ports.digitalocean.sizes().await {
        Ok(sizes) => Catalog { sizes: sizes.into_iter().map(|s| (s.slug.clone(), size(&s))).collect() },
        Err(error) => {
            tracing::warn!(error = %error.what(), "sizes and prices could not be read; this plan has no prices");
            Catalog::default()
        }
    }
}

fn size(size: &crate::ports::digitalocean::Size) -> Size {
    Size {
        monthly: Cents::from_dollars(size.price_monthly),
        disk: size.disk,
        memory: size.memory,
        vcpus: size.vcpus,
        available: size.available,
        regions: size.regions.clone(),
    }
}

//! One look at the world: every kind that documents or Memory speak of, in parallel, each collection once; the hosts once
//! the account has said where they are, and what is on them from the same surveys. Owns the time of the look and its turns;
//! concludes nothing but where to look.

use super::work::said;
use crate::kinds::{self, AnyOperate, Contact, Look, Surveys, Turn};
use crate::model::{
    Catalog, Cents, Estate, Live, Memory, Observed, ResourceId, Scope, Sighting, Supply, World, world::Size,
};
use crate::plan::claim::claim;
use crate::plan::renaming::followed;
use crate::ports::Ports;
use crate::ports::host::survey::Ask;
use futures::FutureExt;
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::time::Instant;

/// Looks at everything that the estate and Memory speak of.
///
/// Never fails as a whole: a scope that cannot be read says why, and the planner leaves it alone.
pub async fn look(ports: &Ports, estate: &Estate, memory: &Memory) -> World {
    let kinds: Vec<&dyn AnyOperate> = kinds::ALL.iter().copied().filter(|k| concerns(*k, estate, memory)).collect();
    let followed = followed(&kinds::pure(), estate, memory);
    gather(ports, &kinds, Some(estate), &followed.memory, false).await
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
    // Every look that has an estate has its secrets: hosts are reached with them.
    estate.into_iter().for_each(|estate| ports.hosts.secrets().open(estate));
    let (began, calls) = (Instant::now(), ports.digitalocean.calls());
    let mut world = World::unseen(ports.clock.now());
    if kinds.is_empty() {
        return world;
    }
    let mut sought = Sought::new(ports, estate, memory, whole);
    let (of_account, on_hosts): (Vec<_>, Vec<_>) = kinds.iter().copied().partition(|k| k.turn() == Turn::Account);
    let scopes = join_all(of_account.iter().map(|kind| sight(*kind, &sought)));
    let (account, catalog, scopes) = tokio::join!(account(ports), catalog(ports, kinds), scopes);
    world.scopes = scopes.into_iter().flatten().collect();
    world.account = Some(account.clone());
    if !on_hosts.is_empty() {
        sought.supplies = supplies(estate, &world, memory);
    }
    sought.asks = asks(&on_hosts, &sought);
    for turn in [Turn::Hosts, Turn::OnHosts] {
        let kinds = on_hosts.iter().filter(|kind| kind.turn() == turn);
        world.scopes.extend(join_all(kinds.map(|kind| sight(*kind, &sought))).await.into_iter().flatten());
    }
    // A token file may be switched in mid-look: what was seen then is of two teams, and says nothing about either.
    world.account = Some(match (account, self::account(ports).await) {
        (Ok(before), Ok(after)) if before != after => {
            Err(format!("the token was switched from team {before} to team {after} while it was looked at"))
        }
        (Ok(_), Err(why)) => Err(why),
        (before, _) => before,
    });
    world.catalog = catalog;
    world.hosts = u32::try_from(sought.surveys.reached()).unwrap_or(u32::MAX);
    world.calls = ports.digitalocean.calls().saturating_sub(calls);
    world.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    world
}

fn concerns(kind: &dyn AnyOperate, estate: &Estate, memory: &Memory) -> bool {
    let begun = memory.intents.keys().map(|key| &key.id);
    estate.documents.keys().chain(memory.owned.keys()).chain(begun).any(|id| id.kind == kind.name())
}

/// How the key of a host is asked for before anybody has said which one it has; none where no document is called so.
pub async fn contact(
    ports: &Ports,
    estate: &Estate,
    memory: &Memory,
    id: &ResourceId,
) -> Option<Result<Contact, String>> {
    let kind = kinds::ALL.iter().copied().find(|kind| kind.name() == id.kind)?;
    let followed = followed(&kinds::pure(), estate, memory);
    let memory = &*followed.memory;
    let mut sought = Sought::new(ports, Some(estate), memory, false);
    let of_account: Vec<_> = kinds::ALL.iter().copied().filter(|k| k.turn() == Turn::Account).collect();
    let concerned = of_account.into_iter().filter(|k| concerns(*k, estate, memory));
    let mut world = World::unseen(ports.clock.now());
    let scopes = join_all(concerned.map(|kind| sight(kind, &sought))).await;
    world.scopes = scopes.into_iter().flatten().collect();
    sought.supplies = supplies(Some(estate), &world, memory);
    kind.contact(&sought.by(kind), id)
}

/// What is looked for, and what is known so far.
struct Sought<'a> {
    ports: &'a Ports,
    estate: Option<&'a Estate>,
    memory: &'a Memory,
    whole: bool,
    supplies: HashMap<ResourceId, Supply>,
    made: BTreeSet<ResourceId>,
    asks: BTreeMap<String, BTreeSet<Ask>>,
    surveys: Surveys,
}

impl<'a> Sought<'a> {
    fn new(ports: &'a Ports, estate: Option<&'a Estate>, memory: &'a Memory, whole: bool) -> Self {
        // Only of what we made is it remembered what was sent that cannot be read back.
        let made = memory.owned.iter().filter(|(_, owned)| !owned.wrote.is_empty()).map(|(id, _)| id.clone()).collect();
        Self {
            ports,
            estate,
            memory,
            whole,
            supplies: HashMap::new(),
            made,
            asks: BTreeMap::new(),
            surveys: Surveys::default(),
        }
    }

    /// The look of one kind.
    fn by(&self, kind: &dyn AnyOperate) -> Look<'_> {
        let documents = self.estate.into_iter().flat_map(|e| &e.documents).filter(|(id, _)| id.kind == kind.name());
        Look {
            ports: self.ports,
            wants: documents.map(|(id, document)| (id, &document.want)).collect(),
            owned: self.memory.owned.iter().filter(|(id, _)| id.kind == kind.name()).collect(),
            whole: self.whole,
            begun: self.memory.intents.values().filter(|intent| intent.key.id.kind == kind.name()).collect(),
            supplies: &self.supplies,
            made: &self.made,
            pins: &self.memory.pins,
            asks: &self.asks,
            surveys: &self.surveys,
        }
    }
}

/// What all kinds ask of hosts.
fn asks(kinds: &[&dyn AnyOperate], sought: &Sought<'_>) -> BTreeMap<String, BTreeSet<Ask>> {
    let mut asks: BTreeMap<String, BTreeSet<Ask>> = BTreeMap::new();
    for (host, ask) in kinds.iter().flat_map(|kind| kind.asks(&sought.by(*kind))) {
        asks.entry(host).or_default().insert(ask);
    }
    asks
}

/// What was seen so far, by the documents that it belongs to: where hosts are.
fn supplies(estate: Option<&Estate>, world: &World, memory: &Memory) -> HashMap<ResourceId, Supply> {
    let Some(estate) = estate else { return HashMap::new() };
    let kinds = kinds::pure();
    let claims = claim(&kinds, estate, world, memory);
    let supply = |id: &ResourceId, seen: Observed<&Live>| match seen {
        Observed::Present(live) | Observed::Changing(live) => {
            let kind = kinds.iter().find(|kind| kind.name() == id.kind);
            Supply::Live(kind.map(|kind| kind.outputs(&live.state)).unwrap_or_default())
        }
        Observed::Absent => Supply::Pending,
        Observed::Unknown { why } => Supply::Unknown(why),
    };
    claims.of.into_iter().map(|(id, claim)| (id.clone(), supply(&id, claim.observed))).collect()
}

async fn sight(kind: &dyn AnyOperate, sought: &Sought<'_>) -> BTreeMap<Scope, Sighting> {
    let look = sought.by(kind);
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

//! From what exists to documents after which the plan is empty: of an account, and of hosts. Owns what is looked at for
//! it; what holds of what is drafted is the proof's matter. Reads the world; writes nothing.

mod proof;

use super::look;
use crate::insight::{Drafted, Without};
use crate::kinds::{self, AnyOperate, Turn};
use crate::model::{AnyKind, Estate, Hidden, Key, Live, Memory, Plan, ResourceId, Scope, Sighting, World};
use crate::plan::{self, Brakes};
use crate::ports::Ports;
use crate::ports::secrets::SecretError;
use proof::{Proof, read};
use secrecy::ExposeSecret;
use std::collections::{BTreeMap, BTreeSet};

/// Files by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What came of an import; nothing is written yet.
pub struct Imported {
    /// The files that hold the documents, and those that documents name.
    pub files: Files,
    /// Every live object with its document, written or left out.
    pub drafted: Vec<Drafted>,
    /// The secrets that the documents name and that are nowhere yet: they belong into no file of the repo.
    pub secrets: BTreeMap<String, Hidden>,
    /// The plan after it: without changes and without problems.
    pub plan: Plan,
    /// What was seen.
    pub world: World,
}

/// Why there are no documents.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A part of the account could not be read; the rest would look whole and is not.
    #[error("the account could not be read whole, so nothing was written")]
    Unread(Vec<(Scope, String)>),
    /// A host could not be looked at.
    #[error("not all of it could be seen, so nothing was written")]
    Unseen(Vec<(Scope, String)>),
    /// The documents are not sound, and none of them is to blame.
    #[error("the documents would not be valid, so nothing was written")]
    Unsound(Vec<crate::model::Diagnostic>),
    /// No document declares one of the hosts.
    #[error("no document declares Host/{host}, so nothing was written")]
    NoHost {
        /// The host that was named.
        host: String,
        /// Those that are declared.
        known: Vec<String>,
    },
    /// The plan would not be empty, and none of the documents is to blame.
    #[error("the plan after the import would not be empty, so nothing was written: {0}")]
    Unclear(String),
}

/// Looks at all that the account holds of some kinds and drafts documents for it, beside files that are there already
/// (Settings among them).
///
/// Guarantees: the documents are valid, and the plan of them has neither changes nor problems.
pub async fn import(ports: &Ports, kinds: &[&dyn AnyOperate], beside: &Files) -> Result<Imported, ImportError> {
    let world = look::whole(ports, kinds, None, &Memory::default()).await;
    let unread =
        world.scopes.iter().filter_map(|(scope, seen)| Some((scope.clone(), seen.found.as_ref().err()?.clone())));
    let mut unread: Vec<(Scope, String)> = unread.collect();
    // A look that ended by a mistake of ours has no scope at all.
    let held = kinds.iter().filter(|kind| kind.turn() == Turn::Account);
    let unseen = held.filter(|kind| !world.scopes.keys().any(|scope| scope.kind == kind.name()));
    unread.extend(unseen.map(|kind| (Scope::of(kind.name()), "the look ended by a mistake in driftless".to_owned())));
    if !unread.is_empty() {
        return Err(ImportError::Unread(unread));
    }
    let pure: Vec<&dyn AnyKind> = kinds.iter().map(|kind| *kind as &dyn AnyKind).collect();
    let memory = Memory::default();
    let proof =
        Proof { kinds: &pure, drafted: &pure, seen: &world, world: &world, memory: &memory, before: BTreeSet::new() };
    let proven = proof.prove(beside, Without::new())?;
    Ok(proven.with(BTreeMap::new(), world))
}

/// Looks at hosts that documents declare and drafts documents for what stands on them and in no document yet, as far as it
/// is of these kinds.
///
/// `beside` is the whole repo, `memory` what the controller of it remembers: which keys its hosts have. Guarantees: the
/// documents are valid beside the others, and add neither changes nor problems to the plan but that what exists is taken over
/// as it is, and what ails there already.
pub async fn of_hosts(
    ports: &Ports,
    hosts: &[String],
    of: &[&dyn AnyOperate],
    beside: &Files,
    memory: &Memory,
) -> Result<Imported, ImportError> {
    let kinds = kinds::ALL;
    let pure: Vec<&dyn AnyKind> = kinds.iter().map(|kind| *kind as &dyn AnyKind).collect();
    let estate = read(&pure, beside.clone()).map_err(ImportError::Unsound)?;
    let known = estate.documents.keys().filter(|id| id.kind == "Host").map(|id| id.name.clone());
    let known: Vec<String> = known.collect();
    if let Some(host) = hosts.iter().find(|host| !known.contains(host)) {
        return Err(ImportError::NoHost { host: host.clone(), known });
    }
    let world = look::whole(ports, kinds, Some(&estate), memory).await;
    let on_hosts: Vec<&dyn AnyKind> = of.iter().map(|kind| *kind as &dyn AnyKind).collect();
    let mut seen = unclaimed(&on_hosts, &world, &estate, hosts)?;
    study(ports, kinds, &mut seen).await;
    let plan = plan::plan(&pure, &estate, &world, memory, &Brakes::default());
    let changes = plan.changes.iter().map(|change| change.key.id.clone());
    let before: BTreeSet<ResourceId> =
        changes.chain(plan.findings.iter().filter_map(|finding| finding.id.clone())).collect();
    let proof = |world| Proof { kinds: &pure, drafted: &on_hosts, seen: &seen, world, memory, before: before.clone() };
    let drafts = proof(&world).prove(beside, Without::new())?;
    if !drafts.drafted.iter().any(|one| one.left_out.is_none() && !one.draft.files.is_empty()) {
        return Ok(drafts.with(BTreeMap::new(), world));
    }
    let (secrets, mut without) = lend(ports, &drafts.drafted);
    without.extend(drafts.left_out());
    // What a stack's document would come to is known once somebody looks at its host for it.
    let mut all = beside.clone();
    all.extend(drafts.files);
    let estate = read(&pure, all).map_err(ImportError::Unsound)?;
    let world = look::whole(ports, kinds, Some(&estate), memory).await;
    let proven = proof(&world).prove(beside, without)?;
    Ok(proven.with(secrets, world))
}

/// Reads what documents are drafted from besides what the look has brought.
async fn study(ports: &Ports, kinds: &[&dyn AnyOperate], seen: &mut World) {
    for (scope, sighting) in &mut seen.scopes {
        let Some(kind) = kinds.iter().find(|kind| kind.name() == scope.kind) else { continue };
        for live in sighting.found.iter_mut().flatten() {
            if let Some(studied) = kind.study(ports, live).await {
                *live = studied;
            }
        }
    }
}

/// Has the secrets that drafts name there. Those that are somewhere already are not new; where they are others, the draft
/// is left out.
fn lend(ports: &Ports, drafted: &[Drafted]) -> (BTreeMap<String, Hidden>, Without) {
    let (mut new, mut without) = (BTreeMap::new(), Without::new());
    let secrets = ports.hosts.secrets();
    for one in drafted.iter().filter(|one| one.left_out.is_none()) {
        for (name, hidden) in &one.draft.secrets {
            let text = hidden.0.expose_secret();
            match secrets.get(name) {
                Ok(known) if text.strip_suffix('\n').unwrap_or(text) == known.expose_secret() => {}
                Err(SecretError::Missing { .. }) => {
                    secrets.lend(name, hidden.0.clone());
                    new.insert(name.clone(), hidden.clone());
                }
                Ok(_) => {
                    let why = format!("there is a secret {name} already, and it is another one than runs there");
                    without.insert(one.object(), why);
                }
                Err(error) => drop(without.insert(one.object(), error.to_string())),
            }
        }
    }
    (new, without)
}

/// What was seen on these hosts and answers to no document.
fn unclaimed(kinds: &[&dyn AnyKind], world: &World, estate: &Estate, hosts: &[String]) -> Result<World, ImportError> {
    let mut seen = World::unseen(world.as_of);
    let mut unread = Vec::new();
    for kind in kinds {
        let documents = estate.documents.values().filter(|document| document.id.kind == kind.name());
        let claimed: BTreeSet<(Scope, Key)> =
            documents.flat_map(|d| kind.keys(&d.want).into_iter().map(|key| (kind.scope(&d.want), key))).collect();
        for host in hosts {
            let scope = Scope::within(kind.name(), host);
            match world.scopes.get(&scope).map(|sighting| &sighting.found) {
                None => {}
                Some(Err(why)) => unread.push((scope, why.clone())),
                Some(Ok(live)) => {
                    let is_free = |live: &&Live| {
                        !kind.keys_of(&live.state).into_iter().any(|key| claimed.contains(&(scope.clone(), key)))
                    };
                    let found = Ok(live.iter().filter(is_free).cloned().collect());
                    seen.scopes.insert(scope.clone(), Sighting { found });
                }
            }
        }
    }
    if unread.is_empty() { Ok(seen) } else { Err(ImportError::Unseen(unread)) }
}

/// Where a document is written.
pub fn file(kinds: &[&dyn AnyKind], one: &Drafted) -> String {
    let home = kinds.iter().find(|kind| kind.name() == one.id.kind).map_or("", |kind| kind.home());
    if home.ends_with('/') { format!("{home}{}.yaml", one.id.name) } else { home.to_owned() }
}

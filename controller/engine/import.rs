//! From an account to documents after which the plan is empty. Owns the proof: what is drafted is read and planned as
//! the controller would, and what does not hold is left out with the reason. Reads the world; writes nothing.

use super::look;
use crate::insight::{self, Drafted, Object, Without};
use crate::kinds::{self, AnyOperate, Turn};
use crate::model::finding::Weight;
use crate::model::{AnyKind, Estate, Key, Live, Memory, Plan, ResourceId, Scope, Sighting, World};
use crate::plan::{self, Brakes};
use crate::ports::Ports;
use crate::render;
use crate::repo::{self, Options, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// Files by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What came of an import; nothing is written yet.
pub struct Imported {
    /// The files that hold the documents, and nothing else.
    pub files: Files,
    /// Every live object with its document, written or left out.
    pub drafted: Vec<Drafted>,
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
    let (files, drafted, plan) = proof.prove(beside)?;
    Ok(Imported { files, drafted, plan, world })
}

/// Looks at hosts that documents declare and drafts documents for what stands on them and in no document yet.
///
/// `beside` is the whole repo, `memory` what the controller of it remembers: which keys its hosts have. Guarantees: the
/// documents are valid beside the others, and add neither changes nor problems to the plan.
pub async fn of_hosts(
    ports: &Ports,
    hosts: &[String],
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
    let on_hosts: Vec<&dyn AnyKind> =
        kinds.iter().filter(|kind| kind.turn() == Turn::OnHosts).map(|kind| *kind as &dyn AnyKind).collect();
    let seen = unclaimed(&on_hosts, &world, &estate, hosts)?;
    let plan = plan::plan(&pure, &estate, &world, memory, &Brakes::default());
    let changes = plan.changes.iter().map(|change| change.key.id.clone());
    let before = changes.chain(plan.findings.iter().filter_map(|finding| finding.id.clone())).collect();
    let proof = Proof { kinds: &pure, drafted: &on_hosts, seen: &seen, world: &world, memory, before };
    let (files, drafted, plan) = proof.prove(beside)?;
    Ok(Imported { files, drafted, plan, world })
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

fn read(kinds: &[&dyn AnyKind], files: Files) -> Result<Estate, Vec<crate::model::Diagnostic>> {
    let read = repo::read(&Tree::of(files), &Options::default(), kinds);
    read.estate.ok_or(read.diagnostics)
}

/// What documents are drafted from, and what they are proven by.
struct Proof<'a> {
    /// All kinds.
    kinds: &'a [&'a dyn AnyKind],
    /// The kinds for which documents are written.
    drafted: &'a [&'a dyn AnyKind],
    /// What is written down.
    seen: &'a World,
    /// All that was seen.
    world: &'a World,
    memory: &'a Memory,
    /// What the plan spoke of before.
    before: BTreeSet<ResourceId>,
}

impl Proof<'_> {
    /// Drafts, reads and plans until all that is written holds. Each turn leaves out what did not, so it ends.
    fn prove(&self, beside: &Files) -> Result<(Files, Vec<Drafted>, Plan), ImportError> {
        let mut without = Without::new();
        loop {
            let drafted = insight::draft(self.drafted, self.seen, without.clone());
            let written = Written::of(self.drafted, &drafted);
            let mut faults = Without::new();
            let all = beside.iter().chain(&written.files).map(|(path, bytes)| (path.clone(), bytes.clone()));
            match read(self.kinds, all.collect()) {
                Err(diagnostics) => {
                    for diagnostic in &diagnostics {
                        let culprit = written.at(&diagnostic.place.file, diagnostic.place.line);
                        faults.extend(culprit.map(|key| (key, told(&diagnostic.message, &diagnostic.label))));
                    }
                    if faults.is_empty() {
                        return Err(ImportError::Unsound(diagnostics));
                    }
                }
                Ok(estate) => {
                    let plan = plan::plan(self.kinds, &estate, self.world, self.memory, &Brakes::default());
                    faults.extend(self.unwanted(&plan, &drafted)?);
                    if faults.is_empty() {
                        return Ok((written.files, drafted, plan));
                    }
                }
            }
            without.extend(drafted.into_iter().filter_map(|d| Some(((d.id.kind, d.provider_id), d.left_out?))));
            without.extend(faults);
        }
    }

    /// The documents that would change something, or of which the plan has a problem.
    fn unwanted(&self, plan: &Plan, drafted: &[Drafted]) -> Result<Without, ImportError> {
        let changes = plan.changes.iter().map(|change| {
            let fields: Vec<&str> = change.fields.iter().map(|field| field.path.as_str()).collect();
            (Some(&change.key.id), format!("its document would {} it ({})", change.key.verb.word(), fields.join(", ")))
        });
        let problems = plan.findings.iter().filter(|finding| finding.weight == Weight::Problem);
        let mut faults = Without::new();
        for (id, why) in changes.chain(problems.map(|finding| (finding.id.as_ref(), finding.text.clone()))) {
            match drafted.iter().find(|d| d.left_out.is_none() && Some(&d.id) == id) {
                Some(one) => drop(faults.entry((one.id.kind.clone(), one.provider_id.clone())).or_insert(why)),
                None if id.is_some_and(|id| self.before.contains(id)) => {}
                None => return Err(ImportError::Unclear(id.map_or_else(|| why.clone(), |id| format!("{id}: {why}")))),
            }
        }
        Ok(faults)
    }
}

fn told(message: &str, label: &str) -> String {
    if label.is_empty() { message.to_owned() } else { format!("{message} ({label})") }
}

/// The texts of all documents, and whose lines they are.
struct Written {
    files: Files,
    /// By file: where a document begins, and whose it is.
    lines: BTreeMap<String, Vec<(u32, Object)>>,
}

impl Written {
    fn of(kinds: &[&dyn AnyKind], drafted: &[Drafted]) -> Self {
        let mut texts: BTreeMap<String, String> = BTreeMap::new();
        let mut lines: BTreeMap<String, Vec<(u32, Object)>> = BTreeMap::new();
        // What is left out comes last in its file, as comments.
        let (out, kept): (Vec<&Drafted>, Vec<&Drafted>) = drafted.iter().partition(|one| one.left_out.is_some());
        for one in kept.into_iter().chain(out) {
            let file = file(kinds, one);
            let text = texts.entry(file.clone()).or_default();
            match &one.left_out {
                Some(why) => {
                    text.push_str(if text.is_empty() { "" } else { "\n" });
                    text.push_str(&render::commented(&one.id, &one.provider_id, why, &one.draft));
                }
                None => {
                    text.push_str(if text.is_empty() { "" } else { "---\n" });
                    let first = u32::try_from(text.lines().count()).unwrap_or(u32::MAX).saturating_add(1);
                    let key = (one.id.kind.clone(), one.provider_id.clone());
                    lines.entry(file).or_default().push((first, key));
                    text.push_str(&render::document(&one.id, one.adopt.then_some(&one.provider_id), &one.draft));
                }
            }
        }
        Self { files: texts.into_iter().map(|(path, text)| (path, text.into_bytes())).collect(), lines }
    }

    /// Whose line it is.
    fn at(&self, file: &str, line: u32) -> Option<Object> {
        let documents = self.lines.get(file)?;
        documents.iter().rev().find(|(first, _)| *first <= line.max(1)).map(|(_, key)| key.clone())
    }
}

/// Where a document is written.
pub fn file(kinds: &[&dyn AnyKind], one: &Drafted) -> String {
    let home = kinds.iter().find(|kind| kind.name() == one.id.kind).map_or("", |kind| kind.home());
    if home.ends_with('/') { format!("{home}{}.yaml", one.id.name) } else { home.to_owned() }
}

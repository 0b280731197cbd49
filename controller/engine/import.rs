//! From an account to documents after which the plan is empty. Owns the proof: what is drafted is read and planned as
//! the controller would, and what does not hold is left out with the reason. Reads the world; writes nothing.

use super::look;
use crate::insight::{self, Drafted, Object, Without};
use crate::kinds::{AnyOperate, Turn};
use crate::model::finding::Weight;
use crate::model::{AnyKind, Estate, Memory, Plan, Scope, World};
use crate::plan::{self, Brakes};
use crate::ports::Ports;
use crate::render;
use crate::repo::{self, Options, Tree};
use std::collections::BTreeMap;

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
    /// The documents are not sound, and none of them is to blame.
    #[error("the documents would not be valid, so nothing was written")]
    Unsound(Vec<crate::model::Diagnostic>),
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
    let (files, drafted, plan) = prove(&pure, &world, beside)?;
    Ok(Imported { files, drafted, plan, world })
}

/// Drafts, reads and plans until all that is written holds. Each turn leaves out what did not, so it ends.
fn prove(kinds: &[&dyn AnyKind], world: &World, beside: &Files) -> Result<(Files, Vec<Drafted>, Plan), ImportError> {
    let mut without = Without::new();
    loop {
        let drafted = insight::draft(kinds, world, without.clone());
        let written = Written::of(kinds, &drafted);
        let mut faults = Without::new();
        match written.read(kinds, beside) {
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
                let plan = plan::plan(kinds, &estate, world, &Memory::default(), &Brakes::default());
                faults.extend(unwanted(&plan, &drafted)?);
                if faults.is_empty() {
                    return Ok((written.files, drafted, plan));
                }
            }
        }
        without.extend(drafted.into_iter().filter_map(|d| Some(((d.id.kind, d.provider_id), d.left_out?))));
        without.extend(faults);
    }
}

fn told(message: &str, label: &str) -> String {
    if label.is_empty() { message.to_owned() } else { format!("{message} ({label})") }
}

/// The documents that would change something, or of which the plan has a problem.
fn unwanted(plan: &Plan, drafted: &[Drafted]) -> Result<Without, ImportError> {
    let changes = plan.changes.iter().map(|change| {
        let fields: Vec<&str> = change.fields.iter().map(|field| field.path.as_str()).collect();
        (Some(&change.key.id), format!("its document would {} it ({})", change.key.verb.word(), fields.join(", ")))
    });
    let problems = plan.findings.iter().filter(|finding| finding.weight == Weight::Problem);
    let mut faults = Without::new();
    for (id, why) in changes.chain(problems.map(|finding| (finding.id.as_ref(), finding.text.clone()))) {
        match drafted.iter().find(|d| d.left_out.is_none() && Some(&d.id) == id) {
            Some(one) => drop(faults.entry((one.id.kind.clone(), one.provider_id.clone())).or_insert(why)),
            None => return Err(ImportError::Unclear(id.map_or_else(|| why.clone(), |id| format!("{id}: {why}")))),
        }
    }
    Ok(faults)
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

    fn read(&self, kinds: &[&dyn AnyKind], beside: &Files) -> Result<Estate, Vec<crate::model::Diagnostic>> {
        let all = beside.iter().chain(&self.files).map(|(path, bytes)| (path.clone(), bytes.clone()));
        let read = repo::read(&Tree::of(all), &Options::default(), kinds);
        read.estate.ok_or(read.diagnostics)
    }
}

/// Where a document is written.
pub fn file(kinds: &[&dyn AnyKind], one: &Drafted) -> String {
    let home = kinds.iter().find(|kind| kind.name() == one.id.kind).map_or("", |kind| kind.home());
    if home.ends_with('/') { format!("{home}{}.yaml", one.id.name) } else { home.to_owned() }
}

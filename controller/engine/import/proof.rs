//! The proof of an import: what is drafted is read and planned as the controller would, and what does not hold is left out
//! with the reason. Reads nothing and writes nothing.

use super::{Files, ImportError, Imported, file};
use crate::insight::{self, Drafted, Object, Without};
use crate::model::finding::Weight;
use crate::model::{AnyKind, Estate, Finding, Hidden, Memory, Plan, ResourceId, SettingsMode, World};
use crate::plan::{self, Brakes};
use crate::render;
use crate::repo::{self, Options, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// Reads files as a repo.
pub(super) fn read(kinds: &[&dyn AnyKind], files: Files) -> Result<Estate, Vec<crate::model::Diagnostic>> {
    let read = repo::read(&Tree::of(files), &Options::default(), kinds);
    read.estate.ok_or(read.diagnostics)
}

/// What documents are drafted from, and what they are proven by.
pub(super) struct Proof<'a> {
    /// All kinds.
    pub(super) kinds: &'a [&'a dyn AnyKind],
    /// The kinds for which documents are written.
    pub(super) drafted: &'a [&'a dyn AnyKind],
    /// What is written down.
    pub(super) seen: &'a World,
    /// All that was seen.
    pub(super) world: &'a World,
    /// What is remembered.
    pub(super) memory: &'a Memory,
    /// What the plan spoke of before.
    pub(super) before: BTreeSet<ResourceId>,
}

/// Documents that hold.
pub(super) struct Proven {
    pub(super) files: Files,
    pub(super) drafted: Vec<Drafted>,
    plan: Plan,
}

impl Proven {
    pub(super) fn left_out(&self) -> impl Iterator<Item = (Object, String)> {
        self.drafted.iter().filter_map(|one| Some((one.object(), one.left_out.clone()?)))
    }

    pub(super) fn with(self, mut secrets: BTreeMap<String, Hidden>, world: World) -> Imported {
        let written = || self.drafted.iter().filter(|one| one.left_out.is_none());
        secrets.retain(|name, _| written().any(|one| one.draft.secrets.contains_key(name)));
        Imported { files: self.files, drafted: self.drafted, secrets, plan: self.plan, world }
    }
}

impl Proof<'_> {
    /// Drafts, reads and plans until all that is written holds. Each turn leaves out what did not, so it ends.
    pub(super) fn prove(&self, beside: &Files, mut without: Without) -> Result<Proven, ImportError> {
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
                Ok(mut estate) => {
                    // What is taken over as it is gets its mark with the first run that may write: no change of it.
                    estate.settings.mode = SettingsMode::Observe;
                    let plan = plan::plan(self.kinds, &estate, self.world, self.memory, &Brakes::default());
                    faults.extend(self.unwanted(&plan, &drafted)?);
                    if faults.is_empty() {
                        return Ok(Proven { files: written.files, drafted, plan });
                    }
                }
            }
            without.extend(drafted.into_iter().filter_map(|d| Some((d.object(), d.left_out?))));
            without.extend(faults);
        }
    }

    /// The documents that would change something, or of which the plan has a problem.
    fn unwanted(&self, plan: &Plan, drafted: &[Drafted]) -> Result<Without, ImportError> {
        let of = |id: &ResourceId| drafted.iter().find(|one| one.id == *id);
        let changes = plan.changes.iter().map(|change| {
            let fields: Vec<&str> = change.fields.iter().map(|field| field.path.as_str()).collect();
            let until = of(&change.key.id).map(|one| one.draft.until).filter(|until| !until.is_empty());
            let until = until.map(|until| format!(": {until}")).unwrap_or_default();
            let why = format!("its document would {} it ({}){until}", change.key.verb.word(), fields.join(", "));
            (Some(&change.key.id), why)
        });
        let ails = |finding: &&Finding| {
            finding.id.as_ref().and_then(of).is_some_and(|one| one.draft.ails.contains(&finding.rule))
        };
        let problems = plan.findings.iter().filter(|finding| finding.weight == Weight::Problem && !ails(finding));
        let mut faults = Without::new();
        for (id, why) in changes.chain(problems.map(|finding| (finding.id.as_ref(), finding.text.clone()))) {
            match id.and_then(of).filter(|one| one.left_out.is_none()) {
                Some(one) => drop(faults.entry(one.object()).or_insert(why)),
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
                    lines.entry(file).or_default().push((first, one.object()));
                    text.push_str(&render::document(&one.id, one.adopt.then_some(&one.provider_id), &one.draft));
                }
            }
        }
        let mut files: Files = texts.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
        for one in drafted.iter().filter(|one| one.left_out.is_none()) {
            files.extend(one.draft.files.clone());
        }
        Self { files, lines }
    }

    /// Whose line it is.
    fn at(&self, file: &str, line: u32) -> Option<Object> {
        let documents = self.lines.get(file)?;
        documents.iter().rev().find(|(first, _)| *first <= line.max(1)).map(|(_, key)| key.clone())
    }
}

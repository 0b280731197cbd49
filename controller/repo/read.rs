//! The way from a tree to an estate. Owns the order of the passes; each pass tells all that it finds, and only a
//! commit without errors becomes an estate.

use super::documents::{self, Draft, Drafts, Kinds};
use super::flaw::{Sink, whole};
use super::header::SETTINGS;
use super::links::{self, Declared};
use super::locate::Locator;
use super::select::{MAX_FILE, below, normal, select};
use super::tree::{Tree, join};
use super::{named, settings};
use crate::model::{
    Adopt, AnyKind, Complaint, Diagnostic, Document, Erased, Estate, EstateView, Key, Need, Offers, Place, ResourceId,
    Scope, Settings, Severity,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What is read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The watched path from the repo's root, such as `infra/`; empty for the whole repo.
    pub path: String,
    /// The commit, in full hex; none for a working directory.
    pub commit: Option<String>,
}

/// What came of reading: an estate where there is no error, and all that is to be told.
pub struct Read {
    /// The estate; none where there is an error.
    pub estate: Option<Estate>,
    /// Errors and warnings, sorted by place; at most 200 and a line that counts the rest.
    pub diagnostics: Vec<Diagnostic>,
    /// How many YAML files were looked at.
    pub files: usize,
    /// Why nothing is to be written: the text of the file FREEZE in the watched path. Told also of files with errors,
    /// since a typo elsewhere must not keep somebody from stopping everything.
    pub freeze: Option<String>,
}

/// Reads all documents of a tree. Never fails otherwise than by diagnostics, and never gives an estate that lacks
/// a document for a mistake in it.
pub fn read(tree: &Tree<'_>, options: &Options, kinds: &[&dyn AnyKind]) -> Read {
    let (mut sink, mut files) = (Sink::default(), 0);
    let mut freeze = None;
    let estate = match normal(&options.path) {
        Some(watched) => {
            freeze = frozen(tree, &watched);
            estate(tree, options, &watched, &Kinds::new(kinds), (&mut sink, &mut files))
        }
        None => {
            let message = format!("the watched path {:?} leaves the repo", options.path);
            sink.push(whole(&options.path, message, "", "set path in driftless.toml to a folder of the repo"));
            None
        }
    };
    let sound = sink.errors() == 0;
    let estate = estate.filter(|_| sound).map(|estate| Estate { freeze: freeze.clone(), ..estate });
    Read { estate, diagnostics: sink.finish(), files, freeze }
}

/// The file that stops all writing, and how much of its text is kept: it stands in every plan and report.
const FREEZE: &str = "FREEZE";
const FREEZE_TEXT: usize = 500;

/// Why nothing is to be written, where the file FREEZE is there: whatever it is and whether or not it can be read.
fn frozen(tree: &Tree<'_>, watched: &str) -> Option<String> {
    let path = if watched.is_empty() { FREEZE.to_owned() } else { format!("{watched}/{FREEZE}") };
    let folder = format!("{path}/");
    tree.iter().find(|(at, _)| *at == path || at.starts_with(&folder))?;
    let text =
        tree.find(&path).ok().filter(|found| found.size <= MAX_FILE).and_then(|found| tree.fetch(found.path).ok());
    let text = text.map(|bytes| String::from_utf8_lossy(&bytes).split_whitespace().collect::<Vec<_>>().join(" "));
    let text: String = text.unwrap_or_default().chars().take(FREEZE_TEXT).collect();
    Some(if text.is_empty() { format!("the file {path} is there and says no reason") } else { text })
}

/// What all files together hold.
#[derive(Default)]
struct Gathered {
    drafts: Vec<Draft>,
    settings: Vec<(Settings, Place, usize)>,
    declared: Declared,
    ours: usize,
    files: usize,
    /// Settings that are there but unsound.
    unsound_settings: bool,
    /// Whether some file could not be had at all: what it declares is then not known.
    unread: bool,
    /// Files that do not parse, with what to tell.
    broken: Vec<(String, Vec<Diagnostic>, usize)>,
}

fn estate(
    tree: &Tree<'_>,
    options: &Options,
    watched: &str,
    kinds: &Kinds<'_>,
    (sink, files): (&mut Sink, &mut usize),
) -> Option<Estate> {
    let mut all = gather(tree, watched, kinds, sink);
    *files = all.files;
    let mut locator = Locator::new(tree);
    let files = named::fetch(tree, &all.drafts, &mut locator, sink);
    let broken: Vec<String> = all.broken.iter().map(|(file, ..)| file.clone()).collect();
    for (file, told, ours) in std::mem::take(&mut all.broken) {
        // A file that a document names need not be YAML.
        if ours > 0 || !files.contains_key(&file) {
            told.into_iter().for_each(|diagnostic| sink.push(diagnostic));
        }
    }
    if all.ours == 0 && sink.errors() == 0 {
        sink.push(nothing(tree, watched, all.files));
        return None;
    }
    let unread = all.unread;
    let settings = the_settings(&mut all, watched, !broken.is_empty() || unread, &mut locator, sink);
    let wanted = desire(std::mem::take(&mut all.drafts), kinds, &EstateView { files: &files }, &mut locator, sink);
    let documents = meet(wanted, kinds, &mut locator, sink);
    between(&documents, kinds, &mut locator, sink);
    let texts: Vec<_> = broken.iter().filter_map(|file| tree.fetch(file).ok()).collect();
    let excused = |id: &ResourceId| unread || texts.iter().any(|text| contains(text, id.name.as_bytes()));
    links::dangling(&documents, &all.declared, excused, &mut locator, sink);
    links::rings(&documents, &mut locator, sink);
    let documents = documents.into_iter().map(|(document, _)| (document.id.clone(), document)).collect();
    let sealed = sealed(tree, watched, sink);
    let commit = options.commit.clone();
    Some(Estate { commit, settings: settings?, documents, files: all.files, sealed, freeze: None })
}

/// Where SOPS files are, from the watched path on, and how their names end.
const SEALED: &str = "secrets/";
const SOPS: [&str; 2] = [".sops.yaml", ".sops.yml"];

/// The SOPS files, as they are: nothing here has the keys to them.
fn sealed(tree: &Tree<'_>, watched: &str, sink: &mut Sink) -> BTreeMap<String, Arc<[u8]>> {
    let is = |path: &str| {
        let name = below(path, watched).and_then(|rest| rest.strip_prefix(SEALED));
        name.is_some_and(|name| !name.contains('/') && SOPS.iter().any(|end| name.ends_with(end)))
    };
    let paths: Vec<String> = tree.iter().map(|(path, _)| path.to_owned()).filter(|path| is(path)).collect();
    let mut found = BTreeMap::new();
    for path in paths {
        match tree.fetch(&path) {
            Ok(bytes) => drop(found.insert(path, bytes)),
            Err(why) => sink.push(whole(&path, format!("{path} cannot be read: {why}"), "", "")),
        }
    }
    found
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    !word.is_empty() && text.windows(word.len()).any(|window| window == word)
}

fn gather(tree: &Tree<'_>, watched: &str, kinds: &Kinds<'_>, sink: &mut Sink) -> Gathered {
    let mut all = Gathered::default();
    let mut locator = Locator::new(tree);
    let chosen = select(tree, watched, sink);
    all.unread = sink.errors() > 0;
    for file in chosen {
        all.files += 1;
        let bytes = match tree.fetch(&file) {
            Ok(bytes) => bytes,
            Err(why) => {
                sink.push(whole(&file, format!("{file} cannot be read: {why}"), "", ""));
                all.unread = true;
                continue;
            }
        };
        let Drafts { drafts, settings, declared, ours, found, broken } = documents::read(&file, &bytes, kinds);
        found.into_iter().for_each(|diagnostic| sink.push(diagnostic));
        if !broken.is_empty() {
            all.broken.push((file.clone(), broken, ours));
        }
        all.ours += ours;
        all.settings.extend(settings);
        let mut twice = BTreeSet::new();
        for (id, place, index) in declared {
            if id.kind == SETTINGS {
                all.unsound_settings = true;
                continue;
            }
            if let Some((first, _)) = all.declared.get(&id) {
                let label = format!("first declared at {first}");
                let complaint = Complaint::at("metadata.name", format!("{id} is declared twice"), label);
                sink.push(locator.at(&file, index, complaint));
                twice.insert(index);
            } else {
                all.declared.insert(id, (place, index));
            }
        }
        all.drafts.extend(drafts.into_iter().filter(|draft| !twice.contains(&draft.index)));
    }
    all
}

fn nothing(tree: &Tree<'_>, watched: &str, files: usize) -> Diagnostic {
    let folder = if watched.is_empty() { "the repo".to_owned() } else { format!("{watched}/") };
    let message = match files {
        0 if !watched.is_empty() && !tree.iter().any(|(path, _)| below(path, watched).is_some()) => {
            format!("the watched path {watched}/ is not in the repo")
        }
        0 => format!("there is no YAML file in {folder}"),
        1 => format!("the one YAML file in {folder} holds no document of ours"),
        n => format!("none of the {n} YAML files in {folder} holds a document of ours"),
    };
    let place = if watched.is_empty() { "." } else { watched };
    whole(place, message, "", "nothing is planned from an empty repo; driftless init DIR writes one to begin with")
}

fn the_settings(
    all: &mut Gathered,
    watched: &str,
    broken: bool,
    locator: &mut Locator<'_>,
    sink: &mut Sink,
) -> Option<Settings> {
    let mut found = std::mem::take(&mut all.settings).into_iter();
    let Some((first, place, _)) = found.next() else {
        if !all.unsound_settings && !broken {
            let file = if watched.is_empty() { "settings.yaml".to_owned() } else { format!("{watched}/settings.yaml") };
            sink.push(whole(&file, "no Settings document says how this repo is kept", "", settings::SNIPPET));
        }
        return None;
    };
    for (_, other, index) in found {
        let label = format!("first declared at {place}");
        sink.push(locator.at(&other.file, index, Complaint::at("kind", "Settings are declared twice", label)));
    }
    Some(first)
}

/// Asks every kind what its documents want.
fn desire(
    drafts: Vec<Draft>,
    kinds: &Kinds<'_>,
    view: &EstateView<'_>,
    locator: &mut Locator<'_>,
    sink: &mut Sink,
) -> Vec<(Draft, Erased)> {
    let mut wanted = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let Some(kind) = kinds.list.get(draft.kind) else { continue };
        // A file that could not be read has been told.
        if draft.files.iter().any(|need| !view.files.contains_key(&need.file)) {
            continue;
        }
        match kind.desire(&draft.id, &draft.spec, view) {
            Err(complaints) => {
                complaints.into_iter().for_each(|c| sink.push(locator.diagnostic(&draft, c)));
            }
            Ok(want) => wanted.push((draft, want)),
        }
    }
    wanted
}

/// Brings together what documents offer and what others use of it.
fn meet(
    wanted: Vec<(Draft, Erased)>,
    kinds: &Kinds<'_>,
    locator: &mut Locator<'_>,
    sink: &mut Sink,
) -> Vec<(Document, usize)> {
    let offer = |(draft, want): &(Draft, Erased)| Some((draft.id.clone(), kinds.list.get(draft.kind)?.offer(want)?));
    let offers: Offers = wanted.iter().filter_map(offer).collect();
    let mut documents = Vec::with_capacity(wanted.len());
    for (draft, want) in wanted {
        let Some(kind) = kinds.list.get(draft.kind) else { continue };
        let want = match kind.meet(&draft.id, &want, &offers) {
            Ok(met) => met.unwrap_or(want),
            Err(complaints) => {
                complaints.into_iter().for_each(|c| sink.push(locator.diagnostic(&draft, c)));
                want
            }
        };
        let fingerprints = kind.fingerprints(&want);
        let Draft { id, labels, formerly, policy, place, fields, index, depends, files, .. } = draft;
        let needs = needs(kind.needs(&want), depends);
        let files = files.iter().filter_map(|need| join("", &need.file)).collect();
        let document = Document { id, labels, formerly, policy, needs, want, fingerprints, files, place, fields };
        documents.push((document, index));
    }
    documents
}

fn needs(of_spec: Vec<Need>, written: Vec<Need>) -> Vec<Need> {
    let mut seen = BTreeSet::new();
    of_spec.into_iter().chain(written).filter(|need| seen.insert(need.on.clone())).collect()
}

/// Looks at documents side by side: what a kind finds, one object declared twice, former names that are still in use.
fn between(documents: &[(Document, usize)], kinds: &Kinds<'_>, locator: &mut Locator<'_>, sink: &mut Sink) {
    let by_id: BTreeMap<&ResourceId, &(Document, usize)> = documents.iter().map(|d| (&d.0.id, d)).collect();
    let mut tell = |id: &ResourceId, complaint: Complaint| {
        if let Some((document, index)) = by_id.get(id) {
            sink.push(locator.at(&document.place.file, *index, complaint));
        }
    };
    for kind in kinds.list {
        let of_kind: Vec<&(Document, usize)> = documents.iter().filter(|(d, _)| d.id.kind == kind.name()).collect();
        let wants: Vec<(&ResourceId, &Erased)> = of_kind.iter().map(|(d, _)| (&d.id, &d.want)).collect();
        for (id, complaint) in kind.check(&wants) {
            tell(&id, complaint);
        }
        let mut seen: HashMap<(Scope, Key), &Document> = HashMap::new();
        let mut renamed: HashMap<&ResourceId, &Document> = HashMap::new();
        for (document, _) in &of_kind {
            if let Some(key) = kind.keys(&document.want).into_iter().next() {
                let message = format!("{} is the same object as", document.id);
                let first =
                    seen.get(&(kind.scope(&document.want), key.clone())).filter(|first| !apart(first, document));
                if let Some(first) = first {
                    let label = format!("the other is declared at {}", first.place);
                    let message = format!("{message} {}: both are {key}", first.id);
                    tell(&document.id, Complaint::at("metadata.name", message, label));
                } else {
                    seen.insert((kind.scope(&document.want), key), document);
                }
            }
            for (index, former) in document.formerly.iter().enumerate() {
                let path = format!("metadata.formerly[{index}]");
                if let Some((still, _)) = by_id.get(former) {
                    let label = format!("still declared at {}", still.place);
                    let message = format!("{} was formerly {former}, which still has a document", document.id);
                    tell(&document.id, Complaint::at(path, message, label));
                } else if let Some(first) = renamed.insert(former, document) {
                    let message = format!("{} and {} were both formerly {former}", first.id, document.id);
                    tell(
                        &document.id,
                        Complaint::at(path, message, format!("the other is declared at {}", first.place)),
                    );
                }
            }
        }
    }
}

/// Says whether two documents of one key name different live objects: where names are not unique, ids tell them apart.
fn apart(one: &Document, other: &Document) -> bool {
    match (&one.policy.adopt, &other.policy.adopt) {
        (Adopt::Id { id }, Adopt::Id { id: another }) => id != another,
        _ => false,
    }
}

/// Says whether any of some diagnostics is an error.
pub fn failed(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}

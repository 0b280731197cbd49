//! Which files of a tree are read: the YAML files under the watched path, less `.driftlessignore`.
//! Owns how links, submodules and large files on the way are told.

use super::flaw::{Flaw, Mark, Sink, Source, whole};
use super::tree::{NotFound, Tree, TreeFile, join};
use crate::model::Severity;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::collections::BTreeSet;

/// No file that is larger is read.
pub(super) const MAX_FILE: u64 = 4 * 1024 * 1024;
const IGNORE_FILE: &str = ".driftlessignore";

/// The paths of the files to read, in order.
pub(super) fn select(tree: &Tree<'_>, watched: &str, sink: &mut Sink) -> Vec<String> {
    let ignores: Vec<(String, Gitignore)> = BTreeSet::from([String::new(), watched.to_owned()])
        .into_iter()
        .filter_map(|folder| ignore_file(tree, folder, sink))
        .collect();
    let ignored = |path: &str| {
        ignores.iter().any(|(folder, ignore)| {
            below(path, folder).is_some_and(|rest| ignore.matched_path_or_any_parents(rest, false).is_ignore())
        })
    };
    let mut chosen = BTreeSet::new();
    for (path, file) in tree.iter() {
        let Some(rest) = below(path, watched) else { continue };
        if rest.split('/').any(|part| part == ".git") || ignored(path) {
            continue;
        }
        match file {
            TreeFile::File { size } if is_yaml(path) => {
                if *size > MAX_FILE {
                    sink.push(whole(path, too_large(path, *size), "", "split it, or name it in .driftlessignore"));
                } else {
                    chosen.insert(path.to_owned());
                }
            }
            TreeFile::File { .. } => {}
            TreeFile::Submodule => {
                let message = format!("{path} is a submodule; its files are not read");
                let mut note = whole(path, message, "", "name it in .driftlessignore to hear no more of it");
                note.severity = Severity::Warning;
                sink.push(note);
            }
            TreeFile::Symlink { .. } => link(tree, path, watched, &mut chosen, sink),
        }
    }
    chosen.into_iter().collect()
}

fn link(tree: &Tree<'_>, path: &str, watched: &str, chosen: &mut BTreeSet<String>, sink: &mut Sink) {
    match tree.find(path) {
        Ok(found) if !is_yaml(path) || found.size > MAX_FILE => {
            if is_yaml(path) {
                sink.push(whole(path, too_large(found.path, found.size), "", "split it"));
            }
        }
        // A target under the watched path is read there.
        Ok(found) if is_yaml(found.path) && below(found.path, watched).is_some() => {}
        Ok(found) => {
            chosen.insert(found.path.to_owned());
        }
        Err(NotFound::Folder) => {
            let message = format!("{path} is a link to a folder; what is behind it is not read");
            let mut note = whole(path, message, "", "move the files under the watched path");
            note.severity = Severity::Warning;
            sink.push(note);
        }
        Err(why) if is_yaml(path) => {
            let (message, hint) = explain(path, &why);
            sink.push(whole(path, message, "", hint));
        }
        Err(_) => {}
    }
}

/// Why a file cannot be had, with what to do.
pub(super) fn explain(path: &str, why: &NotFound) -> (String, &'static str) {
    match why {
        NotFound::Missing => (format!("{path} leads to no file of the repo"), ""),
        NotFound::Folder => (format!("{path} is a folder; a file is needed"), ""),
        NotFound::Submodule { path: module } => {
            (format!("{path} lies in the submodule {module}, which is not read"), "copy the file into this repo")
        }
        NotFound::Leaves { link, target } => (
            format!("{link} is a link to {target}, which is outside the repo"),
            "put the file itself into the repo: nothing outside of it is read",
        ),
        NotFound::Loop { link } => (format!("{link} is a link that leads back to itself"), ""),
    }
}

/// Says that a file is too large.
pub(super) fn too_large(path: &str, size: u64) -> String {
    let mib = |bytes: u64| format!("{}.{} MiB", bytes / 1_048_576, bytes % 1_048_576 * 10 / 1_048_576);
    format!("{path} has {}; no file over {} is read", mib(size), mib(MAX_FILE))
}

/// What is left of a path below a folder; `""` is the root.
pub(super) fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    if folder.is_empty() {
        return Some(path);
    }
    path.strip_prefix(folder)?.strip_prefix('/')
}

/// `infra/`, `./infra` and `infra` are one; none where it leaves the repo.
pub(super) fn normal(path: &str) -> Option<String> {
    join("", path)
}

fn is_yaml(path: &str) -> bool {
    [".yaml", ".yml"].iter().any(|end| path.ends_with(end))
}

fn ignore_file(tree: &Tree<'_>, folder: String, sink: &mut Sink) -> Option<(String, Gitignore)> {
    let path = if folder.is_empty() { IGNORE_FILE.to_owned() } else { format!("{folder}/{IGNORE_FILE}") };
    let found = tree.find(&path).ok().filter(|found| found.size <= MAX_FILE)?;
    let bytes = match tree.fetch(found.path) {
        Ok(bytes) => bytes,
        Err(why) => {
            sink.push(whole(&path, format!("{path} cannot be read: {why}"), "", ""));
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes);
    let source = Source::new(&path, &text);
    let mut builder = GitignoreBuilder::new("");
    for (index, line) in text.lines().enumerate() {
        if let Err(error) = builder.add_line(None, line) {
            let line = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let at = Mark { line, column: 1, width: u32::MAX };
            let flaw = Flaw::at(at, "", "this is no pattern for paths", error.to_string());
            sink.push(source.diagnostic(Severity::Error, flaw));
        }
    }
    Some((folder, builder.build().ok()?))
}

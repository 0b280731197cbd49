//! The files of the repo that documents name: found, bounded and fetched, or told why not.

use super::documents::Draft;
use super::flaw::Sink;
use super::locate::Locator;
use super::nearest::nearest;
use super::select::{MAX_FILE, explain, too_large};
use super::tree::{NotFound, Tree, join};
use crate::model::Complaint;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Contents by path as written, only of files that some document names.
pub(super) fn fetch(
    tree: &Tree<'_>,
    drafts: &[Draft],
    locator: &mut Locator<'_>,
    sink: &mut Sink,
) -> BTreeMap<String, Arc<[u8]>> {
    let mut files = BTreeMap::new();
    for draft in drafts {
        for need in &draft.files {
            if files.contains_key(&need.file) {
                continue;
            }
            let found = match need.file.ends_with('/') {
                true => folder(tree, &need.file),
                false => one(tree, &need.file).map(|bytes| vec![(need.file.clone(), bytes)]),
            };
            match found {
                Ok(found) => files.extend(found),
                Err((message, label, hint)) => {
                    let message = format!("{} names a file that cannot be read: {message}", draft.id);
                    let complaint = Complaint::at(need.path.clone(), message, label).hint(hint);
                    sink.push(locator.diagnostic(draft, complaint));
                }
            }
        }
    }
    files
}

type Why = (String, String, String);

/// Files by their paths.
type Contents = Vec<(String, Arc<[u8]>)>;

/// So much a named folder may hold: all of it is kept in memory, and sent.
const MAX_FOLDER: u64 = 32 * 1024 * 1024;

/// Everything below a folder, and the folder itself as an empty content: that it was read.
fn folder(tree: &Tree<'_>, folder: &str) -> Result<Contents, Why> {
    let why = |message: String, label: &str| (message, label.to_owned(), "paths begin at the repo's root".to_owned());
    let Some(path) = join("", folder).filter(|path| !path.is_empty()) else {
        return Err(why(format!("{folder:?} is no folder of the repo"), "expected a folder below the repo's root"));
    };
    let prefix = format!("{path}/");
    let names: Vec<&str> = tree.iter().map(|(name, _)| name).filter(|name| name.starts_with(&prefix)).collect();
    if names.is_empty() {
        return Err(why(format!("there is no folder {path}, or nothing is in it"), "not in this repo"));
    }
    let (mut all, mut size) = (vec![(folder.to_owned(), Arc::from(Vec::new()))], 0);
    for name in names {
        let bytes = one(tree, name)?;
        size += bytes.len() as u64;
        if size > MAX_FOLDER {
            let message = format!("{path} holds more than {} MiB", MAX_FOLDER >> 20);
            return Err(why(message, "everything in it is sent to the host"));
        }
        let below = name.strip_prefix(&prefix).unwrap_or(name);
        all.push((format!("{folder}{below}"), bytes));
    }
    Ok(all)
}

fn one(tree: &Tree<'_>, file: &str) -> Result<Arc<[u8]>, Why> {
    let Some(path) = join("", file).filter(|path| !path.is_empty()) else {
        let label = "expected a path from the repo's root".to_owned();
        return Err((format!("{file:?} leaves the repo"), label, "nothing outside of the repo is read".to_owned()));
    };
    let found = match tree.find(&path) {
        Ok(found) => found,
        Err(NotFound::Missing) => {
            let label = match suggestion(tree, &path) {
                Some(other) => format!("did you mean {other:?}?"),
                None => "not in this repo".to_owned(),
            };
            return Err((format!("there is no {path}"), label, "paths begin at the repo's root".to_owned()));
        }
        Err(why) => {
            let (message, hint) = explain(&path, &why);
            return Err((message, String::new(), hint.to_owned()));
        }
    };
    if found.size > MAX_FILE {
        return Err((too_large(&path, found.size), "too large".to_owned(), String::new()));
    }
    tree.fetch(found.path).map_err(|why| (format!("{path}: {why}"), String::new(), String::new()))
}

/// The same file name elsewhere, else the closest path.
fn suggestion<'t>(tree: &'t Tree<'_>, path: &str) -> Option<&'t str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let same = || tree.iter().map(|(p, _)| p).filter(|p| p.rsplit('/').next() == Some(name));
    match (same().next(), same().nth(1)) {
        (Some(only), None) => Some(only),
        _ => nearest(path, tree.iter().map(|(p, _)| p)),
    }
}

//! Keeps the mirror's directory small and sound.
//!
//! Owns pruning, the swap for a new mirror and the check of an old one. Nothing runs in the
//! background: git's own automatic gc is off.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use git2::ObjectType;

use super::commit::CommitId;
use super::error::GitError;
use super::mirror::open;
use super::program::Program;

/// Loose objects above which pruning is due: a report commit makes about six.
const LOOSE: usize = 400;
/// Packs above which pruning is due: a large fetch makes one.
const PACKS: usize = 12;

/// Tells whether enough has gathered that compacting is worth its tenth of a second.
pub(super) fn is_due(dir: &Path) -> bool {
    let objects = dir.join("objects");
    let packs = names(&objects.join("pack")).filter(|n| n.ends_with(".pack")).count();
    let loose: usize =
        names(&objects).filter(|name| name.len() == 2).map(|name| names(&objects.join(name)).count()).sum();
    packs > PACKS || loose > LOOSE
}

fn names(dir: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned())
}

/// Packs what a ref leads to and drops the rest at once.
///
/// At once is safe: the mirror's turn is held, so nothing is being written, and what may
/// still be read has a ref.
pub(super) async fn compact(dir: &Path, patience: Duration) -> Result<(), GitError> {
    let place = dir.display().to_string();
    let git_dir = format!("--git-dir={place}");
    let args =
        [git_dir.as_str(), "-c", "pack.threads=1", "-c", "gc.writeCommitGraph=false", "gc", "--quiet", "--prune=now"];
    let program = Program::offline(&place, patience);
    program.run(dir, "compacting the mirror", &args).await?.checked().map(drop)
}

/// Tells whether the repository opens, and the commit of a ref is there with all its objects.
pub(super) fn is_sound(dir: &Path, name: &str) -> bool {
    let Ok(repo) = open(dir) else {
        return false;
    };
    let Ok(oid) = repo.refname_to_id(name) else {
        // Never fetched, which is no damage, unless the ref's file cannot be read.
        return repo.find_reference(name).is_err_and(|e| e.code() == git2::ErrorCode::NotFound);
    };
    let check = || -> Result<bool, git2::Error> {
        let odb = repo.odb()?;
        let mut folders = vec![repo.find_commit(oid)?.tree()?];
        // Each object once: a tree may name the same folder over and over.
        let mut seen = HashSet::new();
        while let Some(tree) = folders.pop() {
            for entry in tree.iter().filter(|entry| seen.insert(entry.id())) {
                match entry.kind() {
                    Some(ObjectType::Tree) => folders.push(repo.find_tree(entry.id())?),
                    Some(ObjectType::Blob) if !odb.exists(entry.id()) => return Ok(false),
                    // A submodule's commit is in another repository.
                    _ => {}
                }
            }
        }
        Ok(true)
    };
    check().unwrap_or(false)
}

/// Tells whether there is nothing, or a directory with nothing in it.
pub(super) fn is_empty(dir: &Path) -> bool {
    match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// Reads the refs below a folder from their files, also where the repository does not open.
pub(super) fn refs_as_written(dir: &Path, below: &str) -> Vec<(String, CommitId)> {
    let mut refs = BTreeMap::new();
    for line in fs::read_to_string(dir.join("packed-refs")).unwrap_or_default().lines() {
        let found = line.split_once(' ').filter(|(_, name)| name.starts_with(below));
        if let Some((Ok(commit), name)) = found.map(|(id, name)| (id.parse(), name)) {
            refs.insert(name.to_owned(), commit);
        }
    }
    let mut folders = vec![below.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in names(&dir.join(&folder)) {
            let name = format!("{folder}/{entry}");
            match fs::read_to_string(dir.join(&name)).map(|text| text.trim().parse()) {
                Ok(Ok(commit)) => drop(refs.insert(name, commit)),
                Ok(Err(_)) => {}
                Err(_) => folders.push(name),
            }
        }
    }
    refs.into_iter().collect()
}

/// Removes the lock files of a git that was killed; our own lock says that none is running.
pub(super) fn remove_stale_locks(dir: &Path) {
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && entry.file_name() != "objects" {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "lock") {
                tracing::info!(path = %path.display(), "removed a lock that a killed git left");
                // Where it cannot be removed, git will say so itself.
                let _ = fs::remove_file(&path);
            }
        }
    }
}

/// Puts a new mirror in an old one's place.
///
/// Interrupted in between, no mirror is there, and the next opening makes one.
pub(super) fn swap(new: &Path, old: &Path) -> Result<(), GitError> {
    let mut aside = old.as_os_str().to_owned();
    aside.push(".old");
    let aside = PathBuf::from(aside);
    remove(&aside)?;
    match fs::rename(old, &aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(GitError::disk("setting aside", old)(error));
        }
        _ => {}
    }
    fs::rename(new, old).map_err(GitError::disk("renaming to", old))?;
    remove(&aside)
}

/// Removes a directory and all in it, if it is there.
pub(super) fn remove(dir: &Path) -> Result<(), GitError> {
    let removed = match fs::symlink_metadata(dir) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(dir),
        Ok(_) => fs::remove_file(dir),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(GitError::disk("removing", dir)(error)),
        _ => Ok(()),
    }
}

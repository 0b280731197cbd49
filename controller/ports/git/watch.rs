//! Which files of a local repository change when one of its branches moves.
//!
//! Owns the resolution of a path to git's own directories. Watches nothing itself.

use std::fs;
use std::path::{Path, PathBuf};

use git2::Repository;

use super::commit::CommitId;
use super::mirror::Mirror;
use super::remote::Way;

/// What to watch of a local repository to learn of pushes and commits at once.
///
/// git replaces files by renaming, so directories are watched, and files picked by
/// [`Watched::concerns`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Git's own directory that the branches are in.
    pub git_dir: PathBuf,
    /// Directories to watch, and whether with all below them.
    pub directories: Vec<(PathBuf, bool)>,
    branch: String,
}

impl Watched {
    /// Finds what to watch for a repository with or without a work tree; `None` where
    /// there is none.
    pub fn of(path: &Path, branch: &str) -> Option<Self> {
        let git_dir = common_dir(&git_dir(path)?);
        let mut directories = vec![(git_dir.clone(), false)];
        for below in ["refs/heads", "reftable"] {
            let dir = git_dir.join(below);
            if dir.is_dir() {
                directories.push((dir, true));
            }
        }
        Some(Self { git_dir, directories, branch: branch.to_owned() })
    }

    /// Tells whether a changed path can mean that the branch has moved.
    pub fn concerns(&self, changed: &Path) -> bool {
        let Ok(inside) = changed.strip_prefix(&self.git_dir) else {
            return false;
        };
        if inside.extension().is_some_and(|ext| ext == "lock") {
            return false;
        }
        let branch = Path::new("refs/heads").join(&self.branch);
        inside == Path::new("packed-refs")
            || inside.starts_with("reftable")
            || inside == branch
            // A folder of the branch's name comes and goes with it.
            || (branch.starts_with(inside) && inside.starts_with("refs"))
    }
}

impl Watched {
    /// Reads where the branch stands; `None` where there is none, or nobody can tell.
    pub fn tip(&self) -> Option<CommitId> {
        let repo = Repository::open(&self.git_dir).ok()?;
        repo.refname_to_id(&format!("refs/heads/{}", self.branch)).ok().map(CommitId::of)
    }
}

impl Mirror {
    /// Finds what to watch to learn of changes at once; `None` for a remote that is not local.
    pub fn watch_path(&self) -> Option<Watched> {
        match &self.remote.way {
            Way::Local(path) => Watched::of(path, &self.remote.branch),
            Way::Http { .. } | Way::Ssh => None,
        }
    }
}

/// Resolves a work tree, a linked work tree, or a bare repository to its git directory.
fn git_dir(path: &Path) -> Option<PathBuf> {
    let path = fs::canonicalize(path).ok()?;
    let dot_git = path.join(".git");
    if dot_git.is_dir() {
        return Some(dot_git);
    }
    if let Ok(text) = fs::read_to_string(&dot_git) {
        let named = text.strip_prefix("gitdir:")?.trim();
        return fs::canonicalize(path.join(named)).ok();
    }
    (path.join("HEAD").exists() && path.join("objects").is_dir()).then_some(path)
}

/// Resolves a linked work tree's directory to the one that the branches are in.
fn common_dir(git_dir: &Path) -> PathBuf {
    fs::read_to_string(git_dir.join("commondir"))
        .ok()
        .and_then(|text| fs::canonicalize(git_dir.join(text.trim())).ok())
        .unwrap_or_else(|| git_dir.to_owned())
}

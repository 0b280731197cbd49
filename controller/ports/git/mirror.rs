//! The mirror: a bare, shallow, single-branch cache of one remote.
//!
//! Owns its directory, its lock and its refs:
//! - `refs/driftless/incoming`: what the last fetch brought;
//! - `refs/driftless/recent/N`: the last commits of the watched branch, newest first;
//! - `refs/driftless/kept/NAME`: commits that somebody still needs;
//! - `refs/driftless/obtained`: the last commit that was asked for by its name;
//! - `refs/driftless/tips/…`: the tips of other branches and refs, as last seen.
//!
//! Must not decide what a commit means.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use git2::{Oid, Repository};
use tokio::sync::Mutex;

use super::commit::{self, CommitId, CommitInfo};
use super::error::GitError;
use super::program::Program;
use super::remote::{Checked, Remote, without_credentials};
use super::upkeep;

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The time for one call of git (a fetch, a push), after which it is ended.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { patience: Duration::from_secs(120) }
    }
}

/// A bare mirror of one remote in a directory of ours.
#[derive(Debug)]
pub struct Mirror {
    pub(super) dir: PathBuf,
    pub(super) remote: Checked,
    pub(super) options: Options,
    /// One fetch, push or clean-up at a time.
    pub(super) turn: Mutex<()>,
    /// The next fetch makes the mirror anew.
    pub(super) damaged: AtomicBool,
    /// Held until the mirror is dropped, or the process has gone.
    lock: File,
}

impl Drop for Mirror {
    fn drop(&mut self) {
        // Said in so many words: a process that another thread is just starting holds a
        // copy of the file until it runs its program, and with it the lock.
        if let Err(error) = self.lock.unlock() {
            tracing::debug!(%error, "the mirror's lock goes with its file");
        }
    }
}

pub(super) const INCOMING: &str = "refs/driftless/incoming";
pub(super) const KEPT: &str = "refs/driftless/kept";
/// Whose mirror it is; another remote or branch gets a new one.
const OWNER_FILE: &str = "driftless-mirror";
/// The watched branch's last commit; a file, so that it outlives damaged objects.
const LAST_FILE: &str = "driftless-last";

impl Mirror {
    /// Opens the mirror of a remote, making it (anew) where it is missing or damaged.
    ///
    /// Does not reach for the remote. A mirror of another remote or branch is replaced;
    /// anything else that is found in the directory is left alone, which is an error.
    pub fn open(dir: &Path, remote: &Remote, options: Options) -> Result<Self, GitError> {
        let remote = remote.check()?;
        let dir = std::path::absolute(dir).map_err(GitError::disk("finding", dir))?;
        create_parent(&dir)?;
        let lock = lock(&dir)?;
        let mirror = Self { dir, remote, options, turn: Mutex::new(()), damaged: AtomicBool::new(false), lock };
        mirror.make_usable()?;
        Ok(mirror)
    }

    fn make_usable(&self) -> Result<(), GitError> {
        let owner = match fs::read_to_string(self.dir.join(OWNER_FILE)) {
            Ok(owner) => owner,
            Err(_) if upkeep::is_empty(&self.dir) => String::new(),
            Err(_) => {
                let dir = self.dir.clone();
                return Err(GitError::NotOurs { dir });
            }
        };
        if owner != self.owner() {
            let fresh = self.fresh()?;
            return upkeep::swap(&fresh, &self.dir);
        }
        upkeep::remove_stale_locks(&self.dir);
        if !upkeep::is_sound(&self.dir, &recent(0)) {
            tracing::warn!(mirror = %self.dir.display(), "the mirror is damaged; it is made anew");
            self.damaged.store(true, Ordering::Relaxed);
            // Readable or not, it stays until a fetch has brought what replaces it.
            if Repository::open_bare(&self.dir).is_err() {
                let fresh = self.fresh()?;
                upkeep::swap(&fresh, &self.dir)?;
            }
        }
        Ok(())
    }

    fn owner(&self) -> String {
        let place = without_credentials(&self.remote.address);
        format!("{place}\n{}\n", self.remote.branch)
    }

    /// Makes an empty mirror beside this one, which knows the last commit all the same.
    pub(super) fn fresh(&self) -> Result<PathBuf, GitError> {
        let dir = beside(&self.dir, "new");
        upkeep::remove(&dir)?;
        create_parent(&dir)?;
        Repository::init_bare(&dir).map_err(|source| GitError::Mirror {
            doing: "making the mirror".into(),
            dir: dir.clone(),
            source,
        })?;
        let owner = dir.join(OWNER_FILE);
        fs::write(&owner, self.owner()).map_err(GitError::disk("writing", &owner))?;
        let was = fs::read_to_string(self.dir.join(OWNER_FILE)).unwrap_or_default();
        if let Some(last) = self.last().filter(|_| was == self.owner()) {
            write_last(&dir, &last)?;
        }
        Ok(dir)
    }

    /// Returns the watched branch's commit as of the last fetch that worked.
    pub fn last(&self) -> Option<CommitId> {
        let text = fs::read_to_string(self.dir.join(LAST_FILE)).ok()?;
        text.trim().parse().ok()
    }

    /// Keeps a commit readable under a name until the name is given to another.
    pub fn keep(&self, name: &str, commit: &CommitId) -> Result<(), GitError> {
        let kept = format!("{KEPT}/{name}");
        super::remote::check_ref(&kept)?;
        let oid = self.require(commit)?;
        self.reading("keeping a commit", |repo| repo.reference(&kept, oid, true, "kept").map(drop))
    }

    /// Returns the commit that was kept under a name, where it is still at hand.
    pub fn kept(&self, name: &str) -> Option<CommitId> {
        let repo = self.repository().ok()?;
        let oid = repo.refname_to_id(&format!("{KEPT}/{name}")).ok()?;
        repo.find_commit(oid).ok().map(|commit| CommitId::of(commit.id()))
    }

    /// Reads who wrote a commit, when, and what its message says in one line.
    pub fn commit_info(&self, commit: &CommitId) -> Result<CommitInfo, GitError> {
        let oid = self.require(commit)?;
        self.reading("reading a commit", |repo| commit::info(repo, oid))
    }

    /// Checks that a commit is there.
    pub(super) fn require(&self, commit: &CommitId) -> Result<Oid, GitError> {
        let oid = commit.oid()?;
        let repo = self.repository()?;
        match repo.odb().map(|odb| odb.exists(oid)) {
            Ok(true) => Ok(oid),
            _ => Err(GitError::UnknownCommit { commit: commit.to_string() }),
        }
    }

    /// Reads from the repository; a failure has the mirror made anew with the next fetch.
    pub(super) fn reading<T>(
        &self,
        doing: &str,
        read: impl FnOnce(&Repository) -> Result<T, git2::Error>,
    ) -> Result<T, GitError> {
        let repo = self.repository()?;
        read(&repo).map_err(|error| {
            self.damaged.store(true, Ordering::Relaxed);
            mirror_error(doing, &self.dir)(error)
        })
    }

    pub(super) fn repository(&self) -> Result<Repository, GitError> {
        open(&self.dir).inspect_err(|_| self.damaged.store(true, Ordering::Relaxed))
    }

    pub(super) fn program(&self) -> Result<Program, GitError> {
        Program::online(&self.remote, self.options.patience)
    }

    /// Passes an outcome on; one that may come from damage has the mirror made anew.
    pub(super) fn noticed<T>(&self, outcome: Result<T, GitError>) -> Result<T, GitError> {
        outcome.inspect_err(|error| {
            if self.may_be_damage(error) {
                self.damaged.store(true, Ordering::Relaxed);
            }
        })
    }

    pub(super) fn may_be_damage(&self, error: &GitError) -> bool {
        match error {
            GitError::Mirror { .. } | GitError::Failed(_) => true,
            GitError::Disk { path, .. } => path.starts_with(&self.dir),
            GitError::NotARepository(attempt) => attempt.printed.contains(&*self.dir.to_string_lossy()),
            _ => false,
        }
    }

    /// Prunes when enough has gathered; a failure is only worth a line in the log.
    pub(super) async fn compact(&self) {
        if !upkeep::is_due(&self.dir) {
            return;
        }
        if let Err(error) = upkeep::compact(&self.dir, self.options.patience).await {
            tracing::warn!(%error, "the mirror could not be compacted");
        }
    }
}

fn create_parent(dir: &Path) -> Result<(), GitError> {
    let parent = dir.parent().unwrap_or(dir);
    fs::create_dir_all(parent).map_err(GitError::disk("creating", parent))
}

/// Takes the lock beside the directory, which outlives the directory's being replaced.
fn lock(dir: &Path) -> Result<File, GitError> {
    let path = beside(dir, "lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.map_err(GitError::disk("opening", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(GitError::Busy { dir: dir.into() }),
        Err(TryLockError::Error(source)) => Err(GitError::disk("locking", path)(source)),
    }
}

fn beside(dir: &Path, suffix: &str) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    dir.with_file_name(name)
}

pub(super) fn open(dir: &Path) -> Result<Repository, GitError> {
    Repository::open_bare(dir).map_err(mirror_error("opening the mirror", dir))
}

pub(super) fn mirror_error(doing: &str, dir: &Path) -> impl FnOnce(git2::Error) -> GitError {
    let (doing, dir) = (doing.to_owned(), dir.to_owned());
    move |source| GitError::Mirror { doing, dir, source }
}

/// Reads a ref of the mirror whose commit must be there, with its tree.
pub(super) fn tip(dir: &Path, name: &str) -> Result<Oid, GitError> {
    let repo = open(dir)?;
    let read = || {
        let oid = repo.refname_to_id(name)?;
        repo.find_commit(oid)?.tree()?;
        Ok(oid)
    };
    read().map_err(mirror_error(&format!("reading {name}"), dir))
}

/// Where the mirror keeps another ref's tip; hashed, so that `a` and `a/b` do not collide.
pub(super) fn tip_ref(name: &str) -> Result<String, GitError> {
    let hash = Oid::hash_object(git2::ObjectType::Blob, name.as_bytes());
    let hash = hash.map_err(mirror_error("naming a ref", Path::new(name)))?;
    Ok(format!("refs/driftless/tips/{hash}"))
}

/// The ref of a commit of the watched branch; 0 is the newest.
pub(super) fn recent(index: usize) -> String {
    format!("refs/driftless/recent/{index}")
}

/// Notes the watched branch's commit.
pub(super) fn write_last(dir: &Path, commit: &CommitId) -> Result<(), GitError> {
    let (path, draft) = (dir.join(LAST_FILE), dir.join("driftless-last.new"));
    fs::write(&draft, format!("{commit}\n")).map_err(GitError::disk("writing", &draft))?;
    fs::rename(&draft, &path).map_err(GitError::disk("renaming to", &path))
}

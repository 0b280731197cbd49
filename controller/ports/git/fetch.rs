//! Fetching the watched branch, and the history that a question needs.
//!
//! Owns what a failed fetch means and how a damaged mirror is replaced. The last known
//! commit stays readable whatever happens here.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::commit::CommitId;
use super::error::GitError;
use super::head::{Head, Moved, Walk, walk};
use super::mirror::{INCOMING, KEPT, Mirror, mirror_error, open, recent, tip, write_last};
use super::program::Program;
use super::remote::Way;
use super::sayings::NO_SUCH_REF;
use super::upkeep;

/// How many commits of the watched branch stay readable after it has moved on.
const RECENT: usize = 8;

/// History is deepened step by step until a question is answered; the last is "all of it".
pub(super) const DEPTHS: [u32; 3] = [50, 1000, i32::MAX as u32];

impl Mirror {
    /// Fetches the watched branch and tells how it moved since the last fetch.
    ///
    /// The last known commit stays in the mirror whatever happens. A damaged mirror is made
    /// anew beside the old one, and replaces it once it is whole.
    ///
    /// A move is told once. Who must not miss a rewrite across a crash remembers the commit
    /// that was acted on and asks [`Mirror::is_ancestor`].
    pub async fn fetch(&self) -> Result<Head, GitError> {
        let _turn = self.turn.lock().await;
        let program = self.program()?;
        if !self.damaged.load(Ordering::Relaxed) {
            match self.fetch_into(&program, &self.dir).await {
                Err(error) if self.may_be_damage(&error) => {
                    tracing::warn!(%error, "the fetch failed; it is tried with a new mirror");
                }
                outcome => {
                    if outcome.is_ok() {
                        self.compact().await;
                    }
                    return outcome;
                }
            }
        }
        self.fetch_anew(&program).await
    }

    async fn fetch_anew(&self, program: &Program) -> Result<Head, GitError> {
        let fresh = self.fresh()?;
        let outcome = self.fetch_into(program, &fresh).await;
        match &outcome {
            Ok(_) => {
                self.carry_kept(program, &fresh).await;
                upkeep::swap(&fresh, &self.dir)?;
                self.damaged.store(false, Ordering::Relaxed);
            }
            Err(_) => upkeep::remove(&fresh)?,
        }
        outcome
    }

    /// Brings the kept commits into a new mirror, as far as the remote still has them.
    async fn carry_kept(&self, program: &Program, fresh: &Path) {
        for (name, commit) in upkeep::refs_as_written(&self.dir, KEPT) {
            let refspec = format!("+{commit}:{name}");
            if let Err(error) = self.fetch_ref(program, fresh, &refspec, 1).await {
                tracing::warn!(%name, %commit, %error, "a kept commit could not be carried over");
            }
        }
    }

    async fn fetch_into(&self, program: &Program, dir: &Path) -> Result<Head, GitError> {
        let last = self.last();
        if let Some(commit) = last.clone().filter(|last| self.stands_at(dir, last)) {
            return Ok(Head { commit, moved: Moved::Same });
        }
        if let Err(error) = self.fetch_ref(program, dir, &self.incoming(), 1).await {
            return Err(self.explain(program, error, last.is_some()).await);
        }
        let commit = CommitId::of(tip(dir, INCOMING)?);
        let moved = match last {
            None => Moved::First,
            Some(last) if last == commit => Moved::Same,
            Some(from) => match self.descends(program, dir, &from, &commit).await? {
                true => Moved::Forward { from },
                false => Moved::Rewritten { from },
            },
        };
        remember(dir, &commit)?;
        write_last(dir, &commit)?;
        Ok(Head { commit, moved })
    }

    /// Says whether a branch on this machine is seen, without a process, to stand where it stood. Whatever is not quite as
    /// it should be is left to git: it finds out what is wrong, and says so.
    fn stands_at(&self, dir: &Path, last: &CommitId) -> bool {
        let Way::Local(path) = &self.remote.way else { return false };
        let (Ok(oid), Ok(ours)) = (last.oid(), tip(dir, INCOMING)) else { return false };
        let branch = format!("refs/heads/{}", self.remote.branch);
        let theirs = git2::Repository::open(path).and_then(|repo| repo.refname_to_id(&branch));
        ours == oid && theirs.is_ok_and(|theirs| theirs == oid)
    }

    /// What brings the watched branch in.
    pub(super) fn incoming(&self) -> String {
        format!("+refs/heads/{}:{INCOMING}", self.remote.branch)
    }

    /// Fetches one ref to a depth; fails with git's own words classified.
    pub(super) async fn fetch_ref(
        &self,
        program: &Program,
        dir: &Path,
        refspec: &str,
        depth: u32,
    ) -> Result<(), GitError> {
        let name = refspec.trim_start_matches('+').split(':').next().unwrap_or_default();
        let doing = format!("fetching {}", name.trim_start_matches("refs/heads/"));
        let depth = format!("--depth={depth}");
        let git_dir = format!("--git-dir={}", dir.display());
        let args = [
            &git_dir,
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--update-shallow",
            "--no-auto-gc",
            "--no-recurse-submodules",
            &depth,
            "--",
            &self.remote.address,
            refspec,
        ];
        program.run(dir, &doing, &args).await?.checked().map(drop)
    }

    /// Finds out what a missing ref means: an empty repository or one without the branch.
    async fn explain(&self, program: &Program, error: GitError, existed: bool) -> GitError {
        let GitError::Failed(attempt) = error else {
            return error;
        };
        if !attempt.printed.contains(NO_SUCH_REF) {
            return GitError::Failed(attempt);
        }
        // To git, a sign-in page that a proxy puts in is a repository without refs.
        if matches!(self.remote.way, Way::Http { .. }) {
            match program.speaks_git(&self.dir, &self.remote.address).await {
                Ok(true) => {}
                Ok(false) => return GitError::NotARepository(attempt),
                Err(error) => return error,
            }
        }
        let refs = match self.remote_refs(program, &["--refs"]).await {
            Ok(refs) => refs,
            Err(error) => return error,
        };
        if refs.is_empty() {
            return GitError::EmptyRepository(attempt);
        }
        let heads = refs.iter().filter_map(|(name, _)| name.strip_prefix("refs/heads/"));
        GitError::BranchMissing {
            branch: self.remote.branch.clone(),
            existed,
            others: heads.take(5).map(str::to_owned).collect(),
            attempt,
        }
    }

    /// Lists the remote's refs.
    pub(super) async fn remote_refs(
        &self,
        program: &Program,
        patterns: &[&str],
    ) -> Result<Vec<(String, String)>, GitError> {
        let (options, names): (Vec<&str>, Vec<&str>) = patterns.iter().partition(|text| text.starts_with("--"));
        let mut args = vec!["ls-remote", "--quiet"];
        args.extend(options);
        args.extend(["--", self.remote.address.as_str()]);
        args.extend(names);
        let answer = program.run(&self.dir, "listing refs", &args).await?;
        let listing = answer.checked()?;
        let refs = listing.lines().filter_map(|line| line.split_once('\t'));
        Ok(refs.map(|(id, name)| (name.to_owned(), id.to_owned())).collect())
    }

    /// Tells whether `older` is `newer` or one of its ancestors, fetching history as needed.
    ///
    /// Where the history cannot be had in full, the answer is no.
    pub async fn is_ancestor(&self, older: &CommitId, newer: &CommitId) -> Result<bool, GitError> {
        let _turn = self.turn.lock().await;
        self.require(newer)?;
        let program = self.program()?;
        self.descends(&program, &self.dir, older, newer).await
    }

    async fn descends(
        &self,
        program: &Program,
        dir: &Path,
        older: &CommitId,
        newer: &CommitId,
    ) -> Result<bool, GitError> {
        let (older, newer) = (older.oid()?, newer.oid()?);
        let look = || {
            let repo = open(dir)?;
            walk(&repo, older, newer).map_err(mirror_error("walking the history", dir))
        };
        let mut found = look()?;
        for depth in DEPTHS {
            if found != Walk::TooShallow {
                break;
            }
            self.fetch_ref(program, dir, &self.incoming(), depth).await?;
            found = look()?;
        }
        Ok(found == Walk::Found)
    }

    /// Brings a commit into the mirror where it is not there, asking the remote by its name.
    ///
    /// A remote may refuse that once no branch leads to the commit. It stays until another
    /// is obtained: [`Mirror::keep`] it to have it longer.
    pub async fn obtain(&self, commit: &CommitId) -> Result<(), GitError> {
        let _turn = self.turn.lock().await;
        if self.require(commit).is_ok() {
            return Ok(());
        }
        let refspec = format!("+{commit}:refs/driftless/obtained");
        let program = self.program()?;
        self.fetch_ref(&program, &self.dir, &refspec, 1).await
    }
}

/// Puts a commit in front of the recent ones.
fn remember(dir: &Path, commit: &CommitId) -> Result<(), GitError> {
    let (repo, oid) = (open(dir)?, commit.oid()?);
    let shift = || {
        if repo.refname_to_id(&recent(0)).is_ok_and(|newest| newest == oid) {
            return Ok(());
        }
        for index in (1..RECENT).rev() {
            if let Ok(older) = repo.refname_to_id(&recent(index - 1)) {
                repo.reference(&recent(index), older, true, "moved on")?;
            }
        }
        repo.reference(&recent(0), oid, true, "fetched").map(drop)
    };
    shift().map_err(mirror_error("noting the fetched commit", dir))
}

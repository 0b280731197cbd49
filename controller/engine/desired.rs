//! What git wants right now: the last valid commit's estate. A typo never makes a resource vanish.
//! Owns what is kept of it in the mirror, so that a restart between two bad commits changes nothing.

use super::source;
use crate::model::{Diagnostic, Estate, Severity};
use crate::ports::git::{CommitId, GitError, Mirror};
use std::sync::Arc;

/// Under this name the mirror keeps the last commit without errors.
const VALID: &str = "valid";
/// Under this name the mirror keeps the last commit whose deletions were not in doubt.
const TRUSTED: &str = "trusted";

/// Under this name the mirror keeps the last commit after which nothing was left to do.
const APPLIED: &str = "applied";

/// What git wants, and what is wrong with what it says.
#[derive(Clone, Default)]
pub struct Desired {
    /// The newest commit that was read.
    pub newest: Option<CommitId>,
    /// The estate of the last commit without errors.
    pub estate: Option<Arc<Estate>>,
    /// What is wrong with the newest commit, or worth a warning; empty where all is well.
    pub diagnostics: Vec<Diagnostic>,
    /// How many files the newest commit was read from.
    pub files: usize,
    /// Why deletions are held: the branch was rewritten since the last commit that was trusted.
    pub rewritten: Option<String>,
}

impl Desired {
    /// Says whether the newest commit has errors.
    pub fn invalid(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// Takes in the commit that the branch names now. An error leaves everything as it was, so that it is tried again.
    pub async fn take(&mut self, mirror: &Mirror, commit: &CommitId, path: &str) -> Result<(), GitError> {
        if self.newest.as_ref() == Some(commit) && self.estate.is_some() {
            return Ok(());
        }
        let read = source::commit(mirror, commit, path)?;
        match read.estate {
            Some(estate) => {
                let rewritten = doubt(mirror, commit).await?;
                mirror.keep(VALID, commit)?;
                self.rewritten = rewritten;
                self.estate = Some(Arc::new(estate));
            }
            None => {
                self.recall(mirror, path).await?;
                self.freeze(read.freeze);
            }
        }
        self.newest = Some(commit.clone());
        self.diagnostics = read.diagnostics;
        self.files = read.files;
        Ok(())
    }

    /// Reads the last commit without errors from the mirror, where there is none in memory.
    pub async fn recall(&mut self, mirror: &Mirror, path: &str) -> Result<(), GitError> {
        if self.estate.is_some() {
            return Ok(());
        }
        if let Some(valid) = mirror.kept(VALID) {
            let estate = source::commit(mirror, &valid, path)?.estate;
            // Whether a branch was rewritten may take the remote to find out; until then its deletions wait.
            self.rewritten = doubt(mirror, &valid).await.unwrap_or_else(|error| {
                Some(format!("whether the branch was rewritten at {} could not be found out: {error}", valid.short()))
            });
            self.estate = estate.map(Arc::new);
        }
        Ok(())
    }

    /// Notes that nothing is left to be done of the desired commit. Who approves is compared with who wrote what came
    /// after it; where it cannot be kept, with more of them.
    pub fn applied(&self, mirror: &Mirror) {
        let commit = self.estate.as_ref().and_then(|estate| estate.commit.as_deref()).and_then(|c| c.parse().ok());
        let Some(commit) = commit.filter(|commit| mirror.kept(APPLIED).as_ref() != Some(commit)) else { return };
        if let Err(error) = mirror.keep(APPLIED, &commit) {
            tracing::warn!(%error, "the commit could not be kept as applied");
        }
    }

    /// The last commit after which nothing was left to do, where one is known.
    pub fn last_applied(mirror: &Mirror) -> Option<CommitId> {
        mirror.kept(APPLIED)
    }

    /// A commit with errors can stop all writing, and cannot let it go on: what froze stays frozen by the last valid one.
    fn freeze(&mut self, why: Option<String>) {
        if let (Some(estate), Some(why)) = (&self.estate, why) {
            self.estate = Some(Arc::new(Estate { freeze: Some(why), ..Estate::clone(estate) }));
        }
    }

    /// Notes that nothing of this commit's deletions is in doubt any more.
    pub fn trust(&mut self, mirror: &Mirror) -> Result<(), GitError> {
        self.rewritten = None;
        match &self.newest {
            Some(commit) if !self.invalid() => mirror.keep(TRUSTED, commit),
            _ => Ok(()),
        }
    }
}

/// Says why the deletions of a commit are in doubt: the last trusted one is none of its ancestors.
async fn doubt(mirror: &Mirror, commit: &CommitId) -> Result<Option<String>, GitError> {
    let Some(trusted) = mirror.kept(TRUSTED) else { return Ok(None) };
    if mirror.is_ancestor(&trusted, commit).await? {
        return Ok(None);
    }
    Ok(Some(format!("the branch was rewritten: {} is no ancestor of {}", trusted.short(), commit.short())))
}

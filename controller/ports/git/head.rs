//! Where the watched branch stands, and how it came there from where it stood.
//!
//! Owns the walk through history that tells a push from a force-push. Must not run git.

use std::collections::HashSet;

use git2::{Oid, Repository};

use super::commit::{self, CommitId};

/// The watched branch after a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The commit that the branch names now.
    pub commit: CommitId,
    /// How it came there since the last fetch.
    pub moved: Moved,
}

/// How a branch came to where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// It is seen for the first time.
    First,
    /// It has not moved.
    Same,
    /// It moved on: the commit seen before is among the new one's ancestors.
    Forward {
        /// The commit seen before.
        from: CommitId,
    },
    /// It was rewritten or set back: the commit seen before is no ancestor of the new one.
    Rewritten {
        /// The commit seen before.
        from: CommitId,
    },
}

/// What a walk through the history at hand found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    Found,
    NotThere,
    /// The history at hand ends before the question is answered.
    TooShallow,
}

/// Looks for `older` among `newer` and its ancestors, as far as they are in the repository.
pub(super) fn walk(repo: &Repository, older: Oid, newer: Oid) -> Result<Walk, git2::Error> {
    if older == newer {
        return Ok(Walk::Found);
    }
    let odb = repo.odb()?;
    let mut seen = HashSet::from([newer]);
    let mut next = vec![newer];
    let mut cut = false;
    while let Some(oid) = next.pop() {
        for parent in commit::parents(repo, oid)? {
            if parent == older {
                return Ok(Walk::Found);
            }
            if !seen.insert(parent) {
                continue;
            }
            if odb.exists(parent) {
                next.push(parent);
            } else {
                cut = true;
            }
        }
    }
    Ok(if cut { Walk::TooShallow } else { Walk::NotThere })
}

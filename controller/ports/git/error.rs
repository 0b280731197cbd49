//! What can go wrong with a repository, and what to do about it.
//!
//! Owns the one error type of this room. Must not run anything and must not see a secret:
//! what arrives here has been scrubbed.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// What was tried on which remote, and what git printed about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What was being done, as in `fetching main`.
    pub doing: String,
    /// The remote's address, without credentials.
    pub remote: String,
    /// The last lines that git printed, scrubbed of secrets and control characters.
    pub printed: String,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.doing, self.remote)?;
        for line in self.printed.lines() {
            write!(f, "\n  git: {line}")?;
        }
        Ok(())
    }
}

/// What went wrong. No variant is ever to be read as "the repository is empty of files".
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GitError {
    /// There is no `git` program.
    #[error("the program `git` could not be started\n  {hint}", hint = self.hint())]
    ProgramMissing(#[source] std::io::Error),
    /// The `git` program is too old to be given credentials safely.
    #[error("the program `git` says {found:?}; 2.31 or later is needed\n  {hint}", hint = self.hint())]
    ProgramTooOld {
        /// What `git --version` printed.
        found: String,
    },
    /// The remote's address is not one that is followed.
    #[error("the repository address {url:?} cannot be used: {why}\n  {hint}", hint = self.hint())]
    BadAddress {
        /// The address, without credentials.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A branch, ref, path or person's name that git could not take or that would be unsafe.
    #[error("{what} {name:?} cannot be used: {why}")]
    BadName {
        /// What it names.
        what: &'static str,
        /// The name as given.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A token, key or list of known hosts could not be read.
    #[error("{what} {} cannot be used: {why}\n  {hint}", path.display(), hint = self.hint())]
    BadCredential {
        /// Which credential.
        what: &'static str,
        /// Where it was looked for.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The remote did not answer, or the connection broke.
    #[error("the remote cannot be reached: {0}\n  {hint}", hint = self.hint())]
    Unreachable(Attempt),
    /// The remote does not accept who we say we are.
    #[error("the remote refused the credentials: {0}\n  {hint}", hint = self.hint())]
    AuthRefused(Attempt),
    /// The host shows another key than the one that is known.
    #[error("the remote host shows ANOTHER KEY than the known one: {0}\n  {hint}", hint = self.hint())]
    HostKeyChanged(Attempt),
    /// The host is not in the list of known hosts.
    #[error("the remote host's key is not known: {0}\n  {hint}", hint = self.hint())]
    HostKeyUnknown(Attempt),
    /// There is a repository, but not this branch.
    #[error("the branch {branch:?} does not exist: {attempt}\n  {hint}", hint = self.hint())]
    BranchMissing {
        /// The branch that was asked for.
        branch: String,
        /// Whether it was there when we last looked.
        existed: bool,
        /// Up to five branches that there are.
        others: Vec<String>,
        /// What was tried.
        attempt: Attempt,
    },
    /// The repository has no commit at all.
    #[error("the repository is empty: {0}\n  {hint}", hint = self.hint())]
    EmptyRepository(Attempt),
    /// What answers there is not a git repository, or not one that we may see.
    #[error("no git repository found there: {0}\n  {hint}", hint = self.hint())]
    NotARepository(Attempt),
    /// A local repository belongs to another user, and git will not open it.
    #[error("git does not trust the owner of the repository: {0}\n  {hint}", hint = self.hint())]
    ForeignOwner(Attempt),
    /// The repository uses object names that this version cannot read.
    #[error("the repository uses SHA-256 object names: {0}\n  {hint}", hint = self.hint())]
    ObjectFormat(Attempt),
    /// It took longer than allowed, and git was stopped.
    #[error("no end after {} s: {attempt}\n  {hint}", after.as_secs_f32(), hint = self.hint())]
    TimedOut {
        /// What was tried.
        attempt: Attempt,
        /// The time that it was given.
        after: Duration,
    },
    /// The remote does not let us write: branch protection, a hook, a read-only key.
    #[error("the remote refused the push: {0}\n  {hint}", hint = self.hint())]
    PushRefused(Attempt),
    /// git failed in a way that has no name here.
    #[error("git failed: {0}\n  {hint}", hint = self.hint())]
    Failed(Attempt),
    /// Another process uses the mirror.
    #[error("the mirror {} is used by another process\n  {hint}", dir.display(), hint = self.hint())]
    Busy {
        /// The mirror's directory.
        dir: PathBuf,
    },
    /// The directory for the mirror holds something that no mirror left there.
    #[error("{} is no mirror of ours and not empty; it is left as it is\n  {hint}", dir.display(), hint = self.hint())]
    NotOurs {
        /// The directory that was to become a mirror.
        dir: PathBuf,
    },
    /// The mirror holds no such commit.
    #[error("the mirror holds no commit {commit}\n  {hint}", hint = self.hint())]
    UnknownCommit {
        /// The commit that was asked for.
        commit: String,
    },
    /// A commit has more files, or more to read, than is reasonable.
    #[error("{what}\n  {hint}", hint = self.hint())]
    TooMuch {
        /// Which bound was passed, with its figures.
        what: String,
    },
    /// The mirror could not be read or written as a repository.
    #[error("{doing} in {} failed\n  {hint}", dir.display(), hint = self.hint())]
    Mirror {
        /// What was being done.
        doing: String,
        /// The repository.
        dir: PathBuf,
        /// What libgit2 said.
        #[source]
        source: git2::Error,
    },
    /// A file or directory could not be read or written.
    #[error("{doing} {} failed", path.display())]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl GitError {
    /// Says what to do next, in one or two sentences; empty where the message says it already.
    pub fn hint(&self) -> String {
        match self {
            Self::BranchMissing { existed, others, .. } => branch_hint(*existed, others),
            Self::BadCredential { why, .. } if why.contains("permission") => {
                "Let the user that driftless runs as read it, and nobody else (chmod 600).".into()
            }
            other => other.fixed_hint().into(),
        }
    }

    fn fixed_hint(&self) -> &'static str {
        match self {
            Self::ProgramMissing(_) => "Install git 2.31 or later and see that it is on the PATH.",
            Self::ProgramTooOld { .. } => "Install a newer git.",
            Self::BadAddress { .. } => "Use https://host/path, ssh://user@host/path, user@host:path, or a local path.",
            Self::BadCredential { .. } => "Check the path in driftless.toml.",
            Self::Unreachable(_) => {
                "Nothing changes while it is away: the last known commit stays desired. \
                 Check the address, DNS and the network; a running controller tries again by itself."
            }
            Self::AuthRefused(_) => {
                "Check that the token or key is current, belongs to this repository and may read \
                 it (a key file must be readable by its owner only). It is read anew at each try."
            }
            Self::HostKeyChanged(_) => {
                "Somebody may be in between. Compare the host's fingerprint with the one that its \
                 operator publishes before you replace its line in the known_hosts file."
            }
            Self::HostKeyUnknown(_) => {
                "Add the host's key to the known_hosts file after comparing its fingerprint: \
                 ssh-keyscan HOST shows it, the operator publishes the fingerprint."
            }
            Self::EmptyRepository(_) => "Push a first commit; `driftless init DIR` writes one. Nothing is deleted.",
            Self::NotARepository(_) => {
                "Check the address. Hosts say the same about a private repository when the \
                 token or key may not see it."
            }
            Self::ForeignOwner(_) => {
                "Run driftless as the repository's owner, or let an administrator run \
                 `git config --system --add safe.directory PATH`."
            }
            Self::ObjectFormat(_) => "Use a repository with SHA-1 object names (git's default).",
            Self::TimedOut { .. } => {
                "Nothing changes meanwhile, and a running controller tries again by itself. After a push, \
                 whether it arrived is not known until the next look."
            }
            Self::PushRefused(_) => {
                "Let the token or key write to that branch (contents: write), or except the \
                 branch from protection rules, or name another branch in Settings."
            }
            Self::Busy { .. } => "Stop the other driftless, or give this one its own directory.",
            Self::NotOurs { .. } => "Name another directory, or empty this one.",
            Self::UnknownCommit { .. } => "Fetch first; commits that nobody keeps are pruned.",
            Self::TooMuch { .. } => "Keep large files out of the folder that driftless reads.",
            Self::Mirror { .. } => "A mirror is a cache: it is made anew with the next fetch where it is damaged.",
            Self::Failed(_) => "The lines from git above say why.",
            Self::BadName { .. } | Self::Disk { .. } | Self::BranchMissing { .. } => "",
        }
    }

    /// Tells whether the same call may well succeed later with nobody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::TimedOut { .. } | Self::Busy { .. } | Self::Mirror { .. })
    }

    /// Tells whether it is unknown if a push arrived.
    pub fn is_unclear(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::TimedOut { .. })
    }

    pub(super) fn disk(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Disk { doing, path, source }
    }
}

fn branch_hint(existed: bool, others: &[String]) -> String {
    let mut hint = String::from(if existed {
        "It was there before. Nothing is deleted: the last known commit stays desired. \
         Push the branch again, or set another one in driftless.toml."
    } else {
        "Push the branch, or set another one in driftless.toml."
    });
    if others.is_empty() {
        hint.push_str(" The repository has no branches.");
    } else {
        hint.push_str(" There are: ");
        hint.push_str(&others.join(", "));
        hint.push('.');
    }
    hint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_that_vanished_names_the_ones_that_are_left() {
        let hint = branch_hint(true, &["main".into(), "develop".into()]);
        assert!(hint.contains("was there before"), "{hint}");
        assert!(hint.ends_with("There are: main, develop."), "{hint}");
    }
}

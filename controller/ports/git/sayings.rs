//! What git's and ssh's own words mean.
//!
//! Owns the one table from messages (in the C locale) to errors. Must not see a secret:
//! what arrives here has been scrubbed.

use super::error::{Attempt, GitError};

/// What git says when the remote has no such branch, which an empty repository has not either.
pub(super) const NO_SUCH_REF: &str = "couldn't find remote ref";

type Name = fn(Attempt) -> GitError;

/// Git's and ssh's own words, and what they mean; the first that is found counts.
const SAYINGS: &[(&[&str], Name)] = &[
    // ssh adds that the other end hung up. What it means takes another look to know.
    (&[NO_SUCH_REF], GitError::Failed),
    (&["remote host identification has changed"], GitError::HostKeyChanged),
    (&["host key is known for", "host key verification failed"], GitError::HostKeyUnknown),
    (&["dubious ownership"], GitError::ForeignOwner),
    (&["mismatched algorithms", "unknown object format"], GitError::ObjectFormat),
    (&["marked as read only", "write access to repository not granted"], GitError::PushRefused),
    (
        &[
            "permission denied (",
            "permission denied, please try again",
            "too many authentication failures",
            "no supported authentication methods",
            "authentication failed",
            "could not read username",
            "could not read password",
            "access denied",
            "returned error: 401",
            "returned error: 403",
            "returned error: 407",
        ],
        GitError::AuthRefused,
    ),
    (
        &[
            "does not appear to be a git repository",
            "repository not found",
            "dumb http transport",
            "not a git repository",
            "not valid: is this a git repository",
            "returned error: 404",
            "project you were looking for could not be found",
        ],
        GitError::NotARepository,
    ),
    (
        &[
            "could not resolve",
            "connection refused",
            "connection timed out",
            "connection reset",
            "connection closed",
            "couldn't connect",
            "failed to connect",
            "network is unreachable",
            "no route to host",
            "timed out",
            "operation too slow",
            "unable to access",
            "hung up unexpectedly",
            "unexpected disconnect",
            "early eof",
            "rpc failed",
        ],
        GitError::Unreachable,
    ),
];

/// Reads git's words and gives the failure its name.
pub(super) fn classify(attempt: Attempt) -> GitError {
    let printed = attempt.printed.to_lowercase();
    // "repository 'https://…' not found" has the address in the middle.
    if printed.contains("repository '") && printed.contains("' not found") {
        return GitError::NotARepository(attempt);
    }
    let said = |(sayings, _): &&(&[&str], Name)| sayings.iter().any(|words| printed.contains(words));
    match SAYINGS.iter().find(said) {
        Some((_, name)) => name(attempt),
        None => GitError::Failed(attempt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(printed: &str) -> GitError {
        classify(Attempt {
            doing: "fetching main".into(),
            remote: "ssh://git@host/infra".into(),
            printed: printed.into(),
        })
    }

    #[test]
    fn what_ssh_says_about_host_keys_is_told_apart() {
        let changed = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n\
                       Host key verification failed.\n\
                       fatal: Could not read from remote repository.";
        assert!(matches!(named(changed), GitError::HostKeyChanged(_)));
        let unknown = "No ED25519 host key is known for [127.0.0.1]:22 and you have requested \
                       strict checking.\nHost key verification failed.";
        assert!(matches!(named(unknown), GitError::HostKeyUnknown(_)));
    }

    #[test]
    fn a_missing_repository_is_not_an_unreachable_one() {
        let https = "fatal: repository 'https://example.com/a/b/' not found";
        assert!(matches!(named(https), GitError::NotARepository(_)));
        let local = "fatal: '/srv/x' does not appear to be a git repository\n\
                     fatal: Could not read from remote repository.";
        assert!(matches!(named(local), GitError::NotARepository(_)));
        let down = "fatal: unable to access 'https://example.com/': Could not resolve host";
        assert!(matches!(named(down), GitError::Unreachable(_)));
    }

    #[test]
    fn a_forbidden_answer_is_refused_credentials_although_git_says_unable_to_access() {
        let forbidden = "fatal: unable to access 'https://example.com/a/': The requested URL \
                         returned error: 403";
        assert!(matches!(named(forbidden), GitError::AuthRefused(_)));
    }

    #[test]
    fn an_error_says_what_was_tried_what_git_printed_and_what_to_do() {
        insta::assert_snapshot!(named("ssh: connect to host h port 22: Connection refused").to_string(), @r"
        the remote cannot be reached: fetching main (ssh://git@host/infra)
          git: ssh: connect to host h port 22: Connection refused
          Nothing changes while it is away: the last known commit stays desired. Check the address, DNS and the network; a running controller tries again by itself.
        ");
    }
}

//! The git repository that says what is wanted, and the branch where reports go.
//!
//! A [`Mirror`] is a bare, shallow, single-branch cache of one remote. Objects, trees and
//! commits are read and written with libgit2, without a work tree or an index; what goes
//! over a wire (fetch, push, ls-remote) is done by the `git` program, so that ssh, proxies
//! and certificates work as its users know them.
//!
//! Guarantees:
//! - A remote that is away, refuses us, is empty or lacks its branch is an error of its own,
//!   never a tree without files.
//! - Credentials are in git's environment only: not in arguments, addresses or messages.
//! - Only https, ssh, local paths and http on loopback are followed; host keys are checked.
//! - A user's own git settings and GIT_* variables have no say; /etc/gitconfig has.
//! - The mirror is a cache: damage is noticed and it is made anew, beside the old one, which
//!   stays readable until the new one is whole.
//! - It stays compact: a bounded number of commits is kept, the rest is pruned.
//!
//! What happens if interrupted: a fetch that ended half-way leaves the last known commit in
//! place; a push is one ref update, done or not done, and [`GitError::is_unclear`] says when
//! nobody knows which until the next look.

mod authors;
mod commit;
mod error;
mod fetch;
mod head;
mod mirror;
mod process;
mod program;
mod push;
mod remote;
mod sayings;
mod seed;
mod tree;
mod upkeep;
mod watch;

pub use commit::{CommitId, CommitInfo, Edits, Person};
pub use error::{Attempt, GitError};
pub use head::{Head, Moved};
pub use mirror::{Mirror, Options};
pub use push::Pushed;
pub use remote::{Auth, Remote, Token};
pub use seed::{commit_in, init_repo, publish, push};
pub use tree::{Content, Limits, Mode, TreeFile};
pub use watch::Watched;

//! Commits as values: their names, what they say, and writing one without a work tree.
//!
//! Owns the reading and writing of commit objects in an open repository. Must not fetch,
//! push or move a ref.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, ObjectType, Oid, Repository, Signature, Tree};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::GitError;

/// A commit's full name: 40 hexadecimal digits, lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);

impl CommitId {
    /// Returns the 40 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first seven digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }

    pub(super) fn of(oid: Oid) -> Self {
        Self(oid.to_string())
    }

    pub(super) fn oid(&self) -> Result<Oid, GitError> {
        Oid::from_str(&self.0).map_err(|_| GitError::UnknownCommit { commit: self.0.clone() })
    }
}

impl FromStr for CommitId {
    type Err = GitError;

    fn from_str(text: &str) -> Result<Self, GitError> {
        if text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(GitError::BadName { what: "the commit", name: text.into(), why: "40 hexadecimal digits are needed".into() })
    }
}

impl TryFrom<String> for CommitId {
    type Error = GitError;

    fn try_from(text: String) -> Result<Self, GitError> {
        text.parse()
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> Self {
        id.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who wrote a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
}

impl Person {
    /// Makes a person of a name and an address.
    pub fn new(name: impl Into<String>, email: impl Into<String>) -> Self {
        Self { name: name.into(), email: email.into() }
    }
}

/// What a commit says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// The commit.
    pub id: CommitId,
    /// Who wrote it, as it claims itself; nothing vouches for it.
    pub author: Person,
    /// When it was committed.
    pub time: Timestamp,
    /// The first paragraph of the message, on one line.
    pub subject: String,
    /// The commits before it, also those that the mirror lacks.
    pub parents: Vec<CommitId>,
}

/// Reads what a commit says about itself.
pub(super) fn info(repo: &Repository, oid: Oid) -> Result<CommitInfo, git2::Error> {
    let commit = repo.find_commit(oid)?;
    let author = commit.author();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(CommitInfo {
        id: CommitId::of(oid),
        author: Person { name: text(author.name_bytes()), email: text(author.email_bytes()) },
        time: Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH),
        subject: commit.summary_bytes().map(text).unwrap_or_default(),
        parents: parents(repo, oid)?.into_iter().map(CommitId::of).collect(),
    })
}

/// Reads the parents that a commit names itself.
///
/// libgit2 hides the parents of a shallow commit; the commit's own text has them.
pub(super) fn parents(repo: &Repository, oid: Oid) -> Result<Vec<Oid>, git2::Error> {
    let commit = repo.find_commit(oid)?;
    let header = String::from_utf8_lossy(commit.raw_header_bytes());
    header.lines().filter_map(|line| line.strip_prefix("parent ")).map(|id| Oid::from_str(id.trim())).collect()
}

/// Files to write (or, with `None`, to delete), by path.
pub type Edits = BTreeMap<String, Option<Vec<u8>>>;

/// Writes a commit on `tip` with some files changed and all others kept.
///
/// Returns `None` where nothing would change; no ref moves.
pub(super) fn write(
    repo: &Repository,
    tip: Option<Oid>,
    edits: &Edits,
    message: &str,
    author: &Person,
) -> Result<Option<Oid>, GitError> {
    let author = signature(author)?;
    for path in edits.keys() {
        check_path(path)?;
    }
    let write = || -> Result<Option<Oid>, git2::Error> {
        let parent = tip.map(|oid| repo.find_commit(oid)).transpose()?;
        let before = match &parent {
            Some(commit) => commit.tree()?,
            None => repo.find_tree(repo.treebuilder(None)?.write()?)?,
        };
        let after = edited(repo, &before, edits)?;
        if after == before.id() {
            return Ok(None);
        }
        let tree = repo.find_tree(after)?;
        let parents: Vec<_> = parent.iter().collect();
        let message = format!("{}\n", message.trim_end());
        repo.commit(None, &author, &author, &message, &tree, &parents).map(Some)
    };
    write().map_err(|source| GitError::Mirror {
        doing: format!("writing a commit of {} files", edits.len()),
        dir: repo.path().into(),
        source,
    })
}

/// Writes a commit without parents that holds one file named `value`.
pub(super) fn write_value(repo: &Repository, value: &[u8], message: &str, author: &Person) -> Result<Oid, GitError> {
    let edits = Edits::from([(VALUE.to_owned(), Some(value.to_vec()))]);
    write(repo, None, &edits, message, author)?
        .ok_or_else(|| GitError::TooMuch { what: "a value commit came out empty".into() })
}

/// The one file of a commit that carries a value.
pub(super) const VALUE: &str = "value";

/// Writes the tree with the edits made: deletions first, so that a file may become a folder.
fn edited(repo: &Repository, before: &Tree<'_>, edits: &Edits) -> Result<Oid, git2::Error> {
    let mut deletions = BTreeSet::new();
    for (path, content) in edits {
        match content {
            None if before.get_path(path.as_ref()).is_ok() => {
                deletions.insert(path.as_str());
            }
            None => {}
            Some(_) => deletions.extend(in_the_way(before, path)),
        }
    }
    let goes_with_its_folder = |path: &str| {
        let mut above = path.match_indices('/').filter_map(|(end, _)| path.get(..end));
        above.any(|folder| deletions.contains(folder))
    };
    let mut update = TreeUpdateBuilder::new();
    for path in deletions.iter().filter(|path| !goes_with_its_folder(path)) {
        update.remove(*path);
    }
    let between = match deletions.is_empty() {
        true => before.clone(),
        false => repo.find_tree(update.create_updated(repo, before)?)?,
    };
    let mut update = TreeUpdateBuilder::new();
    let mut any = false;
    for (path, content) in edits {
        if let Some(bytes) = content {
            update.upsert(path.as_str(), repo.blob(bytes)?, FileMode::Blob);
            any = true;
        }
    }
    match any {
        true => update.create_updated(repo, &between),
        false => Ok(between.id()),
    }
}

/// Finds a file where a path needs a folder, or a folder where it needs a file.
fn in_the_way<'p>(tree: &Tree<'_>, path: &'p str) -> Option<&'p str> {
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    ends.filter_map(|end| path.get(..end)).find(|part| {
        let is_folder = |entry: git2::TreeEntry<'_>| entry.kind() == Some(ObjectType::Tree);
        let found = tree.get_path(part.as_ref()).map(is_folder);
        found.is_ok_and(|folder| folder == (part.len() == path.len()))
    })
}

/// Checks a path inside a repository.
pub(super) fn check_path(path: &str) -> Result<(), GitError> {
    let odd = |part: &str| part.is_empty() || part == "." || part == ".." || part.eq_ignore_ascii_case(".git");
    if path.split('/').any(odd) || path.chars().any(char::is_control) {
        return Err(GitError::BadName {
            what: "the path",
            name: path.into(),
            why: "a relative path without '.', '..' or '.git' is needed".into(),
        });
    }
    Ok(())
}

fn signature(person: &Person) -> Result<Signature<'static>, GitError> {
    Signature::now(&person.name, &person.email).map_err(|error| GitError::BadName {
        what: "the author",
        name: format!("{} <{}>", person.name, person.email),
        why: error.message().into(),
    })
}

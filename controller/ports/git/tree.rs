//! Files at a commit, without a work tree.
//!
//! Owns the reading of trees and blobs, bounded in number and size. Follows no symlink and
//! opens no submodule: what to make of them is the caller's decision.

use std::collections::HashMap;
use std::sync::Arc;

use git2::{ObjectType, Odb, Oid, Repository, Tree};

use super::commit::CommitId;
use super::error::GitError;
use super::mirror::Mirror;

/// One entry below a folder at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// The path from the repository's root; bytes that are not UTF-8 are shown as U+FFFD.
    pub path: String,
    /// What it is.
    pub mode: Mode,
    /// The blob's (or the submodule's commit's) name: equal names are equal bytes.
    pub id: String,
    /// The size in bytes; 0 for a submodule.
    pub size: u64,
    /// What it holds.
    pub content: Content,
}

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A plain file.
    File,
    /// A file with the executable bit.
    Executable,
    /// A symbolic link.
    Symlink,
    /// Another repository's commit.
    Submodule,
}

/// What an entry of a tree holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file's bytes; equal files share them.
    Bytes(Arc<[u8]>),
    /// A file (or link) that is larger than may be read; nothing of it was.
    TooLarge {
        /// The size in bytes.
        size: u64,
    },
    /// Where a symbolic link points; it was not followed.
    Target(String),
    /// A submodule has nothing here.
    Nothing,
}

/// How much of a tree may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A larger file is marked [`Content::TooLarge`]; in bytes.
    pub file: u64,
    /// All that is read together, equal files once; in bytes. More is an error.
    pub total: u64,
    /// Entries and folders together. More is an error.
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file: 1024 * 1024, total: 256 * 1024 * 1024, entries: 100_000 }
    }
}

/// As long as Linux lets a path be.
const LONGEST_TARGET: u64 = 4096;

impl Mirror {
    /// Reads all files under a folder (`""` is the root) at a commit, sorted by path.
    ///
    /// A folder that does not exist there has no files. Blocks; it reads the disk only.
    pub fn tree(&self, commit: &CommitId, under: &str, limits: &Limits) -> Result<Vec<TreeFile>, GitError> {
        let oid = self.require(commit)?;
        let result = self.reading("reading the tree", |repo| {
            let root = repo.find_commit(oid)?.tree()?;
            let under = under.trim_matches('/');
            let Some(start) = folder(repo, root, under)? else {
                return Ok(Ok(Vec::new()));
            };
            let odb = repo.odb()?;
            Reader { repo, odb: &odb, limits, seen: HashMap::new(), total: 0, entries: 0 }.read(start, under)
        })?;
        result.map_err(|what| GitError::TooMuch { what: format!("commit {}: {what}", commit.short()) })
    }

    /// Tells whether a commit has a file or folder at a path (`""` is the root).
    pub fn has_path(&self, commit: &CommitId, path: &str) -> Result<bool, GitError> {
        let oid = self.require(commit)?;
        self.reading("looking for a path", |repo| {
            let root = repo.find_commit(oid)?.tree()?;
            let path = path.trim_matches('/');
            Ok(path.is_empty() || root.get_path(path.as_ref()).is_ok())
        })
    }
}

/// Finds the tree of a folder; `None` where there is none.
fn folder<'r>(repo: &'r Repository, root: Tree<'r>, path: &str) -> Result<Option<Tree<'r>>, git2::Error> {
    if path.is_empty() {
        return Ok(Some(root));
    }
    match root.get_path(path.as_ref()) {
        Ok(entry) if entry.kind() == Some(ObjectType::Tree) => repo.find_tree(entry.id()).map(Some),
        Ok(_) => Ok(None),
        Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

struct Reader<'r> {
    repo: &'r Repository,
    odb: &'r Odb<'r>,
    limits: &'r Limits,
    seen: HashMap<Oid, (u64, Content)>,
    total: u64,
    entries: usize,
}

/// The outer error is the repository's, the inner one says which limit was passed.
type Limited<T> = Result<Result<T, String>, git2::Error>;

impl<'r> Reader<'r> {
    /// Walks without recursion: a commit may nest folders as deep as it likes.
    fn read(mut self, start: Tree<'r>, under: &str) -> Limited<Vec<TreeFile>> {
        let mut files = Vec::new();
        let mut folders = vec![(start, under.to_owned())];
        while let Some((tree, prefix)) = folders.pop() {
            for entry in &tree {
                self.entries += 1;
                if self.entries > self.limits.entries {
                    return Ok(Err(format!("more than {} entries", self.limits.entries)));
                }
                let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
                let path = match prefix.is_empty() {
                    true => name,
                    false => format!("{prefix}/{name}"),
                };
                if entry.kind() == Some(ObjectType::Tree) {
                    folders.push((self.repo.find_tree(entry.id())?, path));
                    continue;
                }
                match self.file(path, entry.id(), entry.filemode_raw())? {
                    Ok(file) => files.push(file),
                    Err(limit) => return Ok(Err(limit)),
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Ok(files))
    }

    fn file(&mut self, path: String, oid: Oid, mode: i32) -> Limited<TreeFile> {
        let mode = match mode & 0o170_000 {
            0o160_000 => Mode::Submodule,
            0o120_000 => Mode::Symlink,
            _ if mode & 0o100 != 0 => Mode::Executable,
            _ => Mode::File,
        };
        let (size, content) = match mode {
            Mode::Submodule => (0, Content::Nothing),
            Mode::Symlink => self.target(oid)?,
            Mode::File | Mode::Executable => match self.bytes(oid)? {
                Ok(found) => found,
                Err(limit) => return Ok(Err(limit)),
            },
        };
        Ok(Ok(TreeFile { path, mode, id: oid.to_string(), size, content }))
    }

    fn target(&self, oid: Oid) -> Result<(u64, Content), git2::Error> {
        let size = self.odb.read_header(oid)?.0 as u64;
        if size > LONGEST_TARGET {
            return Ok((size, Content::TooLarge { size }));
        }
        let blob = self.odb.read(oid)?;
        let target = String::from_utf8_lossy(blob.data()).into_owned();
        Ok((size, Content::Target(target)))
    }

    fn bytes(&mut self, oid: Oid) -> Limited<(u64, Content)> {
        if let Some(known) = self.seen.get(&oid) {
            return Ok(Ok(known.clone()));
        }
        let size = self.odb.read_header(oid)?.0 as u64;
        let content = if size > self.limits.file {
            Content::TooLarge { size }
        } else {
            self.total += size;
            if self.total > self.limits.total {
                return Ok(Err(format!("files of more than {} bytes", self.limits.total)));
            }
            Content::Bytes(self.odb.read(oid)?.data().into())
        };
        self.seen.insert(oid, (size, content.clone()));
        Ok(Ok((size, content)))
    }
}

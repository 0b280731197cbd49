//! Where documents come from: a commit in the mirror, or a folder on disk. Owns the way from either to the repo room.

use crate::kinds;
use crate::ports::disk::{self, Entry};
use crate::ports::git::{CommitId, Content, GitError, Limits, Mirror, Mode};
use crate::repo::{self, Options, Read, Tree, TreeFile};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Reads the documents of one commit, without a work tree.
pub fn commit(mirror: &Mirror, commit: &CommitId, path: &str) -> Result<Read, GitError> {
    let mut files = BTreeMap::new();
    let mut contents: BTreeMap<String, Arc<[u8]>> = BTreeMap::new();
    for file in mirror.tree(commit, "", &Limits::default())? {
        let entry = match (file.mode, file.content) {
            (Mode::Submodule, _) => TreeFile::Submodule,
            (_, Content::Target(target)) => TreeFile::Symlink { target },
            (_, Content::Bytes(bytes)) => {
                contents.insert(file.path.clone(), bytes);
                TreeFile::File { size: file.size }
            }
            (_, Content::TooLarge { .. } | Content::Nothing) => TreeFile::File { size: file.size },
        };
        files.insert(file.path, entry);
    }
    let tree = Tree::new(files, move |path: &str| {
        contents.get(path).cloned().ok_or_else(|| "it is too large to be read".to_owned())
    });
    let options = Options { path: path.to_owned(), commit: Some(commit.as_str().to_owned()) };
    Ok(repo::read(&tree, &options, &kinds::pure()))
}

/// Reads the documents of a folder as it stands on disk.
pub fn folder(root: &Path, path: &str) -> std::io::Result<Read> {
    let files = disk::list(root)?.into_iter().map(|(path, entry)| {
        let file = match entry {
            Entry::File(size) => TreeFile::File { size },
            Entry::Link(target) => TreeFile::Symlink { target },
        };
        (path, file)
    });
    let root = root.to_path_buf();
    let tree = Tree::new(files.collect(), move |path: &str| {
        disk::read(&root, path).map(Into::into).map_err(|error| error.to_string())
    });
    Ok(repo::read(&tree, &Options { path: path.to_owned(), commit: None }, &kinds::pure()))
}

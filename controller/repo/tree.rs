//! The files of one commit or folder as a plain value. Owns path arithmetic and the following of links inside the
//! repo; must not touch a disk: the caller lists the entries and hands in the function that fetches a content.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What stands at one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeFile {
    /// A regular file and its size in bytes; its content is fetched when it is needed.
    File {
        /// The size in bytes.
        size: u64,
    },
    /// A symbolic link and its target, as stored.
    Symlink {
        /// The target, as stored.
        target: String,
    },
    /// Another repository at this path.
    Submodule,
}

/// Fetches the content of one regular file, by its path from the repo's root; an error is told in a sentence.
pub type Fetch<'a> = Box<dyn Fn(&str) -> Result<Arc<[u8]>, String> + 'a>;

/// All files of one commit or folder; contents are fetched one at a time, so that a large repo costs no memory.
pub struct Tree<'a> {
    files: BTreeMap<String, TreeFile>,
    fetch: Fetch<'a>,
}

impl<'a> Tree<'a> {
    /// Makes a tree from its entries (paths from the repo's root, with `/`) and the way to a content.
    pub fn new(files: BTreeMap<String, TreeFile>, fetch: impl Fn(&str) -> Result<Arc<[u8]>, String> + 'a) -> Self {
        Self { files, fetch: Box::new(fetch) }
    }

    /// Makes a tree from contents in memory.
    pub fn of<P: Into<String>, B: Into<Vec<u8>>>(contents: impl IntoIterator<Item = (P, B)>) -> Tree<'static> {
        let contents: BTreeMap<String, Arc<[u8]>> =
            contents.into_iter().map(|(path, bytes)| (path.into(), bytes.into().into())).collect();
        let files =
            contents.iter().map(|(path, bytes)| (path.clone(), TreeFile::File { size: bytes.len() as u64 })).collect();
        Tree::new(files, move |path: &str| contents.get(path).cloned().ok_or_else(|| "it is not there".to_owned()))
    }

    /// Adds or replaces one entry.
    pub fn insert(&mut self, path: impl Into<String>, file: TreeFile) {
        self.files.insert(path.into(), file);
    }

    /// Every path with what stands there, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &TreeFile)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// The content of a regular file.
    pub(super) fn fetch(&self, path: &str) -> Result<Arc<[u8]>, String> {
        (self.fetch)(path)
    }

    /// Finds the regular file behind a path, following links as far as they stay inside the repo.
    pub(super) fn find(&self, path: &str) -> Result<Found<'_>, NotFound> {
        let mut at = path.to_owned();
        let mut hops = 0;
        loop {
            if let Some((key, file)) = self.files.get_key_value(&at) {
                match file {
                    TreeFile::File { size } => return Ok(Found { path: key, size: *size }),
                    TreeFile::Submodule => return Err(NotFound::Submodule { path: at }),
                    TreeFile::Symlink { .. } => {}
                }
            }
            if let Some(module) = self.module_on_the_way(&at) {
                return Err(NotFound::Submodule { path: module });
            }
            // The path itself or a folder on the way to it may be a link.
            let Some((link, target, rest)) = self.link_on_the_way(&at) else {
                return Err(if self.is_folder(&at) { NotFound::Folder } else { NotFound::Missing });
            };
            hops += 1;
            if hops > 8 {
                return Err(NotFound::Loop { link: path.to_owned() });
            }
            let folder = link.rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default();
            match join(folder, target) {
                Some(to) if rest.is_empty() => at = to,
                Some(to) if to.is_empty() => at = rest.to_owned(),
                Some(to) => at = format!("{to}/{rest}"),
                None => return Err(NotFound::Leaves { link: link.to_owned(), target: target.to_owned() }),
            }
        }
    }

    fn link_on_the_way<'p>(&'p self, path: &'p str) -> Option<(&'p str, &'p str, &'p str)> {
        let cuts = path.match_indices('/').map(|(i, _)| i).chain([path.len()]);
        for cut in cuts {
            let (head, rest) = path.split_at_checked(cut)?;
            if let Some(TreeFile::Symlink { target }) = self.files.get(head) {
                return Some((head, target, rest.trim_start_matches('/')));
            }
        }
        None
    }

    fn module_on_the_way(&self, path: &str) -> Option<String> {
        let mut heads = path.match_indices('/').filter_map(|(cut, _)| path.get(..cut));
        heads.find(|head| matches!(self.files.get(*head), Some(TreeFile::Submodule))).map(str::to_owned)
    }

    fn is_folder(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        self.files.range(folder.clone()..).next().is_some_and(|(next, _)| next.starts_with(&folder))
    }
}

/// A regular file that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// Where it really stands.
    pub path: &'a str,
    /// Its size in bytes.
    pub size: u64,
}

/// Why there is no regular file behind a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotFound {
    Missing,
    Folder,
    Submodule { path: String },
    Leaves { link: String, target: String },
    Loop { link: String },
}

/// Joins a relative path to a folder and takes `.` and `..` out; none where it is absolute or leaves the root.
pub(super) fn join(folder: &str, relative: &str) -> Option<String> {
    if relative.starts_with('/') || relative.contains('\\') || relative.contains('\0') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

//! What git says at one commit. Immutable once made.

use super::{Digest, Erased, Mode, Need, Place, Policy, ResourceId, Settings};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All documents of one commit: parsed, checked, references typed, the files that documents name read in.
#[derive(Clone)]
pub struct Estate {
    /// The commit, in full hex; none for a working directory.
    pub commit: Option<String>,
    /// The Settings document.
    pub settings: Settings,
    /// Every document, by id.
    pub documents: BTreeMap<ResourceId, Document>,
    /// How many files were read.
    pub files: usize,
    /// The SOPS files under the watched path, as they are: by their paths from the repo's root.
    pub sealed: BTreeMap<String, Arc<[u8]>>,
    /// Why nothing is to be written to the world: the text of the file FREEZE in the watched path.
    pub freeze: Option<String>,
}

/// One document.
#[derive(Clone)]
pub struct Document {
    /// Its id.
    pub id: ResourceId,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.formerly`, as ids of the same kind.
    pub formerly: Vec<ResourceId>,
    /// Its policy, with the kind's defaults filled. The repo's mode is not mixed in.
    pub policy: Policy,
    /// `dependsOn` and every reference in `spec`, each once.
    pub needs: Vec<Need>,
    /// The kind's `Want`.
    pub want: Erased,
    /// Fingerprints of the want, by part.
    pub fingerprints: BTreeMap<String, Digest>,
    /// The files and folders of the repo that it names, by their paths from the root.
    pub files: Vec<String>,
    /// Where the document begins.
    pub place: Place,
    /// Where its fields stand: path in the document (`spec.size`, `spec.records[3]`), line, column; sorted by path.
    pub fields: Vec<(Box<str>, u32, u32)>,
}

impl Document {
    /// Where a field stands, or the nearest thing around it, or the document.
    pub fn place_of(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Ok(i) = self.fields.binary_search_by(|(p, ..)| (**p).cmp(path))
                && let Some((_, line, column)) = self.fields.get(i)
            {
                return Place { file: self.place.file.clone(), line: *line, column: *column };
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = path.get(..cut).unwrap_or_default(),
                None => return self.place.clone(),
            }
        }
    }
    /// What `dependsOn` names, beyond the references in `spec`.
    pub fn depends_on(&self) -> impl Iterator<Item = &ResourceId> {
        self.needs.iter().filter(|need| need.path.starts_with("dependsOn")).map(|need| &need.on)
    }
    /// The stricter of the repo's mode and the document's.
    pub fn mode(&self, settings: &Settings) -> Mode {
        settings.mode.with(self.policy.mode)
    }
}

/// What a document may look at while it is being read: the files that documents name.
pub struct EstateView<'a> {
    /// Contents by path from the repo's root; only files that some document names.
    pub files: &'a BTreeMap<String, Arc<[u8]>>,
}

impl EstateView<'_> {
    /// A named file's content as text; none where it is missing or not UTF-8 (the repo room reports that).
    pub fn text(&self, file: &str) -> Option<&str> {
        self.files.get(file).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }
    /// The files of a named folder (its path ends with `/`), by their paths from there, in order.
    pub fn folder<'f>(&'f self, folder: &'f str) -> impl Iterator<Item = (&'f str, &'f Arc<[u8]>)> {
        let below = self.files.range(folder.to_owned()..).take_while(move |(path, _)| path.starts_with(folder));
        below
            .filter_map(move |(path, bytes)| Some((path.strip_prefix(folder)?, bytes)))
            .filter(|(path, _)| !path.is_empty())
    }
}

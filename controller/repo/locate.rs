//! Where a path of a document stands, found by reading its file once more. Node trees are dropped after the first
//! pass; only a mistake that is found later brings one back, so that a sound estate costs no memory for places.

use super::documents::Draft;
use super::flaw::{Flaw, Mark, Source, line_starts, whole};
use super::tree::Tree;
use super::yaml::{self, Data, Doc};
use crate::model::{Complaint, Diagnostic, Severity};
use std::rc::Rc;
use std::sync::Arc;

/// Places of the documents of a tree; keeps the file that was read last.
pub(super) struct Locator<'a> {
    tree: &'a Tree<'a>,
    last: Option<Last>,
}

struct Last {
    file: String,
    bytes: Arc<[u8]>,
    lines: Rc<Vec<usize>>,
    docs: Vec<Doc>,
}

impl Last {
    fn read(tree: &Tree<'_>, file: &str) -> Option<Self> {
        let bytes = tree.fetch(file).ok()?;
        let text = text(&bytes);
        let (lines, docs) = (Rc::new(line_starts(text)), yaml::parse(text).docs);
        Some(Self { file: file.to_owned(), lines, docs, bytes })
    }
}

fn text(bytes: &[u8]) -> &str {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

impl<'a> Locator<'a> {
    pub fn new(tree: &'a Tree<'a>) -> Self {
        Self { tree, last: None }
    }

    /// A diagnostic about a path in a document.
    pub fn diagnostic(&mut self, draft: &Draft, complaint: Complaint) -> Diagnostic {
        self.at(&draft.place.file, draft.index, complaint)
    }

    /// The same by file and number of the document.
    pub fn at(&mut self, file: &str, index: usize, complaint: Complaint) -> Diagnostic {
        if self.last.as_ref().is_none_or(|last| last.file != file) {
            self.last = Last::read(self.tree, file);
        }
        let Complaint { path, message, label, hint } = complaint;
        let Some(last) = &self.last else { return whole(file, message, label, &hint) };
        let mark = last.docs.get(index).map(|doc| mark_of(doc, &path)).unwrap_or_default();
        let source = Source::with_lines(file, text(&last.bytes), last.lines.clone());
        source.diagnostic(Severity::Error, Flaw::at(mark, path, message, label).hint(hint))
    }
}

/// A scalar, or what is written on one line, is marked itself; a block is marked by its key.
fn mark_of(doc: &Doc, path: &str) -> Mark {
    let (node, key) = doc.root.find(path);
    match (&node.data, key) {
        (Data::Map(_) | Data::List(_) | Data::Null, Some(key))
            if node.at.width == u32::MAX || node.at.line != key.line =>
        {
            key
        }
        _ => node.at,
    }
}

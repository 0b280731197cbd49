//! What is wrong with one document, gathered, so that all of it is told at once.

use crate::model::{Complaint, ResourceId};

/// Gathers complaints about one document.
pub(super) struct Wrong<'a> {
    id: &'a ResourceId,
    pub(super) all: Vec<Complaint>,
}

impl<'a> Wrong<'a> {
    pub(super) fn new(id: &'a ResourceId) -> Self {
        Self { id, all: Vec::new() }
    }
    /// Says what is wrong at a path; the document's id comes first.
    pub(super) fn say(
        &mut self,
        path: impl Into<String>,
        what: impl std::fmt::Display,
        label: impl Into<String>,
        hint: &str,
    ) {
        self.all.push(Complaint::at(path, format!("{} {what}", self.id), label).hint(hint));
    }
}

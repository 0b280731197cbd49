//! What is wrong with a file, and where. Owns no drawing: that is `render`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A position in a file of the repo; line and column count from 1, in characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The path from the repo's root.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is planned from this commit.
    Error,
    /// It works, but should be looked at: a deprecated field.
    Warning,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// Where it begins; the file alone (line 0) where there is no line, such as for a file that is too large.
    pub place: Place,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, with names: `unknown field "ram" in Droplet.spec`.
    pub message: String,
    /// The path in the document, such as `spec.inbound[4].from[0].vpc`; empty for the document itself.
    pub path: String,
    /// The offending line as it stands in the file, a very long one cut around the mark; empty where there is none.
    pub source_line: String,
    /// How many characters to underline, at least 1.
    pub width: u32,
    /// What to say under the mark: what was expected, or a suggestion.
    pub label: String,
    /// What to do, on a line of its own; may be empty.
    pub hint: String,
}

/// Where the mark stands in a `source_line` that was cut in front of it (it then begins with `…`).
pub const CLIP: u32 = 61;

impl Diagnostic {
    /// The column of the mark within `source_line`, from 1: the place's column, but for a long line that was cut.
    pub fn mark(&self) -> u32 {
        if self.place.column > CLIP && self.source_line.starts_with('…') { CLIP } else { self.place.column.max(1) }
    }
}

/// What a kind finds wrong with a document, by its path; the repo room turns it into a `Diagnostic` with a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The path in the document, such as `spec.records[3].value`.
    pub path: String,
    /// What is wrong, with names.
    pub message: String,
    /// What to say under the mark.
    pub label: String,
    /// What to do, on a line of its own; may be empty.
    pub hint: String,
}

impl Complaint {
    /// Makes a complaint about one path.
    pub fn at(path: impl Into<String>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), label: label.into(), hint: String::new() }
    }
    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

//! Data for `-o json` and files: what serde writes, with nothing in it that would steer the terminal it is read on.

use super::safe;
use crate::model::{Diagnostic, Severity};
use serde::Serialize;
use std::fmt::Write as _;

/// Writes a value over several lines, with a line end. Control and hidden characters, which JSON lets stand in texts,
/// are written by their number; the data stay the same.
pub fn json<T: Serialize + ?Sized>(value: &T) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|e| format!("{{\"error\": {:?}}}", e.to_string()));
    let mut out = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if c != '\n' && (c.is_control() || safe::hides(c)) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    out
}

/// What `-o json` gives for files: every diagnostic and the sum.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked<'a> {
    schema: &'static str,
    files: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<usize>,
    errors: usize,
    warnings: usize,
    diagnostics: &'a [Diagnostic],
}

impl<'a> Checked<'a> {
    /// Sums up what was found in so many files.
    pub fn new(diagnostics: &'a [Diagnostic], files: usize) -> Self {
        let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        let warnings = diagnostics.len() - errors;
        Self { schema: "driftless.diagnostics/v1", files, documents: None, errors, warnings, diagnostics }
    }

    /// Adds how many documents the files hold, where that is known: where none of them is wrong.
    pub fn with_documents(self, documents: Option<usize>) -> Self {
        Self { documents, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_written_by_number_and_read_back_as_they_were() {
        let text = "a\u{9b}31m\u{202e}b\n\u{e0001}é→";
        let written = json(&serde_json::json!({ "name": text }));
        assert!(!written.chars().any(|c| c != '\n' && (c.is_control() || safe::hides(c))), "{written:?}");
        let back: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(back["name"], text);
    }
}

//! A flaw of one file, by line and column, and how it becomes a diagnostic with the line it stands on.
//! Owns the cutting of long lines and the cap on how many are shown; draws nothing.

use crate::model::diagnostic::CLIP;
use crate::model::{Diagnostic, Place, Severity};
use std::cell::OnceCell;
use std::rc::Rc;

/// A stretch of one line; line and column count from 1, in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub line: u32,
    pub column: u32,
    /// How many characters; more than the line has means up to its end.
    pub width: u32,
}

/// Something wrong in one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Flaw {
    pub at: Mark,
    pub path: String,
    pub message: String,
    pub label: String,
    pub hint: String,
}

impl Flaw {
    pub fn at(at: Mark, path: impl Into<String>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { at, path: path.into(), message: message.into(), label: label.into(), hint: String::new() }
    }
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// The text of one file, for showing lines of it.
pub(super) struct Source<'a> {
    file: &'a str,
    text: &'a str,
    lines: OnceCell<Rc<Vec<usize>>>,
}

impl<'a> Source<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, lines: OnceCell::new() }
    }

    /// The same with lines that were found before.
    pub fn with_lines(file: &'a str, text: &'a str, lines: Rc<Vec<usize>>) -> Self {
        Self { file, text, lines: OnceCell::from(lines) }
    }

    fn line(&self, number: u32) -> &'a str {
        let starts = self.lines.get_or_init(|| Rc::new(line_starts(self.text)));
        let at = usize::try_from(number).unwrap_or_default();
        let (Some(from), to) = (at.checked_sub(1).and_then(|i| starts.get(i)), starts.get(at)) else { return "" };
        let to = to.copied().unwrap_or(self.text.len());
        self.text.get(*from..to).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }

    /// Makes a diagnostic of a flaw.
    pub fn diagnostic(&self, severity: Severity, flaw: Flaw) -> Diagnostic {
        let (source_line, width) = clip(self.line(flaw.at.line), flaw.at.column, flaw.at.width);
        Diagnostic {
            place: Place { file: self.file.to_owned(), line: flaw.at.line, column: flaw.at.column },
            severity,
            message: flaw.message,
            path: flaw.path,
            source_line,
            width,
            label: flaw.label,
            hint: flaw.hint,
        }
    }
}

/// A diagnostic about a file as a whole.
pub(super) fn whole(file: &str, message: impl Into<String>, label: impl Into<String>, hint: &str) -> Diagnostic {
    Diagnostic {
        place: Place { file: file.to_owned(), line: 0, column: 0 },
        severity: Severity::Error,
        message: message.into(),
        path: String::new(),
        source_line: String::new(),
        width: 1,
        label: label.into(),
        hint: hint.to_owned(),
    }
}

/// Where each line begins, in bytes.
pub(super) fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ends = bytes.iter().enumerate().filter(|(i, b)| match b {
        b'\n' => true,
        b'\r' => bytes.get(i + 1) != Some(&b'\n'),
        _ => false,
    });
    std::iter::once(0).chain(ends.map(|(i, _)| i + 1)).collect()
}

/// Cuts a long line around the mark; see `Diagnostic::mark`.
fn clip(line: &str, column: u32, width: u32) -> (String, u32) {
    const LONGEST: usize = 240;
    let column_index = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    let width = usize::try_from(width).unwrap_or(usize::MAX);
    let long = line.len() > LONGEST && line.chars().nth(LONGEST).is_some();
    if !long {
        let left = line.chars().count().saturating_sub(column_index);
        return (line.to_owned(), u32::try_from(width.min(left).max(1)).unwrap_or(1));
    }
    let from = if column > CLIP { column_index - (CLIP as usize - 1) } else { 0 };
    let mut shown: String = line.chars().skip(from).take(LONGEST).collect();
    let more = line.chars().nth(from + LONGEST).is_some();
    if from > 0 {
        shown = format!("…{}", shown.chars().skip(1).collect::<String>());
    }
    let left = shown.chars().count().saturating_sub(column_index - from);
    if more {
        shown.push('…');
    }
    (shown, u32::try_from(width.min(left).max(1)).unwrap_or(1))
}

/// Diagnostics as they are found.
#[derive(Default)]
pub(super) struct Sink {
    found: Vec<Diagnostic>,
    dropped: usize,
    errors: usize,
}

impl Sink {
    /// So many are shown; the rest is counted.
    const SHOWN: usize = 200;
    /// So many are kept before sorting.
    const KEPT: usize = 5_000;

    pub fn push(&mut self, diagnostic: Diagnostic) {
        if diagnostic.severity == Severity::Error {
            self.errors += 1;
        }
        if self.found.len() < Self::KEPT {
            self.found.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }
    pub fn errors(&self) -> usize {
        self.errors
    }
    /// All of them by place, each once; beyond the cap one line says how many more there are.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort();
        self.found.dedup();
        let more = self.found.len().saturating_sub(Self::SHOWN) + self.dropped;
        if more > 0 {
            self.found.truncate(Self::SHOWN);
            let file = self.found.last().map(|d| d.place.file.clone()).unwrap_or_default();
            let severity = if self.errors > 0 { Severity::Error } else { Severity::Warning };
            let mut last = whole(&file, format!("{more} more are not shown"), "", "mend these first and run it again");
            last.severity = severity;
            self.found.push(last);
        }
        self.found
    }
}

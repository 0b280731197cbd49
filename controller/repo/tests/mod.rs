//! Tests of the repo room: what is said about every kind of mistake, and what is survived.

mod files;
mod kinds;
mod messages;
mod robust;
mod schemas;
mod sound;

use super::*;
use crate::model::{Diagnostic, Severity};
use crate::repo::{explain, failed};
use std::fmt::Write as _;

const SETTINGS: &str = "apiVersion: driftless/v1
kind: Settings
metadata: {name: settings}
spec: {estate: test, id: 9f2c6a1e-0c4b-4d3f-8a51-2b7e6d9c1f00}
";

/// Reads some files, with sound Settings beside them.
fn read_files(files: &[(&str, &str)]) -> Read {
    let files = files.iter().copied().chain([("settings.yaml", SETTINGS)]);
    read(&Tree::of(files), &Options::default(), &kinds::both())
}

/// Reads one file.
fn told(text: &str) -> String {
    say(&read_files(&[("a.yaml", text)]).diagnostics)
}

/// Draws diagnostics plainly.
fn say(diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for d in diagnostics {
        let severity = if d.severity == Severity::Error { "error" } else { "warning" };
        let _ = writeln!(out, "{severity}: {}", d.message);
        let _ = writeln!(out, "  at {} {}", d.place, d.path);
        if d.source_line.is_empty() {
            let _ = writeln!(out, "  {}", d.label);
        } else {
            let _ = writeln!(out, "  |{}", d.source_line);
            let space = " ".repeat(d.mark() as usize - 1);
            let _ = writeln!(out, "  |{space}{} {}", "^".repeat(d.width as usize), d.label);
        }
        if !d.hint.is_empty() {
            let _ = writeln!(out, "  = {}", d.hint);
        }
    }
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

//! `driftless validate`: all that is wrong with the documents of a folder. Needs no network, no token and no journal.

use super::screen::Screen;
use super::{Exit, Global, Output, connect};
use crate::engine::source;
use crate::model::{Diagnostic, Severity};
use crate::render::{self, Checked};
use crate::repo::{self, Read};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

/// Checks the files of an infra repo
///
/// Reads every document of a folder and tells all that is wrong with them, each with its place and what was expected.
/// Needs no network and no token.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  driftless validate\n  driftless validate infra/ -o json\n\nExit codes: 0 all valid, 1 at least one error"
)]
pub struct Arguments {
    /// The infra repo (default: this folder)
    #[arg(value_name = "DIR", default_value = ".", hide_default_value = true)]
    dir: PathBuf,
}

/// Runs the command.
pub fn run(arguments: &Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let config = connect::settings(global, screen)?;
    let read = read(&arguments.dir, &config.path)?;
    // Settings are a document too.
    let documents = read.estate.as_ref().map(|estate| estate.documents.len() + 1);
    match screen.output {
        Output::Json => {
            let checked = Checked::new(&read.diagnostics, read.files).with_documents(documents);
            screen.print(&render::json(&checked));
        }
        _ => screen.print(&text(&read, documents, screen)),
    }
    Ok(if repo::failed(&read.diagnostics) { Exit::Error } else { Exit::Well })
}

fn read(dir: &Path, path: &str) -> anyhow::Result<Read> {
    if dir.is_file() {
        bail!(
            "{} is a file\n  Name the folder of the infra repo: what documents say of each other is checked as well.",
            dir.display()
        );
    }
    source::folder(dir, path).with_context(|| format!("{} could not be read", dir.display()))
}

fn text(read: &Read, documents: Option<usize>, screen: &Screen) -> String {
    let mut text: String = read.diagnostics.iter().map(|one| render::diagnostic(one, &screen.out) + "\n").collect();
    let sum = match documents {
        Some(documents) => {
            let verb = if documents == 1 { "is" } else { "are" };
            let warned = match read.diagnostics.len() {
                0 => String::new(),
                some => format!(", with {}", count(some, "warning")),
            };
            format!("{} in {} {verb} valid{warned}", count(documents, "document"), count(read.files, "file"))
        }
        None => format!("{} in {}", found(&read.diagnostics), count(read.files, "file")),
    };
    text.push_str(&sum);
    text
}

fn found(all: &[Diagnostic]) -> String {
    let errors = all.iter().filter(|one| one.severity == Severity::Error).count();
    match all.len() - errors {
        0 => count(errors, "error"),
        warnings => format!("{} and {}", count(errors, "error"), count(warnings, "warning")),
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

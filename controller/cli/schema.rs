//! `driftless schema`: JSON Schemas of documents and of `status.json`, for editors and for other programs.

use super::Exit;
use super::screen::Screen;
use crate::kinds;
use crate::render::{self, report};
use crate::repo;
use anyhow::Context;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Prints the JSON Schema of a kind, or of all
///
/// For editors that check and complete YAML, and for other programs. Without KIND: one schema that fits every document.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  driftless schema Droplet\n  driftless schema > .driftless/driftless.schema.json\n  driftless schema --write schemas/"
)]
pub struct Arguments {
    /// A kind, such as Droplet; or status, for status.json on the report branch
    #[arg(value_name = "KIND", conflicts_with = "write")]
    kind: Option<String>,
    /// Writes a file for each schema into this folder instead
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments, screen: &Screen) -> anyhow::Result<Exit> {
    let all = all();
    if let Some(folder) = &arguments.write {
        write(folder, &all)?;
        screen.note(&format!("Wrote {} schemas to {}.", all.len(), folder.display()));
        return Ok(Exit::Well);
    }
    let typed = arguments.kind.as_deref().unwrap_or("driftless");
    let found = all.iter().find(|(file, _)| file.eq_ignore_ascii_case(&repo::file_name(typed)));
    match found {
        Some((_, schema)) => screen.print(&render::json(schema)),
        None => {
            repo::explain(&kinds::pure(), typed.split('.').next().unwrap_or(typed))?;
            anyhow::bail!("there is a schema for a whole kind only\n  For one field: driftless explain {typed}");
        }
    }
    Ok(Exit::Well)
}

/// Every schema by its file name.
fn all() -> BTreeMap<String, Value> {
    let mut all = repo::schemas(&kinds::pure());
    all.insert(repo::file_name("status"), report::status_schema());
    all
}

fn write(folder: &Path, all: &BTreeMap<String, Value>) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))?;
    for (name, schema) in all {
        let file = folder.join(name);
        std::fs::write(&file, render::json(schema))
            .with_context(|| format!("{} could not be written", file.display()))?;
    }
    Ok(())
}

//! `driftless import DIR --host HOST`: documents for what stands on a host that a repo declares. Reads the host, and writes
//! new files only; the account's part of `import` is beside it.

use super::import::{Told, counted, explained, nothing_stands_there, patiently, write};
use super::screen::Screen;
use super::{Exit, Global, Output, connect};
use crate::engine::import::{self, Files};
use crate::kinds::{self, Turn};
use crate::ports::disk::{self, Entry};
use anyhow::{Context, bail};
use serde_json::json;
use std::path::Path;

/// Files of a repo that are larger are no documents, and nothing that documents name.
const LARGEST: u64 = 8 << 20;

/// Runs this part of the command.
pub(super) async fn run(dir: &Path, hosts: &[String], global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let config = connect::settings(global, screen)?;
    let shown = dir.display().to_string();
    let dir = std::path::absolute(dir)?;
    let beside = repo(&dir, &shown)?;
    let memory = connect::journal_if_any(&config).await?.memory();
    let ports = connect::ports(&config)?;
    let importing = import::of_hosts(&ports, hosts, &beside, &memory);
    let imported = patiently(importing, screen).await.map_err(|error| explained(error, &[], &shown, screen))?;
    nothing_stands_there(&dir, &shown, &imported.files)?;
    write(&dir, &imported.files)?;
    let on_hosts: Vec<_> = kinds::ALL.iter().copied().filter(|kind| kind.turn() == Turn::OnHosts).collect();
    let names: Vec<String> = hosts.iter().map(|host| format!("Host/{host}")).collect();
    let told = Told {
        kinds: &on_hosts,
        imported: &imported,
        files: &imported.files,
        head: format!(
            "Wrote {} to {shown} for what stands on {} and was in no document.",
            counted(imported.files.len(), "file"),
            names.join(" and ")
        ),
        nothing: "nothing: all that stands there has a document, or can have none",
        next: "\nThe plan has nothing to do for them. Commit them, and they follow git.\n".to_owned(),
        about: json!({"hosts": hosts}),
    };
    match screen.output {
        Output::Json => screen.json(&told.json()),
        Output::Text | Output::Markdown => screen.print(&told.text(&screen.out)),
    }
    Ok(if told.left_out().is_empty() { Exit::Well } else { Exit::Part })
}

/// The whole repo: documents, and what they name.
fn repo(dir: &Path, shown: &str) -> anyhow::Result<Files> {
    let listed = disk::list(dir).with_context(|| format!("{shown} could not be looked into"))?;
    let mut files = Files::new();
    for (path, entry) in listed {
        if matches!(entry, Entry::File(size) if size <= LARGEST) {
            let bytes = disk::read(dir, &path).with_context(|| format!("{path} could not be read"))?;
            files.insert(path, bytes);
        }
    }
    if files.is_empty() {
        bail!("{shown} is empty\n  Name the folder of the repo that declares the host.");
    }
    Ok(files)
}

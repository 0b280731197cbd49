//! `driftless import DIR --host HOST`: documents for what stands on a host that a repo declares. Reads the host, and writes
//! new files only, secrets into the folder of secrets; the account's part of `import` is beside it.

use super::import::{Told, counted, explained, nothing_stands_there, patiently, write};
use super::screen::Screen;
use super::{Exit, Global, Output, connect};
use crate::engine::import::{self, Files, Imported};
use crate::kinds::{AnyOperate, Turn};
use crate::model::Hidden;
use crate::ports::disk::{self, Entry};
use crate::render::{Paint, paragraph};
use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Files of a repo that are larger are no documents, and nothing that documents name.
const LARGEST: u64 = 8 << 20;

/// Runs this part of the command.
pub(super) async fn run(
    dir: &Path,
    hosts: &[String],
    kinds: &[&'static dyn AnyOperate],
    global: &Global,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let on_hosts: Vec<_> = kinds.iter().copied().filter(|kind| kind.turn() == Turn::OnHosts).collect();
    if on_hosts.is_empty() {
        bail!("--only names nothing that stands on a host\n  With --host, there are: sites, stacks");
    }
    let config = connect::settings(global, screen)?;
    let shown = dir.display().to_string();
    let dir = std::path::absolute(dir)?;
    let beside = repo(&dir, &shown)?;
    let memory = connect::journal_if_any(&config).await?.memory();
    let ports = connect::ports(&config)?;
    let importing = import::of_hosts(&ports, hosts, &on_hosts, &beside, &memory);
    let imported = patiently(importing, screen).await.map_err(|error| explained(error, &on_hosts, &shown, screen))?;
    let former = only_comments(&dir, &imported.files);
    let new = imported.files.iter().filter(|(path, _)| !former.contains(path));
    nothing_stands_there(&dir, &shown, &new.map(|(path, bytes)| (path.clone(), bytes.clone())).collect())?;
    for path in &former {
        std::fs::remove_file(dir.join(path)).with_context(|| format!("{path} could not be written anew"))?;
    }
    // Without its secrets no document is any good.
    keep(&config.secrets_dir, &imported.secrets)?;
    write(&dir, &imported.files)?;
    let names: Vec<String> = hosts.iter().map(|host| format!("Host/{host}")).collect();
    let told = Told {
        kinds: &on_hosts,
        imported: &imported,
        files: &imported.files,
        head: match imported.files.len() {
            0 => format!("Nothing is new on {}, so nothing was written.", names.join(" and ")),
            count => format!(
                "Wrote {} to {shown} for what stands on {} and was in no document.",
                counted(count, "file"),
                names.join(" and ")
            ),
        },
        nothing: "all that stands there has a document, or can have none",
        next: next(&imported, &config.secrets_dir, &screen.out),
        about: json!({"hosts": hosts, "secrets": imported.secrets.keys().collect::<Vec<_>>(), "secretsDir": config.secrets_dir}),
    };
    match screen.output {
        Output::Json => screen.json(&told.json()),
        Output::Text | Output::Markdown => screen.print(&told.text(&screen.out)),
    }
    Ok(if told.left_out().is_empty() { Exit::Well } else { Exit::Part })
}

/// Writes secrets into the folder of secrets, a file each, that nobody else can read. What is there already stays.
fn keep(folder: &Path, secrets: &BTreeMap<String, Hidden>) -> anyhow::Result<()> {
    if secrets.is_empty() {
        return Ok(());
    }
    let at =
        |path: &Path| format!("{} could not be written, so no document was: name another secrets_dir", path.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(|| at(folder))?;
    for (name, secret) in secrets {
        let path = folder.join(name);
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).with_context(|| at(&path))?;
        file.write_all(secret.0.expose_secret().as_bytes())
            .and_then(|()| file.sync_all())
            .with_context(|| at(&path))?;
    }
    Ok(())
}

/// What is said of secrets, and of what comes next.
fn next(imported: &Imported, folder: &Path, paint: &Paint) -> String {
    let mut text = String::new();
    if !imported.secrets.is_empty() {
        let (count, folder) = (counted(imported.secrets.len(), "secret"), folder.display());
        text.push_str(&format!("\n{count} went into {folder}, and into no file here:\n"));
        let names: Vec<&str> = imported.secrets.keys().map(String::as_str).collect();
        text.push_str(&paragraph(2, &names.join(", "), paint));
        text.push_str(&paragraph(
            0,
            "A controller on another machine needs them in its secrets_dir, or sealed in secrets/*.sops.yaml.",
            paint,
        ));
    }
    if imported.drafted.iter().all(|one| one.left_out.is_some()) {
        return text;
    }
    let stacks = imported.drafted.iter().any(|one| one.left_out.is_none() && !one.draft.files.is_empty());
    let sentence = if stacks {
        "The plan takes each stack over as it is: it writes a receipt beside it, and no container is touched. Read what is \
         new, commit it, and it follows git."
    } else {
        "The plan has nothing to do for them. Commit them, and they follow git."
    };
    text.push('\n');
    text + &paragraph(0, sentence, paint)
}

/// What an import before has left out and said so, and nothing else stands in the file: it is written anew.
fn only_comments(dir: &Path, files: &Files) -> Vec<String> {
    let is = |path: &&String| {
        let text = std::fs::read_to_string(dir.join(path)).unwrap_or_default();
        let mut lines = text.lines();
        lines.next().is_some_and(|line| line.starts_with("# ") && line.contains(" is left out: "))
            && lines.all(|line| line.trim().is_empty() || line.starts_with('#'))
    };
    files.keys().filter(is).cloned().collect()
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

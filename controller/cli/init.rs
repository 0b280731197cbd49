//! `driftless init`: writes a new infra repo. Writes into an empty folder only, and only what the controller would accept.

use super::screen::Screen;
use super::template::{self, Own};
use super::{Exit, Output};
use crate::ports::git;
use crate::render;
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Writes a new infra repo
///
/// A droplet or two, a firewall, a zone: examples to edit, each with comments. It begins with mode: observe, in which
/// driftless reports and changes nothing.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  driftless init infra\n  driftless init infra --estate staging --ssh-key ~/.ssh/id_ed25519.pub"
)]
pub struct Arguments {
    /// The folder, made where it is missing
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// What the estate is called in reports (default: the folder's name)
    #[arg(long, value_name = "NAME")]
    estate: Option<String>,
    /// The public key that opens new droplets, such as ~/.ssh/id_ed25519.pub (default: an example, to be replaced)
    #[arg(long, value_name = "FILE")]
    ssh_key: Option<PathBuf>,
    /// Only writes the files
    #[arg(long)]
    no_git: bool,
}

/// Runs the command.
pub async fn run(arguments: Arguments, screen: &Screen) -> anyhow::Result<Exit> {
    let dir = std::path::absolute(&arguments.dir)?;
    let shown = arguments.dir.display().to_string();
    empty(&dir, &shown)?;
    let public_key = arguments.ssh_key.as_deref().map(template::public_key).transpose()?;
    let estate = arguments.estate.clone().or_else(|| name_of(&dir)).unwrap_or_else(|| "production".to_owned());
    if estate.trim().is_empty() {
        bail!("the estate has no name\n  Name it: --estate production");
    }
    let id = Uuid::new_v4();
    let files = template::files(&Own { estate: &estate, id, public_key: public_key.as_deref() });
    let read = template::check(&files);
    if read.estate.is_none() {
        screen.note(&render::diagnostics(&read.diagnostics, read.files, &screen.err));
        bail!("nothing was written: the files would not be valid with these arguments");
    }
    let around = repository_around(&dir);
    let committed = match &around {
        None if !arguments.no_git => {
            let message = format!("Begin with the estate {estate}");
            Some(git::init_repo(&dir, &files, &message, "main", None).await?)
        }
        _ => {
            write(&dir, &files)?;
            None
        }
    };
    if screen.output == Output::Json {
        let written: Vec<&String> = files.keys().collect();
        screen.print(&render::json(&serde_json::json!({
            "schema": "driftless.init/v1",
            "dir": dir.display().to_string(),
            "estate": estate,
            "id": id,
            "files": written,
            "commit": committed.as_ref().map(git::CommitId::as_str),
        })));
        return Ok(Exit::Well);
    }
    let git = match (&committed, &around) {
        (Some(commit), _) => format!(", committed to main as {}", commit.short()),
        (None, Some(repository)) => format!("; commit them: they lie in the repository {}", repository.display()),
        (None, None) => String::new(),
    };
    screen.print(&format!(
        "Wrote {} files to {shown} for the estate {estate}{git}.\n\n{}",
        files.len(),
        next(&shown, public_key.is_some())
    ));
    Ok(Exit::Well)
}

/// Refuses a folder with anything in it but a repository without files.
fn empty(dir: &Path, shown: &str) -> anyhow::Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("{shown} could not be looked into")),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.with_context(|| format!("{shown} could not be looked into"))?.file_name();
        if name != ".git" {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    let more = if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
    names.truncate(3);
    if names.is_empty() {
        return Ok(());
    }
    bail!(
        "{shown} is not empty: it holds {}{more}\n  Nothing was written. Name a new folder; to check the one that is there: driftless validate {shown}",
        names.join(", ")
    )
}

/// The folder's own name.
fn name_of(dir: &Path) -> Option<String> {
    dir.components().next_back().and_then(|last| match last {
        std::path::Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    })
}

/// The nearest folder, this one or above it, that is a git repository.
fn repository_around(dir: &Path) -> Option<PathBuf> {
    dir.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_path_buf)
}

fn write(dir: &Path, files: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
    for (path, bytes) in files {
        let file = dir.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))?;
        }
        std::fs::write(&file, bytes).with_context(|| format!("{} could not be written", file.display()))?;
    }
    Ok(())
}

fn next(dir: &str, own_key: bool) -> String {
    let dir = quoted(dir);
    let key =
        if own_key { "" } else { "First put your own public key into network/ssh-keys.yaml: it holds an example.\n\n" };
    format!(
        "{key}  cd {dir}
  driftless validate         after every edit; no network, no token
  driftless plan             what would change; the token need only read
  driftless run --repo URL   the controller; it changes nothing before
                             settings.yaml says mode: enforce

The token is read from DIGITALOCEAN_ACCESS_TOKEN. To play without an account:
driftless sandbox"
    )
}

/// A path as a shell takes it.
pub fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~' | '+' | ',' | '@');
    if !path.is_empty() && path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

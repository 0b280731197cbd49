//! `driftless import`: documents for what an account holds already. Reads the account, and writes new files only.

use super::init::quoted;
use super::screen::Screen;
use super::template::{self, Own};
use super::{Exit, Global, Output, connect, import_hosts};
use crate::engine::import::{self, Files, ImportError, Imported};
use crate::insight::Drafted;
use crate::kinds::{self, AnyOperate};
use crate::ports::disk::{self, Entry};
use crate::render::{self, Paint, paragraph, safe};
use anyhow::{Context, anyhow, bail};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

/// Writes documents for what exists already
///
/// Looks at the whole account (a token with read access is enough) and writes an infra repo that says the same: after
/// it, `driftless plan` has nothing to do. Settings say mode: observe, so that a controller only looks. What documents
/// cannot say is left out and told, here and as comments in the files. No file that exists is touched.
///
/// With --host, it looks at hosts that the folder's documents declare instead, and writes documents for what stands on
/// them and in no document yet: the sites that nginx serves, and the stacks that docker compose runs, with the files of
/// their folders. What looks like a secret there goes into the folder of secrets (secrets_dir) and into no file of the repo.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  driftless import infra/\n  driftless import infra/ --only droplets,domains\n  driftless import more/ --estate-id 9f2c6a1e-0b7d-4c1e-9a55-3f1f1e0c2b7a   for an estate that has a repo already\n  driftless import infra/ --host erp   what stands on Host/erp, beside its documents\n\nExit codes: 0 done, 3 done and something is left out, 1 error, nothing was written"
)]
pub struct Arguments {
    /// The folder to write to (default: this folder)
    #[arg(default_value = ".", hide_default_value = true)]
    dir: PathBuf,
    /// What stands on this host of the folder's documents; may be given several times
    #[arg(long = "host", value_name = "HOST", conflicts_with_all = ["estate", "estate_id"])]
    hosts: Vec<String>,
    /// Only these kinds, such as droplets,domains; with --host sites or stacks (default: all)
    #[arg(long, value_delimiter = ',', value_name = "KINDS")]
    only: Vec<String>,
    /// The estate's name (default: the folder's)
    #[arg(long, value_name = "NAME")]
    estate: Option<String>,
    /// The estate's id, where there is one already: spec.id of its Settings (default: a new one)
    ///
    /// Markers on what a controller of that estate made are known by it.
    #[arg(long, value_name = "UUID")]
    estate_id: Option<Uuid>,
}

/// Files of the template that every repo has, whatever it declares.
const COMMON: [&str; 4] = ["settings.yaml", ".driftlessignore", ".vscode/settings.json", template::EDITOR_SCHEMA];

/// The file without which the others are no repo: it is written last, so that a half of an import never looks whole.
const LAST: &str = "settings.yaml";

/// Runs the command.
pub async fn run(arguments: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let kinds = chosen(&arguments.only)?;
    if !arguments.hosts.is_empty() {
        return import_hosts::run(&arguments.dir, &arguments.hosts, &kinds, global, screen).await;
    }
    let config = connect::settings(global, screen)?;
    let dir = std::path::absolute(&arguments.dir)?;
    let shown = arguments.dir.display().to_string();
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned());
    let estate = arguments.estate.clone().or(name).unwrap_or_else(|| "production".to_owned());
    if estate.trim().is_empty() {
        bail!("the estate has no name\n  Name it: --estate production");
    }
    let id = arguments.estate_id.unwrap_or_else(Uuid::new_v4);
    let mut common = template::files(&Own { estate: &estate, id, public_key: None });
    common.retain(|path, _| COMMON.contains(&path.as_str()));
    written_by_import(&mut common);
    let there = there(&dir, &shown)?;
    nothing_stands_there(&dir, &shown, &common)?;

    let ports = connect::ports(&config)?;
    connect::reach(&config, &ports).await?;
    let mut beside = there;
    beside.extend(common.clone());
    let importing = import::import(&ports, &kinds, &beside);
    let imported = patiently(importing, screen).await.map_err(|error| explained(error, &kinds, &shown, screen))?;

    let mut files = common;
    files.extend(imported.files.clone());
    nothing_stands_there(&dir, &shown, &files)?;
    write(&dir, &files)?;
    let wrote = counted(files.len(), "file");
    let told = Told {
        kinds: &kinds,
        imported: &imported,
        files: &files,
        head: format!("Wrote {wrote} to {shown} for the estate {estate}, mode: observe."),
        nothing: "nothing: the account is empty",
        next: next(&shown),
        about: json!({"estate": estate, "estateId": id}),
    };
    match screen.output {
        Output::Json => screen.json(&told.json()),
        Output::Text | Output::Markdown => screen.print(&told.text(&screen.out)),
    }
    Ok(if told.left_out().is_empty() { Exit::Well } else { Exit::Part })
}

/// The comments of the template speak of `init`.
fn written_by_import(files: &mut Files) {
    if let Some(text) = files.get_mut(LAST) {
        *text = String::from_utf8_lossy(text).replace("`driftless init`", "`driftless import`").into_bytes();
    }
}

/// The kinds that were asked for: by name or in the plural, however it is spelled.
fn chosen(only: &[String]) -> anyhow::Result<Vec<&'static dyn AnyOperate>> {
    let plain = |word: &str| {
        let word: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
        word.to_ascii_lowercase().trim_end_matches('s').to_owned()
    };
    if only.is_empty() {
        return Ok(kinds::ALL.to_vec());
    }
    for word in only {
        if !kinds::ALL.iter().any(|kind| [kind.name(), kind.many()].map(plain).contains(&plain(word))) {
            let known: Vec<&str> = kinds::ALL.iter().map(|kind| kind.name()).collect();
            bail!("--only {word:?} is no kind\n  Kinds are: {}", known.join(", "));
        }
    }
    let asked =
        |kind: &&dyn AnyOperate| only.iter().any(|word| [kind.name(), kind.many()].map(plain).contains(&plain(word)));
    Ok(kinds::ALL.iter().copied().filter(asked).collect())
}

/// Says that it is at work, where it takes longer than a second and somebody watches.
pub(super) async fn patiently<T>(work: impl Future<Output = T>, screen: &Screen) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = tokio::time::sleep(Duration::from_secs(1)) => {}
    }
    if std::io::stderr().is_terminal() {
        screen.note("Looking at the account …");
    }
    work.await
}

/// The documents that the folder has already: what is written has to go together with them.
fn there(dir: &Path, shown: &str) -> anyhow::Result<Files> {
    let listed = match disk::list(dir) {
        Ok(listed) => listed,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Files::new()),
        Err(error) => return Err(error).with_context(|| format!("{shown} could not be looked into")),
    };
    let ours = |path: &str| path.ends_with(".yaml") || path.ends_with(".yml") || path.ends_with(".driftlessignore");
    let mut files = Files::new();
    for path in listed.into_iter().filter(|(_, entry)| matches!(entry, Entry::File(_))).map(|(path, _)| path) {
        if ours(&path) {
            let bytes = disk::read(dir, &path).with_context(|| format!("{path} could not be read"))?;
            files.insert(path, bytes);
        }
    }
    Ok(files)
}

/// Refuses where a file would be written over.
pub(super) fn nothing_stands_there(dir: &Path, shown: &str, files: &Files) -> anyhow::Result<()> {
    let mut there: Vec<&str> =
        files.keys().filter(|path| dir.join(path).symlink_metadata().is_ok()).map(String::as_str).collect();
    if there.is_empty() {
        return Ok(());
    }
    // What people have written comes before what hides.
    there.sort_by_key(|path| path.starts_with('.'));
    let some = there.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    let more = if there.len() > 3 { format!(" and {} more", there.len() - 3) } else { String::new() };
    bail!(
        "{shown} is not empty: it holds {some}{more}, and an import writes over nothing\n  Nothing was written. Name a new folder, and move from there what you want."
    )
}

/// What kept it from being whole, and what to do.
pub(super) fn explained(error: ImportError, kinds: &[&dyn AnyOperate], shown: &str, screen: &Screen) -> anyhow::Error {
    match &error {
        ImportError::Unread(unread) => {
            let lines: Vec<String> =
                unread.iter().map(|(scope, why)| format!("  {scope}: {}", safe::line(why))).collect();
            let rest: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            let rest: Vec<&str> =
                rest.into_iter().filter(|kind| !unread.iter().any(|(scope, _)| scope.kind == *kind)).collect();
            let hint = match rest.as_slice() {
                [] => "Give the token read access, or try again.".to_owned(),
                rest => format!(
                    "Give the token read access to that too, or import the rest alone: --only {}",
                    rest.join(",")
                ),
            };
            anyhow!("{error}\n{}\n  {hint}", lines.join("\n"))
        }
        ImportError::Unseen(unseen) => {
            let hosts: BTreeMap<&str, &str> =
                unseen.iter().map(|(scope, why)| (scope.within.as_deref().unwrap_or_default(), why.as_str())).collect();
            let lines: Vec<String> =
                hosts.iter().map(|(host, why)| format!("  Host/{host}: {}", safe::line(why))).collect();
            let rest = kinds.iter().filter(|kind| !unseen.iter().any(|(scope, _)| scope.kind == kind.name()));
            let rest: Vec<&str> = rest.map(|kind| kind.many()).collect();
            let hint = match rest.as_slice() {
                [] => "See that it can be reached from here; driftless trust HOST records the key that it shows."
                    .to_owned(),
                rest => format!("Mend that, or import the rest alone: --only {}", rest.join(",")),
            };
            anyhow!("{error}\n{}\n  {hint}", lines.join("\n"))
        }
        ImportError::Unsound(diagnostics) => {
            screen.note(&render::diagnostics(diagnostics, 1, &screen.err));
            anyhow!("{error}\n  If {shown} holds documents already, import into a new folder.")
        }
        ImportError::NoHost { known, .. } if known.is_empty() => {
            anyhow!("{error}\n  Write one for the machine (driftless explain Host), and name it.")
        }
        ImportError::NoHost { known, .. } => anyhow!("{error}\n  Declared are: {}", known.join(", ")),
        ImportError::Unclear(_) => anyhow!("{error}"),
    }
}

/// Writes new files; what another program has put there meanwhile stays.
pub(super) fn write(dir: &Path, files: &Files) -> anyhow::Result<()> {
    let (last, first): (Vec<_>, Vec<_>) = files.iter().partition(|(path, _)| *path == LAST);
    for (path, bytes) in first.into_iter().chain(last) {
        let file = dir.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))?;
        }
        let written = OpenOptions::new().write(true).create_new(true).open(&file).and_then(|mut f| f.write_all(bytes));
        written.with_context(|| {
            format!(
                "{} could not be written; the import is not whole, and without {LAST} nothing takes it for that",
                file.display()
            )
        })?;
    }
    Ok(())
}

/// What is said at the end.
pub(super) struct Told<'a> {
    pub kinds: &'a [&'a dyn AnyOperate],
    pub imported: &'a Imported,
    pub files: &'a Files,
    /// What was done, in a sentence.
    pub head: String,
    /// What is said where there is no document.
    pub nothing: &'a str,
    /// What to do next.
    pub next: String,
    /// For what, as JSON.
    pub about: serde_json::Value,
}

impl Told<'_> {
    fn written(&self) -> impl Iterator<Item = &Drafted> {
        self.imported.drafted.iter().filter(|one| one.left_out.is_none())
    }

    /// Everything that is in no document, with why: whole objects, and parts of others.
    pub(super) fn left_out(&self) -> Vec<(&Drafted, &str)> {
        let objects = self.imported.drafted.iter().filter_map(|one| Some((one, one.left_out.as_deref()?)));
        let parts = self.written().flat_map(|one| one.draft.left_out.iter().map(move |part| (one, part.as_str())));
        objects.chain(parts).collect()
    }

    /// `2 droplets, 1 zone with 41 record sets`.
    fn sums(&self) -> String {
        let mut sums = Vec::new();
        for kind in self.kinds {
            let all: Vec<&Drafted> = self.written().filter(|one| one.id.kind == kind.name()).collect();
            if all.is_empty() {
                continue;
            }
            let parts: usize = all.iter().filter_map(|one| one.draft.parts).map(|(count, _)| count).sum();
            let word = all.iter().find_map(|one| one.draft.parts).map(|(_, word)| word);
            let with = word.map(|word| format!(" with {}", counted(parts, word))).unwrap_or_default();
            sums.push(format!("{}{with}", counted(all.len(), kind.many().trim_end_matches('s'))));
        }
        if sums.is_empty() { self.nothing.to_owned() } else { sums.join(", ") }
    }

    pub(super) fn text(&self, paint: &Paint) -> String {
        let left_out = self.left_out();
        let mut text = paragraph(0, &self.head, paint) + &paragraph(2, &self.sums(), paint);
        if !left_out.is_empty() {
            let stay = if left_out.len() == 1 {
                "is left out and stays as it is"
            } else {
                "are left out and stay as they are"
            };
            text.push_str(&format!("\n{} {stay}:\n", counted(left_out.len(), "thing")));
            for (one, why) in left_out {
                let name = if one.title == one.id.name { String::new() } else { format!(" ({})", one.title) };
                text.push_str(&paragraph(2, &format!("{}{name}", one.id), paint));
                text.push_str(&paragraph(4, why, paint));
            }
        }
        text.push_str(&self.next);
        text
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let pure: Vec<_> = self.kinds.iter().map(|kind| *kind as &dyn crate::model::AnyKind).collect();
        let documents: Vec<_> = self
            .written()
            .map(|one| {
                let file = import::file(&pure, one);
                json!({"id": one.id, "providerId": one.provider_id, "name": one.title, "file": file})
            })
            .collect();
        let left_out: Vec<_> = self
            .left_out()
            .into_iter()
            .map(|(one, why)| json!({"id": one.id, "providerId": one.provider_id, "whole": one.left_out.is_some(), "why": why}))
            .collect();
        let mut told = json!({
            "schema": "driftless.import/v1",
            "files": self.files.keys().collect::<Vec<_>>(),
            "documents": documents,
            "leftOut": left_out,
            "calls": self.imported.world.calls,
        });
        if let (Some(told), Some(about)) = (told.as_object_mut(), self.about.as_object()) {
            told.extend(about.clone());
        }
        told
    }
}

fn next(dir: &str) -> String {
    format!(
        "
The plan of these files is empty.

  cd {}
  driftless plan             nothing to do, until somebody changes something
  git init && git add -A && git commit -m \"Begin with what exists\"
  driftless run --repo URL   the controller; it only looks before
                             settings.yaml says mode: enforce. Then it puts
                             its marker on the droplets, and follows git
",
        quoted(dir)
    )
}

pub(super) fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

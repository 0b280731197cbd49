//! `driftless plan`: what would change. Writes nothing, neither to the world nor to the journal.

use super::screen::Screen;
use super::{Exit, Global, Output, connect};
use crate::engine::halt::{Halt, halted};
use crate::engine::look::look;
use crate::engine::source;
use crate::kinds;
use crate::model::finding::Weight;
use crate::model::{Estate, Plan};
use crate::plan;
use crate::ports::config::Config;
use crate::render::markdown::CommentContext;
use crate::render::{self, PlanContext};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

/// Shows what would change
///
/// Reads the documents of a folder (or of a commit of the repo that --repo names), looks at reality, and shows what
/// would be done and why. Changes nothing; a token with read access is enough.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  driftless plan\n  driftless plan infra/ -o json > plan.json\n  driftless plan --repo https://github.com/acme/infra 4f2c9d1\n\nExit codes: 0 nothing to do, 2 changes, 1 error, or something could not be seen"
)]
pub struct Arguments {
    /// A folder, or a commit of the repo (default: this folder)
    #[arg(value_name = "DIR|REV")]
    what: Option<String>,
    /// Shows every line of large plans
    #[arg(long)]
    full: bool,
    /// Also writes the plan as JSON to this file, for `driftless apply FILE`
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// What stands behind the name of a folder, where another plan has a branch.
const FOLDER: &str = " (folder)";

/// Runs the command.
pub async fn run(arguments: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let config = connect::settings(global, screen)?;
    let Some((estate, source)) = estate(&config, arguments.what.as_deref(), screen).await? else {
        return Ok(Exit::Error);
    };
    let ports = connect::ports(&config)?;
    connect::reach(&config, &ports).await?;
    let memory = connect::journal_if_any(&config).await?.memory();
    let world = look(&ports, &estate, &memory).await;
    let mut plan = plan::plan(&kinds::pure(), &estate, &world, &memory, &connect::brakes(&config));
    Halt::told_in(halted(config.freeze, &memory, &estate, plan.as_of).as_ref(), &mut plan);
    if let Some(file) = &arguments.save {
        std::fs::write(file, serde_json::to_vec_pretty(&plan)?)
            .with_context(|| format!("{} could not be written", file.display()))?;
    }
    let context = PlanContext { source, full: arguments.full, applying: false };
    show(&plan, &context, &config.branch, screen)?;
    Ok(exit(&plan))
}

/// Nothing to do is only said of what was seen: a plan that could not see something is no reason to go on.
fn exit(plan: &Plan) -> Exit {
    let blind = plan.unknown > 0 || plan.findings.iter().any(|f| f.weight == Weight::Problem && f.id.is_none());
    match (plan.is_empty(), blind) {
        (false, _) => Exit::Changes,
        (true, true) => Exit::Error,
        (true, false) => Exit::Well,
    }
}

/// Prints a plan in the form that was asked for.
pub fn show(plan: &Plan, context: &PlanContext, branch: &str, screen: &Screen) -> anyhow::Result<()> {
    match screen.output {
        Output::Json => screen.json(plan),
        Output::Markdown => {
            let context = match &plan.commit {
                Some(commit) => CommentContext { commit: commit.clone(), branch: branch.to_owned() },
                None => {
                    CommentContext { commit: context.source.trim_end_matches(FOLDER).to_owned(), branch: String::new() }
                }
            };
            screen.print(&render::markdown::comment(plan, &context, None));
        }
        Output::Text => screen.print(&render::plan(plan, context, &screen.out)),
    }
    Ok(())
}

/// Reads the estate of a folder or of a commit, with a name for it.
pub async fn estate(config: &Config, what: Option<&str>, screen: &Screen) -> anyhow::Result<Option<(Estate, String)>> {
    let folder = Path::new(what.unwrap_or("."));
    if folder.is_dir() && (what.is_some() || config.repo.is_none()) {
        let name = std::path::absolute(folder)?.file_name().map(|n| n.to_string_lossy().into_owned());
        let source = format!("{}{FOLDER}", name.unwrap_or_else(|| "/".to_owned()));
        return Ok(connect::estate(folder, &config.path, screen)?.map(|estate| (estate, source)));
    }
    if config.repo.is_none() {
        bail!(
            "{} is no folder here, and no repo is set in which it could be a commit\n  Name a folder, or the repo with --repo.",
            folder.display()
        );
    }
    // A mirror of its own: a plan leaves nothing behind, and stands in no controller's way.
    let folder = tempfile::tempdir().context("no temporary folder could be made for the repo")?;
    let mirror = connect::mirror_in(config, &folder.path().join("mirror.git"))?;
    let head = mirror.fetch().await?;
    let commit = match what {
        None => head.commit,
        Some(rev) if head.commit.as_str().starts_with(rev) && rev.len() >= 4 => head.commit,
        Some(rev) => {
            let commit = rev.parse().with_context(|| format!("{rev:?} is neither a folder nor a full commit id"))?;
            mirror.obtain(&commit).await?;
            commit
        }
    };
    let read = source::commit(&mirror, &commit, &config.path)?;
    if !read.diagnostics.is_empty() {
        screen.note(&render::diagnostics(&read.diagnostics, read.files, &screen.err));
    }
    let source = format!("{}@{} ({})", repo_name(config), commit.short(), config.branch);
    Ok(read.estate.map(|estate| (estate, source)))
}

/// The last part of the repo's address: `infra`.
pub fn repo_name(config: &Config) -> String {
    let url = config.repo.as_deref().unwrap_or("repo").trim_end_matches('/');
    let last = url.rsplit(['/', ':']).next().unwrap_or(url);
    last.strip_suffix(".git").unwrap_or(last).to_owned()
}

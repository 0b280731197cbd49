//! `driftless journal`: a copy of the controller's memory, and the way back from one. Owns what is said; how files are
//! moved is the store's.

use super::screen::Screen;
use super::{Exit, Global, connect};
use crate::ports::clock::Clock;
use crate::ports::config::Config;
use crate::ports::store::{self, Store};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

/// Backs the journal up, or puts a backup in its place
///
/// The journal is what the controller remembers: what it owns, what is in flight, what was approved. A lost one comes
/// back from the ledger in the repo as well; a backup also has the history and the approvals.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  driftless journal backup /var/backups/journal-$(date +%F).db\n  driftless journal restore /var/backups/journal-2026-11-26.db"
)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Copies the journal, whole, into a new file; the controller may be at work meanwhile
    Backup {
        /// The file to make; it must not be there yet
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Puts a backup in the journal's place; the controller has to be stopped. The former journal stays beside it
    Restore {
        /// A file that `driftless journal backup` wrote
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Runs the command.
pub async fn run(arguments: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let config = connect::settings(global, screen)?;
    match arguments.what {
        What::Backup { file } => backup(&config, &file, screen).await?,
        What::Restore { file } => restore(&config, &file, screen).await?,
    }
    Ok(Exit::Well)
}

async fn backup(config: &Config, file: &Path, screen: &Screen) -> anyhow::Result<()> {
    let journal = config.journal();
    if !journal.exists() {
        bail!("there is no journal at {}\n  Name another place with --data-dir.", journal.display());
    }
    if file.exists() {
        bail!("{} is there already, and a backup overwrites nothing\n  Name a new file.", file.display());
    }
    let part = file.with_added_extension("part");
    let _ = std::fs::remove_file(&part);
    let store = Store::open(&journal).await?;
    let copied = store.backup(&part).await;
    store.close().await;
    copied.with_context(|| format!("no backup was made at {}", file.display()))?;
    std::fs::rename(&part, file)
        .with_context(|| format!("{} could not be named {}", part.display(), file.display()))?;
    screen.print(&format!("{} holds the journal as it was just now (readable by you alone)", file.display()));
    Ok(())
}

async fn restore(config: &Config, file: &Path, screen: &Screen) -> anyhow::Result<()> {
    let _alone = connect::alone(config, "journal restore").await?;
    let journal = config.journal();
    let former = store::restore(file, &journal, Clock::System.now()).await;
    let former = former.with_context(|| format!("{} was not restored", file.display()))?;
    screen.print(&format!("{} is the journal now: {}", file.display(), journal.display()));
    if let Some(former) = former {
        screen.note(&format!("The former one is kept as {}.", former.display()));
    }
    screen
        .note("The next start takes in what the ledger in the repo knows since; approvals are to be given again then.");
    Ok(())
}

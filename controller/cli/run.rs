//! `driftless run`: the controller. Owns its signals and its ending; the loop is the engine's.

use super::logs::Logs;
use super::screen::Screen;
use super::{Exit, Global, connect};
use crate::engine::cycle::Controller;
use crate::engine::execute::Progress;
use crate::engine::run::{Pace, Wake, run as keep_running};
use crate::engine::watch;
use crate::model::{Severity, Span};
use crate::server;
use anyhow::Context;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Runs the controller
///
/// Follows the repo: reconciles at every push and every few minutes, and commits its reports. SIGHUP makes it look at
/// once; SIGTERM ends it after the work in flight, which goes on after a restart.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  DIGITALOCEAN_ACCESS_TOKEN=… driftless run --repo https://github.com/acme/infra\n\nExit codes: 0 stopped, or all is well (--once); 3 something is left to do; 1 error"
)]
pub struct Arguments {
    /// Ends after one reconcile
    #[arg(long)]
    once: bool,
    /// With --once: does what is to be done also while every sync window is shut
    #[arg(long, requires = "once")]
    now: bool,
    /// How long work in flight may take to end after SIGTERM; what is left goes on after a restart
    #[arg(long, value_name = "TIME", default_value = "60s")]
    grace: Span,
}

/// Runs the command.
pub async fn run(arguments: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let config = connect::settings(global, screen)?;
    let logs = Logs::start(&config, global.verbose);
    let _alone = connect::alone(&config, "run").await?;
    let controller = Arc::new(connect::controller(&config).await?);
    if config.freeze {
        tracing::warn!("frozen: freeze is set in the settings of this machine, so nothing is changed; looking goes on");
    }
    let stop = CancellationToken::new();
    stop_on_signals(stop.clone())?;
    if arguments.once {
        controller.pass_windows.store(arguments.now, std::sync::atomic::Ordering::SeqCst);
        controller.cycle(&stop, &|progress| logged(&progress)).await;
        logs.end().await;
        return Ok(ended(&controller));
    }
    let (wakes, heard) = mpsc::channel(8);
    wake_on_hangup(wakes.clone())?;
    let _watch = watched(&controller, &wakes);
    let serving = server::serve(&config, controller.clone(), wakes, stop.clone()).await?;
    let pace = Pace { jitter: 0.1, seed: u64::from(std::process::id()), grace: arguments.grace.duration() };
    tracing::info!(repo = config.repo, branch = config.branch, "running");
    keep_running(&controller, &pace, heard, stop, &|progress| logged(&progress)).await;
    serving.end().await;
    controller.keeper.store().close().await;
    logs.end().await;
    tracing::info!("stopped");
    Ok(Exit::Well)
}

fn ended(controller: &Controller) -> Exit {
    let snapshot = controller.snapshot.borrow().clone();
    let Some(after) = &snapshot.after else { return Exit::Error };
    if !snapshot.troubles.is_empty() || snapshot.diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return Exit::Error;
    }
    if after.is_empty() { Exit::Well } else { Exit::Part }
}

fn logged(progress: &Progress<'_>) {
    if let Progress::Began(change) = progress {
        tracing::info!(resource = %change.key.id, change = %change.key, title = change.title, "begins");
    }
}

fn stop_on_signals(stop: CancellationToken) -> anyhow::Result<()> {
    let mut term = signal(SignalKind::terminate()).context("SIGTERM cannot be heard")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be heard")?;
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
        // Somebody who asks twice does not want to wait: intents stand in the journal.
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(())
}

fn wake_on_hangup(wakes: mpsc::Sender<Wake>) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("SIGHUP cannot be heard")?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            // A full channel already holds a wake-up.
            let _ = wakes.try_send(Wake::Asked);
        }
    });
    Ok(())
}

/// Watches a local repo; without a watch, the interval still finds everything.
fn watched(controller: &Controller, wakes: &mpsc::Sender<Wake>) -> Option<watch::RepoWatch> {
    let watched = controller.mirror.watch_path()?;
    watch::repo(watched, wakes.clone())
        .inspect_err(|error| tracing::warn!(%error, "the repo cannot be watched; the interval finds pushes later"))
        .ok()
}

//! `driftless history`: what was done, from the journal of this machine. Changes nothing.

use super::screen::Screen;
use super::{Exit, Global, Output, connect};
use crate::model::ResourceId;
use crate::ports::store::{KEPT, Run};
use crate::render::history::{self, Past};
use anyhow::bail;
use serde_json::json;

/// Shows what was done, and when
///
/// Lists the runs that changed something, the latest first; with a number, shows that run's plan and what came of each
/// change, field by field. The journal keeps the last 200.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  driftless history\n  driftless history 42\n  driftless history --about Droplet/erp -o json"
)]
pub struct Arguments {
    /// The number of a run
    #[arg(value_name = "RUN")]
    run: Option<i64>,
    /// Only runs that concern this resource
    #[arg(long, value_name = "KIND/NAME")]
    about: Option<ResourceId>,
    /// How many runs are listed
    #[arg(short, long, value_name = "N", default_value_t = 20)]
    last: usize,
}

/// Runs the command.
pub async fn run(arguments: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let config = connect::settings(global, screen)?;
    if !config.journal().exists() {
        bail!(
            "there is no journal at {}: no controller ran on this machine\n  Name another place with --data-dir.",
            config.journal().display()
        );
    }
    let keeper = connect::journal(&config).await?;
    let runs = keeper.store().recent_runs(KEPT).await?;
    if let Some(number) = arguments.run {
        return one(&runs, number, screen);
    }
    let about = arguments.about.as_ref();
    let concerned = runs.iter().filter(|run| about.is_none_or(|id| history::concerns(&past(run), id)));
    let listed: Vec<&Run> = concerned.take(arguments.last).collect();
    if screen.output == Output::Json {
        let runs: Vec<_> = listed.iter().map(|run| summary(run)).collect();
        screen.json(&json!({"schema": "driftless.history/v1", "runs": runs}));
    } else if listed.is_empty() {
        screen.print(&history::nothing(about));
    } else {
        let past: Vec<Past<'_>> = listed.into_iter().map(past).collect();
        screen.print(&history::history(&past, &screen.out));
    }
    Ok(Exit::Well)
}

fn one(runs: &[Run], number: i64, screen: &Screen) -> anyhow::Result<Exit> {
    let Some(run) = runs.iter().find(|run| run.id == number) else {
        let known = match (runs.last(), runs.first()) {
            (Some(first), Some(last)) => format!("The journal has {} to {}: driftless history", first.id, last.id),
            _ => "The journal has none yet.".to_owned(),
        };
        bail!("there is no run {number}\n  {known}");
    };
    if screen.output == Output::Json {
        let mut told = summary(run);
        if let Some(told) = told.as_object_mut() {
            let more =
                [("schema", json!("driftless.run/v1")), ("plan", json!(run.plan)), ("outcomes", json!(run.outcomes))];
            told.extend(more.map(|(name, value)| (name.to_owned(), value)));
        }
        screen.json(&told);
    } else {
        screen.print(&history::run(&past(run), &screen.out));
    }
    Ok(Exit::Well)
}

fn past(run: &Run) -> Past<'_> {
    Past {
        id: run.id,
        commit: run.commit.as_deref(),
        started: run.started,
        ended: run.ended,
        counts: (run.tally.done, run.tally.failed, run.tally.left),
        plan: run.plan.as_ref(),
        outcomes: &run.outcomes,
        cut: run.outcomes_cut,
        stopped: run.stopped.as_deref(),
    }
}

fn summary(run: &Run) -> serde_json::Value {
    let changes: Vec<_> = run
        .outcomes
        .iter()
        .map(|o| json!({"key": o.key, "ended": history::ending(&o.attempt), "tookMs": o.took_ms}))
        .collect();
    json!({
        "run": run.id,
        "commit": run.commit,
        "started": run.started,
        "ended": run.ended,
        "done": run.tally.done,
        "failed": run.tally.failed,
        "left": run.tally.left,
        "stopped": run.stopped,
        "changes": changes,
        "cut": run.outcomes_cut,
    })
}

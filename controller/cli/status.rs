//! `driftless status`: what the controller on this machine last found, from its journal.

use super::screen::Screen;
use super::{Exit, Global, Output, connect};
use crate::model::{Attempt, Memory, Plan};
use crate::ports::store::Run;
use anyhow::bail;

/// Shows what the controller last found and did
#[derive(clap::Args)]
#[command(after_help = "Example:\n  driftless status -o json")]
pub struct Arguments {}

/// Runs the command.
pub async fn run(_: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let config = connect::settings(global, screen)?;
    if !config.journal().exists() {
        bail!(
            "there is no journal at {}: no controller ran on this machine\n  Name another place with --data-dir.",
            config.journal().display()
        );
    }
    let keeper = connect::journal(&config).await?;
    let (memory, plan) = (keeper.memory(), keeper.last_plan().await?);
    let last = keeper.store().recent_runs(1).await?.into_iter().next();
    if screen.output == Output::Json {
        screen.json(&serde_json::json!({
            "schema": "driftless.journal-status/v1",
            "owned": memory.owned.len(),
            "unwell": memory.since,
            "failing": memory.failures,
            "plan": plan,
        }));
    } else {
        screen.print(&text(&memory, plan.as_ref(), last.as_ref(), screen));
    }
    Ok(if memory.since.is_empty() { Exit::Well } else { Exit::Part })
}

fn text(memory: &Memory, plan: Option<&Plan>, last: Option<&Run>, screen: &Screen) -> String {
    let mut text = String::new();
    if let Some(plan) = plan {
        text.push_str(&crate::render::plan(
            plan,
            &crate::render::PlanContext { source: "last look".to_owned(), ..Default::default() },
            &screen.out,
        ));
    } else {
        text.push_str("No look is on record yet.\n");
    }
    if let Some(run) = last {
        let done = run.outcomes.iter().filter(|o| o.attempt == Attempt::Done).count();
        text.push_str(&format!(
            "\nLast run: {} of {} changes done at {}\n",
            done,
            run.outcomes.len(),
            moment(run.ended.unwrap_or(run.started))
        ));
    }
    for (what, since) in &memory.since {
        text.push_str(&format!("  since {}  {what}\n", moment(*since)));
    }
    text
}

/// To the minute is what somebody reads at night.
fn moment(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

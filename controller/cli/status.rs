//! `driftless status`: how the controller stands, from itself where it runs, else from its journal.

use super::screen::Screen;
use super::{Exit, Global, Output, connect, reach};
use crate::engine::halt::moment;
use crate::engine::status::{Status, status};
use crate::ports::clock::Clock;
use crate::ports::config::Config;
use crate::render::{PlanContext, safe};
use anyhow::bail;

/// Shows what the controller last found and did
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  driftless status -o json\n\nExit codes: 0 all is well; 3 something is not, or it is frozen; 1 error"
)]
pub struct Arguments {}

/// Runs the command.
pub async fn run(_: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let config = connect::settings(global, screen)?;
    let status = match reach::running(&config)? {
        Some(client) => client.get("status").await?,
        None => journal(&config).await?,
    };
    if screen.output == Output::Json {
        screen.json(&status);
    } else {
        screen.print(&text(&status, screen));
    }
    let troubled = status.running.as_ref().is_some_and(|running| !running.troubles.is_empty());
    let well = status.unwell.is_empty() && status.frozen.is_none() && !troubled;
    Ok(if well { Exit::Well } else { Exit::Part })
}

/// What the journal of a controller that does not run says.
async fn journal(config: &Config) -> anyhow::Result<Status> {
    if !config.journal().exists() {
        bail!(
            "there is no journal at {}: no controller ran on this machine\n  Name another place with --data-dir, or another machine with DRIFTLESS_SERVER.",
            config.journal().display()
        );
    }
    let keeper = connect::journal(config).await?;
    Ok(status(&keeper, None, Clock::System.now()).await?)
}

fn text(status: &Status, screen: &Screen) -> String {
    let mut text = String::new();
    if let Some(plan) = &status.plan {
        let context = PlanContext { source: "last look".to_owned(), ..Default::default() };
        text.push_str(&crate::render::plan(plan, &context, &screen.out));
    } else {
        text.push_str("No look is on record yet.\n");
    }
    match &status.running {
        Some(running) => {
            let (version, process) = (&running.version, running.process);
            let at = moment(running.at);
            text.push_str(&format!("\nThe controller runs ({version}, process {process}); it last looked at {at}\n"));
            for trouble in &running.troubles {
                let (what, hint) = (safe::line(&trouble.what), safe::line(&trouble.hint));
                text.push_str(&format!("  {}: {what}\n    {hint}\n", trouble.with));
            }
        }
        None => text.push_str("\nNo controller runs with this data; this is what its journal says\n"),
    }
    // Said here where the last look was made before it.
    let told = status.plan.as_ref().is_some_and(|plan| plan.frozen.is_some());
    if let Some(freeze) = status.frozen.as_ref().filter(|_| !told) {
        let (by, reason) = (safe::line(&freeze.by), safe::line(&freeze.reason));
        text.push_str(&format!("  frozen by {by} since {}: {reason}\n", moment(freeze.at)));
    }
    for (id, pause) in &status.pauses {
        let until = pause.until.map(|until| format!(" until {}", moment(until))).unwrap_or_default();
        text.push_str(&format!("  paused{until}: {id} ({})\n", safe::line(&pause.reason)));
    }
    if let Some(run) = &status.last_run {
        text.push_str(&format!("Last run: {} of {} changes done at {}\n", run.done, run.of, moment(run.at)));
    }
    for (what, since) in &status.unwell {
        text.push_str(&format!("  since {}  {}\n", moment(*since), safe::line(what)));
    }
    text
}

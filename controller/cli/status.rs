//! `driftless status`: how the controller stands, from itself where it runs, else from its journal.

use super::screen::Screen;
use super::{Exit, Global, Output, connect, reach};
use crate::engine::halt::moment;
use crate::engine::status::{Status, status};
use crate::engine::under_way::UnderWay;
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
    text.push_str(&under_way(&status.under_way));
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

/// What is being done right now, a line each: `Host/erp create: waiting for cloud-init, 40 s`.
fn under_way(all: &[UnderWay]) -> String {
    let line = |one: &UnderWay| {
        let detail = if one.detail.is_empty() { String::new() } else { format!(" ({})", safe::line(&one.detail)) };
        let time = match one.seconds {
            short @ ..120 => format!("{short} s"),
            long => format!("{} min", long / 60),
        };
        format!("  {}: {}, {time}{detail}\n", one.change, safe::line(&one.stage))
    };
    let lines: String = all.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("Under way:\n{lines}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_says_its_stage_and_for_how_long() {
        let at: jiff::Timestamp = "2026-01-01T12:00:00Z".parse().expect("a time");
        let one = |seconds, detail: &str| UnderWay {
            change: "Host/erp create".parse().expect("a change"),
            stage: "waiting for cloud-init".to_owned(),
            detail: detail.to_owned(),
            began: at,
            since: at,
            seconds,
        };
        let text = under_way(&[one(40, ""), one(200, "refused")]);
        assert_eq!(
            text,
            "Under way:\n  Host/erp create: waiting for cloud-init, 40 s\n  Host/erp create: waiting for cloud-init, 3 min (refused)\n"
        );
        assert_eq!(under_way(&[]), "");
    }
}

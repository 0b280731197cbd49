//! `driftless approve`: releases held changes by their digest. Writes the approval to the journal and wakes the controller.

use super::screen::Screen;
use super::{Exit, Global, connect, run::wake_file};
use crate::model::{Approval, Digest, Patch, Plan, Planned};
use crate::ports::clock::Clock;
use anyhow::{Context, bail};

/// Releases held changes
///
/// Takes the digests that a plan shows beside what it holds. An approval covers exactly the change that was shown, is
/// used once and is good for 24 hours.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  driftless approve 7b1e-40aa")]
pub struct Arguments {
    /// The digests, as shown
    #[arg(required = true, value_name = "DIGEST")]
    digests: Vec<String>,
}

/// Runs the command.
pub async fn run(arguments: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let config = connect::settings(global, screen)?;
    if !config.journal().exists() {
        bail!(
            "there is no journal at {}\n  Approve on the controller's machine, with the same --data-dir.",
            config.journal().display()
        );
    }
    let keeper = connect::journal(&config).await?;
    let plan = keeper.last_plan().await?;
    let held: Vec<&Planned> = plan.iter().flat_map(Plan::held).collect();
    let mut patches = Vec::new();
    for typed in &arguments.digests {
        let digest = find(typed, &held)?;
        let approval = Approval { by: user(), at: Clock::System.now() };
        patches.push(Patch::Approve(digest.clone(), approval));
        for change in held.iter().filter(|c| c.hold().is_some_and(|h| h.digest == digest)) {
            screen.print(&format!("approved: {} {} ({})", change.key.id, change.title, digest.short()));
        }
    }
    keeper.write(&patches).await?;
    let wake = wake_file(&config);
    std::fs::write(&wake, b"approve\n").with_context(|| format!("{} could not be written", wake.display()))?;
    screen.note("A running controller goes on with it now; else the next `driftless apply` does. Good for 24 hours.");
    Ok(Exit::Well)
}

/// The digest that somebody typed the beginning of.
fn find(typed: &str, held: &[&Planned]) -> anyhow::Result<Digest> {
    let digests: std::collections::BTreeSet<&Digest> =
        held.iter().filter_map(|c| c.hold()).map(|h| &h.digest).collect();
    let found: Vec<&&Digest> = digests.iter().filter(|d| d.matches(typed)).collect();
    match found.as_slice() {
        [one] => Ok((**one).clone()),
        [] if digests.is_empty() => bail!("nothing is held: there is nothing to approve"),
        [] => {
            // What is released together stands once, by the change that comes first.
            let mut told = std::collections::BTreeSet::new();
            let list: Vec<String> = held
                .iter()
                .filter_map(|c| c.hold().map(|h| (c, &h.digest)))
                .filter(|(_, digest)| told.insert(*digest))
                .map(|(c, digest)| format!("  {}  {} {}", digest.short(), c.key.id, c.title))
                .collect();
            bail!(
                "no held change has the digest {typed:?}; held are\n{}\n  A change that became another one since it was shown has another digest.",
                list.join("\n")
            )
        }
        _ => bail!("{typed:?} names more than one held change: type more of it"),
    }
}

fn user() -> String {
    ["SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|v| !v.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

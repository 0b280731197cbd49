//! `driftless apply`: does a plan. What was shown, or saved, is exactly what is done; anything else is refused.

use super::screen::Screen;
use super::{Exit, Global, Output, connect, plan as plan_command};
use crate::engine::backoff::Backoff;
use crate::engine::execute::{self, Progress, Run};
use crate::engine::halt::halted;
use crate::engine::lease::{Lease, Taken};
use crate::engine::look::look;
use crate::kinds;
use crate::model::plan::SCHEMA;
use crate::model::{Attempt, Estate, Outcome, Plan, SettingsMode, Standing, World};
use crate::plan;
use crate::ports::config::Config;
use crate::ports::git::Mirror;
use crate::ports::store::Ending;
use crate::render::{self, PlanContext, Tries};
use anyhow::{Context, anyhow, bail};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Does what a plan says
///
/// Plans, shows the plan, asks, and does it. With a file that `plan --save` wrote, does that plan and nothing else: it
/// is refused where reality or the documents have moved on since.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  driftless apply\n  driftless plan --save plan.json && driftless apply plan.json --yes\n\nExit codes: 0 all done, 3 something is held or failed, 1 error"
)]
pub struct Arguments {
    /// A folder, a commit of the repo, or a plan that `driftless plan --save` wrote (default: this folder)
    #[arg(value_name = "PLAN|DIR|REV")]
    what: Option<String>,
    /// The folder or commit that a saved plan was made from (default: this folder)
    #[arg(long, value_name = "DIR|REV")]
    from: Option<String>,
    /// Does it without asking
    #[arg(long)]
    yes: bool,
    /// Does it now, also while every sync window is shut
    #[arg(long)]
    now: bool,
}

/// Runs the command.
pub async fn run(arguments: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let config = connect::settings(global, screen)?;
    let saved = saved(arguments.what.as_deref())?;
    let from = if saved.is_some() { arguments.from.as_deref() } else { arguments.what.as_deref() };
    let Some((estate, source)) = plan_command::estate(&config, from, screen).await? else { return Ok(Exit::Error) };
    let ports = connect::ports(&config)?;
    connect::reach(&config, &ports).await?;
    let _alone = connect::alone(&config, "apply").await?;
    let keeper = connect::journal(&config).await?;
    let memory = keeper.memory();
    if let Some(halt) = halted(config.freeze, &memory, &estate, ports.clock.now()) {
        let (why, until) = (halt.why, halt.until);
        bail!(
            "nothing is applied while the estate is frozen: {why}\n  To go on, {until}. Looking goes on with `driftless plan`."
        );
    }
    let world = look(&ports, &estate, &memory).await;
    let brakes = plan::Brakes { windows_pass: arguments.now, ..connect::brakes(&config) };
    let now = plan::plan(&kinds::pure(), &estate, &world, &memory, &brakes);
    let plan = match saved {
        Some(saved) => fits(saved, &now)?,
        None => now,
    };
    if screen.output == Output::Text {
        let context = PlanContext { source, full: false, applying: true };
        plan_command::show(&plan, &context, &config.branch, screen)?;
    }
    if estate.settings.mode == SettingsMode::Observe && !plan.is_empty() {
        screen.note("Settings say mode: observe, so nothing is changed. Set mode: enforce to apply.");
        return Ok(Exit::Part);
    }
    if plan.going().next().is_none() {
        keeper.write(&plan.remember).await?;
        let shut = plan.changes.iter().any(|c| matches!(c.standing, Standing::Closed(_)));
        return Ok(if shut || plan.held().next().is_some() { Exit::Part } else { Exit::Well });
    }
    if !arguments.yes && !asked(screen)? {
        return Ok(Exit::Error);
    }
    let stop = stop_on_interrupt();
    let backoff = Backoff::default();
    let began = std::time::Instant::now();
    let heard = |progress: Progress<'_>| tell(screen, &progress, ports.clock.now(), backoff.attempts);
    let right = Right::take(&config).await?;
    let run = Run {
        ports: &ports,
        estate: &estate,
        keeper: &keeper,
        brakes: &brakes,
        backoff: &backoff,
        lease: right.as_ref().map(|right| &right.lease),
        stop: &stop,
        heard: &heard,
    };
    let done = work(&run, right.as_ref(), plan, world).await;
    if let Some(right) = &right {
        right.lease.release(&right.mirror).await;
    }
    let (outcomes, held) = done?;
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match screen.output {
        Output::Json => {
            screen.json(&serde_json::json!({"schema": "driftless.outcomes/v1", "outcomes": outcomes, "held": held}))
        }
        _ => screen.print(&render::sum(&outcomes, held, took_ms, &screen.out)),
    }
    Ok(exit(&outcomes, held))
}

/// The repo's lease, with the mirror that it is pushed from.
struct Right {
    lease: Lease,
    taken: Taken,
    mirror: Mirror,
    _folder: tempfile::TempDir,
}

impl Right {
    /// Takes it, where a repo is known; a folder alone has only this machine's lock.
    async fn take(config: &Config) -> anyhow::Result<Option<Self>> {
        if config.repo.is_none() {
            return Ok(None);
        }
        let folder = tempfile::tempdir().context("no temporary folder could be made for the repo")?;
        let mirror = connect::mirror_in(config, &folder.path().join("mirror.git"))?;
        let lease = connect::lease(config);
        let taken = lease.take(&mirror).await.map_err(|why| {
            let hint = why.hint();
            anyhow::Error::new(why).context(format!("nothing was done\n  {hint}"))
        })?;
        Ok(Some(Self { lease, taken, mirror, _folder: folder }))
    }
}

/// Does the plan, under the lease where there is one; gives what came of it, and how much is held.
async fn work(
    run: &Run<'_>,
    right: Option<&Right>,
    mut plan: Plan,
    mut world: World,
) -> anyhow::Result<(Vec<Outcome>, usize)> {
    if right.is_some_and(|right| right.taken == Taken::Over) {
        // Another wrote before: what was shown may be done already, or be wrong by now.
        let now;
        (now, world) = look_anew(run, run.estate).await;
        plan = fits(plan, &now).map_err(|_| {
            anyhow!(
                "another driftless changed something since this plan was made\n  Nothing was done. Make the plan anew."
            )
        })?;
    }
    run.keeper.write(&plan.remember).await?;
    let run_id = run.keeper.store().begin_run(run.ports.clock.now(), &plan).await?;
    let (ending, over) = (run.stop.child_token(), CancellationToken::new());
    let doing = async {
        let outcomes = execute::execute(&Run { stop: &ending, ..*run }, &plan, world).await;
        over.cancel();
        outcomes
    };
    let outcomes = match right {
        Some(right) => tokio::join!(doing, right.lease.keep(&right.mirror, &over, &ending)).0,
        None => doing.await,
    };
    let stopped = ending.is_cancelled().then(|| "it was interrupted".to_owned());
    let ending = Ending { ended: run.ports.clock.now(), outcomes: outcomes.clone(), stopped };
    run.keeper.store().finish_run(run_id, &ending).await?;
    Ok((outcomes, plan.held().count()))
}

async fn look_anew(run: &Run<'_>, estate: &Estate) -> (Plan, World) {
    let memory = run.keeper.memory();
    let world = look(run.ports, estate, &memory).await;
    (plan::plan(&kinds::pure(), estate, &world, &memory, run.brakes), world)
}

fn exit(outcomes: &[Outcome], held: usize) -> Exit {
    let all = outcomes.iter().all(|o| o.attempt == Attempt::Done);
    if all && held == 0 { Exit::Well } else { Exit::Part }
}

/// Prints one step of the work to stderr.
pub fn tell(screen: &Screen, progress: &Progress<'_>, now: jiff::Timestamp, limit: u32) {
    if screen.output != Output::Text {
        return;
    }
    match progress {
        Progress::Began(change) => screen.note(&render::started(change, &screen.err)),
        Progress::Ended(outcome) => {
            screen.note(&render::ended(outcome, &Tries { now, limit: Some(limit) }, &screen.err))
        }
    }
}

/// Reads a saved plan, where the argument is a file.
fn saved(what: Option<&str>) -> anyhow::Result<Option<Plan>> {
    let Some(file) = what.map(Path::new).filter(|path| path.is_file()) else { return Ok(None) };
    let bytes = std::fs::read(file).with_context(|| format!("{} could not be read", file.display()))?;
    let plan: Plan = serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is no plan that `driftless plan --save` wrote", file.display()))?;
    if plan.schema != SCHEMA {
        bail!("{} is written as {}, this program reads {SCHEMA}\n  Make the plan anew.", file.display(), plan.schema);
    }
    Ok(Some(plan))
}

/// The saved plan's changes as they are planned now, and no others; refused where any of them is not the same any more.
fn fits(saved: Plan, now: &Plan) -> anyhow::Result<Plan> {
    if saved.estate_id != now.estate_id {
        bail!(
            "the plan is for the estate {} ({}), these documents are {} ({})",
            saved.estate,
            saved.estate_id,
            now.estate,
            now.estate_id
        );
    }
    let mut changes = Vec::new();
    for change in &saved.changes {
        let same = now.change(&change.key).filter(|c| c.digest == change.digest && c.step == change.step);
        let Some(same) = same else {
            bail!(
                "the saved plan no longer fits: {} is not planned as it was\n  Nothing was done. Make the plan anew with `driftless plan --save`.",
                change.key
            );
        };
        let mut same = same.clone();
        // What waited for a sync window goes as it may now.
        let waited = matches!(change.standing, Standing::Closed(_));
        if !change.goes() && !waited {
            same.standing = change.standing.clone();
        } else if !same.goes() && !waited {
            bail!(
                "the saved plan no longer fits: {} may not go on any more ({})\n  Nothing was done. Make the plan anew.",
                change.key,
                standing(&same.standing)
            );
        }
        changes.push(same);
    }
    Ok(Plan { changes, ..now.clone() })
}

fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Go => "it may".to_owned(),
        Standing::Held(hold) => hold.reasons.iter().map(|r| r.text.clone()).collect::<Vec<_>>().join("; "),
        Standing::Observed => "the mode is observe".to_owned(),
        Standing::Blocked(why) => why.clone(),
        Standing::Backoff(at) => format!("it failed and is tried again at {at}"),
        Standing::Closed(until) => format!("every sync window is shut {until}"),
    }
}

fn asked(screen: &Screen) -> anyhow::Result<bool> {
    if !screen.asks {
        bail!("nobody can be asked here: pass --yes to apply without asking");
    }
    let yes = dialoguer::Confirm::new().with_prompt("Do this?").default(false).interact()?;
    if !yes {
        screen.note("Nothing was done.");
    }
    Ok(yes)
}

/// A first Ctrl-C ends after the work in flight; a second one is the terminal's own.
fn stop_on_interrupt() -> CancellationToken {
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            told.cancel();
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        }
    });
    stop
}

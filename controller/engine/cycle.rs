//! One reconcile: fetch, read, look, plan, do, look again, report. Constant work, whatever woke it.
//! Takes no input but the world; a trigger is only a wake-up.

use super::anew;
use super::backoff::Backoff;
use super::desired::Desired;
use super::execute::Progress;
use super::halt::{Halt, halted};
use super::inventory::inventory;
use super::keeper::Keeper;
use super::lease::Lease;
use super::ledger::Ledger;
use super::look::look;
use super::pulse::Pulse;
use super::report::{self, Reporter};
use super::snapshot::{Snapshot, Trouble};
use crate::kinds;
use crate::model::finding::Weight;
use crate::model::{Attempt, Cause, Estate, Patch, Plan, SettingsMode, Severity, World};
use crate::plan::{self, Brakes, guard};
use crate::ports::Ports;
use crate::ports::git::{Head, Mirror, Moved};
use crate::ports::store::StoreError;
use futures::FutureExt;
use jiff::SignedDuration;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

/// What the controller is made of.
pub struct Controller {
    /// The ways to the world.
    pub ports: Ports,
    /// The repo.
    pub mirror: Mirror,
    /// Memory and journal.
    pub keeper: Keeper,
    /// The machine's own limits.
    pub brakes: Brakes,
    /// When failures are tried again.
    pub backoff: Backoff,
    /// The watched path in the repo; empty for all of it.
    pub path: String,
    /// Nothing is written to the world, whatever the repo says; looking goes on.
    pub frozen: bool,
    /// Whether the next cycle passes over sync windows, because somebody asked for it to be done now; that cycle uses it up.
    pub pass_windows: AtomicBool,
    /// Writes reports.
    pub reporter: Reporter,
    /// The right to write to the world.
    pub lease: Lease,
    /// What a lost journal comes back from.
    pub ledger: Ledger,
    /// What git wants.
    pub desired: Mutex<Desired>,
    /// Where each cycle's result is published.
    pub snapshot: watch::Sender<Arc<Snapshot>>,
    /// The loop's sign of life.
    pub pulse: Pulse,
}

/// When the next cycle is due without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After the interval that Settings name.
    Interval(Duration),
    /// Sooner: something is in flight, failed, or due by time.
    Soon(Duration),
}

impl Controller {
    /// Runs one reconcile and publishes what came of it.
    ///
    /// Flow: fetch → read → look → plan → do → (look → plan, where something was done) → report → publish.
    /// Guarantees: an unreachable or empty repo, a deleted branch and a commit with errors leave the last valid estate
    /// desired. A panic ends this cycle and is told; the next one begins anew.
    /// What happens if interrupted: intents stand in the journal; the next cycle settles them. Once `stop` is cancelled,
    /// fetching and looking are dropped, since nothing depends on them, and only what is being done may end.
    pub async fn cycle(&self, stop: &CancellationToken, heard: &(dyn Fn(Progress<'_>) + Send + Sync)) -> Next {
        self.pulse.began();
        let span = tracing::debug_span!(target: "driftless::trace", "reconcile");
        let once = AssertUnwindSafe(self.reconcile_once(stop, heard)).catch_unwind();
        let next = match tracing::Instrument::instrument(once, span).await {
            Ok(next) => next,
            Err(panic) => self.panicked(&super::work::said(panic.as_ref())),
        };
        self.pulse.ended(self.snapshot.borrow().after.is_some());
        next
    }

    /// Tells a panic as the mistake of ours that it is, and keeps what the last whole cycle found.
    fn panicked(&self, what: &str) -> Next {
        tracing::error!(panic = what, "a reconcile ended by a mistake in driftless; it is begun anew");
        let former = self.snapshot.borrow().clone();
        let trouble = Trouble::of(
            "driftless",
            format!("a reconcile ended by a mistake in driftless: {what}"),
            "What was under way is settled by the next look. Please report this with the log around it.",
        );
        let stuck = former.stuck.saturating_add(1);
        self.snapshot.send_replace(Arc::new(Snapshot { troubles: vec![trouble], stuck, ..(*former).clone() }));
        Next::Soon(UNFINISHED.longest(stuck))
    }

    async fn reconcile_once(&self, stop: &CancellationToken, heard: &(dyn Fn(Progress<'_>) + Send + Sync)) -> Next {
        let former = self.snapshot.borrow().clone();
        let began = Instant::now();
        let mut snapshot = Snapshot { at: self.ports.clock.now(), cycle: former.cycle + 1, ..Snapshot::default() };
        let mut desired = self.desired.lock().await.clone();
        if stop.run_until_cancelled(self.fetch(&mut desired, &mut snapshot)).await.is_none() {
            return Next::Soon(Duration::ZERO);
        }
        snapshot.commit = desired.newest.as_ref().map(|c| c.as_str().to_owned());
        snapshot.diagnostics = desired.diagnostics.clone();
        snapshot.files = desired.files;
        let mut next = Next::Soon(NOTHING_DESIRED);
        match desired.estate.clone() {
            None => {
                tracing::warn!("there is no valid commit yet: nothing is looked at or changed");
            }
            Some(estate) => {
                snapshot.estate = Some(estate.clone());
                match self.reconcile(&estate, &mut desired, stop, heard, &mut snapshot).await {
                    Ok(Some(after)) => next = self.next(&estate, &after, &former, &mut snapshot),
                    // The journal is empty, and what it held cannot be read yet: what is whose is not to be guessed.
                    Ok(None) if !self.ledger.is_read() && !stop.is_cancelled() => {}
                    // What was found stays as the last whole cycle told it.
                    Ok(None) => return Next::Soon(Duration::ZERO),
                    Err(error) => {
                        tracing::error!(%error, "the journal cannot be used; nothing is changed until it can be");
                        snapshot.trouble(Trouble::of("journal", error.to_string(), "The controller keeps looking and writes nothing to the world until its journal can be written."));
                    }
                }
            }
        }
        *self.desired.lock().await = desired;
        self.tell(&mut snapshot).await;
        snapshot.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.snapshot.send_replace(Arc::new(snapshot));
        next
    }

    /// Remembers since when things are unwell, and reports.
    async fn tell(&self, snapshot: &mut Snapshot) {
        let unwell = report::since(snapshot, &self.keeper.memory(), snapshot.at);
        if let Err(error) = self.keeper.write(&unwell).await {
            tracing::error!(%error, "since when things are unwell could not be written down");
        }
        if snapshot.troubles.iter().any(|t| t.with == "lease") {
            return; // Who has the lease reports.
        }
        match self.reporter.report(&self.mirror, snapshot, &self.keeper, &self.ledger).await {
            Ok(said) => said.into_iter().for_each(|trouble| snapshot.trouble(trouble)),
            Err(error) => {
                tracing::error!(%error, hint = error.hint(), "the report could not be committed");
                snapshot.trouble(Trouble::of("report", error.to_string(), &error.hint()));
            }
        }
    }

    async fn fetch(&self, desired: &mut Desired, snapshot: &mut Snapshot) {
        let taken = match self.mirror.fetch().await {
            Ok(Head { commit, moved }) => {
                if let Moved::Rewritten { from } = &moved {
                    tracing::warn!(from = from.short(), to = commit.short(), "the branch was rewritten");
                }
                desired.take(&self.mirror, &commit, &self.path).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = taken {
            tracing::warn!(%error, "the newest commit could not be had; the last valid one stays desired");
            snapshot.trouble(Trouble::of("git", error.to_string(), &error.hint()));
            if let Err(error) = desired.recall(&self.mirror, &self.path).await {
                tracing::error!(%error, "the last valid commit could not be read");
                snapshot.trouble(Trouble::of("git", error.to_string(), &error.hint()));
            }
        }
        if desired.invalid() {
            let errors = || desired.diagnostics.iter().filter(|d| d.severity == Severity::Error);
            tracing::warn!(errors = errors().count(), "the newest commit has errors; the last valid one stays desired");
            for error in errors().take(TOLD) {
                tracing::warn!(place = %error.place, "{}", error.message);
            }
        }
    }

    /// Gives the plan after the work; none where it was asked to stop before anything was done.
    async fn reconcile(
        &self,
        estate: &Arc<Estate>,
        desired: &mut Desired,
        stop: &CancellationToken,
        heard: &(dyn Fn(Progress<'_>) + Send + Sync),
        snapshot: &mut Snapshot,
    ) -> Result<Option<Plan>, StoreError> {
        self.keeper.refresh().await?;
        let said = self.ledger.recall(&self.reporter, &self.mirror, estate, &self.keeper).await?;
        said.into_iter().for_each(|trouble| snapshot.trouble(trouble));
        self.keeper.take_over().await?;
        if !self.ledger.is_read() && self.keeper.memory().estate.is_none() {
            return Ok(None);
        }
        let windows_pass = self.pass_windows.swap(false, Ordering::SeqCst);
        let brakes = Brakes { no_deletions: desired.rewritten.clone(), windows_pass, ..self.brakes.clone() };
        let Some((plan, world)) = self.plan(estate, &brakes, stop).await? else { return Ok(None) };
        if trusted(&plan, &world, desired)
            && let Err(error) = desired.trust(&self.mirror)
        {
            tracing::warn!(%error, "the commit could not be kept as trusted");
        }
        snapshot.plan = Some(Arc::new(plan.clone()));
        let (mut after, mut seen) = (plan.clone(), world);
        let may_write = plan.frozen.is_none() && self.ledger.is_read();
        let promised = estate.settings.mode == SettingsMode::Enforce && anew::is_open(&self.keeper.memory());
        let to_do = promised || plan.going().next().is_some();
        if to_do && !stop.is_cancelled() && may_write {
            let work = (plan, seen.clone());
            let Some(written) = self.write(estate, &brakes, work, (stop, heard), snapshot).await? else {
                return Ok(None);
            };
            after = written;
            if snapshot.outcomes.iter().any(|o| o.attempt == Attempt::Done) {
                // After a stop the plan that was made stands in for a second look: the report counts what is done.
                if let Some(anew) = self.plan(estate, &brakes, stop).await? {
                    (after, seen) = anew;
                }
            }
        }
        // Once, and after the work: nothing waits for it.
        snapshot.inventory = Some(Arc::new(inventory(estate, &seen, &self.keeper.memory())));
        snapshot.after = Some(Arc::new(after.clone()));
        if nothing_left(&after) {
            desired.applied(&self.mirror);
        }
        self.keeper.store().keep_plan(&after).await?;
        Ok(Some(after))
    }

    /// Looks, plans, and remembers what is true whatever is applied; nothing where it is asked to stop meanwhile.
    pub(super) async fn plan(
        &self,
        estate: &Arc<Estate>,
        brakes: &Brakes,
        stop: &CancellationToken,
    ) -> Result<Option<(Plan, World)>, StoreError> {
        let memory = self.keeper.memory();
        let looking = tracing::Instrument::instrument(
            look(&self.ports, estate, &memory),
            tracing::debug_span!(target: "driftless::trace", "look"),
        );
        let Some(world) = stop.run_until_cancelled(looking).await else { return Ok(None) };
        let mut plan = plan::plan(&kinds::pure(), estate, &world, &memory, brakes);
        Halt::told_in(halted(self.frozen, &memory, estate, plan.as_of).as_ref(), &mut plan);
        tracing::info!(
            changes = plan.changes.len(),
            held = plan.held().count(),
            frozen = plan.frozen,
            in_sync = plan.in_sync,
            calls = world.calls,
            took_ms = world.took_ms,
            "planned"
        );
        let day = SignedDuration::from_hours(24);
        let old = plan.as_of.saturating_sub(day).unwrap_or(plan.as_of);
        let stale = memory.deletions.first().is_some_and(|d| d.at < old).then_some(Patch::DeletionsBefore(old));
        let spent =
            memory.approvals.iter().filter(|(_, given)| given.at < old).map(|(digest, _)| Patch::Spend(digest.clone()));
        let hour = plan.as_of.saturating_sub(plan::LATELY).unwrap_or(plan.as_of);
        let calm = memory.put_back.values().flatten().any(|done| done.at < hour).then_some(Patch::PutBackBefore(hour));
        let patches: Vec<Patch> = plan.remember.iter().cloned().chain(stale).chain(calm).chain(spent).collect();
        self.keeper.write(&patches).await?;
        Ok(Some((plan, world)))
    }

    /// When to look again: by the interval, or sooner where time alone or work in flight would change the answer.
    ///
    /// What stays the same from look to look is looked at ever more seldom, so that what never converges costs little.
    fn next(&self, estate: &Estate, after: &Plan, former: &Snapshot, snapshot: &mut Snapshot) -> Next {
        let interval = estate.settings.interval.duration();
        let now = self.ports.clock.now();
        let open = left(after);
        let same = !open.is_empty() && former.after.as_ref().is_some_and(|before| left(before) == open);
        snapshot.stuck = if same { former.stuck.saturating_add(1) } else { 0 };
        let failed = snapshot.outcomes.iter().filter_map(|o| match o.attempt {
            Attempt::Failed { next, .. } => next,
            _ => None,
        });
        let floor = DUE.longest(snapshot.stuck + 1);
        let due = failed.chain(after.next_due).min();
        let due = due.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default().max(floor));
        let unfinished =
            (after.going().next().is_some() && after.frozen.is_none()) || after.findings.iter().any(|f| f.rule == BUSY);
        let soon = due.into_iter().chain(unfinished.then(|| UNFINISHED.longest(snapshot.stuck + 1))).min();
        match soon {
            Some(soon) if soon < interval => Next::Soon(soon),
            _ => Next::Interval(interval),
        }
    }
}

/// How long a controller waits that has never read a valid commit.
const NOTHING_DESIRED: Duration = Duration::from_secs(30);
/// So many errors of a commit are logged one by one.
const TOLD: usize = 20;
/// The rule of a finding that says that the provider is at work on something.
const BUSY: &str = "busy";
/// After how long unfinished work is looked at again, as long as nothing moves.
const UNFINISHED: Backoff =
    Backoff { first: Duration::from_secs(5), factor: 2, cap: Duration::from_secs(3_600), attempts: u32::MAX };
/// How soon after a look the next may come that is due by time, as long as nothing moves.
const DUE: Backoff =
    Backoff { first: Duration::from_millis(200), factor: 2, cap: Duration::from_secs(30), attempts: u32::MAX };

/// What is left to do, in words that stay the same as long as nothing moves.
fn left(plan: &Plan) -> BTreeSet<(String, String)> {
    let changes = plan.changes.iter().map(|c| (c.key.to_string(), c.digest.hex()));
    let findings = plan.findings.iter().filter(|f| f.weight != Weight::Note);
    changes.chain(findings.map(|f| (format!("{:?}", f.id), f.rule.clone()))).collect()
}

/// Says whether a plan leaves nothing to do, now or once something is seen, resumed or mended.
fn nothing_left(plan: &Plan) -> bool {
    let open = |f: &crate::model::Finding| f.weight != Weight::Note;
    plan.is_empty() && plan.unknown == 0 && plan.paused == 0 && !plan.findings.iter().any(open)
}

/// Says whether this look leaves no doubt about a commit's deletions: all was seen, and none is left to be done.
///
/// What could not be seen plans no deletion now and may plan one with the next look: that is no reason for trust.
fn trusted(plan: &Plan, world: &World, desired: &Desired) -> bool {
    let held = plan.held().filter_map(|c| c.hold()).any(|h| h.reasons.iter().any(|r| r.rule == guard::IN_DOUBT));
    if held || desired.rewritten.is_none() {
        return !held;
    }
    let seen = world.account.as_ref().is_none_or(Result::is_ok) && world.scopes.values().all(|s| s.found.is_ok());
    let clear = plan.unknown == 0 && plan.paused == 0 && plan.findings.iter().all(|f| f.weight == Weight::Note);
    seen && clear && plan.changes.iter().all(|c| c.cause != Cause::Removal)
}

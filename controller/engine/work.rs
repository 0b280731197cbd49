//! Does one change: intent first, then the kind's work, then what is remembered of it.
//! Owns the promise that a lost reply makes no second object; must not decide what is to be done.

use super::anew::{Answering, Lost};
use super::backoff::Backoff;
use super::keeper::Keeper;
use super::lease::Lease;
use crate::kinds::{self, AnyOperate, Progress, Work};
use crate::model::memory::Failure;
use crate::model::{
    Attempt, Digest, Done, Estate, Fault, Intent, Outcome, Patch, Pin, Planned, ProviderId, Reached, Step, Verb,
};
use crate::plan::{ground, record, settle};
use crate::ports::Ports;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::any::Any;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

/// When what was refused is tried again: after some minutes, then hourly, ten times.
const REFUSED: Backoff =
    Backoff { first: Duration::from_secs(600), factor: 2, cap: Duration::from_secs(3_600), attempts: 10 };

/// How one change ended, with what came back.
pub struct Ended {
    /// The outcome for people and reports.
    pub outcome: Outcome,
    /// What the kind brought back; empty where it failed.
    pub done: Done,
    /// The change that took it back, where hosts were lost by it.
    pub back: Option<Outcome>,
}

/// What single changes are done with.
#[derive(Clone, Copy)]
pub struct Worker<'a> {
    /// The ways to the world.
    pub ports: &'a Ports,
    /// What git says.
    pub estate: &'a Estate,
    /// Memory and journal.
    pub keeper: &'a Keeper,
    /// When failures are tried again.
    pub backoff: &'a Backoff,
    /// The right to write; none where no repo is known.
    pub lease: Option<&'a Lease>,
}

impl<'a> Worker<'a> {
    /// Does a change whose step is ready, and writes down what came of it.
    ///
    /// `before` holds the ids seen in the change's scope before, so that what a create makes stands out; `behind` the
    /// addresses behind the ways that it alters.
    pub async fn work(self, change: Planned, before: BTreeSet<ProviderId>, behind: Vec<String>) -> Ended {
        let began = Instant::now();
        // The name is OpenTelemetry's: a trace shows the change as failed.
        let status = tracing::field::Empty;
        let span = tracing::info_span!(
            "change", resource = %change.key.id, change = %change.key, otel.status_code = status
        );
        let _on_board = self.keeper.board().begins(&change.key, &change.title, self.ports.clock.now());
        let attempt = AssertUnwindSafe(self.attempt(&change, before, &behind)).catch_unwind();
        let result = tracing::Instrument::instrument(attempt, span.clone()).await;
        let result = result.unwrap_or_else(|panic| Err(mistake(&change, &said(panic.as_ref())).into()));
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (attempt, done, back) = match result {
            Ok(done) => {
                span.in_scope(|| tracing::info!(took_ms, "done"));
                (Attempt::Done, done, None)
            }
            Err(Broken { fault, again, back }) => {
                span.in_scope(|| tracing::warn!(fault = %fault, hint = fault.hint(), "failed"));
                span.record("otel.status_code", "ERROR");
                (self.failed(&change, fault, again).await, Done::default(), back.map(|back| *back))
            }
        };
        Ended { outcome: Outcome { key: change.key.clone(), change, attempt, took_ms }, done, back }
    }

    async fn attempt(&self, change: &Planned, before: BTreeSet<ProviderId>, behind: &[String]) -> Result<Done, Broken> {
        let Some(kind) = kinds::ALL.iter().copied().find(|k| k.name() == change.key.id.kind) else {
            return Err(Fault::permanent(
                format!("{} is of a kind that this program lacks", change.key),
                "Update driftless.",
            )
            .into());
        };
        self.same_team().await?;
        self.lease.map_or(Ok(()), Lease::check)?;
        let answering = Answering::before(&self.ports.reach, behind).await;
        self.promise(change, &answering).await.map_err(not_written)?;
        let done = match record::only_remembered(change) {
            true => Ok(Done::default()),
            false => self.operate(kind, change, before).await,
        };
        if done.as_ref().is_err_and(|fault| !matches!(fault, Fault::Unclear { .. })) {
            self.kept(&change.key).await; // Nothing was done.
        }
        let done = done?;
        self.reach_anew(kind, change, &done, answering).await?;
        let owned = self.keeper.memory().owned.get(&change.key.id).cloned();
        let document = self.estate.documents.get(&change.key.id);
        let now = self.ports.clock.now();
        let mut patches = record::done(kind, document, owned.as_ref(), change, &done, now);
        if settle::shows_later(kind, &change.key) {
            let open = self.keeper.memory().intents.get(&change.key).cloned();
            let answered = |i| Intent { reached: Reached::Answered, unclear: false, stage: None, opened: now, ..i };
            patches.extend(open.map(answered).map(Patch::Intend));
        }
        patches.extend(ground::forgotten(&kinds::pure(), &self.keeper.memory(), &change.key));
        if self.keeper.memory().approvals.contains_key(&change.digest) {
            patches.push(Patch::Spend(change.digest.clone()));
            if change.key.verb.removes() {
                patches.push(Patch::Known(change.key.id.clone()));
            }
        }
        self.keeper.write(&patches).await.map_err(not_written)?;
        Ok(done)
    }

    /// Refuses to write with a token that has come to be another team's since the look: it costs no call while the
    /// token stays the same.
    pub(super) async fn same_team(&self) -> Result<(), Fault> {
        let Some(pinned) = self.keeper.memory().team.clone() else { return Ok(()) };
        let team = self.ports.digitalocean.owner().await?;
        if team == pinned {
            return Ok(());
        }
        Err(Fault::transient(
            format!("the token belongs to team {team} now, but this estate lives in team {pinned}"),
            "Nothing was sent. Put back a token of the right team.",
        ))
    }

    pub(super) async fn operate(
        &self,
        kind: &dyn AnyOperate,
        change: &Planned,
        before: BTreeSet<ProviderId>,
    ) -> Result<Done, Fault> {
        let Step::Ready(step) = &change.step else {
            return Err(Fault::permanent(
                format!("{} has no work that could be done", change.key),
                "Make the plan anew.",
            ));
        };
        let open = self.keeper.memory().intents.get(&change.key).cloned();
        let later = settle::shows_later(kind, &change.key);
        let intent = match open {
            Some(intent) if !later => intent,
            former => Intent { stage: former.and_then(|i| i.stage), ..self.intent(kind, change, before) },
        };
        if later || matches!(change.key.verb, Verb::Create | Verb::Replace) {
            // Durable before anything is sent: what follows may be lost, this may not.
            self.keeper.write(&[Patch::Intend(intent.clone())]).await.map_err(not_written)?;
        }
        let pins = self.keeper.memory().pins.clone();
        let stages = Stages { keeper: self.keeper, ports: self.ports, intent: intent.clone() };
        let document = self.estate.documents.get(&change.key.id);
        let work = Work {
            ports: self.ports,
            key: &change.key,
            want: document.map(|document| &document.want),
            document,
            provider_id: change.provider_id.as_ref(),
            pins: &pins,
            intent: Some(&intent),
            progress: &stages,
        };
        kind.apply(&work, step.clone()).await
    }

    fn intent(&self, kind: &dyn AnyOperate, change: &Planned, before: BTreeSet<ProviderId>) -> Intent {
        let document = self.estate.documents.get(&change.key.id);
        Intent {
            key: change.key.clone(),
            scope: record::scope(kind, document, change),
            keys: document.map(|d| kind.keys(&d.want)).unwrap_or_default(),
            before,
            provider_id: None,
            generation: change.generation,
            stage: None,
            opened: self.ports.clock.now(),
            unclear: false,
            wrote: change.wrote.iter().cloned().collect(),
            settles: change.settles.clone().filter(|_| change.key.part.is_some()),
            reached: Reached::Begun,
        }
    }

    /// Writes a failure down and says when it is tried again.
    async fn failed(&self, change: &Planned, fault: Fault, again: bool) -> Attempt {
        let now = self.ports.clock.now();
        let memory = self.keeper.memory();
        let open = memory.intents.get(&change.key).cloned();
        let former = memory.failures.get(&change.key).cloned();
        let former = former.filter(|f| f.digest == change.digest);
        let attempts = former.as_ref().map_or(0, |f| f.attempts) + 1;
        let next = if again { self.next(&fault, attempts, now, &change.digest) } else { None };
        let mut patches = Vec::new();
        match (&fault, open) {
            // Whatever was sent was sent before now.
            (Fault::Unclear { .. }, Some(intent)) => {
                patches.push(Patch::Intend(Intent { unclear: true, opened: now, ..intent }));
            }
            // What was made, or passed through a bad state, is found again by its intent.
            (_, Some(intent)) if intent.stage.is_some() || intent.provider_id.is_some() => {
                patches.push(Patch::Intend(Intent { opened: now, ..intent }));
            }
            (_, Some(_)) => patches.push(Patch::Settle(change.key.clone())),
            (_, None) => {}
        }
        let since = former.map_or(now, |f| f.since);
        let unfit = if matches!(fault, Fault::Unfit { .. }) { change.settles.clone() } else { None };
        let failure = Failure { digest: change.digest.clone(), attempts, next, fault: fault.clone(), since, unfit };
        patches.push(Patch::Fail(change.key.clone(), failure));
        if let Err(error) = self.keeper.write(&patches).await {
            tracing::error!(%error, "a failure could not be written to the journal");
        }
        Attempt::Failed { fault, attempts, next }
    }

    fn next(&self, fault: &Fault, attempts: u32, now: Timestamp, digest: &Digest) -> Option<Timestamp> {
        let wait = match fault {
            Fault::Unclear { .. } => return Some(now),
            Fault::Unfit { .. } => return None,
            Fault::Transient { retry_after: Some(wait), .. } => *wait,
            Fault::Transient { .. } => self.backoff.next(attempts, seed(digest))?,
            // A refusal seldom cures itself, but a token may gain a scope and a limit may be raised: seldom, not never.
            Fault::Permanent { .. } | Fault::Hindered { .. } => REFUSED.next(attempts, seed(digest))?,
        };
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_secs(60));
        now.saturating_add(wait).ok()
    }
}

/// Why a change did not get done, and whether another try makes sense.
struct Broken {
    fault: Fault,
    again: bool,
    back: Option<Box<Outcome>>,
}

impl<F: Into<Fault>> From<F> for Broken {
    fn from(fault: F) -> Self {
        Self { fault: fault.into(), again: true, back: None }
    }
}

impl From<Box<Lost>> for Broken {
    fn from(lost: Box<Lost>) -> Self {
        Self { fault: lost.fault, again: false, back: lost.back }
    }
}

/// Spreads retries of different changes apart, the same way each time.
fn seed(digest: &Digest) -> u64 {
    digest.seed()
}

/// What a panic said.
pub(super) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it said nothing".to_owned())
}

/// The fault of a change that panicked: a create may have been sent, so it is settled by looking.
fn mistake(change: &Planned, panic: &str) -> Fault {
    let what = format!("{} ended by a mistake in driftless: {panic}", change.key);
    let kind = kinds::ALL.iter().find(|kind| kind.name() == change.key.id.kind);
    match change.key.verb {
        _ if kind.is_some_and(|kind| settle::shows_later(*kind, &change.key)) => {
            Fault::unclear(what, "The next looks find out what was done. Please report this.")
        }
        Verb::Create | Verb::Replace => {
            Fault::unclear(what, "The next look finds out what was done. Please report this.")
        }
        _ => {
            Fault::permanent(what, "The next look finds out what was done. Please report this with the log around it.")
        }
    }
}

fn not_written(error: crate::ports::store::StoreError) -> Fault {
    Fault::transient(
        format!("the journal could not be written: {error}"),
        "Nothing is sent before it can be; see whether the disk is full.",
    )
}

/// Writes stages of one change into its intent.
struct Stages<'a> {
    keeper: &'a Keeper,
    ports: &'a Ports,
    intent: Intent,
}

impl Progress for Stages<'_> {
    fn tell(&self, stage: &str, detail: &str) {
        self.keeper.board().tells(&self.intent.key, stage, detail, self.ports.clock.now());
    }

    fn stage<'b>(&'b self, stage: Option<&'b str>, made: Option<&'b ProviderId>) -> BoxFuture<'b, Result<(), Fault>> {
        Box::pin(async move {
            let known = self.keeper.memory().intents.get(&self.intent.key).cloned();
            let mut intent = known.unwrap_or_else(|| self.intent.clone());
            intent.stage = stage.map(str::to_owned).or(intent.stage);
            intent.provider_id = made.cloned().or(intent.provider_id);
            self.keeper.write(&[Patch::Intend(intent)]).await.map_err(not_written)
        })
    }

    fn pin<'b>(&'b self, pin: Pin) -> BoxFuture<'b, Result<(), Fault>> {
        Box::pin(async move {
            let patch = Patch::Pin(self.intent.key.id.clone(), pin);
            self.keeper.write(&[patch]).await.map_err(not_written)
        })
    }
}

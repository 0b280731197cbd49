//! The loop: when a cycle runs. On a schedule with jitter, on a push seen in a local repo, on a signal, on demand.
//! Owns no reconcile: that is `cycle`. A trigger carries nothing but the wish to look.

use super::backoff::jitter;
use super::cycle::{Controller, Next};
use super::execute::Progress;
use super::pulse::BEAT;
use super::schedule::Scheduler;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Why somebody wants a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The branch may have moved: a run under way begins nothing new.
    Git,
    /// Somebody asks: a signal, an approval, a request.
    Asked,
    /// Somebody stops work: a run under way begins nothing new, even where a push has just ended the one before.
    Halt,
}

/// How the loop is run.
pub struct Pace {
    /// The share by which intervals stray, so that many controllers do not look at once.
    pub jitter: f64,
    /// The seed of that chance.
    pub seed: u64,
    /// How long work in flight may take to end after a stop.
    pub grace: Duration,
}

/// Runs cycles until `stop`; returns once nothing is under way.
///
/// Guarantees: never two cycles at once; requests that come meanwhile merge into one more.
/// What happens if interrupted: see `Controller::cycle`.
pub async fn run(
    controller: &Controller,
    pace: &Pace,
    mut wakes: mpsc::Receiver<Wake>,
    stop: CancellationToken,
    heard: &(dyn Fn(Progress<'_>) + Send + Sync),
) {
    let mut schedule = Scheduler::default();
    schedule.request((), Instant::now());
    let mut turn: u64 = 0;
    // A cycle that a push ended is followed by one that no push ends, so that a busy repo starves nobody.
    let mut cut = false;
    let mut open = true;
    let mut beat = tokio::time::interval(BEAT);
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = beat.tick() => controller.pulse.beat(),
            wake = wakes.recv(), if open => match wake {
                Some(_) => schedule.request((), Instant::now()),
                None => open = false,
            },
            () = schedule.next() => {
                turn += 1;
                let ear = Ear { wakes: &mut wakes, schedule: &mut schedule, heeds: !cut, cut: &mut cut };
                let Some(next) = watched(controller, pace, ear, &stop, heard).await else { break };
                schedule.done(&());
                let wait = match next {
                    Next::Interval(interval) => jitter(interval, pace.jitter, pace.seed.wrapping_add(turn)),
                    Next::Soon(soon) => soon,
                };
                schedule.request((), Instant::now() + wait);
            }
        }
    }
}

/// What is heard of the world outside while a cycle runs.
struct Ear<'a> {
    wakes: &'a mut mpsc::Receiver<Wake>,
    schedule: &'a mut Scheduler<()>,
    /// Whether a push ends the cycle's run.
    heeds: bool,
    /// Whether one did.
    cut: &'a mut bool,
}

/// Runs one cycle and keeps an ear open: a push ends its run after the changes in flight, a stop within the grace time.
async fn watched(
    controller: &Controller,
    pace: &Pace,
    ear: Ear<'_>,
    stop: &CancellationToken,
    heard: &(dyn Fn(Progress<'_>) + Send + Sync),
) -> Option<Next> {
    let ending = stop.child_token();
    let cycle = controller.cycle(&ending, heard);
    tokio::pin!(cycle);
    let mut open = true;
    let mut beat = tokio::time::interval(BEAT);
    *ear.cut = false;
    loop {
        tokio::select! {
            next = &mut cycle => return Some(next),
            _ = beat.tick() => controller.pulse.beat(),
            wake = ear.wakes.recv(), if open => match wake {
                Some(wake) => {
                    if wake == Wake::Git && ear.heeds {
                        ending.cancel();
                        *ear.cut = true;
                    }
                    if wake == Wake::Halt {
                        ending.cancel();
                    }
                    ear.schedule.request((), Instant::now());
                }
                None => open = false,
            },
            () = stop.cancelled() => {
                tracing::info!(grace_s = pace.grace.as_secs(), "stopping: nothing new is begun, what is under way may end");
                return tokio::time::timeout(pace.grace, &mut cycle).await.ok().map(|_| Next::Soon(Duration::ZERO));
            }
        }
    }
}

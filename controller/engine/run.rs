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
    let mut pushes = Pushes::default();
    let mut open = true;
    let mut beat = tokio::time::interval(BEAT);
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = beat.tick() => controller.pulse.beat(),
            wake = wakes.recv(), if open => match wake {
                Some(wake) => schedule.request((), pushes.when(wake)),
                None => open = false,
            },
            () = schedule.next() => {
                turn += 1;
                pushes.begun();
                let ear = Ear {
                    wakes: &mut wakes, schedule: &mut schedule, pushes: &mut pushes, heeds: !cut, cut: &mut cut,
                };
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

/// The least time between the cycles that pushes begin.
const APART: Duration = Duration::from_secs(1);

/// When a push is answered: the first at once, and those that follow it closely together, a second after it. People who
/// ask, and those who stop work, are answered at once.
#[derive(Default)]
struct Pushes {
    /// A cycle is wanted because of one.
    wanted: bool,
    /// When the last cycle began that was.
    answered: Option<Instant>,
}

impl Pushes {
    /// When the cycle is to begin that somebody wants.
    fn when(&mut self, wake: Wake) -> Instant {
        let now = Instant::now();
        if wake != Wake::Git {
            return now;
        }
        self.wanted = true;
        self.answered.map_or(now, |answered| now.max(answered + APART))
    }

    /// A cycle begins, and finds whatever was pushed before.
    fn begun(&mut self) {
        if std::mem::take(&mut self.wanted) {
            self.answered = Some(Instant::now());
        }
    }
}

/// What is heard of the world outside while a cycle runs.
struct Ear<'a> {
    wakes: &'a mut mpsc::Receiver<Wake>,
    schedule: &'a mut Scheduler<()>,
    pushes: &'a mut Pushes,
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
                    ear.schedule.request((), ear.pushes.when(wake));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays wake-ups every ten milliseconds; gives when cycles began, each of which takes a while.
    async fn play(wakes: &[Wake], takes: Duration) -> Vec<Duration> {
        let (start, mut schedule, mut pushes) = (Instant::now(), Scheduler::default(), Pushes::default());
        let (mut begun, mut ends) = (Vec::new(), None);
        for turn in 0..500 {
            if let Some(wake) = wakes.get(turn) {
                schedule.request((), pushes.when(*wake));
            }
            if ends.is_some_and(|end| Instant::now() >= end) {
                schedule.done(&());
                ends = None;
            }
            if tokio::time::timeout(Duration::from_millis(1), schedule.next()).await.is_ok() {
                pushes.begun();
                begun.push(start.elapsed());
                ends = Some(Instant::now() + takes);
            }
            tokio::time::sleep(Duration::from_millis(9)).await;
        }
        begun
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_push_is_answered_at_once_and_a_burst_once_a_second() {
        let begun = play(&[Wake::Git; 300], Duration::from_millis(50)).await;
        assert!(begun.first().is_some_and(|first| *first < Duration::from_millis(10)), "{begun:?}");
        assert_eq!(begun.len(), 4, "three seconds of pushes, and the last of them: {begun:?}");
        assert!(begun.windows(2).all(|two| two[1] - two[0] >= APART), "{begun:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_push_after_a_quiet_second_and_whoever_asks_are_answered_at_once() {
        let mut wakes = vec![Wake::Git];
        wakes.extend([Wake::Asked; 3]);
        let begun = play(&wakes, Duration::from_millis(5)).await;
        assert!(begun.len() == 4 && begun[3] < Duration::from_millis(100), "{begun:?}");
        let (mut pushes, start) = (Pushes::default(), Instant::now());
        pushes.when(Wake::Git);
        pushes.begun();
        tokio::time::sleep(APART).await;
        assert_eq!(pushes.when(Wake::Git), start + APART);
    }
}

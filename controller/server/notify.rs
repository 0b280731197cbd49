//! Keeps systemd told: that the start is over, that the loop lives, how it stands, that it ends.

use crate::engine::cycle::Controller;
use crate::engine::snapshot::Snapshot;
use crate::ports::systemd;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the start, and a watchdog that was not asked for, are looked at.
const USUAL: Duration = Duration::from_secs(10);

/// Tells systemd until `closing`; at `stop`, that it ends.
///
/// The watchdog hears of us only while the loop lives, so that one that hangs is restarted. A first cycle may take
/// longer than systemd waits for a start, and asks for more time as long as the loop lives.
pub(super) async fn keep_told(controller: Arc<Controller>, stop: CancellationToken, closing: CancellationToken) {
    let mut snapshots = controller.snapshot.subscribe();
    // Three times within its patience, so that one late beat is no death.
    let every = systemd::watchdog().map_or(USUAL, |patience| patience / 3).clamp(Duration::from_millis(10), USUAL);
    let mut beat = tokio::time::interval(every);
    let (mut started, mut stopping) = (false, false);
    loop {
        tokio::select! {
            () = closing.cancelled() => break,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                systemd::stopping();
            }
            changed = snapshots.changed() => {
                if changed.is_err() {
                    break;
                }
                let snapshot = snapshots.borrow_and_update().clone();
                systemd::status(&line(&snapshot));
                if !started {
                    started = true;
                    systemd::ready();
                }
            }
            _ = beat.tick() => {
                if controller.pulse.trouble().is_none() {
                    systemd::alive();
                    if !started {
                        systemd::wait(every * 3 + USUAL);
                    }
                }
            }
        }
    }
    // The loop may have ended before this task was next awake.
    if !stopping {
        systemd::stopping();
    }
}

/// `4f2c9d1: 12 of 14 in sync, 1 held, frozen`.
fn line(snapshot: &Snapshot) -> String {
    let Some(plan) = &snapshot.after else {
        let why = snapshot.troubles.first().map_or("there is no valid commit", |t| t.what.as_str());
        return format!("nothing is looked at: {why}");
    };
    let commit = plan.commit.as_deref().and_then(|c| c.get(..7)).unwrap_or("no commit");
    let mut line = format!("{commit}: {} of {} in sync", plan.in_sync, plan.resources);
    let held = plan.held().count();
    for (n, word) in [(held, "held"), (plan.unknown, "unknown"), (snapshot.troubles.len(), "troubles")] {
        if n > 0 {
            line.push_str(&format!(", {n} {word}"));
        }
    }
    if plan.frozen.is_some() {
        line.push_str(", frozen");
    }
    line
}

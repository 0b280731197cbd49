//! The plan's own time: ten times the estate, at most twelve times the time.

use crate::estate::{LARGE, Size};
use crate::look::{estate, in_sync, ports, remember, runtime};
use crate::report::{Report, ms, spread, timed};
use crate::world;
use driftless::engine::look::look;
use driftless::kinds;
use driftless::model::{Estate, Memory, Scope, Sighting, World};
use driftless::plan::{self, Brakes};
use driftless::sandbox;
use std::time::Duration;

const RUNS: usize = 7;

/// Measures an empty plan, and one that makes everything.
pub fn measure(report: &mut Report) {
    let small = of(report, 1);
    let large = of(report, 10);
    apart(report, large.0);
    for (what, small, large) in [("an empty plan", small.0, large.0), ("a plan of creates", small.1, large.1)] {
        report.figure(&format!("{what}, 10 times the estate"), ms(large) / ms(small), "times", 12.0, "");
    }
}

fn of(report: &Report, factor: usize) -> (Duration, Duration) {
    let (estate, seen, memory) = made(LARGE.times(factor));
    in_sync(&plan::plan(&kinds::pure(), &estate, &seen, &memory, &Brakes::default()));
    let empty = planning(report, &format!("{factor}x, an empty plan"), &estate, &seen, &memory);
    let nothing = nothing(&seen);
    let full = planning(report, &format!("{factor}x, a plan of creates"), &estate, &nothing, &Memory::default());
    (empty, full)
}

/// How much of that is memory and not work: ten estates of the first size, each with a world of its own, planned one after
/// the other. Nobody could do less work for them than ten times that of one, and none finds its own in a cache.
fn apart(report: &Report, whole: Duration) {
    let all: Vec<(Estate, World, Memory)> = (0..10).map(|_| made(LARGE)).collect();
    let pass = || {
        let plans = all.iter().map(|(estate, seen, memory)| {
            plan::plan(&kinds::pure(), estate, seen, memory, &Brakes::default()).changes.len()
        });
        plans.sum::<usize>()
    };
    let times: Vec<Duration> = (0..RUNS).map(|_| timed(pass).1).collect();
    let (low, middle, high) = spread(&times);
    let share = ms(whole) / ms(middle);
    let text = format!(
        "{:.1} ms ({:.1} to {:.1}) one after the other; the one of ten times the size takes {share:.2} times that",
        ms(middle),
        ms(low),
        ms(high)
    );
    report.note("ten estates of 1x, an empty plan each", &text);
}

/// An estate of a size, the world that it describes, and what is remembered of it.
fn made(size: Size) -> (Estate, World, Memory) {
    let estate = estate(size);
    let (seen, memory) = runtime().block_on(async {
        let running = sandbox::serve(world::settings()).await.expect("a simulator");
        size.plant(&running.handle());
        let ports = ports(&running.url());
        let memory = remember(&ports, &estate).await;
        (look(&ports, &estate, &memory).await, memory)
    });
    (estate, seen, memory)
}

/// The same world after everything in it has gone.
fn nothing(seen: &World) -> World {
    let gone = |scope: &Scope| (scope.clone(), Sighting { found: Ok(Vec::new()) });
    World { scopes: seen.scopes.keys().map(gone).collect(), ..seen.clone() }
}

fn planning(report: &Report, what: &str, estate: &Estate, world: &World, memory: &Memory) -> Duration {
    let plan = || plan::plan(&kinds::pure(), estate, world, memory, &Brakes::default());
    let times: Vec<Duration> = (0..RUNS).map(|_| timed(plan).1).collect();
    let (low, middle, high) = spread(&times);
    let text = format!("{:.1} ms ({:.1} to {:.1}), {} changes", ms(middle), ms(low), ms(high), plan().changes.len());
    report.note(what, &text);
    middle
}

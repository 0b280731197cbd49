//! A team that has only DNS: one zone of a thousand records.

use crate::estate::ZONE;
use crate::look::{estate, in_sync, ports, remember, runtime};
use crate::report::{Report, timed};
use crate::world::World;
use driftless::engine::look::look;
use driftless::kinds;
use driftless::plan::{self, Brakes};
use std::time::{Duration, Instant};

const RUNS: usize = 9;

/// Measures a look of a controller that runs: the account was asked for once.
pub fn measure(report: &mut Report) {
    let world = World::of(ZONE);
    runtime().block_on(async {
        let (ports, estate) = (ports(&world.url), estate(ZONE));
        let memory = remember(&ports, &estate).await;
        let (mut times, mut calls) = (Vec::new(), 0);
        for _ in 0..RUNS {
            let began = Instant::now();
            let seen = look(&ports, &estate, &memory).await;
            let (plan, _) = timed(|| plan::plan(&kinds::pure(), &estate, &seen, &memory, &Brakes::default()));
            times.push(began.elapsed());
            in_sync(&plan);
            calls = seen.calls;
        }
        report.figure("API calls", calls as f64, "calls", 6.0, "");
        report.times("observe and an empty plan", &times, Duration::from_secs(1));
    });
}

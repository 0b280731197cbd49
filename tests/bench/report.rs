//! How figures are printed: what was measured, its median and worst, and what it must reach.

use std::time::{Duration, Instant};

/// What was measured so far.
#[derive(Default)]
pub struct Report {
    missed: Vec<String>,
}

impl Report {
    /// Prints a figure and whether it reaches its aim.
    pub fn figure(&mut self, what: &str, measured: f64, unit: &str, aim: f64, more: &str) {
        let mark = if measured <= aim { "reached" } else { "MISSED" };
        println!("  {what:<44} {measured:>9.2} {unit:<5} at most {aim} {unit}: {mark}{more}");
        if measured > aim {
            self.missed.push(what.to_owned());
        }
    }

    /// Prints the median of several runs against its aim, with the quickest and the slowest beside it.
    pub fn times(&mut self, what: &str, runs: &[Duration], aim: Duration) {
        let (low, middle, high) = spread(runs);
        let more = format!(" ({} runs, {:.0} to {:.0} ms)", runs.len(), ms(low), ms(high));
        self.figure(what, ms(middle), "ms", ms(aim), &more);
    }

    /// Prints something that has no aim.
    pub fn note(&self, what: &str, text: &str) {
        println!("  {what:<44} {text}");
    }

    /// Prints what missed its aim.
    pub fn end(self) {
        match self.missed.as_slice() {
            [] => println!("every aim was reached"),
            missed => println!("MISSED: {}", missed.join(", ")),
        }
    }
}

/// The quickest, the median and the slowest of some runs.
pub fn spread(runs: &[Duration]) -> (Duration, Duration, Duration) {
    let mut sorted = runs.to_vec();
    sorted.sort_unstable();
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    (at(0), at(sorted.len() / 2), at(sorted.len().saturating_sub(1)))
}

/// Milliseconds with their fraction.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// How long something takes, and what it gives.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let value = work();
    (value, began.elapsed())
}

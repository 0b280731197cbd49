//! The figures that driftless must reach, measured on the simulator and printed. Decides nothing and fails no build:
//! a figure that misses its aim is marked, and somebody looks at it. `README.md` holds the last ones.
#![allow(clippy::print_stdout, reason = "printing is what this program is for")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a benchmark that cannot go on says so and ends"
)]

mod estate;
mod hooks;
mod hosts;
mod idle;
mod linear;
mod look;
mod process;
mod push;
mod report;
mod served;
mod serving;
mod soak;
mod stacks;
mod world;
mod zone;

use report::Report;

/// A benchmark's name and what it runs.
type Bench = (&'static str, fn(&mut Report));

/// Every benchmark.
const ALL: &[Bench] = &[
    ("look", look::measure),
    ("linear", linear::measure),
    ("zone", zone::measure),
    ("push", push::measure),
    ("hooks", hooks::measure),
    ("idle", idle::measure),
    ("hosts", hosts::measure),
    ("serving", serving::measure),
];

/// Benchmarks that take an hour and run only where they are named.
const LONG: &[Bench] = &[("soak", soak::measure)];

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [first, size @ ..] = arguments.as_slice()
        && first == world::CHILD
    {
        return world::be_a_world(size);
    }
    if arguments.first().is_some_and(|first| first == hosts::CHILD) {
        return hosts::be_hosts();
    }
    let mut report = Report::default();
    let asked = |name: &str| arguments.iter().any(|a| a == name);
    for (name, measure) in ALL.iter().chain(LONG.iter().filter(|(name, _)| asked(name))) {
        if arguments.is_empty() || asked(name) {
            println!("{name}");
            measure(&mut report);
        }
    }
    report.end();
}

//! The promises under random schedules of commits, edits by hand, crashes, lost replies, refusals, stale lists, clock jumps
//! and lost journals, in process.
//!
//! `CHAOS=10000` plays so many, `CHAOS_SEED=123` plays one and prints its story, `CHAOS_FROM=5000` begins elsewhere,
//! `CHAOS_SHRINK=100` looks for a smaller story of a failure. A failure prints seed, story and the broken promise.

mod found;
mod hosts;
mod kills;
mod play;
mod schedule;
mod watch;

use play::{Story, play};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use schedule::Schedule;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So many are played where nobody says otherwise.
const USUALLY: u64 = 40;
/// No schedule takes this long, on a busy machine either.
const LONGEST: Duration = Duration::from_secs(120);
/// Failures that are told whole; more are only counted.
const TOLD: usize = 5;

/// How the reasons begin that name a broken promise.
const BROKEN: [&str; 6] = ["DUPLICATE: ", "LOST: ", "UNOWNED TOUCHED: ", "HELD DONE: ", "NOT CONVERGED: ", "HANGS: "];

/// What came of the schedules.
#[derive(Default)]
struct Tally {
    played: u64,
    failed: Vec<(u64, String)>,
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn runner(seed: u64) -> TestRunner {
    TestRunner::new(Config { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() })
}

/// Plays one schedule; gives what was told and, where a promise was broken, how.
fn attempt(schedule: &Schedule) -> (Story, Result<(), String>) {
    let story = Story::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let played = std::panic::catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async { tokio::time::timeout(LONGEST, play(schedule, &story)).await })
    }));
    let result = match played {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err("HANGS: it does not come to an end".to_owned()),
        Err(panic) => Err(said(panic.as_ref())),
    };
    (story, result)
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it said nothing".to_owned())
}

/// How many runs kept each promise.
fn counts(played: u64, failed: &[(u64, String)]) -> String {
    let broken = |word: &str| failed.iter().filter(|(_, why)| reason(why).contains(word)).count();
    format!(
        "{} converged, {} duplicates, {} losses, {} unowned touched, {} held done",
        played - failed.len() as u64,
        broken("DUPLICATE: "),
        broken("LOST: "),
        broken("UNOWNED TOUCHED: "),
        broken("HELD DONE: ")
    )
}

/// The line that names the broken promise.
fn reason(why: &str) -> &str {
    why.lines().rev().find(|line| BROKEN.iter().any(|word| line.contains(word))).unwrap_or("another reason")
}

/// Plays the schedule of a seed, and a smaller one where it fails and somebody asks for that.
fn seed(seed: u64) -> Result<Story, String> {
    let mut tree = Schedule::any().new_tree(&mut runner(seed)).expect("a schedule");
    let (story, result) = attempt(&tree.current());
    let Err(mut why) = result else { return Ok(story) };
    let mut lines = story.lines();
    let mut left = variable("CHAOS_SHRINK").unwrap_or(0);
    while left > 0 && tree.simplify() {
        loop {
            left = left.saturating_sub(1);
            let (smaller, result) = attempt(&tree.current());
            if let Err(reason) = result {
                (lines, why) = (smaller.lines(), reason);
                break;
            }
            if left == 0 || !tree.complicate() {
                break;
            }
        }
    }
    Err(format!("{}\n{why}\nagain: CHAOS_SEED={seed} cargo test --test suite chaos -- --nocapture", lines.join("\n")))
}

#[test]
#[expect(clippy::print_stdout, reason = "whoever asks for one story wants to read it, and the counts are a benchmark")]
fn every_estate_converges_after_any_schedule_of_faults() {
    if let Some(one) = variable("CHAOS_SEED") {
        match seed(one) {
            Ok(story) => println!("{}", story.lines().join("\n")),
            Err(why) => panic!("seed {one}:\n{why}"),
        }
        return;
    }
    let (many, from) = (variable("CHAOS").unwrap_or(USUALLY), variable("CHAOS_FROM").unwrap_or(0));
    let threads = std::thread::available_parallelism().map_or(2, usize::from) * 4;
    let (next, tally, began) = (AtomicU64::new(from), Mutex::new(Tally::default()), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= from + many {
                        break;
                    }
                    let result = seed(number);
                    if result.is_err() {
                        println!("seed {number} breaks a promise");
                    }
                    let mut tally = tally.lock().expect("no panic");
                    tally.played += 1;
                    tally.failed.extend(result.err().map(|why| (number, why)));
                }
            });
        }
    });
    let tally = tally.into_inner().expect("no panic");
    println!(
        "chaos: {} schedules, {}, {:.1} s",
        tally.played,
        counts(tally.played, &tally.failed),
        began.elapsed().as_secs_f64()
    );
    let seeds: Vec<String> = tally.failed.iter().map(|(seed, why)| format!("{seed}: {}", reason(why))).collect();
    let told: Vec<String> =
        tally.failed.iter().take(TOLD).map(|(seed, why)| format!("seed {seed}:\n{why}\n")).collect();
    assert!(tally.failed.is_empty(), "{}\n{}", told.join("\n"), seeds.join("\n"));
}

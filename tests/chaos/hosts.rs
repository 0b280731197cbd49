//! The promises on simulated hosts under random schedules: commits of stacks and sites, moves from host to host, people on
//! the machines, connections that break, programs that fail, full disks, crashes and lost journals.
//!
//! `CHAOS_HOSTS=200` plays so many, `CHAOS_HOSTS_SEED=123` plays one and prints its story, `CHAOS_HOSTS_FROM=500` begins
//! elsewhere. What a crash interrupts is told by the number of changes begun, so that a seed tells much the same each time.

mod found;
mod judge;
mod play;
mod schedule;

use super::play::Story;
use super::{LONGEST, TOLD, runner, said, variable};
use proptest::strategy::{Strategy, ValueTree};
use schedule::Schedule;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// So many are played where nobody says otherwise.
const USUALLY: u64 = 4;
/// Played at the same time: each has machines with threads of their own.
const AT_ONCE: usize = 4;

/// How the reasons begin that name a broken promise.
const BROKEN: [(&str, &str); 5] = [
    ("NOT CONVERGED: ", "not converged"),
    ("LOST: ", "volumes lost"),
    ("UNOWNED TOUCHED: ", "unowned touched"),
    ("STARTED ANEW: ", "started anew for nothing"),
    ("HANGS: ", "hang"),
];

fn seed(seed: u64) -> Result<Story, String> {
    let schedule = Schedule::any().new_tree(&mut runner(seed)).expect("a schedule").current();
    let story = Story::default();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let played = std::panic::catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async { tokio::time::timeout(LONGEST, play::play(&schedule, &story)).await })
    }));
    runtime.shutdown_background();
    let why = match played {
        Ok(Ok(())) => return Ok(story),
        Ok(Err(_)) => "HANGS: it does not come to an end".to_owned(),
        Err(panic) => said(panic.as_ref()),
    };
    let again = format!("again: CHAOS_HOSTS_SEED={seed} cargo test --test suite chaos::hosts -- --nocapture");
    Err(format!("{}\n{why}\n{again}", story.lines().join("\n")))
}

/// The line that names the broken promise.
fn reason(why: &str) -> &str {
    why.lines().rev().find(|line| BROKEN.iter().any(|(word, _)| line.contains(word))).unwrap_or("another reason")
}

fn counts(played: u64, failed: &[(u64, String)]) -> String {
    let broken = |word: &str| failed.iter().filter(|(_, why)| reason(why).contains(word)).count();
    let all: Vec<String> = BROKEN.iter().map(|(word, words)| format!("{} {words}", broken(word))).collect();
    format!("{} converged, {}", played - failed.len() as u64, all.join(", "))
}

#[test]
#[expect(clippy::print_stdout, reason = "whoever asks for one story wants to read it, and the counts are a benchmark")]
fn hosts_converge_after_any_schedule_of_faults_and_nothing_of_others_is_touched() {
    if let Some(one) = variable("CHAOS_HOSTS_SEED") {
        match seed(one) {
            Ok(story) => println!("{}", story.lines().join("\n")),
            Err(why) => panic!("seed {one}:\n{why}"),
        }
        return;
    }
    let (many, from) = (variable("CHAOS_HOSTS").unwrap_or(USUALLY), variable("CHAOS_HOSTS_FROM").unwrap_or(0));
    let (next, played, failed, began) =
        (AtomicU64::new(from), AtomicU64::new(0), Mutex::new(Vec::new()), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= from + many {
                        break;
                    }
                    if let Err(why) = seed(number) {
                        println!("seed {number}: {}", reason(&why));
                        failed.lock().expect("no panic").push((number, why));
                    }
                    played.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no panic");
    let played = played.into_inner();
    println!("chaos of hosts: {played} schedules, {}, {:.1} s", counts(played, &failed), began.elapsed().as_secs_f64());
    let told: Vec<String> = failed.iter().take(TOLD).map(|(seed, why)| format!("seed {seed}:\n{why}\n")).collect();
    assert!(failed.is_empty(), "{}", told.join("\n"));
}

//! The promises as laws: random estates and worlds, through the real engine, git and HTTP.
//!
//! `DRIFTLESS_CASES=500` tries more, `DRIFTLESS_SEED=7` others, `DRIFTLESS_SHRINK=100` looks for a smaller input; a failing case is shown whole and comes again with
//! the same seed.

pub mod estates;
pub mod judge;
pub mod worlds;

use crate::house::{Setup, failed, lines};
use driftless::ports::clock::Clock;
use driftless::sandbox;
use estates::Estate;
use judge::Judge;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::time::Duration;
use worlds::Stray;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Tries a law on random inputs, the same ones in every run unless asked otherwise.
pub fn law<S: Strategy>(strategy: S, holds: impl Fn(&S::Value) -> futures::future::LocalBoxFuture<'_, ()>) {
    let cases = variable("DRIFTLESS_CASES").map_or(10, |n| n.try_into().unwrap_or(u32::MAX));
    let seed = variable("DRIFTLESS_SEED").unwrap_or(20_260_101);
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: variable("DRIFTLESS_SHRINK").map_or(0, |n| n.try_into().unwrap_or(u32::MAX)),
        ..Config::default()
    };
    let tried = TestRunner::new(config).run(&strategy, |input| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(holds(&input));
        Ok(())
    });
    if let Err(error) = tried {
        panic!("seed {seed}: {error}");
    }
}

async fn begin(estate: &Estate, strays: &[Stray]) -> Judge {
    let clock = Clock::at("2026-03-01T12:00:00Z".parse().expect("a time"));
    let sandbox = sandbox::Config { action_time: Duration::from_millis(1), ..crate::house::sandbox_settings() };
    Judge::begin(&estate.files(), Setup { clock, sandbox, ..Setup::default() }, strays).await
}

#[test]
fn an_applied_estate_is_in_sync_and_what_is_not_ours_is_left_alone() {
    let input = (Estate::any(), Estate::any(), worlds::strays(), worlds::edits());
    law(input, |(first, second, strays, edits)| {
        Box::pin(async move {
            let mut judge = begin(first, strays).await;
            judge.settle(10).await;
            judge.nothing_of_others_changed();
            judge.orderly();

            worlds::by_hand(&judge.house, edits);
            judge.look_at_strays();
            judge.settle(10).await;
            judge.orderly();

            judge.push(&second.edits(first)).await;
            judge.settle(10).await;
            judge.orderly();

            // Everything that waits for somebody's word gets it.
            for _ in 0..6 {
                if judge.house.approve_all().await == 0 {
                    break;
                }
                judge.settle(10).await;
            }
            judge.orderly();
            let plan = judge.plan();
            assert!(plan.going().next().is_none(), "{:#?}", lines(&plan));
        })
    });
}

#[test]
fn faults_on_writes_make_no_second_object_and_lose_none() {
    let input = (Estate::any(), Estate::any(), worlds::write_faults());
    law(input, |(first, second, faults)| {
        Box::pin(async move {
            let mut judge = begin(first, &[]).await;
            for (files, at) in [(None, 0), (Some(second.edits(first)), 1)] {
                if let Some(files) = files {
                    judge.push(&files).await;
                }
                for fault in faults {
                    judge.house.hand().inject(fault.line(at).parse().expect("a fault"));
                }
                for _ in 0..3 {
                    judge.cycle().await;
                    judge.house.pass(15);
                }
                judge.house.hand().clear_faults();
                judge.house.pass(90);
                judge.settle(14).await;
                let estate = if at == 0 { first } else { second };
                judge.whole(estate, at == 0);
            }
        })
    });
}

#[test]
fn what_cannot_be_seen_is_never_deleted() {
    let input = (Estate::any(), Estate::any(), worlds::read_faults());
    law(input, |(first, second, faults)| {
        Box::pin(async move {
            let mut judge = begin(first, &[]).await;
            judge.settle(10).await;
            judge.push(&second.edits(first)).await;
            judge.house.hand().forget_calls();
            for fault in faults {
                judge.house.hand().inject(fault.line(0).parse().expect("a fault"));
            }
            for _ in 0..3 {
                judge.cycle().await;
                judge.nothing_unseen_was_deleted(faults);
                judge.house.pass(15);
            }
            judge.house.hand().clear_faults();
            judge.house.pass(90);
            judge.settle(14).await;
            judge.whole(second, false);
        })
    });
}

#[test]
fn a_restart_between_any_two_cycles_changes_nothing() {
    let input = (Estate::any(), Estate::any(), worlds::write_faults());
    law(input, |(first, second, faults)| {
        Box::pin(async move {
            let mut judge = begin(first, &[]).await;
            judge.settle(10).await;
            judge.push(&second.edits(first)).await;
            for fault in faults {
                judge.house.hand().inject(fault.line(0).parse().expect("a fault"));
            }
            for _ in 0..3 {
                judge.cycle().await;
                judge = judge.restart().await;
                judge.house.pass(15);
            }
            judge.house.hand().clear_faults();
            judge.house.pass(90);
            judge.settle(14).await;
            judge = judge.restart().await;
            let snapshot = judge.cycle().await;
            assert!(snapshot.outcomes.is_empty(), "{:#?}", failed(&snapshot.outcomes));
            judge.whole(second, false);
        })
    });
}

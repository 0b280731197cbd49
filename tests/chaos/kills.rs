//! The same promises for the real binary, killed at random requests and moments and started again.
//!
//! `CHAOS_KILLS=200` runs so many, `CHAOS_KILL_SEED=7` one of them. Time is the machine's here, so that a create whose
//! fate nobody knows takes the minute it takes: runs wait beside each other.

use super::schedule::blend;
use super::watch::Watch;
use super::{said, variable};
use crate::laws::estates::Estate;
use crate::laws::{judge, worlds};
use crate::process::rig::{Rig, Started};
use driftless::model::Plan;
use futures::StreamExt;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

/// So many run where nobody says otherwise, and so many beside each other.
const USUALLY: u64 = 20;
const BESIDE: usize = 10;
/// How long a controller may take to the request at which it is killed; it may have come to rest before.
const BUSY: Duration = Duration::from_secs(4);
/// How long it may take to come to rest: a create of unknown fate takes a minute, twice if killed again.
const PATIENCE: Duration = Duration::from_secs(300);

/// One start and its end.
#[derive(Clone, Debug)]
struct Kill {
    next: Estate,
    parts: u16,
    /// At which of its requests it is killed, and how much later.
    at: u64,
    later: u64,
    /// Whether that request's work is not done, or nobody knows.
    undone: bool,
}

fn kills() -> impl Strategy<Value = (Estate, Vec<Kill>)> {
    let kill = (Estate::any(), any::<u16>(), 1..60u64, prop_oneof![Just(0), 0..40u64], any::<bool>());
    let kill = kill.prop_map(|(next, parts, at, later, undone)| Kill { next, parts, at, later, undone });
    (Estate::any(), proptest::collection::vec(kill, 1..4))
}

/// Plays one run to its end; panics where a promise is broken.
async fn run(seed: u64) {
    let (first, kills) = kills().new_tree(&mut super::runner(seed)).expect("a run").current();
    let files = first.files();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let rig = Rig::new(Duration::from_millis(20), &files).await;
    let hand = rig.hand();
    worlds::default_network(&hand.url()).await;
    worlds::Stray::Droplet.plant(&hand.url()).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (mut watch, mut estate) = (Watch::begin(&hand), first);
    for (n, kill) in kills.iter().enumerate() {
        if n > 0 {
            estate = commit(&rig, &estate, kill, n);
        }
        watch.before(&hand);
        let target = hand.calls().total + kill.at;
        let hangs = format!("* /v2/** hang after={} count=1", kill.at - 1);
        let fault = kill.undone.then(|| hand.inject(hangs.parse().expect("a fault")));
        let controller = start(&rig).await;
        // It may come to rest with fewer requests: then it is killed at rest.
        let _ = tokio::time::timeout(BUSY, hand.requests(target)).await;
        tokio::time::sleep(Duration::from_millis(kill.later)).await;
        end(controller).await;
        fault.into_iter().for_each(|fault| hand.lift(fault));
        // What was on its way to the simulator may still arrive.
        tokio::time::sleep(Duration::from_millis(100)).await;
        watch.after(&hand, &estate);
    }
    watch.before(&hand);
    let controller = start(&rig).await;
    let plan = rest(&rig, &mut watch).await;
    end(controller).await;
    watch.after(&hand, &estate);
    judge::whole(&hand, &plan, &estate, false);
    watch.nothing_of_others_changed(&hand);
}

fn commit(rig: &Rig, from: &Estate, kill: &Kill, n: usize) -> Estate {
    let next = blend(from, &kill.next, kill.parts);
    let edits = next.edits(from);
    for (path, _) in edits.iter().filter(|(_, text)| text.is_none()) {
        std::fs::remove_file(rig.repo().join(path)).expect("a file that is there");
    }
    let note = ("note.txt", format!("commit {n}"));
    let files: Vec<(&str, &str)> = edits.iter().filter_map(|(p, t)| Some((p.as_str(), t.as_deref()?))).collect();
    rig.push(&[&files[..], &[(note.0, note.1.as_str())]].concat());
    next
}

/// Starting and ending a process blocks; the simulator must go on meanwhile.
async fn start(rig: &Rig) -> Started {
    let command = rig.following(&[]);
    tokio::task::spawn_blocking(move || Started::new(command)).await.expect("it starts")
}

async fn end(controller: Started) {
    tokio::task::spawn_blocking(move || controller.kill()).await.expect("it ends");
}

/// Waits until the controller finds nothing more to do, and approves what it holds on the way.
async fn rest(rig: &Rig, watch: &mut Watch) -> Plan {
    let head = crate::house::git_in(&rig.repo(), &["rev-parse", "HEAD"]).trim().to_owned();
    let began = Instant::now();
    let mut last = String::new();
    while began.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let status = rig.run(&["status", "-o", "json"]).await;
        last = format!("{}{}", status.out, status.err);
        let status: serde_json::Value = serde_json::from_str(&status.out).unwrap_or_default();
        let Ok(plan) = serde_json::from_value::<Plan>(status["plan"].clone()) else { continue };
        if plan.commit.as_deref() != Some(&head) {
            continue;
        }
        if plan.is_empty() && plan.unknown == 0 && !plan.findings.iter().any(|f| f.rule == "outcome-unknown") {
            return plan;
        }
        watch.approve(&plan);
        for hold in plan.held().filter_map(|change| change.hold()) {
            // It may have been done or changed since; the next look tells.
            rig.run(&["approve", &hold.digest.hex()]).await;
        }
    }
    panic!("NOT CONVERGED: {last}");
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the counts are a benchmark")]
async fn every_estate_converges_however_the_program_is_killed() {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let seeds: Vec<u64> = match variable("CHAOS_KILL_SEED") {
        Some(one) => vec![one],
        None => (0..variable("CHAOS_KILLS").unwrap_or(USUALLY)).collect(),
    };
    let (began, many) = (Instant::now(), seeds.len());
    let runs = seeds.into_iter().map(|seed| async move {
        let done = tokio::spawn(async move { AssertUnwindSafe(run(seed)).await }).await;
        done.err().map(|error| (seed, said(error.into_panic().as_ref())))
    });
    let failed: Vec<(u64, String)> =
        futures::stream::iter(runs).buffer_unordered(BESIDE).filter_map(|r| async { r }).collect().await;
    let counts = super::counts(many as u64, &failed);
    println!("kill -9: {many} runs, {counts}, {:.1} s", began.elapsed().as_secs_f64());
    assert!(failed.is_empty(), "again with CHAOS_KILL_SEED: {failed:#?}");
}

//! One writer: of all controllers on one repo, one changes the world, and only as long as its lease is good.

use crate::house::{ENFORCE, House, Setup, git_in, lines};
use driftless::engine::cycle::Controller;
use driftless::engine::execute::Progress;
use driftless::engine::lease::{Lease, NotTaken, REF, Taken, Terms};
use driftless::engine::snapshot::Snapshot;
use driftless::engine::status::status;
use driftless::model::{Attempt, Patch, Pause, Verb};
use driftless::ports::clock::Clock;
use driftless::ports::git::Person;
use driftless::ports::machine::Place;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const VPC: &str = "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: main}\nspec: {name: production, region: sgp1, ipRange: 10.114.0.0/16}\n";
/// A droplet, and a record that is sent only after it.
const ERP: &str = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: erp}\nspec: {region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64}\n---\napiVersion: driftless/v1\nkind: Domain\nmetadata: {name: example.com}\nspec: {records: [{name: erp, type: A, droplet: erp}]}\n";

fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().expect("a time")
}

fn seconds(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

async fn house(files: &[(&str, &str)], terms: Terms) -> House {
    let files: Vec<_> = [("settings.yaml", ENFORCE)].into_iter().chain(files.iter().copied()).collect();
    House::set_up(&files, Setup { clock: Clock::at(noon()), terms, ..Setup::default() }).await
}

async fn cycle(controller: &Controller) -> Arc<Snapshot> {
    controller.cycle(&CancellationToken::new(), &|_| {}).await;
    controller.snapshot.borrow().clone()
}

/// What is said of the lease; nothing where it was had.
fn said(snapshot: &Snapshot) -> String {
    snapshot.troubles.iter().filter(|t| t.with == "lease").map(|t| t.what.clone()).collect()
}

/// Waits for a request to be on its way.
async fn until(condition: impl Fn() -> bool) {
    let mut tick = tokio::time::interval(Duration::from_millis(2));
    while !condition() {
        tick.tick().await;
    }
}

/// How many commits there are on the report branch.
fn reports(house: &House) -> usize {
    let all = git_in(&house.repo(), &["rev-list", "--all", "--count", "--", "reports"]);
    all.trim().parse().expect("a number")
}

fn sent(house: &House) -> usize {
    house.hand().calls().mutations.len()
}

#[tokio::test]
async fn a_second_controller_only_plans_until_the_lease_of_a_dead_first_has_run_out() {
    let house = house(&[("main.yaml", VPC)], Terms::default()).await;
    let other = house.another(house.setup.clock.clone()).await;
    let fault = house.hand().inject("POST /v2/vpcs latency=60s count=1".parse().expect("a fault"));
    // The first dies while its request is on its way, with the lease in its hand.
    tokio::select! {
        _ = house.cycle() => panic!("it was never sent"),
        () = until(|| house.hand().fired(fault) > 0) => {}
    }
    house.hand().forget_calls();
    let seen = cycle(&other).await;
    assert!(said(&seen).contains("until 2026-01-01 12:02:00 UTC"), "{:?}", seen.troubles);
    let status = status(&other.keeper, Some(&seen), noon()).await.expect("a status");
    assert!(status.running.expect("it runs").troubles.iter().any(|t| t.with == "lease"), "whoever asks it is told");
    assert_eq!(reports(&house), 0, "and of a run that is not its own it reports nothing");
    assert_eq!(seen.plan.as_ref().map(|p| p.going().count()), Some(1), "it plans all the same");
    house.setup.clock.advance(seconds(149));
    assert!(!said(&*cycle(&other).await).is_empty(), "a clock may be off: half a minute more");
    assert_eq!(sent(&house), 0);
    house.setup.clock.advance(seconds(1));
    let taken = cycle(&other).await;
    assert_eq!((said(&taken).as_str(), taken.outcomes.len()), ("", 1), "{:?}", taken.troubles);
}

#[tokio::test]
async fn who_takes_the_lease_over_looks_anew_and_does_nothing_twice() {
    let house = house(&[("main.yaml", VPC)], Terms::default()).await;
    let other = house.another(house.setup.clock.clone()).await;
    // The other one's look takes so long that the first does everything meanwhile.
    let fault = house.hand().inject("GET /v2/firewalls latency=1500ms count=1".parse().expect("a fault"));
    let files = [(
        "open.yaml",
        Some(
            "apiVersion: driftless/v1\nkind: Firewall\nmetadata: {name: office}\nspec: {inbound: [{protocol: tcp, ports: 22, from: [192.0.2.1]}]}\n",
        ),
    )];
    house.push(&files).await;
    let first = async {
        tokio::time::timeout(Duration::from_secs(30), until(|| house.hand().fired(fault) > 0)).await.expect("it looks");
        house.cycle().await
    };
    let (second, first) = tokio::join!(cycle(&other), first);
    assert_eq!(first.outcomes.len(), 2, "{:?} {:?}", first.outcomes, first.troubles);
    assert!(second.outcomes.is_empty(), "{:?}", second.outcomes);
    let posts = house.hand().calls().mutations.len();
    assert_eq!(posts, 2, "each is made once");
}

#[tokio::test]
async fn a_restart_over_the_same_data_has_its_lease_at_once() {
    let house = house(&[("main.yaml", VPC)], Terms::default()).await;
    let fault = house.hand().inject("POST /v2/vpcs latency=60s count=1".parse().expect("a fault"));
    tokio::select! {
        _ = house.cycle() => panic!("it was never sent"),
        () = until(|| house.hand().fired(fault) > 0) => {}
    }
    let house = house.restart().await;
    house.pass(61);
    let seen = house.cycle().await;
    assert_eq!(said(&seen), "");
    assert_eq!(seen.outcomes.len(), 1, "{:?}", seen.after.as_ref().map(|p| lines(p)));
}

#[tokio::test]
async fn nothing_is_sent_once_the_lease_has_run_out_in_the_middle_of_a_run() {
    let house = house(&[("erp.yaml", ERP)], Terms::default()).await;
    let clock = house.setup.clock.clone();
    let late = |progress: Progress<'_>| {
        if let Progress::Began(change) = progress
            && change.key.part.is_some()
        {
            clock.advance(seconds(121));
        }
    };
    house.controller.cycle(&house.stop, &late).await;
    let seen = house.controller.snapshot.borrow().clone();
    let record = seen.outcomes.iter().find(|o| o.key.part.is_some()).expect("the record");
    let Attempt::Failed { fault, .. } = &record.attempt else { panic!("{record:?}") };
    assert_eq!(fault.to_string(), "the lease of the repo ran out at 2026-01-01 12:02:00 UTC");
    assert!(house.hand().read(|w| w.droplets.len()) == 1);
    assert!(!house.hand().calls().mutations.iter().any(|c| c.path.ends_with("/records")), "nothing was sent");
    house.setup.clock.advance(seconds(3_600));
    house.settles().await;
}

#[tokio::test]
async fn a_run_that_loses_its_lease_ends_after_what_is_in_flight() {
    let terms = Terms { lasts: Duration::from_millis(400), skew: Duration::from_secs(30) };
    let house = house(&[("erp.yaml", ERP)], terms).await;
    let other = house.another(house.setup.clock.clone()).await;
    let fault = house.hand().inject("POST /v2/droplets latency=900ms count=1".parse().expect("a fault"));
    let thief = async {
        until(|| house.hand().fired(fault) > 0).await;
        let value = br#"{"holder":"ffffffff","host":"elsewhere","since":"2026-01-01T12:00:00Z","until":"2026-01-01T12:02:00Z"}"#;
        // The holder renews it meanwhile, so it takes a try or two.
        loop {
            let now = other.mirror.read_ref(REF).await.expect("the ref");
            let ours =
                other.mirror.write_value(value, "mine", &Person::new("x", "x@example.com")).await.expect("a value");
            if other.mirror.push_ref_cas(REF, now.as_ref(), Some(&ours)).await.expect("a push") {
                break;
            }
        }
    };
    let (seen, ()) = tokio::join!(house.cycle(), thief);
    let done: Vec<_> = seen.outcomes.iter().filter(|o| o.attempt == Attempt::Done).map(|o| o.key.verb).collect();
    assert!(done.iter().all(|verb| *verb == Verb::Create) && !done.is_empty(), "{:#?}", seen.outcomes);
    assert!(!house.hand().calls().mutations.iter().any(|c| c.path.ends_with("/records")), "nothing was sent after it");
    assert!(said(&*house.cycle().await).contains("elsewhere (ffffffff)"), "the thief has it now");
}

#[tokio::test]
async fn a_lease_from_the_future_is_not_believed_and_runs_out_once_it_was_seen_long_enough() {
    let house = house(&[], Terms::default()).await;
    let ahead = Clock::at(noon() + seconds(7_200));
    let place = |host: &str| Place { host: host.to_owned(), mark: None };
    let other = house.another(ahead.clone()).await;
    let wrong = Lease::new(place("wrong"), ahead, Terms::default());
    assert!(matches!(wrong.take(&other.mirror).await, Ok(Taken::Again)));
    let clock = Clock::at(noon());
    let right = Lease::new(place("right"), clock.clone(), Terms::default());
    let mirror = &house.controller.mirror;
    for passed in [0, 149] {
        clock.advance(seconds(passed));
        assert!(matches!(right.take(mirror).await, Err(NotTaken::Other { .. })), "{passed}");
    }
    assert!(right.check().is_err(), "who was refused may not write");
    clock.advance(seconds(1));
    assert!(matches!(right.take(mirror).await, Ok(Taken::Over)));
    assert!(right.check().is_ok());
    right.release(mirror).await;
    assert!(right.check().is_err(), "what was given back is not ours");
    assert!(matches!(right.take(mirror).await, Ok(Taken::Again)), "nobody wrote in between");
}

#[tokio::test]
async fn what_is_no_lease_at_all_blocks_nobody_for_ever() {
    let house = house(&[], Terms::default()).await;
    git_in(&house.repo(), &["update-ref", REF, "HEAD"]);
    let clock = Clock::at(noon());
    let lease = Lease::new(Place { host: "ops".to_owned(), mark: None }, clock.clone(), Terms::default());
    let refused = lease.take(&house.controller.mirror).await.expect_err("nobody knows whose it is");
    assert!(refused.to_string().contains("somebody who left no name there"), "{refused}");
    clock.advance(seconds(150));
    assert!(matches!(lease.take(&house.controller.mirror).await, Ok(Taken::Over)));
}

#[tokio::test]
async fn a_repo_that_cannot_be_pushed_to_is_looked_at_and_nothing_is_written() {
    use std::os::unix::fs::PermissionsExt;
    let house = house(&[("main.yaml", VPC)], Terms::default()).await;
    let hook = house.repo().join(".git/hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().expect("a folder")).expect("a folder");
    std::fs::write(&hook, "#!/bin/sh\necho read only >&2\nexit 1\n").expect("a hook");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("it runs");
    let seen = house.cycle().await;
    assert!(said(&seen).contains("pre-receive hook declined"), "{:?}", seen.troubles);
    assert!(seen.troubles.iter().any(|t| t.hint.contains("Nothing is changed without it")), "{:?}", seen.troubles);
    assert_eq!(sent(&house), 0);
    std::fs::remove_file(&hook).expect("gone");
    house.settles().await;
}

#[tokio::test]
async fn a_look_with_nothing_to_do_leaves_the_lease_alone() {
    let house = house(&[("main.yaml", VPC)], Terms::default()).await;
    house.settles().await;
    let before = git_in(&house.repo(), &["rev-parse", REF]);
    assert!(git_in(&house.repo(), &["show", &format!("{REF}:value")]).contains("\"released\": true"));
    house.cycle().await;
    assert_eq!(git_in(&house.repo(), &["rev-parse", REF]), before);
}

fn network(n: usize) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {{name: n{n}}}\nspec: {{name: n{n}, region: sgp1, ipRange: 10.{n}.0.0/16}}\n"
    )
}

#[tokio::test]
async fn two_controllers_on_one_repo_do_not_report_over_each_other() {
    let kept = VPC.replace("spec:", "policy: {onRemove: destroy, protect: true}\nspec:");
    let house = house(&[("main.yaml", &kept)], Terms::default()).await;
    let other = house.another(house.setup.clock.clone()).await;
    house.settles().await;
    cycle(&other).await;
    let idle = reports(&house);
    for _ in 0..3 {
        house.pass(60);
        house.cycle().await;
        cycle(&other).await;
    }
    assert_eq!(reports(&house), idle, "there is nothing to say");
    // Whoever comes first does it and reports; whoever comes second finds it told.
    for n in 1..=6 {
        let (file, text) = (format!("n{n}.yaml"), network(n));
        let held = (n == 3).then_some(("main.yaml", None));
        house.push(&[(file.as_str(), Some(text.as_str()))].into_iter().chain(held).collect::<Vec<_>>()).await;
        let [first, second] = if n % 2 == 0 { [&house.controller, &other] } else { [&other, &house.controller] };
        assert_eq!(cycle(first).await.outcomes.len(), 1, "{n}");
        house.pass(30);
        let seen = cycle(second).await;
        assert!(seen.outcomes.is_empty(), "{n}: {:?}", seen.outcomes);
        let log = git_in(&house.repo(), &["log", "--format=%s", "driftless/reports"]);
        assert_eq!(reports(&house), idle + n, "{log}");
        house.pass(30);
    }
    house.cycle().await;
    cycle(&other).await;
    assert_eq!(reports(&house), idle + 6);
    assert!(house.reported("STATUS.md").contains("Vpc/main"), "{}", house.reported("STATUS.md"));
    let owned = |controller: &Controller| controller.keeper.memory().owned.clone();
    assert_eq!(owned(&house.controller), owned(&other));
}

#[tokio::test]
async fn what_one_controller_was_told_another_knows_before_it_writes() {
    let house = house(&[("main.yaml", VPC)], Terms::default()).await;
    let other = house.another(house.setup.clock.clone()).await;
    house.settles().await;
    cycle(&other).await;
    let pause = Pause { reason: "moving house".to_owned(), until: None };
    let main = "Vpc/main".parse().expect("an id");
    house.controller.keeper.write(&[Patch::Pause(main, pause)]).await.expect("written");
    house.cycle().await;
    house.hand().forget_calls();
    house.push(&[("main.yaml", Some(&VPC.replace("name: production", "name: prod")))]).await;
    let seen = cycle(&other).await;
    assert_eq!((sent(&house), seen.outcomes.len()), (0, 0), "{:?}", seen.outcomes);
    let told = seen.troubles.iter().find(|t| t.with == "ledger").expect("it is told");
    assert!(told.what.starts_with("another driftless keeps this estate"), "{told:?}");
    assert_eq!(other.keeper.memory().pauses, house.controller.keeper.memory().pauses);
    assert!(cycle(&other).await.troubles.is_empty(), "it is told once");
}

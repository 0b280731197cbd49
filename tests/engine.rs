//! The loop over days that are not the best: rewritten branches, switched tokens, a dead journal, mistakes of ours.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use driftless::engine::cycle::Next;
use driftless::engine::execute::Progress;
use driftless::engine::look::look;
use driftless::engine::run::Wake;
use driftless::engine::watch;
use driftless::ports::digitalocean::{Client, Config, Limits, Pace, Token};
use driftless::ports::{Ports, clock::Clock};
use driftless::sandbox;
use tokio::sync::mpsc;

use crate::house::{ENFORCE, House, git_in, sandbox_settings};

const VPC: &str = "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: main}\nspec: {name: production, region: sgp1, ipRange: 10.114.0.0/16}\n";
const SPARE: &str = "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: spare}\npolicy: {onRemove: destroy}\nspec: {name: spare, region: sgp1, ipRange: 10.115.0.0/16}\n";
const ERP: &str = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: erp}\nspec: {region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64}\n";

/// A house whose branch was rewritten, so that its only commit lacks the spare network.
async fn rewritten() -> House {
    let house = House::new(&[("settings.yaml", ENFORCE), ("main.yaml", VPC), ("spare.yaml", SPARE)]).await;
    house.settles().await;
    let ana = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com"];
    git_in(&house.repo(), &["reset", "-q", "--hard"]);
    git_in(&house.repo(), &["rm", "-q", "spare.yaml"]);
    git_in(&house.repo(), &[&ana[..], &["commit", "-q", "--amend", "-m", "Rewritten"]].concat());
    house
}

fn spare_stands(house: &House) -> bool {
    house.hand().read(|w| w.vpcs.iter().any(|v| v.name == "spare"))
}

#[tokio::test]
async fn a_rewritten_branch_is_not_trusted_by_a_look_that_saw_nothing() {
    let house = rewritten().await;
    house.fault("GET /v2/vpcs 500");
    house.cycle().await;
    house.hand().clear_faults();
    let seen = house.cycle().await;
    assert!(spare_stands(&house));
    assert_eq!(seen.plan.as_ref().map(|p| p.held().count()), Some(1));
}

#[tokio::test]
async fn a_rewritten_branch_stays_in_doubt_after_a_restart_without_the_repo() {
    let house = rewritten().await;
    let held = house.cycle().await;
    assert_eq!(held.plan.as_ref().map(|p| p.held().count()), Some(1));
    let away = house.folder.path().join("away");
    std::fs::rename(house.repo(), &away).expect("moved");
    let house = house.restart().await;
    let seen = house.cycle().await;
    assert!(seen.troubles.iter().any(|t| t.with == "git"), "{:?}", seen.troubles);
    assert!(spare_stands(&house));
    assert_eq!(seen.plan.as_ref().map(|p| p.held().count()), Some(1));
}

#[tokio::test]
async fn a_panic_ends_one_cycle_and_not_the_loop() {
    let house = House::new(&[("settings.yaml", ENFORCE), ("main.yaml", VPC)]).await;
    let deaf = |_: Progress<'_>| panic!("nobody listens");
    let next = AssertUnwindSafe(house.controller.cycle(&house.stop, &deaf)).await;
    assert!(matches!(next, Next::Soon(wait) if wait >= Duration::from_secs(5)), "{next:?}");
    let told = house.controller.snapshot.borrow().troubles.clone();
    assert!(told.iter().any(|t| t.with == "driftless" && t.what.contains("nobody listens")), "{told:?}");
    house.settles().await;
}

#[tokio::test]
async fn a_frozen_controller_waits_for_its_interval() {
    let mut house = House::new(&[("settings.yaml", ENFORCE), ("main.yaml", VPC)]).await;
    house.controller.frozen = true;
    let (_, next) = house.timed().await;
    assert!(matches!(next, Next::Interval(_)), "{next:?}");
    assert_eq!(house.hand().calls().mutations.len(), 0);
}

#[tokio::test]
async fn what_does_not_come_to_rest_is_looked_at_ever_more_seldom() {
    let house = House::new(&[("settings.yaml", ENFORCE), ("erp.yaml", ERP)]).await;
    house.settles().await;
    house.hand().set_action_time(Duration::from_secs(36_000));
    let id = house.hand().edit(|w| w.droplet_named("erp").map(|d| d.id)).expect("it");
    let url = format!("{}/v2/droplets/{id}/actions", house.running.url());
    let reboot = reqwest::Client::new().post(url).bearer_auth("sandbox").body(r#"{"type":"reboot"}"#);
    let answer = reboot.header("content-type", "application/json").send().await.expect("an answer");
    assert!(answer.status().is_success());
    let mut waits = Vec::new();
    for _ in 0..8 {
        waits.push(match house.timed().await.1 {
            Next::Soon(wait) | Next::Interval(wait) => wait.as_secs(),
        });
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
}

#[tokio::test]
async fn a_token_switched_in_mid_look_makes_the_world_unknown() {
    let other = sandbox::Token::full("other").of_team("other");
    let tokens = vec![sandbox::Token::full("sandbox"), other];
    let house = House::with(
        &[("settings.yaml", ENFORCE), ("main.yaml", VPC)],
        sandbox::Config { tokens, ..sandbox_settings() },
    )
    .await;
    house.settles().await;
    let file = house.folder.path().join("token");
    std::fs::write(&file, "sandbox\n").expect("a token");
    let mut config = Config::at(&house.running.url(), Token::File(file.clone())).expect("an address");
    (config.limits, config.pace) = (Limits::OFF, Pace::SANDBOX);
    let ports = Ports {
        clock: Clock::System,
        digitalocean: Client::new(config).expect("a client"),
        reach: Default::default(),
        hosts: Default::default(),
    };
    let estate = house.controller.snapshot.borrow().estate.clone().expect("an estate");
    let memory = house.controller.keeper.memory();
    let slow = house.hand().inject("GET /v2/vpcs latency=300ms".parse().expect("a fault"));
    let switch = async {
        while house.hand().fired(slow) == 0 {
            tokio::task::yield_now().await;
        }
        std::fs::write(&file, "other\n").expect("a token");
    };
    let (world, ()) = tokio::join!(look(&ports, &estate, &memory), switch);
    let account = world.account.expect("an account");
    assert!(account.as_ref().is_err_and(|why| why.contains("switched")), "{account:?}");
}

#[tokio::test]
async fn a_journal_that_cannot_be_used_is_reported_and_not_taken_for_peace() {
    let house = House::new(&[("settings.yaml", ENFORCE), ("main.yaml", VPC)]).await;
    house.settles().await;
    house.controller.keeper.store().close().await;
    house.hand().edit(|w| w.vpcs.iter_mut().for_each(|v| v.description = "by hand".to_owned()));
    house.hand().forget_calls();
    let seen = house.cycle().await;
    assert!(seen.troubles.iter().any(|t| t.with == "journal"), "{:?}", seen.troubles);
    assert_eq!(house.hand().calls().mutations.len(), 0);
    let status = house.reported("STATUS.md");
    assert!(status.contains("🔴") && status.contains("The controller cannot work"), "{status}");
    let subject = git_in(&house.repo(), &["log", "-1", "--format=%s", "driftless/reports"]);
    assert!(subject.starts_with("halted: "), "{subject}");
}

#[tokio::test]
async fn one_move_of_a_branch_is_one_wake_up() {
    let house = House::new(&[("settings.yaml", ENFORCE)]).await;
    let (wakes, mut heard) = mpsc::channel(64);
    let _watch = watch::repo(house.controller.mirror.watch_path().expect("a local repo"), wakes).expect("a watch");
    for round in 0..8 {
        let text = format!("# {round}\n{ENFORCE}");
        house.push(&[("settings.yaml", Some(&text))]).await;
        assert_eq!(
            tokio::time::timeout(Duration::from_secs(30), heard.recv()).await.expect("in time"),
            Some(Wake::Git)
        );
    }
    house.push(&[("settings.yaml", Some(ENFORCE))]).await;
    assert_eq!(heard.recv().await, Some(Wake::Git));
    assert!(heard.try_recv().is_err(), "nine moves are nine wake-ups");
}

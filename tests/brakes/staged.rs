//! Work in stages: whatever answer is lost and wherever the controller dies, a droplet ends as its document says, each
//! thing is done once, and only what we turned off is turned on.

use crate::house::{ENFORCE, House, sandbox_settings};
use driftless::ports::clock::Clock;
use driftless::sandbox::Fault;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const BEFORE: &str = "region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64";

/// One kind of work on a droplet, and the requests that it is made of.
#[derive(Clone, Copy)]
struct Job {
    name: &'static str,
    from: &'static str,
    to: &'static str,
    /// The actions that are asked for, in order.
    actions: &'static [&'static str],
}

const JOBS: &[Job] = &[
    Job {
        name: "resize",
        from: BEFORE,
        to: "region: sgp1, size: s-1vcpu-2gb, image: ubuntu-22-04-x64",
        actions: &["shutdown", "resize", "power_on"],
    },
    Job {
        name: "enable_ipv6",
        from: BEFORE,
        to: "region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64, ipv6: true",
        actions: &["enable_ipv6"],
    },
    Job {
        name: "enable_backups",
        from: BEFORE,
        to: "region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64, backups: {plan: weekly, weekday: SUN, hour: 4}",
        actions: &["enable_backups"],
    },
    Job {
        name: "change_backup_policy",
        from: "region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64, backups: {plan: daily, hour: 8}",
        to: "region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64, backups: {plan: weekly, weekday: SUN, hour: 4}",
        actions: &["change_backup_policy"],
    },
    Job {
        name: "rename",
        from: BEFORE,
        to: "name: odoo, region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64",
        actions: &["rename"],
    },
];

/// What goes wrong at one of the actions of a job.
const TROUBLES: &[&str] = &["lost-reply", "closed", "500", "errored", "crash"];

fn document(spec: &str) -> String {
    format!("apiVersion: driftless/v1\nkind: Droplet\nmetadata: {{name: erp}}\nspec: {{{spec}}}\n")
}

async fn begun(job: Job) -> House {
    let clock = Clock::at("2026-01-01T00:00:00Z".parse::<Timestamp>().expect("a time"));
    let erp = document(job.from);
    let house = House::at(&[("settings.yaml", ENFORCE), ("erp.yaml", &erp)], sandbox_settings(), clock).await;
    house.settles().await;
    house
}

/// The kinds of actions that the simulator did or refused to do, in order, since a number of them.
fn asked(house: &House) -> Vec<(String, bool)> {
    house.hand().read(|w| w.actions.values().map(|a| (a.kind.clone(), a.fails)).collect())
}

/// Looks until nothing is left to do, with time passing between.
async fn rests(house: &House) -> Result<(), String> {
    for _ in 0..15 {
        house.pass(700);
        let snapshot = house.cycle().await;
        if snapshot.after.as_ref().is_some_and(|plan| plan.is_empty()) {
            return Ok(());
        }
    }
    let plan = house.controller.snapshot.borrow().plan.clone();
    Err(format!("it does not come to rest: {:#?}", plan.map(|p| crate::house::lines(&p))))
}

/// Plays one trouble at one action; gives what went otherwise than promised.
async fn play(job: Job, at: usize, trouble: &'static str, off: bool) -> Result<(), String> {
    let mut house = begun(job).await;
    if off {
        house.hand().edit(|w| w.droplets.values_mut().for_each(|d| d.status = "off".to_owned()));
    }
    let before = asked(&house).len();
    house.push(&[("erp.yaml", Some(&document(job.to)))]).await;
    if trouble == "crash" {
        // Ten minutes of latency: the request is on its way when the controller dies.
        let fault: Fault =
            format!("POST /v2/droplets/*/actions latency=600s count=1 after={at}").parse().expect("a fault");
        let fault = house.hand().inject(fault);
        let mut tick = tokio::time::interval(Duration::from_millis(2));
        tokio::select! {
            _ = house.cycle() => return Err("the request was never sent".to_owned()),
            () = async { while house.hand().fired(fault) == 0 { tick.tick().await; } } => {}
        }
        house = house.restart().await;
        house.hand().clear_faults();
    } else {
        house.fault(&format!("POST /v2/droplets/*/actions {trouble} count=1 after={at}"));
        house.cycle().await;
        house.hand().clear_faults();
    }
    rests(&house).await?;
    let (status, name, size, count) = house.hand().read(|w| {
        let droplet = w.droplets.values().next().expect("a droplet");
        (droplet.status.clone(), droplet.name.clone(), droplet.size.clone(), w.droplets.len())
    });
    let wanted = if off { "off" } else { "active" };
    if (status.as_str(), count) != (wanted, 1) {
        return Err(format!("{count} droplets, {name} {size} is {status}"));
    }
    // Everything is done once; what ended as errored or was refused was not done.
    let done: Vec<String> =
        asked(&house).into_iter().skip(before).filter(|(_, fails)| !fails).map(|(kind, _)| kind).collect();
    let doubled = job.actions.iter().filter(|kind| {
        // Turning on or off what is so already does no harm and may be asked twice.
        !["shutdown", "power_on"].contains(kind) && done.iter().filter(|d| d == kind).count() != 1
    });
    match (doubled.count(), off && done.iter().any(|kind| kind == "power_on")) {
        (0, false) => Ok(()),
        _ => Err(format!("done were {done:?}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_reply_a_refusal_or_a_crash_at_every_call_of_staged_work_ends_as_the_document_says() {
    let turns = Arc::new(Semaphore::new(4));
    let mut running = JoinSet::new();
    for job in JOBS {
        for at in 0..job.actions.len() {
            for trouble in TROUBLES {
                let turns = turns.clone();
                running.spawn(async move {
                    let _turn = turns.acquire().await.expect("nobody closes it");
                    let ended = play(*job, at, trouble, false).await;
                    ended.err().map(|why| format!("{} with {trouble} at {}: {why}", job.name, job.actions[at]))
                });
            }
        }
    }
    let mut wrong: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    wrong.sort();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_droplet_that_was_off_before_a_resize_stays_off_whatever_happens() {
    for trouble in TROUBLES {
        let job = Job { actions: &["resize"], ..JOBS[0] };
        let ended = play(job, 0, trouble, true).await;
        assert_eq!(ended, Ok(()), "{trouble}");
    }
}

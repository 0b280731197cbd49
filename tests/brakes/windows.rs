//! Sync windows and the loop: it wakes when the next one opens, and begins nothing once the last one has closed.

use crate::house::{ENFORCE, House, failed, sandbox_settings};
use driftless::engine::cycle::Next;
use driftless::engine::execute::Progress;
use driftless::model::Attempt;
use driftless::ports::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

const NET: &str =
    "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: main}\nspec: {region: sgp1, ipRange: 10.114.0.0/16}\n";
const ERP: &str = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: erp}\nspec: {region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64, vpc: main}\n";

/// A house on a Thursday at this time, with a window from eight to six in UTC on every day.
async fn house(time: &str) -> House {
    let clock = Clock::at(format!("2026-01-01T{time}Z").parse::<Timestamp>().expect("a time"));
    let settings = format!("{ENFORCE}  windows: [{{days: [mon-sun], hours: \"08:00-18:00\"}}]\n");
    House::at(&[("settings.yaml", &settings), ("net.yaml", NET), ("erp.yaml", ERP)], sandbox_settings(), clock).await
}

#[tokio::test]
async fn the_loop_wakes_when_the_next_window_opens() {
    let house = house("07:58:00").await;
    let (snapshot, next) = house.timed().await;
    assert!(snapshot.outcomes.is_empty() && house.hand().calls().mutations.is_empty());
    assert_eq!(next, Next::Soon(Duration::from_secs(120)));
    house.pass(120);
    house.settles().await;
}

#[tokio::test]
async fn a_run_that_outlasts_its_window_ends_what_it_began_and_begins_nothing_more() {
    let house = house("17:59:00").await;
    let late = |progress: Progress<'_>| {
        if let Progress::Began(_) = progress {
            // Past the end of the window, and well within the lease.
            house.setup.clock.advance(SignedDuration::from_secs(61));
        }
    };
    house.controller.cycle(&house.stop, &late).await;
    let snapshot = house.controller.snapshot.borrow().clone();
    let left = failed(&snapshot.outcomes);
    let Attempt::Left { why } = &left[0].attempt else { panic!("{left:#?}") };
    assert_eq!((left.len(), left[0].key.to_string().as_str()), (1, "Droplet/erp create"));
    assert_eq!(why, "every sync window was shut before it was begun, until Fri 08:00 UTC");
    assert_eq!(house.hand().read(|w| (w.vpcs.iter().filter(|v| v.name == "main").count(), w.droplets.len())), (1, 0));
    // In the morning the rest is caught up.
    house.pass(14 * 3600);
    house.settles().await;
}

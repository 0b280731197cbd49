//! What people are told while a new machine comes up.

use super::{ERP, HOST, house};
use crate::house::House;
use driftless::engine::status::status;
use driftless::engine::under_way::UnderWay;
use std::time::Duration;

/// The first entry of the status at this stage of a host's first change.
async fn at(house: &House, stage: &str) -> UnderWay {
    let (keeper, clock) = (&house.controller.keeper, &house.controller.ports.clock);
    let mut seen = Vec::new();
    let look = async {
        loop {
            seen = status(keeper, None, clock.now()).await.expect("a status").under_way;
            if let Some(one) = seen.iter().find(|one| one.stage.starts_with(stage)) {
                return one.clone();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(15), look).await;
    found.unwrap_or_else(|_| panic!("never {stage}: {seen:#?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_says_at_which_stage_a_new_machine_is_and_since_when() {
    let house = house(&[("erp.yaml", ERP), ("host.yaml", HOST)]).await;
    let hand = house.hand();
    let closed = hand.inject_host("host erp connect closed".parse().expect("a fault"));
    let follow = async {
        let ssh = at(&house, "waiting for SSH to answer").await;
        assert_eq!(ssh.change.to_string(), "Host/erp create");
        assert!(!ssh.detail.is_empty() && ssh.since >= ssh.began, "{ssh:?}");
        let finished = "/var/lib/cloud/instance/boot-finished";
        hand.on_host("erp", &format!("mv {finished} /tmp/finished")).await.expect("it is there");
        hand.lift(closed);
        let cloud = at(&house, "waiting for cloud-init").await;
        assert!(cloud.began == ssh.began && cloud.since > ssh.since, "{cloud:?}");
        hand.on_host("erp", &format!("mv /tmp/finished {finished}")).await.expect("it is there");
        at(&house, "installing docker").await;
    };
    let (snapshot, ()) = tokio::join!(house.cycle(), follow);
    assert!(crate::house::failed(&snapshot.outcomes).is_empty(), "{:#?}", snapshot.outcomes);
    assert!(
        house.controller.keeper.board().read(house.controller.ports.clock.now()).is_empty(),
        "nothing is under way"
    );
}

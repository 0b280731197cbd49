//! Answers of the API that are no answers: pages of a proxy, runaway bodies, silence, closed doors, what has gone meanwhile.

use super::canary::Canary;
use super::{TOKEN, settled};
use crate::client::script::{Reply, Server};
use driftless::engine::execute::Progress;
use driftless::model::{Attempt, Verb};
use std::time::Duration;

/// Runs a settled estate against another API, and says what STATUS.md holds; nothing may be sent to it but reads.
async fn against(server: &Server) -> (Canary, String) {
    let house = settled().await;
    let address = server.address.clone();
    let house = house
        .restart(|setup| {
            setup.api = Some(address);
            setup.patience = Duration::from_millis(150);
        })
        .await;
    let before = house.world();
    house.cycle().await;
    let snapshot = house.cycle().await;
    assert!(snapshot.outcomes.is_empty(), "{:#?}", snapshot.outcomes);
    let plan = snapshot.after.clone().expect("a plan");
    assert_eq!((plan.changes.len(), plan.unknown), (0, plan.resources), "{:#?}", plan.changes);
    assert_eq!(house.world(), before);
    assert!(server.seen().iter().all(|seen| seen.method == "GET"));
    assert!(!server.seen().is_empty(), "it was asked");
    let status = house.reported("STATUS.md");
    (house, status)
}

/// Points the house back at the simulator: nothing was lost.
async fn and_back(house: Canary) {
    house.leaks_nothing().await;
    let house = house
        .restart(|setup| {
            setup.api = None;
            setup.patience = Duration::from_secs(30);
        })
        .await;
    let before = house.world();
    house.settles().await;
    assert_eq!(house.world(), before);
    assert!(house.hand().calls().mutations.is_empty());
    house.leaks_nothing().await;
}

#[tokio::test]
async fn answers_that_are_not_json_make_everything_unknown_and_nothing_absent() {
    let server = Server::answering(|_| Reply::text(200, "<html>Sign in to the hotel's network</html>")).await;
    let (house, status) = against(&server).await;
    assert!(status.contains("/v2/account"), "{status}");
    and_back(house).await;
}

#[tokio::test]
async fn json_of_another_shape_makes_everything_unknown() {
    for body in ["null", "[]", "{}", "{\"droplets\": null}", "{\"account\": {\"team\": 7}}", "\"dop\""] {
        let server = Server::answering(move |_| Reply::text(200, body)).await;
        let (house, status) = against(&server).await;
        assert!(status.contains("account"), "{body}: {status}");
        house.leaks_nothing().await;
    }
}

#[tokio::test]
async fn an_answer_that_repeats_the_token_does_not_bring_it_into_any_report() {
    let server =
        Server::answering(|_| Reply::error(403, "forbidden", &format!("the token {TOKEN} may not do this"))).await;
    let (house, status) = against(&server).await;
    assert!(status.contains("redacted"), "{status}");
    and_back(house).await;
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let much = axum::body::Bytes::from(vec![b' '; 4 << 20]);
    let server = Server::answering(move |_| {
        let much = much.clone();
        let endless = futures::stream::repeat_with(move || Ok::<_, std::io::Error>(much.clone()));
        Reply { status: 200, headers: Vec::new(), body: axum::body::Body::from_stream(endless) }
    })
    .await;
    let house = settled().await;
    let address = server.address.clone();
    let house = house.restart(|setup| setup.api = Some(address)).await;
    let before = house.world();
    house.cycle().await;
    assert_eq!(house.world(), before);
    let status = house.reported("STATUS.md");
    assert!(status.contains("larger than 32 MB"), "{status}");
    and_back(house).await;
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_in_time() {
    let server = Server::awaiting(|_| std::future::pending::<Reply>()).await;
    let (house, status) = against(&server).await;
    assert!(status.contains("timed out"), "{status}");
    and_back(house).await;
}

#[tokio::test]
async fn a_connection_that_is_cut_in_the_middle_of_an_answer_makes_everything_unknown() {
    let server = Server::answering(|_| Reply::cut(200)).await;
    let (house, _) = against(&server).await;
    and_back(house).await;
}

#[tokio::test]
async fn a_refused_connection_is_said_and_changes_nothing() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let house = settled().await;
    let house = house.restart(|setup| setup.api = Some(format!("http://{free}"))).await;
    let before = house.world();
    let snapshot = house.cycle().await;
    assert!(snapshot.outcomes.is_empty());
    assert_eq!(house.world(), before);
    let status = house.reported("STATUS.md");
    assert!(status.to_lowercase().contains("connect"), "{status}");
    and_back(house).await;
}

#[tokio::test]
async fn a_record_that_goes_while_it_is_being_changed_fails_alone_and_is_made_by_the_next_cycle() {
    let house = settled().await;
    let zone = super::estate_of_tests().remove(3).1.replace("192.0.2.7", "192.0.2.8");
    house.push(&[("zone.yaml", Some(&zone))]).await;
    let hand = house.hand();
    let remove = |progress: Progress<'_>| {
        if let Progress::Began(change) = progress
            && change.key.verb == Verb::Update
        {
            hand.edit(|w| w.domains.get_mut("example.com").expect("a zone").records.retain(|_, r| r.name != "old"));
        }
    };
    house.controller.cycle(&house.stop, &remove).await;
    let snapshot = house.controller.snapshot.borrow().clone();
    let [outcome] = snapshot.outcomes.as_slice() else { panic!("{:#?}", snapshot.outcomes) };
    let Attempt::Failed { fault, .. } = &outcome.attempt else { panic!("{outcome:#?}") };
    assert!(fault.to_string().contains("404") && fault.to_string().contains("/records/"), "{fault}");
    // The set was written a moment ago, and lists lag.
    house.pass(60);
    house.settles().await;
    house.hand().edit(|w| assert_eq!(w.record("example.com", "old", "A").expect("made anew").data, "192.0.2.8"));
    house.leaks_nothing().await;
}

#[tokio::test]
async fn a_droplet_that_goes_while_it_is_being_changed_is_no_silent_success() {
    let house = settled().await;
    let servers = super::estate_of_tests().remove(1).1.replace("s-1vcpu-1gb", "s-1vcpu-2gb");
    house.push(&[("servers.yaml", Some(&servers))]).await;
    let hand = house.hand();
    let remove = |progress: Progress<'_>| {
        if let Progress::Began(change) = progress
            && change.key.id.kind == "Droplet"
        {
            hand.edit(|w| w.droplets.clear());
        }
    };
    house.controller.cycle(&house.stop, &remove).await;
    let snapshot = house.controller.snapshot.borrow().clone();
    let outcome = snapshot.outcomes.iter().find(|o| o.key.id.kind == "Droplet").expect("it was tried");
    let Attempt::Failed { fault, .. } = &outcome.attempt else { panic!("{outcome:#?}") };
    assert!(fault.to_string().contains("has gone"), "{fault}");
    house.settles().await;
    house.leaks_nothing().await;
}

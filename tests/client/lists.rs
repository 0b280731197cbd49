//! Lists: pages in parallel, both types of droplet, and never a part of one.

use std::sync::Arc;
use std::time::Duration;

use driftless::ports::digitalocean::ErrorKind;
use serde_json::{Value, json};

use super::script::{Reply, Seen, Server};

/// A page of a list of `total` droplets in the order of their ids.
fn droplets(seen: &Seen, total: usize) -> Reply {
    let ids = (1..=total).skip((seen.page() - 1) * 200).take(200);
    let rows: Vec<Value> = ids.map(|id| json!({"id": id, "name": format!("d{id}")})).collect();
    Reply::json(200, json!({"droplets": rows, "links": {}, "meta": {"total": total}}))
}

fn no_droplets() -> Reply {
    Reply::json(200, json!({"droplets": [], "links": {}, "meta": {"total": 0}}))
}

#[tokio::test]
async fn the_pages_after_the_first_are_read_at_the_same_time() {
    // Pages 2 to 4 are answered only when all three are there.
    let together = Arc::new(tokio::sync::Barrier::new(3));
    let server = Server::awaiting(move |seen| {
        let together = together.clone();
        async move {
            if seen.query("type") == Some("gpus") {
                return no_droplets();
            }
            if seen.page() > 1 {
                together.wait().await;
            }
            droplets(&seen, 700)
        }
    })
    .await;
    let client = server.client();
    let reading = tokio::time::timeout(Duration::from_secs(20), client.droplets());
    let all = reading.await.expect("in parallel").expect("a list");
    assert_eq!(all.iter().map(|droplet| droplet.id).collect::<Vec<_>>(), (1..=700).collect::<Vec<_>>());
    assert_eq!(client.calls(), 5);
    assert_eq!(client.clone().calls(), 5);
    assert!(server.seen().iter().all(|seen| seen.query("per_page") == Some("200")));
}

#[tokio::test]
async fn gpu_droplets_are_part_of_the_list_and_a_failure_to_list_them_is_a_failure() {
    let server = Server::answering(|seen| match seen.query("type") {
        Some("gpus") => Reply::json(200, json!({"droplets": [{"id": 7}], "meta": {"total": 1}})),
        _ => Reply::json(200, json!({"droplets": [{"id": 3}], "meta": {"total": 1}})),
    })
    .await;
    let all = server.client().droplets().await.expect("a list");
    assert_eq!(all.iter().map(|droplet| droplet.id).collect::<Vec<_>>(), [3, 7]);

    let server = Server::answering(|seen| match seen.query("type") {
        Some("gpus") => Reply::error(403, "forbidden", "You are not authorized to perform this operation."),
        _ => no_droplets(),
    })
    .await;
    let error = server.client().droplets().await.expect_err("no part of a list");
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}

#[tokio::test]
async fn a_list_that_shifted_once_is_read_again_and_one_that_never_rests_is_no_list() {
    // The first reading repeats a row of page 1 on page 2, as when a row was added in between.
    let shifts = |until: usize| {
        move |seen: Seen| {
            let rows: Vec<Value> = match (seen.page(), seen.nth < until) {
                (1, _) => (1..=200).map(|n| json!({"name": format!("z{n}.example")})).collect(),
                (_, true) => vec![json!({"name": "z200.example"})],
                (_, false) => vec![json!({"name": "z201.example"})],
            };
            Reply::json(200, json!({"domains": rows, "meta": {"total": 201}}))
        }
    };
    let server = Server::answering(shifts(2)).await;
    let all = server.client().domains().await.expect("a list");
    assert_eq!((all.len(), server.seen().len()), (201, 4));

    let server = Server::answering(shifts(usize::MAX)).await;
    let error = server.client().domains().await.expect_err("no list");
    assert_eq!(error.kind(), ErrorKind::ListMoved);
    assert_eq!(server.seen().len(), 8);
    assert!(error.to_string().contains("moved while it was read"), "{error}");
}

#[tokio::test]
async fn a_total_that_changes_from_page_to_page_is_no_list() {
    let server = Server::answering(|seen| {
        let total = 400 + seen.page();
        Reply { ..droplets(&seen, total) }
    })
    .await;
    let error = server.client().droplets().await.expect_err("no list");
    assert_eq!(error.kind(), ErrorKind::ListMoved);
}

#[tokio::test]
async fn a_page_that_fails_for_good_fails_the_list() {
    let server = Server::answering(|seen| match seen.page() {
        2 => Reply::error(500, "server_error", "Unexpected server-side error"),
        _ => droplets(&seen, 600),
    })
    .await;
    let error = server.client().droplets().await.expect_err("no part of a list");
    assert_eq!(error.kind(), ErrorKind::Server);
}

//! Starting, stopping, the state file, and the handle.

use super::*;

#[tokio::test]
async fn the_state_file_brings_everything_back_after_a_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = || Config { state: Some(folder.path().join("world.json")), ..quick() };
    let first = bed(config()).await;
    let path = first.droplet(droplet("kept")).await;
    first.done("POST", "/v2/domains", json!({"name": "example.com"})).await;
    let written = std::fs::read_to_string(folder.path().join("world.json")).expect("a file");
    assert!(written.contains("example.com"), "an answer goes out after the write");
    first.handle().edit(|world| world.droplet_limit = 7);
    first.running.stop().await.expect("a clean stop");

    let second = bed(config()).await;
    assert_eq!(second.get(&path).await["droplet"]["status"], "active");
    assert_eq!(second.get("/v2/account").await["account"]["droplet_limit"], 7);
    let other = second.droplet(droplet("next")).await;
    assert_ne!(other, path);
}

#[tokio::test]
async fn a_state_file_that_is_none_is_named_in_the_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("world.json");
    std::fs::write(&path, "not json").expect("a file");
    let config = Config { state: Some(path), ..quick() };
    let error = serve(config).await.err().expect("an error").to_string();
    assert!(error.contains("world.json is no state file"), "{error}");
}

#[tokio::test]
async fn a_stopped_simulator_no_longer_listens() {
    let bed = bed(quick()).await;
    bed.get("/v2/account").await;
    let addr = bed.running.addr;
    bed.running.stop().await.expect("a clean stop");
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_seeded_world_is_listed_whole_and_counted() {
    let bed = bed(quick()).await;
    bed.handle().seed(Seed { droplets: 30, zones: 2, records_per_zone: 300, firewalls: 5 });
    let records = bed.get("/v2/domains/seed-002.example/records?per_page=200&page=2").await;
    assert_eq!(records["meta"]["total"], 304);
    assert_eq!(ids(&records["domain_records"]).len(), 104);
    assert_eq!(bed.get("/v2/firewalls?per_page=200").await["meta"]["total"], 5);
    assert_eq!(bed.get("/v2/tags/seed").await["tag"]["resources"]["droplets"]["count"], 30);
    let calls = bed.handle().calls();
    assert_eq!(calls.count("GET /v2/domains/*/records"), 1);
    assert_eq!((calls.count("GET /v2/**"), calls.total), (3, 3));
    bed.handle().forget_calls();
    assert_eq!(bed.handle().calls().total, 0);
}

#[tokio::test]
async fn edits_by_hand_show_at_once() {
    let bed = bed(quick()).await;
    let path = bed.droplet(droplet("erp")).await;
    bed.done("POST", "/v2/domains", json!({"name": "example.com"})).await;
    bed.handle().edit(|world| {
        world.droplet_named("erp").expect("a droplet").size = "s-2vcpu-4gb".to_owned();
        let record = world.record("example.com", "@", "NS").expect("a record");
        record.data = "ns.example.org".to_owned();
    });
    assert_eq!(bed.get(&path).await["droplet"]["size"]["price_monthly"], 24.0);
    let records = bed.get("/v2/domains/example.com/records?type=NS").await;
    assert_eq!(records["domain_records"][0]["data"], "ns.example.org");
}

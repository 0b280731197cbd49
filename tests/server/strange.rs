//! Requests that make no sense, are too long or too slow: an error for their sender, and nothing for anybody else.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::office::{Office, answered};
use crate::house::ENFORCE;

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_makes_no_sense_is_refused_with_what_is_wrong() {
    let office = Office::open(&[("settings.yaml", ENFORCE)]).await;
    let post = |path: &str, body: Vec<u8>| {
        let url = format!("{}/api/v1/{path}", office.url);
        answered(reqwest::Client::new().post(url).bearer_auth("jan-token").body(body))
    };
    for (path, body, status) in [
        ("freeze", "{\"reason\": ", 422),
        ("freeze", "[]", 422),
        ("freeze", "", 422),
        ("freeze", "{\"reason\": \"x\", \"untill\": null}", 422),
        ("freeze", "{\"reason\": 5}", 422),
        ("pauses", "{\"id\": \"erp\", \"reason\": \"x\"}", 422),
        ("approvals", "{\"digests\": []}", 422),
        ("approvals", "{\"digests\": [\"zzzz-zzzz\"]}", 404),
        ("nothing", "{}", 404),
        ("freeze", "\u{0}\u{0}", 422),
    ] {
        let (told_status, told) = post(path, body.into()).await;
        assert_eq!(told_status, status, "{path} {body}: {told}");
        assert!(told["error"].is_string() && told["hint"].is_string(), "{told}");
    }
    let long = serde_json::to_vec(&json!({"reason": "x".repeat(70_000)})).expect("JSON");
    assert_eq!(post("freeze", long).await.0, 413);
    let long = serde_json::to_vec(&json!({"reason": "x".repeat(5_000)})).expect("JSON");
    assert_eq!(post("freeze", long).await.0, 422);
    assert_eq!(office.ask(Method::DELETE, "status", "jan", &Value::Null).await.0, 405);
    assert_eq!(office.ask(Method::GET, "../../etc/passwd", "jan", &Value::Null).await.0, 404);
    assert_eq!(office.controller.keeper.memory().frozen, None);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_or_headers_that_never_end_are_given_up_after_ten_seconds() {
    let office = Office::open(&[("settings.yaml", ENFORCE)]).await;
    let signature = "0".repeat(64);
    let slow = |head: String| {
        let address = office.url.trim_start_matches("http://").to_owned();
        async move {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.write_all(head.as_bytes()).await.expect("sent");
            let (began, mut answer) = (Instant::now(), Vec::new());
            let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await;
            // Whether what was left unread resets the connection is the kernel's matter.
            let _ = read.expect("it is given up");
            (began.elapsed(), String::from_utf8_lossy(&answer).into_owned())
        }
    };
    let head =
        |path: &str, more: &str| format!("POST {path} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: 100\r\n\r\n{{");
    let (hook, act, headers) = tokio::join!(
        slow(head("/hooks/github", &format!("X-Hub-Signature-256: sha256={signature}\r\nConnection: close\r\n"))),
        slow(head("/api/v1/freeze", "Authorization: Bearer jan-token\r\nConnection: close\r\n")),
        slow("GET /healthz HTTP/1.1\r\nHost: ".to_owned()),
    );
    assert!(hook.1.starts_with("HTTP/1.1 408") && act.1.starts_with("HTTP/1.1 408"), "{hook:?} {act:?}");
    for (took, _) in [&hook, &act, &headers] {
        assert!(*took >= Duration::from_secs(9) && *took < Duration::from_secs(40), "{took:?}");
    }
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_for_its_owner_and_group_and_a_stale_one_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("new/driftless.sock");
    let bound = driftless::ports::socket::bind(&path).expect("a socket");
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o660, 0o700));
    let told = driftless::ports::socket::bind(&path).map(drop).expect_err("it is live").to_string();
    assert!(told.contains("another controller listens"), "{told}");
    let (listener, place) = bound.split();
    drop(listener);
    assert!(path.exists(), "a killed controller leaves it behind");
    drop(driftless::ports::socket::bind(&path).expect("the stale one is replaced"));
    drop(place);
    std::fs::write(&path, "a file of somebody's").expect("written");
    let told = driftless::ports::socket::bind(&path).map(drop).expect_err("it is a file").to_string();
    assert!(told.contains("is no socket"), "{told}");
    assert!(path.exists());
}

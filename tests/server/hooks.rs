//! Webhooks over real HTTP: what wakes, what does not, what is refused, and that nothing is lost or done twice.

use driftless::ports::git::{self, Edits};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::office::{Office, answered};
use crate::house::{ENFORCE, ana};
use crate::process::rig::VPC;

/// The hex HMAC of a body.
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn send(office: &Office, to: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
    let mut request = reqwest::Client::new().post(format!("{}/hooks/{to}", office.url)).body(body.to_vec());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answered(request).await
}

async fn github(office: &Office, secret: &str, event: &str, delivery: &str, body: &Value) -> (u16, Value) {
    let body = serde_json::to_vec(body).expect("JSON");
    let signature = format!("sha256={}", sign(secret, &body));
    let headers = [("X-Hub-Signature-256", &*signature), ("X-GitHub-Event", event), ("X-GitHub-Delivery", delivery)];
    send(office, "github", &headers, &body).await
}

async fn commit(office: &Office) {
    let edits = Edits::from([("vpc.yaml".to_owned(), Some(VPC.as_bytes().to_vec()))]);
    git::commit_in(&office.repo(), &edits, "Change", &ana()).await.expect("a commit");
}

fn result(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["result"].as_str().or(answer.1["error"].as_str()).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_to_the_watched_branch_is_followed_at_once_and_its_repetition_is_ignored() {
    let office = Office::open(&[("settings.yaml", ENFORCE)]).await;
    office.sees("it has looked", |s| s.after.is_some()).await;
    commit(&office).await;
    let before = office.controller.snapshot.borrow().cycle;
    let main = json!({"ref": "refs/heads/main", "after": "never trusted"});
    assert_eq!(result(&github(&office, "hush", "ping", "g1", &json!({"zen": "x"})).await), (200, "ping"));
    let other = json!({"ref": "refs/heads/other"});
    assert_eq!(result(&github(&office, "hush", "push", "g2", &other).await), (202, "ignored"));
    assert_eq!(result(&github(&office, "hush", "issues", "g3", &json!({})).await), (202, "ignored"));
    assert_eq!(result(&github(&office, "wrong", "push", "g4", &main).await), (401, "signature"));
    assert_eq!(office.controller.snapshot.borrow().cycle, before, "none of these wakes it");
    // One that was refused may come again, rightly signed.
    assert_eq!(result(&github(&office, "hush", "push", "g4", &main).await), (202, "accepted"));
    office.sees("it is made", |s| s.after.as_ref().is_some_and(|p| p.resources == 1 && p.is_empty())).await;
    assert_eq!(result(&github(&office, "hush", "push", "g4", &main).await), (202, "duplicate"));
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_rotated_without_a_restart() {
    let office = Office::open(&[("settings.yaml", ENFORCE)]).await;
    let secrets = office.folder.path().join("secrets");
    let main = json!({"ref": "refs/heads/main"});
    for (held, secret, status) in [
        ("hush", "new", 401),
        ("new\nhush\n", "new", 202),
        ("new\nhush\n", "hush", 202),
        ("new\n", "hush", 401),
        ("\n", "", 503),
    ] {
        std::fs::write(&secrets, held).expect("written");
        let answer = github(&office, secret, "push", "", &main).await;
        assert_eq!(answer.0, status, "{held:?} {secret:?}: {answer:?}");
    }
    std::fs::remove_file(&secrets).expect("gone");
    let answer = github(&office, "hush", "push", "", &main).await;
    assert!(answer.0 == 503 && !answer.1.to_string().contains("secrets'"), "{answer:?}");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gitea_forgejo_and_everything_else_are_heard_in_their_own_words() {
    let office = Office::open(&[("settings.yaml", ENFORCE)]).await;
    let body = br#"{"ref": "refs/heads/main"}"#;
    let bare = sign("hush", body);
    let prefixed = format!("sha256={bare}");
    for (to, headers, expected) in [
        (
            "gitea",
            vec![("X-Gitea-Signature", &*bare), ("X-Gitea-Event", "push"), ("X-Gitea-Delivery", "1")],
            (202, "accepted"),
        ),
        (
            "gitea",
            vec![("X-Gitea-Signature", &*bare), ("X-Gitea-Event", "push"), ("X-Gitea-Delivery", "1")],
            (202, "duplicate"),
        ),
        (
            "forgejo",
            vec![("X-Forgejo-Signature", &*bare), ("X-Forgejo-Event", "push"), ("X-Forgejo-Delivery", "1")],
            (202, "accepted"),
        ),
        ("generic", vec![("X-Driftless-Signature-256", &*prefixed)], (202, "accepted")),
        ("generic", vec![("X-Driftless-Signature-256", &*prefixed), ("X-Driftless-Delivery", "1")], (202, "accepted")),
        ("generic", vec![("X-Driftless-Signature-256", &*prefixed), ("X-Driftless-Delivery", "1")], (202, "duplicate")),
        // What one sender calls its signature counts for no other.
        ("gitea", vec![("X-Hub-Signature-256", &*prefixed), ("X-Gitea-Event", "push")], (401, "signature")),
        ("gitea", vec![("X-Gitea-Signature", &*prefixed), ("X-Gitea-Event", "push")], (401, "signature")),
        ("github", vec![("X-Hub-Signature-256", &*bare), ("X-GitHub-Event", "push")], (401, "signature")),
        ("github", vec![("X-GitHub-Event", "push")], (401, "signature")),
        ("github", vec![("X-Hub-Signature-256", &*prefixed)], (202, "ignored")),
    ] {
        assert_eq!(result(&send(&office, to, &headers, body).await), expected, "{to} {headers:?}");
    }
    assert_eq!(send(&office, "gitlab", &[], body).await.0, 404);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_or_no_json_is_refused_and_one_too_long_to_be_read_wakes() {
    let office = Office::open(&[("settings.yaml", ENFORCE)]).await;
    let form = b"payload=%7B%7D";
    let headers = |signature: &str| format!("sha256={signature}");
    let signature = headers(&sign("hush", form));
    let form = send(&office, "github", &[("X-Hub-Signature-256", &signature), ("X-GitHub-Event", "push")], form).await;
    assert!(form.0 == 400 && form.1.to_string().contains("application/json"), "{form:?}");
    let long = vec![b' '; 200 * 1024];
    let signature = headers(&sign("hush", &long));
    let long = send(&office, "github", &[("X-Hub-Signature-256", &signature), ("X-GitHub-Event", "push")], &long).await;
    assert_eq!(result(&long), (202, "accepted"));
    // The connection is closed in the middle of it, which some clients tell as an error of theirs.
    let endless = vec![b' '; 25 * 1024 * 1024 + 1];
    let signature = headers(&sign("hush", &endless));
    let url = format!("{}/hooks/github", office.url);
    let sent = reqwest::Client::new().post(url).header("X-Hub-Signature-256", &signature).body(endless).send().await;
    assert!(sent.is_err() || sent.is_ok_and(|answer| answer.status() == 413));
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_not_heard_on_the_socket_and_not_without_secrets() {
    let office = Office::open(&[("settings.yaml", ENFORCE)]).await;
    let client = reqwest::Client::builder().unix_socket(office.socket.clone()).build().expect("a client");
    assert_eq!(answered(client.post("http://localhost/hooks/github").body("{}")).await.0, 404);
    office.close().await;
}

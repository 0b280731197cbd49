//! The DigitalOcean client against a scripted server: what it sends, sends again, and concludes.

#[path = "client/lists.rs"]
mod lists;
#[path = "client/script.rs"]
pub mod script;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use driftless::model::Fault;
use driftless::ports::digitalocean::{
    ApiError, Client, Config, DropletAction, DropletCreate, DropletStatus, ErrorKind, FirewallStatus, ImageRef, Limits,
    Pace, Token, VpcCreate,
};
use script::{Reply, Seen, Server, TOKEN, client, config};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

fn action(status: &str) -> Reply {
    let completed = (status != "in-progress").then_some("2026-11-22T00:00:00Z");
    Reply::json(200, json!({"action": {"id": 9, "status": status, "type": "resize", "completed_at": completed}}))
}

fn new_droplet() -> DropletCreate {
    DropletCreate {
        name: "erp".to_owned(),
        region: "fra1".to_owned(),
        size: "s-1vcpu-1gb".to_owned(),
        image: ImageRef::Slug("ubuntu-24-04-x64".to_owned()),
        ssh_keys: Vec::new(),
        vpc_uuid: None,
        tags: Vec::new(),
        backups: false,
        backup_policy: None,
        ipv6: false,
        monitoring: true,
        user_data: Some("#cloud-config password=hunter2".into()),
        volumes: Vec::new(),
        public_networking: None,
        with_droplet_agent: None,
    }
}

fn told(error: &ApiError) -> String {
    format!("{error} {error:?} {:?}", error.clone().fault())
}

#[tokio::test]
async fn a_get_is_sent_again_after_500_and_garbage_and_a_cut_answer() {
    let server = Server::answering(|seen| match seen.nth {
        0 => Reply::error(500, "server_error", "Unexpected server-side error"),
        1 => Reply::text(503, "<html>maintenance</html>"),
        2 => Reply::cut(200),
        3 => Reply::text(200, "<html>captive portal</html>"),
        _ => Reply::json(200, json!({"droplet": {"id": 5, "status": "thinking", "tags": null, "new_field": {}}})),
    })
    .await;
    let client = server.client();
    let found = client.droplet(5).await.expect("at last").expect("there");
    assert_eq!(found.id, 5);
    assert_eq!(client.calls(), 5);
}

#[tokio::test]
async fn tries_are_bounded_and_the_error_counts_them() {
    let server = Server::answering(|_| Reply::text(502, "<html>Bad Gateway</html>")).await;
    let error = server.client().account().await.expect_err("never");
    assert_eq!(server.seen().len(), 5);
    assert!(error.to_string().contains("tried 5 times"), "{error}");
    assert!(matches!(error.fault(), Fault::Transient { .. }));
}

#[tokio::test]
async fn a_post_whose_reply_is_lost_is_unclear_and_sent_exactly_once() {
    let replies: [fn() -> Reply; 4] = [
        || Reply::cut(202),
        || Reply::error(500, "server_error", "Unexpected server-side error"),
        || Reply::text(504, "<html>Gateway Timeout</html>"),
        || Reply::text(202, "not json"),
    ];
    for reply in replies {
        let server = Server::answering(move |_| reply()).await;
        let error = server.client().create_droplet(&new_droplet()).await.expect_err("unclear");
        assert_eq!(error.kind(), ErrorKind::Unclear, "{error}");
        assert!(matches!(error.fault(), Fault::Unclear { .. }));
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_post_on_a_connection_that_is_cut_is_unclear_and_sent_exactly_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = requests.clone();
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut some = [0; 4096];
            let read = stream.read(&mut some).await.unwrap_or(0);
            counter.fetch_add(usize::from(some[..read].starts_with(b"POST")), Ordering::SeqCst);
        }
    });
    let error = client(&address, Token::inline(TOKEN)).act(1, &DropletAction::PowerOn).await.expect_err("cut");
    server.abort();
    assert_eq!(error.kind(), ErrorKind::Unclear, "{error}");
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_post_that_takes_too_long_is_unclear_and_a_get_is_a_timeout() {
    let server = Server::awaiting(|_| std::future::pending()).await;
    let config = Config {
        call_timeout: Duration::from_millis(60),
        pace: Pace { retries: 1, ..Pace::SANDBOX },
        ..config(&server.address, Token::inline(TOKEN))
    };
    let client = Client::new(config).expect("a client");
    let error = client.create_domain("example.com").await.expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::Unclear, "{error}");
    assert_eq!(server.seen().len(), 1);
    let error = client.account().await.expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(server.seen().len(), 3);
    assert!(error.to_string().contains("timed out"), "{error}");
}

#[tokio::test]
async fn nothing_that_listens_is_certain_so_even_a_post_is_tried_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let client = client(&address, Token::inline(TOKEN));
    let error = client.create_droplet(&new_droplet()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert_eq!(client.calls(), 5);
    assert!(matches!(error.fault(), Fault::Transient { .. }));
}

#[tokio::test]
async fn a_429_is_waited_out_even_for_a_post() {
    let server = Server::answering(|seen| match seen.nth {
        0 => Reply::error(429, "too_many_requests", "API rate limit exceeded.").header("retry-after", "0"),
        _ => Reply::json(201, json!({"vpc": {"id": "v1", "name": "main"}})),
    })
    .await;
    let body = VpcCreate { name: "main".to_owned(), region: "fra1".to_owned(), ip_range: None, description: None };
    let vpc = server.client().create_vpc(&body).await.expect("at last");
    assert_eq!((vpc.id.as_str(), server.seen().len()), ("v1", 2));
}

#[tokio::test]
async fn a_retry_after_that_is_too_long_is_told_and_not_sat_through() {
    let server =
        Server::answering(|_| Reply::error(429, "too_many_requests", "slow").header("retry-after", "900")).await;
    let error = server.client().account().await.expect_err("later");
    assert_eq!((error.kind(), server.seen().len()), (ErrorKind::RateLimited, 1));
    let after = error.retry_after().expect("known").as_secs();
    assert!((890..=900).contains(&after), "{after}");
    assert!(matches!(error.fault(), Fault::Transient { retry_after: Some(_), .. }));
}

#[tokio::test]
async fn after_a_401_the_token_file_is_read_again_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("token");
    std::fs::write(&path, "dop_v1_old").expect("written");
    let rotated = path.clone();
    let server = Server::answering(move |seen| {
        if seen.authorization == "Bearer dop_v1_new" {
            return Reply::json(201, json!({"domain": {"name": "example.com"}}));
        }
        std::fs::write(&rotated, "dop_v1_new").expect("written");
        Reply::error(401, "unauthorized", "Unable to authenticate you.")
    })
    .await;
    let domain = client(&server.address, Token::File(path)).create_domain("example.com").await.expect("new token");
    assert_eq!(domain.name, "example.com");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_401_without_another_token_ends_at_once_and_says_where_to_put_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("token");
    std::fs::write(&path, TOKEN).expect("written");
    let server = Server::answering(|_| Reply::error(401, "unauthorized", "Unable to authenticate you.")).await;
    let error = client(&server.address, Token::File(path.clone())).account().await.expect_err("refused");
    assert_eq!((error.kind(), server.seen().len()), (ErrorKind::Unauthorized, 1));
    assert!(error.hint().contains(&path.display().to_string()), "{error}");
}

#[tokio::test]
async fn what_is_gone_is_a_success_to_delete_and_none_to_look_at_only_when_digitalocean_says_so() {
    let gone = || Reply::error(404, "not_found", "The resource you requested could not be found.");
    let server = Server::answering(move |_| gone()).await;
    let client = server.client();
    client.delete_droplet(1).await.expect("gone already");
    assert_eq!(client.droplet(1).await.expect("an answer"), None);
    let error = client.untag_droplets("web", &[1]).await.expect_err("a 404 may mean the tag");
    assert_eq!(error.kind(), ErrorKind::NotFound);

    let server = Server::answering(|_| Reply::text(404, "<html>no such proxy</html>")).await;
    assert!(server.client().droplet(1).await.is_err());
    assert!(server.client().delete_droplet(1).await.is_err());
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_token() {
    let server = Server::answering(|_| Reply::text(302, "").header("location", "/v2/elsewhere")).await;
    assert!(server.client().account().await.is_err());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn the_token_and_user_data_are_never_told() {
    let echo = |seen: &Seen, status| {
        let data =
            seen.body.as_ref().and_then(|body| body.get("user_data")).and_then(Value::as_str).unwrap_or_default();
        let message = format!("you sent {} and {data}", seen.authorization);
        Reply::error(status, "oops", &message).header("x-request-id", &seen.authorization)
    };
    for status in [400, 401, 403, 404, 409, 422, 500] {
        let server = Server::answering(move |seen| echo(&seen, status)).await;
        let client = server.client();
        let error = client.create_droplet(&new_droplet()).await.expect_err("refused");
        for told in [told(&error), format!("{client:?}"), format!("{:?}", new_droplet())] {
            assert!(!told.contains(TOKEN) && !told.contains("hunter2"), "{told}");
        }
        assert!(error.message().contains("you sent Bearer [redacted]"), "{error}");
    }
    let plain = Server::answering(|seen| Reply::text(422, &format!("<p>{}</p>", seen.authorization))).await;
    let error = plain.client().account().await.expect_err("refused");
    assert!(!told(&error).contains(TOKEN), "{error}");
    let config = config("http://127.0.0.1:1", Token::inline(TOKEN));
    assert!(!format!("{config:?}").contains(TOKEN));
}

#[tokio::test]
async fn an_action_is_waited_for_until_it_ends_or_fails_or_outlasts_its_time() {
    let server = Server::answering(|seen| action(if seen.nth < 2 { "in-progress" } else { "completed" })).await;
    let minute = Duration::from_secs(60);
    let done = server.client().wait_action(4, 9, minute).await.expect("done");
    assert!(done.is_over());
    assert_eq!(server.seen()[0].path, "/v2/droplets/4/actions/9");
    assert_eq!(server.seen().len(), 3);

    let server = Server::answering(|_| action("errored")).await;
    let error = server.client().wait_action(4, 9, minute).await.expect_err("failed");
    assert_eq!(error.kind(), ErrorKind::ActionErrored);
    assert!(error.to_string().contains("the resize of droplet 4 ended with an error"), "{error}");

    let server = Server::answering(|_| action("in-progress")).await;
    let error = server.client().wait_action(4, 9, Duration::from_millis(30)).await.expect_err("slow");
    assert_eq!(error.kind(), ErrorKind::StillRunning);
}

#[tokio::test]
async fn limits_can_be_raised_or_turned_off_for_a_sandbox() {
    let server = Server::answering(|_| Reply::json(200, json!({"account": {"uuid": "u"}}))).await;
    for limits in [Limits::OFF, Limits::DIGITALOCEAN.scaled(10)] {
        let config = Config { limits, ..config(&server.address, Token::inline(TOKEN)) };
        let client = Client::new(config).expect("a client");
        for _ in 0..300 {
            client.account().await.expect("an account");
        }
        assert_eq!(client.calls(), 300);
    }
}

#[tokio::test]
async fn nulls_and_unknown_words_do_not_make_an_answer_unreadable() {
    let row = json!({
        "id": 1, "name": null, "status": "hibernating", "locked": null, "size_slug": null, "size": null, "memory": null,
        "vcpus": null, "disk": null, "region": null, "image": {"id": null, "slug": null, "name": null},
        "features": null, "tags": null, "networks": {"v4": null, "v6": [{"ip_address": null, "type": "private-ish"}]},
        "vpc_uuid": null, "volume_ids": null, "created_at": null, "something_new": {"deep": [1, 2, 3]}
    });
    let firewall = json!({
        "id": "f", "name": null, "status": null, "pending_changes": [{"droplet_id": null, "status": null}],
        "inbound_rules": [{"protocol": "sctp", "ports": null, "sources": {"addresses": null}}],
        "outbound_rules": null, "droplet_ids": null, "tags": null
    });
    let server = Server::answering(move |seen| match seen.path.as_str() {
        "/v2/droplets/1" => Reply::json(200, json!({"droplet": row})),
        _ => Reply::json(200, json!({"firewall": firewall})),
    })
    .await;
    let client = server.client();
    let droplet = client.droplet(1).await.expect("understood").expect("there");
    assert_eq!((droplet.status, droplet.networks.v6.len()), (DropletStatus::Unknown, 1));
    let firewall = client.firewall("f").await.expect("understood").expect("there");
    assert_eq!(firewall.inbound_rules[0].protocol, "sctp");
    assert_eq!(firewall.status, FirewallStatus::Unknown);
}

#[tokio::test]
async fn an_answer_that_never_ends_is_refused_before_it_fills_the_memory() {
    let server = Server::answering(|_| {
        let chunk = axum::body::Bytes::from(vec![b' '; 1 << 20]);
        let endless = futures::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
        Reply { status: 200, headers: Vec::new(), body: axum::body::Body::from_stream(endless) }
    })
    .await;
    let pace = Pace { retries: 0, ..Pace::SANDBOX };
    let client = Client::new(Config { pace, ..config(&server.address, Token::inline(TOKEN)) }).expect("a client");
    let error = client.account().await.expect_err("too much");
    assert!(error.to_string().contains("larger than 32 MB"), "{error}");
}

#[tokio::test]
async fn the_owner_is_asked_for_once_a_token_and_again_when_the_token_changes() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("token");
    std::fs::write(&path, "dop_v1_ours").expect("written");
    let server = Server::answering(|seen| {
        let team = seen.authorization.trim_start_matches("Bearer dop_v1_").to_owned();
        Reply::json(200, json!({"account": {"uuid": "user", "team": {"uuid": team}}}))
    })
    .await;
    let client = client(&server.address, Token::File(path.clone()));
    for _ in 0..3 {
        assert_eq!(client.owner().await.expect("an owner"), "ours");
    }
    assert_eq!(client.calls(), 1);
    std::fs::write(&path, "dop_v1_theirs").expect("written");
    assert_eq!(client.owner().await.expect("an owner"), "theirs");
    assert_eq!(client.calls(), 2);
}

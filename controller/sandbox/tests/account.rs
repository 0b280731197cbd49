//! Tokens, scopes, limits, pages, keys.

use super::*;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a@example.com";

#[tokio::test]
async fn a_token_is_needed_and_its_scopes_hold() {
    let config = Config {
        tokens: vec![
            Token::full("sandbox"),
            Token::read_only("reader"),
            Token::full("dns").with_scopes(Scopes::parse("domain:read,domain:create")),
            Token::full("others").of_team("another-team"),
        ],
        ..quick()
    };
    let bed = bed(config).await;
    let zone = json!({"name": "example.com"});
    for (token, method, path, body, status) in [
        ("wrong", "GET", "/v2/account", Value::Null, 401),
        ("reader", "GET", "/v2/domains", Value::Null, 200),
        ("reader", "POST", "/v2/domains", zone.clone(), 403),
        ("dns", "POST", "/v2/domains", zone, 201),
        ("dns", "GET", "/v2/droplets", Value::Null, 403),
        ("dns", "DELETE", "/v2/domains/example.com", Value::Null, 403),
        ("others", "GET", "/v2/domains/example.com", Value::Null, 404),
    ] {
        let answer = bed.try_raw(token, method, path, &body).await.expect("an answer");
        assert_eq!(answer.status(), status, "{token} {method} {path}");
        assert!(answer.headers().contains_key("x-request-id"));
    }
}

#[tokio::test]
async fn a_burst_is_refused_with_retry_after_and_a_spent_hour_without() {
    let limits = Limits { per_minute: Some(3), per_hour: Some(5), key_lists_per_minute: Some(1) };
    let bed = bed(Config { limits, ..by_hand() }).await;
    for remaining in ["4", "3", "2"] {
        let answer = bed.raw("GET", "/v2/account").await;
        assert_eq!(answer.headers()["ratelimit-remaining"], remaining);
        assert_eq!(answer.headers()["ratelimit-limit"], "5");
    }
    let burst = bed.raw("GET", "/v2/account").await;
    assert_eq!((burst.status().as_u16(), &burst.headers()["retry-after"]), (429, &"60".parse().expect("a value")));
    bed.handle().advance(Duration::from_secs(60));
    assert_eq!(bed.raw("GET", "/v2/account/keys").await.status(), 200);
    let keys = bed.raw("GET", "/v2/account/keys").await;
    assert_eq!((keys.status().as_u16(), keys.headers().contains_key("retry-after")), (429, true));
    let spent = bed.raw("GET", "/v2/account").await;
    assert_eq!((spent.status().as_u16(), spent.headers().contains_key("retry-after")), (429, false));
    bed.handle().advance(Duration::from_secs(3600));
    assert_eq!(bed.raw("GET", "/v2/account").await.status(), 200);
}

#[tokio::test]
async fn pages_hold_twenty_unless_asked_and_never_more_than_two_hundred() {
    let bed = bed(quick()).await;
    bed.handle().seed(Seed { droplets: 450, ..Seed::default() });
    let first = bed.get("/v2/droplets").await;
    assert_eq!((ids(&first["droplets"]).len(), &first["meta"]["total"]), (20, &json!(450)));
    let mut path = "/v2/droplets?per_page=999&type=droplets".to_owned();
    let mut all = Vec::new();
    loop {
        let page = bed.get(&path).await;
        all.extend(ids(&page["droplets"]));
        assert!(ids(&page["droplets"]).len() <= 200);
        match page["links"]["pages"]["next"].as_str() {
            Some(next) => path = next.trim_start_matches(&bed.running.url()).to_owned(),
            None => break,
        }
    }
    all.dedup();
    assert_eq!(all.len(), 450);
    assert_eq!(bed.get("/v2/droplets?per_page=200&page=4").await["droplets"], json!([]));
}

#[tokio::test]
async fn a_key_is_known_by_its_fingerprint_and_only_its_name_changes() {
    let bed = bed(quick()).await;
    let body = json!({"name": "ops", "public_key": format!("  {KEY}\n")});
    let made = bed.done("POST", "/v2/account/keys", body.clone()).await["ssh_key"].clone();
    // As `ssh-keygen -l -E md5` prints it.
    assert_eq!(made["fingerprint"], "65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b:bd");
    bed.refused(422, "POST", "/v2/account/keys", body).await;
    bed.refused(422, "POST", "/v2/account/keys", json!({"name": "x", "public_key": "ssh-rsa nonsense"})).await;
    let path = format!("/v2/account/keys/{}", made["fingerprint"].as_str().expect("text"));
    let renamed = bed.done("PUT", &path, json!({"name": "new", "public_key": "other"})).await;
    assert_eq!((&renamed["ssh_key"]["name"], &renamed["ssh_key"]["public_key"]), (&json!("new"), &json!(KEY)));
    bed.done("DELETE", &path, Value::Null).await;
    bed.refused(404, "GET", &path, Value::Null).await;
}

#[tokio::test]
async fn a_body_that_is_not_json_is_a_bad_request() {
    let bed = bed(quick()).await;
    let request = bed.client.post(format!("{}/v2/domains", bed.running.url()));
    let answer = request.bearer_auth("sandbox").body("{").send().await.expect("an answer");
    assert_eq!(answer.status(), 400);
    assert_eq!(bed.send("GET", "/v2/nothing", Value::Null).await.0, 404);
}

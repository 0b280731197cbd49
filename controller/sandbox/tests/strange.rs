//! Requests that nobody should send: each is refused or taken, and the simulator goes on.

use super::*;

/// Values that are no good for most fields.
fn strange() -> [Value; 10] {
    [
        Value::Null,
        json!(true),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}\u{fffd}é/../%00"),
        json!([null, 1, "x", [], {}]),
        json!({"id": {}}),
        json!("x".repeat(5000)),
    ]
}

#[tokio::test]
async fn a_strange_value_in_any_field_is_answered() {
    let bed = bed(quick()).await;
    let one = bed.droplet(droplet("one")).await;
    let actions = format!("{one}/actions");
    bed.done("POST", "/v2/domains", json!({"name": "example.com"})).await;
    bed.done("POST", "/v2/tags", json!({"name": "tag"})).await;
    let rule = json!({"protocol": "tcp", "ports": "22", "sources": {"addresses": ["::/0"]}});
    let bodies = [
        ("/v2/droplets", droplet("two")),
        (
            "/v2/droplets",
            json!({"names": ["a"], "size": "s-1vcpu-1gb", "image": 1, "backups": true, "backup_policy": {"plan": "weekly"}, "ssh_keys": [1], "tags": ["a"]}),
        ),
        (
            &actions,
            json!({"type": "resize", "size": "s-2vcpu-4gb", "disk": true, "image": 1, "name": "x", "backup_policy": {}}),
        ),
        (&actions, json!({"type": "rebuild", "image": "debian-12-x64"})),
        (&actions, json!({"type": "enable_backups", "backup_policy": {"plan": "daily"}})),
        ("/v2/domains", json!({"name": "example.org", "ip_address": "192.0.2.1"})),
        (
            "/v2/domains/example.com/records",
            json!({"type": "SRV", "name": "_a._b", "data": "@", "priority": 1, "port": 1, "weight": 1, "ttl": 60}),
        ),
        (
            "/v2/domains/example.com/records",
            json!({"type": "CAA", "name": "@", "data": "a.", "flags": 1, "tag": "issue"}),
        ),
        ("/v2/firewalls", json!({"name": "fw", "inbound_rules": [rule], "tags": ["tag"], "droplet_ids": [1]})),
        ("/v2/vpcs", json!({"name": "v", "region": "fra1", "ip_range": "10.9.0.0/24", "description": "d"})),
        ("/v2/account/keys", json!({"name": "k", "public_key": "ssh-ed25519 AAAA"})),
        ("/v2/tags", json!({"name": "t"})),
        ("/v2/tags/tag/resources", json!({"resources": [{"resource_id": "1", "resource_type": "droplet"}]})),
    ];
    for (path, body) in &bodies {
        for field in body.as_object().expect("an object").keys() {
            for value in strange() {
                let mut body = body.clone();
                body[field] = value;
                let (status, _) = bed.send("POST", path, body.clone()).await;
                assert!(status.as_u16() < 500, "{path} {status} {body}");
            }
        }
        for whole in strange() {
            let (status, _) = bed.send("POST", path, whole.clone()).await;
            assert!(status.is_client_error() || whole.is_object(), "{path} {status} {whole}");
        }
    }
    for path in ["/v2/droplets", "/v2/domains", "/v2/firewalls", "/v2/vpcs", "/v2/tags"] {
        bed.get(path).await;
    }
}

#[tokio::test]
async fn a_strange_path_or_page_is_answered() {
    let bed = bed(quick()).await;
    let max = u64::MAX;
    for (path, status) in [
        (format!("/v2/droplets/{max}"), 404),
        ("/v2/droplets/-1".to_owned(), 404),
        ("/v2/droplets/%00%ff".to_owned(), 404),
        ("/v2".to_owned(), 404),
        ("/v2/domains/../account".to_owned(), 200),
        (format!("/v2/droplets?page={max}&per_page={max}"), 200),
        ("/v2/droplets?page=0&per_page=-5".to_owned(), 200),
        ("/v2/droplets?page=x&page=2".to_owned(), 200),
        ("/v2/actions/1e5".to_owned(), 404),
    ] {
        assert_eq!(bed.raw("GET", &path).await.status(), status, "{path}");
    }
}

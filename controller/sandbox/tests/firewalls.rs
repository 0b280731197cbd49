//! Firewalls.

use super::*;

fn body(name: &str) -> Value {
    let anywhere = json!({"addresses": ["0.0.0.0/0", "::/0"]});
    json!({
        "name": name,
        "inbound_rules": [
            {"protocol": "tcp", "ports": "all", "sources": anywhere},
            {"protocol": "tcp", "ports": "8000-9000", "sources": anywhere},
            {"protocol": "icmp", "ports": "1", "sources": anywhere},
        ],
    })
}

#[tokio::test]
async fn all_ports_and_icmp_come_back_as_zero_and_the_change_settles_later() {
    let bed = bed(by_hand()).await;
    let made = bed.done("POST", "/v2/firewalls", body("web")).await["firewall"].clone();
    let ports: Vec<&Value> =
        made["inbound_rules"].as_array().expect("rules").iter().map(|rule| &rule["ports"]).collect();
    assert_eq!(ports, ["0", "8000-9000", "0"]);
    assert_eq!(made["status"], "waiting");
    bed.handle().advance(Duration::from_secs(10));
    let path = format!("/v2/firewalls/{}", made["id"].as_str().expect("an id"));
    assert_eq!(bed.get(&path).await["firewall"]["status"], "succeeded");
}

#[tokio::test]
async fn a_second_firewall_of_a_name_is_a_conflict() {
    let bed = bed(quick()).await;
    bed.done("POST", "/v2/firewalls", body("web")).await;
    let message = bed.refused(409, "POST", "/v2/firewalls", body("web")).await;
    assert_eq!(message, "duplicate name");
}

#[tokio::test]
async fn what_the_api_does_not_take_is_refused() {
    let bed = bed(quick()).await;
    let with = |field: &str, value: Value| {
        let mut body = body("web");
        body[field] = value;
        body
    };
    let rule = |ports: &str| json!([{"protocol": "tcp", "ports": ports, "sources": {"addresses": ["10.0.0.0/8"]}}]);
    let twice = json!([rule("22")[0], rule("22")[0]]);
    let many: Vec<Value> = (1..=51).map(|port: u32| rule(&port.to_string())[0].clone()).collect();
    for body in [
        with("name", json!("under_score")),
        with("tags", json!(["never-made"])),
        with("droplet_ids", json!([1])),
        with("inbound_rules", json!([])),
        with("inbound_rules", twice),
        with("inbound_rules", json!(many)),
        with("inbound_rules", rule("0-70000")),
        with("inbound_rules", rule("90-80")),
        with("inbound_rules", json!([{"protocol": "tcp", "ports": "22", "sources": {}}])),
        with("inbound_rules", json!([{"protocol": "gre", "ports": "22", "sources": {"addresses": ["::/0"]}}])),
        with("inbound_rules", json!([{"protocol": "tcp", "ports": "22", "sources": {"addresses": ["nowhere"]}}])),
    ] {
        bed.refused(422, "POST", "/v2/firewalls", body).await;
    }
    assert_eq!(bed.get("/v2/firewalls").await["meta"]["total"], 0);
}

#[tokio::test]
async fn a_put_replaces_everything_and_parts_are_added_and_taken() {
    let bed = bed(quick()).await;
    bed.done("POST", "/v2/tags", json!({"name": "Fleet"})).await;
    let mut full = body("web");
    full["tags"] = json!(["fleet"]);
    let made = bed.done("POST", "/v2/firewalls", full).await["firewall"].clone();
    assert_eq!(made["tags"], json!(["Fleet"]));
    let path = format!("/v2/firewalls/{}", made["id"].as_str().expect("an id"));
    let replaced = bed.done("PUT", &path, body("web-2")).await["firewall"].clone();
    assert_eq!((&replaced["name"], &replaced["tags"]), (&json!("web-2"), &json!([])));
    let tags = format!("{path}/tags");
    bed.done("POST", &tags, json!({"tags": ["Fleet"]})).await;
    let mut tagged = droplet("one");
    tagged["tags"] = json!(["Fleet"]);
    let one = bed.droplet(tagged).await;
    let covering = bed.get(&format!("{one}/firewalls")).await;
    assert_eq!(covering["firewalls"][0]["name"], "web-2");
    bed.done("DELETE", &tags, json!({"tags": ["Fleet"]})).await;
    assert_eq!(bed.get(&format!("{one}/firewalls")).await["meta"]["total"], 0);
    let rules = format!("{path}/rules");
    let rule = json!({"inbound_rules": [{"protocol": "tcp", "ports": "8000-9000", "sources": {"addresses": ["::/0", "0.0.0.0/0"]}}]});
    bed.refused(422, "POST", &rules, rule.clone()).await;
    bed.done("DELETE", &rules, rule.clone()).await;
    bed.refused(404, "DELETE", &rules, rule).await;
}

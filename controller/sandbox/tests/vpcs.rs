//! VPCs.

use super::*;

fn vpc(name: &str, range: &str) -> Value {
    json!({"name": name, "region": "sgp1", "ip_range": range})
}

#[tokio::test]
async fn ranges_must_fit_and_never_overlap_and_names_are_unique() {
    let bed = bed(quick()).await;
    bed.done("POST", "/v2/vpcs", vpc("main", "10.114.0.0/16")).await;
    for body in [
        vpc("main", "10.115.0.0/16"),
        vpc("other", "10.114.8.0/24"),
        vpc("other", "10.0.0.0/8"),
        vpc("other", "10.115.0.0/29"),
        vpc("other", "10.115.0.1/24"),
        vpc("other", "8.8.0.0/16"),
        vpc("other", "10.244.0.0/16"),
        vpc("under_score", "10.115.0.0/16"),
    ] {
        bed.refused(422, "POST", "/v2/vpcs", body).await;
    }
    let free = bed.done("POST", "/v2/vpcs", json!({"name": "free", "region": "fra1"})).await;
    assert_eq!(free["vpc"]["ip_range"], "10.100.0.0/20");
}

#[tokio::test]
async fn the_default_stays_and_one_with_members_waits_for_them_to_leave() {
    let bed = bed(by_hand()).await;
    let make = |name: &'static str, range: &'static str| async {
        let made = bed.done("POST", "/v2/vpcs", vpc(name, range)).await;
        made["vpc"]["id"].as_str().expect("an id").to_owned()
    };
    let (first, second) = (make("a", "10.1.0.0/16").await, make("b", "10.2.0.0/16").await);
    bed.refused(403, "DELETE", &format!("/v2/vpcs/{first}"), Value::Null).await;
    let mut body = droplet("member");
    body["vpc_uuid"] = json!(second);
    let member = bed.droplet(body).await;
    let path = format!("/v2/vpcs/{second}");
    bed.handle().advance(Duration::from_secs(10));
    assert_eq!(bed.get(&format!("{path}/members")).await["meta"]["total"], 1);
    bed.refused(409, "DELETE", &path, Value::Null).await;
    bed.handle().edit(|world| world.busy_vpc_is_forbidden = true);
    bed.refused(403, "DELETE", &path, Value::Null).await;
    bed.handle().edit(|world| world.busy_vpc_is_forbidden = false);
    bed.done("DELETE", &member, Value::Null).await;
    bed.handle().advance(Duration::from_secs(10));
    bed.refused(404, "GET", &member, Value::Null).await;
    bed.refused(409, "DELETE", &path, Value::Null).await;
    bed.handle().advance(Duration::from_secs(10));
    bed.done("DELETE", &path, Value::Null).await;
}

#[tokio::test]
async fn a_droplet_elsewhere_than_its_vpc_is_refused() {
    let bed = bed(quick()).await;
    let made = bed.done("POST", "/v2/vpcs", vpc("a", "10.1.0.0/16")).await;
    let mut body = droplet("far");
    body["region"] = json!("fra1");
    body["vpc_uuid"] = made["vpc"]["id"].clone();
    bed.refused(422, "POST", "/v2/droplets", body).await;
}

#[tokio::test]
async fn a_put_needs_the_name_and_a_patch_changes_what_it_names() {
    let bed = bed(quick()).await;
    let made = bed.done("POST", "/v2/vpcs", vpc("a", "10.1.0.0/16")).await;
    let path = format!("/v2/vpcs/{}", made["vpc"]["id"].as_str().expect("an id"));
    bed.refused(422, "PUT", &path, json!({"description": "x"})).await;
    let patched = bed.done("PATCH", &path, json!({"description": "x"})).await;
    assert_eq!(patched["vpc"]["name"], "a");
    assert_eq!(patched["vpc"]["description"], "x");
}

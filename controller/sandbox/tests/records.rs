//! Domains and their records.

use super::*;

async fn zone(bed: &Bed) -> String {
    bed.done("POST", "/v2/domains", json!({"name": "example.com"})).await;
    "/v2/domains/example.com/records".to_owned()
}

#[tokio::test]
async fn a_new_domain_has_its_name_servers_and_a_soa() {
    let bed = bed(quick()).await;
    let records = zone(&bed).await;
    let list = bed.get(&records).await["domain_records"].clone();
    let kinds: Vec<&str> =
        list.as_array().expect("a list").iter().filter_map(|record| record["type"].as_str()).collect();
    assert_eq!(kinds, ["SOA", "NS", "NS", "NS"]);
    assert_eq!(list[1]["ttl"], 1800);
    bed.refused(422, "POST", "/v2/domains", json!({"name": "example.com"})).await;
}

#[tokio::test]
async fn values_come_back_as_the_api_rewrites_them() {
    let bed = bed(quick()).await;
    let records = zone(&bed).await;
    for (sent, name, data) in [
        (json!({"type": "CNAME", "name": "a", "data": "example.com."}), "a", "@"),
        (json!({"type": "CNAME", "name": "b", "data": "@"}), "b", "@"),
        (json!({"type": "CNAME", "name": "c", "data": "Host.Example.org."}), "c", "host.example.org"),
        (json!({"type": "A", "name": "d.example.com.", "data": "192.0.2.1"}), "d", "192.0.2.1"),
        (json!({"type": "A", "name": "e.example.com", "data": "192.0.2.1"}), "e.example.com", "192.0.2.1"),
        (json!({"type": "AAAA", "name": "f", "data": "2001:DB8:0::1"}), "f", "2001:db8::1"),
        (
            json!({"type": "CAA", "name": "@", "data": "mailto:a@example.com", "flags": 0, "tag": "iodef"}),
            "@",
            "mailto:a@example.com",
        ),
    ] {
        let made = bed.done("POST", &records, sent).await["domain_record"].clone();
        assert_eq!((&made["name"], &made["data"]), (&json!(name), &json!(data)));
    }
}

#[tokio::test]
async fn what_the_api_does_not_store_is_refused() {
    let bed = bed(quick()).await;
    let records = zone(&bed).await;
    bed.done("POST", &records, json!({"type": "A", "name": "www", "data": "192.0.2.1"})).await;
    for body in [
        json!({"type": "CNAME", "name": "x", "data": "example.org"}),
        json!({"type": "CNAME", "name": "www", "data": "example.org."}),
        json!({"type": "CNAME", "name": "@", "data": "example.org."}),
        json!({"type": "MX", "name": "@", "data": ".", "priority": 0}),
        json!({"type": "MX", "name": "@", "data": "mail.example.com."}),
        json!({"type": "TXT", "name": "@", "data": ""}),
        json!({"type": "TXT", "name": "@", "data": "back\\slash"}),
        json!({"type": "TXT", "name": "@", "data": "x".repeat(510)}),
        json!({"type": "A", "name": "y", "data": "192.0.2.1", "ttl": 29}),
        json!({"type": "A", "name": "y", "data": "2001:db8::1"}),
        json!({"type": "A", "name": "other.org.", "data": "192.0.2.1"}),
        json!({"type": "SOA", "name": "@", "data": "1800"}),
        json!({"type": "CAA", "name": "@", "data": "mailto:a@example.com.", "flags": 0, "tag": "iodef"}),
    ] {
        bed.refused(422, "POST", &records, body).await;
    }
    assert_eq!(bed.get(&records).await["meta"]["total"], 5);
}

#[tokio::test]
async fn one_ttl_holds_for_all_records_of_a_name_and_equal_posts_make_two() {
    let bed = bed(quick()).await;
    let records = zone(&bed).await;
    let body = json!({"type": "A", "name": "www", "data": "192.0.2.1", "ttl": 300});
    let one = bed.done("POST", &records, body.clone()).await["domain_record"]["id"].clone();
    let two = bed.done("POST", &records, body).await["domain_record"]["id"].clone();
    assert_ne!(one, two);
    let path = format!("{records}/{two}");
    bed.done("PATCH", &path, json!({"ttl": 60})).await;
    let first = bed.get(&format!("{records}/{one}")).await;
    assert_eq!(first["domain_record"]["ttl"], 60);
    bed.refused(422, "PUT", &path, json!({"type": "TXT"})).await;
}

#[tokio::test]
async fn a_change_of_a_host_record_has_to_send_its_value_again() {
    let bed = bed(quick()).await;
    let records = zone(&bed).await;
    let body = json!({"type": "CNAME", "name": "blog", "data": "example.org."});
    let id = bed.done("POST", &records, body).await["domain_record"]["id"].clone();
    let path = format!("{records}/{id}");
    for method in ["PUT", "PATCH"] {
        let why = bed.refused(422, method, &path, json!({"ttl": 60})).await;
        assert_eq!(why, "Data needs to end with a dot (.)");
    }
    let whole = json!({"ttl": 60, "data": "example.org."});
    let changed = bed.done("PATCH", &path, whole).await;
    assert_eq!(changed["domain_record"]["ttl"], 60);
}

#[tokio::test]
async fn the_name_filter_needs_the_whole_name() {
    let bed = bed(quick()).await;
    let records = zone(&bed).await;
    bed.done("POST", &records, json!({"type": "A", "name": "www", "data": "192.0.2.1"})).await;
    for (query, total) in [
        ("name=www.example.com", 1),
        ("name=www", 0),
        ("name=example.com", 4),
        ("name=example.com&type=NS", 3),
        ("type=A", 1),
    ] {
        let list = bed.get(&format!("{records}?{query}")).await;
        assert_eq!(list["meta"]["total"], total, "{query}");
    }
}

#[tokio::test]
async fn a_soa_has_a_ttl_to_change_and_cannot_go() {
    let bed = bed(quick()).await;
    let records = zone(&bed).await;
    let soa = bed.get(&format!("{records}?type=SOA")).await["domain_records"][0]["id"].clone();
    let path = format!("{records}/{soa}");
    let changed = bed.done("PUT", &path, json!({"ttl": 3600, "name": "x"})).await;
    assert_eq!(changed["domain_record"]["ttl"], 3600);
    assert_eq!(changed["domain_record"]["name"], "@");
    bed.refused(422, "DELETE", &path, Value::Null).await;
}

//! Droplets, their actions, tags and backups.

use super::*;

#[tokio::test]
async fn a_droplet_is_new_and_locked_until_its_action_is_due() {
    let bed = bed(by_hand()).await;
    let made = bed.done("POST", "/v2/droplets", droplet("erp")).await;
    assert_eq!(made["droplet"]["status"], "new");
    assert_eq!(made["droplet"]["locked"], true);
    assert_eq!(made["droplet"]["networks"]["v4"], json!([]));
    let path = format!("/v2/droplets/{}", made["droplet"]["id"]);
    let action = format!("/v2/actions/{}", made["links"]["actions"][0]["id"]);
    assert_eq!(bed.get(&action).await["action"]["completed_at"], Value::Null);
    let actions = format!("{path}/actions");
    let pending = bed.refused(422, "POST", &actions, json!({"type": "reboot"})).await;
    assert_eq!(pending, "Droplet already has a pending event.");
    bed.refused(422, "DELETE", &path, Value::Null).await;

    bed.handle().advance(Duration::from_secs(10));
    assert_eq!(bed.get(&action).await["action"]["status"], "completed");
    let up = bed.get(&path).await["droplet"].clone();
    assert_eq!((&up["status"], &up["locked"]), (&json!("active"), &json!(false)));
    assert_eq!(up["networks"]["v4"][0]["type"], "public");
    assert_eq!(up["networks"]["v4"][1]["ip_address"], "10.100.0.2");
    let vpc = bed.get("/v2/vpcs").await["vpcs"][0].clone();
    assert_eq!((&vpc["default"], &vpc["id"]), (&json!(true), &up["vpc_uuid"]));
}

#[tokio::test]
async fn a_resize_needs_the_droplet_off_and_never_shrinks_the_disk() {
    let bed = bed(quick()).await;
    let path = bed.droplet(droplet("erp")).await;
    let actions = format!("{path}/actions");
    let act = |body: Value| bed.send("POST", &actions, body);
    let grow = json!({"type": "resize", "size": "s-2vcpu-4gb", "disk": true});
    assert_eq!(act(grow.clone()).await.0, 422);
    assert_eq!(act(json!({"type": "power_off"})).await.0, 201);
    let (status, twice) = act(json!({"type": "power_off"})).await;
    assert_eq!((status.as_u16(), &twice["message"]), (422, &json!("Droplet is already powered off")));
    assert_eq!(act(grow).await.0, 201);
    let (status, shrink) = act(json!({"type": "resize", "size": "s-1vcpu-1gb"})).await;
    assert_eq!(status, 422);
    assert!(shrink["message"].as_str().expect("a message").contains("smaller disk"));
    assert_eq!(act(json!({"type": "power_on"})).await.0, 201);
    let resized = bed.get(&path).await["droplet"].clone();
    assert_eq!((&resized["size_slug"], &resized["disk"]), (&json!("s-2vcpu-4gb"), &json!(80)));
    assert_eq!(resized["status"], "active");
}

#[tokio::test]
async fn gpu_droplets_are_listed_only_when_asked_for() {
    let bed = bed(quick()).await;
    let body = json!({"name": "gpu", "region": "tor1", "size": "gpu-h100x1-80gb", "image": "ubuntu-22-04-x64"});
    bed.droplet(body).await;
    assert_eq!(bed.get("/v2/droplets").await["meta"]["total"], 0);
    assert_eq!(bed.get("/v2/droplets?type=gpus").await["meta"]["total"], 1);
    bed.refused(422, "GET", "/v2/droplets?type=gpus&tag_name=a", Value::Null).await;
}

#[tokio::test]
async fn a_tag_keeps_its_first_spelling_and_needs_it_in_urls() {
    let bed = bed(quick()).await;
    let mut body = droplet("one");
    body["tags"] = json!(["Prod"]);
    bed.droplet(body.clone()).await;
    body["tags"] = json!(["PROD", "prod"]);
    let second = bed.droplet(body.clone()).await;
    assert_eq!(bed.get(&second).await["droplet"]["tags"], json!(["Prod"]));
    assert_eq!(bed.get("/v2/tags").await["meta"]["total"], 1);
    bed.refused(404, "GET", "/v2/tags/prod", Value::Null).await;
    assert_eq!(bed.get("/v2/droplets?tag_name=prod").await["meta"]["total"], 2);
    let id = second.rsplit('/').next().expect("an id");
    let resources = json!({"resources": [{"resource_id": id, "resource_type": "droplet"}]});
    bed.done("DELETE", "/v2/tags/Prod/resources", resources).await;
    assert_eq!(bed.get(&second).await["droplet"]["tags"], json!([]));
    body["tags"] = json!(["no spaces"]);
    bed.refused(422, "POST", "/v2/droplets", body).await;
}

#[tokio::test]
async fn a_body_that_the_api_would_refuse_is_refused_and_makes_nothing() {
    let bed = bed(quick()).await;
    for (field, value) in [
        ("name", json!("under_score")),
        ("size", json!("s-none")),
        ("region", json!("mars1")),
        ("image", json!("windows-95")),
        ("ssh_keys", json!([1])),
        ("vpc_uuid", json!("nope")),
        ("user_data", json!("x".repeat(65_537))),
        ("backup_policy", json!({"plan": "daily", "hour": 4})),
    ] {
        let mut body = droplet("erp");
        body[field] = value;
        bed.refused(422, "POST", "/v2/droplets", body).await;
    }
    assert_eq!(bed.get("/v2/droplets").await["meta"]["total"], 0);
    assert_eq!(bed.get("/v2/vpcs").await["meta"]["total"], 0);
}

#[tokio::test]
async fn several_names_make_several_droplets_with_an_action_each() {
    let bed = bed(quick()).await;
    let mut body = droplet("x");
    body.as_object_mut().expect("an object").remove("name");
    body["names"] = json!(["a", "b", "a"]);
    let made = bed.done("POST", "/v2/droplets", body).await;
    assert_eq!(made["droplets"].as_array().map(Vec::len), Some(3));
    assert_eq!(made["links"]["actions"].as_array().map(Vec::len), Some(3));
    assert_eq!(bed.get("/v2/droplets?name=A").await["meta"]["total"], 2);
}

#[tokio::test]
async fn a_system_that_ignores_a_shutdown_stays_up_though_the_action_completes() {
    let bed = bed(quick()).await;
    let path = bed.droplet(droplet("deaf")).await;
    bed.handle().edit(|world| {
        for droplet in world.droplets.values_mut() {
            droplet.ignores_shutdown = true;
        }
    });
    let actions = format!("{path}/actions");
    bed.done("POST", &actions, json!({"type": "shutdown"})).await;
    assert_eq!(bed.get(&path).await["droplet"]["status"], "active");
    bed.done("POST", &actions, json!({"type": "power_off"})).await;
    assert_eq!(bed.get(&path).await["droplet"]["status"], "off");
}

#[tokio::test]
async fn backup_policies_of_all_droplets_come_in_one_list() {
    let bed = bed(quick()).await;
    let mut body = droplet("kept");
    body["backups"] = json!(true);
    body["backup_policy"] = json!({"plan": "weekly", "weekday": "SUN", "hour": 4});
    bed.droplet(body).await;
    bed.droplet(droplet("bare")).await;
    let list = bed.get("/v2/droplets/backups/policies").await;
    let policies: Vec<&Value> = list["policies"].as_object().expect("a map").values().collect();
    assert_eq!(policies[0]["backup_policy"]["weekday"], "SUN");
    assert!(policies[0]["next_backup_window"]["start"].as_str().expect("a time").ends_with("T04:00:00Z"));
    assert_eq!(policies[1]["backup_enabled"], false);
}

//! Droplets against the simulator: each verb, and an empty second plan.

use super::rig::{Life, Rig, keys};
use super::{ssh_key, vpc};
use driftless::kinds::droplet::Droplet;
use driftless::kinds::ssh_key::SshKey;
use driftless::kinds::vpc::Vpc;
use driftless::model::OnRemove;
use driftless::ports::digitalocean::{DropletCreate, ImageRef};
use serde_json::{Value, json};

pub fn request(name: &str, vpc: &str) -> DropletCreate {
    DropletCreate {
        name: name.to_owned(),
        region: "sgp1".to_owned(),
        size: "s-1vcpu-1gb".to_owned(),
        image: ImageRef::Slug("ubuntu-22-04-x64".to_owned()),
        ssh_keys: Vec::new(),
        vpc_uuid: Some(vpc.to_owned()),
        tags: Vec::new(),
        backups: false,
        backup_policy: None,
        ipv6: false,
        monitoring: false,
        user_data: None,
        volumes: Vec::new(),
        public_networking: None,
        with_droplet_agent: None,
    }
}

pub fn spec() -> Value {
    json!({
        "name": "odoo-erp-prod", "region": "sgp1", "size": "s-2vcpu-4gb", "image": "ubuntu-22-04-x64", "vpc": "main",
        "sshKeys": ["ops"], "backups": {"plan": "weekly", "weekday": "SUN", "hour": 4}, "monitoring": true,
        "tags": ["production", "odoo"], "userData": {"file": "cloud-init.yaml"}
    })
}

pub fn with(field: &str, value: impl Into<Value>) -> Value {
    let mut spec = spec();
    spec[field] = value.into();
    spec
}

/// A rig with what a droplet refers to.
pub async fn ready() -> Rig {
    let mut rig = Rig::start().await;
    let mut network = Life::<Vpc>::of("main", vpc::spec());
    network.settle(&rig).await;
    let mut key = Life::<SshKey>::of("ops", json!({"publicKey": ssh_key::KEY}));
    key.settle(&rig).await;
    rig.supplies.extend([network.supply(), key.supply()]);
    rig
}

/// The same, with the droplet made.
pub async fn made(spec: Value) -> (Rig, Life<Droplet>) {
    let rig = ready().await;
    let mut life = Life::of("erp", spec);
    assert_eq!(life.settle(&rig).await, ["create"]);
    (rig, life)
}

#[tokio::test]
async fn a_droplet_is_made_with_everything_its_document_says() {
    let (rig, life) = made(with("ipv6", true)).await;
    let id = life.number();
    assert_eq!(*life.stages.0.lock().expect("no panic"), [format!("made {id}")]);
    rig.running.handle().read(|world| {
        let droplet = &world.droplets[&id];
        assert_eq!((droplet.name.as_str(), droplet.size.as_str()), ("odoo-erp-prod", "s-2vcpu-4gb"));
        assert_eq!(droplet.user_data.as_deref(), Some("#cloud-config\n"));
        assert_eq!(droplet.ssh_keys.len(), 1);
        assert_eq!(droplet.tags.len(), 3, "two of the document and the marker: {:?}", droplet.tags);
        let policy = droplet.backup_policy.as_ref().expect("backups");
        assert_eq!((policy.plan.as_str(), policy.weekday.as_deref(), policy.hour), ("weekly", Some("SUN"), 4));
    });
    let seen = life.look(&rig).await.expect("seen");
    let state = &seen[0].state;
    assert!(state.addresses.public.is_some() && state.addresses.private.is_some() && state.addresses.v6.is_some());
    assert!(state.monitoring && state.ipv6 && !seen[0].changing);
}

#[tokio::test]
async fn backups_of_every_kind_differ_in_nothing_once_they_are_on() {
    for backups in [json!(true), json!({"plan": "daily", "hour": 20}), json!({"plan": "weekly", "weekday": "FRI"})] {
        made(with("backups", backups)).await;
    }
}

#[tokio::test]
async fn what_somebody_changed_by_hand_is_put_back() {
    let (rig, mut life) = made(spec()).await;
    let id = life.number();
    rig.running.handle().edit(|world| {
        let droplet = world.droplets.get_mut(&id).expect("there");
        droplet.name = "by-hand".to_owned();
        droplet.size = "s-1vcpu-1gb".to_owned();
        droplet.backup_policy = None;
        droplet.tags.retain(|tag| tag != "odoo" && !tag.starts_with("driftless"));
    });
    let expected = ["adopt", "#name update", "#tags update", "#backups update", "#size update"];
    assert_eq!(life.settle(&rig).await, expected);
    let status = rig.running.handle().read(|world| world.droplets[&id].status.clone());
    assert_eq!(status, "active");
}

#[tokio::test]
async fn every_field_that_can_change_in_place_follows_the_document() {
    let (rig, mut life) = made(spec()).await;
    for (field, value, expected) in [
        ("name", json!("erp-2"), "#name update"),
        ("backups", json!({"plan": "daily", "hour": 8}), "#backups update"),
        ("backups", json!(false), "#backups update"),
        ("backups", json!(true), "#backups update"),
        ("tags", json!(["Production", "new:tag"]), "#tags update"),
        ("tags", json!([]), "#tags update"),
        ("ipv6", json!(true), "#ipv6 update"),
        ("size", json!("s-4vcpu-8gb"), "#size update"),
        ("size", json!("s-2vcpu-4gb"), "#size update"),
    ] {
        let mut next = spec();
        next["ipv6"] = json!(life.want.as_ref().expect("a want").ipv6);
        for (kept, default) in [("name", "name"), ("backups", "backups"), ("tags", "tags"), ("size", "size")] {
            if kept != field {
                // What an earlier row set goes back to the document's first value: a change of its own.
                next[kept] = spec()[default].clone();
            }
        }
        next[field] = value.clone();
        life.edit(next);
        let done = life.settle(&rig).await;
        assert!(done.contains(&expected.to_owned()), "{field}: {value}: {done:?}");
    }
}

#[tokio::test]
async fn a_disk_grows_only_when_it_is_told_to() {
    let (rig, mut life) = made(spec()).await;
    let id = life.number();
    let disk = || rig.running.handle().read(|world| world.droplets[&id].disk);
    life.edit(with("size", "s-4vcpu-8gb"));
    life.settle(&rig).await;
    assert_eq!(disk(), 80);
    life.edit(spec());
    life.settle(&rig).await;
    let mut grown = with("size", "s-4vcpu-8gb");
    grown["resizeDisk"] = json!(true);
    life.edit(grown);
    life.settle(&rig).await;
    assert_eq!(disk(), 160);
}

#[tokio::test]
async fn a_replacement_makes_the_next_generation_and_then_destroys_the_former() {
    let (rig, mut life) = made(spec()).await;
    let first = life.provider_id();
    let mut next = with("image", "debian-12-x64");
    next["replaceOn"] = json!(["image"]);
    life.edit(next);
    assert_eq!(life.settle(&rig).await, ["replace".to_owned(), format!("#{first} retire")]);
    assert_eq!(rig.running.handle().read(|world| world.droplets.len()), 1);
    let seen = life.look(&rig).await.expect("seen");
    assert_eq!(seen[0].state.markers[0].generation, 2);
    assert_eq!(seen[0].state.image.as_deref(), Some("debian-12-x64"));
}

#[tokio::test]
async fn a_droplet_without_a_document_is_let_go_stopped_or_destroyed() {
    let (rig, mut life) = made(spec()).await;
    let owned = life.owned.clone();
    life.want = None;
    assert_eq!(life.settle(&rig).await, ["release"]);
    let seen = life.look(&rig).await.expect("seen");
    assert!(seen[0].state.markers.is_empty() && seen[0].state.tags.len() == 2);
    (life.owned, life.on_remove) = (owned.clone(), OnRemove::Stop);
    assert_eq!(life.settle(&rig).await, ["stop"]);
    assert!(keys(&life.plan(&rig).await).is_empty(), "off is stopped");
    (life.owned, life.on_remove) = (owned, OnRemove::Destroy);
    assert_eq!(life.settle(&rig).await, ["delete"]);
    assert!(rig.running.handle().read(|world| world.droplets.is_empty()));
}

#[tokio::test]
async fn a_droplet_that_exists_is_taken_over_by_its_name() {
    let rig = ready().await;
    let vpc = rig.running.handle().read(|world| world.vpcs[0].id.clone());
    let theirs = DropletCreate { size: "s-2vcpu-4gb".to_owned(), ..request("odoo-erp-prod", &vpc) };
    let id = rig.ports.digitalocean.create_droplet(&theirs).await.expect("made").droplet.id;
    let up = |d: Option<&driftless::ports::digitalocean::Droplet>| d.is_some_and(|d| !d.locked);
    rig.ports.digitalocean.wait_droplet(id, "start", std::time::Duration::from_secs(30), up).await.expect("up");
    let mut life = Life::<Droplet>::of("erp", spec());
    assert_eq!(life.settle(&rig).await, ["adopt", "#tags update", "#backups update"]);
    assert_eq!(life.number(), id);
}

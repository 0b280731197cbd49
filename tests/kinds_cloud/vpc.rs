//! Private networks against the simulator.

use super::rig::{Life, Rig};
use driftless::kinds::vpc::Vpc;
use driftless::model::{Fault, OnRemove, ProviderId};
use driftless::ports::digitalocean::VpcCreate;
use serde_json::{Value, json};

pub fn spec() -> Value {
    json!({"name": "production-vpc", "region": "sgp1", "ipRange": "10.114.0.0/16", "description": "Production network"})
}

fn request(name: &str, range: &str) -> VpcCreate {
    VpcCreate { name: name.into(), region: "sgp1".into(), ip_range: Some(range.into()), description: None }
}

#[tokio::test]
async fn a_network_is_made_changed_and_deleted() {
    let rig = Rig::start().await;
    // The first of a region is its default, which cannot be deleted.
    rig.ports.digitalocean.create_vpc(&request("first", "10.9.0.0/20")).await.expect("a network");
    let mut life = Life::<Vpc>::of("main", spec());
    assert_eq!(life.settle(&rig).await, ["create"]);
    rig.running.handle().edit(|world| {
        for vpc in world.vpcs.iter_mut().filter(|vpc| !vpc.default) {
            (vpc.name, vpc.description) = ("by-hand".to_owned(), String::new());
        }
    });
    assert_eq!(life.settle(&rig).await, ["update"]);
    assert!(rig.running.handle().read(|world| world.vpcs.iter().any(|v| v.description == "Production network")));
    life.edit(json!({"region": "sgp1", "name": "production-vpc"}));
    assert_eq!(life.settle(&rig).await, ["update"], "the description goes, the range stays");
    (life.want, life.on_remove) = (None, OnRemove::Destroy);
    assert_eq!(life.settle(&rig).await, ["delete"]);
    assert_eq!(rig.running.handle().read(|world| world.vpcs.len()), 1);
}

#[tokio::test]
async fn networks_without_a_range_get_one_and_differ_in_nothing() {
    let rig = Rig::start().await;
    let mut life = Life::<Vpc>::of("main", json!({"region": "fra1"}));
    assert_eq!(life.settle(&rig).await, ["create"]);
}

#[tokio::test]
async fn a_network_with_members_is_tried_again_and_says_what_is_in_it() {
    for forbidden in [false, true] {
        let rig = Rig::start().await;
        rig.ports.digitalocean.create_vpc(&request("first", "10.9.0.0/20")).await.expect("a network");
        let mut life = Life::<Vpc>::of("main", spec());
        life.settle(&rig).await;
        rig.running.handle().edit(|world| world.busy_vpc_is_forbidden = forbidden);
        rig.ports
            .digitalocean
            .create_droplet(&super::droplet::request("erp", &life.provider_id()))
            .await
            .expect("made");
        (life.want, life.on_remove) = (None, OnRemove::Destroy);
        let planned = life.plan(&rig).await;
        let fault = life.work(&rig, &planned.changes[0]).await.err().expect("refused");
        assert!(matches!(&fault, Fault::Transient { hint, .. } if hint.contains("erp")), "{fault:?}");
    }
}

#[tokio::test]
async fn a_network_of_that_name_that_came_there_since_the_look_is_the_one_that_was_asked_for() {
    let rig = Rig::start().await;
    let mut life = Life::<Vpc>::of("main", spec());
    let planned = life.plan(&rig).await;
    let theirs = rig.ports.digitalocean.create_vpc(&request("production-vpc", "10.114.0.0/16")).await.expect("made");
    let finished = life.work(&rig, &planned.changes[0]).await.expect("found");
    assert_eq!(finished.provider_id, Some(ProviderId(theirs.id.clone())));
    // The one that was there before is somebody else's.
    life.open("", "");
    life.intent.as_mut().expect("open").before.insert(ProviderId(theirs.id));
    assert!(matches!(life.work(&rig, &planned.changes[0]).await, Err(Fault::Permanent { .. })));
}

#[tokio::test]
async fn many_networks_of_a_region_are_made_one_by_one() {
    let rig = Rig::start().await;
    let lives: Vec<Life<Vpc>> = (0..8)
        .map(|n| Life::of(&format!("n{n}"), json!({"region": "sgp1", "ipRange": format!("10.{n}.0.0/16")})))
        .collect();
    let made = futures::future::join_all(lives.iter().map(|life| async {
        let planned = life.plan(&rig).await;
        life.work(&rig, &planned.changes[0]).await.map(|_| ())
    }));
    assert!(made.await.into_iter().all(|made| made.is_ok()));
    assert_eq!(rig.running.handle().read(|world| world.vpcs.len()), 8);
}

//! SSH keys against the simulator.

use super::rig::{Life, Rig};
use driftless::kinds::ssh_key::SshKey;
use driftless::model::{Fault, OnRemove, ProviderId};
use serde_json::{Value, json};

pub const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8vVkbw87jJIm0/1UMnAZkS8oU/FEauUZZhhm2Gw/Eh ops@example.com";
const OTHER: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMi1x3t+n4IbJW2dJRtX28roTZjobhggtSYdU/rjZV5U5vRV12ANDO9Elqla4/SJtFewbW0ELve7xHjZQEi/WhY=";

fn spec(key: &str) -> Value {
    json!({"publicKey": key})
}

#[tokio::test]
async fn a_key_is_added_renamed_replaced_and_removed() {
    let rig = Rig::start().await;
    let mut life = Life::<SshKey>::of("ops", spec(KEY));
    assert_eq!(life.settle(&rig).await, ["create"]);
    rig.running.handle().edit(|world| world.keys.values_mut().for_each(|key| key.name = "by hand".to_owned()));
    assert_eq!(life.settle(&rig).await, ["#name update"]);
    let first = life.provider_id();
    life.edit(spec(OTHER));
    assert_eq!(life.settle(&rig).await, ["replace".to_owned(), format!("#{first} retire")]);
    assert_ne!(life.provider_id(), first);
    assert_eq!(rig.running.handle().read(|world| world.keys.len()), 1);
    (life.want, life.on_remove) = (None, OnRemove::Destroy);
    assert_eq!(life.settle(&rig).await, ["delete"]);
    assert!(rig.running.handle().read(|world| world.keys.is_empty()));
}

#[tokio::test]
async fn a_key_that_came_there_since_the_look_is_the_one_that_was_asked_for() {
    let rig = Rig::start().await;
    let life = Life::<SshKey>::of("ops", spec(KEY));
    let planned = life.plan(&rig).await;
    let theirs = rig.ports.digitalocean.create_ssh_key("theirs", KEY).await.expect("a key");
    let finished = life.work(&rig, &planned.changes[0]).await.expect("found");
    assert_eq!(finished.provider_id, Some(ProviderId(theirs.id.to_string())));
    assert_eq!(finished.state.expect("seen").name, "ops");
    assert_eq!(rig.running.handle().read(|world| world.keys.len()), 1);
}

#[tokio::test]
async fn a_key_that_was_there_before_and_is_not_to_be_taken_over_is_told_with_its_id() {
    let rig = Rig::start().await;
    let mut life = Life::<SshKey>::of("ops", spec(KEY));
    let planned = life.plan(&rig).await;
    let theirs = rig.ports.digitalocean.create_ssh_key("theirs", KEY).await.expect("a key");
    life.open("", "");
    life.intent.as_mut().expect("open").before.insert(ProviderId(theirs.id.to_string()));
    let fault = life.work(&rig, &planned.changes[0]).await.err().expect("refused");
    assert!(matches!(&fault, Fault::Permanent { hint, .. } if hint.contains(&theirs.id.to_string())), "{fault:?}");
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_no_empty_list() {
    let rig = Rig::start().await;
    let life = Life::<SshKey>::of("ops", spec(KEY));
    rig.fault("GET /v2/account/keys 500");
    let why = life.look(&rig).await.err().expect("no answer");
    assert!(why.contains("/v2/account/keys") && why.contains("500"), "{why}");
}

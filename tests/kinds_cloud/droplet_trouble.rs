//! Droplets against the simulator when things go wrong: lost replies, locks, failed resizes, lists that lag.

use super::droplet::{made, ready, spec, with};
use super::rig::{Life, Rig, keys};
use driftless::kinds::droplet::Droplet;
use driftless::model::{Fault, Marker};
use std::time::Duration;
use uuid::Uuid;

#[tokio::test]
async fn a_system_that_ignores_the_shutdown_has_its_plug_pulled() {
    let (rig, mut life) = made(spec()).await;
    let id = life.number();
    rig.running.handle().edit(|world| world.droplets.get_mut(&id).expect("there").ignores_shutdown = true);
    life.edit(with("size", "s-4vcpu-8gb"));
    assert_eq!(life.settle(&rig).await, ["#size update"]);
    let kinds = rig
        .running
        .handle()
        .read(|world| world.actions.values().filter(|a| a.droplet == id).map(|a| a.kind.clone()).collect::<Vec<_>>());
    assert_eq!(kinds, ["create", "shutdown", "power_off", "resize", "power_on"]);
    let stages = life.stages.0.lock().expect("no panic").clone();
    assert_eq!(stages[1..], ["powered-off", "on-again"]);
}

#[tokio::test]
async fn a_resize_that_fails_leaves_the_droplet_on() {
    let (rig, mut life) = made(spec()).await;
    let id = life.number();
    life.edit(with("size", "s-4vcpu-8gb"));
    rig.fault("POST /v2/droplets/*/actions errored after=1 count=1");
    let planned = life.plan(&rig).await;
    let fault = life.work(&rig, &planned.changes[0]).await.err().expect("it failed");
    assert!(fault.to_string().contains("resize"), "{fault}");
    let (status, size) = rig.running.handle().read(|w| (w.droplets[&id].status.clone(), w.droplets[&id].size.clone()));
    assert_eq!((status.as_str(), size.as_str()), ("active", "s-2vcpu-4gb"));
    assert_eq!(life.stages.0.lock().expect("no panic")[1..], ["powered-off", "on-again"]);
    assert_eq!(life.settle(&rig).await, ["#size update"], "and it works the next time");
}

#[tokio::test]
async fn a_resize_that_was_interrupted_ends_with_the_droplet_on() {
    let (rig, mut life) = made(spec()).await;
    let id = life.number();
    let off = |size: &str| {
        rig.running.handle().edit(|world| {
            let droplet = world.droplets.get_mut(&id).expect("there");
            (droplet.status, droplet.size) = ("off".to_owned(), size.to_owned());
        });
    };
    // Interrupted before the resize, and after it.
    for size in ["s-1vcpu-1gb", "s-2vcpu-4gb"] {
        off(size);
        life.open("size", "powered-off");
        assert_eq!(life.settle(&rig).await, ["#size update"], "{size}");
        assert_eq!(rig.running.handle().read(|world| world.droplets[&id].status.clone()), "active");
    }
    // Off by somebody's hand, with no intent of ours: resized, and left off.
    off("s-1vcpu-1gb");
    assert_eq!(life.settle(&rig).await, ["#size update"]);
    assert_eq!(rig.running.handle().read(|world| world.droplets[&id].status.clone()), "off");
}

#[tokio::test]
async fn a_lost_reply_to_a_create_is_unclear_and_the_marker_finds_the_droplet() {
    let rig = ready().await;
    let life = Life::<Droplet>::of("erp", spec());
    let planned = life.plan(&rig).await;
    rig.fault("POST /v2/droplets lost-reply count=1");
    let fault = life.work(&rig, &planned.changes[0]).await.err().expect("no answer");
    assert!(matches!(fault, Fault::Unclear { .. }), "{fault:?}");
    let seen = life.look(&rig).await.expect("seen");
    assert_eq!(seen.len(), 1, "one droplet, not two");
    assert_eq!(seen[0].state.markers, [Marker::of(&Uuid::nil(), &life.id, 1)]);
}

#[tokio::test]
async fn a_droplet_that_does_not_come_up_is_told_and_may_be_tried_again() {
    let rig = ready().await;
    let life = Life::<Droplet>::of("erp", spec());
    let planned = life.plan(&rig).await;
    rig.fault("POST /v2/droplets errored count=1");
    let fault = life.work(&rig, &planned.changes[0]).await.err().expect("it failed");
    assert!(matches!(&fault, Fault::Transient { what, .. } if what.contains("did not come up")), "{fault:?}");
    assert_eq!(life.stages.0.lock().expect("no panic").len(), 1, "its id was written down at once");
}

#[tokio::test]
async fn a_new_droplet_that_is_not_found_at_first_is_waited_for() {
    let rig = ready().await;
    rig.fault("GET /v2/droplets/** hidden=300ms");
    let mut life = Life::<Droplet>::of("erp", spec());
    assert_eq!(life.settle(&rig).await, ["create"]);
}

#[tokio::test]
async fn a_droplet_that_the_provider_works_on_is_seen_as_changing_and_left_alone() {
    let (rig, mut life) = made(spec()).await;
    let id = life.number();
    rig.running.handle().set_action_time(Duration::from_secs(3600));
    life.edit(with("name", "erp-2"));
    let planned = life.plan(&rig).await;
    let snapshot = driftless::ports::digitalocean::DropletAction::Snapshot { name: "nightly".to_owned() };
    rig.ports.digitalocean.act(id, &snapshot).await.expect("begun");
    assert!(life.look(&rig).await.expect("seen")[0].changing);
    assert!(keys(&life.plan(&rig).await).is_empty());
    // Planned before the lock, done after it.
    let fault = life.work(&rig, &planned.changes[0]).await.err().expect("locked");
    assert!(matches!(fault, Fault::Transient { .. }), "{fault:?}");
}

/// A droplet that is owned, and a list that does not show it yet.
async fn lagging() -> (Rig, Life<Droplet>) {
    let rig = ready().await;
    rig.fault("GET /v2/droplets stale=3600s");
    let mut life = Life::<Droplet>::of("erp", spec());
    assert_eq!(life.settle(&rig).await, ["create"]);
    assert!(rig.ports.digitalocean.droplets().await.expect("a list").is_empty(), "it lags");
    (rig, life)
}

#[tokio::test]
async fn an_owned_droplet_that_a_list_lacks_is_asked_for_itself() {
    let (rig, life) = lagging().await;
    let seen = life.look(&rig).await.expect("seen");
    assert_eq!(seen.len(), 1, "a list that lags is no deletion");
    assert_eq!(seen[0].provider_id.0, life.provider_id());
    rig.fault("GET /v2/droplets/* 500");
    let why = life.look(&rig).await.err().expect("not known");
    assert!(why.contains(&format!("/v2/droplets/{}", life.provider_id())), "{why}");
}

#[tokio::test]
async fn where_one_of_the_lists_cannot_be_read_nothing_is_known() {
    let (rig, life) = made(spec()).await;
    for path in ["/v2/droplets", "/v2/droplets?type=gpus", "/v2/droplets/backups/policies"] {
        rig.running.handle().clear_faults();
        rig.fault(&format!("GET {path} 500"));
        assert!(life.look(&rig).await.is_err(), "{path}");
    }
}

#[tokio::test]
async fn a_droplet_that_was_destroyed_by_hand_is_absent_and_made_again() {
    let (rig, mut life) = made(spec()).await;
    rig.ports.digitalocean.delete_droplet(life.number()).await.expect("deleted");
    rig.ports.digitalocean.wait_droplet_gone(life.number(), Duration::from_secs(30)).await.expect("gone");
    assert_eq!(life.settle(&rig).await, ["create"]);
}

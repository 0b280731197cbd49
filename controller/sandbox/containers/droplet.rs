//! One droplet's container: made, started, stopped and removed as its droplet is, with its addresses on loopback. Knows the
//! image by what it expects in /etc/droplet, and nothing of what the machine is used for.

use std::collections::BTreeSet;
use std::iter;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use russh::keys::ssh_key::LineEnding;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Ground, Seen};

/// The networks that droplets get their public addresses from: all are on one wire.
const PUBLIC: [&str; 4] = ["203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", "198.18.0.0/15"];
/// What a container needs to run an engine of its own: less than `--privileged`, which fails on machines that lack
/// CAP_SYS_RESOURCE themselves.
const RIGHTS: [&str; 12] = [
    "--cap-add",
    "ALL",
    "--cap-drop",
    "SYS_RESOURCE",
    "--security-opt",
    "seccomp=unconfined",
    "--security-opt",
    "apparmor=unconfined",
    "--security-opt",
    "systempaths=unconfined",
    "--device-cgroup-rule",
    "a *:* rwm",
];
/// How long a machine may take until its sshd answers.
const BOOTS: Duration = Duration::from_secs(90);
/// How soon what failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Says whether a droplet has become another one, for its container.
pub(super) fn differ(one: &Seen, other: &Seen) -> bool {
    one.up != other.up || one.addresses != other.addresses
}

/// Has a container be as its droplet is, until nobody tells of that any more; then the container goes.
///
/// What happens if interrupted: the container carries the label, by which whoever interrupts takes it away.
pub(super) async fn live(ground: Arc<Ground>, mut hears: watch::Receiver<Seen>) {
    let id = hears.borrow().id;
    let container = format!("{}-{id}", ground.owner.name());
    let mut made = false;
    let mut on: Option<(Vec<Ipv4Addr>, DropGuard)> = None;
    loop {
        let seen = hears.borrow_and_update().clone();
        ground.note(id, |machine| {
            (machine.name, machine.container) = (seen.name.clone(), container.clone());
            machine.addresses = seen.addresses.clone();
        });
        let stays = on.as_ref().is_some_and(|(addresses, _)| seen.up && *addresses == seen.addresses);
        let mut done = Ok(());
        if !stays && on.take().is_some() {
            ground.note(id, |machine| machine.on = false);
            done = ground.docker.run(&["stop", "--time", "20", &container]).await.map(drop);
        }
        if done.is_ok() && seen.up && on.is_none() {
            match start(&ground, &seen, &container, &mut made).await {
                Ok(open) => on = Some((seen.addresses.clone(), open)),
                Err(why) => done = Err(why),
            }
        }
        if let Err(why) = &done {
            tracing::warn!(host = seen.name, container, "the machine of a droplet is not as it should be: {why}");
        }
        ground.note(id, |machine| (machine.on, machine.trouble) = (on.is_some(), done.clone().err()));
        let told = match done {
            Ok(()) => hears.changed().await,
            Err(_) => tokio::time::timeout(AGAIN, hears.changed()).await.unwrap_or(Ok(())),
        };
        if told.is_err() {
            break;
        }
    }
    drop(on);
    ground.machines().remove(&id);
    if let Err(why) = ground.docker.run(&["rm", "--force", "--volumes", &container]).await {
        tracing::warn!(container, "the container of a droplet that has gone is left: {why}");
    }
}

/// Turns a machine on; its addresses are open until what this gives is dropped.
async fn start(ground: &Arc<Ground>, seen: &Seen, container: &str, made: &mut bool) -> Result<DropGuard, String> {
    let first = !*made;
    if first {
        make(ground, seen, container).await?;
        *made = true;
    }
    let told = tell(seen).map_err(|error| format!("what the machine is told could not be written: {error}"))?;
    let from = format!("{}/.", told.path().display());
    ground.docker.run(&["cp", &from, &format!("{container}:/etc/droplet")]).await?;
    ground.docker.run(&["start", container]).await?;
    let form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let ip = ground.docker.run(&["inspect", "--format", form, container]).await?;
    let at = ip.parse::<Ipv4Addr>().map_err(|_| format!("the container {container} has no address: {ip:?}"))?;
    boots(ground, container, SocketAddr::from((at, 22))).await?;
    if first {
        give(ground, seen, container).await?;
    }
    open(ground, seen, SocketAddr::from((at, 22))).await
}

/// Gives its engine the images that are for it, by the names that they have there.
async fn give(ground: &Ground, seen: &Seen, container: &str) -> Result<(), String> {
    let all = ground.config.seeds.iter();
    let its: Vec<_> = all.filter(|seed| seed.droplets.is_empty() || seed.droplets.contains(&seen.name)).collect();
    let images: BTreeSet<&str> = its.iter().map(|seed| seed.image.as_str()).collect();
    if images.is_empty() {
        return Ok(());
    }
    let save: Vec<&str> = iter::once("save").chain(images).collect();
    let load = ["exec", "--interactive", container, "docker", "load", "--quiet"];
    ground.docker.pipe(&save, &load).await?;
    for seed in its.iter().filter(|seed| seed.image != seed.called) {
        ground.docker.run(&["exec", container, "docker", "tag", &seed.image, &seed.called]).await?;
    }
    let other: BTreeSet<&str> = its.iter().filter(|s| s.image != s.called).map(|s| s.image.as_str()).collect();
    if !other.is_empty() {
        let untag: Vec<&str> = ["exec", container, "docker", "rmi"].into_iter().chain(other).collect();
        ground.docker.run(&untag).await?;
    }
    Ok(())
}

async fn make(ground: &Ground, seen: &Seen, container: &str) -> Result<(), String> {
    let (label, gateway) = (ground.owner.labelled(), ground.gateway.to_string());
    let mut words = vec!["create", "--name", container, "--hostname", &seen.name, "--label", &label];
    words.extend(["--network", &ground.network]);
    words.extend(RIGHTS);
    if ground.answers_names() {
        words.extend(["--dns", &gateway]);
    }
    words.push(&ground.config.image);
    // What an attempt before left half made has this name.
    let _ = ground.docker.run(&["rm", "--force", "--volumes", container]).await;
    ground.docker.run(&words).await.map(drop)
}

/// What the image reads before it boots: addresses, the host key, and what cloud-init does.
fn tell(seen: &Seen) -> std::io::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let private = seen.network.map(|network| network.trunc().to_string());
    let networks = PUBLIC.iter().map(|network| (*network).to_owned()).chain(private);
    let addresses = seen.addresses.iter().map(|address| format!("address {address}\n"));
    let addresses: String = addresses.chain(networks.map(|network| format!("network {network}\n"))).collect();
    let key = seen.host_key();
    let private = key.to_openssh(LineEnding::LF).map_err(std::io::Error::other)?;
    let public = key.public_key().to_openssh().map_err(std::io::Error::other)?;
    let keys: Vec<&str> = seen.keys.iter().map(|key| key.trim()).collect();
    let about =
        json!({"instance-id": format!("droplet-{}", seen.id), "local-hostname": seen.name, "public-keys": keys});
    let files = [
        ("addresses", addresses),
        ("ssh_host_ed25519_key", private.to_string()),
        ("ssh_host_ed25519_key.pub", format!("{public}\n")),
        ("meta-data", about.to_string()),
        ("user-data", seen.user_data.clone().unwrap_or_else(|| "#cloud-config\n{}\n".to_owned())),
    ];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text)?;
    }
    Ok(folder)
}

/// Waits until its sshd answers; the error holds the machine's last words.
async fn boots(ground: &Ground, container: &str, at: SocketAddr) -> Result<(), String> {
    let until = Instant::now() + BOOTS;
    loop {
        let connected = tokio::time::timeout(Duration::from_secs(1), TcpStream::connect(at)).await;
        if matches!(connected, Ok(Ok(_))) {
            return Ok(());
        }
        let running = ground.docker.run(&["inspect", "--format", "{{.State.Running}}", container]).await?;
        if running != "true" || Instant::now() >= until {
            let said =
                ground.docker.ask(&["logs", "--tail", "5", container]).await.map_err(|error| error.to_string())?;
            let last = [said.text(), said.errors()].concat();
            return Err(format!("the machine does not come up: sshd does not answer at {at}; {}", last.trim()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Opens its addresses on loopback, each a port that leads to its sshd.
async fn open(ground: &Ground, seen: &Seen, to: SocketAddr) -> Result<DropGuard, String> {
    let end = CancellationToken::new();
    for at in seen.addresses.iter().filter_map(|address| ground.place.of(*address)) {
        let listener = TcpListener::bind(at).await.map_err(|error| format!("{at}: {error}"))?;
        tokio::spawn(end.clone().run_until_cancelled_owned(pass(listener, to, end.clone())));
    }
    Ok(end.drop_guard())
}

/// Passes connections on until the end, which cuts them.
async fn pass(listener: TcpListener, to: SocketAddr, end: CancellationToken) {
    loop {
        let Ok((mut here, _)) = listener.accept().await else {
            // Too many open files, for one: it passes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let both = async move {
            let mut there = TcpStream::connect(to).await?;
            here.set_nodelay(true)?;
            there.set_nodelay(true)?;
            tokio::io::copy_bidirectional(&mut here, &mut there).await
        };
        tokio::spawn(end.clone().run_until_cancelled_owned(both));
    }
}

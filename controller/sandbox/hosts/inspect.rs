//! What `docker inspect`, `docker ps` and the API show of an engine's things, as JSON.

use serde_json::{Map, Value, json};

use super::engine::{Container, Engine, Image, State, Thing};
use crate::sandbox::clock::stamp;

/// A container, as `docker inspect` shows it.
pub(super) fn container(one: &Container, now: u64) -> Value {
    let mut bindings = Map::new();
    for port in &one.ports {
        let binding = json!({"HostIp": port.address, "HostPort": port.outside.to_string()});
        let all = bindings.entry(format!("{}/{}", port.inside, port.protocol)).or_insert_with(|| json!([]));
        if let Some(all) = all.as_array_mut() {
            all.push(binding);
        }
    }
    let (code, since) = match one.state {
        State::Ended(code, since) => (code, since),
        State::Up(since) => (0, since),
        State::Created | State::Paused => (0, one.created),
    };
    let mut state = json!({
        "Status": one.status(), "Running": matches!(one.state, State::Up(_)), "ExitCode": code,
        "StartedAt": stamp(since), "Restarting": one.loops(), "Paused": matches!(one.state, State::Paused),
    });
    if let (Some(health), Some(state)) = (one.health(now), state.as_object_mut()) {
        state.insert("Health".to_owned(), json!({"Status": health, "FailingStreak": 0}));
    }
    let mounts: Vec<Value> = one.mounts.iter().map(|mount| {
        let name = if mount.kind == "volume" { mount.source.as_str() } else { "" };
        json!({"Type": mount.kind, "Name": name, "Source": mount.source, "Destination": mount.target, "RW": mount.writable})
    }).collect();
    let networks: Map<String, Value> =
        one.networks.iter().map(|name| (name.clone(), json!({"NetworkID": name}))).collect();
    json!({
        "Id": one.id, "Name": format!("/{}", one.name), "Created": stamp(one.created), "State": state,
        "RestartCount": one.restarts, "Image": one.image,
        "Config": {"Image": one.tag, "Labels": one.labels, "Env": one.env},
        "HostConfig": {"PortBindings": bindings.clone(), "RestartPolicy": {"Name": one.restart}},
        "Mounts": mounts, "NetworkSettings": {"Networks": networks, "Ports": bindings},
    })
}

/// A container, as the API lists it: its image is named by its id where another image has the name by now.
pub(super) fn listed(one: &Container, engine: &Engine, now: u64) -> Value {
    let current = engine.image(&one.tag).as_ref() == Some(&one.image);
    json!({
        "Id": one.id, "Names": [format!("/{}", one.name)], "Image": if current { &one.tag } else { &one.image },
        "ImageID": one.image, "Command": "", "Created": one.created / 1000, "Ports": [], "Labels": one.labels,
        "State": one.status(), "Status": one.words(now), "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Networks": {}}, "Mounts": [],
    })
}

/// A container, as `docker ps` shows it.
pub(super) fn row(one: &Container, now: u64, full: bool) -> Value {
    let id = if full { one.id.as_str() } else { one.id.get(..12).unwrap_or(&one.id) };
    let ports: Vec<String> = one
        .ports
        .iter()
        .map(|port| {
            let address = if port.address.is_empty() { "0.0.0.0" } else { &port.address };
            format!("{address}:{}->{}/{}", port.outside, port.inside, port.protocol)
        })
        .collect();
    let labels: Vec<String> = one.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    json!({
        "ID": id, "Names": one.name, "Name": one.name, "Image": one.tag, "State": one.status(), "Status": one.words(now),
        "Ports": ports.join(", "), "Labels": labels.join(","), "LabelsMap": one.labels, "CreatedAt": stamp(one.created),
        "Service": one.label("service"), "Project": one.label("project"),
    })
}

/// An image, as `docker image inspect` shows it.
pub(super) fn image(id: &str, one: &Image) -> Value {
    let digests: Vec<String> = one
        .tags
        .iter()
        .map(|tag| {
            let name = tag.rsplit_once(':').map_or(tag.as_str(), |(name, _)| name);
            format!("{name}@{id}")
        })
        .collect();
    json!({
        "Id": id, "RepoTags": one.tags, "RepoDigests": digests, "Created": stamp(one.created), "Size": one.size,
        "Config": {"Labels": {}},
    })
}

/// A volume or a network, as `docker volume inspect` and `docker network inspect` show them.
pub(super) fn thing(name: &str, one: &Thing) -> Value {
    json!({
        "Name": name, "Id": one.id, "ID": one.id.get(..12), "Labels": one.labels, "LabelsMap": one.labels,
        "Driver": one.driver, "Options": one.options, "CreatedAt": stamp(one.created), "Created": stamp(one.created),
        "Scope": "local", "Internal": false, "Mountpoint": format!("/var/lib/docker/volumes/{name}/_data"),
        "IPAM": {"Driver": "default", "Config": []},
    })
}

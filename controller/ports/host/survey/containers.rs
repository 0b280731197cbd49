//! The containers of a host that compose made, as `docker inspect` tells of them. Concludes nothing.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Its id in full.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Compose's project.
    pub project: String,
    /// The service of it.
    pub service: String,
    /// Whether `compose run` made it, for once.
    pub one_off: bool,
    /// The folder that compose was run for.
    pub folder: String,
    /// Compose's digest of the configuration that it was made from.
    pub hash: String,
    /// `created`, `running`, `paused`, `restarting`, `exited`, `dead`.
    pub state: String,
    /// `starting`, `healthy`, `unhealthy`; none without a health check.
    pub health: Option<String>,
    /// What it ended with; 0 while it runs.
    pub exit_code: i64,
    /// How often the engine started it anew.
    pub restarts: u64,
    /// The image that it runs, by id.
    pub image: String,
    /// The image by name, as the configuration says it.
    pub tag: String,
    /// What it publishes, by `8069/tcp`.
    pub ports: BTreeMap<String, Vec<Binding>>,
}

/// Where a container's port is published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Binding {
    /// The host's address; empty for every one.
    #[serde(rename = "HostIp")]
    pub address: String,
    /// The host's port; empty where the engine chooses.
    #[serde(rename = "HostPort")]
    pub port: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    id: String,
    name: String,
    state: State,
    restarts: u64,
    image: String,
    tag: String,
    ports: Option<BTreeMap<String, Option<Vec<Binding>>>>,
    project: Option<String>,
    service: Option<String>,
    hash: Option<String>,
    one_off: Option<String>,
    folder: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    status: String,
    exit_code: i64,
    health: Option<Health>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Health {
    status: String,
}

/// Reads a JSON object a line. One that cannot be read makes all unknown: a stack must not look smaller than it is.
pub(super) fn read(text: &str) -> Result<Vec<Container>, String> {
    let one = |line: &str| {
        let told: Told = serde_json::from_str(line).map_err(|error| format!("a container: {error}"))?;
        Ok(Container {
            id: told.id,
            name: told.name.trim_start_matches('/').to_owned(),
            project: told.project.unwrap_or_default(),
            service: told.service.unwrap_or_default(),
            one_off: told.one_off.is_some_and(|text| text.eq_ignore_ascii_case("true")),
            folder: told.folder.unwrap_or_default(),
            hash: told.hash.unwrap_or_default(),
            state: told.state.status,
            health: told.state.health.map(|health| health.status).filter(|health| health != "none"),
            exit_code: told.state.exit_code,
            restarts: told.restarts,
            image: told.image,
            tag: told.tag,
            ports: told.ports.unwrap_or_default().into_iter().map(|(k, v)| (k, v.unwrap_or_default())).collect(),
        })
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_read_a_line_each_and_half_of_one_is_an_error() {
        let line = r#"{"id":"c1","name":"/s-web-1","state":{"Status":"running","ExitCode":0,"Health":{"Status":"unhealthy"}},"restarts":2,"image":"sha256:a","tag":"tiny:1","ports":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8069"}],"81/tcp":null},"project":"s","service":"web","hash":"e4","oneOff":"False","folder":"/opt/s"}"#;
        let read = read(&format!("{line}\n")).expect("a container");
        let [web] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!((web.name.as_str(), web.health.as_deref(), web.one_off), ("s-web-1", Some("unhealthy"), false));
        assert_eq!(web.ports["80/tcp"][0], Binding { address: "127.0.0.1".to_owned(), port: "8069".to_owned() });
        assert!(super::read(line.split_at(80).0).is_err());
    }
}

//! Volumes and networks of a host that compose made, as its engine tells of them. Concludes nothing.

use super::containers::COMPOSE;
use bollard::models::{Network, Volume};
use serde::{Deserialize, Serialize};

/// One volume or network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thing {
    /// Its name on the host.
    pub name: String,
    /// What tells it from another of its name: a network's id, the time at which a volume was made.
    pub id: String,
    /// Who makes it: `local`, `bridge`.
    pub driver: String,
    /// Compose's project.
    pub project: String,
    /// Its name in the compose file.
    pub key: String,
}

/// A volume; none where compose did not make it.
pub(super) fn volume(one: Volume) -> Option<Thing> {
    let label = |name: &str| one.labels.get(&format!("{COMPOSE}{name}")).cloned();
    Some(Thing {
        project: label("project")?,
        key: label("volume").unwrap_or_default(),
        id: one.created_at.clone().unwrap_or_default(),
        name: one.name,
        driver: one.driver,
    })
}

/// A network; none where compose did not make it.
pub(super) fn network(one: Network) -> Option<Thing> {
    let labels = one.labels.unwrap_or_default();
    let label = |name: &str| labels.get(&format!("{COMPOSE}{name}")).cloned();
    Some(Thing {
        project: label("project")?,
        key: label("network").unwrap_or_default(),
        id: one.id.unwrap_or_default(),
        name: one.name.unwrap_or_default(),
        driver: one.driver.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn volumes_and_networks_of_compose_are_read_and_others_are_nobodys() {
        let text = r#"{"Name":"odoo_data","Driver":"local","Mountpoint":"/x","Scope":"local","Options":null,
            "CreatedAt":"2026-11-27T04:16:29Z",
            "Labels":{"com.docker.compose.project":"odoo","com.docker.compose.volume":"data"}}"#;
        let data = super::volume(serde_json::from_str(text).expect("a volume")).expect("compose's");
        assert_eq!(
            (data.key.as_str(), data.driver.as_str(), data.id.as_str()),
            ("data", "local", "2026-11-27T04:16:29Z")
        );
        let bridge = serde_json::from_str(r#"{"Name":"bridge","Id":"b1","Labels":{}}"#).expect("a network");
        assert!(super::network(bridge).is_none());
    }
}

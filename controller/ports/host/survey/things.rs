//! Volumes and networks of a host that compose made, as `docker inspect` tells of them. Concludes nothing.

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

/// Reads a JSON object a line; one that cannot be read makes all unknown.
pub(super) fn read(text: &str) -> Result<Vec<Thing>, String> {
    #[derive(Deserialize)]
    struct Told {
        name: String,
        id: Option<String>,
        driver: Option<String>,
        project: Option<String>,
        key: Option<String>,
    }
    let one = |line: &str| {
        let told: Told = serde_json::from_str(line).map_err(|error| format!("a volume or network: {error}"))?;
        Ok(Thing {
            name: told.name,
            id: told.id.unwrap_or_default(),
            driver: told.driver.unwrap_or_default(),
            project: told.project.unwrap_or_default(),
            key: told.key.unwrap_or_default(),
        })
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(one).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn volumes_are_read_a_line_each_and_half_of_one_is_an_error() {
        let line = r#"{"name":"odoo_data","id":"2026-11-27T04:16:29Z","driver":"local","project":"odoo","key":"data"}"#;
        let read = super::read(&format!("{line}\n")).expect("a volume");
        assert_eq!((read[0].key.as_str(), read[0].driver.as_str()), ("data", "local"));
        assert!(super::read(line.split_at(40).0).is_err());
    }
}

//! The containers of a host that compose made, as its engine tells of them. Concludes nothing.

use bollard::models::{ContainerInspectResponse, ContainerSummary};
use serde::{Deserialize, Serialize};

/// What compose's labels begin with.
pub(super) const COMPOSE: &str = "com.docker.compose.";

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
    /// The compose files that it was run with, as compose says them: whole paths, with commas between.
    pub files: String,
    /// The files of variables that compose was told to read in place of .env, so too.
    pub env_files: String,
    /// Compose's digest of the configuration that it was made from.
    pub hash: String,
    /// `created`, `running`, `paused`, `restarting`, `exited`, `dead`.
    pub state: String,
    /// `starting`, `healthy`, `unhealthy`; none without a health check.
    pub health: Option<String>,
    /// What it ended with; 0 while it runs.
    pub exit_code: i64,
    /// The image that it runs, by id.
    pub image: String,
    /// The image by name, as the configuration says it.
    pub tag: String,
}

/// Says whether compose made it.
pub(super) fn of_compose(one: &ContainerSummary) -> bool {
    one.labels.as_ref().is_some_and(|labels| labels.contains_key(&format!("{COMPOSE}project")))
}

/// A container as a list shows it: without what it ended with.
pub(super) fn listed(one: ContainerSummary) -> Container {
    let labels = one.labels.unwrap_or_default();
    let label = |name: &str| labels.get(&format!("{COMPOSE}{name}")).cloned().unwrap_or_default();
    let names = one.names.unwrap_or_default();
    Container {
        id: one.id.unwrap_or_default(),
        // Links give it more names, which have a slash in the middle.
        name: names
            .iter()
            .filter_map(|name| name.strip_prefix('/'))
            .find(|name| !name.contains('/'))
            .unwrap_or_default()
            .to_owned(),
        project: label("project"),
        service: label("service"),
        one_off: label("oneoff").eq_ignore_ascii_case("true"),
        folder: label("project.working_dir"),
        files: label("project.config_files"),
        env_files: label("project.environment_file"),
        hash: label("config-hash"),
        state: one.state.map(|state| state.to_string()).unwrap_or_default(),
        health: one.status.as_deref().and_then(health).map(str::to_owned),
        exit_code: 0,
        image: one.image_id.unwrap_or_default(),
        tag: one.image.unwrap_or_default(),
    }
}

/// Adds what only a look at the container itself says.
pub(super) fn complete(container: &mut Container, whole: ContainerInspectResponse) {
    let state = whole.state.unwrap_or_default();
    container.exit_code = state.exit_code.unwrap_or_default();
    if let Some(status) = state.status {
        container.state = status.to_string();
    }
    if let Some(name) = whole.config.and_then(|config| config.image) {
        container.tag = name;
    }
}

/// `Up 2 hours (healthy)`: engines before 29 say it in no other field of a list.
fn health(status: &str) -> Option<&'static str> {
    let (_, words) = status.strip_suffix(')')?.rsplit_once('(')?;
    match words {
        "healthy" => Some("healthy"),
        "unhealthy" => Some("unhealthy"),
        "health: starting" => Some("starting"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(text: &str) -> ContainerSummary {
        serde_json::from_str(text).expect("a line of a list")
    }

    #[test]
    fn a_container_is_read_from_its_line_in_a_list_and_completed_from_itself() {
        let web = r#"{"Id":"c1","Names":["/other/alias","/s-web-1"],"Image":"tiny:1","ImageID":"sha256:a","State":"running",
            "Status":"Up 2 hours (unhealthy)","Labels":{"com.docker.compose.project":"s","com.docker.compose.service":"web",
            "com.docker.compose.config-hash":"e4","com.docker.compose.oneoff":"False",
            "com.docker.compose.project.working_dir":"/opt/s"}}"#;
        let web = summary(web);
        assert!(of_compose(&web));
        let mut web = listed(web);
        assert_eq!((web.name.as_str(), web.health.as_deref(), web.one_off), ("s-web-1", Some("unhealthy"), false));
        assert_eq!((web.tag.as_str(), web.image.as_str(), web.folder.as_str()), ("tiny:1", "sha256:a", "/opt/s"));
        let whole = r#"{"Id":"c1","State":{"Status":"exited","ExitCode":3},"Config":{"Image":"tiny:2"}}"#;
        complete(&mut web, serde_json::from_str(whole).expect("a container"));
        assert_eq!((web.state.as_str(), web.exit_code, web.tag.as_str()), ("exited", 3, "tiny:2"));
        assert!(!of_compose(&summary(r#"{"Id":"c2","Labels":null}"#)));
    }

    #[test]
    fn health_is_read_from_the_words_of_a_status() {
        let table = [
            ("Up 2 hours", None),
            ("Up 2 hours (healthy)", Some("healthy")),
            ("Up 3 seconds (health: starting)", Some("starting")),
            ("Up 1 second (Paused)", None),
            ("Exited (1) 2 minutes ago", None),
        ];
        for (status, said) in table {
            assert_eq!(health(status), said, "{status}");
        }
    }
}

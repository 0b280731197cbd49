//! What a host's Docker Engine says of itself: containers, images, volumes and networks, all or nothing. Concludes nothing.
//!
//! Lists are asked for side by side, in one round trip. What they leave out of a container (what it ended with, and its
//! image's name where another image has that by now) is asked for one by one, where it matters: in another.

use super::containers::{self, Container};
use super::things::{self, Thing};
use crate::ports::host::docker::why;
use crate::ports::host::pool::Host;
use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptions, ListImagesOptions, ListNetworksOptions, ListVolumesOptions,
};
use futures::future::try_join_all;
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::timeout;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// An image without a name.
const NAMELESS: &str = "<none>:<none>";

/// What it says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Engine {
    pub(super) version: String,
    /// What there is, where it was asked for.
    pub(super) all: Option<All>,
}

/// All that an engine has.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct All {
    /// The containers that compose made.
    pub containers: Vec<Container>,
    /// The volumes that compose made.
    pub volumes: Vec<Thing>,
    /// The networks that compose made.
    pub networks: Vec<Thing>,
    /// Every image: its id, a blank, and one of its names.
    pub images: BTreeSet<String>,
    /// The ids of images that a container has.
    pub used: BTreeSet<String>,
}

/// Asks the engine of a host; the error says what came instead of an answer.
pub(super) async fn ask(host: &Host, whole: bool) -> Result<Engine, String> {
    let asking = async {
        let docker = host.docker().await?;
        let (version, all) =
            tokio::join!(docker.version(), async { if whole { all(&docker).await.map(Some) } else { Ok(None) } });
        let version = version.map_err(|error| why(&error))?.version.unwrap_or_default();
        Ok(Engine { version, all: all? })
    };
    let late = |_| Err(format!("no answer within {} s", PATIENCE.as_secs()));
    timeout(PATIENCE, asking).await.unwrap_or_else(late)
}

async fn all(docker: &Docker) -> Result<All, String> {
    let told = |what: &'static str| move |error: Error| format!("{what}: {}", why(&error));
    let everything = ListContainersOptions { all: true, ..Default::default() };
    let (listed, images, volumes, networks) = tokio::try_join!(
        async { docker.list_containers(Some(everything)).await.map_err(told("its containers")) },
        async { docker.list_images(None::<ListImagesOptions>).await.map_err(told("its images")) },
        async { docker.list_volumes(None::<ListVolumesOptions>).await.map_err(told("its volumes")) },
        async { docker.list_networks(None::<ListNetworksOptions>).await.map_err(told("its networks")) },
    )?;
    let used = listed.iter().filter_map(|one| one.image_id.clone()).collect();
    let ours = listed.into_iter().filter(containers::of_compose).map(|one| one_container(docker, one));
    let containers = try_join_all(ours).await.map_err(told("a container"))?.into_iter().flatten().collect();
    let named = images.into_iter().flat_map(|image| {
        let names = if image.repo_tags.is_empty() { vec![NAMELESS.to_owned()] } else { image.repo_tags };
        names.into_iter().map(move |name| format!("{} {name}", image.id))
    });
    Ok(All {
        containers,
        volumes: volumes.volumes.unwrap_or_default().into_iter().filter_map(things::volume).collect(),
        networks: networks.into_iter().filter_map(things::network).collect(),
        images: named.collect(),
        used,
    })
}

/// A container with what its line in the list leaves out; none where it has gone since.
async fn one_container(docker: &Docker, listed: bollard::models::ContainerSummary) -> Result<Option<Container>, Error> {
    let mut container = containers::listed(listed);
    if container.tag != container.image && container.state == "running" {
        return Ok(Some(container));
    }
    match docker.inspect_container(&container.id, None::<InspectContainerOptions>).await {
        Ok(whole) => {
            containers::complete(&mut container, whole);
            Ok(Some(container))
        }
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

//! A stack as it was seen, in canonical words, and one change's work on it.

use super::draft::Folder;
use super::private::Prints;
use super::receipt::{Notes, Receipt};
use crate::model::{Digest, Fact, Key, Output, ProviderId};
use crate::ports::host::survey::{Container, Thing};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A stack as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The name of the host's document.
    pub host: String,
    /// Compose's name for it.
    pub project: String,
    /// Its containers.
    pub containers: Vec<Container>,
    /// The images that the host has, by name: which id each has now.
    #[serde(skip)]
    pub images: BTreeMap<String, String>,
    /// What was sent, and what compose made of it; none where there is no receipt.
    #[serde(skip)]
    pub receipt: Option<Result<Receipt, String>>,
    /// The digests in hex of the files that the receipt lists, or that are to be sent; a missing one is not in it.
    #[serde(skip)]
    pub files: BTreeMap<String, String>,
    /// Mode and owner of these files, as a survey says them: `400 101:101`.
    #[serde(skip)]
    pub modes: BTreeMap<String, String>,
    /// Notes beside the receipt.
    #[serde(skip)]
    pub notes: Notes,
    /// What is known of what should be secret there, or why it is not; none where no document speaks of it.
    #[serde(skip)]
    pub prints: Option<Result<Prints, String>>,
    /// Its volumes and networks, by `volume data`.
    #[serde(skip)]
    pub things: BTreeMap<String, Thing>,
    /// What compose would make of the document, where there is no receipt to say so.
    #[serde(skip)]
    pub trial: Option<Result<BTreeMap<String, String>, String>>,
    /// Files that are there in other words, of which compose makes the same; only beside a trial.
    #[serde(skip)]
    pub alike: BTreeSet<String>,
    /// What its folder holds, where an import has read it.
    #[serde(skip)]
    pub folder: Option<Folder>,
    /// The version of docker compose on the host.
    pub compose: Option<String>,
}

/// One change's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub enum Step {
    /// Sends what differs, pulls, has compose do its work, waits until all is ready, and writes the receipt.
    Up {
        /// Which version of the document.
        version: Digest,
        /// Services that are started anew, since files changed that they mount.
        restart: BTreeSet<String>,
        /// Services whose images are built.
        build: BTreeSet<String>,
        /// Whether nothing of it may be there yet: it moves here from another host.
        fresh: bool,
    },
    /// Takes a stack over as it is: writes the receipt, and touches no container.
    Adopt {
        /// Which version of the document.
        version: Digest,
        /// Files that are written anew, since what stands there says the same in other words.
        #[serde(default)]
        anew: BTreeSet<String>,
    },
    /// Starts containers, or starts them anew.
    Heal {
        /// The host's name.
        host: String,
        /// The service.
        service: String,
        /// Whether they are started anew, not started.
        anew: bool,
        /// The containers' ids.
        containers: BTreeSet<String>,
    },
    /// Removes the containers of a service that the compose file has no more.
    Drop {
        /// The host's name.
        host: String,
        /// The containers' ids.
        containers: BTreeSet<String>,
    },
    /// Stops it: the containers stay.
    Stop {
        /// The host's name.
        host: String,
        /// Compose's name for it.
        project: String,
    },
    /// Removes containers and networks; volumes and files stay.
    Down {
        /// The host's name.
        host: String,
        /// Compose's name for it.
        project: String,
    },
    /// Lets go of it; nothing is sent.
    Release,
}

/// A live stack's id.
pub(super) fn provider_id(host: &str, project: &str) -> ProviderId {
    ProviderId(format!("{host}:{project}"))
}

impl State {
    pub(super) fn keys(&self) -> Vec<Key> {
        vec![Key(format!("{} {}", self.host, self.project))]
    }

    /// The containers of its services; those that `compose run` made are somebody's own.
    pub(super) fn of_services(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().filter(|container| !container.one_off)
    }

    /// The names of its volumes.
    pub(super) fn volumes(&self) -> Vec<String> {
        let all = self.things.iter().filter(|(key, _)| key.starts_with("volume "));
        all.map(|(_, volume)| volume.name.clone()).collect()
    }

    pub(super) fn outputs(&self) -> BTreeMap<Output, String> {
        let id = provider_id(&self.host, &self.project).0;
        let (name, host) = ((Output::Name, self.project.clone()), (Output::Host, self.host.clone()));
        BTreeMap::from([(Output::Id, id), name, host])
    }

    /// Facts change when the stack does, not from look to look.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let images: BTreeSet<&str> = self.of_services().map(|container| container.tag.as_str()).collect();
        let mut facts: Vec<Fact> = images.into_iter().map(|image| Fact::Runs(image.to_owned())).collect();
        facts.push(Fact::Holds(self.of_services().count(), "container".to_owned()));
        if self.of_services().all(|container| container.state != "running") {
            facts.push(Fact::Idle("stopped".to_owned()));
        }
        facts
    }

    /// The image id that a container's image has by its name now; none where the host has none of that name.
    pub(super) fn current_image(&self, tag: &str) -> Option<&String> {
        if tag.contains('@') || tag.starts_with("sha256:") {
            return None;
        }
        let short = tag.strip_prefix("docker.io/").unwrap_or(tag);
        let short = short.strip_prefix("library/").unwrap_or(short);
        let named = short.rsplit('/').next().is_some_and(|last| last.contains(':'));
        self.images.get(&if named { short.to_owned() } else { format!("{short}:latest") })
    }
}

//! Reads the stacks of each host from its survey. Concludes nothing. Asks a host something of its own only where a stack
//! runs there that is to be taken over: what compose would make of it can be known from nothing else.

use super::super::operate::{Look, Seen, Sightings, Surveyed};
use super::live::{State, provider_id};
use super::private::Private;
use super::receipt::{Notes, Receipt};
use super::want::{ENV, Want};
use super::{ComposeStack, ship};
use crate::model::{Kind, Scope};
use crate::ports::host::Hosts;
use crate::ports::host::survey::{All, Ask, Survey, Thing};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures::future::join_all;
use secrecy::ExposeSecret;
use std::collections::BTreeMap;

/// What every host with stacks is asked for.
pub(super) fn asks(look: &Look<'_>) -> Vec<(String, Ask)> {
    let receipts = look.wants::<ComposeStack>();
    let receipts = receipts.map(|(_, want)| (want.host.name.clone(), Ask::Receipt(want.directory.clone())));
    let of_hosts = look.hosts::<ComposeStack>().into_iter().map(|host| (host, Ask::Engine));
    receipts.chain(of_hosts).collect()
}

/// All stacks of every host that documents or Memory speak of, each host a scope of its own.
pub(super) async fn all(look: &Look<'_>) -> Sightings<State> {
    let one = |host: String| async move {
        let found = match look.surveys.get(&host) {
            Surveyed::Nothing => Ok(Vec::new()),
            Surveyed::Unknown(why) => Err(why),
            Surveyed::Seen(survey) => {
                let wants = look.wants::<ComposeStack>().map(|(_, want)| want);
                let wants: Vec<&Want> = wants.filter(|want| want.host.name == host).collect();
                of_host(&look.ports.hosts, &host, &wants, &survey).await
            }
        };
        let seen =
            |state: State| Seen { provider_id: provider_id(&state.host, &state.project), state, changing: false };
        (Scope::within(ComposeStack::NAME, &host), found.map(|all| all.into_iter().map(seen).collect()))
    };
    join_all(look.hosts::<ComposeStack>().into_iter().map(one)).await
}

/// All stacks of a host: every project that has a container, and every document's that has a receipt.
pub(super) async fn of_host(hosts: &Hosts, host: &str, wants: &[&Want], survey: &Survey) -> Result<Vec<State>, String> {
    let nothing = All::default();
    let docker = match (&survey.engine, &survey.docker) {
        // Where Docker is not installed, there is nothing of it.
        (None, _) => &nothing,
        (Some(Ok(_)), Some(all)) => all,
        (Some(Err(said)), _) => return Err(format!("Docker on Host/{host} does not answer: {said}")),
        (Some(Ok(_)), None) => return Err(format!("Docker on Host/{host} was not asked for what it has")),
    };
    let images = images(docker);
    let mut all: BTreeMap<String, State> = BTreeMap::new();
    let state = |project: &str| State {
        host: host.to_owned(),
        project: project.to_owned(),
        images: images.clone(),
        compose: survey.compose.clone(),
        ..State::default()
    };
    for container in docker.containers.iter().filter(|container| !container.project.is_empty()) {
        let project = &container.project;
        all.entry(project.clone()).or_insert_with(|| state(project)).containers.push(container.clone());
    }
    for want in wants {
        let Some(found) = survey.receipts.get(&want.directory).filter(|receipt| !receipt.text.is_empty()) else {
            continue;
        };
        let receipt = Receipt::read(&found.text);
        // Another project's receipt says nothing of this one.
        if matches!(&receipt, Ok(Some(receipt)) if receipt.sent.project != want.project) {
            continue;
        }
        let Some(receipt) = receipt.transpose() else { continue };
        let state = all.entry(want.project.clone()).or_insert_with(|| state(&want.project));
        (state.receipt, state.files, state.modes) = (Some(receipt), found.digests.clone(), found.modes.clone());
    }
    let mut things = things(docker);
    for state in all.values_mut() {
        state.things = things.remove(&state.project).unwrap_or_default();
    }
    for want in wants {
        let Some(state) = all.get_mut(&want.project) else { continue };
        state.containers.sort_by(|a, b| (&a.service, &a.name).cmp(&(&b.service, &b.name)));
        if let Some(found) = survey.receipts.get(&want.directory) {
            state.notes = Notes::read(&found.notes);
        }
        let private = private(hosts, want);
        if state.receipt.is_none() {
            try_out(hosts, want, &private, state).await;
        }
        state.prints = Some(private.map(|private| private.prints(want, hosts.key())));
    }
    Ok(all.into_values().collect())
}

fn images(docker: &All) -> BTreeMap<String, String> {
    let lines = docker.images.iter().filter_map(|line| line.split_once(' '));
    lines.map(|(id, name)| (name.to_owned(), id.to_owned())).collect()
}

/// Volumes and networks that compose made, by project, then by `volume data`.
fn things(docker: &All) -> BTreeMap<String, BTreeMap<String, Thing>> {
    let named = |kind: &'static str| move |thing: &Thing| (format!("{kind} {}", thing.key), thing.clone());
    let mut all: BTreeMap<String, BTreeMap<String, Thing>> = BTreeMap::new();
    for (name, thing) in docker.volumes.iter().map(named("volume")).chain(docker.networks.iter().map(named("network")))
    {
        // A volume without a name in the compose file is a container's own.
        if !thing.key.is_empty() {
            all.entry(thing.project.clone()).or_default().insert(name, thing);
        }
    }
    all
}

/// What is secret, as it is now; the error names the secret that is missing.
pub(super) fn private(hosts: &Hosts, want: &Want) -> Result<Private, String> {
    let secret = |name: &str| {
        let value = hosts.secrets().get(name).map_err(|error| error.to_string())?;
        Ok(value.expose_secret().to_owned())
    };
    Private::new(want, secret)
}

async fn try_out(hosts: &Hosts, want: &Want, private: &Result<Private, String>, state: &mut State) {
    let Ok(private) = private else { return };
    let said = match hosts.host(&want.host.name) {
        Ok(host) => host.run(&ship::trial(want, private, state)).await,
        Err(error) => Err(error),
    };
    let said = match said {
        Ok(output) => output.text(),
        Err(error) => {
            state.trial = Some(Err(error.to_string()));
            return;
        }
    };
    let (mut hashes, mut failed, mut same, mut variables) = (BTreeMap::new(), None, false, None);
    for line in said.lines() {
        match line.split_once(' ').map(|(word, rest)| (word, rest, rest.split_once(' '))) {
            Some(("file", _, Some((digest, path)))) => drop(state.files.insert(path.to_owned(), digest.to_owned())),
            Some(("hash", _, Some((service, hash)))) => drop(hashes.insert(service.to_owned(), hash.to_owned())),
            Some(("failed", why, _)) => failed = Some(why.to_owned()),
            Some(("variables", text, _)) => variables = BASE64.decode(text).ok(),
            None if line == "same" => same = true,
            _ => {}
        }
    }
    if same {
        state.alike.extend(want.compose.iter().cloned());
        let text = variables.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if private.holds(text.as_deref()) {
            state.alike.insert(ENV.to_owned());
        }
    }
    state.trial = Some(match failed {
        Some(why) => Err(why),
        None if hashes.is_empty() => Err("compose named no service".to_owned()),
        None => Ok(hashes),
    });
}

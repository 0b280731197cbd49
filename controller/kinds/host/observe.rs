//! Finds out how each host is reached, and looks at it: once, for all kinds on it. Concludes nothing.

use super::super::operate::{Contact, Look, Seen, Sightings, Surveyed};
use super::live::{Place, State};
use super::spec::{Machine, Network, Want};
use super::{Host, care, registries};
use crate::model::{HostKey, Output, Pin, ProviderId, ResourceId, Scope, Supply};
use crate::ports::host::survey::Ask;
use crate::ports::host::{Ssh, Stranger, Target, Way};
use crate::ports::secrets::Secrets;
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All hosts that documents or Memory speak of, each in a scope of its own.
pub(super) async fn all(look: &Look<'_>) -> Sightings<State> {
    let wants: BTreeMap<&ResourceId, &Want> = look.wants::<Host>().collect();
    look.ports.hosts.keep_only(&|name| wants.keys().any(|id| id.name == name));
    let wanted = wants.iter().map(|(id, want)| one(look, &wants, id, want));
    let mut seen: Sightings<State> = join_all(wanted).await;
    // A document that has gone leaves nothing to reach it by, and nothing that has to be undone there.
    let gone = look.owned.iter().filter(|(id, _)| !wants.contains_key(*id));
    seen.extend(gone.map(|(id, owned)| {
        let place = Place { machine: owned.provider_id.0.clone(), ..Place::default() };
        let state = State {
            key: id.to_string(),
            name: id.name.clone(),
            place,
            fingerprint: None,
            logins: BTreeMap::new(),
            survey: None,
        };
        (owned.scope.clone(), Ok(vec![Seen { provider_id: owned.provider_id.clone(), state, changing: false }]))
    }));
    seen
}

async fn one(
    look: &Look<'_>,
    wants: &BTreeMap<&ResourceId, &Want>,
    id: &ResourceId,
    want: &Want,
) -> (Scope, Result<Vec<Seen<State>>, String>) {
    let scope = Scope::within("Host", &id.name);
    let (found, surveyed) = match aim(look, wants, id, want) {
        Aim::Nothing => (Ok(Vec::new()), Surveyed::Nothing),
        Aim::Blind(why) => (Err(why.clone()), Surveyed::Unknown(why)),
        Aim::At(place, target) => {
            let fingerprint = match &target.way {
                Way::Ssh(ssh) => Some(ssh.key.fingerprint()),
                Way::Local => None,
            };
            let asks = look.asks.get(&id.name).cloned().unwrap_or_default();
            match look.ports.hosts.aim(&id.name, target).look(&want.user, &asks).await {
                Ok(survey) => {
                    let survey = Arc::new(survey);
                    let state = state(look.ports.hosts.secrets(), want, *place, fingerprint, survey.clone());
                    let seen = Seen { provider_id: ProviderId(state.place.machine.clone()), state, changing: false };
                    (Ok(vec![seen]), Surveyed::Seen(survey))
                }
                Err(error) => {
                    let why = format!("{error}. {}", error.hint());
                    (Err(why.clone()), Surveyed::Unknown(why))
                }
            }
        }
    };
    look.surveys.put(&id.name, surveyed);
    (scope, found)
}

pub(super) fn state(
    secrets: &Secrets,
    want: &Want,
    place: Place,
    fingerprint: Option<String>,
    survey: Arc<crate::ports::host::survey::Survey>,
) -> State {
    let logins = registries::compared(want, &survey, |name| secrets.get(name).map_err(|error| error.to_string()));
    let key = State::key_of(&want.machine);
    State { key, name: want.name.clone(), place, fingerprint, logins, survey: Some(survey) }
}

/// What is known of the way to a host.
enum Aim {
    /// There is no machine yet that anybody could be on.
    Nothing,
    /// It is not known, and why.
    Blind(String),
    /// It is there.
    At(Box<Place>, Target),
}

fn aim(look: &Look<'_>, wants: &BTreeMap<&ResourceId, &Want>, id: &ResourceId, want: &Want) -> Aim {
    if want.machine == Machine::Local {
        let place = Place { machine: "local".to_owned(), at: "local".to_owned(), ..Place::default() };
        return Aim::At(Box::new(place), Target { way: Way::Local, sudo: want.sudo });
    }
    let place = match place(look, id, want) {
        Ok(place) => place,
        Err(aim) => return aim,
    };
    match ssh(look, wants, (id, want, &place), &mut BTreeSet::new()) {
        Ok(ssh) => Aim::At(Box::new(place), Target { way: Way::Ssh(Box::new(ssh)), sudo: want.sudo }),
        Err(why) => Aim::Blind(why),
    }
}

fn place(look: &Look<'_>, id: &ResourceId, want: &Want) -> Result<Place, Aim> {
    if let (Machine::Droplet(droplet, _), Some(Supply::Live(outputs))) = (&want.machine, of_droplet(look, want)) {
        // Made by us, and nobody has been on it: it is to be made ready, which waits for what is missing yet.
        let machine = outputs.get(&Output::Id);
        let ready = look.owned.get(id).is_some_and(|owned| Some(&owned.provider_id.0) == machine);
        if look.made.contains(droplet) && !ready {
            return Err(Aim::Nothing);
        }
    }
    whereabouts(look, want)
}

fn of_droplet<'a>(look: &'a Look<'_>, want: &Want) -> Option<&'a Supply> {
    match &want.machine {
        Machine::Droplet(droplet, _) => look.supplies.get(droplet),
        Machine::Address(_) | Machine::Local => None,
    }
}

fn whereabouts(look: &Look<'_>, want: &Want) -> Result<Place, Aim> {
    let (droplet, network) = match &want.machine {
        Machine::Droplet(droplet, network) => (droplet, network),
        Machine::Address(address) => {
            let public = Some(address.clone());
            return Ok(Place { machine: address.clone(), at: address.clone(), public, ..Place::default() });
        }
        Machine::Local => return Err(Aim::Nothing),
    };
    let outputs = match of_droplet(look, want) {
        Some(Supply::Live(outputs)) => outputs,
        Some(Supply::Pending) => return Err(Aim::Nothing),
        Some(Supply::Unknown(why)) => return Err(Aim::Blind(format!("{droplet} could not be seen: {why}"))),
        None => return Err(Aim::Blind(format!("{droplet} was not looked at"))),
    };
    let get = |output| outputs.get(&output).cloned();
    let machine = get(Output::Id).unwrap_or_default();
    let output = match network {
        Network::Public => Output::Address,
        Network::Private => Output::PrivateAddress,
    };
    let at = get(output).ok_or_else(|| Aim::Blind(format!("{droplet} has no {}", output.words())))?;
    let (private, v6) = (get(Output::PrivateAddress), get(Output::AddressV6));
    Ok(Place { machine, at, public: get(Output::Address), private, v6 })
}

/// What every host is asked for, by its name.
pub(super) fn asks(look: &Look<'_>) -> Vec<(String, Ask)> {
    let wants = look.wants::<Host>();
    wants.flat_map(|(id, want)| care::asks(want).into_iter().map(|ask| (id.name.clone(), ask))).collect()
}

/// How a host is asked for its key.
pub(super) fn contact(look: &Look<'_>, id: &ResourceId) -> Option<Result<Contact, String>> {
    let wants: BTreeMap<&ResourceId, &Want> = look.wants::<Host>().collect();
    let want = wants.get(id)?;
    if want.machine == Machine::Local {
        return Some(Err("it is the controller's own machine, which has none".to_owned()));
    }
    if want.host_key.is_some() {
        return Some(Err("its document names the key (hostKey): if that changed, change it there".to_owned()));
    }
    let place = match whereabouts(look, want) {
        Ok(place) => place,
        Err(Aim::Blind(why)) => return Some(Err(why)),
        Err(_) => return Some(Err("there is no machine yet".to_owned())),
    };
    let jump = match through(look, &wants, want, &mut BTreeSet::new()) {
        Ok(jump) => jump,
        Err(why) => return Some(Err(why)),
    };
    let stranger = Stranger { name: id.name.clone(), address: place.at, port: want.port, jump };
    Some(Ok(Contact { stranger, machine: place.machine }))
}

type Known<'a> = (&'a ResourceId, &'a Want, &'a Place);

fn ssh(
    look: &Look<'_>,
    wants: &BTreeMap<&ResourceId, &Want>,
    (id, want, place): Known<'_>,
    passed: &mut BTreeSet<ResourceId>,
) -> Result<Ssh, String> {
    let key = key(look.pins, id, want, place).ok_or_else(|| untrusted(id, place))?;
    let jump = through(look, wants, want, passed)?;
    Ok(way(id, want, place, key, jump))
}

/// The way to the host that another is reached through.
fn through(
    look: &Look<'_>,
    wants: &BTreeMap<&ResourceId, &Want>,
    want: &Want,
    passed: &mut BTreeSet<ResourceId>,
) -> Result<Option<Box<Ssh>>, String> {
    Ok(match &want.jump {
        Some(jump) if passed.insert(jump.clone()) => {
            let through =
                wants.get(jump).ok_or_else(|| format!("{jump}, through which it is reached, is in no document"))?;
            if through.machine == Machine::Local {
                None
            } else {
                let place = self::place(look, jump, through).map_err(|aim| match aim {
                    Aim::Blind(why) => format!("it is reached through {jump}: {why}"),
                    Aim::Nothing | Aim::At(..) => format!("it is reached through {jump}, which is not ready yet"),
                })?;
                Some(Box::new(ssh(look, wants, (jump, through, &place), passed)?))
            }
        }
        Some(jump) => return Err(format!("it is reached through {jump}, and that through itself")),
        None => None,
    })
}

/// The way to a host whose key is known.
pub(super) fn way(id: &ResourceId, want: &Want, place: &Place, key: HostKey, jump: Option<Box<Ssh>>) -> Ssh {
    Ssh {
        name: id.name.clone(),
        address: place.at.clone(),
        port: want.port,
        user: want.user.clone(),
        identity: want.identity.clone(),
        key,
        jump,
    }
}

/// The key that a host is believed to have: what its document says, else what was pinned on the same machine.
pub(super) fn key(pins: &BTreeMap<ResourceId, Pin>, id: &ResourceId, want: &Want, place: &Place) -> Option<HostKey> {
    let pinned = || pins.get(id).filter(|pin| pin.machine == place.machine).map(|pin| pin.key.clone());
    want.host_key.clone().or_else(pinned)
}

fn untrusted(id: &ResourceId, place: &Place) -> String {
    format!(
        "nobody has said yet which host key {id} at {} has. `driftless trust {}` shows and records it; or write it into the document as hostKey",
        place.at, id.name
    )
}

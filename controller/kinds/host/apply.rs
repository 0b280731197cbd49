//! Works on hosts. Decides nothing: each step is one piece of work, done to its end and seen.
//!
//! What happens if interrupted: every step says the same when it is done twice. A key that was taken at first contact is
//! in the journal before anything else is sent to that host.

use super::super::operate::{Finished, Work};
use super::live::{Place, State, Step};
use super::observe;
use super::spec::{Machine, Want};
use super::{Host, care, care_work};
use crate::model::{Fault, HostKey, Pin, ProviderId};
use crate::ports::host::survey::{CloudInit, Survey};
use crate::ports::host::{HostError, Stranger, Target, Way};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How soon a machine that is not ready is asked again.
const PAUSE: Duration = Duration::from_secs(3);
/// How long after its own start a machine's Docker is waited for, in seconds.
const STARTS: u64 = 300;
/// How long user data may take until it lets a user who is let in work by sudo.
const SUDO: Duration = Duration::from_secs(30);
/// How long one first contact may take.
const CONTACT: Duration = Duration::from_secs(10);

pub(super) async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
    match step {
        Step::Release => Ok(Finished { provider_id: None, state: None }),
        Step::MakeReady { place } => make_ready(work, wanted(work)?, place).await,
        step => care_work::apply(work, wanted(work)?, step).await,
    }
}

fn wanted<'a>(work: &'a Work<'_>) -> Result<&'a Want, Fault> {
    let gone = || Fault::permanent(format!("{} has no document any more", work.key.id), "The next plan decides.");
    work.want::<Host>().ok_or_else(gone)
}

/// Waits for SSH, for cloud-init and for Docker, in this order, as long as the pool's patience says.
async fn make_ready(work: &Work<'_>, want: &Want, place: Place) -> Result<Finished<State>, Fault> {
    let id = &work.key.id;
    let until = Instant::now() + work.ports.hosts.patience();
    let (mut told, mut target, mut refused) = (String::new(), None, None);
    loop {
        let (stage, why) = match attempt(work, want, &place, &mut target).await {
            Ok((survey, fingerprint)) => match not_ready(&survey) {
                None => {
                    if !want.install.is_empty() {
                        work.progress.tell(&format!("installing {}", care::words(&want.install)), "");
                    }
                    let survey = care_work::furnish(work, want, survey).await?;
                    let machine = ProviderId(place.machine.clone());
                    let state = observe::state(work.ports.hosts.secrets(), want, place, fingerprint, Arc::new(survey));
                    return Ok(Finished { provider_id: Some(machine), state: Some(state) });
                }
                Some(waits) => waits,
            },
            Err(Stop::Now(fault)) => return Err(fault),
            Err(Stop::Sudo(fault)) if refused.get_or_insert_with(Instant::now).elapsed() >= SUDO => return Err(fault),
            Err(Stop::Sudo(fault)) => (LET_IN, fault.to_string()),
            Err(Stop::Waits(stage, why)) => (stage, why),
        };
        work.progress.tell(stage, &why);
        let waits = if why.is_empty() { stage.to_owned() } else { format!("{stage}: {why}") };
        if waits != told {
            tracing::info!(resource = %id, "is being made ready: {waits}");
            told = waits;
        }
        if Instant::now() >= until {
            let minutes = work.ports.hosts.patience().as_secs().div_ceil(60);
            return Err(Fault::transient(
                format!("{id} is still being made ready after {minutes} min: {told}"),
                "It goes on from there with the next try. On the machine itself, see /var/log/cloud-init-output.log.",
            ));
        }
        sleep(PAUSE.min(until.saturating_duration_since(Instant::now()))).await;
    }
}

/// The stages of a machine that comes up, in the order in which they come.
const SSH: &str = "waiting for SSH to answer";
const LET_IN: &str = "waiting for SSH to let us in";
const CLOUD_INIT: &str = "waiting for cloud-init";
const DOCKER: &str = "waiting for Docker to answer";

enum Stop {
    /// At which stage, and what was seen of it.
    Waits(&'static str, String),
    Sudo(Fault),
    Now(Fault),
}

/// What a machine shows that has just begun, in the order in which it comes.
async fn attempt(
    work: &Work<'_>,
    want: &Want,
    place: &Place,
    target: &mut Option<Target>,
) -> Result<(Survey, Option<String>), Stop> {
    let hosts = &work.ports.hosts;
    if target.is_none() {
        *target = Some(aim(work, want, place).await?);
    }
    let Some(target) = target else { return Err(Stop::Waits(SSH, "it is not known how it is reached".to_owned())) };
    let fingerprint = match &target.way {
        Way::Ssh(ssh) => Some(ssh.key.fingerprint()),
        Way::Local => None,
    };
    let host = hosts.aim(&work.key.id.name, target.clone());
    host.wake();
    match host.survey(&want.user, &Default::default()).await {
        Ok(survey) => Ok((survey, fingerprint)),
        // cloud-init writes the keys of those who are let in while sshd answers already.
        Err(error @ HostError::Refused { .. }) => Err(Stop::Waits(LET_IN, error.to_string())),
        Err(error @ HostError::NoSudo { .. }) => Err(Stop::Sudo(error.into())),
        Err(error) if error.may_pass() || matches!(error, HostError::Strange { .. } | HostError::Failed { .. }) => {
            Err(Stop::Waits(SSH, error.to_string()))
        }
        Err(error) => Err(Stop::Now(error.into())),
    }
}

async fn aim(work: &Work<'_>, want: &Want, place: &Place) -> Result<Target, Stop> {
    let id = &work.key.id;
    if want.machine == Machine::Local {
        return Ok(Target { way: Way::Local, sudo: want.sudo });
    }
    let jump = match &want.jump {
        Some(jump) => {
            let through = work.ports.hosts.host(&jump.name).map_err(|error| Stop::Waits(SSH, error.to_string()))?;
            through.ssh().cloned().map(Box::new)
        }
        None => None,
    };
    let known = observe::key(work.pins, id, want, place);
    let key = match known {
        Some(key) => key,
        None => first_contact(work, want, place, jump.clone()).await?,
    };
    let ssh = observe::way(id, want, place, key, jump);
    Ok(Target { way: Way::Ssh(Box::new(ssh)), sudo: want.sudo })
}

/// Takes the key that a droplet shows which the controller made, and writes it down before anything is sent there.
async fn first_contact(
    work: &Work<'_>,
    want: &Want,
    place: &Place,
    jump: Option<Box<crate::ports::host::Ssh>>,
) -> Result<HostKey, Stop> {
    let id = &work.key.id;
    let stranger = Stranger { name: id.name.clone(), address: place.at.clone(), port: want.port, jump };
    let key = work.ports.hosts.first_contact(&stranger, CONTACT).await.map_err(|error| match error.may_pass() {
        true => Stop::Waits(SSH, error.to_string()),
        false => Stop::Now(error.into()),
    })?;
    tracing::info!(resource = %id, fingerprint = key.fingerprint(), "its host key is taken at first contact");
    let pin = Pin { key: key.clone(), machine: place.machine.clone(), by: None, at: work.ports.clock.now() };
    work.progress.pin(pin).await.map_err(Stop::Now)?;
    Ok(key)
}

/// At which stage a machine is that answers, and what was seen of it; none where it is ready.
fn not_ready(survey: &Survey) -> Option<(&'static str, String)> {
    match (&survey.cloud_init, &survey.engine) {
        (CloudInit::Runs, _) => Some((CLOUD_INIT, String::new())),
        // Later than that its silence has nothing to do with the start: the next look tells of it.
        (_, Some(Err(said))) if survey.uptime < STARTS => Some((DOCKER, said.clone())),
        _ => None,
    }
}

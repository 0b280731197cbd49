//! Work that turns a droplet off and on. Decides nothing.
//!
//! Flow of a resize: off → resize → on. Guarantees: that the droplet is off because of us is written down before it is
//! turned off; it is turned on again after a resize that failed. A droplet that was off before stays off.
//! What happens if interrupted: the stage `powered-off` stands in Memory, and `diff` goes on from there.

use super::super::operate::Work;
use super::apply::{ACTING, act};
use super::diff::POWERED_OFF;
use crate::model::Fault;
use crate::ports::digitalocean::{Client, Droplet, DropletAction, DropletStatus, ErrorKind};
use std::time::Duration;

/// How long a resize may take: with its disk it copies all of it.
const RESIZING: Duration = Duration::from_secs(60 * 60);
/// The stage in which the droplet is on again: whoever turns it off from now on wants it off.
const ON_AGAIN: &str = "on-again";

pub(super) async fn resize(work: &Work<'_>, id: u64, size: String, disk: bool) -> Result<(), Fault> {
    let client = &work.ports.digitalocean;
    let droplet = client.droplet(id).await?.ok_or_else(|| gone(id))?;
    if droplet.locked {
        return Err(Fault::transient(
            format!("droplet {id} is locked by an event, so it was not resized to {size}"),
            "Nothing was changed. It is tried again.",
        ));
    }
    let runs = droplet.status == DropletStatus::Active;
    let left_off = work.intent.is_some_and(|intent| intent.stage.as_deref() == Some(POWERED_OFF));
    if runs {
        work.progress.stage(Some(POWERED_OFF), None).await?;
        power_down(client, id).await?;
    }
    let done = change(client, id, &DropletAction::Resize { size, disk }).await;
    match done {
        Ok(()) if runs || left_off => start(work, id).await,
        Ok(()) => Ok(()),
        Err(Ended::Refused(fault)) => {
            // On again before anything else; where that fails too, recovery does it.
            if runs || left_off {
                // That this fails too is told by the next look; the first fault is the one to be read.
                let _ = start(work, id).await;
            }
            Err(fault)
        }
        Err(Ended::Unknown(fault)) => Err(fault),
    }
}

/// How a resize did not end well.
enum Ended {
    /// It did not happen and will not.
    Refused(Fault),
    /// It may still happen: turning the droplet on now would get in its way.
    Unknown(Fault),
}

async fn change(client: &Client, id: u64, action: &DropletAction) -> Result<(), Ended> {
    let begun = match client.act(id, action).await {
        Ok(begun) => begun,
        Err(error) if error.kind() == ErrorKind::Invalid && error.says("already") => return Ok(()),
        Err(error) if error.kind() == ErrorKind::Unclear => return Err(Ended::Unknown(error.fault())),
        Err(error) => return Err(Ended::Refused(error.fault())),
    };
    match client.wait_action(id, begun.id, RESIZING).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::ActionErrored => Err(Ended::Refused(error.fault())),
        Err(error) => Err(Ended::Unknown(error.fault())),
    }
}

/// Turns a droplet off: asks its system first, which promises nothing, and pulls the plug where it does not obey.
pub(super) async fn power_down(client: &Client, id: u64) -> Result<(), Fault> {
    act(client, id, &DropletAction::Shutdown).await?;
    let off = |droplet: Option<&Droplet>| droplet.is_none_or(|d| d.status == DropletStatus::Off && !d.locked);
    // A minute at the usual pace.
    let grace = client.pace().poll_most * 12;
    match client.wait_droplet(id, "the shutdown", grace, off).await {
        Ok(Some(_)) => return Ok(()),
        Ok(None) => return Err(gone(id)),
        Err(error) if error.kind() == ErrorKind::StillRunning => {}
        Err(error) => return Err(error.fault()),
    }
    act(client, id, &DropletAction::PowerOff).await?;
    client.wait_droplet(id, "the power-off", ACTING, off).await?;
    Ok(())
}

/// Turns a droplet on, waits until it runs, and writes down that it is off because of us no longer.
pub(super) async fn start(work: &Work<'_>, id: u64) -> Result<(), Fault> {
    let client = &work.ports.digitalocean;
    act(client, id, &DropletAction::PowerOn).await?;
    let on = |droplet: Option<&Droplet>| droplet.is_none_or(|d| d.status == DropletStatus::Active && !d.locked);
    client.wait_droplet(id, "the start", ACTING, on).await?;
    work.progress.stage(Some(ON_AGAIN), None).await
}

fn gone(id: u64) -> Fault {
    Fault::permanent(format!("droplet {id} has gone since it was last looked at"), "The next look plans it anew.")
}

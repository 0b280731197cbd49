//! Works on droplets. Decides nothing: each step is one piece of work, done to its end and read back.
//!
//! What happens if interrupted: a create's id is written down as soon as it is known; else the marker among its tags
//! finds it. Actions on a droplet that exists go on at DigitalOcean, and the next look sees how they ended.

use super::super::operate::{Finished, Work};
use super::Droplet;
use super::live::{Body, State, Step};
use super::want::{Backups, Image, Schedule};
use super::{observe, resize};
use crate::model::{Fault, ProviderId};
use crate::ports::digitalocean::{
    BackupPolicy, Client, Droplet as Live, DropletAction, DropletCreate, DropletStatus, ErrorKind, ImageRef, KeyRef,
};
use std::time::Duration;

/// How long DigitalOcean may take to make a droplet, or to destroy one.
const MAKING: Duration = Duration::from_secs(15 * 60);
/// How long a small action may take.
pub(super) const ACTING: Duration = Duration::from_secs(10 * 60);

pub(super) async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
    let client = &work.ports.digitalocean;
    if let Step::Create(body) = step {
        return create(work, *body).await;
    }
    let id = number(work)?;
    match step {
        Step::Create(_) => {}
        Step::Mark { add, remove } => {
            let text = |marker: &crate::model::Marker| marker.to_string();
            tag(client, id, add.iter().map(text).collect()).await?;
            untag(client, id, remove.iter().map(text).collect()).await?;
        }
        Step::Tags { add, remove } => {
            tag(client, id, add).await?;
            untag(client, id, remove).await?;
        }
        Step::Rename { name } => act(client, id, &DropletAction::Rename { name }).await?,
        Step::EnableIpv6 => act(client, id, &DropletAction::EnableIpv6).await?,
        Step::EnableBackups { schedule } => {
            act(client, id, &DropletAction::EnableBackups { backup_policy: schedule.map(policy) }).await?;
        }
        Step::ChangeBackups { schedule } => {
            act(client, id, &DropletAction::ChangeBackupPolicy { backup_policy: policy(schedule) }).await?;
        }
        Step::DisableBackups => act(client, id, &DropletAction::DisableBackups).await?,
        Step::Resize { size, disk } => resize::resize(work, id, size, disk).await?,
        Step::PowerOn => resize::start(work, id).await?,
        Step::Stop => stop(client, id).await?,
        Step::Delete => {
            delete(client, id).await?;
            return Ok(Finished { provider_id: None, state: None });
        }
    }
    Ok(Finished { provider_id: None, state: observe::one(client, id).await? })
}

async fn create(work: &Work<'_>, body: Body) -> Result<Finished<State>, Fault> {
    let client = &work.ports.digitalocean;
    let tags = body.tags.clone();
    let data = user_data(work, &body)?;
    let made = client.create_droplet(&request(body, data)).await?;
    let id = made.droplet.id;
    let provider_id = ProviderId(id.to_string());
    work.progress.stage(None, Some(&provider_id)).await?;
    if let Some(action) = made.action {
        match client.wait_action(id, action, MAKING).await {
            // Right after the answer the action may not be there yet; the droplet itself is looked at next.
            Err(error) if !error.is_not_found() => return Err(unmade(id, error.fault())),
            Ok(_) | Err(_) => {}
        }
    }
    let droplet = come_up(client, id).await.map_err(|fault| unmade(id, fault))?;
    // DigitalOcean puts tags on after it has made the droplet; without its marker it would be a stranger.
    let present: Vec<String> = droplet.tags.iter().map(|tag| tag.to_ascii_lowercase()).collect();
    tag(client, id, tags.into_iter().filter(|t| !present.contains(&t.to_ascii_lowercase())).collect()).await?;
    Ok(Finished { provider_id: Some(provider_id), state: observe::one(client, id).await? })
}

/// Waits until a new droplet runs and has its addresses.
///
/// A 404 right after the answer is a lag of the API; one that lasts, or that follows, says that it was given up.
async fn come_up(client: &Client, id: u64) -> Result<Live, Fault> {
    client.wait_droplet(id, "the appearance", client.pace().poll_most * 12, |d| d.is_some()).await?;
    let ready = |d: &Live| d.status != DropletStatus::New && !d.locked && !d.networks.v4.is_empty();
    let droplet = client.wait_droplet(id, "the creation", ACTING, |d| d.is_none_or(ready)).await?;
    droplet.ok_or_else(|| Fault::transient(format!("droplet {id} is there no longer"), String::new()))
}

/// A droplet that was taken on and did not come up: placement may succeed another time.
fn unmade(id: u64, fault: Fault) -> Fault {
    let what = format!("DigitalOcean took on droplet {id}, which did not come up: {fault}");
    Fault::transient(what, "It is looked at and planned anew; the control panel shows the droplet's history.")
}

/// The text that the step names by its fingerprint.
fn user_data(work: &Work<'_>, body: &Body) -> Result<Option<String>, Fault> {
    let Some(planned) = &body.user_data else { return Ok(None) };
    let wanted = work.want::<Droplet>().and_then(|want| want.user_data.as_ref());
    match wanted.filter(|data| data.digest() == *planned) {
        Some(data) => Ok(Some(data.text.clone())),
        None => Err(Fault::permanent(
            format!("{} was planned with userData that its document no longer has", work.key),
            "Make the plan anew.",
        )),
    }
}

fn request(body: Body, user_data: Option<String>) -> DropletCreate {
    let (backups, backup_policy) = match body.backups {
        Backups::Off => (false, None),
        Backups::On(schedule) => (true, schedule.map(policy)),
    };
    DropletCreate {
        name: body.name,
        region: body.region,
        size: body.size,
        image: match body.image {
            Image::Id(id) => ImageRef::Id(id),
            Image::Slug(slug) => ImageRef::Slug(slug),
        },
        ssh_keys: body.ssh_keys.into_iter().map(KeyRef::Id).collect(),
        vpc_uuid: body.vpc,
        tags: body.tags,
        backups,
        backup_policy,
        ipv6: body.ipv6,
        monitoring: body.monitoring,
        user_data: user_data.map(Into::into),
        volumes: Vec::new(),
        public_networking: None,
        with_droplet_agent: None,
    }
}

fn policy(schedule: Schedule) -> BackupPolicy {
    BackupPolicy {
        plan: format!("{:?}", schedule.plan).to_lowercase(),
        weekday: schedule.weekday.map(|day| format!("{day:?}").to_uppercase()),
        hour: schedule.hour,
    }
}

/// Starts an action and waits for its end. That it is as asked already is no failure.
pub(super) async fn act(client: &Client, id: u64, action: &DropletAction) -> Result<(), Fault> {
    let begun = match client.act(id, action).await {
        Ok(begun) => begun,
        Err(error) if error.kind() == ErrorKind::Invalid && error.says("already") => return Ok(()),
        Err(error) if *action == DropletAction::DisableBackups && error.says("not enabled") => return Ok(()),
        Err(error) => return Err(error.fault()),
    };
    client.wait_action(id, begun.id, ACTING).await?;
    Ok(())
}

/// Puts tags on, each made first: a tag must exist, and its first spelling is the one that counts.
async fn tag(client: &Client, id: u64, tags: Vec<String>) -> Result<(), Fault> {
    for tag in tags {
        let canonical = client.create_tag(&tag).await?.name;
        client.tag_droplets(&canonical, &[id]).await?;
    }
    Ok(())
}

/// Takes tags off. A tag that is not there is an error only while the droplet still shows it.
async fn untag(client: &Client, id: u64, tags: Vec<String>) -> Result<(), Fault> {
    for tag in tags {
        let Err(error) = client.untag_droplets(&tag, &[id]).await else { continue };
        let shows = match client.droplet(id).await? {
            Some(droplet) => droplet.tags.iter().any(|t| t.eq_ignore_ascii_case(&tag)),
            None => false,
        };
        if !error.is_not_found() || shows {
            return Err(error.fault());
        }
    }
    Ok(())
}

/// Shuts a droplet down, unless it is off already.
async fn stop(client: &Client, id: u64) -> Result<(), Fault> {
    match client.droplet(id).await? {
        Some(droplet) if droplet.status == DropletStatus::Off => Ok(()),
        _ => resize::power_down(client, id).await,
    }
}

/// Destroys a droplet and waits until it is gone. Volumes stay: DigitalOcean takes them off first. Never by tag.
async fn delete(client: &Client, id: u64) -> Result<(), Fault> {
    let unlocked = |droplet: Option<&Live>| droplet.is_none_or(|d| !d.locked);
    if client.wait_droplet(id, "the event that locks it", ACTING, unlocked).await?.is_none() {
        return Ok(());
    }
    client.delete_droplet(id).await?;
    client.wait_droplet_gone(id, MAKING).await?;
    Ok(())
}

fn number(work: &Work<'_>) -> Result<u64, Fault> {
    let id = work.provider_id.map(|id| id.0.as_str()).unwrap_or_default();
    id.parse().map_err(|_| {
        Fault::permanent(format!("{} names the droplet {id:?}, which is no number", work.key), "Make the plan anew.")
    })
}

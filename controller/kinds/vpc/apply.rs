//! Works on private networks. Decides nothing: each step is one call.
//!
//! What happens if interrupted: a create whose answer was lost is found again by its name, which is unique in a team.

use super::super::operate::{Finished, Work};
use super::diff::{State, Step};
use super::observe;
use crate::model::{Fault, ProviderId};
use crate::ports::digitalocean::{ApiError, Client, ErrorKind, Vpc, VpcCreate, VpcUpdate};
use std::time::Duration;
use tokio::sync::Mutex;

/// DigitalOcean mixes up networks of one region that are made at the same time, so they are made one by one.
static MAKING: Mutex<()> = Mutex::const_new(());

pub(super) async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
    let client = &work.ports.digitalocean;
    match step {
        Step::Create { name, region, ip_range, description } => {
            let description = (!description.is_empty()).then_some(description);
            create(work, VpcCreate { name, region, ip_range, description }).await
        }
        Step::Update { name, description } => {
            let update = VpcUpdate { name, description: Some(description), default: None };
            let vpc = client.update_vpc(id(work)?, &update).await?;
            Ok(Finished { provider_id: None, state: Some(observe::state(vpc)) })
        }
        Step::Delete => {
            let id = id(work)?;
            if let Err(error) = client.delete_vpc(id).await {
                return Err(kept(client, id, &error).await);
            }
            Ok(Finished { provider_id: None, state: None })
        }
        Step::Release => Ok(Finished { provider_id: None, state: None }),
    }
}

async fn create(work: &Work<'_>, wanted: VpcCreate) -> Result<Finished<State>, Fault> {
    let client = &work.ports.digitalocean;
    let made = {
        let _one_by_one = MAKING.lock().await;
        client.create_vpc(&wanted).await
    };
    let vpc = match made {
        Ok(vpc) => vpc,
        Err(error) if error.kind() == ErrorKind::Conflict => {
            made_before(work, &wanted).await?.ok_or_else(|| error.fault())?
        }
        Err(error) => return Err(error.fault()),
    };
    let id = ProviderId(vpc.id.clone());
    work.progress.stage(None, Some(&id)).await?;
    Ok(Finished { provider_id: Some(id), state: Some(observe::state(vpc)) })
}

/// The network that was asked for, where it came to be since the last look; one that was there before is another's.
async fn made_before(work: &Work<'_>, wanted: &VpcCreate) -> Result<Option<Vpc>, Fault> {
    let before = |vpc: &Vpc| work.intent.is_some_and(|intent| intent.before.contains(&ProviderId(vpc.id.clone())));
    let same = |vpc: &Vpc| {
        vpc.name.eq_ignore_ascii_case(&wanted.name)
            && vpc.region == wanted.region
            && wanted.ip_range.as_ref().is_none_or(|range| *range == vpc.ip_range)
    };
    let all = work.ports.digitalocean.vpcs().await?;
    Ok(all.into_iter().find(|vpc| same(vpc) && !before(vpc)))
}

/// Says what keeps a network: members that are just gone count for a while, with 403 or 409.
async fn kept(client: &Client, id: &str, error: &ApiError) -> Fault {
    if !matches!(error.status(), Some(403 | 409 | 412 | 422)) {
        return error.fault();
    }
    let Ok(members) = client.vpc_members(id).await else { return error.fault() };
    if members.is_empty() && error.kind() != ErrorKind::Busy {
        return error.fault();
    }
    let names: Vec<String> = members.iter().take(5).map(|m| format!("{} ({})", m.urn, m.name)).collect();
    let hint = match names.is_empty() {
        true => {
            "What was in it has just gone, and DigitalOcean takes up to two minutes to see that. It is tried again."
                .to_owned()
        }
        false => format!("It still holds {}. It is tried again.", names.join(", ")),
    };
    Fault::Transient { what: error.what(), hint, retry_after: Some(Duration::from_secs(10)) }
}

fn id<'a>(work: &Work<'a>) -> Result<&'a str, Fault> {
    work.provider_id
        .map(|id| id.0.as_str())
        .ok_or_else(|| Fault::permanent(format!("{} names no network", work.key), "Make the plan anew."))
}

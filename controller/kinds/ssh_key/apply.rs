//! Works on SSH keys. Decides nothing: each step is one call.
//!
//! What happens if interrupted: a create whose answer was lost is found again by the key's fingerprint, which the
//! account holds once.

use super::super::operate::{Finished, Work};
use super::diff::{State, Step};
use super::observe;
use crate::model::{Fault, ProviderId};
use crate::ports::digitalocean::{Client, ErrorKind, SshKey};

pub(super) async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
    let client = &work.ports.digitalocean;
    match step {
        Step::Create { name, public_key, fingerprint } => {
            let key = match client.create_ssh_key(&name, &public_key).await {
                Ok(key) => key,
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    let key = same(client, &fingerprint).await?.ok_or_else(|| error.fault())?;
                    ours(work, key, &name).await?
                }
                Err(error) => return Err(error.fault()),
            };
            let id = ProviderId(key.id.to_string());
            work.progress.stage(None, Some(&id)).await?;
            // A GET right after may answer 404, so the answer itself is what was read back.
            Ok(Finished { provider_id: Some(id), state: Some(observe::state(key)) })
        }
        Step::Rename { name } => {
            let key = client.rename_ssh_key(number(work)?, &name).await?;
            Ok(Finished { provider_id: None, state: Some(observe::state(key)) })
        }
        Step::Delete => {
            client.delete_ssh_key(number(work)?).await?;
            Ok(Finished { provider_id: None, state: None })
        }
        Step::Release => Ok(Finished { provider_id: None, state: None }),
    }
}

async fn same(client: &Client, fingerprint: &str) -> Result<Option<SshKey>, Fault> {
    let all = client.ssh_keys().await?;
    Ok(all.into_iter().find(|key| key.fingerprint.eq_ignore_ascii_case(fingerprint)))
}

/// Takes a key that the account has already, where it came there since the last look: then it is the one that was asked for.
async fn ours(work: &Work<'_>, key: SshKey, name: &str) -> Result<SshKey, Fault> {
    let id = ProviderId(key.id.to_string());
    if work.intent.is_some_and(|intent| intent.before.contains(&id)) {
        return Err(Fault::permanent(
            format!(
                "{} was not made: the account has that very key as {:?} (id {id}) and holds a key only once",
                work.key.id, key.name
            ),
            format!("Write policy: {{adopt: {{id: {id}}}}} to take it over, or remove it from the account."),
        ));
    }
    if key.name == name { Ok(key) } else { Ok(work.ports.digitalocean.rename_ssh_key(key.id, name).await?) }
}

fn number(work: &Work<'_>) -> Result<u64, Fault> {
    let id = work.provider_id.map(|id| id.0.as_str()).unwrap_or_default();
    id.parse().map_err(|_| {
        Fault::permanent(format!("{} names the key {id:?}, which is no number", work.key), "Make the plan anew.")
    })
}

//! SSH keys of the account: `/v2/account/keys`. It compares nothing.

use serde::Deserialize;
use serde_json::json;

use super::budget::Lane;
use super::call::{Call, Need};
use super::list::{Id, Listed};
use super::wire::or_default;
use super::{Client, Result};

const NEED: Need = Need::of("ssh_key", "SshKey");

/// A public key that new droplets can be given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SshKey {
    /// DigitalOcean's id.
    pub id: u64,
    /// The MD5 fingerprint, by which droplets may name the key too.
    #[serde(default, deserialize_with = "or_default")]
    pub fingerprint: String,
    /// The key as it was given; white space may differ.
    #[serde(default, deserialize_with = "or_default")]
    pub public_key: String,
    /// The name, which need not be unique.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
}

impl Listed for SshKey {
    const KEY: &'static str = "ssh_keys";

    fn id(&self) -> Id<'_> {
        Id::Number(self.id)
    }
}

#[derive(Deserialize)]
struct Answer {
    ssh_key: SshKey,
}

impl Client {
    /// Lists all keys. DigitalOcean allows ten such requests in 60 s.
    pub async fn ssh_keys(&self) -> Result<Vec<SshKey>> {
        let call = Call::get(&["account", "keys"], NEED).lane(Lane::KeyList);
        self.list(call).await
    }

    /// Reads one key by its id.
    pub async fn ssh_key(&self, id: u64) -> Result<Option<SshKey>> {
        let call = Call::get(&["account", "keys", &id.to_string()], NEED);
        let answer: Option<Answer> = self.look_up(&call).await?;
        Ok(answer.map(|answer| answer.ssh_key))
    }

    /// Adds a key. The same key twice is a conflict: look it up by its fingerprint then.
    pub async fn create_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKey> {
        let call = Call::create(&["account", "keys"], NEED).body(&json!({"name": name, "public_key": public_key}));
        let answer: Answer = self.ask(&call).await?;
        Ok(answer.ssh_key)
    }

    /// Renames a key; its material cannot be changed.
    pub async fn rename_ssh_key(&self, id: u64, name: &str) -> Result<SshKey> {
        let call = Call::put(&["account", "keys", &id.to_string()], NEED).body(&json!({"name": name}));
        let answer: Answer = self.ask(&call).await?;
        Ok(answer.ssh_key)
    }

    /// Removes a key from the account; droplets that have it keep it.
    pub async fn delete_ssh_key(&self, id: u64) -> Result<()> {
        self.remove(&Call::delete(&["account", "keys", &id.to_string()], NEED)).await
    }
}

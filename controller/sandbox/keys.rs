//! `/v2/account/keys`: SSH keys, found by id or by fingerprint (MD5, hex with colons). Renaming is the only update.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::call::{Answer, Call, Problem, Reply};
use super::pages;
use super::state::World;

/// An SSH key of the account.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SshKey {
    /// The number that droplets name it by.
    pub id: u64,
    /// MD5 of the key blob, in hex with colons.
    pub fingerprint: String,
    /// The whole line of the public key.
    pub public_key: String,
    /// The name that people see.
    pub name: String,
}

#[derive(Deserialize)]
struct Create {
    name: Option<String>,
    public_key: Option<String>,
}

#[derive(Deserialize)]
struct Rename {
    name: Option<String>,
}

/// Answers `GET /v2/account/keys`.
pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    pages::list(call, "ssh_keys", world.keys.values(), |key| key)
}

/// Answers `GET /v2/account/keys/{id or fingerprint}`.
pub(super) fn get(world: &World, which: &str) -> Answer {
    Reply::one(StatusCode::OK, "ssh_key", find(world, which).ok_or_else(Problem::not_found)?)
}

/// Answers `POST /v2/account/keys`.
pub(super) fn create(world: &mut World, call: &Call<'_>) -> Answer {
    let body: Create = call.json()?;
    let name = body
        .name
        .filter(|name| !name.trim().is_empty())
        .ok_or_else(|| Problem::unprocessable("Name can't be blank"))?;
    let line = body.public_key.unwrap_or_default().trim().to_owned();
    let fingerprint = fingerprint(&line)
        .ok_or_else(|| Problem::unprocessable("Key invalid, key should be of the format `ssh-rsa AAAA…`"))?;
    if world.keys.values().any(|key| key.fingerprint == fingerprint) {
        return Err(Problem::unprocessable("SSH Key is already in use on your account"));
    }
    let key = SshKey { id: world.next_id(), fingerprint, public_key: line, name };
    let reply = Reply::one(StatusCode::CREATED, "ssh_key", &key)?
        .at(format!("/v2/account/keys/{}", key.id))
        .at(format!("/v2/account/keys/{}", key.fingerprint));
    world.keys.insert(key.id, key);
    Ok(reply)
}

/// Answers `PUT /v2/account/keys/{id or fingerprint}`: the name, and nothing else, changes.
pub(super) fn rename(world: &mut World, call: &Call<'_>, which: &str) -> Answer {
    let id = find(world, which).ok_or_else(Problem::not_found)?.id;
    let body: Rename = call.json()?;
    let key = world.keys.get_mut(&id).ok_or_else(Problem::not_found)?;
    if let Some(name) = body.name {
        if name.trim().is_empty() {
            return Err(Problem::unprocessable("Name can't be blank"));
        }
        key.name = name;
    }
    Reply::one(StatusCode::OK, "ssh_key", key)
}

/// Answers `DELETE /v2/account/keys/{id or fingerprint}`.
pub(super) fn delete(world: &mut World, which: &str) -> Answer {
    let id = find(world, which).ok_or_else(Problem::not_found)?.id;
    world.keys.remove(&id);
    Reply::no_content()
}

/// Finds a key by its number or its fingerprint.
pub(super) fn find<'a>(world: &'a World, which: &str) -> Option<&'a SshKey> {
    match which.parse::<u64>() {
        Ok(id) => world.keys.get(&id),
        Err(_) => world.keys.values().find(|key| key.fingerprint == which),
    }
}

/// Computes the fingerprint of a public key line; `None` where it is no such line.
pub fn fingerprint(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let kind = words.next()?;
    let blob = STANDARD.decode(words.next()?).ok()?;
    let length = u32::from_be_bytes(*blob.first_chunk::<4>()?) as usize;
    let inner = blob.get(4..4 + length)?;
    if inner != kind.as_bytes() {
        return None;
    }
    let hex: Vec<String> = Md5::digest(&blob).iter().map(|byte| format!("{byte:02x}")).collect();
    Some(hex.join(":"))
}

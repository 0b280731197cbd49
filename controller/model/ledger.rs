//! The ledger: what Memory holds, as a signed text that stands in the repo, so that a lost journal comes back.
//! Owns its form, its signature and what of it is taken in; must not know where it is kept, nor where keys come from.
//!
//! The text is JSON with sorted keys and a line a value, so that two ledgers differ where they differ and git packs them
//! well. What is signed is the value, not its spaces: a checkout that turns line ends around breaks nothing. No secret is
//! in it: Memory has none, only digests. Approvals are left out: a ledger that is read twice would make them good twice.

use super::digest::canonical;
use super::hex::{hex, unhex};
use super::{Digest, Intent, Memory, Owned, Patch, Pause};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use sha2::Sha256;

/// The `schema` field of a ledger. Later versions only add.
pub const SCHEMA: &str = "driftless.ledger/v1";

/// A key that signs ledgers, by its name. Prints as redacted.
#[derive(Clone, Debug)]
pub struct Key {
    id: String,
    secret: SecretString,
}

impl Key {
    /// Takes a secret text as the key. Its name says nothing about it: it is a digest of a digest, eight digits of it.
    pub fn new(secret: SecretString) -> Self {
        let id = Digest::of_bytes(format!("driftless ledger key {}", secret.expose_secret()).as_bytes());
        Self { id: Digest::of_bytes(id.hex().as_bytes()).short(), secret }
    }

    /// The name that ledgers carry.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A fingerprint of something secret: it says only to whoever has this key whether two are the same.
    pub fn fingerprint(&self, of: &[u8]) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes()).ok()?;
        mac.update(b"driftless fingerprint\n");
        mac.update(of);
        Some(hex(&mac.finalize().into_bytes()))
    }

    fn mac(&self, what: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes()).ok()?;
        mac.update(SCHEMA.as_bytes());
        mac.update(b"\n");
        mac.update(what.as_bytes());
        Some(mac)
    }
}

/// Why a ledger is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is none, or a later program's.
    #[error("it cannot be read as a ledger: {0}")]
    Unreadable(String),
    /// It carries no signature.
    #[error("it is not signed")]
    Unsigned,
    /// Its key is not at hand.
    #[error("it is signed with the key {0}, which this controller does not have")]
    UnknownKey(String),
    /// Its signature does not fit.
    #[error("its signature is wrong: somebody else wrote it, or changed it")]
    Forged,
    /// It speaks of something else.
    #[error("it is the ledger of another estate ({0})")]
    OtherEstate(String),
}

/// Writes Memory down, signed.
pub fn write(memory: &Memory, key: &Key) -> String {
    let memory = Memory { approvals: Default::default(), ..memory.clone() };
    let mut all = Map::new();
    all.insert("schema".to_owned(), SCHEMA.into());
    all.insert("keyId".to_owned(), key.id.clone().into());
    all.insert("memory".to_owned(), sorted(serde_json::to_value(&memory).unwrap_or_default()));
    let body = Value::Object(all);
    let signature = key.mac(&canonical(&body)).map(|mac| hex(&mac.finalize().into_bytes()));
    let Value::Object(mut all) = body else { return String::new() };
    all.insert("signature".to_owned(), signature.into());
    let mut text = serde_json::to_string_pretty(&Value::Object(all)).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads a ledger of this estate that one of these keys signed. Signatures are compared in constant time.
pub fn read(text: &[u8], keys: &[Key], estate: &uuid::Uuid) -> Result<Memory, Refused> {
    let unreadable = |e: &dyn std::fmt::Display| Refused::Unreadable(e.to_string());
    let value: Value = serde_json::from_slice(text).map_err(|e| unreadable(&e))?;
    let Value::Object(mut all) = value else { return Err(unreadable(&"it is no object")) };
    match all.get("schema").and_then(Value::as_str) {
        Some(SCHEMA) => {}
        Some(other) => return Err(unreadable(&format!("it is written as {other:?}, this program reads {SCHEMA}"))),
        None => return Err(unreadable(&"it says no schema")),
    }
    let Some(Value::String(signature)) = all.shift_remove("signature") else { return Err(Refused::Unsigned) };
    let id = all.get("keyId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(key) = keys.iter().find(|key| key.id == id) else {
        // Only what a name looks like is shown of a text that anybody may have written.
        return Err(Refused::UnknownKey(id.chars().filter(char::is_ascii_graphic).take(16).collect()));
    };
    let memory = all.get("memory").cloned().unwrap_or_default();
    let mac = key.mac(&canonical(&Value::Object(all))).ok_or(Refused::Forged)?;
    mac.verify_slice(&unhex(&signature).ok_or(Refused::Forged)?).map_err(|_| Refused::Forged)?;
    let memory: Memory = serde_json::from_value(memory).map_err(|e| unreadable(&e))?;
    match memory.estate {
        Some(known) if known == *estate => Ok(memory),
        other => Err(Refused::OtherEstate(other.map_or_else(|| "none".to_owned(), |known| known.to_string()))),
    }
}

/// What of Memory has to stand in the ledger before long, though no reader of reports would miss it: what is owned and
/// protected, what is paused, and what was begun and is not known to have ended. Failures, times and counts go with the
/// next report.
pub fn essence(memory: &Memory) -> Digest {
    let Memory { estate, team, owned, intents, pauses, found, lost, frozen, limits, pins, .. } = memory;
    // A list: JSON has no maps by such keys. Whoever knows one knows its key.
    let intents: Vec<_> = intents.values().filter(|intent| intent.reached.is_begun()).collect();
    Digest::of(&serde_json::json!([estate, team, owned, intents, pauses, found, lost, frozen, limits, pins]))
}

/// What a journal takes in from a later ledger: everything where it is empty, and else what the ledger knows more, the
/// stricter of both where they differ. Which object is whose is the later one's to say.
///
/// Approvals of a journal that has fallen behind are used up: they may have been used already. What the ledger says was
/// under way was sent before `then`.
pub fn taken_in(journal: &Memory, ledger: Memory, then: Timestamp) -> Vec<Patch> {
    // Whoever adds to Memory decides here what a lost journal gets back.
    let Memory {
        estate,
        team,
        owned,
        intents,
        pauses,
        approvals: _,
        deletions,
        failures,
        since,
        serial,
        found,
        lost,
        frozen,
        limits,
        pins,
        put_back,
        led,
    } = ledger;
    let mut patches = Vec::new();
    patches.extend(estate.filter(|_| journal.estate.is_none()).map(Patch::Estate));
    patches.extend(team.filter(|_| journal.team.is_none()).map(Patch::Team));
    for (id, theirs) in owned {
        let merged = match journal.owned.get(&id) {
            Some(ours) => merged(ours, theirs),
            None => theirs,
        };
        if journal.owned.get(&id) != Some(&merged) {
            patches.push(Patch::Own(id, merged));
        }
    }
    for (id, theirs) in pauses {
        let pause = match journal.pauses.get(&id) {
            Some(ours) => longer(ours, theirs),
            None => theirs,
        };
        patches.push(Patch::Pause(id, pause));
    }
    let new = intents.into_iter().filter(|(key, _)| !journal.intents.contains_key(key));
    // Nobody knows when its last call was sent.
    patches.extend(new.map(|(_, intent)| Patch::Intend(Intent { opened: then, ..intent })));
    patches.extend(deletions.into_iter().filter(|d| !journal.deletions.contains(d)).map(Patch::Deleted));
    let counted = put_back.into_iter().flat_map(|(key, all)| all.into_iter().map(move |done| (key.clone(), done)));
    let counted = counted.filter(|(key, done)| journal.put_back.get(key).is_none_or(|all| !all.contains(done)));
    patches.extend(counted.map(|(key, done)| Patch::PutBack(key, done)));
    patches.extend(failures.into_iter().map(|(key, failure)| Patch::Fail(key, failure)));
    patches.extend(since.into_iter().map(|(what, when)| Patch::Since(what, when)));
    patches.extend(found.into_iter().map(Patch::Found));
    patches.extend(lost.then_some(Patch::Lost(true)));
    // A freeze that ended since is ended once more by hand; one that is forgotten may cost a night.
    patches.extend(frozen.filter(|_| journal.frozen.is_none()).map(Patch::Freeze));
    patches.extend(limits.filter(|_| journal.limits.is_none()).map(Patch::Limits));
    patches.extend(pins.into_iter().map(|(id, pin)| Patch::Pin(id, pin)));
    // Whoever waits longer is right: the time counts from the later look.
    patches
        .extend(led.into_iter().filter(|(id, _)| !journal.led.contains_key(id)).map(|(id, led)| Patch::Led(id, led)));
    if journal.estate.is_some() {
        patches.extend(journal.approvals.keys().cloned().map(Patch::Spend));
    }
    patches.push(Patch::Serial(serial));
    patches
}

fn merged(ours: &Owned, theirs: Owned) -> Owned {
    Owned { policy: theirs.policy.clone().stricter(&ours.policy), needs: &theirs.needs | &ours.needs, ..theirs }
}

fn longer(ours: &Pause, theirs: Pause) -> Pause {
    match (ours.until, theirs.until) {
        (None, _) => ours.clone(),
        (Some(a), Some(b)) if a > b => ours.clone(),
        _ => theirs,
    }
}

/// The same value with its keys in order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut all: Vec<(String, Value)> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            all.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(all.into_iter().collect())
        }
        Value::Array(all) => Value::Array(all.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests;

//! The receipt beside a stack on its host: what was sent, and what compose made of it. Pure.
//!
//! The controller sends the first half along with the files; the script that brings the stack up puts the second beside it,
//! once all is ready. It is 0600 in a folder that is 0700. What is secret stands in it by keyed fingerprints alone.

use super::private::Prints;
use super::want::{Run, Want};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The form of receipts; a later one is another program's.
const SCHEMA: u32 = 2;

/// What was sent, and what compose made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What was sent.
    pub sent: Sent,
    /// Compose's digest of the configuration of each service, as the compose on the host says it.
    pub hashes: BTreeMap<String, String>,
    /// Volumes and networks as they were then, by `volume data`.
    pub things: BTreeMap<String, Made>,
    /// The version of compose that said the digests: another one may say others.
    pub compose: String,
}

/// What was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// Compose's name for the stack.
    pub project: String,
    /// The compose files, in their order, and the profiles: what compose was asked for.
    pub asked: (Vec<String>, BTreeSet<String>),
    /// The SHA-256 in hex of files that hold nothing secret, by their paths from the stack's folder.
    pub files: BTreeMap<String, String>,
    /// What is secret, by keyed fingerprints.
    pub private: Prints,
    /// Whether it was to run.
    pub state: Run,
    /// What images were built from, by service.
    pub builds: BTreeMap<String, String>,
    /// When.
    pub at: Timestamp,
}

/// A volume or network as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The digest of what the compose file said when it was made; `-` where it said nothing.
    pub definition: String,
    /// What tells it from another of its name.
    pub id: String,
    /// Its name on the host.
    pub name: String,
}

/// What stands beside a receipt: what was tried since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// The version that is being brought up, or did not get ready.
    pub trying: Option<String>,
    /// The version that did not get ready, so that the one before was brought back.
    pub failed: Option<String>,
}

#[derive(Deserialize)]
struct Whole {
    sent: Sent,
    made: Vec<String>,
}

impl Sent {
    /// What is sent now.
    pub(super) fn new(want: &Want, private: Prints, at: Timestamp) -> Self {
        Self {
            project: want.project.clone(),
            asked: (want.compose.clone(), want.profiles.clone()),
            files: want.files.iter().map(|(path, sent)| (path.clone(), sent.digest.hex())).collect(),
            private,
            state: want.state,
            builds: want.builds.iter().map(|(service, digest)| (service.clone(), digest.hex())).collect(),
            at,
        }
    }

    /// The first half of a receipt.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The list of files whose digests a survey brings.
    pub(super) fn list(&self) -> String {
        self.files.keys().chain(self.private.files.keys()).map(|path| format!("{path}\n")).collect()
    }
}

impl Receipt {
    /// Reads one; none of an earlier form, which is written anew; the error says what does not fit.
    pub(super) fn read(text: &str) -> Result<Option<Self>, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match value.get("schema").and_then(Value::as_u64) {
            Some(form) if form < u64::from(SCHEMA) => return Ok(None),
            Some(form) if form == u64::from(SCHEMA) => {}
            Some(form) => return Err(format!("it has form {form}, and this program reads form {SCHEMA}")),
            None => return Err("it says no form".to_owned()),
        }
        let whole: Whole = serde_json::from_value(value).map_err(|error| error.to_string())?;
        Ok(Some(Self::of(whole.sent, &whole.made)))
    }

    /// Puts together what was sent and what the script says that compose made of it.
    pub(super) fn of(sent: Sent, made: &[String]) -> Self {
        let mut receipt = Self { sent, hashes: BTreeMap::new(), things: BTreeMap::new(), compose: String::new() };
        for line in made {
            match line.split(' ').collect::<Vec<_>>().as_slice() {
                ["hash", service, hash] => drop(receipt.hashes.insert((*service).to_owned(), (*hash).to_owned())),
                [kind @ ("volume" | "network"), key, definition, id, name] => {
                    let word = |text: &&str| (*text).to_owned();
                    let made = Made { definition: word(definition), id: word(id), name: word(name) };
                    receipt.things.insert(format!("{kind} {key}"), made);
                }
                ["compose", version] => receipt.compose = (*version).to_owned(),
                _ => {}
            }
        }
        receipt
    }
}

impl Notes {
    /// Reads them; a line that is not understood is another program's.
    pub(super) fn read(text: &str) -> Self {
        let mut notes = Self::default();
        for line in text.lines() {
            match line.split(' ').collect::<Vec<_>>().as_slice() {
                ["trying", version] => notes.trying = Some((*version).to_owned()),
                ["failed", version] => notes.failed = Some((*version).to_owned()),
                _ => {}
            }
        }
        notes
    }
}

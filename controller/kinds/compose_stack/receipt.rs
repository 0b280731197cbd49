//! The receipt beside a stack on its host: what was sent, and what compose made of it. Pure.
//!
//! It is 0600 in a folder that is 0700, as the .env beside it: so the digests in it are worth no more than what they are of.

use super::want::{ENV, Want};
use crate::model::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The form of receipts; another one is another program's.
const SCHEMA: u32 = 1;

/// What was sent, and what compose made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    schema: u32,
    /// Compose's name for the stack.
    pub project: String,
    /// The compose files, in their order, and the profiles: what compose was asked for.
    pub asked: (Vec<String>, BTreeSet<String>),
    /// The files, by their paths from the stack's folder.
    pub files: BTreeMap<String, Filed>,
    /// Compose's digest of the configuration of each service, as the compose on the host says it.
    pub hashes: BTreeMap<String, String>,
    /// The images that containers were made from, by service.
    pub images: BTreeMap<String, String>,
    /// The version of compose that said the digests: another one may say others.
    pub compose: String,
    /// When.
    pub at: Timestamp,
}

/// A file that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filed {
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// Its mode in octal.
    pub mode: String,
}

impl Receipt {
    /// A receipt of something that was sent just now.
    pub(super) fn new(want: &Want, dot_env: Option<&str>, at: Timestamp) -> Self {
        let filed = |sha256: &Digest, mode: &str| Filed { sha256: sha256.hex(), mode: mode.to_owned() };
        let sent = want.files.iter().map(|(path, sent)| (path.clone(), filed(&sent.digest, sent.mode)));
        let own = dot_env.map(|text| (ENV.to_owned(), filed(&Digest::of_bytes(text.as_bytes()), "0600")));
        Self {
            schema: SCHEMA,
            project: want.project.clone(),
            asked: (want.compose.clone(), want.profiles.clone()),
            files: sent.chain(own).collect(),
            hashes: BTreeMap::new(),
            images: BTreeMap::new(),
            compose: String::new(),
            at,
        }
    }

    /// Reads one; the error says what does not fit.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let receipt: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match receipt.schema {
            SCHEMA => Ok(receipt),
            other => Err(format!("it has form {other}, and this program reads form {SCHEMA}")),
        }
    }

    /// The receipt as it stands on the host.
    pub(super) fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The list of files whose digests a survey brings.
    pub(super) fn list(&self) -> String {
        self.files.keys().map(|path| format!("{path}\n")).collect()
    }
}

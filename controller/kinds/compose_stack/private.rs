//! What a stack has that is secret: the variables in its .env and its secret files. Owns how they are written and by
//! which fingerprints they are known; holds no value of them for longer than the work takes.
//!
//! On the host, a receipt names them by a keyed fingerprint alone. Where the controller's key is another one, it is known
//! from the file itself whether it is as it should be, and the receipt is written anew without touching a container.

use super::dotenv;
use super::want::{ENV, Value, Want};
use crate::model::ledger::Key;
use crate::model::{Complaint, Digest, ResourceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A file that holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretFileSpec {
    /// The secret, by its name, such as odoo.postgres.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"))]
    pub secret: String,
    /// Whose it is on the host, as containers see it: "101", "101:101", postgres. Default: root.
    #[schemars(length(max = 64), regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9_-]*(:[A-Za-z0-9_][A-Za-z0-9_-]*)?$"))]
    pub owner: Option<String>,
    /// Its mode in octal: "0400" (default). Nobody else may write it.
    #[schemars(regex(pattern = r"^0?[0-7]{3}$"))]
    pub mode: Option<String>,
}

/// A file that holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecretFile {
    /// The secret's name.
    pub secret: String,
    /// Whose it is; empty for root.
    pub owner: String,
    /// Its mode in octal.
    pub mode: String,
}

/// What is secret, as it is written. Has no Debug and no Serialize.
pub(super) struct Private {
    /// By the path from the stack's folder.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// The values of variables that are secret.
    env: BTreeMap<String, String>,
}

/// What is known of it without being it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prints {
    /// The name of the key; empty where there is none.
    pub key: String,
    /// Keyed fingerprints of whole files, by path.
    pub files: BTreeMap<String, String>,
    /// Variables: as they stand in the document, or keyed fingerprints of secrets.
    pub env: BTreeMap<String, Print>,
    /// Plain digests in hex of whole files, to compare with what the host says; these are written nowhere.
    #[serde(skip)]
    pub digests: BTreeMap<String, String>,
}

/// A variable as a receipt knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Print {
    /// As it stands in the document.
    Plain(String),
    /// A secret: its name and its keyed fingerprint.
    Secret(String, String),
}

impl Private {
    /// Writes everything with the secrets that `of` brings; the error names the one that is missing or unfit.
    pub(super) fn new(want: &Want, of: impl Fn(&str) -> Result<String, String>) -> Result<Self, String> {
        let (mut files, mut env) = (BTreeMap::new(), BTreeMap::new());
        let mut text = "# Written by driftless: what is changed here is put back.\n".to_owned();
        for (name, value) in &want.env {
            let value = match value {
                Value::Plain(text) => text.clone(),
                Value::Secret(secret) => {
                    let value = of(secret)?;
                    if value.contains(['\n', '\r', '\0']) {
                        return Err(format!("the secret {secret} has several lines, and a variable has one"));
                    }
                    env.insert(name.clone(), value.clone());
                    value
                }
            };
            // In single quotes nothing is special but the quote itself.
            text.push_str(&format!("{name}='{}'\n", value.replace('\'', "\\'")));
        }
        if !want.env.is_empty() {
            files.insert(ENV.to_owned(), text.into_bytes());
        }
        for (path, file) in &want.secret_files {
            files.insert(path.clone(), of(&file.secret)?.into_bytes());
        }
        Ok(Self { files, env })
    }

    /// What may be told of it, and written beside it.
    pub(super) fn prints(&self, want: &Want, key: Option<&Key>) -> Prints {
        let keyed = |of: &[u8]| key.and_then(|key| key.fingerprint(of)).unwrap_or_default();
        let env = want.env.iter().map(|(name, value)| {
            let print = match value {
                Value::Plain(text) => Print::Plain(text.clone()),
                Value::Secret(secret) => {
                    let value = self.env.get(name).map(String::as_bytes).unwrap_or_default();
                    Print::Secret(secret.clone(), keyed(value))
                }
            };
            (name.clone(), print)
        });
        Prints {
            key: key.map(|key| key.id().to_owned()).unwrap_or_default(),
            files: self.files.iter().map(|(path, bytes)| (path.clone(), keyed(bytes))).collect(),
            env: env.collect(),
            digests: self.files.iter().map(|(path, bytes)| (path.clone(), Digest::of_bytes(bytes).hex())).collect(),
        }
    }

    /// Says whether all that a file .env sets is set to the same here; none: there is no such file, which nothing could be
    /// lost of.
    pub(super) fn holds(&self, text: Option<&str>) -> bool {
        let values = |text: &str| -> Option<BTreeMap<String, String>> {
            dotenv::read(text).into_iter().map(|line| Some((line.name, line.value.ok()?))).collect()
        };
        let ours = self.files.get(ENV).and_then(|bytes| std::str::from_utf8(bytes).ok());
        match (ours, text) {
            (None, None | Some(_)) => false,
            (Some(_), None) => true,
            (Some(ours), Some(theirs)) => values(ours)
                .zip(values(theirs))
                .is_some_and(|(ours, theirs)| theirs.iter().all(|(name, value)| ours.get(name) == Some(value))),
        }
    }

    /// Takes everything secret out of what somebody is to read.
    pub(super) fn redacted(&self, text: &str) -> String {
        let env = self.env.values().map(String::as_str);
        let files = self.files.iter().filter(|(path, _)| *path != ENV);
        let files = files.filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok()).map(str::trim);
        let secrets: BTreeSet<&str> = env.chain(files).filter(|secret| !secret.is_empty()).collect();
        // The longest first: one may be within another.
        let mut secrets: Vec<&str> = secrets.into_iter().collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "(secret)"))
    }
}

/// Reads what users write, and says what of it cannot be.
pub(super) fn secret_files(
    id: &ResourceId,
    spec: &BTreeMap<String, SecretFileSpec>,
    taken: &dyn Fn(&str) -> bool,
    wrong: &mut Vec<Complaint>,
) -> BTreeMap<String, SecretFile> {
    let mut files = BTreeMap::new();
    for (path, file) in spec {
        let mut bad = |message: String, expected: &str| {
            wrong.push(Complaint::at(format!("spec.secretFiles.{path}"), message, expected.to_owned()));
        };
        let parts = path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        let strange = path.chars().any(|c| c.is_control() || c == '\\') || path.trim() != path;
        if !parts || strange || path.starts_with(".driftless/") || path == ENV {
            bad(format!("{id} would write a secret into {path:?}"), "a path within the stack's folder: db.txt");
        } else if taken(path) {
            bad(
                format!("{id} would write a secret into {path}, which its folder holds"),
                "one of them: take it out of git",
            );
        }
        let mode = file.mode.clone().unwrap_or_else(|| "0400".to_owned());
        let digits: Vec<u32> = mode.chars().rev().take(2).filter_map(|digit| digit.to_digit(8)).collect();
        if digits.iter().any(|digit| digit & 2 == 2) {
            bad(format!("{id} would let others write the secret file {path} ({mode})"), "0400, 0440 or 0600");
        }
        let file = SecretFile { secret: file.secret.clone(), owner: file.owner.clone().unwrap_or_default(), mode };
        files.insert(path.clone(), file);
    }
    files
}

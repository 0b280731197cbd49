//! What the SOPS files of one commit hold, open in memory. Owns which file a secret is in; must not know what it is for.

use super::sops;
use crate::model::Digest;
use crate::ports::config::Secret;
use age::x25519::Identity;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The age keys that open SOPS files: `AGE-SECRET-KEY-1…`, one a line, read anew each time.
#[derive(Clone, Default)]
pub struct AgeKeys(Vec<Secret>);

impl AgeKeys {
    /// Keys as the settings say them.
    pub fn new(given: Vec<Secret>) -> Self {
        Self(given)
    }

    /// The keys as they are now, and what cannot be used of them.
    fn read(&self) -> (Vec<Identity>, Vec<String>) {
        let (mut keys, mut wrong) = (Vec::new(), Vec::new());
        for given in &self.0 {
            match given.lines() {
                Ok(lines) => {
                    for line in lines {
                        match line.expose_secret().parse::<Identity>() {
                            Ok(key) => keys.push(key),
                            // What it is stays untold: it may be another secret.
                            Err(_) => wrong.push(format!("{} holds a line that is no age key", given.name())),
                        }
                    }
                }
                Err(error) => wrong.push(error.to_string()),
            }
        }
        (keys, wrong)
    }
}

/// Files by their paths in the repo.
type Sealed = BTreeMap<String, Arc<[u8]>>;

/// What was opened.
#[derive(Default)]
pub(super) struct Vault {
    /// Each secret with the file that it is in.
    open: BTreeMap<String, (SecretString, String)>,
    /// Names that two files have.
    twice: BTreeMap<String, (String, String)>,
    /// Files that could not be opened, and why.
    shut: BTreeMap<String, String>,
    files: BTreeMap<String, Digest>,
}

impl Vault {
    /// Opens all that can be opened.
    pub(super) fn open(sealed: &Sealed, keys: &AgeKeys) -> Self {
        let mut vault = Self { files: digests(sealed), ..Self::default() };
        if sealed.is_empty() {
            return vault;
        }
        let (keys, wrong) = keys.read();
        for (file, bytes) in sealed {
            match sops::open(bytes, &keys) {
                Ok(found) => {
                    for (name, secret) in found {
                        if let Some((_, first)) = vault.open.get(&name) {
                            vault.twice.insert(name, (first.clone(), file.clone()));
                        } else {
                            vault.open.insert(name, (secret, file.clone()));
                        }
                    }
                }
                Err(error) => {
                    let hint = match (&error, wrong.is_empty()) {
                        (sops::SopsError::NotForUs { .. }, true) => {
                            " (SOPS_AGE_KEY_FILE or sops.age_key_file in driftless.toml says where they are)".to_owned()
                        }
                        (sops::SopsError::NotForUs { .. }, false) => format!(" ({})", wrong.join("; ")),
                        _ => String::new(),
                    };
                    tracing::warn!(file, "{file} {error}{hint}");
                    vault.shut.insert(file.clone(), format!("{error}{hint}"));
                }
            }
        }
        vault
    }

    /// Says whether this is what these files hold. What could not be opened is tried again: keys come and go.
    pub(super) fn fits(&self, sealed: &Sealed) -> bool {
        self.shut.is_empty() && self.files == digests(sealed)
    }

    /// A secret; or where it is, and why it cannot be used.
    pub(super) fn get(&self, name: &str) -> Option<Result<&SecretString, (String, String)>> {
        if let Some((first, second)) = self.twice.get(name) {
            return Some(Err((first.clone(), format!("is in {second}, too: leave it in one of them"))));
        }
        let (secret, file) = self.open.get(name)?;
        match secret.expose_secret().trim().is_empty() {
            true => Some(Err((file.clone(), "is empty".to_owned()))),
            false => Some(Ok(secret)),
        }
    }

    /// What to say of these files where none of them has a secret.
    pub(super) fn told(&self, name: &str) -> Option<String> {
        if let Some((file, why)) = self.shut.first_key_value() {
            return Some(format!("{file} {why}"));
        }
        let within = format!("{name}.");
        if let Some((full, (_, file))) =
            self.open.range(within.clone()..).next().filter(|(full, _)| full.starts_with(&within))
        {
            return Some(format!("in {file} it is a map, of {full} for one"));
        }
        let files: Vec<&str> = self.files.keys().map(String::as_str).collect();
        (!files.is_empty()).then(|| format!("not in {}", files.join(" or ")))
    }
}

fn digests(sealed: &Sealed) -> BTreeMap<String, Digest> {
    sealed.iter().map(|(file, bytes)| (file.clone(), Digest::of_bytes(bytes))).collect()
}

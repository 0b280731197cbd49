//! Secrets that documents name: `{secret: ssh.ops}`. In the SOPS files of the commit that is desired, in a folder, in the
//! environment: the last two are looked up when they are used, so that a rotated one is found, and not kept. Knows where
//! secrets are, not what they are for.

mod sops;
mod vault;

pub use vault::AgeKeys;

use crate::model::Estate;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use vault::Vault;

/// Longer files are no secrets; a wrong path must not be read into memory.
const LONGEST: u64 = 64 * 1024;

/// Where secrets are looked for: the repo's SOPS files first, then the folder, then the environment. Clones share what
/// was opened.
#[derive(Clone, Default)]
pub struct Secrets {
    folder: Option<PathBuf>,
    keys: AgeKeys,
    vault: Arc<RwLock<Vault>>,
    lent: Arc<RwLock<BTreeMap<String, SecretString>>>,
}

/// Why a secret could not be had; never what it holds.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It is nowhere.
    #[error("the secret {name} is nowhere: {looked}")]
    Missing {
        /// Its name.
        name: String,
        /// Where it was looked for.
        looked: String,
    },
    /// It is there, and cannot be used.
    #[error("the secret {name} in {place} {why}")]
    Unusable {
        /// Its name.
        name: String,
        /// Where it is.
        place: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Secrets {
    /// Looks in this folder, a file a secret, before the environment.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder: Some(folder), ..Self::default() }
    }

    /// Opens SOPS files with these keys.
    pub fn with_keys(self, keys: AgeKeys) -> Self {
        Self { keys, ..self }
    }

    /// Opens the SOPS files of an estate, in place of those that were open. What cannot be opened is told by whoever asks
    /// for a secret that is nowhere else.
    pub fn open(&self, estate: &Estate) {
        let fits = self.vault.read().unwrap_or_else(PoisonError::into_inner).fits(&estate.sealed);
        if !fits {
            let vault = Vault::open(&estate.sealed, &self.keys);
            *self.vault.write().unwrap_or_else(PoisonError::into_inner) = vault;
        }
    }

    /// Has a secret there, for as long as this and its clones live, where it is nowhere else: what is about to be written down.
    pub fn lend(&self, name: &str, secret: SecretString) {
        self.lent.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), secret);
    }

    /// The secret of a name, as it is now, without a line's end after it.
    pub fn get(&self, name: &str) -> Result<SecretString, SecretError> {
        let unusable = |place: String, why: String| Err(SecretError::Unusable { name: name.to_owned(), place, why });
        if !is_name(name) {
            return unusable("the document".to_owned(), "has a name that no file can have".to_owned());
        }
        let vault = self.vault.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = vault.get(name) {
            return match found {
                Ok(secret) => Ok(secret.clone()),
                Err((place, why)) => unusable(place, why),
            };
        }
        if let Some(path) = self.folder.as_ref().map(|folder| folder.join(name)) {
            let place = path.display().to_string();
            match std::fs::metadata(&path) {
                Ok(meta) if meta.len() > LONGEST => return unusable(place, format!("is longer than {LONGEST} bytes")),
                Ok(_) => match std::fs::read_to_string(&path).map(SecretString::from) {
                    Ok(text) if text.expose_secret().trim().is_empty() => {
                        return unusable(place, "is empty".to_owned());
                    }
                    Ok(text) => return Ok(whole(text.expose_secret())),
                    Err(error) => return unusable(place, format!("cannot be read: {error}")),
                },
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return unusable(place, format!("cannot be read: {error}")),
            }
        }
        let variable = variable(name);
        match std::env::var(&variable).map(SecretString::from) {
            Ok(text) if !text.expose_secret().trim().is_empty() => Ok(whole(text.expose_secret())),
            _ => {
                if let Some(secret) = self.lent.read().unwrap_or_else(PoisonError::into_inner).get(name) {
                    return Ok(whole(secret.expose_secret()));
                }
                let folder = self.folder.as_ref().map(|folder| format!("no file {}", folder.join(name).display()));
                let sealed = vault.told(name);
                let looked = sealed.into_iter().chain(folder).chain([format!("no variable {variable}")]);
                let looked: Vec<String> = looked.collect();
                Err(SecretError::Missing { name: name.to_owned(), looked: looked.join(", ") })
            }
        }
    }
}

/// What a file or the environment may hold: parts of letters, digits, `-` and `_`, with dots between them.
fn is_name(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    name.len() <= 128 && name.split('.').all(part)
}

/// The name in the environment: `ssh.ops` is `DRIFTLESS_SECRET_SSH_OPS`.
fn variable(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("DRIFTLESS_SECRET_{}", name.chars().map(plain).collect::<String>())
}

fn whole(text: &str) -> SecretString {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text).into()
}

#[cfg(test)]
mod tests;

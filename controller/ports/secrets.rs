//! Secrets that documents name: `{secret: ssh.ops}`. Looks them up when they are used, so that a rotated one is found,
//! and keeps none. Knows where they are, not what they are for.

use secrecy::{ExposeSecret, SecretString};
use std::io::ErrorKind;
use std::path::PathBuf;

/// Longer files are no secrets; a wrong path must not be read into memory.
const LONGEST: u64 = 64 * 1024;

/// Where secrets are looked for: the folder first, then the environment.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    folder: Option<PathBuf>,
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
        Self { folder: Some(folder) }
    }

    /// The secret of a name, as it is now, without a line's end after it.
    pub fn get(&self, name: &str) -> Result<SecretString, SecretError> {
        let unusable = |place: String, why: String| Err(SecretError::Unusable { name: name.to_owned(), place, why });
        if !is_name(name) {
            return unusable("the document".to_owned(), "has a name that no file can have".to_owned());
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
                let folder = self.folder.as_ref().map(|folder| format!("no file {}", folder.join(name).display()));
                let looked: Vec<String> = folder.into_iter().chain([format!("no variable {variable}")]).collect();
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
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_anew_each_time_and_loses_the_end_of_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = Secrets::in_folder(folder.path().to_owned());
        for text in ["one", "two lines\nof it"] {
            std::fs::write(folder.path().join("ssh.ops"), format!("{text}\n")).expect("written");
            assert_eq!(secrets.get("ssh.ops").expect("a secret").expose_secret(), text);
        }
    }

    #[test]
    fn what_is_missing_or_no_name_is_told_with_the_places_and_without_the_content() {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = Secrets::in_folder(folder.path().to_owned());
        let told = secrets.get("ssh.none").expect_err("missing").to_string();
        assert!(told.contains("ssh.none") && told.contains("DRIFTLESS_SECRET_SSH_NONE"), "{told}");
        for name in ["", "../journal.db", "a..b", "/etc/passwd", "a b"] {
            let told = secrets.get(name).expect_err(name).to_string();
            assert!(told.contains("no file can have"), "{told}");
        }
        std::fs::write(folder.path().join("empty"), "\n").expect("written");
        assert!(secrets.get("empty").expect_err("empty").to_string().contains("is empty"));
    }
}

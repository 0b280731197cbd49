//! The API token: where it comes from, and when it is read again.
//! It never prints, and nothing but the sending of a request exposes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};

/// Longer files are not tokens; a wrong path must not be read into memory.
const LONGEST: u64 = 4096;

/// Where the token comes from.
#[derive(Debug, Clone)]
pub enum Token {
    /// The token itself, from an environment variable for example. It cannot be rotated while running.
    Inline(SecretString),
    /// A file that holds the token; it is read again when it changes and once after a 401.
    File(PathBuf),
}

impl Token {
    /// Wraps a token that is already in memory.
    pub fn inline(token: impl Into<String>) -> Self {
        Self::Inline(SecretString::from(token.into()))
    }
}

/// Why no token could be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("the DigitalOcean token file {} cannot be read: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// What was read is not a token.
    #[error("the DigitalOcean token from {from} {why}")]
    Malformed {
        /// The file, or "the configuration".
        from: String,
        /// What is wrong, without the token.
        why: &'static str,
    },
}

/// The token in use, kept fresh.
pub(super) struct Keeper {
    source: Token,
    held: Mutex<Held>,
}

struct Held {
    token: SecretString,
    stamp: Option<Stamp>,
    warned: bool,
}

type Stamp = (SystemTime, u64);

impl Keeper {
    /// Reads the token for the first time.
    pub(super) fn new(source: Token) -> Result<Self, TokenError> {
        let (token, stamp) = match &source {
            Token::Inline(token) => (checked(token.expose_secret(), "the configuration")?, None),
            Token::File(path) => read(path)?,
        };
        Ok(Self { source, held: Mutex::new(Held { token, stamp, warned: false }) })
    }

    /// Returns the token, read again where its file has changed (one `stat` a call, no more).
    ///
    /// A file that has gone or makes no sense leaves the last good token in use: a rotation
    /// that writes in two steps must not stop a run.
    pub(super) fn current(&self) -> SecretString {
        let mut held = self.held();
        if let Token::File(path) = &self.source
            && stamp(path).is_none_or(|now| Some(now) != held.stamp)
        {
            match read(path) {
                Ok((token, stamp)) => {
                    held.token = token;
                    held.stamp = stamp;
                    held.warned = false;
                }
                Err(why) if !held.warned => {
                    tracing::warn!("{why}; the last good token stays in use");
                    held.warned = true;
                }
                Err(_) => {}
            }
        }
        held.token.clone()
    }

    /// Reads the file whatever its stamp says, and returns a token only when it differs from `refused`.
    pub(super) fn another_than(&self, refused: &SecretString) -> Option<SecretString> {
        let mut held = self.held();
        if let Token::File(path) = &self.source
            && let Ok((token, stamp)) = read(path)
        {
            held.token = token;
            held.stamp = stamp;
        }
        (held.token.expose_secret() != refused.expose_secret()).then(|| held.token.clone())
    }

    /// Says where the token is set, for people who must change it.
    pub(super) fn place(&self) -> String {
        match &self.source {
            Token::Inline(_) => "the configuration or environment".to_owned(),
            Token::File(path) => path.display().to_string(),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

fn read(path: &Path) -> Result<(SecretString, Option<Stamp>), TokenError> {
    let refuse = |why: String| TokenError::File { path: path.to_owned(), why };
    // Stamped before it is read: a change in between is seen at the next call.
    let stamp = stamp(path);
    if stamp.is_some_and(|(_, len)| len > LONGEST) {
        return Err(refuse(format!("it is longer than {LONGEST} bytes, which no token is")));
    }
    let text = SecretString::from(fs::read_to_string(path).map_err(|why| refuse(why.to_string()))?);
    let token = checked(text.expose_secret(), &path.display().to_string())?;
    Ok((token, stamp))
}

fn checked(text: &str, from: &str) -> Result<SecretString, TokenError> {
    let refuse = |why| Err(TokenError::Malformed { from: from.to_owned(), why });
    let token = text.trim();
    if token.is_empty() {
        return refuse("is empty");
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return refuse("holds spaces, line breaks or other signs that no token has");
    }
    Ok(SecretString::from(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(token: &SecretString) -> &str {
        token.expose_secret()
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_broken_one_is_not_taken() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        fs::write(&path, "dop_v1_one\n").expect("written");
        let keeper = Keeper::new(Token::File(path.clone())).expect("a token");
        assert_eq!(shown(&keeper.current()), "dop_v1_one");
        fs::write(&path, "dop_v1_second\n").expect("written");
        assert_eq!(shown(&keeper.current()), "dop_v1_second");
        fs::write(&path, "").expect("written");
        assert_eq!(shown(&keeper.current()), "dop_v1_second");
        fs::remove_file(&path).expect("removed");
        assert_eq!(shown(&keeper.current()), "dop_v1_second");
    }

    #[test]
    fn after_a_401_only_another_token_is_worth_a_try() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        fs::write(&path, "old").expect("written");
        let keeper = Keeper::new(Token::File(path.clone())).expect("a token");
        let old = keeper.current();
        assert!(keeper.another_than(&old).is_none());
        fs::write(&path, "new").expect("written");
        let new = keeper.another_than(&old).expect("another");
        assert_eq!(shown(&new), "new");
    }

    #[test]
    fn what_is_not_a_token_is_refused_without_being_repeated() {
        for (text, why) in [("", "empty"), ("  \n", "empty"), ("two words", "spaces")] {
            let told = checked(text, "the configuration").expect_err("refused");
            assert!(told.to_string().contains(why), "{told}");
            assert!(!told.to_string().contains("two words"));
        }
    }
}

//! A secret of the configuration: the value itself, or the file that holds it. Reads that file and nothing else.

use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A secret as it was given. It is read when it is used, so that a command that needs no token asks for none, and a
/// file that changes is read anew.
#[derive(Clone)]
pub struct Secret {
    name: &'static str,
    given: Given,
}

#[derive(Clone)]
enum Given {
    Value(SecretString),
    File(PathBuf),
}

/// Says why a secret could not be read; never what it holds.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file is not there or not for us to read.
    #[error("could not read {name} from {path}: see that the file is there and readable by the controller", path = path.display())]
    Read {
        /// The setting.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What came back.
        source: std::io::Error,
    },
    /// There is nothing to use in it.
    #[error("{name} in {path} {why}: write the secret alone into the file", path = path.display())]
    Unusable {
        /// The setting.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Secret {
    pub(super) fn value(name: &'static str, value: String) -> Self {
        Self { name, given: Given::Value(value.trim().to_owned().into()) }
    }

    pub(in crate::ports) fn in_file(name: &'static str, path: PathBuf) -> Self {
        Self { name, given: Given::File(path) }
    }

    /// The secret as it is now, without the line's end; a file is read anew each time.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        let path = match &self.given {
            Given::Value(value) => return Ok(value.clone()),
            Given::File(path) => path,
        };
        let text = read_file(self.name, path)?;
        let trimmed = text.expose_secret().trim();
        let why = match trimmed {
            "" => "is empty",
            many if many.contains(['\n', '\r']) => "has several lines",
            one => return Ok(one.into()),
        };
        Err(SecretError::Unusable { name: self.name, path: path.clone(), why })
    }

    /// Every secret of it, where it may be several, one a line; lines that begin with # are for people. A file is read anew each
    /// time.
    pub fn lines(&self) -> Result<Vec<SecretString>, SecretError> {
        let text = match &self.given {
            Given::Value(value) => value.clone(),
            Given::File(path) => read_file(self.name, path)?,
        };
        let lines =
            text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(lines.map(SecretString::from).collect())
    }

    /// The file that holds it, to be watched; none for a value.
    pub fn file(&self) -> Option<&Path> {
        match &self.given {
            Given::Value(_) => None,
            Given::File(path) => Some(path),
        }
    }

    /// The setting's name, for messages: `digitalocean.token`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What is unwise about its file: readable by others, or not there yet.
    pub(super) fn warning(&self) -> Option<String> {
        self.file().and_then(|path| warn_of(self.name, path))
    }
}

fn read_file(name: &'static str, path: &Path) -> Result<SecretString, SecretError> {
    let text = std::fs::read_to_string(path).map(SecretString::from);
    text.map_err(|source| SecretError::Read { name, path: path.to_owned(), source })
}

/// Says whether others may read a file that holds a secret, or that it is not there.
pub(super) fn warn_of(name: &str, path: &Path) -> Option<String> {
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(file) if file.permissions().mode() & 0o077 != 0 => {
            let mode = file.permissions().mode() & 0o777;
            Some(format!("{name}: {shown} can be read by others (mode {mode:04o}); chmod 600 {shown}"))
        }
        Ok(_) => None,
        Err(error) => Some(format!("{name}: {shown} cannot be looked at: {error}")),
    }
}

/// Several secrets in one file, one a line, any of which counts: so that one can be replaced while both are in use.
#[derive(Clone, Debug)]
pub struct SecretLines(PathBuf);

impl SecretLines {
    const NAME: &str = "webhook.secrets_file";

    pub(super) fn in_file(path: PathBuf) -> Self {
        Self(path)
    }

    /// The secrets as they are now; the file is read anew each time. None at all is an error.
    pub fn read(&self) -> Result<Vec<SecretString>, SecretError> {
        let text = read_file(Self::NAME, &self.0)?;
        let lines = text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
        let lines: Vec<SecretString> = lines.map(SecretString::from).collect();
        if lines.is_empty() {
            return Err(SecretError::Unusable { name: Self::NAME, path: self.0.clone(), why: "is empty" });
        }
        Ok(lines)
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.given {
            Given::Value(_) => write!(f, "Secret({}, redacted)", self.name),
            Given::File(path) => write!(f, "Secret({}, in {})", self.name, path.display()),
        }
    }
}

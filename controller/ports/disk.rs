//! Folders on this machine's disk, listed, read, and taken for one program alone. Follows no link; decides nothing about what it finds.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// What stands at a path below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A regular file and its size in bytes.
    File(u64),
    /// A symbolic link and its target, as stored.
    Link(String),
}

/// The sole right to work with a folder; it lasts as long as the value, or the process.
pub struct Alone(#[expect(dead_code, reason = "kept open for its lock")] File);

/// Waits until nobody else has the lock of an open file or folder; false where somebody still has it in the end. The lock
/// ends with the value.
pub async fn locked(file: &File, patience: Duration) -> io::Result<bool> {
    let end = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => return Ok(false),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Takes the sole right to work with a folder, making it where it is not there (0700); none where another has it. `who`
/// is written down for others: see [`holder`].
///
/// A process that was just killed keeps its lock until the system has taken it apart, which takes a while on a busy
/// machine: it is waited for, two seconds at most.
pub async fn alone(folder: &Path, who: &str) -> io::Result<Option<Alone>> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join(LOCK))?;
    if !locked(&file, Duration::from_secs(2)).await? {
        return Ok(None);
    }
    file.set_len(0)?;
    writeln!(file, "driftless {who}, process {}", std::process::id())?;
    Ok(Some(Alone(file)))
}

/// Who last took the sole right to work with a folder: `driftless run, process 4242`.
pub fn holder(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join(LOCK)).ok()?;
    Some(text.trim().to_owned()).filter(|who| !who.is_empty())
}

/// The file whose lock is that right.
const LOCK: &str = "lock";

/// Writes a file (0600) that is not there yet, whole or not at all; false where there is one.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    let draft = path.with_added_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    // A link fails where somebody else was faster; a rename would take that file's place.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        linked => linked.map(|()| true),
    }
}

/// Entries that one folder may have; more is somebody's home directory, not an infra repo.
const MOST: usize = 100_000;

/// Lists everything below a folder but `.git`, by its path from there with `/`.
pub fn list(root: &Path) -> io::Result<BTreeMap<String, Entry>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(root.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if name != ".git" {
                    folders.push((entry.path(), path));
                }
            } else if kind.is_symlink() {
                found.insert(path, Entry::Link(fs::read_link(entry.path())?.to_string_lossy().into_owned()));
            } else if kind.is_file() {
                found.insert(path, Entry::File(entry.metadata()?.len()));
            }
            if found.len() > MOST {
                return Err(io::Error::other(format!("more than {MOST} files; name the folder of the infra repo")));
            }
        }
    }
    Ok(found)
}

/// Reads one file whole; the caller has looked at its size.
pub fn read(root: &Path, path: &str) -> io::Result<Vec<u8>> {
    fs::read(root.join(path))
}

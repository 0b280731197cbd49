//! A folder of this process alone for sockets, keys and what ssh reads: on a disk in memory where there is one. It goes
//! with the process; what a killed one left behind is removed by the next.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const PREFIX: &str = "driftless-ssh-";
/// A socket's path is cut off by the system at 108 bytes, and ssh puts 17 behind it while it makes one.
const LONGEST: usize = 60;

/// Makes the folder (0700).
pub(super) fn make() -> io::Result<TempDir> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let shared = Some(PathBuf::from("/dev/shm"));
    let mut last = io::Error::other("there is no folder for it");
    for base in runtime.into_iter().chain(shared).chain([std::env::temp_dir()]) {
        if !base.is_absolute() || base.as_os_str().len() > LONGEST {
            continue;
        }
        sweep(&base);
        let prefix = format!("{PREFIX}{}-", std::process::id());
        match tempfile::Builder::new().prefix(&prefix).rand_bytes(6).tempdir_in(&base) {
            Ok(room) => return Ok(room),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Writes a file (0600) that is not there yet.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}

/// Removes what processes of ours left behind that are no more.
fn sweep(base: &Path) {
    let own = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid =
            name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()).and_then(|pid| pid.parse::<u32>().ok());
        let Some(pid) = pid else { continue };
        let ours = entry.metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == own);
        if ours && !Path::new("/proc").join(pid.to_string()).exists() {
            // Another process may be sweeping, too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

//! Who this process is, among the machines and folders that a driftless may run in. Reads what the system says; decides
//! nothing from it.

use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A name for people, and a mark that no other running controller has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The machine's name.
    pub host: String,
    /// A hash of this boot of the machine and of the data folder; none where the system does not say which boot it is.
    ///
    /// A copy of the machine or of its disk boots anew, and so has another one: two places that are equal are one
    /// folder, and its lock lets only one process work in it.
    pub mark: Option<String>,
}

/// Finds out where this process works, with its data in this folder.
pub fn place(data: &Path) -> Place {
    let said = |file: &str| fs::read_to_string(file).ok().map(|text| text.trim().to_owned()).filter(|t| !t.is_empty());
    let host = said("/proc/sys/kernel/hostname").or_else(|| said("/etc/hostname"));
    let mark = said("/proc/sys/kernel/random/boot_id").zip(fs::metadata(data).ok()).map(|(boot, folder)| {
        let hash = Sha256::digest(format!("{boot} {} {}", folder.dev(), folder.ino()));
        hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    });
    Place { host: host.unwrap_or_else(|| "unknown host".to_owned()), mark }
}

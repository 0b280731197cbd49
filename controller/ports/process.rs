//! What the kernel says of this process, for metrics: its memory, its open files, when it began. Linux only; elsewhere
//! nothing is known.

/// Resident memory in bytes.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Open file descriptors.
pub fn open_files() -> Option<u64> {
    // One of them is the listing's own.
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    u64::try_from(open).ok()
}

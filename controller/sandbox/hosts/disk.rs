//! A machine's disk: files in memory, with owners, and full on demand. Links are followed by whoever uses it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::engine::digest;
use bashkit::{DirEntry, FileSystem, FileSystemExt, FsLimits, FsUsage, InMemoryFs, Metadata, Result, async_trait};

/// A machine holds this much at most, so that no script fills the memory of whoever runs the simulator.
const ROOM: u64 = 256 * 1024 * 1024;

/// The disk; clones are the same disk.
#[derive(Clone)]
pub(super) struct Disk {
    files: Arc<InMemoryFs>,
    owners: Arc<Mutex<BTreeMap<PathBuf, String>>>,
    full: Arc<AtomicBool>,
}

impl Default for Disk {
    fn default() -> Self {
        let limits = FsLimits::unlimited().max_total_bytes(ROOM).max_file_size(ROOM);
        Self { files: Arc::new(InMemoryFs::with_limits(limits)), owners: Arc::default(), full: Arc::default() }
    }
}

impl Disk {
    /// Puts a file there, whatever is full.
    pub(super) fn put(&self, path: &str, content: impl AsRef<[u8]>, mode: u32) {
        self.files.add_file(path, content, mode);
    }

    /// Makes a folder.
    pub(super) fn folder(&self, path: &str, mode: u32) {
        self.files.add_dir(path, mode);
    }

    /// Makes a folder where nothing is, as the engine does for what a container mounts.
    pub(super) async fn folder_if_missing(&self, path: &str) {
        if !self.files.exists(Path::new(path)).await.unwrap_or(true) {
            self.files.add_dir(path, 0o755);
        }
    }

    /// A digest of everything in a folder.
    pub(super) async fn digest(&self, path: &str) -> String {
        let (mut left, mut text) = (vec![PathBuf::from(path)], String::new());
        while let Some(folder) = left.pop() {
            let mut entries = self.files.read_dir(&folder).await.unwrap_or_default();
            entries.sort_by(|one, other| one.name.cmp(&other.name));
            for entry in entries {
                let path = folder.join(&entry.name);
                match entry.metadata.file_type.is_dir() {
                    true => left.push(path),
                    false => {
                        let content = self.files.read_file(&path).await.unwrap_or_default();
                        text.push_str(&format!("{} {}\n", path.display(), digest(&String::from_utf8_lossy(&content))));
                    }
                }
            }
        }
        digest(&text)
    }

    /// Takes a file away.
    pub(super) async fn forget(&self, path: &str) {
        // It may have gone already.
        let _ = self.files.remove(Path::new(path), true).await;
    }

    /// Reads a file that is no link.
    pub(super) async fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.files.read_file(Path::new(path)).await.ok()
    }

    /// Says whether nothing more can be written, and takes that over.
    pub(super) fn fill(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// Says whether nothing more can be written.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::SeqCst)
    }

    /// Bytes in use.
    pub(super) fn used(&self) -> u64 {
        self.files.usage().total_bytes
    }

    /// Whose a file is: `root:root`.
    pub(super) fn owner(&self, path: &Path) -> String {
        self.owners().get(path).cloned().unwrap_or_else(|| "root:root".to_owned())
    }

    /// Gives a file to somebody.
    pub(super) fn own(&self, path: &Path, owner: String) {
        self.owners().insert(path.to_owned(), owner);
    }

    fn owners(&self) -> MutexGuard<'_, BTreeMap<PathBuf, String>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room(&self) -> Result<()> {
        match self.is_full() {
            true => Err(std::io::Error::new(std::io::ErrorKind::StorageFull, "No space left on device").into()),
            false => Ok(()),
        }
    }
}

/// The disk as one session sees it.
pub(super) struct View {
    pub(super) disk: Disk,
    /// The last file that was opened as a lock: what `flock` with a descriptor means.
    pub(super) lock: Arc<Mutex<Option<PathBuf>>>,
}

#[async_trait]
impl FileSystemExt for View {
    fn usage(&self) -> FsUsage {
        self.disk.files.usage()
    }

    fn limits(&self) -> FsLimits {
        self.disk.files.limits()
    }

    async fn mkfifo(&self, path: &Path, mode: u32) -> Result<()> {
        self.disk.files.mkfifo(path, mode).await
    }
}

#[async_trait]
impl FileSystem for View {
    async fn read_file(&self, path: &Path) -> Result<Vec<u8>> {
        self.disk.files.read_file(path).await
    }

    async fn write_file(&self, path: &Path, content: &[u8]) -> Result<()> {
        if path.extension().is_some_and(|end| end == "lock") || path.ends_with("lock") {
            *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.to_owned());
        } else {
            self.disk.room()?;
        }
        self.disk.files.write_file(path, content).await
    }

    async fn append_file(&self, path: &Path, content: &[u8]) -> Result<()> {
        self.disk.room()?;
        self.disk.files.append_file(path, content).await
    }

    async fn mkdir(&self, path: &Path, recursive: bool) -> Result<()> {
        if !self.disk.files.exists(path).await? {
            self.disk.room()?;
        }
        self.disk.files.mkdir(path, recursive).await
    }

    async fn remove(&self, path: &Path, recursive: bool) -> Result<()> {
        self.disk.files.remove(path, recursive).await?;
        self.disk.owners().retain(|owned, _| !owned.starts_with(path));
        Ok(())
    }

    async fn stat(&self, path: &Path) -> Result<Metadata> {
        self.disk.files.stat(path).await
    }

    async fn lstat(&self, path: &Path) -> Result<Metadata> {
        self.disk.files.lstat(path).await
    }

    async fn read_dir(&self, path: &Path) -> Result<Vec<DirEntry>> {
        self.disk.files.read_dir(path).await
    }

    async fn exists(&self, path: &Path) -> Result<bool> {
        self.disk.files.exists(path).await
    }

    async fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.disk.files.rename(from, to).await?;
        let mut owners = self.disk.owners();
        let moved = owners.remove(from);
        owners.remove(to);
        if let Some(owner) = moved {
            owners.insert(to.to_owned(), owner);
        }
        Ok(())
    }

    async fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        self.disk.room()?;
        self.disk.files.copy(from, to).await
    }

    async fn symlink(&self, target: &Path, link: &Path) -> Result<()> {
        self.disk.files.symlink(target, link).await
    }

    async fn read_link(&self, path: &Path) -> Result<PathBuf> {
        self.disk.files.read_link(path).await
    }

    async fn chmod(&self, path: &Path, mode: u32) -> Result<()> {
        self.disk.files.chmod(path, mode).await
    }

    async fn set_modified_time(&self, path: &Path, time: SystemTime) -> Result<()> {
        self.disk.files.set_modified_time(path, time).await
    }
}

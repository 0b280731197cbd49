//! Opening the journal: its folder, its permissions, how the database keeps its word. Reads and writes no row.

use super::super::disk;
use super::{Store, StoreError, schema};
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlitePool};
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

impl Store {
    /// Opens the journal, making it and its folder where they are not there (0600 and 0700), and brings its tables up
    /// to date. Refuses, untouched, a newer journal, a damaged one, and another program's file.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
        make_folder(folder).map_err(|e| files("make the folder", folder, e))?;
        let _turn =
            turn(folder).await.map_err(|e| files("wait for another driftless to open the journal in", folder, e))?;
        make_private(path).map_err(|e| files("make the journal", path, e))?;
        if std::fs::metadata(path).is_ok_and(|file| file.len() > 0) {
            examine(path).await?;
        }
        let options = options().filename(path).journal_mode(SqliteJournalMode::Wal);
        Self::connect(options, path.to_owned()).await
    }

    /// A journal that is gone with the last clone: for a plan without a controller, and for tests.
    pub async fn memory_only() -> Result<Self, StoreError> {
        Self::connect(options().in_memory(true), PathBuf::from(":memory:")).await
    }

    /// Copies the journal, whole and compact, into a new file (0600), while it is in use. A file that is there already
    /// is an error; interrupted, it may leave an incomplete copy behind.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        copy(&self.pool, to).await
    }

    async fn connect(options: SqliteConnectOptions, path: PathBuf) -> Result<Self, StoreError> {
        let pool = pool(options, &path).await?;
        schema::migrate(&pool, &path).await?;
        Ok(Self { pool, path })
    }
}

/// One connection, for good: writes come one after the other anyhow, and one in memory would be lost with it.
async fn pool(options: SqliteConnectOptions, path: &Path) -> Result<SqlitePool, StoreError> {
    let one = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    one.connect_with(options).await.map_err(|e| StoreError::sql("open the journal", path, e))
}

/// Refuses a journal that is not to be worked with, over a connection that cannot write: whoever may write takes the log
/// into the file when it closes, and so would change, and take the log from, what is to be left as it is.
async fn examine(path: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging();
    let pool = pool(options, path).await?;
    let fit = schema::refuse(&pool, path).await;
    pool.close().await;
    fit
}

/// Copies the database, whole and compact, into a new file (0600).
pub(super) async fn copy(pool: &SqlitePool, to: &Path) -> Result<(), StoreError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    made.map_err(|e| files("make the backup", to, e))?;
    let name = to.to_string_lossy();
    let copied = sqlx::query("VACUUM INTO $1").bind(name.as_ref()).execute(pool).await;
    copied.map_err(|e| StoreError::sql("write the backup", to, e)).map(drop)
}

/// FULL: in WAL mode, NORMAL may lose the last commits with the power, and a lost intent is a second droplet.
fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .synchronous(SqliteSynchronous::Full)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("journal_size_limit", "4194304")
        .disable_statement_logging()
}

fn files(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Files { doing, path: path.to_owned(), source }
}

/// Waits until nobody else opens a journal in this folder, for 30 s at most; the turn ends with the value.
///
/// Who comes second to a database that is just being put into WAL mode is refused at once: SQLite asks no busy handler
/// where waiting could be a deadlock (<https://www.sqlite.org/c3ref/busy_handler.html>).
async fn turn(folder: &Path) -> io::Result<File> {
    let folder = File::open(folder)?;
    match disk::locked(&folder, Duration::from_secs(30)).await? {
        true => Ok(folder),
        false => Err(TryLockError::WouldBlock.into()),
    }
}

/// Makes the folders that are missing, readable by nobody else, and sees that their names are on disk too.
/// A folder that is there already keeps its permissions: it is not ours.
fn make_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|a| !a.as_os_str().is_empty() && !a.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for made in missing {
        let parent = made.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// Makes the file before the database does, so that it is never readable by others; SQLite gives its companions
/// (`-wal`, `-shm`) the same permissions. A file that is there is not opened: closing it again would drop the locks
/// that this process may hold on it (POSIX).
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            let mode = std::fs::metadata(path)?.permissions().mode();
            if mode & 0o077 != 0 {
                std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
            }
            Ok(())
        }
        made => made.map(drop),
    }
}

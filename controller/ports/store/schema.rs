//! The journal's tables, by numbered migrations. A migration that was released is never edited: add another.

use super::{StoreError, open};
use sqlx::{SqliteConnection, SqlitePool};
use std::path::{Path, PathBuf};

/// What the file says it is (`PRAGMA application_id`): "drft".
pub(super) const APPLICATION: i64 = 0x6472_6674;

/// Each entry brings the journal from the version of its index to the next.
///
/// Rows are JSON under a text key, so that a field more in the model is no migration. Deletions keep their order and
/// can be cut by time.
pub(super) const MIGRATIONS: &[&str] = &["
    CREATE TABLE meta      (key TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE owned     (key TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
    CREATE TABLE intents   (key TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
    CREATE TABLE pauses    (key TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
    CREATE TABLE approvals (key TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
    CREATE TABLE failures  (key TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
    CREATE TABLE since     (key TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
    CREATE TABLE deletions (
        n INTEGER PRIMARY KEY, at_second INTEGER NOT NULL, at_nano INTEGER NOT NULL, json TEXT NOT NULL
    ) STRICT;
    CREATE TABLE looks     (id INTEGER PRIMARY KEY CHECK (id = 1), plan TEXT NOT NULL) STRICT;
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT, started TEXT NOT NULL, ended TEXT, head TEXT NOT NULL, tail TEXT
    ) STRICT;
"];

/// The latest version that this program knows.
pub(super) fn latest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Refuses a newer journal, a damaged one, and another program's file. Writes nothing.
pub(super) async fn refuse(pool: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    let sql = |e| StoreError::sql("look at the version", path, e);
    let mut connection = pool.acquire().await.map_err(sql)?;
    refuse_foreign(&mut connection, path).await?;
    let journal: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(sql)?;
    if journal > latest() {
        return Err(StoreError::Newer { path: path.to_owned(), journal, program: latest() });
    }
    check(&mut connection, path).await
}

/// Brings a journal that is fit for it to the latest version.
///
/// Each migration is one transaction together with its number: interrupted, it is run again from its beginning. A journal
/// that somebody has worked with is copied beside itself first, once: there is a way back to the older program.
pub(super) async fn migrate(pool: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    migrate_by(pool, path, MIGRATIONS).await
}

/// The same by these migrations.
pub(super) async fn migrate_by(pool: &SqlitePool, path: &Path, migrations: &[&'static str]) -> Result<(), StoreError> {
    let latest = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let sql = |e| StoreError::sql("look at the version", path, e);
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(pool).await.map_err(sql)?;
    if version > 0 && version < latest {
        keep_former(pool, path, latest).await?;
    }
    for (from, migration) in migrations.iter().enumerate() {
        step(pool, from, migration).await.map_err(|e| StoreError::sql("bring the tables up to date", path, e))?;
    }
    Ok(())
}

/// The copy that is made before a journal is brought to a version.
pub(super) fn before(path: &Path, version: i64) -> PathBuf {
    path.with_added_extension(format!("before-v{version}"))
}

/// Copies the journal beside itself, unless an earlier try did. The copy has its name only once it is whole.
async fn keep_former(pool: &SqlitePool, path: &Path, version: i64) -> Result<(), StoreError> {
    let copy = before(path, version);
    if copy.exists() {
        return Ok(());
    }
    let draft = copy.with_added_extension("new");
    let _ = std::fs::remove_file(&draft);
    open::copy(pool, &draft).await?;
    let named = std::fs::rename(&draft, &copy);
    named.map_err(|source| StoreError::Files { doing: "keep a copy of the journal as", path: copy, source })
}

/// Runs one migration unless it was run: by an earlier start, or at this moment by another process.
async fn step(pool: &SqlitePool, from: usize, migration: &'static str) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await?;
    if i64::try_from(from) == Ok(version) {
        sqlx::raw_sql(migration).execute(&mut *transaction).await?;
        // Pragmas take no parameters; both values are numbers of ours.
        let stamp = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {}", from + 1);
        sqlx::raw_sql(sqlx::AssertSqlSafe(stamp)).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

async fn refuse_foreign(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let sql = |e| StoreError::sql("look at the tables", path, e);
    // In this order: tables that another process of ours makes meanwhile come with their stamp, in one transaction.
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *connection).await.map_err(sql)?;
    let application: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(sql)?;
    if tables > 0 && application != APPLICATION {
        return Err(StoreError::Foreign { path: path.to_owned(), application });
    }
    Ok(())
}

/// Reads every page once: a damaged journal is refused at start, not in the middle of a run.
async fn check(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let answer: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(connection)
        .await
        .map_err(|e| StoreError::sql("check the pages", path, e))?;
    if answer == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged { path: path.to_owned(), what: answer, source: None })
}

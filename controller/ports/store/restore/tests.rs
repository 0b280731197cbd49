//! Restoring against everything that is no journal, and upgrades that keep what was before.

use super::*;
use crate::model::Patch;
use sqlx::SqlitePool;
use std::os::unix::fs::PermissionsExt;

fn now() -> Timestamp {
    "2026-11-26T21:45:00Z".parse().unwrap()
}

fn team(name: &str) -> Vec<Patch> {
    vec![Patch::Team(name.to_owned())]
}

/// A journal in a folder that remembers this team.
async fn journal(folder: &Path, name: &str, remembers: &str) -> PathBuf {
    let path = folder.join(name);
    let store = Store::open(&path).await.unwrap();
    store.write(&team(remembers)).await.unwrap();
    store.close().await;
    path
}

async fn remembers(path: &Path) -> Option<String> {
    let store = Store::open(path).await.unwrap();
    let team = store.load().await.unwrap().team;
    store.close().await;
    team
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_backup_takes_the_journals_place_and_the_former_one_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let backup = journal(folder.path(), "backup.db", "then").await;
    let path = journal(folder.path(), "journal.db", "now").await;
    for round in ["replaced-20261126T214500Z", "replaced-20261126T214500Z.again"] {
        let former = restore(&backup, &path, now()).await.unwrap().unwrap();
        assert_eq!(former, folder.path().join(format!("journal.db.{round}")));
        assert_eq!(remembers(&path).await.as_deref(), Some("then"));
    }
    assert_eq!(remembers(&folder.path().join("journal.db.replaced-20261126T214500Z")).await.as_deref(), Some("now"));
    assert_eq!(remembers(&backup).await.as_deref(), Some("then"), "the backup is only read");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!names(folder.path()).iter().any(|name| name.contains("restoring")), "{:?}", names(folder.path()));
}

#[tokio::test]
async fn a_backup_can_be_put_where_no_journal_is() {
    let folder = tempfile::tempdir().unwrap();
    let backup = journal(folder.path(), "backup.db", "then").await;
    let path = folder.path().join("new/journal.db");
    fs::create_dir(folder.path().join("new")).unwrap();
    assert_eq!(restore(&backup, &path, now()).await.unwrap(), None);
    assert_eq!(remembers(&path).await.as_deref(), Some("then"));
}

#[tokio::test]
async fn what_is_no_journal_or_a_newer_or_a_damaged_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = journal(folder.path(), "journal.db", "now").await;
    let file = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        file
    };
    let theirs = folder.path().join("theirs.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&theirs).create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    sqlx::query("CREATE TABLE theirs (x)").execute(&pool).await.unwrap();
    pool.close().await;
    let newer = journal(folder.path(), "newer.db", "later").await;
    let store = Store::open(&newer).await.unwrap();
    sqlx::query("PRAGMA user_version = 99").execute(&store.pool).await.unwrap();
    store.close().await;
    let mut torn = fs::read(&path).unwrap();
    torn[4096..8192].fill(0x5a);
    let cases = [
        (file("empty", b""), "too short"),
        (file("text", "no database, however long it may be".repeat(99).as_bytes()), "no SQLite database"),
        (theirs, "another program"),
        (folder.path().join("missing"), "No such file"),
        (newer, "version 99"),
        (file("torn", &torn), "damaged"),
    ];
    let before = names(folder.path());
    for (backup, why) in cases {
        let error = restore(&backup, &path, now()).await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert_eq!(remembers(&path).await.as_deref(), Some("now"));
    }
    assert_eq!(names(folder.path()), before);
}

#[tokio::test]
async fn a_damaged_journal_is_moved_aside_with_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let backup = journal(folder.path(), "backup.db", "then").await;
    let path = folder.path().join("journal.db");
    let mut torn = fs::read(&backup).unwrap();
    torn[4096..8192].fill(0x5a);
    // The log of a journal that nobody has closed.
    let busy = journal(folder.path(), "busy.db", "now").await;
    let store = Store::open(&busy).await.unwrap();
    store.write(&team("later")).await.unwrap();
    let log = fs::read(with_end(&busy, "-wal")).unwrap();
    assert!(!log.is_empty());
    for damaged in ["no database, however long it may be".repeat(99).into_bytes(), torn] {
        fs::write(&path, &damaged).unwrap();
        fs::write(with_end(&path, "-wal"), &log).unwrap();
        for _ in 0..3 {
            assert!(Store::open(&path).await.is_err());
        }
        let former = restore(&backup, &path, now()).await.unwrap().unwrap();
        assert!(fs::read(with_end(&former, "-wal")).unwrap() == log, "the log goes along as it was");
        assert!(fs::read(&former).unwrap() == damaged, "so does the journal");
        assert_eq!(remembers(&path).await.as_deref(), Some("then"));
    }
    store.close().await;
}

#[tokio::test]
async fn an_upgrade_keeps_a_copy_of_the_journal_as_it_was_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = journal(folder.path(), "journal.db", "now").await;
    let later: Vec<&'static str> =
        schema::MIGRATIONS.iter().copied().chain(["CREATE TABLE later (x TEXT) STRICT;"]).collect();
    let store = Store::open(&path).await.unwrap();
    schema::migrate_by(&store.pool, &path, &later).await.unwrap();
    store.write(&team("after")).await.unwrap();
    // A second start of the newer program, and an upgrade that is tried again, leave the copy alone.
    schema::migrate_by(&store.pool, &path, &later).await.unwrap();
    sqlx::raw_sql("DROP TABLE later; PRAGMA user_version = 1").execute(&store.pool).await.unwrap();
    schema::migrate_by(&store.pool, &path, &later).await.unwrap();
    store.close().await;
    let copy = folder.path().join("journal.db.before-v2");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(remembers(&copy).await.as_deref(), Some("now"));
    assert!(matches!(Store::open(&path).await.unwrap_err(), StoreError::Newer { journal: 2, .. }));
}

#[tokio::test]
async fn what_a_later_program_remembers_is_no_reason_to_fail_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = journal(folder.path(), "journal.db", "now").await;
    let store = Store::open(&path).await.unwrap();
    sqlx::query("INSERT INTO meta (key, json) VALUES ('mood', '\"good\"')").execute(&store.pool).await.unwrap();
    assert_eq!(store.load().await.unwrap().team.as_deref(), Some("now"));
    store.write(&team("later")).await.unwrap();
    let mood: String =
        sqlx::query_scalar("SELECT json FROM meta WHERE key = 'mood'").fetch_one(&store.pool).await.unwrap();
    assert_eq!(mood, "\"good\"");
}

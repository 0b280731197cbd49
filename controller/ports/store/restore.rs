//! Putting a backup in the journal's place. Owns that nothing is lost on the way: the file is looked at before anything
//! is moved, and the former journal stays beside the new one. Whether a controller is at work is the caller's to see to.

use super::open::make_private;
use super::{Store, StoreError, schema};
use jiff::Timestamp;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What a SQLite file begins with; its first 100 bytes are its header (<https://www.sqlite.org/fileformat.html>).
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Where in it the application id stands, four bytes, the highest first.
const APPLICATION_AT: usize = 68;

/// Puts a copy of a backup in the journal's place, brought up to date; gives where the former journal went.
///
/// Refuses, with everything as it was, what is no journal, a newer one, and a damaged one.
/// What happens if interrupted: the former journal stands in its place or under its dated name; the backup is only read.
pub async fn restore(backup: &Path, journal: &Path, now: Timestamp) -> Result<Option<PathBuf>, StoreError> {
    refuse_other(backup)?;
    let draft = journal.with_added_extension("restoring");
    let files = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| StoreError::Files { doing, path, source }
    };
    clear(&draft).map_err(files("clear", &draft))?;
    make_private(&draft).map_err(files("make the copy", &draft))?;
    fs::copy(backup, &draft).map_err(files("copy the backup to", &draft))?;
    match Store::open(&draft).await {
        Ok(store) => store.close().await,
        Err(error) => {
            let _ = clear(&draft);
            return Err(error);
        }
    }
    let former = aside(journal, now).await.map_err(files("move aside", journal))?;
    let placed = fs::rename(&draft, journal).and_then(|()| clear(&draft)).and_then(|()| settle(journal));
    placed.map_err(files("put the backup in the place of", journal))?;
    Ok(former)
}

/// Refuses a file that is no journal of ours, by its first bytes alone.
fn refuse_other(backup: &Path) -> Result<(), StoreError> {
    let mut head = [0; 100];
    let read = File::open(backup).and_then(|mut file| file.read_exact(&mut head));
    let no = |why: &str| Err(StoreError::NoJournal { path: backup.to_owned(), why: why.to_owned() });
    match read {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return no("it is too short for one"),
        Err(error) => return no(&error.to_string()),
    }
    if !head.starts_with(MAGIC) {
        return no("it is no SQLite database");
    }
    let id =
        head.get(APPLICATION_AT..APPLICATION_AT + 4).and_then(|bytes| bytes.try_into().ok()).map(i32::from_be_bytes);
    if id.map(i64::from) != Some(schema::APPLICATION) {
        return no("it is the database of another program");
    }
    Ok(())
}

/// Moves the journal to a dated name, with what it has not taken in of its log.
async fn aside(journal: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    if !journal.exists() {
        return Ok(None);
    }
    // Opened and closed, it is one file. A damaged or a newer one cannot be: its log goes along, and goes first, so that
    // the log of one journal never lies beside another.
    if let Ok(store) = Store::open(journal).await {
        store.close().await;
    }
    let mut to = journal.with_added_extension(format!("replaced-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    while to.exists() {
        to.add_extension("again");
    }
    for end in ["-shm", "-wal", ""] {
        let (from, to) = (with_end(journal, end), with_end(&to, end));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !end.is_empty() => {}
            moved => moved?,
        }
    }
    Ok(Some(to))
}

/// Removes a draft and whatever the database put beside it.
fn clear(draft: &Path) -> io::Result<()> {
    let copies = schema::before(draft, schema::latest());
    for path in [draft.to_owned(), with_end(draft, "-wal"), with_end(draft, "-shm"), copies] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Sees that the new name is on disk.
fn settle(journal: &Path) -> io::Result<()> {
    let folder = journal.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests;

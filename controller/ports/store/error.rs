//! What can go wrong with the journal, in words that say how to go on. Decides nothing.

use std::path::PathBuf;

/// What went wrong with the journal.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file or its folder cannot be made or reached.
    #[error("could not {doing} {path}; the controller needs a folder of its own to write to: see data_dir", path = path.display())]
    Files {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What came back.
        source: std::io::Error,
    },
    /// A later driftless wrote it.
    #[error(
        "the journal {path} has version {journal} and this driftless understands up to {program}: \
         run the newer driftless that wrote it, or go back to a backup made before the upgrade",
        path = path.display()
    )]
    Newer {
        /// The journal.
        path: PathBuf,
        /// Its version.
        journal: i64,
        /// The latest version that this program knows.
        program: i64,
    },
    /// It is a database, but not a journal.
    #[error(
        "{path} is the database of another program (application id {application:#010x}), and was left as it is: \
         choose another data_dir",
        path = path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it says it is.
        application: i64,
    },
    /// It is no journal at all.
    #[error("{path} is no journal of driftless ({why}); nothing was changed", path = path.display())]
    NoJournal {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It cannot be read as a journal.
    #[error(
        "the journal {path} is damaged ({what}): move it aside together with its -wal and -shm files and start again; \
         what is owned is found again by its markers and the ledger, and until then nothing is deleted or replaced \
         without an approval",
        path = path.display()
    )]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// What does not fit.
        what: String,
        /// What came back, where the database said it.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Another process holds it.
    #[error("could not {doing} in {path}: another process has held it for over 5 s; is a second driftless running on it?", path = path.display())]
    Busy {
        /// What was tried.
        doing: &'static str,
        /// The journal.
        path: PathBuf,
        /// What came back.
        source: sqlx::Error,
    },
    /// The disk is full or cannot be written.
    #[error("could not {doing} in {path}: see that its disk has room, and that the file and its folder are yours to write; nothing was changed", path = path.display())]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// The journal.
        path: PathBuf,
        /// What came back.
        source: sqlx::Error,
    },
    /// Anything else that the database says.
    #[error("could not {doing} in {path}; nothing was changed", path = path.display())]
    Sql {
        /// What was tried.
        doing: &'static str,
        /// The journal.
        path: PathBuf,
        /// What came back.
        source: sqlx::Error,
    },
    /// A value that has no JSON; a mistake in the program.
    #[error(
        "could not write {what} as JSON into the journal; nothing was changed. This is a mistake in driftless: please report it"
    )]
    Json {
        /// What was to be written.
        what: String,
        /// What came back.
        source: serde_json::Error,
    },
}

impl StoreError {
    /// Sorts what the database said into what somebody can do about it; codes from <https://www.sqlite.org/rescode.html>.
    pub(super) fn sql(doing: &'static str, path: &std::path::Path, source: sqlx::Error) -> Self {
        let path = path.to_owned();
        let code = source.as_database_error().and_then(|e| e.code()).and_then(|c| c.parse::<i64>().ok());
        match code.map(|extended| extended & 0xff) {
            Some(5 | 6) => Self::Busy { doing, path, source },
            Some(8 | 10 | 13 | 14) => Self::Disk { doing, path, source },
            Some(11 | 26) => {
                Self::Damaged { path, what: "the database cannot read it".to_owned(), source: Some(Box::new(source)) }
            }
            _ => Self::Sql { doing, path, source },
        }
    }
}

//! The ledger's keeper: reads it at the start, writes it with the reports. Owns when; what a ledger is, how it is
//! signed and what of it is taken in is the model's to say.
//!
//! At the start, before anything is looked at: a ledger with a higher number than the journal's is taken in, be the
//! journal empty (lost) or behind (a restored snapshot of the disk). An older one changes nothing. A report without a
//! ledger that can be believed, and a journal that never wrote one, is a lost journal: what is found again then is
//! remembered as found, and its end is held.
//!
//! While it runs, a ledger of another driftless is taken in in the same way: before its report would be written over, and
//! where the lease is taken over from it (what it was told to leave alone is left alone).
//!
//! Known limit: who may push to the report branch may put a former, genuine ledger there. It is as good as an old
//! backup: nothing that the journal has is given up for it.

use super::keeper::Keeper;
use super::report::Reporter;
use super::snapshot::Trouble;
use crate::model::ledger::{self, Key, Refused};
use crate::model::{Digest, Estate, Memory, Patch};
use crate::ports::clock::Clock;
use crate::ports::git::Mirror;
use crate::ports::store::StoreError;
use jiff::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering};

/// Its file in the report folder.
pub const FILE: &str = "ledger.json";

/// Keeps the ledger.
pub struct Ledger {
    /// The first signs; any of them is believed.
    keys: Vec<Key>,
    /// Whether it was read since the start, and since another wrote.
    recalled: AtomicBool,
    clock: Clock,
}

impl Ledger {
    /// A ledger that is signed with the first of these keys; the others are believed as well. Without a key there is
    /// no ledger.
    pub fn new(keys: Vec<Key>, clock: Clock) -> Self {
        Self { keys, recalled: AtomicBool::new(false), clock }
    }

    /// Takes in what the ledger on the report branch knows more than the journal; once, at the first call that can.
    /// Gives what has to be said about it.
    pub async fn recall(
        &self,
        reporter: &Reporter,
        mirror: &Mirror,
        estate: &Estate,
        keeper: &Keeper,
    ) -> Result<Option<Trouble>, StoreError> {
        if self.is_read() {
            return Ok(None);
        }
        let stands = match reporter.stands(mirror, &estate.settings.reports).await {
            Ok(stands) => stands,
            Err(error) => {
                let what = format!("the report branch with the ledger could not be read: {error}");
                let hint = format!("Nothing is changed until it was read once since the start. {}", error.hint());
                return Ok(Some(Trouble::of("ledger", what, &hint)));
            }
        };
        let journal = keeper.memory();
        let read = stands.ledger.as_deref().map(|text| ledger::read(text, &self.keys, &estate.settings.id));
        let blank = journal.estate.is_none();
        let foreign = journal.estate.is_some_and(|known| known != estate.settings.id);
        let (patches, trouble) = match read {
            _ if foreign => (Vec::new(), None), // The plan says so, and touches nothing.
            Some(Ok(ledger)) if ledger.serial > journal.serial => taken_in(&journal, ledger, blank, keeper.start()),
            Some(Ok(_)) => (Vec::new(), None),
            Some(Err(why)) => (lost(&journal), Some(refused(&why, journal.serial == 0))),
            None if stands.report => (lost(&journal), blank.then(unwritten)),
            None => (Vec::new(), None),
        };
        keeper.write(&patches).await?;
        self.recalled.store(true, Ordering::Relaxed);
        if let Some(trouble) = &trouble {
            tracing::warn!(hint = trouble.hint, "{}", trouble.what);
        }
        Ok(trouble)
    }

    /// Takes in a ledger that another driftless wrote while this one runs, where it knows more than the journal. Gives
    /// what has to be said where it did.
    pub async fn catch_up(&self, text: &[u8], estate: &Estate, keeper: &Keeper) -> Result<Option<Trouble>, StoreError> {
        let journal = keeper.memory();
        let theirs = match ledger::read(text, &self.keys, &estate.settings.id) {
            Ok(theirs) if theirs.serial > journal.serial && journal.estate == theirs.estate => theirs,
            Ok(_) => return Ok(None),
            Err(why) => {
                tracing::warn!("the ledger that somebody else put into the repo is ignored: {why}");
                return Ok(None);
            }
        };
        let trouble = another(journal.serial, theirs.serial);
        keeper.write(&ledger::taken_in(&journal, theirs, self.clock.now())).await?;
        tracing::warn!(hint = trouble.hint, "{}", trouble.what);
        Ok(Some(trouble))
    }

    /// Whether the ledger was read: nothing may be written to the world before.
    pub fn is_read(&self) -> bool {
        self.recalled.load(Ordering::Relaxed)
    }

    /// It has to be read again before anything is written to the world.
    pub fn doubt(&self) {
        self.recalled.store(false, Ordering::Relaxed);
    }

    /// The next ledger, and what of Memory is in it; none without a key. Its number is in the journal before it is
    /// anywhere else, so that a journal that is behind is known by that.
    pub async fn next(&self, keeper: &Keeper) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(key) = self.keys.first() else { return Ok(None) };
        keeper.write(&[Patch::Serial(keeper.memory().serial + 1)]).await?;
        Ok(Some(ledger::write(&keeper.memory(), key).into_bytes()))
    }

    /// Takes the number of a ledger back that went nowhere: another's of the same number must not pass for ours.
    pub async fn withdraw(&self, serial: u64, keeper: &Keeper) -> Result<(), StoreError> {
        keeper.write(&[Patch::Serial(serial)]).await
    }

    /// What of Memory has to be in the ledger that stands; none without a key.
    pub fn essence(&self, memory: &Memory) -> Option<Digest> {
        self.keys.first().map(|_| ledger::essence(memory))
    }

    /// The same of a ledger that was read; none where it is not signed with the key of today.
    pub fn essence_of(&self, text: &[u8], estate: &Estate) -> Option<Digest> {
        let key = self.keys.first()?;
        let memory = ledger::read(text, std::slice::from_ref(key), &estate.settings.id).ok()?;
        Some(ledger::essence(&memory))
    }
}

fn taken_in(journal: &Memory, ledger: Memory, blank: bool, start: Timestamp) -> (Vec<Patch>, Option<Trouble>) {
    let (ours, theirs, owned) = (journal.serial, ledger.serial, ledger.owned.len());
    let patches = ledger::taken_in(journal, ledger, start);
    if blank {
        tracing::info!(serial = theirs, owned, "the journal is empty: what it held was read back from the ledger");
        return (patches, None);
    }
    let what = format!("the journal is older than the ledger in the repo (number {ours} against {theirs})");
    let hint = "Was the disk restored from a snapshot, or does another driftless keep this estate? What the ledger knows \
         more was taken in, the stricter of both holds, and approvals given before have to be given again.";
    (patches, Some(Trouble::of("ledger", what, hint)))
}

fn another(ours: u64, theirs: u64) -> Trouble {
    let what = format!("another driftless keeps this estate: its ledger in the repo has number {theirs}, ours {ours}");
    let hint = "Should only one driftless work on this repo, stop the other. What its ledger knows more was taken in, the \
         stricter of both holds, and approvals given here before have to be given again.";
    Trouble::of("ledger", what, hint)
}

/// A journal that never wrote a ledger, beside reports of its estate, has lost what it knew.
fn lost(journal: &Memory) -> Vec<Patch> {
    if journal.serial == 0 && journal.owned.is_empty() { vec![Patch::Lost(true)] } else { Vec::new() }
}

fn refused(why: &Refused, lost: bool) -> Trouble {
    let what = format!("the ledger in the repo is ignored: {why}");
    let rest = match lost {
        true => {
            "What is found to exist is owned again, and its deletion or replacement is held until you approve it. To \
             get back what was remembered: put the former key into ledger.key_file or ledger.former_key_file, move the \
             journal aside, and start again."
        }
        false => "The journal is what counts, and the next report carries a ledger of its own.",
    };
    let hint = match why {
        Refused::Forged | Refused::Unsigned => format!("See who pushed to the report branch. {rest}"),
        _ => rest.to_owned(),
    };
    Trouble::of("ledger", what, &hint)
}

fn unwritten() -> Trouble {
    let what = "there are reports of this estate in the repo, but no ledger, and the journal is empty".to_owned();
    let hint = "Was the journal lost? Put it back with `driftless journal restore FILE`, if there is a backup. What is \
         found to exist is owned again, and its deletion or replacement is held until you approve it.";
    Trouble::of("ledger", what, hint)
}

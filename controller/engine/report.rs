//! Writes reports as commits on the branch that Settings name. Owns when: only where a reader would find something new.
//! A report is never written to the watched branch, so that no commit of ours wakes us.
//!
//! The ledger goes with every report. It alone is a reason for a commit where what is owned, protected or paused changed:
//! no reader sees that, and a lost journal would miss it.

use super::keeper::Keeper;
use super::ledger::{self, Ledger};
use super::snapshot::{Snapshot, Trouble};
use crate::model::settings::Reports;
use crate::model::{Digest, Estate, Memory, Patch, Severity};
use crate::plan::guard;
use crate::ports::clock::Clock;
use crate::ports::git::{CommitId, Content, Edits, GitError, Limits, Mirror, Person, Pushed};
use crate::render::report::{self, INVENTORY, Report, StatusJson, Trouble as Unwell};
use std::collections::BTreeMap;
use tokio::sync::Mutex;

/// Writes reports.
pub struct Reporter {
    /// The watched branch, which is never written.
    branch: String,
    /// Who commits.
    author: Person,
    clock: Clock,
    last: Mutex<Last>,
}

/// What stands on the report branch, as far as is known.
#[derive(Default)]
struct Last {
    read: bool,
    /// The commit that was read or written last.
    tip: Option<CommitId>,
    status: Option<StatusJson>,
    files: BTreeMap<String, Vec<u8>>,
    ledger: Option<Vec<u8>>,
    /// What of Memory the ledger holds that has to be in it; none where it is not known to be.
    essence: Option<Digest>,
}

/// What has to be known of the report branch before anything is written to the world.
pub struct Stands {
    /// Whether there is a report.
    pub report: bool,
    /// The ledger, as it lies there.
    pub ledger: Option<Vec<u8>>,
}

impl Reporter {
    /// Makes a reporter for a repo whose watched branch is `branch`.
    pub fn new(branch: impl Into<String>, clock: Clock) -> Self {
        let author = Person::new("driftless", "driftless@localhost");
        Self { branch: branch.into(), author, clock, last: Mutex::default() }
    }

    /// Reads what stands on the report branch by now; nothing where reports are not written.
    pub async fn stands(&self, mirror: &Mirror, target: &Reports) -> Result<Stands, GitError> {
        let mut last = self.last.lock().await;
        if target.branch != self.branch {
            last.follow(mirror, target).await?;
        }
        Ok(Stands { report: !last.files.is_empty(), ledger: last.ledger.clone() })
    }

    /// Commits what the last cycle found, where it says something new. Gives what has to be said of another who reports.
    ///
    /// Nothing is written over unread: where another has reported since, what stands there counts as the last report.
    /// Where its ledger knew more than our journal, this cycle's plan was made without that: the next one reports.
    pub async fn report(
        &self,
        mirror: &Mirror,
        snapshot: &Snapshot,
        keeper: &Keeper,
        ledger: &Ledger,
    ) -> Result<Option<Trouble>, GitError> {
        let Some(estate) = &snapshot.estate else { return Ok(None) };
        let target = &estate.settings.reports;
        if target.branch == self.branch {
            tracing::error!(
                branch = target.branch,
                "reports are not written: Settings name the watched branch for them"
            );
            return Ok(None);
        }
        let mut last = self.last.lock().await;
        if !last.read {
            last.follow(mirror, target).await?;
        }
        for _ in 0..TRIES {
            let Some(draft) = self.draft(&mut last, snapshot, estate, &keeper.memory(), ledger) else {
                return Ok(None);
            };
            if last.follow(mirror, target).await? {
                let Some(text) = &last.ledger else { continue };
                match ledger.catch_up(text, estate, keeper).await {
                    Ok(None) => {}
                    Ok(trouble) => return Ok(trouble),
                    Err(error) => tracing::error!(%error, "another's ledger could not be taken in"),
                }
            } else if self.commit(mirror, target, &mut last, draft, (keeper, ledger)).await? {
                return Ok(None);
            }
        }
        tracing::warn!("others report at the same time, each time faster; the next look reports");
        Ok(None)
    }

    /// What is to be said; none where nobody would find anything new.
    fn draft(
        &self,
        last: &mut Last,
        snapshot: &Snapshot,
        estate: &Estate,
        memory: &Memory,
        ledger: &Ledger,
    ) -> Option<Draft> {
        let invalid = snapshot.diagnostics.iter().any(|d| d.severity == Severity::Error);
        let fetch = snapshot.troubles.iter().find(|t| t.with == "git");
        let halted = snapshot.troubles.iter().find(|t| ["journal", "driftless"].contains(&t.with.as_str()));
        if snapshot.after.is_none() && last.status.is_none() {
            return None; // Nothing is known, and nothing stands there that would be wrong.
        }
        let trouble = match (invalid, &snapshot.commit, fetch) {
            _ if halted.is_some() && snapshot.after.is_none() => halted.map(|t| Unwell::Halted { why: &t.what }),
            (true, Some(commit), _) => {
                Some(Unwell::Invalid { commit, diagnostics: &snapshot.diagnostics, files: snapshot.files })
            }
            (_, _, Some(fetch)) => Some(Unwell::Unreachable { why: &fetch.what }),
            _ => None,
        };
        if let Some(text) = last.ledger.take() {
            last.essence = ledger.essence_of(&text, estate);
        }
        let made_from = Report {
            estate: &estate.settings.estate,
            plan: snapshot.after.as_deref(),
            outcomes: &snapshot.outcomes,
            memory,
            branch: &self.branch,
            commit: estate.commit.as_deref(),
            trouble,
            inventory: snapshot.inventory.as_deref(),
            previous: last.status.as_ref(),
            now: self.clock.now(),
        };
        let mut files = report::files(&made_from);
        // What could not be read this time still exists: the last whole inventory stays.
        if let (None, Some(bytes)) = (files.get(INVENTORY), last.files.get(INVENTORY)) {
            files.insert(INVENTORY.to_owned(), bytes.clone());
        }
        let essence = ledger.essence(memory);
        let told = files == last.files;
        if told && last.essence == essence {
            return None;
        }
        let subject = if told { REMEMBERED.to_owned() } else { report::subject(&made_from) };
        Some(Draft { status: report::status(&made_from), files, subject, essence })
    }

    /// Commits a report onto the one that was read last; false where that is the last one no longer.
    async fn commit(
        &self,
        mirror: &Mirror,
        target: &Reports,
        last: &mut Last,
        draft: Draft,
        (keeper, ledger): (&Keeper, &Ledger),
    ) -> Result<bool, GitError> {
        let Draft { status, files, subject, essence } = draft;
        let mut edits = edits(&target.path, &files);
        let mut written = None;
        let former = keeper.memory().serial;
        match ledger.next(keeper).await {
            Ok(Some(text)) => {
                written = essence;
                edits.extend(self::edits(&target.path, &BTreeMap::from([(ledger::FILE.to_owned(), text)])));
            }
            Ok(None) => {}
            // A reader of reports is not to be left in the dark as well.
            Err(error) => tracing::error!(%error, "the report goes without the ledger"),
        }
        let tip = last.tip.as_ref();
        let pushed = mirror.commit_and_push_onto(&target.branch, tip, &edits, &subject, &self.author).await?;
        let tip = match pushed {
            Some(Pushed::Commit(commit)) => {
                tracing::info!(commit = commit.short(), subject, "reported");
                Some(commit)
            }
            Some(Pushed::Unchanged(tip)) => tip,
            None => {
                if let Err(error) = ledger.withdraw(former, keeper).await {
                    tracing::error!(%error, "the number of a ledger that was not written could not be taken back");
                }
                return Ok(false);
            }
        };
        *last = Last { read: true, tip, status: Some(status), files, ledger: None, essence: written };
        Ok(true)
    }
}

impl Last {
    /// Reads the branch where it is not where it was left; says whether it was not.
    async fn follow(&mut self, mirror: &Mirror, target: &Reports) -> Result<bool, GitError> {
        let tip = mirror.read_ref(&format!("refs/heads/{}", target.branch)).await?;
        if self.read && tip == self.tip {
            return Ok(false);
        }
        *self = stands(mirror, tip, &target.path).await?;
        Ok(true)
    }
}

/// A report that is due.
struct Draft {
    status: StatusJson,
    files: BTreeMap<String, Vec<u8>>,
    subject: String,
    essence: Option<Digest>,
}

/// How often a report is tried again while others report.
const TRIES: usize = 4;

/// The subject of a commit that has only the ledger in it.
const REMEMBERED: &str = "ledger: what is owned, protected or paused changed";

/// How large a ledger may be: some hundred bytes for each owned object and each of its parts.
const LARGEST_LEDGER: u64 = 64 * 1024 * 1024;

/// What begins and what ends to be unwell with this cycle, for Memory.
pub fn since(snapshot: &Snapshot, memory: &Memory, now: jiff::Timestamp) -> Vec<Patch> {
    let Some(plan) = &snapshot.after else { return Vec::new() };
    let mut unwell = report::not_well(plan, &snapshot.outcomes);
    unwell.extend(guard::counted_holds(plan));
    let begins = unwell.iter().filter(|name| !memory.since.contains_key(*name));
    let begins = begins.map(|name| Patch::Since(name.clone(), now));
    let ends = memory.since.keys().filter(|name| !unwell.contains(*name)).map(|name| Patch::Over(name.clone()));
    begins.chain(ends).collect()
}

fn edits(path: &str, files: &BTreeMap<String, Vec<u8>>) -> Edits {
    let path = path.trim_matches('/');
    let place = |name: &String| if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
    files.iter().map(|(name, bytes)| (place(name), Some(bytes.clone()))).collect()
}

/// Reads the report at the branch's tip, so that a restart says nothing twice.
async fn stands(mirror: &Mirror, tip: Option<CommitId>, path: &str) -> Result<Last, GitError> {
    let Some(tip) = tip else {
        return Ok(Last { read: true, ..Last::default() });
    };
    mirror.obtain(&tip).await?;
    let path = path.trim_matches('/');
    let mut files = BTreeMap::new();
    let mut ledger = None;
    let limits = Limits { file: LARGEST_LEDGER, ..Limits::default() };
    for file in mirror.tree(&tip, path, &limits)? {
        let name = file.path.strip_prefix(path).unwrap_or(&file.path).trim_start_matches('/');
        if let (true, Content::Bytes(bytes)) =
            (["STATUS.md", "DRIFT.md", "status.json", INVENTORY].contains(&name), &file.content)
        {
            files.insert(name.to_owned(), bytes.to_vec());
        }
        if let (ledger::FILE, Content::Bytes(bytes)) = (name, &file.content) {
            ledger = Some(bytes.to_vec());
        }
    }
    let status = files.get("status.json").and_then(|bytes| serde_json::from_slice(bytes).ok());
    Ok(Last { read: true, tip: Some(tip), status, files, ledger, essence: None })
}

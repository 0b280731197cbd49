//! The last runs: what was planned, what came of it. History for people; nothing is decided from it, and it is bounded.

use super::{Store, StoreError};
use crate::model::{Attempt, Outcome, Plan};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many runs are kept.
pub const KEPT: u32 = 200;

/// How many bytes of changes, and of outcomes, are kept of one run; findings and unowned objects get a quarter.
const BOUND: usize = 64 * 1024;

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// When.
    pub ended: Timestamp,
    /// What became of each change.
    pub outcomes: Vec<Outcome>,
    /// Why it ended before its plan did: a new commit, a signal, an error.
    pub stopped: Option<String>,
}

/// How many changes ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Done.
    pub done: usize,
    /// Failed.
    pub failed: usize,
    /// Not tried.
    pub left: usize,
}

/// One run as the journal remembers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its number; a later run has a higher one, and none is given twice.
    pub id: i64,
    /// The commit that it was for; none for a working directory.
    pub commit: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; none: it goes on, or the controller died in it.
    pub ended: Option<Timestamp>,
    /// The plan without its patches, and with as many changes as fit; none where an older program's cannot be read.
    pub plan: Option<Plan>,
    /// How many changes, findings and unowned objects of the plan did not fit.
    pub plan_cut: usize,
    /// How many changes ended how, all counted.
    pub tally: Tally,
    /// What became of the changes, failures first, as many as fit.
    pub outcomes: Vec<Outcome>,
    /// How many outcomes did not fit.
    pub outcomes_cut: usize,
    /// Why it ended before its plan did.
    pub stopped: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    commit: Option<String>,
    plan: Value,
    cut: usize,
}

#[derive(Default, Serialize, Deserialize)]
struct Tail {
    tally: Tally,
    outcomes: Vec<Value>,
    cut: usize,
    stopped: Option<String>,
}

impl Store {
    /// Notes that a run begins, and gives it its number. Called for runs that have something to do: the list is short.
    pub async fn begin_run(&self, started: Timestamp, plan: &Plan) -> Result<i64, StoreError> {
        let (plan, cut) = shortened(plan);
        let commit = plan.commit.clone();
        let plan = serde_json::to_value(plan).map_err(|e| json("a run's plan", e))?;
        let head = self.json("a run", &Head { commit, plan, cut })?;
        sqlx::query_scalar("INSERT INTO runs (started, head) VALUES ($1, $2) RETURNING id")
            .bind(started.to_string())
            .bind(head)
            .fetch_one(&self.pool)
            .await
            .map_err(|e| self.sql("note a run", e))
    }

    /// Notes how a run ended, forgets the oldest ones, and gives their room back to the disk.
    pub async fn finish_run(&self, id: i64, ending: &Ending) -> Result<(), StoreError> {
        let tail = self.json("a run's end", &tail(ending)?)?;
        let sql = |e| self.sql("note the end of a run", e);
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(sql)?;
        sqlx::query("UPDATE runs SET ended = $2, tail = $3 WHERE id = $1")
            .bind(id)
            .bind(ending.ended.to_string())
            .bind(tail)
            .execute(&mut *transaction)
            .await
            .map_err(sql)?;
        sqlx::query("DELETE FROM runs WHERE id NOT IN (SELECT id FROM runs ORDER BY id DESC LIMIT $1)")
            .bind(KEPT)
            .execute(&mut *transaction)
            .await
            .map_err(sql)?;
        transaction.commit().await.map_err(sql)?;
        sqlx::query("PRAGMA incremental_vacuum").execute(&self.pool).await.map_err(sql).map(drop)
    }

    /// The last `n` runs, the latest first.
    pub async fn recent_runs(&self, n: u32) -> Result<Vec<Run>, StoreError> {
        let rows: Vec<RunRow> =
            sqlx::query_as("SELECT id, started, ended, head, tail FROM runs ORDER BY id DESC LIMIT $1")
                .bind(n)
                .fetch_all(&self.pool)
                .await
                .map_err(|e| self.sql("read the runs", e))?;
        rows.into_iter()
            .map(|row| {
                let id = row.0;
                Run::read(row).map_err(|e| self.odd("runs", &id.to_string(), &e.to_string()))
            })
            .collect()
    }
}

/// Id, begin, end, head and tail as they lie in the table.
type RunRow = (i64, String, Option<String>, String, Option<String>);

impl Run {
    fn read((id, started, ended, head, tail): RunRow) -> Result<Self, Box<dyn std::error::Error>> {
        let head: Head = serde_json::from_str(&head)?;
        let tail: Tail = tail.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default();
        Ok(Self {
            id,
            commit: head.commit,
            started: started.parse()?,
            ended: ended.map(|time| time.parse()).transpose()?,
            plan: serde_json::from_value(head.plan).ok(),
            plan_cut: head.cut,
            tally: tail.tally,
            outcomes: tail.outcomes.into_iter().filter_map(|o| serde_json::from_value(o).ok()).collect(),
            outcomes_cut: tail.cut,
            stopped: tail.stopped,
        })
    }
}

/// The plan without its patches (Memory has them) and with as much of its lists as is kept.
fn shortened(plan: &Plan) -> (Plan, usize) {
    let (changes, a) = fitting(&plan.changes, BOUND);
    let (findings, b) = fitting(&plan.findings, BOUND / 4);
    let (unowned, c) = fitting(&plan.unowned, BOUND / 4);
    let short = Plan {
        schema: plan.schema.clone(),
        estate: plan.estate.clone(),
        commit: plan.commit.clone(),
        frozen: plan.frozen.clone(),
        changes,
        findings,
        unowned,
        remember: vec![],
        ..*plan
    };
    (short, a + b + c)
}

fn tail(ending: &Ending) -> Result<Tail, StoreError> {
    let mut tally = Tally::default();
    let (mut failed, mut left, mut done) = (Vec::new(), Vec::new(), Vec::new());
    for outcome in &ending.outcomes {
        match outcome.attempt {
            Attempt::Failed { .. } => failed.push(outcome),
            Attempt::Left { .. } => left.push(outcome),
            Attempt::Done => done.push(outcome),
        }
    }
    (tally.failed, tally.left, tally.done) = (failed.len(), left.len(), done.len());
    failed.append(&mut left);
    failed.append(&mut done);
    let (outcomes, cut) = fitting(&failed, BOUND);
    let outcomes = outcomes.into_iter().map(serde_json::to_value).collect::<Result<_, _>>();
    let outcomes = outcomes.map_err(|e| json("an outcome", e))?;
    Ok(Tail { tally, outcomes, cut, stopped: ending.stopped.clone() })
}

/// The first items whose JSON fits into so many bytes, and how many are left out.
fn fitting<T: Clone + Serialize>(items: &[T], bound: usize) -> (Vec<T>, usize) {
    let mut room = bound;
    let kept: Vec<T> = items
        .iter()
        .take_while(|item| {
            let size = serde_json::to_string(item).map_or(usize::MAX, |text| text.len());
            let fits = size <= room;
            room = room.saturating_sub(size);
            fits
        })
        .cloned()
        .collect();
    let cut = items.len() - kept.len();
    (kept, cut)
}

fn json(what: &str, source: serde_json::Error) -> StoreError {
    StoreError::Json { what: what.to_owned(), source }
}

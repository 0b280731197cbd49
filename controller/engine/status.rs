//! How a controller stands, as data that serialises: what `driftless status`, the API and the pages show. Gathered from
//! the journal and, where a controller runs, from its last cycle; decides nothing.

use super::keeper::Keeper;
use super::snapshot::{Snapshot, Trouble};
use super::under_way::UnderWay;
use crate::model::memory::Failure;
use crate::model::{Attempt, Freeze, Pause, Plan, ResourceId};
use crate::ports::store::StoreError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The `schema` field. Later versions only add.
pub const SCHEMA: &str = "driftless.controller-status/v1";

/// How a controller stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// `driftless.controller-status/v1`.
    pub schema: String,
    /// The controller that runs; none where this was read from the journal of one that does not.
    pub running: Option<Running>,
    /// How many objects are owned.
    pub owned: usize,
    /// Since when each thing that is not well has been so.
    pub unwell: BTreeMap<String, Timestamp>,
    /// What failed and is tried again, or not.
    pub failing: BTreeMap<String, Failure>,
    /// What is paused by hand.
    pub pauses: BTreeMap<ResourceId, Pause>,
    /// Somebody's word that nothing is to be changed.
    pub frozen: Option<Freeze>,
    /// The last plan, with what is left to do.
    pub plan: Option<Plan>,
    /// The last run.
    pub last_run: Option<LastRun>,
    /// What is being done right now.
    #[serde(default)]
    pub under_way: Vec<UnderWay>,
}

/// A controller that runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// Its version.
    pub version: String,
    /// Its process.
    pub process: u32,
    /// Which cycle it last ended, from 1.
    pub cycle: u64,
    /// When that began.
    pub at: Timestamp,
    /// The newest commit that it has seen.
    pub commit: Option<String>,
    /// What kept that cycle from being whole.
    pub troubles: Vec<Trouble>,
}

/// The last run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LastRun {
    /// When it ended, or began where it did not.
    pub at: Timestamp,
    /// Changes done.
    pub done: usize,
    /// Changes of the plan.
    pub of: usize,
}

/// Gathers how things stand; `snapshot` is the last cycle of the controller that runs.
pub async fn status(keeper: &Keeper, snapshot: Option<&Snapshot>, now: Timestamp) -> Result<Status, StoreError> {
    let memory = keeper.memory();
    let plan = keeper.last_plan().await?;
    let last = keeper.store().recent_runs(1).await?.into_iter().next();
    let frozen = memory.frozen.clone().filter(|f| f.until.is_none_or(|until| until > now));
    Ok(Status {
        schema: SCHEMA.to_owned(),
        running: snapshot.map(|snapshot| Running {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: std::process::id(),
            cycle: snapshot.cycle,
            at: snapshot.at,
            commit: snapshot.commit.clone(),
            troubles: snapshot.troubles.clone(),
        }),
        owned: memory.owned.len(),
        unwell: memory.since.clone(),
        failing: memory.failures.iter().map(|(key, failure)| (key.to_string(), failure.clone())).collect(),
        pauses: memory.pauses.clone(),
        frozen,
        plan,
        last_run: last.map(|run| LastRun {
            at: run.ended.unwrap_or(run.started),
            done: run.outcomes.iter().filter(|o| o.attempt == Attempt::Done).count(),
            of: run.outcomes.len(),
        }),
        under_way: keeper.board().read(now),
    })
}

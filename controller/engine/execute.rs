//! Does a plan: each change as soon as what it comes after is done, no barriers, one at a time per object.
//! Decides nothing about what is right: what waited is planned anew by the pure planner and must refine what was planned.

use super::anew;
use super::backoff::Backoff;
use super::keeper::Keeper;
use super::lease::Lease;
use super::work::{Ended, Worker};
use crate::kinds;
use crate::model::{
    Attempt, ChangeKey, Estate, Fault, Live, Outcome, Plan, Planned, ProviderId, ResourceId, Scope, Step, Verb, World,
};
use crate::plan::{self, Brakes, record};
use crate::ports::Ports;
use futures::{StreamExt, stream::FuturesUnordered};
use std::collections::{BTreeMap, BTreeSet};
use tokio_util::sync::CancellationToken;

/// Changes under way at the same time, at most.
const AT_ONCE: usize = 16;

/// What a run is done with.
pub struct Run<'a> {
    /// The ways to the world.
    pub ports: &'a Ports,
    /// What git says.
    pub estate: &'a Estate,
    /// Memory and journal.
    pub keeper: &'a Keeper,
    /// The machine's own limits.
    pub brakes: &'a Brakes,
    /// When failures are tried again.
    pub backoff: &'a Backoff,
    /// The right to write, checked before each change; none where no repo is known.
    pub lease: Option<&'a Lease>,
    /// Nothing new is begun once this is cancelled; what is under way ends.
    pub stop: &'a CancellationToken,
    /// Hears of each change as it begins and ends.
    pub heard: &'a (dyn Fn(Progress<'_>) + Send + Sync),
}

/// What a run tells while it goes on.
pub enum Progress<'a> {
    /// A change begins.
    Began(&'a Planned),
    /// A change has ended, one way or another.
    Ended(&'a Outcome),
}

/// Does every change of a plan that may go on, and says how each ended.
///
/// Flow: dispatch what is ready → take in what came of it (journal, world) → plan anew what waited for it → dispatch.
/// Guarantees: nothing that is held, observed or blocked is done; nothing is done that the plan did not name; nothing is
/// begun once every sync window is shut, and what was begun before may end.
/// What happens if interrupted: intents stand in the journal; the next run looks, settles and plans anew.
pub async fn execute(run: &Run<'_>, plan: &Plan, world: World) -> Vec<Outcome> {
    let mut floor = Floor {
        run,
        world,
        waiting: plan.going().cloned().enumerate().collect(),
        done: BTreeSet::new(),
        failed: BTreeSet::new(),
        busy: BTreeSet::new(),
        hindered: Vec::new(),
        outcomes: Vec::new(),
    };
    let mut under_way = FuturesUnordered::new();
    loop {
        floor.shut();
        if !run.stop.is_cancelled() {
            for change in floor.ready(AT_ONCE.saturating_sub(under_way.len())).await {
                (run.heard)(Progress::Began(&change));
                let before = floor.before(&change);
                let behind = floor.behind(&change);
                under_way.push(floor.worker().work(change, before, behind));
            }
        }
        match under_way.next().await {
            Some(ended) => floor.ended(ended).await,
            None => break,
        }
    }
    floor.give_up();
    floor.leave_rest();
    floor.outcomes
}

/// What stands where while a plan is being done.
struct Floor<'a> {
    run: &'a Run<'a>,
    world: World,
    /// What is not begun yet, by its place in the plan.
    waiting: BTreeMap<usize, Planned>,
    done: BTreeSet<ChangeKey>,
    failed: BTreeSet<ChangeKey>,
    /// Objects with a change under way; kinds with parts work on many parts at once.
    busy: BTreeSet<ResourceId>,
    /// What failed since something else of its kind is in its way: it is told at the end, unless
    /// it was done by then.
    hindered: Vec<Outcome>,
    outcomes: Vec<Outcome>,
}

impl<'a> Floor<'a> {
    /// Leaves what was not begun yet once every sync window is shut: a run may take longer than its window.
    fn shut(&mut self) {
        let windows = &self.run.estate.settings.windows;
        if self.run.brakes.windows_pass || self.waiting.is_empty() || windows.is_empty() {
            return;
        }
        let Some(shut) = plan::window::shut(windows, self.run.ports.clock.now()) else { return };
        let (on, left) = std::mem::take(&mut self.waiting).into_iter().partition(|(_, c)| plan::window::recovers(c));
        self.waiting = on;
        let left: BTreeMap<usize, Planned> = left;
        for change in left.into_values() {
            self.failed.insert(change.key.clone());
            let why = format!("every sync window was shut before it was begun, {}", shut.words);
            self.end(Outcome { key: change.key.clone(), change, attempt: Attempt::Left { why }, took_ms: 0 });
        }
    }

    fn worker(&self) -> Worker<'a> {
        let Run { ports, estate, keeper, backoff, lease, .. } = *self.run;
        Worker { ports, estate, keeper, backoff, lease }
    }

    /// The addresses behind the ways that a change alters, where hosts are reached at all.
    fn behind(&self, change: &Planned) -> Vec<String> {
        if self.run.ports.reach.is_on() { anew::behind(change, &self.world) } else { Vec::new() }
    }

    /// The ids that live in a change's scope now.
    fn before(&self, change: &Planned) -> BTreeSet<ProviderId> {
        if change.key.part.is_some() || !matches!(change.key.verb, Verb::Create | Verb::Replace) {
            return BTreeSet::new();
        }
        let found = self.world.scopes.iter().filter(|(scope, _)| scope.kind == change.key.id.kind);
        found.flat_map(|(_, s)| s.found.iter().flatten()).map(|live| live.provider_id.clone()).collect()
    }

    /// Takes out of waiting what can be done now, with every placeholder filled.
    async fn ready(&mut self, room: usize) -> Vec<Planned> {
        loop {
            let picked = self.pick(room);
            if picked.is_empty() {
                return Vec::new();
            }
            let waits = |at: &usize| self.waiting.get(at).is_some_and(|c| matches!(c.step, Step::Waits { .. }));
            let anew = if picked.iter().any(waits) { Some(self.plan_anew().await) } else { None };
            let filled: Vec<Planned> = picked.into_iter().filter_map(|at| self.fill(at, anew.as_ref())).collect();
            // Where none of them may go on, those behind them have the room.
            if !filled.is_empty() {
                return filled;
            }
        }
    }

    /// Picks what comes after nothing that is not done, as much as there is room for, and marks its objects as busy.
    fn pick(&mut self, room: usize) -> Vec<usize> {
        let mut picked: Vec<usize> = Vec::new();
        for (at, change) in &self.waiting {
            // The rest is looked at when there is room again: a plan of thousands is not gone through for each change.
            if picked.len() == room {
                break;
            }
            let (key, part) = (&change.key, by_part(&change.key));
            if (part || !self.busy.contains(&key.id)) && change.after.iter().all(|k| self.done.contains(k)) {
                picked.push(*at);
                if !part {
                    self.busy.insert(key.id.clone());
                }
            }
        }
        picked
    }

    async fn plan_anew(&self) -> Plan {
        let memory = self.run.keeper.memory();
        plan::plan(&kinds::pure(), self.run.estate, &self.world, &memory, self.run.brakes)
    }

    /// Fills the placeholders of a change from the plan made anew; what does not refine the planned change is left.
    fn fill(&mut self, at: usize, anew: Option<&Plan>) -> Option<Planned> {
        let planned = self.waiting.remove(&at)?;
        let key = &planned.key;
        if matches!(planned.step, Step::Ready(_)) {
            return Some(planned);
        }
        let why = match anew.and_then(|plan| plan.change(key)) {
            None => "it is no longer needed".to_owned(),
            Some(now) => {
                match plan::proceeds(&planned, now, &self.run.keeper.memory(), self.world.as_of) {
                    // Approvals and failures are known by the digest of what was planned, and its reason stays; what was
                    // approved is told as going on, though the same would be held anew with its placeholders filled.
                    Ok(()) => {
                        let Planned { digest, after, cause, standing, .. } = planned;
                        return Some(Planned { digest, after, cause, standing, ..now.clone() });
                    }
                    Err(why) => format!("{why}; the next plan decides"),
                }
            }
        };
        self.busy.remove(&key.id);
        self.failed.insert(key.clone());
        self.end(Outcome { key: key.clone(), change: planned, attempt: Attempt::Left { why }, took_ms: 0 });
        None
    }

    async fn ended(&mut self, ended: Ended) {
        let key = ended.outcome.key.clone();
        self.busy.remove(&key.id);
        match ended.outcome.attempt {
            Attempt::Done => {
                self.learn(&ended);
                self.again(&key);
                self.done.insert(key);
            }
            Attempt::Failed { fault: Fault::Hindered { .. }, .. } => {
                self.hindered.push(ended.outcome);
                return;
            }
            _ => {
                self.failed.insert(key);
            }
        }
        self.end(ended.outcome);
        ended.back.into_iter().for_each(|back| self.end(back));
    }

    /// What was in the way of others may have been mended by this: they are tried again, after all that was planned.
    fn again(&mut self, done: &ChangeKey) {
        let (again, rest) = std::mem::take(&mut self.hindered)
            .into_iter()
            .partition(|other: &Outcome| other.key.id.kind == done.id.kind);
        self.hindered = rest;
        let again: Vec<Outcome> = again;
        for outcome in again {
            let last = self.waiting.last_key_value().map_or(0, |(at, _)| at.saturating_add(1));
            self.waiting.insert(last, outcome.change);
        }
    }

    /// Nothing more is done that could be of help to these.
    fn give_up(&mut self) {
        for outcome in std::mem::take(&mut self.hindered) {
            self.failed.insert(outcome.key.clone());
            self.end(outcome);
        }
    }

    /// Takes what became of the object into the world, so that those who waited see it.
    fn learn(&mut self, ended: &Ended) {
        let change = &ended.outcome.change;
        let Some(kind) = kinds::ALL.iter().find(|k| k.name() == change.key.id.kind) else { return };
        let scope: Scope = record::scope(*kind, self.run.estate.documents.get(&change.key.id), change);
        let made = ended.done.provider_id.as_ref().or(change.provider_id.as_ref());
        let gone = matches!(change.key.verb, Verb::Delete | Verb::Retire) && change.key.part.is_none();
        match (made, &ended.done.state) {
            (Some(id), Some(state)) => {
                let live = Live { provider_id: id.clone(), state: state.clone(), changing: false };
                self.world.learn(&scope, id, Some(live));
            }
            (Some(id), None) if gone => self.world.learn(&scope, id, None),
            _ => {}
        }
    }

    fn end(&mut self, outcome: Outcome) {
        (self.run.heard)(Progress::Ended(&outcome));
        self.outcomes.push(outcome);
    }

    /// Says of everything that was not begun why not.
    fn leave_rest(&mut self) {
        let mut failed = self.failed.clone();
        for change in std::mem::take(&mut self.waiting).into_values() {
            let before = change.after.iter().find(|k| failed.contains(*k));
            let why = match before {
                Some(key) => format!("it comes after {key}, which was not done"),
                None if self.run.stop.is_cancelled() => "the run was ended before it was begun".to_owned(),
                None => "what it comes after is not in this plan".to_owned(),
            };
            failed.insert(change.key.clone());
            self.end(Outcome { key: change.key.clone(), change, attempt: Attempt::Left { why }, took_ms: 0 });
        }
    }
}

fn by_part(key: &ChangeKey) -> bool {
    key.part.is_some() && kinds::ALL.iter().any(|k| k.name() == key.id.kind && k.by_part())
}

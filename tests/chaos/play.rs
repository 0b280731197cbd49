//! Plays one schedule in a whole house and insists on the promises. Clocks are set, never slept on.

use super::schedule::{Crash, Event, Round, Schedule, blend};
use super::watch::Watch;
use crate::house::{House, Setup, lines};
use crate::laws::estates::{Estate, SIZES, ZONE};
use crate::laws::{judge, worlds};
use driftless::model::{Patch, Plan};
use driftless::ports::clock::Clock;
use driftless::ports::digitalocean::Pace;
use driftless::sandbox;
use std::sync::Mutex;
use std::time::Duration;

/// A request takes so long in the simulator's time.
const TICK: Duration = Duration::from_millis(50);
/// As many cycles as an estate may need to come to rest, once nothing goes wrong any more.
const PATIENCE: usize = 40;
/// Seconds between these cycles: refusals are tried again after some minutes.
const PAUSE: u64 = 700;
/// Actions take requests here, not seconds.
const PACE: Pace = Pace {
    retry_first: Duration::from_millis(1),
    retry_most: Duration::from_millis(5),
    retries: 4,
    list_pause: Duration::from_millis(1),
    poll_first: Duration::from_millis(1),
    poll_most: Duration::from_millis(5),
};

/// What happened, in words; it outlives a panic.
#[derive(Default)]
pub struct Story(Mutex<Vec<String>>);

impl Story {
    pub fn tell(&self, what: impl Into<String>) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(what.into());
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// A house, what git says in it, and who watches.
struct Play<'a> {
    house: House,
    estate: Estate,
    valid: bool,
    watch: Watch,
    story: &'a Story,
    struck: usize,
    mutated: usize,
    commits: u32,
    reports: bool,
    /// Whether the last cycle ended by a crash, so that no report has told what it began.
    untold: bool,
    /// Whether a journal was lost that no ledger could bring back.
    forgot: bool,
}

/// Plays a schedule to its end; panics where a promise is broken.
pub async fn play(schedule: &Schedule, story: &Story) {
    let mut play = Play::begin(schedule, story).await;
    for (n, round) in schedule.rounds.iter().enumerate() {
        story.tell(format!("round {}", n + 1));
        play = play.round(round).await;
    }
    play.end().await;
}

impl<'a> Play<'a> {
    async fn begin(schedule: &Schedule, story: &'a Story) -> Self {
        story.tell(format!("git says {:?}", schedule.first));
        let files = files(&schedule.first, schedule.reports);
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let settings = sandbox::Config {
            action_time: TICK * u32::from(schedule.action),
            clock: sandbox::Clock::ticking(TICK),
            dns: None,
            ..crate::house::sandbox_settings()
        };
        let clock = Clock::at("2026-01-01T00:00:00Z".parse().expect("a time"));
        let house = House::set_up(&files, Setup { clock, sandbox: settings, pace: PACE, ..Setup::default() }).await;
        worlds::default_network(&house.running.url()).await;
        for stray in &schedule.strays {
            story.tell(format!("others have {stray:?}"));
            stray.plant(&house.running.url()).await;
        }
        if schedule.crowded {
            worlds::crowd(&house).await;
        }
        house.pass(60);
        let watch = Watch::begin(&house.hand());
        let mutated = house.hand().calls().mutations.len();
        let estate = schedule.first.clone();
        let reports = schedule.reports;
        let (untold, forgot) = (false, false);
        Self { house, estate, valid: true, watch, story, struck: 0, mutated, commits: 0, reports, untold, forgot }
    }

    async fn round(mut self, round: &Round) -> Self {
        self.happens(&round.event).await;
        for fault in &round.faults {
            self.story.tell(format!("fault: {fault}"));
            self.house.fault(&fault.to_string());
        }
        for n in 0..round.cycles {
            self = self.cycle(round.crash.filter(|_| n == 0)).await;
            self.house.pass(round.pass.into());
        }
        if round.jump != 0 {
            self.story.tell(format!("the controller's clock jumps by {} minutes", round.jump));
            self.house.setup.clock.advance(jiff::SignedDuration::from_mins(round.jump.into()));
        }
        if round.approves {
            self.approve().await;
        }
        if round.forgets {
            self.story.tell("the journal is deleted");
            self.forgot |= !self.reports || self.untold;
            self.house = self.house.restart_without_journal().await;
        }
        self.house.hand().clear_faults();
        self
    }

    async fn happens(&mut self, event: &Event) {
        match event {
            Event::Nothing => {}
            Event::Commit(other, parts) => {
                let next = blend(&self.estate, other, *parts);
                self.story.tell(format!("git says {next:?}"));
                self.commit(next).await;
            }
            Event::Invalid => {
                self.story.tell("git says nonsense");
                self.valid = false;
                self.house
                    .push(&[("broken.yaml", Some("apiVersion: driftless/v1\nkind: Vpc\nmetadata: {nam: x}\n"))])
                    .await;
            }
            Event::ByHand(edits) => {
                self.story.tell(format!("by hand: {edits:?}"));
                worlds::by_hand(&self.house, edits);
                self.watch.by_hand(&self.house.hand());
            }
        }
    }

    /// Commits an estate; what was broken is mended with it.
    async fn commit(&mut self, next: Estate) {
        self.commits += 1;
        let mut edits = next.edits(&self.estate);
        edits.retain(|(path, _)| path != "settings.yaml");
        edits.push(("note.txt".to_owned(), Some(format!("commit {}", self.commits))));
        if !self.valid {
            edits.push(("broken.yaml".to_owned(), None));
        }
        let edits: Vec<(&str, Option<&str>)> = edits.iter().map(|(p, t)| (p.as_str(), t.as_deref())).collect();
        self.house.push(&edits).await;
        (self.estate, self.valid) = (next, true);
    }

    /// One cycle, or as much of it as comes before a crash.
    async fn cycle(mut self, crash: Option<Crash>) -> Self {
        self.watch.before(&self.house.hand());
        let fault = crash.map(|crash| self.house.hand().inject(crash.line().parse().expect("a fault")));
        let crashed = {
            let ear = self.watch.ear();
            let hand = self.house.hand();
            let hit = async {
                match fault {
                    Some(fault) => hand.hit(fault).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = hit => true,
                _ = self.house.controller.cycle(&self.house.stop, &ear) => false,
            }
        };
        fault.into_iter().for_each(|fault| self.house.hand().lift(fault));
        self.tell_calls();
        if crashed {
            self.story.tell("the controller crashes and starts again");
            self.house = self.house.restart().await;
        } else {
            self.tell_outcomes();
        }
        self.untold = crashed;
        self.watch.after(&self.house.hand(), &self.estate);
        self
    }

    fn tell_calls(&mut self) {
        let calls = self.house.hand().calls();
        for what in calls.struck.iter().skip(self.struck) {
            self.story.tell(format!("  struck: {what}"));
        }
        for call in calls.mutations.iter().skip(self.mutated) {
            let lost = if call.lost { ", answer lost" } else { "" };
            self.story.tell(format!("  {} {} {} → {}{lost}", call.method, call.path, call.body, call.status));
        }
        (self.struck, self.mutated) = (calls.struck.len(), calls.mutations.len());
    }

    fn tell_outcomes(&self) {
        let snapshot = self.house.controller.snapshot.borrow().clone();
        for outcome in &snapshot.outcomes {
            self.story.tell(format!("  {}: {:?}", outcome.key, outcome.attempt));
        }
        for change in snapshot.after.iter().flat_map(|p| &p.changes) {
            self.story.tell(format!("  left: {} {:?}", change.key, change.standing));
        }
        for finding in snapshot.after.iter().flat_map(|p| &p.findings) {
            self.story.tell(format!("  finding: {:?} {}", finding.rule, finding.text));
        }
        for trouble in &snapshot.troubles {
            self.story.tell(format!("  trouble: {trouble:?}"));
        }
    }

    async fn approve(&mut self) {
        let snapshot = self.house.controller.snapshot.borrow().clone();
        snapshot.after.iter().for_each(|plan| self.watch.approve(plan));
        let many = self.house.approve_all().await;
        if many > 0 {
            self.story.tell(format!("somebody approves all {many}"));
        }
    }

    /// The faults end, time passes, approvals are given: git and reality agree.
    async fn end(mut self) {
        self.story.tell("the faults end");
        self.house.hand().clear_faults();
        if !self.valid {
            self.commit(self.estate.clone()).await;
        }
        let mut rests = false;
        for _ in 0..PATIENCE {
            self = self.cycle(None).await;
            if self.rests() {
                rests = true;
                break;
            }
            self.approve().await;
            self.retry().await;
            self.house.pass(PAUSE);
        }
        let plan = self.plan();
        assert!(
            rests,
            "NOT CONVERGED: {:#?}\nfindings {:#?}\nintents {:#?}",
            lines(&plan),
            plan.findings.iter().map(|f| &f.text).collect::<Vec<_>>(),
            self.house.controller.keeper.memory().intents
        );
        let sent = self.house.hand().calls().mutations.len();
        self = self.cycle(None).await;
        assert_eq!(self.house.hand().calls().mutations.len(), sent, "NOT CONVERGED: another look wrote something");
        assert!(self.plan().is_empty(), "NOT CONVERGED: another look finds {:#?}", lines(&self.plan()));
        judge::whole(&self.house.hand(), &self.plan(), &self.estate, false);
        self.agrees();
        self.watch.nothing_of_others_changed(&self.house.hand());
        assert!(!self.reports || self.house.reported("STATUS.md").contains("in sync"), "the report says otherwise");
    }

    /// What has failed too often is tried again at somebody's word.
    async fn retry(&self) {
        let memory = self.house.controller.keeper.memory();
        let given_up = memory.failures.iter().filter(|(_, failure)| failure.next.is_none());
        let patches: Vec<Patch> = given_up.map(|(key, _)| Patch::Heal(key.clone())).collect();
        self.house.controller.keeper.write(&patches).await.expect("the journal takes it");
    }

    fn plan(&self) -> std::sync::Arc<Plan> {
        self.house.controller.snapshot.borrow().after.clone().expect("a plan")
    }

    fn rests(&self) -> bool {
        let snapshot = self.house.controller.snapshot.borrow().clone();
        let quiet = snapshot.after.as_ref().is_some_and(|plan| plan.is_empty() && plan.unknown == 0);
        // What was being made when its document went is told, and stays until somebody does something about it.
        let told = |id| {
            snapshot
                .after
                .iter()
                .flat_map(|p| &p.findings)
                .any(|f| f.rule == "made-and-unwanted" && f.id.as_ref() == Some(id))
        };
        let memory = self.house.controller.keeper.memory();
        quiet && snapshot.outcomes.is_empty() && memory.intents.keys().all(|key| told(&key.id))
    }

    /// Reality, field by field, without asking the planner.
    fn agrees(&self) {
        self.house.hand().read(|w| {
            for (n, wanted) in self.estate.droplets.iter().enumerate() {
                let Some(wanted) = wanted else { continue };
                let live = w.droplets.values().find(|d| d.name == format!("d{n}")).expect("it is there");
                // Who loses the journal in the middle of a resize, before a report carried the open intent, has a
                // droplet that is off, and nothing says by whom.
                assert!(live.status == "active" || self.forgot, "NOT CONVERGED: droplet d{n} is {}", live.status);
                // A disk does not shrink: that is a finding.
                let told = self
                    .plan()
                    .findings
                    .iter()
                    .any(|f| f.id.as_ref().is_some_and(|id| id.name == self.estate.document_of(n)));
                assert!(live.size == SIZES[wanted.size] || told, "NOT CONVERGED: droplet d{n} is {}", live.size);
            }
            let zone = w.domains.get(ZONE);
            for (n, name) in ["h0", "h1", "h2", "www", "txt"].iter().enumerate() {
                let wanted = self.estate.records.and_then(|records| records[n]);
                let found = zone.is_some_and(|z| z.records.values().any(|r| r.name == *name));
                assert!(wanted.is_none() || found, "the record {name} is missing");
            }
        });
    }
}

/// An estate's files. Reports that are not to be written go to the watched branch, which is never written to.
fn files(estate: &Estate, reports: bool) -> Vec<(String, String)> {
    let mut files = estate.files();
    let settings = files.iter_mut().find(|(path, _)| path == "settings.yaml");
    if let (false, Some((_, text))) = (reports, settings) {
        text.push_str("  reports: {branch: main}\n");
    }
    files
}

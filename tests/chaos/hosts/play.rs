//! Plays one schedule of hosts in a whole house and insists on the promises.

use super::super::play::Story;
use super::judge::{Judge, say};
use super::schedule::{Estate, Event, Round, Schedule, blend};
use crate::house::{House, lines};
use crate::simulated::house_at;
use driftless::engine::execute::Progress;
use driftless::model::{Patch, Plan};
use driftless::ports::clock::Clock;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// As many cycles as it may take to come to rest, once nothing goes wrong any more.
const PATIENCE: usize = 14;
/// Seconds between these cycles: refusals are tried again after some minutes.
const PAUSE: u64 = 4_000;
/// Healing stops after three times an hour, and issuers count: so often somebody stops the same container.
const STOPS: usize = 2;

struct Play<'a> {
    house: House,
    estate: Estate,
    judge: Judge,
    story: &'a Story,
    stops: BTreeMap<usize, usize>,
    /// Whether the last cycle ended by a crash, so that no report has told what it began.
    untold: bool,
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

fn machine(n: usize) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {{name: h{n}}}\nspec: {{region: sgp1, size: s-2vcpu-4gb, image: ubuntu-22-04-x64, sshKeys: [ops]}}\n---\napiVersion: driftless/v1\nkind: Host\nmetadata: {{name: h{n}}}\nspec: {{droplet: h{n}, identity: {{secret: ssh.ops}}, install: [docker, compose, nginx, certbot]}}\n---\napiVersion: driftless/v1\nkind: ComposeStack\nmetadata: {{name: calm{n}}}\nspec: {{host: h{n}, path: stacks/calm{n}, ready: {{within: 3s}}}}\n"
    )
}

impl<'a> Play<'a> {
    async fn begin(schedule: &Schedule, story: &'a Story) -> Self {
        story.tell(format!("git says {:?}", schedule.first));
        let mut files = schedule.first.files();
        for n in 0..2 {
            files.push((format!("h{n}.yaml"), machine(n)));
            // What nobody touches and nothing strikes has no reason to be started anew.
            let calm = format!("services:\n  still:\n    image: still:1\n    ports: ['127.0.0.1:{}:80']\n", 7_000 + n);
            files.push((format!("stacks/calm{n}/compose.yaml"), calm));
        }
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let house = house_at(&files, Clock::at(Clock::System.now())).await;
        house.settles().await;
        let judge = Judge::begin(&house).await;
        Self { house, estate: schedule.first.clone(), judge, story, stops: BTreeMap::new(), untold: false }
    }

    async fn round(mut self, round: &Round) -> Self {
        self.happens(&round.event).await;
        for fault in &round.faults {
            self.story.tell(format!("fault: {fault}"));
            self.house.hand().inject_host(fault.parse().expect("a fault"));
        }
        for n in 0..round.cycles {
            self = self.cycle(round.crash.filter(|_| n == 0)).await;
            self.house.pass(round.pass.into());
        }
        if round.approves {
            self.approve().await;
        }
        // What no report has told, no ledger brings back.
        if round.forgets && !self.untold {
            self.story.tell("the journal is deleted");
            self.house = self.house.restart_without_journal().await;
        }
        self.house.hand().clear_faults();
        self
    }

    async fn happens(&mut self, event: &Event) {
        match event {
            Event::Nothing => {}
            Event::Commit(other, parts) => self.commit(blend(&self.estate, other, *parts)).await,
            Event::ByHand(n, what) => {
                let Some(stack) = &self.estate.stacks[*n] else { return };
                let stops = self.stops.entry(*n).or_default();
                *stops += 1;
                if *stops <= STOPS {
                    let script = what.replace('N', &n.to_string());
                    self.story.tell(format!("by hand on h{}: {script}", stack.host));
                    say(&self.house, stack.host, &script).await;
                }
            }
        }
    }

    async fn commit(&mut self, next: Estate) {
        self.story.tell(format!("git says {next:?}"));
        let (before, after) = (self.estate.files(), next.files());
        let there: BTreeSet<&String> = after.iter().map(|(path, _)| path).collect();
        let gone = before.iter().filter(|(path, _)| !there.contains(path)).map(|(path, _)| (path.as_str(), None));
        let edits: Vec<_> = after.iter().map(|(path, text)| (path.as_str(), Some(text.as_str()))).chain(gone).collect();
        self.house.push(&edits).await;
        self.estate = next;
    }

    /// One cycle, or as much of it as comes before a crash.
    async fn cycle(mut self, crash: Option<(u8, u8)>) -> Self {
        let (left, now) = (AtomicU8::new(crash.map_or(u8::MAX, |(begun, _)| begun)), Arc::new(Notify::new()));
        let heard = |progress: Progress<'_>| {
            if let Progress::Began(_) = progress
                && left.fetch_sub(1, Ordering::SeqCst) == 1
            {
                now.notify_one();
            }
        };
        let dies = async {
            match crash {
                Some((_, later)) => {
                    now.notified().await;
                    tokio::time::sleep(Duration::from_millis(later.into())).await;
                }
                None => std::future::pending().await,
            }
        };
        let crashed = tokio::select! {
            biased;
            () = dies => true,
            _ = self.house.controller.cycle(&self.house.stop, &heard) => false,
        };
        if crashed {
            self.story.tell("  the controller crashes and starts again");
            self.house = self.house.restart().await;
        } else {
            self.tell();
        }
        self.untold = crashed;
        self.judge.after(&self.house).await;
        self
    }

    fn tell(&self) {
        let snapshot = self.house.controller.snapshot.borrow().clone();
        for outcome in &snapshot.outcomes {
            self.story.tell(format!("  {}: {:?}", outcome.key, outcome.attempt));
        }
        for change in snapshot.after.iter().flat_map(|p| &p.changes) {
            self.story.tell(format!("  left: {} {:?} {:?}", change.key, change.standing, change.fields));
        }
        for finding in snapshot.after.iter().flat_map(|p| &p.findings) {
            self.story.tell(format!("  finding: {:?} {:?} {}", finding.id, finding.rule, finding.text));
        }
        for trouble in &snapshot.troubles {
            self.story.tell(format!("  trouble: {trouble:?}"));
        }
    }

    async fn approve(&self) {
        let many = self.house.approve_all().await;
        if many > 0 {
            self.story.tell(format!("somebody approves all {many}"));
        }
    }

    /// The faults end, time passes, approvals are given: git and reality agree.
    async fn end(mut self) {
        self.story.tell("the faults end");
        self.house.hand().clear_faults();
        let sound = self.estate.clone().sound();
        if sound != self.estate {
            self.commit(sound).await;
        }
        let mut rests = false;
        for _ in 0..PATIENCE {
            for host in ["h0", "h1"] {
                self.house.controller.ports.hosts.host(host).into_iter().for_each(|host| host.wake());
            }
            self = self.cycle(None).await;
            rests = self.rests();
            if rests {
                break;
            }
            self.approve().await;
            self.retry().await;
            self.house.pass(PAUSE);
        }
        let plan = self.plan();
        let findings: Vec<&String> = plan.findings.iter().map(|f| &f.text).collect();
        assert!(rests, "NOT CONVERGED: {:#?}\nfindings {findings:#?}", lines(&plan));
        self.judge.agrees(&self.house, &self.estate).await;
    }

    /// What is no good is tried again at somebody's word.
    async fn retry(&self) {
        let memory = self.house.controller.keeper.memory();
        let given_up = memory.failures.iter().filter(|(_, failure)| failure.next.is_none());
        let patches: Vec<Patch> = given_up.map(|(key, _)| Patch::Heal(key.clone())).collect();
        self.house.controller.keeper.write(&patches).await.expect("the journal takes it");
    }

    fn plan(&self) -> Arc<Plan> {
        self.house.controller.snapshot.borrow().after.clone().expect("a plan")
    }

    fn rests(&self) -> bool {
        let snapshot = self.house.controller.snapshot.borrow().clone();
        let quiet = snapshot.after.as_ref().is_some_and(|plan| plan.is_empty() && plan.unknown == 0);
        quiet && snapshot.outcomes.is_empty()
    }
}

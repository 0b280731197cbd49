//! Plays a scenario: does what each step says, lets the controller work until it rests, and compares.

use super::names::Names;
use super::script::{Scenario, Step};
use super::shown;
use super::update::{self, Expected};
use crate::house::{ENFORCE, House, Setup, TOKEN, sandbox_settings};
use driftless::engine::snapshot::Snapshot;
use driftless::model::{Approval, Attempt, Outcome, Patch, Pause, Plan};
use driftless::ports::clock::Clock;
use driftless::sandbox::{self, Fault, HostsConfig, Token};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The token of whoever edits by hand.
const HAND: &str = "hand";
/// Looks until the controller rests; more are a loop.
const LOOKS: usize = 12;

/// What becomes of the journal between steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    /// It stays.
    Kept,
    /// It is deleted before each step but the first; not where the controller has just died before it could report.
    Lost,
}

/// Plays every step, or says at which one it went otherwise.
pub async fn play(scenario: &Scenario, journal: Journal) -> Result<(), String> {
    play_on(scenario, journal, HostsConfig::default(), |_| {}).await
}

/// The same with these machines behind droplets, where the scenario has any; `begun` sees the house before the first step.
pub async fn play_on(
    scenario: &Scenario,
    journal: Journal,
    hosts: HostsConfig,
    begun: impl FnOnce(&House),
) -> Result<(), String> {
    let real = hosts.containers.is_some();
    let clock = Clock::at("2026-01-01T00:00:00Z".parse::<Timestamp>().expect("a time"));
    let teams = scenario.steps.iter().filter_map(|step| step.team.as_deref()).filter(|team| *team != "ours");
    let tokens = [Token::full(TOKEN), Token::full(HAND)].into_iter().chain(teams.map(|t| Token::full(t).of_team(t)));
    let hosts = scenario.hosts.then_some(hosts);
    let settings = sandbox::Config { tokens: tokens.collect(), hosts, ..sandbox_settings() };
    let runs_on = scenario.runs_on.as_ref().map(|id| id.parse().expect("an id"));
    let setup = Setup { sandbox: settings, clock: clock.clone(), runs_on, ..Setup::default() };
    let house = House::set_up(&[("settings.yaml", ENFORCE)], setup).await;
    begun(&house);
    let files = BTreeMap::from([("settings.yaml".to_owned(), ENFORCE.to_owned())]);
    let mut names = Names::default();
    if scenario.hosts {
        let public = secrets(&house);
        names.knows("<fingerprint of the key>", &sandbox::fingerprint(&public).expect("a key"));
        names.knows("{public key}", &public);
    }
    let mut stage = Stage { house: Some(house), clock, files, names, held: None, token: TOKEN.to_owned() };
    let mut wrong = Vec::new();
    for (at, step) in scenario.steps.iter().enumerate() {
        let died = at.checked_sub(1).is_some_and(|before| scenario.steps[before].crash.is_some());
        if journal == Journal::Lost && at > 0 && !died && scenario.survives {
            stage.lose_journal().await;
        }
        stage.happens(step).await;
        let came = stage.rests(step).await?;
        for (host, scripts) in &step.seen {
            // What a name leads to, and whose certificates are believed, is the simulated machine's own.
            for (script, text) in scripts.iter().filter(|(script, _)| !real || !script.contains("https://")) {
                let said = stage.on_host(host, script).await;
                if said.trim() != text.trim() {
                    wrong.push(format!("step {:?}: on {host}, {script:?} says {said:?}, and not {text:?}", step.step));
                }
            }
        }
        for (key, text, came) in came {
            let expected = Expected { step: at, title: &step.step, key, text: &text };
            let Some(differs) = expected.differs(&came) else { continue };
            if update::wanted() {
                let file = std::fs::read_to_string(&scenario.path).expect("the file");
                std::fs::write(&scenario.path, expected.rewrite(&file, &came)).expect("it can be written");
            }
            wrong.push(differs);
        }
        if !wrong.is_empty() && !update::wanted() {
            break;
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// The secrets that documents of hosts may name: `ssh.ops`, and `any.secret`; gives the public key of the first.
fn secrets(house: &House) -> String {
    let folder = house.folder.path().join("secrets");
    std::fs::create_dir_all(&folder).expect("a folder");
    let (private, public) = sandbox::key_pair();
    std::fs::write(folder.join("ssh.ops"), private).expect("written");
    std::fs::write(folder.join("any.secret"), "a secret").expect("written");
    public
}

struct Stage {
    house: Option<House>,
    clock: Clock,
    files: BTreeMap<String, String>,
    names: Names,
    /// What the last plan held before the journal was lost, for those who approve it by what they read.
    held: Option<Arc<Plan>>,
    token: String,
}

impl Stage {
    fn house(&self) -> &House {
        self.house.as_ref().expect("there is always one")
    }

    fn taken(&mut self) -> House {
        self.house.take().expect("there is always one")
    }

    /// The journal is gone, and the controller starts anew: it has read the ledger before anybody decides anything.
    async fn lose_journal(&mut self) {
        let held = self.house().controller.snapshot.borrow().after.clone();
        self.held = held;
        self.house = Some(self.taken().restart_without_journal_with(&self.token.clone()).await);
        let controller = &self.house().controller;
        let head = controller.mirror.fetch().await.expect("the repository answers");
        let mut desired = controller.desired.lock().await;
        desired.take(&controller.mirror, &head.commit, "").await.expect("the commit can be read");
        if let Some(estate) = &desired.estate {
            let (ledger, reporter) = (&controller.ledger, &controller.reporter);
            let said = ledger.recall(reporter, &controller.mirror, estate, &controller.keeper).await;
            assert_eq!(said.expect("the journal can be written"), None);
        }
    }

    /// Everything that a step says to happen, but for faults.
    async fn happens(&mut self, step: &Step) {
        if let Some(wait) = &step.wait {
            let wait: SignedDuration = wait.parse().unwrap_or_else(|e| panic!("{wait:?}: {e}"));
            self.clock.advance(wait);
            self.house().hand().advance(Duration::try_from(wait).expect("time goes forward"));
        }
        match &step.team {
            Some(team) => {
                self.token = if team == "ours" { TOKEN.to_owned() } else { team.clone() };
                self.house = Some(self.taken().restart_with(&self.token.clone()).await);
            }
            None if step.memory.is_some() => self.house = Some(self.taken().restart_without_journal().await),
            None if step.restart => self.house = Some(self.taken().restart().await),
            None => {}
        }
        for request in step.by_hand.iter().flatten() {
            self.by_hand(request.0, request.1).await;
        }
        for (host, script) in step.on_host.iter().flatten() {
            self.on_host(host, script).await;
        }
        self.commit(step).await;
        self.decide(step).await;
    }

    /// What a script says on a host; the test fails where it ends ill.
    async fn on_host(&self, host: &str, script: &str) -> String {
        let said = self.house().hand().on_host(host, script).await.unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(said.code, 0, "on {host}, {script}: {}", said.errors());
        said.text()
    }

    /// One request of somebody in the control panel; the test fails where it is refused.
    async fn by_hand(&mut self, request: &str, body: &Value) {
        self.names.learn(&self.house().hand());
        let request = self.names.fill(request);
        let (method, path) = request.split_once(' ').unwrap_or_else(|| panic!("{request:?} is no METHOD /path"));
        let method = method.parse().unwrap_or_else(|_| panic!("{method:?} is no method"));
        let mut call =
            reqwest::Client::new().request(method, format!("{}{path}", self.house().running.url())).bearer_auth(HAND);
        if !body.is_null() {
            call = call.json(&self.filled(body));
        }
        let answer = call.send().await.expect("the simulator answers");
        let status = answer.status();
        assert!(
            status.is_success(),
            "by hand: {request} {body}: {status}: {}",
            answer.text().await.unwrap_or_default()
        );
        // What it began is over.
        self.house().hand().advance(Duration::from_secs(10));
        self.names.learn(&self.house().hand());
    }

    fn filled(&self, body: &Value) -> Value {
        match body {
            Value::String(text) => {
                let filled = self.names.fill(text);
                match filled.parse::<u64>() {
                    Ok(number) if filled != *text => Value::from(number),
                    _ => Value::from(filled),
                }
            }
            Value::Array(all) => all.iter().map(|v| self.filled(v)).collect(),
            Value::Object(all) => all.iter().map(|(k, v)| (k.clone(), self.filled(v))).collect(),
            other => other.clone(),
        }
    }

    async fn commit(&mut self, step: &Step) {
        let mut changed = BTreeMap::new();
        for (path, text) in &step.commit {
            changed.insert(path.clone(), text.as_ref().map(|text| whole(&self.names.fill(text))));
        }
        for (path, edits) in &step.edit {
            let mut text = self.files.get(path).unwrap_or_else(|| panic!("there is no file {path}")).clone();
            for (from, to) in edits {
                assert_eq!(text.matches(from.as_str()).count(), 1, "{from:?} stands once in {path}:\n{text}");
                text = text.replace(from.as_str(), &self.names.fill(to));
            }
            changed.insert(path.clone(), Some(text));
        }
        if changed.is_empty() {
            return;
        }
        let edits: Vec<(&str, Option<&str>)> = changed.iter().map(|(p, t)| (p.as_str(), t.as_deref())).collect();
        self.house().push(&edits).await;
        for (path, text) in changed {
            match text {
                Some(text) => self.files.insert(path, text),
                None => self.files.remove(&path),
            };
        }
    }

    /// What people decide: approvals of what the last plan holds, pauses and their ends.
    async fn decide(&self, step: &Step) {
        let last = self.house().controller.snapshot.borrow().after.clone().or_else(|| self.held.clone());
        let mut patches = Vec::new();
        for wanted in &step.approve {
            let held = last.iter().flat_map(|plan| plan.held());
            let named = held.filter(|c| c.key.to_string() == *wanted || c.key.id.to_string() == *wanted);
            let digests: Vec<_> = named.filter_map(|c| c.hold()).map(|hold| hold.digest.clone()).collect();
            assert!(!digests.is_empty(), "{wanted} is not held");
            let approval = Approval { by: "ana".to_owned(), at: self.clock.now() };
            patches.extend(digests.into_iter().map(|digest| Patch::Approve(digest, approval.clone())));
        }
        for id in &step.pause {
            let pause = Pause { reason: "by hand".to_owned(), until: None };
            patches.push(Patch::Pause(id.parse().expect("an id"), pause));
        }
        patches.extend(step.resume.iter().map(|id| Patch::Resume(id.parse().expect("an id"))));
        self.house().controller.keeper.write(&patches).await.expect("the journal can be written");
        self.house().controller.pass_windows.store(step.now, std::sync::atomic::Ordering::SeqCst);
    }

    /// Lets the controller look and work until nothing goes on any more; gives each expectation with what came.
    async fn rests(&mut self, step: &Step) -> Result<Vec<(&'static str, String, String)>, String> {
        let hand = self.house().hand();
        hand.forget_calls();
        for fault in &step.faults {
            match fault.starts_with("host ") {
                true => hand.inject_host(fault.parse().unwrap_or_else(|error| panic!("{error}"))),
                false => hand.inject(fault.parse().unwrap_or_else(|error| panic!("{error}"))),
            };
        }
        if let Some(request) = &step.crash {
            self.crash(request).await;
            hand.clear_faults();
            hand.advance(Duration::from_secs(10));
            self.names.learn(&hand);
            return Ok(self.shown(step.world.iter().map(|text| ("world", text.clone(), hand.read(shown::world)))));
        }
        let first = self.house().cycle().await;
        self.names.learn(&hand);
        let mut outcomes: Vec<Outcome> = first.outcomes.clone();
        let mut last = first.clone();
        let mut rested = outcomes.is_empty();
        for _ in 0..LOOKS {
            if rested {
                break;
            }
            hand.advance(Duration::from_secs(1));
            let before = hand.calls().mutations.len();
            last = self.house().cycle().await;
            rested = last.outcomes.is_empty();
            outcomes.extend(last.outcomes.iter().cloned());
            if rested && hand.calls().mutations.len() > before {
                return Err(format!("step {:?}: nothing was to be done, and yet something was sent", step.step));
            }
        }
        self.names.learn(&hand);
        if !rested {
            let plan = self.names.show(&shown::plan(&last));
            return Err(format!(
                "step {:?}: the controller does not come to rest after {LOOKS} looks:\n{plan}",
                step.step
            ));
        }
        if let Some(key) = overreached(&first, &outcomes) {
            return Err(format!("step {:?}: {key} was done, and the first plan did not let it", step.step));
        }
        hand.clear_faults();
        let empty = Arc::new(Plan::clone(last.plan.as_ref().ok_or_else(|| format!("step {:?}: no plan", step.step))?));
        let full = first.plan.clone().unwrap_or(empty);
        let mut all = vec![
            ("plan", step.plan.clone(), shown::plan(&first)),
            ("then", step.then.clone(), shown::left(&outcomes, &last, &full)),
        ];
        if let Some(sent) = &step.sent {
            all.push(("sent", sent.clone(), shown::sent(&hand.calls().mutations)));
        }
        if let Some(world) = &step.world {
            all.push(("world", world.clone(), hand.read(shown::world)));
        }
        Ok(self.shown(all))
    }

    /// Expectations with what came in the words of the file.
    fn shown(
        &self,
        all: impl IntoIterator<Item = (&'static str, String, String)>,
    ) -> Vec<(&'static str, String, String)> {
        all.into_iter().map(|(key, text, came)| (key, text, self.names.show(&came))).collect()
    }

    /// Kills the controller while a request is on its way; it starts anew over the same journal.
    async fn crash(&mut self, request: &str) {
        let hand = self.house().hand();
        let fault: Fault = format!("{request} latency=60s count=1").parse().unwrap_or_else(|error| panic!("{error}"));
        let fault = hand.inject(fault);
        tokio::select! {
            snapshot = self.house().cycle() => panic!("{request} was never sent: {}", shown::plan(&snapshot)),
            () = until(|| hand.fired(fault) > 0) => {}
        }
        self.house = Some(self.taken().restart().await);
    }
}

async fn until(condition: impl Fn() -> bool) {
    let mut tick = tokio::time::interval(Duration::from_millis(2));
    while !condition() {
        tick.tick().await;
    }
}

/// A change that was done though the plan held, only reported or blocked it.
fn overreached(first: &Snapshot, outcomes: &[Outcome]) -> Option<String> {
    let plan = first.plan.as_ref()?;
    let done = outcomes.iter().filter(|o| o.attempt == Attempt::Done);
    let barred = |key| plan.change(key).is_some_and(|c| c.hold().is_some());
    done.map(|o| &o.key).find(|key| barred(key)).map(ToString::to_string)
}

/// Documents with the line that all of them begin with.
fn whole(text: &str) -> String {
    text.lines()
        .map(|line| match line.strip_prefix("kind: ") {
            Some(_) => format!("apiVersion: driftless/v1\n{line}\n"),
            None => format!("{line}\n"),
        })
        .collect()
}

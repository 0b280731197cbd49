//! Watches a house through its cycles: what others own, what is held, in which order things are done, what is there.

use super::estates::{Estate, ZONE};
use super::worlds::{Now, Stray};
use crate::house::{House, Setup, failed, lines};
use driftless::engine::snapshot::Snapshot;
use driftless::model::finding::Weight;
use driftless::model::{Attempt, ChangeKey, Plan, Standing, Verb};
use driftless::sandbox::{Handle, Mutation};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The ids that `worlds` gives to twins made by hand begin here.
const BY_HAND: u64 = 4_000_000;

/// An object by kind and id.
pub type Name = (String, String);

pub struct Judge {
    pub house: House,
    /// What others made, as bytes without our marker.
    strays: BTreeMap<Name, String>,
    /// What was ever ours.
    ours: BTreeSet<Name>,
}

impl Judge {
    pub async fn begin(files: &[(String, String)], setup: Setup, strays: &[Stray]) -> Self {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let house = House::set_up(&files, setup).await;
        super::worlds::default_network(&house.running.url()).await;
        for stray in strays {
            stray.plant(&house.running.url()).await;
        }
        house.hand().advance(std::time::Duration::from_secs(60));
        house.hand().forget_calls();
        let mut judge = Self { house, strays: BTreeMap::new(), ours: BTreeSet::new() };
        judge.strays = judge.objects();
        judge
    }

    pub async fn restart(self) -> Self {
        Self { house: self.house.restart().await, ..self }
    }

    pub async fn push(&self, edits: &[(String, Option<String>)]) {
        let edits: Vec<(&str, Option<&str>)> = edits.iter().map(|(p, t)| (p.as_str(), t.as_deref())).collect();
        self.house.push(&edits).await;
    }

    pub fn plan(&self) -> Arc<Plan> {
        self.house.controller.snapshot.borrow().after.clone().expect("a plan")
    }

    fn objects(&self) -> BTreeMap<Name, String> {
        objects(&self.house.hand())
    }

    fn note_ours(&mut self) {
        for (id, owned) in &self.house.controller.keeper.memory().owned {
            if id.kind == "Domain" {
                for part in owned.parts.keys() {
                    self.ours.insert(("Record".to_owned(), format!("{} {part}", owned.provider_id)));
                }
            }
            self.ours.insert((id.kind.clone(), owned.provider_id.to_string()));
        }
    }

    /// What is there now and not ours is a stray from now on.
    pub fn look_at_strays(&mut self) {
        self.note_ours();
        self.strays = self.objects();
        self.strays.retain(|name, _| !self.ours.contains(name));
    }

    /// One cycle, with what has to be true of every one.
    pub async fn cycle(&mut self) -> Arc<Snapshot> {
        let before = self.house.hand().read(|w| w.clone());
        let calls = self.house.hand().calls().mutations.len();
        self.note_ours();
        let snapshot = self.house.cycle().await;
        self.note_ours();
        assert!(snapshot.diagnostics.is_empty(), "{:#?}", snapshot.diagnostics);
        assert!(snapshot.troubles.is_empty(), "{:#?}", snapshot.troubles);
        let now = self.objects();
        for (name, bytes) in self.strays.iter().filter(|(name, _)| !self.ours.contains(*name)) {
            assert_eq!(now.get(name), Some(bytes), "{name:?} is not ours");
        }
        if let Some(plan) = &snapshot.plan {
            nothing_held_was_done(plan, &snapshot);
        }
        let calls = self.house.hand().calls().mutations.split_off(calls);
        deletes_in_reverse(&before, &calls);
        snapshot
    }

    /// Runs cycles until there is nothing more to do; at most so many.
    pub async fn settle(&mut self, most: usize) {
        for _ in 0..most {
            let snapshot = self.cycle().await;
            let plan = snapshot.after.clone().expect("a plan");
            // What another estate's marker stands on stays unknown for good.
            let problem = plan.findings.iter().any(|f| f.weight == Weight::Problem);
            let intents = !self.house.controller.keeper.memory().intents.is_empty();
            let unsure = intents || (plan.unknown > 0 && !problem);
            if snapshot.outcomes.is_empty() && !unsure && rests(&plan) {
                return;
            }
            self.house.pass(400);
        }
        let snapshot = self.house.controller.snapshot.borrow().clone();
        panic!(
            "it does not come to rest: {:#?}\n{:#?}\nfindings {:#?}\nintents {:#?}\nfailures {:#?}",
            lines(&self.plan()),
            failed(&snapshot.outcomes).iter().map(|o| (o.key.to_string(), &o.attempt)).collect::<Vec<_>>(),
            self.plan().findings.iter().map(|f| (f.id.as_ref().map(ToString::to_string), &f.text)).collect::<Vec<_>>(),
            self.house.controller.keeper.memory().intents,
            self.house.controller.keeper.memory().failures,
        );
    }

    /// While nobody has approved anything, what others made is as it was, taken over or not.
    pub fn nothing_of_others_changed(&self) {
        let now = self.objects();
        for (name, bytes) in &self.strays {
            assert_eq!(now.get(name), Some(bytes), "{name:?} was made by others");
        }
    }

    /// DigitalOcean refuses what refers to what is not there: a refusal is a mistake in the order.
    pub fn orderly(&self) {
        let calls = self.house.hand().calls().mutations;
        let refused: Vec<&Mutation> = calls.iter().filter(|c| c.status >= 400 && !lags(c)).collect();
        assert!(refused.is_empty(), "{refused:#?}");
        self.house.hand().read(|w| {
            for (id, droplet) in &w.droplets {
                let made = |c: &Mutation| c.path == "/v2/droplets" && c.body["name"] == droplet.name.as_str();
                let Some(made) = calls.iter().position(made) else { continue };
                let address = droplet.public_v4.map(|a| a.to_string()).unwrap_or_default();
                let names = |c: &Mutation| {
                    let covers = c.body["droplet_ids"].as_array().is_some_and(|ids| ids.iter().any(|i| i == id));
                    covers || (!address.is_empty() && c.body["data"] == address.as_str())
                };
                let named = calls.iter().position(names);
                assert!(named.is_none_or(|at| at > made), "{named:?} names a droplet made at {made}");
            }
        });
    }

    /// Nothing whose scope could not be read was deleted.
    pub fn nothing_unseen_was_deleted(&self, faults: &[Now]) {
        let snapshot = self.house.controller.snapshot.borrow().clone();
        let plan = snapshot.plan.clone().expect("a plan");
        let unseen: BTreeSet<_> =
            plan.findings.iter().filter(|f| f.rule == "not-seen").filter_map(|f| f.id.clone()).collect();
        let blind = plan.findings.iter().any(|f| f.rule == "account-unknown");
        for outcome in &snapshot.outcomes {
            let removes = matches!(outcome.key.verb, Verb::Delete | Verb::Retire | Verb::Replace | Verb::Stop);
            assert!(!(removes && (blind || unseen.contains(&outcome.key.id))), "{faults:?}: {:#?}", outcome.key);
        }
        if blind {
            assert!(snapshot.outcomes.is_empty());
        }
    }

    /// See [`whole`].
    pub fn whole(&self, estate: &Estate, alone: bool) {
        whole(&self.house.hand(), &self.plan(), estate, alone);
    }
}

/// A network that has just lost its last member, and what is made or removed a moment before it shows.
fn lags(call: &Mutation) -> bool {
    call.method == "DELETE" && call.path.starts_with("/v2/vpcs/")
}

/// Says whether everything that is left waits for somebody's word, or comes after what does.
fn rests(plan: &Plan) -> bool {
    let waits = |c: &driftless::model::Planned| matches!(c.standing, Standing::Held(_) | Standing::Blocked(_));
    plan.changes.is_empty() || (plan.held().next().is_some() && plan.changes.iter().all(waits))
}

fn nothing_held_was_done(plan: &Plan, snapshot: &Snapshot) {
    let may: BTreeSet<&ChangeKey> = plan.going().map(|c| &c.key).collect();
    for outcome in snapshot.outcomes.iter().filter(|o| !matches!(o.attempt, Attempt::Left { .. })) {
        assert!(may.contains(&outcome.key), "{} was not to be done: {:#?}", outcome.key, lines(plan));
    }
}

/// Records and firewalls that name a droplet go, or let go of it, before the droplet goes.
fn deletes_in_reverse(before: &driftless::sandbox::World, calls: &[Mutation]) {
    let gone = |path: String| calls.iter().position(|c| c.method == "DELETE" && c.status < 300 && c.path == path);
    for (id, droplet) in &before.droplets {
        let Some(at) = gone(format!("/v2/droplets/{id}")) else { continue };
        for firewall in before.firewalls.iter().filter(|f| f.droplet_ids.contains(id)) {
            let later = gone(format!("/v2/firewalls/{}", firewall.id)).is_some_and(|when| when > at);
            assert!(!later, "firewall {} went after its droplet {id}", firewall.name);
        }
        let address = droplet.public_v4.map(|a| a.to_string());
        for (zone, records) in &before.domains {
            for record in records.records.values().filter(|r| Some(&r.data) == address.as_ref()) {
                let later = gone(format!("/v2/domains/{zone}/records/{}", record.id)).is_some_and(|when| when > at);
                assert!(!later, "record {} went after its droplet {id}", record.name);
            }
        }
    }
}

/// Every object of the account; record sets one by one; our own markers left out.
pub fn objects(hand: &Handle) -> BTreeMap<Name, String> {
    hand.read(|w| {
        let mut all = BTreeMap::new();
        for droplet in w.droplets.values() {
            let mut droplet = droplet.clone();
            droplet.tags.retain(|tag| !tag.starts_with("driftless:9f2c6a1e"));
            droplet.event = None;
            all.insert(("Droplet".to_owned(), droplet.id.to_string()), format!("{droplet:?}"));
        }
        for firewall in &w.firewalls {
            let bytes = format!("{firewall:?}");
            all.insert(("Firewall".to_owned(), firewall.id.clone()), bytes);
        }
        for vpc in w.vpcs.iter().filter(|v| !v.default) {
            all.insert(("Vpc".to_owned(), vpc.id.clone()), format!("{vpc:?}"));
        }
        for key in w.keys.values() {
            all.insert(("SshKey".to_owned(), key.id.to_string()), format!("{key:?}"));
        }
        for (name, zone) in &w.domains {
            for record in zone.records.values() {
                let id = format!("{name} {} {}", record.name, record.kind);
                all.entry(("Record".to_owned(), id)).or_insert_with(String::new).push_str(&format!("{record:?}"));
            }
        }
        all
    })
}

/// Exactly one object for each document, and (where nothing was kept from before) no other.
pub fn whole(hand: &Handle, plan: &Plan, estate: &Estate, alone: bool) {
    let held: BTreeSet<_> = plan.changes.iter().map(|c| c.key.id.to_string()).collect();
    hand.read(|w| {
        for (n, wanted) in estate.droplets.iter().enumerate() {
            let name = format!("d{n}");
            let found = w.droplets.values().filter(|d| d.name == name).count();
            assert!(found <= 1, "DUPLICATE: {found} droplets are named {name}: {:#?}", w.droplets);
            if wanted.is_some() && !held.contains(&format!("Droplet/{}", estate.document_of(n))) {
                assert_eq!(found, 1, "LOST: no droplet is named {name}: {:#?}", w.droplets);
            }
            assert!(!alone || wanted.is_some() || found == 0);
        }
        for (n, wanted) in estate.firewalls.iter().enumerate() {
            let found = w.firewalls.iter().filter(|f| f.name == format!("fw{n}")).count();
            let ready = wanted.is_some() && !held.contains(&format!("Firewall/fw{n}"));
            assert!(found <= 1 && (!ready || found == 1), "fw{n}: {:#?}", w.firewalls);
        }
        for (n, wanted) in estate.vpcs.iter().enumerate() {
            let found = w.vpcs.iter().filter(|v| v.name == format!("net{n}")).count();
            assert!(found <= 1 && (wanted.is_none() || found == 1), "net{n}: {:#?}", w.vpcs);
        }
        assert!(w.keys.len() >= estate.keys.iter().filter(|k| **k).count(), "{:#?}", w.keys);
        let zone = w.domains.get(ZONE);
        assert!(estate.records.is_none() || zone.is_some());
        let mut seen = BTreeSet::new();
        // An equal twin that somebody adds by hand counts as the same record, and stays.
        let made = |r: &&driftless::sandbox::Record| r.id < BY_HAND;
        for record in zone.iter().flat_map(|z| z.records.values()).filter(made) {
            let what = (record.name.clone(), record.kind.clone(), record.data.clone(), record.priority);
            assert!(seen.insert(what), "DUPLICATE: {record:?} is there twice");
        }
    });
}

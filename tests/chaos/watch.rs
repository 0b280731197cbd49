//! Holds every request that the simulator got, and every world between two cycles, against the promises. Trusts nothing
//! that the controller says of itself but what it began to do.

use crate::laws::estates::{Estate, ZONE};
use crate::laws::judge::{Name, objects};
use driftless::engine::execute::Progress;
use driftless::model::{Digest, Plan, Planned, Verb};
use driftless::sandbox::{Handle, Mutation, World};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// The simulator's own ids; what is made by hand has others.
pub const ITS_IDS: std::ops::Range<u64> = 3_164_443..4_000_000;

/// What a watcher remembers.
pub struct Watch {
    /// What others made, as bytes.
    strays: BTreeMap<Name, String>,
    /// The live objects, changes and digests for which somebody gave his word.
    agreed: BTreeSet<String>,
    digests: BTreeSet<Digest>,
    /// How many requests have been looked at.
    seen: usize,
    before: Option<World>,
    began: Arc<Mutex<Vec<Planned>>>,
}

impl Watch {
    pub fn begin(hand: &Handle) -> Self {
        Self {
            strays: objects(hand),
            agreed: BTreeSet::new(),
            digests: BTreeSet::new(),
            seen: hand.calls().mutations.len(),
            before: None,
            began: Arc::default(),
        }
    }

    /// Notes what a controller begins.
    pub fn ear(&self) -> impl Fn(Progress<'_>) + Send + Sync + use<> {
        let began = self.began.clone();
        move |progress| {
            if let Progress::Began(change) = progress {
                began.lock().expect("no panic").push(change.clone());
            }
        }
    }

    /// Notes what others made just now.
    pub fn by_hand(&mut self, hand: &Handle) {
        // Somebody may well change what is his own.
        let now = objects(hand);
        for (name, bytes) in &mut self.strays {
            now.get(name).into_iter().for_each(|changed| bytes.clone_from(changed));
        }
        let hands = now.into_iter().filter(|((kind, name), _)| kind == "Record" && name.contains(" hand"));
        self.strays.extend(hands);
    }

    /// Notes what a plan holds, all of which is about to be approved.
    pub fn approve(&mut self, plan: &Plan) {
        for change in plan.held() {
            self.agreed.extend(change.provider_id.iter().map(|id| format!("{} {id}", change.key.id.kind)));
            self.digests.extend(change.hold().map(|hold| hold.digest.clone()));
            self.digests.insert(change.digest.clone());
        }
    }

    /// The world as a cycle finds it.
    pub fn before(&mut self, hand: &Handle) {
        self.before = Some(hand.read(Clone::clone));
        self.began.lock().expect("no panic").clear();
    }

    /// What has to be true after a cycle that ended, or did not.
    pub fn after(&mut self, hand: &Handle, wanted: &Estate) {
        let calls = hand.calls().mutations.split_off(self.seen);
        self.seen += calls.len();
        let before = self.before.take().expect("a world before");
        for call in calls.iter().filter(|c| (200..300).contains(&c.status)) {
            self.nothing_of_others(call);
            self.nothing_held(call, &before);
            nothing_wanted_goes(call, &before, wanted);
        }
        self.began_only_what_may_go();
        let now = hand.read(Clone::clone);
        no_two_of_one(&now);
        no_set_lost(&before, &now, wanted);
    }

    /// At the end, what others made is as it was, to the byte.
    pub fn nothing_of_others_changed(&self, hand: &Handle) {
        let now = objects(hand);
        for (name, bytes) in &self.strays {
            assert_eq!(now.get(name), Some(bytes), "UNOWNED TOUCHED: {name:?}");
        }
    }

    fn nothing_of_others(&self, call: &Mutation) {
        let body = call.body.to_string();
        for (kind, id) in self.strays.keys().filter(|(kind, _)| kind != "Record") {
            let named = call.path.split(['/', '?']).any(|part| part == id);
            let inside = body.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|part| part == id);
            assert!(!named && !inside, "UNOWNED TOUCHED: {kind} {id} by {} {} {body}", call.method, call.path);
        }
    }

    /// A droplet or firewall goes, and a port opens, only after somebody's word for just that.
    fn nothing_held(&self, call: &Mutation, before: &World) {
        for (kind, prefix) in [("Droplet", "/v2/droplets/"), ("Firewall", "/v2/firewalls/")] {
            let Some(id) = call.path.strip_prefix(prefix).filter(|id| !id.contains('/')) else { continue };
            let agreed = self.agreed.contains(&format!("{kind} {id}"));
            assert!(call.method != "DELETE" || agreed, "HELD DONE: {kind} {id} was removed without an approval");
            if kind == "Firewall" && call.method == "PUT" && opens(call, id, before) {
                assert!(agreed, "HELD DONE: Firewall {id} was opened without an approval: {}", call.body);
            }
        }
        assert!(
            !(call.method == "DELETE" && call.path.starts_with("/v2/domains/") && !call.path.contains("/records/")),
            "LOST: the zone of {}",
            call.path
        );
    }

    fn began_only_what_may_go(&self) {
        for change in self.began.lock().expect("no panic").iter() {
            assert!(change.goes(), "HELD DONE: {} began, and was {:?}", change.key, change.standing);
            let told = change.provider_id.as_ref().is_some_and(|id| {
                change.key.verb == Verb::Retire && self.agreed.contains(&format!("{} {id}", change.key.id.kind))
            });
            let agreed = told || self.digests.contains(&change.digest);
            assert!(
                change.risk.needs_approval().is_none() || agreed,
                "HELD DONE: {} ({:?}) began without an approval",
                change.key,
                change.risk
            );
        }
    }
}

/// Says whether a firewall lets the world in at a port that it kept shut, other than 80 and 443.
fn opens(call: &Mutation, id: &str, before: &World) -> bool {
    let Some(was) = before.firewalls.iter().find(|f| f.id == id) else { return false };
    let was = format!("{:?}", was.inbound_rules);
    let rules = call.body["inbound_rules"].as_array().into_iter().flatten();
    let mut open = rules.filter(|rule| rule["sources"]["addresses"].to_string().contains("0.0.0.0/0"));
    open.any(|rule| {
        let ports = rule["ports"].as_str().unwrap_or_default();
        !["80", "443"].contains(&ports) && !was.contains(&format!("{ports:?}"))
    })
}

/// What a document wants is not removed: networks and keys have no approval that would allow it here.
fn nothing_wanted_goes(call: &Mutation, before: &World, wanted: &Estate) {
    if call.method != "DELETE" {
        return;
    }
    if let Some(id) = call.path.strip_prefix("/v2/vpcs/") {
        let name = before.vpcs.iter().find(|v| v.id == id).map(|v| v.name.clone()).unwrap_or_default();
        let wanted = (0..2).any(|n| wanted.vpcs[n].is_some() && name == format!("net{n}"));
        assert!(!wanted, "LOST: network {name}");
    }
    if let Some(id) = call.path.strip_prefix("/v2/account/keys/") {
        let key = before.keys.values().find(|k| k.id.to_string() == id).map(|k| k.public_key.clone());
        let is = |n: &usize| key.as_deref() == Some(&crate::laws::estates::public_key(*n));
        assert!(!(0..2).filter(|n| wanted.keys[*n]).any(|n| is(&n)), "LOST: the key {id}");
    }
}

/// Never two live objects of one document but for a replacement's generations, whose markers differ.
fn no_two_of_one(world: &World) {
    let mut seen = BTreeMap::new();
    for droplet in world.droplets.values() {
        for marker in droplet.tags.iter().filter(|tag| tag.starts_with("driftless:9f2c6a1e")) {
            let twin = seen.insert(marker.clone(), droplet.id);
            assert!(twin.is_none(), "DUPLICATE: droplets {twin:?} and {} both carry {marker}", droplet.id);
        }
    }
    let mut sets = BTreeMap::new();
    let zone = world.domains.get(ZONE).into_iter().flat_map(|zone| zone.records.values());
    for record in zone.filter(|r| ITS_IDS.contains(&r.id)) {
        let what = (record.name.clone(), record.kind.clone(), record.data.clone(), record.priority);
        let twin = sets.insert(what.clone(), record.id);
        assert!(twin.is_none(), "DUPLICATE: records {twin:?} and {} are both {what:?}", record.id);
    }
}

/// A record set that a document wants and that stood is still there.
fn no_set_lost(before: &World, now: &World, wanted: &Estate) {
    let sets = |world: &World| -> BTreeSet<(String, String)> {
        let zone = world.domains.get(ZONE).into_iter().flat_map(|zone| zone.records.values());
        zone.map(|r| (r.name.clone(), r.kind.clone())).collect()
    };
    let names = [("h0", "A"), ("h1", "A"), ("h2", "A"), ("www", "CNAME"), ("txt", "TXT")];
    let (before, now) = (sets(before), sets(now));
    for (n, (name, kind)) in names.iter().enumerate() {
        let key = ((*name).to_owned(), (*kind).to_owned());
        let is_wanted = wanted.records.is_some_and(|records| records[n].is_some());
        assert!(!is_wanted || !before.contains(&key) || now.contains(&key), "LOST: the record set {name} {kind}");
    }
}

//! Names for what the simulator numbers, so that expectations can be written by hand: `<erp>` for the id of the droplet
//! `erp`, `<address of erp>`; a second object of a name is `erp (2)`. A name stays with its object.

use driftless::sandbox::{Handle, World};
use regex::{Captures, Regex};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Everything that has been seen to exist.
#[derive(Default)]
pub struct Names {
    /// Ids and addresses by what they are called.
    texts: BTreeMap<String, String>,
    labels: BTreeMap<(&'static str, String), String>,
    taken: BTreeSet<(&'static str, String)>,
    known: Vec<(String, String)>,
}

static PLACEHOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{(droplet|vpc|key|firewall|record|address) ([^{}]+)\}").expect("a pattern"));
static WORDS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let pattern = |text: &str| Regex::new(text).expect("a pattern");
    vec![
        (pattern(r"http://127\.0\.0\.1:\d+"), "<api>"),
        (pattern(r"action \d+"), "action <id>"),
        (pattern(r"actions/\d+"), "actions/<id>"),
        (pattern(r" ?\(?request (id )?[0-9a-f-]{36}\)?"), ""),
    ]
});
static IDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b\d+\.\d+\.\d+\.\d+\b|\b\d{7,}\b|2604:[0-9a-f:]+|[0-9a-f]*:[0-9a-f:]+:[0-9a-f]+")
        .expect("a pattern")
});

impl Names {
    /// Takes a text that is the same throughout by this name, both ways.
    pub fn knows(&mut self, name: &str, text: &str) {
        self.known.push((name.to_owned(), text.to_owned()));
    }

    /// Takes in what exists now.
    pub fn learn(&mut self, hand: &Handle) {
        hand.read(|world| self.learn_world(world));
    }

    fn learn_world(&mut self, world: &World) {
        for droplet in world.droplets.values() {
            let label = self.name("droplet", droplet.id.to_string(), &droplet.name);
            let addresses = [
                ("address", droplet.public_v4.map(|ip| ip.to_string())),
                ("private address", droplet.private_v4.map(|ip| ip.to_string())),
                ("IPv6 address", droplet.public_v6.map(|ip| ip.to_string())),
            ];
            for (what, address) in addresses {
                self.texts.extend(address.map(|text| (text, format!("<{what} of {label}>"))));
            }
        }
        for vpc in &world.vpcs {
            self.name("vpc", vpc.id.clone(), &vpc.name);
        }
        for key in world.keys.values() {
            self.name("key", key.id.to_string(), &key.name);
        }
        for firewall in &world.firewalls {
            self.name("firewall", firewall.id.clone(), &firewall.name);
        }
        for (zone, record) in world.domains.values().flat_map(|z| z.records.values().map(move |r| (&z.name, r))) {
            self.name("record", record.id.to_string(), &format!("{zone} {} {}", record.name, record.kind));
        }
    }

    /// The name of an object, given at first sight.
    fn name(&mut self, kind: &'static str, id: String, name: &str) -> String {
        let known = (kind, id);
        if let Some(label) = self.labels.get(&known) {
            return label.clone();
        }
        let numbered = (2..).map(|n| format!("{name} ({n})"));
        let free = std::iter::once(name.to_owned()).chain(numbered).find(|l| !self.taken.contains(&(kind, l.clone())));
        let label = free.expect("numbers do not end");
        self.taken.insert((kind, label.clone()));
        self.texts.insert(known.1.clone(), format!("<{label}>"));
        self.labels.insert(known, label.clone());
        label
    }

    /// Fills `{droplet erp}`, `{record example.com erp A}`, `{address erp}` with what they are in the simulator.
    pub fn fill(&self, text: &str) -> String {
        let fill = |found: &Captures<'_>| {
            let (kind, label) = (&found[1], &found[2]);
            let address =
                || self.texts.iter().find(|(_, l)| **l == format!("<address of {label}>")).map(|(text, _)| text);
            let id = || self.labels.iter().find(|((k, _), l)| *k == kind && *l == label).map(|((_, id), _)| id);
            let value = if kind == "address" { address() } else { id() };
            value.unwrap_or_else(|| panic!("there is no {kind} called {label:?}: {:?}", self.labels)).clone()
        };
        let text = self.known.iter().fold(text.to_owned(), |text, (name, known)| text.replace(name, known));
        PLACEHOLDER.replace_all(&text, fill).into_owned()
    }

    /// Puts names in the place of ids and addresses.
    pub fn show(&self, text: &str) -> String {
        let mut text = self.known.iter().fold(text.to_owned(), |text, (name, known)| text.replace(known, name));
        for (pattern, word) in WORDS.iter() {
            text = pattern.replace_all(&text, *word).into_owned();
        }
        let name = |found: &Captures<'_>| {
            let id = &found[0];
            let unknown = || if id.len() == 36 { "<uuid>".to_owned() } else { id.to_owned() };
            self.texts.get(id).cloned().unwrap_or_else(unknown)
        };
        IDS.replace_all(&text, name).into_owned()
    }
}

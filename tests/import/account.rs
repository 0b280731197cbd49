//! Random accounts: everything that the API can hold for the kinds that exist, and some things that it should not.

use crate::house::House;
use crate::laws::estates::public_key;
use driftless::engine::import::Imported;
use driftless::insight::Drafted;
use driftless::sandbox::{BackupPolicy, Droplet, Firewall, Inbound, Outbound, Record, Tag, Targets, Vpc, World};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

const NAMES: [&str; 9] = ["web", "Web", "web-2", "db.example.com", "1e3", "no", "007", "x", "WEB-2"];
const TAGS: [&str; 6] = ["production", "Odoo", "on", "12", "k8s:worker", "driftless:deadbeef:0123456789ab:g1"];
const HOSTS: [&str; 9] = ["@", "erp", "*", "*.dev", "_sip._tcp", "no", "1e3", "007", "odd_host"];
const TEXTS: [&str; 12] = [
    "no",
    "1e3",
    "v=spf1 include:_spf.example.net -all",
    "a: b # c",
    "say \"hi\"",
    "'single'",
    "\"quoted\"",
    "007",
    " spaces ",
    "back\\slash",
    "ünïcödé \u{202e}",
    "key: {a: [b]}",
];
const TTLS: [u32; 4] = [300, 300, 1800, 60];

#[derive(Clone, Debug)]
pub struct Account {
    vpcs: Vec<bool>,
    keys: u8,
    droplets: Vec<Machine>,
    firewalls: Vec<Wall>,
    zones: Vec<Vec<Entry>>,
}

#[derive(Clone, Debug)]
struct Machine {
    name: &'static str,
    vpc: usize,
    tags: Vec<&'static str>,
    backups: u8,
    ipv6: bool,
    monitoring: bool,
    gpu: bool,
    off: bool,
}

#[derive(Clone, Debug)]
struct Wall {
    droplets: Vec<usize>,
    tag: Option<&'static str>,
    rules: Vec<(u8, u8, usize)>,
    out: u8,
}

#[derive(Clone, Debug)]
struct Entry {
    name: &'static str,
    kind: &'static str,
    what: usize,
    ttl: u32,
    droplet: Option<usize>,
}

impl Account {
    pub fn any() -> impl Strategy<Value = Self> {
        let parts = (
            proptest::collection::vec(any::<bool>(), 1..4),
            0..4u8,
            proptest::collection::vec(machine(), 0..7),
            proptest::collection::vec(wall(), 0..4),
            proptest::collection::vec(proptest::collection::vec(entry(), 0..24), 0..3),
        );
        parts.prop_map(|(vpcs, keys, droplets, firewalls, zones)| Self { vpcs, keys, droplets, firewalls, zones })
    }

    /// Fills the account: zones through the API, which gives them what every zone has; the rest by hand, since the API
    /// would refuse some of what old accounts hold.
    pub async fn plant(&self, house: &House) {
        let url = house.running.url();
        for key in 0..self.keys {
            let name = ["Ana's laptop", "ops", "OPS", "日本"][usize::from(key)];
            post(&url, "account/keys", json!({"name": name, "public_key": public_key(key.into())})).await;
        }
        for (zone, _) in self.zones.iter().enumerate() {
            post(&url, "domains", json!({"name": zone_name(zone)})).await;
        }
        house.hand().edit(|world| {
            self.vpcs.iter().enumerate().for_each(|(n, described)| world.vpcs.push(vpc(n, *described)));
            for tag in TAGS {
                world.tags.insert(tag.to_lowercase(), Tag { name: tag.to_owned() });
            }
            for (n, machine) in self.droplets.iter().enumerate() {
                let droplet = machine.droplet(n, self.vpcs.len());
                world.droplets.insert(droplet.id, droplet);
            }
            for (n, wall) in self.firewalls.iter().enumerate() {
                world.firewalls.push(wall.firewall(n, self.droplets.len(), self.vpcs.len()));
            }
            self.zones.iter().enumerate().for_each(|(n, entries)| self.records(world, n, entries));
        });
    }

    fn records(&self, world: &mut World, zone: usize, entries: &[Entry]) {
        let zone = world.domains.get_mut(&zone_name(zone)).expect("a zone");
        for (n, entry) in entries.iter().enumerate() {
            let id = 5_000_000 + n as u64;
            zone.records.insert(id, entry.record(id, &self.droplets));
        }
    }

    /// Nothing is left out silently: what is in no document is among what is told.
    pub fn all_is_told(&self, imported: &Imported) {
        for one in &imported.drafted {
            let count = |kind: &str| imported.drafted.iter().filter(|d| d.id.kind == kind).count();
            assert_eq!(count("Droplet"), self.droplets.len());
            assert_eq!(count("Firewall"), self.firewalls.len());
            assert_eq!(count("SshKey"), usize::from(self.keys));
            assert_eq!(count("Domain"), self.zones.len());
            self.has_a_reason(one);
            let Some(number) = one.id.name.strip_prefix("zone").filter(|_| one.id.kind == "Domain") else { continue };
            let number: usize = number.trim_end_matches(".example").parse().expect("a number");
            let mut sets: Vec<(&str, &str)> = self.zones[number].iter().map(|e| (e.name, e.kind)).collect();
            sets.sort_unstable();
            sets.dedup();
            let (listed, _) = one.draft.parts.expect("a count");
            assert_eq!(listed + one.draft.left_out.len(), sets.len(), "{:#?} of {sets:?}", one.draft.left_out);
            self.plain_sets_are_listed(number, &one.draft.left_out);
        }
    }

    /// What a document can say is in one: the proof must not hide a mistake by leaving everything out.
    fn has_a_reason(&self, one: &Drafted) {
        let Some(why) = &one.left_out else { return };
        let known: &[&str] = match one.id.kind.as_str() {
            "Droplet" => &["belongs to another estate"],
            "Firewall" => &["cannot be written here", "has no document here"],
            _ => &[],
        };
        assert!(known.iter().any(|reason| why.contains(reason)), "{} is left out: {why}", one.id);
    }

    /// Addresses under one ttl are never hard to say.
    fn plain_sets_are_listed(&self, zone: usize, left_out: &[String]) {
        let entries = &self.zones[zone];
        for entry in entries.iter().filter(|e| matches!(e.kind, "A" | "AAAA" | "MX")) {
            let mut around = entries.iter().filter(|other| other.name == entry.name);
            if around.all(|other| other.ttl == entry.ttl) {
                let set = format!("{} {}:", entry.name, entry.kind);
                assert!(!left_out.iter().any(|told| told.starts_with(&set)), "{left_out:#?}");
            }
        }
    }
}

fn zone_name(n: usize) -> String {
    format!("zone{n}.example")
}

pub async fn post(url: &str, path: &str, body: serde_json::Value) {
    let asked = reqwest::Client::new().post(format!("{url}/v2/{path}")).bearer_auth("sandbox").json(&body);
    let answer = asked.send().await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap_or_default());
}

pub async fn look(url: &str, path: &str) {
    let asked = reqwest::Client::new().get(format!("{url}/v2/{path}")).bearer_auth("sandbox");
    asked.send().await.expect("an answer");
}

fn vpc(n: usize, described: bool) -> Vpc {
    Vpc {
        id: format!("5a4981aa-9653-4bd1-bef5-d6bff52042e{n}"),
        name: ["main", "default-sgp1", "no"][n].to_owned(),
        description: if described { "on: the \"main\" one".to_owned() } else { String::new() },
        region: "sgp1".to_owned(),
        ip_range: format!("10.{}.0.0/20", 100 + n).parse().expect("a range"),
        default: n == 1,
        created_at: 1_700_000_000_000,
    }
}

fn machine() -> impl Strategy<Value = Machine> {
    let flags = (any::<bool>(), any::<bool>(), proptest::bool::weighted(0.2), proptest::bool::weighted(0.2));
    let tags = proptest::sample::subsequence(TAGS.to_vec(), 0..4);
    // A foreign marker is rare: what refers to its droplet has to be left out too.
    let tags = (tags, proptest::bool::weighted(0.2)).prop_map(|(mut tags, foreign)| {
        tags.retain(|tag| foreign || !tag.starts_with("driftless"));
        tags
    });
    let parts = (select(&NAMES[..]), 0..4usize, tags, 0..5u8, flags);
    parts.prop_map(|(name, vpc, tags, backups, (ipv6, monitoring, gpu, off))| Machine {
        name,
        vpc,
        tags,
        backups,
        ipv6,
        monitoring,
        gpu,
        off,
    })
}

impl Machine {
    fn droplet(&self, n: usize, vpcs: usize) -> Droplet {
        let mut features = vec!["droplet_agent".to_owned()];
        for (name, on) in [("ipv6", self.ipv6), ("monitoring", self.monitoring)] {
            features.extend(on.then(|| name.to_owned()));
        }
        let policy = |plan: &str, weekday: Option<&str>, hour| BackupPolicy {
            plan: plan.to_owned(),
            weekday: weekday.map(str::to_owned),
            hour,
        };
        Droplet {
            id: 4_000_000 + n as u64,
            name: self.name.to_owned(),
            status: if self.off { "off" } else { "active" }.to_owned(),
            region: "sgp1".to_owned(),
            size: if self.gpu { "gpu-h100x1-80gb" } else { "s-1vcpu-1gb" }.to_owned(),
            disk: 25,
            image: 155_133_622,
            vpc_uuid: vpc(self.vpc % vpcs, false).id,
            tags: self.tags.iter().map(|tag| (*tag).to_owned()).collect(),
            features,
            backup_policy: match self.backups {
                1 => Some(policy("weekly", Some("SUN"), 4)),
                2 => Some(policy("daily", None, 20)),
                3 => Some(policy("weekly", Some("WED"), 0)),
                _ => None,
            },
            created_at: 1_700_000_000_000,
            public_networking: true,
            public_v4: format!("198.51.100.{}", n + 1).parse().ok(),
            private_v4: format!("10.{}.0.{}", 100 + self.vpc % vpcs, n + 2).parse().ok(),
            public_v6: self.ipv6.then(|| format!("2001:db8::{}", n + 1).parse().expect("an address")),
            snapshot_ids: Vec::new(),
            event: None,
            ssh_keys: Vec::new(),
            user_data: Some("#cloud-config".to_owned()),
            ignores_shutdown: false,
        }
    }
}

fn wall() -> impl Strategy<Value = Wall> {
    let parts = (
        proptest::collection::vec(0..7usize, 0..3),
        proptest::option::of(select(&TAGS[..3])),
        proptest::collection::vec((0..3u8, 0..4u8, 0..9usize), 0..6),
        0..3u8,
    );
    parts.prop_map(|(droplets, tag, rules, out)| Wall { droplets, tag, rules, out })
}

impl Wall {
    fn firewall(&self, n: usize, droplets: usize, vpcs: usize) -> Firewall {
        let number = |n: usize| 4_000_000 + n as u64;
        let mut covered: Vec<u64> = self.droplets.iter().filter(|d| **d < droplets).map(|d| number(*d)).collect();
        covered.sort_unstable();
        covered.dedup();
        let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let targets = |what: usize| match what {
            0 => Targets { addresses: text(&["0.0.0.0/0", "::/0"]), ..Targets::default() },
            1 => Targets { addresses: text(&["0.0.0.0/0"]), ..Targets::default() },
            2 => Targets { addresses: text(&["203.0.113.7", "2001:db8::/32", "192.0.2.0/24"]), ..Targets::default() },
            3 => Targets { addresses: vec![vpc(n % vpcs, false).ip_range.to_string()], ..Targets::default() },
            4 => Targets { tags: text(&["production"]), ..Targets::default() },
            5 if droplets > 0 => Targets { droplet_ids: vec![number(n % droplets)], ..Targets::default() },
            6 => Targets { load_balancer_uids: text(&["4de7ac8b-495b-4884-9a69-1050c6793cd6"]), ..Targets::default() },
            7 => Targets { kubernetes_ids: text(&["bd5f5959-5e1e-4205-a714-a914373942af"]), ..Targets::default() },
            _ => Targets { addresses: text(&["::/0", "198.51.100.0/24"]), ..Targets::default() },
        };
        let mut inbound = Vec::new();
        for (protocol, ports, what) in &self.rules {
            let protocol = ["tcp", "udp", "icmp"][usize::from(*protocol)];
            let ports = if protocol == "icmp" { "0" } else { ["0", "22", "8000-9000", "1-1024"][usize::from(*ports)] };
            let rule = Inbound { protocol: protocol.to_owned(), ports: ports.to_owned(), sources: targets(*what) };
            if !inbound.contains(&rule) {
                inbound.push(rule);
            }
        }
        let out =
            |ports: &str| Outbound { protocol: "tcp".to_owned(), ports: ports.to_owned(), destinations: targets(0) };
        let mut outbound: Vec<Outbound> = ["0", "443"].iter().take(self.out.into()).map(|ports| out(ports)).collect();
        if inbound.is_empty() && outbound.is_empty() {
            outbound.push(out("53"));
        }
        Firewall {
            id: format!("bb4b2611-3d72-467b-8602-28033095775{n}"),
            name: ["production", "No", "web.fw", "1e3"][n].to_owned(),
            inbound_rules: inbound,
            outbound_rules: outbound,
            droplet_ids: covered,
            tags: self.tag.iter().map(|tag| (*tag).to_owned()).collect(),
            created_at: 1_700_000_000_000,
            settles_at: 1_700_000_000_000,
            changes: Vec::new(),
        }
    }
}

fn entry() -> impl Strategy<Value = Entry> {
    let kinds = select(&["A", "AAAA", "CNAME", "MX", "TXT", "TXT", "NS", "SRV", "CAA", "PTR"][..]);
    let parts = (select(&HOSTS[..]), kinds, 0..12usize, select(&TTLS[..]), proptest::option::of(0..7usize));
    parts
        // The zone's own name servers are DigitalOcean's, and no set of these.
        .prop_filter("apex NS", |(name, kind, ..)| (*name, *kind) != ("@", "NS"))
        .prop_map(|(name, kind, what, ttl, droplet)| Entry { name, kind, what, ttl, droplet })
}

impl Entry {
    fn record(&self, id: u64, droplets: &[Machine]) -> Record {
        let hosts = ["mail.example.net", "@", "localhost", "a.b.zone0.example"];
        let host = hosts[self.what % hosts.len()];
        let droplet = self.droplet.filter(|n| *n < droplets.len());
        let data = match self.kind {
            "A" => match droplet {
                Some(n) if self.what.is_multiple_of(2) => format!("198.51.100.{}", n + 1),
                Some(n) => format!("10.100.0.{}", n + 2),
                None => format!("192.0.2.{}", self.what),
            },
            "AAAA" => droplet.map_or_else(|| "2001:db8:1::".to_owned(), |n| format!("2001:db8::{}", n + 1)),
            "TXT" => TEXTS[self.what].to_owned(),
            "CAA" if self.what % 4 == 1 => ";".to_owned(),
            "CAA" if self.what % 4 == 2 => "mailto:a@example.com".to_owned(),
            _ => host.to_owned(),
        };
        let number = |there: bool, n: u16| there.then_some(n);
        let (caa, srv) = (self.kind == "CAA", self.kind == "SRV");
        Record {
            id,
            kind: self.kind.to_owned(),
            name: self.name.to_owned(),
            data,
            priority: number(srv || self.kind == "MX", self.what as u16 % 3 * 10),
            port: number(srv, [5060, 0][self.what % 2]),
            ttl: self.ttl,
            weight: number(srv, 5),
            flags: caa.then_some([0, 128][self.what % 2]),
            tag: caa.then(|| ["issue", "issuewild", "iodef", "contactemail"][self.what % 4].to_owned()),
        }
    }
}

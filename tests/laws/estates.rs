//! Random estates: documents of the five kinds, with references among them. JSON, which is YAML.

use crate::house::ENFORCE;
use base64::Engine as _;
use proptest::prelude::*;
use serde_json::{Value, json};

pub const ZONE: &str = "example.com";
const IMAGES: [&str; 2] = ["ubuntu-22-04-x64", "ubuntu-24-04-x64"];
pub const SIZES: [&str; 3] = ["s-1vcpu-1gb", "s-1vcpu-2gb", "s-2vcpu-4gb"];

/// What git says, before it is written.
#[derive(Clone, Debug)]
pub struct Estate {
    pub vpcs: [Option<u8>; 2],
    pub keys: [bool; 2],
    pub droplets: [Option<Droplet>; 3],
    pub firewalls: [Option<Firewall>; 2],
    pub records: Option<[Option<u8>; 5]>,
    /// Droplets whose documents go by another name, which says what it was before.
    pub renamed: [bool; 3],
}

#[derive(Clone, Debug)]
pub struct Droplet {
    pub vpc: Option<usize>,
    pub key: Option<usize>,
    pub size: usize,
    pub tags: u8,
    pub backups: u8,
    pub ipv6: bool,
    pub protect: bool,
    pub destroy: bool,
    /// Another image means another droplet.
    pub image: usize,
}

#[derive(Clone, Debug)]
pub struct Firewall {
    pub droplets: u8,
    pub rules: u8,
    pub from: Option<usize>,
    pub destroy: bool,
}

fn droplet() -> impl Strategy<Value = Droplet> {
    let ways = (proptest::option::of(0..2usize), proptest::option::of(0..2usize), 0..3usize, 0..4u8);
    (ways, 0..3u8, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |((vpc, key, size, tags), backups, ipv6, protect, destroy)| Droplet {
            vpc,
            key,
            size,
            tags,
            backups,
            ipv6,
            protect,
            destroy,
            image: 0,
        },
    )
}

fn firewall() -> impl Strategy<Value = Firewall> {
    (0..8u8, 1..8u8, proptest::option::of(0..2usize), any::<bool>())
        .prop_map(|(droplets, rules, from, destroy)| Firewall { droplets, rules, from, destroy })
}

impl Estate {
    pub fn any() -> impl Strategy<Value = Self> {
        let maybe = proptest::option::of::<std::ops::Range<u8>>;
        let droplets = proptest::array::uniform3(proptest::option::weighted(0.7, droplet()));
        let firewalls = proptest::array::uniform2(proptest::option::of(firewall()));
        let records = proptest::option::weighted(0.8, proptest::array::uniform5(maybe(0..3)));
        (proptest::array::uniform2(maybe(0..2)), any::<[bool; 2]>(), droplets, firewalls, records).prop_map(
            |(vpcs, keys, droplets, firewalls, records)| Self {
                vpcs,
                keys,
                droplets,
                firewalls,
                records,
                renamed: [false; 3],
            },
        )
    }

    /// Its files, a document each.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut all = vec![("settings.yaml".to_owned(), ENFORCE.to_owned())];
        for (kind, name, policy, spec) in self.documents() {
            let mut document = json!({
                "apiVersion": "driftless/v1", "kind": kind, "metadata": {"name": name}, "policy": policy, "spec": spec,
            });
            let renamed = kind == "Droplet" && name.starts_with('e');
            if kind == "Droplet" {
                let former = if renamed { name.replace('e', "d") } else { name.replace('d', "e") };
                document["metadata"]["formerly"] = json!([former]);
            }
            all.push((format!("{kind}-{name}.yaml").to_lowercase(), document.to_string()));
        }
        all
    }

    /// What to commit to come here from another estate.
    pub fn edits(&self, from: &Self) -> Vec<(String, Option<String>)> {
        let files = self.files();
        let gone = from.files().into_iter().filter(|(path, _)| !files.iter().any(|(p, _)| p == path));
        let gone = gone.map(|(path, _)| (path, None)).collect::<Vec<_>>();
        let note = ("note.txt".to_owned(), Some("there is always something to commit".to_owned()));
        files.into_iter().map(|(path, text)| (path, Some(text))).chain(gone).chain([note]).collect()
    }

    fn documents(&self) -> Vec<(&'static str, String, Value, Value)> {
        let mut all = Vec::new();
        for (n, says) in self.vpcs.iter().enumerate().filter_map(|(n, v)| v.map(|v| (n, v))) {
            let range = format!("10.{}.0.0/16", 150 + n);
            let spec = json!({"name": format!("net{n}"), "region": "sgp1", "ipRange": range, "description": format!("as {says}")});
            // Kept: a droplet that is kept, or whose document no longer names it, lives on in it.
            all.push(("Vpc", format!("net{n}"), json!({"onRemove": "keep"}), spec));
        }
        for n in (0..2).filter(|n| self.keys[*n]) {
            let policy = json!({"onRemove": "destroy"});
            all.push(("SshKey", format!("key{n}"), policy, json!({"publicKey": public_key(n)})));
        }
        let droplets = self.droplets.iter().enumerate().filter_map(|(n, d)| d.as_ref().map(|d| (n, d)));
        all.extend(droplets.map(|(n, d)| self.droplet(n, d)));
        let firewalls = self.firewalls.iter().enumerate().filter_map(|(n, f)| f.as_ref().map(|f| (n, f)));
        all.extend(firewalls.map(|(n, f)| self.firewall(n, f)));
        if let Some(records) = &self.records {
            let records: Vec<Value> = records.iter().enumerate().filter_map(|(n, r)| self.record(n, *r)).collect();
            all.push(("Domain", ZONE.to_owned(), json!({}), json!({"defaultTtl": 300, "records": records})));
        }
        all
    }

    /// The name of a droplet's document; the droplet itself is always called `d` and its number.
    pub fn document_of(&self, n: usize) -> String {
        let letter = if self.renamed.get(n).copied().unwrap_or(false) { 'e' } else { 'd' };
        format!("{letter}{n}")
    }

    fn droplet(&self, n: usize, d: &Droplet) -> (&'static str, String, Value, Value) {
        let tags = [("web", 1), ("db", 2)];
        let mut spec = json!({
            "name": (format!("d{n}")), "region": "sgp1", "size": SIZES[d.size], "image": IMAGES[d.image], "replaceOn": ["image"], "ipv6": d.ipv6,
            "tags": (tags.iter().filter(|(_, bit)| d.tags & bit != 0).map(|(tag, _)| *tag).collect::<Vec<&str>>()),
        });
        match d.backups {
            1 => spec["backups"] = json!({"plan": "weekly", "weekday": "SUN", "hour": 4}),
            2 => spec["backups"] = json!({"plan": "daily", "hour": 8}),
            _ => spec["backups"] = json!(false),
        }
        if let Some(vpc) = d.vpc.filter(|v| self.vpcs[*v].is_some()) {
            spec["vpc"] = json!(format!("net{vpc}"));
        }
        if let Some(key) = d.key.filter(|k| self.keys[*k]) {
            spec["sshKeys"] = json!([format!("key{key}")]);
        }
        let remove = if d.destroy { "destroy" } else { "keep" };
        ("Droplet", self.document_of(n), json!({"protect": d.protect, "onRemove": remove}), spec)
    }

    fn firewall(&self, n: usize, f: &Firewall) -> (&'static str, String, Value, Value) {
        let exists = |d: &usize| self.droplets[*d].is_some();
        let over: Vec<String> =
            (0..3usize).filter(|d| f.droplets & (1 << d) != 0).filter(exists).map(|d| self.document_of(d)).collect();
        let from = f.from.filter(exists).map_or(json!("203.0.113.0/24"), |d| json!({"droplet": self.document_of(d)}));
        let rules = [
            json!({"protocol": "tcp", "ports": 443, "from": ["any"]}),
            json!({"protocol": "tcp", "ports": "8000-8100", "from": [from]}),
            json!({"protocol": "icmp", "from": ["198.51.100.0/24"]}),
        ];
        let inbound: Vec<&Value> =
            rules.iter().enumerate().filter(|(n, _)| f.rules & (1 << n) != 0).map(|(_, r)| r).collect();
        let outbound = json!([{"protocol": "tcp", "ports": "all", "to": ["any"]}]);
        let remove = if f.destroy { "destroy" } else { "keep" };
        let spec = json!({"applyTo": {"droplets": over}, "inbound": inbound, "outbound": outbound});
        ("Firewall", format!("fw{n}"), json!({"onRemove": remove}), spec)
    }

    fn record(&self, n: usize, says: Option<u8>) -> Option<Value> {
        let says = says?;
        match n {
            // Follows a droplet where there is one.
            0..=2 if self.droplets[n].is_some() && says < 2 => {
                Some(json!({"name": format!("h{n}"), "type": "A", "droplet": self.document_of(n)}))
            }
            0..=2 => Some(json!({"name": format!("h{n}"), "type": "A", "value": format!("192.0.2.{says}")})),
            3 => Some(json!({"name": "www", "type": "CNAME", "value": format!("host{says}.example.net")})),
            _ => Some(json!({"name": "txt", "type": "TXT", "values": [format!("v={says}"), "constant"]})),
        }
    }
}

/// A public key that is well formed and belongs to nobody.
pub fn public_key(n: usize) -> String {
    let mut blob = vec![0, 0, 0, 11];
    blob.extend_from_slice(b"ssh-ed25519");
    blob.extend_from_slice(&[0, 0, 0, 32]);
    blob.extend((0..32u8).map(|byte| byte.wrapping_mul(7).wrapping_add(u8::try_from(n).expect("few keys"))));
    format!("ssh-ed25519 {} key{n}@example.com", base64::engine::general_purpose::STANDARD.encode(blob))
}

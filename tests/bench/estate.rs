//! An estate of any size as YAML, and the same thing as a world of the simulator: what the one says, the other is.

use driftless::model::{Marker, ResourceId};
use driftless::repo::Tree;
use driftless::sandbox::{Handle, Seed};
use std::collections::BTreeMap;
use std::fmt::Write;

/// How much there is of each.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub droplets: usize,
    pub zones: usize,
    pub records: usize,
    pub firewalls: usize,
}

/// The estate that the aims speak of: 500 records in each of 20 zones.
pub const LARGE: Size = Size { droplets: 1_000, zones: 20, records: 500, firewalls: 50 };

/// One zone of 1,000 records, three NS and the SOA that every zone has among them.
pub const ZONE: Size = Size { droplets: 0, zones: 1, records: 996, firewalls: 0 };

const ESTATE: &str = "9f2c6a1e-0000-4000-8000-00000000000b";
const HEAD: &str = "apiVersion: driftless/v1\n";

impl Size {
    /// The same, so many times as large.
    pub fn times(self, factor: usize) -> Self {
        Self {
            droplets: self.droplets * factor,
            zones: self.zones * factor,
            firewalls: self.firewalls * factor,
            ..self
        }
    }

    /// As arguments of a process, and back.
    pub fn arguments(self) -> [String; 4] {
        [self.droplets, self.zones, self.records, self.firewalls].map(|n| n.to_string())
    }

    pub fn from_arguments(arguments: &[String]) -> Self {
        let number = |at: usize| arguments.get(at).and_then(|text| text.parse().ok()).expect("four numbers");
        Self { droplets: number(0), zones: number(1), records: number(2), firewalls: number(3) }
    }

    /// The estate's files: 50 droplets a file, a file a zone, all firewalls in one.
    pub fn files(self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut put = |path: String, text: String| drop(files.insert(path, text.into_bytes()));
        put("settings.yaml".to_owned(), settings());
        if self.droplets > 0 {
            put("network/vpc.yaml".to_owned(), vpc());
        }
        for first in (1..=self.droplets).step_by(50) {
            let last = (first + 49).min(self.droplets);
            put(format!("droplets/{first:05}.yaml"), (first..=last).map(droplet).collect());
        }
        for zone in 1..=self.zones {
            put(format!("domains/{zone:03}.yaml"), self.zone(zone));
        }
        if self.firewalls > 0 {
            put("firewalls/all.yaml".to_owned(), (1..=self.firewalls).map(firewall).collect());
        }
        files
    }

    /// The files as the repo room reads them.
    pub fn tree(self) -> Tree<'static> {
        Tree::of(self.files())
    }

    /// Makes the world that the files describe, with the marks of this estate.
    pub fn plant(self, world: &Handle) {
        let Self { droplets, zones, records, firewalls } = self;
        world.seed(Seed { droplets, zones, records_per_zone: records, firewalls });
        let estate = ESTATE.parse().expect("a uuid");
        world.edit(|world| {
            world.droplet_limit = 1_000_000;
            for droplet in world.droplets.values_mut() {
                let id = ResourceId::new("Droplet", droplet.name.clone());
                droplet.tags.push(Marker::of(&estate, &id, 1).to_string());
            }
        });
    }

    /// Every second record points at a droplet document, as far as there are droplets.
    fn zone(self, number: usize) -> String {
        let name = format!("seed-{number:03}.example");
        let mut text = format!(
            "{HEAD}kind: Domain\nmetadata: {{name: {name}}}\nspec:\n  defaultTtl: 300\n  ignore: [{{type: NS, name: \"@\"}}]\n  records:\n"
        );
        for host in 1..=self.records {
            let target = if host % 2 == 0 && host <= self.droplets {
                format!("droplet: {}", droplet_name(host))
            } else {
                format!("value: 198.19.{}.{}", host / 256, host % 256)
            };
            let _ = writeln!(text, "    - {{name: host-{host:04}, type: A, {target}}}");
        }
        text
    }
}

/// Settings that enforce and that report.
pub fn settings() -> String {
    format!(
        "{HEAD}kind: Settings\nmetadata: {{name: settings}}\nspec:\n  estate: bench\n  id: {ESTATE}\n  mode: enforce\n  interval: 5m\n"
    )
}

fn vpc() -> String {
    format!(
        "{HEAD}kind: Vpc\nmetadata: {{name: main}}\nspec: {{name: seed-vpc, region: sgp1, ipRange: 10.200.0.0/16}}\n"
    )
}

fn droplet_name(number: usize) -> String {
    format!("seed-{number:04}")
}

fn droplet(number: usize) -> String {
    let name = droplet_name(number);
    format!(
        "---\n{HEAD}kind: Droplet\nmetadata:\n  name: {name}\n  labels: {{criticality: low, role: bench}}\nspec:\n  region: sgp1\n  size: s-1vcpu-1gb\n  image: ubuntu-24-04-x64\n  vpc: main\n  monitoring: true\n  tags: [seed]\n"
    )
}

fn firewall(number: usize) -> String {
    let name = format!("seed-fw-{number:02}");
    format!(
        "---\n{HEAD}kind: Firewall\nmetadata: {{name: {name}}}\nspec:\n  applyTo: {{tags: [seed]}}\n  inbound:\n    - {{protocol: tcp, ports: 22, from: [any]}}\n  outbound:\n    - {{protocol: tcp, ports: all, to: [any]}}\n"
    )
}

//! Large worlds for tests and benchmarks, made at once and without requests.

use std::net::Ipv4Addr;

use uuid::Uuid;

use super::catalog::CATALOG;
use super::domains;
use super::droplets::Droplet;
use super::firewall_rules::{Inbound, Outbound, Targets};
use super::firewalls::Firewall;
use super::handle::Handle;
use super::records::Record;
use super::state::World;
use super::tags::Tag;
use super::vpcs::Vpc;

/// How much to make; everything is made in `sgp1`, in the VPC `seed-vpc` (10.200.0.0/16).
#[derive(Clone, Copy, Debug, Default)]
pub struct Seed {
    /// Droplets `seed-0001`, …: active, `s-1vcpu-1gb`, tagged `seed`; at most 60,000.
    pub droplets: usize,
    /// Zones `seed-001.example`, ….
    pub zones: usize,
    /// Records in each zone beside its NS and SOA: A records `host-0001`, … with a TTL of 300.
    pub records_per_zone: usize,
    /// Firewalls `seed-fw-01`, …: one inbound rule (tcp 22 from anywhere), all outbound tcp, tag `seed`.
    pub firewalls: usize,
}

impl Handle {
    /// Adds a large world to the default team's; takes milliseconds for thousands of objects.
    pub fn seed(&self, seed: Seed) {
        let now = self.now();
        self.edit(|world| plant(world, seed, now));
    }
}

fn plant(world: &mut World, seed: Seed, now: u64) {
    world.tags.entry("seed".to_owned()).or_insert_with(|| Tag { name: "seed".to_owned() });
    if seed.droplets > 0 {
        droplets(world, seed.droplets, now);
    }
    for zone in 1..=seed.zones {
        let name = format!("seed-{zone:03}.example");
        domains::insert(world, &name, None);
        for host in 1..=seed.records_per_zone {
            let id = world.next_id();
            let name_of_host = format!("host-{host:04}");
            let record = Record::plain(id, "A", &name_of_host, address(host).to_string(), 300);
            if let Some(zone) = world.domains.get_mut(&name) {
                zone.records.insert(id, record);
            }
        }
    }
    for number in 1..=seed.firewalls {
        world.firewalls.push(firewall(number, now));
    }
}

fn droplets(world: &mut World, count: usize, now: u64) {
    let vpc = vpc(world, now);
    let image = CATALOG.images.first().map_or(0, |image| image.id);
    for number in 1..=count {
        let id = world.next_id();
        let host = u32::try_from(number).unwrap_or(0);
        let private = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 200, 0, 1)) + host);
        let droplet = Droplet {
            id,
            name: format!("seed-{number:04}"),
            status: "active".to_owned(),
            region: "sgp1".to_owned(),
            size: "s-1vcpu-1gb".to_owned(),
            disk: 25,
            image,
            vpc_uuid: vpc.clone(),
            tags: vec!["seed".to_owned()],
            features: vec!["monitoring".to_owned(), "droplet_agent".to_owned()],
            backup_policy: None,
            created_at: now,
            public_networking: true,
            public_v4: Some(address(number)),
            private_v4: Some(private),
            public_v6: None,
            snapshot_ids: Vec::new(),
            event: None,
            ssh_keys: Vec::new(),
            user_data: None,
            ignores_shutdown: false,
        };
        world.droplets.insert(id, droplet);
    }
}

fn vpc(world: &mut World, now: u64) -> String {
    if let Some(vpc) = world.vpcs.iter().find(|vpc| vpc.name == "seed-vpc") {
        return vpc.id.clone();
    }
    let id = Uuid::new_v4().to_string();
    let default = !world.vpcs.iter().any(|vpc| vpc.region == "sgp1");
    world.vpcs.push(Vpc {
        id: id.clone(),
        name: "seed-vpc".to_owned(),
        description: String::new(),
        region: "sgp1".to_owned(),
        ip_range: ipnet::Ipv4Net::new_assert(Ipv4Addr::new(10, 200, 0, 0), 16),
        default,
        created_at: now,
    });
    id
}

/// An address of the benchmarking range.
fn address(number: usize) -> Ipv4Addr {
    let offset = u32::try_from(number).unwrap_or(0) % 0xffff;
    Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 19, 0, 0)) + offset)
}

fn firewall(number: usize, now: u64) -> Firewall {
    let anywhere = || Targets { addresses: vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()], ..Targets::default() };
    Firewall {
        id: Uuid::new_v4().to_string(),
        name: format!("seed-fw-{number:02}"),
        inbound_rules: vec![Inbound { protocol: "tcp".to_owned(), ports: "22".to_owned(), sources: anywhere() }],
        outbound_rules: vec![Outbound { protocol: "tcp".to_owned(), ports: "0".to_owned(), destinations: anywhere() }],
        droplet_ids: Vec::new(),
        tags: vec!["seed".to_owned()],
        created_at: now,
        settles_at: now,
        changes: Vec::new(),
    }
}

//! What stands in the account beside the estate, what people do by hand, and what goes wrong on the wire.

use super::estates::{ZONE, public_key};
use crate::house::House;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Something that somebody else made.
#[derive(Clone, Copy, Debug)]
pub enum Stray {
    /// A droplet of another name.
    Droplet,
    /// A droplet with the name of one of ours.
    Namesake(u8),
    /// A droplet with the name of one of ours and another estate's marker.
    Foreign(u8),
    /// A firewall of another name, or with the name of one of ours.
    Firewall(Option<u8>),
    /// A network of another name, or just like one of ours.
    Vpc(Option<u8>),
    /// A key of another name, or with the same content as one of ours.
    Key(Option<u8>),
    /// Another zone with a record.
    Zone,
    /// Our zone, made by hand, with records of the same names and others.
    OurZone,
}

pub fn strays() -> impl Strategy<Value = Vec<Stray>> {
    let one = prop_oneof![
        Just(Stray::Droplet),
        (0..3u8).prop_map(Stray::Namesake),
        (0..3u8).prop_map(Stray::Foreign),
        proptest::option::of(0..2u8).prop_map(Stray::Firewall),
        proptest::option::of(0..2u8).prop_map(Stray::Vpc),
        proptest::option::of(0..2u8).prop_map(Stray::Key),
        Just(Stray::Zone),
        Just(Stray::OurZone),
    ];
    proptest::collection::vec(one, 0..6)
}

impl Stray {
    /// Makes it through the API, as its maker did.
    pub async fn plant(self, url: &str) {
        match self {
            Self::Droplet => droplet(url, "stray", &[]).await,
            Self::Namesake(n) => droplet(url, &format!("d{n}"), &["web"]).await,
            Self::Foreign(n) => {
                droplet(url, &format!("d{n}"), &["driftless:deadbeef:0123456789ab:g1"]).await;
            }
            Self::Firewall(n) => {
                let name = n.map_or("stray-fw".to_owned(), |n| format!("fw{n}"));
                let rule = json!({"protocol": "tcp", "ports": "22", "sources": {"addresses": ["192.0.2.0/24"]}});
                post(url, "firewalls", json!({"name": name, "inbound_rules": [rule]})).await;
            }
            Self::Vpc(None) => {
                post(url, "vpcs", json!({"name": "stray-net", "region": "sgp1", "ip_range": "10.90.0.0/16"})).await;
            }
            Self::Vpc(Some(n)) => {
                let range = format!("10.{}.0.0/16", 150 + n);
                let body =
                    json!({"name": format!("net{n}"), "region": "sgp1", "ip_range": range, "description": "as 0"});
                post(url, "vpcs", body).await;
            }
            Self::Key(n) => {
                let key = public_key(n.map_or(7, usize::from));
                post(url, "account/keys", json!({"name": "somebody", "public_key": key})).await;
            }
            Self::Zone => {
                post(url, "domains", json!({"name": "stray.example"})).await;
                post(url, "domains/stray.example/records", json!({"type": "A", "name": "h0", "data": "192.0.2.99"}))
                    .await;
            }
            Self::OurZone => {
                post(url, "domains", json!({"name": ZONE})).await;
                for (name, kind, data) in
                    [("h0", "TXT", "theirs"), ("h1", "A", "192.0.2.0"), ("other", "A", "192.0.2.50")]
                {
                    let body = json!({"type": kind, "name": name, "data": data, "ttl": 600});
                    post(url, &format!("domains/{ZONE}/records"), body).await;
                }
            }
        }
    }
}

/// Makes the region's first network, which is its default and stays.
pub async fn default_network(url: &str) {
    post(url, "vpcs", json!({"name": "default-sgp1", "region": "sgp1", "ip_range": "10.80.0.0/16"})).await;
}

/// Fills our zone with so many records of others that its list takes two pages.
pub async fn crowd(house: &House) {
    post(&house.running.url(), "domains", json!({"name": ZONE})).await;
    house.hand().edit(|w| {
        let Some(zone) = w.domains.get_mut(ZONE) else { return };
        let Some(example) = zone.records.values().find(|r| r.kind == "NS").cloned() else { return };
        zone.records.extend((0..230u64).map(|n| {
            let mut record = example.clone();
            (record.id, record.kind, record.name) = (1_000_000 + n, "A".to_owned(), format!("hand-crowd{n}"));
            record.data = "192.0.2.77".to_owned();
            (record.id, record)
        }));
    });
}

async fn droplet(url: &str, name: &str, tags: &[&str]) {
    let body =
        json!({"name": name, "region": "sgp1", "size": "s-1vcpu-1gb", "image": "ubuntu-22-04-x64", "tags": tags});
    post(url, "droplets", body).await;
}

/// Asks as somebody else would; a refusal, such as a name in use, is theirs.
async fn post(url: &str, path: &str, body: Value) {
    // The machine's certificates, which plain http has no use for, take longer to read than all the rest.
    let client = reqwest::Client::builder().tls_certs_only([]).build().expect("a client");
    let asked = client.post(format!("{url}/v2/{path}")).bearer_auth("sandbox").json(&body);
    asked.send().await.expect("an answer");
}

/// Something done by hand to what is ours.
#[derive(Clone, Copy, Debug)]
pub enum Edit {
    RenameDroplet(u8),
    UntagDroplet(u8),
    DestroyDroplet(u8),
    OpenFirewall(u8),
    DeleteFirewall(u8),
    DescribeVpc(u8),
    RenameKey,
    ChangeRecord(u8),
    DeleteRecord(u8),
    DoubleRecord(u8),
    AddRecord(u8),
}

pub fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let one = prop_oneof![
        (0..3u8).prop_map(Edit::RenameDroplet),
        (0..3u8).prop_map(Edit::UntagDroplet),
        (0..3u8).prop_map(Edit::DestroyDroplet),
        (0..2u8).prop_map(Edit::OpenFirewall),
        (0..2u8).prop_map(Edit::DeleteFirewall),
        (0..2u8).prop_map(Edit::DescribeVpc),
        Just(Edit::RenameKey),
        (0..5u8).prop_map(Edit::ChangeRecord),
        (0..5u8).prop_map(Edit::DeleteRecord),
        (0..5u8).prop_map(Edit::DoubleRecord),
        (0..3u8).prop_map(Edit::AddRecord),
    ];
    proptest::collection::vec(one, 0..6)
}

const NAMES: [&str; 5] = ["h0", "h1", "h2", "www", "txt"];

/// Does it, where there is something to do it to.
pub fn by_hand(house: &House, edits: &[Edit]) {
    for edit in edits {
        house.hand().edit(|w| match *edit {
            Edit::RenameDroplet(n) => {
                w.droplet_named(&format!("d{n}")).into_iter().for_each(|d| d.name = format!("renamed{n}"));
            }
            Edit::UntagDroplet(n) => {
                w.droplet_named(&format!("d{n}"))
                    .into_iter()
                    .for_each(|d| d.tags.retain(|t| t.starts_with("driftless")));
            }
            Edit::DestroyDroplet(n) => {
                w.droplets.retain(|_, d| d.name != format!("d{n}"));
            }
            Edit::OpenFirewall(n) => {
                w.firewall_named(&format!("fw{n}")).into_iter().for_each(|f| f.outbound_rules.clear());
            }
            Edit::DeleteFirewall(n) => w.firewalls.retain(|f| f.name != format!("fw{n}")),
            Edit::DescribeVpc(n) => {
                w.vpc_named(&format!("net{n}")).into_iter().for_each(|v| v.description = "by hand".to_owned());
            }
            Edit::RenameKey => w.keys.values_mut().for_each(|k| k.name = "by hand".to_owned()),
            Edit::ChangeRecord(n) => records(w, n, |r| r.ttl = 1234),
            Edit::DeleteRecord(n) => {
                let name = NAMES[usize::from(n)];
                w.domains.get_mut(ZONE).into_iter().for_each(|z| z.records.retain(|_, r| r.name != name));
            }
            // DigitalOcean takes no second CNAME of a name.
            Edit::DoubleRecord(n) => {
                let Some(zone) = w.domains.get_mut(ZONE) else { return };
                let Some(mut twin) =
                    zone.records.values().find(|r| r.name == NAMES[usize::from(n)] && r.kind != "CNAME").cloned()
                else {
                    return;
                };
                twin.id += 1_000_000;
                zone.records.insert(twin.id, twin);
            }
            Edit::AddRecord(n) => {
                let Some(zone) = w.domains.get_mut(ZONE) else { return };
                let Some(mut more) = zone.records.values().find(|r| r.kind == "NS").cloned() else { return };
                (more.id, more.kind, more.ttl) = (2_000_000 + u64::from(n), "TXT".to_owned(), 900);
                (more.name, more.data) = (format!("hand{n}"), "by hand".to_owned());
                zone.records.insert(more.id, more);
            }
        });
    }
}

fn records(world: &mut driftless::sandbox::World, n: u8, change: impl Fn(&mut driftless::sandbox::Record)) {
    let zone = world.domains.get_mut(ZONE).into_iter().flat_map(|z| z.records.values_mut());
    zone.filter(|r| r.name == NAMES[usize::from(n)]).for_each(change);
}

/// A fault that comes now and then.
#[derive(Clone, Debug)]
pub struct Now {
    pub requests: &'static str,
    what: &'static str,
    seed: u64,
}

impl Now {
    /// As the simulator reads it; another round has other chances.
    pub fn line(&self, round: u64) -> String {
        format!("{} {} chance=0.4 count=12 seed={}", self.requests, self.what, self.seed + round)
    }
}

fn faults(requests: &'static [&'static str], what: &'static [&'static str]) -> impl Strategy<Value = Vec<Now>> {
    let one = (proptest::sample::select(requests), proptest::sample::select(what), any::<u32>());
    let one = one.prop_map(|(requests, what, seed)| Now { requests, what, seed: seed.into() });
    proptest::collection::vec(one, 1..4)
}

pub fn write_faults() -> impl Strategy<Value = Vec<Now>> {
    const WRITES: &[&str] = &["POST /v2/**", "PUT /v2/**", "DELETE /v2/**", "POST /v2/droplets", "POST /v2/domains/**"];
    const WHAT: &[&str] = &["429", "500", "502", "lost-reply", "closed"];
    let hidden = (any::<bool>(), any::<u32>()).prop_map(|(on, seed)| {
        on.then_some(Now { requests: "GET /v2/droplets/*", what: "hidden=400ms", seed: seed.into() })
    });
    (faults(WRITES, WHAT), hidden).prop_map(|(faults, hidden)| faults.into_iter().chain(hidden).collect())
}

pub fn read_faults() -> impl Strategy<Value = Vec<Now>> {
    const READS: &[&str] = &[
        "GET /v2/**",
        "GET /v2/droplets",
        "GET /v2/domains/*/records",
        "GET /v2/firewalls",
        "GET /v2/vpcs",
        "GET /v2/account/keys",
        "GET /v2/account",
    ];
    const WHAT: &[&str] =
        &["500", "502", "lost-reply", "closed", "total=2", "total=-1", "shift=insert", "shift=remove", "stale=3"];
    faults(READS, WHAT)
}

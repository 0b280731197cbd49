//! Addresses: public ones from the documentation ranges, private ones from the droplet's VPC.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::Ipv4Net;
use serde::Serialize;

use super::droplets::Droplet;
use super::state::World;

/// TEST-NET-3, TEST-NET-2, TEST-NET-1, then the benchmarking range, which is large.
const PUBLIC: [([u8; 4], u32); 4] =
    [([203, 0, 113, 0], 256), ([198, 51, 100, 0], 256), ([192, 0, 2, 0], 256), ([198, 18, 0, 0], 131_072)];

/// The networks of a droplet as the API shows them.
#[derive(Serialize)]
pub(super) struct Networks {
    v4: Vec<V4>,
    v6: Vec<V6>,
}

#[derive(Serialize)]
struct V4 {
    ip_address: Ipv4Addr,
    netmask: Ipv4Addr,
    gateway: Ipv4Addr,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct V6 {
    ip_address: Ipv6Addr,
    netmask: u8,
    gateway: Ipv6Addr,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// Shows a droplet's addresses, the public one first.
pub(super) fn view(world: &World, droplet: &Droplet) -> Networks {
    let public = droplet.public_v4.map(|ip| V4 {
        ip_address: ip,
        netmask: Ipv4Addr::new(255, 255, 255, 0),
        gateway: gateway(ip),
        kind: "public",
    });
    let private = droplet.private_v4.map(|ip| {
        let net = range_of(world, droplet).unwrap_or_default();
        V4 {
            ip_address: ip,
            netmask: net.netmask(),
            gateway: Ipv4Addr::from(u32::from(net.network()).saturating_add(1)),
            kind: "private",
        }
    });
    let v6 = droplet.public_v6.map(|ip| V6 {
        ip_address: ip,
        netmask: 64,
        gateway: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
        kind: "public",
    });
    Networks { v4: public.into_iter().chain(private).collect(), v6: v6.into_iter().collect() }
}

/// Gives a droplet that has come up its addresses.
pub(super) fn assign(world: &mut World, id: u64) {
    let Some(droplet) = world.droplets.get(&id) else {
        return;
    };
    let private = range_of(world, droplet).and_then(|net| free(world, droplet, net));
    let (public, v6) = (droplet.public_networking, droplet.has("ipv6"));
    let v4 = public.then(|| next_public(world));
    if let Some(droplet) = world.droplets.get_mut(&id) {
        droplet.private_v4 = private;
        droplet.public_v4 = v4;
        if v6 {
            droplet.public_v6 = Some(v6_of(id));
        }
    }
}

/// Returns the IPv6 address that belongs to a droplet's number.
pub(super) fn v6_of(id: u64) -> Ipv6Addr {
    let [_, _, _, _, a, b, c, d] = id.to_be_bytes();
    let high = u16::from_be_bytes([a, b]);
    let low = u16::from_be_bytes([c, d]);
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, high, low)
}

fn gateway(ip: Ipv4Addr) -> Ipv4Addr {
    let [a, b, c, _] = ip.octets();
    Ipv4Addr::new(a, b, c, 1)
}

/// The network of a droplet's private address.
pub(super) fn range_of(world: &World, droplet: &Droplet) -> Option<Ipv4Net> {
    world.vpcs.iter().find(|vpc| vpc.id == droplet.vpc_uuid).map(|vpc| vpc.ip_range)
}

/// Addresses end in 2 to 254, so that none is a gateway or a broadcast address.
fn next_public(world: &mut World) -> Ipv4Addr {
    loop {
        let total: u32 = PUBLIC.iter().map(|(_, size)| size).sum();
        let mut index = world.public_addresses % total;
        world.public_addresses = world.public_addresses.wrapping_add(1);
        for (base, size) in PUBLIC {
            if index < size {
                if (2..255).contains(&(index % 256)) {
                    return Ipv4Addr::from(u32::from(Ipv4Addr::from(base)) + index);
                }
                break;
            }
            index -= size;
        }
    }
}

/// The next address after the highest in use, else the first free one.
fn free(world: &World, droplet: &Droplet, net: Ipv4Net) -> Option<Ipv4Addr> {
    let low = u32::from(net.network()).saturating_add(2);
    let high = u32::from(net.broadcast()).saturating_sub(1);
    let used: std::collections::BTreeSet<u32> = world
        .droplets
        .values()
        .filter(|other| other.vpc_uuid == droplet.vpc_uuid)
        .filter_map(|other| other.private_v4.map(u32::from))
        .collect();
    let next = used.last().map_or(low, |last| last.saturating_add(1));
    if next <= high {
        return Some(Ipv4Addr::from(next));
    }
    (low..=high).find(|ip| !used.contains(ip)).map(Ipv4Addr::from)
}

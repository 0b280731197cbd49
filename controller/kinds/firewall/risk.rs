//! Whether new rules let more of the world in. Judges sets of flows; knows no document.

use super::rules::{Far, Flow, Ports, Protocol, any, net_words};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};

/// Ranges shorter than these prefixes are as good as the world.
const WORLD_V4: u8 = 8;
const WORLD_V6: u8 = 16;

/// What `new` lets the world do that `old` did not, in words; tcp 80 and 443 are meant for the world, icmp has no ports.
pub fn exposes(old: &BTreeSet<Flow<Far>>, new: &BTreeSet<Flow<Far>>) -> Vec<String> {
    let old = ranges(old);
    let mut words = Vec::new();
    for ((protocol, ports), nets) in ranges(new) {
        if protocol == Protocol::Icmp || is_public(protocol, ports) {
            continue;
        }
        let wide = nets.iter().filter(|net| is_world(net));
        let opened: Vec<&IpNet> = wide.filter(|net| !covers(&old, protocol, ports, net)).collect();
        let ports = format!("{} {ports}", protocol.word());
        match opened.as_slice() {
            [] => {}
            both if any().iter().all(|half| both.contains(&half)) => words.push(ports),
            some => words.extend(some.iter().map(|net| format!("{ports} (from {})", net_words(net)))),
        }
    }
    words
}

fn is_public(protocol: Protocol, ports: Ports) -> bool {
    protocol == Protocol::Tcp && ports.low == ports.high && matches!(ports.low, 80 | 443)
}

fn is_world(net: &IpNet) -> bool {
    net.prefix_len() < if matches!(net, IpNet::V4(_)) { WORLD_V4 } else { WORLD_V6 }
}

/// Ranges by protocol and ports, neighbours joined: two halves of the world are the world.
fn ranges(flows: &BTreeSet<Flow<Far>>) -> BTreeMap<(Protocol, Ports), Vec<IpNet>> {
    let mut nets: BTreeMap<(Protocol, Ports), Vec<IpNet>> = BTreeMap::new();
    for flow in flows {
        if let Far::Net(net) = &flow.peer {
            nets.entry((flow.protocol, flow.ports)).or_default().push(*net);
        }
    }
    nets.into_iter().map(|(key, nets)| (key, IpNet::aggregate(&nets))).collect()
}

fn covers(old: &BTreeMap<(Protocol, Ports), Vec<IpNet>>, protocol: Protocol, ports: Ports, net: &IpNet) -> bool {
    old.iter()
        .filter(|((p, had), _)| *p == protocol && ports.within(*had))
        .any(|(_, nets)| nets.iter().any(|wide| wide.contains(net)))
}

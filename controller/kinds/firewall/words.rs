//! Rules in words such as `tcp 443 from any`. What a name stands for reads the same before and after it is known,
//! so that a plan and the change that is done compare.

use super::rules::{Far, Flow, Ports, Protocol, any, net_words};
use crate::model::ResourceId;
use std::collections::{BTreeMap, BTreeSet};

/// One flow in words.
pub fn flow<P>(flow: &Flow<P>, side: &str, peer: &str) -> String {
    match flow.protocol {
        Protocol::Icmp => format!("icmp {side} {peer}"),
        other => format!("{} {} {side} {peer}", other.word(), flow.ports),
    }
}

/// Flows in words, each once; both halves of `any` are one.
pub fn flows(all: &BTreeSet<Flow<Far>>, side: &str, names: &BTreeMap<Far, ResourceId>) -> Vec<String> {
    let mut peers: BTreeMap<(Protocol, Ports), Vec<&Flow<Far>>> = BTreeMap::new();
    for one in all {
        peers.entry((one.protocol, one.ports)).or_default().push(one);
    }
    let mut words = Vec::new();
    for group in peers.into_values() {
        let whole = any().map(Far::Net);
        let has_any = whole.iter().all(|half| group.iter().any(|f| f.peer == *half));
        if let (true, Some(first)) = (has_any, group.first()) {
            words.push(flow(first, side, "any"));
        }
        let rest = group.into_iter().filter(|f| !has_any || !whole.contains(&f.peer));
        words.extend(rest.map(|f| flow(f, side, &far(&f.peer, names))));
    }
    words
}

/// A far end in words: by its document where it has one.
pub fn far(far: &Far, names: &BTreeMap<Far, ResourceId>) -> String {
    if let Some(id) = names.get(far) {
        return id.to_string();
    }
    let short = |id: &str| id.split('-').next().unwrap_or_default().to_owned();
    match far {
        Far::Net(net) => net_words(net),
        Far::Droplet(id) => format!("droplet {id}"),
        Far::Tag(tag) => format!("tag {tag}"),
        Far::LoadBalancer(id) => format!("load balancer {}", short(id)),
        Far::Kubernetes(id) => format!("Kubernetes cluster {}", short(id)),
        Far::Strange(text) => text.clone(),
    }
}

//! A firewall as a document says it. Pure.

use super::diff::State;
use super::rules::{Far, Flow, Ports, Protocol, any, net_words};
use super::words;
use crate::model::{Draft, Fact, Names, Output, ResourceId};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn draft(id: &ResourceId, state: &State, names: &Names) -> Draft {
    let mut draft = Draft::default();
    draft.unless("name", state.name.as_str(), id.name.as_str());
    let mut apply_to = Map::new();
    let mut droplets = Vec::new();
    for number in &state.droplets {
        match droplet(*number, names) {
            Some(name) => droplets.push(name.to_owned()),
            None => {
                droplets.push(number.to_string());
                draft.refuse(format!("it covers the droplet {number}, which has no document here"));
            }
        }
    }
    droplets.sort();
    for (field, values) in [("droplets", droplets), ("tags", state.tags.iter().cloned().collect())] {
        if !values.is_empty() {
            apply_to.insert(field.to_owned(), values.into());
        }
    }
    draft.unless("applyTo", Value::Object(apply_to), json!({}));
    for (field, side, flows) in [("inbound", "from", &state.inbound), ("outbound", "to", &state.outbound)] {
        let rules = rules(side, flows, names, &mut draft);
        draft.unless(field, Value::Array(rules), json!([]));
    }
    draft
}

fn droplet(number: u64, names: &Names) -> Option<&str> {
    names.of("Droplet", Output::Id, &number.to_string())
}

/// Flows of equal protocol and ports as one rule.
fn rules(side: &str, flows: &BTreeSet<Flow<Far>>, names: &Names, draft: &mut Draft) -> Vec<Value> {
    let mut grouped: BTreeMap<(Protocol, Ports), BTreeSet<&Far>> = BTreeMap::new();
    for flow in flows {
        grouped.entry((flow.protocol, flow.ports)).or_default().insert(&flow.peer);
    }
    let mut rules = Vec::new();
    for ((protocol, ports), mut peers) in grouped {
        let mut far = Vec::new();
        let whole = any().map(Far::Net);
        if whole.iter().all(|half| peers.contains(half)) {
            peers.retain(|peer| !whole.contains(peer));
            far.push(json!("any"));
        }
        for peer in peers {
            match written(peer, names) {
                Some(peer) => far.push(peer),
                None => {
                    let what = words::far(peer, &BTreeMap::new());
                    draft.refuse(format!("{} {ports} {side} {what} cannot be written here", protocol.word()));
                    far.push(json!(what));
                }
            }
        }
        let mut rule = Map::new();
        rule.insert("protocol".to_owned(), json!(protocol.word()));
        if protocol != Protocol::Icmp {
            rule.insert(
                "ports".to_owned(),
                if ports.low == ports.high { json!(ports.low) } else { json!(ports.to_string()) },
            );
        }
        rule.insert(side.to_owned(), Value::Array(far));
        rules.push(Value::Object(rule));
    }
    rules
}

fn written(peer: &Far, names: &Names) -> Option<Value> {
    Some(match peer {
        Far::Net(net) => match names.of("Vpc", Output::Range, &net.to_string()) {
            Some(vpc) => json!({ "vpc": vpc }),
            None => json!(net_words(net)),
        },
        Far::Droplet(number) => json!({"droplet": droplet(*number, names)?}),
        Far::Tag(tag) => json!({ "tag": tag }),
        Far::LoadBalancer(_) | Far::Kubernetes(_) | Far::Strange(_) => return None,
    })
}

pub(super) fn facts(state: &State) -> Vec<Fact> {
    let world: BTreeSet<Far> = any().map(Far::Net).into();
    let open = state.inbound.iter().filter(|flow| world.contains(&flow.peer));
    let open: BTreeSet<(Protocol, Ports)> = open.map(|flow| (flow.protocol, flow.ports)).collect();
    let word = |(protocol, ports): (Protocol, Ports)| match protocol {
        Protocol::Icmp => "icmp".to_owned(),
        other => format!("{} {ports}", other.word()),
    };
    let mut facts: Vec<Fact> = open.into_iter().map(word).map(Fact::OpenPort).collect();
    let covers = [(state.droplets.len(), "droplet"), (state.tags.len(), "tag")];
    facts.extend(
        covers.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| Fact::Holds(count, what.to_owned())),
    );
    facts
}

//! Reads the account's firewalls. Concludes nothing.

use super::super::operate::{Look, Seen};
use super::diff::State;
use super::rules::{Far, Flow, Ports, Protocol, net};
use crate::model::ProviderId;
use crate::ports::digitalocean::{self, FirewallStatus, Result, Targets};
use std::collections::BTreeMap;

/// All firewalls, or why they could not be read.
pub(super) async fn all(look: &Look<'_>) -> Result<Vec<Seen<State>>, String> {
    read(look).await.map_err(|error| error.why())
}

async fn read(look: &Look<'_>) -> Result<Vec<Seen<State>>> {
    let client = &look.ports.digitalocean;
    let mut found: BTreeMap<String, digitalocean::Firewall> =
        client.firewalls().await?.into_iter().map(|firewall| (firewall.id.clone(), firewall)).collect();
    // A list may lag behind: an owned firewall is gone only where a GET says so.
    for id in look.owned_ids() {
        if !found.contains_key(&id.0)
            && let Some(firewall) = client.firewall(&id.0).await?
        {
            found.insert(id.0.clone(), firewall);
        }
    }
    // Rules that are still being put in force stand in no change's way, so nothing counts as changing.
    let seen = |firewall: &digitalocean::Firewall| Seen {
        provider_id: ProviderId(firewall.id.clone()),
        state: state(firewall),
        changing: false,
    };
    Ok(found.values().map(seen).collect())
}

/// A firewall in the words of `State`.
pub(super) fn state(firewall: &digitalocean::Firewall) -> State {
    let inbound = firewall.inbound_rules.iter().flat_map(|r| flows(&r.protocol, &r.ports, &r.sources));
    let outbound = firewall.outbound_rules.iter().flat_map(|r| flows(&r.protocol, &r.ports, &r.destinations));
    State {
        id: firewall.id.clone(),
        name: firewall.name.clone(),
        droplets: firewall.droplet_ids.iter().copied().collect(),
        tags: firewall.tags.iter().map(|tag| tag.to_ascii_lowercase()).collect(),
        inbound: inbound.collect(),
        outbound: outbound.collect(),
        failed: firewall.status == FirewallStatus::Failed,
    }
}

/// One rule as one flow for each far end. A rule that cannot be read stays visible, as what DigitalOcean wrote.
fn flows(protocol: &str, ports: &str, targets: &Targets) -> Vec<Flow<Far>> {
    let address = |text: &String| net(text).map_or_else(|| Far::Strange(text.clone()), Far::Net);
    let peers = targets.addresses.iter().map(address);
    let peers = peers.chain(targets.droplet_ids.iter().map(|id| Far::Droplet(*id)));
    let peers = peers.chain(targets.tags.iter().map(|tag| Far::Tag(tag.to_ascii_lowercase())));
    let peers = peers.chain(targets.load_balancer_uids.iter().cloned().map(Far::LoadBalancer));
    let peers = peers.chain(targets.kubernetes_ids.iter().cloned().map(Far::Kubernetes));
    let known = Protocol::parse(protocol).zip(match protocol {
        "icmp" => Some(Ports::ALL),
        _ => Ports::parse(ports),
    });
    match known {
        Some((protocol, ports)) => peers.map(|peer| Flow { protocol, ports, peer }).collect(),
        None => {
            let peer = Far::Strange(format!("somewhere ({protocol} {ports})"));
            vec![Flow { protocol: Protocol::Tcp, ports: Ports::ALL, peer }]
        }
    }
}

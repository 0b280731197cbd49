//! Works on firewalls. Decides nothing: each step sends one whole firewall, after the tags that it names.
//!
//! What happens if interrupted: a create whose answer was lost is found again by its name, which is unique in a team;
//! a replacement says all that the firewall is and may be sent again.

use super::super::operate::{Finished, Work};
use super::diff::{Body, Rule, State, Step};
use super::observe;
use super::rules::{Far, Protocol};
use crate::model::{Fault, ProviderId};
use crate::ports::digitalocean::{
    Client, ErrorKind, Firewall, FirewallBody, FirewallStatus, InboundRule, OutboundRule, Targets,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long rules may take to be in force everywhere before the wait is given up; the next look goes on watching.
const IN_FORCE_WITHIN: Duration = Duration::from_secs(60);
const LOOK_FIRST: Duration = Duration::from_millis(250);
const LOOK_MOST: Duration = Duration::from_secs(3);

pub(super) async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
    let client = &work.ports.digitalocean;
    match step {
        Step::Create(body) => create(work, &body).await,
        Step::Replace(body) => {
            let sent = wire(&body, &tags(client, &body).await?);
            let firewall = client.replace_firewall(id(work)?, &sent).await?;
            let firewall = in_force(client, firewall).await?;
            Ok(Finished { provider_id: None, state: Some(observe::state(&firewall)) })
        }
        Step::Delete => {
            client.delete_firewall(id(work)?).await?;
            Ok(Finished { provider_id: None, state: None })
        }
        Step::Release => Ok(Finished { provider_id: None, state: None }),
    }
}

async fn create(work: &Work<'_>, body: &Body) -> Result<Finished<State>, Fault> {
    let client = &work.ports.digitalocean;
    let sent = wire(body, &tags(client, body).await?);
    let firewall = match client.create_firewall(&sent).await {
        Ok(firewall) => firewall,
        Err(error) if error.kind() == ErrorKind::Conflict => {
            made_before(work, body).await?.ok_or_else(|| error.fault())?
        }
        Err(error) => return Err(error.fault()),
    };
    let id = ProviderId(firewall.id.clone());
    work.progress.stage(None, Some(&id)).await?;
    let firewall = in_force(client, firewall).await?;
    Ok(Finished { provider_id: Some(id), state: Some(observe::state(&firewall)) })
}

/// The firewall that was asked for, where it came to be since the last look; one that was there before, or that says
/// something else, is another's.
async fn made_before(work: &Work<'_>, body: &Body) -> Result<Option<Firewall>, Fault> {
    let before = |f: &Firewall| work.intent.is_some_and(|intent| intent.before.contains(&ProviderId(f.id.clone())));
    let flows = |rules: &[Rule]| -> BTreeSet<_> { rules.iter().flat_map(Rule::flows).collect() };
    let same = |firewall: &Firewall| {
        let state = observe::state(firewall);
        state.name == body.name
            && state.inbound == flows(&body.inbound)
            && state.outbound == flows(&body.outbound)
            && state.droplets == body.droplets
            && state.tags == body.tags
    };
    let all = work.ports.digitalocean.firewalls().await?;
    Ok(all.into_iter().find(|firewall| same(firewall) && !before(firewall)))
}

/// Makes sure that every tag exists, which a firewall asks for, and says how DigitalOcean spells each.
async fn tags(client: &Client, body: &Body) -> Result<BTreeMap<String, String>, Fault> {
    let peers = body.inbound.iter().chain(&body.outbound).flat_map(|rule| &rule.peers);
    let named = peers.filter_map(|peer| if let Far::Tag(tag) = peer { Some(tag) } else { None });
    let mut spelt = BTreeMap::new();
    for tag in body.tags.iter().chain(named) {
        if !spelt.contains_key(tag) {
            spelt.insert(tag.clone(), client.create_tag(tag).await?.name);
        }
    }
    Ok(spelt)
}

fn wire(body: &Body, spelt: &BTreeMap<String, String>) -> FirewallBody {
    let tag = |tag: &String| spelt.get(tag).unwrap_or(tag).clone();
    let targets = |rule: &Rule| {
        let mut to = Targets::default();
        for peer in &rule.peers {
            match peer {
                Far::Net(net) => to.addresses.push(net.to_string()),
                Far::Droplet(id) => to.droplet_ids.push(*id),
                Far::Tag(name) => to.tags.push(tag(name)),
                Far::LoadBalancer(id) => to.load_balancer_uids.push(id.clone()),
                Far::Kubernetes(id) => to.kubernetes_ids.push(id.clone()),
                Far::Strange(text) => to.addresses.push(text.clone()),
            }
        }
        to
    };
    let ports = |rule: &Rule| match rule.protocol {
        Protocol::Icmp => "0".to_owned(),
        Protocol::Tcp | Protocol::Udp => rule.ports.wire(),
    };
    let protocol = |rule: &Rule| rule.protocol.word().to_owned();
    let inbound = |r: &Rule| InboundRule { protocol: protocol(r), ports: ports(r), sources: targets(r) };
    let outbound = |r: &Rule| OutboundRule { protocol: protocol(r), ports: ports(r), destinations: targets(r) };
    FirewallBody {
        name: body.name.clone(),
        inbound_rules: body.inbound.iter().map(inbound).collect(),
        outbound_rules: body.outbound.iter().map(outbound).collect(),
        droplet_ids: body.droplets.iter().copied().collect(),
        tags: body.tags.iter().map(tag).collect(),
    }
}

/// Waits until the rules are in force everywhere, or for a minute. A failure shows in the state, and in the next plan.
async fn in_force(client: &Client, mut firewall: Firewall) -> Result<Firewall, Fault> {
    let began = Instant::now();
    let mut pause = LOOK_FIRST;
    while firewall.status == FirewallStatus::Waiting && began.elapsed() < IN_FORCE_WITHIN {
        sleep(pause).await;
        pause = pause.mul_f32(1.5).min(LOOK_MOST);
        firewall = client.firewall(&firewall.id).await?.ok_or_else(|| {
            let what = format!(
                "the firewall {} ({}) was deleted while its rules were put in force",
                firewall.name, firewall.id
            );
            Fault::transient(what, "The next look plans it anew.")
        })?;
    }
    Ok(firewall)
}

fn id<'a>(work: &Work<'a>) -> Result<&'a str, Fault> {
    work.provider_id
        .map(|id| id.0.as_str())
        .ok_or_else(|| Fault::permanent(format!("{} names no firewall", work.key), "Make the plan anew."))
}

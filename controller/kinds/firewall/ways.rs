//! Whose ways in and out a firewall's change alters, and what may not get through any more. Judges sets of flows.

use super::diff::{Body, State};
use super::rules::{Far, Flow, Protocol, net_words};
use crate::model::{Fact, ProviderId, Way, Whom};
use std::collections::BTreeSet;

/// What those who keep a host come in by, and what a controller goes out by: to git and to DigitalOcean, by name.
const IN: (Protocol, u16) = (Protocol::Tcp, 22);
const OUT: [(Protocol, u16); 2] = [(Protocol::Tcp, 443), (Protocol::Udp, 53)];

type Flows = BTreeSet<Flow<Far>>;

/// What a firewall covers and lets through.
struct Cover<'a> {
    droplets: &'a BTreeSet<u64>,
    tags: &'a BTreeSet<String>,
    inbound: Flows,
    outbound: Flows,
}

/// The ways that change from what is to what will be; none of both is no firewall.
pub(super) fn ways(before: Option<&State>, after: Option<&Body>) -> Vec<Way> {
    let before = before.map(|state| Cover {
        droplets: &state.droplets,
        tags: &state.tags,
        inbound: state.inbound.clone(),
        outbound: state.outbound.clone(),
    });
    let after = after.map(|body| Cover {
        droplets: &body.droplets,
        tags: &body.tags,
        inbound: body.inbound.iter().flat_map(|rule| rule.flows()).collect(),
        outbound: body.outbound.iter().flat_map(|rule| rule.flows()).collect(),
    });
    let all = || before.iter().chain(&after);
    let droplets: BTreeSet<u64> = all().flat_map(|cover| cover.droplets).copied().collect();
    let tags: BTreeSet<&String> = all().flat_map(|cover| cover.tags).collect();
    let droplets = droplets.into_iter().map(|id| {
        let whom = Whom::Object { kind: "Droplet".to_owned(), id: ProviderId(id.to_string()) };
        let covers = |cover: &Option<Cover<'_>>| cover.as_ref().is_some_and(|c| c.droplets.contains(&id));
        Way { whom, cuts: cuts(covers(&before), covers(&after), before.as_ref(), after.as_ref()) }
    });
    let tags = tags.into_iter().map(|tag| {
        let covers = |cover: &Option<Cover<'_>>| cover.as_ref().is_some_and(|c| c.tags.contains(tag));
        let cuts = cuts(covers(&before), covers(&after), before.as_ref(), after.as_ref());
        Way { whom: Whom::Every(Fact::Tag(tag.clone())), cuts }
    });
    droplets.chain(tags).collect()
}

/// What gets lost for something that was covered before, or is afterwards. Several firewalls let through what any of
/// them does; one alone can only say what it lets through no longer.
fn cuts(was: bool, is: bool, before: Option<&Cover<'_>>, after: Option<&Cover<'_>>) -> Option<String> {
    let none = Flows::new();
    let (had_in, had_out) = before.filter(|_| was).map_or((&none, &none), |c| (&c.inbound, &c.outbound));
    let (has_in, has_out) = after.filter(|_| is).map_or((&none, &none), |c| (&c.inbound, &c.outbound));
    let mut words = Vec::new();
    match (was, is) {
        // What no firewall covers is open; what one begins to cover has only what it lets through.
        (false, true) => {
            if peers(has_in, IN).is_empty() {
                words.push("it lets nobody in on tcp 22".to_owned());
            }
            let shut = OUT.iter().filter(|way| peers(has_out, **way).is_empty());
            words.extend(shut.map(|(protocol, port)| format!("it lets nothing out on {} {port}", protocol.word())));
        }
        _ => {
            words.extend(lost(had_in, has_in, IN).map(|who| format!("it lets in tcp 22 from {who} no longer")));
            let shut = OUT.iter().filter_map(|way| Some((way, lost(had_out, has_out, *way)?)));
            words.extend(
                shut.map(|((protocol, port), who)| {
                    format!("it lets out {} {port} to {who} no longer", protocol.word())
                }),
            );
        }
    }
    (!words.is_empty()).then(|| words.join("; "))
}

/// The far ends that one port is open to.
fn peers(flows: &Flows, (protocol, port): (Protocol, u16)) -> Vec<&Far> {
    let open = flows.iter().filter(|f| f.protocol == protocol && f.ports.low <= port && port <= f.ports.high);
    open.map(|flow| &flow.peer).collect()
}

/// Who had a port and has it no longer, in words.
fn lost(had: &Flows, has: &Flows, way: (Protocol, u16)) -> Option<String> {
    let has = peers(has, way);
    let kept = |far: &&Far| {
        has.iter().any(|now| match (far, now) {
            (Far::Net(then), Far::Net(now)) => now.contains(then),
            (then, now) => *then == *now,
        })
    };
    let gone: Vec<String> = peers(had, way).into_iter().filter(|far| !kept(far)).map(word).collect();
    (!gone.is_empty()).then(|| gone.join(", "))
}

fn word(far: &Far) -> String {
    match far {
        Far::Net(net) => net_words(net),
        Far::Droplet(id) => format!("droplet {id}"),
        Far::Tag(tag) => format!("tag {tag}"),
        Far::LoadBalancer(id) | Far::Kubernetes(id) | Far::Strange(id) => id.clone(),
    }
}

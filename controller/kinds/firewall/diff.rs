//! What is to be done so that a firewall is as its document says. Pure.

use super::Firewall;
use super::risk;
use super::rules::{Far, Flow, Peer, Ports, Protocol};
use super::spec::Want;
use super::{ways, words};
use crate::model::{
    Cause, Change, ChangeKey, Diff, Diffed, FieldChange, Finding, Observed, OnRemove, Output, Resolved, ResourceId,
    Risk, Shown, Step as Work, Verb, finding::Weight,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A firewall as it is at DigitalOcean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// DigitalOcean's id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The droplets covered by number.
    pub droplets: BTreeSet<u64>,
    /// The tags covered, in lower case.
    pub tags: BTreeSet<String>,
    /// What may come in.
    pub inbound: BTreeSet<Flow<Far>>,
    /// What may go out.
    pub outbound: BTreeSet<Flow<Far>>,
    /// Whether DigitalOcean says that it could not put the rules in force.
    pub failed: bool,
}

/// One change's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Makes it.
    Create(Body),
    /// Replaces it whole: what the body leaves out is gone.
    Replace(Body),
    /// Deletes it.
    Delete,
    /// Lets go of it; nothing is sent.
    Release,
}

/// All that a firewall is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    /// The name.
    pub name: String,
    /// What may come in.
    pub inbound: Vec<Rule>,
    /// What may go out.
    pub outbound: Vec<Rule>,
    /// The droplets covered by number.
    pub droplets: BTreeSet<u64>,
    /// The tags covered, in lower case.
    pub tags: BTreeSet<String>,
}

/// Flows of equal protocol and ports, as they are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What it speaks.
    pub protocol: Protocol,
    /// To which ports.
    pub ports: Ports,
    /// From or to whom.
    pub peers: Vec<Far>,
}

impl Rule {
    /// The flows that it lets through.
    pub fn flows(&self) -> impl Iterator<Item = Flow<Far>> + '_ {
        self.peers.iter().map(|peer| Flow { protocol: self.protocol, ports: self.ports, peer: peer.clone() })
    }
}

/// What is wanted with every name looked up that can be.
pub(super) struct Looked {
    pub(super) inbound: BTreeSet<Flow<Far>>,
    pub(super) outbound: BTreeSet<Flow<Far>>,
    pub(super) droplets: BTreeSet<u64>,
    pending_droplets: BTreeSet<ResourceId>,
    pending_inbound: BTreeSet<Flow<ResourceId>>,
    pending_outbound: BTreeSet<Flow<ResourceId>>,
    waits: BTreeMap<ResourceId, Output>,
    /// Whose a far end is, for words.
    names: BTreeMap<Far, ResourceId>,
}

pub(super) fn diff(input: &Diff<'_, Firewall>) -> Diffed<Step> {
    let mut out = Diffed::default();
    match (input.want, &input.have) {
        (_, Observed::Changing(_) | Observed::Unknown { .. }) | (None, Observed::Absent) => {}
        (None, Observed::Present(state)) => out.changes.push(remove(input, state)),
        (Some(want), have) => {
            if let Some(state) = have.state().filter(|s| s.failed) {
                out.findings.push(failed(input, state));
            }
            match look_up(input, want) {
                Ok(looked) => out.changes.extend(match have.state() {
                    Some(state) => update(input, want, looked, state),
                    None => Some(create(input, want, looked)),
                }),
                Err(unknown) => out.findings.extend(unknown.into_iter().map(|why| left_alone(input.id, &why))),
            }
        }
    }
    out
}

fn left_alone(id: &ResourceId, why: &str) -> Finding {
    Finding::about(id, Weight::Unknown, "reference-unknown", format!("the firewall is left as it is: {why}"))
        .hint("It is compared again once that can be seen.")
}

fn failed(input: &Diff<'_, Firewall>, state: &State) -> Finding {
    let text =
        format!("DigitalOcean could not put the rules of {} in force on every droplet (status failed)", state.name);
    Finding::about(input.id, Weight::Problem, "not-in-force", text)
        .hint("See Networking > Firewalls in the control panel; any change of the document sends the rules again.")
}

fn look_up(input: &Diff<'_, Firewall>, want: &Want) -> Result<Looked, Vec<String>> {
    let mut looked = Looked {
        inbound: BTreeSet::new(),
        outbound: BTreeSet::new(),
        droplets: BTreeSet::new(),
        pending_droplets: BTreeSet::new(),
        pending_inbound: BTreeSet::new(),
        pending_outbound: BTreeSet::new(),
        waits: BTreeMap::new(),
        names: BTreeMap::new(),
    };
    let mut unknown = BTreeSet::new();
    for droplet in &want.droplets {
        match find(input, &Peer::Droplet(droplet.clone()), &mut looked) {
            Ok(Some(Far::Droplet(id))) => drop(looked.droplets.insert(id)),
            Ok(_) => drop(looked.pending_droplets.insert(droplet.clone())),
            Err(why) => drop(unknown.insert(why)),
        }
    }
    for (inbound, flow) in want.inbound.iter().map(|f| (true, f)).chain(want.outbound.iter().map(|f| (false, f))) {
        match (find(input, &flow.peer, &mut looked), &flow.peer) {
            (Ok(Some(far)), _) => {
                let flows = if inbound { &mut looked.inbound } else { &mut looked.outbound };
                flows.insert(flow.with(far));
            }
            (Ok(None), Peer::Vpc(id) | Peer::Droplet(id)) => {
                let flows = if inbound { &mut looked.pending_inbound } else { &mut looked.pending_outbound };
                flows.insert(flow.with(id.clone()));
            }
            (Ok(None), Peer::Net(_) | Peer::Tag(_)) => {}
            (Err(why), _) => drop(unknown.insert(why)),
        }
    }
    label_former(input, &mut looked);
    if unknown.is_empty() { Ok(looked) } else { Err(unknown.into_iter().collect()) }
}

impl<P> Flow<P> {
    fn with<Q>(&self, peer: Q) -> Flow<Q> {
        Flow { protocol: self.protocol, ports: self.ports, peer }
    }
}

/// Looks a far end up: none where it is not known yet, an error where it could not be seen.
fn find(input: &Diff<'_, Firewall>, peer: &Peer, looked: &mut Looked) -> Result<Option<Far>, String> {
    let (id, output) = match peer {
        Peer::Net(net) => return Ok(Some(Far::Net(*net))),
        Peer::Tag(tag) => return Ok(Some(Far::Tag(tag.clone()))),
        Peer::Vpc(id) => (id, Output::Range),
        Peer::Droplet(id) => (id, Output::Id),
    };
    let value = match input.view.resolve(id, output) {
        Resolved::Known(value) => value,
        Resolved::Pending { from, output } => {
            looked.waits.insert(from, output);
            return Ok(None);
        }
        Resolved::Unknown { why } => return Err(why),
    };
    let far = match output {
        Output::Id => value.parse().ok().map(Far::Droplet),
        _ => super::rules::net(&value).map(Far::Net),
    };
    let far =
        far.ok_or_else(|| format!("the {} of {id} is {value:?}, which cannot be used in a rule", output.words()))?;
    looked.names.insert(far.clone(), id.clone());
    Ok(Some(far))
}

/// Droplets that the firewall covered before are called by their documents' names too.
fn label_former(input: &Diff<'_, Firewall>, looked: &mut Looked) {
    for id in input.owned.iter().flat_map(|o| &o.needs).filter(|id| id.kind == "Droplet") {
        if let Resolved::Known(number) = input.view.resolve(id, Output::Id)
            && let Ok(number) = number.parse()
        {
            looked.names.entry(Far::Droplet(number)).or_insert_with(|| id.clone());
        }
    }
}

fn body(want: &Want, looked: &Looked) -> Body {
    Body {
        name: want.name.clone(),
        inbound: grouped(&looked.inbound),
        outbound: grouped(&looked.outbound),
        droplets: looked.droplets.clone(),
        tags: want.tags.clone(),
    }
}

/// A live firewall as it would be sent.
fn as_it_is(state: &State) -> Body {
    Body {
        name: state.name.clone(),
        inbound: grouped(&state.inbound),
        outbound: grouped(&state.outbound),
        droplets: state.droplets.clone(),
        tags: state.tags.clone(),
    }
}

/// Flows of equal protocol and ports make one rule.
fn grouped(flows: &BTreeSet<Flow<Far>>) -> Vec<Rule> {
    let mut rules: BTreeMap<(Protocol, Ports), Vec<Far>> = BTreeMap::new();
    for flow in flows {
        rules.entry((flow.protocol, flow.ports)).or_default().push(flow.peer.clone());
    }
    rules.into_iter().map(|((protocol, ports), peers)| Rule { protocol, ports, peers }).collect()
}

fn work(looked: &Looked, step: Step) -> Work<Step> {
    if looked.waits.is_empty() {
        return Work::Ready(step);
    }
    let why = looked.waits.iter().map(|(id, output)| format!("{} of {id}", output.words())).collect::<Vec<_>>();
    Work::Waits { on: looked.waits.keys().cloned().collect(), why: why.join(", ") }
}

fn create(input: &Diff<'_, Firewall>, want: &Want, looked: Looked) -> Change<Step> {
    let body = body(want, &looked);
    let ways = ways::ways(None, Some(&body));
    let step = work(&looked, Step::Create(body));
    let mut change = Change::new(ChangeKey::whole(input.id, Verb::Create), "create", step)
        .generation(input.generation.saturating_add(1))
        .ways(ways)
        .undo(Step::Delete);
    change = change.field("name", Shown::Nothing, Shown::text(&want.name));
    for field in [
        FieldChange::new("inbound", Shown::Nothing, inbound(&looked)),
        FieldChange::new("outbound", Shown::Nothing, outbound(&looked)),
        FieldChange::new("applyTo.droplets", Shown::Nothing, droplets(&looked)),
        FieldChange::new("applyTo.tags", Shown::Nothing, Shown::set(want.tags.iter().cloned())),
    ] {
        if field.to != Shown::Set(Vec::new()) {
            change.fields.push(field);
        }
    }
    change
}

fn update(input: &Diff<'_, Firewall>, want: &Want, looked: Looked, state: &State) -> Option<Change<Step>> {
    let mut fields = Vec::new();
    if want.name != state.name {
        fields.push(FieldChange::new("name", Shown::text(&state.name), Shown::text(&want.name)));
    }
    if looked.inbound != state.inbound || !looked.pending_inbound.is_empty() {
        let from = words::flows(&state.inbound, "from", &looked.names);
        fields.push(FieldChange::new("inbound", Shown::set(from), inbound(&looked)));
    }
    if looked.outbound != state.outbound || !looked.pending_outbound.is_empty() {
        let from = words::flows(&state.outbound, "to", &looked.names);
        fields.push(FieldChange::new("outbound", Shown::set(from), outbound(&looked)));
    }
    if looked.droplets != state.droplets || !looked.pending_droplets.is_empty() {
        let from = state.droplets.iter().map(|id| words::far(&Far::Droplet(*id), &looked.names));
        fields.push(FieldChange::new("applyTo.droplets", Shown::set(from), droplets(&looked)));
    }
    if want.tags != state.tags {
        let (from, to) = (state.tags.iter().cloned(), want.tags.iter().cloned());
        fields.push(FieldChange::new("applyTo.tags", Shown::set(from), Shown::set(to)));
    }
    if fields.is_empty() {
        return None;
    }
    let body = body(want, &looked);
    let ways = ways::ways(Some(state), Some(&body));
    let step = work(&looked, Step::Replace(body));
    let mut change = Change::new(ChangeKey::whole(input.id, Verb::Update), "update", step)
        .on(input.provider_id)
        .generation(input.generation)
        .risk(risk_of(input, want, &looked, state))
        .ways(ways)
        .undo(Step::Replace(as_it_is(state)));
    change.fields = fields;
    if input.adopting {
        change = change.cause(Cause::Adoption);
    }
    Some(change)
}

fn risk_of(input: &Diff<'_, Firewall>, want: &Want, looked: &Looked, state: &State) -> Risk {
    let exposes = risk::exposes(&state.inbound, &looked.inbound);
    let came = looked.droplets.difference(&state.droplets).count() + looked.pending_droplets.len();
    let gone = state.droplets.difference(&looked.droplets).map(|id| Far::Droplet(*id));
    let (known, strange): (Vec<Far>, Vec<Far>) = gone.partition(|far| looked.names.contains_key(far));
    // As many new droplets as unknown ones that go: replaced droplets, whose former generation is about to be removed.
    let strange = if strange.len() <= came { Vec::new() } else { strange };
    let droplets = known.iter().chain(&strange).map(|far| words::far(far, &looked.names));
    let tags = state.tags.difference(&want.tags).map(|tag| format!("droplets tagged {tag}"));
    let bare: Vec<String> = droplets.chain(tags).collect();
    let mut why = Vec::new();
    if input.adopting {
        why.push(format!(
            "the firewall {} exists already and differs; this would change it to what git says",
            state.name
        ));
    }
    if !exposes.is_empty() {
        why.push(format!("opens {} to the world", exposes.join(", ")));
    }
    if !bare.is_empty() {
        why.push(format!("{} no longer protected by {}", are(&bare), state.name));
    }
    let why_text = why.join("; ");
    match (input.adopting, exposes.is_empty(), bare.is_empty()) {
        (true, ..) => Risk::TakesOver(why_text),
        (_, false, _) => Risk::Exposes(why_text),
        (_, _, false) => Risk::Unprotects(why_text),
        _ => Risk::None,
    }
}

fn are(names: &[String]) -> String {
    let verb = if let [only] = names { if only.starts_with("droplets") { "are" } else { "is" } } else { "are" };
    format!("{} {verb}", names.join(", "))
}

fn remove(input: &Diff<'_, Firewall>, state: &State) -> Change<Step> {
    if input.policy.on_remove != OnRemove::Destroy {
        return Change::new(
            ChangeKey::whole(input.id, Verb::Release),
            "let go of it; it stays",
            Work::Ready(Step::Release),
        )
        .on(input.provider_id)
        .generation(input.generation)
        .cause(Cause::Removal);
    }
    let names = input.owned.iter().flat_map(|o| &o.needs).filter_map(|id| match input.view.resolve(id, Output::Id) {
        Resolved::Known(number) => number.parse().ok().map(|n| (Far::Droplet(n), id.clone())),
        _ => None,
    });
    let names: BTreeMap<Far, ResourceId> = names.collect();
    let droplets = state.droplets.iter().map(|id| words::far(&Far::Droplet(*id), &names));
    let covered: Vec<String> = droplets.chain(state.tags.iter().map(|tag| format!("droplets tagged {tag}"))).collect();
    let why = match covered.as_slice() {
        [] => format!("removes the firewall {}, which covers nothing now", state.name),
        covered => format!("{} no longer protected by {}", are(covered), state.name),
    };
    Change::new(ChangeKey::whole(input.id, Verb::Delete), "delete", Work::Ready(Step::Delete))
        .on(input.provider_id)
        .generation(input.generation)
        .cause(Cause::Removal)
        .risk(Risk::Unprotects(why))
        .ways(ways::ways(Some(state), None))
        .field("name", Shown::text(&state.name), Shown::Nothing)
}

fn inbound(looked: &Looked) -> Shown {
    let pending = looked.pending_inbound.iter().map(|flow| words::flow(flow, "from", &flow.peer.to_string()));
    Shown::set(words::flows(&looked.inbound, "from", &looked.names).into_iter().chain(pending))
}

fn outbound(looked: &Looked) -> Shown {
    let pending = looked.pending_outbound.iter().map(|flow| words::flow(flow, "to", &flow.peer.to_string()));
    Shown::set(words::flows(&looked.outbound, "to", &looked.names).into_iter().chain(pending))
}

fn droplets(looked: &Looked) -> Shown {
    let known = looked.droplets.iter().map(|id| words::far(&Far::Droplet(*id), &looked.names));
    if looked.pending_droplets.is_empty() {
        return Shown::set(known);
    }
    let pending = looked.pending_droplets.iter().map(|id| Shown::Pending { of: id.clone(), output: Output::Id });
    Shown::Mixed(known.map(Shown::Text).chain(pending).collect())
}

//! What is to be done so that a zone is as its document says, record set by record set. Pure.

use super::Domain;
use super::normal::canonical_address;
use super::records::{Data, Op, Record, SetKey, in_sync, operations};
use super::spec::{Member, Set, Unlisted, Want};
use crate::model::{
    Cause, Change, ChangeKey, Diff, Diffed, Finding, Leads, Observed, OnRemove, Output, ProviderId, Resolved,
    ResourceId, Risk, Scope, Shown, Step as Work, Verb, finding::Weight,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A zone as it is at DigitalOcean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// Its name.
    pub zone: String,
    /// Its record sets; none for a zone that was listed and not read, since nobody asks for it.
    pub sets: Option<BTreeMap<SetKey, Vec<Record>>>,
}

impl State {
    /// Where its names lead; none for a zone that was not read.
    pub(super) fn leads(&self) -> Option<Leads> {
        let mut leads = Leads { zone: self.zone.to_ascii_lowercase(), names: BTreeMap::new() };
        for (key, records) in self.sets.as_ref()?.iter().filter(|(key, _)| key.leads()) {
            let lead = leads.names.entry(key.whole_name(&self.zone)).or_default();
            let values = records.iter().map(|record| record.data.value.clone());
            if key.kind == "CNAME" {
                lead.on = values.into_iter().next_back()
            } else {
                lead.to.extend(values)
            }
            lead.ttl = records.iter().map(|record| record.ttl).chain([lead.ttl]).max().unwrap_or_default();
        }
        Some(leads)
    }
}

/// One change's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Makes the zone.
    Create {
        /// Its name.
        zone: String,
    },
    /// Works on the records of one set, in this order.
    Records {
        /// The zone.
        zone: String,
        /// One call each.
        ops: Vec<Op>,
    },
    /// Makes a set so that DigitalOcean has put into the zone when it made it: its numbers are read first.
    Settle {
        /// The zone.
        zone: String,
        /// The name below the zone.
        name: String,
        /// The type.
        kind: String,
        /// Seconds that others may keep it.
        ttl: u32,
        /// What the set shall say.
        members: BTreeSet<Data>,
    },
    /// Lets go; nothing is sent.
    Release,
}

/// What is to become of one record set: decided before anything is compared.
enum Desired<'a> {
    /// It is as listed.
    So(&'a Set),
    /// It must not exist: why, in words, and how that came.
    Gone { title: String, cause: Cause },
    /// It stays, and stops being ours.
    LetGo,
    /// It is none of ours.
    Leave,
}

pub(super) fn diff(input: &Diff<'_, Domain>) -> Diffed<Step> {
    let mut out = Diffed::default();
    match (input.want, &input.have) {
        (_, Observed::Changing(_) | Observed::Unknown { .. }) | (None, Observed::Absent) => {}
        (None, Observed::Present(state)) => {
            let change = Change::new(
                ChangeKey::whole(input.id, Verb::Release),
                "let go of it; the zone and its records stay",
                Work::Ready(Step::Release),
            );
            out.changes.push(change.on(Some(&ProviderId(state.zone.clone()))).cause(Cause::Removal));
        }
        (Some(want), Observed::Absent) => {
            let change = Change::new(
                ChangeKey::whole(input.id, Verb::Create),
                "create the zone",
                Work::Ready(Step::Create { zone: want.zone.clone() }),
            );
            out.changes.push(change.generation(input.generation.saturating_add(1)).field(
                "name",
                Shown::Nothing,
                Shown::text(&want.zone),
            ));
            Zone::new(input, want, None, &mut out).work();
        }
        (Some(want), Observed::Present(state)) => match &state.sets {
            Some(sets) => Zone::new(input, want, Some(sets), &mut out).work(),
            None => {
                let text = format!("the records of {} were not read; nothing is concluded about them", state.zone);
                out.findings.push(Finding::about(input.id, Weight::Unknown, "not-read", text));
            }
        },
    }
    out
}

/// What is to become of every record set that is listed or lives.
type Wishes<'a> = BTreeMap<&'a SetKey, Desired<'a>>;

/// The comparison of one zone.
struct Zone<'a, 'o> {
    input: &'a Diff<'a, Domain>,
    want: &'a Want,
    /// None where the zone does not exist yet.
    live: Option<&'a BTreeMap<SetKey, Vec<Record>>>,
    desired: Wishes<'a>,
    unlisted: Vec<SetKey>,
    out: &'o mut Diffed<Step>,
}

impl<'a, 'o> Zone<'a, 'o> {
    fn new(
        input: &'a Diff<'a, Domain>,
        want: &'a Want,
        live: Option<&'a BTreeMap<SetKey, Vec<Record>>>,
        out: &'o mut Diffed<Step>,
    ) -> Self {
        let mut zone = Self { input, want, live, desired: BTreeMap::new(), unlisted: Vec::new(), out };
        for (key, set) in &want.sets {
            zone.desired.insert(key, Desired::So(set));
        }
        for key in live.into_iter().flat_map(BTreeMap::keys).filter(|key| !want.sets.contains_key(key)) {
            let desired = zone.of_unlisted(key);
            zone.desired.insert(key, desired);
        }
        zone
    }

    /// Hands off is an edit of what is desired, never a filter over changes.
    fn of_unlisted(&mut self, key: &SetKey) -> Desired<'a> {
        if self.want.ignore.iter().any(|one| one.matches(key)) || key.comes_with_the_zone() {
            return Desired::Leave;
        }
        if let Some(retired) = self.want.retired.get(&key.name) {
            let title = format!("delete: retired on {} ({})", retired.since, retired.reason);
            return Desired::Gone { title, cause: Cause::Document };
        }
        if self.is_ours(key) {
            return match self.input.policy.on_remove {
                OnRemove::Destroy => {
                    Desired::Gone { title: "delete: taken off the list".to_owned(), cause: Cause::Removal }
                }
                OnRemove::Keep | OnRemove::Stop => Desired::LetGo,
            };
        }
        match self.want.unlisted {
            Unlisted::Keep => Desired::Leave,
            Unlisted::Report => {
                self.unlisted.push(key.clone());
                Desired::Leave
            }
            Unlisted::Delete => {
                Desired::Gone { title: "delete: not listed (unlisted: delete)".to_owned(), cause: Cause::Drift }
            }
        }
    }

    fn is_ours(&self, key: &SetKey) -> bool {
        self.input.owned.is_some_and(|owned| owned.parts.contains_key(&key.to_string()))
    }

    fn live_of(&self, key: &SetKey) -> &'a [Record] {
        self.live.and_then(|live| live.get(key)).map_or(&[], Vec::as_slice)
    }

    fn work(mut self) {
        let desired = std::mem::take(&mut self.desired);
        for (key, what) in &desired {
            match what {
                Desired::So(set) => self.listed(key, set, &desired),
                Desired::Gone { title, cause } => self.gone(key, title, *cause),
                Desired::LetGo => {
                    let change = self.begin(key, Verb::Release, "let go of it; it stays", Work::Ready(Step::Release));
                    self.out.changes.push(change.cause(Cause::Removal));
                }
                Desired::Leave => {}
            }
        }
        self.order_ttls();
        self.report();
    }

    fn begin(&self, key: &SetKey, verb: Verb, title: &str, step: Work<Step>) -> Change<Step> {
        let change = Change::new(ChangeKey::part(self.input.id, key.to_string(), verb), title, step)
            .on(Some(&ProviderId(self.want.zone.clone())))
            .scope(Scope::within("Domain", &self.want.zone));
        let change = change.leads(key.leads().then(|| key.whole_name(&self.want.zone)));
        if self.live.is_some() { change } else { change.after(ChangeKey::whole(self.input.id, Verb::Create)) }
    }

    fn gone(&mut self, key: &SetKey, title: &str, cause: Cause) {
        let live = self.live_of(key);
        let ops = live.iter().map(|r| Op::Delete { id: r.id }).collect();
        let step = Work::Ready(Step::Records { zone: self.want.zone.clone(), ops });
        let change =
            self.begin(key, Verb::Delete, title, step).cause(cause).field("value", shown(live, true), Shown::Nothing);
        self.out.changes.push(change);
    }

    fn listed(&mut self, key: &SetKey, set: &'a Set, desired: &Wishes<'_>) {
        let looked = match look_up(self.input, set) {
            Ok(looked) => looked,
            Err(why) => {
                let text = format!("{key} is left as it is: {why}");
                let finding = Finding::about(self.input.id, Weight::Unknown, "reference-unknown", text);
                return self.out.findings.push(finding.hint("It is compared again once that can be seen."));
            }
        };
        let live = self.live_of(key);
        if looked.pending.is_empty() && !live.is_empty() && in_sync(live, looked.known.iter(), set.ttl) {
            return;
        }
        let Some(before) = self.out_of_the_way(key, desired) else { return };
        let verb = if live.is_empty() { Verb::Create } else { Verb::Update };
        let mut change = self.begin(key, verb, verb.word(), self.step(key, set, live, &looked));
        change.after.extend(before);
        let single = live.len() <= 1 && set.members.len() == 1;
        let to = looked.shown(single);
        if live.is_empty() {
            change = change.field("value", Shown::Nothing, to).field("ttl", Shown::Nothing, Shown::text(set.ttl));
        } else {
            change = self.fields_of_update(change, set, live, &looked, single, to);
            if !self.is_ours(key) {
                let risk = Risk::TakesOver(format!("{key} exists already, differs, and was never set from git"));
                change = change.cause(Cause::Adoption).risk(risk);
            }
        }
        if let (Risk::None, Some(risk)) = (&change.risk, self.shared_ttl(key, set.ttl, desired)) {
            change = change.risk(risk);
        }
        self.out.changes.push(change);
    }

    fn fields_of_update(
        &self,
        mut change: Change<Step>,
        set: &Set,
        live: &[Record],
        looked: &Looked,
        single: bool,
        to: Shown,
    ) -> Change<Step> {
        let says: BTreeSet<&Data> = live.iter().map(|r| &r.data).collect();
        if !looked.pending.is_empty() || says != looked.known.iter().collect() {
            change = change.field("value", shown(live, single), to);
        }
        let ttls: BTreeSet<u32> = live.iter().map(|r| r.ttl).collect();
        if ttls.iter().any(|ttl| *ttl != set.ttl) {
            let ttls = ttls.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            change = change.field("ttl", Shown::text(ttls), Shown::text(set.ttl));
        }
        change
    }

    fn step(&self, key: &SetKey, set: &Set, live: &[Record], looked: &Looked) -> Work<Step> {
        let zone = self.want.zone.clone();
        if !looked.pending.is_empty() {
            let why = looked.pending.iter().map(|(id, output)| format!("{} of {id}", output.words()));
            return Work::Waits {
                on: looked.pending.iter().map(|(id, _)| id.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
                why: why.collect::<Vec<_>>().join(", "),
            };
        }
        if self.live.is_none() && key.comes_with_the_zone() {
            let (name, kind) = (key.name.clone(), key.kind.clone());
            return Work::Ready(Step::Settle { zone, name, kind, ttl: set.ttl, members: looked.known.clone() });
        }
        Work::Ready(Step::Records { zone, ops: operations(key, live, looked.known.iter(), set.ttl) })
    }

    /// A CNAME is alone at its name: what stands in its way goes first, or nothing is done at all.
    fn out_of_the_way(&mut self, key: &SetKey, desired: &Wishes<'_>) -> Option<Vec<ChangeKey>> {
        let mut before = Vec::new();
        for (other, what) in desired.iter().filter(|(other, _)| key.excludes(other) && !self.live_of(other).is_empty())
        {
            match what {
                Desired::Gone { .. } => before.push(ChangeKey::part(self.input.id, other.to_string(), Verb::Delete)),
                _ => {
                    let text = format!(
                        "{key} cannot be made: {other} exists and is not in git, and a CNAME is alone at its name"
                    );
                    let hint = format!("Delete {other} by hand, or say unlisted: delete.");
                    self.out
                        .findings
                        .push(Finding::about(self.input.id, Weight::Problem, "cname-not-alone", text).hint(hint));
                    return None;
                }
            }
        }
        Some(before)
    }

    /// DigitalOcean keeps one ttl per name, so that a set which is none of ours would take on ours: somebody has to agree.
    fn shared_ttl(&self, key: &SetKey, ttl: u32, desired: &Wishes<'_>) -> Option<Risk> {
        let spared = desired.iter().filter(|(other, what)| {
            other.name == key.name && matches!(what, Desired::Leave) && !other.comes_with_the_zone()
        });
        let mut changed = spared.filter_map(|(other, _)| {
            let had = self.live_of(other).iter().map(|r| r.ttl).find(|had| *had != ttl)?;
            Some(format!("{other} (now {had})"))
        });
        let first = changed.next()?;
        let all = std::iter::once(first).chain(changed).collect::<Vec<_>>().join(", ");
        Some(Risk::TakesOver(format!(
            "DigitalOcean keeps one ttl per name: ttl {ttl} would also go to {all}, which is not in git"
        )))
    }

    /// A set that goes freely comes after one of its name that somebody has to approve, where both get another ttl:
    /// the first would do to the second what is held.
    fn order_ttls(&mut self) {
        let held: Vec<ChangeKey> = self
            .out
            .changes
            .iter()
            .filter(|c| matches!(c.risk, Risk::TakesOver(_)) && c.fields.iter().any(|f| f.path == "ttl"))
            .map(|c| c.key.clone())
            .collect();
        let name = |key: &ChangeKey| key.part.as_deref().and_then(SetKey::parse).map(|key| key.name);
        let free =
            |c: &&mut Change<Step>| matches!(c.risk, Risk::None) && matches!(c.key.verb, Verb::Create | Verb::Update);
        for change in self.out.changes.iter_mut().filter(free).filter(|c| c.key.part.is_some()) {
            let before = held.iter().filter(|key| name(key) == name(&change.key));
            change.after.extend(before.cloned());
        }
    }

    /// One finding for all sets that nobody lists.
    fn report(&mut self) {
        let count = self.unlisted.len();
        if count == 0 {
            return;
        }
        let some: Vec<String> = self.unlisted.iter().take(5).map(ToString::to_string).collect();
        let rest = count.saturating_sub(some.len());
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let (sets, are) = if count == 1 { ("set", "is") } else { ("sets", "are") };
        let text = format!("{count} record {sets} of {} {are} not in git: {}{more}", self.want.zone, some.join(", "));
        let finding = Finding::about(self.input.id, Weight::Note, "unlisted", text);
        self.out.findings.push(finding.hint("List them, name them under ignore, or say unlisted: keep or delete."));
    }
}

/// A wanted set with every name looked up that can be.
struct Looked {
    known: BTreeSet<Data>,
    pending: Vec<(ResourceId, Output)>,
}

impl Looked {
    fn shown(&self, single: bool) -> Shown {
        let pending = || self.pending.iter().map(|(of, output)| Shown::Pending { of: of.clone(), output: *output });
        match (single, self.pending.is_empty(), self.known.first()) {
            (true, false, _) => pending().next().unwrap_or(Shown::Nothing),
            (true, true, Some(data)) => Shown::text(data),
            (_, true, _) => Shown::set(self.known.iter().map(ToString::to_string)),
            (_, false, _) => Shown::Mixed(self.known.iter().map(Shown::text).chain(pending()).collect()),
        }
    }
}

fn look_up(input: &Diff<'_, Domain>, set: &Set) -> Result<Looked, String> {
    let mut looked = Looked { known: BTreeSet::new(), pending: Vec::new() };
    for member in &set.members {
        match member {
            Member::Says(data) => drop(looked.known.insert(data.clone())),
            Member::Of { id, output } => match input.view.resolve(id, *output) {
                Resolved::Known(value) => drop(looked.known.insert(Data::plain(canonical_address(&value)))),
                Resolved::Pending { from, output } => looked.pending.push((from, output)),
                Resolved::Unknown { why } => return Err(why),
            },
        }
    }
    Ok(looked)
}

fn shown(live: &[Record], single: bool) -> Shown {
    match live {
        [] => Shown::Nothing,
        [only] if single => Shown::text(&only.data),
        many => Shown::set(many.iter().map(|r| r.data.to_string()).collect::<BTreeSet<_>>()),
    }
}

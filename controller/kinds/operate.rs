//! The other half of a kind: the only code of it that waits on the world.
//! Owns the trait and its erasure; decides nothing.

use crate::model::{
    AnyKind, ChangeKey, Document, Done, Erased, Fault, Intent, Kind, Live, Of, Owned, Pin, ProviderId, ResourceId,
    Scope, Sighting, Supply, erased::expose,
};
use crate::ports::Ports;
use crate::ports::host::Stranger;
use crate::ports::host::survey::{Ask, Survey};
use futures::future::BoxFuture;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

/// How a kind is looked at and worked on.
pub trait Operate: Kind {
    /// When it is looked at.
    const TURN: Turn = Turn::Account;

    /// What it wants to know of hosts besides what every survey brings, by the hosts' names.
    fn asks(_look: &Look<'_>) -> Vec<(String, Ask)> {
        Vec::new()
    }

    /// How a document's machine is asked for its key; none where there is no such document, or it is no machine.
    fn contact(_look: &Look<'_>, _id: &ResourceId) -> Option<Result<Contact, String>> {
        None
    }

    /// Reads every scope of this kind that documents or Memory speak of (with `Look::whole`, that exists); each whole, or with the reason why not.
    ///
    /// An owned id that a list lacks is asked for by GET: it is absent only on a 404.
    fn observe(look: &Look<'_>) -> impl Future<Output = Sightings<Self::State>> + Send;

    /// Reads what the document of a live object is drafted from besides what a look brings, for an import; none: nothing.
    fn study(_ports: &Ports, _state: &Self::State) -> impl Future<Output = Option<Self::State>> + Send {
        std::future::ready(None)
    }

    /// Does one step, waits until it is done, and reads the object back.
    ///
    /// What happens if interrupted: the step's intent stands in Memory with the last `Progress::stage`; the next look
    /// finds the object as it is, and `diff` resumes from that intent.
    fn apply(work: &Work<'_>, step: Self::Step) -> impl Future<Output = Result<Finished<Self::State>, Fault>> + Send;
}

/// A machine that can be asked for its key.
#[derive(Clone, Debug)]
pub struct Contact {
    /// How it is asked.
    pub stranger: Stranger,
    /// Which machine it is: a droplet's id, an address.
    pub machine: String,
}

/// When a kind is looked at: what an earlier turn saw is known by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// What the account holds.
    Account,
    /// The hosts, at the addresses that the account's turn found.
    Hosts,
    /// What is on them, from the surveys of the hosts' turn.
    OnHosts,
}

/// What was found, scope by scope, or why a scope could not be read.
pub type Sightings<S> = Vec<(Scope, Result<Vec<Seen<S>>, String>)>;

/// One live object as a kind saw it.
pub struct Seen<S> {
    /// The provider's id.
    pub provider_id: ProviderId,
    /// What it is like.
    pub state: S,
    /// Whether the provider is at work on it.
    pub changing: bool,
}

/// What a kind is looked at with, and for.
pub struct Look<'a> {
    /// The ways to the world.
    pub ports: &'a Ports,
    /// The wants of this kind's documents.
    pub wants: Vec<(&'a ResourceId, &'a Erased)>,
    /// What Memory owns of this kind.
    pub owned: BTreeMap<&'a ResourceId, &'a Owned>,
    /// Whether all that the account holds is read, also what neither documents nor Memory speak of: for an import.
    pub whole: bool,
    /// Work of this kind that was begun and not seen to end: what it made is looked for, document or not.
    pub begun: Vec<&'a Intent>,
    /// What the account's turn saw; what is wanted and not there yet is pending.
    pub supplies: &'a HashMap<ResourceId, Supply>,
    /// Documents whose objects this controller itself made, and did not find or take over.
    pub made: &'a BTreeSet<ResourceId>,
    /// The keys that hosts are believed to have.
    pub pins: &'a BTreeMap<ResourceId, Pin>,
    /// What all kinds ask of hosts, by the hosts' names.
    pub asks: &'a BTreeMap<String, BTreeSet<Ask>>,
    /// What this look has seen of hosts.
    pub surveys: &'a Surveys,
}

impl Look<'_> {
    /// The typed wants of this kind's documents.
    pub fn wants<K: Kind>(&self) -> impl Iterator<Item = (&ResourceId, &K::Want)> {
        self.wants.iter().map(|(id, want)| (*id, expose::<K::Want>(want)))
    }
    /// The hosts that documents of this kind name, and those where Memory owns or has begun something of it; with `whole`,
    /// every host that is declared.
    pub fn hosts<K: Kind>(&self) -> BTreeSet<String> {
        let wanted = self.wants::<K>().filter_map(|(_, want)| K::scope(want).within);
        let former = |owned: &Owned| owned.retiring.iter().filter_map(|r| r.scope.clone()).collect::<Vec<_>>();
        let owned = self.owned.values().flat_map(|owned| former(owned).into_iter().chain([owned.scope.clone()]));
        let owned = owned.filter_map(|scope| scope.within);
        let begun = self.begun.iter().filter_map(|intent| intent.scope.within.clone());
        let declared = self.supplies.keys().filter(|id| self.whole && id.kind == "Host").map(|id| id.name.clone());
        wanted.chain(owned).chain(begun).chain(declared).collect()
    }
    /// The provider ids that Memory owns of this kind, former generations included.
    pub fn owned_ids(&self) -> impl Iterator<Item = &ProviderId> {
        self.owned
            .values()
            .flat_map(|o| std::iter::once(&o.provider_id).chain(o.retiring.iter().map(|r| &r.provider_id)))
    }
}

/// What one look has seen of hosts, by name: the hosts' turn fills it, and everything on them is read from it.
#[derive(Default)]
pub struct Surveys(Mutex<BTreeMap<String, Surveyed>>);

/// What one look has seen of a host.
#[derive(Clone)]
pub enum Surveyed {
    /// There is no machine yet that anything could be on.
    Nothing,
    /// It was seen.
    Seen(Arc<Survey>),
    /// It was not, and why.
    Unknown(String),
}

impl Surveys {
    /// What was seen of the host of a name.
    pub fn get(&self, host: &str) -> Surveyed {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(host).cloned().unwrap_or_else(|| Surveyed::Unknown(format!("Host/{host} was not looked at")))
    }
    /// Notes what was seen of it.
    pub fn put(&self, host: &str, seen: Surveyed) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned(), seen);
    }
    /// How many hosts were seen.
    pub fn reached(&self) -> usize {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().filter(|seen| matches!(seen, Surveyed::Seen(_))).count()
    }
}

/// What a step is done with.
pub struct Work<'a> {
    /// The ways to the world.
    pub ports: &'a Ports,
    /// The change.
    pub key: &'a ChangeKey,
    /// What the document wants, for what a step names by its fingerprint only; none where the document has gone.
    pub want: Option<&'a Erased>,
    /// The document, for where its fields stand; none where it has gone.
    pub document: Option<&'a Document>,
    /// The live object; none for a create.
    pub provider_id: Option<&'a ProviderId>,
    /// The open intent, with the stage that an interrupted run reached.
    pub intent: Option<&'a Intent>,
    /// The keys that hosts are believed to have.
    pub pins: &'a BTreeMap<ResourceId, Pin>,
    /// Where stages are written down.
    pub progress: &'a dyn Progress,
}

impl Work<'_> {
    /// The typed want of the change's document.
    pub fn want<K: Kind>(&self) -> Option<&K::Want> {
        self.want.map(expose::<K::Want>)
    }

    /// A field of the document with its file, line and column, where they are known.
    pub fn placed(&self, field: &str) -> String {
        match self.document {
            Some(document) => format!("{field} ({})", document.place_of(field)),
            None => field.to_owned(),
        }
    }
}

/// Writes down how far staged work has come, durably, before it returns.
pub trait Progress: Send + Sync {
    /// Says for people at which stage it is, such as `waiting for cloud-init`, and what was seen last; nothing is kept of it.
    fn tell(&self, stage: &str, detail: &str);
    /// Records a stage such as `powered-off`, or the id of what a create made.
    fn stage<'a>(&'a self, stage: Option<&'a str>, made: Option<&'a ProviderId>) -> BoxFuture<'a, Result<(), Fault>>;
    /// Records the key that the change's host showed at first contact.
    fn pin<'a>(&'a self, pin: Pin) -> BoxFuture<'a, Result<(), Fault>>;
}

/// What a finished step brings back.
pub struct Finished<S> {
    /// The live object's id, for a create.
    pub provider_id: Option<ProviderId>,
    /// The object as it was read back; none where it is gone.
    pub state: Option<S>,
}

/// `Operate` without its types.
pub trait AnyOperate: AnyKind {
    /// See `Operate::TURN`.
    fn turn(&self) -> Turn;
    /// See `Operate::contact`.
    fn contact(&self, look: &Look<'_>, id: &ResourceId) -> Option<Result<Contact, String>>;
    /// See `Operate::asks`.
    fn asks(&self, look: &Look<'_>) -> Vec<(String, Ask)>;
    /// See `Operate::observe`.
    fn observe<'a>(&'a self, look: &'a Look<'a>) -> BoxFuture<'a, Vec<(Scope, Sighting)>>;
    /// See `Operate::study`.
    fn study<'a>(&'a self, ports: &'a Ports, live: &'a Live) -> BoxFuture<'a, Option<Live>>;
    /// See `Operate::apply`.
    fn apply<'a>(&'a self, work: &'a Work<'a>, step: Value) -> BoxFuture<'a, Result<Done, Fault>>;
}

impl<K: Operate> AnyOperate for Of<K> {
    fn turn(&self) -> Turn {
        K::TURN
    }
    fn asks(&self, look: &Look<'_>) -> Vec<(String, Ask)> {
        K::asks(look)
    }
    fn contact(&self, look: &Look<'_>, id: &ResourceId) -> Option<Result<Contact, String>> {
        K::contact(look, id)
    }
    fn observe<'a>(&'a self, look: &'a Look<'a>) -> BoxFuture<'a, Vec<(Scope, Sighting)>> {
        Box::pin(async move {
            let erase = |seen: Seen<K::State>| Live {
                provider_id: seen.provider_id,
                state: Arc::new(seen.state) as Erased,
                changing: seen.changing,
            };
            K::observe(look)
                .await
                .into_iter()
                .map(|(scope, found)| {
                    (scope, Sighting { found: found.map(|all| all.into_iter().map(erase).collect()) })
                })
                .collect()
        })
    }

    fn study<'a>(&'a self, ports: &'a Ports, live: &'a Live) -> BoxFuture<'a, Option<Live>> {
        Box::pin(async move {
            let studied = K::study(ports, expose::<K::State>(&live.state)).await?;
            Some(Live { state: Arc::new(studied) as Erased, ..live.clone() })
        })
    }

    fn apply<'a>(&'a self, work: &'a Work<'a>, step: Value) -> BoxFuture<'a, Result<Done, Fault>> {
        Box::pin(async move {
            let step = serde_json::from_value::<K::Step>(step).map_err(|e| {
                Fault::permanent(
                    format!("the step of {} cannot be read: {e}", work.key),
                    "The plan was made by another version of driftless: make it anew.",
                )
            })?;
            let finished = K::apply(work, step).await?;
            Ok(Done { provider_id: finished.provider_id, state: finished.state.map(|s| Arc::new(s) as Erased) })
        })
    }
}

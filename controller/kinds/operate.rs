//! The other half of a kind: the only code of it that waits on the world.
//! Owns the trait and its erasure; decides nothing.

use crate::model::{
    AnyKind, ChangeKey, Done, Erased, Fault, Intent, Kind, Live, Of, Owned, ProviderId, ResourceId, Scope, Sighting,
    erased::expose,
};
use crate::ports::Ports;
use futures::future::BoxFuture;
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

/// How a kind is looked at and worked on.
pub trait Operate: Kind {
    /// Reads every scope of this kind that documents or Memory speak of (with `Look::whole`, that exists); each whole, or with the reason why not.
    ///
    /// An owned id that a list lacks is asked for by GET: it is absent only on a 404.
    fn observe(look: &Look<'_>) -> impl Future<Output = Sightings<Self::State>> + Send;

    /// Does one step, waits until it is done, and reads the object back.
    ///
    /// What happens if interrupted: the step's intent stands in Memory with the last `Progress::stage`; the next look
    /// finds the object as it is, and `diff` resumes from that intent.
    fn apply(work: &Work<'_>, step: Self::Step) -> impl Future<Output = Result<Finished<Self::State>, Fault>> + Send;
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
}

impl Look<'_> {
    /// The typed wants of this kind's documents.
    pub fn wants<K: Kind>(&self) -> impl Iterator<Item = (&ResourceId, &K::Want)> {
        self.wants.iter().map(|(id, want)| (*id, expose::<K::Want>(want)))
    }
    /// The provider ids that Memory owns of this kind, former generations included.
    pub fn owned_ids(&self) -> impl Iterator<Item = &ProviderId> {
        self.owned
            .values()
            .flat_map(|o| std::iter::once(&o.provider_id).chain(o.retiring.iter().map(|r| &r.provider_id)))
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
    /// The live object; none for a create.
    pub provider_id: Option<&'a ProviderId>,
    /// The open intent, with the stage that an interrupted run reached.
    pub intent: Option<&'a Intent>,
    /// Where stages are written down.
    pub progress: &'a dyn Progress,
}

impl Work<'_> {
    /// The typed want of the change's document.
    pub fn want<K: Kind>(&self) -> Option<&K::Want> {
        self.want.map(expose::<K::Want>)
    }
}

/// Writes down how far staged work has come, durably, before it returns.
pub trait Progress: Send + Sync {
    /// Records a stage such as `powered-off`, or the id of what a create made.
    fn stage<'a>(&'a self, stage: Option<&'a str>, made: Option<&'a ProviderId>) -> BoxFuture<'a, Result<(), Fault>>;
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
    /// See `Operate::observe`.
    fn observe<'a>(&'a self, look: &'a Look<'a>) -> BoxFuture<'a, Vec<(Scope, Sighting)>>;
    /// See `Operate::apply`.
    fn apply<'a>(&'a self, work: &'a Work<'a>, step: Value) -> BoxFuture<'a, Result<Done, Fault>>;
}

impl<K: Operate> AnyOperate for Of<K> {
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

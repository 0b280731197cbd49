//! Kinds without their types, so that the planner and the repo can hold all of them in one list.
//! Owns the one place where types are erased and found again.

use super::kind::{Diff, FileNeed, Kind, Need};
use super::*;
use serde_json::Value;
use std::any::Any;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

/// A kind's `Spec`, `Want` or `State` with its type erased; only the kind it belongs to looks inside.
pub type Erased = Arc<dyn Any + Send + Sync>;

/// `Diff` without types.
pub struct AnyDiff<'a> {
    /// See `Diff`.
    pub id: &'a ResourceId,
    /// See `Diff`.
    pub want: Option<&'a Erased>,
    /// See `Diff`.
    pub have: Observed<&'a Erased>,
    /// See `Diff`.
    pub provider_id: Option<&'a ProviderId>,
    /// See `Diff`.
    pub owned: Option<&'a Owned>,
    /// See `Diff`.
    pub policy: &'a Policy,
    /// See `Diff`.
    pub adopting: bool,
    /// See `Diff`.
    pub generation: u32,
    /// See `Diff`.
    pub intent: Option<&'a Intent>,
    /// See `Diff`.
    pub retiring: Vec<&'a ProviderId>,
    /// See `Diff`.
    pub scopes: Option<&'a BTreeMap<Scope, Sighting>>,
    /// See `Diff`.
    pub view: &'a View<'a>,
}

/// `Kind` without its types. Every function panics when it is handed another kind's value: a programming error, not an input.
pub trait AnyKind: Send + Sync {
    /// The word in `kind:`.
    fn name(&self) -> &'static str;
    /// What it is, in a sentence.
    fn about(&self) -> &'static str;
    /// The default of `policy.onRemove`.
    fn on_remove(&self) -> OnRemove;
    /// Whether ownership is decided part by part.
    fn by_part(&self) -> bool;
    /// Whether its objects have a price.
    fn priced(&self) -> bool;
    /// See `Kind::ZONES`.
    fn zones(&self) -> bool;
    /// See `Kind::WITHIN`.
    fn within(&self) -> Option<&'static str>;
    /// See `Kind::HOME`.
    fn home(&self) -> &'static str;
    /// See `Kind::MANY`.
    fn many(&self) -> &'static str;
    /// The JSON Schema of `spec`.
    fn schema(&self) -> Value;
    /// Reads `spec`; the repo room has checked it against the schema before.
    fn spec(&self, spec: Value) -> Result<Erased, String>;
    /// See `Kind::files`.
    fn files(&self, spec: &Erased) -> Vec<FileNeed>;
    /// See `Kind::desire`.
    fn desire(&self, id: &ResourceId, spec: &Erased, estate: &EstateView<'_>) -> Result<Erased, Vec<Complaint>>;
    /// See `Kind::check`.
    fn check(&self, all: &[(&ResourceId, &Erased)]) -> Vec<(ResourceId, Complaint)>;
    /// See `Kind::offer`.
    fn offer(&self, want: &Erased) -> Option<Offer>;
    /// See `Kind::meet`.
    fn meet(&self, id: &ResourceId, want: &Erased, offers: &Offers) -> Result<Option<Erased>, Vec<Complaint>>;
    /// See `Kind::needs`.
    fn needs(&self, want: &Erased) -> Vec<Need>;
    /// See `Kind::scope`.
    fn scope(&self, want: &Erased) -> Scope;
    /// See `Kind::keys`.
    fn keys(&self, want: &Erased) -> Vec<Key>;
    /// See `Kind::keys_of`.
    fn keys_of(&self, state: &Erased) -> Vec<Key>;
    /// See `Kind::marker`.
    fn marker(&self, state: &Erased) -> Option<Marker>;
    /// See `Kind::title`.
    fn title(&self, state: &Erased) -> String;
    /// See `Kind::outputs`.
    fn outputs(&self, state: &Erased) -> BTreeMap<Output, String>;
    /// See `Kind::fingerprints`.
    fn fingerprints(&self, want: &Erased) -> BTreeMap<String, Digest>;
    /// See `Kind::members`.
    fn members(&self, state: &Erased) -> usize;
    /// See `Kind::facts`.
    fn facts(&self, state: &Erased) -> Vec<Fact>;
    /// See `Kind::serves`.
    fn serves(&self, want: &Erased) -> Option<Serves>;
    /// See `Kind::leads`.
    fn leads(&self, state: &Erased) -> Option<Leads>;
    /// See `Kind::price`.
    fn price(&self, state: &Erased, catalog: &Catalog) -> Option<Cents>;
    /// See `Kind::draft`.
    fn draft(&self, id: &ResourceId, state: &Erased, names: &Names) -> Draft;
    /// See `Kind::diff`.
    fn diff(&self, input: AnyDiff<'_>) -> Diffed<Value>;
    /// The want as JSON, for people and tests.
    fn want_json(&self, want: &Erased) -> Value;
    /// The state as JSON, for people and tests.
    fn state_json(&self, state: &Erased) -> Value;
}

/// Erases a kind.
pub struct Of<K>(PhantomData<fn() -> K>);

impl<K> Of<K> {
    /// The kind as a value.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<K> Default for Of<K> {
    fn default() -> Self {
        Self::new()
    }
}

/// Finds the type again.
pub fn expose<T: 'static>(value: &Erased) -> &T {
    #[expect(clippy::expect_used, reason = "handing one kind's value to another is a programming error")]
    value.downcast_ref::<T>().expect("a value of this kind")
}

impl<K: Kind> AnyKind for Of<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }
    fn about(&self) -> &'static str {
        K::ABOUT
    }
    fn on_remove(&self) -> OnRemove {
        K::ON_REMOVE
    }
    fn by_part(&self) -> bool {
        K::BY_PART
    }
    fn priced(&self) -> bool {
        K::PRICED
    }
    fn zones(&self) -> bool {
        K::ZONES
    }
    fn within(&self) -> Option<&'static str> {
        K::WITHIN
    }
    fn home(&self) -> &'static str {
        K::HOME
    }
    fn many(&self) -> &'static str {
        K::MANY
    }
    fn schema(&self) -> Value {
        schemars::SchemaGenerator::default().into_root_schema_for::<K::Spec>().to_value()
    }
    fn spec(&self, spec: Value) -> Result<Erased, String> {
        serde_json::from_value::<K::Spec>(spec).map(|s| Arc::new(s) as Erased).map_err(|e| e.to_string())
    }
    fn files(&self, spec: &Erased) -> Vec<FileNeed> {
        K::files(expose(spec))
    }
    fn desire(&self, id: &ResourceId, spec: &Erased, estate: &EstateView<'_>) -> Result<Erased, Vec<Complaint>> {
        K::desire(id, expose(spec), estate).map(|want| Arc::new(want) as Erased)
    }
    fn check(&self, all: &[(&ResourceId, &Erased)]) -> Vec<(ResourceId, Complaint)> {
        let all: Vec<(&ResourceId, &K::Want)> = all.iter().map(|(id, want)| (*id, expose(want))).collect();
        K::check(&all)
    }
    fn offer(&self, want: &Erased) -> Option<Offer> {
        K::offer(expose(want))
    }
    fn meet(&self, id: &ResourceId, want: &Erased, offers: &Offers) -> Result<Option<Erased>, Vec<Complaint>> {
        K::meet(id, expose(want), offers).map(|met| met.map(|want| Arc::new(want) as Erased))
    }
    fn needs(&self, want: &Erased) -> Vec<Need> {
        K::needs(expose(want))
    }
    fn scope(&self, want: &Erased) -> Scope {
        K::scope(expose(want))
    }
    fn keys(&self, want: &Erased) -> Vec<Key> {
        K::keys(expose(want))
    }
    fn keys_of(&self, state: &Erased) -> Vec<Key> {
        K::keys_of(expose(state))
    }
    fn marker(&self, state: &Erased) -> Option<Marker> {
        K::marker(expose(state))
    }
    fn title(&self, state: &Erased) -> String {
        K::title(expose(state))
    }
    fn outputs(&self, state: &Erased) -> BTreeMap<Output, String> {
        K::outputs(expose(state))
    }
    fn fingerprints(&self, want: &Erased) -> BTreeMap<String, Digest> {
        K::fingerprints(expose(want))
    }
    fn members(&self, state: &Erased) -> usize {
        K::members(expose(state))
    }
    fn facts(&self, state: &Erased) -> Vec<Fact> {
        K::facts(expose(state))
    }
    fn serves(&self, want: &Erased) -> Option<Serves> {
        K::serves(expose(want))
    }
    fn leads(&self, state: &Erased) -> Option<Leads> {
        K::leads(expose(state))
    }
    fn price(&self, state: &Erased, catalog: &Catalog) -> Option<Cents> {
        K::price(expose(state), catalog)
    }
    fn draft(&self, id: &ResourceId, state: &Erased, names: &Names) -> Draft {
        K::draft(id, expose(state), names)
    }
    fn diff(&self, input: AnyDiff<'_>) -> Diffed<Value> {
        let typed = Diff::<K> {
            id: input.id,
            want: input.want.map(expose),
            have: input.have.map(expose),
            provider_id: input.provider_id,
            owned: input.owned,
            policy: input.policy,
            adopting: input.adopting,
            generation: input.generation,
            intent: input.intent,
            retiring: input.retiring,
            scopes: input.scopes,
            view: input.view,
        };
        let diffed = K::diff(&typed);
        let changes =
            diffed.changes.into_iter().map(|c| c.map(|step| serde_json::to_value(step).unwrap_or_default())).collect();
        Diffed { changes, findings: diffed.findings }
    }
    fn want_json(&self, want: &Erased) -> Value {
        serde_json::to_value(expose::<K::Want>(want)).unwrap_or_default()
    }
    fn state_json(&self, state: &Erased) -> Value {
        serde_json::to_value(expose::<K::State>(state)).unwrap_or_default()
    }
}

//! The pure half of a kind: what it means, never how to reach it.

use super::*;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;

/// What a resource of this kind is, how it is read from a document, and how it compares with reality.
///
/// Flow: `Spec` (as written) → `desire` → `Want` (canonical) → `diff` against `State` (as seen, in the same
/// canonical words) → changes, each with a `Step` that `Operate::apply` can do without further decisions.
///
/// Guarantees: every function is pure. `diff` of equals is empty. After its changes are applied it is empty again.
pub trait Kind: Send + Sync + 'static {
    /// The word in `kind:`.
    const NAME: &'static str;
    /// What it is, in a sentence, for `driftless explain`.
    const ABOUT: &'static str;
    /// What happens to an object whose document disappears, where the policy is silent.
    const ON_REMOVE: OnRemove = OnRemove::Keep;
    /// Whether ownership is decided part by part (record sets): then an adoption that differs holds only the parts that exist and differ.
    const BY_PART: bool = false;
    /// Whether its objects have a price, so that the price list is worth reading.
    const PRICED: bool = false;
    /// Whether each of its scopes is a zone, whose names lead somewhere.
    const ZONES: bool = false;
    /// The kind of those documents within which its objects live: parts of its scopes are called by their names, and its
    /// ids begin with `NAME:` and keys with `NAME `. The objects of that kind itself live each within its own.
    const WITHIN: Option<&'static str> = None;
    /// Where an import writes its documents: a folder with a file for each (`droplets/`), or one file for all.
    const HOME: &'static str = "documents.yaml";
    /// The word for several of its objects, in sums.
    const MANY: &'static str = "objects";
    /// What a user writes under `spec`. Field docs are the help texts.
    type Spec: DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// The same, canonical: defaults filled, files read, values as the provider says them.
    type Want: Serialize + Send + Sync + 'static;
    /// What was seen, in the same canonical words.
    type State: Serialize + Send + Sync + 'static;
    /// One change's worth of work; secrets only by reference.
    type Step: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Files of the repo that the document names.
    fn files(_spec: &Self::Spec) -> Vec<FileNeed> {
        Vec::new()
    }
    /// Turns what is written into what is wanted, or says all that is wrong with it. What the provider would refuse is refused here.
    fn desire(id: &ResourceId, spec: &Self::Spec, estate: &EstateView<'_>) -> Result<Self::Want, Vec<Complaint>>;
    /// Finds what is wrong between documents of this kind: overlaps, one thing declared twice.
    fn check(_all: &[(&ResourceId, &Self::Want)]) -> Vec<(ResourceId, Complaint)> {
        Vec::new()
    }
    /// What others can use of it by what git says alone.
    fn offer(_want: &Self::Want) -> Option<Offer> {
        None
    }
    /// Fills in what it uses of others, or says why that is not to be had; none: it uses nothing. What is not among
    /// the offers has been told of, and is left as it is.
    fn meet(_id: &ResourceId, _want: &Self::Want, _offers: &Offers) -> Result<Option<Self::Want>, Vec<Complaint>> {
        Ok(None)
    }
    /// References to other documents, which order the work.
    fn needs(want: &Self::Want) -> Vec<Need>;
    /// Where the wanted object would be found.
    fn scope(_want: &Self::Want) -> Scope {
        Scope::of(Self::NAME)
    }
    /// How the world would know it, the best key first. Two documents with an equal first key are an error.
    fn keys(want: &Self::Want) -> Vec<Key>;
    /// All keys by which a live object answers.
    fn keys_of(state: &Self::State) -> Vec<Key>;
    /// The marker on a live object, where this kind can carry one.
    fn marker(_state: &Self::State) -> Option<Marker> {
        None
    }
    /// The name that the provider shows.
    fn title(state: &Self::State) -> String;
    /// What others can refer to.
    fn outputs(state: &Self::State) -> BTreeMap<Output, String>;
    /// Fingerprints of what is wanted, by part; `""` is the whole of a kind without parts. Tells drift from an edit.
    fn fingerprints(want: &Self::Want) -> BTreeMap<String, Digest> {
        BTreeMap::from([(String::new(), Digest::of(want))])
    }
    /// How many things the object counts for under the delete limits: a zone's record sets, else 1.
    fn members(_state: &Self::State) -> usize {
        1
    }
    /// What is true of a live object, in words that all kinds share.
    fn facts(_state: &Self::State) -> Vec<Fact> {
        Vec::new()
    }
    /// The names that it is to serve, where they may be found elsewhere by others than us.
    fn serves(_want: &Self::Want) -> Option<Serves> {
        None
    }
    /// Where names lead by a live object.
    fn leads(_state: &Self::State) -> Option<Leads> {
        None
    }
    /// A month's price of a live object, where it has one.
    fn price(_state: &Self::State, _catalog: &Catalog) -> Option<Cents> {
        None
    }
    /// The `spec` that leaves a live object as it is under this id; what it cannot say it says in words, never silently.
    fn draft(_id: &ResourceId, _state: &Self::State, _names: &Names) -> Draft {
        Draft { refused: Some("this version cannot write documents of its kind".to_owned()), ..Draft::default() }
    }
    /// Decides what is to be done. Empty means in sync.
    ///
    /// `have` is never `Unknown` here (the planner says so itself), and `Changing` only where an intent of ours is open.
    /// With `want` none the document has gone: the changes follow `policy.on_remove`.
    /// An output that is `Pending` makes a `Step::Waits` and a `Shown::Pending`; one that is `Unknown` leaves the field as it is and adds a finding.
    fn diff(input: &Diff<'_, Self>) -> Diffed<Self::Step>
    where
        Self: Sized;
}

/// A file of the repo that a document names, or a folder with everything in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileNeed {
    /// The path from the repo's root, as written; a folder's ends with `/`.
    pub file: String,
    /// Where the document names it: `spec.userData.file`.
    pub path: String,
}

/// A reference to another document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// What is referred to.
    pub on: ResourceId,
    /// Where: `spec.inbound[4].from[0].vpc`.
    pub path: String,
    /// What it is to the other, for the error about a dangling reference: `lets in from`, `lies in`.
    pub verb: &'static str,
}

/// Everything a diff may look at.
pub struct Diff<'a, K: Kind> {
    /// The document's id.
    pub id: &'a ResourceId,
    /// What git wants; none when the document has gone.
    pub want: Option<&'a K::Want>,
    /// What was seen.
    pub have: Observed<&'a K::State>,
    /// The live object's id.
    pub provider_id: Option<&'a ProviderId>,
    /// What is remembered of it; none before it is owned.
    pub owned: Option<&'a Owned>,
    /// The effective policy.
    pub policy: &'a Policy,
    /// Whether the live object is about to be taken over (found by its key, or named by `adopt`).
    pub adopting: bool,
    /// The generation of the live object, or 0 where there is none.
    pub generation: u32,
    /// An open intent of ours on this id: staged work to resume.
    pub intent: Option<&'a Intent>,
    /// Former generations, still alive, that a replacement left to be removed.
    pub retiring: Vec<&'a ProviderId>,
    /// All that was seen, scope by scope; none: nothing was.
    pub scopes: Option<&'a BTreeMap<Scope, Sighting>>,
    /// Outputs of others, prices and the time.
    pub view: &'a View<'a>,
}

impl<K: Kind> Diff<'_, K> {
    /// Everything of this kind that was seen in a scope, wanted or not.
    pub fn there(&self, scope: &Scope) -> impl Iterator<Item = &K::State> {
        let found = self.scopes.and_then(|scopes| scopes.get(scope)).and_then(|sighting| sighting.found.as_ref().ok());
        found.into_iter().flatten().filter(|_| scope.kind == K::NAME).map(|live| erased::expose(&live.state))
    }
    /// The marker that the live object should carry, or the new one's with `generation` + 1.
    pub fn marker(&self, generation: u32) -> Marker {
        Marker::of(&self.view.estate, self.id, generation)
    }
}

/// What a diff decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Diffed<S> {
    /// What is to be done, in the order in which it is done on this object.
    pub changes: Vec<Change<S>>,
    /// What a reader should know.
    pub findings: Vec<Finding>,
}

impl<S> Default for Diffed<S> {
    fn default() -> Self {
        Self { changes: Vec::new(), findings: Vec::new() }
    }
}

impl<S> Change<S> {
    /// Begins a change that is ready to be done; the planner fills scope, cause, place, standing and digest.
    pub fn new(key: ChangeKey, title: impl Into<String>, step: Step<S>) -> Self {
        Self {
            scope: Scope::of(&key.id.kind),
            key,
            provider_id: None,
            generation: 1,
            title: title.into(),
            risk: Risk::None,
            fields: Vec::new(),
            cost: None,
            cause: Cause::Document,
            after: Vec::new(),
            step,
            standing: Standing::Go,
            place: None,
            wrote: Vec::new(),
            settles: None,
            digest: Digest::of_bytes(b""),
            ways: Vec::new(),
            undo: None,
            leads: None,
        }
    }
    /// Says whose ways in and out it alters.
    pub fn ways(mut self, ways: Vec<Way>) -> Self {
        self.ways = ways;
        self
    }
    /// Says which whole name leads elsewhere afterwards.
    pub fn leads(mut self, name: Option<String>) -> Self {
        self.leads = name;
        self
    }
    /// Says which work takes it back.
    pub fn undo(mut self, step: S) -> Self {
        self.undo = Some(step);
        self
    }
    /// Says on which object it acts.
    pub fn on(mut self, provider_id: Option<&ProviderId>) -> Self {
        self.provider_id = provider_id.cloned();
        self
    }
    /// Sets the generation that the object has, or gets.
    pub fn generation(mut self, generation: u32) -> Self {
        self.generation = generation;
        self
    }
    /// Sets what can go wrong.
    pub fn risk(mut self, risk: Risk) -> Self {
        self.risk = risk;
        self
    }
    /// Adds one field.
    pub fn field(mut self, path: impl Into<String>, from: Shown, to: Shown) -> Self {
        self.fields.push(FieldChange::new(path, from, to));
        self
    }
    /// Sets a month's price before and after.
    pub fn cost(mut self, before: Option<Cents>, after: Option<Cents>) -> Self {
        if before.is_some() || after.is_some() {
            self.cost = Some(change::Cost { before: before.unwrap_or_default(), after: after.unwrap_or_default() });
        }
        self
    }
    /// Says why there is a change; by default the planner tells an edit from drift.
    pub fn cause(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
    }
    /// Sets where deletions are counted.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }
    /// Adds a change that must be done before.
    pub fn after(mut self, key: ChangeKey) -> Self {
        self.after.push(key);
        self
    }
    /// Adds a fingerprint to remember once it is done.
    pub fn wrote(mut self, field: impl Into<String>, digest: Digest) -> Self {
        self.wrote.push((field.into(), digest));
        self
    }
}

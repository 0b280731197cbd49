//! One document of a kind, looked at and worked on over real HTTP against the simulator, without planner and engine.

use std::collections::BTreeMap;
use std::time::Duration;

use driftless::kinds::{self, AnyOperate, Look, Progress, Work};
use driftless::model::erased::AnyDiff;
use driftless::model::{
    Catalog, Diffed, Done, Erased, EstateView, Fault, Live, Observed, Owned, Pin, Planned, Policy, ProviderId,
    ResourceId, Scope, Sighting, Step, Supply, View,
};
use driftless::ports::digitalocean::{Client, Config, Limits, Token};
use driftless::ports::{Ports, clock::Clock};
use driftless::sandbox;
use futures::future::BoxFuture;
use serde_json::Value;

use crate::client::script;

/// A simulator, and the ways to it.
pub struct Bench {
    running: sandbox::Running,
    pub ports: Ports,
}

impl Bench {
    pub async fn new() -> Self {
        let settings = sandbox::Config {
            action_time: Duration::from_millis(5),
            limits: sandbox::Limits::off(),
            ..sandbox::Config::default()
        };
        let running = sandbox::serve(settings).await.expect("a simulator");
        let config = Config { limits: Limits::OFF, ..script::config(&running.url(), Token::inline("sandbox")) };
        let digitalocean = Client::new(config).expect("a client");
        Self {
            running,
            ports: Ports { clock: Clock::System, digitalocean, reach: Default::default(), hosts: Default::default() },
        }
    }

    /// The simulator, to be edited by hand behind the controller's back.
    pub fn hand(&self) -> sandbox::Handle {
        self.running.handle()
    }

    pub fn fault(&self, line: &str) {
        self.hand().inject(line.parse().expect("a fault"));
    }
}

/// One document.
pub struct Paper {
    kind: &'static dyn AnyOperate,
    pub id: ResourceId,
    want: Erased,
    pub supplies: BTreeMap<ResourceId, Supply>,
    /// What is remembered of it, by hand.
    pub owned: Option<Owned>,
}

impl Paper {
    pub fn new(kind: &str, name: &str, spec: Value) -> Self {
        let kind = kinds::ALL.iter().copied().find(|k| k.name() == kind).expect("a kind");
        let id = ResourceId::new(kind.name(), name);
        let want = read(kind, &id, spec);
        Self { kind, id, want, supplies: BTreeMap::new(), owned: None }
    }

    /// The same document after an edit.
    pub fn says(&mut self, spec: Value) {
        self.want = read(self.kind, &self.id, spec);
    }

    /// Remembers the live object, with every wanted part as ours.
    pub fn own(&mut self, provider_id: &str) {
        let parts = self.kind.fingerprints(&self.want);
        self.owned = Some(Owned {
            provider_id: ProviderId(provider_id.to_owned()),
            scope: self.kind.scope(&self.want),
            generation: 1,
            policy: Policy::default_for(self.kind.on_remove()),
            needs: Default::default(),
            parts,
            wrote: BTreeMap::new(),
            retiring: Vec::new(),
            file: "document.yaml".to_owned(),
            stopped: None,
        });
    }

    pub async fn look(&self, bench: &Bench) -> BTreeMap<Scope, Sighting> {
        let owned = self.owned.iter().map(|owned| (&self.id, owned)).collect();
        let wants = vec![(&self.id, &self.want)];
        let look = Look {
            ports: &bench.ports,
            wants,
            owned,
            whole: false,
            begun: Vec::new(),
            supplies: &Default::default(),
            made: &Default::default(),
            pins: &Default::default(),
            asks: &Default::default(),
            surveys: &Default::default(),
        };
        self.kind.observe(&look).await.into_iter().collect()
    }

    /// The live object of this document, by its key.
    pub async fn find(&self, bench: &Bench) -> Option<Live> {
        let scopes = self.look(bench).await;
        let found = scopes.get(&self.kind.scope(&self.want)).expect("its scope was looked at");
        let keys = self.kind.keys(&self.want);
        let all = found.found.as_ref().expect("it could be read");
        all.iter().find(|live| self.kind.keys_of(&live.state).iter().any(|key| keys.contains(key))).cloned()
    }

    /// Looks and compares.
    pub async fn plan(&self, bench: &Bench) -> Diffed<Value> {
        let live = self.find(bench).await;
        self.compare(live.as_ref())
    }

    /// Looks and compares as if the document had gone.
    pub async fn plan_removal(&self, bench: &Bench) -> Diffed<Value> {
        let live = self.find(bench).await;
        self.compare_with(live.as_ref(), None)
    }

    /// Compares with an object that was seen.
    pub fn compare(&self, live: Option<&Live>) -> Diffed<Value> {
        self.compare_with(live, Some(&self.want))
    }

    fn compare_with(&self, live: Option<&Live>, want: Option<&Erased>) -> Diffed<Value> {
        let catalog = Catalog::default();
        let policy =
            self.owned.as_ref().map_or_else(|| Policy::default_for(self.kind.on_remove()), |o| o.policy.clone());
        let view = View {
            as_of: jiff::Timestamp::UNIX_EPOCH,
            estate: uuid::Uuid::nil(),
            catalog: &catalog,
            supplies: self.supplies.clone().into_iter().collect(),
        };
        self.kind.diff(AnyDiff {
            id: &self.id,
            want,
            have: live.map_or(Observed::Absent, |live| Observed::Present(&live.state)),
            provider_id: live.map(|live| &live.provider_id),
            owned: self.owned.as_ref(),
            policy: &policy,
            adopting: self.owned.is_none() && live.is_some(),
            generation: u32::from(live.is_some()),
            intent: None,
            retiring: Vec::new(),
            scopes: None,
            view: &view,
        })
    }

    /// Does one change.
    pub async fn work(&self, bench: &Bench, change: &Planned) -> Result<Done, Fault> {
        let Step::Ready(step) = &change.step else { panic!("it waits: {change:?}") };
        let work = Work {
            ports: &bench.ports,
            key: &change.key,
            want: Some(&self.want),
            document: None,
            provider_id: change.provider_id.as_ref(),
            intent: None,
            pins: &BTreeMap::new(),
            progress: &Unwritten,
        };
        self.kind.apply(&work, step.clone()).await
    }

    /// Looks, compares, does everything in order, and insists that a second look finds nothing. Returns what was done.
    pub async fn settle(&self, bench: &Bench) -> Vec<String> {
        let plan = self.plan(bench).await;
        for change in in_order(&plan.changes) {
            self.work(bench, change).await.unwrap_or_else(|fault| panic!("{}: {fault}", change.key));
        }
        let again = self.plan(bench).await;
        assert_eq!(again.changes, [], "a second look finds nothing");
        plan.changes.iter().map(|c| c.key.to_string()).collect()
    }
}

fn read(kind: &dyn AnyOperate, id: &ResourceId, spec: Value) -> Erased {
    let spec = kind.spec(spec).expect("the spec reads");
    kind.desire(id, &spec, &EstateView { files: &BTreeMap::new() }).expect("nothing wrong")
}

/// What comes after something stands behind it.
fn in_order(changes: &[Planned]) -> Vec<&Planned> {
    let mut rest: Vec<&Planned> = changes.iter().collect();
    let mut order: Vec<&Planned> = Vec::new();
    while !rest.is_empty() {
        let (ready, not): (Vec<&Planned>, Vec<&Planned>) =
            rest.into_iter().partition(|c| c.after.iter().all(|key| order.iter().any(|done| &done.key == key)));
        assert!(!ready.is_empty(), "every change can be reached");
        order.extend(ready);
        rest = not;
    }
    order
}

/// Stages that nobody writes down.
struct Unwritten;

impl Progress for Unwritten {
    fn tell(&self, _: &str, _: &str) {}

    fn stage<'a>(&'a self, _: Option<&'a str>, _: Option<&'a ProviderId>) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }
    fn pin<'a>(&'a self, _: Pin) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }
}

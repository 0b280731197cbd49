//! A simulator, the ways to it, and one document's life: look, diff, work, remember.

use driftless::kinds::{Finished, Look, Operate, Progress, Seen, Work};
use driftless::model::memory::Retiring;
use driftless::model::{
    Catalog, Change, ChangeKey, Diff, Diffed, EstateView, Fault, Intent, Observed, OnRemove, Output, Owned, Pin,
    Policy, ProviderId, ResourceId, Scope, Step, Supply, Verb, View,
};
use driftless::ports::Ports;
use driftless::ports::clock::Clock;
use driftless::ports::digitalocean::{Client, Config, Limits, Token};
use driftless::sandbox;
use futures::future::BoxFuture;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;

use crate::client::script;

pub struct Rig {
    pub running: sandbox::Running,
    pub ports: Ports,
    pub supplies: BTreeMap<ResourceId, Supply>,
}

impl Rig {
    pub async fn start() -> Self {
        let settings = sandbox::Config {
            action_time: Duration::from_millis(5),
            limits: sandbox::Limits::off(),
            ..sandbox::Config::default()
        };
        let running = sandbox::serve(settings).await.expect("a simulator");
        let config = Config { limits: Limits::OFF, ..script::config(&running.url(), Token::inline("sandbox")) };
        let ports = Ports {
            clock: Clock::System,
            digitalocean: Client::new(config).expect("a client"),
            reach: Default::default(),
            hosts: Default::default(),
        };
        Self { running, ports, supplies: BTreeMap::new() }
    }

    pub fn fault(&self, line: &str) {
        self.running.handle().inject(line.parse().expect("a fault"));
    }
}

/// Notes the stages that an `apply` tells.
#[derive(Default)]
pub struct Stages(pub Mutex<Vec<String>>);

impl Progress for Stages {
    fn tell(&self, _: &str, _: &str) {}
    fn stage<'a>(&'a self, stage: Option<&'a str>, made: Option<&'a ProviderId>) -> BoxFuture<'a, Result<(), Fault>> {
        let told = stage.map(str::to_owned).or_else(|| made.map(|id| format!("made {id}"))).unwrap_or_default();
        self.0.lock().expect("no panic").push(told);
        Box::pin(async { Ok(()) })
    }

    fn pin<'a>(&'a self, pin: Pin) -> BoxFuture<'a, Result<(), Fault>> {
        self.0.lock().expect("no panic").push(format!("pinned {}", pin.key.fingerprint()));
        Box::pin(async { Ok(()) })
    }
}

/// One document and what is remembered of its object.
pub struct Life<K: Operate> {
    pub id: ResourceId,
    pub want: Option<K::Want>,
    pub owned: Option<Owned>,
    pub intent: Option<Intent>,
    pub on_remove: OnRemove,
    pub stages: Stages,
}

impl<K: Operate<Want: Clone>> Life<K> {
    pub fn of(name: &str, spec: Value) -> Self {
        let mut life = Self {
            id: ResourceId::new(K::NAME, name),
            want: None,
            owned: None,
            intent: None,
            on_remove: OnRemove::Keep,
            stages: Stages::default(),
        };
        life.edit(spec);
        life
    }

    /// Another commit.
    pub fn edit(&mut self, spec: Value) {
        let files = BTreeMap::from([("cloud-init.yaml".to_owned(), Arc::from(b"#cloud-config\n".as_slice()))]);
        let spec = serde_json::from_value(spec).expect("a spec");
        let want = K::desire(&self.id, &spec, &EstateView { files: &files });
        self.want = Some(want.unwrap_or_else(|wrong| panic!("{wrong:?}")));
    }

    pub async fn look(&self, rig: &Rig) -> Result<Vec<Seen<K::State>>, String> {
        let owned = self.owned.iter().map(|owned| (&self.id, owned)).collect();
        let look = Look {
            ports: &rig.ports,
            wants: Vec::new(),
            owned,
            whole: false,
            begun: Vec::new(),
            supplies: &Default::default(),
            made: &Default::default(),
            pins: &Default::default(),
            asks: &Default::default(),
            surveys: &Default::default(),
        };
        let mut scopes = K::observe(&look).await;
        assert_eq!(scopes.len(), 1);
        let (scope, found) = scopes.remove(0);
        assert_eq!(scope, Scope::of(K::NAME));
        found
    }

    /// What a look and a diff say.
    pub async fn plan(&self, rig: &Rig) -> Diffed<K::Step> {
        let mut seen = self.look(rig).await.unwrap_or_else(|why| panic!("{why}"));
        let mine = |seen: &Seen<K::State>| match &self.owned {
            Some(owned) => seen.provider_id == owned.provider_id,
            None => self
                .want
                .as_ref()
                .is_some_and(|want| K::keys(want).iter().any(|key| K::keys_of(&seen.state).contains(key))),
        };
        let alive: BTreeSet<ProviderId> = seen.iter().map(|s| s.provider_id.clone()).collect();
        let at = seen.iter().position(mine);
        let found = at.map(|at| seen.swap_remove(at));
        let catalog = Catalog::default();
        let view = View {
            as_of: jiff::Timestamp::UNIX_EPOCH,
            estate: Uuid::nil(),
            catalog: &catalog,
            supplies: rig.supplies.clone().into_iter().collect(),
        };
        let former = self.owned.iter().flat_map(|owned| owned.retiring.iter().map(|r| &r.provider_id));
        K::diff(&Diff {
            id: &self.id,
            want: self.want.as_ref(),
            have: match &found {
                None => Observed::Absent,
                Some(seen) if seen.changing => Observed::Changing(&seen.state),
                Some(seen) => Observed::Present(&seen.state),
            },
            provider_id: found.as_ref().map(|seen| &seen.provider_id),
            owned: self.owned.as_ref(),
            policy: &Policy::default_for(self.on_remove),
            adopting: self.owned.is_none() && found.is_some(),
            generation: self.owned.as_ref().map_or(u32::from(found.is_some()), |owned| owned.generation),
            intent: self.intent.as_ref(),
            retiring: former.filter(|id| alive.contains(*id)).collect(),
            scopes: None,
            view: &view,
        })
    }

    pub async fn work(&self, rig: &Rig, change: &Change<K::Step>) -> Result<Finished<K::State>, Fault> {
        let Step::Ready(step) = &change.step else { panic!("{} waits", change.key) };
        // As the engine does: through JSON.
        let step = serde_json::to_value(step).and_then(serde_json::from_value).expect("a step survives");
        let want = self.want.clone().map(|want| Arc::new(want) as driftless::model::Erased);
        let work = Work {
            ports: &rig.ports,
            key: &change.key,
            want: want.as_ref(),
            document: None,
            provider_id: change.provider_id.as_ref(),
            intent: self.intent.as_ref(),
            pins: &BTreeMap::new(),
            progress: &self.stages,
        };
        K::apply(&work, step).await
    }

    fn remember(&mut self, change: &Change<K::Step>, finished: &Finished<K::State>) {
        let former = self.owned.take();
        let mut retiring = former.as_ref().map(|o| o.retiring.clone()).unwrap_or_default();
        match (change.key.verb, &former) {
            (Verb::Release | Verb::Delete, _) => return,
            (Verb::Retire, _) => retiring.retain(|r| Some(&r.provider_id) != change.provider_id.as_ref()),
            (Verb::Replace, Some(old)) => {
                retiring.push(Retiring {
                    provider_id: old.provider_id.clone(),
                    generation: old.generation,
                    scope: None,
                });
            }
            _ => {}
        }
        let made = matches!(change.key.verb, Verb::Create | Verb::Replace);
        let kept = former.as_ref().map(|o| o.provider_id.clone());
        let wrote = if made {
            change.wrote.iter().cloned().collect()
        } else {
            former.as_ref().map(|o| o.wrote.clone()).unwrap_or_default()
        };
        self.owned = Some(Owned {
            provider_id: finished.provider_id.clone().or(kept).or_else(|| change.provider_id.clone()).expect("an id"),
            scope: Scope::of(K::NAME),
            generation: if change.key.verb == Verb::Retire {
                former.map_or(1, |o| o.generation)
            } else {
                change.generation
            },
            policy: Policy::default_for(self.on_remove),
            needs: BTreeSet::new(),
            parts: BTreeMap::new(),
            wrote,
            retiring,
            file: String::new(),
            stopped: (change.key.verb == Verb::Stop).then_some(jiff::Timestamp::UNIX_EPOCH),
        });
    }

    /// Does all that is planned, in its order, and says what was done; a second plan must then be empty.
    pub async fn settle(&mut self, rig: &Rig) -> Vec<String> {
        let planned = self.plan(rig).await;
        let mut done = Vec::new();
        for change in &planned.changes {
            let finished = self.work(rig, change).await.unwrap_or_else(|fault| panic!("{}: {fault}", change.key));
            self.remember(change, &finished);
            let key = ChangeKey { part: change.key.part.clone(), ..change.key.clone() };
            done.push(key.to_string().replace(&self.id.to_string(), "").trim().to_owned());
        }
        self.intent = None;
        if self.owned.is_some() {
            let second = self.plan(rig).await;
            assert!(second.changes.is_empty(), "a second plan is empty: {:?}", keys(&second));
        }
        done
    }

    /// The provider's id of what is owned.
    pub fn provider_id(&self) -> String {
        self.owned.as_ref().expect("it is owned").provider_id.0.clone()
    }

    pub fn number(&self) -> u64 {
        self.provider_id().parse().expect("a number")
    }

    /// An open intent on the object.
    pub fn open(&mut self, part: &str, stage: &str) {
        self.intent = Some(Intent {
            key: ChangeKey::part(&self.id, part, Verb::Update),
            scope: Scope::of(K::NAME),
            keys: Vec::new(),
            before: BTreeSet::new(),
            provider_id: None,
            generation: 1,
            stage: Some(stage.to_owned()),
            opened: jiff::Timestamp::UNIX_EPOCH,
            unclear: false,
            wrote: BTreeMap::new(),
            settles: None,
            reached: Default::default(),
        });
    }

    /// What another resource can refer to.
    pub fn supply(&self) -> (ResourceId, Supply) {
        (self.id.clone(), Supply::Live(BTreeMap::from([(Output::Id, self.provider_id())])))
    }
}

pub fn keys<S>(diffed: &Diffed<S>) -> Vec<String> {
    diffed.changes.iter().map(|change| change.key.to_string()).collect()
}

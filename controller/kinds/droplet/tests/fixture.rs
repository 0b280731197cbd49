//! One droplet, its document, and the world around it, for the tables.

use super::super::*;
use crate::model::{
    Change, ChangeKey, Intent, Observed, OnRemove, Owned, Policy, ProviderId, Scope, Supply, Verb, View, world::Size,
};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

pub const VPC: &str = "5a4981aa-9653-4bd1-bef5-d6bff52042e4";

pub fn id() -> ResourceId {
    ResourceId::new("Droplet", "erp")
}

/// Every field of the manifest.
pub fn full() -> Value {
    json!({
        "name": "odoo-erp-prod", "region": "sgp1", "size": "s-2vcpu-4gb", "image": "ubuntu-22-04-x64", "vpc": "main",
        "sshKeys": ["ops"], "backups": {"plan": "weekly", "weekday": "SUN", "hour": 4}, "monitoring": true,
        "ipv6": false, "tags": ["production", "odoo"], "userData": {"file": "cloud-init/erp.yaml"},
        "resizeDisk": false, "replaceOn": []
    })
}

pub fn with(field: &str, value: impl Into<Value>) -> Value {
    let mut spec = full();
    spec[field] = value.into();
    spec
}

pub fn try_desire(spec: Value) -> Result<Want, Vec<Complaint>> {
    let files = BTreeMap::from([("cloud-init/erp.yaml".to_owned(), Arc::from(b"#cloud-config\n".as_slice()))]);
    let spec: Spec = serde_json::from_value(spec).expect("a spec");
    Droplet::desire(&id(), &spec, &EstateView { files: &files })
}

pub fn desire(spec: Value) -> Want {
    try_desire(spec).expect("a good document")
}

pub fn catalog() -> Catalog {
    let size = |monthly, disk, regions: &[&str]| Size {
        monthly: Cents(monthly),
        disk,
        memory: 0,
        vcpus: 0,
        available: !regions.is_empty(),
        regions: regions.iter().map(|r| (*r).to_owned()).collect(),
    };
    let sizes = [
        ("s-1vcpu-1gb", size(600, 25, &["sgp1", "fra1"])),
        ("s-2vcpu-4gb", size(2400, 80, &["sgp1", "fra1"])),
        ("s-4vcpu-8gb", size(4800, 160, &["sgp1", "fra1"])),
        ("s-2vcpu-4gb-amd", size(2800, 80, &["sgp1"])),
        ("c-2", size(4200, 80, &["fra1"])),
        ("g-old", size(1000, 80, &[])),
    ];
    Catalog { sizes: sizes.into_iter().map(|(slug, size)| (slug.to_owned(), size)).collect() }
}

/// The droplet as it would be after `want` was made.
pub fn state(want: &Want) -> State {
    State {
        id: 3_164_494,
        name: want.name.clone(),
        region: want.region.clone(),
        size: want.size.clone(),
        image: Some("ubuntu-22-04-x64".to_owned()),
        image_id: 129_211_873,
        vpc: VPC.to_owned(),
        tags: want.tags.clone(),
        markers: vec![Marker::of(&Uuid::nil(), &id(), 1)],
        backups: match want.backups {
            Backups::Off => Backups::Off,
            Backups::On(said) => Backups::On(Some(Schedule {
                plan: said.map_or(Plan::Daily, |s| s.plan),
                weekday: said.and_then(|s| (s.plan == Plan::Weekly).then_some(s.weekday.unwrap_or(Weekday::Wed))),
                hour: Some(said.and_then(|s| s.hour).unwrap_or(20)),
            })),
        },
        ipv6: want.ipv6,
        monitoring: want.monitoring,
        status: Status::Active,
        locked: false,
        addresses: Addresses { public: Some("203.0.113.10".to_owned()), v6: None, private: None },
        disk: 80,
        created: "2026-01-01T00:00:00Z".to_owned(),
    }
}

/// What is remembered of a droplet that was made from `want`.
pub fn owned(want: &Want) -> Owned {
    Owned {
        provider_id: ProviderId("3164494".to_owned()),
        scope: Scope::of("Droplet"),
        generation: 1,
        policy: Policy::default_for(OnRemove::Keep),
        needs: Default::default(),
        parts: Default::default(),
        wrote: want.at_creation().into_iter().map(|(field, digest)| (field.word().to_owned(), digest)).collect(),
        retiring: Vec::new(),
        file: "droplets/erp.yaml".to_owned(),
        stopped: None,
    }
}

/// An open intent of a resize.
pub fn resize_intent(stage: Option<&str>) -> Intent {
    Intent {
        key: ChangeKey::part(&id(), "size", Verb::Update),
        scope: Scope::of("Droplet"),
        keys: Vec::new(),
        before: Default::default(),
        provider_id: Some(ProviderId("3164494".to_owned())),
        generation: 1,
        stage: stage.map(str::to_owned),
        opened: jiff::Timestamp::UNIX_EPOCH,
        unclear: false,
        settles: None,
        reached: Default::default(),
        wrote: Default::default(),
    }
}

/// What a diff looks at, with the usual where nothing is said.
pub struct Case<'a> {
    pub want: Option<&'a Want>,
    pub have: Option<&'a State>,
    pub owned: Option<&'a Owned>,
    pub adopting: bool,
    pub intent: Option<&'a Intent>,
    pub on_remove: OnRemove,
    pub changing: bool,
    pub vpc: Supply,
    pub key: Supply,
    pub catalog: Catalog,
}

impl<'a> Case<'a> {
    pub fn of(want: impl Into<Option<&'a Want>>, have: impl Into<Option<&'a State>>) -> Self {
        let live = |id: &str| Supply::Live(BTreeMap::from([(Output::Id, id.to_owned())]));
        Self {
            want: want.into(),
            have: have.into(),
            owned: None,
            adopting: false,
            intent: None,
            on_remove: OnRemove::Keep,
            changing: false,
            vpc: live(VPC),
            key: live("512"),
            catalog: catalog(),
        }
    }

    pub fn diff(&self) -> Diffed<Step> {
        let view = View {
            as_of: jiff::Timestamp::UNIX_EPOCH,
            estate: Uuid::nil(),
            catalog: &self.catalog,
            supplies: std::collections::HashMap::from([
                (ResourceId::new("Vpc", "main"), self.vpc.clone()),
                (ResourceId::new("SshKey", "ops"), self.key.clone()),
            ]),
        };
        let provider_id = self.have.map(|s| ProviderId(s.id.to_string()));
        let have = match self.have {
            None => Observed::Absent,
            Some(state) if self.changing => Observed::Changing(state),
            Some(state) => Observed::Present(state),
        };
        Droplet::diff(&Diff {
            id: &id(),
            want: self.want,
            have,
            provider_id: provider_id.as_ref(),
            owned: self.owned,
            policy: &Policy::default_for(self.on_remove),
            adopting: self.adopting,
            generation: u32::from(self.have.is_some()),
            intent: self.intent,
            retiring: self.owned.iter().flat_map(|o| o.retiring.iter().map(|r| &r.provider_id)).collect(),
            scopes: None,
            view: &view,
        })
    }

    pub fn only(&self) -> Change<Step> {
        let diffed = self.diff();
        assert_eq!((diffed.changes.len(), diffed.findings.len()), (1, 0), "{diffed:#?}");
        diffed.changes.into_iter().next().expect("one change")
    }
}

pub fn keys(diffed: &Diffed<Step>) -> Vec<String> {
    diffed.changes.iter().map(|c| c.key.to_string().replace("Droplet/erp", "")).collect()
}

pub fn rules(diffed: &Diffed<Step>) -> Vec<&str> {
    diffed.findings.iter().map(|f| f.rule.as_str()).collect()
}

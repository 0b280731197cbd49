//! One site, its document and its host, for the tables.

use super::super::*;
use crate::model::{Catalog, Complaint, Observed, OnRemove, Owned, Policy, ProviderId, Supply, View};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

pub fn id() -> ResourceId {
    ResourceId::new("NginxSite", "erp")
}

/// The seed's first site, with every field that it needs.
pub fn erp() -> Value {
    json!({
        "host": "erp", "serverNames": ["erp.insightpulseai.net"],
        "tls": {"issuer": "letsencrypt", "email": "ops@example.com", "ciphers": "HIGH:!aNULL:!MD5"},
        "clientMaxBodySize": "64m",
        "locations": [
            {"path": "/", "to": {"url": "http://127.0.0.1:8069"}, "readTimeout": "600s"},
            {"path": "/n8n/", "to": {"url": "http://127.0.0.1:5678/"}, "websocket": true, "buffers": "128k"},
            {"path": "/mcp/", "to": {"url": "http://127.0.0.1:8766/"}}
        ]
    })
}

pub fn with(field: &str, value: impl Into<Value>) -> Value {
    let mut spec = erp();
    spec[field] = value.into();
    spec
}

pub fn try_desire(spec: Value) -> Result<Want, Vec<Complaint>> {
    let files =
        BTreeMap::from([("nginx/x.conf".to_owned(), Arc::from(b"server { server_name raw.example.com; }".as_slice()))]);
    let spec: Spec = serde_json::from_value(spec).expect("a spec");
    NginxSite::desire(&id(), &spec, &EstateView { files: &files })
}

pub fn desire(spec: Value) -> Want {
    try_desire(spec).expect("a good document")
}

/// What stands in the file of a want.
pub fn text(want: &Want, form: Form) -> String {
    let content = match &want.body {
        Body::Site(site) => Content::Directives(render::directives(want, site, form)),
        Body::Raw { text, .. } => Content::Text(text.clone()),
    };
    text_of(&id(), &content, false)
}

pub fn at(text: &str) -> jiff::Timestamp {
    text.parse().expect("a time")
}

/// The certificate of the usual site: of 90 days, half of them over at the time of the look.
pub fn held(names: &[&str]) -> Held {
    Held {
        names: names.iter().map(|n| (*n).to_owned()).collect(),
        from: at("2025-11-17T00:00:00Z"),
        until: at("2026-02-15T00:00:00Z"),
    }
}

pub fn around(certificates: &[(&str, Held)]) -> Around {
    Around {
        nginx: Some((1, 22, 1)),
        certificates: certificates.iter().map(|(path, held)| ((*path).to_owned(), held.clone())).collect(),
        ..Around::default()
    }
}

/// The host of the usual site, its certificate in place.
pub fn certified() -> Around {
    let chain = "/etc/letsencrypt/live/erp.insightpulseai.net/fullchain.pem";
    around(&[(chain, held(&["erp.insightpulseai.net"]))])
}

pub fn state_of(file: &str, text: &str, around: Around) -> State {
    State::read("erp", file, text.as_bytes(), Live::Linked, Arc::new(around))
}

/// What a diff looks at, with the usual where nothing is said.
pub struct Case<'a> {
    pub want: Option<&'a Want>,
    pub have: Option<&'a State>,
    pub owned: Option<&'a Owned>,
    pub on_remove: OnRemove,
    pub as_of: jiff::Timestamp,
    pub host: Supply,
    pub others: Vec<(ResourceId, Supply)>,
}

impl<'a> Case<'a> {
    pub fn of(want: impl Into<Option<&'a Want>>, have: impl Into<Option<&'a State>>) -> Self {
        Self {
            want: want.into(),
            have: have.into(),
            owned: None,
            on_remove: OnRemove::Destroy,
            as_of: at("2026-01-01T00:00:00Z"),
            host: Supply::Live(BTreeMap::from([(Output::Id, "3164494".to_owned())])),
            others: Vec::new(),
        }
    }

    pub fn diff(&self) -> Diffed<Step> {
        let catalog = Catalog::default();
        let own = (ResourceId::new("Host", "erp"), self.host.clone());
        let supplies: HashMap<_, _> = std::iter::once(own).chain(self.others.clone()).collect();
        let view = View { as_of: self.as_of, estate: uuid::Uuid::nil(), catalog: &catalog, supplies };
        let provider_id = self.have.map(|s| ProviderId(format!("{}:{}", s.host, s.file)));
        NginxSite::diff(&Diff {
            id: &id(),
            want: self.want,
            have: self.have.map_or(Observed::Absent, Observed::Present),
            provider_id: provider_id.as_ref(),
            owned: self.owned,
            policy: &Policy::default_for(self.on_remove),
            adopting: false,
            generation: u32::from(self.have.is_some()),
            intent: None,
            retiring: Vec::new(),
            scopes: None,
            view: &view,
        })
    }
}

/// Changes in short: their keys, titles and what follows what.
pub fn told(diffed: &Diffed<Step>) -> Vec<String> {
    let short = |key: &crate::model::ChangeKey| key.to_string().replace("NginxSite/erp", "");
    let one = |c: &crate::model::Change<Step>| {
        let after: Vec<String> = c.after.iter().map(short).collect();
        format!(
            "{}: {}{}",
            short(&c.key).trim(),
            c.title,
            if after.is_empty() { String::new() } else { format!(" after{}", after.join(",")) }
        )
    };
    diffed.changes.iter().map(one).collect()
}

pub fn rules(diffed: &Diffed<Step>) -> BTreeSet<&str> {
    diffed.findings.iter().map(|f| f.rule.as_str()).collect()
}

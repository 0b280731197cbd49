//! What a sound repo becomes.

use super::*;
use crate::model::{Adopt, Mode, OnRemove, ResourceId};

const TEXT: &str = "# the network
apiVersion: driftless/v1
kind: Vpc
metadata: {name: main}
spec: {region: sgp1}
---
---
apiVersion: driftless/v1
kind: Droplet
metadata:
  name: erp
  formerly: [odoo]
  labels: {criticality: critical}
policy:
  mode: paused
  reason: moving
  until: 2026-12-31
  onRemove: stop
  soak: 48h
  protect: true
  adopt: {id: 3164494}
dependsOn:
  - Vpc/main
  - Droplet/db
spec:
  region: sgp1
  size: s
  vpc: main
  backups: {plan: weekly}
  open:
    - {port: 22, from: [any]}
---
apiVersion: driftless/v1
kind: Droplet
metadata: {name: db}
spec: {region: sgp1, size: s, backups: true}
";

fn sound() -> crate::model::Estate {
    let read = read_files(&[("a.yaml", TEXT)]);
    assert_eq!(say(&read.diagnostics), "");
    read.estate.unwrap()
}

#[test]
fn a_document_keeps_its_header() {
    let estate = sound();
    let erp = &estate.documents[&ResourceId::new("Droplet", "erp")];
    assert_eq!(erp.formerly, [ResourceId::new("Droplet", "odoo")]);
    assert_eq!(erp.labels["criticality"], "critical");
    assert_eq!((erp.policy.mode, erp.policy.on_remove, erp.policy.protect), (Mode::Paused, OnRemove::Stop, true));
    assert_eq!(erp.policy.until.map(|t| t.to_string()).as_deref(), Some("2026-12-31T23:59:59Z"));
    assert_eq!(erp.policy.adopt, Adopt::Id { id: crate::model::ProviderId("3164494".into()) });
    assert_eq!(erp.policy.soak.to_string(), "2d");
    let needs: Vec<String> = erp.needs.iter().map(|n| format!("{} {}", n.on, n.path)).collect();
    assert_eq!(needs, ["Vpc/main spec.vpc", "Droplet/db dependsOn[1]"]);
}

#[test]
fn fields_know_where_they_stand() {
    let estate = sound();
    let erp = &estate.documents[&ResourceId::new("Droplet", "erp")];
    let at = |path: &str| erp.place_of(path).to_string();
    assert_eq!(erp.place.to_string(), "a.yaml:8:1");
    assert_eq!(at("metadata.name"), "a.yaml:11:3");
    assert_eq!(at("policy.soak"), "a.yaml:19:3");
    assert_eq!(at("dependsOn[1]"), "a.yaml:24:5");
    assert_eq!(at("spec.size"), "a.yaml:27:3");
    assert_eq!(at("spec.backups.plan"), "a.yaml:29:13");
    assert_eq!(at("spec.open[0].from[0]"), "a.yaml:31:7");
    assert_eq!(at("spec.image"), "a.yaml:25:1");
}

#[test]
fn silence_means_the_defaults_of_the_kind() {
    let estate = sound();
    let db = &estate.documents[&ResourceId::new("Droplet", "db")];
    assert_eq!(db.policy, crate::model::Policy::default_for(OnRemove::Keep));
    assert_eq!((estate.files, estate.settings.estate.as_str(), estate.commit), (2, "test", None));
}

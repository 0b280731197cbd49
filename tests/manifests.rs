//! The cloud part of the manifest contract, read with the real kinds: by the repo room, and by the published schemas.

use driftless::kinds;
use driftless::repo::{Options, Read, Tree, read, schemas};

const CLOUD: &str = r##"
apiVersion: driftless/v1
kind: Settings
metadata: {name: settings}
spec: {estate: production, id: 9f2c6a1e-0c4b-4d3f-8a51-2b7e6d9c1f00}
---
apiVersion: driftless/v1
kind: Vpc
metadata: {name: main}
spec: {name: production-vpc, region: sgp1, ipRange: 10.114.0.0/16, description: Production network}
---
apiVersion: driftless/v1
kind: SshKey
metadata: {name: ops}
spec: {publicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJd4mDpKPvHJlBqUOzOlyL6rIbLIcpC9S7eBkEgDsXtz ops@example.com"}
---
apiVersion: driftless/v1
kind: Droplet
metadata: {name: erp, labels: {criticality: critical}}
policy: {protect: true}
spec:
  name: odoo-erp-prod
  region: sgp1
  size: s-2vcpu-4gb
  image: ubuntu-22-04-x64
  vpc: main
  sshKeys: [ops]
  backups: {plan: weekly, weekday: SUN, hour: 4}
  monitoring: true
  ipv6: false
  tags: [production, odoo]
  userData: {file: cloud-init/erp.yaml}
  resizeDisk: false
  replaceOn: [image]
---
apiVersion: driftless/v1
kind: Firewall
metadata: {name: production}
spec:
  name: production-firewall
  applyTo: {droplets: [erp], tags: [production]}
  inbound:
    - {protocol: tcp, ports: 22, from: [any]}
    - {protocol: icmp, from: [any]}
    - {protocol: tcp, ports: all, from: [{vpc: main}]}
  outbound:
    - {protocol: udp, ports: all, to: [any]}
---
apiVersion: driftless/v1
kind: Domain
metadata: {name: example.com}
spec:
  defaultTtl: 300
  unlisted: report
  ignore: [{name: "_acme-challenge*"}, {type: NS, name: "@"}]
  records:
    - {name: erp, type: A, droplet: erp}
    - {name: mcp, type: CNAME, value: pulse-hub-web.ondigitalocean.app}
    - {name: "@", type: MX, value: mail.example.com, priority: 10}
    - {name: "@", type: TXT, values: ["v=spf1 -all"]}
    - {name: ipa, retired: {since: 2025-11-28, reason: never configured}}
"##;

fn reading(text: &str) -> Read {
    let files = [("infra/cloud.yaml", text), ("cloud-init/erp.yaml", "#cloud-config\n")];
    read(&Tree::of(files), &Options { path: "infra/".to_owned(), commit: None }, &kinds::pure())
}

#[test]
fn every_cloud_document_of_the_contract_is_read() {
    let Read { estate, diagnostics, .. } = reading(CLOUD);
    assert_eq!(diagnostics, []);
    let estate = estate.unwrap();
    let ids: Vec<String> = estate.documents.keys().map(ToString::to_string).collect();
    assert_eq!(ids, ["Domain/example.com", "Droplet/erp", "Firewall/production", "SshKey/ops", "Vpc/main"]);
}

#[test]
fn a_misspelt_reference_of_a_firewall_reads_as_promised() {
    let read = reading(&CLOUD.replace("[{vpc: main}]", "[{vpc: mian}]"));
    let told: Vec<(String, String, String)> =
        read.diagnostics.into_iter().map(|d| (d.message, d.place.to_string(), d.label)).collect();
    let expected = (
        "Firewall/production lets in from Vpc/mian, which no document declares".to_owned(),
        "infra/cloud.yaml:45:48".to_owned(),
        "did you mean \"main\"? (infra/cloud.yaml:9)".to_owned(),
    );
    assert_eq!(told, [expected]);
}

#[test]
fn the_schemas_know_every_kind_and_every_pattern_compiles() {
    let all = schemas(&kinds::pure());
    assert_eq!(all.len(), kinds::pure().len() + 2);
    for (file, schema) in &all {
        assert!(jsonschema::validator_for(schema).is_ok(), "{file}");
        let mut left = vec![schema];
        while let Some(value) = left.pop() {
            if let Some(pattern) = value.get("pattern").and_then(serde_json::Value::as_str) {
                assert!(regex::Regex::new(pattern).is_ok(), "{file}: {pattern}");
            }
            left.extend(value.as_object().into_iter().flat_map(|map| map.values()));
            left.extend(value.as_array().into_iter().flatten());
        }
    }
}

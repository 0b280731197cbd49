//! Schemas for editors, and explanations.

use super::*;
use insta::assert_snapshot;
use serde_json::{Value, json};

fn document(spec: Value) -> Value {
    json!({"apiVersion": "driftless/v1", "kind": "Droplet", "metadata": {"name": "erp"}, "spec": spec})
}

#[test]
fn schemas_accept_what_is_sound_and_refuse_what_is_not() {
    let all = super::super::schemas(&kinds::both());
    let names: Vec<&str> = all.keys().map(String::as_str).collect();
    assert_eq!(names, ["Droplet.schema.json", "Settings.schema.json", "Vpc.schema.json", "driftless.schema.json"]);
    let sound = document(json!({"region": "sgp1", "size": "s", "open": [{"port": 1, "from": ["any", {"vpc": "a"}]}]}));
    let wrong = document(json!({"region": "sgp1", "size": "s", "ram": 3}));
    let vpc =
        json!({"apiVersion": "driftless/v1", "kind": "Vpc", "metadata": {"name": "a"}, "spec": {"region": "sgp1"}});
    for (file, fits) in [("driftless.schema.json", true), ("Droplet.schema.json", false)] {
        let validator = jsonschema::validator_for(&all[file]).unwrap();
        assert!(validator.is_valid(&sound), "{file}");
        assert!(!validator.is_valid(&wrong), "{file}");
        assert_eq!(validator.is_valid(&vpc), fits, "{file}");
    }
    for (file, schema) in &all {
        assert!(jsonschema::meta::is_valid(schema), "{file}");
    }
}

#[test]
fn a_field_is_explained() {
    let said = |query: &str| explain(&kinds::both(), query).map(|e| e.to_string()).unwrap_or_else(|e| e.to_string());
    assert_snapshot!(said("Droplet"), @r#"
    Droplet
      A virtual machine.

      takes    a map with apiVersion, kind, metadata, policy, dependsOn, …

    Fields
      apiVersion (required)   Always driftless/v1
      kind (required)         What it is
      metadata (required)     Name, former names and labels
      policy                  What may be done to the object; the same for every
                              kind
      dependsOn               Documents to do first, as Kind/name, beyond the
                              references in spec
      spec (required)         What is wanted
      spec.name               The name that the provider shows
      spec.region (required)  The region, such as sgp1
      spec.size (required)    The size, such as s-2vcpu-4gb
      spec.vpc                The network that it lies in
      spec.backups            Backups: true, false, or when
      spec.monitoring         Whether the agent is installed
      spec.tags               Tags of the provider
      spec.userData           What runs at the first boot
      spec.open               Ports that are open
      spec.records            What names it
    "#);
    assert_snapshot!(said("Droplet.spec.backups"), @r#"
    Droplet.spec.backups
      Backups: true, false, or when.

      takes    true or false, or a map with plan, hour, day

    Fields
      plan (required)  daily | weekly
      hour             The hour in UTC
      day              The day of the month
    "#);
    assert_snapshot!(said("droplet.backups.plan"), @r#"
    Droplet.spec.backups.plan
      daily | weekly.

      takes    one of: daily, weekly

    Values
      daily   Each day.
      weekly  Each week.
    "#);
    assert_snapshot!(said("Droplet.policy.adopt"), @r#"
    Droplet.policy.adopt
      match (default) | never | {id: …}: which live object this document may take
      over.

      takes    one of: match, never, or a map with id

    Values
      match
      never

    Fields
      id (required)  The provider's id, such as 3164494
    "#);
    assert_snapshot!(said("Droplet.metadata.labels.anything"), @r#"
    Droplet.metadata.labels.anything

      takes    a text
    "#);
    assert_snapshot!(said("Settings.windows.days"), @r#"
    Settings.spec.windows.days
      Days or ranges of days: mon, tue, wed, thu, fri, sat, sun, mon-fri.

      takes    a list; each entry: a text
    "#);
    assert_snapshot!(said("Droplit"), @r#"
    there is no kind "Droplit": did you mean "Droplet"? kinds are Vpc, Droplet, Settings
    "#);
    assert_snapshot!(said("Droplet.spec.siez"), @r#"
    there is no field "siez" in Droplet.spec: did you mean "size"? fields are name, region, size, vpc, backups, monitoring, tags, userData, open, records
    "#);
}

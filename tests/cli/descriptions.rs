//! `schema` and `explain`: that `schemas/` is fresh, that it fits the template, and that no field goes without words.

use super::{Desk, source};
use insta::assert_snapshot;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

fn folder(path: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).flatten();
    let read = |path: &Path| std::fs::read_to_string(path).expect("a file");
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), read(&entry.path()))).collect()
}

#[test]
fn the_schemas_folder_is_what_the_program_writes() {
    let desk = Desk::new();
    let said = desk.say(&["schema", "--write", "fresh"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), "Wrote 11 schemas to fresh.\n"));
    let (fresh, kept) = (folder(&desk.work().join("fresh")), folder(&source("schemas")));
    let renew = "renew it with: rm -r schemas && cargo run -- schema --write schemas";
    assert!(fresh.keys().eq(kept.keys()), "schemas/ holds {:?}: {renew}", kept.keys());
    for (name, text) in &fresh {
        assert!(kept[name] == *text, "schemas/{name} is stale: {renew}");
    }
}

#[test]
fn one_schema_is_printed_by_its_kind() {
    let desk = Desk::new();
    let kept = |name: &str| std::fs::read_to_string(source("schemas").join(name)).expect("a schema");
    assert_eq!(desk.well(&["schema", "Droplet"]), kept("Droplet.schema.json"));
    assert_eq!(desk.well(&["schema", "settings"]), kept("Settings.schema.json"));
    assert_eq!(desk.well(&["schema", "status"]), kept("status.schema.json"));
    assert_eq!(desk.well(&["schema"]), kept("driftless.schema.json"));
    assert_snapshot!(desk.say(&["schema", "Droplit"]).err, @r#"
    error: there is no kind "Droplit": did you mean "Droplet"? kinds are Vpc, SshKey, Droplet, Firewall, Domain, Host, ComposeStack, NginxSite, Settings
    "#);
    assert_snapshot!(desk.say(&["schema", "Droplet.size"]).err, @r"
    error: there is a schema for a whole kind only
      For one field: driftless explain Droplet.size
    ");
}

#[test]
fn the_template_fits_the_schemas_and_a_mistake_in_it_does_not() {
    let desk = Desk::new();
    desk.well(&["init", "infra", "--no-git"]);
    let schema = |name: &str| -> jsonschema::Validator {
        let text = std::fs::read_to_string(source("schemas").join(name)).expect("a schema");
        jsonschema::validator_for(&serde_json::from_str(&text).expect("JSON")).expect("a schema")
    };
    let combined = schema("driftless.schema.json");
    let mut seen = 0;
    for entry in ignore::Walk::new(desk.work().join("infra")).flatten() {
        let text = match entry.path().extension() {
            Some(end) if end == "yaml" => std::fs::read_to_string(entry.path()).expect("a file"),
            _ => continue,
        };
        let document: Value = serde_saphyr::from_str(&text).expect("YAML");
        let Some(kind) = document["kind"].as_str() else { continue };
        let own = schema(&format!("{kind}.schema.json"));
        for schema in [&own, &combined] {
            let errors: Vec<String> =
                schema.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert_eq!(errors, Vec::<String>::new(), "{}", entry.path().display());
            let mut wrong = document.clone();
            wrong["spec"]["ram"] = "4gb".into();
            assert!(!schema.is_valid(&wrong), "{kind} takes any field");
        }
        seen += 1;
    }
    assert_eq!(seen, 15);
}

/// Every property below a schema, by its path, that neither it nor what it refers to describes.
fn undescribed(all: &Value, at: &Value, path: &str, found: &mut Vec<String>) {
    let described = |schema: &Value| {
        let target = schema["$ref"].as_str().and_then(|to| all.pointer(to.trim_start_matches('#')));
        [Some(schema), target].into_iter().flatten().any(|s| s["description"].as_str().is_some_and(|d| !d.is_empty()))
    };
    match at {
        Value::Object(map) => {
            for (key, value) in map {
                if key == "properties" {
                    for (name, property) in value.as_object().into_iter().flatten() {
                        if !described(property) {
                            found.push(format!("{path}.{name}"));
                        }
                        undescribed(all, property, &format!("{path}.{name}"), found);
                    }
                } else {
                    undescribed(all, value, &format!("{path}/{key}"), found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| undescribed(all, item, path, found)),
        _ => {}
    }
}

#[test]
fn every_field_is_described() {
    for (name, text) in folder(&source("schemas")) {
        if name == "driftless.schema.json" || name == "status.schema.json" {
            continue;
        }
        let schema: Value = serde_json::from_str(&text).expect("JSON");
        let mut found = Vec::new();
        undescribed(&schema, &schema, "", &mut found);
        assert_eq!(found, Vec::<String>::new(), "{name}: a field without a doc comment");
    }
}

#[test]
fn fields_are_explained_in_words_and_as_data() {
    let desk = Desk::new();
    assert_snapshot!(desk.well(&["explain"]), @r"
    kind
      What a document describes. More about one: driftless explain Droplet

      takes    one of the values below

    Values
      Vpc           A private network of one region, in which droplets reach each
                    other by private addresses.
      SshKey        A public SSH key of the account, which new droplets let in as
                    root.
      Droplet       A virtual machine at DigitalOcean.
      Firewall      A cloud firewall: what may reach the droplets that it covers,
                    and what they may reach.
      Domain        A DNS zone at DigitalOcean with its records; its name is
                    metadata.name.
      Host          A machine that is looked at and worked on from the inside, over
                    SSH or as the controller's own.
      ComposeStack  A stack of containers that docker compose runs on a host.
      NginxSite     A site that nginx on a host serves: its file, the link that
                    enables it, its certificate.
      Settings      How this repo is kept; one document a repo.
    ");
    assert_snapshot!(desk.well(&["explain", "Droplet.spec.backups"]), @r"
    Droplet.spec.backups
      Whether it is backed up, or when: true, false, or {plan: weekly, weekday: SUN,
      hour: 4}. Weekly backups cost 20 % of the droplet's price, daily ones 30 %.
      Default: false.

      takes    true or false, or a map with plan, weekday, hour

    Fields
      plan (required)  weekly (kept for four weeks) or daily (kept for a week)
      weekday          The day of weekly backups: SUN to SAT
      hour             The hour in UTC at which the four hours begin in which it is
                       made: 0, 4, 8, 12, 16 or 20
    ");
    assert_snapshot!(desk.say(&["explain", "Droplet.bakups"]).err, @r#"
    error: there is no field "bakups" in Droplet.spec: did you mean "backups"? fields are name, region, size, image, vpc, sshKeys, backups, monitoring, ipv6, tags, userData, resizeDisk, replaceOn
    "#);
    let told: Value = serde_json::from_str(&desk.well(&["explain", "firewall.inbound", "-o", "json"])).expect("JSON");
    assert_eq!((&told["schema"], &told["title"]), (&"driftless.explained/v1".into(), &"Firewall.spec.inbound".into()));
    assert!(told["fields"].as_array().is_some_and(|fields| fields.iter().any(|f| f["name"] == "ports")), "{told}");
    let kinds: Value = serde_json::from_str(&desk.well(&["explain", "-o", "json"])).expect("JSON");
    assert_eq!(kinds["values"].as_array().map(Vec::len), Some(9));
}

#[test]
fn an_explanation_keeps_to_eighty_columns() {
    let desk = Desk::new();
    for what in ["Vpc", "SshKey", "Droplet", "Firewall", "Domain", "Settings", "Droplet.policy", "Domain.records"] {
        for line in desk.well(&["explain", what]).lines() {
            assert!(line.chars().count() <= 80, "{what}: {line}");
        }
    }
}

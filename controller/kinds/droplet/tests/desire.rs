//! What a document of a droplet may say.

use super::super::*;
use super::fixture::*;
use crate::model::erased::{AnyKind, Of};
use serde_json::{Value, json};

#[test]
fn the_manifest_in_full_is_understood() {
    let want = desire(full());
    assert_eq!(
        (want.name.as_str(), want.region.as_str(), want.size.as_str()),
        ("odoo-erp-prod", "sgp1", "s-2vcpu-4gb")
    );
    assert_eq!(want.image, Image::Slug("ubuntu-22-04-x64".to_owned()));
    let weekly = Schedule { plan: Plan::Weekly, weekday: Some(Weekday::Sun), hour: Some(4) };
    assert_eq!(want.backups, Backups::On(Some(weekly)));
    assert_eq!(want.user_data.as_ref().expect("data").text, "#cloud-config\n");
    assert_eq!(want.tags, ["odoo", "production"]);
    let needs: Vec<String> = Droplet::needs(&want).iter().map(|n| format!("{} {}", n.path, n.on)).collect();
    assert_eq!(needs, ["spec.vpc Vpc/main", "spec.sshKeys[0] SshKey/ops"]);
}

#[test]
fn what_is_left_out_has_a_default() {
    let want = desire(json!({"region": "sgp1", "size": "s-1vcpu-1gb", "image": 42}));
    assert_eq!((want.name.as_str(), &want.image), ("erp", &Image::Id(42)));
    assert_eq!((want.backups, want.monitoring, want.ipv6, want.resize_disk), (Backups::Off, false, false, false));
    assert!(want.vpc.is_none() && want.tags.is_empty() && want.user_data.is_none() && want.replace_on.is_empty());
}

#[test]
fn the_same_thing_written_differently_means_the_same() {
    let same = |field: &str, one: Value, other: Value| {
        assert_eq!(desire(with(field, one)), desire(with(field, other)), "{field}");
    };
    same("image", json!("129211873"), json!(129_211_873));
    same("tags", json!(["b", "A", "a"]), json!(["A", "b"]));
    same("backups", json!(false), json!(false));
}

#[test]
fn what_the_provider_would_refuse_is_refused_at_its_path() {
    let table: Vec<(&str, Value, &str, &str)> = vec![
        ("name", json!("under_score"), "spec.name", "letters, digits"),
        ("name", json!("-erp"), "spec.name", "both ends"),
        ("name", json!("erp."), "spec.name", "both ends"),
        ("name", json!("a".repeat(256)), "spec.name", "at most 255"),
        ("name", json!(""), "spec.name", "at most 255"),
        ("region", json!("Singapore"), "spec.region", "such as sgp1"),
        ("size", json!("2 vcpu"), "spec.size", "such as s-2vcpu-4gb"),
        ("image", json!("ubuntu 22"), "spec.image", "ubuntu-22-04-x64"),
        ("image", json!(0), "spec.image", "number"),
        ("image", json!("99999999999999999999999"), "spec.image", "no image has that number"),
        ("sshKeys", json!(["ops", "ssh-ed25519 AAAA"]), "spec.sshKeys[1]", "metadata.name"),
        ("sshKeys", json!(["ops", "ops"]), "spec.sshKeys[1]", "once is enough"),
        ("backups", json!({"plan": "daily", "weekday": "SUN"}), "spec.backups.weekday", "only with plan: weekly"),
        ("backups", json!({"plan": "weekly", "hour": 5}), "spec.backups.hour", "0, 4, 8, 12, 16, 20"),
        ("backups", json!({"plan": "weekly", "hour": 24}), "spec.backups.hour", "0, 4, 8, 12, 16, 20"),
        ("tags", json!(["ok", "white space"]), "spec.tags[1]", "underscores"),
        ("tags", json!(["a".repeat(256)]), "spec.tags[0]", "at most 255"),
        ("tags", json!(["Driftless:x"]), "spec.tags[0]", "markers"),
        ("userData", json!("x".repeat(65_537)), "spec.userData", "64 KiB"),
        ("userData", json!(""), "spec.userData", "leave it out"),
        ("userData", json!("a\0b"), "spec.userData", "plain text"),
    ];
    for (field, value, path, expected) in table {
        let wrong = try_desire(with(field, value.clone())).expect_err(path);
        assert_eq!(wrong.len(), 1, "{field}: {wrong:?}");
        assert_eq!(wrong[0].path, path);
        assert!(wrong[0].label.contains(expected), "{field}: {}", wrong[0].label);
        assert!(wrong[0].message.starts_with("Droplet/erp "), "{}", wrong[0].message);
    }
}

#[test]
fn user_data_of_exactly_64_kib_is_taken() {
    assert!(try_desire(with("userData", "x".repeat(65_536))).is_ok());
}

#[test]
fn a_default_name_that_no_droplet_can_have_is_told_at_the_name_of_the_document() {
    let spec: Spec = serde_json::from_value(json!({"region": "sgp1", "size": "s-1", "image": "a"})).expect("a spec");
    let files = BTreeMap::new();
    let wrong = Droplet::desire(&ResourceId::new("Droplet", "erp-"), &spec, &EstateView { files: &files });
    assert_eq!(wrong.expect_err("refused")[0].path, "metadata.name");
}

#[test]
fn a_file_of_user_data_is_asked_for() {
    let spec: Spec = serde_json::from_value(full()).expect("a spec");
    let files = Droplet::files(&spec);
    assert_eq!((files[0].file.as_str(), files[0].path.as_str()), ("cloud-init/erp.yaml", "spec.userData.file"));
}

#[test]
fn the_schema_takes_the_manifest_and_refuses_what_is_none() {
    let schema = Of::<Droplet>::new().schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for good in [
        full(),
        with("backups", true),
        with("image", 42),
        with("userData", "text"),
        with("replaceOn", json!(["image", "vpc"])),
    ] {
        assert!(
            validator.is_valid(&good),
            "{good}: {:?}",
            validator.iter_errors(&good).map(|e| e.to_string()).collect::<Vec<_>>()
        );
    }
    for (field, bad) in [
        ("name", json!("a_b")),
        ("region", json!("SGP")),
        ("size", json!("a b")),
        ("image", json!(0)),
        ("image", json!("a b")),
        ("backups", json!("weekly")),
        ("backups", json!({"plan": "monthly"})),
        ("backups", json!({"plan": "weekly", "hour": 5})),
        ("backups", json!({"plan": "weekly", "weekday": "sunday"})),
        ("tags", json!(["a b"])),
        ("userData", json!({"path": "x"})),
        ("userData", json!({"file": "x", "mode": 1})),
        ("replaceOn", json!(["size"])),
        ("ram", json!(4)),
    ] {
        assert!(!validator.is_valid(&with(field, bad.clone())), "{field}: {bad}");
    }
}

#[test]
fn every_field_has_a_help_text() {
    let schema = Of::<Droplet>::new().schema();
    for (field, schema) in schema["properties"].as_object().expect("fields") {
        assert!(schema["description"].as_str().is_some_and(|text| text.len() > 20), "{field}: {schema}");
    }
}

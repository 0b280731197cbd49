//! What private networks mean and how they differ, as tables.

use super::*;
use crate::model::{
    Catalog, Change, Observed, OnRemove, Policy, ProviderId, Shown, Step as Work, Verb, View,
    erased::{AnyKind, Of},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

fn id() -> ResourceId {
    ResourceId::new("Vpc", "main")
}

fn desire(spec: Value) -> Result<Want, Vec<Complaint>> {
    spec::desire(&id(), &serde_json::from_value(spec).expect("a spec"))
}

fn full() -> Value {
    json!({"name": "production-vpc", "region": "sgp1", "ipRange": "10.114.0.0/16", "description": "Production network"})
}

fn with(field: &str, value: impl Into<Value>) -> Value {
    let mut spec = full();
    spec[field] = value.into();
    spec
}

fn want() -> Want {
    desire(full()).expect("good")
}

fn state(want: &Want) -> State {
    State {
        id: "5a4981aa-9653-4bd1-bef5-d6bff52042e4".to_owned(),
        name: want.name.clone(),
        region: want.region.clone(),
        ip_range: want.ip_range.map_or_else(|| "10.130.0.0/20".to_owned(), |range| range.to_string()),
        description: want.description.clone(),
        default: false,
    }
}

fn plan(want: Option<&Want>, state: Option<&State>, on_remove: OnRemove) -> Diffed<Step> {
    let id = id();
    let catalog = Catalog::default();
    let view = View {
        as_of: jiff::Timestamp::UNIX_EPOCH,
        estate: Uuid::nil(),
        catalog: &catalog,
        supplies: Default::default(),
    };
    let provider_id = state.map(|s| ProviderId(s.id.clone()));
    Vpc::diff(&Diff {
        id: &id,
        want,
        have: state.map_or(Observed::Absent, Observed::Present),
        provider_id: provider_id.as_ref(),
        owned: None,
        policy: &Policy::default_for(on_remove),
        adopting: false,
        generation: u32::from(state.is_some()),
        intent: None,
        retiring: Vec::new(),
        scopes: None,
        view: &view,
    })
}

fn only(diffed: Diffed<Step>) -> Change<Step> {
    assert_eq!((diffed.changes.len(), diffed.findings.len()), (1, 0), "{diffed:?}");
    diffed.changes.into_iter().next().expect("one change")
}

#[test]
fn what_the_provider_would_refuse_is_refused_at_its_path() {
    let table: [(&str, Value, &str); 14] = [
        ("name", json!("under_score"), "letters, digits, dashes and periods"),
        ("name", json!(""), "letters"),
        ("name", json!("a".repeat(256)), "at most 255"),
        ("region", json!("Singapore"), "such as sgp1"),
        ("region", json!("sgp"), "such as sgp1"),
        ("description", json!("é".repeat(256)), "at most 255"),
        ("ipRange", json!("10.114.0.0"), "10.114.0.0/16"),
        ("ipRange", json!("10.114.0.0/33"), "10.114.0.0/16"),
        ("ipRange", json!("fd00::/16"), "10.114.0.0/16"),
        ("ipRange", json!("10.0.0.0/15"), "/16 to /28, not /15"),
        ("ipRange", json!("10.0.0.0/29"), "/16 to /28, not /29"),
        ("ipRange", json!("10.114.0.1/16"), "did you mean 10.114.0.0/16?"),
        ("ipRange", json!("172.32.0.0/16"), "172.16.0.0/12"),
        ("ipRange", json!("192.169.0.0/24"), "192.168.0.0/16"),
    ];
    for (field, value, expected) in table {
        let wrong = desire(with(field, value.clone())).expect_err(field);
        assert_eq!(wrong.len(), 1, "{field} {value}: {wrong:?}");
        assert_eq!(wrong[0].path, format!("spec.{field}"), "{value}");
        assert!(wrong[0].label.contains(expected), "{field} {value}: {}", wrong[0].label);
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let wrong = desire(json!({"name": "_", "region": "", "ipRange": "8.8.8.0/24"})).expect_err("refused");
    let paths: Vec<&str> = wrong.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["spec.name", "spec.region", "spec.ipRange"]);
}

#[test]
fn the_name_is_by_default_that_of_the_document() {
    assert_eq!(desire(json!({"region": "sgp1"})).expect("good").name, "main");
}

#[test]
fn ranges_that_overlap_are_told_once_with_whose_they_are() {
    let at = |name: &str, range: &str| (ResourceId::new("Vpc", name), desire(with("ipRange", range)).expect("good"));
    let all = [
        at("a", "10.1.0.0/16"),
        at("b", "10.1.128.0/20"),
        at("c", "10.1.240.0/28"),
        at("d", "10.2.0.0/16"),
        at("e", "10.2.0.0/16"),
        at("f", "10.3.0.0/16"),
    ];
    let refs: Vec<(&ResourceId, &Want)> = all.iter().map(|(id, want)| (id, want)).collect();
    let found: Vec<String> =
        Vpc::check(&refs).into_iter().map(|(id, c)| format!("{} {}", id.name, c.message)).collect();
    assert_eq!(
        found,
        [
            "b Vpc/b has the range 10.1.128.0/20, which overlaps 10.1.0.0/16 of Vpc/a",
            "c Vpc/c has the range 10.1.240.0/28, which overlaps 10.1.0.0/16 of Vpc/a",
            "e Vpc/e has the range 10.2.0.0/16, which overlaps 10.2.0.0/16 of Vpc/d",
        ]
    );
}

#[test]
fn it_is_known_by_name_and_else_by_region_and_range() {
    let want = want();
    assert_eq!(Vpc::keys(&want), Vpc::keys_of(&state(&want)));
    let open = Want { ip_range: None, ..want };
    assert_eq!(Vpc::keys(&open).len(), 1);
}

#[test]
fn a_network_that_is_missing_is_created_whole() {
    let change = only(plan(Some(&want()), None, OnRemove::Keep));
    assert_eq!(change.key.verb, Verb::Create);
    let fields: Vec<&str> = change.fields.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(fields, ["name", "region", "ipRange", "description"]);
    let expected = Step::Create {
        name: "production-vpc".into(),
        region: "sgp1".into(),
        ip_range: Some("10.114.0.0/16".into()),
        description: "Production network".into(),
    };
    assert_eq!(change.step, Work::Ready(expected));
}

#[test]
fn name_and_description_change_in_place_and_together() {
    let want = want();
    for (name, description, fields) in [
        ("other", "Production network", vec!["name"]),
        ("production-vpc", "by hand", vec!["description"]),
        ("other", "by hand", vec!["name", "description"]),
    ] {
        let have = State { name: name.into(), description: description.into(), ..state(&want) };
        let change = only(plan(Some(&want), Some(&have), OnRemove::Keep));
        assert_eq!(change.key.to_string(), "Vpc/main update");
        assert_eq!(change.fields.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), fields);
        let expected = Step::Update { name: "production-vpc".into(), description: "Production network".into() };
        assert_eq!(change.step, Work::Ready(expected), "a PUT sends all that shall stay");
    }
}

#[test]
fn a_description_that_goes_is_shown_as_nothing() {
    let want = desire(with("description", "")).expect("good");
    let have = State { description: "by hand".into(), ..state(&want) };
    let change = only(plan(Some(&want), Some(&have), OnRemove::Keep));
    assert_eq!(change.fields[0].to, Shown::Nothing);
}

#[test]
fn region_and_range_that_differ_are_findings_and_never_changes() {
    let want = want();
    let have = State { region: "fra1".into(), ip_range: "10.115.0.0/16".into(), ..state(&want) };
    let diffed = plan(Some(&want), Some(&have), OnRemove::Keep);
    assert!(diffed.changes.is_empty());
    let told: Vec<&str> = diffed.findings.iter().map(|f| f.text.as_str()).collect();
    assert_eq!(
        told,
        ["region is fra1 and cannot change to sgp1", "ipRange is 10.115.0.0/16 and cannot change to 10.114.0.0/16"]
    );
    assert!(diffed.findings.iter().all(|f| f.rule == "cannot-change-in-place" && !f.hint.is_empty()));
}

#[test]
fn a_range_that_digitalocean_picked_is_never_compared() {
    let want = desire(json!({"region": "sgp1"})).expect("good");
    assert_eq!(plan(Some(&want), Some(&state(&want)), OnRemove::Keep), Diffed::default());
}

#[test]
fn a_document_that_has_gone_follows_its_policy() {
    let have = state(&want());
    assert_eq!(only(plan(None, Some(&have), OnRemove::Keep)).key.verb, Verb::Release);
    assert_eq!(only(plan(None, Some(&have), OnRemove::Destroy)).key.verb, Verb::Delete);
    let stop = plan(None, Some(&have), OnRemove::Stop);
    assert_eq!((stop.changes[0].key.verb, stop.findings[0].rule.as_str()), (Verb::Release, "cannot-stop"));
}

#[test]
fn the_default_network_of_a_region_is_not_asked_to_go() {
    let have = State { default: true, ..state(&want()) };
    let diffed = plan(None, Some(&have), OnRemove::Destroy);
    assert!(diffed.changes.is_empty());
    assert_eq!(diffed.findings[0].rule, "cannot-delete-default");
}

#[test]
fn the_schema_takes_the_manifest_and_refuses_what_is_none() {
    let validator = jsonschema::validator_for(&Of::<Vpc>::new().schema()).expect("a schema");
    assert!(validator.is_valid(&full()));
    assert!(validator.is_valid(&json!({"region": "sgp1"})));
    for bad in [json!({}), with("region", "SGP"), with("ipRange", "10.0.0.0"), with("name", "a b"), with("cidr", "x")] {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}

proptest! {
    #[test]
    fn a_network_made_from_a_document_differs_in_nothing(
        name in "[a-zA-Z0-9.-]{1,40}", second in 0u8..=255, third in 0u8..=15, length in 20u8..=28, description in ".{0,80}",
    ) {
        let range = format!("10.{second}.{}.0/{length}", third * 16);
        let want = desire(json!({"name": name, "region": "sgp1", "ipRange": range, "description": description}));
        let want = want.expect("good");
        prop_assert_eq!(plan(Some(&want), Some(&state(&want)), OnRemove::Keep), Diffed::default());
    }
}

//! Tables: what documents mean or why they are refused, and what differs from what was seen.

use super::normal::{Raw, glob, live_data, live_name};
use super::*;
use crate::model::{
    Catalog, Cause, Change, Diffed, Observed, Owned, Policy, ProviderId, Risk, Shown, Step as Work, Supply, Verb, View,
};
use serde_json::{Value, json};

pub(super) fn id() -> ResourceId {
    ResourceId::new("Domain", "example.com")
}

fn read(spec: Value) -> Result<Want, Vec<Complaint>> {
    let schema = schemars::SchemaGenerator::default().into_root_schema_for::<Spec>().to_value();
    let checked = jsonschema::validate(&schema, &spec);
    checked.expect("the spec fits its schema");
    let spec: Spec = serde_json::from_value(spec).expect("the spec reads");
    let files = BTreeMap::new();
    Domain::desire(&id(), &spec, &EstateView { files: &files })
}

pub(super) fn want(spec: Value) -> Want {
    read(spec).expect("nothing wrong")
}

/// The paths and messages of all that is wrong with one list of records.
fn wrong(records: Value) -> Vec<(String, String)> {
    let complaints = read(json!({"records": records})).expect_err("something wrong");
    complaints.into_iter().map(|c| (c.path, c.message)).collect()
}

fn refused(records: Value, path: &str, words: &str) {
    let all = wrong(records);
    assert!(all.iter().any(|(p, m)| p == path && m.contains(words)), "{path}: {words} not in {all:?}");
}

pub(super) fn live(zone: &[(&str, &str, u64, u32, &str)]) -> State {
    let mut sets: BTreeMap<SetKey, Vec<Record>> = BTreeMap::new();
    for (name, kind, id, ttl, value) in zone {
        let (priority, value) = match value.split_once(' ') {
            Some((n, host)) if *kind == "MX" => (n.parse().ok(), host),
            _ => (None, *value),
        };
        let raw = Raw { data: value, priority, ..Raw::default() };
        let data = live_data("example.com", kind, &raw);
        sets.entry(SetKey::new(*name, *kind)).or_default().push(Record { id: *id, ttl: *ttl, data });
    }
    State { zone: "example.com".to_owned(), sets: Some(sets) }
}

struct World {
    supplies: std::collections::HashMap<ResourceId, Supply>,
    owned: Option<Vec<&'static str>>,
    policy: Policy,
}

impl Default for World {
    fn default() -> Self {
        Self { supplies: Default::default(), owned: Some(Vec::new()), policy: Policy::default_for(Domain::ON_REMOVE) }
    }
}

impl World {
    fn owning(parts: &[&'static str]) -> Self {
        Self { owned: Some(parts.to_vec()), ..Self::default() }
    }
    fn with(mut self, droplet: &str, supply: Supply) -> Self {
        self.supplies.insert(ResourceId::new("Droplet", droplet), supply);
        self
    }
    fn diff(self, want: Option<&Want>, have: Option<&State>) -> Diffed<Step> {
        let catalog = Catalog::default();
        let view = View {
            as_of: jiff::Timestamp::UNIX_EPOCH,
            estate: uuid::Uuid::nil(),
            catalog: &catalog,
            supplies: self.supplies,
        };
        let zone = ProviderId("example.com".to_owned());
        let owned = self.owned.map(|parts| Owned {
            provider_id: zone.clone(),
            scope: Scope::within("Domain", "example.com"),
            generation: 1,
            policy: self.policy.clone(),
            needs: Default::default(),
            parts: parts.into_iter().map(|p| (p.to_owned(), Digest::of_bytes(b""))).collect(),
            wrote: BTreeMap::new(),
            retiring: Vec::new(),
            file: "zone.yaml".to_owned(),
            stopped: None,
        });
        Domain::diff(&Diff {
            id: &id(),
            want,
            have: have.map_or(Observed::Absent, Observed::Present),
            provider_id: have.map(|_| &zone),
            adopting: owned.is_none() && have.is_some(),
            owned: owned.as_ref(),
            policy: &self.policy,
            generation: u32::from(have.is_some()),
            intent: None,
            retiring: Vec::new(),
            scopes: None,
            view: &view,
        })
    }
}

fn keys(diffed: &Diffed<Step>) -> Vec<String> {
    diffed.changes.iter().map(|c| c.key.to_string()).collect()
}

fn ops(change: &Change<Step>) -> &[Op] {
    match &change.step {
        Work::Ready(Step::Records { ops, .. }) => ops,
        other => panic!("no operations: {other:?}"),
    }
}

fn supply(address: &str) -> Supply {
    Supply::Live(BTreeMap::from([(Output::Address, address.to_owned())]))
}

#[test]
fn every_form_of_a_name_means_the_same_set() {
    for name in ["erp", "ERP", "erp.example.com."] {
        let want = want(json!({"records": [{"name": name, "type": "A", "value": "203.0.113.10"}]}));
        assert_eq!(want.sets.keys().map(ToString::to_string).collect::<Vec<_>>(), ["erp A"], "{name}");
    }
    for name in ["@", "example.com."] {
        let want = want(json!({"records": [{"name": name, "type": "A", "value": "203.0.113.10"}]}));
        assert!(want.sets.contains_key(&SetKey::new("@", "A")), "{name}");
    }
    let wild = want(json!({"records": [
        {"name": "*", "type": "A", "value": "203.0.113.10"}, {"name": "*.dev", "type": "A", "value": "203.0.113.10"}]}));
    assert_eq!(wild.sets.len(), 2);
}

#[test]
fn names_that_mean_something_else_than_they_say_are_refused() {
    let one = |name: &str| json!([{"name": name, "type": "A", "value": "203.0.113.10"}]);
    let path = "spec.records[0].name";
    refused(one("erp.example.com"), path, "ends in example.com without a dot");
    refused(one("example.com"), path, "is the zone itself");
    refused(one("erp.example.org."), path, "lies outside of example.com");
    refused(one("a..b"), path, "empty label");
    refused(one("a.*.b"), path, "star");
    refused(one("-a"), path, "dash");
    refused(one("a b"), path, "characters other than");
    refused(one("bücher"), path, "is not ASCII");
    let complaints = read(json!({"records": one("bücher")})).expect_err("not ASCII");
    assert!(complaints[0].hint.contains("xn--bcher-kva"), "{}", complaints[0].hint);
    refused(one(&"a".repeat(64)), path, "longer than 63");
}

#[test]
fn hosts_read_with_and_without_dots_and_from_the_apex() {
    let cases = [
        ("mail.example.org", "mail.example.org"),
        ("Mail.Example.ORG.", "mail.example.org"),
        ("@", "example.com"),
        ("mail", "mail.example.com"),
    ];
    for (written, canonical) in cases {
        let want = want(json!({"records": [{"name": "@", "type": "MX", "value": written, "priority": 10}]}));
        let members = &want.sets[&SetKey::new("@", "MX")].members;
        let data = Data { priority: Some(10), ..Data::plain(canonical) };
        assert_eq!(members.iter().collect::<Vec<_>>(), [&Member::Says(data)], "{written}");
    }
    refused(json!([{"name": "@", "type": "MX", "value": ".", "priority": 0}]), "spec.records[0].value", "null target");
    refused(json!([{"name": "w", "type": "CNAME", "value": "203.0.113.1"}]), "spec.records[0].value", "is an address");
}

#[test]
fn what_digitalocean_tells_reads_as_what_documents_say() {
    let plain = |kind, data| live_data("example.com", kind, &Raw { data, ..Raw::default() }).value;
    assert_eq!(plain("CNAME", "@"), "example.com");
    assert_eq!(plain("CNAME", "Web.Example.org."), "web.example.org");
    assert_eq!(plain("AAAA", "2001:DB8:0:0::1"), "2001:db8::1");
    assert_eq!(plain("TXT", "\"v=spf1\" \" -all\""), "v=spf1 -all");
    assert_eq!(plain("TXT", "V=Case Kept."), "V=Case Kept.");
    let caa =
        |tag, data| live_data("example.com", "CAA", &Raw { data, tag: Some(tag), flags: Some(0), ..Raw::default() });
    assert_eq!(caa("iodef", "mailto:a@example.com").value, "mailto:a@example.com");
    assert_eq!(caa("issue", "letsencrypt.org").to_string(), "0 issue letsencrypt.org");
    // Fields that a type has not come back as null or 0, and mean nothing.
    let a = Raw { data: "203.0.113.1", priority: Some(0), weight: Some(0), port: Some(0), ..Raw::default() };
    assert_eq!(live_data("example.com", "A", &a), Data::plain("203.0.113.1"));
    assert_eq!(live_name("example.com", ""), "@");
    assert_eq!(live_name("example.com", "ERP"), "erp");
}

#[test]
fn values_that_digitalocean_would_refuse_are_refused_here() {
    let value = "spec.records[0].value";
    let one = |kind: &str, value: &str| json!([{"name": "x", "type": kind, "value": value}]);
    refused(one("A", "2001:db8::1"), value, "is not an IPv4 address");
    refused(one("A", "erp"), value, "is not an IPv4 address");
    refused(one("AAAA", "203.0.113.1"), value, "is not an IPv6 address");
    refused(one("TXT", "a\\b"), value, "backslash");
    refused(one("TXT", ""), value, "is empty");
    refused(one("TXT", "\"\""), value, "is empty");
    refused(one("TXT", "say \"hi\" now"), value, "double quote");
    refused(one("TXT", &"x".repeat(506)), value, "bytes long");
    assert!(read(json!({"records": one("TXT", &"x".repeat(504))})).is_ok());
    refused(
        json!([{"name": "@", "type": "CAA", "tag": "iodef", "value": "example.com"}]),
        value,
        "no address to report to",
    );
}

#[test]
fn fields_of_other_types_and_missing_ones_are_named_by_their_path() {
    let at = |field: &str| format!("spec.records[0].{field}");
    refused(
        json!([{"name": "x", "type": "A", "value": "203.0.113.1", "priority": 1}]),
        &at("priority"),
        "gives the A record",
    );
    refused(
        json!([{"name": "x", "type": "MX", "value": "m.example.org", "priority": 1, "port": 25}]),
        &at("port"),
        "gives the MX",
    );
    refused(json!([{"name": "x", "type": "TXT", "value": "t", "tag": "issue"}]), &at("tag"), "gives the TXT");
    refused(
        json!([{"name": "x", "type": "A", "value": "203.0.113.1", "network": "private"}]),
        &at("network"),
        "no droplet's",
    );
    refused(json!([{"name": "x", "type": "MX", "droplet": "erp", "priority": 1}]), &at("droplet"), "with a droplet");
    refused(
        json!([{"name": "x", "type": "AAAA", "droplet": "erp", "network": "private"}]),
        &at("network"),
        "private IPv6",
    );
    let entry = "spec.records[0]";
    refused(json!([{"name": "x", "type": "MX", "value": "m.example.org"}]), entry, "without priority");
    refused(json!([{"name": "_s._tcp", "type": "SRV", "value": "m.example.org"}]), entry, "without port");
    refused(json!([{"name": "x", "type": "CAA", "value": "letsencrypt.org"}]), entry, "without tag");
    refused(json!([{"name": "x", "type": "A"}]), entry, "without a value");
    refused(json!([{"name": "x", "value": "203.0.113.1"}]), entry, "without a type");
    refused(json!([{"name": "x", "type": "A", "value": "203.0.113.1", "droplet": "erp"}]), entry, "more than one of");
    refused(json!([{"name": "x", "type": "A", "values": []}]), &at("values"), "empty list");
}

#[test]
fn all_errors_of_a_document_come_in_one_run() {
    let all = wrong(json!([
        {"name": "a b", "type": "A", "value": "nonsense"},
        {"name": "x", "type": "MX", "value": "."},
    ]));
    let paths: Vec<&str> = all.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["spec.records[0].name", "spec.records[0].value", "spec.records[1]", "spec.records[1].value"]);
}

#[test]
fn a_cname_is_alone_and_never_at_the_apex() {
    refused(
        json!([{"name": "@", "type": "CNAME", "value": "web.example.org"}]),
        "spec.records[0].name",
        "for the zone itself",
    );
    let both =
        json!([{"name": "w", "type": "CNAME", "value": "web.example.org"}, {"name": "w", "type": "TXT", "value": "t"}]);
    refused(both, "spec.records[0].value", "a CNAME and TXT");
    refused(
        json!([{"name": "w", "type": "CNAME", "values": ["a.example.org", "b.example.org"]}]),
        "spec.records[0].values[1]",
        "more than one CNAME",
    );
    refused(
        json!([{"name": "sip", "type": "SRV", "value": "a.example.org", "priority": 1, "weight": 1, "port": 5060}]),
        "spec.records[0].name",
        "SRV record named",
    );
}

#[test]
fn one_name_has_one_ttl() {
    let two = json!([{"name": "w", "type": "A", "value": "203.0.113.1", "ttl": 60}, {"name": "w", "type": "TXT", "value": "t", "ttl": 90}]);
    refused(two, "spec.records[1].ttl", "a ttl of 90 here and of 60");
    let spec = json!({"defaultTtl": 300, "records": [
        {"name": "w", "type": "A", "value": "203.0.113.1", "ttl": 60}, {"name": "w", "type": "TXT", "value": "t"},
        {"name": "v", "type": "A", "value": "203.0.113.1"}]});
    let ttls: Vec<u32> = want(spec).sets.values().map(|set| set.ttl).collect();
    assert_eq!(ttls, [300, 60, 60]);
    assert_eq!(
        want(json!({"records": [{"name": "v", "type": "A", "value": "203.0.113.1"}]}))
            .sets
            .values()
            .next()
            .map(|s| s.ttl),
        Some(1800)
    );
}

#[test]
fn the_same_record_twice_is_refused_whatever_its_spelling() {
    let twice = json!([{"name": "w", "type": "NS", "value": "ns.example.org."}, {"name": "W", "type": "NS", "value": "NS.example.org"}]);
    refused(twice, "spec.records[1].value", "twice");
}

#[test]
fn nothing_may_point_at_a_retired_name() {
    let retired = json!({"name": "ipa", "retired": {"since": "2025-11-28", "reason": "never configured"}});
    refused(
        json!([retired, {"name": "x", "type": "CNAME", "value": "ipa.example.com"}]),
        "spec.records[1].value",
        "retired on 2025-11-28",
    );
    refused(
        json!([retired, {"name": "ipa", "type": "A", "value": "203.0.113.1"}]),
        "spec.records[1].value",
        "which it retires",
    );
    refused(
        json!([{"name": "ipa", "type": "A", "retired": {"since": "2025-11-28", "reason": "r"}}]),
        "spec.records[0].type",
        "gives it a type",
    );
    refused(
        json!([{"name": "ipa", "retired": {"since": "2025-13-28", "reason": "r"}}]),
        "spec.records[0].retired.since",
        "no date",
    );
    let here = want(json!({"records": [retired]}));
    let other = ResourceId::new("Domain", "example.org");
    let spec = json!({"records": [{"name": "x", "type": "MX", "value": "ipa.example.com", "priority": 1}]});
    let spec: Spec = serde_json::from_value(spec).expect("reads");
    let there = Domain::desire(&other, &spec, &EstateView { files: &BTreeMap::new() }).expect("fine alone");
    let found = Domain::check(&[(&id(), &here), (&other, &there)]);
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].0, found[0].1.path.as_str()), (&other, "spec.records[0].value"));
}

#[test]
fn what_is_listed_cannot_be_ignored_too() {
    let spec = json!({"ignore": [{"name": "_acme-challenge*"}], "records": [{"name": "_acme-challenge.erp", "type": "TXT", "value": "t"}]});
    let complaints = read(spec).expect_err("both");
    assert_eq!(complaints[0].path, "spec.records[0].value");
    assert!(read(json!({"ignore": [{}]})).is_err());
    assert!(
        glob("_acme-challenge*", "_acme-challenge.erp") && glob("*", "@") && glob("a?c", "abc") && !glob("a?c", "ac")
    );
    assert!(glob("*a*b", "xxaxxb") && !glob("*a*b", "xxaxx"));
}

#[test]
fn a_missing_zone_is_made_first_and_its_own_name_servers_are_read_before_they_are_set() {
    let want = want(json!({"records": [
        {"name": "erp", "type": "A", "value": "203.0.113.1"}, {"name": "@", "type": "NS", "value": "ns1.digitalocean.com"}]}));
    let diffed = World { owned: None, ..World::default() }.diff(Some(&want), None);
    assert_eq!(
        keys(&diffed),
        ["Domain/example.com create", "Domain/example.com#@ NS create", "Domain/example.com#erp A create"]
    );
    let zone = diffed.changes[0].key.clone();
    assert!(diffed.changes[1..].iter().all(|c| c.after == [zone.clone()] && c.provider_id.is_some()));
    assert!(matches!(diffed.changes[1].step, Work::Ready(Step::Settle { .. })));
    assert_eq!(diffed.changes[2].scope, Scope::within("Domain", "example.com"));
}

#[test]
fn members_match_by_value_and_left_overs_keep_their_numbers() {
    let want = want(
        json!({"defaultTtl": 300, "records": [{"name": "w", "type": "A", "values": ["203.0.113.1", "203.0.113.3", "203.0.113.4"]}]}),
    );
    let have = live(&[
        ("w", "A", 7, 300, "203.0.113.1"),
        ("w", "A", 5, 300, "203.0.113.1"),
        ("w", "A", 9, 300, "203.0.113.2"),
    ]);
    let diffed = World::owning(&["w A"]).diff(Some(&want), Some(&have));
    assert_eq!(keys(&diffed), ["Domain/example.com#w A update"]);
    // 5 stays as it is; the duplicate 7 and the unwanted 9 take on the missing values.
    let ids: Vec<u64> = ops(&diffed.changes[0])
        .iter()
        .map(|op| match op {
            Op::Update { id, .. } => *id,
            _ => 0,
        })
        .collect();
    assert_eq!(ids, [7, 9]);
    assert_eq!(diffed.changes[0].risk, Risk::None);
    assert_eq!(diffed.changes[0].cause, Cause::Document);
}

#[test]
fn updates_come_before_creates_and_creates_before_deletes() {
    let key = SetKey::new("w", "A");
    let record = |id, value: &str| Record { id, ttl: 300, data: Data::plain(value) };
    let (a, b) = (Data::plain("a"), Data::plain("b"));
    let order = |live: &[Record], want: &[Data]| {
        let all = super::records::operations(&key, live, want.iter(), 300);
        all.iter()
            .map(|op| match op {
                Op::Update { .. } => 'u',
                Op::Create { .. } => 'c',
                Op::Delete { .. } => 'd',
            })
            .collect::<String>()
    };
    assert_eq!(order(&[record(1, "x")], &[a.clone(), b.clone()]), "uc");
    assert_eq!(order(&[record(1, "x"), record(2, "y"), record(3, "b")], &[a.clone(), b.clone()]), "ud");
    assert_eq!(order(&[record(1, "b"), record(2, "b")], &[b]), "d");
    assert_eq!(order(&[], &[a]), "c");
}

#[test]
fn equal_duplicates_alone_are_no_difference() {
    let want = want(json!({"records": [{"name": "w", "type": "A", "value": "203.0.113.1"}]}));
    let have = live(&[("w", "A", 7, 1800, "203.0.113.1"), ("w", "A", 5, 1800, "203.0.113.1")]);
    assert_eq!(World::default().diff(Some(&want), Some(&have)), Diffed::default());
}

#[test]
fn a_set_that_was_never_ours_is_taken_over_only_if_it_differs() {
    let want = want(
        json!({"records": [{"name": "a", "type": "A", "value": "203.0.113.1"}, {"name": "b", "type": "A", "value": "203.0.113.1"}, {"name": "c", "type": "A", "value": "203.0.113.1"}]}),
    );
    let have = live(&[("a", "A", 1, 1800, "203.0.113.1"), ("b", "A", 2, 1800, "203.0.113.9")]);
    let diffed = World { owned: None, ..World::default() }.diff(Some(&want), Some(&have));
    assert_eq!(keys(&diffed), ["Domain/example.com#b A update", "Domain/example.com#c A create"]);
    assert!(matches!(diffed.changes[0].risk, Risk::TakesOver(_)) && diffed.changes[0].cause == Cause::Adoption);
    assert_eq!((&diffed.changes[1].risk, diffed.changes[1].cause), (&Risk::None, Cause::Document));
    assert_eq!(diffed.changes[0].fields[0].from, Shown::text("203.0.113.9"));
}

#[test]
fn a_new_droplets_record_stands_in_the_plan_and_waits() {
    let want = want(
        json!({"records": [{"name": "erp", "type": "A", "droplet": "erp"}, {"name": "w", "type": "A", "droplet": "web"}, {"name": "v", "type": "A", "droplet": "gone"}]}),
    );
    let have = live(&[("w", "A", 1, 1800, "203.0.113.7")]);
    let world = World::owning(&["w A"])
        .with("erp", Supply::Pending)
        .with("web", supply("203.0.113.8"))
        .with("gone", Supply::Unknown("timeout".to_owned()));
    let diffed = world.diff(Some(&want), Some(&have));
    assert_eq!(keys(&diffed), ["Domain/example.com#erp A create", "Domain/example.com#w A update"]);
    let droplet = ResourceId::new("Droplet", "erp");
    assert_eq!(diffed.changes[0].fields[0].to, Shown::Pending { of: droplet.clone(), output: Output::Address });
    assert_eq!(diffed.changes[0].step, Work::Waits { on: vec![droplet], why: "address of Droplet/erp".to_owned() });
    assert_eq!(diffed.findings.len(), 1);
    assert!(diffed.findings[0].text.contains("v A is left as it is"));
}

#[test]
fn owned_sets_that_are_taken_off_the_list_follow_the_policy() {
    let want = want(json!({"unlisted": "keep", "records": []}));
    let have = live(&[
        ("old", "A", 1, 1800, "203.0.113.7"),
        ("hand", "A", 2, 1800, "203.0.113.7"),
        ("@", "NS", 3, 1800, "ns1.digitalocean.com"),
    ]);
    let diffed = World::owning(&["old A", "@ NS", "vanished A"]).diff(Some(&want), Some(&have));
    assert_eq!(keys(&diffed), ["Domain/example.com#old A delete"]);
    assert_eq!((diffed.changes[0].cause, ops(&diffed.changes[0])), (Cause::Removal, &[Op::Delete { id: 1 }][..]));
    let keep = World { policy: Policy::default_for(OnRemove::Keep), ..World::owning(&["old A"]) };
    assert_eq!(keys(&keep.diff(Some(&want), Some(&have))), ["Domain/example.com#old A release"]);
}

#[test]
fn a_document_that_vanishes_keeps_the_zone() {
    let have = live(&[("old", "A", 1, 1800, "203.0.113.7")]);
    let diffed = World::owning(&["old A"]).diff(None, Some(&have));
    assert_eq!(keys(&diffed), ["Domain/example.com release"]);
    assert_eq!(World::owning(&["old A"]).diff(None, None), Diffed::default());
}

#[test]
fn unlisted_sets_are_reported_in_one_finding_kept_or_deleted() {
    let have = live(&[
        ("@", "SOA", 1, 1800, "1800"),
        ("@", "NS", 2, 1800, "ns1.digitalocean.com"),
        ("a", "A", 3, 1800, "203.0.113.7"),
        ("b", "TXT", 4, 1800, "t"),
        ("_acme-challenge", "TXT", 5, 60, "t"),
    ]);
    let spec = |unlisted: &str| want(json!({"unlisted": unlisted, "ignore": [{"name": "_acme-*", "type": "TXT"}]}));
    let report = World::default().diff(Some(&spec("report")), Some(&have));
    assert!(report.changes.is_empty());
    assert_eq!(
        report.findings.iter().map(|f| f.text.as_str()).collect::<Vec<_>>(),
        ["2 record sets of example.com are not in git: a A, b TXT"]
    );
    assert_eq!(World::default().diff(Some(&spec("keep")), Some(&have)), Diffed::default());
    let delete = World::default().diff(Some(&spec("delete")), Some(&have));
    assert_eq!(keys(&delete), ["Domain/example.com#a A delete", "Domain/example.com#b TXT delete"]);
}

#[test]
fn a_retired_name_is_deleted_whatever_its_types() {
    let want =
        want(json!({"records": [{"name": "ipa", "retired": {"since": "2025-11-28", "reason": "never configured"}}]}));
    let have = live(&[("ipa", "A", 1, 1800, "203.0.113.7"), ("ipa", "TXT", 2, 1800, "t")]);
    let diffed = World::default().diff(Some(&want), Some(&have));
    assert_eq!(keys(&diffed), ["Domain/example.com#ipa A delete", "Domain/example.com#ipa TXT delete"]);
    assert!(diffed.changes[0].title.contains("never configured"));
}

#[test]
fn a_cname_comes_after_what_stands_in_its_way_or_not_at_all() {
    let want = want(json!({"records": [{"name": "w", "type": "CNAME", "value": "web.example.org"}]}));
    let have = live(&[("w", "A", 1, 1800, "203.0.113.7")]);
    let owned = World::owning(&["w A"]).diff(Some(&want), Some(&have));
    assert_eq!(keys(&owned), ["Domain/example.com#w A delete", "Domain/example.com#w CNAME create"]);
    assert_eq!(owned.changes[1].after, [owned.changes[0].key.clone()]);
    let foreign = World::default().diff(Some(&want), Some(&have));
    assert!(foreign.changes.is_empty());
    assert!(foreign.findings.iter().any(|f| f.rule == "cname-not-alone"));
}

#[test]
fn a_shared_ttl_never_changes_a_set_of_others_unasked() {
    let spec = |records: Value| want(json!({"defaultTtl": 300, "unlisted": "keep", "records": records}));
    let have = live(&[("w", "TXT", 1, 1800, "theirs")]);
    let alone = spec(json!([{"name": "w", "type": "A", "value": "203.0.113.1"}]));
    let diffed = World::default().diff(Some(&alone), Some(&have));
    assert!(
        matches!(&diffed.changes[0].risk, Risk::TakesOver(why) if why.contains("w TXT (now 1800)")),
        "{:?}",
        diffed.changes[0].risk
    );
    let both = spec(
        json!([{"name": "w", "type": "A", "value": "203.0.113.1"}, {"name": "w", "type": "TXT", "value": "theirs"}]),
    );
    let diffed = World::default().diff(Some(&both), Some(&have));
    assert_eq!(diffed.changes[0].key.verb, Verb::Create);
    assert_eq!(diffed.changes[0].after, [diffed.changes[1].key.clone()]);
    assert_eq!(diffed.changes[1].fields.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["ttl"]);
}

#[test]
fn fingerprints_are_by_set_and_do_not_depend_on_the_order_of_the_list() {
    let a = want(
        json!({"records": [{"name": "a", "type": "A", "value": "203.0.113.1"}, {"name": "b", "type": "A", "droplet": "erp"}]}),
    );
    let b = want(
        json!({"records": [{"name": "b", "type": "A", "droplet": "erp"}, {"name": "a", "type": "A", "value": "203.0.113.1"}]}),
    );
    assert_eq!(Domain::fingerprints(&a), Domain::fingerprints(&b));
    assert_eq!(Domain::fingerprints(&a).into_keys().collect::<Vec<_>>(), ["a A", "b A"]);
}

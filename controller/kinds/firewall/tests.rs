//! Tables: what documents mean or why they are refused, what differs from what was seen, and how risky that is.

use super::*;
use crate::model::{
    Catalog, Cause, Change, Diffed, Observed, OnRemove, Owned, Policy, ProviderId, Risk, Scope, Shown, Step as Work,
    Supply, View,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn id() -> ResourceId {
    ResourceId::new("Firewall", "production")
}

fn read(spec: Value) -> Result<Want, Vec<Complaint>> {
    let schema = schemars::SchemaGenerator::default().into_root_schema_for::<Spec>().to_value();
    jsonschema::validate(&schema, &spec).expect("the spec fits its schema");
    let spec: Spec = serde_json::from_value(spec).expect("the spec reads");
    Firewall::desire(&id(), &spec, &EstateView { files: &BTreeMap::new() })
}

fn want(spec: Value) -> Want {
    read(spec).expect("nothing wrong")
}

fn refused(spec: Value, path: &str, words: &str) {
    let all = read(spec).expect_err("something wrong");
    let found = all.iter().any(|c| c.path == path && (c.message.contains(words) || c.hint.contains(words)));
    assert!(found, "{path}: {words} not in {all:?}");
}

/// A firewall with these inbound rules and one outbound rule.
fn inbound(rules: Value) -> Value {
    json!({"inbound": rules, "outbound": [{"protocol": "tcp", "ports": "all", "to": ["any"]}]})
}

fn ssh_from(peers: Value) -> Value {
    inbound(json!([{"protocol": "tcp", "ports": 22, "from": peers}]))
}

struct World {
    supplies: std::collections::HashMap<ResourceId, Supply>,
    policy: Policy,
    adopting: bool,
}

impl World {
    fn new() -> Self {
        Self { supplies: Default::default(), policy: Policy::default_for(Firewall::ON_REMOVE), adopting: false }
    }
    fn with(mut self, kind: &str, name: &str, supply: Supply) -> Self {
        self.supplies.insert(ResourceId::new(kind, name), supply);
        self
    }
    fn diff(self, want: Option<&Want>, have: Option<&State>) -> Diffed<Step> {
        let catalog = Catalog::default();
        let needs = self.supplies.keys().cloned().collect();
        let as_of = jiff::Timestamp::UNIX_EPOCH;
        let view = View { as_of, estate: uuid::Uuid::nil(), catalog: &catalog, supplies: self.supplies };
        let provider_id = have.map(|state| ProviderId(state.id.clone()));
        let owned = provider_id.clone().filter(|_| !self.adopting).map(|provider_id| Owned {
            provider_id,
            scope: Scope::of("Firewall"),
            generation: 1,
            policy: self.policy.clone(),
            needs,
            parts: BTreeMap::new(),
            wrote: BTreeMap::new(),
            retiring: Vec::new(),
            file: "firewall.yaml".to_owned(),
            stopped: None,
        });
        Firewall::diff(&Diff {
            id: &id(),
            want,
            have: have.map_or(Observed::Absent, Observed::Present),
            provider_id: provider_id.as_ref(),
            owned: owned.as_ref(),
            policy: &self.policy,
            adopting: self.adopting,
            generation: u32::from(have.is_some()),
            intent: None,
            retiring: Vec::new(),
            scopes: None,
            view: &view,
        })
    }
}

fn droplet(id: u64) -> Supply {
    Supply::Live(BTreeMap::from([(Output::Id, id.to_string())]))
}

fn range(range: &str) -> Supply {
    Supply::Live(BTreeMap::from([(Output::Range, range.to_owned())]))
}

/// The firewall as it would be at DigitalOcean after a change.
fn after(change: &Change<Step>) -> State {
    let body = match &change.step {
        Work::Ready(Step::Create(body) | Step::Replace(body)) => body,
        other => panic!("nothing is sent: {other:?}"),
    };
    let flows = |rules: &[Rule]| rules.iter().flat_map(Rule::flows).collect::<BTreeSet<_>>();
    State {
        id: "bb4b2611".to_owned(),
        name: body.name.clone(),
        droplets: body.droplets.clone(),
        tags: body.tags.clone(),
        inbound: flows(&body.inbound),
        outbound: flows(&body.outbound),
        failed: false,
    }
}

/// The live firewall that a document would have made, and a document's difference from it.
fn edit(before: Value, now: Value) -> Change<Step> {
    let made = World::new().diff(Some(&want(before)), None);
    let state = after(&made.changes[0]);
    let mut diffed = World::new().diff(Some(&want(now)), Some(&state));
    assert_eq!(diffed.changes.len(), 1, "{:?}", diffed.changes);
    diffed.changes.remove(0)
}

fn set(change: &Change<Step>, path: &str) -> (Vec<String>, Vec<String>) {
    let field = change.fields.iter().find(|f| f.path == path).expect("the field changes");
    let words = |shown: &Shown| match shown {
        Shown::Set(words) => words.clone(),
        Shown::Nothing => Vec::new(),
        other => panic!("no set: {other:?}"),
    };
    let (from, to) = (words(&field.from), words(&field.to));
    let only = |a: &[String], b: &[String]| a.iter().filter(|w| !b.contains(w)).cloned().collect();
    (only(&from, &to), only(&to, &from))
}

#[test]
fn ports_have_one_form() {
    let all = |text| Ports::parse(text) == Some(Ports::ALL);
    assert!(["all", "0", "1-65535", ""].into_iter().all(all));
    assert_eq!(Ports::ALL.wire(), "0");
    assert_eq!(Ports::parse("8000-9000").map(Ports::wire).as_deref(), Some("8000-9000"));
    assert_eq!(Ports::parse("22-22").map(Ports::wire).as_deref(), Some("22"));
    assert!(["70000", "9-8", "ssh", "0-5", "-1"].into_iter().all(|text| Ports::parse(text).is_none()));
}

#[test]
fn every_spelling_of_a_rule_means_the_same() {
    let rule =
        |ports: Value, from: Value| want(inbound(json!([{"protocol": "tcp", "ports": ports, "from": from}]))).inbound;
    assert_eq!(rule(json!("all"), json!(["any"])), rule(json!("1-65535"), json!(["::/0", "0.0.0.0/0"])));
    assert_eq!(rule(json!(22), json!(["203.0.113.7"])), rule(json!("22"), json!(["203.0.113.7/32"])));
    assert_eq!(rule(json!(22), json!(["2001:DB8::1"])), rule(json!(22), json!(["2001:db8:0::1/128"])));
    assert_eq!(rule(json!(22), json!([{"tag": "Web"}])), rule(json!(22), json!([{"tag": "web"}])));
    let icmp = |rule: Value| want(inbound(json!([rule]))).inbound;
    let with_ports = json!({"protocol": "icmp", "ports": "all", "from": ["any"]});
    assert_eq!(icmp(json!({"protocol": "icmp", "from": ["any"]})), icmp(with_ports));
}

#[test]
fn what_digitalocean_would_refuse_is_refused_here() {
    let named = |name: &str| json!({"name": name, "inbound": [{"protocol": "icmp", "from": ["any"]}]});
    refused(named("prod_firewall"), "spec.name", "write prod-firewall");
    refused(named("-prod"), "spec.name", "which DigitalOcean refuses");
    refused(json!({}), "spec", "has no rule");
    let one = |rule: Value| inbound(json!([rule]));
    refused(one(json!({"protocol": "tcp", "from": ["any"]})), "spec.inbound[0]", "without ports");
    refused(one(json!({"protocol": "icmp", "ports": 8, "from": ["any"]})), "spec.inbound[0].ports", "icmp has none");
    refused(one(json!({"protocol": "udp", "ports": "99999", "from": ["any"]})), "spec.inbound[0].ports", "99999");
    refused(ssh_from(json!(["nowhere"])), "spec.inbound[0].from[0]", "no address and no range");
    refused(
        ssh_from(json!(["203.0.113.7/24"])),
        "spec.inbound[0].from[0]",
        "Write 203.0.113.0/24 for the range, or 203.0.113.7",
    );
    refused(ssh_from(json!([{"tag": "a b"}])), "spec.inbound[0].from[0].tag", "tag \"a b\"");
    refused(ssh_from(json!(["any", "0.0.0.0/0"])), "spec.inbound[0].from[1]", "says the same twice");
}

#[test]
fn the_limits_are_known_before_the_call() {
    let rule = json!({"protocol": "icmp", "from": ["any"]});
    let droplets: Vec<String> = (0..11).map(|i| format!("web-{i}")).collect();
    refused(
        json!({"inbound": [rule], "applyTo": {"droplets": droplets}}),
        "spec.applyTo.droplets",
        "applyTo: {tags: [web]}",
    );
    let tags = ["a", "b", "c", "d", "e", "f"];
    refused(json!({"inbound": [rule], "applyTo": {"tags": tags}}), "spec.applyTo.tags", "covers 6 tags");
    refused(json!({"inbound": [rule], "applyTo": {"tags": ["Web", "web"]}}), "spec.applyTo.tags[1]", "twice");
    refused(json!({"inbound": [rule], "applyTo": {"droplets": ["a", "a"]}}), "spec.applyTo.droplets[1]", "twice");
    let rules: Vec<Value> = (1..=50).map(|n| json!({"protocol": "tcp", "ports": n, "from": ["any"]})).collect();
    refused(inbound(json!(rules)), "spec", "has 51 rules");
    let many: Vec<String> = (0..1001).map(|n| format!("10.{}.{}.0/24", n / 256, n % 256)).collect();
    refused(inbound(json!([{"protocol": "tcp", "ports": 22, "from": many}])), "spec", "addresses");
}

#[test]
fn needs_say_where_they_stand() {
    let want = want(json!({
        "applyTo": {"droplets": ["erp"]},
        "inbound": [{"protocol": "tcp", "ports": "all", "from": ["any", {"vpc": "main"}]}],
        "outbound": [{"protocol": "tcp", "ports": 5432, "to": [{"droplet": "db"}]}],
    }));
    let paths: Vec<(String, &str)> = Firewall::needs(&want).into_iter().map(|n| (n.on.to_string(), n.verb)).collect();
    let expected = [("Droplet/erp", "covers"), ("Vpc/main", "lets in from"), ("Droplet/db", "lets out to")];
    assert_eq!(paths, expected.map(|(id, verb)| (id.to_owned(), verb)));
    assert_eq!(want.needs[1].path, "spec.inbound[0].from[1].vpc");
}

#[test]
fn schemas_refuse_what_means_nothing() {
    let schema = schemars::SchemaGenerator::default().into_root_schema_for::<Spec>().to_value();
    let peer = |peer: Value| json!({"inbound": [{"protocol": "tcp", "ports": 22, "from": [peer]}]});
    let fits = |spec: &Value| jsonschema::is_valid(&schema, spec);
    assert!(fits(&peer(json!({"vpc": "main"}))) && fits(&peer(json!("any"))));
    assert!(
        !fits(&peer(json!({"vpc": "main", "tag": "a"})))
            && !fits(&peer(json!({"host": "a"})))
            && !fits(&peer(json!(7)))
    );
    let ports = |ports: Value| json!({"inbound": [{"protocol": "tcp", "ports": ports, "from": ["any"]}]});
    assert!(fits(&ports(json!(22))) && fits(&ports(json!("8000-9000"))) && fits(&ports(json!("all"))));
    assert!(!fits(&ports(json!(65536))) && !fits(&ports(json!("ssh"))) && !fits(&ports(json!(true))));
    assert!(!fits(&json!({"inbound": [{"protocol": "gre", "ports": 22, "from": ["any"]}]})));
}

#[test]
fn what_was_made_from_a_document_equals_it() {
    let spec = json!({
        "name": "production-firewall", "applyTo": {"droplets": ["erp"], "tags": ["Production"]},
        "inbound": [
            {"protocol": "tcp", "ports": 22, "from": ["any"]},
            {"protocol": "icmp", "from": ["any"]},
            {"protocol": "tcp", "ports": "all", "from": [{"vpc": "main"}, {"droplet": "erp"}, {"tag": "web"}]}],
        "outbound": [{"protocol": "udp", "ports": "all", "to": ["any"]}]});
    let want = want(spec);
    let world = || World::new().with("Droplet", "erp", droplet(7)).with("Vpc", "main", range("10.114.0.0/16"));
    let created = world().diff(Some(&want), None);
    let state = after(&created.changes[0]);
    assert_eq!(state.droplets, BTreeSet::from([7]));
    assert_eq!(world().diff(Some(&want), Some(&state)), Diffed::default());
    let words = set(&created.changes[0], "inbound").1;
    let expected = [
        "icmp from any",
        "tcp 22 from any",
        "tcp all from Droplet/erp",
        "tcp all from Vpc/main",
        "tcp all from tag web",
    ];
    assert_eq!(words, expected);
}

#[test]
fn a_firewall_for_what_does_not_exist_yet_reads_the_same_and_waits() {
    let want = want(json!({"applyTo": {"droplets": ["erp"]},
        "inbound": [{"protocol": "tcp", "ports": 5432, "from": [{"vpc": "main"}, {"droplet": "erp"}]}]}));
    let pending = World::new().with("Droplet", "erp", Supply::Pending).with("Vpc", "main", Supply::Pending);
    let planned = pending.diff(Some(&want), None).changes.remove(0);
    let known = World::new().with("Droplet", "erp", droplet(7)).with("Vpc", "main", range("10.114.0.0/16"));
    let now = known.diff(Some(&want), None).changes.remove(0);
    assert!(
        matches!(&planned.step, Work::Waits { on, why } if on.len() == 2 && why == "id of Droplet/erp, range of Vpc/main")
    );
    assert!(matches!(now.step, Work::Ready(_)));
    assert_eq!(set(&planned, "inbound"), set(&now, "inbound"));
    let droplets = |c: &Change<Step>| c.fields.iter().find(|f| f.path == "applyTo.droplets").map(|f| f.to.clone());
    let of = ResourceId::new("Droplet", "erp");
    assert_eq!(droplets(&planned), Some(Shown::Mixed(vec![Shown::Pending { of, output: Output::Id }])));
    assert_eq!(droplets(&now), Some(Shown::Set(vec!["Droplet/erp".to_owned()])));
}

#[test]
fn what_could_not_be_seen_leaves_the_firewall_as_it_is() {
    let spec = |port: u16| json!({"inbound": [{"protocol": "tcp", "ports": port, "from": [{"vpc": "main"}]}]});
    let seen = World::new().with("Vpc", "main", range("10.114.0.0/16"));
    let state = after(&seen.diff(Some(&want(spec(22))), None).changes[0]);
    let unseen = World::new().with("Vpc", "main", Supply::Unknown("timeout".to_owned()));
    let diffed = unseen.diff(Some(&want(spec(23))), Some(&state));
    assert!(diffed.changes.is_empty());
    assert!(diffed.findings[0].text.contains("Vpc/main could not be seen: timeout"));
}

#[test]
fn opening_to_the_world_is_named_and_risky_unless_it_is_the_web() {
    let closed = ssh_from(json!(["203.0.113.7"]));
    let exposes = |now: Value| match edit(closed.clone(), now).risk {
        Risk::Exposes(why) => why,
        Risk::None => "none".to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(exposes(ssh_from(json!(["any"]))), "opens tcp 22 to the world");
    assert_eq!(exposes(ssh_from(json!(["::/0"]))), "opens tcp 22 (from ::/0) to the world");
    assert_eq!(exposes(ssh_from(json!(["0.0.0.0/1", "128.0.0.0/1"]))), "opens tcp 22 (from 0.0.0.0/0) to the world");
    assert_eq!(exposes(ssh_from(json!(["64.0.0.0/3"]))), "opens tcp 22 (from 64.0.0.0/3) to the world");
    assert_eq!(exposes(ssh_from(json!(["10.0.0.0/8"]))), "none");
    let with = |port: Value| {
        inbound(
            json!([{"protocol": "tcp", "ports": 22, "from": ["203.0.113.7"]}, {"protocol": "tcp", "ports": port, "from": ["any"]}]),
        )
    };
    assert_eq!(exposes(with(json!(443))), "none");
    assert_eq!(exposes(with(json!(80))), "none");
    assert_eq!(exposes(with(json!("80-443"))), "opens tcp 80-443 to the world");
    assert_eq!(exposes(with(json!("all"))), "opens tcp all to the world");
    let open = inbound(json!([{"protocol": "tcp", "ports": "1-1000", "from": ["any"]}]));
    assert_eq!(edit(open, ssh_from(json!(["any"]))).risk, Risk::None, "narrower than before");
    let created = World::new().diff(Some(&want(ssh_from(json!(["any"])))), None);
    assert_eq!(created.changes[0].risk, Risk::None, "a new firewall only closes");
}

#[test]
fn losing_cover_is_named_and_risky() {
    let spec = |droplets: &[&str], tags: &[&str]| json!({"applyTo": {"droplets": droplets, "tags": tags}, "inbound": [{"protocol": "icmp", "from": ["any"]}]});
    let world = || World::new().with("Droplet", "erp", droplet(7)).with("Droplet", "ocr", droplet(8));
    let both = world().diff(Some(&want(spec(&["erp", "ocr"], &["web"]))), None);
    let state = after(&both.changes[0]);
    let risk = |now: Value| world().diff(Some(&want(now)), Some(&state)).changes[0].risk.clone();
    let name = "production";
    assert_eq!(
        risk(spec(&["erp"], &["web"])),
        Risk::Unprotects(format!("Droplet/ocr is no longer protected by {name}"))
    );
    let all = format!("Droplet/erp, Droplet/ocr, droplets tagged web are no longer protected by {name}");
    assert_eq!(risk(spec(&[], &[])), Risk::Unprotects(all));
    let delete = World { policy: Policy::default_for(OnRemove::Destroy), ..world() }.diff(None, Some(&state));
    assert_eq!(delete.changes[0].key.to_string(), "Firewall/production delete");
    assert!(matches!(&delete.changes[0].risk, Risk::Unprotects(why) if why.contains("Droplet/erp, Droplet/ocr")));
    let keep = world().diff(None, Some(&state));
    assert_eq!(
        (keep.changes[0].key.to_string().as_str(), keep.changes[0].cause),
        ("Firewall/production release", Cause::Removal)
    );
}

#[test]
fn a_replaced_droplet_takes_the_place_of_its_former_self() {
    let spec = json!({"applyTo": {"droplets": ["erp"]}, "inbound": [{"protocol": "icmp", "from": ["any"]}]});
    let state =
        after(&World::new().with("Droplet", "erp", droplet(7)).diff(Some(&want(spec.clone())), None).changes[0]);
    let replaced = |supply| {
        World::new().with("Droplet", "erp", supply).diff(Some(&want(spec.clone())), Some(&state)).changes.remove(0)
    };
    let (planned, now) = (replaced(Supply::Pending), replaced(droplet(9)));
    assert_eq!((&planned.risk, &now.risk), (&Risk::None, &Risk::None));
    assert_eq!(planned.fields[0].from, now.fields[0].from);
}

#[test]
fn rules_that_git_does_not_know_are_named_when_they_go() {
    let spec = ssh_from(json!(["203.0.113.7"]));
    let mut state = after(&World::new().diff(Some(&want(spec.clone())), None).changes[0]);
    let rule = |peer| Flow { protocol: Protocol::Tcp, ports: Ports { low: 80, high: 80 }, peer };
    state.inbound.insert(rule(Far::LoadBalancer("4de7ac8b-495b-4884-9a69-1050c6793cd6".to_owned())));
    state.inbound.insert(rule(Far::Droplet(8)));
    state.inbound.insert(rule(Far::Net("0.0.0.0/0".parse().expect("a range"))));
    let diffed = World::new().diff(Some(&want(spec)), Some(&state));
    let gone = ["tcp 80 from 0.0.0.0/0", "tcp 80 from droplet 8", "tcp 80 from load balancer 4de7ac8b"];
    assert_eq!(set(&diffed.changes[0], "inbound"), (gone.map(str::to_owned).to_vec(), Vec::new()));
}

#[test]
fn an_adopted_firewall_that_differs_is_taken_over() {
    let state = after(&World::new().diff(Some(&want(ssh_from(json!(["203.0.113.7"])))), None).changes[0]);
    let adopting = || World { adopting: true, ..World::new() };
    assert_eq!(adopting().diff(Some(&want(ssh_from(json!(["203.0.113.7"])))), Some(&state)), Diffed::default());
    let diffed = adopting().diff(Some(&want(ssh_from(json!(["any"])))), Some(&state));
    assert_eq!(diffed.changes[0].cause, Cause::Adoption);
    assert!(matches!(&diffed.changes[0].risk, Risk::TakesOver(why) if why.contains("opens tcp 22 to the world")));
}

#[test]
fn what_a_rule_shuts_is_named_by_port_and_far_end() {
    let flow = |protocol, low, high, net: &str| Flow {
        protocol,
        ports: Ports { low, high },
        peer: Far::Net(net.parse().expect("a range")),
    };
    let ssh = |net: &str| flow(Protocol::Tcp, 22, 22, net);
    let web = || flow(Protocol::Tcp, 443, 443, "0.0.0.0/0");
    let dns = || flow(Protocol::Udp, 53, 53, "0.0.0.0/0");
    let rules = |flows: Vec<Flow<Far>>| -> Vec<super::Rule> {
        flows.into_iter().map(|f| super::Rule { protocol: f.protocol, ports: f.ports, peers: vec![f.peer] }).collect()
    };
    let state = |inbound: Vec<Flow<Far>>, outbound: Vec<Flow<Far>>, droplets: &[u64]| State {
        id: "f".to_owned(),
        name: "f".to_owned(),
        droplets: droplets.iter().copied().collect(),
        tags: BTreeSet::new(),
        inbound: inbound.into_iter().collect(),
        outbound: outbound.into_iter().collect(),
        failed: false,
    };
    let body = |inbound: Vec<Flow<Far>>, outbound: Vec<Flow<Far>>, droplets: &[u64]| Body {
        name: "f".to_owned(),
        inbound: rules(inbound),
        outbound: rules(outbound),
        droplets: droplets.iter().copied().collect(),
        tags: BTreeSet::new(),
    };
    let office = "203.0.113.0/24";
    let before = state(vec![ssh(office)], vec![web(), dns()], &[1]);
    for (after, expected) in [
        (body(vec![ssh(office)], vec![web(), dns()], &[1]), None),
        // Wider ports and ranges shut nothing.
        (body(vec![flow(Protocol::Tcp, 20, 30, "203.0.112.0/20")], vec![web(), dns()], &[1]), None),
        (
            body(vec![ssh("203.0.113.7/32")], vec![web(), dns()], &[1]),
            Some("it lets in tcp 22 from 203.0.113.0/24 no longer"),
        ),
        (body(vec![ssh(office)], vec![dns()], &[1]), Some("it lets out tcp 443 to 0.0.0.0/0 no longer")),
        (body(vec![ssh(office)], vec![web()], &[1]), Some("it lets out udp 53 to 0.0.0.0/0 no longer")),
        (body(vec![], vec![web(), dns()], &[1]), Some("it lets in tcp 22 from 203.0.113.0/24 no longer")),
        // What it covers no longer loses what it let through.
        (
            body(vec![ssh(office)], vec![web(), dns()], &[]),
            Some(
                "it lets in tcp 22 from 203.0.113.0/24 no longer; it lets out tcp 443 to 0.0.0.0/0 no longer; it lets out udp 53 to 0.0.0.0/0 no longer",
            ),
        ),
    ] {
        let ways = super::ways::ways(Some(&before), Some(&after));
        assert_eq!(ways.len(), 1);
        assert_eq!(ways[0].cuts.as_deref(), expected);
    }
    // What one begins to cover has only what it lets through.
    let first = |after: &Body| super::ways::ways(None, Some(after))[0].cuts.clone();
    assert_eq!(first(&body(vec![ssh(office)], vec![web(), dns()], &[1])), None);
    assert_eq!(
        first(&body(vec![], vec![], &[1])).as_deref(),
        Some("it lets nobody in on tcp 22; it lets nothing out on tcp 443; it lets nothing out on udp 53")
    );
}

//! One golden for every class of mistake that MANIFESTS names.

use super::*;
use insta::assert_snapshot;

const HEAD: &str = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: erp}\n";

fn droplet(rest: &str) -> String {
    told(&format!("{HEAD}{rest}"))
}

#[test]
fn every_mistake_of_a_document_is_told_in_one_run() {
    assert_snapshot!(droplet("spec:\n  regoin: sgp1\n  size: 4\n  monitoring: yes\n  ram: 4gb\n  backups: {plan: weekl, hour: 23}\n  tags: web\n"), @r#"
    error: Droplet.spec lacks "region"
      at a.yaml:4:1 spec
      |spec:
      |^^^^ add region: The region, such as sgp1
    error: unknown field "regoin" in Droplet.spec
      at a.yaml:5:3 spec.regoin
      |  regoin: sgp1
      |  ^^^^^^ did you mean "region"?
      = fields: name, region, size, vpc, backups, monitoring, tags, …  (driftless explain Droplet.spec)
    error: Droplet.spec.size cannot be a number
      at a.yaml:6:9 spec.size
      |  size: 4
      |        ^ expected a text: write "4"
    error: Droplet.spec.monitoring cannot be a text
      at a.yaml:7:15 spec.monitoring
      |  monitoring: yes
      |              ^^^ expected true or false: write true
    error: unknown field "ram" in Droplet.spec
      at a.yaml:8:3 spec.ram
      |  ram: 4gb
      |  ^^^ expected one of: name, region, size, vpc, backups, monitoring, tags, …  (driftless explain Droplet.spec)
    error: Droplet.spec.backups.plan cannot be "weekl"
      at a.yaml:9:19 spec.backups.plan
      |  backups: {plan: weekl, hour: 23}
      |                  ^^^^^ did you mean "weekly"? expected one of: daily, weekly
    error: Droplet.spec.backups.hour cannot be 23
      at a.yaml:9:32 spec.backups.hour
      |  backups: {plan: weekl, hour: 23}
      |                               ^^ expected 0 to 20
    error: Droplet.spec.tags cannot be a text
      at a.yaml:10:9 spec.tags
      |  tags: web
      |        ^^^ expected a list: write [web]
    "#);
}

#[test]
fn a_position_inside_a_flow_map_is_right() {
    assert_snapshot!(droplet("spec: {region: sgp1, size: s, open: [{port: 22, from: [any, {vpc: mian}]}]}\n---\napiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: main}\nspec: {region: sgp1}\n"), @r#"
    error: Droplet/erp lets in from Vpc/mian, which no document declares
      at a.yaml:4:67 spec.open[0].from[1].vpc
      |spec: {region: sgp1, size: s, open: [{port: 22, from: [any, {vpc: mian}]}]}
      |                                                                  ^^^^ did you mean "main"? (a.yaml:8)
    "#);
}

#[test]
fn a_union_of_maps_is_told_by_its_keys() {
    assert_snapshot!(droplet("spec:\n  region: sgp1\n  size: s\n  open:\n    - {port: 22, from: [{vcp: main}, anyone, {}]}\n    - {port: 70000, from: any}\n"), @r#"
    error: unknown field "vcp" in Droplet.spec.open[0].from[0]
      at a.yaml:8:26 spec.open[0].from[0].vcp
      |    - {port: 22, from: [{vcp: main}, anyone, {}]}
      |                         ^^^ did you mean "vpc"?
      = fields: vpc, droplet  (driftless explain Droplet.spec.open.from)
    error: Droplet.spec.open[0].from[1] cannot be "anyone"
      at a.yaml:8:38 spec.open[0].from[1]
      |    - {port: 22, from: [{vcp: main}, anyone, {}]}
      |                                     ^^^^^^ did you mean "any"? or a map with vpc, droplet
    error: Droplet.spec.open[0].from[2] is empty
      at a.yaml:8:46 spec.open[0].from[2]
      |    - {port: 22, from: [{vcp: main}, anyone, {}]}
      |                                             ^^ expected one of: vpc, droplet
    error: Droplet.spec.open[1].port cannot be 70000
      at a.yaml:9:14 spec.open[1].port
      |    - {port: 70000, from: any}
      |             ^^^^^ expected 0 to 65535
    error: Droplet.spec.open[1].from cannot be a text
      at a.yaml:9:27 spec.open[1].from
      |    - {port: 70000, from: any}
      |                          ^^^ expected a list: write [any]
    "#);
}

#[test]
fn a_union_with_a_type_is_told_by_that_type() {
    assert_snapshot!(droplet("spec:\n  region: sgp1\n  size: s\n  records:\n    - {type: AX, value: b}\n    - {type: MX, value: b}\n    - {value: b}\n    - {type: A, value: b, priority: 3}\n"), @r#"
    error: Droplet.spec.records[0].type cannot be "AX"
      at a.yaml:8:14 spec.records[0].type
      |    - {type: AX, value: b}
      |             ^^ did you mean "A"? expected one of: A, MX
    error: Droplet.spec.records[1] lacks "priority"
      at a.yaml:9:7 spec.records[1]
      |    - {type: MX, value: b}
      |      ^^^^^^^^^^^^^^^^^^^^ add priority: The lower the better
    error: Droplet.spec.records[2] lacks "type"
      at a.yaml:10:7 spec.records[2]
      |    - {value: b}
      |      ^^^^^^^^^^ add type: one of A, MX
    error: unknown field "priority" in Droplet.spec.records[3]
      at a.yaml:11:27 spec.records[3].priority
      |    - {type: A, value: b, priority: 3}
      |                          ^^^^^^^^ expected one of: type, value  (driftless explain Droplet.spec.records)
    "#);
}

#[test]
fn duplicate_keys_name_both_places() {
    assert_snapshot!(droplet("spec:\n  region: sgp1\n  size: s\n  region: fra1\n"), @r#"
    error: "region" is given twice
      at a.yaml:7:3 spec.region
      |  region: fra1
      |  ^^^^^^ first given at line 5, column 3
    "#);
}

#[test]
fn a_duplicate_id_names_both_places() {
    assert_snapshot!(droplet(&format!("spec: {{region: sgp1, size: s}}\n---\n{HEAD}spec: {{region: sgp1, size: s}}\n")), @r#"
    error: Droplet/erp is declared twice
      at a.yaml:8:18 metadata.name
      |metadata: {name: erp}
      |                 ^^^ first declared at a.yaml:3:18
    "#);
}

#[test]
fn a_header_is_checked_like_a_spec() {
    assert_snapshot!(told("apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: Erp_1, label: {a: b}}\npolicy: {mode: observ, soak: 2 days, onremove: keep}\ndependson: [Vpc/main]\n"), @r#"
    error: Droplet lacks "spec"
      at a.yaml:1:1
      |apiVersion: driftless/v1
      |^^^^^^^^^^^^^^^^^^^^^^^^ add spec: What is wanted
    error: Droplet.metadata.name cannot be "Erp_1"
      at a.yaml:3:18 metadata.name
      |metadata: {name: Erp_1, label: {a: b}}
      |                 ^^^^^ expected lower-case letters, digits, dots and dashes
    error: unknown field "label" in Droplet.metadata
      at a.yaml:3:25 metadata.label
      |metadata: {name: Erp_1, label: {a: b}}
      |                        ^^^^^ did you mean "labels"?
      = fields: name, formerly, labels  (driftless explain Droplet.metadata)
    error: Droplet.policy.mode cannot be "observ"
      at a.yaml:4:16 policy.mode
      |policy: {mode: observ, soak: 2 days, onremove: keep}
      |               ^^^^^^ did you mean "observe"? expected one of: enforce, observe, paused
    error: Droplet.policy.soak cannot be "2 days"
      at a.yaml:4:30 policy.soak
      |policy: {mode: observ, soak: 2 days, onremove: keep}
      |                             ^^^^^^ expected a number and a unit, such as 30s, 5m, 48h or 7d
    error: unknown field "onremove" in Droplet.policy
      at a.yaml:4:38 policy.onremove
      |policy: {mode: observ, soak: 2 days, onremove: keep}
      |                                     ^^^^^^^^ did you mean "onRemove"?
      = fields: mode, reason, until, onRemove, soak, protect, adopt  (driftless explain Droplet.policy)
    error: unknown field "dependson" in Droplet
      at a.yaml:5:1 dependson
      |dependson: [Vpc/main]
      |^^^^^^^^^ did you mean "dependsOn"?
      = fields: apiVersion, kind, metadata, policy, dependsOn, spec  (driftless explain Droplet)
    "#);
}

#[test]
fn an_unknown_kind_and_another_api_version_are_errors() {
    assert_snapshot!(told("apiVersion: driftless/v1\nkind: Droplit\n---\napiVersion: driftless/v2\nkind: Droplet\n---\nkind: Vpc\n---\napiVersion: driftless/v1\n---\napiVersion: v1\nkind: Pod\n---\nservices: {web: {image: x, image: y}}\n"), @r#"
    error: there is no kind "Droplit"
      at a.yaml:2:7 kind
      |kind: Droplit
      |      ^^^^^^^ did you mean "Droplet"?
      = expected one of: Vpc, Droplet, Settings
    error: Droplet under apiVersion "driftless/v2"
      at a.yaml:4:13 apiVersion
      |apiVersion: driftless/v2
      |            ^^^^^^^^^^^^ expected driftless/v1
      = if the file belongs to another tool, name it in .driftlessignore
    error: this Vpc lacks "apiVersion"
      at a.yaml:7:1 apiVersion
      |kind: Vpc
      |^^^^ add apiVersion: driftless/v1
      = if the file belongs to another tool, name it in .driftlessignore
    error: this document lacks "kind"
      at a.yaml:9:1 kind
      |apiVersion: driftless/v1
      |^^^^^^^^^^^^^^^^^^^^^^^^ expected one of: Vpc, Droplet, Settings
    "#);
}

#[test]
fn a_policy_must_make_sense() {
    assert_snapshot!(droplet("policy:\n  mode: paused\n  until: tomorrow\n  soak: 48h\nspec: {region: sgp1, size: s}\n---\napiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: a}\npolicy: {reason: because, adopt: maybe}\nspec: {region: sgp1}\n---\napiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: b}\npolicy: {reason: because}\nspec: {region: sgp1}\n"), @r#"
    error: a pause needs a reason
      at a.yaml:5:3 policy.mode
      |  mode: paused
      |  ^^^^ add reason: beside it
      = say why, for whoever finds it next month: reason: moving the disk
    error: "tomorrow" is no time
      at a.yaml:6:10 policy.until
      |  until: tomorrow
      |         ^^^^^^^^ expected a date (2026-12-31) or an instant (2026-12-31T08:00:00Z)
    error: policy.soak is the time between stop and destroy
      at a.yaml:7:3 policy.soak
      |  soak: 48h
      |  ^^^^ needs onRemove: stop beside it
    error: Vpc.policy.adopt cannot be "maybe"
      at a.yaml:13:34 policy.adopt
      |policy: {reason: because, adopt: maybe}
      |                                 ^^^^^ expected one of: match, never or a map with id
    error: policy.reason belongs to a pause
      at a.yaml:19:10 policy.reason
      |policy: {reason: because}
      |         ^^^^^^ add mode: paused, or take the line away
    "#);
}

#[test]
fn references_must_lead_somewhere() {
    assert_snapshot!(droplet("dependsOn: [Vpc/main, vpc, Vpx/a, Droplet/er]\nspec: {region: sgp1, size: s, vpc: main}\n"), @r#"
    error: "vpc" is no id
      at a.yaml:4:23 dependsOn[1]
      |dependsOn: [Vpc/main, vpc, Vpx/a, Droplet/er]
      |                      ^^^ expected Kind/name, such as Droplet/erp
    error: there is no kind "Vpx"
      at a.yaml:4:28 dependsOn[2]
      |dependsOn: [Vpc/main, vpc, Vpx/a, Droplet/er]
      |                           ^^^^^ did you mean "Vpc/a"?
    error: Droplet/erp depends on Droplet/er, which no document declares
      at a.yaml:4:35 dependsOn[3]
      |dependsOn: [Vpc/main, vpc, Vpx/a, Droplet/er]
      |                                  ^^^^^^^^^^ no other Droplet is declared
    error: Droplet/erp lies in Vpc/main, which no document declares
      at a.yaml:5:36 spec.vpc
      |spec: {region: sgp1, size: s, vpc: main}
      |                                   ^^^^ no Vpc is declared
    "#);
}

#[test]
fn a_dangling_reference_is_told_with_the_closest_name() {
    assert_snapshot!(droplet("dependsOn: [Droplet/db]\nspec: {region: sgp1, size: s, vpc: mian}\n---\napiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: main}\nspec: {region: sgp1}\n"), @r#"
    error: Droplet/erp depends on Droplet/db, which no document declares
      at a.yaml:4:13 dependsOn[0]
      |dependsOn: [Droplet/db]
      |            ^^^^^^^^^^ no other Droplet is declared
    error: Droplet/erp lies in Vpc/mian, which no document declares
      at a.yaml:5:36 spec.vpc
      |spec: {region: sgp1, size: s, vpc: mian}
      |                                   ^^^^ did you mean "main"? (a.yaml:9)
    "#);
}

#[test]
fn a_ring_is_told_whole() {
    let one = |name: &str, on: &str| {
        format!(
            "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {{name: {name}}}\ndependsOn: [Droplet/{on}]\nspec: {{region: sgp1, size: s}}\n---\n"
        )
    };
    assert_snapshot!(told(&(one("a", "b") + &one("b", "c") + &one("c", "a") + &one("d", "d"))), @r#"
    error: these need each other in a ring: Droplet/a → Droplet/b → Droplet/c → Droplet/a
      at a.yaml:4:13 dependsOn[0]
      |dependsOn: [Droplet/b]
      |            ^^^^^^^^^ one of these references must go
      = Droplet/a depends on Droplet/b (a.yaml:4); Droplet/b depends on Droplet/c (a.yaml:10); Droplet/c depends on Droplet/a (a.yaml:16)
    error: these need each other in a ring: Droplet/d → Droplet/d
      at a.yaml:22:13 dependsOn[0]
      |dependsOn: [Droplet/d]
      |            ^^^^^^^^^ a document cannot need itself
      = Droplet/d depends on Droplet/d (a.yaml:22)
    "#);
}

#[test]
fn what_a_kind_complains_about_gets_a_place() {
    assert_snapshot!(told("apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: a}\nspec:\n  region: singapore   # far\n  ipRange: 10.0.0.0\n---\napiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: b}\nspec:\n  region: singapore\n"), @r#"
    error: Vpc.spec.ipRange cannot be "10.0.0.0"
      at a.yaml:6:12 spec.ipRange
      |  ipRange: 10.0.0.0
      |           ^^^^^^^^ expected a range, such as 10.114.0.0/16
    error: "singapore" is no region
      at a.yaml:12:11 spec.region
      |  region: singapore
      |          ^^^^^^^^^ expected four letters, such as sgp1
    "#);
}

#[test]
fn documents_are_compared_side_by_side() {
    let vpc = |name: &str, rest: &str| {
        format!(
            "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {{name: {name}, formerly: [old]}}\nspec: {{region: sgp1, {rest}}}\n---\n"
        )
    };
    assert_snapshot!(told(&(vpc("a", "name: x, ipRange: 10.0.0.0/8") + &vpc("b", "name: x, ipRange: 10.0.0.0/8"))), @r#"
    error: Vpc/b is the same object as Vpc/a: both are x
      at a.yaml:8:18 metadata.name
      |metadata: {name: b, formerly: [old]}
      |                 ^ the other is declared at a.yaml:1:1
    error: Vpc/a and Vpc/b were both formerly Vpc/old
      at a.yaml:8:32 metadata.formerly[0]
      |metadata: {name: b, formerly: [old]}
      |                               ^^^ the other is declared at a.yaml:1:1
    error: Vpc/b overlaps Vpc/a
      at a.yaml:9:40 spec.ipRange
      |spec: {region: sgp1, name: x, ipRange: 10.0.0.0/8}
      |                                       ^^^^^^^^^^ the same range
    "#);
}

#[test]
fn settings_must_be_there_once() {
    let vpc = "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: a}\nspec: {region: sgp1}\n";
    let none =
        read(&Tree::of([("infra/a.yaml", vpc)]), &Options { path: "./infra/".into(), commit: None }, &kinds::both());
    assert!(none.estate.is_none());
    assert_snapshot!(say(&none.diagnostics), @r#"
    error: no Settings document says how this repo is kept
      at infra/settings.yaml:0:0

      = driftless init writes it; the least that it needs:
      apiVersion: driftless/v1
      kind: Settings
      metadata: {name: settings}
      spec:
        estate: production
        id: (a uuid of your own: uuidgen prints one)
        mode: observe
    "#);
    assert_snapshot!(say(&read_files(&[("b.yaml", SETTINGS)]).diagnostics), @r#"
    error: Settings are declared twice
      at settings.yaml:2:7 kind
      |kind: Settings
      |      ^^^^^^^^ first declared at b.yaml:1:1
    "#);
}

#[test]
fn settings_are_checked_beyond_their_schema() {
    let text = "apiVersion: driftless/v1\nkind: Settings\nmetadata: {name: settings}\npolicy: {}\nspec:\n  id: 9f2c\n  mode: dry\n  interval: 5 minutes\n  approvers: me\n  prune: {maxDeletePercent: 130}\n";
    let read = super::read(&Tree::of([("s.yaml", text)]), &Options::default(), &kinds::both());
    assert_snapshot!(say(&read.diagnostics), @r#"
    error: unknown field "policy" in Settings
      at s.yaml:4:1 policy
      |policy: {}
      |^^^^^^ expected one of: apiVersion, kind, metadata, spec  (driftless explain Settings)
    error: Settings.spec lacks "estate"
      at s.yaml:5:1 spec
      |spec:
      |^^^^ add estate: The estate's name, shown in reports
    error: Settings.spec.id cannot be "9f2c"
      at s.yaml:6:7 spec.id
      |  id: 9f2c
      |      ^^^^ expected a uuid, such as 9f2c6a1e-0c4b-4d3f-8a51-2b7e6d9c1f00
    error: Settings.spec.mode cannot be "dry"
      at s.yaml:7:9 spec.mode
      |  mode: dry
      |        ^^^ expected one of: enforce, observe
    error: Settings.spec.interval cannot be "5 minutes"
      at s.yaml:8:13 spec.interval
      |  interval: 5 minutes
      |            ^^^^^^^^^ expected a number and a unit, such as 30s, 5m, 48h or 7d
    error: Settings.spec.approvers cannot be a text
      at s.yaml:9:14 spec.approvers
      |  approvers: me
      |             ^^ expected a list: write [me]
    error: Settings.spec.prune.maxDeletePercent cannot be 130
      at s.yaml:10:29 spec.prune.maxDeletePercent
      |  prune: {maxDeletePercent: 130}
      |                            ^^^ expected 0 to 100
    "#);
    let text = "apiVersion: driftless/v1\nkind: Settings\nmetadata: {name: settings}\nspec:\n  estate: test\n  id: 9f2c6a1e-0c4b-4d3f-8a51-2b7e6d9c1f00\n  windows: [{days: [mon-fry, sat], hours: \"08:00-28:00\", timezone: Asia Manila}, {days: [], hours: \"08:00-18:00\"}]\n  interval: 5s\n  silence: [{rule: x, id: Firewall, reason: y, until: 2026-02-31}]\n";
    let read = super::read(&Tree::of([("s.yaml", text)]), &Options::default(), &kinds::both());
    assert_snapshot!(say(&read.diagnostics), @r#"
    error: "mon-fry" is no day of the week
      at s.yaml:7:21 spec.windows[0].days[0]
      |  windows: [{days: [mon-fry, sat], hours: "08:00-28:00", timezone: Asia Manila}, {days: [], hours: "08:00-18:00"}]
      |                    ^^^^^^^ expected mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri
    error: "08:00-28:00" are no hours
      at s.yaml:7:43 spec.windows[0].hours
      |  windows: [{days: [mon-fry, sat], hours: "08:00-28:00", timezone: Asia Manila}, {days: [], hours: "08:00-18:00"}]
      |                                          ^^^^^^^^^^^^^ expected from-to, such as "08:00-18:00"
    error: "Asia Manila" is no time zone
      at s.yaml:7:68 spec.windows[0].timezone
      |  windows: [{days: [mon-fry, sat], hours: "08:00-28:00", timezone: Asia Manila}, {days: [], hours: "08:00-18:00"}]
      |                                                                   ^^^^^^^^^^^ expected an IANA name, such as Asia/Manila
    error: a window without days is never open
      at s.yaml:7:89 spec.windows[1].days
      |  windows: [{days: [mon-fry, sat], hours: "08:00-28:00", timezone: Asia Manila}, {days: [], hours: "08:00-18:00"}]
      |                                                                                        ^^ name a day
    error: 5s is too short
      at s.yaml:8:13 spec.interval
      |  interval: 5s
      |            ^^ expected at least 10s
    error: "Firewall" is no id
      at s.yaml:9:27 spec.silence[0].id
      |  silence: [{rule: x, id: Firewall, reason: y, until: 2026-02-31}]
      |                          ^^^^^^^^ expected Kind/name, such as Firewall/production
    error: "2026-02-31" is no day
      at s.yaml:9:55 spec.silence[0].until
      |  silence: [{rule: x, id: Firewall, reason: y, until: 2026-02-31}]
      |                                                      ^^^^^^^^^^ expected a day, such as 2026-12-31
    "#);
}

#[test]
fn an_empty_repo_is_an_error() {
    let of = |files: &[(&str, &str)], path: &str| {
        let read = read(&Tree::of(files.iter().copied()), &Options { path: path.into(), commit: None }, &kinds::both());
        assert!(read.estate.is_none());
        say(&read.diagnostics)
    };
    assert_snapshot!(of(&[], ""), @r#"
    error: there is no YAML file in the repo
      at .:0:0

      = nothing is planned from an empty repo; driftless init DIR writes one to begin with
    "#);
    assert_snapshot!(of(&[("README.md", "x"), ("a.yaml", "services: {}\n")], ""), @r#"
    error: the one YAML file in the repo holds no document of ours
      at .:0:0

      = nothing is planned from an empty repo; driftless init DIR writes one to begin with
    "#);
    assert_snapshot!(of(&[("README.md", "x")], "infra"), @r#"
    error: the watched path infra/ is not in the repo
      at infra:0:0

      = nothing is planned from an empty repo; driftless init DIR writes one to begin with
    "#);
    assert_snapshot!(of(&[("a.yaml", SETTINGS)], "../infra"), @r#"
    error: the watched path "../infra" leaves the repo
      at ../infra:0:0

      = set path in driftless.toml to a folder of the repo
    "#);
}

#[test]
fn yaml_that_does_not_parse_is_told_and_reading_goes_on() {
    assert_snapshot!(told("a: [1, 2\n---\nname: {{ template }}\n---\n\tx: 1\n---\na: b: c\n---\napiVersion: driftless/v1\nkind: Vpx\n"), @r#"
    error: this is not valid YAML
      at a.yaml:1:4
      |a: [1, 2
      |   ^ unclosed bracket '['
      = a template for another tool? Name the file in .driftlessignore, and it is left alone
    error: this is not valid YAML
      at a.yaml:7:5
      |a: b: c
      |    ^ mapping values are not allowed in this context
      = a template for another tool? Name the file in .driftlessignore, and it is left alone
    error: there is no kind "Vpx"
      at a.yaml:10:7 kind
      |kind: Vpx
      |      ^^^ did you mean "Vpc"?
      = expected one of: Vpc, Droplet, Settings
    "#);
}

#[test]
fn a_field_in_the_wrong_place_is_told_where_it_belongs() {
    assert_snapshot!(told("apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: a, region: sgp1}\nlabels: {a: b}\nprotect: true\nsize: s\nspec: {region: sgp1, size: s, onRemove: keep, dependsOn: [], open: [{labels: a, port: 1, from: [any]}]}\n"), @r#"
    error: unknown field "region" in Droplet.metadata
      at a.yaml:3:21 metadata.region
      |metadata: {name: a, region: sgp1}
      |                    ^^^^^^ expected one of: name, formerly, labels  (driftless explain Droplet.metadata)
    error: unknown field "labels" in Droplet
      at a.yaml:4:1 labels
      |labels: {a: b}
      |^^^^^^ this belongs under metadata
    error: unknown field "protect" in Droplet
      at a.yaml:5:1 protect
      |protect: true
      |^^^^^^^ this belongs under policy
    error: unknown field "size" in Droplet
      at a.yaml:6:1 size
      |size: s
      |^^^^ this belongs under spec
    error: unknown field "onRemove" in Droplet.spec
      at a.yaml:7:31 spec.onRemove
      |spec: {region: sgp1, size: s, onRemove: keep, dependsOn: [], open: [{labels: a, port: 1, from: [any]}]}
      |                              ^^^^^^^^ this belongs under policy
    error: unknown field "dependsOn" in Droplet.spec
      at a.yaml:7:47 spec.dependsOn
      |spec: {region: sgp1, size: s, onRemove: keep, dependsOn: [], open: [{labels: a, port: 1, from: [any]}]}
      |                                              ^^^^^^^^^ this belongs at the top, beside spec
    error: unknown field "labels" in Droplet.spec.open[0]
      at a.yaml:7:70 spec.open[0].labels
      |spec: {region: sgp1, size: s, onRemove: keep, dependsOn: [], open: [{labels: a, port: 1, from: [any]}]}
      |                                                                     ^^^^^^ expected one of: port, from  (driftless explain Droplet.spec.open)
    "#);
}

#[test]
fn a_pattern_is_told_by_what_the_field_means() {
    assert_snapshot!(droplet("spec: {region: Singapore, size: s, backups: {plan: daily, day: 3}}\n"), @r#"
    error: Droplet.spec.region cannot be "Singapore"
      at a.yaml:4:16 spec.region
      |spec: {region: Singapore, size: s, backups: {plan: daily, day: 3}}
      |               ^^^^^^^^^ expected the region, such as sgp1
      = it must match ^([a-z]{3}[0-9]|no)$
    error: Droplet.spec.backups.day cannot be 3
      at a.yaml:4:64 spec.backups.day
      |spec: {region: Singapore, size: s, backups: {plan: daily, day: 3}}
      |                                                               ^ expected one of: 1, 15
    "#);
}

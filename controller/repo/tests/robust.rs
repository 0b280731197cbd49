//! Hostile and broken input: everything is told, nothing panics, nothing takes long.

use super::*;
use insta::assert_snapshot;
use proptest::prelude::*;

#[test]
fn an_alias_bomb_is_refused_quickly() {
    let mut bomb =
        "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: a}\nspec:\n  a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for n in 1..30 {
        let before = n - 1;
        let aliases = vec![format!("*a{before}"); 9].join(",");
        bomb += &format!("  a{n}: &a{n} [{aliases}]\n");
    }
    let said = told(&bomb);
    assert!(said.contains("aliases make this file too large to read"), "{said}");
    assert!(said.contains("more than 500000 values in one file"), "{said}");
}

#[test]
fn aliases_cannot_nest_deeper_than_what_may_be_written() {
    let (open, close) = ("[".repeat(50), "]".repeat(50));
    let mut chain =
        format!("apiVersion: driftless/v1\nkind: Vpc\nmetadata: {{name: a}}\nspec:\n  a0: &a0 {open}{close}\n");
    for n in 1..80 {
        chain += &format!("  a{n}: &a{n} {open}*a{}{close}\n", n - 1);
    }
    let said = told(&chain);
    assert!(said.contains("written out, nested more than 128 deep"), "{said}");
}

#[test]
fn ten_thousand_copies_of_a_document_stay_quick() {
    let one = "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: a}\nspec: {region: sgp1}\n---\n";
    let read = read_files(&[("a.yaml", &one.repeat(10_000))]);
    assert_eq!(read.diagnostics.len(), 201);
    assert_eq!(read.diagnostics[200].message, "9799 more are not shown");
}

#[test]
fn deep_nesting_is_refused() {
    assert_snapshot!(told(&"[".repeat(100_000)), @r#"
    error: this is not valid YAML
      at a.yaml:1:65
      |…[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[…
      |                                                            ^ nested more than 64 deep
    "#);
    let said = told(&(0..500).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>());
    assert!(said.contains("this is not valid YAML"), "{said}");
}

#[test]
fn a_file_of_too_many_values_is_refused() {
    let said = told(&format!("[{}]", "1,".repeat(600_000)));
    assert!(said.contains("more than 500000 values in one file"), "{said}");
}

#[test]
fn tabs_get_a_word_of_their_own() {
    assert_snapshot!(told("apiVersion: driftless/v1\nkind: Vpc\nmetadata:\n\tname: a\n"), @r#"
    error: this is not valid YAML
      at a.yaml:4:2
      |	name: a
      | ^ indent with spaces, not tabs
    "#);
}

#[test]
fn line_ends_of_windows_and_a_mark_at_the_beginning_change_no_place() {
    let text = "\u{feff}apiVersion: driftless/v1\r\nkind: Vpc\r\nmetadata: {name: a}\r\nspec: {regio: \"é\", region: sgp1}\r\n";
    assert_snapshot!(told(text), @r#"
    error: unknown field "regio" in Vpc.spec
      at a.yaml:4:8 spec.regio
      |spec: {regio: "é", region: sgp1}
      |       ^^^^^ did you mean "region"?
      = fields: name, region, ipRange  (driftless explain Vpc.spec)
    "#);
}

#[test]
fn columns_count_characters() {
    let text =
        "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: a}\nspec: {name: \"日本語é\", region: sgp1, ram: 1}\n";
    assert_snapshot!(told(text), @r#"
    error: unknown field "ram" in Vpc.spec
      at a.yaml:4:36 spec.ram
      |spec: {name: "日本語é", region: sgp1, ram: 1}
      |                                   ^^^ expected one of: name, region, ipRange  (driftless explain Vpc.spec)
    "#);
}

#[test]
fn what_is_not_utf_8_is_told() {
    let read = read(
        &Tree::of([("a.yaml", b"a: b\nc: \xff\xfe\n".to_vec()), ("s.yaml", SETTINGS.into())]),
        &Options::default(),
        &kinds::both(),
    );
    assert_snapshot!(say(&read.diagnostics), @r#"
    error: a.yaml is not UTF-8 (line 2)
      at a.yaml:0:0

      = save it as UTF-8, or name it in .driftlessignore
    "#);
}

#[test]
fn a_very_long_line_is_cut_around_the_mark() {
    let names = "abcdefghi, ".repeat(2_000);
    let text = format!(
        "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {{name: a}}\nspec: {{region: sgp1, size: s, tags: [{names}true, {names}x]}}\n"
    );
    let read = read_files(&[("a.yaml", &text)]);
    let one = read.diagnostics.first().map(|d| (d.place.column, d.mark(), d.width, d.source_line.chars().count()));
    assert_eq!(one, Some((22_038, 61, 4, 241)));
    let line: String = read.diagnostics[0].source_line.chars().skip(60).take(4).collect();
    assert_eq!(line, "true");
}

#[test]
fn many_mistakes_are_shown_in_part_and_counted() {
    let rules = "    - {port: x, from: []}\n".repeat(7_000);
    let text = format!(
        "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {{name: a}}\nspec:\n  region: sgp1\n  size: s\n  open:\n{rules}"
    );
    let read = read_files(&[("a.yaml", &text)]);
    assert_eq!(read.diagnostics.len(), 201);
    assert_eq!(read.diagnostics[200].message, "6800 more are not shown");
}

#[test]
fn duplicate_keys_beyond_number_stay_quick() {
    let said =
        told(&format!("apiVersion: driftless/v1\nkind: Vpc\nmetadata: {{name: a}}\n{}", "x: 1\n".repeat(100_000)));
    assert!(said.contains("\"x\" is given twice"), "{said}");
}

#[test]
fn tags_anchors_and_merge_keys_are_understood() {
    let text = "apiVersion: driftless/v1
kind: Droplet
metadata: {name: a, labels: &l {a: !!str 1}}
spec: &spec {region: &r sgp1, size: !!str 4, tags: [*r]}
---
apiVersion: driftless/v1
kind: Droplet
metadata: {name: b}
spec:
  name: &n sgp2
  open: [{port: 1, from: [any]}, {<<: {port: 2, from: [any]}, port: 3}]
  region: *n
  size: \"s\"
";
    let read = read_files(&[("a.yaml", text)]);
    assert_eq!(say(&read.diagnostics), "");
    assert_snapshot!(told("apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: a}\nspec: {region: !secret a, name: *gone, ? [a] : b, <<: 3, ipRange: !!int 5}\n"), @r#"
    error: the tag !secret means nothing here
      at a.yaml:4:24 spec.region
      |spec: {region: !secret a, name: *gone, ? [a] : b, <<: 3, ipRange: !!int 5}
      |                       ^ take the tag away
    error: *gone refers to an anchor that is not in this document
      at a.yaml:4:33 spec.name
      |spec: {region: !secret a, name: *gone, ? [a] : b, <<: 3, ipRange: !!int 5}
      |                                ^^^^^ no &gone stands before this
    error: a key must be a text
      at a.yaml:4:42 spec
      |spec: {region: !secret a, name: *gone, ? [a] : b, <<: 3, ipRange: !!int 5}
      |                                         ^^^ this is a list or a map
    error: << can only take in a map
      at a.yaml:4:55 spec
      |spec: {region: !secret a, name: *gone, ? [a] : b, <<: 3, ipRange: !!int 5}
      |                                                      ^ not a map
    error: Vpc.spec.ipRange cannot be a number
      at a.yaml:4:73 spec.ipRange
      |spec: {region: !secret a, name: *gone, ? [a] : b, <<: 3, ipRange: !!int 5}
      |                                                                        ^ expected a text: write "5"
    "#);
}

#[test]
fn words_that_look_like_something_else_stay_texts() {
    let text = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: a}\nspec: {region: no, size: 22:00, tags: [on, y, 2026-12-31, 1.2.3, 0x, +, ., 1_000]}\n";
    assert_eq!(told(text), "");
    assert_snapshot!(told("apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: 007, labels: {v: 1.10, w: true}}\nspec: {region: ~, size: 1e3, monitoring: \"true\", open: [{port: \"22\", from: [any]}, {port: 022, from: [any]}, {port: 2.5, from: [any]}]}\n"), @r#"
    error: Droplet.metadata.name cannot be a number
      at a.yaml:3:18 metadata.name
      |metadata: {name: 007, labels: {v: 1.10, w: true}}
      |                 ^^^ expected a text: write "007"
    error: Droplet.metadata.labels.v cannot be a number
      at a.yaml:3:35 metadata.labels.v
      |metadata: {name: 007, labels: {v: 1.10, w: true}}
      |                                  ^^^^ expected a text: write "1.10"
    error: Droplet.metadata.labels.w cannot be a boolean
      at a.yaml:3:44 metadata.labels.w
      |metadata: {name: 007, labels: {v: 1.10, w: true}}
      |                                           ^^^^ expected a text: write "true"
    error: Droplet.spec.region has no value
      at a.yaml:4:8 spec.region
      |spec: {region: ~, size: 1e3, monitoring: "true", open: [{port: "22", from: [any]}, {port: 022, from: [any]}, {port: 2.5, from: [any]}]}
      |       ^^^^^^ expected a text
    error: Droplet.spec.size cannot be a number
      at a.yaml:4:25 spec.size
      |spec: {region: ~, size: 1e3, monitoring: "true", open: [{port: "22", from: [any]}, {port: 022, from: [any]}, {port: 2.5, from: [any]}]}
      |                        ^^^ expected a text: write "1e3"
    error: Droplet.spec.monitoring cannot be a text
      at a.yaml:4:42 spec.monitoring
      |spec: {region: ~, size: 1e3, monitoring: "true", open: [{port: "22", from: [any]}, {port: 022, from: [any]}, {port: 2.5, from: [any]}]}
      |                                         ^^^^^^ expected true or false: write true
    error: Droplet.spec.open[0].port cannot be a text
      at a.yaml:4:64 spec.open[0].port
      |spec: {region: ~, size: 1e3, monitoring: "true", open: [{port: "22", from: [any]}, {port: 022, from: [any]}, {port: 2.5, from: [any]}]}
      |                                                               ^^^^ expected a whole number: write 22, without quotes
    error: Droplet.spec.open[1].port cannot be 022
      at a.yaml:4:91 spec.open[1].port
      |spec: {region: ~, size: 1e3, monitoring: "true", open: [{port: "22", from: [any]}, {port: 022, from: [any]}, {port: 2.5, from: [any]}]}
      |                                                                                          ^^^ write 22: some readers take a leading 0 for octal
    error: Droplet.spec.open[2].port cannot be 2.5
      at a.yaml:4:117 spec.open[2].port
      |spec: {region: ~, size: 1e3, monitoring: "true", open: [{port: "22", from: [any]}, {port: 022, from: [any]}, {port: 2.5, from: [any]}]}
      |                                                                                                                    ^^^ expected a whole number
    "#);
}

/// Lines that are likely to get far into the reading.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("apiVersion: driftless/v1".to_owned()),
        Just("kind: Droplet".to_owned()),
        Just("kind: Settings".to_owned()),
        Just("metadata: {name: a, formerly: [b]}".to_owned()),
        Just("policy: {mode: paused, adopt: {id: 3}}".to_owned()),
        Just("dependsOn: [Droplet/a, Vpc/b]".to_owned()),
        Just("spec: {region: sgp1, size: s}".to_owned()),
        Just("spec:".to_owned()),
        Just("---".to_owned()),
        Just("<<: *a".to_owned()),
        "  (region|size|open|records|backups|tags): (sgp1|\\{port: 1, from: \\[any\\]\\}|\\[\\{type: A\\}\\]|&a \\[\\]|\\*a|no|~|\\|)",
        "[ \\-:{}\\[\\],&*!|>'\"%@`#?a-c\t~<0-9.é]{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let read = read(&Tree::of([("a.yaml", bytes)]), &Options::default(), &kinds::both());
        prop_assert!(read.estate.is_none());
        prop_assert!(failed(&read.diagnostics));
    }

    #[test]
    fn random_yaml_never_panics_and_marks_stand_in_their_lines(lines in proptest::collection::vec(line(), 0..16)) {
        let read = read_files(&[("a.yaml", &lines.join("\n"))]);
        prop_assert_eq!(read.estate.is_none(), failed(&read.diagnostics));
        for d in &read.diagnostics {
            prop_assert!(d.width >= 1);
            let length = d.source_line.chars().count() as u32;
            prop_assert!(d.source_line.is_empty() || d.mark() <= length + 1, "{:?}", d);
        }
    }
}

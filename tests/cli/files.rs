//! `validate`: every class of mistake that a file can have, all in one run.

use super::Desk;
use insta::assert_snapshot;
use serde_json::Value;

const SETTINGS: &str = "apiVersion: driftless/v1\nkind: Settings\nmetadata: {name: settings}\nspec: {estate: test, id: 9f2c6a1e-0000-4000-8000-000000000001}\n";

fn droplet(name: &str, rest: &str) -> String {
    format!("apiVersion: driftless/v1\nkind: Droplet\nmetadata: {{name: {name}}}\n{rest}")
}

/// A folder with a mistake of every class.
fn wrong(desk: &Desk) {
    let spec = "spec: {region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64}\n";
    desk.write("settings.yaml", SETTINGS);
    desk.write("a-broken.yaml", "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: [\n");
    desk.write("b-version.yaml", "apiVersion: driftless/v2\nkind: Droplet\nmetadata: {name: b}\nspec: {}\n");
    desk.write("c-kind.yaml", "apiVersion: driftless/v1\nkind: Droplit\nmetadata: {name: c}\nspec: {}\n");
    desk.write(
        "d-field.yaml",
        &droplet("d", "spec: {region: sgp1, size: s-1vcpu-1gb, image: debian-12-x64, ram: 4gb}\n"),
    );
    desk.write(
        "e-key.yaml",
        &droplet("e", "spec:\n  region: sgp1\n  size: s-1vcpu-1gb\n  region: fra1\n  image: debian-12-x64\n"),
    );
    desk.write("f-twice.yaml", &format!("{}---\n{}", droplet("f", spec), droplet("f", spec)));
    desk.write("g-dangling.yaml", &droplet("g", &spec.replace("}", ", vpc: mian}")));
    desk.write(
        "h-ring.yaml",
        &format!(
            "{}---\n{}",
            droplet("h1", &format!("dependsOn: [Droplet/h2]\n{spec}")),
            droplet("h2", &format!("dependsOn: [Droplet/h1]\n{spec}"))
        ),
    );
    desk.write("i-type.yaml", &droplet("i", "spec: {region: sgp1, size: 4, image: debian-12-x64, monitoring: yes}\n"));
    desk.write("j-lacks.yaml", &droplet("j", "spec: {region: sgp1, image: debian-12-x64}\n"));
    desk.write("k-file.yaml", &droplet("k", &spec.replace("}", ", userData: {file: cloud-init/none.yaml}}")));
    desk.write("l-policy.yaml", &droplet("l", &format!("policy: {{mode: paused}}\n{spec}")));
    desk.write("m-name.yaml", &droplet("Odd_Name", spec));
    desk.write(
        "vpc.yaml",
        "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: main}\nspec: {region: sgp1, ipRange: 10.1.0.0/33}\n",
    );
    desk.write("compose.yaml", "services: {web: {image: nginx}}\n");
}

#[test]
fn a_mistake_of_every_class_is_told_in_one_run() {
    let desk = Desk::new();
    wrong(&desk);
    let said = desk.say(&["validate"]);
    assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
    assert_snapshot!(said.out, @r#"
    error: this is not valid YAML
      ┌─ a-broken.yaml:3:18
      │
     3│ metadata: {name: [
      │                  ^ unclosed bracket '['

    error: Droplet under apiVersion "driftless/v2"
      ┌─ b-version.yaml:1:13
      │
     1│ apiVersion: driftless/v2
      │             ^^^^^^^^^^^^ expected driftless/v1
      └ if the file belongs to another tool, name it in .driftlessignore

    error: there is no kind "Droplit"
      ┌─ c-kind.yaml:2:7
      │
     2│ kind: Droplit
      │       ^^^^^^^ did you mean "Droplet"?
      └ expected one of: Vpc, SshKey, Droplet, Firewall, Domain, Host, ComposeStack,
        NginxSite, Settings

    error: unknown field "ram" in Droplet.spec
      ┌─ d-field.yaml:4:63
      │
     4│ spec: {region: sgp1, size: s-1vcpu-1gb, image: debian-12-x64, ram: 4gb}
      │                                                               ^^^
      │                                     expected one of: name, region, size,
      │                                     image, vpc, sshKeys, backups, …
      │                                     (driftless explain Droplet.spec)

    error: "region" is given twice
      ┌─ e-key.yaml:7:3
      │
     7│   region: fra1
      │   ^^^^^^ first given at line 5, column 3

    error: Droplet/f is declared twice
      ┌─ f-twice.yaml:8:18
      │
     8│ metadata: {name: f}
      │                  ^ first declared at f-twice.yaml:3:18

    error: Droplet/g lies in Vpc/mian, which no document declares
      ┌─ g-dangling.yaml:4:71
      │
     4│ spec: {region: sgp1, size: s-1vcpu-1gb, image: ubuntu-22-04-x64, vpc: mian}
      │                                                                       ^^^^
      │                                            did you mean "main"? (vpc.yaml:3)

    error: these need each other in a ring: Droplet/h1 → Droplet/h2 → Droplet/h1
      ┌─ h-ring.yaml:4:13
      │
     4│ dependsOn: [Droplet/h2]
      │             ^^^^^^^^^^ one of these references must go
      └ Droplet/h1 depends on Droplet/h2 (h-ring.yaml:4); Droplet/h2 depends on
        Droplet/h1 (h-ring.yaml:10)

    error: Droplet.spec.size cannot be a number
      ┌─ i-type.yaml:4:28
      │
     4│ spec: {region: sgp1, size: 4, image: debian-12-x64, monitoring: yes}
      │                            ^ expected a text: write "4"

    error: Droplet.spec.monitoring cannot be a text
      ┌─ i-type.yaml:4:65
      │
     4│ spec: {region: sgp1, size: 4, image: debian-12-x64, monitoring: yes}
      │                                                                 ^^^
      │                                           expected true or false: write true

    error: Droplet.spec lacks "size"
      ┌─ j-lacks.yaml:4:1
      │
     4│ spec: {region: sgp1, image: debian-12-x64}
      │ ^^^^ add size: The size's slug, such as s-2vcpu-4gb

    error: Droplet/k names a file that cannot be read: there is no
           cloud-init/none.yaml
      ┌─ k-file.yaml:4:83
      │
     4│ …, image: ubuntu-22-04-x64, userData: {file: cloud-init/none.yaml}}
      │                                              ^^^^^^^^^^^^^^^^^^^^
      │                                              not in this repo
      └ paths begin at the repo's root

    error: a pause needs a reason
      ┌─ l-policy.yaml:4:10
      │
     4│ policy: {mode: paused}
      │          ^^^^ add reason: beside it
      └ say why, for whoever finds it next month: reason: moving the disk

    error: Droplet.metadata.name cannot be "Odd_Name"
      ┌─ m-name.yaml:3:18
      │
     3│ metadata: {name: Odd_Name}
      │                  ^^^^^^^^ expected lower-case letters, digits, dots and
      │                           dashes

    error: Vpc/main has the range 10.1.0.0/33, which is no IPv4 range
      ┌─ vpc.yaml:4:31
      │
     4│ spec: {region: sgp1, ipRange: 10.1.0.0/33}
      │                               ^^^^^^^^^^^ write it like 10.114.0.0/16

    15 errors in 16 files
    "#);
}

#[test]
fn programs_get_the_same_as_data() {
    let desk = Desk::new();
    wrong(&desk);
    let said = desk.say(&["validate", "-o", "json"]);
    let told: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((said.code, &told["schema"]), (Some(1), &"driftless.diagnostics/v1".into()));
    assert_eq!(told["errors"].as_u64(), told["diagnostics"].as_array().map(|all| all.len() as u64));
    assert_eq!(told.get("documents"), None, "how many documents are meant is not known of a broken file");
    let ram = told["diagnostics"].as_array().into_iter().flatten().find(|d| d["path"] == "spec.ram").expect("ram");
    assert_eq!(ram["place"], serde_json::json!({"file": "d-field.yaml", "line": 4, "column": 63}));

    desk.write("sound/settings.yaml", SETTINGS);
    let told: Value = serde_json::from_str(&desk.well(&["validate", "sound", "-o", "json"])).expect("JSON");
    assert_eq!((&told["documents"], &told["files"], &told["errors"]), (&1.into(), &1.into(), &0.into()));
    assert_snapshot!(desk.well(&["validate", "sound"]), @"1 document in 1 file is valid");
}

#[test]
fn nothing_to_check_is_an_error_that_says_what_to_do() {
    let desk = Desk::new();
    desk.write("empty/README.md", "nothing");
    let said = desk.say(&["validate", "empty"]);
    assert_eq!(said.code, Some(1));
    assert_snapshot!(said.out, @r"
    error: there is no YAML file in the repo
      ┌─ .
      └ nothing is planned from an empty repo; driftless init DIR writes one to
        begin with

    1 error in 0 files
    ");
    assert_snapshot!(desk.say(&["validate", "nowhere"]).err, @r"
    error: nowhere could not be read
      because: No such file or directory (os error 2)
    ");
    assert_snapshot!(desk.say(&["validate", "empty/README.md"]).err, @r"
    error: empty/README.md is a file
      Name the folder of the infra repo: what documents say of each other is checked as well.
    ");
}

#[test]
fn checking_needs_no_network_no_token_and_leaves_nothing_behind() {
    let desk = Desk::new();
    desk.write("infra/settings.yaml", SETTINGS);
    let mut command = desk.command(&["validate", "infra"]);
    command.env("DIGITALOCEAN_API_URL", "http://127.0.0.1:1").env("HTTPS_PROXY", "http://127.0.0.1:1");
    assert!(command.status().expect("the program").success());
    let mut left: Vec<_> = ignore::WalkBuilder::new(desk.work().parent().expect("a folder"))
        .standard_filters(false)
        .build()
        .flatten()
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().to_owned())
        .collect();
    left.sort();
    assert_eq!(left, ["driftless.toml", "settings.yaml"]);
}

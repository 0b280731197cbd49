//! `init`: what it writes, what it refuses, and that the rest of the program accepts it.

use super::{Desk, Said};
use insta::assert_snapshot;
use serde_json::Value;
use std::process::Command;
use uuid::Uuid;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAeIHIFiu/P9QV6tFOkFW0tvX/qqWxapONRhRdbYaAm5 ana@example.com";

fn git(desk: &Desk, dir: &str, args: &[&str]) -> String {
    let output = Command::new("git").args(args).current_dir(desk.work().join(dir)).output().expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

fn refused(said: &Said) -> &str {
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    &said.err
}

#[test]
fn a_new_repo_is_committed_valid_and_in_mode_observe() {
    let desk = Desk::new();
    let said = desk.well(&["init", "infra"]);
    let commit = git(&desk, "infra", &["rev-parse", "HEAD"]);
    assert_snapshot!(said.replace(&commit[..7], "[commit]"), @r"
    Wrote 24 files to infra for the estate infra, committed to main as [commit].

    First put your own public key into network/ssh-keys.yaml: it holds an example.

      cd infra
      driftless validate         after every edit; no network, no token
      driftless plan             what would change; the token need only read
      driftless run --repo URL   the controller; it changes nothing before
                                 settings.yaml says mode: enforce

    The token is read from DIGITALOCEAN_ACCESS_TOKEN. To play without an account:
    driftless sandbox
    ");
    assert_eq!(git(&desk, "infra", &["status", "--porcelain"]), "");
    assert_eq!(git(&desk, "infra", &["log", "--format=%s on %D"]), "Begin with the estate infra on HEAD -> main");
    assert_snapshot!(desk.well(&["validate", "infra"]), @"15 documents in 19 files are valid");
    let settings = desk.read("infra/settings.yaml");
    assert!(settings.contains("\n  estate: infra\n") && settings.contains("\n  mode: observe\n"), "{settings}");
}

#[test]
fn every_estate_has_an_id_of_its_own() {
    let desk = Desk::new();
    let id = |dir: &str| -> Uuid {
        let told: Value = serde_json::from_str(&desk.well(&["init", dir, "-o", "json"])).expect("JSON");
        assert_eq!(told["schema"], "driftless.init/v1");
        let id = told["id"].as_str().expect("an id");
        assert!(desk.read(&format!("{dir}/settings.yaml")).contains(id));
        id.parse().expect("a uuid")
    };
    let (one, other) = (id("one"), id("other"));
    assert_ne!(one, other);
    assert_eq!(one.get_version_num(), 4);
}

#[test]
fn a_name_and_a_key_of_ones_own_stand_in_the_files() {
    let desk = Desk::new();
    desk.write("ana.pub", &format!("{KEY}\n"));
    let said = desk.well(&["init", "infra", "--estate", "a: 'b'", "--ssh-key", "ana.pub", "--no-git"]);
    assert!(!said.contains("example key"), "{said}");
    assert!(desk.read("infra/network/ssh-keys.yaml").contains(KEY));
    assert!(desk.read("infra/settings.yaml").contains(r#"estate: "a: 'b'""#));
    assert!(!desk.work().join("infra/.git").exists());
    desk.well(&["validate", "infra"]);
}

#[test]
fn what_is_no_public_key_is_refused_before_anything_is_written() {
    let desk = Desk::new();
    desk.write("id", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n");
    desk.write("odd.pub", "ssh-ed25519 nonsense\n");
    assert_snapshot!(refused(&desk.say(&["init", "infra", "--ssh-key", "id"])), @r"
    error: id is a private key, which never belongs into a repository
      Name the public one: --ssh-key id.pub
    ");
    let said = desk.say(&["init", "infra", "--ssh-key", "odd.pub"]);
    assert!(refused(&said).contains("nothing was written"), "{}", said.err);
    assert!(refused(&desk.say(&["init", "infra", "--ssh-key", "none.pub"])).contains("none.pub could not be read"));
    assert!(!desk.work().join("infra").exists());
}

#[test]
fn a_folder_that_holds_something_is_left_as_it_is() {
    let desk = Desk::new();
    for file in ["a", "b", "c", "d"] {
        desk.write(&format!("infra/{file}"), "mine");
    }
    assert_snapshot!(refused(&desk.say(&["init", "infra"])), @r"
    error: infra is not empty: it holds a, b, c and 1 more
      Nothing was written. Name a new folder; to check the one that is there: driftless validate infra
    ");
    assert_eq!(std::fs::read_dir(desk.work().join("infra")).expect("a folder").count(), 4);
    assert!(refused(&desk.say(&["init", "infra/a"])).contains("infra/a could not be looked into"));
}

#[test]
fn within_a_repository_the_commit_is_left_to_its_owner() {
    let desk = Desk::new();
    git(&desk, "", &["init", "--quiet", "fresh"]);
    for dir in ["fresh", "fresh/below/deep"] {
        let fresh = Desk::new();
        git(&fresh, "", &["init", "--quiet", "fresh"]);
        let said = fresh.well(&["init", dir]);
        assert!(said.contains("commit them: they lie in the repository [work]/fresh"), "{said}");
        assert!(!git(&fresh, "fresh", &["status", "--porcelain"]).is_empty());
        fresh.well(&["validate", dir]);
    }
}

#[test]
fn editors_find_the_schema_of_every_document_that_the_template_has() {
    let desk = Desk::new();
    desk.well(&["init", "infra", "--no-git"]);
    let editor: Value = serde_json::from_str(&desk.read("infra/.vscode/settings.json")).expect("JSON");
    let globs = editor["yaml.schemas"][".driftless/driftless.schema.json"].as_array().expect("globs");
    let mut set = ignore::overrides::OverrideBuilder::new(desk.work().join("infra"));
    for glob in globs {
        set.add(&format!("/{}", glob.as_str().expect("a glob"))).expect("a glob");
    }
    let set = set.build().expect("globs");
    let mut seen = 0;
    for entry in ignore::Walk::new(desk.work().join("infra")).flatten() {
        let path = entry.path().strip_prefix(desk.work().join("infra")).expect("a path").to_path_buf();
        if path.extension().is_some_and(|e| e == "yaml") {
            let ours = std::fs::read_to_string(entry.path()).expect("a file").contains("apiVersion: driftless/");
            assert_eq!(set.matched(&path, false).is_whitelist(), ours, "{}", path.display());
            seen += 1;
        }
    }
    assert_eq!(seen, 19);
    assert_eq!(desk.read("infra/.driftless/driftless.schema.json"), desk.well(&["schema"]));
}

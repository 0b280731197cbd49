//! Which files are read, and the files that documents name.

use super::*;
use insta::assert_snapshot;
use std::collections::BTreeMap;
use std::sync::Arc;

const VPC: &str = "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: main}\nspec: {region: sgp1}\n";

fn naming(file: &str) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {{name: erp}}\nspec: {{region: sgp1, size: s, userData: {{file: {file}}}}}\n"
    )
}

/// A tree with links and large files, whose fetch fails for everything but what has a content.
fn tree(contents: &[(&str, &str)], others: &[(&str, TreeFile)]) -> Tree<'static> {
    let bytes: BTreeMap<String, Arc<[u8]>> =
        contents.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().into())).collect();
    let mut files: BTreeMap<String, TreeFile> =
        bytes.iter().map(|(path, bytes)| (path.clone(), TreeFile::File { size: bytes.len() as u64 })).collect();
    files.extend(others.iter().map(|(path, file)| ((*path).to_owned(), file.clone())));
    Tree::new(files, move |path: &str| bytes.get(path).cloned().ok_or_else(|| format!("{path} was fetched")))
}

fn link(target: &str) -> TreeFile {
    TreeFile::Symlink { target: target.to_owned() }
}

fn under(tree: &Tree<'_>, path: &str) -> Read {
    read(tree, &Options { path: path.to_owned(), commit: None }, &kinds::both())
}

#[test]
fn the_file_freeze_in_the_watched_path_stops_all_writing_whatever_it_holds() {
    let sound = ("infra/s.yaml", SETTINGS);
    let freeze = |files: &[(&str, &str)], others: &[(&str, TreeFile)]| {
        let files: Vec<(&str, &str)> = files.iter().copied().chain([sound]).collect();
        let read = under(&tree(&files, others), "infra");
        assert_eq!(read.estate.as_ref().map(|e| e.freeze.clone()), Some(read.freeze.clone()));
        read.freeze
    };
    let silent = Some("the file infra/FREEZE is there and says no reason".to_owned());
    assert_eq!(freeze(&[], &[]), None);
    assert_eq!(
        freeze(&[("infra/FREEZE", "Moving house,\n  ask Ana.\n")], &[]).as_deref(),
        Some("Moving house, ask Ana.")
    );
    assert_eq!(freeze(&[("infra/FREEZE", " \n")], &[]), silent);
    assert_eq!(freeze(&[], &[("infra/FREEZE", TreeFile::File { size: 1 << 40 })]), silent, "too large to be read");
    assert_eq!(freeze(&[], &[("infra/FREEZE", link("../../etc/passwd"))]), silent, "a link that leads out");
    assert_eq!(freeze(&[], &[("infra/FREEZE", TreeFile::Submodule)]), silent);
    assert_eq!(freeze(&[("infra/FREEZE/note.txt", "x")], &[]), silent, "a folder");
    for elsewhere in ["FREEZE", "infra/sub/FREEZE", "infra/FREEZE.md", "infra/freeze"] {
        assert_eq!(freeze(&[(elsewhere, "no")], &[]), None, "{elsewhere}");
    }
    let read = under(&tree(&[sound, ("infra/FREEZE", "stop"), ("infra/v.yaml", "{{")], &[]), "infra");
    assert!(read.estate.is_none() && read.freeze.as_deref() == Some("stop"), "a typo elsewhere is no thaw");
    let long = "x".repeat(5_000);
    assert_eq!(freeze(&[("infra/FREEZE", &long)], &[]).map(|text| text.len()), Some(500));
}

#[test]
fn only_yaml_under_the_watched_path_is_read() {
    let files = [
        ("infra/s.yml", SETTINGS),
        ("infra/v.yaml", VPC),
        ("other/v.yaml", VPC),
        ("infra/v.txt", "{{"),
        ("infrared/x.yaml", "{{"),
    ];
    let read = under(&Tree::of(files), "infra/");
    assert_eq!(say(&read.diagnostics), "");
    assert_eq!(read.estate.map(|e| (e.files, e.documents.len())), Some((2, 1)));
}

#[test]
fn ignored_files_are_left_alone() {
    let files = [
        ("infra/s.yml", SETTINGS),
        ("infra/v.yaml", VPC),
        ("infra/charts/x.yaml", "{{ x }}: ["),
        ("infra/charts/deep/y.yaml", "{{ x }}: ["),
        ("infra/old/v.yaml", VPC),
        (".driftlessignore", "# charts of another tool\ncharts/\n/infra/old/*.yaml\n"),
    ];
    assert_eq!(say(&under(&Tree::of(files), "infra").diagnostics), "");
    let beside =
        [("infra/s.yml", SETTINGS), ("infra/v.yaml", VPC), ("infra/a/v.yaml", VPC), ("infra/.driftlessignore", "/a\n")];
    assert_eq!(say(&under(&Tree::of(beside), "infra").diagnostics), "");
    let wrong = [("s.yml", SETTINGS), (".driftlessignore", "ok\n{a\n")];
    assert_snapshot!(say(&under(&Tree::of(wrong), "").diagnostics), @r#"
    error: this is no pattern for paths
      at .driftlessignore:2:1
      |{a
      |^^ error parsing glob '{a': unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
    "#);
}

#[test]
fn a_large_file_is_told_and_not_fetched() {
    let large = TreeFile::File { size: 50 * 1024 * 1024 };
    let tree = tree(
        &[("s.yaml", SETTINGS), ("d.yaml", &naming("disk.img"))],
        &[("big.yaml", large.clone()), ("disk.img", large)],
    );
    assert_snapshot!(say(&under(&tree, "").diagnostics), @r#"
    error: big.yaml has 50.0 MiB; no file over 4.0 MiB is read
      at big.yaml:0:0

      = split it, or name it in .driftlessignore
    error: Droplet/erp names a file that cannot be read: disk.img has 50.0 MiB; no file over 4.0 MiB is read
      at d.yaml:4:48 spec.userData.file
      |spec: {region: sgp1, size: s, userData: {file: disk.img}}
      |                                               ^^^^^^^^ too large
    "#);
}

#[test]
fn links_inside_the_repo_are_followed_and_others_are_told() {
    let tree = tree(
        &[
            ("infra/s.yaml", SETTINGS),
            ("shared/v.yaml", VPC),
            ("infra/d.yaml", &naming("infra/init/run.sh")),
            ("shared/init/run.sh", "x"),
        ],
        &[
            ("infra/v.yaml", link("../shared/v.yaml")),
            ("infra/again.yaml", link("s.yaml")),
            ("infra/init", link("../shared/init")),
            ("infra/out.yaml", link("../../etc/passwd")),
            ("infra/abs.yaml", link("/etc/passwd")),
            ("infra/loop.yaml", link("loop.yaml")),
            ("infra/gone.yaml", link("gone2.yaml")),
            ("infra/more", link("../shared")),
            ("infra/sub", TreeFile::Submodule),
        ],
    );
    assert_snapshot!(say(&under(&tree, "infra").diagnostics), @r#"
    error: infra/abs.yaml is a link to /etc/passwd, which is outside the repo
      at infra/abs.yaml:0:0

      = put the file itself into the repo: nothing outside of it is read
    error: infra/gone.yaml leads to no file of the repo
      at infra/gone.yaml:0:0

    warning: infra/init is a link to a folder; what is behind it is not read
      at infra/init:0:0

      = move the files under the watched path
    error: infra/loop.yaml is a link that leads back to itself
      at infra/loop.yaml:0:0

    warning: infra/more is a link to a folder; what is behind it is not read
      at infra/more:0:0

      = move the files under the watched path
    error: infra/out.yaml is a link to ../../etc/passwd, which is outside the repo
      at infra/out.yaml:0:0

      = put the file itself into the repo: nothing outside of it is read
    warning: infra/sub is a submodule; its files are not read
      at infra/sub:0:0

      = name it in .driftlessignore to hear no more of it
    "#);
}

#[test]
fn a_link_is_read_in_its_place() {
    let tree =
        tree(&[("infra/s.yaml", SETTINGS), ("shared/v.yaml", VPC)], &[("infra/v.yaml", link("../shared/v.yaml"))]);
    let places: Vec<String> =
        under(&tree, "infra").estate.iter().flat_map(|e| e.documents.values().map(|d| d.place.to_string())).collect();
    assert_eq!(places, ["shared/v.yaml:1:1"]);
}

#[test]
fn a_named_file_must_be_in_the_repo() {
    let said = |file: &str| {
        let document = naming(file);
        let contents = [
            ("s.yaml", SETTINGS),
            ("d.yaml", document.as_str()),
            ("cloud-init/erp.yaml", "#cloud-config\n"),
            (".driftlessignore", "/mod\n"),
        ];
        let others =
            [("key", link("/root/.ssh/id")), ("mod", TreeFile::Submodule), ("hop", link("cloud-init/erp.yaml"))];
        say(&under(&tree(&contents, &others), "").diagnostics)
    };
    assert_eq!(said("cloud-init/erp.yaml"), "");
    assert_eq!(said("./cloud-init//erp.yaml"), "");
    assert_eq!(said("hop"), "");
    assert_snapshot!(said("erp.yaml"), @r#"
    error: Droplet/erp names a file that cannot be read: there is no erp.yaml
      at d.yaml:4:48 spec.userData.file
      |spec: {region: sgp1, size: s, userData: {file: erp.yaml}}
      |                                               ^^^^^^^^ did you mean "cloud-init/erp.yaml"?
      = paths begin at the repo's root
    "#);
    assert_snapshot!(said("cloud-init/erb.yml"), @r#"
    error: Droplet/erp names a file that cannot be read: there is no cloud-init/erb.yml
      at d.yaml:4:48 spec.userData.file
      |spec: {region: sgp1, size: s, userData: {file: cloud-init/erb.yml}}
      |                                               ^^^^^^^^^^^^^^^^^^ did you mean "cloud-init/erp.yaml"?
      = paths begin at the repo's root
    "#);
    assert_snapshot!(said("../secret"), @r#"
    error: Droplet/erp names a file that cannot be read: "../secret" leaves the repo
      at d.yaml:4:48 spec.userData.file
      |spec: {region: sgp1, size: s, userData: {file: ../secret}}
      |                                               ^^^^^^^^^ expected a path from the repo's root
      = nothing outside of the repo is read
    "#);
    assert_snapshot!(said("/etc/passwd"), @r#"
    error: Droplet/erp names a file that cannot be read: "/etc/passwd" leaves the repo
      at d.yaml:4:48 spec.userData.file
      |spec: {region: sgp1, size: s, userData: {file: /etc/passwd}}
      |                                               ^^^^^^^^^^^ expected a path from the repo's root
      = nothing outside of the repo is read
    "#);
    assert_snapshot!(said("key"), @r#"
    error: Droplet/erp names a file that cannot be read: key is a link to /root/.ssh/id, which is outside the repo
      at d.yaml:4:48 spec.userData.file
      |spec: {region: sgp1, size: s, userData: {file: key}}
      |                                               ^^^
      = put the file itself into the repo: nothing outside of it is read
    "#);
    assert_snapshot!(said("mod/x"), @r#"
    error: Droplet/erp names a file that cannot be read: mod/x lies in the submodule mod, which is not read
      at d.yaml:4:48 spec.userData.file
      |spec: {region: sgp1, size: s, userData: {file: mod/x}}
      |                                               ^^^^^
      = copy the file into this repo
    "#);
    assert_snapshot!(said("cloud-init"), @r#"
    error: Droplet/erp names a file that cannot be read: cloud-init is a folder; a file is needed
      at d.yaml:4:48 spec.userData.file
      |spec: {region: sgp1, size: s, userData: {file: cloud-init}}
      |                                               ^^^^^^^^^^
    "#);
}

#[test]
fn a_named_file_need_not_be_yaml() {
    let document = naming("init.yaml");
    let files = [("s.yaml", SETTINGS), ("d.yaml", &document), ("init.yaml", "{% if x %}\na: [\n")];
    assert_eq!(say(&under(&Tree::of(files), "").diagnostics), "");
}

#[test]
fn a_file_that_does_not_parse_excuses_references_to_what_it_may_declare() {
    let document =
        "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: erp}\nspec: {region: sgp1, size: s, vpc: main}\n";
    let files = [
        ("s.yaml", SETTINGS),
        ("d.yaml", document),
        ("v.yaml", "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: main\n"),
    ];
    let said = say(&under(&Tree::of(files), "").diagnostics);
    assert!(said.contains("this is not valid YAML") && !said.contains("which no document declares"), "{said}");
}

#[test]
fn a_file_that_cannot_be_fetched_is_told() {
    let files = BTreeMap::from([("a.yaml".to_owned(), TreeFile::File { size: 3 })]);
    let tree = Tree::new(files, |_: &str| Err("the object 4f2c is missing".to_owned()));
    assert_snapshot!(say(&under(&tree, "").diagnostics), @r#"
    error: a.yaml cannot be read: the object 4f2c is missing
      at a.yaml:0:0
    "#);
}

//! Keeps the doors of `controller/README.md` shut: which room may use which, and what pure rooms may not touch.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// What each room may use of the others. A room that is not in the list may use nothing.
const OPEN: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("repo", &["model"]),
    ("plan", &["model"]),
    ("insight", &["model"]),
    ("render", &["model", "insight"]),
    ("ports", &["model"]),
    ("kinds", &["model", "ports"]),
    ("engine", &["model", "ports", "kinds", "plan", "insight", "render", "repo"]),
    ("server", &["model", "ports", "kinds", "plan", "insight", "render", "repo", "engine"]),
    ("cli", &["model", "ports", "kinds", "plan", "insight", "render", "repo", "engine", "server", "sandbox"]),
    ("sandbox", &[]),
];

/// Rooms in which nothing waits, reads a clock or touches the machine.
const PURE: &[&str] = &["model", "repo", "plan", "insight", "render"];

/// What pure code may not name.
const BANNED: &[&str] = &[
    "tokio",
    "reqwest",
    "sqlx",
    "git2",
    "std::fs",
    "std::process",
    "std::net",
    "std::env",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// One file of the crate, or a sample.
struct Source {
    /// The module path from the crate's root: `["kinds", "droplet", "diff"]`.
    module: Vec<String>,
    text: String,
}

impl Source {
    fn room(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }
    fn is_pure(&self) -> bool {
        let file = self.module.last().map_or("", String::as_str);
        PURE.contains(&self.room()) || (self.room() == "kinds" && ["spec", "diff"].contains(&file))
    }
}

#[derive(Default)]
struct Walk {
    paths: Vec<Vec<String>>,
    waits: bool,
    depth: usize,
    inner: Vec<usize>,
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.spread(&mut Vec::new(), &item.tree);
    }
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.note(segments);
        visit::visit_path(self, path);
    }
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.depth += 1;
        visit::visit_item_mod(self, item);
        self.depth -= 1;
    }
    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        // The inside of a macro is tokens only; paths in it count all the same.
        let text = item.tokens.to_string().replace(' ', "");
        for (at, _) in text.match_indices("crate::").chain(text.match_indices("super::")) {
            let path: String =
                text[at..].chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
            self.note(path.split("::").map(str::to_owned).collect());
        }
        visit::visit_macro(self, item);
    }
    fn visit_signature(&mut self, item: &'ast syn::Signature) {
        self.waits |= item.asyncness.is_some();
        visit::visit_signature(self, item);
    }
    fn visit_expr_async(&mut self, item: &'ast syn::ExprAsync) {
        self.waits = true;
        visit::visit_expr_async(self, item);
    }
}

impl Walk {
    fn note(&mut self, path: Vec<String>) {
        self.paths.push(path);
        self.inner.push(self.depth);
    }
    fn spread(&mut self, front: &mut Vec<String>, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                front.push(path.ident.to_string());
                self.spread(front, &path.tree);
                front.pop();
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.spread(front, item)),
            syn::UseTree::Name(name) => self.note(front.iter().cloned().chain([name.ident.to_string()]).collect()),
            syn::UseTree::Rename(name) => self.note(front.iter().cloned().chain([name.ident.to_string()]).collect()),
            syn::UseTree::Glob(_) => self.note(front.clone()),
        }
    }
}

/// The path from the crate's root, where it is one of ours.
fn resolve(module: &[String], depth: usize, path: &[String]) -> Option<Vec<String>> {
    let mut at: Vec<String> = module.to_vec();
    at.extend((0..depth).map(|_| "(inline)".to_owned()));
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" | "driftless" => {
            at.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|s| s == "super") {
                at.pop();
                rest = &rest[1..];
            }
        }
        _ => return None,
    }
    at.extend(rest.iter().cloned());
    Some(at)
}

/// Everything in a source that goes through a shut door.
fn trespasses(source: &Source) -> BTreeSet<String> {
    let file = syn::parse_file(&source.text).unwrap_or_else(|e| panic!("{:?}: {e}", source.module));
    let mut walk = Walk::default();
    walk.visit_file(&file);
    let mut found = BTreeSet::new();
    let open = OPEN.iter().find(|(room, _)| *room == source.room()).map_or(&[][..], |(_, open)| open);
    for (path, depth) in walk.paths.iter().zip(&walk.inner) {
        if let Some(to) = resolve(&source.module, *depth, path) {
            let room = to.first().map_or("", String::as_str);
            let is_room = OPEN.iter().any(|(r, _)| *r == room);
            if is_room && room != source.room() && !open.contains(&room) {
                found.insert(format!("{} uses {}", source.module.join("::"), to.join("::")));
            }
            if source.room() == "kinds" && room == "kinds" && is_other_kind(&source.module, &to) {
                found.insert(format!("{} uses another kind: {}", source.module.join("::"), to.join("::")));
            }
        }
        let joined = path.join("::");
        let banned = BANNED.iter().any(|ban| joined == *ban || joined.starts_with(&format!("{ban}::")));
        if source.is_pure() && (banned || joined.ends_with("Timestamp::now") || joined.ends_with("Zoned::now")) {
            found.insert(format!("{} is pure and names {joined}", source.module.join("::")));
        }
    }
    if source.is_pure() && walk.waits {
        found.insert(format!("{} is pure and has async code", source.module.join("::")));
    }
    found
}

fn is_other_kind(from: &[String], to: &[String]) -> bool {
    let folder = |module: &[String]| module.get(1).filter(|name| is_kind(name)).cloned();
    match (folder(from), folder(to)) {
        (Some(a), Some(b)) => a != b,
        _ => false,
    }
}

fn is_kind(name: &str) -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("controller/kinds").join(name).is_dir()
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("controller");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    found
}

fn collect(root: &Path, dir: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(dir).expect("the crate's own folder").map(|e| e.expect("an entry").path()) {
        if entry.is_dir() {
            collect(root, &entry, found);
        } else if entry.extension().is_some_and(|e| e == "rs") {
            found.push(Source { module: module_of(root, &entry), text: fs::read_to_string(&entry).expect("a source") });
        }
    }
}

fn module_of(root: &Path, file: &Path) -> Vec<String> {
    let inside: PathBuf = file.strip_prefix(root).expect("inside").with_extension("");
    let mut module: Vec<String> = inside.iter().map(|s| s.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        module.pop();
    }
    module
}

fn sample(module: &str, text: &str) -> BTreeSet<String> {
    trespasses(&Source { module: module.split("::").map(str::to_owned).collect(), text: text.to_owned() })
}

#[test]
fn no_room_uses_what_lies_behind_a_shut_door() {
    let sources = sources();
    assert!(sources.len() > 50, "the walk found the crate's files");
    let found: Vec<String> = sources.iter().filter(|s| !s.module.is_empty()).flat_map(trespasses).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_shut_door_is_seen_however_it_is_written() {
    for text in [
        "use crate::ports::Ports;",
        "use super::super::ports::Ports;",
        "use super::super::{model::Plan, ports::Ports};",
        "fn f() { crate::ports::clock::Clock::default(); }",
        "fn f() -> crate::ports::Ports { todo!() }",
        "mod inner { use super::super::super::ports::Ports; }",
        "fn f() { assert!(crate::ports::ready()); }",
    ] {
        assert!(!sample("plan::order", text).is_empty(), "{text}");
    }
    assert!(sample("plan::order", "use crate::model::Plan; use super::claim::Claims;").is_empty());
    assert!(!sample("sandbox::droplets", "use crate::model::Plan;").is_empty());
    assert!(!sample("kinds::droplet::apply", "use crate::engine::keeper::Keeper;").is_empty());
    assert!(!sample("kinds::droplet::diff", "use super::super::domain::Want;").is_empty());
}

#[test]
fn a_pure_room_neither_waits_nor_reads_a_clock() {
    for text in [
        "async fn f() {}",
        "fn f() { let _ = async {}; }",
        "use std::fs;",
        "use std::{fs::File, fmt};",
        "fn f() { std::process::exit(1) }",
        "fn f() { jiff::Timestamp::now(); }",
        "use std::time::Instant;",
    ] {
        assert!(!sample("plan::order", text).is_empty(), "{text}");
        assert!(!sample("kinds::droplet::diff", text).is_empty(), "{text}");
    }
    assert!(sample("kinds::droplet::apply", "async fn f() {}").is_empty());
}

#[test]
fn every_test_file_is_a_module_of_the_suite() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let suite = fs::read_to_string(tests.join("suite.rs")).expect("the suite");
    for file in fs::read_dir(&tests).expect("tests").map(|e| e.expect("an entry").path()) {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if file.extension().is_some_and(|e| e == "rs") && name != "suite" {
            assert!(suite.contains(&format!("mod {name};")), "tests/{name}.rs is forgotten in tests/suite.rs");
        }
    }
}

#[test]
fn every_source_says_what_it_owns() {
    for source in sources() {
        assert!(source.text.starts_with("//!"), "{} does not open with //!", source.module.join("::"));
    }
}

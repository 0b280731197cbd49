//! Plays the kept corpus of the fuzz targets: what once was worth keeping never panics again. See tests/fuzz/README.md.

mod exercise;

use std::path::Path;

/// Plays one target's corpus; says how many entries there were.
fn play(target: &str, with: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut entries: Vec<_> =
        std::fs::read_dir(&folder).expect("a corpus").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for entry in &entries {
        with(&std::fs::read(entry).expect("an entry"));
    }
    entries.len()
}

#[test]
fn the_corpus_of_documents_is_read_or_told() {
    assert!(play("documents", exercise::documents) >= 10);
}

#[test]
fn the_corpus_of_answers_is_understood_or_unknown() {
    assert!(play("answers", exercise::answers) >= 10);
}

#[test]
fn the_corpus_of_plans_is_shown_or_refused() {
    assert!(play("plans", exercise::plans) >= 2);
}

#[test]
fn the_corpus_of_settings_is_taken_or_refused() {
    assert!(play("settings", exercise::settings) >= 5);
}

#[test]
fn every_target_has_a_corpus_and_a_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    for entry in std::fs::read_dir(root.join("corpus")).expect("a corpus") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        assert!(root.join("targets").join(format!("{name}.rs")).exists(), "{name} has no program");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in the manifest");
    }
}

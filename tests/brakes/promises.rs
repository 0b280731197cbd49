//! `tests/PROMISES.md` names a test for each promise of the design. Checks that every test it names exists in the tree;
//! whether it would fail if the promise were broken is for those who write it.

use std::path::{Path, PathBuf};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().map(|e| e.expect("an entry").path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else {
            found.push(entry);
        }
    }
}

#[test]
fn every_test_that_a_promise_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&root.join("controller"), &mut found);
    files(&root.join("tests"), &mut found);
    let code: String = found
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| std::fs::read_to_string(path).expect("a source"))
        .collect();
    let page = std::fs::read_to_string(root.join("tests/PROMISES.md")).expect("the page");
    let rows: Vec<&str> =
        page.lines().filter(|l| l.starts_with('|') && !l.starts_with("|-") && !l.starts_with("| Promise")).collect();
    assert!(rows.len() > 30, "{} promises", rows.len());
    let mut missing = Vec::new();
    for row in rows {
        let tests = row.rsplit('|').nth(1).unwrap_or_default();
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test is named in {row}");
        for name in named {
            let there = match name.ends_with(".yaml") {
                true => found.iter().any(|path| path.ends_with(name) && name.contains("scenarios/")),
                false => code.contains(&format!("fn {name}(")),
            };
            if !there {
                missing.push(name);
            }
        }
    }
    assert_eq!(missing, Vec::<&str>::new(), "these tests are in no file of the tree");
}

//! Mirrors that are damaged, left behind by a killed process, or not ours.

use std::collections::BTreeMap;
use std::path::Path;

use driftless::ports::git::{GitError, Mirror, Moved, Remote, commit_in};

use super::{Room, ana, git, options, paths, put};

/// Overwrites every object of a repository with rubbish.
fn damage(dir: &Path) {
    let mut folders = vec![dir.join("objects")];
    let mut damaged = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                std::fs::remove_file(&path).expect("objects are ours");
                std::fs::write(&path, "rubbish").expect("written");
                damaged += 1;
            }
        }
    }
    assert!(damaged > 0, "there was something to damage");
}

#[tokio::test]
async fn a_mirror_damaged_while_open_is_made_anew_and_forgets_nothing() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let first = mirror.fetch().await.expect("fetched").commit;
    damage(&room.mirror_dir());
    let error = mirror.tree(&first, "", &Default::default()).expect_err("damaged");
    assert!(matches!(error, GitError::Mirror { .. } | GitError::UnknownCommit { .. }), "{error}");
    let second = room.commit("README.md", "more\n").await;
    let head = mirror.fetch().await.expect("fetched");
    assert_eq!(head.moved, Moved::Forward { from: first });
    assert_eq!(paths(&mirror, &second, "").len(), 2);
}

#[tokio::test]
async fn a_mirror_that_lost_its_objects_while_open_is_made_anew() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let first = mirror.fetch().await.expect("fetched").commit;
    let objects = room.mirror_dir().join("objects");
    std::fs::remove_dir_all(&objects).expect("removed");
    mirror.tree(&first, "", &Default::default()).expect_err("nothing there");
    assert_eq!(mirror.fetch().await.expect("fetched").moved, Moved::Same);
    assert_eq!(paths(&mirror, &first, "").len(), 2);
    std::fs::remove_dir_all(&objects).expect("removed");
    std::fs::create_dir_all(objects.join("pack")).expect("made");
    mirror.tree(&first, "", &Default::default()).expect_err("nothing there");
    assert_eq!(mirror.fetch().await.expect("fetched").moved, Moved::Same);
    assert_eq!(paths(&mirror, &first, "").len(), 2);
}

#[tokio::test]
async fn a_mirror_damaged_while_closed_is_made_anew() {
    for how in ["objects", "head", "config", "all"] {
        let room = Room::new().await;
        let first = room.mirror().fetch().await.expect("fetched").commit;
        let dir = room.mirror_dir();
        match how {
            "objects" => damage(&dir),
            "head" => std::fs::write(dir.join("HEAD"), "rubbish").expect("written"),
            "config" => std::fs::write(dir.join("config"), "[rubbish").expect("written"),
            _ => std::fs::remove_dir_all(&dir).expect("removed"),
        }
        let mirror = room.mirror();
        let head = mirror.fetch().await.unwrap_or_else(|error| panic!("{how}: {error}"));
        assert_eq!(head.commit, first, "{how}");
        let moved = if how == "all" { Moved::First } else { Moved::Same };
        assert_eq!(head.moved, moved, "{how}");
        assert_eq!(paths(&mirror, &first, "").len(), 2, "{how}");
    }
}

#[tokio::test]
async fn a_damaged_mirror_is_not_thrown_away_while_the_remote_is_away() {
    let room = Room::new().await;
    let first = room.mirror().fetch().await.expect("fetched").commit;
    let dir = room.mirror_dir();
    let blob = git(&dir, &["rev-parse", &format!("{first}:README.md")]);
    let (folder, file) = blob.split_at(2);
    std::fs::remove_file(dir.join("objects").join(folder).join(file)).expect("a loose object");
    let away = room.dir.path().join("away");
    std::fs::rename(room.repo(), &away).expect("moved");

    let mirror = room.mirror();
    let error = mirror.fetch().await.expect_err("away");
    assert!(matches!(error, GitError::NotARepository(_)), "{error}");
    assert_eq!(paths(&mirror, &first, "infra"), ["infra/erp.yaml"], "what is whole is readable");
    std::fs::rename(&away, room.repo()).expect("moved back");
    assert_eq!(mirror.fetch().await.expect("fetched").moved, Moved::Same);
    assert_eq!(paths(&mirror, &first, "").len(), 2);
}

#[tokio::test]
async fn the_locks_of_a_killed_git_are_no_obstacle() {
    let room = Room::new().await;
    room.mirror().fetch().await.expect("fetched");
    let dir = room.mirror_dir();
    for lock in ["shallow.lock", "packed-refs.lock", "refs/driftless/incoming.lock"] {
        std::fs::write(dir.join(lock), "").expect("written");
    }
    let second = room.commit("README.md", "more\n").await;
    assert_eq!(room.mirror().fetch().await.expect("fetched").commit, second);
}

#[tokio::test]
async fn a_kept_commit_survives_pruning_and_a_lost_one_is_brought_back() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let first = mirror.fetch().await.expect("fetched").commit;
    let second = room.commit("README.md", "two\n").await;
    mirror.fetch().await.expect("fetched");
    mirror.keep("valid", &first).expect("kept");
    for round in 0..10 {
        room.commit("README.md", &format!("round {round}\n")).await;
        mirror.fetch().await.expect("fetched");
    }
    git(&room.mirror_dir(), &["gc", "--quiet", "--prune=now"]);
    assert_eq!(paths(&mirror, &first, "").len(), 2);
    let error = mirror.commit_info(&second).expect_err("pruned");
    assert!(matches!(error, GitError::UnknownCommit { .. }), "{error}");
    mirror.obtain(&second).await.expect("brought back");
    assert_eq!(mirror.commit_info(&second).expect("info").subject, "Change README.md");
}

#[tokio::test]
async fn a_shallow_repository_can_be_followed_too() {
    let room = Room::new().await;
    room.commit("README.md", "two\n").await;
    let copy = room.dir.path().join("copy");
    let from = format!("file://{}", room.repo().display());
    git(room.dir.path(), &["clone", "--quiet", "--depth=1", &from, "copy"]);
    let remote = Remote { url: format!("file://{}", copy.display()), ..room.remote() };
    let mirror = Mirror::open(&room.mirror_dir(), &remote, options()).expect("a mirror");
    let first = mirror.fetch().await.expect("fetched").commit;
    let edits = BTreeMap::from([("x".to_owned(), Some(b"y".to_vec()))]);
    commit_in(&copy, &edits, "More", &ana()).await.expect("a commit");
    assert_eq!(mirror.fetch().await.expect("fetched").moved, Moved::Forward { from: first });
}

#[tokio::test]
async fn kept_commits_are_carried_over_into_a_new_mirror() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let first = mirror.fetch().await.expect("fetched").commit;
    mirror.keep("valid", &first).expect("kept");
    room.commit("README.md", "two\n").await;
    damage(&room.mirror_dir());
    mirror.tree(&first, "", &Default::default()).expect_err("damaged");
    mirror.fetch().await.expect("fetched anew");
    assert_eq!(paths(&mirror, &first, "").len(), 2);
}

#[tokio::test]
async fn a_report_into_a_damaged_mirror_fails_once() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let files = |text: &str| BTreeMap::from([("S".to_owned(), Some(text.as_bytes().to_vec()))]);
    put(&mirror, "r", &files("one"), &ana()).await.expect("pushed");
    damage(&room.mirror_dir());
    put(&mirror, "r", &files("two"), &ana()).await.expect_err("damaged");
    mirror.fetch().await.expect("made anew");
    put(&mirror, "r", &files("two"), &ana()).await.expect("pushed");
    assert_eq!(room.git(&["show", "r:S"]), "two");
}

#[tokio::test]
async fn a_directory_that_is_no_mirror_is_left_alone() {
    let room = Room::new().await;
    let before = room.git(&["status", "--porcelain", "--branch"]);
    let outcome = Mirror::open(&room.repo(), &room.remote(), options()).map(drop);
    assert!(matches!(outcome, Err(GitError::NotOurs { .. })), "{outcome:?}");
    assert_eq!(room.git(&["status", "--porcelain", "--branch"]), before);
    let file = room.dir.path().join("file");
    std::fs::write(&file, "mine").expect("written");
    let outcome = Mirror::open(&file, &room.remote(), options()).map(drop);
    assert!(matches!(outcome, Err(GitError::NotOurs { .. })), "{outcome:?}");
    assert_eq!(std::fs::read_to_string(&file).expect("read"), "mine");
}

#[tokio::test]
async fn a_mirror_removed_while_open_is_made_anew() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let first = mirror.fetch().await.expect("fetched").commit;
    std::fs::remove_dir_all(room.dir.path().join("state")).expect("removed");
    let head = mirror.fetch().await.expect("fetched");
    assert_eq!((head.commit, head.moved), (first.clone(), Moved::First));
    assert_eq!(paths(&mirror, &first, "").len(), 2);
}

//! Commits on another branch, values in refs, and who wins when two write at once.

use std::os::unix::fs::PermissionsExt;

use driftless::ports::git::{CommitId, Edits, GitError, Mirror, Person, Pushed};

use super::{Room, git, options, put};

const BRANCH: &str = "driftless/reports";
const LEASE: &str = "refs/driftless/lease";

fn edits(files: &[(&str, Option<&str>)]) -> Edits {
    let owned = |text: &str| text.as_bytes().to_vec();
    files.iter().map(|(path, text)| ((*path).to_owned(), text.map(owned))).collect()
}

fn us() -> Person {
    Person::new("driftless", "driftless@example.com")
}

async fn report(mirror: &Mirror, files: &[(&str, Option<&str>)]) -> Pushed {
    put(mirror, BRANCH, &edits(files), &us()).await.expect("pushed").expect("nobody was faster")
}

fn commit_of(pushed: Pushed) -> CommitId {
    match pushed {
        Pushed::Commit(commit) => commit,
        Pushed::Unchanged(at) => panic!("unchanged at {at:?}"),
    }
}

#[tokio::test]
async fn a_report_branch_is_created_without_a_history_and_then_only_changed_where_told() {
    let room = Room::new().await;
    let mirror = room.mirror();
    mirror.fetch().await.expect("fetched");
    let first = report(&mirror, &[("STATUS.md", Some("one\n")), ("a/b/c.json", Some("{}\n"))]);
    let first = commit_of(first.await);
    assert_eq!(room.git(&["rev-parse", BRANCH]), first.as_str());
    assert_eq!(room.git(&["rev-list", "--count", BRANCH]), "1");

    let second = commit_of(report(&mirror, &[("STATUS.md", Some("two\n"))]).await);
    assert_eq!(mirror.commit_info(&second).expect("info").parents, [first]);
    assert_eq!(room.git(&["show", &format!("{BRANCH}:STATUS.md")]), "two");
    assert_eq!(room.git(&["ls-tree", "-r", "--name-only", BRANCH]), "STATUS.md\na/b/c.json");

    let gone = [("a/b/c.json", None), ("never/was", None)];
    commit_of(report(&mirror, &gone).await);
    assert_eq!(room.git(&["ls-tree", "-r", "-t", "--name-only", BRANCH]), "STATUS.md");
    assert_eq!(room.git(&["log", "--format=%an %s", "-1", BRANCH]), "driftless In sync");
    room.git(&["fsck", "--strict"]);
}

#[tokio::test]
async fn two_equal_reports_make_one_commit() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let files = [("STATUS.md", Some("all well\n"))];
    let first = commit_of(report(&mirror, &files).await);
    assert_eq!(report(&mirror, &files).await, Pushed::Unchanged(Some(first)));
    assert_eq!(room.git(&["rev-list", "--count", BRANCH]), "1");
    let nothing = put(&mirror, "other", &Edits::new(), &us()).await;
    assert_eq!(nothing.expect("nothing to do"), Some(Pushed::Unchanged(None)));
}

#[tokio::test]
async fn what_others_pushed_to_the_report_branch_is_kept() {
    let room = Room::new().await;
    let mirror = room.mirror();
    report(&mirror, &[("STATUS.md", Some("one\n"))]).await;
    room.git(&["checkout", "--quiet", BRANCH]);
    room.commit("NOTES.md", "by hand\n").await;
    room.git(&["checkout", "--quiet", "main"]);
    commit_of(report(&mirror, &[("STATUS.md", Some("two\n"))]).await);
    assert_eq!(room.git(&["ls-tree", "--name-only", BRANCH]), "NOTES.md\nSTATUS.md");
    assert_eq!(room.git(&["rev-list", "--count", BRANCH]), "3");
}

/// Has the repository push something else to the report branch while it receives ours.
fn interfere(room: &Room, times: u32) {
    let hook = room.repo().join(".git/hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().expect("a folder")).expect("made");
    let script = format!(
        "#!/bin/sh\nunset GIT_QUARANTINE_PATH\n\
         n=$(cat count 2>/dev/null || echo 0)\n[ $n -lt {times} ] || exit 0\n\
         echo $((n + 1)) > count\n\
         tip=$(git rev-parse refs/heads/{BRANCH})\n\
         unset GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n\
         new=$(echo theirs | git -c user.name=x -c user.email=x@y commit-tree -p $tip $tip^{{tree}})\n\
         git update-ref refs/heads/{BRANCH} $new\n"
    );
    std::fs::write(&hook, script).expect("written");
    std::fs::set_permissions(&hook, PermissionsExt::from_mode(0o755)).expect("executable");
}

#[tokio::test]
async fn a_branch_moved_between_fetch_and_push_is_not_written_over() {
    let room = Room::new().await;
    let mirror = room.mirror();
    report(&mirror, &[("STATUS.md", Some("one\n"))]).await;
    interfere(&room, 2);
    let two = edits(&[("STATUS.md", Some("two\n"))]);
    for _ in 0..2 {
        assert_eq!(put(&mirror, BRANCH, &two, &us()).await.expect("an answer"), None);
    }
    commit_of(report(&mirror, &[("STATUS.md", Some("two\n"))]).await);
    let log = room.git(&["log", "--format=%s", BRANCH]);
    assert_eq!(log, "In sync\ntheirs\ntheirs\nIn sync");
}

#[tokio::test]
async fn a_protected_branch_is_an_error_that_says_what_to_do() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let hook = room.repo().join(".git/hooks/update");
    std::fs::create_dir_all(hook.parent().expect("a folder")).expect("made");
    std::fs::write(&hook, "#!/bin/sh\necho GH006: Protected branch >&2\nexit 1\n").expect("written");
    std::fs::set_permissions(&hook, PermissionsExt::from_mode(0o755)).expect("executable");
    let files = edits(&[("STATUS.md", Some("x"))]);
    let outcome = put(&mirror, BRANCH, &files, &us()).await;
    let error = outcome.expect_err("refused");
    let text = error.to_string();
    assert!(matches!(error, GitError::PushRefused(_)), "{text}");
    assert!(text.contains("GH006") && text.contains("hook declined"), "{text}");
    assert!(text.contains("protection rules"), "{text}");
}

#[tokio::test]
async fn paths_that_leave_the_tree_are_refused() {
    let room = Room::new().await;
    let mirror = room.mirror();
    for path in ["../x", "/x", "a//b", ".git/config", "a/.GIT/x", ""] {
        let files = edits(&[(path, Some("x"))]);
        let outcome = put(&mirror, BRANCH, &files, &us()).await;
        assert!(matches!(outcome, Err(GitError::BadName { .. })), "{path:?}: {outcome:?}");
    }
    let outcome = mirror.commit_and_push_onto("-f", None, &Edits::new(), "x", &us()).await;
    assert!(matches!(outcome, Err(GitError::BadName { .. })));
}

#[tokio::test]
async fn a_lease_is_taken_by_one_of_two_and_given_back() {
    let room = Room::new().await;
    let (one, other) = (room.mirror(), second_mirror(&room));
    assert_eq!(one.read_ref(LEASE).await.expect("read"), None);
    assert_eq!(one.read_value(LEASE).await.expect("read"), None);
    let mine = one.write_value(b"holder one", "Lease", &us()).await.expect("written");
    let theirs = other.write_value(b"holder two", "Lease", &us()).await.expect("written");
    assert!(one.push_ref_cas(LEASE, None, Some(&mine)).await.expect("asked"));
    assert!(!other.push_ref_cas(LEASE, None, Some(&theirs)).await.expect("asked"));
    let again = one.push_ref_cas(LEASE, None, Some(&mine)).await.expect("asked");
    assert!(again, "the reply to the first may have been lost");

    let (holder, value) = other.read_value(LEASE).await.expect("read").expect("there");
    assert_eq!((&holder, value.as_slice()), (&mine, b"holder one".as_slice()));
    assert!(other.push_ref_cas(LEASE, Some(&mine), Some(&theirs)).await.expect("asked"));
    assert!(!one.push_ref_cas(LEASE, Some(&mine), None).await.expect("asked"));
    assert!(other.push_ref_cas(LEASE, Some(&theirs), None).await.expect("asked"));
    assert_eq!(one.read_ref(LEASE).await.expect("read"), None);
}

fn second_mirror(room: &Room) -> Mirror {
    let dir = room.dir.path().join("second");
    Mirror::open(&dir, &room.remote(), options()).expect("a mirror")
}

#[tokio::test]
async fn hundreds_of_fetches_and_reports_keep_the_mirror_small() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let mut halfway = 0;
    for round in 0..200 {
        if round % 4 == 0 {
            room.commit("infra/erp.yaml", &format!("round: {round}\n")).await;
        }
        mirror.fetch().await.expect("fetched");
        let text = format!("{round}: {}\n", "status ".repeat(300));
        let both = [("STATUS.md", Some(text.as_str())), ("a/b/c/d.json", Some(text.as_str()))];
        commit_of(report(&mirror, &both).await);
        if round == 100 {
            halfway = objects(&room);
        }
    }
    let end = objects(&room);
    assert!(halfway < 700 && end < 700, "{halfway} objects halfway, {end} at the end");
    let mirror_dir = room.mirror_dir();
    let known = git(&mirror_dir, &["rev-list", "--all", "--count"]);
    let known: usize = known.parse().expect("a number");
    assert!(known < 150, "{known} commits are held");
    assert_eq!(room.git(&["rev-list", "--count", BRANCH]), "200");
    git(&mirror_dir, &["fsck", "--strict"]);
    room.git(&["fsck", "--strict"]);
}

fn objects(room: &Room) -> usize {
    let count = git(&room.mirror_dir(), &["count-objects", "-v"]);
    let of = |name: &str| -> usize {
        let line = count.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|n| n.trim().parse().ok()).expect("a count")
    };
    of("count:") + of("in-pack:")
}

#[tokio::test]
async fn a_file_that_becomes_a_folder_is_written_as_one() {
    let room = Room::new().await;
    let mirror = room.mirror();
    report(&mirror, &[("a", Some("a file\n"))]).await;
    commit_of(report(&mirror, &[("a", None), ("a/b", Some("below\n"))]).await);
    assert_eq!(room.git(&["ls-tree", "-r", "--name-only", BRANCH]), "a/b");
    let back = [("a", Some("a file\n")), ("a.b", None), ("a/b", None)];
    report(&mirror, &[("a.b", Some("beside\n"))]).await;
    commit_of(report(&mirror, &back).await);
    assert_eq!(room.git(&["ls-tree", "-r", "--name-only", BRANCH]), "a");
}

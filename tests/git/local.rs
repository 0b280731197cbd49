//! Fetching and reading over a local path.

use std::os::unix::fs::symlink;

use driftless::ports::git::{Content, GitError, Head, Limits, Mirror, Mode, Moved, Remote};

use super::{Room, files, git, options, paths};

#[tokio::test]
async fn a_first_fetch_shows_the_files_of_the_branch() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let head = mirror.fetch().await.expect("fetched");
    assert_eq!(head.moved, Moved::First);
    assert_eq!(head.commit.as_str(), room.git(&["rev-parse", "main"]));
    assert_eq!(paths(&mirror, &head.commit, ""), ["README.md", "infra/erp.yaml"]);
    assert_eq!(paths(&mirror, &head.commit, "infra/"), ["infra/erp.yaml"]);
    assert_eq!(paths(&mirror, &head.commit, "none"), [""; 0]);
    assert!(!mirror.has_path(&head.commit, "none").expect("looked"));
    let info = mirror.commit_info(&head.commit).expect("info");
    assert_eq!((info.author.name.as_str(), info.subject.as_str()), ("Ana", "First"));
    assert!(info.parents.is_empty());
}

#[tokio::test]
async fn a_branch_that_moves_on_stays_or_is_rewritten_is_told_apart() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let first = mirror.fetch().await.expect("fetched").commit;
    assert_eq!(mirror.fetch().await.expect("fetched").moved, Moved::Same);

    let mut last = first.clone();
    for round in 0..70 {
        last = room.commit("infra/erp.yaml", &format!("round: {round}\n")).await;
    }
    let head = mirror.fetch().await.expect("fetched");
    assert_eq!(head, Head { commit: last.clone(), moved: Moved::Forward { from: first.clone() } });
    let info = mirror.commit_info(&last).expect("info");
    assert_eq!(info.parents.len(), 1, "a shallow commit still names its parents");

    room.git(&["reset", "--quiet", "--hard", "HEAD~3"]);
    let rewritten = room.commit("README.md", "another way\n").await;
    let head = mirror.fetch().await.expect("fetched");
    assert_eq!(head, Head { commit: rewritten, moved: Moved::Rewritten { from: last.clone() } });
    assert_eq!(files(&mirror, &last, "infra").len(), 1, "the former commit is still readable");
    assert!(mirror.is_ancestor(&first, &head.commit).await.expect("answered"));
    assert!(!mirror.is_ancestor(&last, &head.commit).await.expect("answered"));
}

#[tokio::test]
async fn what_was_seen_last_outlives_the_process() {
    let room = Room::new().await;
    let first = room.mirror().fetch().await.expect("fetched").commit;
    let mirror = room.mirror();
    assert_eq!(mirror.last(), Some(first.clone()));
    let second = room.commit("README.md", "more\n").await;
    let head = mirror.fetch().await.expect("fetched");
    assert_eq!(head, Head { commit: second, moved: Moved::Forward { from: first } });
}

#[tokio::test]
async fn links_modes_submodules_and_large_files_are_shown_as_what_they_are() {
    let room = Room::new().await;
    let repo = room.repo();
    symlink("../../etc/passwd", repo.join("infra/link")).expect("a link");
    std::fs::write(repo.join("infra/same.yaml"), "kind: Droplet\n").expect("written");
    std::fs::write(repo.join("infra/big.bin"), vec![7; 50_000_000]).expect("written");
    room.git(&["add", "."]);
    room.git(&["update-index", "--chmod=+x", "infra/same.yaml"]);
    let commit = room.git(&["rev-parse", "HEAD"]);
    room.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},infra/sub")]);
    room.git(&["commit", "--quiet", "-m", "All sorts"]);

    let mirror = room.mirror();
    let head = mirror.fetch().await.expect("fetched");
    let files = files(&mirror, &head.commit, "infra");
    let of = |name: &str| {
        let found = files.iter().find(|file| file.path == format!("infra/{name}"));
        found.unwrap_or_else(|| panic!("{name} is listed"))
    };
    assert_eq!(of("link").mode, Mode::Symlink);
    assert_eq!(of("link").content, Content::Target("../../etc/passwd".into()));
    assert_eq!(of("big.bin").content, Content::TooLarge { size: 50_000_000 });
    assert_eq!((of("sub").mode, &of("sub").content), (Mode::Submodule, &Content::Nothing));
    assert_eq!((of("erp.yaml").mode, of("same.yaml").mode), (Mode::File, Mode::Executable));
    let (Content::Bytes(one), Content::Bytes(other)) = (&of("erp.yaml").content, &of("same.yaml").content) else {
        panic!("both have bytes");
    };
    assert!(std::sync::Arc::ptr_eq(one, other), "equal files share their bytes");
}

#[tokio::test]
async fn too_many_entries_or_bytes_are_an_error_and_not_a_part_of_the_tree() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let commit = mirror.fetch().await.expect("fetched").commit;
    for limits in [Limits { entries: 2, ..Limits::default() }, Limits { total: 10, ..Limits::default() }] {
        let error = mirror.tree(&commit, "", &limits).expect_err("a limit");
        assert!(matches!(error, GitError::TooMuch { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_deleted_branch_an_empty_repository_and_no_repository_are_errors_of_their_own() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let commit = mirror.fetch().await.expect("fetched").commit;

    room.git(&["branch", "--move", "main", "trunk"]);
    let error = mirror.fetch().await.expect_err("no branch");
    let GitError::BranchMissing { existed: true, others, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(others, &["trunk"]);
    assert!(error.to_string().contains("There are: trunk."), "{error}");
    assert_eq!(paths(&mirror, &commit, "").len(), 2, "the last known commit stays");

    std::fs::remove_dir_all(room.repo()).expect("removed");
    let error = mirror.fetch().await.expect_err("nothing there");
    assert!(matches!(error, GitError::NotARepository(_)), "{error}");
    assert_eq!(paths(&mirror, &commit, "").len(), 2, "the last known commit stays");

    std::fs::create_dir(room.repo()).expect("made");
    git(&room.repo(), &["init", "--quiet", "--bare", "."]);
    let error = mirror.fetch().await.expect_err("empty");
    assert!(matches!(error, GitError::EmptyRepository(_)), "{error}");
    assert_eq!(mirror.last(), Some(commit));
}

#[tokio::test]
async fn a_mirror_is_used_by_one_at_a_time() {
    let room = Room::new().await;
    let mirror = room.mirror();
    let second = Mirror::open(&room.mirror_dir(), &room.remote(), options());
    let error = second.map(drop).expect_err("in use");
    assert!(matches!(error, GitError::Busy { .. }), "{error}");
    drop(mirror);
    room.mirror();
}

#[tokio::test]
async fn another_remote_or_branch_gets_another_mirror() {
    let room = Room::new().await;
    room.mirror().fetch().await.expect("fetched");
    let remote = Remote { branch: "trunk".into(), ..room.remote() };
    let mirror = Mirror::open(&room.mirror_dir(), &remote, options()).expect("a mirror");
    assert_eq!(mirror.last(), None);
    let error = mirror.fetch().await.expect_err("no such branch");
    assert!(matches!(error, GitError::BranchMissing { existed: false, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_files_are_read_whole_from_another_task() {
    let room = Room::new().await;
    let repo = room.repo();
    for index in 0..5_000 {
        let dir = repo.join(format!("infra/{}", index % 50));
        std::fs::create_dir_all(&dir).expect("made");
        std::fs::write(dir.join(format!("{index}.yaml")), format!("n: {index}\n")).expect("written");
    }
    room.git(&["add", "."]);
    room.git(&["commit", "--quiet", "-m", "Many"]);
    let mirror = std::sync::Arc::new(room.mirror());
    let theirs = mirror.clone();
    let head = tokio::spawn(async move { theirs.fetch().await }).await.expect("no panic");
    let commit = head.expect("fetched").commit;
    let read = tokio::task::spawn_blocking(move || files(&mirror, &commit, "infra"));
    let read = read.await.expect("no panic");
    assert_eq!(read.len(), 5_001);
    let last = read.iter().find(|file| file.path == "infra/49/4999.yaml").expect("listed");
    assert_eq!(last.content, Content::Bytes(b"n: 4999\n".as_slice().into()));
}

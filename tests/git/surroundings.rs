//! Hostile addresses and environments, silent servers, and what there is to watch.

use std::collections::BTreeMap;

use driftless::ports::git::{Auth, GitError, Mirror, Options, Remote, Watched, commit_in, init_repo};

use super::{Room, ana, git, options};

#[tokio::test]
async fn addresses_and_names_that_are_options_or_programs_never_reach_git() {
    let room = Room::new().await;
    let witness = room.dir.path().join("witness");
    for url in
        [format!("ext::sh -c touch% {}", witness.display()), format!("--upload-pack=touch {}", witness.display())]
    {
        let remote = Remote { url, ..room.remote() };
        let error = Mirror::open(&room.mirror_dir(), &remote, options()).map(drop);
        assert!(matches!(error, Err(GitError::BadAddress { .. })), "{error:?}");
    }
    let remote = Remote { branch: "--all".into(), ..room.remote() };
    let error = Mirror::open(&room.mirror_dir(), &remote, options()).map(drop);
    assert!(matches!(error, Err(GitError::BadName { .. })), "{error:?}");
    assert!(!witness.exists());
}

#[tokio::test]
async fn an_unreachable_remote_and_one_that_never_answers_are_named() {
    let room = Room::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let remote = Remote { url: format!("http://127.0.0.1:{port}/infra.git"), branch: "main".into(), auth: Auth::None };
    let patience = std::time::Duration::from_millis(500);
    let options = Options { patience };
    let mirror = Mirror::open(&room.mirror_dir(), &remote, options).expect("a mirror");
    let error = mirror.fetch().await.expect_err("it never answers");
    assert!(matches!(error, GitError::TimedOut { .. }), "{error}");
    assert!(error.is_transient() && error.is_unclear());
    drop(mirror);
    drop(listener);
    let mirror = Mirror::open(&room.mirror_dir(), &remote, super::options()).expect("a mirror");
    let error = mirror.fetch().await.expect_err("nobody listens");
    assert!(matches!(error, GitError::Unreachable(_)), "{error}");
    assert!(error.to_string().contains("fetching main"), "{error}");
}

#[tokio::test]
async fn init_leaves_what_is_there_alone() {
    let room = Room::new().await;
    let files = BTreeMap::from([("README.md".to_owned(), b"mine".to_vec())]);
    let outcome = init_repo(&room.repo(), &files, "x", "main", None).await;
    assert!(matches!(outcome, Err(GitError::Disk { .. })), "{outcome:?}");
    assert_eq!(room.git(&["show", "HEAD:README.md"]), "hello");
}

#[tokio::test]
async fn a_commit_without_a_change_says_so() {
    let room = Room::new().await;
    let edits = BTreeMap::from([("README.md".to_owned(), Some(b"hello\n".to_vec()))]);
    let error = commit_in(&room.repo(), &edits, "x", &ana()).await.expect_err("no change");
    assert!(error.to_string().contains("nothing to commit"), "{error}");
}

#[tokio::test]
async fn what_is_watched_changes_when_the_branch_moves() {
    let room = Room::new().await;
    room.git(&["worktree", "add", "--quiet", "-b", "side", "../linked"]);
    let linked = room.dir.path().join("linked");
    git(room.dir.path(), &["clone", "--quiet", "--bare", "infra repo", "bare.git"]);
    let bare = room.dir.path().join("bare.git");
    let common = std::fs::canonicalize(room.repo().join(".git")).expect("a path");
    for (path, git_dir) in [(room.repo(), &common), (linked, &common), (bare.clone(), &bare)] {
        let watched = Watched::of(&path, "main").expect("a repository");
        assert_eq!(&watched.git_dir, git_dir);
        assert!(watched.directories.contains(&(git_dir.join("refs/heads"), true)));
        assert!(watched.concerns(&git_dir.join("refs/heads/main")));
        assert!(watched.concerns(&git_dir.join("packed-refs")));
        assert!(!watched.concerns(&git_dir.join("refs/heads/main.lock")));
        assert!(!watched.concerns(&git_dir.join("refs/heads/driftless/reports")));
        assert!(!watched.concerns(&git_dir.join("index")));
    }
    assert_eq!(Watched::of(room.dir.path(), "main"), None);
    std::fs::create_dir(bare.join("reftable")).expect("made");
    let watched = Watched::of(&bare, "main").expect("a repository");
    assert!(watched.directories.contains(&(bare.join("reftable"), true)));
    assert!(watched.concerns(&bare.join("reftable/tables.list")));
    let watched = room.mirror().watch_path().expect("it is local");
    assert_eq!(watched.git_dir, common);
}

#[tokio::test]
async fn object_names_that_cannot_be_read_are_an_error_of_their_own() {
    let room = Room::new().await;
    git(room.dir.path(), &["init", "--quiet", "--object-format=sha256", "-b", "main", "other"]);
    let other = room.dir.path().join("other");
    git(&other, &["commit", "--quiet", "--allow-empty", "-m", "x"]);
    let remote = Remote { url: other.display().to_string(), ..room.remote() };
    let mirror = Mirror::open(&room.mirror_dir(), &remote, options()).expect("a mirror");
    let error = mirror.fetch().await.expect_err("SHA-256");
    assert!(matches!(error, GitError::ObjectFormat(_)), "{error}");
}

/// Runs another test of this file in a process whose surroundings would lead git astray.
#[test]
fn git_variables_and_a_users_own_settings_lead_nowhere_else() {
    let home = tempfile::tempdir().expect("a directory");
    let rewrite = "[url \"/nowhere/\"]\n\tinsteadOf = /\n[core]\n\thooksPath = /nowhere\n";
    std::fs::write(home.path().join(".gitconfig"), rewrite).expect("written");
    let output = std::process::Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "git::local::what_was_seen_last_outlives_the_process"])
        .env("HOME", home.path())
        .env("GIT_DIR", "/nowhere")
        .env("GIT_WORK_TREE", "/nowhere")
        .env("GIT_OBJECT_DIRECTORY", "/nowhere")
        .env("GIT_INDEX_FILE", "/nowhere")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "url./nowhere/.insteadOf")
        .env("GIT_CONFIG_VALUE_0", "/")
        .env("GIT_SSH_COMMAND", "false")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

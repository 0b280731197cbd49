//! The git room against a real git: local paths here, http and ssh in modules of their own.

mod authors;
mod damage;
mod http;
mod local;
mod reports;
mod ssh;
mod surroundings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use driftless::ports::git::{
    Auth, CommitId, Edits, GitError, Limits, Mirror, Options, Person, Pushed, Remote, TreeFile, commit_in, init_repo,
};
use tempfile::TempDir;

/// A repository with one commit, and a place for a mirror of it.
struct Room {
    dir: TempDir,
}

impl Room {
    async fn new() -> Self {
        let room = Self { dir: tempfile::tempdir().expect("a directory") };
        let files = BTreeMap::from([
            ("README.md".to_owned(), b"hello\n".to_vec()),
            ("infra/erp.yaml".to_owned(), b"kind: Droplet\n".to_vec()),
        ]);
        init_repo(&room.repo(), &files, "First", "main", Some(&ana())).await.expect("a repository");
        room
    }

    fn repo(&self) -> PathBuf {
        self.dir.path().join("infra repo")
    }

    fn mirror_dir(&self) -> PathBuf {
        self.dir.path().join("state/mirror")
    }

    fn remote(&self) -> Remote {
        Remote { url: self.repo().display().to_string(), branch: "main".into(), auth: Auth::None }
    }

    fn mirror(&self) -> Mirror {
        Mirror::open(&self.mirror_dir(), &self.remote(), options()).expect("a mirror")
    }

    async fn commit(&self, path: &str, text: &str) -> CommitId {
        let edits = BTreeMap::from([(path.to_owned(), Some(text.as_bytes().to_vec()))]);
        commit_in(&self.repo(), &edits, &format!("Change {path}"), &ana()).await.expect("a commit")
    }

    fn git(&self, args: &[&str]) -> String {
        git(&self.repo(), args)
    }
}

fn ana() -> Person {
    Person::new("Ana", "ana@example.com")
}

fn options() -> Options {
    Options { patience: Duration::from_secs(60) }
}

/// Writes onto a branch as it stands now; none where somebody else was faster.
async fn put(mirror: &Mirror, branch: &str, edits: &Edits, by: &Person) -> Result<Option<Pushed>, GitError> {
    let tip = mirror.read_ref(&format!("refs/heads/{branch}")).await?;
    mirror.commit_and_push_onto(branch, tip.as_ref(), edits, "In sync", by).await
}

/// Runs git as a user would, untouched by this machine's settings.
fn git(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(dir).args(args);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("GIT_AUTHOR_NAME", "Bo").env("GIT_AUTHOR_EMAIL", "bo@example.com");
    command.env("GIT_COMMITTER_NAME", "Bo").env("GIT_COMMITTER_EMAIL", "bo@example.com");
    let output = command.output().expect("git runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn files(mirror: &Mirror, commit: &CommitId, under: &str) -> Vec<TreeFile> {
    mirror.tree(commit, under, &Limits::default()).expect("a tree")
}

fn paths(mirror: &Mirror, commit: &CommitId, under: &str) -> Vec<String> {
    files(mirror, commit, under).into_iter().map(|file| file.path).collect()
}

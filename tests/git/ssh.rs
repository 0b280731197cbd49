//! Fetching and pushing over ssh, to a real sshd on loopback with keys of its own.

use std::collections::BTreeMap;

use driftless::ports::git::{Auth, GitError, Mirror, Moved, Pushed, Remote};

use super::{Room, ana, options, paths, put};
use crate::sshd::{Sshd, user};

/// An sshd whose keys lie in a folder with characters that shells and ssh read as their own.
async fn start() -> Option<Sshd> {
    let sshd = Sshd::start_in("it's 100% keys").await?;
    know(&sshd, "host");
    Some(sshd)
}

/// Writes the known_hosts file: the host with the public key of that name.
fn know(sshd: &Sshd, name: &str) {
    let key = std::fs::read_to_string(sshd.folder.path().join(format!("{name}.pub"))).expect("a key");
    let line = format!("[127.0.0.1]:{} {key}", sshd.port);
    std::fs::write(sshd.folder.path().join("known hosts"), line).expect("written");
}

fn address(sshd: &Sshd, room: &Room, key: &str) -> Remote {
    let (path, keys) = (room.repo().display().to_string().replace(' ', "%20"), sshd.folder.path());
    Remote {
        url: format!("ssh://{}@127.0.0.1:{}{path}", user(), sshd.port),
        branch: "main".into(),
        auth: Auth::SshKey { key: keys.join(key), known_hosts: keys.join("known hosts") },
    }
}

fn open(room: &Room, remote: &Remote) -> Mirror {
    Mirror::open(&room.mirror_dir(), remote, options()).expect("a mirror")
}

#[tokio::test]
async fn a_key_and_a_known_host_fetch_and_push() {
    let room = Room::new().await;
    let Some(sshd) = start().await else {
        return;
    };
    let mirror = open(&room, &address(&sshd, &room, "client"));
    let head = mirror.fetch().await.expect("fetched");
    assert_eq!(head.moved, Moved::First);
    assert_eq!(paths(&mirror, &head.commit, "").len(), 2);
    let files = BTreeMap::from([("STATUS.md".to_owned(), Some(b"well\n".to_vec()))]);
    let pushed = put(&mirror, "driftless/reports", &files, &ana()).await;
    assert!(matches!(pushed.expect("pushed"), Some(Pushed::Commit(_))));
    assert_eq!(room.git(&["show", "driftless/reports:STATUS.md"]), "well");
}

#[tokio::test]
async fn a_host_with_another_key_and_an_unknown_one_are_told_apart_and_refused() {
    let room = Room::new().await;
    let Some(sshd) = start().await else {
        return;
    };
    let mirror = open(&room, &address(&sshd, &room, "client"));
    know(&sshd, "stranger");
    let error = mirror.fetch().await.expect_err("another key");
    assert!(matches!(error, GitError::HostKeyChanged(_)), "{error}");
    assert!(error.hint().contains("in between"), "{error}");
    std::fs::write(sshd.folder.path().join("known hosts"), "").expect("written");
    let error = mirror.fetch().await.expect_err("an unknown key");
    assert!(matches!(error, GitError::HostKeyUnknown(_)), "{error}");
    know(&sshd, "host");
    mirror.fetch().await.expect("known again");
}

#[tokio::test]
async fn a_key_that_the_host_does_not_take_is_refused_credentials() {
    let room = Room::new().await;
    let Some(sshd) = start().await else {
        return;
    };
    let error = open(&room, &address(&sshd, &room, "stranger")).fetch().await.expect_err("refused");
    assert!(matches!(error, GitError::AuthRefused(_)), "{error}");
    let missing = address(&sshd, &room, "nowhere");
    let error = Mirror::open(&room.mirror_dir(), &missing, options()).map(drop);
    assert!(matches!(error, Err(GitError::BadCredential { .. })), "{error:?}");
}

#[tokio::test]
async fn a_host_that_is_away_is_unreachable_and_a_missing_path_no_repository() {
    let room = Room::new().await;
    let Some(sshd) = start().await else {
        return;
    };
    let mut remote = address(&sshd, &room, "client");
    remote.url.push_str("-not");
    let error = open(&room, &remote).fetch().await.expect_err("no such path");
    assert!(matches!(error, GitError::NotARepository(_)), "{error}");
    let remote = address(&sshd, &room, "client");
    let mirror = open(&room, &remote);
    drop(sshd);
    // The listener goes with the process; until then it may still answer.
    let error = loop {
        match mirror.fetch().await {
            Err(error) => break error,
            Ok(_) => tokio::task::yield_now().await,
        }
    };
    assert!(matches!(error, GitError::Unreachable(_)), "{error}");
}

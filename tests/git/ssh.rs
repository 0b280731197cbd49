//! Fetching and pushing over ssh, to a real sshd on loopback with keys of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use driftless::ports::git::{Auth, GitError, Mirror, Moved, Pushed, Remote};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use super::{Room, ana, options, paths, put};

const SSHD: &str = "/usr/sbin/sshd";

/// An sshd that lets one key in, and ends with the test.
struct Sshd {
    port: u16,
    keys: PathBuf,
    _process: Child,
}

impl Sshd {
    /// Starts one, or says plainly what this machine lacks for it; in CI that is a failure.
    async fn start(room: &Room) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            let lack = "not tested: ssh. There is no /usr/sbin/sshd (Debian: openssh-server)";
            assert!(std::env::var_os("CI").is_none(), "{lack}");
            use std::io::Write;
            writeln!(std::io::stderr(), "{lack}").expect("stderr");
            return None;
        }
        // Characters that shells and ssh read as their own.
        let keys = room.dir.path().join("it's 100% keys");
        std::fs::create_dir_all(&keys).expect("a folder");
        for name in ["host", "client", "stranger"] {
            keygen(&keys.join(name));
        }
        for _ in 0..5 {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = listener.local_addr().expect("an address").port();
            drop(listener);
            if let Some(process) = spawn(&keys, port).await {
                let sshd = Self { port, keys, _process: process };
                sshd.know("host");
                return Some(sshd);
            }
        }
        panic!("sshd does not listen");
    }

    /// Writes the known_hosts file: the host with the public key of that name.
    fn know(&self, name: &str) {
        let key = std::fs::read_to_string(self.keys.join(format!("{name}.pub"))).expect("a key");
        let line = format!("[127.0.0.1]:{} {key}", self.port);
        std::fs::write(self.keys.join("known hosts"), line).expect("written");
    }

    fn remote(&self, room: &Room, key: &str) -> Remote {
        let path = room.repo().display().to_string().replace(' ', "%20");
        Remote {
            url: format!("ssh://{}@127.0.0.1:{}{path}", user(), self.port),
            branch: "main".into(),
            auth: Auth::SshKey { key: self.keys.join(key), known_hosts: self.keys.join("known hosts") },
        }
    }
}

fn keygen(path: &Path) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(path);
    assert!(command.status().expect("ssh-keygen runs").success());
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Starts sshd and waits until it listens; `None` where another took the port.
async fn spawn(keys: &Path, port: u16) -> Option<Child> {
    let quoted = |name: &str| format!("\"{}\"", keys.join(name).display()).replace('%', "%%");
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey \"{}\"\nAuthorizedKeysFile {}\n\
         StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\n",
        keys.join("host").display(),
        quoted("client.pub"),
    );
    let file = keys.join("sshd_config");
    std::fs::write(&file, config).expect("written");
    // Where root starts it, sshd wants this folder; elsewhere it needs none.
    let _ = std::fs::create_dir_all("/run/sshd");
    let mut process = tokio::process::Command::new(SSHD)
        .args(["-D", "-e", "-f"])
        .arg(&file)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("sshd starts");
    let mut lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
    let mut said = Vec::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.contains("Server listening") {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some(process);
        }
        said.push(line);
    }
    assert!(said.iter().any(|line| line.contains("in use")), "sshd: {said:?}");
    None
}

fn open(room: &Room, remote: &Remote) -> Mirror {
    Mirror::open(&room.mirror_dir(), remote, options()).expect("a mirror")
}

#[tokio::test]
async fn a_key_and_a_known_host_fetch_and_push() {
    let room = Room::new().await;
    let Some(sshd) = Sshd::start(&room).await else {
        return;
    };
    let mirror = open(&room, &sshd.remote(&room, "client"));
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
    let Some(sshd) = Sshd::start(&room).await else {
        return;
    };
    let mirror = open(&room, &sshd.remote(&room, "client"));
    sshd.know("stranger");
    let error = mirror.fetch().await.expect_err("another key");
    assert!(matches!(error, GitError::HostKeyChanged(_)), "{error}");
    assert!(error.hint().contains("in between"), "{error}");
    std::fs::write(sshd.keys.join("known hosts"), "").expect("written");
    let error = mirror.fetch().await.expect_err("an unknown key");
    assert!(matches!(error, GitError::HostKeyUnknown(_)), "{error}");
    sshd.know("host");
    mirror.fetch().await.expect("known again");
}

#[tokio::test]
async fn a_key_that_the_host_does_not_take_is_refused_credentials() {
    let room = Room::new().await;
    let Some(sshd) = Sshd::start(&room).await else {
        return;
    };
    let error = open(&room, &sshd.remote(&room, "stranger")).fetch().await.expect_err("refused");
    assert!(matches!(error, GitError::AuthRefused(_)), "{error}");
    let missing = sshd.remote(&room, "nowhere");
    let error = Mirror::open(&room.mirror_dir(), &missing, options()).map(drop);
    assert!(matches!(error, Err(GitError::BadCredential { .. })), "{error:?}");
}

#[tokio::test]
async fn a_host_that_is_away_is_unreachable_and_a_missing_path_no_repository() {
    let room = Room::new().await;
    let Some(sshd) = Sshd::start(&room).await else {
        return;
    };
    let mut remote = sshd.remote(&room, "client");
    remote.url.push_str("-not");
    let error = open(&room, &remote).fetch().await.expect_err("no such path");
    assert!(matches!(error, GitError::NotARepository(_)), "{error}");
    let remote = sshd.remote(&room, "client");
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

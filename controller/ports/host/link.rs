//! One connection to one host, kept open: a master `ssh` of our own, over which commands go without another handshake.
//! Owns how ssh is started and what its words mean; must not know what is done over it.
//!
//! Guarantees: only the one key that the target names is accepted; nothing is ever asked; nothing secret stands in an
//! argument. The private key is a file (0600) in this process's own folder while ssh logs in, and then it is removed.
//! What happens if interrupted: the master holds a session whose far end waits for our side to close; when this process
//! dies in any way, that ends, and the master with it.

use super::error::HostError;
use super::room;
use super::run::keep;
use super::target::Ssh;
use crate::ports::reach::Reach;
use crate::ports::secrets::Secrets;
use openssh::Session;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio_util::sync::{CancellationToken, DropGuard};

/// What the far end says once it is there; a login's own greetings may come before it.
const HELLO: &str = "driftless-is-here";
/// Greetings longer than this are no greetings.
const LONGEST_GREETING: u64 = 256 * 1024;
/// How long ssh may take to connect; the whole handshake is bounded by the caller.
const CONNECT: Duration = Duration::from_secs(10);
/// So much of what ssh says is kept.
const KEPT: usize = 16 * 1024;

/// What ssh may know of our environment.
const INHERITED: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "LD_LIBRARY_PATH"];

/// A connection. It ends when this is dropped.
pub(super) struct Link {
    pub(super) session: Arc<Session>,
    /// What DOCKER_HOST is there; empty where it is not set.
    pub(super) docker: String,
    /// A folder (0700) for sockets.
    pub(super) folder: TempDir,
    /// Sockets of the host that are here, by their paths there.
    pub(super) forwards: tokio::sync::Mutex<BTreeMap<String, PathBuf>>,
    alive: Arc<AtomicBool>,
    _end: DropGuard,
}

impl Link {
    /// Says whether the master still runs; a connection that hangs is ended by ssh itself after 15 s.
    pub(super) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::SeqCst)
    }

    /// Connects. The caller bounds the time; given up, nothing of it is left.
    pub(super) async fn open(ssh: &Ssh, secrets: &Secrets, reach: &Reach, base: &Path) -> Result<Self, HostError> {
        let folder = tempfile::Builder::new().prefix("h").rand_bytes(4).tempdir_in(base).map_err(here)?;
        let keys = prepare(ssh, secrets, reach, folder.path())?;
        let control = folder.path().join("ctl");
        let mut command = program(&folder.path().join("config"));
        command.arg("-M").arg("-S").arg(&control).args(["--", &alias(ssh)]);
        command.arg(format!("printf '\\n%s %s\\n' {HELLO} \"$DOCKER_HOST\"; exec cat >/dev/null"));
        let mut child = command.spawn().map_err(no_program)?;
        let listening = tokio::spawn(keep(child.stderr.take(), KEPT));
        let docker = greeted(child.stdout.as_mut()).await;
        // ssh has read them, or never will.
        for key in keys {
            let _ = std::fs::remove_file(key);
        }
        let Some(docker) = docker else {
            // What it said last may still be in the pipe.
            let said = tokio::time::timeout(Duration::from_secs(2), listening).await;
            let said = said.ok().and_then(Result::ok).unwrap_or_default().0;
            return Err(meaning(ssh, &String::from_utf8_lossy(&said)));
        };
        let (alive, end) = (Arc::new(AtomicBool::new(true)), CancellationToken::new());
        tokio::spawn(watch(child, alive.clone(), end.clone()));
        let session = Arc::new(Session::resume_mux(control.into_boxed_path(), None));
        Ok(Self { session, folder, docker, forwards: Default::default(), alive, _end: end.drop_guard() })
    }
}

/// Keeps a master until it ends or is to end.
async fn watch(mut child: Child, alive: Arc<AtomicBool>, end: CancellationToken) {
    // The far end waits for this to close; waiting for the child would close it.
    let _held = child.stdin.take();
    tokio::spawn(keep(child.stdout.take(), 0));
    tokio::select! {
        _ = child.wait() => {}
        () = end.cancelled() => {}
    }
    alive.store(false, Ordering::SeqCst);
    // Killed where it still runs, and reaped.
    let _ = child.kill().await;
}

/// Waits until the far end says that it is there, and where Docker is for it; none where it ended without.
async fn greeted(out: Option<&mut ChildStdout>) -> Option<String> {
    let out = out?;
    let mut lines = BufReader::new(out.take(LONGEST_GREETING));
    let mut line = Vec::new();
    loop {
        line.clear();
        match lines.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return None,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                if let Some(docker) = text.trim().strip_prefix(HELLO) {
                    return Some(docker.trim().to_owned());
                }
            }
        }
    }
}

/// ssh with a file of settings, in an environment of its own.
pub(super) fn program(config: &Path) -> Command {
    let mut command = Command::new("ssh");
    command.env_clear();
    command.envs(INHERITED.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))));
    command.env("LC_ALL", "C");
    command.arg("-F").arg(config).arg("-T");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own: Ctrl-C is ours to handle.
    command.process_group(0).kill_on_drop(true);
    command
}

/// Writes what ssh reads: settings, known keys, private keys; gives the files of the private keys.
fn prepare(ssh: &Ssh, secrets: &Secrets, reach: &Reach, folder: &Path) -> Result<Vec<PathBuf>, HostError> {
    let (mut config, keys) = way(ssh, secrets, reach, folder)?;
    config.push_str(ALWAYS);
    room::write(&folder.join("config"), config.as_bytes()).map_err(here)?;
    Ok(keys)
}

/// The settings of a host and of those that it is reached through; writes their keys, and gives the files of the private ones.
pub(super) fn way(
    ssh: &Ssh,
    secrets: &Secrets,
    reach: &Reach,
    folder: &Path,
) -> Result<(String, Vec<PathBuf>), HostError> {
    let (mut config, mut known, mut keys) = (String::new(), String::new(), Vec::new());
    let mut next = Some(ssh);
    while let Some(hop) = next {
        let key = match &hop.identity {
            Some(name) => {
                let path = folder.join(format!("key{}", keys.len()));
                write_key(&path, &secret(secrets, name)?)?;
                keys.push(path.clone());
                Some(path)
            }
            None => None,
        };
        config.push_str(&stanza(hop, reach, folder, key.as_deref()));
        known.push_str(&format!("{} {}\n", alias(hop), hop.key));
        next = hop.jump.as_deref();
    }
    room::write(&folder.join("known"), known.as_bytes()).map_err(here)?;
    Ok((config, keys))
}

/// Holds for every host. Without ControlPersist the master ends with its last session, and so with this process.
pub(super) const ALWAYS: &str = "Host *
  BatchMode yes
  StrictHostKeyChecking yes
  GlobalKnownHostsFile /dev/null
  UpdateHostKeys no
  CheckHostIP no
  VerifyHostKeyDNS no
  PasswordAuthentication no
  KbdInteractiveAuthentication no
  HostbasedAuthentication no
  ForwardAgent no
  ForwardX11 no
  PermitLocalCommand no
  ControlPersist no
  ServerAliveInterval 5
  ServerAliveCountMax 3
  StreamLocalBindUnlink yes
  LogLevel INFO
";

fn stanza(hop: &Ssh, reach: &Reach, folder: &Path, key: Option<&Path>) -> String {
    let (address, port) = place(&hop.address, hop.port, reach);
    let mut text = format!(
        "Host {alias}\n  HostName {address}\n  Port {port}\n  User {user}\n  HostKeyAlias {alias}\n  ConnectTimeout {}\n  \
         HostKeyAlgorithms {}\n  UserKnownHostsFile {}\n",
        CONNECT.as_secs(),
        hop.key.algorithms(),
        quoted(&folder.join("known")),
        alias = alias(hop),
        user = hop.user,
    );
    if let Some(key) = key {
        text.push_str(&format!("  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n", quoted(key)));
    }
    if let Some(jump) = &hop.jump {
        text.push_str(&format!("  ProxyJump {}\n", alias(jump)));
    }
    text
}

/// Where a host is: for rehearsals, addresses are elsewhere.
pub(super) fn place(address: &str, port: u16, reach: &Reach) -> (String, u16) {
    match reach.mapped(address) {
        Some(to) => (to.ip().to_string(), to.port()),
        None => (address.to_owned(), port),
    }
}

/// What ssh calls a host: its document's name, which has no sign that ssh reads otherwise.
pub(super) fn alias(hop: &Ssh) -> String {
    format!("driftless-{}", hop.name)
}

/// ssh expands % in paths, and splits at spaces unless quoted.
pub(super) fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('%', "%%"))
}

fn secret(secrets: &Secrets, name: &str) -> Result<SecretString, HostError> {
    secrets.get(name).map_err(|error| HostError::Here {
        what: error.to_string(),
        hint: "Put the private key there, without a passphrase, readable by the controller alone.".to_owned(),
    })
}

/// ssh refuses a key whose last line has no end.
fn write_key(path: &Path, key: &SecretString) -> Result<(), HostError> {
    let text = SecretString::from(format!("{}\n", key.expose_secret().trim_end()));
    room::write(path, text.expose_secret().as_bytes()).map_err(here)
}

pub(super) fn here(error: std::io::Error) -> HostError {
    HostError::Here {
        what: format!("what ssh needs could not be written on the controller's machine: {error}"),
        hint: "See whether its disk is full, and whether it has a folder for temporary files.".to_owned(),
    }
}

pub(super) fn no_program(error: std::io::Error) -> HostError {
    HostError::Here {
        what: format!("ssh could not be started on the controller's machine: {error}"),
        hint: "Install it (Debian: openssh-client).".to_owned(),
    }
}

/// What ssh's last words mean. They are those of OpenSSH since 7.4, in its one language.
fn meaning(ssh: &Ssh, said: &str) -> HostError {
    let host = ssh.name.clone();
    let lines: Vec<String> = said.lines().map(plain).filter(|line| !line.is_empty()).collect();
    let has = |words: &str| lines.iter().any(|line| line.contains(words));
    let fingerprint = || said.split_whitespace().find(|word| word.starts_with("SHA256:"));
    let last = last_line(said);
    let changed = |offered: String| HostError::KeyChanged { host: host.clone(), known: ssh.key.fingerprint(), offered };
    if has("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        let offered = fingerprint().map(|print| print.trim_end_matches('.').to_owned());
        return changed(offered.unwrap_or_else(|| "another one".to_owned()));
    }
    if has("no matching host key type") {
        return changed(format!("no key of the type {}", ssh.key.kind()));
    }
    if has("Host key verification failed") {
        // Its key is known, so that this is another host on the way: one that it is reached through.
        return changed("another one".to_owned());
    }
    if has("Permission denied") || has("Too many authentication failures") || has("error in libcrypto") {
        let load = lines.iter().find(|line| line.starts_with("Load key")).cloned();
        return HostError::Refused { host, user: ssh.user.clone(), said: load.unwrap_or(last) };
    }
    HostError::Unreachable { host, at: format!("{} port {}", ssh.address, ssh.port), why: last }
}

/// The last thing that ssh said.
pub(super) fn last_line(said: &str) -> String {
    let last = said.lines().map(plain).rfind(|line| !line.is_empty());
    last.unwrap_or_else(|| "ssh ended without a word".to_owned())
}

/// A line without control characters, and without what only this process knows.
fn plain(line: &str) -> String {
    let line: String = line.chars().filter(|c| !c.is_control()).take(300).collect();
    line.trim().trim_start_matches("ssh: ").to_owned()
}

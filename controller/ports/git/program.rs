//! Runs the `git` program with the right environment and credentials.
//!
//! Nothing secret goes into an argument or an address, and nothing of our own environment
//! reaches git unless it is listed here. Must not know what the calls are for.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::error::{Attempt, GitError};
use super::process::{Group, end, finish};
use super::remote::{Auth, Checked, Way, without_credentials};
use super::sayings::classify;

/// What git may know of our environment. No GIT_* is among it: several of those redirect it.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NIX_SSL_CERT_FILE",
];
const PROXIES: &[&str] =
    &["http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/// Settings that hold for every call. Above them only /etc/gitconfig is read (an
/// administrator's proxies, certificates and safe.directory), never a user's own file.
const SETTINGS: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.askPass", ""),
    ("core.fsmonitor", "false"),
    ("credential.helper", ""),
    ("commit.gpgSign", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("http.followRedirects", "initial"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "30"),
    ("http.sslVerify", "true"),
    ("protocol.version", "2"),
    ("push.followTags", "false"),
    ("push.gpgSign", "false"),
    ("push.recurseSubmodules", "no"),
];

/// Answers git's question for credentials from the environment, and keeps none.
const CREDENTIAL_HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \
     \"$DRIFTLESS_GIT_USERNAME\" \"$DRIFTLESS_GIT_TOKEN\"; }; f";

/// A way to call git with one remote's credentials.
pub(super) struct Program {
    environment: Vec<(OsString, OsString)>,
    settings: Vec<(String, String)>,
    secrets: Vec<SecretString>,
    remote: String,
    patience: Duration,
}

/// What a call of git came back with.
pub(super) struct Answer {
    pub(super) ok: bool,
    pub(super) stdout: String,
    pub(super) attempt: Attempt,
}

impl Answer {
    /// Turns a failed call into the error that its words mean.
    pub(super) fn checked(self) -> Result<String, GitError> {
        if self.ok { Ok(self.stdout) } else { Err(classify(self.attempt)) }
    }
}

impl Program {
    /// Prepares calls that stay on this machine; `place` is what messages name.
    pub(super) fn offline(place: &str, patience: Duration) -> Self {
        let mut program = Self::bare(place, patience);
        program.set("GIT_ALLOW_PROTOCOL", "none");
        program
    }

    /// Prepares calls between repositories of this machine.
    pub(super) fn local(place: &str, patience: Duration) -> Self {
        let mut program = Self::bare(place, patience);
        program.set("GIT_ALLOW_PROTOCOL", "file");
        program
    }

    /// Prepares calls to one remote, reading its token anew.
    pub(super) fn online(remote: &Checked, patience: Duration) -> Result<Self, GitError> {
        let mut program = Self::bare(&without_credentials(&remote.address), patience);
        match &remote.way {
            Way::Local(_) => program.set("GIT_ALLOW_PROTOCOL", "file"),
            Way::Ssh => {
                program.set("GIT_ALLOW_PROTOCOL", "ssh");
                program.set("GIT_SSH_VARIANT", "ssh");
                program.set("GIT_SSH_COMMAND", ssh_command(&remote.auth));
            }
            Way::Http { scheme, origin } => {
                program.set("GIT_ALLOW_PROTOCOL", scheme);
                // Plain http is for loopback only and must not leave it through a proxy.
                if scheme == "https" {
                    program.inherit(PROXIES);
                }
                program.authenticate(origin, &remote.auth)?;
            }
        }
        Ok(program)
    }

    fn bare(place: &str, patience: Duration) -> Self {
        let mut program = Self {
            environment: Vec::new(),
            settings: SETTINGS.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            secrets: Vec::new(),
            remote: place.into(),
            patience,
        };
        program.inherit(INHERITED);
        program.set("LC_ALL", "C");
        program.set("GIT_TERMINAL_PROMPT", "0");
        program.set("GIT_CONFIG_GLOBAL", "/dev/null");
        program
    }

    fn inherit(&mut self, names: &[&str]) {
        let found = names.iter().filter_map(|n| Some((OsString::from(n), std::env::var_os(n)?)));
        self.environment.extend(found);
    }

    fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.push((name.into(), value.into()));
    }

    fn authenticate(&mut self, origin: &str, auth: &Auth) -> Result<(), GitError> {
        let Auth::Token { username, token } = auth else {
            return Ok(());
        };
        if username.is_empty() || username.chars().any(char::is_control) {
            return Err(GitError::BadName {
                what: "the user name for the token",
                name: username.clone(),
                why: "it is empty or has control characters".into(),
            });
        }
        let token = token.read()?;
        self.set("DRIFTLESS_GIT_USERNAME", username);
        self.set("DRIFTLESS_GIT_TOKEN", token.expose_secret());
        self.secrets.push(token);
        // Bound to the origin, so that a redirect elsewhere gets nothing.
        let mut setting = |name: &str, value: &str| self.settings.push((name.into(), value.into()));
        setting(&format!("credential.{origin}.helper"), CREDENTIAL_HELPER);
        setting("credential.useHttpPath", "false");
        // Spares the unauthenticated round trip from git 2.46 on; older ones pass it over.
        setting("http.proactiveAuth", "basic");
        Ok(())
    }

    /// Tells whether an http server answers in git's own protocol: its packets are traced.
    pub(super) async fn speaks_git(&self, dir: &Path, address: &str) -> Result<bool, GitError> {
        let args = ["ls-remote", "--quiet", "--", address, "HEAD"];
        let mut command = self.command(dir, &args);
        command.env("GIT_TRACE_PACKET", "1");
        let answer = self.wait(command, dir, "listing refs").await?;
        let printed = answer.attempt.printed.clone();
        answer.checked()?;
        Ok(printed.contains(" packet: "))
    }

    /// Runs git in a directory and waits for its end; an exit code is no error here.
    pub(super) async fn run(&self, dir: &Path, doing: &str, args: &[&str]) -> Result<Answer, GitError> {
        require_a_usable_git().await?;
        self.wait(self.command(dir, args), dir, doing).await
    }

    async fn wait(&self, mut command: Command, dir: &Path, doing: &str) -> Result<Answer, GitError> {
        let attempt = |printed: String| Attempt { doing: doing.into(), remote: self.remote.clone(), printed };
        // Starting fails the same way where the directory is gone: told apart here.
        fs::metadata(dir).map_err(GitError::disk("entering", dir))?;
        let mut child = command.spawn().map_err(GitError::ProgramMissing)?;
        let group = Group::of(&child);
        let mut stderr = Vec::new();
        let ended = timeout(self.patience, finish(&mut child, &mut stderr)).await;
        match ended {
            Ok(Ok((ok, stdout))) => {
                group.disarm();
                Ok(Answer {
                    ok,
                    stdout: String::from_utf8_lossy(&stdout).into_owned(),
                    attempt: attempt(self.presentable(&stderr)),
                })
            }
            Ok(Err(source)) => Err(GitError::Disk { doing: "waiting for git in", path: dir.into(), source }),
            Err(_) => {
                end(group, &mut child).await;
                Err(GitError::TimedOut { attempt: attempt(self.presentable(&stderr)), after: self.patience })
            }
        }
    }

    fn command(&self, dir: &Path, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.current_dir(dir).args(args);
        command.env_clear();
        command.envs(self.environment.iter().map(|(k, v)| (k, v)));
        command.env("GIT_CONFIG_COUNT", self.settings.len().to_string());
        for (index, (name, value)) in self.settings.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{index}"), name);
            command.env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: Ctrl-C is ours to handle, and its end takes ssh along.
        command.process_group(0);
        command
    }

    fn presentable(&self, stderr: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(stderr).into_owned();
        for secret in &self.secrets {
            let secret = secret.expose_secret();
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            text = text.replace(secret, "***").replace(&encoded, "***");
        }
        telling_lines(&text)
    }
}

/// Lines that git and ssh add to everything, and that tell nobody anything.
const NOISE: &[&str] = &[
    "fatal: could not read from remote repository.",
    "please make sure you have the correct access rights",
    "and the repository exists.",
    "warning: permanently added",
    "hint:",
    // Its advice is to write into the user's own settings, which are not read here.
    "to add an exception for this directory",
    "git config --global",
    "@@@@",
];

/// Keeps the last lines that say something, without control characters.
fn telling_lines(text: &str) -> String {
    let printable = |line: &str| -> String { line.chars().filter(|c| !c.is_control()).take(400).collect() };
    let mut lines: Vec<String> = text
        .split(['\n', '\r'])
        .map(|line| printable(line).trim().to_owned())
        .filter(|line| !line.is_empty())
        .filter(|line| !NOISE.iter().any(|noise| line.to_lowercase().starts_with(noise)))
        .collect();
    lines.dedup();
    let first = lines.len().saturating_sub(20);
    lines.split_off(first).join("\n")
}

/// Spells the ssh command: host keys are always checked, nothing is ever asked.
fn ssh_command(auth: &Auth) -> String {
    let mut command = String::from(
        "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ControlPath=none \
         -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=3",
    );
    if let Auth::SshKey { key, known_hosts } = auth {
        command.push_str(" -o GlobalKnownHostsFile=/dev/null -o UpdateHostKeys=no");
        command.push_str(" -o IdentitiesOnly=yes");
        for (option, path) in [("UserKnownHostsFile", known_hosts), ("IdentityFile", key)] {
            // ssh expands % here, and splits at spaces unless quoted. (`-i` looks for the
            // file before it expands, so a % in a path cannot be written there.)
            let path = path.to_string_lossy().replace('%', "%%");
            command.push_str(" -o ");
            command.push_str(&shell_word(&format!("{option}=\"{path}\"")));
        }
    }
    command
}

fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Checks once in a process's life that git is there and takes settings from the environment.
pub(super) async fn require_a_usable_git() -> Result<(), GitError> {
    static USABLE: OnceCell<()> = OnceCell::const_new();
    USABLE
        .get_or_try_init(|| async {
            let output = Command::new("git").arg("--version").stdin(Stdio::null()).output();
            let output = output.await.map_err(GitError::ProgramMissing)?;
            let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            match version_of(&found) {
                Some(version) if version >= (2, 31) => Ok(()),
                _ => Err(GitError::ProgramTooOld { found }),
            }
        })
        .await
        .copied()
}

fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("git version ")?.split(['.', ' ']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn versions_are_read_from_all_that_git_calls_itself() {
        assert_eq!(version_of("git version 2.47.3"), Some((2, 47)));
        assert_eq!(version_of("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(version_of("git version 2.31.GIT"), Some((2, 31)));
        assert_eq!(version_of("something else"), None);
    }

    #[test]
    fn paths_with_spaces_quotes_and_percents_reach_ssh_whole() {
        let auth = Auth::SshKey { key: PathBuf::from("/a b/it's 100%"), known_hosts: PathBuf::from("/k h") };
        let command = ssh_command(&auth);
        let end = r#"-o 'UserKnownHostsFile="/k h"' -o 'IdentityFile="/a b/it'\''s 100%%"'"#;
        assert!(command.ends_with(end), "{command}");
    }

    #[test]
    fn what_is_shown_of_git_has_no_secrets_escapes_or_noise() {
        let mut program = Program::offline("x", Duration::from_secs(1));
        program.secrets.push(SecretString::from("p/ss"));
        let shown = program.presentable(
            b"remote: \x1b[31mno p/ss p%2Fss\x1b[0m\r\nhint: try\nfatal: Could not read from remote repository.\n\nend",
        );
        assert_eq!(shown, "remote: [31mno *** ***[0m\nend");
    }

    #[tokio::test]
    async fn a_call_that_hangs_is_ended_with_all_that_it_started() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut program = Program::offline("x", Duration::from_secs(3));
        program.settings.push(("alias.hang".into(), "!echo told >&2; sleep 600".into()));
        let began = std::time::Instant::now();
        let ended = program.run(dir.path(), "hanging", &["hang"]).await;
        let Err(GitError::TimedOut { attempt, .. }) = ended.map(|_| ()) else {
            panic!("it ended in time");
        };
        assert!(attempt.printed.contains("told"), "{attempt}");
        assert!(began.elapsed() < Duration::from_secs(60));
    }

    #[tokio::test]
    async fn a_call_that_nobody_waits_for_any_more_leaves_no_process() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut program = Program::offline("x", Duration::from_secs(600));
        let script = "!echo $$ > draft; mv draft pid; sleep 600";
        program.settings.push(("alias.hang".into(), script.into()));
        let file = dir.path().join("pid");
        let started = async {
            while !file.exists() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = program.run(dir.path(), "hanging", &["hang"]) => panic!("it ended"),
            () = started => {}
        }
        let pid = std::fs::read_to_string(&file).expect("a number");
        let stat = format!("/proc/{}/stat", pid.trim());
        // Gone, or a zombie where nobody collects orphans.
        while std::fs::read_to_string(&stat).is_ok_and(|text| !text.contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    }
}

//! A real sshd on loopback, with keys of its own, that lets the user of the test in and ends with it. Knows nothing of
//! what is tested over it.

use driftless::model::HostKey;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

const SSHD: &str = "/usr/sbin/sshd";

/// An sshd. `host` is its key, `client` the one that it lets in, `stranger` neither.
pub struct Sshd {
    pub port: u16,
    pub folder: TempDir,
    process: Option<Child>,
    behind: Vec<String>,
}

impl Sshd {
    /// Starts one, or says plainly what this machine lacks for it; in CI that is a failure.
    pub async fn start() -> Option<Self> {
        Self::begin(Vec::new(), "sshd").await
    }

    /// The same, started by a program that becomes it: in a world of its own.
    pub async fn start_behind(behind: Vec<String>) -> Option<Self> {
        Self::begin(behind, "sshd").await
    }

    /// The same, with its keys in a folder whose name begins so.
    pub async fn start_in(prefix: &str) -> Option<Self> {
        Self::begin(Vec::new(), prefix).await
    }

    async fn begin(behind: Vec<String>, prefix: &str) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            let lack = "not tested: ssh. There is no /usr/sbin/sshd (Debian: openssh-server)";
            assert!(std::env::var_os("CI").is_none(), "{lack}");
            use std::io::Write;
            writeln!(std::io::stderr(), "{lack}").expect("stderr");
            return None;
        }
        let folder = tempfile::Builder::new().prefix(prefix).tempdir().expect("a folder");
        for name in ["host", "client", "stranger"] {
            keygen(&folder.path().join(name));
        }
        let mut sshd = Self { port: 0, folder, process: None, behind };
        for _ in 0..5 {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            sshd.port = listener.local_addr().expect("an address").port();
            drop(listener);
            if sshd.restart("host").await {
                return Some(sshd);
            }
        }
        panic!("sshd does not listen");
    }

    /// Ends it, connections and all, and starts it at the same port with the host key of this name; false where another
    /// took the port.
    pub async fn restart(&mut self, key: &str) -> bool {
        self.stop().await;
        self.process = spawn(&self.behind, self.folder.path(), self.port, key).await;
        self.process.is_some()
    }

    /// Ends it, with every connection that it has.
    pub async fn stop(&mut self) {
        self.cut();
        if let Some(mut process) = self.process.take() {
            process.kill().await.expect("it ends");
        }
    }

    /// Ends its connections, and goes on listening.
    pub fn cut(&self) {
        let Some(pid) = self.process.as_ref().and_then(Child::id) else { return };
        for child in children(pid) {
            let _ = Command::new("kill").args(["-KILL", &child.to_string()]).stderr(Stdio::null()).status();
        }
    }

    /// How many connections it has.
    pub fn connections(&self) -> usize {
        self.process.as_ref().and_then(Child::id).map_or(0, |pid| children(pid).len())
    }

    pub fn host_key(&self, name: &str) -> HostKey {
        std::fs::read_to_string(self.folder.path().join(format!("{name}.pub"))).expect("a key").parse().expect("a key")
    }

    pub fn private_key(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("a key")
    }

    /// A folder of secrets with the private key `client` as `ssh.ops` and the other as `ssh.stranger`.
    pub fn secrets(&self) -> PathBuf {
        let folder = self.folder.path().join("secrets");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("ssh.ops"), self.private_key("client")).expect("written");
        std::fs::write(folder.join("ssh.stranger"), self.private_key("stranger")).expect("written");
        folder
    }
}

/// The user that tests run as: the one that is let in.
pub fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The processes that a process has started, and those of these.
fn children(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse::<u32>().ok());
        if parent == Some(pid) {
            found.push(child);
        }
    }
    found
}

/// Makes a pair of keys: a file with the private one, and beside it `.pub`.
pub fn keygen(path: &Path) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(path);
    assert!(command.status().expect("ssh-keygen runs").success());
}

/// Starts sshd and waits until it listens; `None` where another took the port.
async fn spawn(behind: &[String], keys: &Path, port: u16, key: &str) -> Option<Child> {
    // In the name of the file with the keys, a percent sign begins what sshd fills in.
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey \"{}\"\nAuthorizedKeysFile \"{}\"\n\
         StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nPrintMotd no\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nInclude \"{}\"\n",
        keys.join(key).display(),
        keys.join("client.pub").display().to_string().replace('%', "%%"),
        keys.join("*.conf").display(),
    );
    let file = keys.join("sshd_config");
    std::fs::write(&file, config).expect("written");
    // Where root starts it, sshd wants this folder; elsewhere it needs none.
    let _ = std::fs::create_dir_all("/run/sshd");
    let words: Vec<&str> = behind.iter().map(String::as_str).chain([SSHD]).collect();
    let mut process = tokio::process::Command::new(words[0])
        .args(&words[1..])
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

//! A machine with an nginx of its own: an sshd that sees its own /etc/nginx, /etc/letsencrypt, /run and /var, on loopback.

use crate::house::{ENFORCE, House};
use crate::sshd::{Sshd, user};
use driftless::engine::snapshot::Snapshot;
use driftless::model::Attempt;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const OWN: &str = r#"set -e; root=$1; shift
for one in var run etc/nginx etc/letsencrypt; do mount --bind "$root/$one" "/$one"; done
exec "$@""#;

const CONF: &str = "user www-data;\nworker_processes 1;\npid /run/nginx.pid;\nerror_log /var/log/nginx/error.log;\n\
    events { worker_connections 64; }\nhttp {\n  access_log off;\n  server_names_hash_bucket_size 128;\n  \
    include /etc/nginx/conf.d/*.conf;\n  include /etc/nginx/sites-enabled/*;\n}\n";

/// The machine, its way in, and two ports for its sites.
pub struct Machine {
    pub sshd: Sshd,
    pub http: u16,
    pub https: u16,
    root: TempDir,
}

impl Machine {
    /// Starts one, or says plainly what this machine lacks for it; in CI that is a failure.
    pub async fn start(programs: &[&str]) -> Option<Self> {
        for program in ["nginx", "unshare", "curl", "openssl"].iter().chain(programs) {
            if !runs("which", &[program]) {
                return lacks(&format!("there is no {program}"));
            }
        }
        if !runs("unshare", &["-m", "mount", "-t", "tmpfs", "none", "/mnt"]) {
            return lacks("a process may not have mounts of its own (it takes root)");
        }
        let root = tempfile::tempdir().expect("a folder");
        for folder in [
            "var/lib/nginx",
            "var/log/nginx",
            "var/tmp",
            "var/www",
            "run/sshd",
            "etc/letsencrypt",
            "etc/nginx/conf.d",
            "etc/nginx/sites-available",
            "etc/nginx/sites-enabled",
        ] {
            std::fs::create_dir_all(root.path().join(folder)).expect("a folder");
        }
        std::fs::write(root.path().join("etc/nginx/nginx.conf"), CONF).expect("written");
        std::fs::write(root.path().join("etc/letsencrypt/cli.ini"), "no-verify-ssl = true\n").expect("written");
        let words = ["unshare", "-m", "sh", "-c", OWN, "machine", root.path().to_str().expect("a path")];
        let sshd = Sshd::start_behind(words.map(str::to_owned).to_vec()).await?;
        let [http, https] = ports();
        Some(Self { sshd, http, https, root })
    }

    /// A path of the machine, as this one sees it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).expect(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.path(path), text).expect(path);
    }

    /// The names in a folder.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let all = std::fs::read_dir(self.path(folder)).expect(folder);
        let mut names: Vec<String> =
            all.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The document of this host.
    pub fn document(&self) -> String {
        format!(
            "apiVersion: driftless/v1\nkind: Host\nmetadata: {{name: erp}}\nspec: {{address: 127.0.0.1, port: {}, user: {}, \
             identity: {{secret: ssh.ops}}, hostKey: {}}}\n",
            self.sshd.port,
            user(),
            self.sshd.host_key("host")
        )
    }

    /// A document of a site on it, on its http port.
    pub fn site(&self, name: &str, more: &str) -> String {
        format!(
            "apiVersion: driftless/v1\nkind: NginxSite\nmetadata: {{name: {name}}}\nspec:\n  host: erp\n  \
             serverNames: [{name}.example.test]\n  listen: {{http: {}, https: {}}}\n{more}",
            self.http, self.https
        )
    }

    /// A controller that knows this host and these documents.
    pub async fn house(&self, files: &[(&str, &str)]) -> House {
        let host = self.document();
        let all: Vec<(&str, &str)> = [("settings.yaml", ENFORCE), ("host.yaml", host.as_str())]
            .into_iter()
            .chain(files.iter().copied())
            .collect();
        let house = House::new(&all).await;
        let secrets = house.folder.path().join("secrets");
        std::fs::create_dir_all(&secrets).expect("a folder");
        std::fs::write(secrets.join("ssh.ops"), self.sshd.private_key("client")).expect("written");
        house
    }

    /// What a browser that asks for this name gets: the status line and the headers.
    pub fn ask(&self, name: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).expect("nginx listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {name}\r\n\r\n").expect("sent");
        let mut said = String::new();
        let _ = stream.read_to_string(&mut said);
        said
    }

    /// Who issued what is shown for this name over https.
    pub fn issuer(&self, name: &str) -> String {
        let at = format!("127.0.0.1:{}", self.https);
        let script = r#"openssl s_client -connect "$1" -servername "$2" </dev/null | openssl x509 -noout -issuer -ext subjectAltName"#;
        let output = Command::new("sh").args(["-c", script, "ask", &at, name]).output().expect("openssl runs");
        assert!(!output.stdout.is_empty(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.path("/run/nginx.pid")) {
            runs("kill", &["-QUIT", pid.trim()]);
        }
    }
}

fn runs(program: &str, words: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(words).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn lacks(what: &str) -> Option<Machine> {
    let lack = format!("not tested: nginx. On this machine {what}");
    assert!(std::env::var_os("CI").is_none(), "{lack}");
    writeln!(std::io::stderr(), "{lack}").expect("stderr");
    None
}

/// Ports that nobody listens on.
pub fn ports<const N: usize>() -> [u16; N] {
    let all: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
    all.each_ref().map(|listener| listener.local_addr().expect("an address").port())
}

/// What failed, each with its hint, as a reader sees it.
pub fn faults(snapshot: &Snapshot) -> Vec<String> {
    let told = |attempt: &Attempt| match attempt {
        Attempt::Failed { fault, .. } => Some(format!("{fault} | {}", fault.hint())),
        _ => None,
    };
    snapshot.outcomes.iter().filter_map(|outcome| told(&outcome.attempt)).collect()
}

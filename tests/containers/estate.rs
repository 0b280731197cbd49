//! What is wanted in the tests: a droplet with a stack of two services, a site with its certificate, and its name.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

pub const NAME: &str = "erp.example.com";
const DROPLET: &str = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: erp}\nspec: {region: sgp1, size: s-2vcpu-4gb, \
    image: ubuntu-22-04-x64, sshKeys: [ops], userData: {file: cloud-init/erp.yaml}}\n";
/// The ACME service of the tests shows a certificate that nobody knows.
const USER_DATA: &str = "#cloud-config\npackages: [docker.io, nginx]\nwrite_files: [{path: /etc/letsencrypt/cli.ini, content: \"no-verify-ssl = true\\n\"}]\n";
const ZONE: &str = "apiVersion: driftless/v1\nkind: Domain\nmetadata: {name: example.com}\nspec:\n  ignore: [{type: NS, name: \"@\"}]\n  \
    records: [{name: erp, type: A, droplet: erp, ttl: 60}]\n";
const STACK: &str = "apiVersion: driftless/v1\nkind: ComposeStack\nmetadata: {name: odoo}\nspec:\n  host: erp\n  path: stacks/odoo\n  \
    ready: {within: 30s, probes: [{http: \"http://127.0.0.1:8069/index.html\"}]}\n";
/// Runs until it is told to end.
pub const WAITS: &str = "trap 'exit 0' TERM; while :; do busybox sleep 0.1; done";

/// What stands in the repository, but for the settings, the key and the host.
pub fn files(directory: &str) -> Vec<(&'static str, String)> {
    vec![
        ("erp.yaml", DROPLET.to_owned()),
        ("cloud-init/erp.yaml", USER_DATA.to_owned()),
        ("host.yaml", crate::simulated::HOST.to_owned()),
        ("zone.yaml", ZONE.to_owned()),
        ("stack.yaml", STACK.to_owned()),
        ("stacks/odoo/compose.yaml", compose(1, WAITS)),
        ("stacks/odoo/side.ini", "workers = 2\n".to_owned()),
        ("site.yaml", site(directory, "")),
    ]
}

/// A site that leads to the stack, with these directives besides.
pub fn site(directory: &str, extra: &str) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: NginxSite\nmetadata: {{name: erp}}\nspec:\n  host: erp\n  serverNames: [{NAME}]\n  \
         tls: {{issuer: letsencrypt, email: ops@example.com, directory: \"{directory}\"}}\n  clientMaxBodySize: 16m\n  \
         locations: [{{path: /, to: {{stack: odoo, service: web, port: 8069}}}}]\n{extra}"
    )
}

/// A service that says which image it is of, in this edition, and one beside it that runs this.
pub fn compose(edition: u8, side: &str) -> String {
    format!(
        "services:\n  web:\n    image: web:{edition}\n    stop_grace_period: 5s\n    ports: ['127.0.0.1:8069:8069']\n    \
         command: [sh, -c, \"busybox mkdir -p /www; echo $$SAYS >/www/index.html; busybox httpd -p 8069 -h /www; {WAITS}\"]\n  \
         side:\n    image: web:1\n    network_mode: none\n    stop_grace_period: 1s\n    command: [sh, -c, \"{side}\"]\n    \
         volumes: [\"./side.ini:/side.ini:ro\"]\n"
    )
}

/// The same with a neighbour that takes some seconds until it is well.
pub fn slowly() -> String {
    let well = "healthcheck: {test: [CMD, busybox, test, -e, /well], interval: 1s, retries: 30}";
    let slow = format!("busybox sleep 4; echo >/well; {WAITS}");
    compose(1, &slow).replace("  side:\n", &format!("  side:\n    {well}\n"))
}

/// How the site is asked: at this address, by its name, believing this root alone.
#[derive(Clone)]
pub struct Asked {
    pub address: String,
    pub root: String,
}

impl Asked {
    /// What it answers over https; none where it does not, or not with 200.
    pub fn answer(&self) -> Option<String> {
        let resolve = format!("{NAME}:443:{}", self.address);
        let words = ["-sSf", "--max-time", "5", "--cacert", &self.root, "--resolve", &resolve];
        let output =
            Command::new("curl").args(words).arg(format!("https://{NAME}/index.html")).output().expect("curl runs");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Asks again and again in the background.
    pub fn on_and_on(&self) -> Asking {
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), self.clone());
        let end = stop.clone();
        let thread = std::thread::spawn(move || {
            let (mut times, mut missed) = (0, 0);
            while !end.load(Ordering::Relaxed) {
                times += 1;
                missed += usize::from(asked.answer().is_none());
                std::thread::sleep(Duration::from_millis(100));
            }
            (times, missed)
        });
        Asking { stop, thread }
    }
}

/// Somebody who asks until the end.
pub struct Asking {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(usize, usize)>,
}

impl Asking {
    /// How often it asked, and how often nothing came back.
    pub fn end(self) -> (usize, usize) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it asked")
    }
}

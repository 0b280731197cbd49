//! A Docker Engine of a test's own, which ends with it and takes its containers along. Knows nothing of what is tested.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const DOCKERD: &str = "/usr/sbin/dockerd";
const BUSYBOX: &str = "/bin/busybox";

/// An engine with the image `tiny:1`, which holds busybox.
pub struct Engine {
    folder: TempDir,
    process: Child,
}

/// What this machine lacks for one, and how it is had.
pub fn lacks() -> Option<&'static str> {
    let compose = || Command::new("docker").args(["compose", "version"]).stderr(Stdio::null()).output();
    match () {
        () if !Path::new(DOCKERD).exists() => Some("a Docker Engine (Debian: docker.io)"),
        () if !compose().is_ok_and(|output| output.status.success()) => Some("docker compose (tests/run installs it)"),
        () if !Path::new(BUSYBOX).exists() => Some("/bin/busybox (Debian: busybox-static)"),
        () => None,
    }
}

/// Whether this user may run an engine at all.
pub fn root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

impl Engine {
    /// Starts one; none for a user who is not root, which is said. A missing program is a failure that names it.
    pub fn start() -> Option<Self> {
        use std::io::Write;
        if !root() {
            writeln!(std::io::stderr(), "not tested: stacks on a real Docker Engine, which only root can run")
                .expect("stderr");
            return None;
        }
        if let Some(what) = lacks() {
            panic!("the tests of stacks need {what}");
        }
        let folder = tempfile::Builder::new().prefix("dl-").tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let log = std::fs::File::create(path("log")).expect("a log");
        // No network of its own: nothing of it reaches the machine's, and containers here need none.
        let process = Command::new(DOCKERD)
            .args(["--data-root", &path("data"), "--exec-root", &path("exec"), "-p", &path("pid")])
            .args([
                "-H",
                &format!("unix://{}", path("docker.sock")),
                "--iptables=false",
                "--bridge=none",
                "--ip-forward=false",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("dockerd starts");
        let engine = Self { folder, process };
        let until = Instant::now() + Duration::from_secs(60);
        while !engine.docker(&["version"]).status().is_ok_and(|status| status.success()) {
            let log = || std::fs::read_to_string(engine.folder("log")).unwrap_or_default();
            assert!(Instant::now() < until, "the engine does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
        engine.image("tiny:1", "one");
        Some(engine)
    }

    /// Makes an image of this name; what it says makes it another one.
    pub fn image(&self, name: &str, says: &str) {
        let context = self.folder.path().join("image");
        std::fs::create_dir_all(&context).expect("a folder");
        std::fs::copy(BUSYBOX, context.join("busybox")).expect("copied");
        let waits = "trap 'exit 0' TERM; while :; do busybox sleep 0.1; done";
        let file = format!(
            "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nLABEL says={says}\nENV SAYS={says}\n\
             CMD [\"sh\", \"-c\", \"{waits}\"]\n"
        );
        self.build(name, &context, &file);
    }

    /// Builds an image of this name from what lies in a folder.
    pub fn build(&self, name: &str, context: &Path, file: &str) {
        std::fs::write(context.join("Dockerfile"), file).expect("written");
        let context = context.display().to_string();
        let built = self.docker(&["build", "-q", "-t", name, &context]).env("DOCKER_BUILDKIT", "0").output();
        let built = built.expect("docker runs");
        assert!(built.status.success(), "{built:?}");
    }

    /// A path in the test's folder.
    pub fn folder(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// What DOCKER_HOST is for it.
    pub fn address(&self) -> String {
        format!("unix://{}", self.folder("docker.sock"))
    }

    fn docker(&self, words: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.args(words).env("DOCKER_HOST", self.address()).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// What docker says, which must succeed.
    pub fn say(&self, words: &[&str]) -> String {
        let output = self.docker(words).stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("docker runs");
        assert!(output.status.success(), "docker {words:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Starts the stack of this folder, as somebody does by hand.
    pub fn up(&self, folder: &str) {
        let mut command = Command::new("docker");
        let up = command.args(["compose", "up", "-d"]).current_dir(folder).env("DOCKER_HOST", self.address()).output();
        assert!(up.as_ref().is_ok_and(|output| output.status.success()), "{up:?}");
    }

    /// The containers of the stack that there are, by name, with a word on how each is.
    pub fn containers(&self) -> Vec<String> {
        let format = "{{.Names}} {{.State}}";
        let mut all: Vec<String> = self.say(&["ps", "-a", "--format", format]).lines().map(str::to_owned).collect();
        all.sort();
        all
    }

    /// What the service web reads in the file that it mounts, and its container's id.
    pub fn web(&self) -> (String, String) {
        let read = self.say(&["exec", "odoo-web-1", "busybox", "cat", "/app.ini"]);
        (read, self.say(&["inspect", "-f", "{{.Id}}", "odoo-web-1"]))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let all = self.docker(&["ps", "-aq"]).stdout(Stdio::piped()).output();
        let all = all.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let all: Vec<&str> = all.split_whitespace().collect();
        let _ = self.docker(&[&["rm", "-f", "-v"], &all[..]].concat()).status();
        // Their bridges would outlast the engine.
        let _ = self.docker(&["network", "prune", "-f"]).status();
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

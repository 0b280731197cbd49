//! The built binary in a clean environment, over a simulator in this process and a real local repository.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use driftless::sandbox::{self, Token};
use serde_json::Value;
use tempfile::TempDir;

use crate::house::git_in;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Settings that enforce.
pub const ENFORCE: &str = "apiVersion: driftless/v1\nkind: Settings\nmetadata: {name: settings}\nspec:\n  estate: test\n  id: 9f2c6a1e-0000-4000-8000-00000000000a\n  mode: enforce\n";

/// A network.
pub const VPC: &str = "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {name: main}\nspec: {name: production, region: sgp1, ipRange: 10.114.0.0/16}\n";

/// A droplet of a size.
pub fn droplet(name: &str, size: &str) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {{name: {name}}}\nspec: {{region: sgp1, size: {size}, image: ubuntu-22-04-x64}}\n"
    )
}

/// The droplet with another image, for which it has to be replaced: that is held.
pub fn reimaged(name: &str, size: &str) -> String {
    droplet(name, size).replace("ubuntu-22-04-x64", "ubuntu-24-04-x64, replaceOn: [image]")
}

/// A simulator, a repository, and a home and data folder of their own.
pub struct Rig {
    running: sandbox::Running,
    folder: TempDir,
}

impl Rig {
    /// One whose actions take this long, with these files in the repository's first commit.
    pub async fn new(action_time: Duration, files: &[(&str, &str)]) -> Self {
        let running = sandbox::serve(sandbox::Config {
            action_time,
            limits: sandbox::Limits::off(),
            tokens: vec![Token::full("sandbox"), Token::read_only("reader")],
            ..sandbox::Config::default()
        })
        .await
        .expect("a simulator");
        let folder = tempfile::tempdir().expect("a folder");
        let rig = Self { running, folder };
        std::fs::create_dir_all(rig.home()).expect("a home");
        std::fs::create_dir_all(rig.repo()).expect("a folder");
        git_in(&rig.repo(), &["init", "-q", "-b", "main"]);
        rig.push(files);
        rig
    }

    /// The simulator, to be looked at and edited by hand.
    pub fn hand(&self) -> sandbox::Handle {
        self.running.handle()
    }

    /// Where the simulator answers.
    pub fn url(&self) -> String {
        self.running.url()
    }

    pub fn repo(&self) -> PathBuf {
        self.folder.path().join("infra")
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A file beside the repository.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Commits files, as somebody at a keyboard does, and gives the commit.
    pub fn push(&self, files: &[(&str, &str)]) -> String {
        for (path, text) in files {
            let file = self.repo().join(path);
            std::fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
            std::fs::write(file, text).expect("a file");
        }
        let ana = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com"];
        git_in(&self.repo(), &["add", "-A"]);
        git_in(&self.repo(), &[&ana[..], &["commit", "-q", "--allow-empty", "-m", "Change"]].concat());
        git_in(&self.repo(), &["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// The binary with an environment that holds nothing but what it needs, in the repository's folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.stranger(arguments);
        command.env("DIGITALOCEAN_ACCESS_TOKEN", "sandbox").env("DRIFTLESS_DATA_DIR", self.data());
        command
    }

    /// The same without a token and a data folder, as on the first day.
    pub fn stranger(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_driftless"));
        command.args(arguments).env_clear().current_dir(self.repo());
        for name in ["PATH", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("HOME", self.home()).env("LANG", "C.UTF-8").env("DIGITALOCEAN_API_URL", self.running.url());
        // The simulator has no limits here, and waiting for a minute to pass proves nothing.
        command.env("DRIFTLESS_DIGITALOCEAN_PER_MINUTE", "100000").env("DRIFTLESS_DIGITALOCEAN_PER_HOUR", "1000000");
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments)).await
    }

    /// Starts the controller on the repository.
    pub fn controller(&self, arguments: &[&str]) -> Started {
        Started::new(self.following(arguments))
    }

    /// The controller of the repository, to be started.
    pub fn following(&self, arguments: &[&str]) -> Command {
        let repo = self.repo().display().to_string();
        self.command(&[&["run", "--repo", &repo], arguments].concat())
    }
}

/// Runs a command to its end, off the simulator's threads.
pub async fn ran(mut command: Command) -> Ran {
    command.stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    Ran::of(output)
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self { code: code(output.status), out: text(output.stdout), err: text(output.stderr) }
    }

    /// What it printed to stdout, which holds nothing else.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("stdout is no JSON ({why}): {self:?}"))
    }

    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn says(self, what: &str) -> Self {
        assert!(self.err.contains(what) || self.out.contains(what), "no {what:?} in\n{}\n{}", self.out, self.err);
        self
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

/// A process that runs on, and what it logs.
pub struct Started {
    child: Child,
    log: Arc<(Mutex<Vec<String>>, Condvar)>,
}

impl Started {
    pub fn new(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let log: Arc<(Mutex<Vec<String>>, Condvar)> = Arc::default();
        gather(child.stderr.take().expect("piped"), log.clone());
        gather(child.stdout.take().expect("piped"), log.clone());
        Self { child, log }
    }

    /// Everything that it has logged.
    pub fn log(&self) -> Vec<String> {
        self.log.0.lock().expect("no panic").clone()
    }

    /// Waits until it logs a line that holds all of these, after the first `from` lines; gives the line's number.
    #[track_caller]
    pub fn logs_after(&self, from: usize, words: &[&str]) -> usize {
        let (lines, news) = &*self.log;
        let began = Instant::now();
        let mut lines = lines.lock().expect("no panic");
        loop {
            let found = lines.iter().skip(from).position(|line| words.iter().all(|word| line.contains(word)));
            if let Some(at) = found {
                return from + at + 1;
            }
            assert!(began.elapsed() < PATIENCE, "no line with {words:?} in\n{}", lines.join("\n"));
            lines = news.wait_timeout(lines, Duration::from_secs(1)).expect("no panic").0;
        }
    }

    #[track_caller]
    pub fn logs(&self, words: &[&str]) -> usize {
        self.logs_after(0, words)
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).expect("it runs");
    }

    /// Waits for its end and gives the exit code.
    #[track_caller]
    pub fn ends(&mut self) -> i32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return code(status);
            }
            assert!(began.elapsed() < PATIENCE, "it does not end\n{}", self.log().join("\n"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks it to end and gives the exit code.
    #[track_caller]
    pub fn stop(mut self) -> i32 {
        self.signal(rustix::process::Signal::TERM);
        self.ends()
    }

    /// Ends it on the spot, as a power cut does.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("a child");
    }
}

impl Drop for Started {
    #[expect(clippy::print_stderr, reason = "what a test that fails shows")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what a controller logged:\n{}", self.log().join("\n"));
        }
        // Ended already in most tests; after a failed one nothing may stay behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gather(from: impl Read + Send + 'static, log: Arc<(Mutex<Vec<String>>, Condvar)>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            log.0.lock().expect("no panic").push(line);
            log.1.notify_all();
        }
    });
}

/// Waits until a condition holds.
#[track_caller]
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "it never came true: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Every file below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|e| e.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

//! The real program as a process: started, listened to, measured by what the kernel says of it, ended.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// `driftless run` on a repository.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    /// Starts it.
    pub fn start(repo: &Path, data: &Path, url: &str) -> Self {
        Self::start_with(&repo.display().to_string(), data, url, &[])
    }

    /// Starts it on a repository at an address, with more settings.
    pub fn start_with(repo: &str, data: &Path, url: &str, settings: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_driftless"));
        command.arg("run").arg("--repo").arg(repo).arg("--data-dir").arg(data);
        command.env("DIGITALOCEAN_ACCESS_TOKEN", "sandbox").env("DIGITALOCEAN_API_URL", url);
        for set in settings {
            command.args(["--set", set]);
        }
        for set in ["log.format=json", "digitalocean.per_minute=1000000", "digitalocean.per_hour=1000000"] {
            command.args(["--set", set]);
        }
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the program starts");
        let errors = child.stderr.take().expect("its log");
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    /// Waits for a line of its log that holds this, and gives it.
    pub fn says(&self, wanted: &str) -> String {
        self.says_after(wanted).0
    }

    /// The same, with the lines that came before it.
    pub fn says_after(&self, wanted: &str) -> (String, Vec<String>) {
        let until = Instant::now() + PATIENCE;
        let mut heard = Vec::new();
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(wanted) => return (line, heard),
                Ok(line) => heard.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("it never said {wanted}: {heard:#?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended before it said {wanted}: {heard:#?}"),
            }
        }
    }

    /// Makes it look now.
    pub fn hang_up(&self) {
        let status = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(status.success(), "the signal was sent");
    }

    /// A figure of /proc/PID/status in KiB, such as `VmRSS` or `VmHWM`.
    pub fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("the figure");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    }

    /// Everything of its log until now, forgotten here.
    pub fn heard(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// How many files and sockets it has open.
    pub fn open_files(&self) -> u64 {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("its files");
        open.count().try_into().expect("few")
    }

    /// The ticks of a hundredth of a second that it has spent, in user and system mode together.
    pub fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its figures");
        let after = stat.rsplit_once(')').expect("its name").1;
        after.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().expect("a number")).sum()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

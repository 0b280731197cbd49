//! Runs a command line on a machine, as its sshd would: by a shell over the machine's disk and its programs.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bashkit::{Bash, ExecOptions, ExecutionLimits, MemoryLimits, SessionLimits, StreamData};
use regex::Regex;

use super::disk::View;
use super::invocation::Invocation;
use super::machine::Machine;
use super::{boot, programs};

/// `head -c "$N" >FILE` leaves the rest of the input to the next command, as the real one does of a pipe: the simulated
/// shell gives each command all of it, but for `read`, which takes off what it has read. So it is written with that.
static HEAD: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the pattern stands here and is tried by every test of hosts")]
    Regex::new(r#"head -c ("[^"]*") >"#).expect("a pattern")
});
const TAKES: &str = r#"{ sandbox-take $1; IFS= read -r -N "$$(sandbox-signs $1)" sandbox_taken || :; } >"#;

/// Nothing runs longer.
const LONGEST: Duration = Duration::from_secs(3600);

/// What a command said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: Vec<u8>,
    /// Its standard error.
    pub err: Vec<u8>,
}

impl Said {
    /// A program that ended well.
    pub(super) fn ok(out: impl Into<Vec<u8>>) -> Self {
        Self { code: 0, out: out.into(), err: Vec::new() }
    }

    /// A program that ended ill.
    pub(super) fn fails(code: i32, err: impl Into<String>) -> Self {
        let mut err: String = err.into();
        if !err.is_empty() && !err.ends_with('\n') {
            err.push('\n');
        }
        Self { code, out: Vec::new(), err: err.into_bytes() }
    }

    /// Its standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// Its standard error as text.
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.err).into_owned()
    }
}

/// What the programs of one command line share.
pub(super) struct Session {
    pub(super) machine: Arc<Machine>,
    pub(super) user: String,
    /// The last file that was opened as a lock.
    pub(super) lock: Arc<Mutex<Option<PathBuf>>>,
    /// Locks that are held until the command line ends.
    pub(super) held: Mutex<Vec<tokio::sync::OwnedMutexGuard<()>>>,
}

/// Runs a command line as a user.
pub(super) async fn run(machine: &Arc<Machine>, user: &str, line: &str, stdin: Vec<u8>) -> Said {
    boot::tick(machine);
    let lock = Arc::default();
    let view = View { disk: machine.disk.clone(), lock: Arc::clone(&lock) };
    let session = Arc::new(Session { machine: machine.clone(), user: user.to_owned(), lock, held: Mutex::default() });
    let home = if user == "root" { "/root".to_owned() } else { format!("/home/{user}") };
    let mut builder = Bash::builder()
        .fs(Arc::new(view))
        .username(user)
        .hostname(machine.name())
        .cwd(&home)
        .env("HOME", &home)
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .limits(limits())
        .session_limits(SessionLimits::unlimited())
        .memory_limits(MemoryLimits::unlimited());
    for (name, program) in programs::of(&session) {
        builder = builder.builtin(name, program);
    }
    let mut bash = builder.build();
    let Invocation { script, name, words, stdin, within } = Invocation::of(line, stdin);
    let script = HEAD.replace_all(&script, TAKES);
    let options = ExecOptions::new().arg0(name).positional(words).stdin(StreamData::from(stdin));
    let done = tokio::time::timeout(within.unwrap_or(LONGEST), bash.exec_with_options(&script, options)).await;
    let Ok(done) = done else { return Said::fails(124, "") };
    match done {
        Ok(done) => Said { code: done.exit_code, out: done.stdout.into_bytes(), err: done.stderr.into_bytes() },
        Err(error) => Said::fails(125, format!("the simulated shell gave up: {error}")),
    }
}

/// A script of ours is no attack: only what would never end is stopped.
fn limits() -> ExecutionLimits {
    let mut limits = ExecutionLimits::cli();
    limits.max_work_units = u64::MAX / 2;
    limits.max_aggregate_input_bytes = u64::MAX / 2;
    limits.max_live_intermediate_bytes = 512 << 20;
    limits.max_stdout_bytes = 64 << 20;
    limits.max_stderr_bytes = 8 << 20;
    limits.max_input_bytes = 64 << 20;
    limits.max_parser_operations = 10_000_000;
    limits.timeout = LONGEST;
    limits
}

/// One command line of words.
pub(super) fn line(words: &[String]) -> String {
    let quoted = |word: &String| format!("'{}'", word.replace('\'', r"'\''"));
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

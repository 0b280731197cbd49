//! Commands on a host: bounded in time and in what they may say. Owns the quoting; must not know what is run.

use super::error::HostError;
use openssh::Session;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::OwnedSemaphorePermit;

/// So much of a stream is on its way at once.
const PIPE: usize = 64 * 1024;

/// What is run, with what it reads, and its bounds.
#[derive(Clone)]
pub struct Command {
    /// What it is in words, for messages: `writing /etc/nginx/nginx.conf`.
    pub(super) doing: String,
    pub(super) words: Vec<String>,
    pub(super) stdin: Vec<u8>,
    pub(super) limits: Limits,
    /// Whether a host that lets it wait counts as one that does not answer.
    pub(super) vital: bool,
}

/// How long a command may take and how much it may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the first byte sent; connecting counts.
    pub time: Duration,
    /// Bytes kept of each of its outputs; what comes after them is read and dropped.
    pub output: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(30), output: 1 << 20 }
    }
}

/// What a command said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its exit code; 128 and more where a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub out: Vec<u8>,
    /// Its standard error.
    pub err: Vec<u8>,
    /// Whether some of either was dropped.
    pub truncated: bool,
}

impl Output {
    /// Its standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
    /// The last lines of its errors, else of its output: without control characters, a few hundred letters at most.
    pub fn last_words(&self) -> String {
        let text = if self.err.trim_ascii().is_empty() { &self.out } else { &self.err };
        last_lines(&String::from_utf8_lossy(text), 6)
    }
}

/// The last lines of a text that are not empty: without control characters, 300 letters of each at most.
pub fn last_lines(text: &str, many: usize) -> String {
    let line = |line: &str| -> String { line.chars().filter(|c| !c.is_control()).take(300).collect() };
    let lines: Vec<String> = text.lines().map(line).filter(|line| !line.trim().is_empty()).collect();
    lines.iter().skip(lines.len().saturating_sub(many)).cloned().collect::<Vec<_>>().join("\n")
}

impl Command {
    /// A program with its arguments. Arguments can be seen by everybody on the host: no secrets.
    pub fn program(doing: impl Into<String>, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let words = words.into_iter().map(Into::into).collect();
        Self { doing: doing.into(), words, stdin: Vec::new(), limits: Limits::default(), vital: false }
    }

    /// A script for `sh`, with what it sees as `$1`, `$2`, …; its input is its own. No secrets in either.
    pub fn script(doing: impl Into<String>, script: &str, arguments: &[&str]) -> Self {
        let words = ["sh", "-c", script, "driftless"].into_iter().chain(arguments.iter().copied());
        Self::program(doing, words)
    }

    /// What it reads: the place for secrets.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// How long it may take.
    pub fn within(mut self, time: Duration) -> Self {
        self.limits.time = time;
        self
    }

    /// Takes a host that lets it wait for one that does not answer: for what always ends at once.
    pub fn vital(mut self) -> Self {
        self.vital = true;
        self
    }

    /// How much it may say.
    pub fn saying(mut self, bytes: usize) -> Self {
        self.limits.output = bytes;
        self
    }

    /// The words with what bounds them on the host itself: where we are cut off or give up, it still ends.
    pub(super) fn bounded(&self, sudo: bool) -> Vec<String> {
        const BOUND: &str = "command -v timeout >/dev/null 2>&1 && exec timeout -k 5 \"$0\" \"$@\"; exec \"$@\"";
        let seconds = self.limits.time.as_secs().saturating_add(1).to_string();
        let sudo = if sudo { &["sudo", "-n", "--"][..] } else { &[] };
        let bound = ["sh", "-c", BOUND, &seconds];
        sudo.iter().copied().chain(bound).map(str::to_owned).chain(self.words.iter().cloned()).collect()
    }
}

/// One line for the far shell.
pub(super) fn line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Runs a command over a connection.
pub(super) async fn remote(
    session: Arc<Session>,
    command: &Command,
    sudo: bool,
    lost: &(dyn Fn(String) -> HostError + Sync),
) -> Result<Output, HostError> {
    let mut over = session.arc_raw_command(line(&command.bounded(sudo)));
    over.stdin(openssh::Stdio::piped()).stdout(openssh::Stdio::piped()).stderr(openssh::Stdio::piped());
    let mut child = over.spawn().await.map_err(|error| lost(chain(&error)))?;
    let (stdin, out, err) = (child.stdin().take(), child.stdout().take(), child.stderr().take());
    let (out, err, _) =
        tokio::join!(keep(out, command.limits.output), keep(err, command.limits.output), feed(stdin, &command.stdin));
    let code = match child.wait().await {
        Ok(status) => code(status),
        // The library says it in words.
        Err(openssh::Error::Remote(error)) if error.kind() == std::io::ErrorKind::NotFound => 127,
        Err(error) => return Err(lost(chain(&error))),
    };
    Ok(output(code, out, err))
}

/// Runs a command on this machine.
pub(super) async fn local(
    command: &Command,
    sudo: bool,
    lost: &(dyn Fn(String) -> HostError + Sync),
) -> Result<Output, HostError> {
    let mut child = spawned(command, sudo, lost)?;
    let (stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (out, err, _) =
        tokio::join!(keep(out, command.limits.output), keep(err, command.limits.output), feed(stdin, &command.stdin));
    let status = child.wait().await.map_err(|error| lost(error.to_string()))?;
    Ok(output(code(status), out, err))
}

fn spawned(
    command: &Command,
    sudo: bool,
    lost: &(dyn Fn(String) -> HostError + Sync),
) -> Result<tokio::process::Child, HostError> {
    let words = command.bounded(sudo);
    let Some((program, arguments)) = words.split_first() else {
        return Err(lost("there is nothing to run".to_owned()));
    };
    let mut own = tokio::process::Command::new(program);
    own.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    own.process_group(0).kill_on_drop(true);
    own.spawn().map_err(|error| lost(error.to_string()))
}

/// A command over a connection whose input and output are a stream: it ends when either side does.
pub(super) async fn open(
    session: Arc<Session>,
    command: &Command,
    sudo: bool,
    turn: OwnedSemaphorePermit,
    lost: &(dyn Fn(String) -> HostError + Sync),
) -> Result<DuplexStream, HostError> {
    let mut over = session.arc_raw_command(line(&command.bounded(sudo)));
    over.stdin(openssh::Stdio::piped()).stdout(openssh::Stdio::piped()).stderr(openssh::Stdio::null());
    let mut child = over.spawn().await.map_err(|error| lost(chain(&error)))?;
    let ends = (child.stdin().take(), child.stdout().take());
    let (Some(stdin), Some(out)) = ends else { return Err(lost("it has no input and output".to_owned())) };
    Ok(joined(out, stdin, (child, turn)))
}

/// The same on this machine.
pub(super) fn open_local(
    command: &Command,
    sudo: bool,
    turn: OwnedSemaphorePermit,
    lost: &(dyn Fn(String) -> HostError + Sync),
) -> Result<DuplexStream, HostError> {
    let mut child = spawned(command, sudo, lost)?;
    let ends = (child.stdin.take(), child.stdout.take());
    let (Some(stdin), Some(out)) = ends else { return Err(lost("it has no input and output".to_owned())) };
    Ok(joined(out, stdin, (child, turn)))
}

/// Both ends of a command as one stream; `held` is kept as long as it lasts.
fn joined(
    mut out: impl AsyncRead + Unpin + Send + 'static,
    mut stdin: impl AsyncWrite + Unpin + Send + 'static,
    held: impl Send + 'static,
) -> DuplexStream {
    let (near, far) = tokio::io::duplex(PIPE);
    let (mut from, mut to) = tokio::io::split(far);
    tokio::spawn(async move {
        let forth = async move {
            let _ = tokio::io::copy(&mut from, &mut stdin).await;
            // A pipe ends only when it is dropped; the command ends with it.
            drop(stdin);
        };
        let back = async move {
            let _ = tokio::io::copy(&mut out, &mut to).await;
            let _ = to.shutdown().await;
        };
        tokio::join!(forth, back);
        drop(held);
    });
    near
}

fn output(code: i32, (out, more): (Vec<u8>, bool), (err, even_more): (Vec<u8>, bool)) -> Output {
    Output { code, out, err, truncated: more || even_more }
}

fn code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

/// Reads a pipe to its end and keeps its beginning.
pub(super) async fn keep(pipe: Option<impl AsyncRead + Unpin>, most: usize) -> (Vec<u8>, bool) {
    let Some(mut pipe) = pipe else { return (Vec::new(), false) };
    let (mut kept, mut chunk, mut more) = (Vec::new(), vec![0; 32 * 1024], false);
    while let Ok(count) = pipe.read(&mut chunk).await {
        if count == 0 {
            break;
        }
        let room = most.saturating_sub(kept.len());
        more |= count > room;
        kept.extend(chunk.iter().take(count.min(room)));
    }
    (kept, more)
}

/// A command that does not read to the end closes its side: that is its business.
async fn feed(pipe: Option<impl AsyncWrite + Unpin>, bytes: &[u8]) {
    if let Some(mut pipe) = pipe {
        let _ = pipe.write_all(bytes).await;
        let _ = pipe.shutdown().await;
    }
}

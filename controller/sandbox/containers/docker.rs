//! The local engine, by the program `docker`: one command, what it said. Decides nothing.

use std::io;
use std::process::{Output, Stdio};

use tokio::process::Command;

use crate::sandbox::hosts::Said;

/// The way to an engine.
#[derive(Clone, Debug)]
pub(super) struct Docker {
    /// What DOCKER_HOST is for it; none leaves that to the environment.
    pub(super) host: Option<String>,
}

impl Docker {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        if let Some(host) = &self.host {
            command.env("DOCKER_HOST", host);
        }
        command
    }

    /// Runs a command and gives what it said, however it ended.
    pub(super) async fn ask(&self, words: &[&str]) -> io::Result<Said> {
        said(self.command(words)).await
    }

    /// Runs a command that is to succeed and gives what it printed; the error is what it said instead.
    pub(super) async fn run(&self, words: &[&str]) -> Result<String, String> {
        well(words, said(self.command(words)).await)
    }

    /// The same, with what another command prints on its input.
    pub(super) async fn pipe(&self, from: &[&str], to: &[&str]) -> Result<String, String> {
        let failed = |error: io::Error| format!("docker could not be run: {error}");
        let (reads, writes) = io::pipe().map_err(failed)?;
        let mut source = self.command(from);
        let begun = source.stdout(writes).spawn().map_err(failed)?;
        // It holds an end of the pipe, which the other side waits for.
        drop(source);
        let mut command = self.command(to);
        command.stdin(reads);
        let (source, said) = tokio::join!(begun.wait_with_output(), said(command));
        let source = source.map(|output| Said { code: code(&output), out: Vec::new(), err: output.stderr });
        well(from, source)?;
        well(to, said)
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

async fn said(mut command: Command) -> io::Result<Said> {
    let output = command.output().await?;
    Ok(Said { code: code(&output), out: output.stdout, err: output.stderr })
}

fn well(words: &[&str], said: io::Result<Said>) -> Result<String, String> {
    let what = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
    match said {
        Ok(said) if said.code == 0 => Ok(said.text().trim().to_owned()),
        Ok(said) => Err(format!("docker {what}: {}", said.errors().trim())),
        Err(error) => Err(format!("docker {what}: the program docker could not be run: {error}")),
    }
}

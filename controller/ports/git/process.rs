//! The end of a process, and the pipes that it leaves.
//!
//! Owns the promise that no git, ssh or hook outlives the call that started it.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio::time::timeout;

const KEPT_STDERR: usize = 16 * 1024;
const KEPT_STDOUT: usize = 4 * 1024 * 1024;
const GRACE: Duration = Duration::from_secs(2);

/// The process group of a running git; what is left of it is ended when this is dropped.
pub(super) struct Group(Option<Pid>);

impl Group {
    pub(super) fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// Lets go of a group whose leader has been waited for: its number may be another's now.
    pub(super) fn disarm(mut self) {
        self.0 = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // It fails where the group has ended already, which is what is wanted.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
    }
}

/// Asks git to end, so that it removes its lock files, and then makes it.
pub(super) async fn end(group: Group, child: &mut Child) {
    group.signal(Signal::TERM);
    if timeout(GRACE, child.wait()).await.is_err() {
        group.signal(Signal::KILL);
        // Killed, it ends; were it not to, the runtime still reaps it later.
        let _ = timeout(GRACE, child.wait()).await;
    }
    group.disarm();
}

/// Waits for a process to end and keeps what it printed.
pub(super) async fn finish(child: &mut Child, stderr: &mut Vec<u8>) -> std::io::Result<(bool, Vec<u8>)> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let mut stdout = Vec::new();
    let read_out = async {
        match out {
            Some(pipe) => drain(pipe, &mut stdout, KEPT_STDOUT).await,
            None => Ok(()),
        }
    };
    let read_err = async {
        match err {
            Some(pipe) => drain(pipe, stderr, KEPT_STDERR).await,
            None => Ok(()),
        }
    };
    tokio::try_join!(read_out, read_err)?;
    let status = child.wait().await?;
    Ok((status.success(), stdout))
}

/// Reads a pipe to its end and keeps about the last `keep` bytes.
async fn drain(mut pipe: impl AsyncRead + Unpin, kept: &mut Vec<u8>, keep: usize) -> std::io::Result<()> {
    let mut chunk = vec![0; 8 * 1024];
    loop {
        let count = pipe.read(&mut chunk).await?;
        if count == 0 {
            return Ok(());
        }
        kept.extend(chunk.iter().take(count));
        if kept.len() > 2 * keep {
            kept.drain(..kept.len() - keep);
        }
    }
}

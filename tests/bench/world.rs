//! The simulator: in a process of its own, so that its memory and its time are not the controller's; or in this one.

use crate::estate::Size;
use driftless::sandbox::{self, Limits, Running};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The argument with which this program is the simulator.
pub const CHILD: &str = "--world";

/// A simulator that asks for no patience.
pub fn settings() -> sandbox::Config {
    sandbox::Config { action_time: Duration::ZERO, limits: Limits::off(), dns: None, ..sandbox::Config::default() }
}

/// The simulator in a process of its own; it ends when this is dropped.
pub struct World {
    child: Child,
    pub url: String,
}

impl World {
    /// Starts one that holds what the estate of this size describes.
    pub fn of(size: Size) -> Self {
        let this = std::env::current_exe().expect("this program");
        let mut command = Command::new(this);
        command.arg(CHILD).args(size.arguments()).stdout(Stdio::piped()).stdin(Stdio::piped());
        let mut child = command.spawn().expect("a process");
        let mut url = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut url).expect("its address");
        Self { child, url: url.trim().to_owned() }
    }

    /// What was asked of it since it was last forgotten: how many calls by method and path.
    pub async fn calls(&self) -> Value {
        let answer = reqwest::get(format!("{}/sandbox/calls", self.url)).await.expect("an answer");
        let mut calls: Value = answer.json().await.expect("JSON");
        calls["by_path"].take()
    }

    /// Forgets what was asked.
    pub async fn forget(&self) {
        let client = reqwest::Client::new();
        client.delete(format!("{}/sandbox/calls", self.url)).send().await.expect("an answer");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the simulator until standard input ends.
pub fn be_a_world(size: &[String]) {
    let size = Size::from_arguments(size);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let running: Running = sandbox::serve(settings()).await.expect("a simulator");
        size.plant(&running.handle());
        println!("{}", running.url());
        let _ = tokio::task::spawn_blocking(|| std::io::stdin().lines().count()).await;
    });
}

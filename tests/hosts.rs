//! The way into hosts, over a real sshd on loopback: keys, commands and their bounds, files, sockets, surveys; and what
//! a controller makes of hosts that are there, away, strangers or others than they were.

mod controller;
mod files;
mod keys;
mod running;
mod survey;

use crate::sshd::{Sshd, user};
use driftless::model::HostKey;
use driftless::ports::host::{Command, Host, Hosts, Ssh, Target, Way};
use driftless::ports::reach::Reach;
use driftless::ports::secrets::Secrets;

/// The way to an sshd as the user of the test, who is believed to have this key.
pub fn target(sshd: &Sshd, key: HostKey) -> Target {
    let ssh = Ssh {
        name: "erp".to_owned(),
        address: "127.0.0.1".to_owned(),
        port: sshd.port,
        user: user(),
        identity: Some("ssh.ops".to_owned()),
        key,
        jump: None,
    };
    Target { way: Way::Ssh(Box::new(ssh)), sudo: false }
}

/// Hosts with the secrets of an sshd.
pub fn hosts(sshd: &Sshd) -> Hosts {
    Hosts::new(Secrets::in_folder(sshd.secrets()), Reach::Off)
}

/// An sshd that is known by its key.
pub async fn reached() -> Option<(Sshd, Hosts, Host)> {
    let sshd = Sshd::start().await?;
    let hosts = hosts(&sshd);
    let host = hosts.aim("erp", target(&sshd, sshd.host_key("host")));
    Some((sshd, hosts, host))
}

/// A script's output, which must end well.
pub async fn say(host: &Host, script: &str) -> String {
    host.run(&Command::script("a test", script, &[])).await.expect("it runs").text().trim_end().to_owned()
}

//! Whom a host is believed to be: one key, no other, and what is said of each that does not fit.

use super::{hosts, reached, say, target};
use crate::sshd::Sshd;
use driftless::ports::host::{HostError, Ssh, Stranger, Target, Way};
use std::time::Duration;

#[tokio::test]
async fn a_host_with_the_key_that_it_is_known_by_is_spoken_to() {
    let Some((sshd, _hosts, host)) = reached().await else { return };
    assert_eq!(say(&host, "echo there").await, "there");
    assert_eq!(say(&host, "echo again").await, "again");
    assert_eq!(sshd.connections(), 1, "one connection carries all");
}

#[tokio::test]
async fn a_host_with_another_key_is_refused_and_both_fingerprints_are_named() {
    let Some(sshd) = Sshd::start().await else { return };
    let host = hosts(&sshd).aim("erp", target(&sshd, sshd.host_key("stranger")));
    let error = host.survey("root", &Default::default()).await.expect_err("another key");
    let HostError::KeyChanged { known, offered, .. } = &error else { panic!("{error:?}") };
    assert_eq!(known, &sshd.host_key("stranger").fingerprint());
    assert_eq!(offered, &sshd.host_key("host").fingerprint());
    assert!(error.hint().contains("driftless trust erp"), "{}", error.hint());
    assert!(!error.may_pass());
}

#[tokio::test]
async fn a_host_that_comes_back_with_another_key_is_refused_too() {
    let Some((mut sshd, _hosts, host)) = reached().await else { return };
    assert_eq!(say(&host, "echo there").await, "there");
    assert!(sshd.restart("stranger").await, "the port is its own");
    let error = loop {
        host.wake();
        match host.survey("root", &Default::default()).await {
            // The connection that was cut is noticed at once or by the next word.
            Err(HostError::Lost { .. }) => {}
            Err(error) => break error,
            Ok(_) => panic!("another key was taken"),
        }
    };
    assert!(matches!(error, HostError::KeyChanged { .. }), "{error}");
}

#[tokio::test]
async fn a_key_that_the_host_does_not_let_in_is_told_as_that() {
    let Some(sshd) = Sshd::start().await else { return };
    let mut target = target(&sshd, sshd.host_key("host"));
    if let Way::Ssh(ssh) = &mut target.way {
        ssh.identity = Some("ssh.stranger".to_owned());
    }
    let error = hosts(&sshd).aim("erp", target.clone()).survey("root", &Default::default()).await.expect_err("refused");
    assert!(matches!(error, HostError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("Permission denied"), "{error}");
    if let Way::Ssh(ssh) = &mut target.way {
        ssh.identity = Some("ssh.nowhere".to_owned());
    }
    let error = hosts(&sshd).aim("erp", target).survey("root", &Default::default()).await.expect_err("no such secret");
    assert!(error.to_string().contains("the secret ssh.nowhere is nowhere"), "{error}");
}

#[tokio::test]
async fn at_first_contact_a_host_shows_its_key_and_nobody_logs_in() {
    let Some(sshd) = Sshd::start().await else { return };
    let stranger = Stranger { name: "erp".to_owned(), address: "127.0.0.1".to_owned(), port: sshd.port, jump: None };
    let key = hosts(&sshd).first_contact(&stranger, Duration::from_secs(10)).await.expect("a key");
    assert_eq!(key, sshd.host_key("host"));
    let nobody = Stranger { port: 1, ..stranger };
    let error = hosts(&sshd).first_contact(&nobody, Duration::from_secs(10)).await.expect_err("nobody there");
    assert!(matches!(error, HostError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_host_behind_another_is_reached_through_it_with_the_keys_of_both() {
    let (Some(bastion), Some(inner)) = (Sshd::start().await, Sshd::start().await) else { return };
    let hop = |sshd: &Sshd| match target(sshd, sshd.host_key("host")).way {
        Way::Ssh(ssh) => *ssh,
        Way::Local => panic!("over ssh"),
    };
    let secrets = inner.secrets();
    std::fs::write(secrets.join("ssh.bastion"), bastion.private_key("client")).expect("written");
    let jump = Ssh { name: "bastion".to_owned(), identity: Some("ssh.bastion".to_owned()), ..hop(&bastion) };
    let target =
        |jump: Ssh| Target { way: Way::Ssh(Box::new(Ssh { jump: Some(Box::new(jump)), ..hop(&inner) })), sudo: false };
    let host = hosts(&inner).aim("erp", target(jump.clone()));
    assert_eq!(say(&host, "echo behind").await, "behind");
    assert_eq!(bastion.connections(), 1);
    let liar = Ssh { key: bastion.host_key("stranger"), ..jump };
    let error = hosts(&inner).aim("erp", target(liar)).survey("root", &Default::default()).await.expect_err("a liar");
    assert!(matches!(error, HostError::KeyChanged { .. }), "{error:?}");
}

#[tokio::test]
async fn no_private_key_stands_in_an_argument_or_stays_on_the_disk() {
    let Some((sshd, hosts, host)) = reached().await else { return };
    let secret: Vec<String> = sshd.private_key("client").lines().skip(1).map(str::to_owned).collect();
    assert_eq!(say(&host, "cat >/dev/null; echo there").await, "there");
    let seen = crate::hosts::running::arguments();
    assert!(seen.contains("ssh -F"), "the connection is among them");
    assert!(secret.iter().filter(|line| line.len() > 30).all(|line| !seen.contains(line)), "in the arguments");
    for base in ["/dev/shm", &std::env::temp_dir().display().to_string()] {
        for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&format!("driftless-ssh-{}-", std::process::id())) {
                let found =
                    std::process::Command::new("grep").args(["-r", "-l", &secret[1]]).arg(entry.path()).output();
                assert_eq!(String::from_utf8_lossy(&found.expect("grep").stdout), "");
            }
        }
    }
    drop((hosts, host));
}

//! Commands: their quoting, their ends, and what a host that hangs, floods or goes away does to others.

use super::{reached, say, target};
use crate::sshd::Sshd;
use driftless::ports::host::{Command, Host, HostError, Hosts, Target, Way};
use std::time::{Duration, Instant};

/// The arguments of every process of this machine.
pub fn arguments() -> String {
    let all = std::fs::read_dir("/proc").expect("/proc").flatten();
    let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ") + "\n").collect()
}

#[tokio::test]
async fn arguments_arrive_as_they_are_and_exit_codes_come_back() {
    let Some((_sshd, hosts, host)) = reached().await else { return };
    let local = hosts.aim("own", Target::local());
    for host in [host, local] {
        let words = ["it's", "$HOME", "a  b", "", "*", "é\"\\", "-n"];
        let script = r#"for word; do printf '<%s>' "$word"; done"#;
        let output = host.run(&Command::script("words", script, &words)).await.expect("it runs");
        assert_eq!(output.text(), "<it's><$HOME><a  b><><*><é\"\\><-n>");
        let output = host.output(&Command::script("failing", "echo no >&2; exit 3", &[])).await.expect("it ran");
        assert_eq!((output.code, output.last_words()), (3, "no".to_owned()));
        let error = host.run(&Command::script("failing", "echo no >&2; exit 3", &[])).await.expect_err("it fails");
        assert_eq!(error.to_string(), format!("failing on {} failed with exit code 3: no", host.name()));
        let output = host.output(&Command::program("missing", ["no-such-program-here"])).await.expect("it ran");
        assert_eq!(output.code, 127);
        let echoed = host.run(&Command::program("echoing", ["cat"]).stdin(vec![7u8; 300_000])).await.expect("it runs");
        assert_eq!(echoed.out.len(), 300_000);
    }
}

#[tokio::test]
async fn a_command_that_hangs_is_ended_there_too_and_the_connection_goes_on() {
    let Some((sshd, _hosts, host)) = reached().await else { return };
    assert_eq!(say(&host, "echo there").await, "there");
    let began = Instant::now();
    let hang = Command::script("hanging", "sleep 4242", &[]).within(Duration::from_secs(1));
    let error = host.run(&hang).await.expect_err("too long");
    assert!(matches!(error, HostError::TimedOut { .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(say(&host, "echo still").await, "still");
    assert_eq!(sshd.connections(), 1, "over the same connection");
    while arguments().contains("sleep 4242") {
        assert!(began.elapsed() < Duration::from_secs(20), "it is ended on the host");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_flood_is_cut_off_and_said_to_be() {
    let Some((_sshd, _hosts, host)) = reached().await else { return };
    let flood = Command::script("flooding", "head -c 3000000 /dev/zero; head -c 5 /dev/zero >&2", &[]).saying(1000);
    let output = host.run(&flood).await.expect("it ends");
    assert!(output.truncated);
    assert_eq!((output.out.len(), output.err.len()), (1000, 5));
}

#[tokio::test]
async fn many_commands_at_once_all_come_through() {
    let Some((sshd, _hosts, host)) = reached().await else { return };
    let all = (0..30).map(|n| {
        let host = host.clone();
        async move { say(&host, &format!("sleep 0.05; echo {n}")).await }
    });
    let said = futures::future::join_all(all).await;
    assert_eq!(said, (0..30).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(sshd.connections(), 1);
}

/// A host that takes connections and never says a word, as long as the listener is kept.
fn mute(sshd: &Sshd, hosts: &Hosts) -> (std::net::TcpListener, Host) {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut way = target(sshd, sshd.host_key("host"));
    if let Way::Ssh(ssh) = &mut way.way {
        (ssh.port, ssh.name) = (silent.local_addr().expect("an address").port(), "mute".to_owned());
    }
    let mute = hosts.aim("mute", way);
    (silent, mute)
}

#[tokio::test]
async fn a_host_that_hangs_holds_up_nobody_else_and_is_left_alone_for_a_while() {
    let Some((sshd, hosts, host)) = reached().await else { return };
    let (_silent, mute) = mute(&sshd, &hosts);
    let nothing = Default::default();
    let (waited, answered) = tokio::join!(
        async {
            let began = Instant::now();
            (mute.survey("root", &nothing).await.expect_err("it hangs"), began.elapsed())
        },
        async {
            let began = Instant::now();
            assert_eq!(say(&host, "echo there").await, "there");
            began.elapsed()
        }
    );
    assert!(answered < Duration::from_secs(5), "{answered:?}");
    assert!(matches!(waited.0, HostError::Unreachable { .. }), "{:?}", waited.0);
    let began = Instant::now();
    let again = mute.survey("root", &nothing).await.expect_err("it is left alone");
    assert_eq!(again, waited.0, "the same is said of it");
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_waits_a_moment_for_a_host_that_hangs_and_the_next_one_not_at_all() {
    let Some((sshd, hosts, host)) = reached().await else { return };
    let (_silent, mute) = mute(&sshd, &hosts);
    let nothing = Default::default();
    let began = Instant::now();
    let first = mute.look("root", &nothing).await.expect_err("it hangs");
    assert!(matches!(&first, HostError::TimedOut { .. }) && began.elapsed() < Duration::from_secs(8), "{first:?}");
    // It is still being asked: nobody waits for that.
    let began = Instant::now();
    let second = mute.look("root", &nothing).await.expect_err("it hangs");
    assert!(second == first && began.elapsed() < Duration::from_secs(1), "{second:?}");
    // What it came to is told from then on, and it is left alone.
    let told = loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        match mute.look("root", &nothing).await.expect_err("it hangs") {
            HostError::TimedOut { .. } => {}
            other => break other,
        }
    };
    assert!(matches!(told, HostError::Unreachable { .. }), "{told:?}");
    assert_eq!(host.look("root", &nothing).await.map(|survey| survey.home.is_empty()), Ok(false));
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_anew() {
    let Some((mut sshd, _hosts, host)) = reached().await else { return };
    assert_eq!(say(&host, "echo there").await, "there");
    sshd.stop().await;
    let gone = host.survey("root", &Default::default()).await.expect_err("it is away");
    assert!(gone.may_pass(), "{gone}");
    assert!(sshd.restart("host").await, "the port is its own");
    host.wake();
    // What was cut off may be noticed by the first word only.
    let _ = host.output(&Command::script("trying", "true", &[])).await;
    host.wake();
    assert_eq!(say(&host, "echo back").await, "back");
}

#[tokio::test]
async fn a_host_that_is_dropped_leaves_no_ssh_behind() {
    let Some((sshd, hosts, host)) = reached().await else { return };
    let mark = format!("HostName 127.0.0.1\n  Port {}", sshd.port);
    assert_eq!(say(&host, "echo there").await, "there");
    assert_eq!(sshd.connections(), 1);
    drop((hosts, host));
    let began = Instant::now();
    while sshd.connections() > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "{mark}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_socket_of_the_host_is_brought_here() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let Some(sshd) = Sshd::start().await else { return };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let path = sshd.folder.path().join("engine.sock");
    let listener = tokio::net::UnixListener::bind(&path).expect("a socket");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 512];
            let count = stream.read(&mut asked).await.unwrap_or(0);
            assert!(asked[..count].starts_with(b"GET /_ping"));
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK").await;
        }
    });
    let hosts = super::hosts(&sshd);
    let host = hosts.aim("erp", target(&sshd, sshd.host_key("host")));
    let here = host.forward(&path.display().to_string()).await.expect("it is brought");
    assert_ne!(here.path, path);
    assert_eq!(host.forward(&path.display().to_string()).await.expect("again"), here);
    for _ in 0..3 {
        let client = reqwest::Client::builder().no_proxy().unix_socket(here.path.clone()).build().expect("a client");
        let answer =
            client.get("http://localhost/_ping").send().await.expect("an answer").text().await.expect("a text");
        assert_eq!(answer, "OK");
    }
    assert_eq!(sshd.connections(), 1);
    let local = hosts.aim("own", Target::local()).forward_docker().await.expect("its own").expect("a socket");
    assert_eq!(local.path.to_str(), Some("/var/run/docker.sock"));
}

//! Programs that tell of the machine itself, and of what runs on it.

use std::time::Duration;

use super::{Call, Package, Program, web};
use crate::sandbox::hosts::nginx::CONF;
use crate::sandbox::hosts::shell::Said;

pub(super) const ALL: &[Program] = &[
    ("id", Package::Base, |call| Box::pin(id(call))),
    ("uname", Package::Base, |call| Box::pin(uname(call))),
    ("df", Package::Base, |call| Box::pin(df(call))),
    ("getent", Package::Base, |call| Box::pin(getent(call))),
    ("ss", Package::Base, |call| Box::pin(ss(call))),
    ("sleep", Package::Base, |call| Box::pin(sleep(call))),
    ("systemctl", Package::Base, |call| Box::pin(systemctl(call))),
    ("kill", Package::Base, |call| Box::pin(kill(call))),
];

/// `id [-u | -g] [-n]`.
async fn id(call: &Call<'_>) -> Said {
    let user = call.session.user.as_str();
    let number = if user == "root" { 0 } else { 1000 };
    let named = call.args.iter().any(|word| word.starts_with('-') && word.contains('n'));
    Said::ok(match call.args.is_empty() {
        true => format!("uid={number}({user}) gid={number}({user}) groups={number}({user})\n"),
        false if named => format!("{user}\n"),
        false => format!("{number}\n"),
    })
}

async fn uname(call: &Call<'_>) -> Said {
    let name = call.session.machine.name();
    let mut parts = Vec::new();
    for word in call.args {
        parts.push(match word.as_str() {
            "-r" => "6.8.0-45-generic",
            "-m" | "-p" => "x86_64",
            "-n" => &name,
            "-a" => "Linux simulated 6.8.0-45-generic x86_64 GNU/Linux",
            _ => "Linux",
        });
    }
    Said::ok(if parts.is_empty() { "Linux\n".to_owned() } else { format!("{}\n", parts.join(" ")) })
}

/// `df -P -T [-k | -i]`.
async fn df(call: &Call<'_>) -> Said {
    let machine = &call.session.machine;
    let (size, used) = machine.room();
    let (size, used) = (size / 1024, used / 1024);
    let row = |size: u64, used: u64| {
        let free = size.saturating_sub(used);
        let share = (used * 100).checked_div(size).unwrap_or(0);
        format!("/dev/vda1      ext4 {size} {used} {free} {share}% /\ntmpfs          tmpfs 65536 0 65536 0% /run\n")
    };
    Said::ok(match call.has(&["-i"]) {
        true => format!("Filesystem     Type   Inodes  IUsed   IFree IUse% Mounted on\n{}", row(1_000_000, 50_000)),
        false => format!("Filesystem     Type 1024-blocks Used Available Capacity Mounted on\n{}", row(size, used)),
    })
}

/// `getent passwd NAME`.
async fn getent(call: &Call<'_>) -> Said {
    let (base, name) =
        (call.args.first().map(String::as_str), call.args.get(1).map(String::as_str).unwrap_or_default());
    let file = match base {
        Some("group") => "/etc/group",
        _ => "/etc/passwd",
    };
    let text = call.session.machine.disk.read(file).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let found = text.lines().find(|line| line.split(':').next() == Some(name));
    match found {
        Some(line) => Said::ok(format!("{line}\n")),
        None => Said { code: 2, ..Said::default() },
    }
}

/// `ss -H -l -n -t -u -p`.
async fn ss(call: &Call<'_>) -> Said {
    let listening = call.session.machine.listening();
    let line = |(address, port, program): (String, u16, String)| {
        format!("tcp LISTEN 0 511 {address}:{port} 0.0.0.0:* users:((\"{program}\",pid=811,fd=6))\n")
    };
    Said::ok(listening.into_iter().map(line).collect::<String>())
}

/// Sleeps, but shorter than it was told.
async fn sleep(call: &Call<'_>) -> Said {
    let seconds: f64 = call.plain().filter_map(|word| word.trim_end_matches('s').parse::<f64>().ok()).sum();
    let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    tokio::time::sleep(time / call.session.machine.config.haste.max(1)).await;
    Said::ok("")
}

async fn systemctl(call: &Call<'_>) -> Said {
    let mut words = call.plain();
    let (verb, unit) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let unit = unit.trim_end_matches(".service");
    let machine = &call.session.machine;
    let runs = unit != "nginx" || machine.nginx().is_some();
    match (verb, unit) {
        ("is-active", _) if runs => Said::ok("active\n"),
        ("is-active", _) => Said { code: 3, out: b"inactive\n".to_vec(), err: Vec::new() },
        ("stop", "nginx") => {
            machine.stop_nginx();
            Said::ok("")
        }
        ("start" | "restart" | "reload" | "reload-or-restart", "nginx") => {
            let again = runs && verb != "restart";
            if !again {
                machine.stop_nginx();
            }
            match web::load(call, CONF, again).await {
                Ok(()) => Said::ok(""),
                Err(why) => Said::fails(1, format!("Job for nginx.service failed.\n{why}")),
            }
        }
        _ => Said::ok(""),
    }
}

/// `kill -0 PID` of what runs by itself; other signals end nothing.
async fn kill(call: &Call<'_>) -> Said {
    let there = call.plain().all(|pid| pid.parse().is_ok_and(|pid| call.session.machine.has_process(pid)));
    if there { Said::ok("") } else { Said::fails(1, "kill: no such process") }
}

//! What is on a machine's disk when it first comes up, and what cloud-init makes of its user data.

use std::sync::Arc;

use serde_json::{Value, json};

use super::machine::{Machine, Seen};
use super::programs::Package;
use super::shell;

/// Makes a machine that has been turned on what it is: the first time from its image, its keys and its user data.
pub(super) async fn boot(machine: &Arc<Machine>, seen: &Seen) {
    if !std::mem::replace(&mut machine.state().booted, true) {
        first(machine, seen).await;
    }
    if machine.state().installed.has(Package::Nginx) && machine.nginx().is_none() {
        // Where its settings are refused it stays off, as on a real machine.
        script(machine, "systemctl start nginx").await;
    }
}

async fn first(machine: &Arc<Machine>, seen: &Seen) {
    let disk = &machine.disk;
    for (path, mode) in
        [("/root", 0o700), ("/root/.ssh", 0o700), ("/tmp", 0o1777), ("/opt", 0o755), ("/var/log", 0o755)]
    {
        disk.folder(path, mode);
    }
    for path in [
        "/etc/ssh",
        "/run",
        "/var/run",
        "/var/lib/cloud/instance",
        "/run/cloud-init",
        "/run/systemd/system",
        "/dev",
        "/etc/systemd",
    ] {
        disk.folder(path, 0o755);
    }
    let (id, version, codename) = distribution(&seen.image);
    let release = format!(
        "PRETTY_NAME=\"{} {version}\"\nID={id}\nVERSION_ID=\"{version}\"\nVERSION_CODENAME={codename}\n",
        if id == "ubuntu" { "Ubuntu" } else { "Debian GNU/Linux" }
    );
    disk.put("/etc/os-release", release, 0o644);
    disk.put("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n", 0o644);
    disk.put("/etc/group", "root:x:0:\nwww-data:x:33:\n", 0o644);
    disk.put("/etc/hostname", format!("{}\n", seen.name), 0o644);
    disk.put(
        "/root/.ssh/authorized_keys",
        seen.keys.iter().map(|key| format!("{}\n", key.trim())).collect::<String>(),
        0o600,
    );
    let public = machine.key.public_key().to_openssh().unwrap_or_default();
    disk.put("/etc/ssh/ssh_host_ed25519_key.pub", format!("{public}\n"), 0o644);
    let processors: String =
        (0..seen.processors).map(|n| format!("processor\t: {n}\nmodel name\t: DO-Regular\n\n")).collect();
    disk.put("/proc/cpuinfo", processors, 0o444);
    disk.put("/proc/loadavg", "0.08 0.03 0.01 1/120 4242\n", 0o444);
    tick(machine);
    {
        let installed = &mut machine.state().installed;
        installed.add(&machine.disk, Package::Base);
        if seen.image.starts_with("docker-") {
            installed.add(&machine.disk, Package::Docker);
            installed.add(&machine.disk, Package::Compose);
        }
    }
    let errors = cloud_init(machine, seen.user_data.as_deref()).await;
    let result = json!({"v1": {"datasource": "DataSourceDigitalOcean", "errors": errors}});
    disk.put("/run/cloud-init/result.json", result.to_string(), 0o644);
    disk.put("/var/lib/cloud/instance/boot-finished", "0.00 - finished\n", 0o644);
}

/// Brings what changes by itself up to date.
pub(super) fn tick(machine: &Machine) {
    let (uptime, total) = (machine.uptime().as_secs_f64(), machine.state().seen.memory * 1024);
    machine.disk.put("/proc/uptime", format!("{uptime:.2} {uptime:.2}\n"), 0o444);
    let (free, available) = (total / 3, total / 2);
    let text = format!(
        "MemTotal: {total} kB\nMemFree: {free} kB\nMemAvailable: {available} kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"
    );
    machine.disk.put("/proc/meminfo", text, 0o444);
}

fn distribution(image: &str) -> (&'static str, String, &'static str) {
    let version = |at: &str| image.strip_prefix(at).unwrap_or_default().trim_end_matches("-x64").replace('-', ".");
    match image.split('-').next() {
        Some("debian") => {
            let version = version("debian-");
            let codename = match version.as_str() {
                "11" => "bullseye",
                "13" => "trixie",
                _ => "bookworm",
            };
            ("debian", version, codename)
        }
        _ => {
            let version = version("ubuntu-");
            let codename = match version.as_str() {
                "20.04" => "focal",
                "22.04" => "jammy",
                _ => "noble",
            };
            ("ubuntu", if version.is_empty() { "24.04".to_owned() } else { version }, codename)
        }
    }
}

/// Does what user data asks for, simply; gives what went wrong. A script (`#!`) is run as root.
async fn cloud_init(machine: &Arc<Machine>, user_data: Option<&str>) -> Vec<String> {
    let Some(text) = user_data.map(str::trim_start).filter(|text| !text.is_empty()) else { return Vec::new() };
    if text.starts_with("#!") {
        let said = script(machine, text).await;
        return said.into_iter().collect();
    }
    if !text.starts_with("#cloud-config") {
        return vec!["user data is neither #cloud-config nor a script".to_owned()];
    }
    let config: Value = match serde_saphyr::from_str(text) {
        Ok(config) => config,
        Err(error) => return vec![format!("user data is no YAML: {error}")],
    };
    let mut errors = Vec::new();
    let keys = words(config.get("ssh_authorized_keys"));
    authorize(machine, "/root", &keys).await;
    for user in config.get("users").and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = user.get("name").and_then(Value::as_str) else { continue };
        let home = if name == "root" { "/root".to_owned() } else { format!("/home/{name}") };
        if name != "root" {
            let passwd = machine.disk.read("/etc/passwd").await.unwrap_or_default();
            let line = format!("{name}:x:1000:1000::{home}:/bin/bash\n");
            machine.disk.put("/etc/passwd", [passwd, line.into_bytes()].concat(), 0o644);
            machine.disk.folder(&home, 0o755);
        }
        authorize(machine, &home, &words(user.get("ssh_authorized_keys"))).await;
    }
    for package in words(config.get("packages")) {
        let known = Package::named(&package);
        match known {
            Some(package) => machine.state().installed.add(&machine.disk, package),
            None => tracing::debug!(host = machine.name(), package, "a package without programs is installed"),
        }
    }
    for file in config.get("write_files").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| file.get(key).and_then(Value::as_str);
        let Some(path) = text("path") else { continue };
        let mode = text("permissions").and_then(|mode| u32::from_str_radix(mode, 8).ok()).unwrap_or(0o644);
        machine.disk.put(path, text("content").unwrap_or_default(), mode);
    }
    for command in config.get("runcmd").and_then(Value::as_array).into_iter().flatten() {
        let line = match command {
            Value::Array(_) => shell::line(&words(Some(command))),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        errors.extend(script(machine, &line).await);
    }
    errors
}

async fn script(machine: &Arc<Machine>, text: &str) -> Option<String> {
    let words = ["sh".to_owned(), "-c".to_owned(), text.to_owned()];
    // The shell starts programs that may boot another machine: the future's size must be known.
    let said = Box::pin(shell::run(machine, "root", &shell::line(&words), Vec::new())).await;
    let why = || format!("a command of user data ended with {}: {}", said.code, said.errors().trim());
    (said.code != 0).then(why)
}

async fn authorize(machine: &Machine, home: &str, keys: &[String]) {
    if keys.is_empty() {
        return;
    }
    let path = format!("{home}/.ssh/authorized_keys");
    let mut text = machine.disk.read(&path).await.unwrap_or_default();
    for key in keys {
        text.extend_from_slice(format!("{}\n", key.trim()).as_bytes());
    }
    machine.disk.folder(&format!("{home}/.ssh"), 0o700);
    machine.disk.put(&path, text, 0o600);
}

fn words(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

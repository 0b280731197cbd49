//! nginx, and who asks it: `nginx`, `curl`, `openssl`, `pgrep`.

use std::path::Path;

use super::{Call, Package, Program};
use crate::sandbox::hosts::engine::{State, digest};
use crate::sandbox::hosts::machine::{Machine, Nginx};
use crate::sandbox::hosts::nginx::{self, Answer, CONF};
use crate::sandbox::hosts::shell::Said;

pub(super) const ALL: &[Program] = &[
    ("nginx", Package::Nginx, |call| Box::pin(nginx(call))),
    ("curl", Package::Base, |call| Box::pin(curl(call))),
    ("openssl", Package::Base, |call| Box::pin(openssl(call))),
    ("pgrep", Package::Base, |call| Box::pin(pgrep(call))),
];

async fn nginx(call: &Call<'_>) -> Said {
    let after = |name: &str| call.args.iter().skip_while(|word| *word != name).nth(1).map(String::as_str);
    if call.has(&["-v", "-V"]) {
        return Said { err: format!("nginx version: {} (Ubuntu)\n", nginx::VERSION).into_bytes(), ..Said::default() };
    }
    let conf = after("-c").unwrap_or(CONF);
    match (call.has(&["-t", "-T"]), after("-s")) {
        (true, _) => test(call, conf).await,
        (_, Some("reload")) => match load(call, conf, true).await {
            Ok(()) => Said::ok(""),
            Err(why) => Said::fails(1, why),
        },
        (_, Some(_)) => {
            call.session.machine.stop_nginx();
            Said::ok("")
        }
        _ => match load(call, conf, false).await {
            Ok(()) => Said::ok(""),
            Err(why) => Said::fails(1, why),
        },
    }
}

async fn test(call: &Call<'_>, conf: &str) -> Said {
    let quiet = call.has(&["-q"]);
    let checked = async {
        let main = nginx::read(call.fs, Path::new(conf)).await?;
        nginx::checked(call.fs, &main).await
    };
    match checked.await {
        Ok((_, warnings)) => {
            let mut lines = warnings;
            if !quiet {
                lines.push(format!("nginx: the configuration file {conf} syntax is ok"));
                lines.push(format!("nginx: configuration file {conf} test is successful"));
            }
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            Said { err: text.into_bytes(), ..Said::default() }
        }
        Err(why) => Said::fails(1, format!("{why}\nnginx: configuration file {conf} test failed")),
    }
}

/// Starts nginx, or has it read everything anew; what it served before goes on where that fails.
pub(super) async fn load(call: &Call<'_>, conf: &str, again: bool) -> Result<(), String> {
    let machine = &call.session.machine;
    let main = nginx::read(call.fs, Path::new(conf)).await?;
    let (servers, _) = nginx::checked(call.fs, &main).await?;
    let runs = machine.nginx().as_ref().map(|nginx| (nginx.master, nginx.workers.last().copied().unwrap_or_default()));
    match (runs, again) {
        (None, true) => {
            return Err("nginx: [error] open() \"/run/nginx.pid\" failed (2: No such file or directory)".to_owned());
        }
        (Some(_), false) => {
            return Err("nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)".to_owned());
        }
        _ => {}
    }
    for (address, port, _) in servers.iter().flat_map(|server| &server.listens) {
        let engine = machine.engine();
        let mut up = engine.containers.iter().filter(|one| matches!(one.state, State::Up(_)));
        if up.any(|one| one.ports.iter().any(|own| own.outside == *port)) {
            return Err(format!("nginx: [emerg] bind() to {address}:{port} failed (98: Address already in use)"));
        }
    }
    let (master, last) = runs.unwrap_or((machine.next_process(), 0));
    let worker = machine.next_process().max(last + 1);
    machine.start_nginx(Nginx { master, workers: vec![worker], servers });
    Ok(())
}

/// What one gets who asks a machine at a port for a name and a path: a status and a text; none where nothing listens.
pub(super) fn asked(
    machine: &Machine,
    port: u16,
    tls: bool,
    name: &str,
    path: &str,
) -> Option<Result<(u16, String), String>> {
    let nginx = machine.nginx();
    let listens = |server: &&nginx::Server| server.listens.iter().any(|(_, own, over)| *own == port && *over == tls);
    let servers: Vec<_> = nginx.iter().flat_map(|nginx| &nginx.servers).filter(listens).collect();
    if !servers.is_empty() {
        let named = servers.iter().find(|server| server.names.iter().any(|own| own == name));
        let server = (*named.or(servers.first())?).clone();
        drop(nginx);
        return Some(Ok(match server.answer(path) {
            Answer::Status(status, text) => (status, text),
            Answer::Proxy(to) => {
                let port = to.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(80);
                match container(machine, port) {
                    Some(text) => (200, text),
                    None => (502, "502 Bad Gateway".to_owned()),
                }
            }
            Answer::File(root) => match machine.file(&format!("{root}{path}")) {
                Some(text) => (200, text),
                None => (404, "404 Not Found".to_owned()),
            },
        }));
    }
    drop(nginx);
    container(machine, port).map(|text| Ok((200, text)))
}

/// What a container answers on a port of the machine.
fn container(machine: &Machine, port: u16) -> Option<String> {
    let now = machine.now();
    let mut engine = machine.engine();
    engine.settle(now);
    let mut up = engine.containers.iter().filter(|one| matches!(one.state, State::Up(_)) && !one.loops());
    let one = up.find(|one| one.ports.iter().any(|own| own.outside == port))?;
    Some(format!("{} of {}, image {}\n", one.label("service"), one.label("project"), one.tag))
}

async fn curl(call: &Call<'_>) -> Said {
    let (mut url, mut name, mut form, mut silent, mut fail, mut head) = ("", None, None, false, false, false);
    let mut words = call.args.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "-o" | "--output" => silent = words.next().is_some(),
            "-w" | "--write-out" => form = words.next(),
            "-H" | "--header" => {
                let header = words.next().unwrap_or_default();
                name = header.strip_prefix("Host:").map(str::trim).or(name);
            }
            "-m" | "--max-time" | "--connect-timeout" | "-X" | "--resolve" | "-A" | "-d" | "--retry" => {
                words.next();
            }
            "--fail" => fail = true,
            "--head" => head = true,
            _ if word.starts_with("--") => {}
            _ if word.starts_with('-') => {
                fail |= word.contains('f');
                head |= word.contains('I');
            }
            _ => url = word,
        }
    }
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (place, path) = rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, "/"));
    let tls = scheme == "https";
    let (host, port) = match place.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>())) {
        Some((host, Ok(port))) => (host, port),
        _ => (place, if tls { 443 } else { 80 }),
    };
    let machine = call.session.machine.at(host);
    match machine.and_then(|machine| asked(&machine, port, tls, name.unwrap_or(host), path)) {
        None => Said::fails(
            7,
            format!("curl: (7) Failed to connect to {host} port {port} after 0 ms: Couldn't connect to server"),
        ),
        Some(Err(why)) => Said::fails(35, format!("curl: (35) {why}")),
        Some(Ok((status, _))) if fail && status >= 400 => {
            let code = form
                .map(|form| form.replace("%{http_code}", &status.to_string()).replace("\\n", "\n"))
                .unwrap_or_default();
            let said = Said::fails(22, format!("curl: (22) The requested URL returned error: {status}"));
            Said { out: code.into_bytes(), ..said }
        }
        Some(Ok((status, text))) => {
            let mut out = if silent || head { String::new() } else { text };
            if head {
                out.push_str(&format!("HTTP/1.1 {status}\r\n\r\n"));
            }
            out.extend(form.map(|form| form.replace("%{http_code}", &status.to_string()).replace("\\n", "\n")));
            Said::ok(out)
        }
    }
}

/// `openssl x509 -in FILE -noout -serial -enddate …` and `openssl s_client -connect ADDRESS:PORT -servername NAME`.
async fn openssl(call: &Call<'_>) -> Said {
    let after = |name: &str| call.args.iter().skip_while(|word| *word != name).nth(1).map(String::as_str);
    match call.args.first().map(String::as_str) {
        Some("x509") => {
            let path = after("-in").unwrap_or("-");
            let text = match path {
                "-" => call.stdin.to_vec(),
                path => match call.fs.read_file(&call.path(path)).await {
                    Ok(text) => text,
                    Err(_) => {
                        return Said::fails(
                            1,
                            format!("Could not open file or uri for loading certificate from {path}"),
                        );
                    }
                },
            };
            match certificate(&text) {
                Some(seen) => {
                    let mut out = String::new();
                    for (option, line) in
                        [("-serial", &seen.serial), ("-enddate", &seen.end), ("-subject", &seen.subject)]
                    {
                        if call.has(&[option]) {
                            out.push_str(&format!("{line}\n"));
                        }
                    }
                    Said::ok(out)
                }
                None => Said::fails(1, format!("Unable to load certificate from {path}")),
            }
        }
        Some("s_client") => {
            let (place, name) = (after("-connect").unwrap_or_default(), after("-servername").unwrap_or_default());
            let (host, port) = place.rsplit_once(':').unwrap_or((place, "443"));
            let port = port.parse::<u16>().unwrap_or(443);
            let Some(machine) = call.session.machine.at(host) else { return Said::fails(1, "connect:errno=111") };
            let nginx = machine.nginx();
            let listens = |server: &&nginx::Server| server.listens.iter().any(|(_, own, tls)| *own == port && *tls);
            let all: Vec<_> = nginx.iter().flat_map(|nginx| &nginx.servers).filter(listens).collect();
            let server = all.iter().find(|server| server.names.iter().any(|own| own == name)).or(all.first());
            match server.and_then(|server| certificate(server.certificate.as_deref()?)) {
                Some(seen) => Said::ok(format!("CONNECTED(00000003)\n---\n{}\n---\n", seen.subject)),
                None => Said::fails(1, "connect:errno=111"),
            }
        }
        Some("version") => Said::ok("OpenSSL 3.0.13 30 Jan 2024\n"),
        _ => Said::fails(1, "Invalid command"),
    }
}

struct Certificate {
    serial: String,
    end: String,
    subject: String,
}

fn certificate(pem: &[u8]) -> Option<Certificate> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem).ok()?;
    let seen = pem.parse_x509().ok()?;
    let subject =
        seen.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or_default().to_owned();
    Some(Certificate {
        serial: format!("serial={}", seen.raw_serial_as_string().replace(':', "").to_uppercase()),
        end: format!("notAfter={}", seen.validity().not_after),
        subject: format!("subject=CN = {subject}"),
    })
}

/// `pgrep -P PID`: the workers of nginx.
async fn pgrep(call: &Call<'_>) -> Said {
    let nginx = call.session.machine.nginx();
    let of = nginx.as_ref().filter(|nginx| call.args.iter().any(|word| *word == nginx.master.to_string()));
    match of {
        Some(nginx) => Said::ok(nginx.workers.iter().map(|pid| format!("{pid}\n")).collect::<String>()),
        None => Said { code: 1, ..Said::default() },
    }
}

/// A text for proofs, another one each time.
pub(super) fn token(of: &str) -> String {
    digest(of).chars().take(24).collect()
}

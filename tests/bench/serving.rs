//! On real parts: from a push of a new image tag to the site that serves it, through nginx from a container on a droplet that
//! is one itself, less the container's own start. Nothing is pulled: both images are on the droplet.

#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../containers/machines.rs"]
mod machines;

use crate::estate::settings;
use crate::look::runtime;
use crate::process::Running;
use crate::report::{Report, ms, spread};
use crate::world;
use driftless::ports::git;
use driftless::sandbox::{self, Handle};
use machines::Machines;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

const RUNS: u8 = 9;
const NAME: &str = "erp.example.com";
const COMPOSE: &str = "stacks/odoo/compose.yaml";
/// What runs: it says which image it is of.
const COMMAND: &str = "busybox mkdir /www; echo $SAYS >/www/index.html; exec busybox httpd -f -p 8069 -h /www";
/// The same change by hand with docker alone, as quick as it gets; says how many milliseconds it takes.
const BY_HAND: &str = r#"docker rm -f hand >/dev/null 2>&1; docker run -d --name hand -p 127.0.0.1:8070:8069 "$1" sh -c "$3" >/dev/null
until curl -sf http://127.0.0.1:8070/ >/dev/null; do sleep 0.01; done
began=$(date +%s%N); docker rm -f hand >/dev/null; docker run -d --name hand -p 127.0.0.1:8070:8069 "$2" sh -c "$3" >/dev/null
until curl -sf http://127.0.0.1:8070/ >/dev/null; do sleep 0.01; done
echo $((($(date +%s%N) - began) / 1000000)); docker rm -f hand >/dev/null"#;

/// Measures it with the program as a process of its own.
pub fn measure(report: &mut Report) {
    if let Some(what) = Machines::lacks() {
        return report.note("not measured: it takes", &what);
    }
    let Some(machines) = Machines::start() else { return };
    let (runtime, folder) = (runtime(), tempfile::tempdir().expect("a folder"));
    let config = sandbox::Config { hosts: Some(machines.hosts()), ..world::settings() };
    let simulator = runtime.block_on(sandbox::serve(config)).expect("a simulator");
    let (private, public) = sandbox::key_pair();
    let (repo, secrets) = (folder.path().join("infra"), folder.path().join("secrets"));
    std::fs::create_dir_all(&secrets).expect("a folder");
    std::fs::write(secrets.join("ssh.ops"), private).expect("written");
    let ana = git::Person::new("Ana", "ana@example.com");
    runtime.block_on(git::init_repo(&repo, &files(&public), "Begin", "main", Some(&ana))).expect("a repository");
    let map = simulator.reach_map().expect("hosts");
    let set = ["reach.hosts=true".to_owned(), format!("reach.map={map}"), format!("secrets_dir={}", secrets.display())];
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    let began = Instant::now();
    let running = Running::start_with(&repo.display().to_string(), &folder.path().join("data"), &simulator.url(), &set);
    running.says("\"reported\"");
    let (_, address) = machines.of(&simulator.url(), "erp");
    until_served(&address, "one");
    report.note("from an empty account to a site that serves", &format!("{:.1} s", began.elapsed().as_secs_f64()));

    let hand = simulator.handle();
    let starts: Vec<Duration> = (0..5).map(|_| runtime.block_on(by_hand(&hand))).collect();
    let mut times = Vec::new();
    for run in 0..RUNS {
        let edition = 2 - run % 2;
        let edits = git::Edits::from([(COMPOSE.to_owned(), Some(compose(edition).into_bytes()))]);
        runtime.block_on(git::commit_in(&repo, &edits, "Another image", &ana)).expect("a commit");
        let moved = moved(&repo);
        until_served(&address, if edition == 2 { "two" } else { "one" });
        times.push(SystemTime::now().duration_since(moved).unwrap_or_default());
        running.says("\"reported\"");
    }
    let ((_, start, _), (low, middle, high)) = (spread(&starts), spread(&times));
    let whole = format!("{:.0} ms ({RUNS} runs, {:.0} to {:.0} ms)", ms(middle), ms(low), ms(high));
    report.note("from the branch's move to the new answer", &whole);
    report.note("the container's own start, by hand", &format!("{:.0} ms ({} runs)", ms(start), starts.len()));
    report.figure("the first less the second", ms(middle.saturating_sub(start)), "ms", 3_000.0, "");
    drop(running);
    runtime.block_on(simulator.stop()).expect("it stops");
}

fn moved(repo: &Path) -> SystemTime {
    std::fs::metadata(repo.join(".git/refs/heads/main")).and_then(|m| m.modified()).expect("when the branch moved")
}

/// Asks the site until it says this.
fn until_served(address: &str, wanted: &str) {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect((address, 80))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET / HTTP/1.0\r\nHost: {NAME}\r\n\r\n")?;
        let mut said = String::new();
        stream.read_to_string(&mut said)?;
        Ok(said)
    };
    let until = Instant::now() + Duration::from_secs(120);
    while !ask().is_ok_and(|said| said.contains(" 200 ") && said.trim_end().ends_with(wanted)) {
        assert!(Instant::now() < until, "{NAME} at {address} never says {wanted}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

async fn by_hand(hand: &Handle) -> Duration {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let script = format!("set -- web:1 web:2 {}\n{BY_HAND}", quoted(COMMAND));
    let said = hand.on_host("erp", &script).await.expect("there is such a host");
    Duration::from_millis(said.text().trim().parse().unwrap_or_else(|_| panic!("{said:?}")))
}

fn compose(edition: u8) -> String {
    format!(
        "services:\n  web:\n    image: web:{edition}\n    stop_signal: SIGKILL\n    ports: ['127.0.0.1:8069:8069']\n    \
         command: [sh, -c, '{}']\n",
        COMMAND.replace('$', "$$")
    )
}

fn files(public_key: &str) -> BTreeMap<String, Vec<u8>> {
    let head = "apiVersion: driftless/v1\nkind: ";
    let spec = |kind: &str, name: &str, spec: &str| format!("{head}{kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n");
    let droplet = "{region: sgp1, size: s-2vcpu-4gb, image: ubuntu-22-04-x64, sshKeys: [ops]}";
    let host = "{droplet: erp, identity: {secret: ssh.ops}, install: [docker, compose, nginx]}";
    let stack = "{host: erp, path: stacks/odoo, ready: {within: 30s, probes: [{http: \"http://127.0.0.1:8069/\"}]}}";
    let site = format!(
        "{{host: erp, serverNames: [{NAME}], locations: [{{path: /, to: {{stack: odoo, service: web, port: 8069}}}}]}}"
    );
    let all = [
        ("settings.yaml", settings()),
        ("ops.yaml", spec("SshKey", "ops", &format!("{{publicKey: \"{}\"}}", public_key.trim()))),
        ("erp.yaml", spec("Droplet", "erp", droplet)),
        ("host.yaml", spec("Host", "erp", host)),
        ("stack.yaml", spec("ComposeStack", "odoo", stack)),
        ("site.yaml", spec("NginxSite", "erp", &site)),
        (COMPOSE, compose(1)),
    ];
    all.into_iter().map(|(path, text)| (path.to_owned(), text.into_bytes())).collect()
}

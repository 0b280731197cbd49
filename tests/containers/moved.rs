//! A site that moves to another droplet with its stack and its certificate, by one commit: real certbot, nginx and Docker on
//! both. Its name is asked for over https all along, and certbot renews in the new place what it did not get there.

use super::Machines;
use super::acme::{Acme, directory};
use super::estate::{WAITS, compose};
use crate::house::{House, failed, lines};
use crate::moving::asker::{Ask, Asker};
use crate::simulated::house_on;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use driftless::ports::clock::Clock;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const NAME: &str = "ocr.example.com";
/// Seconds that others may keep the record.
const TTL: u64 = 300;
/// The ACME service of the tests shows a certificate that nobody knows.
const USER_DATA: &str =
    "#cloud-config\nwrite_files: [{path: /etc/letsencrypt/cli.ini, content: \"no-verify-ssl = true\\n\"}]\n";

fn droplets() -> String {
    let one = |name: &str| {
        format!(
            "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {{name: {name}}}\nspec: {{region: sgp1, size: s-2vcpu-4gb, \
             image: ubuntu-22-04-x64, sshKeys: [ops], userData: {{file: cloud.yaml}}}}\n---\napiVersion: driftless/v1\n\
             kind: Host\nmetadata: {{name: {name}}}\nspec:\n  droplet: {name}\n  identity: {{secret: ssh.ops}}\n  \
             install: [docker, compose, nginx, certbot]\n---\n"
        )
    };
    ["erp", "ocr"].map(one).concat()
}

/// The service, its site and its record, on one droplet.
fn service(host: &str) -> [(&'static str, String); 2] {
    let on_host = format!(
        "apiVersion: driftless/v1\nkind: ComposeStack\nmetadata: {{name: ocr}}\nspec:\n  host: {host}\n  path: stacks/ocr\n  \
         ready: {{within: 30s, probes: [{{http: \"http://127.0.0.1:8069/index.html\"}}]}}\n---\napiVersion: driftless/v1\n\
         kind: NginxSite\nmetadata: {{name: ocr}}\nspec:\n  host: {host}\n  serverNames: [{NAME}]\n  \
         tls: {{issuer: letsencrypt, email: ops@example.com, directory: \"{}\"}}\n  \
         locations: [{{path: /, to: {{stack: ocr, service: web, port: 8069}}}}]\n",
        directory()
    );
    let zone = format!(
        "apiVersion: driftless/v1\nkind: Domain\nmetadata: {{name: example.com}}\nspec:\n  defaultTtl: {TTL}\n  \
         ignore: [{{type: NS, name: \"@\"}}]\n  records: [{{name: ocr, type: A, droplet: {host}}}]\n"
    );
    [("ocr.yaml", on_host), ("zone.yaml", zone)]
}

async fn say(house: &House, host: &str, script: &str) -> String {
    let said = house.hand().on_host(host, script).await.expect("there is such a host");
    assert_eq!(said.code, 0, "{host}: {script}: {}{}", said.text(), said.errors());
    said.text()
}

/// Asks droplets over https from outside, by their public addresses, believing the ACME service alone.
fn from_outside(machines: &Machines, house: &House, root: &str) -> Ask {
    let public: Vec<(String, Ipv4Addr)> = house.hand().read(|world| {
        world.droplets.values().filter_map(|droplet| Some((droplet.name.clone(), droplet.public_v4?))).collect()
    });
    let url = house.running.url();
    let at: BTreeMap<Ipv4Addr, String> =
        public.into_iter().map(|(name, address)| (address, machines.of(&url, &name).1)).collect();
    let root = root.to_owned();
    Box::new(move |address| {
        let (at, root) = (at.get(&address).cloned(), root.clone());
        Box::pin(async move {
            let resolve = format!("{NAME}:443:{}", at.ok_or("no droplet has it")?);
            let words = ["-sSf", "--max-time", "5", "--cacert", &root, "--resolve", &resolve];
            let mut command = tokio::process::Command::new("curl");
            let output = command.args(words).arg(format!("https://{NAME}/index.html")).output().await.expect("curl");
            match output.status.success() {
                true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
                false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            }
        })
    })
}

/// Somebody who reads the arguments and the environment of every process of this machine, containers' too, for a secret.
struct Watched {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(usize, Vec<String>)>,
}

impl Watched {
    fn by(needles: Vec<String>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let end = stop.clone();
        let holds = move |path: &Path| {
            let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            text.is_ok_and(|text| needles.iter().any(|needle| text.contains(needle)))
        };
        let thread = std::thread::spawn(move || {
            let (mut read, mut found) = (0, Vec::new());
            while !end.load(Ordering::Relaxed) {
                for process in std::fs::read_dir("/proc").expect("/proc").flatten() {
                    read += 1;
                    let shown = ["cmdline", "environ"].map(|name| process.path().join(name));
                    found.extend(shown.iter().filter(|path| holds(path)).map(|path| path.display().to_string()));
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            (read, found)
        });
        Self { stop, thread }
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let (read, found) = self.thread.join().expect("it read");
        assert!(read > 100 && found.is_empty(), "of {read} processes, these showed the key: {found:?}");
    }
}

/// The serial number of the certificate that a droplet shows for the name, and of the one that lies there.
async fn serials(house: &House, host: &str) -> [String; 2] {
    let shown = format!(
        "openssl s_client -connect 127.0.0.1:443 -servername {NAME} </dev/null 2>/dev/null | openssl x509 -noout -serial"
    );
    let lies = format!("openssl x509 -noout -serial -in /etc/letsencrypt/live/{NAME}/fullchain.pem");
    [say(house, host, &shown).await, say(house, host, &lies).await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_moves_with_its_certificate_and_certbot_renews_it_in_its_new_place() {
    let Some(machines) = Machines::start() else { return };
    let house = house_on(machines.hosts(), Clock::at(Clock::System.now()), &[]).await;
    let acme = Acme::start(&machines, &house, None);
    let mut all = vec![
        ("droplets.yaml", droplets()),
        ("cloud.yaml", USER_DATA.to_owned()),
        ("stacks/ocr/compose.yaml", compose(1, WAITS)),
        ("stacks/ocr/side.ini", "workers = 2\n".to_owned()),
    ];
    all.extend(service("ocr"));
    let files: Vec<_> = all.iter().map(|(path, text)| (*path, Some(text.as_str()))).collect();
    house.push(&files).await;
    house.settles().await;

    let asker = Asker::start_by(from_outside(&machines, &house, &acme.root), "one\n", &house, NAME, TTL);
    let live = format!("/etc/letsencrypt/live/{NAME}");
    let key = say(&house, "ocr", &format!("cat {live}/privkey.pem")).await;
    let line = key.lines().nth(1).expect("a line of the key").to_owned();
    let encoded = STANDARD.encode(&key).chars().skip(200).take(60).collect();
    let watched = Watched::by(vec![line.clone(), encoded]);
    let before = serials(&house, "ocr").await;
    // As certbot itself made them; the old host may keep nothing of it.
    let algorithm = format!("openssl x509 -in {live}/fullchain.pem -noout -text | grep 'Public Key Algorithm'");
    let accounts = "find /etc/letsencrypt/accounts -name private_key.json -perm 0400 | wc -l; find /etc/letsencrypt/accounts -type f | wc -l";
    let by_certbot = [say(&house, "ocr", &algorithm).await, say(&house, "ocr", accounts).await];

    let moved = service("erp");
    house.push(&moved.each_ref().map(|(path, text)| (*path, Some(text.as_str())))).await;
    let snapshot = house.cycle().await;
    assert!(failed(&snapshot.outcomes).is_empty(), "{:#?}", failed(&snapshot.outcomes));
    let keys: Vec<String> = snapshot.outcomes.iter().map(|outcome| outcome.key.to_string()).collect();
    let order = ["ComposeStack/ocr replace", "NginxSite/ocr#certificate update", "NginxSite/ocr replace"];
    assert_eq!(keys[..3], order, "{keys:?}");
    assert_eq!(keys[3], "Domain/example.com#ocr A update");
    asker.goes_on(5).await;
    assert_eq!(serials(&house, "erp").await, before, "it came along, and is what is shown");

    // The former site goes once nobody can hold the former record any more.
    house.pass(TTL + 60);
    let snapshot = house.settles().await;
    // From here on the test itself has a line of the key in its arguments.
    watched.end();
    let site = format!(
        "ls /etc/nginx/sites-enabled; docker ps -q | wc -l; grep -rl '{line}' /var/log /var/lib/driftless /opt /root || true"
    );
    assert_eq!(say(&house, "ocr", &site).await, "default\n0\n", "{:?}", snapshot.plan.as_deref().map(lines));
    asker.goes_on(5).await;

    // As certbot itself sees it. The key is in its one place, for nobody else to read, and in none of the controller's.
    let told = say(&house, "erp", "certbot certificates 2>&1").await;
    assert!(told.contains(&format!("Certificate Name: {NAME}")) && !told.contains("invalid"), "{told}");
    let modes = format!(
        "stat -L -c '%a %U' {live}/privkey.pem; stat -c '%a %U' /etc/letsencrypt/archive /etc/letsencrypt/accounts /etc/letsencrypt/live; readlink {live}/privkey.pem"
    );
    let own = "600 root\n700 root\n700 root\n700 root\n../../archive/ocr.example.com/privkey1.pem\n";
    assert_eq!(say(&house, "erp", &modes).await, own);
    assert_eq!(say(&house, "erp", accounts).await, by_certbot[1], "the account as certbot keeps it");
    let found = Command::new("grep").args(["-rlF", &line]).arg(house.folder.path()).output().expect("grep runs");
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    let found =
        say(&house, "erp", &format!("grep -rlF '{line}' /etc /var /root /opt /tmp /run 2>/dev/null || true")).await;
    assert_eq!(found, format!("/etc/letsencrypt/archive/{NAME}/privkey1.pem\n"));

    // Certbot renews what it did not get here: the account answers, the proof is found, and nginx shows what is new.
    let renewed = say(
        &house,
        "erp",
        &format!("certbot renew --no-random-sleep-on-renew --cert-name {NAME} --force-renewal 2>&1"),
    )
    .await;
    assert!(renewed.contains("all renewals succeeded"), "{renewed}");
    let [shown, lies] = serials(&house, "erp").await;
    assert_ne!(lies, before[1], "{renewed}");
    assert_eq!(say(&house, "erp", &algorithm).await, by_certbot[0], "the same kind of key");
    assert_eq!(shown, lies, "nginx reads it anew: {renewed}");
    asker.goes_on(5).await;
    house.settles().await;
    let (asked, wrong) = asker.stop().await;
    assert!(asked > 20 && wrong.is_empty(), "of {asked} questions, these had no answer: {wrong:#?}");

    // And so does the controller, once two thirds of its five years are over.
    house.pass(4 * 365 * 86_400);
    let snapshot = house.cycle().await;
    let keys: Vec<String> = snapshot.outcomes.iter().map(|outcome| outcome.key.to_string()).collect();
    assert_eq!(keys, ["NginxSite/ocr#certificate update"], "{:?}", snapshot.plan.as_deref().map(lines));
    assert!(failed(&snapshot.outcomes).is_empty(), "{:#?}", failed(&snapshot.outcomes));
    let [shown_then, lies_then] = serials(&house, "erp").await;
    assert!(shown_then == lies_then && lies_then != lies, "{lies_then}");
    assert_eq!(say(&house, "erp", &algorithm).await, by_certbot[0], "the same kind of key");
}

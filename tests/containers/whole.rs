//! One push from an empty account to an answer over https, everything by real parts; then what goes wrong beside it while it
//! serves. The same story on simulated hosts has the same plans.

use super::Machines;
use super::acme::{Acme, directory};
use super::estate::{Asked, WAITS, compose, files, site, slowly};
use crate::house::{House, failed, lines};
use crate::simulated::{acts, house_on, say};
use driftless::engine::snapshot::Snapshot;
use driftless::model::{Attempt, Plan};
use driftless::ports::clock::Clock;
use driftless::sandbox::HostsConfig;
use std::time::{Duration, Instant};

/// What was planned at each step of the story, without what is a machine's own: ids, digests, keys, its nginx's
/// way to say http2.
#[derive(Default)]
struct Told(Vec<String>);

impl Told {
    fn of(&mut self, step: &str, plan: Option<&Plan>) {
        let plan = plan.unwrap_or_else(|| panic!("{step}: no plan"));
        self.0.push(format!("# {step}"));
        let digests = regex::Regex::new("(sha256:)?[0-9a-f]{12,64}|([0-9a-f]{2}:){15}[0-9a-f]{2}").expect("a pattern");
        let one = |line: &String| {
            // nginx 1.25 on says it in a line of its own.
            let line = line.replace(r"\n    http2 on;", "").replace("443 ssl http2;", "443 ssl;");
            digests.replace_all(&line, "<digest>").into_owned()
        };
        self.0.extend(lines(plan).iter().map(one));
    }
}

async fn push(house: &House, edits: &[(&str, String)]) {
    let edits: Vec<(&str, Option<&str>)> = edits.iter().map(|(path, text)| (*path, Some(text.as_str()))).collect();
    house.push(&edits).await;
}

async fn first(house: &House, told: &mut Told) {
    push(house, &files(&directory())).await;
    let snapshot = house.settles().await;
    told.of("one push", snapshot.plan.as_deref());
}

/// Has something done by hand on the host, and put back by the next look that sees it.
async fn by_hand(house: &House, told: &mut Told, step: &str, hand: &str) {
    say(house, hand).await;
    let snapshot = acts(house).await;
    assert!(failed(&snapshot.outcomes).is_empty(), "{step}: {:#?}", snapshot.outcomes);
    told.of(step, snapshot.plan.as_deref());
    let after = snapshot.after.clone().expect("a plan");
    assert!(after.is_empty(), "{step}: {:#?}", lines(&after));
}

/// What takes the site away is put back, and it answers again.
async fn away(house: &House, told: &mut Told, asked: Option<&Asked>) {
    for (step, hand) in [
        ("the container behind the site is stopped", "docker stop odoo-web-1"),
        ("the container behind the site is removed", "docker rm -f odoo-web-1"),
        ("the site's link is gone", "rm /etc/nginx/sites-enabled/erp.example.com.conf && nginx -s reload"),
        ("the site's file is gone", "rm /etc/nginx/sites-*/erp.example.com.conf && nginx -s reload"),
    ] {
        by_hand(house, told, step, hand).await;
        if let Some(asked) = asked {
            assert_eq!(asked.answer().as_deref(), Some("one"), "{step}");
        }
    }
}

/// Everything that is done by hand beside what serves is put back.
async fn drift(house: &House, told: &mut Told) {
    for (step, hand) in [
        ("a container is stopped", "docker stop odoo-side-1"),
        ("a container is removed", "docker rm -f odoo-side-1"),
        ("a mounted file is edited", "echo workers = 9 >/opt/stacks/odoo/side.ini"),
        ("a site is edited", "sed -i s/16m/1m/ /etc/nginx/sites-available/erp.example.com.conf && nginx -s reload"),
    ] {
        by_hand(house, told, step, hand).await;
    }
    let said = "docker ps --format '{{.Names}}' | sort; cat /opt/stacks/odoo/side.ini; grep -c 16m /etc/nginx/sites-enabled/erp*";
    assert_eq!(say(house, said).await, "odoo-side-1\nodoo-web-1\nworkers = 2\n1\n");
}

/// What is no good is refused, in words of whoever refuses it, and what serves stays. Only real parts are held to those words.
async fn broken(house: &House, told: &mut Told, real: bool) {
    let (stack, ends) = ("stacks/odoo/compose.yaml", "echo no database; exit 3");
    for (step, path, bad, good, words) in [
        (
            "a broken snippet",
            "site.yaml",
            site(&directory(), "  extra: \"no_such_thing on;\"\n"),
            site(&directory(), ""),
            ["no_such_thing", "extra"],
        ),
        (
            "a broken compose file",
            stack,
            compose(1, WAITS).replace("stop_grace_period", "stop_grace"),
            compose(1, WAITS),
            ["stop_grace", "Nothing was changed"],
        ),
        (
            "a container that never gets ready",
            stack,
            compose(1, ends),
            compose(1, WAITS),
            ["no database", "the version before runs again"],
        ),
    ] {
        push(house, &[(path, bad)]).await;
        let snapshot = acts(house).await;
        told.of(step, snapshot.plan.as_deref());
        let why = faults(&snapshot);
        assert!(!why.is_empty() && (!real || words.iter().all(|word| why.contains(word))), "{step}: {why}");
        push(house, &[(path, good)]).await;
        let snapshot = house.settles().await;
        told.of(&format!("{step} is taken back"), snapshot.plan.as_deref());
    }
}

/// A disk without room where stacks lie: what is written there fails, and what serves stays.
async fn full(house: &House, told: &mut Told, real: bool) {
    // A small file system over the folder of stacks, which is as it was without it.
    let fill = "cp -a /opt/stacks /tmp/ && mount -t tmpfs -o size=256k none /opt/stacks && cp -a /tmp/stacks/. /opt/stacks/; \
                head -c 1M /dev/zero >/opt/stacks/full 2>/dev/null; true";
    let fault = match real {
        true => say(house, fill).await.parse().unwrap_or_default(),
        false => house.hand().inject_host("host erp disk full".parse().expect("a fault")),
    };
    push(house, &[("stacks/odoo/side.ini", "workers = 3\n".to_owned())]).await;
    let snapshot = acts(house).await;
    told.of("a full disk", snapshot.plan.as_deref());
    let why = faults(&snapshot);
    assert!(!why.is_empty() && (!real || why.contains("No space left on device")), "{why}");
    match real {
        true => drop(say(house, "umount /opt/stacks").await),
        false => house.hand().lift(fault),
    }
    push(house, &[("stacks/odoo/side.ini", "workers = 2\n".to_owned())]).await;
    house.settles().await;
}

/// Another host key is no reason to do anything there, and is told with the way out.
async fn stranger(house: &House) {
    let keys = "cd /etc/ssh && cp -p ssh_host_ed25519_key /root/former && rm ssh_host_ed25519_key && \
                ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key && pkill -HUP -x sshd; pkill -KILL sshd-session; true";
    say(house, keys).await;
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        house.controller.ports.hosts.host("erp").expect("aimed").wake();
        let snapshot = house.cycle().await;
        assert!(snapshot.outcomes.is_empty(), "{:#?}", snapshot.outcomes);
        let told = serde_json::to_string(&snapshot.after).expect("JSON");
        if told.contains("shows another host key") {
            assert!(told.contains("driftless trust"), "{told}");
            break;
        }
        assert!(Instant::now() < until, "nobody tells of the key: {told}");
    }
    assert!(house.reported("STATUS.md").contains("another host key"), "{}", house.reported("STATUS.md"));
    say(house, "mv /root/former /etc/ssh/ssh_host_ed25519_key && pkill -HUP -x sshd").await;
    house.controller.ports.hosts.host("erp").expect("aimed").wake();
    house.settles().await;
}

/// A new tag of the image.
async fn tag(house: &House, told: &mut Told) {
    push(house, &[("stacks/odoo/compose.yaml", compose(2, "exec busybox sleep 3600"))]).await;
    let snapshot = house.settles().await;
    told.of("a new tag", snapshot.plan.as_deref());
}

fn faults(snapshot: &Snapshot) -> String {
    let one = |attempt: &Attempt| match attempt {
        Attempt::Failed { fault, .. } => format!("{fault} | {}\n", fault.hint()),
        _ => String::new(),
    };
    snapshot.outcomes.iter().map(|outcome| one(&outcome.attempt)).collect()
}

/// Waits until the notes beside the stack's receipt say that it is being tried, or no more.
async fn trying(house: &House, there: bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while say(house, "cat /opt/stacks/odoo/.driftless/notes").await.contains("trying") != there {
        assert!(Instant::now() < until, "trying {there}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A connection that breaks in mid-apply: the host goes on by itself, and nothing is done twice.
async fn cut(house: &House) {
    push(house, &[("stacks/odoo/compose.yaml", slowly())]).await;
    let (cut, ()) = tokio::join!(house.cycle(), async {
        trying(house, true).await;
        say(house, "pkill -KILL sshd-session").await;
    });
    assert!(cut.outcomes.iter().all(|outcome| outcome.attempt != Attempt::Done), "{:?}", cut.outcomes);
    trying(house, false).await;
    let ids = "docker ps -q --no-trunc | sort";
    let before = say(house, ids).await;
    house.controller.ports.hosts.host("erp").expect("aimed").wake();
    let after = house.cycle().await.after.clone().expect("a plan");
    assert!(after.is_empty(), "{:?}", lines(&after));
    assert_eq!(say(house, ids).await, before, "nothing is done twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_push_leads_from_an_empty_account_to_https_and_what_goes_wrong_beside_it_is_not_noticed() {
    let Some(machines) = Machines::start() else { return };
    let house = house_on(machines.hosts(), Clock::System, &[]).await;
    // The wire is there before any droplet is.
    let acme = Acme::start(&machines, &house, None);
    let mut told = Told::default();
    first(&house, &mut told).await;
    let (_, address) = machines.of(&house.running.url(), "erp");
    let asked = Asked { address, root: acme.root.clone() };
    assert_eq!(asked.answer().as_deref(), Some("one"), "through nginx, with a certificate of the service's");

    away(&house, &mut told, Some(&asked)).await;

    let asking = asked.on_and_on();
    drift(&house, &mut told).await;
    broken(&house, &mut told, true).await;
    full(&house, &mut told, true).await;
    stranger(&house).await;
    cut(&house).await;
    let (times, missed) = asking.end();
    assert!(times > 20 && missed == 0, "{missed} of {times} were not answered");

    tag(&house, &mut told).await;
    assert_eq!(asked.answer().as_deref(), Some("two"));

    let simulated = house_on(HostsConfig::default(), Clock::System, &[]).await;
    let mut same = Told::default();
    first(&simulated, &mut same).await;
    away(&simulated, &mut same, None).await;
    drift(&simulated, &mut same).await;
    broken(&simulated, &mut same, false).await;
    full(&simulated, &mut same, false).await;
    // There the host has not to go on by itself: the version is the one that the cut left.
    push(&simulated, &[("stacks/odoo/compose.yaml", slowly())]).await;
    simulated.settles().await;
    tag(&simulated, &mut same).await;
    let differ: Vec<_> = told.0.iter().zip(&same.0).filter(|(real, simulated)| real != simulated).collect();
    assert!(differ.is_empty(), "real and simulated hosts are planned otherwise: {differ:#?}");
    assert_eq!(told.0.len(), same.0.len(), "{:#?}", (&told.0, &same.0));
}

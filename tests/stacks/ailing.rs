//! What a stack's parts go through while it runs: a container that gets unhealthy, a secret that only one service uses, and
//! networks that somebody takes away or defines otherwise.

use super::life::{heals, host, speaks_to};
use super::serving::rules;
use super::{Engine, SETTINGS};
use crate::house::{House, failed, lines, sandbox_settings};
use crate::sshd::Sshd;
use driftless::engine::snapshot::Snapshot;
use driftless::ports::clock::Clock;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// `web` alone uses the secret, and is ill as long as /ill is there; a start makes it well, unless it is /for-good.
fn compose(front: &str) -> String {
    let waits = "trap 'exit 0' TERM; while :; do busybox sleep 0.1; done";
    format!(
        "services:\n  web:\n    image: tiny:1\n    networks: [front]\n    stop_grace_period: 1s\n    \
         environment: {{PASSWORD: \"${{PASSWORD}}\"}}\n    \
         command: [sh, -c, \"busybox test -e /for-good || busybox rm -f /ill; {waits}\"]\n    \
         healthcheck: {{test: [CMD, busybox, test, \"!\", -e, /ill], interval: 1s, retries: 1}}\n  \
         side:\n    image: tiny:1\n    networks: [front, back]\n    stop_grace_period: 1s\n    command: [sh, -c, \"{waits}\"]\n\
         networks:\n  front: {front}\n  back: {{internal: true}}\n"
    )
}

const FRONT: &str = "{internal: true}";

fn document(engine: &Engine, heal: &str) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: ComposeStack\nmetadata: {{name: odoo}}\nspec:\n  host: erp\n  path: stacks/odoo\n  \
         directory: {}\n  env: {{PASSWORD: {{secret: odoo.postgres}}}}\n  ready: {{within: 20s}}\n{heal}",
        engine.folder("opt/odoo")
    )
}

struct Stage {
    engine: Engine,
    house: House,
    _sshd: Sshd,
}

/// The stack as it runs, with a controller that lives by a clock of its own.
async fn stage() -> Option<Stage> {
    let (engine, mut sshd) = (Engine::start()?, Sshd::start().await?);
    speaks_to(&mut sshd, &engine).await;
    let (host, document, yaml) = (host(&sshd, "erp"), document(&engine, ""), compose(FRONT));
    let files = [
        ("settings.yaml", SETTINGS),
        ("host.yaml", host.as_str()),
        ("stack.yaml", &document),
        ("stacks/odoo/compose.yaml", &yaml),
    ];
    let house = House::at(&files, sandbox_settings(), Clock::at(Clock::System.now())).await;
    let secrets = house.folder.path().join("secrets");
    std::fs::create_dir_all(&secrets).expect("a folder");
    std::fs::write(secrets.join("ssh.ops"), sshd.private_key("client")).expect("written");
    std::fs::write(secrets.join("odoo.postgres"), "first").expect("written");
    house.settles().await;
    Some(Stage { engine, house, _sshd: sshd })
}

impl Stage {
    /// Which container a service has, and since when it runs.
    fn runs(&self, service: &str) -> String {
        self.engine.say(&["inspect", "-f", "{{.Id}} {{.State.StartedAt}}", &format!("odoo-{service}-1")])
    }

    /// Makes `web` ill, and waits until its engine says so.
    fn gets_ill(&self, with: &str) {
        self.engine.say(&["exec", "odoo-web-1", "sh", "-c", with]);
        let until = Instant::now() + Duration::from_secs(20);
        while self.engine.say(&["inspect", "-f", "{{.State.Health.Status}}", "odoo-web-1"]) != "unhealthy" {
            assert!(Instant::now() < until, "it does not get unhealthy");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A cycle in which nothing is done.
    async fn lets_alone(&self) -> Arc<Snapshot> {
        let snapshot = self.house.cycle().await;
        assert!(snapshot.outcomes.is_empty(), "{:#?}", snapshot.outcomes);
        snapshot
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unhealthy_container_is_told_or_started_anew_three_times_an_hour_and_nothing_else_with_it() {
    let Some(stage) = stage().await else { return };
    let (web, side) = (stage.runs("web"), stage.runs("side"));
    stage.gets_ill("echo >/ill");
    stage.lets_alone().await;
    assert_eq!((rules(&stage.house), stage.runs("web")), (vec!["unhealthy".to_owned()], web.clone()));
    let status = stage.house.reported("STATUS.md");
    assert!(
        status.contains("web on Host/erp is unhealthy") && status.contains("docker logs --tail 50 odoo-web-1"),
        "{status}"
    );

    // Where its document says so, it is started anew, and gets well.
    let heals_it = document(&stage.engine, "  heal: {unhealthy: restart}\n");
    stage.house.push(&[("stack.yaml", Some(&heals_it))]).await;
    assert_eq!(heals(&stage.house).await, ("services.web.health".to_owned(), "unhealthy".to_owned()));
    let again = stage.runs("web");
    assert!(again != web && again.split(' ').next() == web.split(' ').next(), "the same one, started anew: {again}");
    assert_eq!((rules(&stage.house), stage.runs("side")), (vec![], side.clone()));

    // What does not get well by that is left alone after the third time, until the first is an hour ago.
    for _ in 0..2 {
        stage.gets_ill("echo >/for-good; echo >/ill");
        let snapshot = stage.house.cycle().await;
        let keys: Vec<String> = snapshot.outcomes.iter().map(|outcome| outcome.key.to_string()).collect();
        assert_eq!(keys, ["ComposeStack/odoo#service web update"], "{:?}", failed(&snapshot.outcomes));
    }
    stage.gets_ill("true");
    let web = stage.runs("web");
    stage.lets_alone().await;
    assert_eq!((rules(&stage.house), stage.runs("web")), (vec!["put-back-in-vain".to_owned()], web.clone()));
    let status = stage.house.reported("STATUS.md");
    assert!(status.contains("ComposeStack/odoo") && status.contains("put back 3 times within an hour"), "{status}");
    stage.house.pass(3_601);
    let snapshot = stage.house.cycle().await;
    assert_eq!(snapshot.outcomes.len(), 1, "{:#?}", snapshot.outcomes);
    assert_ne!(stage.runs("web"), web);
    assert_eq!(stage.runs("side"), side, "its neighbour went on all along");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_variable_makes_anew_what_uses_it_and_networks_are_put_back_told_and_changed() {
    let Some(stage) = stage().await else { return };
    let (web, side) = (stage.runs("web"), stage.runs("side"));
    std::fs::write(stage.house.folder.path().join("secrets/odoo.postgres"), "second").expect("written");
    assert_eq!(heals(&stage.house).await.0, "env.PASSWORD");
    assert_eq!(stage.engine.say(&["exec", "odoo-web-1", "sh", "-c", "echo $PASSWORD"]), "second");
    assert_ne!(stage.runs("web"), web);
    assert_eq!(stage.runs("side"), side, "what does not use it goes on");

    // Somebody takes away a network, with what was on it.
    stage.engine.say(&["rm", "-f", "odoo-side-1"]);
    stage.engine.say(&["network", "rm", "odoo_back"]);
    let web = stage.runs("web");
    let snapshot = stage.house.settles().await;
    let plan = snapshot.plan.clone().expect("a plan");
    let paths: Vec<&str> = plan.changes[0].fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(paths, ["networks.back", "services.side"]);
    assert_eq!(stage.runs("web"), web, "the other network's stay");

    // One more network, and a service that is on it.
    let more = compose(FRONT).replace("[front, back]", "[front, back, more]") + "  more: {internal: true}\n";
    stage.house.push(&[("stacks/odoo/compose.yaml", Some(&more))]).await;
    stage.house.settles().await;
    let on = |service: &str| {
        let form = "{{range $name, $of := .NetworkSettings.Networks}}{{$name}} {{end}}";
        stage.engine.say(&["inspect", "-f", form, &format!("odoo-{service}-1")])
    };
    assert_eq!((on("side").as_str(), stage.runs("web")), ("odoo_back odoo_front odoo_more", web));

    // Another definition of one that is there: told with the way out, which leads there.
    let other = compose("{internal: true, driver_opts: {com.docker.network.driver.mtu: \"1400\"}}");
    stage.house.push(&[("stacks/odoo/compose.yaml", Some(&other))]).await;
    let snapshot = stage.house.cycle().await;
    assert!(failed(&snapshot.outcomes).is_empty(), "{:#?}", failed(&snapshot.outcomes));
    assert_eq!(rules(&stage.house), ["network-definition"], "{:?}", snapshot.after.as_deref().map(lines));
    stage.engine.say(&["compose", "-p", "odoo", "down"]);
    stage.house.settles().await;
    let mtu = "{{index .Options \"com.docker.network.driver.mtu\"}}";
    assert_eq!(stage.engine.say(&["network", "inspect", "-f", mtu, "odoo_front"]), "1400");
    assert!(rules(&stage.house).is_empty(), "{:?}", rules(&stage.house));
}

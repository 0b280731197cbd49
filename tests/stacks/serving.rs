//! A stack that serves goes on serving while one thing after the other goes wrong beside it: a broken file, a version that
//! never gets ready, a connection that breaks. And what is secret, built and healed in it.

use super::life::{host, house, refused};
use super::{Engine, SETTINGS, WAITS};
use crate::house::{House, lines};
use crate::sshd::Sshd;
use driftless::model::{Attempt, Finding, Patch, ResourceId, Standing};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Serves on this port, with a service beside it that runs this and mounts a secret file, and one that is built.
pub fn compose(port: u16, side: &str) -> String {
    format!(
        "services:\n  web:\n    image: tiny:1\n    network_mode: host\n    stop_grace_period: 1s\n    \
         command: [\"busybox\", \"httpd\", \"-f\", \"-p\", \"127.0.0.1:{port}\", \"-h\", \"/www\"]\n    \
         volumes: [\"./www:/www:ro\", \"data:/data\"]\n  \
         side:\n    image: tiny:1\n    network_mode: none\n    stop_grace_period: 1s\n    command: {side}\n    \
         volumes: [\"./db.txt:/db.txt:ro\"]\n  \
         made:\n    build: ./made\n    network_mode: none\n    stop_grace_period: 1s\n    command: {WAITS}\n\
         volumes: {{data: {{}}}}\n"
    )
}

pub fn document(engine: &Engine, port: u16) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: ComposeStack\nmetadata: {{name: odoo}}\nspec:\n  host: erp\n  path: stacks/odoo\n  \
         directory: {}\n  secretFiles: {{db.txt: {{secret: odoo.postgres, owner: \"101\", mode: \"0400\"}}}}\n  \
         ready: {{within: 8s, probes: [{{http: \"http://127.0.0.1:{port}/index.html\"}}, {{tcp: \"127.0.0.1:{port}\"}}]}}\n",
        engine.folder("opt/odoo")
    )
}

fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n")?;
        let mut said = String::new();
        stream.read_to_string(&mut said)?;
        Ok(said)
    };
    ask().is_ok_and(|said| said.contains(" 200 "))
}

/// Asks the stack again and again until it is dropped or asked what came of it.
struct Asking {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<(usize, usize)>,
}

impl Asking {
    fn begin(port: u16) -> Self {
        let (address, stop) = (SocketAddr::from(([127, 0, 0, 1], port)), Arc::new(AtomicBool::new(false)));
        let end = stop.clone();
        let thread = std::thread::spawn(move || {
            let (mut asked, mut missed) = (0, 0);
            while !end.load(Ordering::Relaxed) {
                asked += 1;
                missed += usize::from(!answers(address));
                std::thread::sleep(Duration::from_millis(50));
            }
            (asked, missed)
        });
        Self { stop, thread }
    }

    fn end(self) -> (usize, usize) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it asked")
    }
}

pub fn rules(house: &House) -> Vec<String> {
    let snapshot = house.controller.snapshot.borrow().clone();
    let after = snapshot.after.clone().expect("a plan");
    // The machine's own disk may be full, which its host tells.
    let of_stack = |finding: &&Finding| finding.id.as_ref().is_some_and(|id| id.kind == "ComposeStack");
    after.findings.iter().filter(of_stack).map(|finding| finding.rule.clone()).collect()
}

/// The estate of a host and a stack with a folder that it mounts and an image that is built.
pub fn estate<'a>(host: &'a str, document: &'a str, yaml: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("settings.yaml", SETTINGS),
        ("host.yaml", host),
        ("stack.yaml", document),
        ("stacks/odoo/compose.yaml", yaml),
        ("stacks/odoo/www/index.html", "one\n"),
        ("stacks/odoo/made/Dockerfile", "FROM tiny:1\nLABEL of=one\n"),
    ]
}

/// Waits until the notes beside the receipt say this, or say it no more.
async fn noted(engine: &Engine, word: &str, there: bool) {
    let path = engine.folder("opt/odoo/.driftless/notes");
    let until = Instant::now() + Duration::from_secs(30);
    while std::fs::read_to_string(&path).unwrap_or_default().contains(word) != there {
        assert!(Instant::now() < until, "{word} {there}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_goes_on_serving_whatever_goes_wrong_beside_it() {
    let Some(engine) = Engine::start() else { return };
    let Some(mut sshd) = Sshd::start().await else { return };
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let (host, document, yaml) = (host(&sshd, "erp"), document(&engine, port), compose(port, WAITS));
    let files = estate(&host, &document, &yaml);
    let house = house(&engine, &mut sshd, &files).await;
    house.settles().await;
    let id = |name: &str| engine.say(&["inspect", "-f", "{{.Id}} {{.State.StartedAt}}", name]);
    let (web, asking) = (id("odoo-web-1"), Asking::begin(port));

    // What compose refuses changes nothing.
    let broken = yaml.replace("stop_grace_period", "stop_grace");
    house.push(&[("stacks/odoo/compose.yaml", Some(&broken))]).await;
    let told = refused(house.cycle().await.as_ref());
    assert!(told.contains("stop_grace") && told.contains("Nothing was changed"), "{told}");

    // What never gets ready is taken back, told with its log, and not tried again by itself.
    let ends = "[\"sh\", \"-c\", \"echo no database; exit 3\"]";
    let bad = [("stacks/odoo/compose.yaml", Some(compose(port, ends))), ("stacks/odoo/new.txt", Some("x".to_owned()))];
    let edits: Vec<(&str, Option<&str>)> = bad.iter().map(|(path, text)| (*path, text.as_deref())).collect();
    house.push(&edits).await;
    let told = refused(house.cycle().await.as_ref());
    assert!(told.contains("the version before runs again") && told.contains("no database"), "{told}");
    assert!(told.contains("volumes data"), "what going back does not take back: {told}");
    assert!(!std::path::Path::new(&engine.folder("opt/odoo/new.txt")).exists(), "what the new version brought is gone");
    let again = house.cycle().await;
    let after = again.after.clone().expect("a plan");
    assert!(again.outcomes.is_empty(), "{:?}", again.outcomes);
    assert!(
        matches!(&after.changes[0].standing, Standing::Blocked(why) if why.contains("retry")),
        "{:?}",
        lines(&after)
    );
    assert_eq!(rules(&house), ["rolled-back"]);
    assert!(house.reported("STATUS.md").contains("did not get ready"), "{}", house.reported("STATUS.md"));
    // What runs in its place is kept meanwhile.
    engine.say(&["stop", "-t", "1", "odoo-side-1"]);
    let kept = house.cycle().await;
    assert_eq!(
        kept.outcomes.iter().map(|o| o.key.to_string()).collect::<Vec<_>>(),
        ["ComposeStack/odoo#service side update"]
    );
    // Somebody says that it is to be tried again, and it is.
    let id_of = ResourceId::new("ComposeStack", "odoo");
    let failing = house.controller.keeper.memory();
    let failing = failing.failures.keys().filter(|key| key.id == id_of).map(|key| Patch::Heal(key.clone()));
    house.controller.keeper.write(&failing.collect::<Vec<_>>()).await.expect("retried");
    assert!(refused(house.cycle().await.as_ref()).contains("no database"));

    // A connection that breaks in mid-apply: the host goes on by itself, and nothing is done twice.
    let more = compose(port, &WAITS.replace("0.1", "0.2"));
    house.push(&[("stacks/odoo/compose.yaml", Some(&more))]).await;
    let (cut, _) = tokio::join!(house.cycle(), async {
        noted(&engine, "trying", true).await;
        sshd.cut();
    });
    assert!(cut.outcomes.iter().all(|outcome| outcome.attempt != Attempt::Done), "{:?}", cut.outcomes);
    noted(&engine, "trying", false).await;
    let side = id("odoo-side-1");
    house.controller.ports.hosts.host("erp").expect("aimed").wake();
    let after = house.cycle().await.after.clone().expect("a plan");
    assert!(after.is_empty(), "{:?}", lines(&after));
    assert_eq!((id("odoo-side-1"), id("odoo-web-1")), (side, web), "nothing twice, and nothing else at all");

    let (asked, missed) = asking.end();
    assert!(asked > 50 && missed == 0, "{missed} of {asked} were not answered");
}

//! Parts of a stack, each changed by itself: a secret file, an image that is built, a volume, a container that stops.

use super::life::{heals, host, house};
use super::serving::{compose, document, estate, rules};
use super::{Engine, WAITS};
use crate::sshd::Sshd;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_part_of_a_stack_is_kept_by_itself() {
    let Some(engine) = Engine::start() else { return };
    let Some(mut sshd) = Sshd::start().await else { return };
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let (host, document, yaml) = (host(&sshd, "erp"), document(&engine, port), compose(port, WAITS));
    let files = estate(&host, &document, &yaml);
    // Every command over SSH leaves a line here.
    let counted = engine.folder("commands");
    let force = format!("ForceCommand echo 1 >>{counted}; exec sh -c \"$SSH_ORIGINAL_COMMAND\"\n");
    std::fs::write(sshd.folder.path().join("count.conf"), force).expect("written");
    let house = house(&engine, &mut sshd, &files).await;
    house.settles().await;
    let commands = || std::fs::read_to_string(&counted).unwrap_or_default().lines().count();
    let before = commands();
    house.push(&[("stacks/odoo/www/index.html", Some("two\n"))]).await;
    house.cycle().await;
    // A look, the change, what became of it, and a look: the change itself is one round trip, receipt included.
    assert_eq!(commands() - before, 4, "round trips of a cycle with one change");
    let id = |name: &str| engine.say(&["inspect", "-f", "{{.Id}} {{.State.StartedAt}}", name]);
    let secret = engine.folder("opt/odoo/db.txt");
    let read = || engine.say(&["exec", "odoo-side-1", "busybox", "cat", "/db.txt"]);

    // A secret file: whose it is, how it is read, and what is started anew for it.
    let meta = std::fs::metadata(&secret).expect("a file");
    assert_eq!((meta.uid(), meta.mode() & 0o777), (101, 0o400));
    let (web, side) = (id("odoo-web-1"), id("odoo-side-1"));
    std::fs::write(house.folder.path().join("secrets/odoo.postgres"), "another").expect("written");
    assert_eq!(heals(&house).await.0, "secretFiles.db.txt");
    assert_eq!((id("odoo-web-1"), read().as_str()), (web.clone(), "another"));
    assert_ne!(id("odoo-side-1"), side);
    std::fs::write(&secret, "by hand").expect("written");
    assert_eq!(heals(&house).await, ("secretFiles.db.txt".to_owned(), "edited on the host".to_owned()));
    assert_eq!((id("odoo-web-1"), read().as_str()), (web.clone(), "another"));
    let receipt = std::fs::read_to_string(engine.folder("opt/odoo/.driftless/receipt.json")).expect("a receipt");
    for digest in [driftless::model::Digest::of_bytes(b"another").hex(), "another".to_owned()] {
        assert!(!receipt.contains(&digest), "{receipt}");
    }

    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).expect("by hand");
    let side = id("odoo-side-1");
    assert_eq!(heals(&house).await, ("secretFiles.db.txt.mode".to_owned(), "0644 101:0".to_owned()));
    assert_eq!((std::fs::metadata(&secret).expect("a file").mode() & 0o777, id("odoo-side-1")), (0o400, side));

    // An image is built when what it is made from changed, and what runs it is made anew.
    let label = || engine.say(&["inspect", "-f", "{{index .Config.Labels \"of\"}}", "odoo-made-1"]);
    assert_eq!(label(), "one");
    house.push(&[("stacks/odoo/made/Dockerfile", Some("FROM tiny:1\nLABEL of=two\n"))]).await;
    assert_eq!(heals(&house).await.0, "files.made/Dockerfile");
    assert_eq!((label().as_str(), id("odoo-web-1")), ("two", web));

    // A volume that has gone with what used it.
    engine.say(&["rm", "-f", "odoo-web-1"]);
    engine.say(&["volume", "rm", "odoo_data"]);
    let snapshot = house.settles().await;
    let plan = snapshot.plan.clone().expect("a plan");
    let paths: Vec<&str> = plan.changes[0].fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(paths, ["volumes.data", "services.web"]);
    assert_eq!(engine.say(&["volume", "ls", "-q"]), "odoo_data");

    // What stops is started, three times an hour.
    for _ in 0..3 {
        engine.say(&["stop", "-t", "1", "odoo-side-1"]);
        assert_eq!(heals(&house).await.0, "services.side.state");
    }
    engine.say(&["stop", "-t", "1", "odoo-side-1"]);
    let tired = house.cycle().await;
    assert!(tired.outcomes.is_empty(), "{:?}", tired.outcomes);
    assert_eq!(rules(&house), ["put-back-in-vain"]);
}

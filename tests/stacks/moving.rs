//! A stack whose document names another host is made there, and then goes where it was.

use super::life::{host, house, speaks_to};
use super::{Engine, SETTINGS, WAITS, compose, stack};
use crate::house::lines;
use crate::sshd::Sshd;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_moves_to_another_host_and_waits_for_one_that_cannot_be_seen() {
    let (Some(old), Some(new)) = (Engine::start(), Engine::start()) else { return };
    let (Some(mut first), Some(mut second)) = (Sshd::start().await, Sshd::start().await) else { return };
    std::fs::copy(first.folder.path().join("client.pub"), second.folder.path().join("client.pub")).expect("one key");
    speaks_to(&mut second, &new).await;
    // A host is known by its address: the same one twice is one machine.
    let next = host(&second, "next").replace("127.0.0.1", "localhost");
    let hosts = format!("{}---\n{next}", host(&first, "erp"));
    let (document, yaml) = (stack(&old, ""), compose(WAITS));
    let files = [
        ("settings.yaml", SETTINGS),
        ("hosts.yaml", &hosts),
        ("stack.yaml", &document),
        ("stacks/odoo/compose.yaml", &yaml),
        ("stacks/odoo/conf/app.ini", "x=1\n"),
    ];
    let house = house(&old, &mut first, &files).await;
    house.settles().await;
    assert_eq!((old.containers().len(), new.containers().len()), (2, 0));

    // Where the old host cannot be seen, nothing is begun.
    let there = document.replace("host: erp", "host: next").replace(&old.folder("opt"), &new.folder("opt"));
    house.push(&[("stack.yaml", Some(&there))]).await;
    first.stop().await;
    let blind = house.cycle().await;
    assert!(blind.outcomes.is_empty() && new.containers().is_empty(), "{:?}", blind.outcomes);
    assert!(first.restart("host").await, "the port is its own");
    house.controller.ports.hosts.host("erp").expect("aimed").wake();

    let moved = house.cycle().await;
    let done: Vec<String> = moved.outcomes.iter().map(|outcome| outcome.key.to_string()).collect();
    assert_eq!(done, ["ComposeStack/odoo replace", "ComposeStack/odoo#erp:odoo retire"], "{:?}", moved.outcomes);
    let after = moved.after.clone().expect("a plan");
    assert!(after.is_empty(), "{:?}", lines(&after));
    assert!(old.containers().is_empty(), "{:?}", old.containers());
    assert_eq!(new.containers(), ["odoo-migrate-1 exited", "odoo-web-1 running"]);
    assert!(std::path::Path::new(&old.folder("opt/odoo/compose.yaml")).exists(), "files stay");
}

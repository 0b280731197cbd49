//! The life of one stack over SSH: one commit makes it, everything done by hand is put back, and what cannot run is told.

use super::{Engine, SETTINGS, WAITS, compose, stack};
use crate::house::{House, failed, lines};
use crate::sshd::{Sshd, user};
use driftless::engine::snapshot::Snapshot;
use driftless::model::{Attempt, Fault, Shown};
use std::os::unix::fs::PermissionsExt;

const SECRET: &str = "hunter2 isn't it";

/// Has the sessions of an sshd speak to this engine.
pub async fn speaks_to(sshd: &mut Sshd, engine: &Engine) {
    let line = format!("SetEnv DOCKER_HOST={}\n", engine.address());
    std::fs::write(sshd.folder.path().join("more.conf"), line).expect("written");
    assert!(sshd.restart("host").await, "the port is its own");
}

/// A house over an sshd whose sessions speak to this engine, with the secret in its folder.
pub async fn house(engine: &Engine, sshd: &mut Sshd, files: &[(&str, &str)]) -> House {
    speaks_to(sshd, engine).await;
    let house = House::new(files).await;
    let secrets = house.folder.path().join("secrets");
    std::fs::create_dir_all(&secrets).expect("a folder");
    std::fs::write(secrets.join("ssh.ops"), sshd.private_key("client")).expect("written");
    std::fs::write(secrets.join("odoo.postgres"), SECRET).expect("written");
    house
}

/// The document of the host of this name behind an sshd.
pub fn host(sshd: &Sshd, name: &str) -> String {
    let key = sshd.host_key("host");
    format!(
        "apiVersion: driftless/v1\nkind: Host\nmetadata: {{name: {name}}}\nspec: {{address: 127.0.0.1, port: {}, user: {}, \
         identity: {{secret: ssh.ops}}, hostKey: \"{key}\"}}\n",
        sshd.port,
        user()
    )
}

/// The fields of the first change of what a cycle planned, with what was there.
fn fields(snapshot: &Snapshot) -> Vec<(String, String)> {
    let plan = snapshot.plan.clone().expect("a plan");
    let change = plan.changes.first().unwrap_or_else(|| panic!("no change: {:?}", plan.findings));
    let from = |shown: &Shown| match shown {
        Shown::Text(text) => text.clone(),
        other => format!("{other:?}"),
    };
    change.fields.iter().map(|field| (field.path.clone(), from(&field.from))).collect()
}

/// Has a cycle put back what was done, and gives the one field that it saw.
pub async fn heals(house: &House) -> (String, String) {
    let snapshot = house.settles().await;
    let fields = fields(&snapshot);
    assert_eq!(fields.len(), 1, "{fields:?}");
    fields.into_iter().next().expect("one")
}

pub fn refused(snapshot: &Snapshot) -> String {
    let outcomes = failed(&snapshot.outcomes);
    let [outcome] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    match &outcome.attempt {
        Attempt::Failed { fault: Fault::Permanent { what, hint } | Fault::Unfit { what, hint }, .. } => {
            format!("{what}\n{hint}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_commit_makes_a_stack_and_whatever_is_done_by_hand_is_put_back() {
    let Some(engine) = Engine::start() else { return };
    let Some(mut sshd) = Sshd::start().await else { return };
    let (host, document, yaml) = (host(&sshd, "erp"), stack(&engine, ""), compose(WAITS));
    let files = [
        ("settings.yaml", SETTINGS),
        ("host.yaml", &host),
        ("stack.yaml", &document),
        ("stacks/odoo/compose.yaml", &yaml),
        ("stacks/odoo/conf/app.ini", "x=1\n"),
    ];
    let house = house(&engine, &mut sshd, &files).await;
    let snapshot = house.settles().await;
    let keys: Vec<String> = snapshot.outcomes.iter().map(|outcome| outcome.key.to_string()).collect();
    assert_eq!(keys, ["ComposeStack/odoo create"]);
    assert_eq!(engine.containers(), ["odoo-migrate-1 exited", "odoo-web-1 running"]);
    let (read, id) = engine.web();
    assert_eq!(read, "x=1");
    let password = ["exec", "odoo-web-1", "sh", "-c", "echo \"$PASSWORD\""];
    assert_eq!(engine.say(&password), SECRET);
    for private in [".env", ".driftless/receipt.json", ".driftless/files"] {
        let mode =
            std::fs::metadata(engine.folder(&format!("opt/odoo/{private}"))).expect(private).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{private}");
    }
    let told = serde_json::to_string(&snapshot.plan).expect("JSON") + &house.reported("STATUS.md");
    assert!(!told.contains("hunter2"), "{told}");

    // By hand, each by its own name and field.
    let ini = engine.folder("opt/odoo/conf/app.ini");
    std::fs::write(&ini, "x=9\n").expect("written");
    assert_eq!(heals(&house).await, ("files.conf/app.ini".to_owned(), "edited on the host".to_owned()));
    assert_eq!(engine.web(), ("x=1".to_owned(), id.clone()), "started anew, not made anew");
    engine.say(&["stop", "-t", "1", "odoo-web-1"]);
    assert_eq!(heals(&house).await, ("services.web.state".to_owned(), "stopped, exit code 0".to_owned()));
    engine.say(&["rm", "-f", "odoo-web-1"]);
    assert_eq!(heals(&house).await, ("services.web".to_owned(), "missing".to_owned()));

    // A new content of a mounted file is read inside of the container that there is.
    let (_, id) = engine.web();
    house.push(&[("stacks/odoo/conf/app.ini", Some("x=2\n"))]).await;
    heals(&house).await;
    assert_eq!(engine.web(), ("x=2".to_owned(), id.clone()));

    // A rotated secret starts what uses it anew, and is shown by name alone.
    std::fs::write(house.folder.path().join("secrets/odoo.postgres"), "another").expect("written");
    let (path, _) = heals(&house).await;
    assert_eq!((path.as_str(), engine.say(&password).as_str()), ("env.PASSWORD", "another"));

    // Another image under the same name.
    engine.image("tiny:1", "two");
    let snapshot = house.settles().await;
    let paths: Vec<String> = fields(&snapshot).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["services.migrate.image", "services.web.image"]);

    // What compose refuses changes nothing.
    let (_, id) = engine.web();
    house.push(&[("stacks/odoo/compose.yaml", Some(&yaml.replace("network_mode", "network_mod")))]).await;
    let told = refused(house.cycle().await.as_ref());
    assert!(told.contains("network_mod") && told.contains("Nothing was changed"), "{told}");
    assert_eq!(engine.web().1, id);

    // What never gets ready is told with the last lines of its log, without secrets.
    let ends = "[\"sh\", \"-c\", \"echo no database for $$PASSWORD; exit 3\"]";
    house.push(&[("stacks/odoo/compose.yaml", Some(&compose(ends)))]).await;
    let told = refused(house.cycle().await.as_ref());
    assert!(told.contains("no database for (secret)") && told.contains("the version before runs again"), "{told}");
    assert_eq!(engine.web().0, "x=2", "the version before runs again");
    house.push(&[("stacks/odoo/compose.yaml", Some(&yaml))]).await;
    house.settles().await;
    assert_eq!(engine.web().0, "x=2");

    // Without its document it goes, once somebody has said so; its files stay.
    let destroy = stack(&engine, "policy: {onRemove: destroy}\n");
    house.push(&[("stack.yaml", Some(&destroy))]).await;
    house.cycle().await;
    house.push(&[("stack.yaml", None)]).await;
    let held = house.cycle().await.after.clone().expect("a plan");
    assert!(lines(&held).len() == 1 && engine.containers().len() == 2, "{:?}", lines(&held));
    assert_eq!(house.approve_all().await, 1);
    house.cycle().await;
    assert!(engine.containers().is_empty() && std::path::Path::new(&ini).exists());
}

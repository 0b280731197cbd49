//! A stack that somebody started by hand is taken over on the controller's own machine, as it is or not at all.

use super::{Engine, SETTINGS, WAITS, compose, stack};
use crate::process::rig::{Rig, ran};
use std::time::Duration;

const HOST: &str = "apiVersion: driftless/v1\nkind: Host\nmetadata: {name: erp}\nspec: {connect: local}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_stack_is_taken_over_with_its_containers_or_held() {
    let Some(engine) = Engine::start() else { return };
    let (folder, yaml, document) = (engine.folder("opt/odoo"), compose(WAITS), stack(&engine, ""));
    std::fs::create_dir_all(format!("{folder}/conf")).expect("a folder");
    for (name, text) in [("compose.yaml", yaml.as_str()), ("conf/app.ini", "x=1\n"), (".env", "PASSWORD='p'\n")] {
        std::fs::write(format!("{folder}/{name}"), text).expect("written");
    }
    engine.up(&folder);
    let before = engine.web();

    // Another configuration than what runs: held, with what would be made anew, and nothing is touched.
    let other = yaml.replace("stop_grace_period: 1s", "stop_grace_period: 2s");
    let rig = Rig::new(
        Duration::ZERO,
        &[
            ("settings.yaml", SETTINGS),
            ("host.yaml", HOST),
            ("stack.yaml", &document),
            ("stacks/odoo/compose.yaml", &other),
            ("stacks/odoo/conf/app.ini", "x=1\n"),
        ],
    )
    .await;
    let command = |words: &[&str]| {
        let mut command = rig.command(words);
        command.env("DOCKER_HOST", engine.address()).env("DRIFTLESS_SECRET_ODOO_POSTGRES", "p");
        command
    };
    let repo = rig.repo().display().to_string();
    let once = || command(&["run", "--repo", &repo, "--once"]);
    ran(command(&["plan"])).await.says("services.web.config");
    ran(once()).await.ended(3);
    assert_eq!(engine.web(), before);
    assert!(!std::path::Path::new(&format!("{folder}/.driftless/receipt.json")).exists());

    // A variable that the document lacks would be lost: held, too.
    rig.push(&[("stacks/odoo/compose.yaml", &yaml)]);
    let variables = |text: &str| std::fs::write(format!("{folder}/.env"), text).expect("written");
    variables("PASSWORD='p'\nOTHER=1\n");
    ran(command(&["plan"])).await.says("files..env");
    ran(once()).await.ended(3);
    assert_eq!(engine.web(), before);

    // What says the same in other words is no difference; what somebody wrote is kept beside the receipt.
    variables("# by hand\nexport PASSWORD = p # of the shop\n");
    ran(command(&["plan"])).await.says("= ComposeStack/odoo");
    ran(once()).await.ended(0);
    let kept = std::fs::read_to_string(format!("{folder}/.driftless/before/.env")).expect("kept");
    assert!(kept.contains("of the shop"), "{kept}");
    assert_eq!(engine.web(), before, "the same container");
    assert!(std::path::Path::new(&format!("{folder}/.driftless/receipt.json")).exists());
    ran(once()).await.ended(0);

    // From now on it is kept.
    std::fs::write(format!("{folder}/conf/app.ini"), "x=9\n").expect("written");
    ran(once()).await.ended(0);
    assert_eq!(engine.web(), before);
}

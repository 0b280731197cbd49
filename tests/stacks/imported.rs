//! A stack that somebody set up by hand comes into git with its files and without its secrets, and goes on as it is.

use super::{Engine, SETTINGS, WAITS};
use crate::process::rig::{Rig, files, ran};
use std::fmt::Write as _;
use std::time::Duration;

const HOST: &str = "apiVersion: driftless/v1\nkind: Host\nmetadata: {name: erp}\nspec: {connect: local}\n";
/// Whatever of this stands in a file of the repo is in git forever.
const SECRETS: [&str; 5] = ["hunter2", "hunter3", "hunter4", "hunter5", "hunter6"];

/// Two services as people write them, one with a job that has ended and one that ails, and what they mount.
fn by_hand(folder: &str) {
    let compose = format!(
        "# the shop of 2023\nservices:\n  web: # the front\n    image: tiny:1\n    network_mode: none\n    stop_grace_period: 1s\n    \
         command: {WAITS}\n    env_file: db.env\n    environment:\n      TZ: ${{TZ}}\n      ADMIN_PASSWORD: hunter2 # old\n    \
         volumes:\n      - ./conf/app.ini:/app.ini:ro\n      - ./conf/mail.ini:/mail.ini:ro\n      - ./data:/data\n    \
         healthcheck: {{test: [\"CMD\", \"busybox\", \"false\"], interval: 1s, retries: 1}}\n  \
         job:\n    image: tiny:1\n    network_mode: none\n    command: [\"busybox\", \"true\"]\n    environment:\n      - \"API_TOKEN=hunter3\"\n"
    );
    for (name, text) in [
        ("docker-compose.yml", compose.as_str()),
        (".env", "# for the front\nTZ=Asia/Manila\nSMTP_PASSWORD=\"hunter4\"  # of the provider\n"),
        ("db.env", "POSTGRES_PASSWORD=hunter5\n"),
        ("conf/app.ini", "workers = 2\n"),
        ("conf/mail.ini", "smtp_password = hunter6\n"),
        ("data/orders.txt", "1\n"),
        ("README.md", "ask Ana\n"),
    ] {
        let path = std::path::Path::new(folder).join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }
}

/// Ids and names of all containers.
fn containers(engine: &Engine) -> String {
    let mut all: Vec<String> =
        engine.say(&["ps", "-a", "--no-trunc", "--format", "{{.Names}} {{.ID}}"]).lines().map(str::to_owned).collect();
    all.sort();
    all.join("\n")
}

/// All files below a folder of the repo, with what is in them.
fn written(rig: &Rig) -> String {
    let mut all = String::new();
    for path in files(&rig.repo()).iter().filter(|path| !path.to_string_lossy().contains("/.git/")) {
        let name = path.strip_prefix(rig.repo()).expect("below").display();
        writeln!(all, "--- {name}\n{}", std::fs::read_to_string(path).expect("text")).expect("written");
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_that_was_set_up_by_hand_comes_into_git_and_no_container_is_touched() {
    let Some(engine) = Engine::start() else { return };
    let folder = engine.folder("opt/shop");
    by_hand(&folder);
    engine.up(&folder);
    crate::process::rig::until("the job has ended and the front ails", || {
        let said = engine.say(&["ps", "-a", "--format", "{{.Names}} {{.Status}}"]);
        said.contains("unhealthy") && said.contains("shop-job-1 Exited (0)")
    });
    let before = containers(&engine);

    let rig = Rig::new(Duration::ZERO, &[("settings.yaml", SETTINGS), ("host.yaml", HOST)]).await;
    let command = |words: &[&str]| {
        let mut command = rig.command(words);
        command.env("DOCKER_HOST", engine.address());
        command
    };
    let repo = rig.repo().display().to_string();
    let once = || command(&["run", "--repo", &repo, "--once"]);
    // What runs was made from other files than are there now: no document leaves that as it is.
    let compose = format!("{folder}/docker-compose.yml");
    let text = std::fs::read_to_string(&compose).expect("a compose file");
    std::fs::write(&compose, text.replace("grace_period: 1s", "grace_period: 2s")).expect("written");
    let left = ran(command(&["import", &repo, "--host", "erp", "--only", "stacks"])).await.ended(3);
    assert!(left.says("services.web.config").out.contains("docker compose up"), "what to do is said");
    let (document, copied) = (rig.repo().join("stacks/shop.yaml"), rig.repo().join("stacks/shop"));
    assert!(
        !copied.exists() && std::fs::read_to_string(&document).expect("comments").lines().all(|l| l.starts_with('#'))
    );
    std::fs::write(&compose, text).expect("written");

    let imported = ran(command(&["import", &repo, "--host", "erp"])).await.ended(0);
    let text = written(&rig);
    for secret in SECRETS {
        assert!(!text.contains(secret) && !imported.out.contains(secret), "{secret}\n{text}");
    }
    // This machine may have sites of its own.
    let _ = std::fs::remove_dir_all(rig.repo().join("sites"));
    let told = imported.out.replace(&repo, "[repo]").replace(&rig.data().display().to_string(), "[data]");
    let told: String = told.split_inclusive('\n').skip(3).collect();
    insta::assert_snapshot!(told);
    insta::assert_snapshot!(written(&rig).replace(&folder, "[folder]"));
    let kept = std::fs::read_to_string(rig.data().join("secrets/shop.smtp-password")).expect("a secret");
    assert_eq!(kept, "hunter4");

    // The plan takes it over as it is.
    let plan = ran(command(&["plan", &repo])).await;
    let plan: String = plan.out.split_inclusive('\n').filter(|line| !line.starts_with("Looked")).collect();
    insta::assert_snapshot!(plan.replace(&folder, "[folder]"));
    rig.push(&[]);
    ran(once()).await.ended(0);
    assert_eq!(containers(&engine), before, "the same containers");
    let there = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).expect(name);
    assert!(there(".driftless/before/docker-compose.yml").contains("hunter2"), "what somebody wrote is kept");
    assert!(!there("docker-compose.yml").contains("hunter2"));
    assert_eq!((there("data/orders.txt").as_str(), there("README.md").as_str()), ("1\n", "ask Ana\n"));
    // It is in sync, and a second import has nothing to say.
    ran(once()).await.ended(0);
    assert_eq!(containers(&engine), before, "still the same containers");
    let again = ran(command(&["import", &repo, "--host", "erp"])).await.ended(0);
    assert!(!again.out.contains("1 stack"), "{}", again.out);
}

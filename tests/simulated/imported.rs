//! A simulated host on which somebody set up a stack and a site by hand: both come into git, and nothing there changes.

use super::{ERP, HOST, house, say};
use crate::house::lines;
use driftless::engine::import::{Files, of_hosts};
use driftless::kinds::{self, Turn};
use driftless::model::ResourceId;

const COMPOSE: &str = "services:\n  web:\n    image: n8n:1\n    environment: {TZ: \"${TZ}\"}\n    env_file: [app.env]\n    ports: ['127.0.0.1:5678:5678']\n    volumes: [\"./conf:/conf:ro\", \"./data:/data\"]\n  db:\n    image: postgres:16\n    environment:\n      POSTGRES_PASSWORD: hunter2\n    volumes: ['data:/var/lib/postgresql']\nvolumes: {data: {}}\n";
const SITE: &str = "server {\n  listen 80;\n  server_name n8n.example.com;\n  location / {\n    proxy_pass http://127.0.0.1:5678;\n  }\n}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_set_up_by_hand_comes_into_git_and_stays_as_it_is() {
    let house = house(&[("erp.yaml", ERP), ("host.yaml", HOST)]).await;
    house.settles().await;
    let file = |path: &str, text: &str| format!("mkdir -p $(dirname {path}) && cat >{path} <<'END'\n{text}END\n");
    let files = [
        file("/opt/n8n/compose.yaml", COMPOSE),
        file("/opt/n8n/.env", "TZ=Asia/Manila\n"),
        file("/opt/n8n/app.env", "N8N_ENCRYPTION_KEY=hunter3\n"),
        file("/opt/n8n/conf/a.ini", "workers = 2\n"),
        file("/opt/n8n/conf/b.ini", "smtp_password = hunter4\n"),
        file("/opt/n8n/data/x.txt", "1\n"),
        file("/etc/nginx/sites-available/n8n", SITE),
    ];
    say(&house, &files.concat()).await;
    say(&house, "cd /opt/n8n && docker compose up -d && ln -s ../sites-available/n8n /etc/nginx/sites-enabled/n8n && nginx -s reload").await;
    let running = "docker ps --no-trunc --format '{{.ID}} {{.Names}} {{.State}}' | sort";
    let before = say(&house, running).await;

    let listed = driftless::ports::disk::list(&house.repo()).expect("listed");
    let read = |path: &String| driftless::ports::disk::read(&house.repo(), path).expect("read");
    let beside: Files = listed.into_keys().map(|path| (path.clone(), read(&path))).collect();
    let memory = house.controller.keeper.memory();
    let on_hosts: Vec<_> = kinds::ALL.iter().copied().filter(|kind| kind.turn() == Turn::OnHosts).collect();
    let imported =
        of_hosts(&house.controller.ports, &["erp".to_owned()], &on_hosts, &beside, &memory).await.expect("an import");
    let left: Vec<_> = imported.drafted.iter().filter_map(|one| Some((&one.id, one.left_out.as_ref()?))).collect();
    assert!(left.is_empty(), "{left:?}");
    let names: Vec<&String> = imported.files.keys().collect();
    assert_eq!(names, ["sites/n8n.yaml", "stacks/n8n.yaml", "stacks/n8n/compose.yaml", "stacks/n8n/conf/a.ini"]);
    assert!(imported.plan.is_empty(), "{:?}", lines(&imported.plan));
    let secrets: Vec<&String> = imported.secrets.keys().collect();
    assert_eq!(secrets, ["n8n.app-env", "n8n.conf-b-ini", "n8n.postgres-password"]);
    for (path, bytes) in &imported.files {
        let text = String::from_utf8_lossy(bytes);
        assert!(!["hunter2", "hunter3", "hunter4"].iter().any(|secret| text.contains(secret)), "{path}: {text}");
    }

    // Committed, all of it is taken over as it is.
    for (name, hidden) in &imported.secrets {
        use secrecy::ExposeSecret;
        super::secret(&house, name, hidden.0.expose_secret());
    }
    let text = |path: &str| String::from_utf8_lossy(&imported.files[path]).into_owned();
    let edits: Vec<(&str, String)> = imported.files.keys().map(|path| (path.as_str(), text(path))).collect();
    let edits: Vec<(&str, Option<&str>)> = edits.iter().map(|(path, text)| (*path, Some(text.as_str()))).collect();
    house.push(&edits).await;
    house.settles().await;
    assert_eq!(say(&house, running).await, before, "the same containers");
    let memory = house.controller.keeper.memory();
    for id in [ResourceId::new("ComposeStack", "n8n"), ResourceId::new("NginxSite", "n8n")] {
        assert!(memory.owned.contains_key(&id), "{id}");
    }
    assert_eq!(say(&house, "cat /opt/n8n/data/x.txt /etc/nginx/sites-available/n8n").await, format!("1\n{SITE}"));

    // From now on a rotated secret gets there.
    super::secret(&house, "n8n.app-env", "N8N_ENCRYPTION_KEY=hunter5\n\n");
    house.settles().await;
    assert_eq!(say(&house, "cat /opt/n8n/app.env").await, "N8N_ENCRYPTION_KEY=hunter5\n");
}

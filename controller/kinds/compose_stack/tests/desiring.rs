//! What a document and its folder mean, and what is wrong with them.

use super::*;

fn one(wrong: Vec<Complaint>) -> Complaint {
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    wrong.into_iter().next().expect("one")
}

#[test]
fn a_folder_means_files_services_ports_and_mounts() {
    let want = odoo(json!({"env": {"PORT": 9000}}));
    assert_eq!((want.project.as_str(), want.directory.as_str()), ("odoo", "/opt/stacks/odoo"));
    assert_eq!(want.compose, ["compose.yaml"]);
    assert_eq!(want.files.keys().collect::<Vec<_>>(), ["compose.yaml", "conf/app.ini"]);
    let web = &want.services["web"];
    assert_eq!(web.mounts, ["conf".to_owned()].into());
    let port = Published { address: "127.0.0.1".to_owned(), port: 9000, target: 8069, protocol: "tcp".to_owned() };
    assert_eq!(web.ports, [port]);
    assert!(want.services["migrate"].once && !web.once);
    assert_eq!(want.mounting("conf/app.ini").collect::<Vec<_>>(), ["web"]);
    assert_eq!(want.mounting("conference").count(), 0);
}

#[test]
fn the_override_file_counts_and_named_files_replace_the_choice() {
    let more = "services: {web: {ports: ['80:80']}, extra: {image: tiny, profiles: [debug]}}\n";
    let files =
        [("compose.yaml", COMPOSE), ("compose.override.yaml", more), ("other.yml", "services: {a: {build: .}}\n")];
    let want = desire(json!({}), &files).expect("good");
    assert_eq!(want.compose, ["compose.yaml", "compose.override.yaml"]);
    assert_eq!((want.services["web"].ports.len(), want.services.contains_key("extra")), (2, false));
    assert!(desire(json!({"profiles": ["debug"]}), &files).expect("good").services.contains_key("extra"));
    let want = desire(json!({"files": ["other.yml"]}), &files).expect("good");
    assert!(want.services.len() == 1 && want.services["a"].build);
}

#[test]
fn what_is_wrong_with_a_compose_file_is_told_with_its_line() {
    let table = [
        ("services:\n  web:\n    image: [\n", "stacks/odoo/compose.yaml:"),
        ("services:\n  web: tiny\n", "compose.yaml:2:1: the service web is a map"),
        ("a: 1\nservices: [web]\n", "compose.yaml:2:1: services is a map"),
        ("services:\n  db: {image: tiny}\n  web: {ports: []}\n", "web at stacks/odoo/compose.yaml:3"),
        ("volumes: {}\n", "names none"),
        ("- a\n", "is a map with services"),
        ("services: {a: {image: b}, a: {image: c}}\n", "compose.yaml:1:"),
    ];
    for (text, says) in table {
        let wrong = one(desire(json!({}), &[("compose.yaml", text)]).expect_err(text));
        assert!(wrong.path == "spec.path" && wrong.message.contains(says), "{text}: {wrong:?}");
    }
}

#[test]
fn what_is_wrong_with_a_document_is_told_with_its_field() {
    let table = [
        (json!({"files": ["no.yaml"]}), "spec.files[0]", "which is not in stacks/odoo"),
        (json!({"oneShot": ["nobody"]}), "spec.oneShot", "has no service nobody"),
        (json!({"profiles": ["nothing"]}), "spec.profiles", "no service with the profile"),
        (json!({"env": {"A-B": "x"}}), "spec.env", "variable \"A-B\""),
        (json!({"env": {"A": "x\ny"}}), "spec.env.A", "several lines"),
        (json!({"ready": {"within": "2h"}}), "spec.ready.within", "7200 s"),
        (json!({"ready": {"probes": [{"http": "http:///x"}]}}), "spec.ready.probes[0]", "no address"),
        (json!({"ready": {"probes": [{"http": "http://a:b@c/"}]}}), "spec.ready.probes[0]", "holds a user"),
        (json!({"ready": {"probes": [{"tcp": "db:0"}]}}), "spec.ready.probes[0]", "has no port"),
        (json!({"secretFiles": {"../x": {"secret": "a"}}}), "spec.secretFiles.../x", "\"../x\""),
        (
            json!({"secretFiles": {"compose.yaml": {"secret": "a"}}}),
            "spec.secretFiles.compose.yaml",
            "its folder holds",
        ),
        (json!({"secretFiles": {"a": {"secret": "a", "mode": "0462"}}}), "spec.secretFiles.a", "let others write"),
    ];
    for (spec, path, says) in table {
        let files = [("compose.yaml", COMPOSE)];
        let wrong = desire(spec.clone(), &files).expect_err("refused");
        let told = wrong.iter().any(|c| c.path == path && c.message.contains(says));
        assert!(told, "{spec}: {wrong:?}");
    }
    let both = [("compose.yaml", COMPOSE), (".env", "A=1\n")];
    assert!(one(desire(json!({"env": {"A": "x"}}), &both).expect_err("both")).message.contains("has a file .env"));
    assert!(one(desire(json!({}), &[("readme", "x")]).expect_err("none")).message.contains("no compose file"));
}

#[test]
fn yaml_as_compose_users_write_it_is_read() {
    let text = "\
x-base: &base {image: tiny, restart: always}
services:
  web:
    <<: *base
    ports: [8069:80, {target: 81, published: '8070', host_ip: 127.0.0.1}, '9000-9010:9000-9010', '53:53/udp', 80]
    volumes: [{type: bind, source: ./a, target: /a}, /etc/x:/x, ../y:/y]
    configs: [{source: app, target: /c}]
    env_file: .env
    scale: 2
configs: {app: {file: ./app.conf}}
";
    let want = desire(json!({}), &[("docker-compose.yml", text), (".env", "A=1\n")]).expect("good");
    let web = &want.services["web"];
    let ports: Vec<(u16, u16)> = web.ports.iter().map(|port| (port.port, port.target)).collect();
    assert_eq!(ports, [(8069, 80), (8070, 81), (53, 53)]);
    assert_eq!(web.mounts, ["a".to_owned(), "app.conf".to_owned()].into());
    assert_eq!((web.count, want.files[".env"].mode), (Some(2), "0600"));
}

#[test]
fn a_secret_stands_in_dot_env_and_nowhere_else() {
    let want = odoo(json!({"env": {"PASSWORD": {"secret": "odoo.postgres"}, "USER": "o'doo $x"}}));
    let private = private::Private::new(&want, |_| Ok("hunter2".to_owned())).expect("fit");
    let text = String::from_utf8(private.files[".env"].clone()).expect("text");
    assert!(text.contains("PASSWORD='hunter2'\n") && text.contains("USER='o\\'doo $x'\n"), "{text}");
    assert!(!serde_json::to_string(&want).expect("JSON").contains("hunter2"));
    assert_eq!(private.redacted("no hunter2 here"), "no (secret) here");
    let two_lines = private::Private::new(&want, |_| Ok("a\nb".to_owned())).err().expect("unfit");
    assert!(two_lines.contains("odoo.postgres has several lines"), "{two_lines}");
    assert!(private::Private::new(&odoo(json!({})), |_| Err("none".to_owned())).expect("none").files.is_empty());
}

#[test]
fn a_port_and_a_folder_are_one_stacks_own() {
    let (a, b) = (odoo(json!({"directory": "/opt/x"})), odoo(json!({"directory": "/opt/x", "project": "b"})));
    let other = ResourceId::new("ComposeStack", "other");
    let wrong = ComposeStack::check(&[(&id(), &a), (&other, &b)]);
    let told: Vec<&str> = wrong.iter().map(|(_, c)| c.path.as_str()).collect();
    assert_eq!(told, ["spec.directory", "spec.path"]);
    assert!(wrong[1].1.message.contains("publishes port 8069 on Host/erp"), "{wrong:?}");
}

#[test]
fn probes_are_asked_with_200_where_nothing_is_said() {
    let probes =
        json!([{"http": "http://127.0.0.1:8069/"}, {"http": "https://[::1]/x", "status": 302}, {"tcp": "[::1]:5432"}]);
    let want = odoo(json!({"ready": {"probes": probes}}));
    let lines: String = want.ready.probes.iter().map(Probe::line).collect();
    assert_eq!(lines, "http 200 http://127.0.0.1:8069/\nhttp 302 https://[::1]/x\ntcp 5432 ::1\n");
}

#[test]
fn what_an_image_is_built_from_is_its_context_and_what_is_said_of_it() {
    let yaml = "services: {app: {build: ./app}, web: {image: tiny}}\n";
    let of = |yaml: &str, docker: &str, other: &str| {
        let files = [("compose.yaml", yaml), ("app/Dockerfile", docker), ("apple", other)];
        desire(json!({}), &files).expect("good").builds
    };
    let one = of(yaml, "FROM scratch", "");
    assert_eq!(one.keys().collect::<Vec<_>>(), ["app"]);
    assert_eq!(one, of(yaml, "FROM scratch", "another"));
    assert_ne!(one, of(yaml, "FROM other", ""));
    assert_ne!(one, of("services: {app: {build: {context: app, target: x}}}\n", "FROM scratch", ""));
}

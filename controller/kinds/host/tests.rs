//! What hosts mean and how they differ, as tables.

use super::*;
use crate::model::{
    Catalog, Change, Observed, OnRemove, Policy, ProviderId, Shown, Step as Work, Supply, Verb, View,
    erased::{AnyKind, Of},
};
use crate::ports::host::survey::{All, Certificate, Disk, Survey, Text};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use uuid::Uuid;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8vVkbw87jJIm0/1UMnAZkS8oU/FEauUZZhhm2Gw/Eh";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG1V+ZfGqnBxMQ1VQMfHqzX9NlHfxuAGDmNIYv0Xgk5a";

fn id() -> ResourceId {
    ResourceId::new("Host", "erp")
}

fn desire(spec: Value) -> Result<Want, Vec<Complaint>> {
    spec::desire(&id(), &serde_json::from_value(spec).expect("a spec"))
}

fn want(spec: Value) -> Want {
    desire(spec).expect("good")
}

fn survey() -> Survey {
    let disk = Disk { device: "/dev/vda1".to_owned(), size: 100, used: 50, free: 50, inodes: (100, 10) };
    Survey {
        os: "Ubuntu 22.04.5 LTS".to_owned(),
        processors: 2,
        memory: (4_000_000, 1_000_000),
        disks: BTreeMap::from([("/".to_owned(), disk)]),
        programs: ["docker", "apt-get"].map(str::to_owned).into(),
        engine: Some(Ok("24.0.7".to_owned())),
        ..Survey::default()
    }
}

fn state(survey: Survey) -> State {
    let place = Place {
        machine: "7".to_owned(),
        at: "203.0.113.10".to_owned(),
        public: Some("203.0.113.10".to_owned()),
        private: Some("10.0.0.2".to_owned()),
        v6: None,
    };
    State {
        key: "droplet erp".to_owned(),
        name: "erp".to_owned(),
        place,
        fingerprint: None,
        logins: BTreeMap::new(),
        survey: Some(Arc::new(survey)),
    }
}

fn plan_with(want: Option<&Want>, state: Option<&State>, supplies: HashMap<ResourceId, Supply>) -> Diffed<Step> {
    let (id, catalog) = (id(), Catalog::default());
    let as_of = "2026-11-27T12:00:00Z".parse().expect("a time");
    let view = View { as_of, estate: Uuid::nil(), catalog: &catalog, supplies };
    let provider_id = state.map(|s| ProviderId(s.place.machine.clone()));
    Host::diff(&Diff {
        id: &id,
        want,
        have: state.map_or(Observed::Absent, Observed::Present),
        provider_id: provider_id.as_ref(),
        owned: None,
        policy: &Policy::default_for(OnRemove::Keep),
        adopting: false,
        generation: u32::from(state.is_some()),
        intent: None,
        retiring: Vec::new(),
        scopes: None,
        view: &view,
    })
}

fn plan(want: &Want, survey: Survey) -> Diffed<Step> {
    plan_with(Some(want), Some(&state(survey)), HashMap::new())
}

fn only(diffed: Diffed<Step>) -> Change<Step> {
    assert_eq!(diffed.changes.len(), 1, "{diffed:?}");
    diffed.changes.into_iter().next().expect("one change")
}

fn told(diffed: &Diffed<Step>) -> Vec<(String, String)> {
    diffed.findings.iter().map(|f| (f.rule.clone(), f.text.clone())).collect()
}

fn file(text: &str) -> Text {
    Text { mode: "644".to_owned(), owner: "root:root".to_owned(), text: text.to_owned() }
}

#[test]
fn which_machine_it_is_has_to_be_said_once() {
    let table = [
        (json!({}), "spec", "does not say which machine"),
        (json!({"droplet": "erp", "address": "203.0.113.10"}), "spec.address", "says twice"),
        (json!({"droplet": "erp", "connect": "local"}), "spec.connect", "says twice"),
        (json!({"connect": "local", "user": "ops"}), "spec.user", "needs no user"),
        (json!({"connect": "local", "hostKey": KEY}), "spec.hostKey", "needs no hostKey"),
        (json!({"address": "203.0.113.10", "network": "private"}), "spec.network", "is no droplet"),
        (json!({"droplet": "erp", "jump": "erp"}), "spec.jump", "through itself"),
        (json!({"droplet": "erp", "hostKey": "ssh-ed25519 AAAA of erp"}), "spec.hostKey", "is no key"),
    ];
    for (spec, path, message) in table {
        let wrong = desire(spec.clone()).expect_err("refused");
        assert_eq!(wrong.len(), 1, "{spec}: {wrong:?}");
        assert!(wrong[0].path == path && wrong[0].message.contains(message), "{spec}: {wrong:?}");
    }
    let want =
        want(json!({"droplet": "erp", "jump": "bastion", "become": "sudo", "user": "ops", "authorizedKeys": ["ana"]}));
    let needs: Vec<String> = spec::needs(&want).iter().map(|n| format!("{} at {}", n.on, n.path)).collect();
    assert_eq!(
        needs,
        ["Droplet/erp at spec.droplet", "Host/bastion at spec.jump", "SshKey/ana at spec.authorizedKeys[0]"]
    );
    assert!(want.sudo && want.port == 22);
}

#[test]
fn nothing_that_ssh_could_read_as_its_own_gets_through_the_schema() {
    let validator = jsonschema::validator_for(&Of::<Host>::new().schema()).expect("a schema");
    assert!(
        validator.is_valid(&json!({"address": "2001:db8::1", "user": "ubuntu", "identity": {"secret": "ssh.ops"}}))
    );
    for bad in [
        json!({"address": "203.0.113.10\n  ProxyCommand x"}),
        json!({"address": "a b"}),
        json!({"address": "-oProxyCommand=x;y"}),
        json!({"droplet": "erp", "user": "root -x"}),
        json!({"droplet": "erp", "user": "-x"}),
        json!({"droplet": "erp", "identity": {"secret": "../x"}}),
        json!({"droplet": "erp", "port": 0}),
        json!({"droplet": "erp", "journalMax": "500M; reboot"}),
        json!({"droplet": "erp", "registries": [{"server": "-x", "username": "bot", "password": {"secret": "a"}}]}),
        json!({"droplet": "erp", "registries": [{"server": "a", "username": "-p", "password": {"secret": "a"}}]}),
    ] {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}

#[test]
fn a_host_on_a_droplet_that_is_to_be_made_waits_for_its_address() {
    let want = want(json!({"droplet": "erp", "install": ["docker", "nginx"]}));
    let droplet = ResourceId::new("Droplet", "erp");
    let change = only(plan_with(Some(&want), None, HashMap::from([(droplet.clone(), Supply::Pending)])));
    assert_eq!(change.key.to_string(), "Host/erp create");
    assert_eq!(change.title, "make ready: wait for SSH and the first start, install docker, nginx");
    let Work::Waits { on, why } = &change.step else { panic!("{change:?}") };
    assert_eq!((on.as_slice(), why.as_str()), ([droplet.clone()].as_slice(), "address of Droplet/erp"));
    assert!(matches!(&change.fields[0].to, Shown::Pending { of, .. } if *of == droplet));
    let outputs = [(Output::Id, "7"), (Output::Address, "203.0.113.10"), (Output::PrivateAddress, "10.0.0.2")];
    let live = Supply::Live(outputs.map(|(output, text)| (output, text.to_owned())).into());
    let ready = only(plan_with(Some(&want), None, HashMap::from([(droplet.clone(), live)])));
    assert_eq!(ready.step, Work::Ready(Step::MakeReady { place: state(survey()).place }));
    let unknown = plan_with(Some(&want), None, HashMap::from([(droplet, Supply::Unknown("429".to_owned()))]));
    assert!(unknown.changes.is_empty() && told(&unknown)[0].1.contains("429"), "{unknown:?}");
}

#[test]
fn a_host_that_asks_for_nothing_more_has_nothing_to_do_and_is_let_go_of_by_memory_alone() {
    let want = want(json!({"droplet": "erp"}));
    assert_eq!(plan(&want, survey()), Diffed::default());
    let change = only(plan_with(None, Some(&state(survey())), HashMap::new()));
    assert_eq!((change.key.verb, change.step), (Verb::Release, Work::Ready(Step::Release)));
}

#[test]
fn what_ails_a_host_is_told_in_words_that_stay_the_same_from_look_to_look() {
    let want = want(json!({"droplet": "erp"}));
    let mut ill = survey();
    ill.reboot = Some(vec!["linux-base".to_owned()]);
    ill.engine = Some(Err("Cannot connect".to_owned()));
    let mut at = |used: u64| {
        let disk = Disk { device: String::new(), size: 100, used, free: 100 - used, inodes: (0, 0) };
        ill.disks.insert("/".to_owned(), disk);
        plan(&want, ill.clone())
    };
    let first = at(92);
    assert_eq!(
        told(&first),
        [
            ("disk-full".to_owned(), "the disk / is over 90 % full".to_owned()),
            ("reboot-pending".to_owned(), "it wants to be started anew for linux-base".to_owned()),
            (
                "docker-silent".to_owned(),
                "Docker is installed and its engine does not answer: Cannot connect".to_owned()
            ),
        ]
    );
    assert_eq!(at(94), first);
    assert_ne!(at(96), first);
    assert!(told(&at(80)).iter().all(|(rule, _)| rule != "disk-full"));
}

#[test]
fn a_certificate_that_nears_its_end_is_told_by_the_share_of_its_life() {
    let want = want(json!({"droplet": "erp"}));
    let at = |from: &str, until: &str| {
        let time = |day: &str| format!("{day}T00:00:00Z").parse().expect("a time");
        let certificate = Certificate {
            names: BTreeSet::from(["erp.example.com".to_owned()]),
            from: time(from),
            until: time(until),
            serial: String::new(),
            issuer: String::new(),
        };
        let mut seen = survey();
        seen.certificates.insert("/etc/letsencrypt/live/erp/fullchain.pem".to_owned(), Ok(certificate));
        told(&plan(&want, seen))
    };
    assert_eq!(at("2026-11-01", "2027-01-30"), []);
    let [(rule, text)] = &at("2026-09-01", "2026-12-05")[..] else { panic!("one") };
    assert_eq!(rule, "certificate-ends");
    assert_eq!(text, "the certificate of erp.example.com ends on 2026-12-05");
    assert_eq!(at("2026-09-01", "2026-11-20")[0].0, "certificate-ended");
}

#[test]
fn what_is_missing_is_installed_and_nothing_else() {
    let want = want(json!({"droplet": "erp", "install": ["docker", "compose", "nginx"]}));
    let change = only(plan(&want, survey()));
    assert_eq!(change.key.to_string(), "Host/erp#install update");
    assert_eq!(change.step, Work::Ready(Step::Install { packages: [Package::Compose, Package::Nginx].into() }));
    let mut whole = survey();
    whole.compose = Some("2.26.1".to_owned());
    whole.programs.insert("nginx".to_owned());
    assert_eq!(plan(&want, whole), Diffed::default());
    let mut alpine = survey();
    alpine.programs.remove("apt-get");
    let refused = plan(&want, alpine);
    assert!(refused.changes.is_empty() && refused.findings[0].text.contains("no apt-get"), "{refused:?}");
}

#[test]
fn keys_are_let_in_by_what_they_are_and_others_are_told_and_left() {
    let want = want(json!({"droplet": "erp", "authorizedKeys": ["ana", "ops"]}));
    let key = |line: &str| Supply::Live(BTreeMap::from([(Output::PublicKey, line.to_owned())]));
    let supplies = |ops: Supply| {
        HashMap::from([(ResourceId::new("SshKey", "ana"), key(KEY)), (ResourceId::new("SshKey", "ops"), ops)])
    };
    let mut seen = survey();
    let entries = format!("# ours\nfrom=\"10.0.0.1\",no-pty {KEY} ana@laptop\n\nssh-rsa nonsense\n");
    seen.files.insert("~/.ssh/authorized_keys".to_owned(), file(&entries));
    let change = only(plan_with(Some(&want), Some(&state(seen.clone())), supplies(key(&format!("{OTHER} ops")))));
    assert_eq!(change.step, Work::Ready(Step::Authorize { lines: vec![format!("{OTHER} ops")] }));
    let waits = only(plan_with(Some(&want), Some(&state(seen.clone())), supplies(Supply::Pending)));
    assert!(matches!(waits.step, Work::Waits { .. }));
    seen.files.insert("~/.ssh/authorized_keys".to_owned(), file(&format!("{entries}{OTHER} ops\n{} old@x\n", ECDSA)));
    let done = plan_with(Some(&want), Some(&state(seen)), supplies(key(OTHER)));
    assert!(done.changes.is_empty(), "{done:?}");
    assert_eq!(told(&done), [("other-keys".to_owned(), "keys are let in that no document names: old@x".to_owned())]);
}

const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMi1x3t+n4IbJW2dJRtX28roTZjobhggtSYdU/rjZV5U5vRV12ANDO9Elqla4/SJtFewbW0ELve7xHjZQEi/WhY=";

#[test]
fn the_limit_on_dockers_logs_leaves_every_other_setting_as_it_is() {
    let want = want(json!({"droplet": "erp", "docker": {"logMaxSize": "50m"}}));
    let with = |text: &str| {
        let mut seen = survey();
        seen.files.insert("/etc/docker/daemon.json".to_owned(), file(text));
        plan(&want, seen)
    };
    for (before, after) in [
        ("", json!({"log-opts": {"max-size": "50m"}})),
        (
            r#"{"live-restore": true, "log-opts": {"max-file": "3", "max-size": "1g"}}"#,
            json!({"live-restore": true, "log-opts": {"max-file": "3", "max-size": "50m"}}),
        ),
    ] {
        let Work::Ready(Step::Write { text, path, then }) = only(with(before)).step else { panic!("{before}") };
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), after);
        assert_eq!((path.as_str(), then), ("/etc/docker/daemon.json", None));
        assert_eq!(with(&text), Diffed::default(), "done is done");
    }
    assert_eq!(told(&with("{nonsense"))[0].0, "daemon-json");
    assert_eq!(told(&with(r#"{"log-driver": "journald"}"#))[0].0, "log-driver");
}

#[test]
fn the_journals_limit_is_written_once() {
    let want = want(json!({"droplet": "erp", "journalMax": "500M"}));
    let Work::Ready(Step::Write { path, text, then }) = only(plan(&want, survey())).step else { panic!("a file") };
    assert_eq!(then.as_deref(), Some("systemd-journald"));
    let mut done = survey();
    done.files.insert(path, file(&text));
    assert_eq!(plan(&want, done), Diffed::default());
}

#[test]
fn a_full_disk_loses_images_that_no_container_uses_and_nothing_else() {
    let want = want(json!({"droplet": "erp", "pruneImagesAbove": "80%"}));
    let with = |used: u64, all: &[&str], in_use: &[&str]| {
        let mut seen = survey();
        let disk = Disk { device: String::new(), size: 100, used, free: 100 - used, inodes: (0, 0) };
        seen.disks = BTreeMap::from([("/".to_owned(), disk)]);
        let set = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        seen.docker = Some(All { images: set(all), used: set(in_use), ..All::default() });
        plan(&want, seen)
    };
    let all = ["sha256:a n8n:1", "sha256:a n8n:latest", "sha256:b odoo:17", "sha256:c <none>:<none>"];
    let diffed = with(91, &all, &["sha256:b"]);
    let change = diffed.changes.first().expect("a change");
    assert_eq!(change.title, "remove 2 images that no container uses: the disk / is over 80 % full");
    assert_eq!(change.fields[0].from, Shown::set(["n8n:1 n8n:latest".to_owned(), "sha256:c".to_owned()]));
    let images = vec!["sha256:a".to_owned(), "sha256:c".to_owned()];
    assert_eq!(change.step, Work::Ready(Step::Prune { images }));
    assert!(with(80, &all, &[]).changes.is_empty());
    let nothing = with(91, &all, &["sha256:a", "sha256:b", "sha256:c"]);
    assert!(nothing.changes.is_empty() && told(&nothing).iter().any(|(rule, _)| rule == "nothing-to-prune"));
}

#[test]
fn facts_name_what_runs_and_nothing_that_counts_up() {
    let facts = Host::facts(&state(survey()));
    assert!(
        facts.contains(&Fact::Runs("Docker 24.0.7".to_owned()))
            && facts.contains(&Fact::Size("2 processors, 4 GiB".to_owned())),
        "{facts:?}"
    );
    let mut later = survey();
    (later.uptime, later.load, later.memory.1) = (99, [1, 2, 3], 7);
    assert_eq!(Host::facts(&state(later)), facts);
}

#[test]
fn steps_survive_being_written_down() {
    for step in [
        Step::MakeReady { place: state(survey()).place },
        Step::Install { packages: [Package::Docker].into() },
        Step::Authorize { lines: vec![KEY.to_owned()] },
        Step::Write { path: "/x".to_owned(), text: "y".to_owned(), then: None },
        Step::Prune { images: vec!["sha256:a".to_owned()] },
        Step::Release,
    ] {
        let text = serde_json::to_string(&step).expect("written");
        assert_eq!(serde_json::from_str::<Step>(&text).expect("read"), step);
    }
}

#[test]
fn a_registry_is_logged_in_to_where_its_login_is_not_as_wanted() {
    let ghcr = json!([{"server": "GHCR.io", "username": "bot", "password": {"secret": "ghcr.token"}}]);
    let wanted = want(json!({"address": "203.0.113.10", "registries": ghcr, "install": ["docker"]}));
    let plan = |login: Login, survey: Survey| {
        let mut state = state(survey);
        state.logins = BTreeMap::from([("ghcr.io".to_owned(), login)]);
        plan_with(Some(&wanted), Some(&state), HashMap::new())
    };
    for (login, from) in [
        (Login::None, Shown::Nothing),
        (Login::Other("ana".to_owned()), Shown::text("ana")),
        (Login::Password, Shown::text("bot, with another password")),
    ] {
        let change = only(plan(login, survey()));
        assert_eq!((change.key.part.as_deref(), &*change.title), (Some("registry ghcr.io"), "log in to ghcr.io"));
        assert_eq!((&change.fields[0].from, &change.fields[0].to), (&from, &Shown::text("bot (secret ghcr.token)")));
        let Work::Ready(Step::Login { registry }) = &change.step else { panic!("{change:?}") };
        assert_eq!((registry.server.as_str(), registry.secret.as_str()), ("ghcr.io", "ghcr.token"));
    }
    assert!(plan(Login::Right, survey()).changes.is_empty());
    let rules = |login: Login| told(&plan(login, survey())).into_iter().map(|(rule, _)| rule).collect::<Vec<_>>();
    assert_eq!(rules(Login::Elsewhere), ["login-elsewhere"]);
    assert_eq!(rules(Login::Secret("it is nowhere".to_owned())), ["no-secret"]);
    // Docker comes first where it is not there yet, and is missed where nobody installs it.
    let bare = Survey { engine: None, programs: ["apt-get".to_owned()].into(), ..survey() };
    let both = plan(Login::None, bare.clone());
    assert_eq!(both.changes[1].after, [both.changes[0].key.clone()]);
    let without = want(json!({"address": "203.0.113.10", "registries": ghcr}));
    let missed = plan_with(Some(&without), Some(&state(bare)), HashMap::new());
    assert_eq!((missed.changes.len(), &*told(&missed)[0].0), (0, "no-docker"));
    let twice = json!([ghcr[0], {"server": "ghcr.io", "username": "ana", "password": {"secret": "x"}}]);
    let wrong = desire(json!({"address": "203.0.113.10", "registries": twice})).expect_err("twice");
    assert_eq!(wrong[0].path, "spec.registries[1].server");
}

#[test]
fn a_login_is_compared_with_the_secret_and_nothing_of_either_is_kept() {
    use base64::Engine;
    let auth = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let config = json!({"auths": {
        "ghcr.io": {"auth": auth("bot:right")}, "https://index.docker.io/v1/": {"auth": auth("bot:former")}, "a.example": {"auth": auth("ana:right")}
    }});
    let answer = format!("logins {}\nend\n", auth(&config.to_string()));
    let survey = crate::ports::host::survey::parse(&answer).expect("a survey");
    let registry =
        |server: &str| json!({"server": server, "username": "bot", "password": {"secret": format!("of.{server}")}});
    let all: Vec<Value> = ["ghcr.io", "docker.io", "a.example", "b.example", "c.example"].map(registry).into();
    let want = want(json!({"address": "203.0.113.10", "registries": all}));
    let secret = |name: &str| if name == "of.c.example" { Err("it is nowhere".to_owned()) } else { Ok("right".into()) };
    let found: Vec<Login> = registries::compared(&want, &survey, secret).into_values().collect();
    let other = Login::Other("ana".to_owned());
    assert_eq!(found, [other, Login::None, Login::Secret("it is nowhere".to_owned()), Login::Password, Login::Right]);
    assert!(!serde_json::to_string(&survey).expect("serialised").contains(&auth("bot:right")));
}

#[test]
fn one_machine_has_one_document() {
    let at = |address: &str, port: u16| want(json!({"address": address, "port": port}));
    let (one, other) = (id(), ResourceId::new("Host", "ocr"));
    let told = |a: &Want, b: &Want| Host::check(&[(&one, a), (&other, b)]);
    let twice = told(&at("203.0.113.10", 22), &at("203.0.113.10", 22));
    assert_eq!((&twice[0].0, twice[0].1.path.as_str()), (&other, "spec.address"));
    assert!(told(&at("203.0.113.10", 22), &at("203.0.113.11", 22)).is_empty());
    // Behind one address may stand several, each at a port of its own.
    assert!(told(&at("203.0.113.10", 22), &at("203.0.113.10", 2222)).is_empty());
}

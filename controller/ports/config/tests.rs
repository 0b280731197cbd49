//! Precedence, errors with their places, and secrets that don't show.

use super::keys::{KEYS, Shape, file_variant};
use super::*;
use secrecy::ExposeSecret;
use std::os::unix::fs::PermissionsExt;

const EXAMPLE: &str = include_str!("../../../deploy/driftless.toml");

/// A machine: its environment and the folder that its settings file lies in.
struct Machine {
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
    flags: Overrides,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let env = [("XDG_STATE_HOME", at("state")), ("XDG_CONFIG_HOME", at("config")), ("HOME", at("home"))];
        let env = env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { folder, env, flags: Overrides::default() }
    }
    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }
    fn flag(mut self, name: &str, value: &str) -> Self {
        self.flags.set(name, Some(value));
        self
    }
    fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }
    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(self.flags.clone(), &|name| self.env.get(name).cloned(), None)
    }
    fn with(&self, text: &str) -> Result<Config, ConfigError> {
        let path = self.write("driftless.toml", text, 0o600);
        Config::load(self.flags.clone(), &|name| self.env.get(name).cloned(), Some(path))
    }
    fn problems(&self, text: &str) -> Vec<Diagnostic> {
        match self.with(text) {
            Err(ConfigError::Wrong(problems)) => problems,
            other => panic!("expected problems, got {other:?}"),
        }
    }
    fn origin(config: &Config, name: &str) -> String {
        config.describe().iter().find(|d| d.name == name).unwrap().origin.to_string()
    }
}

/// The example with every setting in use: a setting is commented out by a `#` without a space.
fn uncommented() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.is_empty() && !setting.starts_with(' ') => setting.to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_explains_every_setting_and_no_other() {
    let contents = file::read("driftless.toml", &uncommented());
    assert_eq!(contents.problems, []);
    let mut expected: Vec<String> = KEYS.iter().map(|key| key.name.to_owned()).collect();
    expected.extend(KEYS.iter().filter(|k| k.shape == Shape::Secret).map(|k| file_variant(k.name)));
    expected.sort();
    assert_eq!(contents.values.into_keys().collect::<Vec<_>>(), expected);
    let person = &contents.access[0];
    assert_eq!((person.name.as_str(), person.role, person.emails.len()), ("ana", Role::Approver, 1));
    assert!(person.token_hash.is_some() && person.github.is_some() && person.os_user.is_some());
    for field in keys::ACCESS {
        assert!(EXAMPLE.contains(&format!("\n#{field} = ")), "{field} is not explained");
    }
    for name in KEYS.iter().flat_map(|key| key.also) {
        assert!(EXAMPLE.contains(name), "{name} is not explained");
    }
}

#[test]
fn the_defaults_in_the_example_are_the_defaults() {
    let machine = Machine::new();
    let defaults = machine.load().unwrap();
    let contents = file::read("driftless.toml", &uncommented());
    let examples_only = ["data_dir", "secrets_dir", "socket"];
    for described in defaults.describe().iter().filter(|d| !examples_only.contains(&d.name)) {
        assert_eq!(described.origin, Origin::Default, "{}", described.name);
        assert_eq!(contents.values[described.name].text, described.value, "{}", described.name);
    }
}

#[test]
fn the_example_as_it_is_sets_nothing() {
    let config = Machine::new().with(EXAMPLE).unwrap();
    assert!(config.describe().iter().all(|d| d.origin == Origin::Default), "{:?}", config.describe());
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let file = "branch = 'file'\n[log]\nlevel = 'file'\nformat = 'json'";
    let machine = Machine::new().env("DRIFTLESS_BRANCH", "env").env("RUST_LOG", "env").flag("branch", "flag");
    let config = machine.with(file).unwrap();
    assert_eq!((config.branch.as_str(), config.log.level.as_str()), ("flag", "env"));
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(Machine::origin(&config, "branch"), "flag");
    assert_eq!(Machine::origin(&config, "log.level"), "environment RUST_LOG");
    assert!(Machine::origin(&config, "log.format").ends_with("driftless.toml:4"));
    assert_eq!(Machine::origin(&config, "git.username"), "default");
}

#[test]
fn the_names_that_people_have_set_already_work_and_ours_win() {
    let token = |machine: &Machine| {
        let token = machine.load().unwrap().digitalocean.token.unwrap();
        token.read().unwrap().expose_secret().to_owned()
    };
    let machine = Machine::new().env("DIGITALOCEAN_TOKEN", "b");
    assert_eq!(token(&machine), "b");
    let machine = machine.env("DIGITALOCEAN_ACCESS_TOKEN", "a");
    assert_eq!(token(&machine), "a");
    let machine = machine.env("DRIFTLESS_DIGITALOCEAN_TOKEN", "ours");
    assert_eq!(token(&machine), "ours");
    let machine = machine.env("DIGITALOCEAN_API_URL", "http://127.0.0.1:8080/v2/").env("NO_COLOR", "1");
    let config = machine.load().unwrap();
    assert_eq!((config.digitalocean.api_url.as_str(), config.no_color), ("http://127.0.0.1:8080", true));
}

#[test]
fn every_setting_can_be_given_by_the_environment() {
    // The map of addresses is taken beside a rehearsal only: see the test of that.
    for key in KEYS.iter().filter(|key| key.name != "reach.map") {
        let (value, expected) = match key.name {
            "repo" => ("git@example.com:infra.git", "git@example.com:infra.git"),
            "self" => ("Droplet/ops", "Droplet/ops"),
            "digitalocean.api_url" => ("https://api.example.com", "https://api.example.com"),
            "log.format" => ("json", "json"),
            "server.listen" => ("[::1]:8787", "[::1]:8787"),
            "telemetry.endpoint" => ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/"),
            "server.url" => ("https://driftless.example.com", "https://driftless.example.com"),
            _ if key.shape == Shape::Flag => ("true", "true"),
            _ if key.shape == Shape::Number => ("7", "7"),
            _ if key.shape == Shape::Secret => ("hidden", "(secret)"),
            _ => ("thing", "thing"),
        };
        let name = keys::environment(key.name);
        let config = Machine::new().env(&name, value).load().unwrap();
        let described = config.describe().iter().find(|d| d.name == key.name);
        let described = described.unwrap_or_else(|| panic!("{} is not looked up", key.name));
        assert_eq!((described.value.as_str(), &described.origin), (expected, &Origin::Environment(name)));
    }
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let config = Machine::new().env("DRIFTLESS_BRANCH", "").env("DIGITALOCEAN_TOKEN", "").load().unwrap();
    assert_eq!(config.branch, "main");
    assert!(config.digitalocean.token.is_none());
}

#[test]
fn an_unknown_setting_is_an_error_at_its_place_with_what_was_meant() {
    let problems =
        Machine::new().problems("brnach = 'x'\n[digitalocean]\n  perHour = 1\n[caps]\nmaxDeletes = 1\n[zebra]");
    let told: Vec<_> =
        problems.iter().map(|p| (p.place.line, p.place.column, p.message.as_str(), p.label.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, 1, "unknown setting \"brnach\"", "did you mean \"branch\"?"),
            (3, 3, "unknown setting \"digitalocean.perHour\"", "did you mean \"digitalocean.per_hour\"?"),
            (5, 1, "unknown setting \"caps.maxDeletes\"", "did you mean \"caps.max_deletes\"?"),
            (6, 2, "unknown setting \"zebra\"", "no setting has this name"),
        ]
    );
    assert_eq!((problems[1].source_line.as_str(), problems[1].width), ("  perHour = …", 7));
}

#[test]
fn a_setting_in_the_wrong_table_is_pointed_to_the_right_one() {
    let problems = Machine::new().problems("api_url = 'http://127.0.0.1'");
    assert_eq!(problems[0].label, "did you mean \"digitalocean.api_url\"?");
}

#[test]
fn every_value_that_makes_no_sense_is_told_in_one_go() {
    let text = "repo = 5\nself = 'ops'\npath = '../x'\nfreeze = 'no'\n[log]\nformat = 'yaml'\n\
                [caps]\nmax_delete_percent = 101\n[digitalocean]\nper_hour = -1\nper_minute = 0\n\
                [[access]]\nname = 'ana'\nrole = 'boss'";
    let problems = Machine::new().problems(text);
    let lines: Vec<u32> = problems.iter().map(|p| p.place.line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 6, 8, 10, 11, 12], "{problems:#?}");
    let format = &problems[4];
    assert_eq!((format.source_line.as_str(), format.place.column, format.width), ("format = 'yaml'", 10, 6));
    assert_eq!((format.message.as_str(), format.label.as_str()), ("log.format is \"yaml\"", "expected text or json"));
}

#[test]
fn a_token_is_not_sent_over_plain_http_but_to_this_machine() {
    for url in ["http://api.example.com", "http://10.0.0.1", "http://localhost.example.com", "ftp://127.0.0.1"] {
        assert!(Machine::new().env("DIGITALOCEAN_API_URL", url).load().is_err(), "{url}");
    }
    for url in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://api.example.com"] {
        assert!(Machine::new().env("DIGITALOCEAN_API_URL", url).load().is_ok(), "{url}");
    }
    let git = |repo: &str| Machine::new().env("DRIFTLESS_REPO", repo).env("DRIFTLESS_GIT_TOKEN", "t").load();
    assert!(git("http://git.example.com/infra.git").is_err());
    assert!(git("http://127.0.0.1/infra.git").is_ok());
    assert!(Machine::new().env("DRIFTLESS_REPO", "http://git.example.com/infra.git").load().is_ok(), "no token");
}

#[test]
fn a_controller_elsewhere_is_reached_by_https_and_its_old_name() {
    for url in ["http://driftless.example.com", "http://10.0.0.1:8787", "ftp://x", "https://ana@x", "https://x?y"] {
        assert!(Machine::new().env("DRIFTLESS_SERVER", url).load().is_err(), "{url}");
    }
    let machine = Machine::new().env("DRIFTLESS_SERVER", "http://127.0.0.1:8787/").env("DRIFTLESS_SERVER_TOKEN", "t");
    let server = machine.load().unwrap().server;
    assert_eq!(server.url.as_deref(), Some("http://127.0.0.1:8787"));
    assert_eq!(server.token.unwrap().read().unwrap().expose_secret(), "t");
    assert!(Machine::new().env("DRIFTLESS_SERVER_LISTEN", "localhost:8787").load().is_err());
}

#[test]
fn several_secrets_stand_in_one_file_a_line_each() {
    let machine = Machine::new();
    let path = machine.write("hooks", "new\n\n  old \n", 0o600);
    let config = machine.with("[webhook]\nsecrets_file = 'hooks'").unwrap();
    let secrets = config.webhook_secrets.unwrap();
    let read: Vec<_> = secrets.read().unwrap().iter().map(|s| s.expose_secret().to_owned()).collect();
    assert_eq!(read, ["new", "old"]);
    std::fs::write(&path, " \n").unwrap();
    assert!(secrets.read().unwrap_err().to_string().contains("is empty"));
}

#[test]
fn a_token_hash_that_is_none_is_warned_of() {
    let config = Machine::new().with("[[access]]\nname='a'\nrole='admin'\ntoken_hash='abc'").unwrap();
    assert!(
        config.warnings.iter().any(|w| w.starts_with("access of a: token_hash is no SHA-256")),
        "{:?}",
        config.warnings
    );
}

#[test]
fn no_secret_shows_in_debug_descriptions_or_errors() {
    let secret = "s3cr3tvalue";
    let file = format!("[git]\ntoken = '{secret}'\n[[access]]\nname='a'\nrole='admin'\ntoken_hash='{secret}'");
    let config = Machine::new().env("DIGITALOCEAN_TOKEN", secret).with(&file).unwrap();
    assert_eq!(config.git.token.as_ref().unwrap().read().unwrap().expose_secret(), secret);
    assert!(!format!("{config:?} {:?}", config.describe()).contains(secret));
    for text in [
        format!("tokn = '{secret}'"),
        format!("repo = 'https://{secret}@example.com/x.git'"),
        format!("repo = 'https://ana:{secret}@example.com/x.git'"),
        format!("[digitalocean]\ntoken = '{secret}"),
        format!("[digitalocean]\ntoken = '''\n{secret}"),
        format!("[digitalocean]\ntoken = {secret}"),
        format!("[digitalocean]\ntoken = ['{secret}']"),
        format!("digitalocean = {{ token = '{secret}', api_url = 5 }}"),
        format!("[digitalocean]\ntoken = '{secret}'\ntoken_file = '/x'"),
        format!("[digitalocean]\n{secret}"),
    ] {
        let problems = Machine::new().problems(&text);
        assert!(!format!("{problems:?}").contains(secret), "{text}: {problems:#?}");
    }
    let flag = Machine::new().flag("digitalocean.token", secret).load().unwrap_err();
    assert!(!format!("{flag} {flag:?}").contains(secret));
}

#[test]
fn a_secret_in_a_file_is_read_anew_each_time() {
    let machine = Machine::new();
    let path = machine.write("do.token", "first\n", 0o600);
    let config = machine.with("[digitalocean]\ntoken_file = 'do.token'").unwrap();
    let token = config.digitalocean.token.unwrap();
    assert_eq!((token.file(), config.warnings.len()), (Some(path.as_path()), 0));
    assert_eq!(token.read().unwrap().expose_secret(), "first");
    std::fs::write(&path, "second").unwrap();
    assert_eq!(token.read().unwrap().expose_secret(), "second");
    std::fs::write(&path, " \n").unwrap();
    assert!(token.read().unwrap_err().to_string().contains("digitalocean.token in"));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(token.read().unwrap_err(), SecretError::Read { .. }));
}

#[test]
fn a_secret_given_twice_at_one_rank_is_an_error_and_a_higher_rank_wins_over_both_forms() {
    let both = Machine::new().env("DRIFTLESS_GIT_TOKEN", "a").env("DRIFTLESS_GIT_TOKEN_FILE", "/b");
    assert!(both.load().unwrap_err().to_string().contains("git.token and git.token_file are both set"));
    let config = Machine::new().env("DRIFTLESS_GIT_TOKEN", "env").with("[git]\ntoken_file = '/x'").unwrap();
    assert_eq!(config.git.token.unwrap().file(), None);
}

#[test]
fn files_with_secrets_that_others_can_read_are_warned_of() {
    let machine = Machine::new();
    machine.write("open.token", "t", 0o644);
    let config = machine.with("[digitalocean]\ntoken_file = 'open.token'\n[git]\ntoken_file = 'none'").unwrap();
    assert_eq!(config.warnings.len(), 2, "{:?}", config.warnings);
    assert!(config.warnings[0].starts_with("git.token: ") && config.warnings[0].contains("cannot be looked at"));
    assert!(config.warnings[1].contains("mode 0644") && config.warnings[1].contains("chmod 600"));
    let path = machine.write("config/driftless/driftless.toml", "[git]\ntoken = 't'", 0o640);
    let warnings = machine.load().unwrap().warnings;
    assert!(warnings.len() == 1 && warnings[0].contains(&path.display().to_string()), "{warnings:?}");
}

#[test]
fn paths_are_relative_to_the_file_and_the_home_is_known() {
    let machine = Machine::new();
    let config = machine.with("repo = 'infra'\ndata_dir = '~/state'\nsocket = 'x.sock'").unwrap();
    assert_eq!(config.repo, Some(machine.folder.path().join("infra").display().to_string()));
    assert_eq!(config.journal(), machine.folder.path().join("home/state/journal.db"));
    assert_eq!(config.socket, machine.folder.path().join("x.sock"));
    let scp = machine.with("repo = 'git@example.com:infra.git'\npath = './clusters//main/'").unwrap();
    assert_eq!((scp.repo.as_deref(), scp.path.as_str()), (Some("git@example.com:infra.git"), "clusters/main"));
    let flag = Machine::new().flag("data_dir", "here").with("").unwrap();
    assert_eq!((flag.data_dir, flag.socket), (PathBuf::from("here"), PathBuf::from("here/driftless.sock")));
}

#[test]
fn the_file_is_the_named_one_and_must_be_there_then() {
    let machine = Machine::new();
    machine.write("config/driftless/driftless.toml", "branch = 'usual'", 0o600);
    assert_eq!(machine.load().unwrap().branch, "usual");
    let named = machine.write("named.toml", "branch = 'named'", 0o600);
    let machine = machine.env("DRIFTLESS_CONFIG", &named.display().to_string());
    assert_eq!(machine.load().unwrap().branch, "named");
    let machine = machine.env("DRIFTLESS_CONFIG", "/nowhere/driftless.toml");
    assert!(matches!(machine.load().unwrap_err(), ConfigError::Read { .. }));
}

#[test]
fn a_file_that_is_no_toml_is_an_error_with_its_place() {
    let problems = Machine::new().problems("branch = \"main\"\nfreeze = = true\n");
    assert_eq!((problems[0].place.line, problems[0].source_line.as_str()), (2, "freeze = …"));
    assert!(problems[0].message.starts_with("this is no TOML: "), "{}", problems[0].message);
}

#[test]
fn addresses_are_mapped_to_loopback_beside_a_rehearsal_only() {
    let rehearsal = "[digitalocean]\napi_url = 'http://127.0.0.1:8080'\n[reach]\nhosts = true\n";
    let map = "map = '203.0.113.10=127.0.0.1:2222, 203.0.113.11=127.0.0.1:2223'\n";
    let Reach::Tcp(tcp) = Machine::new().with(&format!("{rehearsal}{map}")).unwrap().reach else {
        panic!("hosts are reached")
    };
    let map: Vec<String> = tcp.map.iter().map(|(from, to)| format!("{from}={to}")).collect();
    assert_eq!((tcp.port, map.join(" ")), (22, "203.0.113.10=127.0.0.1:2222 203.0.113.11=127.0.0.1:2223".to_owned()));
    for (text, label) in [
        ("[reach]\nmap = '203.0.113.10=127.0.0.1:2222'\n".to_owned(), "addresses are mapped only beside an API"),
        (format!("{rehearsal}map = '203.0.113.10=192.0.2.1:22'\n"), "expected address=127.0.0.1:port"),
        (format!("{rehearsal}map = 'erp=127.0.0.1:22'\n"), "expected address=127.0.0.1:port"),
        ("[reach]\nport = 70000\n".to_owned(), "expected a whole number from 1 to 65535"),
    ] {
        let problems = Machine::new().problems(&text);
        assert!(problems[0].label.starts_with(label), "{text}: {problems:?}");
    }
    assert!(!Machine::new().load().unwrap().reach.is_on(), "off by default");
}

//! The program as its users meet it: one process a command, its two streams and its exit code.

mod beginning;
mod descriptions;
mod files;
mod playing;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A folder of its own, with a home of its own, in which commands are run.
pub struct Desk {
    root: TempDir,
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Desk {
    pub fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        for folder in ["home", "work"] {
            std::fs::create_dir(root.path().join(folder)).expect("a folder");
        }
        std::fs::write(root.path().join("driftless.toml"), "").expect("a file");
        Self { root }
    }

    /// The folder that commands are run in.
    pub fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    pub fn write(&self, path: &str, text: &str) {
        let file = self.work().join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(file, text).expect("a file");
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.work().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A command with nothing of the tester's own environment in it.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("driftless"));
        command.args(args).current_dir(self.work()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.root.path().join("home"));
        // For root, both are elsewhere than at home.
        command.env("DRIFTLESS_DATA_DIR", self.root.path().join("data"));
        command.env("DRIFTLESS_CONFIG", self.root.path().join("driftless.toml"));
        command
    }

    pub fn say(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().expect("the program");
        // Where the folder lies differs from run to run.
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).expect("UTF-8").replace(&self.work().display().to_string(), "[work]")
        };
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// What a command that goes well prints.
    pub fn well(&self, args: &[&str]) -> String {
        let said = self.say(args);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{args:?} printed {}", said.out);
        said.out
    }
}

const COMMANDS: &[&str] = &[
    "init",
    "import",
    "validate",
    "plan",
    "apply",
    "run",
    "status",
    "inventory",
    "history",
    "approve",
    "sandbox",
    "demo",
    "schema",
    "explain",
    "completions",
];

#[test]
fn help_lists_the_commands_in_the_order_of_their_use() {
    let help = Desk::new().well(&["--help"]);
    let places: Vec<_> = COMMANDS
        .iter()
        .map(|name| help.find(&format!("\n  {name} ")).unwrap_or_else(|| panic!("{name} is not in {help}")))
        .collect();
    assert!(places.is_sorted(), "{help}");
}

#[test]
fn every_command_has_an_example_and_fits_eighty_columns() {
    let desk = Desk::new();
    for name in COMMANDS {
        let mut command = desk.command(&[name, "--help"]);
        let output = command.env("COLUMNS", "80").output().expect("the program");
        let help = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(output.status.success(), "{name}");
        assert!(help.contains("\nExample"), "{help}");
        assert!(help.rsplit("\nExample").next().is_some_and(|e| e.contains(&format!("driftless {name}"))), "{help}");
        let title = help.lines().next().unwrap_or_default();
        assert!(!title.ends_with('.'), "{name}: {title}");
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
}

#[test]
fn a_usage_error_exits_with_64_and_an_unanswered_question_with_1() {
    let desk = Desk::new();
    for args in
        [&["validate", "--wrong"][..], &["init"], &["schema", "Vpc", "--write", "x"], &["completions", "dash"], &[]]
    {
        let said = desk.say(args);
        assert_eq!((said.code, said.out.as_str()), (Some(64), ""), "{args:?}: {}", said.err);
        assert!(!said.err.is_empty());
    }
    for args in [&["explain", "Droplit"][..], &["schema", "Droplit"], &["validate", "nowhere"]] {
        let said = desk.say(args);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{args:?}: {}", said.err);
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let desk = Desk::new();
    for args in [&["schema"][..], &["explain", "Droplet"], &["completions", "zsh"], &["--help"]] {
        let mut child = desk.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("an end");
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn every_shell_gets_a_script_that_names_the_commands() {
    let desk = Desk::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = desk.well(&["completions", shell]);
        assert!(COMMANDS.iter().all(|name| script.contains(name)), "{shell}");
    }
}

/// Runs a command on a terminal of its own.
#[cfg(target_os = "linux")]
fn on_a_terminal(desk: &Desk, args: &str, variable: Option<(&str, &str)>) -> String {
    let program = assert_cmd::cargo::cargo_bin!("driftless");
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &format!("{} {args}", program.display()), "/dev/null"]);
    script.current_dir(desk.work()).stdin(Stdio::null()).env("TERM", "xterm").env_remove("NO_COLOR").envs(variable);
    String::from_utf8(script.output().expect("script(1), of util-linux").stdout).expect("UTF-8")
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colours_unless_no_color_is_set() {
    let desk = Desk::new();
    desk.write("settings.yaml", "apiVersion: driftless/v1\nkind: Setings\n");
    assert!(on_a_terminal(&desk, "validate", None).contains("\u{1b}["));
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = on_a_terminal(&desk, "validate", Some(variable));
        assert!(plain.contains("error") && !plain.contains('\u{1b}'), "{plain}");
    }
    assert!(!desk.say(&["validate"]).out.contains('\u{1b}'), "a pipe is no terminal");
}

/// A path of the repo that holds this test.
pub fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

//! `driftless demo` as a newcomer runs it: the whole story by itself, and the one that waits for them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

fn demo(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_driftless"));
    command.arg("demo").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
    command.spawn().expect("the program starts")
}

#[test]
fn the_demo_plays_its_story_and_ends_well() {
    let output = demo(&["--once"]).wait_with_output().expect("it ends");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    for line in
        ["28 done", "2 done", "start odoo", "(drift put back)", "changed by hand, put back", "Git and reality agree."]
    {
        assert!(out.contains(line), "no {line:?} in\n{out}\n{err}");
    }
}

#[test]
fn the_demo_follows_the_repository_until_it_is_interrupted_and_leaves_nothing_behind() {
    let mut child = demo(&[]);
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let folder =
        lines.find_map(|line| line.trim().strip_prefix("folder").map(|f| f.trim().to_owned())).expect("its folder");
    lines.find(|line| line.contains("Ctrl-C ends")).expect("it invites");
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("it runs");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!std::path::Path::new(&folder).exists(), "{folder} is still there");
}

#[test]
fn what_the_demo_invites_to_brings_a_stack_that_was_set_up_by_hand_into_git() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = demo(&["--dir", &folder.path().display().to_string()]);
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
    lines.find(|line| line.contains("bring it into git")).expect("it invites");
    let script: Vec<String> = lines.by_ref().skip(1).take_while(|line| !line.is_empty()).collect();
    lines.find(|line| line.contains("Ctrl-C ends")).expect("it invites");
    let own = std::path::Path::new(env!("CARGO_BIN_EXE_driftless")).parent().expect("a folder").display();
    let said = Command::new("sh")
        .args(["-ec", &script.join("\n")])
        .current_dir(folder.path().join("infra"))
        .env("PATH", format!("{own}:{}", std::env::var("PATH").expect("a path")))
        .envs([("GIT_AUTHOR_NAME", "Ana"), ("GIT_AUTHOR_EMAIL", "ana@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Ana"), ("GIT_COMMITTER_EMAIL", "ana@example.com")])
        .output()
        .expect("a shell");
    assert!(said.status.success(), "{script:?}\n{said:?}");
    let taken = lines.find(|line| line.contains("ComposeStack/cache")).expect("it is taken over");
    assert!(taken.contains("write its receipt: its container stays as it is"), "{taken}");
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("it runs");
    assert!(child.wait().expect("it ends").success());
}

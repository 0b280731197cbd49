//! Files in the repo that are bad in ways that an editor does not show: bombs, giants, links, bytes.

use super::canary::Canary;
use super::settled;
use crate::house::git_in;
use std::path::Path;

/// Commits whatever `make` leaves in the work tree.
fn commit(house: &Canary, make: impl FnOnce(&Path)) {
    make(&house.repo());
    git_in(&house.repo(), &["add", "--all"]);
    let who = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com"];
    git_in(&house.repo(), &[&who[..], &["commit", "--quiet", "-m", "Change"]].concat());
}

/// Pushes a bad commit to an estate in sync: it is reported with these words, nothing changes, also not after a
/// restart, drift is still put back to the last valid commit, and taking it back heals everything.
async fn refused(make: impl FnOnce(&Path), words: &[&str]) {
    let house = settled().await;
    let before = house.world();
    commit(&house, make);
    let snapshot = house.cycle().await;
    let told = format!("{:?} {:?}", snapshot.diagnostics, snapshot.troubles);
    for word in words {
        assert!(told.contains(word), "{word} is not in {told}");
    }
    assert_eq!(house.world(), before);
    let status = house.reported("STATUS.md");
    for word in words {
        assert!(status.contains(word), "{word} is not in {status}");
    }
    house.leaks_nothing().await;

    let house = house.restart(|_| {}).await;
    house.hand().edit(|w| w.record("example.com", "old", "A").expect("there").data = "198.51.100.9".to_owned());
    house.cycle().await;
    assert_eq!(house.world(), before, "the last valid commit stays desired after a restart");

    git_in(&house.repo(), &["-c", "user.name=Ana", "-c", "user.email=a@example.com", "revert", "--no-edit", "HEAD"]);
    house.settles().await;
    assert_eq!(house.world(), before);
    assert!(house.reported("STATUS.md").contains("in sync"));
    house.leaks_nothing().await;
}

fn bomb() -> String {
    let mut text =
        "apiVersion: driftless/v1\nkind: Domain\nmetadata: {name: bomb.example}\na0: &a0 [x, x, x, x, x, x, x, x, x]\n"
            .to_owned();
    for n in 1..20 {
        let again = vec![format!("*a{}", n - 1); 9].join(", ");
        text.push_str(&format!("a{n}: &a{n} [{again}]\n"));
    }
    text
}

#[tokio::test]
async fn an_alias_bomb_is_refused() {
    refused(|repo| std::fs::write(repo.join("bomb.yaml"), bomb()).expect("written"), &["bomb.yaml", "alias"]).await;
}

#[tokio::test]
async fn a_file_of_50_mb_is_refused() {
    let write = |repo: &Path| std::fs::write(repo.join("giant.yaml"), vec![b'#'; 50 << 20]).expect("written");
    refused(write, &["giant.yaml", "50.0 MiB"]).await;
}

#[tokio::test]
async fn a_file_of_50_mb_that_a_document_names_is_refused() {
    let write = |repo: &Path| {
        std::fs::write(repo.join("giant.bin"), vec![b'#'; 50 << 20]).expect("written");
        let servers = std::fs::read_to_string(repo.join("servers.yaml")).expect("read");
        let line = servers.lines().find(|l| l.contains("userData")).expect("user data").to_owned();
        std::fs::write(repo.join("servers.yaml"), servers.replace(&line, "  userData: {file: giant.bin}"))
            .expect("written");
    };
    refused(write, &["giant.bin"]).await;
}

#[tokio::test]
async fn a_symlink_that_leaves_the_repo_is_refused() {
    let link = |repo: &Path| std::os::unix::fs::symlink("../../../etc/passwd", repo.join("link.yaml")).expect("linked");
    refused(link, &["link.yaml"]).await;
}

#[tokio::test]
async fn a_symlink_to_an_absolute_path_that_a_document_names_is_refused() {
    let write = |repo: &Path| {
        std::os::unix::fs::symlink("/etc/passwd", repo.join("init.txt")).expect("linked");
        let servers = std::fs::read_to_string(repo.join("servers.yaml")).expect("read");
        let line = servers.lines().find(|l| l.contains("userData")).expect("user data").to_owned();
        std::fs::write(repo.join("servers.yaml"), servers.replace(&line, "  userData: {file: init.txt}"))
            .expect("written");
    };
    refused(write, &["init.txt"]).await;
}

#[tokio::test]
async fn a_document_that_names_a_file_outside_the_repo_is_refused() {
    let write = |repo: &Path| {
        let servers = std::fs::read_to_string(repo.join("servers.yaml")).expect("read");
        let line = servers.lines().find(|l| l.contains("userData")).expect("user data").to_owned();
        std::fs::write(repo.join("servers.yaml"), servers.replace(&line, "  userData: {file: ../../etc/passwd}"))
            .expect("written");
    };
    refused(write, &["servers.yaml", "etc/passwd"]).await;
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let write = |repo: &Path| {
        let mut bytes = std::fs::read(repo.join("zone.yaml")).expect("read");
        bytes.extend_from_slice(b"    - {name: \xff\xfe, type: A, value: 192.0.2.1}\n");
        std::fs::write(repo.join("zone.yaml"), bytes).expect("written");
    };
    refused(write, &["zone.yaml", "UTF-8"]).await;
}

#[tokio::test]
async fn a_document_nested_without_end_is_refused() {
    refused(|repo| std::fs::write(repo.join("deep.yaml"), "[".repeat(500_000)).expect("written"), &["deep.yaml"]).await;
    let deep = format!("apiVersion: driftless/v1\nkind: Domain\nspec: {}", "{a: ".repeat(100_000));
    refused(|repo| std::fs::write(repo.join("deep.yaml"), deep).expect("written"), &["deep.yaml"]).await;
}

#[tokio::test]
async fn a_conflict_left_in_a_file_is_refused() {
    let write = |repo: &Path| {
        let zone = std::fs::read_to_string(repo.join("zone.yaml")).expect("read");
        std::fs::write(repo.join("zone.yaml"), format!("<<<<<<< HEAD\n{zone}=======\n>>>>>>> other\n"))
            .expect("written");
    };
    refused(write, &["zone.yaml"]).await;
}

#[tokio::test]
async fn a_zone_file_cut_in_half_deletes_no_record() {
    let write = |repo: &Path| {
        let zone = std::fs::read_to_string(repo.join("zone.yaml")).expect("read");
        let half = zone.find("{name: old").expect("the record") + 8;
        std::fs::write(repo.join("zone.yaml"), &zone[..half]).expect("written");
    };
    refused(write, &["zone.yaml"]).await;
}

#[tokio::test]
async fn more_files_than_may_be_read_leave_the_last_valid_commit_desired() {
    let write = |repo: &Path| {
        std::fs::create_dir(repo.join("many")).expect("a folder");
        // Different contents: equal ones are read once.
        for n in 0..270 {
            let mut bytes = vec![b'.'; 1 << 20];
            let name = n.to_string();
            bytes[..name.len()].copy_from_slice(name.as_bytes());
            std::fs::write(repo.join(format!("many/{n}.bin")), bytes).expect("written");
        }
    };
    refused(write, &["268435456 bytes"]).await;
}

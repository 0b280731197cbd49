//! Files on a host: whole or not at all, whatever is cut off.

use super::{reached, say};
use driftless::ports::host::{Command, File, HostError, Target};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

fn file<'a>(path: &'a str, bytes: &'a [u8], mode: &'a str) -> File<'a> {
    File { path, bytes, owner: None, mode }
}

#[tokio::test]
async fn a_file_is_written_with_its_mode_its_folder_is_made_and_it_is_read_again() {
    let Some((sshd, hosts, host)) = reached().await else { return };
    let local = hosts.aim("own", Target::local());
    for (host, name) in [(host, "far"), (local, "near")] {
        let path = sshd.folder.path().join(name).join("it's a/deep folder/.env");
        let path = path.to_str().expect("a path");
        let bytes: Vec<u8> = (0..200_000u32).map(|n| (n % 256) as u8).collect();
        host.write(&file(path, &bytes, "0600")).await.expect("written");
        assert_eq!(std::fs::read(path).expect("read"), bytes);
        assert_eq!(std::fs::metadata(path).expect("there").permissions().mode() & 0o7777, 0o600);
        host.write(&file(path, b"short", "0644")).await.expect("written");
        assert_eq!(std::fs::metadata(path).expect("there").permissions().mode() & 0o7777, 0o644);
        assert_eq!(host.read(path, 100).await.expect("read"), Some(b"short".to_vec()));
        assert!(matches!(host.read(path, 3).await, Err(HostError::Strange { .. })));
        assert_eq!(host.read(&format!("{path}.not"), 100).await.expect("read"), None);
        assert_eq!(drafts(Path::new(path).parent().expect("a folder")), 0);
        assert!(!host.write_if_other(&file(path, b"short", "0644")).await.expect("compared"));
        assert!(host.write_if_other(&file(path, b"other", "0644")).await.expect("compared"));
    }
}

#[tokio::test]
async fn a_link_stays_a_link_and_what_it_points_to_is_written() {
    let Some((sshd, _hosts, host)) = reached().await else { return };
    let (target, link) = (sshd.folder.path().join("real"), sshd.folder.path().join("link"));
    std::fs::write(&target, "old").expect("written");
    std::os::unix::fs::symlink(&target, &link).expect("linked");
    host.write(&file(link.to_str().expect("a path"), b"new", "0600")).await.expect("written");
    assert!(std::fs::symlink_metadata(&link).expect("there").is_symlink());
    assert_eq!(std::fs::read_to_string(&target).expect("read"), "new");
}

#[tokio::test]
async fn a_connection_that_is_cut_in_mid_file_leaves_the_old_one_and_no_draft() {
    let Some((sshd, _hosts, host)) = reached().await else { return };
    let folder = sshd.folder.path().join("stack");
    let path = folder.join("compose.yaml");
    let path = path.to_str().expect("a path");
    host.write(&file(path, b"the old one", "0644")).await.expect("written");
    let large = vec![b'x'; 64 << 20];
    let large = file(path, &large, "0644");
    let writing = host.write(&large);
    let cutting = async {
        // In the middle: a draft is there and grows.
        while size_of_draft(&folder) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        sshd.cut();
    };
    let (written, ()) = tokio::join!(writing, cutting);
    let error = written.expect_err("it is cut off");
    assert!(error.may_pass() || matches!(error, HostError::Failed { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(path).expect("read"), "the old one");
    let began = Instant::now();
    while drafts(&folder) > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "the draft goes");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(std::fs::read_to_string(path).expect("read"), "the old one");
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_to_is_told_with_its_path_and_the_reason() {
    let Some((_sshd, _hosts, host)) = reached().await else { return };
    let error = host.write(&file("/proc/driftless/x", b"", "0644")).await.expect_err("refused");
    let told = error.to_string();
    assert!(told.contains("writing /proc/driftless/x on erp failed") && told.contains("mkdir"), "{told}");
}

#[tokio::test]
async fn what_is_written_is_in_nobodys_arguments() {
    let Some((sshd, _hosts, host)) = reached().await else { return };
    let path = sshd.folder.path().join("secret");
    let path = path.to_str().expect("a path");
    let secret = b"correct horse battery staple".repeat(40_000);
    let seen = std::cell::RefCell::new(String::new());
    let writing = async {
        host.write(&file(path, &secret, "0600")).await.expect("written");
        host.run(&Command::script("reading", "cat >/dev/null; sleep 0.2", &[]).stdin(secret.clone()))
            .await
            .expect("read");
    };
    let looking = async {
        for _ in 0..40 {
            seen.borrow_mut().push_str(&super::running::arguments());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::join!(writing, looking);
    assert!(seen.borrow().contains("ssh -F") && !seen.borrow().contains("battery"));
    assert_eq!(say(&host, "echo there").await, "there");
}

fn drafts(folder: &Path) -> usize {
    names(folder).len()
}

fn names(folder: &Path) -> Vec<std::fs::DirEntry> {
    let all = std::fs::read_dir(folder).into_iter().flatten().flatten();
    all.filter(|entry| entry.file_name().to_string_lossy().starts_with(".driftless.")).collect()
}

fn size_of_draft(folder: &Path) -> u64 {
    names(folder).iter().filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum()
}

//! Programs that work on files, as far as the shell's own lack something that our scripts use.

use std::path::Path;
use std::time::UNIX_EPOCH;

use bashkit::{FileType, Metadata};
use futures::future::BoxFuture;

use super::{Call, Package, Program};
use crate::sandbox::hosts::shell::Said;

pub(super) const ALL: &[Program] = &[
    ("sandbox-take", Package::Base, |call| Box::pin(std::future::ready(Said::ok(taken(call))))),
    ("sandbox-signs", Package::Base, |call| Box::pin(std::future::ready(signs(call)))),
    ("stat", Package::Base, |call| Box::pin(stat(call))),
    ("tar", Package::Base, |call| Box::pin(tar(call))),
    ("ln", Package::Base, |call| Box::pin(ln(call))),
    ("chown", Package::Base, |call| Box::pin(chown(call))),
    ("chmod", Package::Base, |call| Box::pin(chmod(call))),
    ("sync", Package::Base, |_| Box::pin(std::future::ready(Said::ok("")))),
    ("flock", Package::Base, flock),
];

/// The first bytes of the input, as many as are asked for: half of `head -c`.
fn taken<'a>(call: &'a Call<'_>) -> &'a [u8] {
    let count = call.args.first().and_then(|count| count.parse().ok()).unwrap_or(0);
    call.stdin.get(..count).unwrap_or(call.stdin)
}

/// How many signs they are, which is what `read -N` takes off: its other half.
fn signs(call: &Call<'_>) -> Said {
    Said::ok(format!("{}\n", taken(call).iter().filter(|byte| **byte & 0xc0 != 0x80).count()))
}

/// `stat [-L] -c FORMAT FILE…`.
async fn stat(call: &Call<'_>) -> Said {
    let mut format = None;
    let mut files = Vec::new();
    let mut words = call.args.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "-c" | "--format" => format = words.next(),
            "-L" | "--" => {}
            _ => files.push(word),
        }
    }
    let mut out = String::new();
    for file in files {
        let path = call.path(file);
        let found = match call.has(&["-L"]) {
            true => call.fs.stat(&path).await,
            false => call.fs.lstat(&path).await,
        };
        let Ok(found) = found else {
            return Said::fails(1, format!("stat: cannot statx '{file}': No such file or directory"));
        };
        out.push_str(&shown(call, format.unwrap_or("%n %s"), file, &path, &found));
        out.push('\n');
    }
    Said::ok(out)
}

fn shown(call: &Call<'_>, format: &str, name: &str, path: &Path, found: &Metadata) -> String {
    let owner = call.session.machine.disk.owner(path);
    let (user, group) = owner.split_once(':').unwrap_or((&owner, &owner));
    let changed = found.modified.duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
    let number = |who: &str| match who {
        "root" => "0".to_owned(),
        "www-data" => "33".to_owned(),
        other => other.parse::<u32>().map_or_else(|_| "1000".to_owned(), |id| id.to_string()),
    };
    let mut text = String::new();
    let mut signs = format.chars();
    while let Some(sign) = signs.next() {
        if sign != '%' {
            text.push(sign);
            continue;
        }
        match signs.next() {
            Some('a') => text.push_str(&format!("{:o}", found.mode & 0o7777)),
            Some('U') => text.push_str(user),
            Some('G') => text.push_str(group),
            Some('u') => text.push_str(&number(user)),
            Some('g') => text.push_str(&number(group)),
            Some('s') => text.push_str(&found.size.to_string()),
            Some('Y') => text.push_str(&changed.to_string()),
            Some('n') => text.push_str(name),
            Some('F') => text.push_str(match found.file_type {
                FileType::Directory => "directory",
                FileType::Symlink => "symbolic link",
                _ => "regular file",
            }),
            other => text.extend(other),
        }
    }
    text
}

/// `ln [-s] [-f] [-n] [-T] TARGET LINK`. A second name of a file is a copy of it here: enough for who keeps a former state.
async fn ln(call: &Call<'_>) -> Said {
    let words: Vec<&str> = call.plain().collect();
    let [target, link] = words.as_slice() else { return Said::fails(1, "ln: TARGET and LINK are needed here") };
    let has = |letter: char| call.args.iter().any(|arg| arg.starts_with('-') && arg.contains(letter));
    let mut place = call.path(link);
    let folder = !has('T') && call.fs.stat(&place).await.is_ok_and(|found| found.file_type.is_dir());
    let is_link = || async { call.fs.lstat(&place).await.is_ok_and(|found| found.file_type == FileType::Symlink) };
    if folder && !(has('n') && is_link().await) {
        place.push(Path::new(target).file_name().unwrap_or_default());
    }
    if has('f') {
        let _ = call.fs.remove(&place, false).await;
    } else if call.fs.lstat(&place).await.is_ok() {
        return Said::fails(1, format!("ln: failed to create link '{link}': File exists"));
    }
    let from = call.path(target);
    let made = match has('s') {
        true => call.fs.symlink(Path::new(target), &place).await,
        false => call.fs.copy(&from, &place).await,
    };
    match made {
        Ok(()) => {
            let owner = call.session.machine.disk.owner(&from);
            call.session.machine.disk.own(&place, owner);
            Said::ok("")
        }
        Err(error) => Said::fails(1, format!("ln: failed to create link '{link}': {error}")),
    }
}

/// `chown OWNER FILE…`.
async fn chown(call: &Call<'_>) -> Said {
    let mut words = call.plain();
    let Some(owner) = words.next() else { return Said::fails(1, "chown: missing operand") };
    let (user, group) = owner.split_once(':').unwrap_or((owner, ""));
    for file in words {
        let path = call.path(file);
        if !call.fs.exists(&path).await.unwrap_or(false) {
            return Said::fails(1, format!("chown: cannot access '{file}': No such file or directory"));
        }
        let was = call.session.machine.disk.owner(&path);
        let (was_user, was_group) = was.split_once(':').unwrap_or((&was, &was));
        let (user, group) = (
            if user.is_empty() { was_user } else { user },
            match (group.is_empty(), owner.contains(':')) {
                (true, true) => user,
                (true, false) => was_group,
                _ => group,
            },
        );
        call.session.machine.disk.own(&path, format!("{user}:{group}"));
    }
    Said::ok("")
}

/// `chmod [--] MODE FILE…`, with a mode in octal or such as `u+x`.
async fn chmod(call: &Call<'_>) -> Said {
    let mut words = call.args.iter().map(String::as_str).filter(|word| !["--", "-f", "-R"].contains(word));
    let Some(mode) = words.next() else { return Said::fails(1, "chmod: missing operand") };
    for file in words {
        let path = call.path(file);
        let Ok(found) = call.fs.stat(&path).await else {
            return Said::fails(1, format!("chmod: cannot access '{file}': No such file or directory"));
        };
        let Some(mode) = u32::from_str_radix(mode, 8).ok().or_else(|| changed(mode, found.mode)) else {
            return Said::fails(1, format!("chmod: invalid mode: '{mode}'"));
        };
        if let Err(error) = call.fs.chmod(&path, mode).await {
            return Said::fails(1, format!("chmod: changing permissions of '{file}': {error}"));
        }
    }
    Said::ok("")
}

/// A mode after `u+x`, `go-w`, `+x`.
fn changed(how: &str, mode: u32) -> Option<u32> {
    let at = how.find(['+', '-'])?;
    let (who, what) = how.split_at_checked(at)?;
    let everybody = who.is_empty() || who.contains('a');
    let whose = [('u', 6), ('g', 3), ('o', 0)].into_iter().filter(|(sign, _)| everybody || who.contains(*sign));
    let bits = [('r', 4), ('w', 2), ('x', 1)].into_iter().filter(|(sign, _)| what.contains(*sign));
    let bits: u32 = bits.map(|(_, bit)| bit).sum();
    let mask: u32 = whose.map(|(_, shift)| bits << shift).sum();
    Some(if what.starts_with('+') { mode | mask } else { mode & !mask })
}

/// `flock [-w N] FD`: the file is the last one that this session opened as a lock; it is held until the session ends.
fn flock<'a>(call: &'a Call<'a>) -> BoxFuture<'a, Said> {
    Box::pin(async move {
        let path = call.session.lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        if let Some(path) = path {
            let held = call.session.machine.lock(&path).await;
            call.session.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(held);
        }
        Said::ok("")
    })
}

/// `tar [--null] -T - [--no-recursion] -cf -`: an archive of what standard input names.
async fn tar(call: &Call<'_>) -> Said {
    if !call.has(&["-T"]) {
        return Said::fails(2, "tar: only lists of names are taken here (-T -)");
    }
    let end = if call.has(&["--null"]) { 0 } else { b'\n' };
    let mut out = Vec::new();
    for name in call.stdin.split(|byte| *byte == end).filter(|name| !name.is_empty()) {
        let name = String::from_utf8_lossy(name);
        let path = call.path(&name);
        let Ok(found) = call.fs.lstat(&path).await else { continue };
        let (kind, content, link) = match found.file_type {
            FileType::Directory => (b'5', Vec::new(), String::new()),
            FileType::Symlink => {
                let target = call.fs.read_link(&path).await.unwrap_or_default();
                (b'2', Vec::new(), target.to_string_lossy().into_owned())
            }
            FileType::File => (b'0', call.fs.read_file(&path).await.unwrap_or_default(), String::new()),
            _ => continue,
        };
        let name = if kind == b'5' { format!("{}/", name.trim_end_matches('/')) } else { name.into_owned() };
        for (long, text) in [(b'K', &link), (b'L', &name)] {
            if text.len() > 100 {
                let text = format!("{text}\0");
                entry(&mut out, long, "././@LongLink", "", &Metadata::default(), text.as_bytes());
            }
        }
        entry(&mut out, kind, &name, &link, &found, &content);
    }
    out.extend_from_slice(&[0; 1024]);
    Said::ok(out)
}

/// One entry in the form of GNU tar.
fn entry(out: &mut Vec<u8>, kind: u8, name: &str, link: &str, found: &Metadata, content: &[u8]) {
    let changed = found.modified.duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
    let mut header = [0_u8; 512];
    let mut put = |at: usize, length: usize, text: &[u8]| {
        for (to, from) in header.iter_mut().skip(at).take(length).zip(text) {
            *to = *from;
        }
    };
    put(0, 100, name.as_bytes());
    put(100, 8, format!("{:07o}\0", found.mode & 0o7777).as_bytes());
    put(108, 8, b"0000000\0");
    put(116, 8, b"0000000\0");
    put(124, 12, format!("{:011o}\0", content.len()).as_bytes());
    put(136, 12, format!("{changed:011o}\0").as_bytes());
    put(148, 8, b"        ");
    put(156, 1, &[kind]);
    put(157, 100, link.as_bytes());
    put(257, 8, b"ustar  \0");
    put(265, 32, b"root");
    put(297, 32, b"root");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    for (to, from) in header.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").as_bytes()) {
        *to = *from;
    }
    out.extend_from_slice(&header);
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(512), 0);
}

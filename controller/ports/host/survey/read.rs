//! Reads what the script of a survey says. Strict about its form, mild about what a host lacks.

use super::{CloudInit, Disk, Listening, Receipt, Survey, Text, certificates, logins, tar};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::{BTreeMap, BTreeSet};

/// Reads an answer; the error says what does not fit.
pub(super) fn read(answer: &str) -> Result<Survey, String> {
    let (mut survey, mut receipt, mut file, mut whole) = (Survey::default(), String::new(), String::new(), false);
    // A login's greetings may come first; a line of ours is a word that is known.
    for line in answer.lines() {
        let (word, body) = line.split_once(' ').unwrap_or((line, ""));
        let bytes = || STANDARD.decode(body).map_err(|_| format!("the part {word} is no base64"));
        let text = || bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        match word {
            "os" => system(&mut survey, &text()?),
            "kernel" => {
                let text = text()?;
                let mut lines = text.lines().skip(1).map(str::to_owned);
                survey.kernel = lines.next().unwrap_or_default();
                survey.machine = lines.next().unwrap_or_default();
                survey.hostname = lines.next().unwrap_or_default();
            }
            "running" => running(&mut survey, &text()?),
            "memory" => memory(&mut survey, &text()?),
            "disks" => disks(&mut survey, &text()?),
            "inodes" => inodes(&mut survey, &text()?),
            "reboot" => survey.reboot = reboot(&text()?),
            "cloud" => survey.cloud_init = cloud(&text()?),
            "packages" => survey.packages = packages(&text()?),
            "programs" => survey.programs = lines(&text()?),
            "compose" => survey.compose = version(&text()?),
            "nginx" => survey.nginx = text()?.split_once("nginx/").and_then(|(_, rest)| version(rest)),
            "master" => survey.nginx_master = text()?.trim().parse().ok(),
            "listening" => survey.listening = text()?.lines().filter_map(listening).collect(),
            "home" => survey.home = text()?.trim().to_owned(),
            "nginx-tree" => {
                survey.nginx_tree = tar::read(&bytes()?).map_err(|why| format!("the tree of nginx: {why}"))?
            }
            "certificates" => survey.certificates = certificates::read(&text()?),
            "ours" => survey.ours = lines(&text()?),
            "missing" => drop(survey.missing.insert(text()?)),
            "receipt" => {
                receipt = text()?;
                survey.receipts.insert(receipt.clone(), Receipt::default());
            }
            "receipt-text" => {
                let text = text()?;
                survey.receipts.entry(receipt.clone()).or_default().text = text;
            }
            "receipt-digests" => {
                let digests = digests(&text()?);
                survey.receipts.entry(receipt.clone()).or_default().digests = digests;
            }
            "receipt-modes" => {
                let modes = modes(&text()?);
                survey.receipts.entry(receipt.clone()).or_default().modes = modes;
            }
            "receipt-notes" => {
                let text = text()?;
                survey.receipts.entry(receipt.clone()).or_default().notes = text;
            }
            "file" => {
                file = text()?;
                survey.files.insert(file.clone(), Text::default());
            }
            "file-mode" => {
                let text = text()?;
                let (mode, owner) = text.trim().split_once(' ').unwrap_or_default();
                let entry = survey.files.entry(file.clone()).or_default();
                (entry.mode, entry.owner) = (mode.to_owned(), owner.to_owned());
            }
            "file-text" => {
                let text = text()?;
                survey.files.entry(file.clone()).or_default().text = text;
            }
            "logins" => survey.logins = logins::read(&text()?),
            "end" => whole = true,
            _ => {}
        }
    }
    if whole { Ok(survey) } else { Err("the answer was cut off".to_owned()) }
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn version(text: &str) -> Option<String> {
    let word = text.split_whitespace().next()?;
    word.starts_with(|c: char| c.is_ascii_digit() || c == 'v').then(|| word.trim_start_matches('v').to_owned())
}

/// /etc/os-release: `NAME="value"`, a line each.
fn system(survey: &mut Survey, text: &str) {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let values: BTreeMap<&str, &str> = pairs.map(|(name, value)| (name, value.trim_matches('"'))).collect();
    let value = |name: &str| values.get(name).map(|value| (*value).to_owned()).unwrap_or_default();
    survey.os = value("PRETTY_NAME");
    survey.release = (value("ID"), value("VERSION_CODENAME"));
}

fn running(survey: &mut Survey, text: &str) {
    let mut lines = text.lines();
    let seconds = lines.next().and_then(|line| line.split(['.', ' ']).next());
    survey.uptime = seconds.and_then(|text| text.parse().ok()).unwrap_or_default();
    let mut load = lines.next().unwrap_or_default().split(' ').map(|text| {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let number = |text: &str| text.parse::<u32>().unwrap_or_default();
        number(whole).saturating_mul(100).saturating_add(number(part))
    });
    survey.load = std::array::from_fn(|_| load.next().unwrap_or_default());
    survey.processors = lines.next().and_then(|text| text.trim().parse().ok()).unwrap_or_default();
}

fn memory(survey: &mut Survey, text: &str) {
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    };
    survey.memory = (number("MemTotal"), number("MemAvailable"));
    survey.swap = (number("SwapTotal"), number("SwapFree"));
}

/// Systems that are no disks, or are one disk seen twice.
const NO_DISKS: [&str; 12] = [
    "tmpfs", "devtmpfs", "overlay", "squashfs", "efivarfs", "proc", "sysfs", "cgroup", "cgroup2", "ramfs", "autofs",
    "iso9660",
];

/// `df -P -T`: device, type, four numbers of which the last is a percentage, and the mount point, which may hold blanks.
fn mounts(text: &str) -> impl Iterator<Item = (&str, [u64; 3], String)> {
    text.lines().skip(1).filter_map(|line| {
        let mut words = line.split_whitespace();
        let (device, kind) = (words.next()?, words.next()?);
        let mut number = || words.next()?.parse().ok();
        let numbers = [number()?, number()?, number()?];
        words.next()?;
        let mount = words.collect::<Vec<_>>().join(" ");
        let boot = mount.starts_with("/boot") || mount.starts_with("/snap/");
        (!NO_DISKS.contains(&kind) && !boot && mount.starts_with('/')).then_some((device, numbers, mount))
    })
}

fn disks(survey: &mut Survey, text: &str) {
    let all: Vec<_> = mounts(text).collect();
    // A container has no disk of its own: its root is all that it sees.
    let root = || text.lines().skip(1).find(|line| line.ends_with(" /"));
    for (device, [size, used, free], mount) in all {
        let disk = Disk { device: device.to_owned(), size, used, free, inodes: (0, 0) };
        // What is mounted twice counts once, where its path is shortest.
        let twin = survey.disks.iter().find(|(_, known)| known.device == disk.device).map(|(mount, _)| mount.clone());
        match twin {
            Some(known) if known.len() <= mount.len() => continue,
            Some(known) => drop(survey.disks.remove(&known)),
            None => {}
        }
        survey.disks.insert(mount, disk);
    }
    if !survey.disks.contains_key("/")
        && let Some(line) = root()
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or_default();
        let device = words.first().copied().unwrap_or_default().to_owned();
        let disk = Disk { device, size: number(2), used: number(3), free: number(4), inodes: (0, 0) };
        survey.disks.insert("/".to_owned(), disk);
    }
}

fn inodes(survey: &mut Survey, text: &str) {
    for (_, [all, used, _], mount) in mounts(text) {
        if let Some(disk) = survey.disks.get_mut(&mount) {
            disk.inodes = (all, used);
        }
    }
}

fn reboot(text: &str) -> Option<Vec<String>> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    (lines.next() == Some("pending")).then(|| lines.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect())
}

/// `finished` and cloud-init's result.json, or `runs`.
fn cloud(text: &str) -> CloudInit {
    let (word, rest) = text.split_once('\n').unwrap_or((text, ""));
    match word.trim() {
        "runs" => CloudInit::Runs,
        "finished" => {
            let result = serde_json::from_str::<serde_json::Value>(rest).unwrap_or_default();
            let errors = result.pointer("/v1/errors").and_then(|errors| errors.as_array()).cloned().unwrap_or_default();
            match errors.first() {
                Some(error) => {
                    CloudInit::Failed(error.as_str().unwrap_or("it does not say what").chars().take(300).collect())
                }
                None => CloudInit::Done,
            }
        }
        _ => CloudInit::Absent,
    }
}

fn packages(text: &str) -> BTreeMap<String, String> {
    let installed = text.lines().filter_map(|line| {
        let mut words = line.split('\t');
        let (name, version, status) = (words.next()?, words.next()?, words.next()?);
        (status == "installed").then(|| (name.to_owned(), version.to_owned()))
    });
    installed.collect()
}

/// `ss -H -l -n -t -u -p`: protocol, state, two numbers, the local address and port, the far one, the programs.
fn listening(line: &str) -> Option<Listening> {
    let mut words = line.split_whitespace();
    let protocol = words.next().filter(|word| ["tcp", "udp"].contains(word))?;
    let (address, port) = words.nth(3)?.rsplit_once(':')?;
    let program = line.split_once("((\"").and_then(|(_, rest)| rest.split('"').next());
    // An address may name its interface: `127.0.0.53%lo`.
    let address = address.split('%').next().unwrap_or(address).to_owned();
    Some(Listening {
        protocol: protocol.to_owned(),
        address,
        port: port.parse().ok()?,
        program: program.map(str::to_owned),
    })
}

/// `stat`: the mode, the owner, the path.
fn modes(text: &str) -> BTreeMap<String, String> {
    let one = |line: &str| {
        let (mode, rest) = line.split_once(' ')?;
        let (owner, path) = rest.split_once(' ')?;
        Some((path.to_owned(), format!("{mode} {owner}")))
    };
    text.lines().filter_map(one).collect()
}

/// `sha256sum`: 64 digits, two signs, the path; a name with a line's end in it is none that we send.
fn digests(text: &str) -> BTreeMap<String, String> {
    let one = |line: &str| {
        let (digest, path) = line.split_at_checked(64)?;
        let path = path.strip_prefix("  ").or_else(|| path.strip_prefix(" *"))?;
        digest.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| (path.to_owned(), digest.to_owned()))
    };
    text.lines().filter_map(one).collect()
}

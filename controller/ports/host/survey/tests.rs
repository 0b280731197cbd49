//! What is made of a survey's answer, without any host.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

fn answer(parts: &[(&str, &str)]) -> String {
    let line = |(word, text): &(&str, &str)| format!("{word} {}\n", STANDARD.encode(text));
    parts.iter().map(line).collect::<String>() + "end\n"
}

#[test]
fn an_answer_that_was_cut_off_is_no_host() {
    let whole = answer(&[("os", "PRETTY_NAME=\"Debian\"\n")]);
    assert_eq!(read::read(&whole).expect("whole").os, "Debian");
    let cut = whole.trim_end().strip_suffix("end").expect("an end");
    assert_eq!(read::read(cut), Err("the answer was cut off".to_owned()));
    assert!(read::read("os ???\nend\n").is_err());
    assert_eq!(read::read("Welcome to erp!\nend\n"), Ok(Survey::default()));
}

#[test]
fn the_numbers_of_a_host_are_read_as_its_own_programs_say_them() {
    let survey = read::read(&answer(&[
        ("os", "PRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\nID=ubuntu\nVERSION_CODENAME=jammy\n"),
        ("kernel", "Linux\n5.15.0-119-generic\nx86_64\nerp\n"),
        ("running", "86400.12 170000.00\n0.52 1.07 12.30 1/200 4242\n2\n"),
        ("memory", "MemTotal:        4012345 kB\nMemFree: 1 kB\nMemAvailable:    1012345 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"),
        (
            "disks",
            "Filesystem Type 1024-blocks Used Available Capacity Mounted on\n\
             /dev/vda1 ext4 81106868 66000000 15090484 82% /\n\
             tmpfs tmpfs 401000 1000 400000 1% /run\n\
             /dev/vda1 ext4 81106868 66000000 15090484 82% /var/lib/docker/x\n\
             /dev/sda ext4 1000 1 999 1% /mnt/my volume\n",
        ),
        ("inodes", "Filesystem Type Inodes IUsed IFree IUse% Mounted on\n/dev/vda1 ext4 100 40 60 40% /\n"),
        ("reboot", "pending\nlinux-base\nlibc6\nlibc6\n"),
        ("cloud", "finished\n{\"v1\": {\"errors\": [\"('scripts_user', RuntimeError())\"]}}"),
        ("packages", "docker.io\t24.0.7\tinstalled\nnginx\t\tnot-installed\n"),
        ("nginx", "nginx version: nginx/1.18.0 (Ubuntu)\n"),
        ("listening", "tcp   LISTEN 0      511          0.0.0.0:80        0.0.0.0:*    users:((\"nginx\",pid=7,fd=6))\nudp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*\ntcp LISTEN 0 1 [::]:22 [::]:*\n"),
    ]))
    .expect("a survey");
    assert_eq!(survey.release, ("ubuntu".to_owned(), "jammy".to_owned()));
    assert_eq!((survey.kernel.as_str(), survey.hostname.as_str()), ("5.15.0-119-generic", "erp"));
    assert_eq!((survey.uptime, survey.load, survey.processors), (86_400, [52, 107, 1230], 2));
    assert_eq!(survey.memory, (4_012_345, 1_012_345));
    let disks: Vec<(&str, u64, (u64, u64))> =
        survey.disks.iter().map(|(mount, disk)| (mount.as_str(), disk.percent(), disk.inodes)).collect();
    assert_eq!(disks, [("/", 82, (100, 40)), ("/mnt/my volume", 1, (0, 0))]);
    assert_eq!(survey.reboot, Some(vec!["libc6".to_owned(), "linux-base".to_owned()]));
    assert_eq!(survey.cloud_init, CloudInit::Failed("('scripts_user', RuntimeError())".to_owned()));
    assert_eq!(survey.packages.keys().collect::<Vec<_>>(), ["docker.io"]);
    assert_eq!(survey.nginx.as_deref(), Some("1.18.0"));
    let said: Vec<String> =
        survey.listening.iter().map(|l| format!("{} {}:{} {:?}", l.protocol, l.address, l.port, l.program)).collect();
    assert_eq!(said, ["tcp 0.0.0.0:80 Some(\"nginx\")", "tcp [::]:22 None", "udp 127.0.0.53:53 None"]);
}

#[test]
fn receipts_and_files_come_each_with_their_own() {
    let digest = "a".repeat(64);
    let survey = read::read(&answer(&[
        ("receipt", "/opt/a"),
        ("receipt-text", "{}"),
        ("receipt-digests", &format!("{digest}  compose.yaml\n{digest} *my file\nsha256sum: x: No such file\n")),
        ("receipt", "/opt/b"),
        ("file", "~/.ssh/authorized_keys"),
        ("file-mode", "600 root:root\n"),
        ("file-text", "ssh-ed25519 AAAA\n"),
    ]))
    .expect("a survey");
    let names: Vec<(&str, usize)> = survey.receipts.iter().map(|(f, r)| (f.as_str(), r.digests.len())).collect();
    assert_eq!(names, [("/opt/a", 2), ("/opt/b", 0)]);
    let file = survey.files.get("~/.ssh/authorized_keys").expect("the file");
    assert_eq!((file.mode.as_str(), file.owner.as_str()), ("600", "root:root"));
}

#[test]
fn an_archive_that_is_cut_off_or_none_is_refused() {
    assert!(tar::read(b"").is_err());
    assert!(tar::read(&[b'x'; 512]).is_err());
    assert!(tar::read(&[b'x'; 5000]).is_err());
    assert_eq!(tar::read(&[0; 1024]), Ok(BTreeMap::new()));
}

#[test]
fn what_tar_packs_is_what_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = "a-long-name-of-a-site-that-does-not-fit-into-the-hundred-bytes-of-a-header.example.com.conf.d/and-a-file-in-it";
    let file = folder.path().join("etc/nginx").join(long);
    std::fs::create_dir_all(file.parent().expect("a parent")).expect("folders");
    std::fs::write(&file, "server {}\n").expect("written");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o640)).expect("a mode");
    let link = folder.path().join("etc/nginx/enabled");
    std::os::unix::fs::symlink(format!("../{long}{long}"), &link).expect("a link");
    let packed = std::process::Command::new("tar").args(["-cf", "-", "-C"]).arg(folder.path()).arg("etc").output();
    let packed = packed.expect("tar runs").stdout;
    let found = tar::read(&packed).expect("an archive");
    let entry = found.get(&format!("/etc/nginx/{long}")).expect("the file");
    assert_eq!((entry.text(), entry.mode), (Some("server {}\n"), 0o640));
    assert!(entry.modified > 1_600_000_000 && !entry.owner.is_empty());
    assert_eq!(found.get("/etc/nginx/enabled").map(|e| &e.item), Some(&Item::Link(format!("../{long}{long}"))));
    assert_eq!(found.get("/etc/nginx").map(|e| &e.item), Some(&Item::Folder));
    for cut in [100, 512, 700, packed.len() / 2] {
        let _ = tar::read(&packed[..cut]);
    }
}

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBpDCCAUugAwIBAgICEjQwCgYIKoZIzj0EAwIwGjEYMBYGA1UEAwwPZXJwLmV4
YW1wbGUuY29tMB4XDTI2MTEyNzAxMzgyOVoXDTI3MDIyNTAxMzgyOVowGjEYMBYG
A1UEAwwPZXJwLmV4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
nj0XwZh0Auzn66FNSEnPW5qc5gewDvTskxDeEoPWHAJsmA/b9vcI9mJ1tjS3jCB6
FUy2ZilQpxyGXoINCYbBfKOBgDB+MB0GA1UdDgQWBBShfCZ20fgwnKXhslZBzgN2
8AFRCjAfBgNVHSMEGDAWgBShfCZ20fgwnKXhslZBzgN28AFRCjAPBgNVHRMBAf8E
BTADAQH/MCsGA1UdEQQkMCKCD2VycC5leGFtcGxlLmNvbYIPV1dXLmV4YW1wbGUu
Y29tMAoGCCqGSM49BAMCA0cAMEQCID9vyQuV7UlL2kokfW3tBdW1pX58dXVDITtM
W/nhnvA2AiBLc3psZOtW/9N7aAtCnUnccg1hYY22rJ8lSAMncNA4YA==
-----END CERTIFICATE-----
";

#[test]
fn certificates_are_read_with_their_names_and_ends_and_what_is_none_is_told() {
    let text = format!(
        "#file /live/erp/fullchain.pem\n{CERTIFICATE}#file /etc/ssl/empty.pem\n#file /x\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    );
    let found = certificates::read(&text);
    let good = found.get("/live/erp/fullchain.pem").expect("there").as_ref().expect("read");
    assert_eq!(good.names, ["erp.example.com", "www.example.com"].map(str::to_owned).into());
    assert_eq!((good.until.to_string().as_str(), good.serial.as_str()), ("2027-02-25T01:38:29Z", "1234"));
    assert_eq!(good.age("2027-01-11T01:38:29Z".parse().expect("a time")), 50);
    assert!(found["/etc/ssl/empty.pem"].is_err() && found["/x"].is_err());
}

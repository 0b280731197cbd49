//! What lies in deploy/ fits the program and the checkout: units that systemd takes and rates well, files that exist.

use std::path::Path;
use std::process::Command;

/// What `systemd-analyze security` may say at most, of 10.
const EXPOSURE: f64 = 2.0;

#[test]
fn the_service_is_confined() {
    let unit = checkout().join("deploy/systemd/driftless.service");
    let said = analyze(&["security", "--offline=true", "--no-pager", unit.to_str().unwrap()]);
    let level = said.lines().find_map(|line| line.split("exposure level for driftless.service:").nth(1));
    let level: f64 = level.and_then(|rest| rest.split_whitespace().next()).expect(&said).parse().expect("a number");
    assert!(level <= EXPOSURE, "{said}");
}

#[test]
fn systemd_takes_the_service_and_its_drop_in() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(checkout().join("deploy/systemd/driftless.service")).unwrap();
    assert!(text.contains("ExecStart=/usr/bin/driftless run\n"));
    let unit = folder.path().join("driftless.service");
    std::fs::write(&unit, text.replace("/usr/bin/driftless run", "/bin/true")).unwrap();
    let drop_ins = folder.path().join("driftless.service.d");
    std::fs::create_dir(&drop_ins).unwrap();
    std::fs::copy(checkout().join("deploy/systemd/local-host.conf"), drop_ins.join("local-host.conf")).unwrap();
    let said = analyze(&["verify", "--man=no", unit.to_str().unwrap()]);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("driftless")).collect();
    assert!(ours.is_empty(), "{ours:#?}");
}

#[test]
fn the_image_and_the_package_are_made_of_files_that_exist() {
    let dockerfile = std::fs::read_to_string(checkout().join("deploy/docker/Dockerfile")).unwrap();
    let copied =
        dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|rest| !rest.starts_with("--"));
    let mut named: Vec<String> = Vec::new();
    for line in copied {
        let words: Vec<&str> = line.split_whitespace().collect();
        named.extend(words[..words.len() - 1].iter().map(ToString::to_string));
    }
    let manifest: toml::Value =
        toml::from_str(&std::fs::read_to_string(checkout().join("Cargo.toml")).unwrap()).unwrap();
    let deb = &manifest["package"]["metadata"]["deb"];
    for asset in deb["assets"].as_array().unwrap() {
        named.push(asset[0].as_str().unwrap().to_owned());
    }
    named.push(deb["maintainer-scripts"].as_str().unwrap().to_owned());
    assert!(named.len() > 10, "{named:?}");
    for path in named.iter().filter(|path| !path.starts_with("target/")) {
        let path = path.trim_end_matches("/*");
        assert!(checkout().join(path).exists(), "{path} is named in deploy/ and is not there");
    }
}

#[test]
fn the_image_may_be_built_from_another_base() {
    let dockerfile = std::fs::read_to_string(checkout().join("deploy/docker/Dockerfile")).unwrap();
    let bases: Vec<&str> = dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")).collect();
    assert_eq!(bases, ["${BUILD} AS build", "${BASE}"]);
    assert!(dockerfile.contains("ARG BASE=") && dockerfile.contains("USER 10001"), "{dockerfile}");
}

#[test]
fn alerts_and_board_speak_of_figures_that_there_are() {
    let known = std::fs::read_to_string(checkout().join("controller/server/README.md")).unwrap();
    let name = regex::Regex::new(r"\b(driftless_|process_)[a-z_]+").unwrap();
    let mut count = 0;
    for file in ["deploy/prometheus/alerts.yaml", "deploy/grafana/driftless.json"] {
        let text = std::fs::read_to_string(checkout().join(file)).unwrap();
        for found in name.find_iter(&text) {
            let figure = found.as_str().trim_end_matches("_bucket");
            let listed = ["`", "{"].iter().any(|end| known.contains(&format!("`{figure}{end}")));
            assert!(listed, "{file} speaks of {figure}, which there is not");
            count += 1;
        }
    }
    assert!(count > 25, "{count}");
}

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs systemd-analyze and gives everything that it prints.
fn analyze(arguments: &[&str]) -> String {
    let ran = Command::new("systemd-analyze").args(arguments).output();
    let ran = ran.expect("systemd-analyze is needed (Debian: systemd)");
    format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr))
}

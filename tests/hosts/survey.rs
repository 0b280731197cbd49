//! A survey of the very machine that the tests run on: whatever it has, all of it is read, in one round trip.

use super::reached;
use driftless::ports::host::survey::Ask;
use driftless::ports::host::{File, Target};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_survey_brings_what_is_there_and_what_is_asked_for() {
    let Some((sshd, hosts, host)) = reached().await else { return };
    let stack = sshd.folder.path().join("opt/my stack");
    let path = |name: &str| stack.join(name).display().to_string();
    for (name, text) in [
        ("compose.yaml", "services: {}\n"),
        ("conf/app.ini", "x=1\n"),
        (".driftless/receipt.json", "{\"schema\": 1}\n"),
        (".driftless/files", "compose.yaml\nconf/app.ini\nmissing\n"),
    ] {
        host.write(&File { path: &path(name), bytes: text.as_bytes(), owner: None, mode: "0644" })
            .await
            .expect("written");
    }
    let folder = stack.display().to_string();
    let asks = BTreeSet::from([
        Ask::Receipt(folder.clone()),
        Ask::Receipt("/nowhere".to_owned()),
        Ask::File(path("conf/app.ini")),
        Ask::File("/nowhere".to_owned()),
        Ask::Engine,
    ]);
    let local = hosts.aim("own", Target::local());
    for host in [host, local] {
        let survey = host.survey(&crate::sshd::user(), &asks).await.expect("a survey");
        assert!(survey.kernel.contains('.') && !survey.os.is_empty(), "{survey:?}");
        assert!(survey.uptime > 0 && survey.memory.0 > 100_000 && survey.processors > 0, "{survey:?}");
        assert!(survey.disks.contains_key("/"), "{:?}", survey.disks);
        assert!(survey.home.starts_with('/'), "{:?}", survey.home);
        let receipt = survey.receipts.get(&folder).expect("the receipt");
        assert_eq!(survey.receipts.len(), 1);
        assert_eq!(receipt.text, "{\"schema\": 1}\n");
        let digest = "1b4c1a56b3e9e1f6ae8ac1b67cf8d79a0ce8d5a1b1a0d4d3c0d2d0ef7a4cd9ab".len();
        let names: Vec<(&str, usize)> = receipt.digests.iter().map(|(name, d)| (name.as_str(), d.len())).collect();
        assert_eq!(names, [("compose.yaml", digest), ("conf/app.ini", digest)]);
        let file = survey.files.get(&path("conf/app.ini")).expect("the file");
        assert_eq!((file.text.as_str(), file.mode.as_str()), ("x=1\n", "644"));
    }
}

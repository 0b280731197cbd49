//! Where secrets are found, and what SOPS files are opened and refused. The files are sealed here by the rules of the
//! format.

use super::*;
use age::x25519::Identity;
use std::collections::BTreeMap;

#[test]
fn a_secret_is_read_anew_each_time_and_loses_the_end_of_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let secrets = Secrets::in_folder(folder.path().to_owned());
    for text in ["one", "two lines\nof it"] {
        std::fs::write(folder.path().join("ssh.ops"), format!("{text}\n")).expect("written");
        assert_eq!(secrets.get("ssh.ops").expect("a secret").expose_secret(), text);
    }
}

#[test]
fn what_is_missing_or_no_name_is_told_with_the_places_and_without_the_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let secrets = Secrets::in_folder(folder.path().to_owned());
    let told = secrets.get("ssh.none").expect_err("missing").to_string();
    assert!(told.contains("ssh.none") && told.contains("DRIFTLESS_SECRET_SSH_NONE"), "{told}");
    for name in ["", "../journal.db", "a..b", "/etc/passwd", "a b"] {
        let told = secrets.get(name).expect_err(name).to_string();
        assert!(told.contains("no file can have"), "{told}");
    }
    std::fs::write(folder.path().join("empty"), "\n").expect("written");
    assert!(secrets.get("empty").expect_err("empty").to_string().contains("is empty"));
}

/// Seals values as SOPS does: by path, in the order given.
struct Sealing {
    key: [u8; 32],
    code: sha2::Sha512,
    nonce: u8,
}

impl Sealing {
    fn new() -> Self {
        Self { key: [7; 32], code: sha2::Digest::new(), nonce: 0 }
    }
    fn seal(&mut self, plain: &str, with: &str, kind: &str) -> String {
        use aes_gcm::aead::{Aead, KeyInit, Payload};
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        self.nonce += 1;
        let cipher = aes_gcm::AesGcm::<aes_gcm::aes::Aes256, aes_gcm::aead::consts::U32>::new(&self.key.into());
        let nonce = [self.nonce; 32];
        let payload = Payload { msg: plain.as_bytes(), aad: with.as_bytes() };
        let sealed = cipher.encrypt(&nonce.into(), payload).expect("sealed");
        let (data, tag) = sealed.split_at(sealed.len() - 16);
        let text = |bytes: &[u8]| STANDARD.encode(bytes);
        format!("ENC[AES256_GCM,data:{},iv:{},tag:{},type:{kind}]", text(data), text(&nonce), text(tag))
    }
    fn value(&mut self, plain: &str, with: &str, kind: &str) -> String {
        sha2::Digest::update(&mut self.code, plain.as_bytes());
        self.seal(plain, with, kind)
    }
    fn plain(&mut self, counts_as: &str) {
        sha2::Digest::update(&mut self.code, counts_as.as_bytes());
    }
    fn end(mut self, values: &str, to: &Identity, more: &str) -> String {
        use std::io::Write;
        let code = crate::model::hex::hex(&sha2::Digest::finalize(self.code.clone())).to_ascii_uppercase();
        let mac = self.seal(&code, TIME, "str");
        let mut armored = Vec::new();
        let encryptor =
            age::Encryptor::with_recipients([&to.to_public() as &dyn age::Recipient].into_iter()).expect("one");
        let armor =
            age::armor::ArmoredWriter::wrap_output(&mut armored, age::armor::Format::AsciiArmor).expect("armor");
        let mut writer = encryptor.wrap_output(armor).expect("a writer");
        writer.write_all(&self.key).expect("written");
        writer.finish().and_then(|armor| armor.finish()).expect("ended");
        let enc = String::from_utf8(armored).expect("text").replace('\n', "\n            ");
        let recipient = to.to_public();
        format!(
            "{values}sops:\n    age:\n        - recipient: {recipient}\n          enc: |\n            {enc}\n    lastmodified: \"{TIME}\"\n    mac: {mac}\n{more}    version: 3.9.4\n"
        )
    }
}

const TIME: &str = "2026-11-27T04:00:00Z";

fn sealed(to: &Identity) -> String {
    let mut sealing = Sealing::new();
    let mut text = String::new();
    text +=
        &format!("# what Odoo needs\nodoo:\n    postgres: {}\n", sealing.value("s3cret: yes", "odoo:postgres:", "str"));
    text += "    empty: \"\"\n    nothing: null\n    port_unencrypted: 5432\n    on_unencrypted: true\n";
    sealing.plain("5432");
    sealing.plain("True");
    text += &format!(
        "    workers: {}\n    debug: {}\n",
        sealing.value("4", "odoo:workers:", "int"),
        sealing.value("True", "odoo:debug:", "bool")
    );
    text += &format!(
        "    list:\n        - {}\n        - {}\n",
        sealing.value("a", "odoo:list:", "str"),
        sealing.value("b", "odoo:list:", "str")
    );
    text += &format!("ssh.ops: {}\n", sealing.value("KEY\nOF TWO LINES\n", "ssh.ops:", "str"));
    sealing.end(&text, to, "    unencrypted_suffix: _unencrypted\n")
}

fn opened(text: &str, keys: &[Identity]) -> Result<BTreeMap<String, String>, sops::SopsError> {
    let found = sops::open(text.as_bytes(), keys)?;
    Ok(found.into_iter().map(|(name, secret)| (name, secret.expose_secret().to_owned())).collect())
}

#[test]
fn what_sops_sealed_is_opened_by_any_of_our_keys() {
    let (ours, other) = (Identity::generate(), Identity::generate());
    let found = opened(&sealed(&ours), &[other, ours]).expect("opened");
    let told: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        told,
        [
            ("odoo.debug", "true"),
            ("odoo.empty", ""),
            ("odoo.on_unencrypted", "true"),
            ("odoo.port_unencrypted", "5432"),
            ("odoo.postgres", "s3cret: yes"),
            ("odoo.workers", "4"),
            ("ssh.ops", "KEY\nOF TWO LINES\n"),
        ]
    );
}

#[test]
fn what_somebody_changed_without_sops_is_refused() {
    let ours = Identity::generate();
    let text = sealed(&ours);
    let line = |start: &str| text.lines().find(|line| line.trim_start().starts_with(start)).expect("a line").to_owned();
    let value = |start: &str| line(start).split_once(": ").expect("a value").1.to_owned();
    for (from, to, why) in [
        ("port_unencrypted: 5432".to_owned(), "port_unencrypted: 5433".to_owned(), "authentication code"),
        (line("workers: ") + "\n", String::new(), "authentication code"),
        (value("workers: "), value("postgres: "), "odoo.workers cannot be opened, or was moved here"),
        (value("workers: "), "4".to_owned(), "odoo.workers should be encrypted, and is not"),
        (value("postgres: "), "plain".to_owned(), "odoo.postgres should be encrypted, and is not"),
        (value("postgres: "), "ENC[AES256_GCM,data:AAAA]".to_owned(), "is cut off"),
        (TIME.to_owned(), "2026-11-28T04:00:00Z".to_owned(), "cannot be opened"),
    ] {
        let changed = text.replace(&from, &to);
        assert_ne!(changed, text);
        let told = opened(&changed, std::slice::from_ref(&ours)).expect_err("changed").to_string();
        assert!(told.contains(why) && !told.contains("s3cret"), "{told}");
    }
}

#[test]
fn a_file_that_is_not_for_us_or_of_no_known_form_says_so() {
    let ours = Identity::generate();
    let text = sealed(&ours);
    let told = opened(&text, &[Identity::generate()]).expect_err("another's").to_string();
    assert!(told.contains(&ours.to_public().to_string()) && told.contains("none of the 1 age keys"), "{told}");
    for (text, why) in [
        ("- a\n".to_owned(), "no map"),
        ("a: b\n".to_owned(), "no block sops"),
        ("a: [\n".to_owned(), "is no file of SOPS"),
        ("sops: {age: []}\n".to_owned(), "lastmodified"),
        (text.replace("    version:", "    encrypted_regex: ^x\n    version:"), "more than one rule"),
        (text.replace("    version:", "    key_groups: [{}]\n    version:"), "shamir"),
    ] {
        let told = opened(&text, std::slice::from_ref(&ours)).expect_err("no form").to_string();
        assert!(told.contains(why), "{told}");
    }
}

/// The secrets of an estate with these files.
fn secrets(folder: &std::path::Path, files: &[(&str, &str)], key: &Identity) -> Secrets {
    let file = folder.join("age.txt");
    let text = age::secrecy::ExposeSecret::expose_secret(&key.to_string()).to_owned();
    std::fs::write(&file, format!("# created: today\n{text}\n")).expect("written");
    let secret = crate::ports::config::Secret::in_file("sops.age_key", file);
    let secrets = Secrets::in_folder(folder.join("secrets")).with_keys(AgeKeys::new(vec![secret]));
    let sealed = files.iter().map(|(path, text)| ((*path).to_owned(), Arc::from(text.as_bytes()))).collect();
    secrets.open(&estate(sealed));
    secrets
}

fn estate(sealed: BTreeMap<String, Arc<[u8]>>) -> Estate {
    let settings = r#"{"estate": "test", "id": "9f2c6a1e-0000-4000-8000-00000000000a"}"#;
    let settings = serde_json::from_str(settings).expect("settings");
    Estate { commit: None, settings, documents: BTreeMap::new(), sealed, freeze: None, files: 0 }
}

#[test]
fn the_repo_comes_before_the_folder_and_what_is_wrong_with_it_is_told_by_name() {
    let (folder, key) = (tempfile::tempdir().expect("a folder"), Identity::generate());
    let text = sealed(&key);
    let secrets = secrets(folder.path(), &[("secrets/prod.sops.yaml", &text)], &key);
    std::fs::create_dir(folder.path().join("secrets")).expect("made");
    for name in ["odoo.postgres", "of.folder"] {
        std::fs::write(folder.path().join("secrets").join(name), "from the folder").expect("written");
    }
    assert_eq!(secrets.get("odoo.postgres").expect("sealed").expose_secret(), "s3cret: yes");
    assert_eq!(secrets.get("of.folder").expect("in the folder").expose_secret(), "from the folder");
    let told = |name: &str| secrets.get(name).expect_err("not there").to_string();
    assert!(told("odoo").contains("in secrets/prod.sops.yaml it is a map, of odoo.debug for one"), "{}", told("odoo"));
    assert!(told("odoo.none").contains("not in secrets/prod.sops.yaml"), "{}", told("odoo.none"));
    assert!(told("odoo.empty").contains("in secrets/prod.sops.yaml is empty"), "{}", told("odoo.empty"));
    // The commit after it has no such file any more.
    secrets.open(&estate(BTreeMap::new()));
    assert_eq!(secrets.get("odoo.postgres").expect("in the folder").expose_secret(), "from the folder");
}

#[test]
fn a_file_for_another_key_and_a_name_in_two_files_are_told_when_they_are_needed() {
    let (folder, key, other) = (tempfile::tempdir().expect("a folder"), Identity::generate(), Identity::generate());
    let files = [("secrets/a.sops.yaml", &*sealed(&key)), ("secrets/b.sops.yaml", &*sealed(&key))];
    let twice = secrets(folder.path(), &files, &key);
    let told = twice.get("odoo.postgres").expect_err("twice").to_string();
    assert!(told.contains("secrets/a.sops.yaml is in secrets/b.sops.yaml, too"), "{told}");
    let shut = secrets(folder.path(), &[("secrets/a.sops.yaml", &sealed(&other))], &key);
    let told = shut.get("odoo.postgres").expect_err("shut").to_string();
    assert!(
        told.contains(&format!("secrets/a.sops.yaml is for {}", other.to_public()))
            && told.contains("SOPS_AGE_KEY_FILE"),
        "{told}"
    );
}

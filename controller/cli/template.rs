//! The infra repo that `init` and the demo begin with: `repo-template/`, embedded, with what every estate has of its
//! own put in. Writes nothing.

use crate::repo::{Options, Read, Tree, read, schemas};
use crate::{kinds, render};
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::path::Path;
use uuid::Uuid;

macro_rules! embedded {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../repo-template/", $path)))),*]
    };
}

/// Every file of the template. A plain list: so few files need no macro crate, and a test tells what is missing on it.
const FILES: &[(&str, &str)] = embedded![
    ".driftlessignore",
    ".vscode/settings.json",
    "README.md",
    "cloud-init/base.yaml",
    "domains/example.com.yaml",
    "droplets/erp.yaml",
    "droplets/ocr.yaml",
    "firewalls/production.yaml",
    "hosts/erp.yaml",
    "hosts/ocr.yaml",
    "network/ssh-keys.yaml",
    "network/vpc.yaml",
    "settings.yaml",
    "sites/erp.yaml",
    "sites/n8n.yaml",
    "sites/ocr.yaml",
    "stacks/n8n.yaml",
    "stacks/n8n/compose.yaml",
    "stacks/ocr.yaml",
    "stacks/ocr/compose.yaml",
    "stacks/odoo.yaml",
    "stacks/odoo/compose.yaml",
    "stacks/odoo/odoo.conf",
];

/// Where the schema for editors stands in an infra repo; `.vscode/settings.json` names it.
pub const EDITOR_SCHEMA: &str = ".driftless/driftless.schema.json";

const EXAMPLE_ID: &str = "00000000-0000-4000-8000-000000000000";
const EXAMPLE_ESTATE: &str = "estate: production";
const EXAMPLE_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAeIHIFiu/P9QV6tFOkFW0tvX/qqWxapONRhRdbYaAm5 ops@example.com";
const EXAMPLE_KEY_NOTE: &str = "# Replace this example with your own public key: new droplets let its owner in.\n";
const OWN_KEY_NOTE: &str = "# New droplets let the owner of this key in.\n";

/// What one estate has of its own.
pub struct Own<'a> {
    /// The estate's name.
    pub estate: &'a str,
    /// The estate's uuid.
    pub id: Uuid,
    /// The public key that opens new droplets; the example's where there is none.
    pub public_key: Option<&'a str>,
}

/// The files of a new infra repo, by path.
pub fn files(own: &Own<'_>) -> BTreeMap<String, Vec<u8>> {
    let text = |path: &str, text: &str| match (path, own.public_key) {
        ("settings.yaml", _) => text
            .replace(EXAMPLE_ID, &own.id.to_string())
            .replace(EXAMPLE_ESTATE, &format!("estate: {}", scalar(own.estate))),
        ("network/ssh-keys.yaml", Some(key)) => text
            .replace(EXAMPLE_KEY_NOTE, OWN_KEY_NOTE)
            .replace(&format!("\"{EXAMPLE_KEY}\""), &serde_json::Value::from(key).to_string()),
        _ => text.to_owned(),
    };
    let mut files: BTreeMap<String, Vec<u8>> =
        FILES.iter().map(|(path, content)| ((*path).to_owned(), text(path, content).into_bytes())).collect();
    if let Some(schema) = schemas(&kinds::pure()).get("driftless.schema.json") {
        files.insert(EDITOR_SCHEMA.to_owned(), render::json(schema).into_bytes());
    }
    files
}

/// Reads files of a new repo as the controller would, before any of them is written.
pub fn check(files: &BTreeMap<String, Vec<u8>>) -> Read {
    let tree = Tree::of(files.iter().map(|(path, bytes)| (path.clone(), bytes.clone())));
    read(&tree, &Options::default(), &kinds::pure())
}

/// Reads a public key from its file.
pub fn public_key(file: &Path) -> anyhow::Result<String> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("the key {} could not be read", file.display()))?;
    if text.contains("PRIVATE KEY") {
        bail!(
            "{} is a private key, which never belongs into a repository\n  Name the public one: --ssh-key {}.pub",
            file.display(),
            file.display()
        );
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match (lines.next(), lines.next()) {
        (Some(key), None) => Ok(key.to_owned()),
        (None, _) => bail!("{} holds no key", file.display()),
        (Some(_), Some(_)) => bail!("{} holds several keys: name a file with one", file.display()),
    }
}

/// A text as a YAML scalar: plain where nobody could read it as anything else, else in quotes.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SettingsMode;
    use crate::ports::disk;

    fn own<'a>(estate: &'a str, public_key: Option<&'a str>) -> Own<'a> {
        Own { estate, id: Uuid::from_u128(0x9f2c_6a1e), public_key }
    }

    #[test]
    fn every_file_of_the_template_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("repo-template");
        let there: Vec<String> = disk::list(&folder).unwrap().into_keys().collect();
        let embedded: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        assert_eq!(embedded, there, "the list in {} is not what repo-template/ holds", file!());
    }

    #[test]
    fn a_new_repo_is_sound_observes_and_has_what_is_its_own() {
        for estate in ["production", "true", "3", "a: {b}", "it's \"us\"", "日本"] {
            let key = EXAMPLE_KEY.replace("ops@example.com", "ana: \"x\" # y");
            let files = files(&own(estate, Some(&key)));
            let read = check(&files);
            assert_eq!(read.diagnostics, [], "{estate}");
            let settings = read.estate.unwrap().settings;
            assert_eq!((settings.estate.as_str(), settings.id.as_u128()), (estate, 0x9f2c_6a1e));
            assert_eq!(settings.mode, SettingsMode::Observe);
            let keys = String::from_utf8(files["network/ssh-keys.yaml"].clone()).unwrap();
            assert!(!keys.contains("ops@example.com") && !keys.contains("Replace"), "{keys}");
        }
    }

    #[test]
    fn without_a_key_the_example_stays_and_says_so() {
        let files = files(&own("production", None));
        let keys = String::from_utf8(files["network/ssh-keys.yaml"].clone()).unwrap();
        assert!(keys.contains(EXAMPLE_KEY) && keys.contains(EXAMPLE_KEY_NOTE), "{keys}");
    }
}

//! What a user writes for an SSH key, and what it means. Knows the wire format of public keys, no network.

use crate::model::{Complaint, ResourceId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A public key of the account. To change the key itself is to replace it; droplets that exist keep the old one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The name that DigitalOcean shows. Default: metadata.name.
    #[serde(default)]
    #[schemars(length(min = 1, max = 255))]
    pub name: Option<String>,
    /// The public key in one line, as in ~/.ssh/id_ed25519.pub: type, base64, comment.
    #[schemars(
        length(min = 1, max = 16384),
        regex(
            pattern = r"^\s*(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com)\s+\S+"
        )
    )]
    pub public_key: String,
}

/// The key in canonical words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    /// The name.
    pub name: String,
    /// Type and base64, without a comment: what makes two keys the same.
    pub key: String,
    /// What stands behind the key; sent, never compared.
    #[serde(skip)]
    pub comment: String,
    /// The MD5 fingerprint with colons, by which DigitalOcean knows it.
    pub fingerprint: String,
}

impl Want {
    /// The line to send.
    pub fn line(&self) -> String {
        if self.comment.is_empty() { self.key.clone() } else { format!("{} {}", self.key, self.comment) }
    }
}

const TYPES: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

const PATH: &str = "spec.publicKey";

pub(super) fn desire(id: &ResourceId, spec: &Spec) -> Result<Want, Vec<Complaint>> {
    let mut wrong = Vec::new();
    let name = spec.name.clone().unwrap_or_else(|| id.name.clone());
    if name.trim() != name || name.is_empty() || name.chars().count() > 255 {
        wrong.push(Complaint::at(
            "spec.name",
            format!("{id} is named {name:?}, which DigitalOcean refuses"),
            "1 to 255 characters, without white space around them",
        ));
    }
    let key = parse(&spec.public_key).map_err(|complaint| wrong.push(*complaint)).ok();
    match key {
        Some((key, comment, fingerprint)) if wrong.is_empty() => Ok(Want { name, key, comment, fingerprint }),
        _ => Err(wrong),
    }
}

/// Takes a line apart: the key without its comment, the comment, the fingerprint.
fn parse(text: &str) -> Result<(String, String, String), Box<Complaint>> {
    let refuse = |what: &str, label: &str| Box::new(Complaint::at(PATH, what, label));
    if text.contains("PRIVATE KEY") {
        let told = refuse("publicKey holds a private key", "the content of the .pub file belongs here");
        return Err(Box::new(told.hint(
            "Whoever can read this repository can read that key now: stop using it, and make a new one with ssh-keygen -t ed25519.",
        )));
    }
    let line = text.trim();
    if line.contains(['\n', '\r']) {
        return Err(refuse("publicKey has more than one line", "one key in one line; another key is another SshKey"));
    }
    let mut words = line.splitn(3, [' ', '\t']);
    let kind = words.next().unwrap_or_default();
    if !TYPES.contains(&kind) {
        let told = refuse(
            &format!("publicKey begins with {:?}, which is no type of key that DigitalOcean takes", shortened(kind)),
            &format!("expected one of: {}", TYPES.join(", ")),
        );
        return Err(Box::new(
            told.hint("Options such as from=\"…\" before the type are for authorized_keys, not for here."),
        ));
    }
    // Several blanks may stand between the words.
    let rest = words.collect::<Vec<_>>().join(" ");
    let (body, comment) = match rest.trim_start().split_once([' ', '\t']) {
        Some((body, comment)) => (body.to_owned(), comment.trim().to_owned()),
        None => (rest.trim().to_owned(), String::new()),
    };
    let bytes = STANDARD.decode(&body).map_err(|why| {
        refuse(&format!("publicKey is not base64 after {kind}: {why}"), "copy the whole line of the .pub file")
    })?;
    check_wire(kind, &bytes).map_err(|why| {
        refuse(&format!("publicKey is no whole {kind} key: {why}"), "copy the whole line of the .pub file")
    })?;
    Ok((format!("{kind} {body}"), comment, fingerprint(&bytes)))
}

fn shortened(word: &str) -> String {
    word.chars().take(40).collect()
}

/// Walks the length-prefixed fields of RFC 4253 section 6.6: the first repeats the type, none runs over the end.
fn check_wire(kind: &str, bytes: &[u8]) -> Result<(), String> {
    let mut fields = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>().ok_or("it is cut off")?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| "a field is too long")?;
        let (field, after) = after.split_at_checked(length).ok_or("it is cut off")?;
        fields.push(field);
        rest = after;
    }
    let inner = fields.first().map(|field| String::from_utf8_lossy(field).into_owned()).unwrap_or_default();
    if inner != kind {
        return Err(format!("the base64 says {:?}", shortened(&inner)));
    }
    let lengths: Vec<usize> = fields.iter().skip(1).map(|field| field.len()).collect();
    let fits = match kind {
        "ssh-ed25519" => lengths == [32],
        // RSA below 1024 bits is refused by every OpenSSH of the last ten years; e, then n.
        "ssh-rsa" => matches!(lengths[..], [1..=8, 128..=2049]),
        "ecdsa-sha2-nistp256" => lengths == [8, 65],
        "ecdsa-sha2-nistp384" => lengths == [8, 97],
        "ecdsa-sha2-nistp521" => lengths == [8, 133],
        "sk-ssh-ed25519@openssh.com" => matches!(lengths[..], [32, application] if application > 0),
        _ => matches!(lengths[..], [8, 65, application] if application > 0),
    };
    if fits { Ok(()) } else { Err("its fields have the wrong lengths".to_owned()) }
}

/// The MD5 fingerprint as DigitalOcean writes it: `3b:16:…`. It names a key here and protects nothing.
fn fingerprint(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

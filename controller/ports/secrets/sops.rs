//! SOPS files, opened with age keys: what stands in them, once their authentication code holds. Reads YAML as SOPS writes
//! it; writes none. Keys of other services (KMS, PGP, Vault) are not tried.
//!
//! Source: <https://getsops.io/docs/> and the format as SOPS 3 writes it. A value is AES-256-GCM with a nonce of 32 bytes,
//! its path authenticated with it; the code of the file is SHA-512 over all values in the order of the file, in upper-case
//! hex, sealed with the time of its last change.

use crate::model::hex::hex;
use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use aes_gcm::{AesGcm, aes::Aes256};
use age::x25519::Identity;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha512};
use std::collections::BTreeMap;
use std::io::Read;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What SOPS leaves as it is where a file names no other rule.
const LEFT: &str = "_unencrypted";
/// What a code over encrypted values alone begins with (`echo -n sops | sha256sum`).
const ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b,
    0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];
/// A file's key is 32 bytes; what is much longer is none.
const LONGEST_KEY: u64 = 1024;

type Cipher = AesGcm<Aes256, U32>;

/// Why a file was not opened; never what it holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SopsError {
    /// It is no YAML, or none that SOPS writes.
    #[error("is no file of SOPS: {0}")]
    NotSops(String),
    /// It is for other keys.
    #[error("is for {for_whom}, and none of the {held} age keys at hand opens it")]
    NotForUs {
        /// Its recipients.
        for_whom: String,
        /// How many keys there are.
        held: usize,
    },
    /// Somebody changed it without SOPS, or it is damaged.
    #[error("was changed without SOPS: {0}")]
    Forged(String),
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    age: Vec<Recipient>,
    #[serde(default)]
    key_groups: Vec<Value>,
    lastmodified: String,
    mac: String,
    #[serde(default)]
    unencrypted_suffix: Option<String>,
    #[serde(default)]
    encrypted_suffix: Option<String>,
    #[serde(default)]
    unencrypted_regex: Option<String>,
    #[serde(default)]
    encrypted_regex: Option<String>,
    #[serde(default)]
    unencrypted_comment_regex: Option<String>,
    #[serde(default)]
    encrypted_comment_regex: Option<String>,
    #[serde(default)]
    mac_only_encrypted: bool,
}

#[derive(Deserialize)]
struct Recipient {
    recipient: String,
    enc: String,
}

/// Which values of a file are encrypted.
enum Rule {
    NotSuffix(String),
    Suffix(String),
    NotMatching(Regex),
    Matching(Regex),
}

impl Rule {
    fn of(about: &Metadata) -> Result<Self, SopsError> {
        let regex = |text: &str| Regex::new(text).map_err(|error| SopsError::NotSops(error.to_string()));
        let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if set(&about.unencrypted_comment_regex).or(set(&about.encrypted_comment_regex)).is_some() {
            let why = "comments say what is encrypted in it, which is not understood here; use encrypted_regex";
            return Err(SopsError::NotSops(why.to_owned()));
        }
        let all = [
            set(&about.encrypted_suffix).map(|text| Ok(Self::Suffix(text))),
            set(&about.unencrypted_suffix).map(|text| Ok(Self::NotSuffix(text))),
            set(&about.encrypted_regex).map(|text| regex(&text).map(Self::Matching)),
            set(&about.unencrypted_regex).map(|text| regex(&text).map(Self::NotMatching)),
        ];
        let mut all = all.into_iter().flatten();
        let rule = all.next().unwrap_or_else(|| Ok(Self::NotSuffix(LEFT.to_owned())));
        match all.next() {
            Some(_) => Err(SopsError::NotSops("it has more than one rule of what is encrypted".to_owned())),
            None => rule,
        }
    }

    fn encrypts(&self, path: &[String]) -> bool {
        match self {
            Self::NotSuffix(suffix) => !path.iter().any(|part| part.ends_with(suffix.as_str())),
            Self::Suffix(suffix) => path.iter().any(|part| part.ends_with(suffix.as_str())),
            Self::NotMatching(regex) => !path.iter().any(|part| regex.is_match(part)),
            Self::Matching(regex) => path.iter().any(|part| regex.is_match(part)),
        }
    }
}

/// Opens a file: every value by its path, `odoo.postgres`. Values of lists have no name, and are left out.
pub(super) fn open(text: &[u8], keys: &[Identity]) -> Result<BTreeMap<String, SecretString>, SopsError> {
    let not = |why: String| SopsError::NotSops(why);
    let text = std::str::from_utf8(text).map_err(|_| not("it is not UTF-8".to_owned()))?;
    let yaml: Value = serde_saphyr::from_str(text)
        .map_err(|error| not(error.without_snippet().to_string().lines().next().unwrap_or_default().to_owned()))?;
    let Value::Object(mut root) = yaml else { return Err(not("it is no map".to_owned())) };
    let about = root
        .shift_remove("sops")
        .ok_or_else(|| not("it has no block sops:, so nothing in it is encrypted".to_owned()))?;
    let about: Metadata = serde_json::from_value(about).map_err(|error| not(format!("its block sops: {error}")))?;
    let mut opening = Opening {
        cipher: file_cipher(&about, keys)?,
        rule: Rule::of(&about)?,
        only_encrypted: about.mac_only_encrypted,
        code: Sha512::new(),
        found: BTreeMap::new(),
    };
    if about.mac_only_encrypted {
        opening.code.update(ONLY_ENCRYPTED);
    }
    opening.map(&root, &mut Vec::new())?;
    let code = hex(&opening.code.finalize_reset()).to_ascii_uppercase();
    let said = opening.plain(&about.mac, &about.lastmodified)?;
    if !bool::from(said.as_bytes().ct_eq(code.as_bytes())) {
        let why =
            "its authentication code does not fit what stands in it; see who changed it, and write it anew with sops";
        return Err(SopsError::Forged(why.to_owned()));
    }
    Ok(opening.found)
}

/// What a file is encrypted with, from the first of our keys that opens one of its copies.
fn file_cipher(about: &Metadata, keys: &[Identity]) -> Result<Cipher, SopsError> {
    if !about.key_groups.is_empty() {
        return Err(SopsError::NotSops(
            "its key is shared among groups (shamir), which is not understood here".to_owned(),
        ));
    }
    for copy in &about.age {
        let armored = age::armor::ArmoredReader::new(copy.enc.as_bytes());
        let Ok(sealed) = age::Decryptor::new_buffered(armored) else { continue };
        let Ok(reader) = sealed.decrypt(keys.iter().map(|key| key as &dyn age::Identity)) else { continue };
        let mut bytes = Zeroizing::new(Vec::new());
        let whole = reader.take(LONGEST_KEY).read_to_end(&mut bytes).is_ok();
        if let Some(cipher) = Cipher::new_from_slice(&bytes).ok().filter(|_| whole) {
            return Ok(cipher);
        }
    }
    let names: Vec<&str> = about.age.iter().map(|copy| copy.recipient.as_str()).collect();
    let for_whom = if names.is_empty() { "no age key".to_owned() } else { names.join(", ") };
    Err(SopsError::NotForUs { for_whom, held: keys.len() })
}

struct Opening {
    cipher: Cipher,
    rule: Rule,
    only_encrypted: bool,
    code: Sha512,
    found: BTreeMap<String, SecretString>,
}

impl Opening {
    fn map(&mut self, map: &serde_json::Map<String, Value>, path: &mut Vec<String>) -> Result<(), SopsError> {
        for (name, value) in map {
            path.push(name.clone());
            self.value(value, path, true)?;
            path.pop();
        }
        Ok(())
    }

    fn value(&mut self, value: &Value, path: &mut Vec<String>, named: bool) -> Result<(), SopsError> {
        match value {
            Value::Object(map) if named => return self.map(map, path),
            // What stands in a list has no name of its own, neither here nor for SOPS.
            Value::Object(map) => {
                for (name, value) in map {
                    path.push(name.clone());
                    self.value(value, path, false)?;
                    path.pop();
                }
                return Ok(());
            }
            Value::Array(items) => return items.iter().try_for_each(|item| self.value(item, path, false)),
            Value::Null => return Ok(()),
            _ => {}
        }
        let encrypted = self.rule.encrypts(path);
        let plain = match value {
            Value::String(text) if encrypted && !text.is_empty() => {
                self.plain(text, &path.iter().map(|part| format!("{part}:")).collect::<String>())?
            }
            Value::String(text) => Zeroizing::new(text.clone()),
            _ if encrypted => {
                return Err(SopsError::Forged(format!("{} should be encrypted, and is not", path.join("."))));
            }
            other => Zeroizing::new(written(other)),
        };
        if encrypted || !self.only_encrypted {
            self.code.update(plain.as_bytes());
        }
        if named {
            let is_flag = value.is_boolean() || value.as_str().is_some_and(|text| text.ends_with(",type:bool]"));
            let plain = if is_flag { plain.to_ascii_lowercase() } else { plain.to_string() };
            self.found.insert(path.join("."), plain.into());
        }
        Ok(())
    }

    /// Decrypts `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.
    fn plain(&self, sealed: &str, with: &str) -> Result<Zeroizing<String>, SopsError> {
        let named = with.trim_end_matches(':').replace(':', ".");
        let broken = |why: &str| SopsError::Forged(format!("{named} {why}"));
        let inner = sealed.strip_prefix("ENC[AES256_GCM,").and_then(|rest| rest.strip_suffix(']'));
        let inner = inner.ok_or_else(|| broken("should be encrypted, and is not"))?;
        let part = |name: &str| inner.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix(':'));
        let bytes = |name: &str| part(name).and_then(|text| STANDARD.decode(text).ok());
        let (Some(mut data), Some(nonce), Some(tag)) = (bytes("data"), bytes("iv"), bytes("tag")) else {
            return Err(broken("is cut off"));
        };
        data.extend(tag);
        let nonce: Nonce<Cipher> = nonce.as_slice().try_into().map_err(|_| broken("has a nonce of another length"))?;
        let payload = Payload { msg: &data, aad: with.as_bytes() };
        let plain = self.cipher.decrypt(&nonce, payload).map_err(|_| broken("cannot be opened, or was moved here"))?;
        String::from_utf8(plain).map(Zeroizing::new).map_err(|_| broken("holds bytes that are no text"))
    }
}

/// What a value that is not encrypted counts as.
fn written(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

//! Public keys of hosts, and which machine each was seen on. Owns their text form; must not know how a host is reached.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// A host's public key: `ssh-ed25519 AAAA…`, without a comment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostKey {
    kind: &'static str,
    body: String,
    wire: Vec<u8>,
}

/// Types of keys, and what ssh calls the ways to sign with them.
const TYPES: [(&str, &str); 5] = [
    ("ssh-ed25519", "ssh-ed25519"),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"),
    ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"),
    ("ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"),
    ("ssh-rsa", "rsa-sha2-512,rsa-sha2-256"),
];

/// Longer texts are no key.
const LONGEST: usize = 8192;

/// Says why a text is no host key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAHostKey(String);

impl HostKey {
    /// The fingerprint as ssh shows it: `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&self.wire)))
    }
    /// The type: `ssh-ed25519`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }
    /// What ssh is told to accept, so that no other key of the host is looked at: `HostKeyAlgorithms`.
    pub fn algorithms(&self) -> &'static str {
        TYPES.iter().find(|(kind, _)| *kind == self.kind).map_or(self.kind, |(_, algorithms)| algorithms)
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.body)
    }
}

impl FromStr for HostKey {
    type Err = NotAHostKey;
    fn from_str(text: &str) -> Result<Self, NotAHostKey> {
        let refuse = |why: String| NotAHostKey(why);
        if text.contains("PRIVATE KEY") {
            return Err(refuse("it is a private key; the content of the host's .pub file belongs here".to_owned()));
        }
        let text = text.trim();
        if text.contains(['\n', '\r']) || text.len() > LONGEST {
            return Err(refuse("it is more than one line".to_owned()));
        }
        let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
        let named = words.next().unwrap_or_default();
        let Some((kind, _)) = TYPES.iter().find(|(kind, _)| *kind == named) else {
            let shown: String = named.chars().take(40).collect();
            let known: Vec<&str> = TYPES.iter().map(|(kind, _)| *kind).collect();
            return Err(refuse(format!("it begins with {shown:?}; expected one of {}", known.join(", "))));
        };
        let body = words.next().unwrap_or_default();
        let wire = STANDARD.decode(body).map_err(|why| refuse(format!("what follows {kind} is no base64: {why}")))?;
        // RFC 4253, section 6.6: the first field repeats the type.
        let inner = wire
            .split_first_chunk::<4>()
            .and_then(|(length, rest)| rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?));
        match inner {
            Some((inner, rest)) if inner == kind.as_bytes() && rest.len() > 32 => {}
            _ => return Err(refuse(format!("what follows {kind} is no whole key of that type"))),
        }
        Ok(Self { kind, body: body.to_owned(), wire })
    }
}

impl Serialize for HostKey {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HostKey {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A key that a host is believed to have, and the machine that it belongs to: another machine has another key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The key.
    pub key: HostKey,
    /// The machine: a droplet's id, or an address.
    pub machine: String,
    /// Who said so; none: it was taken at first contact with a droplet that the controller itself had made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    pub at: jiff::Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8vVkbw87jJIm0/1UMnAZkS8oU/FEauUZZhhm2Gw/Eh";

    #[test]
    fn a_key_is_read_without_its_comment_and_known_by_the_fingerprint_that_ssh_shows() {
        let key: HostKey = format!("  {KEY}   root@erp\n").parse().expect("a key");
        assert_eq!(key.to_string(), KEY);
        // As `ssh-keygen -l` says.
        assert_eq!(key.fingerprint(), "SHA256:uuwFSKjz+z2xFQpvP5hDNTjqxJtPj1rx2xWUGxv/bS8");
        assert_eq!(serde_json::to_value(&key).expect("JSON"), KEY);
    }

    #[test]
    fn what_is_no_key_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "expected one of"),
            ("ssh-dss AAAA", "expected one of"),
            ("ssh-ed25519", "no whole key"),
            ("ssh-ed25519 ???", "no base64"),
            ("ssh-ed25519 AAAA", "no whole key"),
            (&KEY.replace("ssh-ed25519 ", "ssh-rsa "), "no whole key"),
            (&format!("{KEY}\n{KEY}"), "more than one line"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
        ] {
            let told = text.parse::<HostKey>().expect_err(text).to_string();
            assert!(told.contains(why), "{text:?}: {told}");
        }
    }
}

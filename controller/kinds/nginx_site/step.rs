//! One change's work on a site, as data: what a plan holds and `apply` does. Decides nothing.

use super::directive::{Directive, print};
use super::names::Asked;
use super::normal;
use super::render::Form;
use super::want::Certificate;
use crate::model::{Digest, ResourceId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One change's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub enum Step {
    /// Writes the file, enables it, tests, reloads, asks.
    Write(Write),
    /// Writes a site in its new place, and has it asked from the former one.
    Arrive {
        /// The site.
        write: Write,
        /// The name of its former host.
        from: String,
        /// What that asks.
        asked: Vec<Asked>,
    },
    /// Takes a certificate along, with what it is renewed by.
    Carry {
        /// The name of the former host.
        from: String,
        /// The name of the new one.
        to: String,
        /// The certificate.
        certificate: Certificate,
    },
    /// Takes a site away that is served elsewhere by now, once that answers from there.
    Retire {
        /// The name of the former host.
        host: String,
        /// The file's name.
        file: String,
        /// What that host asks before.
        asked: Vec<Asked>,
        /// Certificates there that are renewed no longer, where nothing else uses them.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        certificates: BTreeSet<String>,
    },
    /// Gets or renews the certificate, and has nginx read it.
    Certify {
        /// The host's name.
        host: String,
        /// The certificate.
        certificate: Certificate,
        /// Whether one that is good for a while is to be got anew.
        renew: bool,
    },
    /// Takes the link away: the file stays.
    Disable {
        /// The host's name.
        host: String,
        /// The file's name.
        file: String,
    },
    /// Takes link and file away.
    Delete {
        /// The host's name.
        host: String,
        /// The file's name.
        file: String,
        /// Certificates there that are renewed no longer, where nothing else uses them.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        certificates: BTreeSet<String>,
    },
    /// Lets go of it; nothing is sent.
    Release,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Write {
    /// The host's name.
    pub host: String,
    /// The file's name.
    pub file: String,
    /// What stands in it.
    pub content: Content,
    /// Which form of the site it is, for the way from a line back to the document.
    pub form: Option<Form>,
    /// The names that it serves.
    pub names: Vec<String>,
    /// Where it is asked afterwards.
    pub asked: Vec<Asked>,
    /// What it takes the place of.
    pub before: Before,
}

/// What a file takes the place of: anything else that stands there is somebody's, and is not written over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Before {
    /// No file.
    Nothing,
    /// The text with this digest.
    Text(Digest),
    /// What a change of the same plan wrote.
    Ours,
}

/// What stands in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// Directives, in words that do not depend on nginx's version.
    Directives(Vec<Directive>),
    /// A text.
    Text(String),
}

/// The text as it will stand on a host, which names its document.
pub fn text_of(id: &ResourceId, content: &Content, old: bool) -> String {
    match content {
        Content::Text(text) => text.clone(),
        Content::Directives(all) => {
            let all = if old { normal::before_1_25_1(all) } else { all.clone() };
            format!("# {id}: kept equal to its document in git; what is changed here is put back.\n\n{}", print(&all))
        }
    }
}

/// How many lines stand before the first directive of a rendered text.
pub(super) const HEAD: u32 = 2;

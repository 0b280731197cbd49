//! What a document wants of a site, in canonical words. Owns the shape; `desire` fills it, `render` writes it.

use super::directive::Directive;
use super::spec::{Match, TlsProtocol};
use super::upstream::Upstream;
use crate::model::{Need, ResourceId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where sites stand.
pub const AVAILABLE: &str = "/etc/nginx/sites-available";
/// Where the links of those stand that are served.
pub const ENABLED: &str = "/etc/nginx/sites-enabled";
/// Where certbot keeps what it got.
pub const LIVE: &str = "/etc/letsencrypt/live";
/// Let's Encrypt's directory.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Where proofs for an issuer are put, by default.
pub const WEBROOT: &str = "/var/www/letsencrypt";

/// A site in canonical words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    /// The host that serves it.
    pub host: ResourceId,
    /// The names that it answers to, as written, in lower case.
    pub names: Vec<String>,
    /// The file's name under sites-available.
    pub file: String,
    /// What stands in the file.
    pub body: Body,
    /// The certificate that is kept for it.
    pub certificate: Option<Certificate>,
    /// The stacks that it is in front of, each with its host: it is made once they are there.
    #[serde(skip)]
    pub stacks: Vec<(ResourceId, ResourceId)>,
    /// References, with where they stand; no part of the fingerprint.
    #[serde(skip)]
    pub needs: Vec<Need>,
}

/// What stands in a site's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Body {
    /// Rendered from fields.
    Site(Site),
    /// As written.
    Raw {
        /// The text.
        text: String,
        /// Where it comes from: the file; none where it stands in the document.
        from: Option<String>,
    },
}

/// A site by its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Site {
    /// The port for http.
    pub http: u16,
    /// The port for https.
    pub https: u16,
    /// Whether IPv6 is listened on.
    pub ipv6: bool,
    /// How https is served.
    pub tls: Option<Tls>,
    /// The folder that answers an issuer's questions.
    pub webroot: Option<String>,
    /// Whether http answers with a redirect.
    pub redirect_http: bool,
    /// How large a request may be.
    pub client_max_body_size: Option<String>,
    /// What is served where.
    pub locations: Vec<Location>,
    /// More directives of the server block.
    pub extra: Vec<Directive>,
}

/// How https is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// The file with certificate and chain.
    pub certificate: String,
    /// The file with its key.
    pub key: String,
    /// The protocols; nginx's where there are none.
    pub protocols: BTreeSet<TlsProtocol>,
    /// The ciphers; nginx's where there are none.
    pub ciphers: Option<String>,
    /// Whether HTTP/2 is spoken.
    pub http2: bool,
}

/// What is served at one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// The path or expression.
    pub path: String,
    /// How it is compared.
    pub matching: Match,
    /// Where requests go or browsers are sent.
    pub answer: Answer,
    /// Whether connections may be upgraded.
    pub websocket: bool,
    /// How answers are buffered.
    pub buffers: Buffers,
    /// proxy_read_timeout.
    pub read_timeout: Option<String>,
    /// proxy_send_timeout.
    pub send_timeout: Option<String>,
    /// proxy_connect_timeout.
    pub connect_timeout: Option<String>,
    /// How large a request may be here.
    pub client_max_body_size: Option<String>,
    /// Headers that are sent on, in order.
    pub headers: Vec<(String, String)>,
    /// More directives.
    pub extra: Vec<Directive>,
}

/// What a location does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// Passes requests on.
    Proxy(Upstream),
    /// Sends browsers elsewhere.
    Redirect {
        /// Where.
        to: String,
        /// With which status.
        status: u16,
    },
    /// What `extra` says.
    Extra,
}

/// How answers are buffered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Buffers {
    /// As nginx does by default.
    Default,
    /// Not at all.
    Off,
    /// By this many of a unit: 128 and `k`.
    Of(u32, String),
}

/// A certificate that certbot keeps on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Its name at certbot.
    pub name: String,
    /// All names that it is for.
    pub domains: Vec<String>,
    /// The issuer's ACME directory.
    pub directory: String,
    /// The mail address of the account.
    pub email: Option<String>,
    /// Where proofs are put.
    pub webroot: String,
}

impl Certificate {
    /// The file with certificate and chain.
    pub fn chain(&self) -> String {
        format!("{LIVE}/{}/fullchain.pem", self.name)
    }
    /// The file with its key.
    pub fn key(&self) -> String {
        format!("{LIVE}/{}/privkey.pem", self.name)
    }
}

impl Want {
    /// The file's path on the host.
    pub fn path(&self) -> String {
        format!("{AVAILABLE}/{}", self.file)
    }
    /// The files that it is served with and that nobody gets for it.
    pub fn kept_by_others(&self) -> impl Iterator<Item = &String> {
        let tls = match &self.body {
            Body::Site(Site { tls, .. }) if self.certificate.is_none() => tls.as_ref(),
            _ => None,
        };
        let whole = |path: &&String| path.starts_with('/');
        tls.into_iter().flat_map(|tls| [&tls.certificate, &tls.key]).filter(whole)
    }
    /// The path of the link that enables it.
    pub fn link(&self) -> String {
        format!("{ENABLED}/{}", self.file)
    }
}

//! What a user writes for a site. The comments here are the help texts and the editors' hints; no meaning is decided.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A site that nginx on a host serves: one file under sites-available, enabled by a link, with its certificate. It compares with the live file directive by directive; comments and layout do not count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The name of the Host document of the machine that serves it. Where it changes, the site moves: its certificate goes along first, the record of a Domain document follows, and the former site serves until nobody may keep the former record any more.
    #[schemars(length(min = 1))]
    pub host: String,
    /// The names that it answers to, the most important first: erp.example.com, *.example.com, or _ for none in particular. A name that another enabled file of the host has is a problem.
    #[schemars(length(min = 1), inner(length(min = 1, max = 255), regex(pattern = r"^[^\s;{}]+$")))]
    pub server_names: Vec<String>,
    /// The file's name in /etc/nginx/sites-available. Default: the first server name and .conf.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200), regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*$"))]
    pub file: Option<String>,
    /// On which ports it listens. Default: 80, with tls also 443, IPv4 only.
    #[serde(default)]
    pub listen: ListenSpec,
    /// How it is served over https; without it, plain http. {issuer: letsencrypt} gets and renews a certificate; {certificate: …, key: …} uses files that are there. When the site goes, or moves to another host, a certificate that driftless got or brought there stays where it is and is renewed there no longer, unless another file of nginx names it; it comes back into use with the next site that asks for it.
    #[serde(default)]
    pub tls: Option<TlsSpec>,
    /// Whether http answers with a redirect to https. Default: true with tls.
    #[serde(default)]
    pub redirect_http: Option<bool>,
    /// How large a request may be, such as 64m; 0 for any size. Default: nginx's, 1m.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9]+[kKmMgG]?$"))]
    pub client_max_body_size: Option<String>,
    /// What is served where.
    #[serde(default)]
    pub locations: Vec<LocationSpec>,
    /// More directives for the server block, as nginx writes them: proxy_buffer_size 128k;
    #[serde(default)]
    pub extra: Option<String>,
    /// The whole site as nginx writes it, instead of everything above but host, serverNames and file: the text, or {file: …} from the root of the repository.
    #[serde(default)]
    pub raw: Option<RawSpec>,
}

/// On which ports a site listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ListenSpec {
    /// The port for http. Let's Encrypt asks at port 80. Default: 80.
    #[schemars(range(min = 1, max = 65535))]
    pub http: u16,
    /// The port for https. Default: 443.
    #[schemars(range(min = 1, max = 65535))]
    pub https: u16,
    /// Whether it listens on IPv6, too. Default: false.
    pub ipv6: bool,
}

impl Default for ListenSpec {
    fn default() -> Self {
        Self { http: 80, https: 443, ipv6: false }
    }
}

/// How a site is served over https.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TlsSpec {
    /// Who issues the certificate: letsencrypt, or another ACME service at directory. Certbot on the host does it, and proves the names over http.
    pub issuer: Option<Issuer>,
    /// The mail address that the issuer writes to about the account.
    #[schemars(regex(pattern = r"^[^@\s]+@[^@\s]+$"))]
    pub email: Option<String>,
    /// The address of another ACME directory. Default: Let's Encrypt's.
    #[schemars(regex(pattern = r"^https://[^\s]+$"))]
    pub directory: Option<String>,
    /// The certificate's name at certbot: /etc/letsencrypt/live/<name>. Default: the first server name.
    #[schemars(length(min = 1, max = 200), regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*$"))]
    pub cert_name: Option<String>,
    /// The folder in which certbot puts its proofs. Default: /var/www/letsencrypt.
    #[schemars(regex(pattern = r"^/[A-Za-z0-9_./\-]+$"))]
    pub webroot: Option<String>,
    /// Instead of issuer: a file on the host with the certificate and its chain.
    #[schemars(regex(pattern = r"^/[^\s;{}]+$"))]
    pub certificate: Option<String>,
    /// With certificate: the file on the host with its key.
    #[schemars(regex(pattern = r"^/[^\s;{}]+$"))]
    pub key: Option<String>,
    /// The protocols. Default: TLSv1.2 and TLSv1.3. An empty list leaves it to nginx.
    pub protocols: Option<Vec<TlsProtocol>>,
    /// The ciphers as OpenSSL names them, such as HIGH:!aNULL:!MD5. Default: nginx's.
    #[schemars(regex(pattern = r"^[^\s;{}]+$"))]
    pub ciphers: Option<String>,
    /// Whether HTTP/2 is spoken. Default: true.
    pub http2: Option<bool>,
}

/// Who issues a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Issuer {
    /// Let's Encrypt, or the ACME service at directory.
    Letsencrypt,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum TlsProtocol {
    /// 1.0, for machines that cannot be replaced.
    #[serde(rename = "TLSv1")]
    V10,
    /// 1.1, the same.
    #[serde(rename = "TLSv1.1")]
    V11,
    /// 1.2.
    #[serde(rename = "TLSv1.2")]
    V12,
    /// 1.3.
    #[serde(rename = "TLSv1.3")]
    V13,
}

impl TlsProtocol {
    /// nginx's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::V10 => "TLSv1",
            Self::V11 => "TLSv1.1",
            Self::V12 => "TLSv1.2",
            Self::V13 => "TLSv1.3",
        }
    }
    /// Finds it by nginx's word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::V10, Self::V11, Self::V12, Self::V13].into_iter().find(|p| p.word() == word)
    }
}

/// What is served at one path. It has `to`, or `redirect`, or only `extra`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocationSpec {
    /// The path, such as /n8n/; with match: regex, a regular expression.
    #[schemars(length(min = 1, max = 1000))]
    pub path: String,
    /// How the path is compared: prefix (the longest one wins, then regular expressions are tried), exact, prefixOnly (no regular expression is tried), regex, regexIgnoreCase. Default: prefix.
    #[serde(default)]
    pub r#match: Match,
    /// Where requests go.
    #[serde(default)]
    pub to: Option<ToSpec>,
    /// Where browsers are sent instead.
    #[serde(default)]
    pub redirect: Option<RedirectSpec>,
    /// Whether connections may be upgraded to WebSockets. Default: false.
    #[serde(default)]
    pub websocket: bool,
    /// How large the buffer for the head of an answer is, such as 128k; those for its body are twice as large. off passes answers on as they come. Default: nginx's.
    #[serde(default)]
    #[schemars(regex(pattern = r"^([1-9][0-9]{0,5}[kKmM]?|off)$"))]
    pub buffers: Option<String>,
    /// How long an answer may take between two reads, such as 600s. Default: nginx's, 60s.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9]+(ms|s|m|h|d)?$"))]
    pub read_timeout: Option<String>,
    /// How long sending a request may take between two writes. Default: nginx's, 60s.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9]+(ms|s|m|h|d)?$"))]
    pub send_timeout: Option<String>,
    /// How long connecting may take. Default: nginx's, 60s.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9]+(ms|s|m|h|d)?$"))]
    pub connect_timeout: Option<String>,
    /// How large a request may be here, such as 64m. Default: the site's.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9]+[kKmMgG]?$"))]
    pub client_max_body_size: Option<String>,
    /// Headers that are sent on with requests, with nginx's variables: {X-Source: edge}. null leaves a standard one out.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// Whether Host, X-Real-IP, X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host are sent on. Default: true.
    #[serde(default = "yes")]
    pub standard_headers: bool,
    /// More directives for the location, as nginx writes them.
    #[serde(default)]
    pub extra: Option<String>,
}

fn yes() -> bool {
    true
}

/// How a location's path is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Match {
    /// The longest prefix wins, unless a regular expression fits.
    #[default]
    Prefix,
    /// This path alone.
    Exact,
    /// The longest prefix wins, and no regular expression is tried.
    PrefixOnly,
    /// A regular expression.
    Regex,
    /// A regular expression that ignores case.
    RegexIgnoreCase,
}

impl Match {
    /// nginx's sign before the path.
    pub fn sign(self) -> Option<&'static str> {
        match self {
            Self::Prefix => None,
            Self::Exact => Some("="),
            Self::PrefixOnly => Some("^~"),
            Self::Regex => Some("~"),
            Self::RegexIgnoreCase => Some("~*"),
        }
    }
    /// Says whether the path is a regular expression.
    pub fn is_regex(self) -> bool {
        matches!(self, Self::Regex | Self::RegexIgnoreCase)
    }
}

/// Where requests go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ToSpec {
    /// An address: http://127.0.0.1:5678/. With a path, it takes the place of the location's path.
    #[schemars(length(max = 1000), regex(pattern = r"^(https?|grpcs?)://[^\s;{}]+$"))]
    pub url: Option<String>,
    /// Instead of an address: the name of a ComposeStack. On another host it is reached by its private address.
    #[schemars(length(min = 1))]
    pub stack: Option<String>,
    /// With stack: the service, as its compose file names it.
    #[schemars(length(min = 1))]
    pub service: Option<String>,
    /// With stack: the container's port; the one that it is published at is looked up in the compose file. Default: the only one that the service publishes.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// With stack: what takes the place of the location's path, such as /v1/parse. Default: the path goes on as it is.
    #[schemars(length(max = 1000), regex(pattern = r"^/[^\s;{}]*$"))]
    pub path: Option<String>,
}

/// Where browsers are sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedirectSpec {
    /// A path or an address, with nginx's variables: https://$host$request_uri.
    #[schemars(length(min = 1, max = 1000))]
    pub to: String,
    /// 301, 302, 303, 307 or 308. Default: 301.
    #[serde(default = "moved")]
    #[schemars(range(min = 301, max = 308))]
    pub status: u16,
}

fn moved() -> u16 {
    301
}

/// A site as nginx writes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RawSpec {
    /// The text itself.
    Text(#[schemars(length(min = 1, max = 1048576))] String),
    /// A file of the repository.
    File(FileSpec),
}

/// Names a file of the repository.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileSpec {
    /// The path from the root of the repository.
    #[schemars(length(min = 1))]
    pub file: String,
}

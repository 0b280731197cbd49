//! What a document means: defaults filled, files read, what nginx would refuse refused here with its place.

use super::directive::{Directive, parse};
use super::names;
use super::spec::{FileSpec, LocationSpec, RawSpec, Spec, TlsProtocol, TlsSpec};
use super::upstream::{self, Upstream, upstream};
use super::want::{Answer, Body, Buffers, Certificate, LETS_ENCRYPT, Location, Site, Tls, WEBROOT, Want};
use super::wrong::Wrong;
use crate::model::{Complaint, EstateView, Need, ResourceId};
use std::collections::BTreeSet;

/// The headers that proxied services go by: who asked, for what host, over which scheme.
pub(super) const STANDARD: [(&str, &str); 5] = [
    ("Host", "$host"),
    ("X-Real-IP", "$remote_addr"),
    ("X-Forwarded-For", "$proxy_add_x_forwarded_for"),
    ("X-Forwarded-Proto", "$scheme"),
    ("X-Forwarded-Host", "$host"),
];

pub(super) fn desire(id: &ResourceId, spec: &Spec, estate: &EstateView<'_>) -> Result<Want, Vec<Complaint>> {
    let mut wrong = Wrong::new(id);
    let host = ResourceId::new("Host", &spec.host);
    let names = server_names(spec, &mut wrong);
    let file = file(spec, &names, &mut wrong);
    let (body, certificate) = match &spec.raw {
        Some(raw) => (raw_body(spec, raw, &names, estate, &mut wrong), None),
        None => {
            let (site, certificate) = site(spec, &names, &mut wrong);
            (Some(Body::Site(site)), certificate)
        }
    };
    let host_need = Need { on: host.clone(), path: "spec.host".to_owned(), verb: "is served by" };
    let needs = std::iter::once(host_need).chain(body.iter().flat_map(upstream::needs)).collect();
    match body {
        Some(body) if wrong.all.is_empty() => {
            Ok(Want { host, names, file, body, certificate, stacks: Vec::new(), needs })
        }
        _ => Err(wrong.all),
    }
}

fn server_names(spec: &Spec, wrong: &mut Wrong<'_>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for (i, name) in spec.server_names.iter().enumerate() {
        let path = format!("spec.serverNames[{i}]");
        let name = names::canonical(name);
        if !names::is_sound(&name) {
            let label = "such as erp.example.com, *.example.com, _ or ~^www\\d+\\.example\\.com$";
            wrong.say(&path, format!("has the server name {name:?}, which nginx refuses"), label, "");
        }
        if !seen.insert(name.clone()) {
            wrong.say(&path, format!("has the server name {name:?} twice"), "the second time", "");
        }
        all.push(name);
    }
    all
}

fn file(spec: &Spec, names: &[String], wrong: &mut Wrong<'_>) -> String {
    if let Some(file) = &spec.file {
        return file.clone();
    }
    let first = names.first().map(String::as_str).unwrap_or_default();
    if !names::is_plain(first) && wrong.all.is_empty() {
        let what = format!("has {first:?} as its first server name, which cannot name a file");
        wrong.say("spec.serverNames[0]", what, "add file: a name such as erp.conf", "");
    }
    format!("{first}.conf")
}

fn raw_body(
    spec: &Spec,
    raw: &RawSpec,
    names: &[String],
    estate: &EstateView<'_>,
    wrong: &mut Wrong<'_>,
) -> Option<Body> {
    let others = [
        ("tls", spec.tls.is_some()),
        ("redirectHttp", spec.redirect_http.is_some()),
        ("clientMaxBodySize", spec.client_max_body_size.is_some()),
        ("locations", !spec.locations.is_empty()),
        ("extra", spec.extra.is_some()),
        ("listen", spec.listen != Default::default()),
    ];
    for (field, _) in others.iter().filter(|(_, there)| *there) {
        let what = format!("has raw and {field}");
        wrong.say(format!("spec.{field}"), what, "raw says it all: leave this out", "");
    }
    let (text, from) = match raw {
        RawSpec::Text(text) => (text.clone(), None),
        // A file that is missing has been told.
        RawSpec::File(FileSpec { file }) => (estate.text(file)?.to_owned(), Some(file.clone())),
    };
    let path = if from.is_some() { "spec.raw.file" } else { "spec.raw" };
    let parsed = match parse(&text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let place = match &from {
                Some(file) => format!("{file}:{}:{}: {}", error.line, error.column, error.what),
                None => error.to_string(),
            };
            wrong.say(path, format!("is no nginx configuration: {place}"), error.what, "");
            return None;
        }
    };
    let served = names::served(&parsed.directives);
    for (i, name) in names.iter().enumerate().filter(|(_, name)| *name != "_" && !served.contains(*name)) {
        let what = format!("has the server name {name:?}, which no server block of its raw text has");
        let label = match served.iter().next() {
            Some(first) => format!("it has {first}{}", if served.len() > 1 { ", …" } else { "" }),
            None => "it has no server_name".to_owned(),
        };
        wrong.say(format!("spec.serverNames[{i}]"), what, label, "");
    }
    Some(Body::Raw { text: if text.ends_with('\n') { text } else { text + "\n" }, from })
}

fn site(spec: &Spec, names: &[String], wrong: &mut Wrong<'_>) -> (Site, Option<Certificate>) {
    if spec.listen.http == spec.listen.https && spec.tls.is_some() {
        let what = format!("listens on port {} for both http and https", spec.listen.http);
        wrong.say("spec.listen", what, "two ports", "");
    }
    let (tls, certificate) = match &spec.tls {
        Some(tls) => tls_of(tls, names, wrong),
        None => (None, None),
    };
    if spec.redirect_http == Some(true) && spec.tls.is_none() {
        wrong.say("spec.redirectHttp", "redirects http to https, and has no tls", "add tls, or leave this out", "");
    }
    if certificate.is_some() && spec.listen.http != 80 && spec.tls.as_ref().is_some_and(|t| t.directory.is_none()) {
        let what = format!("serves http on port {}, where Let's Encrypt does not ask", spec.listen.http);
        wrong.say("spec.listen.http", what, "80", "With issuer, http has to be served on port 80.");
    }
    let mut locations = Vec::new();
    let mut seen = BTreeSet::new();
    if certificate.is_some() {
        seen.insert((Default::default(), "/.well-known/acme-challenge/".to_owned()));
    }
    for (i, spec) in spec.locations.iter().enumerate() {
        let at = format!("spec.locations[{i}]");
        if !seen.insert((spec.r#match, spec.path.clone())) {
            let what = format!("has two locations for {}", spec.path);
            wrong.say(format!("{at}.path"), what, "nginx refuses the second one", "");
        }
        locations.push(location(spec, &at, wrong));
    }
    let mut own = BTreeSet::from(["server_name"]);
    if spec.client_max_body_size.is_some() {
        own.insert("client_max_body_size");
    }
    if tls.is_some() {
        own.extend(["ssl_certificate", "ssl_certificate_key", "http2", "ssl_protocols"]);
    }
    let extra = extra(spec.extra.as_deref(), "spec.extra", &own, wrong);
    let site = Site {
        http: spec.listen.http,
        https: spec.listen.https,
        ipv6: spec.listen.ipv6,
        redirect_http: tls.is_some() && spec.redirect_http.unwrap_or(true),
        webroot: certificate.as_ref().map(|c| c.webroot.clone()),
        tls,
        client_max_body_size: spec.client_max_body_size.clone(),
        locations,
        extra,
    };
    (site, certificate)
}

fn tls_of(spec: &TlsSpec, names: &[String], wrong: &mut Wrong<'_>) -> (Option<Tls>, Option<Certificate>) {
    let files = match (&spec.issuer, &spec.certificate, &spec.key) {
        (Some(_), None, None) => None,
        (None, Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
        (Some(_), ..) => {
            let label = "leave this out, or the issuer";
            wrong.say("spec.tls", "has both an issuer and files of a certificate", label, "");
            return (None, None);
        }
        (None, None, None) => {
            let label = "add issuer: letsencrypt, or certificate and key";
            wrong.say("spec.tls", "does not say where its certificate comes from", label, "");
            return (None, None);
        }
        (None, ..) => {
            wrong.say("spec.tls", "has only one of certificate and key", "both are needed", "");
            return (None, None);
        }
    };
    let certificate = match files {
        None => Some(managed(spec, names, wrong)),
        Some(_) => {
            let unused = [
                ("email", spec.email.is_some()),
                ("directory", spec.directory.is_some()),
                ("certName", spec.cert_name.is_some()),
                ("webroot", spec.webroot.is_some()),
            ];
            for (field, _) in unused.iter().filter(|(_, there)| *there) {
                let what = format!("has tls.{field}, which nothing uses without an issuer");
                wrong.say(format!("spec.tls.{field}"), what, "leave this out, or add issuer", "");
            }
            None
        }
    };
    let files = files.or_else(|| certificate.as_ref().map(|c| (c.chain(), c.key())));
    let tls = files.map(|(certificate, key)| Tls {
        certificate,
        key,
        protocols: match &spec.protocols {
            None => BTreeSet::from([TlsProtocol::V12, TlsProtocol::V13]),
            Some(all) => all.iter().copied().collect(),
        },
        ciphers: spec.ciphers.clone(),
        http2: spec.http2.unwrap_or(true),
    });
    (tls, certificate)
}

fn managed(spec: &TlsSpec, names: &[String], wrong: &mut Wrong<'_>) -> Certificate {
    let provable = |name: &str| names::is_plain(name) && name.contains('.');
    for (i, name) in names.iter().enumerate().filter(|(_, name)| names::is_sound(name) && !provable(name)) {
        let what = format!("wants a certificate for {name:?}, which an issuer cannot prove over http");
        let hint = "Name every host (www.example.com), or use tls: {certificate: …, key: …} with files of your own.";
        wrong.say(format!("spec.serverNames[{i}]"), what, "no wildcard, no expression, and a full name", hint);
    }
    if names.len() > 100 {
        let what = format!("wants a certificate for {} names", names.len());
        wrong.say("spec.serverNames", what, "Let's Encrypt allows 100", "Make two sites of it.");
    }
    let mut domains = names.to_vec();
    domains.sort();
    Certificate {
        name: spec.cert_name.clone().or_else(|| names.first().cloned()).unwrap_or_default(),
        domains,
        directory: spec.directory.clone().unwrap_or_else(|| LETS_ENCRYPT.to_owned()),
        email: spec.email.clone(),
        webroot: spec.webroot.as_deref().unwrap_or(WEBROOT).trim_end_matches('/').to_owned(),
    }
}

fn location(spec: &LocationSpec, at: &str, wrong: &mut Wrong<'_>) -> Location {
    let regex = spec.r#match.is_regex();
    if !regex && !spec.path.starts_with(['/', '@']) {
        wrong.say(
            format!("{at}.path"),
            format!("has a location for {:?}, which no request can have", spec.path),
            "it begins with /, unless match: regex",
            "",
        );
    }
    let answer = match (&spec.to, &spec.redirect) {
        (Some(to), None) => {
            let upstream = upstream(to, at, wrong);
            let (field, with_path) = match &upstream {
                Upstream::Url(url) => ("url", has_path(url)),
                Upstream::Stack { path, .. } | Upstream::Far { path, .. } => ("path", !path.is_empty()),
            };
            if regex && with_path {
                let what = format!("passes a regular expression on to {}, an address with a path", upstream.text());
                let hint = "nginx refuses a path here: leave it out, or use match: prefix.";
                wrong.say(format!("{at}.to.{field}"), what, "without a path", hint);
            }
            Answer::Proxy(upstream)
        }
        (None, Some(redirect)) => {
            if !matches!(redirect.status, 301 | 302 | 303 | 307 | 308) {
                let what = format!("redirects with status {}", redirect.status);
                wrong.say(format!("{at}.redirect.status"), what, "301, 302, 303, 307 or 308", "");
            }
            Answer::Redirect { to: redirect.to.clone(), status: redirect.status }
        }
        (None, None) if spec.extra.is_some() => Answer::Extra,
        (None, None) => {
            let what = format!("has a location {} that does nothing", spec.path);
            wrong.say(at, what, "add to, redirect or extra", "");
            Answer::Extra
        }
        (Some(_), Some(_)) => {
            let what = format!("has a location {} with both to and redirect", spec.path);
            wrong.say(format!("{at}.redirect"), what, "one of them", "");
            Answer::Extra
        }
    };
    let proxies = matches!(answer, Answer::Proxy(_));
    let needs_to = [
        ("websocket", spec.websocket),
        ("buffers", spec.buffers.is_some()),
        ("readTimeout", spec.read_timeout.is_some()),
        ("sendTimeout", spec.send_timeout.is_some()),
        ("connectTimeout", spec.connect_timeout.is_some()),
        ("headers", !spec.headers.is_empty()),
    ];
    for (field, _) in needs_to.iter().filter(|(_, there)| *there && !proxies) {
        let what = format!("has {field} at {}, which only requests that are passed on have", spec.path);
        wrong.say(format!("{at}.{field}"), what, "add to, or leave this out", "");
    }
    let mut own = BTreeSet::new();
    let said = [
        ("client_max_body_size", spec.client_max_body_size.is_some()),
        ("proxy_pass", spec.to.is_some()),
        ("proxy_http_version", spec.websocket),
        ("proxy_read_timeout", spec.read_timeout.is_some()),
        ("proxy_send_timeout", spec.send_timeout.is_some()),
        ("proxy_connect_timeout", spec.connect_timeout.is_some()),
        ("proxy_buffer_size", spec.buffers.is_some()),
        ("proxy_buffers", spec.buffers.is_some()),
    ];
    own.extend(said.iter().filter(|(_, there)| *there).map(|(name, _)| *name));
    Location {
        path: spec.path.clone(),
        matching: spec.r#match,
        websocket: spec.websocket,
        buffers: buffers(spec.buffers.as_deref()),
        read_timeout: spec.read_timeout.clone(),
        send_timeout: spec.send_timeout.clone(),
        connect_timeout: spec.connect_timeout.clone(),
        client_max_body_size: spec.client_max_body_size.clone(),
        headers: if proxies { headers(spec, at, wrong) } else { Vec::new() },
        extra: extra(spec.extra.as_deref(), &format!("{at}.extra"), &own, wrong),
        answer,
    }
}

/// Whether an address has a path, be it only a slash.
fn has_path(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'))
}

fn buffers(text: Option<&str>) -> Buffers {
    match text {
        None => Buffers::Default,
        Some("off") => Buffers::Off,
        Some(text) => {
            let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
            let size = text.strip_suffix(unit).and_then(|size| size.parse().ok()).unwrap_or_default();
            Buffers::Of(size, unit.to_ascii_lowercase())
        }
    }
}

/// The standard headers, each as the document says it where it does, and then the document's own.
fn headers(spec: &LocationSpec, at: &str, wrong: &mut Wrong<'_>) -> Vec<(String, String)> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let mut seen = BTreeSet::new();
    for name in spec.headers.keys() {
        let path = format!("{at}.headers");
        if name.is_empty() || !name.chars().all(token) {
            wrong.say(&path, format!("sends on the header {name:?}, which is none"), "such as X-Source", "");
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            wrong.say(&path, format!("sends on the header {name:?} twice (case is ignored)"), "once", "");
        }
        let websocket = spec.websocket && ["upgrade", "connection"].contains(&name.to_ascii_lowercase().as_str());
        if websocket {
            wrong.say(&path, format!("sends on {name}, which websocket: true does"), "one of them", "");
        }
    }
    let said = |name: &str| spec.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
    let standard = STANDARD.iter().filter(|_| spec.standard_headers).filter_map(|(name, value)| match said(name) {
        None => Some(((*name).to_owned(), (*value).to_owned())),
        Some((name, value)) => value.clone().map(|value| (name.clone(), value)),
    });
    let is_standard =
        |name: &str| spec.standard_headers && STANDARD.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let own = spec.headers.iter().filter(|(name, _)| !is_standard(name));
    let own = own.filter_map(|(name, value)| value.clone().map(|value| (name.clone(), value)));
    standard.chain(own).collect()
}

/// Reads further directives; `own` are those that fields say already and that nginx allows once.
fn extra(text: Option<&str>, path: &str, own: &BTreeSet<&str>, wrong: &mut Wrong<'_>) -> Vec<Directive> {
    match text.map(parse) {
        None => Vec::new(),
        Some(Err(error)) => {
            wrong.say(path, format!("has an extra that is no nginx configuration: {error}"), error.what, "");
            Vec::new()
        }
        Some(Ok(parsed)) => {
            for directive in parsed.directives.iter().filter(|d| own.contains(d.name.as_str())) {
                let what = format!("has {} in extra, and a field that says it", directive.name);
                wrong.say(path, what, "nginx refuses the second one: leave it out", "");
            }
            if let Some(block) = parsed.directives.iter().find(|d| ["server", "http", "map"].contains(&&*d.name)) {
                let what = format!("has {} in extra, which nginx does not allow inside of a server block", block.name);
                wrong.say(path, what, "a site with raw can have it", "");
            }
            parsed.directives
        }
    }
}

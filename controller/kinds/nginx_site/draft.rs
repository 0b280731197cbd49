//! A live site as a document says it. Reads what it can into fields, and writes that only where it is proven to mean the
//! same as the file; else the file stands in the document as it is. Pure.

use super::desire::{STANDARD, desire};
use super::diff::wanted_directives;
use super::directive::{Directive, print};
use super::normal::listen;
use super::render::Form;
use super::spec::{Match, Spec};
use super::want::{LIVE, WEBROOT};
use super::world::{Live, State};
use crate::model::{Draft, EstateView, Fact, Names, ResourceId};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A `spec` in the making.
type Fields = Map<String, Value>;

pub(super) fn draft(id: &ResourceId, state: &State, _: &Names) -> Draft {
    let mut draft = Draft::default();
    match &state.live {
        Live::Linked if state.is_loose() => drop(draft.refuse("its link in sites-enabled leads to no text")),
        Live::Linked => {}
        Live::Not => drop(draft.refuse("it is not enabled: nothing in sites-enabled leads to it")),
        other => {
            let text = format!("it is enabled by {}: move it to sites-available and link it", other.words());
            draft.refuse(text);
        }
    }
    let directives = match &state.directives {
        Ok(directives) => directives,
        Err(why) => {
            draft.refuse(format!("it cannot be read: {why}"));
            return draft;
        }
    };
    for mut fields in candidates(state, directives) {
        if proven(id, &fields, state) {
            match state.comments {
                0 => {}
                1 => drop(draft.note("Its comment is lost when it is next written.")),
                n => drop(draft.note(format!("Its {n} comments are lost when it is next written."))),
            }
            if fields.get("tls").is_some_and(|tls| tls.get("certificate").is_some()) {
                draft.note("Its certificate is left to whoever renews it now.");
            }
            draft.spec.append(&mut fields);
            return draft;
        }
    }
    draft.note("Not every directive of it has a field: it stands here as it is.");
    let names: Vec<String> = state.names().into_iter().collect();
    let names = if names.is_empty() { vec!["_".to_owned()] } else { names };
    draft.field("host", state.host.as_str()).field("serverNames", names).field("file", state.file.as_str());
    draft.field("raw", state.text.as_str());
    if !proven(id, &draft.spec, state) {
        draft.refuse("no document can say what stands in it");
    }
    draft
}

pub(super) fn facts(state: &State) -> Vec<Fact> {
    let idle = (state.live == Live::Not).then(|| Fact::Idle("not enabled".to_owned()));
    idle.into_iter().chain([Fact::Holds(state.names().len(), "server name".to_owned())]).collect()
}

/// Says whether a document with these fields wants exactly what the file means.
fn proven(id: &ResourceId, fields: &Fields, state: &State) -> bool {
    let Ok(spec) = serde_json::from_value::<Spec>(Value::Object(fields.clone())) else { return false };
    let none = BTreeMap::new();
    let want = desire(id, &spec, &EstateView { files: &none });
    want.is_ok_and(|want| want.file == state.file && state.is(&wanted_directives(&want, Form::Full)))
}

/// The documents that may mean the same, the one that says most first.
fn candidates(state: &State, directives: &[Directive]) -> Vec<Fields> {
    let servers: Vec<&[Directive]> =
        directives.iter().filter(|d| d.name == "server").filter_map(|d| d.block.as_deref()).collect();
    let is_ssl = |server: &&[Directive]| listens(server).any(|args| args.iter().any(|a| a == "ssl"));
    let (content, redirects) = match servers.as_slice() {
        [one] => (*one, false),
        [a, b] if is_ssl(b) && !is_ssl(a) => (*b, true),
        [a, b] if is_ssl(a) && !is_ssl(b) => (*a, true),
        _ => return Vec::new(),
    };
    let mut fields = Fields::new();
    fields.insert("host".to_owned(), json!(state.host));
    let names: Vec<&String> = content.iter().filter(|d| d.name == "server_name").flat_map(|d| &d.args).collect();
    let Some(first) = names.first() else { return Vec::new() };
    fields.insert("serverNames".to_owned(), json!(names));
    if state.file != format!("{first}.conf") {
        fields.insert("file".to_owned(), json!(state.file));
    }
    if let Some(listen) = listen_of(&servers) {
        fields.insert("listen".to_owned(), listen);
    }
    let tls = is_ssl(&content);
    let after = rest(content, &mut fields);
    if !tls {
        fields.extend(after);
        return vec![fields];
    }
    let webroot = servers.iter().flat_map(|s| s.iter()).find_map(webroot);
    if !redirects {
        fields.insert("redirectHttp".to_owned(), json!(false));
    }
    let mut all = Vec::new();
    for tls in tls_candidates(content, first, webroot.as_deref()) {
        let mut fields = fields.clone();
        fields.insert("tls".to_owned(), Value::Object(tls));
        fields.extend(after.clone());
        all.push(fields);
    }
    all
}

fn listens(server: &[Directive]) -> impl Iterator<Item = Vec<String>> {
    server.iter().filter(|d| d.name == "listen").map(|d| {
        let mut args = d.args.clone();
        listen(&mut args);
        args
    })
}

/// `listen`, where it is not the default.
fn listen_of(servers: &[&[Directive]]) -> Option<Value> {
    let mut fields = Fields::new();
    for args in servers.iter().flat_map(|server| listens(server)) {
        let ssl = args.iter().any(|arg| arg == "ssl");
        let address = args.first()?;
        if let Some(port) = address.strip_prefix("[::]:") {
            fields.insert("ipv6".to_owned(), json!(true));
            port.parse::<u16>().ok()?;
            continue;
        }
        let port: u16 = address.parse().ok()?;
        let (field, default) = if ssl { ("https", 443) } else { ("http", 80) };
        if port != default {
            fields.insert(field.to_owned(), json!(port));
        }
    }
    (!fields.is_empty()).then_some(Value::Object(fields))
}

/// The folder that answers an issuer's questions.
fn webroot(directive: &Directive) -> Option<String> {
    let block = directive.block.as_ref().filter(|_| is_acme(directive))?;
    match block.as_slice() {
        [root] if root.name == "root" => root.args.first().cloned(),
        _ => None,
    }
}

fn is_acme(directive: &Directive) -> bool {
    directive.name == "location" && directive.args == ["/.well-known/acme-challenge/"]
}

/// What `tls` may say: that the certificate is kept by us, or that it is left alone.
fn tls_candidates(server: &[Directive], first: &str, webroot: Option<&str>) -> Vec<Fields> {
    let arg = |name: &str| server.iter().find(|d| d.name == name)?.args.first().cloned();
    let (Some(certificate), Some(key)) = (arg("ssl_certificate"), arg("ssl_certificate_key")) else {
        return Vec::new();
    };
    let mut more = Fields::new();
    match server.iter().find(|d| d.name == "ssl_protocols").map(|d| d.args.as_slice()) {
        Some(protocols) if protocols == ["TLSv1.2", "TLSv1.3"] => {}
        protocols => drop(more.insert("protocols".to_owned(), json!(protocols.unwrap_or_default()))),
    }
    if let Some(ciphers) = arg("ssl_ciphers") {
        more.insert("ciphers".to_owned(), json!(ciphers));
    }
    let said = |d: &Directive| d.says("http2", &["on"]) || (d.name == "listen" && d.args.iter().any(|a| a == "http2"));
    if !server.iter().any(said) {
        more.insert("http2".to_owned(), json!(false));
    }
    let mut all = Vec::new();
    let name = certificate.strip_prefix(LIVE).and_then(|p| p.strip_prefix('/')?.strip_suffix("/fullchain.pem"));
    if let (Some(name), Some(webroot)) = (name, webroot) {
        let mut tls = Fields::from_iter([("issuer".to_owned(), json!("letsencrypt"))]);
        if name != first {
            tls.insert("certName".to_owned(), json!(name));
        }
        if webroot != WEBROOT {
            tls.insert("webroot".to_owned(), json!(webroot));
        }
        tls.extend(more.clone());
        all.push(tls);
    }
    let mut tls = Fields::from_iter([("certificate".to_owned(), json!(certificate)), ("key".to_owned(), json!(key))]);
    tls.extend(more);
    all.push(tls);
    all
}

/// Everything of the server block that is no matter of listening and TLS.
fn rest(server: &[Directive], fields: &mut Fields) -> Fields {
    let mut locations = Vec::new();
    let mut extra = Vec::new();
    for directive in server {
        let single = directive.args.first().filter(|_| directive.args.len() == 1 && directive.block.is_none());
        match (directive.name.as_str(), single) {
            ("listen" | "server_name" | "http2" | "ssl_certificate" | "ssl_certificate_key" | "ssl_protocols", _) => {}
            ("ssl_ciphers", Some(_)) => {}
            ("client_max_body_size", Some(size)) => {
                fields.insert("clientMaxBodySize".to_owned(), json!(size));
            }
            ("location", _) if is_acme(directive) && webroot(directive).is_some() => {}
            ("location", _) => locations.push(Value::Object(location(directive))),
            _ => extra.push(directive.clone()),
        }
    }
    let mut after = Fields::new();
    if !locations.is_empty() {
        after.insert("locations".to_owned(), Value::Array(locations));
    }
    if !extra.is_empty() {
        after.insert("extra".to_owned(), json!(print(&extra)));
    }
    after
}

fn location(directive: &Directive) -> Fields {
    let mut args = directive.args.clone();
    super::normal::split_sign(&mut args);
    let signs = [Match::Exact, Match::PrefixOnly, Match::Regex, Match::RegexIgnoreCase];
    let matching = match args.as_slice() {
        [sign, _] => signs.into_iter().find(|m| m.sign() == Some(sign)).unwrap_or_default(),
        _ => Match::Prefix,
    };
    let mut fields = Fields::from_iter([("path".to_owned(), json!(args.last()))]);
    if matching != Match::Prefix {
        fields.insert("match".to_owned(), json!(matching));
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut extra = Vec::new();
    for inner in directive.block.iter().flatten() {
        match (inner.name.as_str(), inner.args.as_slice()) {
            _ if inner.block.is_some() => extra.push(inner.clone()),
            ("proxy_pass", [url]) => drop(fields.insert("to".to_owned(), json!({ "url": url }))),
            ("return", [status, to]) => match status.parse::<u16>() {
                Ok(301) => drop(fields.insert("redirect".to_owned(), json!({ "to": to }))),
                Ok(status) => drop(fields.insert("redirect".to_owned(), json!({ "to": to, "status": status }))),
                Err(_) => extra.push(inner.clone()),
            },
            ("proxy_set_header", [name, value]) => headers.push((name.clone(), value.clone())),
            ("proxy_read_timeout", [time]) => drop(fields.insert("readTimeout".to_owned(), json!(time))),
            ("proxy_send_timeout", [time]) => drop(fields.insert("sendTimeout".to_owned(), json!(time))),
            ("proxy_connect_timeout", [time]) => drop(fields.insert("connectTimeout".to_owned(), json!(time))),
            ("client_max_body_size", [size]) => drop(fields.insert("clientMaxBodySize".to_owned(), json!(size))),
            _ => extra.push(inner.clone()),
        }
    }
    websocket(&mut headers, &mut extra, &mut fields);
    buffers(&mut extra, &mut fields);
    if fields.contains_key("to") {
        sent_on(&headers, &mut fields);
    } else {
        extra.extend(headers.into_iter().map(|(name, value)| Directive::simple("proxy_set_header", [name, value])));
    }
    if !extra.is_empty() {
        fields.insert("extra".to_owned(), json!(print(&extra)));
    }
    fields
}

/// The three directives of `websocket: true`, where all of them are there.
fn websocket(headers: &mut Vec<(String, String)>, extra: &mut Vec<Directive>, fields: &mut Fields) {
    let is = |(name, value): &(String, String)| {
        (name.eq_ignore_ascii_case("Upgrade") && value == "$http_upgrade")
            || (name.eq_ignore_ascii_case("Connection") && value == "$connection_upgrade")
    };
    let version = |d: &Directive| d.says("proxy_http_version", &["1.1"]);
    if headers.iter().filter(|h| is(h)).count() == 2 && extra.iter().any(version) {
        headers.retain(|h| !is(h));
        extra.retain(|d| !version(d));
        fields.insert("websocket".to_owned(), json!(true));
    }
}

/// The directives of `buffers`, where they fit together.
fn buffers(extra: &mut Vec<Directive>, fields: &mut Fields) {
    if extra.iter().any(|d| d.says("proxy_buffering", &["off"])) {
        extra.retain(|d| !d.says("proxy_buffering", &["off"]));
        fields.insert("buffers".to_owned(), json!("off"));
        return;
    }
    let size = extra.iter().find(|d| d.name == "proxy_buffer_size").and_then(|d| d.args.first()).cloned();
    let Some(size) = size else { return };
    let unit = size.trim_start_matches(|c: char| c.is_ascii_digit());
    let Some(count) = size.strip_suffix(unit).and_then(|n| n.parse::<u32>().ok()) else { return };
    let double = format!("{}{unit}", count.saturating_mul(2));
    let is = |d: &Directive| {
        d.says("proxy_buffer_size", &[&size])
            || d.says("proxy_buffers", &["4", &double])
            || d.says("proxy_busy_buffers_size", &[&double])
    };
    if extra.iter().filter(|d| is(d)).count() == 3 {
        extra.retain(|d| !is(d));
        fields.insert("buffers".to_owned(), json!(size));
    }
}

/// `headers` and `standardHeaders`, in the shorter way.
fn sent_on(headers: &[(String, String)], fields: &mut Fields) {
    let said = |name: &str| headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
    let missing: Vec<&str> = STANDARD.iter().filter(|(name, _)| said(name).is_none()).map(|(name, _)| *name).collect();
    let standard = missing.len() <= 2;
    let usual = |name: &str, value: &str| {
        standard && STANDARD.iter().any(|(known, usual)| known.eq_ignore_ascii_case(name) && *usual == value)
    };
    let mut own = Fields::new();
    for name in missing.iter().filter(|_| standard) {
        own.insert((*name).to_owned(), Value::Null);
    }
    for (name, value) in headers.iter().filter(|(name, value)| !usual(name, value)) {
        own.insert(name.clone(), json!(value));
    }
    if !standard {
        fields.insert("standardHeaders".to_owned(), json!(false));
    }
    if !own.is_empty() {
        fields.insert("headers".to_owned(), Value::Object(own));
    }
}

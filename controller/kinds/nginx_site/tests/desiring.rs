//! What documents mean, and which are refused with which words.

use super::fixture::*;
use crate::kinds::nginx_site::{Body, NginxSite};
use crate::model::{Kind, ResourceId};
use serde_json::{Value, json};

#[test]
fn defaults_are_filled() {
    let want = desire(erp());
    assert_eq!(want.file, "erp.insightpulseai.net.conf");
    let certificate = want.certificate.as_ref().expect("a certificate");
    assert_eq!(certificate.name, "erp.insightpulseai.net");
    assert_eq!(certificate.domains, ["erp.insightpulseai.net"]);
    assert_eq!(certificate.directory, "https://acme-v02.api.letsencrypt.org/directory");
    let Body::Site(site) = &want.body else { panic!("a site") };
    assert!(site.redirect_http && !site.ipv6);
    assert_eq!(want.needs[0].on, ResourceId::new("Host", "erp"));
}

#[test]
fn a_raw_site_is_taken_as_it_is() {
    let spec = json!({"host": "erp", "serverNames": ["raw.example.com"], "raw": {"file": "nginx/x.conf"}});
    let want = desire(spec);
    let Body::Raw { text, from } = &want.body else { panic!("raw") };
    assert_eq!((text.as_str(), from.as_deref()), ("server { server_name raw.example.com; }\n", Some("nginx/x.conf")));
}

fn wrong(spec: Value) -> Vec<(String, String, String)> {
    let all = try_desire(spec).expect_err("a complaint");
    all.into_iter().map(|c| (c.path, c.message.replace("NginxSite/erp ", ""), c.label)).collect()
}

#[test]
fn what_nginx_or_the_issuer_would_refuse_is_refused_with_its_place() {
    let location = |location: Value| with("locations", json!([location]));
    let to = json!({"url": "http://127.0.0.1:1/x"});
    for (spec, path, message) in [
        (
            with("serverNames", json!(["a b"])),
            "spec.serverNames[0]",
            "has the server name \"a b\", which nginx refuses",
        ),
        (
            with("serverNames", json!(["a.example.com", "A.example.com."])),
            "spec.serverNames[1]",
            "has the server name \"a.example.com\" twice",
        ),
        (
            with("serverNames", json!(["a.example.com", "*.example.com"])),
            "spec.serverNames[1]",
            "wants a certificate for \"*.example.com\", which an issuer cannot prove over http",
        ),
        (with("tls", json!({})), "spec.tls", "does not say where its certificate comes from"),
        (with("tls", json!({"certificate": "/a"})), "spec.tls", "has only one of certificate and key"),
        (
            with("tls", json!({"issuer": "letsencrypt", "certificate": "/a", "key": "/b"})),
            "spec.tls",
            "has both an issuer and files of a certificate",
        ),
        (
            with("tls", json!({"certificate": "/a", "key": "/b", "webroot": "/c"})),
            "spec.tls.webroot",
            "has tls.webroot, which nothing uses without an issuer",
        ),
        (
            with("listen", json!({"http": 8080})),
            "spec.listen.http",
            "serves http on port 8080, where Let's Encrypt does not ask",
        ),
        (
            with("extra", "a b"),
            "spec.extra",
            "has an extra that is no nginx configuration: line 1, column 3: unexpected end of file, expecting \";\" or \"}\"",
        ),
        (
            with("extra", "client_max_body_size 1m;"),
            "spec.extra",
            "has client_max_body_size in extra, and a field that says it",
        ),
        (
            with("extra", "server { }"),
            "spec.extra",
            "has server in extra, which nginx does not allow inside of a server block",
        ),
        (
            location(json!({"path": "x", "to": to})),
            "spec.locations[0].path",
            "has a location for \"x\", which no request can have",
        ),
        (
            location(json!({"path": "^/x", "match": "regex", "to": to})),
            "spec.locations[0].to.url",
            "passes a regular expression on to http://127.0.0.1:1/x, an address with a path",
        ),
        (location(json!({"path": "/x"})), "spec.locations[0]", "has a location /x that does nothing"),
        (
            location(json!({"path": "/x", "to": to, "redirect": {"to": "/y"}})),
            "spec.locations[0].redirect",
            "has a location /x with both to and redirect",
        ),
        (
            location(json!({"path": "/x", "redirect": {"to": "/y", "status": 304}})),
            "spec.locations[0].redirect.status",
            "redirects with status 304",
        ),
        (
            location(json!({"path": "/x", "redirect": {"to": "/y"}, "websocket": true})),
            "spec.locations[0].websocket",
            "has websocket at /x, which only requests that are passed on have",
        ),
        (
            location(json!({"path": "/x", "to": to, "headers": {"A B": "c"}})),
            "spec.locations[0].headers",
            "sends on the header \"A B\", which is none",
        ),
        (
            location(json!({"path": "/x", "to": to, "readTimeout": "1s", "extra": "proxy_read_timeout 2s;"})),
            "spec.locations[0].extra",
            "has proxy_read_timeout in extra, and a field that says it",
        ),
        (
            with("locations", json!([{"path": "/x", "to": to}, {"path": "/x", "to": to}])),
            "spec.locations[1].path",
            "has two locations for /x",
        ),
        (
            json!({"host": "erp", "serverNames": ["a.example.com"], "redirectHttp": true}),
            "spec.redirectHttp",
            "redirects http to https, and has no tls",
        ),
        (
            json!({"host": "erp", "serverNames": ["~^www"], "locations": [{"path": "/x", "to": to}]}),
            "spec.serverNames[0]",
            "has \"~^www\" as its first server name, which cannot name a file",
        ),
        (
            json!({"host": "erp", "serverNames": ["b.example.com"], "raw": {"file": "nginx/x.conf"}}),
            "spec.serverNames[0]",
            "has the server name \"b.example.com\", which no server block of its raw text has",
        ),
        (
            json!({"host": "erp", "serverNames": ["a.example.com"], "raw": "server {\n  x"}),
            "spec.raw",
            "is no nginx configuration: line 2, column 3: unexpected end of file, expecting \";\" or \"}\"",
        ),
        (
            json!({"host": "erp", "serverNames": ["a"], "raw": "server { server_name a; }", "extra": "x;"}),
            "spec.extra",
            "has raw and extra",
        ),
    ] {
        let told: Vec<(String, String)> = wrong(spec).into_iter().map(|(path, what, _)| (path, what)).collect();
        assert_eq!(told, [(path.to_owned(), message.to_owned())]);
    }
}

#[test]
fn two_documents_of_one_host_share_no_server_name() {
    let (a, b) = (ResourceId::new("NginxSite", "a"), ResourceId::new("NginxSite", "b"));
    let (one, mut two) = (desire(erp()), desire(with("file", "b.conf")));
    let told = NginxSite::check(&[(&a, &one), (&b, &two)]);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, b);
    assert_eq!(
        told[0].1.message,
        "NginxSite/b has the server name erp.insightpulseai.net on Host/erp, which NginxSite/a has, too"
    );
    two.host = ResourceId::new("Host", "other");
    assert_eq!(NginxSite::check(&[(&a, &one), (&b, &two)]), []);
}

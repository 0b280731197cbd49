//! Documents for what exists: the seed's files as they stand on its hosts, what no field says, and the law that a
//! document that was written wants what stands there.

use super::super::directive::print;
use super::fixture::*;
use crate::kinds::nginx_site::{Form, Live, NginxSite, Spec};
use crate::model::{Draft, Kind, Names};
use proptest::prelude::*;
use serde_json::{Value, json};

fn draft(file: &str, text: &str) -> Draft {
    NginxSite::draft(&id(), &state_of(file, text, certified()), &Names::default())
}

fn spec(draft: &Draft) -> Value {
    assert_eq!(draft.refused, None);
    Value::Object(draft.spec.clone())
}

/// The plan after a draft is empty.
fn settles(file: &str, text: &str, draft: &Draft) {
    let spec: Spec = serde_json::from_value(spec(draft)).expect("a spec");
    let none = Default::default();
    let want = NginxSite::desire(&id(), &spec, &crate::model::EstateView { files: &none }).expect("a good document");
    let state = state_of(file, text, certified());
    let changes = told(&Case::of(&want, &state).diff());
    assert!(changes.iter().all(|c| c.starts_with("#certificate") || c.starts_with("#tls")), "{changes:?}\n{text}");
}

/// The seed, section P0-3.
const IPA: &str = r#"server {
    listen 80;
    server_name ipa.insightpulseai.net;

    location /.well-known/acme-challenge/ {
        root /var/www/letsencrypt;
    }

    location / {
        return 301 https://$host$request_uri;
    }
}

server {
    listen 443 ssl http2;
    server_name ipa.insightpulseai.net;

    ssl_certificate     /etc/letsencrypt/live/ipa.insightpulseai.net/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/ipa.insightpulseai.net/privkey.pem;
    ssl_protocols       TLSv1.2 TLSv1.3;
    ssl_ciphers         HIGH:!aNULL:!MD5;

    location / {
        proxy_pass         http://127.0.0.1:5678;  # Point to n8n or dedicated IPA service
        proxy_set_header   Host               $host;
        proxy_set_header   X-Real-IP          $remote_addr;
        proxy_set_header   X-Forwarded-For    $proxy_add_x_forwarded_for;
        proxy_set_header   X-Forwarded-Proto  $scheme;
        proxy_read_timeout 600s;
    }
}
"#;

/// The seed, section P2-1.
const OCR: &str = r#"server {
    listen 80;
    server_name ocr.insightpulseai.net;
    location / { return 301 https://$host$request_uri; }
}

server {
    listen 443 ssl http2;
    server_name ocr.insightpulseai.net;

    ssl_certificate     /etc/letsencrypt/live/ocr.insightpulseai.net/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/ocr.insightpulseai.net/privkey.pem;

    location /health { proxy_pass http://127.0.0.1:8100/health; }
    location /v1/parse { proxy_pass http://127.0.0.1:8100/v1/parse; }
}
"#;

#[test]
fn the_seeds_sites_become_documents() {
    let ipa = draft("ipa.insightpulseai.net.conf", IPA);
    assert_eq!(
        spec(&ipa),
        json!({
            "host": "erp", "serverNames": ["ipa.insightpulseai.net"],
            "tls": {"issuer": "letsencrypt", "ciphers": "HIGH:!aNULL:!MD5"},
            "locations": [{"path": "/", "to": {"url": "http://127.0.0.1:5678"}, "readTimeout": "600s",
                           "headers": {"X-Forwarded-Host": null}}]
        })
    );
    assert_eq!(ipa.notes, ["Its comment is lost when it is next written."]);
    settles("ipa.insightpulseai.net.conf", IPA, &ipa);

    let ocr = draft("ocr.insightpulseai.net", OCR);
    assert_eq!(
        spec(&ocr),
        json!({
            "host": "erp", "serverNames": ["ocr.insightpulseai.net"], "file": "ocr.insightpulseai.net",
            "tls": {"certificate": "/etc/letsencrypt/live/ocr.insightpulseai.net/fullchain.pem",
                    "key": "/etc/letsencrypt/live/ocr.insightpulseai.net/privkey.pem", "protocols": []},
            "locations": [
                {"path": "/health", "to": {"url": "http://127.0.0.1:8100/health"}, "standardHeaders": false},
                {"path": "/v1/parse", "to": {"url": "http://127.0.0.1:8100/v1/parse"}, "standardHeaders": false}
            ]
        })
    );
    assert_eq!(ocr.notes, ["Its certificate is left to whoever renews it now."]);
    settles("ocr.insightpulseai.net", OCR, &ocr);
}

#[test]
fn what_is_rendered_is_drafted_as_it_was_written() {
    let mut written = erp();
    written["tls"].as_object_mut().expect("a map").remove("email");
    let want = desire(written.clone());
    let file = "erp.insightpulseai.net.conf";
    let drafted = draft(file, &text(&want, Form::Full));
    assert_eq!(spec(&drafted), written);
}

#[test]
fn what_no_field_says_goes_to_extra_or_stays_raw() {
    let extra = "server { listen 80; server_name a.example.com; gzip on; if ($bad) { return 444; }\n location / { root /srv; try_files $uri =404; } }";
    let drafted = draft("a.example.com.conf", extra);
    assert_eq!(
        spec(&drafted),
        json!({
            "host": "erp", "serverNames": ["a.example.com"],
            "locations": [{"path": "/", "extra": "root /srv;\ntry_files $uri =404;\n"}],
            "extra": "gzip on;\n\nif ($bad ) {\n    return 444;\n}\n".replace(" )", ")"),
        })
    );
    for raw in [
        "upstream x { server 127.0.0.1:1; }\nserver { listen 80; server_name a.example.com; location / { proxy_pass http://x; } }",
        "server { listen 80 default_server; server_name a.example.com; return 444; }",
        "server { listen 10.0.0.1:80; server_name a.example.com; return 444; }",
        "server { listen 80; server_name a.example.com; } server { listen 80; server_name b.example.com; }",
        "server { listen 80; server_name a.example.com; location / { proxy_pass http://127.0.0.1:1; location /x { deny all; } } } map $a $b { x y; }",
    ] {
        let drafted = draft("x.conf", raw);
        assert_eq!(spec(&drafted)["raw"], json!(raw), "{raw}");
        assert_eq!(spec(&drafted)["file"], json!("x.conf"));
        settles("x.conf", raw, &drafted);
    }
}

#[test]
fn what_cannot_be_left_as_it_is_is_said() {
    let state = |live| {
        let mut state = state_of("ocr.insightpulseai.net", OCR, certified());
        state.live = live;
        NginxSite::draft(&id(), &state, &Names::default()).refused
    };
    assert_eq!(state(Live::Not).as_deref(), Some("it is not enabled: nothing in sites-enabled leads to it"));
    assert!(state(Live::Copied).is_some_and(|why| why.contains("move it to sites-available")));
    let broken = draft("x.conf", "server {");
    assert_eq!(
        broken.refused.as_deref(),
        Some("it cannot be read: line 1, column 8: unexpected end of file, expecting \"}\"")
    );
}

fn location() -> impl Strategy<Value = Value> {
    let header = prop_oneof![Just("Host"), Just("X-Real-IP"), Just("X-Source"), Just("X-Forwarded-Host")];
    let headers = proptest::collection::btree_map(header, proptest::option::of("[a-z$ ;\"]{0,6}"), 0..3);
    (
        "/[a-z]{1,6}",
        prop_oneof![Just("prefix"), Just("exact"), Just("prefixOnly")],
        (any::<bool>(), any::<bool>(), headers),
        (any::<bool>(), proptest::option::of("[1-9][0-9]{0,2}[km]"), proptest::option::of("[1-9][0-9]?[smh]")),
    )
        .prop_map(|(path, matching, (proxy, standard, headers), (websocket, buffers, timeout))| {
            let mut location = json!({"path": path, "match": matching});
            if !proxy {
                location["redirect"] = json!({"to": "https://$host/new", "status": 302});
                return location;
            }
            location["to"] = json!({"url": "http://127.0.0.1:8069"});
            location["standardHeaders"] = json!(standard);
            location["headers"] = json!(headers);
            location["websocket"] = json!(websocket);
            location["readTimeout"] = json!(timeout);
            location["buffers"] = json!(buffers);
            location
        })
}

proptest! {
    #[test]
    fn every_site_of_ours_is_drafted_in_fields_that_settle(
        locations in proptest::collection::vec(location(), 0..4),
        tls in any::<bool>(), redirect in any::<bool>(), ipv6 in any::<bool>(),
    ) {
        let mut locations = locations;
        let mut seen = std::collections::BTreeSet::new();
        locations.retain(|l| seen.insert(l["path"].to_string()));
        let mut written = json!({"host": "erp", "serverNames": ["a.example.com", "b.example.com"], "locations": locations,
            "listen": {"ipv6": ipv6}});
        if tls {
            written["tls"] = json!({"issuer": "letsencrypt"});
            written["redirectHttp"] = json!(redirect);
        }
        let want = desire(written);
        let text = text(&want, Form::Full);
        let drafted = draft("a.example.com.conf", &text);
        prop_assert!(drafted.spec.get("raw").is_none(), "{}\n{:?}", text, drafted);
        settles("a.example.com.conf", &text, &drafted);
    }

    #[test]
    fn any_configuration_that_serves_something_is_drafted_and_settles(text in "(listen|root|gzip|set|rewrite) [a-z$0-9]{1,4}( [a-z]{1,3})?;") {
        let whole = format!("server {{ server_name a.example.com; {text} }}");
        let drafted = draft("a.example.com.conf", &whole);
        settles("a.example.com.conf", &whole, &drafted);
        prop_assert!(!print(&[]).contains(' '));
    }
}

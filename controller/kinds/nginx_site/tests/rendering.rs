//! What stands in the file: the seed's sites, the forms before there is a certificate, versions of nginx, lines.

use super::super::normal::normal;
use super::super::{directive::parse, render};
use super::fixture::*;
use crate::kinds::nginx_site::{Body, Content, Form, text_of};
use serde_json::json;

#[test]
fn the_seeds_first_site_reads_as_a_person_would_write_it() {
    assert_eq!(
        text(&desire(erp()), Form::Full),
        r#"# NginxSite/erp: kept equal to its document in git; what is changed here is put back.

map $http_upgrade $connection_upgrade {
    default upgrade;
    "" close;
}

server {
    listen 80;
    server_name erp.insightpulseai.net;

    location /.well-known/acme-challenge/ {
        root /var/www/letsencrypt;
    }

    location / {
        return 301 https://$host$request_uri;
    }
}

server {
    listen 443 ssl;
    server_name erp.insightpulseai.net;
    http2 on;
    ssl_certificate /etc/letsencrypt/live/erp.insightpulseai.net/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/erp.insightpulseai.net/privkey.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers HIGH:!aNULL:!MD5;
    client_max_body_size 64m;

    location / {
        proxy_pass http://127.0.0.1:8069;
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host $host;
        proxy_read_timeout 600s;
    }

    location /n8n/ {
        proxy_pass http://127.0.0.1:5678/;
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host $host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        proxy_buffer_size 128k;
        proxy_buffers 4 256k;
        proxy_busy_buffers_size 256k;
    }

    location /mcp/ {
        proxy_pass http://127.0.0.1:8766/;
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host $host;
    }
}
"#
    );
}

#[test]
fn an_older_nginx_hears_of_http2_with_listen() {
    let want = desire(erp());
    let Body::Site(site) = &want.body else { panic!("a site") };
    let all = render::directives(&want, site, Form::Full);
    let old = text_of(&id(), &Content::Directives(all.clone()), true);
    assert!(old.contains("    listen 443 ssl http2;\n") && !old.contains("http2 on"), "{old}");
    assert_eq!(normal(&parse(&old).expect("nginx").directives), normal(&all));
}

#[test]
fn every_other_field_becomes_its_directive() {
    let want = desire(json!({
        "host": "erp", "serverNames": ["A.example.com", "*.b.example.com"], "file": "a",
        "listen": {"http": 8080, "https": 8443, "ipv6": true},
        "tls": {"certificate": "/etc/ssl/a.pem", "key": "/etc/ssl/a.key", "http2": false, "protocols": ["TLSv1.3"]},
        "redirectHttp": false,
        "locations": [
            {"path": "/old", "redirect": {"to": "/new", "status": 308}},
            {"path": "/ocr", "match": "exact", "to": {"url": "http://127.0.0.1:8100/v1/parse"}, "standardHeaders": false,
             "headers": {"X-Source": "edge node"}, "sendTimeout": "5m", "connectTimeout": "5s", "clientMaxBodySize": "0"},
            {"path": "\\.php$", "match": "regexIgnoreCase", "extra": "deny all;"},
            {"path": "/live", "match": "prefixOnly", "to": {"url": "http://127.0.0.1:1"}, "buffers": "off",
             "headers": {"host": "$http_host", "X-Real-IP": null, "X-Forwarded-For": null}}
        ],
        "extra": "proxy_buffer_size 128k;"
    }));
    let text = text(&want, Form::Full);
    let expected = r#"server {
    listen 8080;
    listen [::]:8080;
    listen 8443 ssl;
    listen [::]:8443 ssl;
    server_name a.example.com *.b.example.com;
    ssl_certificate /etc/ssl/a.pem;
    ssl_certificate_key /etc/ssl/a.key;
    ssl_protocols TLSv1.3;
    proxy_buffer_size 128k;

    location /old {
        return 308 /new;
    }

    location = /ocr {
        client_max_body_size 0;
        proxy_pass http://127.0.0.1:8100/v1/parse;
        proxy_set_header X-Source "edge node";
        proxy_send_timeout 5m;
        proxy_connect_timeout 5s;
    }

    location ~* \.php$ {
        deny all;
    }

    location ^~ /live {
        proxy_pass http://127.0.0.1:1;
        proxy_set_header host $http_host;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host $host;
        proxy_buffering off;
    }
}
"#;
    assert_eq!(text.split_once("\n\n").map(|(_, rest)| rest), Some(expected), "{text}");
}

#[test]
fn without_a_certificate_only_http_is_served() {
    let want = desire(erp());
    let waiting = text(&want, Form::Waiting);
    assert!(waiting.contains("acme-challenge") && waiting.contains("return 503") && !waiting.contains("proxy_pass"));
    let plain = text(&want, Form::Plain);
    assert!(plain.contains("acme-challenge") && plain.contains("proxy_pass") && plain.contains("$connection_upgrade"));
    assert!([waiting, plain].iter().all(|t| !t.contains("ssl") && !t.contains("443")));
}

#[test]
fn a_line_that_nginx_complains_of_leads_to_its_field() {
    let want = desire(with("extra", "proxy_buffer_size 128k;\nif ($a) { return 404; }"));
    let Body::Site(site) = &want.body else { panic!("a site") };
    let text = super::super::directive::print(&render::directives(&want, site, Form::Full));
    let field = |needle: &str| {
        let line = text.lines().position(|l| l.contains(needle)).expect(needle) + 1;
        render::field_of_line(&want, site, Form::Full, false, line as u32).expect("a field")
    };
    for (needle, expected) in [
        ("proxy_read_timeout", "spec.locations[0].readTimeout"),
        ("location /n8n/", "spec.locations[1]"),
        ("proxy_buffers", "spec.locations[1].buffers"),
        ("http://127.0.0.1:8766/", "spec.locations[2].to"),
        ("return 404", "spec.extra"),
        ("client_max_body_size", "spec.clientMaxBodySize"),
        ("ssl_ciphers", "spec.tls.ciphers"),
        ("listen 443", "spec.listen.https"),
    ] {
        assert_eq!(field(needle), expected);
    }
}

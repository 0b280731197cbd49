//! What is to be done, from every state that a host can be in.

use super::fixture::*;
use crate::kinds::nginx_site::{Around, Before, Form, Live, Step};
use crate::model::finding::Weight;
use crate::model::{OnRemove, Output, Shown, Step as Work, Supply};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const FILE: &str = "erp.insightpulseai.net.conf";

#[test]
fn what_is_as_wanted_needs_nothing() {
    let want = desire(erp());
    for (text, host) in [
        (text(&want, Form::Full), certified()),
        // Layout, comments, order and spelling without meaning.
        (
            text(&want, Form::Full)
                .replace("listen 443 ssl;", "listen *:443 http2 ssl; # ours")
                .replace("    http2 on;\n", "")
                .replace("TLSv1.2 TLSv1.3", "TLSv1.3 TLSv1.2")
                .replace("    proxy_read_timeout 600s;\n", "")
                .replace(
                    "proxy_pass http://127.0.0.1:8069;",
                    "proxy_read_timeout '600s'; proxy_pass http://127.0.0.1:8069;",
                )
                .replace("location / {", "location /\n{"),
            certified(),
        ),
    ] {
        let state = state_of(FILE, &text, host);
        let diffed = Case::of(&want, &state).diff();
        assert_eq!((told(&diffed), rules(&diffed)), (vec![], BTreeSet::new()), "{text}");
    }
}

#[test]
fn drift_is_shown_field_by_field() {
    let want = desire(erp());
    let live = text(&want, Form::Full)
        .replace("client_max_body_size 64m;", "client_max_body_size 10m;")
        .replace("        proxy_buffers 4 256k;\n", "")
        .replace("X-Real-IP $remote_addr;\n        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n        proxy_set_header X-Forwarded-Proto $scheme;\n        proxy_set_header X-Forwarded-Host $host;\n        proxy_read_timeout", "X-Real-IP 1.2.3.4; proxy_read_timeout");
    let state = state_of(FILE, &live, certified());
    let diffed = Case::of(&want, &state).diff();
    assert_eq!(told(&diffed), ["update: rewrite, reload"]);
    let fields: Vec<String> =
        diffed.changes[0].fields.iter().map(|f| format!("{}: {:?} {:?}", f.path, f.from, f.to)).collect();
    assert!(
        fields.contains(&"server 443 › client_max_body_size: Text(\"10m\") Text(\"64m\")".to_owned()),
        "{fields:#?}"
    );
    assert!(fields.contains(&"server 443 › location /n8n/ › proxy_buffers: Nothing Text(\"4 256k\")".to_owned()));
    assert!(
        fields.contains(
            &"server 443 › location / › proxy_set_header x-real-ip: Text(\"1.2.3.4\") Text(\"$remote_addr\")"
                .to_owned()
        ),
        "{fields:#?}"
    );
    let Some(Work::Ready(Step::Write(write))) = diffed.changes.first().map(|c| &c.step) else { panic!() };
    assert_eq!(write.before, Before::Text(state.digest.clone()));
}

#[test]
fn an_nginx_that_does_not_run_is_drift_of_what_it_is_to_serve() {
    let want = desire(erp());
    let state = state_of(FILE, &text(&want, Form::Full), Around { stopped: true, ..certified() });
    let diffed = Case::of(&want, &state).diff();
    assert_eq!(told(&diffed), ["update: start nginx"]);
    assert_eq!(diffed.changes[0].fields[0].from, Shown::text("stopped"));
}

#[test]
fn a_link_whose_file_somebody_removed_is_a_site_that_is_written_anew() {
    let want = desire(erp());
    let state = state_of(FILE, "", certified());
    let diffed = Case::of(&want, &state).diff();
    assert_eq!(told(&diffed), ["update: rewrite, reload"]);
    let Work::Ready(Step::Write(write)) = &diffed.changes[0].step else { panic!("{diffed:?}") };
    assert_eq!(write.before, Before::Nothing);
}

#[test]
fn the_order_of_what_is_done_in_order_counts() {
    let want = desire(with("extra", "if ($a) { return 404; }\nif ($b) { return 405; }"));
    let live = text(&want, Form::Full).replace("($a)", "($x)").replace("($b)", "($a)").replace("($x)", "($b)");
    let live =
        live.replace("return 404", "return 1").replace("return 405", "return 404").replace("return 1;", "return 405;");
    let state = state_of(FILE, &live, certified());
    let diffed = Case::of(&want, &state).diff();
    assert_eq!(told(&diffed), ["update: rewrite, reload"]);
    assert!(matches!(diffed.changes[0].fields.as_slice(), [f] if f.path == "order"), "{:?}", diffed.changes[0].fields);
}

#[test]
fn a_new_site_is_served_once_it_has_its_certificate() {
    let want = desire(erp());
    let diffed = Case::of(&want, None).diff();
    assert_eq!(
        told(&diffed),
        [
            "create: create, http until it has its certificate",
            "#certificate update: get the certificate after create",
            "#tls update: serve it, over https after#certificate update",
        ]
    );
    // The same, step by step: each state asks for the rest alone.
    let waiting = state_of(FILE, &text(&want, Form::Waiting), around(&[]));
    assert_eq!(
        told(&Case::of(&want, &waiting).diff()),
        ["#certificate update: get the certificate", "#tls update: serve it over https after#certificate update"]
    );
    let certified = state_of(FILE, &text(&want, Form::Waiting), certified());
    assert_eq!(told(&Case::of(&want, &certified).diff()), ["update: rewrite, reload"]);
}

#[test]
fn a_site_that_gains_tls_goes_on_serving_until_it_has_its_certificate() {
    let mut before = erp();
    before.as_object_mut().expect("a map").remove("tls");
    let live = state_of(FILE, &text(&desire(before), Form::Full), around(&[]));
    let want = desire(erp());
    let diffed = Case::of(&want, &live).diff();
    assert_eq!(
        told(&diffed),
        [
            "update: rewrite, reload",
            "#certificate update: get the certificate after update",
            "#tls update: serve it over https after#certificate update",
        ]
    );
    let plain = state_of(FILE, &text(&want, Form::Plain), around(&[]));
    assert_eq!(told(&Case::of(&want, &plain).diff()).len(), 2, "it is left as it is until then");
}

#[test]
fn a_site_whose_certificate_is_there_already_is_made_at_once_in_the_words_of_its_nginx() {
    let want = desire(erp());
    let told_by_host = json!({"version": "1.22.1", "certificates": {
        "/etc/letsencrypt/live/erp.insightpulseai.net/fullchain.pem":
            {"names": ["erp.insightpulseai.net"], "from": "2025-11-17T00:00:00Z", "until": "2026-02-15T00:00:00Z"}}});
    let outputs = [(Output::Id, "1".to_owned()), (Output::Nginx, told_by_host.to_string())];
    let diffed = Case { host: Supply::Live(BTreeMap::from(outputs)), ..Case::of(&want, None) }.diff();
    assert_eq!(told(&diffed), ["create: create"]);
    assert!(format!("{:?}", diffed.changes[0].fields).contains("listen 443 ssl http2;"));
}

#[test]
fn a_site_without_tls_is_made_at_once() {
    let want = desire(json!({"host": "erp", "serverNames": ["a.example.com"],
        "locations": [{"path": "/", "to": {"url": "http://127.0.0.1:1"}}]}));
    assert_eq!(told(&Case::of(&want, None).diff()), ["create: create"]);
}

#[test]
fn certificates_are_renewed_after_two_thirds_of_their_life_however_long() {
    let want = desire(erp());
    let chain = "/etc/letsencrypt/live/erp.insightpulseai.net/fullchain.pem";
    let cases = [
        // 90 days: renewed from day 60 on.
        ("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-03-01T23:59:00Z", false),
        ("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-03-02T00:00:00Z", true),
        // 45 days: from day 30 on.
        ("2026-01-01T00:00:00Z", "2026-02-15T00:00:00Z", "2026-01-30T00:00:00Z", false),
        ("2026-01-01T00:00:00Z", "2026-02-15T00:00:00Z", "2026-01-31T00:00:00Z", true),
        // Over.
        ("2026-01-01T00:00:00Z", "2026-02-15T00:00:00Z", "2026-03-31T00:00:00Z", true),
    ];
    for (from, until, as_of, due) in cases {
        let mut certificate = held(&["erp.insightpulseai.net"]);
        (certificate.from, certificate.until) = (at(from), at(until));
        let state = state_of(FILE, &text(&want, Form::Full), around(&[(chain, certificate)]));
        let diffed = Case { as_of: at(as_of), ..Case::of(&want, &state) }.diff();
        let expected: &[&str] = if due { &["#certificate update: renew the certificate"] } else { &[] };
        assert_eq!(told(&diffed), expected, "{from} {until} {as_of}");
    }
}

#[test]
fn a_certificate_that_lacks_a_name_is_got_anew_with_all_names() {
    let want = desire(with("serverNames", json!(["erp.insightpulseai.net", "www.insightpulseai.net"])));
    let state = state_of(FILE, &text(&want, Form::Full), certified());
    let diffed = Case::of(&want, &state).diff();
    assert_eq!(told(&diffed), ["#certificate update: renew the certificate"]);
    let field = &diffed.changes[0].fields[0];
    assert_eq!(field.from, Shown::text("it lacks www.insightpulseai.net"));
    assert_eq!(field.to, Shown::text("for erp.insightpulseai.net www.insightpulseai.net"));
}

#[test]
fn a_server_name_that_another_enabled_file_has_is_a_problem() {
    let want = desire(erp());
    let mut host: Around = certified();
    let files = |all: &[&str]| all.iter().map(|f| (*f).to_owned()).collect::<BTreeSet<_>>();
    host.names = BTreeMap::from([
        ("erp.insightpulseai.net".to_owned(), files(&[FILE, "old.conf"])),
        ("_".to_owned(), files(&["default"])),
    ]);
    let state = state_of(FILE, &text(&want, Form::Full), host);
    let diffed = Case::of(&want, &state).diff();
    assert_eq!(rules(&diffed), BTreeSet::from(["server-name-taken"]));
    assert_eq!(diffed.findings[0].text, "the server name erp.insightpulseai.net is also in old.conf on Host/erp");
}

#[test]
fn a_missing_or_wrong_link_is_put_back() {
    let want = desire(erp());
    for (live, shown) in [
        (Live::Not, "no"),
        (Live::Copied, "a file of its own in sites-enabled"),
        (Live::Elsewhere("/tmp/x".to_owned()), "a link to /tmp/x"),
    ] {
        let mut state = state_of(FILE, &text(&want, Form::Full), certified());
        state.live = live;
        let diffed = Case::of(&want, &state).diff();
        assert_eq!(told(&diffed), ["update: enable, reload"]);
        assert_eq!(diffed.changes[0].fields[0].from, Shown::text(shown));
    }
}

#[test]
fn a_file_that_is_no_configuration_is_shown_line_by_line() {
    let want = desire(erp());
    let state = state_of(FILE, &text(&want, Form::Full).replace("listen 80;", "listen 80"), certified());
    let broken = state_of(FILE, "server {", certified());
    for state in [state, broken] {
        let diffed = Case::of(&want, &state).diff();
        assert_eq!(told(&diffed), ["update: rewrite, reload"]);
    }
}

#[test]
fn a_document_that_has_gone_follows_its_policy() {
    let want = desire(erp());
    let state = state_of(FILE, &text(&want, Form::Full), certified());
    let case = |on_remove| Case { on_remove, ..Case::of(None, &state) }.diff();
    let gone = case(OnRemove::Destroy);
    assert_eq!(told(&gone), ["delete: delete, reload"]);
    assert_eq!(rules(&gone), BTreeSet::from(["certificate-stays"]));
    assert_eq!(told(&case(OnRemove::Keep)), ["release: let go; the site stays"]);
    assert_eq!(told(&case(OnRemove::Stop)), ["stop: serve it no longer; the file stays"]);
    let mut off = state.clone();
    off.live = Live::Not;
    assert_eq!(told(&Case { on_remove: OnRemove::Stop, ..Case::of(None, &off) }.diff()), [] as [&str; 0]);
}

#[test]
fn a_site_waits_for_its_host() {
    let want = desire(erp());
    let diffed = Case { host: Supply::Pending, ..Case::of(&want, None) }.diff();
    assert_eq!(told(&diffed).len(), 3);
    let host = crate::model::ResourceId::new("Host", "erp");
    let waits = |step: &Work<Step>| matches!(step, Work::Waits { on, .. } if *on == [host.clone()]);
    assert!(diffed.changes.iter().all(|c| waits(&c.step)), "{diffed:?}");
    let unknown = Case { host: Supply::Unknown("it hangs".to_owned()), ..Case::of(&want, None) }.diff();
    assert_eq!((told(&unknown), rules(&unknown)), (vec![], BTreeSet::from(["host-unknown"])));
}

#[test]
fn a_certificate_that_others_renew_is_told_of_when_they_do_not() {
    let tls = json!({"certificate": "/etc/ssl/erp.pem", "key": "/etc/ssl/erp.key"});
    let want = desire(with("tls", tls));
    let host = around(&[("/etc/ssl/erp.pem", held(&["erp.insightpulseai.net"]))]);
    let state = state_of(FILE, &text(&want, Form::Full), host);
    for (as_of, weight) in [
        ("2026-01-01T00:00:00Z", None),
        ("2026-01-17T00:00:00Z", Some(Weight::Note)),
        ("2026-02-15T00:00:00Z", Some(Weight::Problem)),
    ] {
        let diffed = Case { as_of: at(as_of), ..Case::of(&want, &state) }.diff();
        assert_eq!((told(&diffed), diffed.findings.first().map(|f| f.weight)), (vec![], weight), "{as_of}");
    }
}

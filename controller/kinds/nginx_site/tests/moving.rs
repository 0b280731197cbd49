//! What is to be done for a site whose document names another host.

use super::fixture::*;
use crate::kinds::nginx_site::{Around, Asked, Before, Form, State, Step, names};
use crate::model::{Output, ResourceId, Risk, Step as Work, Supply, Verb};
use std::collections::BTreeMap;

const FILE: &str = "erp.insightpulseai.net.conf";

/// The usual site on another host than its document wants, as nginx serves it there.
fn elsewhere(around: Around) -> State {
    State { host: "old".to_owned(), ..state_of(FILE, &text(&desire(erp()), Form::Full), around) }
}

/// The host that it goes to, with these certificates as it tells of them.
fn next(certificates: &str) -> Supply {
    let nginx = format!("{{\"version\": \"1.22.1\", \"certificates\": {{{certificates}}}}}");
    let address = (Output::Address, "203.0.113.7".to_owned());
    Supply::Live(BTreeMap::from([(Output::Id, "7".to_owned()), address, (Output::Nginx, nginx)]))
}

#[test]
fn a_site_moves_with_its_certificate_and_is_served_over_https_at_once() {
    let (want, state) = (desire(erp()), elsewhere(certified()));
    let mut case = Case::of(&want, &state);
    case.host = next("");
    let diffed = case.diff();
    assert_eq!(
        told(&diffed),
        [
            "#certificate update: take the certificate along from Host/old",
            "replace: move to Host/erp: serve it there; Host/old serves on for now after#certificate update",
            "#old:erp.insightpulseai.net.conf retire: serve it no longer from Host/old: delete the site there, reload after replace",
        ]
    );
    let [_, replace, retire] = diffed.changes.as_slice() else { panic!("{diffed:?}") };
    assert_eq!(replace.risk, Risk::None);
    let Work::Ready(Step::Arrive { write, from, asked }) = &replace.step else { panic!("{replace:?}") };
    assert_eq!((write.before.clone(), write.form, from.as_str()), (Before::Nothing, Some(Form::Full), "old"));
    let port =
        |port, tls| Asked { address: "203.0.113.7".to_owned(), port, tls, name: "erp.insightpulseai.net".to_owned() };
    assert_eq!(asked, &[port(80, false), port(443, true)], "the former host asks it over the network");
    assert!(
        matches!(&retire.step, Work::Ready(Step::Retire { host, asked: same, .. }) if host == "old" && same == asked)
    );
    let plan = serde_json::to_string(&diffed.changes).expect("JSON");
    assert!(!plan.contains("PRIVATE"), "a plan holds no key");
}

#[test]
fn a_certificate_that_is_there_already_is_not_brought_and_one_that_is_nowhere_is_no_reason_to_lose_https_unasked() {
    let want = desire(erp());
    let chain = "/etc/letsencrypt/live/erp.insightpulseai.net/fullchain.pem";
    let held = |until: &str| {
        format!(
            "\"{chain}\": {{\"names\": [\"erp.insightpulseai.net\"], \"from\": \"2025-11-17T00:00:00Z\", \"until\": \"{until}\"}}"
        )
    };
    let plan = |state: &State, certificates: &str| {
        let mut case = Case::of(&want, state);
        case.host = next(certificates);
        case.diff()
    };
    let state = elsewhere(certified());
    assert_eq!(plan(&state, &held("2026-02-15T00:00:00Z")).changes[0].key.verb, Verb::Replace);
    let stale = plan(&state, &held("2025-12-31T00:00:00Z"));
    assert_eq!(stale.changes[0].key.part.as_deref(), Some("certificate"), "one that has ended there is replaced");

    let lost = plan(&elsewhere(around(&[])), "");
    assert!(matches!(&lost.changes[0].risk, Risk::Unprotects(why) if why.contains("https is away")), "{lost:?}");
    let plain = State { host: "old".to_owned(), ..state_of(FILE, &text(&want, Form::Plain), around(&[])) };
    let plain = plan(&plain, "");
    assert_eq!((plain.changes.len(), &plain.changes[0].risk), (2, &Risk::None));
}

#[test]
fn a_move_waits_for_the_new_host_and_for_the_stack_behind_the_site() {
    let (want, state) = (desire(erp()), elsewhere(certified()));
    let mut case = Case::of(&want, &state);
    case.host = Supply::Pending;
    let diffed = case.diff();
    let waits = |at: usize| matches!(&diffed.changes[at].step, Work::Waits { on, .. } if on == &[ResourceId::new("Host", "erp")]);
    assert!(waits(0) && waits(1), "{diffed:?}");
    case.host = Supply::Unknown("off".to_owned());
    let unknown = case.diff();
    assert!(unknown.changes.is_empty() && rules(&unknown).contains("host-unknown"));
}

#[test]
fn names_by_which_others_find_a_site() {
    let led = |all: &[&str]| {
        names::led(&all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(led(&["erp.example.com", "_", "localhost", "~^x$", "www.*"]), ["erp.example.com"]);
    assert_eq!(led(&["*.example.com", ".example.net"]), ["*.example.com", "*.example.net", "example.net"]);
}

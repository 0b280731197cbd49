//! Goldens and laws of the report files.

use super::*;
use crate::model::change::Cost;
use crate::model::memory::{Failure, Pause};
use crate::model::plan::Looked;
use crate::model::{
    Attempt, Cause, Cents, Digest, Fault, Outcome, Owned, Policy, ProviderId, Scope, Verb, policy::OnRemove,
};
use crate::render::samples::{self, With};
use jiff::ToSpan;

/// A report's parts, owned, so that a test can turn each.
struct Bench {
    plan: Plan,
    outcomes: Vec<Outcome>,
    memory: Memory,
    previous: Option<StatusJson>,
    now: Timestamp,
}

impl Bench {
    fn new(plan: Plan) -> Self {
        let mut bench =
            Self { plan, outcomes: Vec::new(), memory: Memory::default(), previous: None, now: samples::noon() };
        bench.remember();
        bench
    }
    /// Does what the engine does: remembers since when each thing is not well.
    fn remember(&mut self) {
        let open = not_well(&self.plan, &self.outcomes);
        self.memory.since.retain(|k, _| open.contains(k));
        for words in open {
            self.memory.since.entry(words).or_insert(samples::at("2026-11-22T09:02:00Z"));
        }
    }
    fn report(&self) -> Report<'_> {
        Report {
            estate: "production",
            plan: Some(&self.plan),
            outcomes: &self.outcomes,
            memory: &self.memory,
            branch: "main",
            commit: self.plan.commit.as_deref(),
            trouble: None,
            inventory: None,
            previous: self.previous.as_ref(),
            now: self.now,
        }
    }
    fn file(&self, name: &str) -> String {
        String::from_utf8(files(&self.report()).remove(name).unwrap()).unwrap()
    }
    /// Time goes on: another look, later, with other figures and nothing else.
    fn look_again(&mut self) {
        self.previous = Some(serde_json::from_str(&self.file("status.json")).unwrap());
        self.now += 5.minutes();
        self.plan.as_of = self.now;
        self.plan.looked = Looked { calls: 77, hosts: 1, took_ms: 9 };
    }
}

fn done(plan: &Plan) -> Vec<Outcome> {
    plan.going().map(|c| samples::outcome(c.clone(), Attempt::Done)).collect()
}

fn own(memory: &mut Memory, id: &str) {
    let id = samples::id(id);
    let owned = Owned {
        provider_id: ProviderId("1".to_owned()),
        scope: Scope::of(&id.kind),
        generation: 1,
        policy: Policy::default_for(OnRemove::Keep),
        needs: BTreeSet::new(),
        parts: BTreeMap::new(),
        wrote: BTreeMap::new(),
        retiring: Vec::new(),
        file: String::new(),
        stopped: None,
    };
    memory.owned.insert(id, owned);
}

#[test]
fn all_is_well() {
    let mut plan = samples::in_sync();
    (plan.resources, plan.in_sync) = (4, 4);
    let mut bench = Bench::new(plan);
    ["Droplet/erp", "Droplet/ocr", "Vpc/main", "Domain/example.com"].iter().for_each(|id| own(&mut bench.memory, id));
    insta::assert_snapshot!(bench.file("STATUS.md"), @r"
    # production

    🟢 **All is well: 4 resources in sync.**

    Desired: commit `4f2c9d1` on `main` · $72.00 a month

    ## What is in sync

    4 of 4 resources: 1&nbsp;Domain, 2&nbsp;Droplet, 1&nbsp;Vpc

    ---

    [What differs by hand, field by field](DRIFT.md) · [the same as data](status.json)
    ");
    insta::assert_snapshot!(subject(&bench.report()), @"all 4 resources in sync at 4f2c9d1");
}

#[test]
fn an_ordinary_day_with_all_that_can_be_wrong() {
    let mut bench = Bench::new(samples::everything());
    bench.outcomes = done(&bench.plan);
    bench.outcomes[0] = samples::failing(bench.outcomes[0].change.clone());
    bench.memory.pauses.insert(samples::id("Droplet/lab"), Pause { reason: "Jan works on it".to_owned(), until: None });
    bench.remember();
    insta::assert_snapshot!("everything_status", bench.file("STATUS.md"));
    insta::assert_snapshot!("everything_drift", bench.file("DRIFT.md"));
    insta::assert_snapshot!("everything_json", bench.file("status.json"));
    insta::assert_snapshot!(subject(&bench.report()), @"applied 4f2c9d1: 11 done, 1 failed, 2 held, 1 waiting");
}

#[test]
fn what_waits_for_a_window_says_until_when_and_how_it_goes_sooner() {
    let bench = Bench::new(samples::shut());
    insta::assert_snapshot!("shut_status", bench.file("STATUS.md"));
    insta::assert_snapshot!(subject(&bench.report()));
}

#[test]
fn a_freeze_stands_above_everything_else_and_its_end_is_news() {
    let mut bench = Bench::new(samples::frozen());
    insta::assert_snapshot!("frozen_status", bench.file("STATUS.md"));
    insta::assert_snapshot!("frozen_subject", subject(&bench.report()));
    assert!(bench.file("status.json").contains("\"is\": \"frozen\""));
    bench.look_again();
    let before = bench.previous.clone().unwrap();
    assert_eq!(status(&bench.report()).recent, before.recent, "a second look at it is no news");
    bench.plan.frozen = None;
    bench.remember();
    let told = status(&bench.report()).recent;
    assert!(told.iter().any(|e| e.what.starts_with("no longer frozen")), "{told:?}");
}

#[test]
fn hostile_names_stay_text_in_the_report() {
    let bench = Bench::new(samples::hostile());
    let status = bench.file("STATUS.md");
    assert!(!status.contains("<img") && !status.contains("@channel") && !status.contains('\u{1b}'), "{status}");
    assert!(!subject(&bench.report()).chars().any(char::is_control));
    insta::assert_snapshot!("hostile_status", status);
}

#[test]
fn a_second_look_at_the_same_facts_writes_the_same_bytes() {
    for plan in [samples::in_sync(), samples::ordinary(), samples::everything(), samples::hostile()] {
        let mut bench = Bench::new(plan);
        let mut first = files(&bench.report());
        for _ in 0..3 {
            bench.look_again();
            let again = files(&bench.report());
            assert_eq!(again, first);
            first = again;
        }
        bench.previous = None;
        assert_eq!(files(&bench.report()), first, "the last report is not needed for that");
    }
}

#[test]
fn what_was_done_stays_told_until_something_else_happens() {
    let mut bench = Bench::new(samples::ordinary());
    bench.outcomes = done(&bench.plan);
    bench.remember();
    let first = files(&bench.report());
    assert!(
        bench
            .file("STATUS.md")
            .contains("**Droplet/mail tags**: update (tags + production - test): changed by hand, put back")
    );
    bench.look_again();
    bench.plan.changes.retain(|c| c.hold().is_some());
    bench.plan.in_sync = 22;
    bench.plan.monthly.before = Cents(9600);
    bench.outcomes.clear();
    assert_eq!(files(&bench.report()), first);
    bench.look_again();
    assert_eq!(files(&bench.report()), first);
}

#[test]
fn a_plan_made_after_the_work_tells_the_same_story_as_one_made_before() {
    let mut before = Bench::new(samples::ordinary());
    before.outcomes = done(&before.plan);
    let mut after = Bench::new(samples::ordinary());
    after.outcomes = done(&after.plan);
    after.plan.changes.retain(|c| c.hold().is_some());
    after.plan.in_sync = 22;
    after.plan.monthly.before = Cents(9600);
    (before.memory, after.memory) = (Memory::default(), Memory::default());
    assert_eq!(files(&before.report()), files(&after.report()));
    assert_eq!(subject(&before.report()), subject(&after.report()));
    let drift = status(&after.report()).drift;
    assert!(drift.iter().any(|d| d.id == "Droplet/mail" && d.over && d.done == "put back"), "{drift:?}");
}

#[test]
fn what_failed_for_good_is_failing_with_its_error_and_not_just_waiting() {
    let mut bench = Bench::new(samples::ordinary());
    let resize = bench.plan.changes.iter_mut().find(|c| c.key == samples::resize_erp().key).unwrap();
    resize.standing = Standing::Blocked("it failed 3 times; `driftless retry Droplet/erp`".to_owned());
    let failed = Failure {
        digest: resize.digest.clone(),
        attempts: 3,
        next: None,
        fault: Fault::permanent("DigitalOcean answered 422: \"size is not available\"", "Choose another size."),
        since: samples::at("2026-11-22T08:00:00Z"),
        unfit: None,
    };
    bench.memory.failures.insert(resize.key.clone(), failed);
    let status = status(&bench.report());
    let concern = &status.concerns[0];
    assert_eq!(concern.is, ConcernKind::Failing);
    assert!(concern.why.contains("size is not available"));
    assert_eq!(concern.todo, "Choose another size. Change the document, or: driftless retry Droplet/erp");
    assert_eq!(concern.since, Some(samples::at("2026-11-22T08:00:00Z")));
}

#[test]
fn an_error_that_comes_again_is_no_news() {
    let mut bench = Bench::new(samples::ordinary());
    let fail = |request: &str, attempts: u32, next: &str| {
        let what = format!("DigitalOcean answered 422 to POST /v2/droplets/1/actions (request {request}): \"locked\"");
        let fault = Fault::transient(what, "It is free again in 40 s.");
        let attempt = Attempt::Failed { fault, attempts, next: Some(samples::at(next)) };
        vec![samples::outcome(samples::resize_erp(), attempt)]
    };
    bench.outcomes = fail("4d9d8375", 3, "2026-11-22T12:00:40Z");
    let first = files(&bench.report());
    insta::assert_snapshot!(subject(&bench.report()), @"failing: Droplet/erp resize (DigitalOcean 422)");
    bench.look_again();
    bench.outcomes = fail("99aa01ff", 4, "2026-11-22T12:07:00Z");
    let again = files(&bench.report());
    assert_eq!(again, first);
    // Between two tries the same failure stands in memory.
    bench.look_again();
    let failed = Failure {
        digest: Digest::of_bytes(b""),
        attempts: 4,
        next: Some(samples::at("2026-11-22T12:07:00Z")),
        fault: match bench.outcomes.remove(0).attempt {
            Attempt::Failed { fault, .. } => fault,
            _ => panic!("the sample fails"),
        },
        since: samples::at("2026-11-22T09:02:00Z"),
        unfit: None,
    };
    let resize = bench.plan.changes.iter_mut().find(|c| c.key == samples::resize_erp().key).unwrap();
    resize.standing = Standing::Backoff(samples::at("2026-11-22T12:07:00Z"));
    bench.memory.failures.insert(resize.key.clone(), failed);
    let status = bench.file("STATUS.md");
    assert!(status.contains("request 4d9d8375") && !status.contains("12:07"), "{status}");
}

#[test]
fn drift_is_told_with_what_was_done_about_it() {
    let tags = |standing| {
        samples::change("Firewall/production", None, Verb::Update, "update")
            .field(
                "inbound",
                samples::set(&["tcp 22 from any", "tcp 8069 from any"]),
                samples::set(&["tcp 22 from any", "tcp 443 from any"]),
            )
            .cause(Cause::Drift)
            .standing(standing)
    };
    let mut plan = samples::in_sync();
    plan.in_sync = 22;
    plan.changes = vec![tags(Standing::Observed)];
    let seen = Bench::new(plan.clone());
    insta::assert_snapshot!(seen.file("DRIFT.md"), @r"
    # Drift in production

    ## Changed by hand

    ### Firewall/production

    reported only, so since 2026-11-22 09:02 UTC

    | Field | Git says | Reality says |
    |---|---|---|
    | inbound<br>(1 the same) | `tcp 443 from any` | `tcp 8069 from any` |

    ---

    [All of the status](STATUS.md) · [the same as data](status.json)
    ");
    insta::assert_snapshot!(subject(&seen.report()), @"drift: Firewall/production changed by hand, reported only");
    plan.changes = vec![tags(Standing::Go)];
    let mut back = Bench::new(plan);
    back.outcomes = done(&back.plan);
    back.remember();
    insta::assert_snapshot!(back.file("DRIFT.md"), @r"
    # Drift in production

    Nothing differs by hand: reality is as git says, or as a change of git is about to make it.

    ## Put back lately

    ### Firewall/production

    put back on 2026-11-22 12:00 UTC

    | Field | Git says | Reality said |
    |---|---|---|
    | inbound<br>(1 the same) | `tcp 443 from any` | `tcp 8069 from any` |

    ---

    [All of the status](STATUS.md) · [the same as data](status.json)
    ");
    insta::assert_snapshot!(subject(&back.report()), @"drift: Firewall/production inbound changed by hand, put back");
    assert_eq!(status(&back.report()).state, State::Well);
}

#[test]
fn only_the_last_twenty_put_backs_are_kept_newest_first() {
    let mut bench = Bench::new(samples::in_sync());
    for i in 0..25 {
        let change =
            samples::change(&format!("Droplet/d{i}"), Some("size"), Verb::Update, "resize").cause(Cause::Drift);
        bench.plan.changes = vec![change];
        bench.outcomes = done(&bench.plan);
        bench.previous = Some(status(&bench.report()));
    }
    let drift = bench.previous.unwrap().drift;
    assert_eq!((drift.len(), drift[0].id.as_str(), drift[19].id.as_str()), (20, "Droplet/d24", "Droplet/d5"));
}

#[test]
fn a_commit_with_errors_leaves_the_last_valid_one_desired() {
    let found = samples::diagnostics();
    let trouble = Trouble::Invalid { commit: "c0ffee1234567890", diagnostics: &found, files: 31 };
    let bench = Bench::new(samples::in_sync());
    let report = Report { trouble: Some(trouble), ..bench.report() };
    let written = files(&report).remove("STATUS.md").unwrap();
    insta::assert_snapshot!("invalid_status", String::from_utf8(written).unwrap());
    insta::assert_snapshot!(subject(&report), @"invalid: c0ffee1 has 3 errors, 4f2c9d1 stays desired");
    let first = Report { plan: None, commit: None, ..report };
    let text = String::from_utf8(files(&first).remove("STATUS.md").unwrap()).unwrap();
    assert!(text.contains("Commit c0ffee1 has 3 errors; nothing is desired yet, and nothing is touched"), "{text}");
}

#[test]
fn a_repository_out_of_reach_is_told_once() {
    let bench = Bench::new(samples::in_sync());
    let why = "git fetch https://example.com/infra.git ended with: could not resolve host (after 3 tries)";
    let report = Report { trouble: Some(Trouble::Unreachable { why }), ..bench.report() };
    let written = files(&report);
    insta::assert_snapshot!("unreachable_status", String::from_utf8(written["STATUS.md"].clone()).unwrap());
    insta::assert_snapshot!(subject(&report), @"unreachable: the repository cannot be fetched, 4f2c9d1 stays desired");
    let previous = status(&report);
    let again = why.replace("3 tries", "4 tries");
    let report = Report { trouble: Some(Trouble::Unreachable { why: &again }), previous: Some(&previous), ..report };
    assert_eq!(files(&report), written);
    let over = Report { trouble: None, ..report };
    assert_eq!(status(&over).recent[0].what, "read again");
}

#[test]
fn a_price_follows_what_was_done_and_not_what_was_planned() {
    let mut bench = Bench::new(samples::ordinary());
    assert_eq!(status(&bench.report()).monthly_cents, 7200);
    bench.outcomes = done(&bench.plan);
    assert_eq!(status(&bench.report()).monthly_cents, 9600);
    bench.outcomes = vec![samples::failing(samples::resize_erp())];
    assert_eq!(status(&bench.report()).monthly_cents, 7200);
    assert_eq!(samples::resize_erp().cost, Some(Cost { before: Cents(2400), after: Cents(4800) }));
}

#[test]
fn the_published_schema_admits_what_is_written() {
    let schema = status_schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for plan in [samples::in_sync(), samples::everything(), samples::hostile()] {
        let mut bench = Bench::new(plan);
        bench.outcomes = done(&bench.plan);
        let json: serde_json::Value = serde_json::from_str(&bench.file("status.json")).unwrap();
        assert!(validator.is_valid(&json), "{json:#}");
        assert_eq!(serde_json::from_value::<StatusJson>(json).unwrap(), status(&bench.report()));
    }
    assert!(!validator.is_valid(&serde_json::json!({"schema": "driftless.status/v1"})));
}

#[test]
fn an_older_reader_and_an_older_file_get_on() {
    let bench = Bench::new(samples::in_sync());
    let mut json: serde_json::Value = serde_json::from_str(&bench.file("status.json")).unwrap();
    json["somethingNew"] = serde_json::json!(1);
    assert!(serde_json::from_value::<StatusJson>(json).is_ok());
}

#[test]
fn a_thousand_concerns_are_a_hundred_rows_and_all_of_them_data() {
    let mut plan = samples::big(1_000);
    plan.changes.iter_mut().for_each(|c| c.standing = Standing::Blocked("Droplet/erp, which is held".to_owned()));
    let bench = Bench::new(plan);
    let page = bench.file("STATUS.md");
    assert!(page.contains("and 900 more in [status.json]") && page.lines().count() < 140);
    assert_eq!(status(&bench.report()).concerns.len(), 1_000);
}

#[test]
fn a_subject_is_short_whatever_the_names_are() {
    let long = format!("Domain/{}", "x".repeat(200));
    let mut plan = samples::in_sync();
    plan.changes = vec![samples::change(&long, Some("a A"), Verb::Create, "create")];
    let mut bench = Bench::new(plan);
    bench.outcomes = vec![samples::failing(bench.plan.changes[0].clone())];
    assert!(subject(&bench.report()).chars().count() <= 72);
    bench.plan = samples::ordinary();
    bench.outcomes.clear();
    insta::assert_snapshot!(subject(&bench.report()), @"held: Droplet/ocr replace");
}

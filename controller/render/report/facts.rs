//! Gathers what a report says from plan, outcomes, memory and the last report. Owns what counts as news.

use super::status_json::{SCHEMA, Stranger, TroubleJson};
use super::{Concern, ConcernKind, Counts, Drift, DriftField, Report, State, StatusJson, Trouble, TroubleKind};
use super::{FROZEN, change_words, finding_words, steady};
use crate::model::finding::Weight;
use crate::model::{
    Attempt, Cause, ChangeKey, Fault, Finding, Memory, Plan, Planned, ResourceId, Severity, Standing, Step, Verb,
};
use crate::render::{Paint, blocks, diagnostic, fields, words};
use std::collections::{BTreeMap, BTreeSet};

/// How many put-backs are remembered in DRIFT.md.
const PUT_BACK: usize = 20;
/// How much of a value or an error is kept.
const LONG: usize = 4_000;

/// What to do about what waits.
const FOLLOWS: &str = "Nothing: it follows by itself.";

pub(super) type Ended<'a> = BTreeMap<&'a ChangeKey, &'a Attempt>;

/// Gathers the report.
pub(super) fn gather(report: &Report<'_>) -> StatusJson {
    if let (None, Some(stopped @ Trouble::Halted { .. }), Some(previous)) =
        (report.plan, &report.trouble, report.previous)
    {
        return halted(stopped, report, previous);
    }
    let ended: Ended<'_> = report.outcomes.iter().map(|o| (&o.key, &o.attempt)).collect();
    let concerns = concerns(report, &ended);
    let drift = drift(report, &ended);
    let counts = counts(report.plan, &ended);
    let trouble = report.trouble.as_ref().map(|t| trouble(t, report));
    let mut status = StatusJson {
        schema: SCHEMA.to_owned(),
        estate: report.estate.to_owned(),
        estate_id: report.plan.map(|p| p.estate_id.to_string()),
        branch: report.branch.to_owned(),
        commit: report.commit.map(str::to_owned),
        state: state(&concerns, trouble.is_some()),
        summary: String::new(),
        in_sync: report.plan.map(|p| by_kind(p, report.memory, &ended, counts.in_sync)).unwrap_or_default(),
        monthly_cents: report.plan.map_or(0, |p| monthly(p, &ended)),
        counts,
        trouble,
        concerns,
        drift,
        recent: Vec::new(),
        unowned: report.plan.map(strangers).unwrap_or_default(),
    };
    status.summary = super::status::summary(&status);
    let news = super::news::news(report, &status);
    status.recent = match (news.is_empty(), report.previous) {
        (true, Some(previous)) => previous.recent.clone(),
        _ => news,
    };
    status
}

/// Nothing was looked at: what was known stays told, under the trouble.
fn halted(stopped: &Trouble<'_>, report: &Report<'_>, previous: &StatusJson) -> StatusJson {
    let trouble = Some(trouble(stopped, report));
    let mut status = StatusJson { trouble, state: State::Attention, ..previous.clone() };
    status.summary = super::status::summary(&status);
    status
}

fn strangers(plan: &Plan) -> Vec<Stranger> {
    let mut all: Vec<Stranger> = plan
        .unowned
        .iter()
        .map(|u| Stranger { kind: u.kind.clone(), name: u.name.clone(), provider_id: u.provider_id.0.clone() })
        .collect();
    all.sort_by(|a, b| (&a.kind, &a.name, &a.provider_id).cmp(&(&b.kind, &b.name, &b.provider_id)));
    all
}

fn state(concerns: &[Concern], trouble: bool) -> State {
    use ConcernKind::*;
    if trouble || concerns.iter().any(|c| matches!(c.is, Frozen | Failing | Held | Problem | Unknown)) {
        State::Attention
    } else if concerns.is_empty() {
        State::Well
    } else {
        State::Working
    }
}

/// What is open after this run: the change is not done, or done only in part.
fn open<'a>(plan: &'a Plan, ended: &Ended<'_>) -> BTreeSet<&'a ResourceId> {
    let undone = plan.changes.iter().filter(|c| !matches!(ended.get(&c.key), Some(Attempt::Done)));
    let stuck = plan.findings.iter().filter(|f| f.weight != Weight::Note).filter_map(|f| f.id.as_ref());
    undone.map(|c| &c.key.id).chain(stuck).collect()
}

fn counts(plan: Option<&Plan>, ended: &Ended<'_>) -> Counts {
    let Some(plan) = plan else { return Counts::default() };
    let open = open(plan, ended);
    // What was done in this run counts as it will in the next; what a removal took away is no resource any more.
    let settled: BTreeSet<&ResourceId> = plan
        .changes
        .iter()
        .filter(|c| c.cause != Cause::Removal && !open.contains(&c.key.id))
        .map(|c| &c.key.id)
        .collect();
    let removals: BTreeSet<&ResourceId> =
        plan.changes.iter().filter(|c| c.cause == Cause::Removal).map(|c| &c.key.id).collect();
    let unsettled = open.difference(&removals).count();
    Counts {
        resources: plan.resources,
        in_sync: (plan.in_sync + settled.len()).min(plan.resources.saturating_sub(unsettled + plan.paused)),
        paused: plan.paused,
        unknown: plan.unknown,
    }
}

/// What is in sync by kind; empty where memory does not account for all of it, as in observe mode.
fn by_kind(plan: &Plan, memory: &Memory, ended: &Ended<'_>, in_sync: usize) -> BTreeMap<String, usize> {
    let open = open(plan, ended);
    let gone: BTreeSet<&ResourceId> =
        plan.changes.iter().filter(|c| c.cause == Cause::Removal).map(|c| &c.key.id).collect();
    let mut kinds = BTreeMap::new();
    for id in
        memory.owned.keys().filter(|id| !open.contains(id) && !gone.contains(id) && !memory.pauses.contains_key(id))
    {
        *kinds.entry(id.kind.clone()).or_insert(0) += 1;
    }
    if kinds.values().sum::<usize>() == in_sync { kinds } else { BTreeMap::new() }
}

fn monthly(plan: &Plan, ended: &Ended<'_>) -> i64 {
    let done = plan.changes.iter().filter(|c| matches!(ended.get(&c.key), Some(Attempt::Done)));
    plan.monthly.before.0 + done.filter_map(blocks::delta).map(|d| d.0).sum::<i64>()
}

fn trouble(trouble: &Trouble<'_>, report: &Report<'_>) -> TroubleJson {
    let (is, newest) = match trouble {
        Trouble::Invalid { commit, .. } => (TroubleKind::Invalid, Some(*commit)),
        Trouble::Unreachable { .. } => (TroubleKind::Unreachable, None),
        Trouble::Halted { .. } => (TroubleKind::Halted, None),
    };
    let before = report.previous.and_then(|p| p.trouble.as_ref());
    let before = before.filter(|b| b.is == is && b.commit.as_deref() == newest);
    let since = before.map_or(report.now, |b| b.since);
    match trouble {
        Trouble::Invalid { commit, diagnostics, files } => {
            let paint = Paint::plain(100);
            let mut text = String::new();
            for one in diagnostics.iter().take(100) {
                text.push_str(&diagnostic::diagnostic(one, &paint));
                text.push('\n');
            }
            if diagnostics.len() > 100 {
                text.push_str(&format!("… and {} more\n", words::number(diagnostics.len() - 100)));
            }
            let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
            TroubleJson { is, commit: Some((*commit).to_owned()), errors, files: *files, text, since }
        }
        Trouble::Unreachable { why } | Trouble::Halted { why } => {
            let text = steady::keep((*why).to_owned(), before.map(|b| b.text.as_str()));
            TroubleJson { is, commit: None, errors: 0, files: 0, text, since }
        }
    }
}

fn concerns(report: &Report<'_>, ended: &Ended<'_>) -> Vec<Concern> {
    let mut all: Vec<Concern> = Vec::new();
    if let Some(plan) = report.plan {
        all.extend(plan.changes.iter().filter(|c| !follows_held(c, plan)).filter_map(|c| of_change(c, report, ended)));
        all.extend(plan.findings.iter().filter_map(|f| of_finding(f, report)));
        all.extend(plan.frozen.as_ref().map(|why| frozen(why, report)));
    }
    all.extend(report.memory.pauses.iter().map(|(id, pause)| Concern {
        id: Some(id.to_string()),
        part: None,
        is: ConcernKind::Paused,
        what: "paused by hand".to_owned(),
        why: pause.reason.clone(),
        todo: match pause.until {
            Some(until) => format!("ends by itself at {}", words::moment(until)),
            None => format!("driftless resume {id}"),
        },
        approve: None,
        since: None,
    }));
    let before: BTreeMap<ConcernKey<'_>, &Concern> =
        report.previous.iter().flat_map(|p| &p.concerns).map(|c| (concern_key(c), c)).collect();
    for concern in &mut all {
        let known = before.get(&concern_key(concern)).copied();
        if let Some(before) = known {
            concern.why = steady::keep(std::mem::take(&mut concern.why), Some(&before.why));
            concern.todo = steady::keep(std::mem::take(&mut concern.todo), Some(&before.todo));
            // Two controllers may have seen it begin: the first counts.
            concern.since = concern.since.into_iter().chain(before.since).min();
        }
    }
    all.sort_by(|a, b| (a.is, &a.id, &a.part, &a.what).cmp(&(b.is, &b.id, &b.part, &b.what)));
    all
}

/// That nothing is written at all.
fn frozen(why: &str, report: &Report<'_>) -> Concern {
    let (why, todo) = why.rsplit_once("; to go on, ").unwrap_or((why, ""));
    Concern {
        id: None,
        part: None,
        is: ConcernKind::Frozen,
        what: "nothing is changed; looking goes on".to_owned(),
        why: words::clip(why, LONG),
        todo: format!("To go on, {todo}."),
        approve: None,
        since: report.memory.since.get(FROZEN).copied(),
    }
}

/// What makes two concerns of two reports the same one.
pub(super) type ConcernKey<'a> = (ConcernKind, Option<&'a str>, Option<&'a str>, &'a str);

/// The key of a concern.
pub(super) fn concern_key(concern: &Concern) -> ConcernKey<'_> {
    (concern.is, concern.id.as_deref(), concern.part.as_deref(), &concern.what)
}

/// Says whether a change is only the second half of a replacement that is told already.
fn follows_held(change: &Planned, plan: &Plan) -> bool {
    change.key.verb == Verb::Retire
        && !matches!(change.standing, Standing::Go | Standing::Backoff(_))
        && plan.changes.iter().any(|c| c.key.verb == Verb::Replace && c.key.id == change.key.id)
}

fn of_change(change: &Planned, report: &Report<'_>, ended: &Ended<'_>) -> Option<Concern> {
    let remembered = report.memory.failures.get(&change.key);
    let (is, why, todo) = match (ended.get(&change.key), &change.standing) {
        (Some(Attempt::Done), _) => return None,
        (Some(Attempt::Failed { fault, next, .. }), _) => failing(change, fault, next.is_some()),
        (Some(Attempt::Left { why }), _) => waiting(why),
        (None, Standing::Held(hold)) => {
            let reasons: Vec<&str> = hold.reasons.iter().map(|r| r.text.as_str()).collect();
            (ConcernKind::Held, reasons.join("; "), format!("driftless approve {}", hold.digest.short()))
        }
        (None, Standing::Observed) if change.cause == Cause::Drift => {
            (ConcernKind::Drifted, "changed by hand".to_owned(), "Change it back, or change the document.".to_owned())
        }
        (None, Standing::Observed) => {
            (ConcernKind::Observed, "mode: observe".to_owned(), "mode: enforce lets the controller act.".to_owned())
        }
        (None, Standing::Blocked(why)) => match remembered.filter(|f| f.next.is_none() && f.digest == change.digest) {
            Some(failure) => failing(change, &failure.fault, false),
            None => waiting(why),
        },
        (None, Standing::Backoff(_)) => match remembered {
            Some(failure) => failing(change, &failure.fault, failure.next.is_some()),
            None => (ConcernKind::Failing, String::new(), "It is tried again by itself.".to_owned()),
        },
        (None, Standing::Closed(until)) => {
            let todo = "Nothing: it is done when the window opens. Sooner: driftless apply --now".to_owned();
            (ConcernKind::Waiting, format!("sync window shut {until}"), todo)
        }
        (None, Standing::Go) => match (&change.step, remembered) {
            (_, Some(failure)) => failing(change, &failure.fault, failure.next.is_some()),
            (Step::Waits { why, .. }, None) => waiting(&format!("it waits for the {why}")),
            (Step::Ready(_), None) if report.plan.is_some_and(|p| p.frozen.is_some()) => (
                ConcernKind::Pending,
                "differs from git".to_owned(),
                "Nothing: it is done once the freeze ends.".to_owned(),
            ),
            (Step::Ready(_), None) => {
                (ConcernKind::Pending, "differs from git".to_owned(), "Nothing: it is done in the next run.".to_owned())
            }
        },
    };
    let since = report.memory.since.get(&change_words(change)).copied();
    Some(Concern {
        id: Some(change.key.id.to_string()),
        part: change.key.part.clone(),
        is,
        what: match fields::brief(change) {
            Some(fields) => format!("{} ({fields})", blocks::title(change)),
            None => blocks::title(change),
        },
        why: words::clip(&why, LONG),
        todo,
        approve: change.hold().map(|h| h.digest.short()),
        since: if is == ConcernKind::Failing { remembered.map(|f| f.since).or(since) } else { since },
    })
}

/// What comes after something else.
fn waiting(why: &str) -> (ConcernKind, String, String) {
    (ConcernKind::Waiting, why.to_owned(), FOLLOWS.to_owned())
}

/// An error in words that do not tick: that it is tried again, not when or how often.
fn failing(change: &Planned, fault: &Fault, again: bool) -> (ConcernKind, String, String) {
    let next = match (again, fault) {
        (true, _) => "It is tried again by itself.".to_owned(),
        (false, Fault::Unclear { .. }) => "It is settled by looking, never sent twice.".to_owned(),
        (false, _) => format!("Change the document, or: driftless retry {}", change.key.id),
    };
    let todo = format!("{} {next}", words::sentence(fault.hint()));
    (ConcernKind::Failing, fault.to_string(), todo.trim().to_owned())
}

fn of_finding(finding: &Finding, report: &Report<'_>) -> Option<Concern> {
    let is = match finding.weight {
        Weight::Problem => ConcernKind::Problem,
        Weight::Unknown => ConcernKind::Unknown,
        Weight::Note => return None,
    };
    Some(Concern {
        id: finding.id.as_ref().map(ToString::to_string),
        part: None,
        is,
        what: finding.rule.clone(),
        why: words::clip(&finding.text, LONG),
        todo: match (finding.hint.as_str(), is) {
            ("", ConcernKind::Unknown) => "Nothing: it is looked at again.".to_owned(),
            (hint, _) => hint.to_owned(),
        },
        approve: None,
        since: report.memory.since.get(&finding_words(finding)).copied(),
    })
}

fn drift(report: &Report<'_>, ended: &Ended<'_>) -> Vec<Drift> {
    let entry = |change: &Planned, done: &str, over: bool, at: Option<jiff::Timestamp>| Drift {
        id: change.key.id.to_string(),
        part: change.key.part.clone(),
        fields: change.fields.iter().map(|f| drift_field(f, change.key.verb)).collect(),
        done: done.to_owned(),
        over,
        at,
    };
    let by_hand = |c: &&Planned| c.cause == Cause::Drift;
    let changes = report.plan.map(|p| p.changes.as_slice()).unwrap_or_default();
    let mut all: Vec<Drift> = changes
        .iter()
        .filter(by_hand)
        .filter(|c| !matches!(ended.get(&c.key), Some(Attempt::Done)))
        .map(|c| entry(c, about(c, ended, report), false, drifted_since(c, report)))
        .collect();
    let done = report.outcomes.iter().filter(|o| o.attempt == Attempt::Done).map(|o| &o.change).filter(by_hand);
    let lately = done.map(|c| entry(c, "put back", true, Some(report.now)));
    let earlier = report.previous.map(|p| p.drift.as_slice()).unwrap_or_default().iter().filter(|d| d.over).cloned();
    all.extend(lately.chain(earlier).take(PUT_BACK));
    all
}

/// Since when it differs, as far as we or the last report know.
fn drifted_since(change: &Planned, report: &Report<'_>) -> Option<jiff::Timestamp> {
    let id = change.key.id.to_string();
    let open =
        report.previous.into_iter().flat_map(|p| &p.drift).find(|d| !d.over && d.id == id && d.part == change.key.part);
    report.memory.since.get(&change_words(change)).copied().into_iter().chain(open.and_then(|d| d.at)).min()
}

fn drift_field(field: &crate::model::FieldChange, verb: Verb) -> DriftField {
    let sides = fields::sides(field, verb);
    let clip = |values: Vec<String>| values.iter().take(200).map(|v| words::clip(v, LONG)).collect();
    DriftField { path: field.path.clone(), git: clip(sides.git), reality: clip(sides.reality), same: sides.same }
}

/// What is done about drift.
fn about(change: &Planned, ended: &Ended<'_>, report: &Report<'_>) -> &'static str {
    match (ended.get(&change.key), &change.standing) {
        (Some(Attempt::Failed { .. }), _) | (None, Standing::Backoff(_)) => "putting it back fails",
        (Some(Attempt::Left { .. }), _) | (None, Standing::Blocked(_)) => "waits for something else",
        (None, Standing::Closed(_)) => "put back when the sync window opens",
        (None, Standing::Held(_)) => "held: putting it back needs an approval",
        (None, Standing::Observed) => "reported only",
        _ if report.plan.is_some_and(|p| p.frozen.is_some()) => "put back once the freeze ends",
        (Some(Attempt::Done) | None, _) => "put back in the next run",
    }
}

/// `Domain/example.com erp A`.
pub(super) fn who(id: &str, part: Option<&str>) -> String {
    match part {
        Some(part) => format!("{id} {part}"),
        None => id.to_owned(),
    }
}

/// The word that people read.
pub(super) fn word(is: ConcernKind) -> &'static str {
    match is {
        ConcernKind::Frozen => "frozen",
        ConcernKind::Failing => "failing",
        ConcernKind::Held => "held",
        ConcernKind::Problem => "to mend",
        ConcernKind::Unknown => "not seen",
        ConcernKind::Drifted => "drifted",
        ConcernKind::Observed => "reported only",
        ConcernKind::Waiting => "waiting",
        ConcernKind::Pending => "to be done",
        ConcernKind::Paused => "paused",
    }
}

//! A site whose document names another host: its certificate first, then the site there, then the end of the former one.
//! When that end comes is the planner's to say, which knows where names lead (`plan/handover.rs`). Pure.

use super::diff::{self, CERTIFICATE};
use super::names::{self, Asked, asked_from_afar};
use super::render::Form;
use super::step::{Before, Step, Write};
use super::want::{Certificate, Want};
use super::world::{Around, State};
use super::{NginxSite, foreseen, leaving, provider_id};
use crate::model::{
    Change, ChangeKey, Diff, Diffed, Finding, Output, Resolved, ResourceId, Risk, Shown, Step as Work, Verb,
    finding::Weight,
};

/// The changes of a move. `pending` is what is not there yet.
pub(super) fn moving(
    input: &Diff<'_, NginxSite>,
    want: &Want,
    state: &State,
    mut pending: Vec<ResourceId>,
    out: &mut Diffed<Step>,
) {
    match input.view.resolve(&want.host, Output::Id) {
        Resolved::Unknown { why } => {
            return out.findings.push(Finding::about(input.id, Weight::Unknown, "host-unknown", why));
        }
        Resolved::Pending { from, .. } if !pending.contains(&from) => pending.insert(0, from),
        _ => {}
    }
    let there = foreseen::around(input, &want.host);
    let hindrances = there.iter().flat_map(|there| foreseen::hindrances(input, want, there, true)).collect::<Vec<_>>();
    if !hindrances.is_empty() {
        return out.findings.extend(hindrances);
    }
    let brought = brought(input, want, state, there.as_deref());
    let form = if matches!(brought, Brought::None) { Form::Plain } else { Form::Full };
    let mut replace = replace(input, want, state, form);
    if let Brought::Along(certificate) = brought {
        let carry = carry(input, want, state, certificate);
        replace.after.push(carry.key.clone());
        out.changes.push(carry);
    }
    let key = replace.key.clone();
    out.changes.push(replace);
    diff::wait_for(&pending, &mut out.changes);
    let next = provider_id(&want.host.name, &want.file);
    let former = input.retiring.iter().copied().filter(|old| **old != next);
    for old in former.chain(input.provider_id) {
        let (change, findings) = leaving::retirement(input, old, afar(input, want));
        out.changes.push(change.after(key.clone()));
        out.findings.extend(findings);
    }
}

/// Where the certificate of a site comes from in its new place.
enum Brought<'a> {
    /// It needs none that is got from an issuer, or has one there.
    Nothing,
    /// From its former place.
    Along(&'a Certificate),
    /// From nowhere yet: it is got once the name leads there.
    None,
}

fn brought<'a>(input: &Diff<'_, NginxSite>, want: &'a Want, state: &State, there: Option<&Around>) -> Brought<'a> {
    let Some(certificate) = &want.certificate else { return Brought::Nothing };
    let chain = certificate.chain();
    let is_good = |around: &Around| {
        let held = around.certificates.get(&chain);
        held.is_some_and(|h| h.until > input.view.as_of && certificate.domains.iter().all(|d| h.names.contains(d)))
    };
    if there.is_some_and(is_good) {
        return Brought::Nothing;
    }
    if state.around.certificates.contains_key(&chain) { Brought::Along(certificate) } else { Brought::None }
}

fn carry(input: &Diff<'_, NginxSite>, want: &Want, state: &State, certificate: &Certificate) -> Change<Step> {
    let (from, to) = (state.host.clone(), want.host.name.clone());
    let title = format!("take the certificate along from Host/{from}");
    let step = Step::Carry { from, to, certificate: certificate.clone() };
    let key = ChangeKey::part(input.id, CERTIFICATE, Verb::Update);
    Change::new(key, title, Work::Ready(step)).on(input.provider_id).generation(input.generation.max(1)).field(
        &certificate.name,
        Shown::text(format!("on Host/{}", state.host)),
        Shown::text(format!("on {}", want.host)),
    )
}

fn replace(input: &Diff<'_, NginxSite>, want: &Want, state: &State, form: Form) -> Change<Step> {
    let next = provider_id(&want.host.name, &want.file);
    // What it left there when it moved away is still its own.
    let back = input.retiring.contains(&&next);
    let write = Write { before: if back { Before::Ours } else { Before::Nothing }, ..diff::written(want, form) };
    let asked = afar_of(input, want, &write.asked);
    let content = diff::content(want, form);
    let http = if form == Form::Plain { ", over http until it has a certificate" } else { "" };
    let title = format!("move to {}: serve it there{http}; Host/{} serves on for now", want.host, state.host);
    let step = Work::Ready(Step::Arrive { write, from: state.host.clone(), asked });
    let mut change = Change::new(ChangeKey::whole(input.id, Verb::Replace), title, step)
        .on(input.provider_id)
        .generation(input.generation.saturating_add(1))
        .field("host", Shown::text(&state.host), Shown::text(&want.host.name));
    for (path, from, to) in diff::fields(want, &content, state) {
        change = change.field(path, from, to);
    }
    let secure = |asked: &[Asked]| asked.iter().any(|one| one.tls);
    let was = names::asked(state.directives.as_deref().unwrap_or_default(), &want.names);
    if form == Form::Plain && secure(&was) {
        let text = format!(
            "Host/{} has no certificate of that name to take along: https is away until one is got",
            state.host
        );
        change = change.risk(Risk::Unprotects(text));
    }
    change
}

/// What a former host asks of the new one: nothing where that has no public address.
fn afar_of(input: &Diff<'_, NginxSite>, want: &Want, asked: &[Asked]) -> Vec<Asked> {
    match input.view.resolve(&want.host, Output::Address) {
        Resolved::Known(address) => asked_from_afar(asked, &address),
        _ => Vec::new(),
    }
}

pub(super) fn afar(input: &Diff<'_, NginxSite>, want: &Want) -> Vec<Asked> {
    afar_of(input, want, &diff::written(want, Form::Full).asked)
}

//! What is to be done so that a site is as its document says. Pure.

use super::NginxSite;
use super::certificate::{Owed, certify, owed};
use super::directive::{Directive, parse, print};
use super::names::asked;
use super::normal::{differing, normal};
use super::render::{Form, directives};
use super::step::{Before, Content, Step, Write, text_of};
use super::want::{Body, Want};
use super::world::{Around, Live, State};
use super::{foreseen, leaving, moving, upstream};
use crate::model::{
    Cause, Change, ChangeKey, Diff, Diffed, Finding, Observed, Output, Resolved, ResourceId, Shown, Step as Work, Verb,
    finding::Weight,
};

/// The part of a certificate among a site's changes.
pub(super) const CERTIFICATE: &str = "certificate";
/// The part of the change that turns https on once there is a certificate.
pub(super) const TLS: &str = "tls";

pub(super) fn diff(input: &Diff<'_, NginxSite>) -> Diffed<Step> {
    let mut out = Diffed::default();
    match (input.want, &input.have) {
        (_, Observed::Changing(_) | Observed::Unknown { .. }) | (None, Observed::Absent) => {}
        (Some(want), have) => match upstream::settle(want, input.view) {
            Ok((want, pending)) => match have.state().copied() {
                Some(state) if state.host != want.host.name => moving::moving(input, &want, state, pending, &mut out),
                state => {
                    wanted(input, &want, state, pending, &mut out);
                    leaving::former(input, &want, &mut out);
                }
            },
            Err(why) => out.findings.push(Finding::about(input.id, Weight::Unknown, "upstream-unknown", why)),
        },
        (None, Observed::Present(state)) => {
            leaving::remove(input, state, &mut out);
            leaving::left(input, &mut out);
        }
    }
    out
}

/// What is to be done for a site that some document wants; `pending` are hosts whose addresses it has to know.
fn wanted(
    input: &Diff<'_, NginxSite>,
    want: &Want,
    state: Option<&State>,
    mut pending: Vec<ResourceId>,
    out: &mut Diffed<Step>,
) {
    let near = if state.is_none() { foreseen::around(input, &want.host) } else { None };
    let around = state.map(|state| &*state.around).or(near.as_deref());
    if let Some(around) = around {
        let hindrances = foreseen::hindrances(input, want, around, state.is_none());
        let hindered = !hindrances.is_empty() && state.is_none();
        out.findings.extend(hindrances);
        out.findings.extend(foreseen::ends(input, want, around));
        if hindered {
            return;
        }
    }
    match input.view.resolve(&want.host, Output::Id) {
        Resolved::Unknown { why } if state.is_none() => {
            out.findings.push(Finding::about(input.id, Weight::Unknown, "host-unknown", why));
            return;
        }
        Resolved::Pending { from, .. } if !pending.contains(&from) => pending.insert(0, from),
        _ => {}
    }
    let owes = want.certificate.as_ref().and_then(|c| owed(input, c, around).map(|why| (c, why)));
    let missing = matches!(owes, Some((_, Owed::Missing(_))));
    let waiting = missing && state.is_none();
    let form = match (missing, state) {
        (false, _) => Form::Full,
        // It was served with one that has gone from the disk; nginx still has it.
        (true, Some(state)) if state.is(&wanted_directives(want, Form::Full)) => Form::Full,
        (true, None) => Form::Waiting,
        (true, Some(state)) if state.is(&wanted_directives(want, Form::Waiting)) => Form::Waiting,
        (true, Some(_)) => Form::Plain,
    };
    let first = write(input, want, form, state, around.is_some_and(Around::is_before_1_25_1));
    let site = first.as_ref().map(|change| change.key.clone());
    out.changes.extend(first);
    if let Some((certificate, why)) = owes {
        let mut change = certify(input, want, certificate, &why);
        change.after.extend(site.clone());
        let key = change.key.clone();
        out.changes.push(change);
        if missing && form != Form::Full {
            let mut change = turn_on(input, want, form, waiting);
            change.after.push(key);
            out.changes.push(change);
        }
    }
    wait_for(&pending, &mut out.changes);
}

/// Has changes wait for what is not there yet. Once it is, all is planned anew: what is there then already is not got again.
pub(super) fn wait_for(pending: &[ResourceId], changes: &mut [Change<Step>]) {
    if pending.is_empty() {
        return;
    }
    let names: Vec<String> = pending.iter().map(ToString::to_string).collect();
    let waits = || Work::Waits { on: pending.to_vec(), why: format!("{} to be ready", names.join(" and ")) };
    changes.iter_mut().for_each(|change| change.step = waits());
}

/// What a file should hold, settled.
pub(super) fn wanted_directives(want: &Want, form: Form) -> Vec<Directive> {
    match &want.body {
        Body::Site(site) => normal(&directives(want, site, form)),
        Body::Raw { text, .. } => normal(&parse(text).unwrap_or_default().directives),
    }
}

pub(super) fn content(want: &Want, form: Form) -> Content {
    match &want.body {
        Body::Site(site) => Content::Directives(directives(want, site, form)),
        Body::Raw { text, .. } => Content::Text(text.clone()),
    }
}

/// One form of a site as it is written, in place of whatever is there.
pub(super) fn written(want: &Want, form: Form) -> Write {
    let directives = wanted_directives(want, form);
    Write {
        host: want.host.name.clone(),
        file: want.file.clone(),
        content: content(want, form),
        form: matches!(want.body, Body::Site(_)).then_some(form),
        names: want.names.clone(),
        asked: asked(&directives, &want.names),
        before: Before::Ours,
    }
}

pub(super) fn key(input: &Diff<'_, NginxSite>, part: Option<&str>, verb: Verb) -> ChangeKey {
    match part {
        Some(part) => ChangeKey::part(input.id, part, verb),
        None => ChangeKey::whole(input.id, verb),
    }
}

/// The change of the file itself; none where it is as wanted.
fn write(
    input: &Diff<'_, NginxSite>,
    want: &Want,
    form: Form,
    state: Option<&State>,
    old: bool,
) -> Option<Change<Step>> {
    let content = content(want, form);
    let text = text_of(input.id, &content, old);
    let step = |before| Work::Ready(Step::Write(Write { before, ..written(want, form) }));
    let Some(state) = state else {
        let title = if form == Form::Waiting { "create, http until it has its certificate" } else { "create" };
        let change = Change::new(key(input, None, Verb::Create), title, step(Before::Nothing));
        return Some(
            change
                .generation(input.generation.saturating_add(1))
                .field("host", Shown::Nothing, Shown::text(&want.host.name))
                .field("serverNames", Shown::Nothing, Shown::text(want.names.join(" ")))
                .field(want.path(), Shown::Nothing, Shown::text(text)),
        );
    };
    let fields = fields(want, &content, state);
    let (enabled, stopped, unread) = (state.live == Live::Linked, state.around.stopped, state.is_unread());
    if fields.is_empty() && enabled && !stopped && !unread {
        return None;
    }
    let title = match (fields.is_empty(), enabled) {
        (true, true) if stopped => "start nginx",
        (true, true) => "reload",
        (true, false) => "enable, reload",
        (false, true) => "rewrite, reload",
        (false, false) => "rewrite, enable, reload",
    };
    let before = if state.is_loose() { Before::Nothing } else { Before::Text(state.digest.clone()) };
    let mut change = Change::new(key(input, None, Verb::Update), title, step(before))
        .on(input.provider_id)
        .generation(input.generation.max(1));
    for (path, from, to) in fields {
        change = change.field(path, from, to);
    }
    if !enabled {
        change = change.field("enabled", Shown::text(state.live.words()), Shown::text("a link in sites-enabled"));
    }
    if unread {
        change = change.field("nginx", Shown::text("has not read it"), Shown::text("reads it"));
    }
    if stopped {
        change = change.field("nginx", Shown::text("stopped"), Shown::text("running"));
    }
    Some(change)
}

/// What differs in the file: by field where both sides are understood, else by line.
pub(super) fn fields(want: &Want, content: &Content, state: &State) -> Vec<(String, Shown, Shown)> {
    let whole = |text: &str| vec![(want.path(), Shown::text(&state.text), Shown::text(text))];
    let wanted = match content {
        Content::Directives(all) => normal(all),
        Content::Text(text) => match parse(text) {
            Ok(parsed) => normal(&parsed.directives),
            Err(_) if *text == state.text => return Vec::new(),
            Err(_) => return whole(text),
        },
    };
    let Ok(have) = &state.directives else { return whole(&print(&wanted)) };
    let side = |values: Vec<String>| match values.len() {
        0 => Shown::Nothing,
        1 => Shown::Text(values.into_iter().next().unwrap_or_default()),
        _ => Shown::Set(values),
    };
    differing(&normal(have), &wanted).into_iter().map(|d| (d.path, side(d.from), side(d.to))).collect()
}

/// https is turned on once the certificate is there.
fn turn_on(input: &Diff<'_, NginxSite>, want: &Want, form: Form, waiting: bool) -> Change<Step> {
    let before = text_of(input.id, &content(want, form), false);
    let after = text_of(input.id, &content(want, Form::Full), false);
    let write = written(want, Form::Full);
    let title = if waiting { "serve it, over https" } else { "serve it over https" };
    Change::new(key(input, Some(TLS), Verb::Update), title, Work::Ready(Step::Write(write)))
        .on(input.provider_id)
        .generation(input.generation.max(1))
        .cause(Cause::Document)
        .field(want.path(), Shown::text(before), Shown::text(after))
}

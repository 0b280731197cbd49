//! What is to be done so that a site is as its document says. Pure.

use super::NginxSite;
use super::directive::{Directive, parse, print};
use super::moving;
use super::names::{Asked, asked};
use super::normal::{self, differing, normal};
use super::render::{Form, directives};
use super::upstream;
use super::want::{Body, Certificate, Site, Want};
use super::world::{Around, Live, State};
use crate::model::{
    Cause, Change, ChangeKey, Diff, Diffed, Digest, Finding, Observed, OnRemove, Output, Resolved, ResourceId, Shown,
    Step as Work, Verb, finding::Weight,
};
use serde::{Deserialize, Serialize};

/// One change's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub enum Step {
    /// Writes the file, enables it, tests, reloads, asks.
    Write(Write),
    /// Writes a site in its new place, and has it asked from the former one.
    Arrive {
        /// The site.
        write: Write,
        /// The name of its former host.
        from: String,
        /// What that asks.
        asked: Vec<Asked>,
    },
    /// Takes a certificate along, with what it is renewed by.
    Carry {
        /// The name of the former host.
        from: String,
        /// The name of the new one.
        to: String,
        /// The certificate.
        certificate: Certificate,
    },
    /// Takes a site away that is served elsewhere by now, once that answers from there.
    Retire {
        /// The name of the former host.
        host: String,
        /// The file's name.
        file: String,
        /// What that host asks before.
        asked: Vec<Asked>,
    },
    /// Gets or renews the certificate, and has nginx read it.
    Certify {
        /// The host's name.
        host: String,
        /// The certificate.
        certificate: Certificate,
        /// Whether one that is good for a while is to be got anew.
        renew: bool,
    },
    /// Takes the link away: the file stays.
    Disable {
        /// The host's name.
        host: String,
        /// The file's name.
        file: String,
    },
    /// Takes link and file away.
    Delete {
        /// The host's name.
        host: String,
        /// The file's name.
        file: String,
    },
    /// Lets go of it; nothing is sent.
    Release,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Write {
    /// The host's name.
    pub host: String,
    /// The file's name.
    pub file: String,
    /// What stands in it.
    pub content: Content,
    /// Which form of the site it is, for the way from a line back to the document.
    pub form: Option<Form>,
    /// The names that it serves.
    pub names: Vec<String>,
    /// Where it is asked afterwards.
    pub asked: Vec<Asked>,
    /// What it takes the place of.
    pub before: Before,
}

/// What a file takes the place of: anything else that stands there is somebody's, and is not written over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Before {
    /// No file.
    Nothing,
    /// The text with this digest.
    Text(Digest),
    /// What a change of the same plan wrote.
    Ours,
}

/// What stands in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// Directives, in words that do not depend on nginx's version.
    Directives(Vec<Directive>),
    /// A text.
    Text(String),
}

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
                    moving::former(input, &want, &mut out);
                }
            },
            Err(why) => out.findings.push(Finding::about(input.id, Weight::Unknown, "upstream-unknown", why)),
        },
        (None, Observed::Present(state)) => {
            remove(input, state, &mut out);
            moving::left(input, &mut out);
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
    let told = match input.view.resolve(&want.host, Output::Nginx) {
        Resolved::Known(text) if state.is_none() => Around::told(&text),
        _ => None,
    };
    let around = state.map(|state| &*state.around).or(told.as_ref());
    if let Some(around) = around {
        taken(input, want, around, out);
        out.findings.extend(ends(input, want, around));
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

/// The text as it will stand on a host, which names its document.
pub fn text_of(id: &ResourceId, content: &Content, old: bool) -> String {
    match content {
        Content::Text(text) => text.clone(),
        Content::Directives(all) => {
            let all = if old { normal::before_1_25_1(all) } else { all.clone() };
            format!("# {id}: kept equal to its document in git; what is changed here is put back.\n\n{}", print(&all))
        }
    }
}

/// How many lines stand before the first directive of a rendered text.
pub(super) const HEAD: u32 = 2;

fn key(input: &Diff<'_, NginxSite>, part: Option<&str>, verb: Verb) -> ChangeKey {
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
    let (enabled, stopped) = (state.live == Live::Linked, state.around.stopped);
    if fields.is_empty() && enabled && !stopped {
        return None;
    }
    let title = match (fields.is_empty(), enabled) {
        (true, true) => "start nginx",
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

/// Server names that another enabled file of the host has.
fn taken(input: &Diff<'_, NginxSite>, want: &Want, around: &Around, out: &mut Diffed<Step>) {
    for (name, files) in want.names.iter().filter_map(|name| Some((name, around.names.get(name)?))) {
        let others: Vec<&str> = files.iter().map(String::as_str).filter(|f| *f != want.file).collect();
        if name != "_" && !others.is_empty() {
            let text = format!("the server name {name} is also in {} on {}", others.join(" and "), want.host);
            let hint = "nginx serves one of them and ignores the other: take the name out of one, or remove that file.";
            out.findings.push(Finding::about(input.id, Weight::Problem, "server-name-taken", text).hint(hint));
        }
    }
}

/// A certificate that somebody else renews, and has not.
fn ends(input: &Diff<'_, NginxSite>, want: &Want, around: &Around) -> Option<Finding> {
    let Body::Site(Site { tls: Some(tls), .. }) = &want.body else { return None };
    let held = around.certificates.get(&tls.certificate).filter(|_| want.certificate.is_none())?;
    let as_of = input.view.as_of;
    let day = held.until.strftime("%Y-%m-%d");
    let (weight, text) = match held.until <= as_of {
        true => (Weight::Problem, format!("its certificate {} ended on {day}", tls.certificate)),
        false => {
            held.renew_from().filter(|from| *from <= as_of)?;
            let text =
                format!("its certificate {} has less than a third of its life left: it ends on {day}", tls.certificate);
            (Weight::Note, text)
        }
    };
    let hint = "Renew it there; or write tls: {issuer: letsencrypt}, and it is got and renewed from here.";
    Some(Finding::about(input.id, weight, "certificate-ends", text).hint(hint))
}

/// Why a certificate has to be got.
enum Owed {
    /// There is none that could be served: why, in words.
    Missing(String),
    /// There is one, and a better one is to be had.
    Due(String),
}

fn owed(input: &Diff<'_, NginxSite>, certificate: &Certificate, around: Option<&Around>) -> Option<Owed> {
    let Some(live) = around.and_then(|around| around.certificates.get(&certificate.chain())) else {
        return Some(Owed::Missing("there is none yet".to_owned()));
    };
    let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    let lacking: Vec<&str> =
        certificate.domains.iter().filter(|d| !live.names.contains(*d)).map(String::as_str).collect();
    if !lacking.is_empty() {
        return Some(Owed::Due(format!("it lacks {}", lacking.join(", "))));
    }
    let as_of = input.view.as_of;
    if live.until <= as_of {
        return Some(Owed::Due(format!("it ended on {}", day(live.until))));
    }
    live.renew_from().filter(|from| *from <= as_of)?;
    Some(Owed::Due(format!("two thirds of its life are over, and it ends on {}", day(live.until))))
}

fn certify(input: &Diff<'_, NginxSite>, want: &Want, certificate: &Certificate, owed: &Owed) -> Change<Step> {
    // Never a create: what the issuer counts is the attempt, and looking at the host says what became of it.
    let (title, why) = match owed {
        Owed::Missing(why) => ("get the certificate", why),
        Owed::Due(why) => ("renew the certificate", why),
    };
    let (host, renew) = (want.host.name.clone(), matches!(owed, Owed::Due(_)));
    let step = Work::Ready(Step::Certify { host, certificate: certificate.clone(), renew });
    Change::new(key(input, Some(CERTIFICATE), Verb::Update), title, step)
        .on(input.provider_id)
        .generation(input.generation.max(1))
        .field(&certificate.name, Shown::text(why), Shown::text(format!("for {}", certificate.domains.join(" "))))
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

fn remove(input: &Diff<'_, NginxSite>, state: &State, out: &mut Diffed<Step>) {
    let (host, file) = (state.host.clone(), state.file.clone());
    let change = |verb, title: &str, step| {
        let names: Vec<String> = state.names().into_iter().collect();
        Change::new(key(input, None, verb), title, Work::Ready(step))
            .on(input.provider_id)
            .generation(input.generation.max(1))
            .cause(Cause::Removal)
            .field("serverNames", Shown::text(names.join(" ")), Shown::Nothing)
    };
    let served = state.live != Live::Not;
    match input.policy.on_remove {
        OnRemove::Keep => out.changes.push(change(Verb::Release, "let go; the site stays", Step::Release)),
        OnRemove::Stop if served && input.owned.is_none_or(|o| o.stopped.is_none()) => {
            out.changes.push(change(Verb::Stop, "serve it no longer; the file stays", Step::Disable { host, file }));
        }
        OnRemove::Stop if !input.policy.soaked(input.owned.and_then(|o| o.stopped), input.view.as_of) => {}
        OnRemove::Stop | OnRemove::Destroy => {
            out.changes.push(change(Verb::Delete, "delete, reload", Step::Delete { host, file }));
            for name in state.certificates() {
                let text = format!("the certificate {name} stays on the host, and certbot goes on renewing it");
                let hint = format!("Where nothing else uses it: certbot delete --cert-name {name}");
                out.findings.push(Finding::about(input.id, Weight::Note, "certificate-stays", text).hint(hint));
            }
        }
    }
}

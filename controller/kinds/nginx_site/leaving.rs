//! What becomes of a site that is wanted no more where it is: its document has gone, or names another host. With it ends
//! the renewal of a certificate that came to be there by driftless and that nothing else there uses; the certificate itself
//! stays. Pure.

use super::NginxSite;
use super::diff::key;
use super::moving::afar;
use super::names::Asked;
use super::step::Step;
use super::want::Want;
use super::world::{Live, State};
use crate::model::{
    Cause, Change, ChangeKey, Diff, Diffed, Finding, Kind, OnRemove, ProviderId, ResourceId, Scope, Shown,
    Step as Work, Verb, finding::Weight,
};
use std::collections::BTreeSet;

/// What a policy says of a site whose document has gone.
pub(super) fn remove(input: &Diff<'_, NginxSite>, state: &State, out: &mut Diffed<Step>) {
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
            let certificates = unused(state);
            out.findings.extend(staying(input, state, &certificates));
            let step = Step::Delete { host, file, certificates: certificates.clone() };
            out.changes.push(renewed_no_longer(change(Verb::Delete, "delete, reload", step), &certificates));
        }
    }
}

/// The certificates of a site that go with it: by what was seen, nothing else there names them, and they are ours.
fn unused(state: &State) -> BTreeSet<String> {
    let around = &state.around;
    let other = |file: &String| file.rsplit_once('/').is_none_or(|(_, name)| name != state.file);
    let used = |name: &String| around.uses.get(name).is_some_and(|files| files.iter().any(other));
    state.certificates().into_iter().filter(|name| around.ours.contains(name) && !used(name)).collect()
}

/// What is told of certificates that stay as they are.
fn staying(input: &Diff<'_, NginxSite>, state: &State, unused: &BTreeSet<String>) -> Vec<Finding> {
    let one = |name: &String| {
        let host = &state.host;
        let text = format!("the certificate {name} stays on Host/{host}, and certbot goes on renewing it there");
        let hint =
            format!("Where nothing else there uses it: certbot delete --cert-name {name}, once the site has gone.");
        Finding::about(input.id, Weight::Note, "certificate-stays", text).hint(hint)
    };
    state.certificates().iter().filter(|name| !unused.contains(*name)).map(one).collect()
}

fn renewed_no_longer(change: Change<Step>, certificates: &BTreeSet<String>) -> Change<Step> {
    let one = |change: Change<Step>, name: &String| {
        let after = "renewed no longer; it stays where it is";
        change.field(format!("certificate {name}"), Shown::text("renewed there"), Shown::text(after))
    };
    certificates.iter().fold(change, one)
}

/// What a move left behind goes once nothing else is to be done.
pub(super) fn former(input: &Diff<'_, NginxSite>, want: &Want, out: &mut Diffed<Step>) {
    let before: Vec<ChangeKey> = out.changes.iter().map(|change| change.key.clone()).collect();
    for old in &input.retiring {
        let (change, findings) = retirement(input, old, afar(input, want));
        out.changes.push(before.iter().fold(change, |change, key| change.after(key.clone())));
        out.findings.extend(findings);
    }
}

/// What a move left behind goes before the rest, when the document has gone as well: nothing remembers it afterwards.
pub(super) fn left(input: &Diff<'_, NginxSite>, out: &mut Diffed<Step>) {
    for old in &input.retiring {
        let (former, findings) = retirement(input, old, Vec::new());
        out.changes.iter_mut().filter(|c| c.key.verb != Verb::Retire).for_each(|c| c.after.push(former.key.clone()));
        out.changes.push(former);
        out.findings.extend(findings);
    }
}

/// The end of a former site, which is asked this before; and what is told of what it leaves there.
pub(super) fn retirement(
    input: &Diff<'_, NginxSite>,
    old: &ProviderId,
    asked: Vec<Asked>,
) -> (Change<Step>, Vec<Finding>) {
    let known = input.owned.and_then(|o| o.retiring.iter().find(|r| r.provider_id == *old)).map(|r| r.generation);
    let generation = known.unwrap_or(if Some(old) == input.provider_id { input.generation } else { 0 });
    let (host, file) = place(old);
    let state = input.there(&Scope::within(NginxSite::NAME, &host.name)).find(|state| state.file == file);
    let state = state.or_else(|| input.have.state().copied().filter(|state| state.host == host.name));
    let certificates = state.map(unused).unwrap_or_default();
    let findings = state.map(|state| staying(input, state, &certificates)).unwrap_or_default();
    let key = ChangeKey::part(input.id, old.to_string(), Verb::Retire);
    let title = format!("serve it no longer from {host}: delete the site there, reload");
    let step = Step::Retire { host: host.name.clone(), file, asked, certificates: certificates.clone() };
    let change = Change::new(key, title, Work::Ready(step)).on(Some(old)).generation(generation);
    (renewed_no_longer(change.field("host", Shown::text(host.name), Shown::Nothing), &certificates), findings)
}

/// The host's document and the file that a live site's id names.
fn place(id: &ProviderId) -> (ResourceId, String) {
    let (host, file) = id.0.split_once(':').unwrap_or((&id.0, ""));
    (ResourceId::new("Host", host), file.to_owned())
}

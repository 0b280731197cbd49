//! What a look at the host says beforehand: names that are taken, files that are missing, certificates that end. Pure.

use super::NginxSite;
use super::want::{Body, Site, Want};
use super::world::Around;
use crate::model::{Diff, Finding, Kind, Output, Resolved, ResourceId, Scope, finding::Weight};
use std::borrow::Cow;

/// What stands around a site that is not on a host yet: what its neighbours there say, else what the host itself does.
pub(super) fn around<'a>(input: &'a Diff<'_, NginxSite>, host: &ResourceId) -> Option<Cow<'a, Around>> {
    let scope = Scope::within(NginxSite::NAME, &host.name);
    // What was changed in this very run says nothing of what stands around it.
    let near = input.there(&scope).map(|state| &*state.around).find(|around| **around != Around::default());
    near.map(Cow::Borrowed).or_else(|| match input.view.resolve(host, Output::Nginx) {
        Resolved::Known(text) => Around::told(&text).map(Cow::Owned),
        _ => None,
    })
}

/// What nginx would refuse, or serve otherwise than wanted, if the site were made there now.
pub(super) fn hindrances(input: &Diff<'_, NginxSite>, want: &Want, around: &Around, new: bool) -> Vec<Finding> {
    let mut found = taken(input, want, around, new);
    found.extend(missing(input, want, around, new));
    found
}

/// Server names that another enabled file of the host has.
fn taken(input: &Diff<'_, NginxSite>, want: &Want, around: &Around, new: bool) -> Vec<Finding> {
    let one = |name: &String| {
        let files = around.names.get(name).filter(|_| name != "_")?;
        let others: Vec<&str> = files.iter().map(String::as_str).filter(|f| *f != want.file).collect();
        let first = others.first()?;
        let text = format!("the server name {name} is also in {} on {}", others.join(" and "), want.host);
        let mut hint =
            "nginx serves one of them and ignores the other: take the name out of one, or remove that file.".to_owned();
        if new {
            hint = format!("{hint} Nothing is made here before.");
            if !first.contains('/') {
                hint = format!(
                    "{hint} To take that file over instead, write `file: {first}` into the document; `driftless import DIR \
                     --host {}` writes a document of what it says.",
                    want.host.name
                );
            }
        }
        Some(Finding::about(input.id, Weight::Problem, "server-name-taken", text).hint(hint))
    };
    want.names.iter().filter_map(one).collect()
}

/// Files that somebody else puts there, and has not.
fn missing(input: &Diff<'_, NginxSite>, want: &Want, around: &Around, new: bool) -> Option<Finding> {
    let missing: Vec<&str> =
        want.kept_by_others().filter(|path| around.missing.contains(*path)).map(String::as_str).collect();
    let verb = if missing.len() == 1 { "is" } else { "are" };
    let text = format!("{} {verb} not on {}, or cannot be read there", missing.join(" and "), want.host);
    let then = if new { "It is served there only then" } else { "nginx would not start again without" };
    let hint =
        format!("Put what its tls names there, readable for root. {then}. Or write tls: {{issuer: letsencrypt}}.");
    (!missing.is_empty()).then(|| Finding::about(input.id, Weight::Problem, "certificate-missing", text).hint(hint))
}

/// A certificate that somebody else renews, and has not.
pub(super) fn ends(input: &Diff<'_, NginxSite>, want: &Want, around: &Around) -> Option<Finding> {
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

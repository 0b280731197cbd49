//! When the certificate of a site is to be got or renewed, and what is told of one that somebody else keeps. Pure.

use super::NginxSite;
use super::diff::{CERTIFICATE, key};
use super::step::Step;
use super::want::{Certificate, Want};
use super::world::Around;
use crate::model::{Change, Diff, Shown, Step as Work, Verb};

/// Why a certificate has to be got.
pub(super) enum Owed {
    /// There is none that could be served: why, in words.
    Missing(String),
    /// There is one, and a better one is to be had.
    Due(String),
}

pub(super) fn owed(input: &Diff<'_, NginxSite>, certificate: &Certificate, around: Option<&Around>) -> Option<Owed> {
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

pub(super) fn certify(
    input: &Diff<'_, NginxSite>,
    want: &Want,
    certificate: &Certificate,
    owed: &Owed,
) -> Change<Step> {
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

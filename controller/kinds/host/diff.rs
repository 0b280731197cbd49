//! What is to be done so that a host is as its document says. Pure.

use super::Host;
use super::live::{Place, State, Step, ails};
use super::spec::{Machine, Network, Want};
use super::{care, registries};
use crate::model::{
    Cause, Change, ChangeKey, Diff, Diffed, Finding, Observed, OnRemove, Output, Resolved, ResourceId, Shown,
    Step as Work, Verb, finding::Weight,
};
use crate::ports::host::survey::Survey;

pub(super) fn diff(input: &Diff<'_, Host>) -> Diffed<Step> {
    let mut out = Diffed::default();
    match (input.want, &input.have) {
        (_, Observed::Changing(_) | Observed::Unknown { .. }) | (None, Observed::Absent) => {}
        (Some(want), Observed::Absent) => make_ready(input, want, &mut out),
        (Some(want), Observed::Present(state)) => settle(input, want, state, &mut out),
        (None, Observed::Present(state)) => release(input, state, &mut out),
    }
    out
}

/// A machine that is not there yet, or that the controller made and nobody has been on.
fn make_ready(input: &Diff<'_, Host>, want: &Want, out: &mut Diffed<Step>) {
    let title = match want.install.is_empty() {
        true => "make ready: wait for SSH and the first start".to_owned(),
        false => format!("make ready: wait for SSH and the first start, install {}", care::words(&want.install)),
    };
    let change = |step| {
        Change::new(ChangeKey::whole(input.id, Verb::Create), title.clone(), step)
            .generation(input.generation.saturating_add(1))
    };
    match place(input, want) {
        Ok(place) => {
            let shown = Shown::text(&place.at);
            out.changes.push(change(Work::Ready(Step::MakeReady { place })).field("address", Shown::Nothing, shown));
        }
        Err(Missing::Waits { of, output }) => {
            let why = format!("{} of {of}", output.words());
            let step = Work::Waits { on: vec![of.clone()], why };
            out.changes.push(change(step).field("address", Shown::Nothing, Shown::Pending { of, output }));
        }
        Err(Missing::Unknown(why)) => {
            out.findings.push(Finding::about(input.id, Weight::Unknown, "cannot-be-reached", why));
        }
    }
}

enum Missing {
    Waits { of: ResourceId, output: Output },
    Unknown(String),
}

fn place(input: &Diff<'_, Host>, want: &Want) -> Result<Place, Missing> {
    let known = |of: &ResourceId, output| match input.view.resolve(of, output) {
        Resolved::Known(value) => Ok(value),
        Resolved::Pending { from, output } => Err(Missing::Waits { of: from, output }),
        Resolved::Unknown { why } => Err(Missing::Unknown(why)),
    };
    let maybe = |of: &ResourceId, output| known(of, output).ok();
    let place = match &want.machine {
        Machine::Droplet(id, network) => {
            let output = match network {
                Network::Public => Output::Address,
                Network::Private => Output::PrivateAddress,
            };
            let at = known(id, output)?;
            let (public, private) = (maybe(id, Output::Address), maybe(id, Output::PrivateAddress));
            let (machine, v6) = (known(id, Output::Id)?, maybe(id, Output::AddressV6));
            Place { machine, at, public, private, v6 }
        }
        Machine::Address(address) => {
            let public = Some(address.clone());
            Place { machine: address.clone(), at: address.clone(), public, ..Place::default() }
        }
        Machine::Local => Place { machine: "local".to_owned(), at: "local".to_owned(), ..Place::default() },
    };
    // A host on the way must be ready itself.
    want.jump.as_ref().map_or(Ok(()), |jump| known(jump, Output::Id).map(drop))?;
    Ok(place)
}

fn settle(input: &Diff<'_, Host>, want: &Want, state: &State, out: &mut Diffed<Step>) {
    let Some(survey) = &state.survey else { return };
    care::care(input, want, survey, out);
    registries::registries(input, want, state, out);
    let note = |(rule, text): (&'static str, String)| {
        let hint = match rule {
            "disk-full" => "See what fills it: du -xh --max-depth=2 / | sort -h. Docker's own share: docker system df.",
            "inodes-full" => "See which folder has that many files: du --inodes -x / | sort -n | tail.",
            _ => "Choose a time for it; the controller does not do it by itself.",
        };
        Finding::about(input.id, Weight::Note, rule, text).hint(hint)
    };
    out.findings.extend(ails(survey).into_iter().map(note));
    certificates(input, survey, out);
    if let Some(Err(said)) = &survey.engine {
        let text = format!("Docker is installed and its engine does not answer: {said}");
        let hint = "See `systemctl status docker` and `journalctl -u docker` there; or whether the user may use it (group docker).";
        out.findings.push(Finding::about(input.id, Weight::Note, "docker-silent", text).hint(hint));
    }
}

/// Past this share of a certificate's life, in percent, its renewal is overdue: certbot renews at two thirds.
const OVERDUE: u64 = 80;

fn certificates(input: &Diff<'_, Host>, survey: &Survey, out: &mut Diffed<Step>) {
    for (path, certificate) in survey.certificates.iter().filter_map(|(path, found)| Some((path, found.as_ref().ok()?)))
    {
        let age = certificate.age(input.view.as_of);
        let names = certificate.names.iter().cloned().collect::<Vec<_>>().join(", ");
        let day = certificate.until.strftime("%Y-%m-%d");
        let (rule, text) = match age {
            100.. => ("certificate-ended", format!("the certificate of {names} has ended on {day}")),
            OVERDUE.. => ("certificate-ends", format!("the certificate of {names} ends on {day}")),
            _ => continue,
        };
        let hint = format!(
            "It is {path}. See `certbot certificates`, `systemctl list-timers` and /var/log/letsencrypt there."
        );
        out.findings.push(Finding::about(input.id, Weight::Note, rule, text).hint(hint));
    }
}

fn release(input: &Diff<'_, Host>, state: &State, out: &mut Diffed<Step>) {
    let change =
        Change::new(ChangeKey::whole(input.id, Verb::Release), "let go; the machine stays", Work::Ready(Step::Release));
    let change = change.on(input.provider_id).generation(input.generation.max(1)).cause(Cause::Removal);
    out.changes.push(change.field("name", Shown::text(&state.name), Shown::Nothing));
    if input.policy.on_remove != OnRemove::Keep {
        let text = "a Host is how a machine is worked on: without it the machine stays as it is";
        let hint = "Write onRemove: keep for hosts; the Droplet's own document says what becomes of it.";
        out.findings.push(Finding::about(input.id, Weight::Note, "only-let-go", text).hint(hint));
    }
}

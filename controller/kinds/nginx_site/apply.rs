//! Works on the sites of a host. Decides nothing: each step is one script and one round trip.
//!
//! Guarantees: what nginx refuses is never live. A candidate is tried beside the live tree; where the live one then
//! refuses it, does not take it, or does not answer, the former site is put back in the same script.
//! What happens if interrupted: the script ends by itself, one way or the other, and the next look sees which.

mod moving;

use super::super::operate::{Finished, Work};
use super::step::{Before, HEAD, Step, Write, text_of};
use super::want::{AVAILABLE, Body, Certificate, Want};
use super::world::{Live, State};
use super::{Asked, NginxSite, provider_id, render};
use crate::model::Fault;
use crate::ports::host::{Command, Output};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const SITE: &str = include_str!("apply/site.sh");
const CERTIFICATE: &str = include_str!("apply/certificate.sh");
/// Waiting for another change, testing twice, reloading, asking, and all of it again on the way back.
const SITE_TIME: Duration = Duration::from_secs(150);
/// Waiting for another certificate, and the issuer's questions.
const CERTIFICATE_TIME: Duration = Duration::from_secs(420);
/// Longer files are no sites: a survey leaves them out, too.
const LONGEST: usize = 512 << 10;

pub(super) async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
    match step {
        Step::Write(write) => made(work, self::write(work, &write).await?).await,
        Step::Arrive { write, from, asked } => moving::arrive(work, &write, &from, &asked).await,
        Step::Carry { from, to, certificate } => moving::carry(work, &from, &to, &certificate).await,
        Step::Retire { host, file, asked, certificates } => {
            moving::retire(work, (&host, &file), &asked, &certificates).await
        }
        Step::Certify { host, certificate, renew } => certify(work, &host, &certificate, renew).await,
        Step::Disable { host, file } => off(work, &host, &file, None).await,
        Step::Delete { host, file, certificates } => off(work, &host, &file, Some(&certificates)).await,
        Step::Release => Ok(Finished { provider_id: None, state: None }),
    }
}

/// What a script is asked to ask.
fn questions(asked: &[Asked]) -> String {
    let one = |asked: &Asked| {
        let how = if asked.tls { "tls" } else { "plain" };
        format!("{}|{}|{how}|{}", asked.address, asked.port, asked.name)
    };
    asked.iter().map(one).collect::<Vec<_>>().join(" ")
}

async fn run(work: &Work<'_>, host: &str, command: &Command) -> Result<Output, Fault> {
    Ok(work.ports.hosts.host(host)?.output(command).await?)
}

async fn write(work: &Work<'_>, write: &Write) -> Result<State, Fault> {
    let id = &work.key.id;
    let (new, old) = (text_of(id, &write.content, false), text_of(id, &write.content, true));
    let before = match &write.before {
        Before::Nothing => "none".to_owned(),
        Before::Text(digest) => digest.hex(),
        Before::Ours => "any".to_owned(),
    };
    let (names, asked) = (write.names.join(" "), questions(&write.asked));
    let arguments = [write.file.as_str(), "write", &before, &names, &asked];
    let command = Command::script(format!("writing the site {}", write.file), SITE, &arguments)
        .stdin(format!("{}\n{new}{old}", new.len()))
        .within(SITE_TIME);
    let output = run(work, &write.host, &command).await?;
    let is_old = output.text().lines().any(|line| line == "form old");
    if output.code != 0 {
        return Err(refused(work, &write.host, &output, Some((write, is_old))));
    }
    let text = if is_old { old } else { new };
    Ok(State::read(&write.host, &write.file, text.as_bytes(), Live::Linked, Arc::default()))
}

/// Remembers what was made, as soon as it is there.
async fn made(work: &Work<'_>, state: State) -> Result<Finished<State>, Fault> {
    let made = provider_id(&state.host, &state.file);
    work.progress.stage(None, Some(&made)).await?;
    Ok(Finished { provider_id: Some(made), state: Some(state) })
}

/// The site as it stands there now.
async fn again(work: &Work<'_>, host: &str, file: &str, live: Live) -> Result<Finished<State>, Fault> {
    let found = work.ports.hosts.host(host)?.read(&format!("{AVAILABLE}/{file}"), LONGEST).await?;
    let state = found.map(|bytes| State::read(host, file, &bytes, live, Arc::default()));
    Ok(Finished { provider_id: Some(provider_id(host, file)), state })
}

/// Takes a site's link away; its file, too, where it is said which certificates may go with it.
async fn off(
    work: &Work<'_>,
    host: &str,
    file: &str,
    deleted: Option<&BTreeSet<String>>,
) -> Result<Finished<State>, Fault> {
    let action = if deleted.is_some() { "delete" } else { "disable" };
    let certificates = deleted.into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    let command =
        Command::script(format!("taking the site {file} away"), SITE, &[file, action, "any", &certificates, ""]);
    let output = run(work, host, &command.within(SITE_TIME)).await?;
    match output.code {
        0 if deleted.is_none() => again(work, host, file, Live::Not).await,
        0 => Ok(Finished { provider_id: None, state: None }),
        _ => Err(refused(work, host, &output, None)),
    }
}

/// What nginx said, whose fault it is, and what to do.
fn refused(work: &Work<'_>, host: &str, output: &Output, written: Option<(&Write, bool)>) -> Fault {
    let said = output.last_words();
    let id = &work.key.id;
    let what = |text: &str| format!("{text}: {said}");
    const AS_BEFORE: &str = "Nothing was changed: what was served before goes on.";
    match output.code {
        81 => Fault::permanent(
            what(&format!("{id} cannot be served by Host/{host}")),
            "Write install: [nginx] into the host's document, or install it there: apt-get install nginx.",
        ),
        83 => Fault::transient(
            what(&format!("{id} was not written on Host/{host}")),
            "It is planned anew from what is there now.",
        ),
        84 => Fault::permanent(
            what(&format!("{id} would not be served by Host/{host}")),
            "Add `include /etc/nginx/sites-enabled/*;` to its http block there.",
        ),
        85 => Fault::hindered(
            what(&format!("nginx on Host/{host} cannot be changed, since it refuses what is there already")),
            "Mend or remove that file there; nginx goes on with what it read before, and would not start anew.",
        ),
        86 => {
            let place = written.and_then(|(write, old)| place(work, write, old, &said));
            let place = place.map(|place| format!("That line is {place}. ")).unwrap_or_default();
            Fault::permanent(what(&format!("nginx on Host/{host} refuses {id}")), format!("{place}{AS_BEFORE}"))
        }
        87 => Fault::permanent(
            what(&format!("{id} has a server name that another file on Host/{host} has, too")),
            format!("Take the name out of one of them, or remove that file. {AS_BEFORE}"),
        ),
        88 | 89 => {
            let hint = "The former site was put back, and nginx reads that again. See /var/log/nginx/error.log there.";
            Fault::transient(what(&format!("{id} was written on Host/{host}, and did not work")), hint)
        }
        code => {
            let text = format!("{id} was not changed on Host/{host} (exit code {code})");
            Fault::transient(what(&text), "Nothing was changed, or all was put back; it is tried again.")
        }
    }
}

/// Which part of the document nginx complains of.
fn place(work: &Work<'_>, write: &Write, old: bool, said: &str) -> Option<String> {
    let want: &Want = work.want::<NginxSite>()?;
    let (_, rest) = said.split_once(&format!("{AVAILABLE}/{}:", write.file))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let line: u32 = digits.parse().ok()?;
    match &want.body {
        Body::Raw { from: Some(file), .. } => Some(format!("{file}:{line}")),
        Body::Raw { from: None, .. } => Some(format!("line {line} of {}", work.placed("spec.raw"))),
        Body::Site(site) => {
            let field = render::field_of_line(want, site, write.form?, old, line.checked_sub(HEAD)?)?;
            Some(work.placed(&field))
        }
    }
}

async fn certify(
    work: &Work<'_>,
    host: &str,
    certificate: &Certificate,
    renew: bool,
) -> Result<Finished<State>, Fault> {
    let mail = certificate.email.as_deref().unwrap_or_default();
    let how = if renew { "renew" } else { "keep" };
    let mut arguments = vec![certificate.name.as_str(), &certificate.directory, mail, &certificate.webroot, how];
    arguments.extend(certificate.domains.iter().map(String::as_str));
    let doing = format!("getting the certificate {}", certificate.name);
    let command = Command::script(doing, CERTIFICATE, &arguments).within(CERTIFICATE_TIME);
    let output = run(work, host, &command).await?;
    if output.code != 0 {
        return Err(not_certified(work, host, certificate, &output));
    }
    match work.want::<NginxSite>() {
        Some(want) => again(work, host, &want.file, Live::Linked).await,
        None => Ok(Finished { provider_id: None, state: None }),
    }
}

fn not_certified(work: &Work<'_>, host: &str, certificate: &Certificate, output: &Output) -> Fault {
    let said = output.last_words();
    let what = format!("{} got no certificate {} on Host/{host}: {said}", work.key.id, certificate.name);
    match output.code {
        75 | 76 => {
            let seconds = output.text().trim().parse().unwrap_or(3600);
            let hint = "Let's Encrypt counts attempts and would refuse more; it is tried again when there is room.";
            Fault::Transient { what, hint: hint.to_owned(), retry_after: Some(Duration::from_secs(seconds)) }
        }
        77 => {
            let names = certificate.domains.join(", ");
            let hint = format!(
                "The issuer must reach {names} over http, port 80, on this host: see its DNS records and the firewall. The site is served as before until then."
            );
            Fault::permanent(what, hint)
        }
        79 => Fault::permanent(
            what,
            "Write install: [certbot] into the host's document, or install it there: apt-get install certbot.",
        ),
        _ => Fault::transient(what, "It is tried again."),
    }
}

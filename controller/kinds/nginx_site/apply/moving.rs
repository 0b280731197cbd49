//! What of a site goes from host to host: its certificate, itself, and the end of what it leaves behind. Decides nothing.
//!
//! What happens if interrupted: every script does the same when it is run again, and until the last of them the former
//! site serves.

use super::super::super::operate::{Finished, Work};
use super::super::Asked;
use super::super::step::Write;
use super::super::want::Certificate;
use super::super::world::State;
use super::{CERTIFICATE_TIME, made, off, questions, run, write};
use crate::model::Fault;
use crate::ports::host::{Command, Output};
use std::collections::BTreeSet;
use std::time::Duration;

const TAKE: &str = include_str!("take.sh");
const BRING: &str = include_str!("bring.sh");
const ASK: &str = include_str!("ask.sh");
/// Four questions of ten seconds.
const ASKING: Duration = Duration::from_secs(50);
/// Certificates with their chains and an account take a tenth of this.
const MOST: usize = 256 << 10;

/// Writes the site in its new place. It counts as made once its former host has been answered from there.
pub(super) async fn arrive(
    work: &Work<'_>,
    site: &Write,
    from: &str,
    asked: &[Asked],
) -> Result<Finished<State>, Fault> {
    let state = write(work, site).await?;
    let output = ask(work, from, asked).await?;
    if output.code != 0 {
        let (id, host) = (&work.key.id, &site.host);
        return Err(Fault::transient(
            format!("{id} is served by Host/{host}, and Host/{from} does not reach it there: {}", output.last_words()),
            format!(
                "See whether a firewall lets it in on Host/{host}. Host/{from} serves on, and no record of it is changed."
            ),
        ));
    }
    made(work, state).await
}

/// Takes a certificate along: what one host gives goes on to the other as it is, and is written down nowhere between.
pub(super) async fn carry(
    work: &Work<'_>,
    from: &str,
    to: &str,
    certificate: &Certificate,
) -> Result<Finished<State>, Fault> {
    const AS_BEFORE: &str = "The former site serves on, and no record of it is changed.";
    let name = &certificate.name;
    let doing = format!("taking the certificate {name} along");
    let take = Command::script(&doing, TAKE, &[name, &certificate.directory]).saying(MOST);
    let taken = run(work, from, &take).await?;
    if taken.code != 0 || taken.truncated {
        let what = format!("the certificate {name} could not be taken along from Host/{from}: {}", said(&taken));
        return Err(Fault::transient(what, AS_BEFORE));
    }
    let mut arguments = vec![name.as_str(), &certificate.directory, &certificate.webroot];
    arguments.extend(certificate.domains.iter().map(String::as_str));
    let bring = Command::script(&doing, BRING, &arguments).stdin(taken.out).within(CERTIFICATE_TIME);
    let brought = run(work, to, &bring).await?;
    if brought.code != 0 {
        let what = format!("the certificate {name} could not be put in its place on Host/{to}: {}", said(&brought));
        return Err(Fault::transient(what, AS_BEFORE));
    }
    Ok(Finished { provider_id: None, state: None })
}

/// Why a script did not do it: only what it says as an error, since what it gives is secret.
fn said(output: &Output) -> String {
    let words = Output { out: Vec::new(), ..output.clone() }.last_words();
    if words.is_empty() { format!("exit code {}", output.code) } else { words }
}

/// Deletes the site in its former place, once the new one answers from there.
pub(super) async fn retire(
    work: &Work<'_>,
    (host, file): (&str, &str),
    asked: &[Asked],
    certificates: &BTreeSet<String>,
) -> Result<Finished<State>, Fault> {
    let output = ask(work, host, asked).await?;
    if output.code != 0 {
        let what = format!("{} is not taken away from Host/{host}, since the new one does not answer", work.key.id);
        let hint = "The former site serves on. See whether a firewall lets Host/{host} reach the new one.";
        return Err(Fault::transient(format!("{what}: {}", output.last_words()), hint.replace("{host}", host)));
    }
    off(work, host, file, Some(certificates)).await
}

async fn ask(work: &Work<'_>, host: &str, asked: &[Asked]) -> Result<Output, Fault> {
    let asked = questions(asked);
    run(work, host, &Command::script("asking the site in its new place", ASK, &[&asked]).within(ASKING)).await
}

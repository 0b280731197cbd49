//! Works on stacks. Decides nothing: each step is one script on the host, and then the receipt.
//!
//! What happens if interrupted: the receipt is written last, so a stack without its end is brought up again, and compose
//! does nothing twice.

use super::super::operate::{Finished, Work};
use super::live::{State, Step, provider_id};
use super::receipt::Receipt;
use super::want::Want;
use super::{ComposeStack, observe, ship};
use crate::model::{Digest, Fault};
use crate::ports::host::survey::Ask;
use crate::ports::host::{Command, File, Host, Output, last_lines};
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use std::time::Duration;

/// Containers that ignore the signal take ten seconds each.
const STOP: Duration = Duration::from_secs(180);
/// So many lines and letters of what went wrong are told.
const LINES: usize = 20;
const LETTERS: usize = 2_000;

pub(super) async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
    match step {
        Step::Up { version, restart } => up(work, wanted(work, &version)?, &restart).await,
        Step::Adopt { version } => adopt(work, wanted(work, &version)?).await,
        Step::Drop { host, containers } => {
            let words = ["docker", "rm", "-f", "--"].into_iter().map(str::to_owned).chain(containers);
            let command = Command::program("removing containers", words).within(STOP);
            work.ports.hosts.host(&host)?.run(&command).await?;
            Ok(Finished { provider_id: work.provider_id.cloned(), state: None })
        }
        Step::Stop { host, project } => {
            whole(work, &host, &project, "stop").await?;
            Ok(Finished { provider_id: work.provider_id.cloned(), state: None })
        }
        Step::Down { host, project } => {
            whole(work, &host, &project, "down").await?;
            Ok(Finished { provider_id: None, state: None })
        }
        Step::Release => Ok(Finished { provider_id: None, state: None }),
    }
}

fn wanted<'a>(work: &'a Work<'_>, version: &Digest) -> Result<&'a Want, Fault> {
    let want = work.want::<ComposeStack>().filter(|want| want.version() == *version);
    let other = || {
        let what = format!("{} is not what the plan saw any more", work.key.id);
        Fault::transient(what, "Nothing was sent; the next plan decides.")
    };
    want.ok_or_else(other)
}

/// Stops or removes a project by its labels, without its files. Volumes stay.
async fn whole(work: &Work<'_>, host: &str, project: &str, verb: &str) -> Result<(), Fault> {
    let script = "cd / && exec docker compose --ansi never -p \"$1\" \"$2\" </dev/null";
    let command = Command::script(format!("{verb} of {project}"), script, &[project, verb]).within(STOP);
    work.ports.hosts.host(host)?.run(&command).await?;
    Ok(())
}

fn variables(work: &Work<'_>, want: &Want) -> Result<Option<String>, Fault> {
    observe::dot_env(&work.ports.hosts, want).map_err(|why| {
        let what = format!("{} was not brought up: {why}", work.key.id);
        Fault::permanent(what, "Nothing was changed. Put the secret into the secrets folder or the environment.")
    })
}

async fn up(work: &Work<'_>, want: &Want, restart: &BTreeSet<String>) -> Result<Finished<State>, Fault> {
    let host = work.ports.hosts.host(&want.host.name)?;
    let dot_env = variables(work, want)?;
    let output = host.output(&ship::up(want, dot_env.as_deref(), restart)).await?;
    if output.code != 0 {
        return Err(refused(work, want, &output));
    }
    write_receipt(work, want, &host, dot_env.as_deref(), &output.text()).await?;
    finished(want, &host, work).await
}

/// Compose has said before what it would make of it, and that is what there is.
async fn adopt(work: &Work<'_>, want: &Want) -> Result<Finished<State>, Fault> {
    let host = work.ports.hosts.host(&want.host.name)?;
    let dot_env = variables(work, want)?;
    let output = host.run(&ship::trial(want, dot_env.as_deref())).await?;
    if let Some(why) = output.text().lines().find_map(|line| line.strip_prefix("failed ")) {
        let what = format!("{} was not taken over: compose on {} says: {why}", work.key.id, want.host);
        return Err(Fault::transient(what, "Nothing was changed; the next look finds out more."));
    }
    write_receipt(work, want, &host, dot_env.as_deref(), &output.text()).await?;
    finished(want, &host, work).await
}

async fn write_receipt(
    work: &Work<'_>,
    want: &Want,
    host: &Host,
    dot_env: Option<&str>,
    said: &str,
) -> Result<(), Fault> {
    let mut receipt = Receipt::new(want, dot_env, work.ports.clock.now());
    for line in said.lines() {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["hash", service, hash] => drop(receipt.hashes.insert((*service).to_owned(), (*hash).to_owned())),
            ["image", service, image] => drop(receipt.images.insert((*service).to_owned(), (*image).to_owned())),
            ["compose", version] => receipt.compose = (*version).to_owned(),
            _ => {}
        }
    }
    let folder = format!("{}/.driftless", want.directory);
    let make =
        Command::script("making the receipt's folder", "umask 077; mkdir -p \"$1\" && chmod 0700 \"$1\"", &[&folder]);
    host.run(&make).await?;
    let (list, text) = (receipt.list(), receipt.text());
    for (name, text) in [("files", &list), ("receipt.json", &text)] {
        let path = format!("{folder}/{name}");
        host.write(&File { path: &path, bytes: text.as_bytes(), owner: None, mode: "0600" }).await?;
    }
    Ok(())
}

/// The stack as it is now, for what waits for it.
async fn finished(want: &Want, host: &Host, work: &Work<'_>) -> Result<Finished<State>, Fault> {
    let made = provider_id(&want.host.name, &want.project);
    work.progress.stage(None, Some(&made)).await?;
    let asks = BTreeSet::from([Ask::Receipt(want.directory.clone()), Ask::Containers, Ask::Images]);
    let survey = host.survey("root", &asks).await?;
    let all = observe::of_host(&work.ports.hosts, &want.host.name, &[want], &survey).await;
    let state = all.unwrap_or_default().into_iter().find(|state| state.project == want.project);
    Ok(Finished { provider_id: Some(made), state })
}

/// What came back, without the secrets of this stack, and what to do.
fn refused(work: &Work<'_>, want: &Want, output: &Output) -> Fault {
    let (id, host) = (&work.key.id, &want.host);
    let said = told(work, want, output);
    match output.code {
        81 | 82 => Fault::permanent(
            format!("{id} cannot run on {host}: {said}"),
            "Write install: [docker, compose] into the host's document, or install them there.",
        ),
        83 => Fault::transient(
            format!("an image of {id} could not be pulled on {host}: {said}"),
            "Nothing was changed. See the image's name, and whether the host is let in (docker login) and reaches it.",
        ),
        84 => Fault::permanent(
            format!("docker compose on {host} refuses the files of {id}: {said}"),
            "Nothing was changed: what ran before goes on. Mend the compose file.",
        ),
        85 => Fault::permanent(
            format!("docker compose on {host} could not bring up {id}: {said}"),
            "Its files are in place, and its containers may be in part. Mend it, or take back the commit.",
        ),
        86 => Fault::permanent(
            format!("{id} did not get ready on {host}: {said}"),
            "The version that did not get ready stays as it is, to be looked at. Mend it, or take back the commit: `git revert`.",
        ),
        code => Fault::transient(
            format!("{id} was not changed on {host} (exit code {code}): {said}"),
            "It is tried again. See whether the disk there is full.",
        ),
    }
}

/// The last lines, bounded; a log may hold anything, so what is secret here is taken out of it.
fn told(work: &Work<'_>, want: &Want, output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.err).into_owned();
    for name in want.env.values().filter_map(super::want::Value::secret) {
        let Ok(secret) = work.ports.hosts.secrets().get(name) else { continue };
        if !secret.expose_secret().is_empty() {
            text = text.replace(secret.expose_secret(), "(secret)");
        }
    }
    last_lines(&text, LINES).chars().take(LETTERS).collect()
}

//! Works on stacks. Decides nothing: each step is one script on the host, which writes the receipt as well.
//!
//! What happens if interrupted: the receipt is written last, so a stack without its end is brought up again, and compose
//! does nothing twice.

use super::super::operate::{Finished, Work};
use super::live::{State, Step, provider_id};
use super::private::Private;
use super::receipt::Sent;
use super::ship::Way;
use super::want::Want;
use super::{ComposeStack, observe, ship};
use crate::model::{Digest, Fault};
use crate::ports::host::survey::Ask;
use crate::ports::host::{Command, Host, Output, last_lines};
use std::collections::BTreeSet;
use std::time::Duration;

/// Containers that ignore the signal take ten seconds each.
const STOP: Duration = Duration::from_secs(180);
/// So many lines and letters of what went wrong are told.
const LINES: usize = 20;
const LETTERS: usize = 2_000;

pub(super) async fn apply(work: &Work<'_>, step: Step) -> Result<Finished<State>, Fault> {
    let stays = || Ok(Finished { provider_id: work.provider_id.cloned(), state: None });
    match step {
        Step::Up { version, restart, build, fresh } => {
            up(work, wanted(work, &version)?, Way { restart, build, fresh, ..Way::default() }).await
        }
        // Compose has said before what it would make of it, and that is what there is.
        Step::Adopt { version, anew } => {
            up(work, wanted(work, &version)?, Way { stamp: true, anew, ..Way::default() }).await
        }
        Step::Heal { host, service, anew, containers } => {
            let command = ship::heal(&service, if anew { "restart" } else { "start" }, &containers);
            work.ports.hosts.host(&host)?.run(&command.within(STOP)).await?;
            stays()
        }
        Step::Drop { host, containers } => {
            let words = ["docker", "rm", "-f", "--"].into_iter().map(str::to_owned).chain(containers);
            let command = Command::program("removing containers", words).within(STOP);
            work.ports.hosts.host(&host)?.run(&command).await?;
            stays()
        }
        Step::Stop { host, project } => {
            whole(work, &host, &project, "stop").await?;
            stays()
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

async fn up(work: &Work<'_>, want: &Want, way: Way) -> Result<Finished<State>, Fault> {
    let hosts = &work.ports.hosts;
    let host = hosts.host(&want.host.name)?;
    let private = observe::private(hosts, want).map_err(|why| {
        let what = format!("{} was not brought up: {why}", work.key.id);
        Fault::permanent(what, "Nothing was changed. Put the secret into the secrets folder or the environment.")
    })?;
    let sent = Sent::new(want, private.prints(want, hosts.key()), work.ports.clock.now());
    let said = host.output(&ship::up(want, &private, &sent, &way)).await;
    let (fault, begun) = match said {
        Ok(output) if output.code == 0 => return finished(want, &host, work).await,
        Ok(output) => (refused(work, want, &private, &output), matches!(output.code, 85 | 86)),
        // The script goes on without us.
        Err(error) => (error.into(), true),
    };
    if begun {
        // What there is of it is ours, and not somebody else's to be taken over.
        work.progress.stage(None, Some(&provider_id(&want.host.name, &want.project))).await?;
    }
    Err(fault)
}

/// The stack as it is now, for what waits for it.
async fn finished(want: &Want, host: &Host, work: &Work<'_>) -> Result<Finished<State>, Fault> {
    let made = provider_id(&want.host.name, &want.project);
    work.progress.stage(None, Some(&made)).await?;
    let asks = BTreeSet::from([Ask::Receipt(want.directory.clone()), Ask::Engine]);
    let survey = host.survey("root", &asks).await?;
    let all = observe::of_host(&work.ports.hosts, &want.host.name, &[want], &survey).await;
    let state = all.unwrap_or_default().into_iter().find(|state| state.project == want.project);
    Ok(Finished { provider_id: Some(made), state })
}

/// What came back, without the secrets of this stack, and what to do.
fn refused(work: &Work<'_>, want: &Want, private: &Private, output: &Output) -> Fault {
    let (id, host) = (&work.key.id, &want.host);
    // The last lines, bounded; a log may hold anything, so what is secret here is taken out of it first.
    let said = private.redacted(&String::from_utf8_lossy(&output.err));
    let said: String = last_lines(&said, LINES).chars().take(LETTERS).collect();
    match output.code {
        79 => Fault::permanent(
            format!("{id} was not brought up on {host}: {said}"),
            "Nothing was changed. Give it another project, or remove by hand what runs there.",
        ),
        81 | 82 => Fault::permanent(
            format!("{id} cannot run on {host}: {said}"),
            "Write install: [docker, compose] into the host's document, or install them there.",
        ),
        89 => Fault::permanent(
            format!("{id} was not brought up on {host}: {said}"),
            "Nothing was changed. Install curl there.",
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
        86 => Fault::unfit(
            format!("{id} did not get ready on {host}: {said}"),
            "The version that did not get ready stays as it is, to be looked at. Mend it, or take back the commit: `git revert`.",
        ),
        87 => Fault::unfit(
            format!("{id} did not get ready on {host}, and the version before runs again: {said}"),
            format!("{}Mend it, or take back the commit: `git revert`.", newer_data(want)),
        ),
        88 => Fault::unfit(
            format!(
                "{id} did not get ready on {host}, and going back to the version before did not work either: {said}"
            ),
            format!("{}Look at it on the host now, or take back the commit: `git revert`.", newer_data(want)),
        ),
        code => Fault::transient(
            format!("{id} was not changed on {host} (exit code {code}): {said}"),
            "It is tried again. See whether the disk there is full.",
        ),
    }
}

/// What going back does not take back.
fn newer_data(want: &Want) -> String {
    let volumes: Vec<&str> = want.definitions.keys().filter_map(|name| name.strip_prefix("volume ")).collect();
    match volumes.as_slice() {
        [] => String::new(),
        volumes => format!(
            "What the new version wrote into the volumes {} is still there: see whether the version before can work with it. ",
            volumes.join(", ")
        ),
    }
}

//! `driftless trust`: shows the key of a host, and records it.

use super::screen::Screen;
use super::{Exit, Global, connect, plan, reach};
use crate::engine::act::Act;
use crate::engine::look;
use crate::model::ResourceId;
use anyhow::{Context, bail};
use std::time::Duration;

/// Shows and records a host key
///
/// Asks the machine which key it has, from here. Compare the fingerprint with the machine's own: on its console,
/// `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`. What is recorded holds for this machine until it is replaced.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  driftless trust erp\n  driftless trust erp --fingerprint SHA256:uuwFSKjz+z2xFQpvP5hDNTjqxJtPj1rx2xWUGxv/bS8 --yes"
)]
pub struct Arguments {
    /// The host, such as erp or Host/erp
    #[arg(value_name = "HOST")]
    host: String,
    /// A folder of documents, or a commit of the repo (default: the watched branch, or this folder)
    #[arg(value_name = "DIR|REV")]
    what: Option<String>,
    /// The fingerprint that it must show
    #[arg(long, value_name = "SHA256:…")]
    fingerprint: Option<String>,
    /// Does not ask; needs --fingerprint
    #[arg(long, requires = "fingerprint")]
    yes: bool,
}

/// How long the machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Runs the command.
pub async fn run(arguments: Arguments, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let id: ResourceId = match arguments.host.contains('/') {
        true => arguments.host.parse()?,
        false => ResourceId::new("Host", &arguments.host),
    };
    let config = connect::settings(global, screen)?;
    let Some((estate, _)) = plan::estate(&config, arguments.what.as_deref(), screen).await? else {
        return Ok(Exit::Error);
    };
    let ports = connect::ports(&config)?;
    connect::reach(&config, &ports).await?;
    let memory = connect::journal_if_any(&config).await?.memory();
    let contact = match look::contact(&ports, &estate, &memory, &id).await {
        Some(Ok(contact)) => contact,
        Some(Err(why)) => bail!("the key of {id} cannot be asked for: {why}"),
        None => {
            let hosts: Vec<String> =
                estate.documents.keys().filter(|d| d.kind == id.kind).map(|d| d.to_string()).collect();
            let there =
                if hosts.is_empty() { "There is none.".to_owned() } else { format!("There are {}.", hosts.join(", ")) };
            bail!("no document of a host is called {id}\n  {there}");
        }
    };
    let stranger = &contact.stranger;
    let key = ports.hosts.first_contact(stranger, PATIENCE).await;
    let key = key.map_err(|error| anyhow::anyhow!("{error}\n  {}", error.hint()))?;
    let print = key.fingerprint();
    screen.note(&format!("{id} at {} port {} shows\n  {} {print}", stranger.address, stranger.port, key.kind()));
    match memory.pins.get(&id).filter(|pin| pin.machine == contact.machine) {
        Some(pin) if pin.key == key => screen.note("It is known by this key already."),
        Some(pin) => screen.note(&format!(
            "It was known by another one until now:\n  {} {}",
            pin.key.kind(),
            pin.key.fingerprint()
        )),
        None => {}
    }
    if let Some(wanted) = arguments.fingerprint.as_ref().filter(|wanted| **wanted != print) {
        bail!(
            "{id} shows {print}, and not {wanted}\n  Nothing was recorded. Somebody may be in between, or it is another machine."
        );
    }
    if !arguments.yes && !agreed(&print, screen)? {
        return Ok(Exit::Error);
    }
    let act = Act::Trust { id, key: key.to_string(), machine: contact.machine };
    reach::act(&act, "", global, screen).await
}

fn agreed(print: &str, screen: &Screen) -> anyhow::Result<bool> {
    if !screen.asks {
        bail!("nobody can be asked here\n  Compare the fingerprint, and pass it on: --fingerprint {print} --yes");
    }
    screen.note("Compare it on the machine's console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    let ask = dialoguer::Confirm::new().with_prompt("Is it this one?").default(false);
    let yes = ask.interact().context("the answer could not be read")?;
    if !yes {
        screen.note("Nothing was recorded.");
    }
    Ok(yes)
}

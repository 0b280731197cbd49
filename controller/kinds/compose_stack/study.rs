//! Reads the folder of a stack that no document speaks of, for an import: its compose files and variables, then what these
//! name. Two commands a stack. Reads alone, and concludes nothing.

use super::draft::{Folder, There};
use super::live::State;
use crate::ports::Ports;
use crate::ports::host::{Command, Host};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::time::Duration;

const FOLDER: &str = include_str!("apply/folder.sh");
/// So many files of one folder are read,
pub(super) const MOST_FILES: usize = 200;
/// so many bytes of them together,
pub(super) const MOST_BYTES: usize = 2 << 20;
/// and of one file.
pub(super) const LONGEST: usize = 256 << 10;
/// What all of it may say: in base64, with room for some folders.
const SAYS: usize = 16 << 20;

/// The stack with what its folder holds.
pub(super) async fn study(ports: &Ports, state: &State) -> State {
    let mut folder = Folder::of(&state.containers);
    if folder.failed.is_none()
        && let Err(why) = read(ports, &state.host, &mut folder).await
    {
        folder.failed = Some(why);
    }
    State { folder: Some(folder), ..state.clone() }
}

async fn read(ports: &Ports, host: &str, folder: &mut Folder) -> Result<(), String> {
    let host = ports.hosts.host(host).map_err(|error| error.to_string())?;
    more(&host, folder, folder.first()).await?;
    let named = folder.named().into_iter().filter(|(_, purpose)| purpose.is_read());
    let named: Vec<String> = named.map(|(path, _)| path).collect();
    if named.is_empty() { Ok(()) } else { more(&host, folder, named).await }
}

async fn more(host: &Host, folder: &mut Folder, paths: Vec<String>) -> Result<(), String> {
    let bounds = [MOST_FILES, MOST_BYTES, LONGEST].map(|bound| bound.to_string());
    let arguments = std::iter::once(folder.path.as_str()).chain(bounds.iter().map(String::as_str));
    let arguments: Vec<&str> = arguments.chain(paths.iter().map(String::as_str)).collect();
    let command = Command::script(format!("reading {}", folder.path), FOLDER, &arguments);
    let command = command.within(Duration::from_secs(60)).saying(SAYS);
    let said = host.run(&command).await.map_err(|error| error.to_string())?;
    if said.truncated {
        return Err(format!("what its compose files name in {} is more than {} MiB", folder.path, SAYS >> 20));
    }
    for line in said.text().lines() {
        match line.splitn(6, ' ').collect::<Vec<_>>().as_slice() {
            ["file", mode, owner, _, text, path] => {
                let bytes = match *text {
                    "-" => None,
                    "." => Some(Vec::new()),
                    text => Some(BASE64.decode(text).map_err(|error| format!("{path} did not come whole: {error}"))?),
                };
                let there = There { mode: (*mode).to_owned(), owner: (*owner).to_owned(), bytes };
                folder.files.insert(path.trim_start_matches("./").to_owned(), there);
            }
            ["large", path @ ..] => folder.large.push(path.join(" ")),
            _ => {}
        }
    }
    Ok(())
}

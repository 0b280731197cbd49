//! Files on a host, written whole or not at all. Owns the order of that: a file beside the old one, to the disk, then in
//! its place; must not know what is in them.

use super::error::HostError;
use super::pool::Host;
use super::run::Command;
use crate::model::Digest;
use std::time::Duration;

/// One file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File<'a> {
    /// The whole path. Its folder is made where it is missing (0755).
    pub path: &'a str,
    /// What is in it; it travels on standard input, so that it may be secret.
    pub bytes: &'a [u8],
    /// Whose it is: `root`, `101`, `www-data:adm`; none: whoever is logged in.
    pub owner: Option<&'a str>,
    /// Its mode in octal: `0644`.
    pub mode: &'a str,
}

/// `$1` the path, `$2` the mode, `$3` the owner or nothing, `$4` how many bytes are to come.
///
/// A link is followed, so that it stays one. A connection that is cut off leaves fewer bytes than were promised: then the
/// draft goes and the old file stays. `umask` first: a draft of a secret is nobody else's for a moment either.
const WRITE: &str = r#"
set -eu
umask 077
path=$1
if [ -L "$path" ]; then path=$(readlink -f -- "$path"); fi
folder=$(dirname -- "$path")
[ -d "$folder" ] || (umask 022; mkdir -p -- "$folder")
draft=$(mktemp -- "$folder/.driftless.XXXXXXXX")
trap 'rm -f -- "$draft"' EXIT
trap 'exit 1' HUP INT TERM PIPE
cat >"$draft"
came=$(wc -c <"$draft")
if [ "$came" -ne "$4" ]; then echo "only $came of $4 bytes came" >&2; exit 90; fi
[ -z "$3" ] || chown -- "$3" "$draft"
chmod -- "$2" "$draft"
sync -- "$draft" 2>/dev/null || sync
mv -f -T -- "$draft" "$path"
sync -- "$folder" 2>/dev/null || true
"#;

impl Host {
    /// Writes a file: its content is the old one or the new one at every moment, whatever is interrupted.
    pub async fn write(&self, file: &File<'_>) -> Result<(), HostError> {
        let length = file.bytes.len().to_string();
        let arguments = [file.path, file.mode, file.owner.unwrap_or_default(), &length];
        // Slow lines carry 100 kB/s.
        let time = Duration::from_secs(30 + file.bytes.len() as u64 / 100_000);
        let command = Command::script(format!("writing {}", file.path), WRITE, &arguments);
        self.run(&command.stdin(file.bytes).within(time)).await.map(drop)
    }

    /// Reads a file whole, of these many bytes at most; none where there is none.
    pub async fn read(&self, path: &str, most: usize) -> Result<Option<Vec<u8>>, HostError> {
        let script = r#"[ -e "$1" ] || exit 91; exec cat -- "$1""#;
        let command = Command::script(format!("reading {path}"), script, &[path]).saying(most);
        let output = self.output(&command).await?;
        match output.code {
            0 if output.truncated => {
                let why = format!("it is longer than {most} bytes");
                Err(HostError::Strange { host: self.name().to_owned(), doing: format!("reading {path}"), why })
            }
            0 => Ok(Some(output.out)),
            91 => Ok(None),
            code => {
                let (host, doing) = (self.name().to_owned(), format!("reading {path}"));
                Err(HostError::Failed { host, doing, code, said: output.last_words() })
            }
        }
    }

    /// Writes a file only where its content differs, and says whether it did.
    pub async fn write_if_other(&self, file: &File<'_>) -> Result<bool, HostError> {
        let now = self.read(file.path, file.bytes.len().saturating_add(1)).await;
        let same = matches!(&now, Ok(Some(now)) if Digest::of_bytes(now) == Digest::of_bytes(file.bytes));
        if !same {
            self.write(file).await?;
        }
        Ok(!same)
    }
}

//! Does what a host's document asks for beyond being reached. Each step says the same when it is done twice.

use super::super::operate::{Finished, Work};
use super::live::{Place, State, Step};
use super::spec::{Package, Want};
use super::{care, observe};
use crate::model::{Fault, ProviderId};
use crate::ports::host::survey::Survey;
use crate::ports::host::{Command, File, Host};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long packages may take to come and be set up.
const INSTALL: Duration = Duration::from_secs(900);
/// How long removing images may take.
const PRUNE: Duration = Duration::from_secs(600);

/// Takes of each program the first package that the distribution has in a version that does; never upgrades, and leaves
/// settings that somebody changed as they are. `certbot` brings its own timer for renewals.
const APT: &str = r#"
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
apt="apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold"
$apt update >&2
candidate() { apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: *//p' | grep -v '^(none)$'; }
chosen=
for wanted in "$@"; do
  case $wanted in
    docker) names="docker.io docker-ce" ;;
    compose) names="docker-compose-v2 docker-compose-plugin docker-compose" ;;
    *) names=$wanted ;;
  esac
  found=
  for name in $names; do
    version=$(candidate "$name" || true)
    case $name:$version in
      *:) ;;
      docker-compose:1.*) ;;
      *) found=$name; break ;;
    esac
  done
  if [ -z "$found" ]; then echo "the package sources of this machine have no $wanted (looked for $names)" >&2; exit 92; fi
  chosen="$chosen $found"
done
$apt install --no-install-recommends --no-upgrade $chosen >&2
"#;

/// Keys that are there already are not put in twice, whoever put them in meanwhile.
const AUTHORIZE: &str = r#"
set -eu
umask 077
home=$(getent passwd "$1" | cut -d: -f6)
[ -n "$home" ] || { echo "there is no user $1" >&2; exit 93; }
mkdir -p "$home/.ssh"
keys=$home/.ssh/authorized_keys
draft=$(mktemp "$home/.ssh/.driftless.XXXXXXXX")
trap 'rm -f "$draft"' EXIT
if [ -f "$keys" ]; then cat "$keys" >"$draft"; fi
[ -z "$(tail -c 1 "$draft")" ] || echo >>"$draft"
while IFS= read -r line; do
  body=$(printf '%s\n' "$line" | cut -d' ' -f2)
  grep -qF -- "$body" "$draft" || printf '%s\n' "$line" >>"$draft"
done
chown "$1:" "$home/.ssh" "$draft" 2>/dev/null || true
chmod 0600 "$draft"
sync "$draft" 2>/dev/null || sync
mv -f "$draft" "$keys"
"#;

/// What a container has come to use since is left; so is what another image stands on.
const PRUNE_IMAGES: &str = r#"
used=$(docker ps -aq --no-trunc | xargs -r docker inspect -f '{{.Image}}' | sort -u) || exit 1
left=0
for image in "$@"; do
  if printf '%s\n' "$used" | grep -qxF "$image"; then continue; fi
  docker image rm -f "$image" >/dev/null 2>&1 || left=$((left + 1))
done
echo "$left"
"#;

pub(super) async fn apply(work: &Work<'_>, want: &Want, step: Step) -> Result<Finished<State>, Fault> {
    let host = work.ports.hosts.host(&want.name)?;
    match step {
        Step::Install { packages } => install(&host, &packages).await?,
        Step::Authorize { lines } => {
            let command = Command::script("letting keys in", AUTHORIZE, &[&want.user]);
            host.run(&command.stdin(lines.join("\n") + "\n")).await?;
        }
        Step::Write { path, text, then } => {
            let file = File { path: &path, bytes: text.as_bytes(), owner: None, mode: "0644" };
            host.write(&file).await?;
            if let Some(service) = then {
                let script = "command -v systemctl >/dev/null 2>&1 || exit 0; exec systemctl try-restart \"$1\"";
                host.run(&Command::script(format!("starting {service} anew"), script, &[&service])).await?;
            }
        }
        Step::Prune { images } => {
            let images: Vec<&str> = images.iter().map(String::as_str).collect();
            host.run(&Command::script("removing images", PRUNE_IMAGES, &images).within(PRUNE)).await?;
        }
        Step::MakeReady { .. } | Step::Release => {}
    }
    seen(work, want, &host).await
}

/// The host as it is now.
async fn seen(work: &Work<'_>, want: &Want, host: &Host) -> Result<Finished<State>, Fault> {
    let asks: BTreeSet<_> = care::asks(want).into_iter().collect();
    let survey = Arc::new(host.survey(&want.user, &asks).await?);
    let machine = work.provider_id.map(|id| id.0.clone()).unwrap_or_default();
    let (at, fingerprint) = match host.ssh() {
        Some(ssh) => (ssh.address.clone(), Some(ssh.key.fingerprint())),
        None => ("local".to_owned(), None),
    };
    // The next look finds the other addresses again; nothing that waits in this run asks for them.
    let place =
        Place { machine: machine.clone(), public: Some(at.clone()).filter(|at| at != "local"), at, private: None };
    let state = observe::state(&work.key.id, want, place, fingerprint, survey);
    Ok(Finished { provider_id: Some(ProviderId(machine)), state: Some(state) })
}

/// Brings a new machine what its document wants to be there before anything else is put on it.
pub(super) async fn furnish(work: &Work<'_>, want: &Want, survey: Survey) -> Result<Survey, Fault> {
    let lacking = care::lacking(want, &survey);
    if lacking.is_empty() || !survey.programs.contains("apt-get") {
        return Ok(survey);
    }
    let host = work.ports.hosts.host(&want.name)?;
    install(&host, &lacking).await?;
    Ok(host.survey(&want.user, &care::asks(want).into_iter().collect()).await?)
}

async fn install(host: &Host, packages: &BTreeSet<Package>) -> Result<(), Fault> {
    let words: Vec<&str> = packages.iter().map(|package| package.word()).collect();
    let command = Command::script(format!("installing {}", care::words(packages)), APT, &words);
    host.run(&command.within(INSTALL)).await?;
    Ok(())
}

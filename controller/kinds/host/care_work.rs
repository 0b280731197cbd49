//! Does what a host's document asks for beyond being reached. Each step says the same when it is done twice.

use super::super::operate::{Finished, Work};
use super::live::{State, Step};
use super::spec::{Package, Registry, Want};
use super::{care, registries};
use crate::model::Fault;
use crate::ports::host::survey::Survey;
use crate::ports::host::{Command, File, Host};
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long packages may take to come and be set up.
const INSTALL: Duration = Duration::from_secs(900);
/// How long a registry may take to answer.
const LOGGING_IN: Duration = Duration::from_secs(60);
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
        Step::Login { registry } => login(work, &host, &registry).await?,
        Step::Prune { images } => {
            let images: Vec<&str> = images.iter().map(String::as_str).collect();
            host.run(&Command::script("removing images", PRUNE_IMAGES, &images).within(PRUNE)).await?;
        }
        Step::MakeReady { .. } | Step::Release => {}
    }
    // The next look sees it, with everything else that changed there.
    Ok(Finished { provider_id: None, state: None })
}

/// Brings a new machine what its document wants to be there before anything else is put on it.
pub(super) async fn furnish(work: &Work<'_>, want: &Want, survey: Survey) -> Result<Survey, Fault> {
    let lacking = care::lacking(want, &survey);
    let installs = !lacking.is_empty() && survey.programs.contains("apt-get");
    let has_docker = survey.engine.is_some() || (installs && lacking.contains(&Package::Docker));
    if !installs && (!has_docker || want.registries.is_empty()) {
        return Ok(survey);
    }
    let host = work.ports.hosts.host(&want.name)?;
    if installs {
        install(&host, &lacking).await?;
    }
    for registry in want.registries.iter().filter(|_| has_docker) {
        login(work, &host, registry).await?;
    }
    Ok(host.survey(&want.user, &care::asks(want).into_iter().collect()).await?)
}

async fn install(host: &Host, packages: &BTreeSet<Package>) -> Result<(), Fault> {
    let words: Vec<&str> = packages.iter().map(|package| package.word()).collect();
    let command = Command::script(format!("installing {}", care::words(packages)), APT, &words);
    host.run(&command.within(INSTALL)).await?;
    Ok(())
}

/// The password goes in on standard input; what Docker then keeps of it is Docker's own way.
const LOGIN: &str = r#"exec docker login --username "$1" --password-stdin ${2:+"$2"}"#;

async fn login(work: &Work<'_>, host: &Host, registry: &Registry) -> Result<(), Fault> {
    let Registry { server, username, secret } = registry;
    let password = work.ports.hosts.secrets().get(secret).map_err(|error| {
        Fault::permanent(error.to_string(), "Put the secret there, or name another one; nothing was changed.")
    })?;
    // Docker Hub has no name of its own on the command line.
    let at = if server == registries::HUB { "" } else { server };
    let command = Command::script(format!("logging in to {server} as {username}"), LOGIN, &[username, at]);
    host.run(&command.stdin(password.expose_secret().as_bytes()).within(LOGGING_IN)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    //! The scripts, against programs of a test's own in their PATH.

    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::{Command as Process, Output, Stdio};

    fn program(folder: &Path, name: &str, script: &str) {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    }

    fn run(folder: &Path, script: &str, words: &[&str], stdin: &str) -> Output {
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").expect("a PATH"));
        let mut own = Process::new("sh");
        own.args(["-c", script, "driftless"]).args(words).env("PATH", path).env("FOLDER", folder);
        own.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = own.spawn().expect("sh");
        child.stdin.take().expect("a pipe").write_all(stdin.as_bytes()).expect("written");
        child.wait_with_output().expect("it ends")
    }

    #[test]
    fn keys_are_let_in_once_and_what_stands_there_stays_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        program(folder.path(), "getent", "echo \"ops:x:1000:1000::$FOLDER/home:/bin/sh\"");
        program(folder.path(), "chown", "exit 0");
        let keys = folder.path().join("home/.ssh/authorized_keys");
        assert!(run(folder.path(), AUTHORIZE, &["ops"], "ssh-ed25519 AAAAone ana\n").status.success());
        assert_eq!(std::fs::read_to_string(&keys).expect("read"), "ssh-ed25519 AAAAone ana\n");
        std::fs::write(&keys, "# by hand\nssh-rsa AAAAold").expect("written");
        let two = "ssh-ed25519 AAAAone ana\nssh-rsa AAAAold renamed\n";
        for _ in 0..2 {
            assert!(run(folder.path(), AUTHORIZE, &["ops"], two).status.success());
            let expected = "# by hand\nssh-rsa AAAAold\nssh-ed25519 AAAAone ana\n";
            assert_eq!(std::fs::read_to_string(&keys).expect("read"), expected);
        }
        assert_eq!(std::fs::metadata(&keys).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn of_compose_the_second_version_is_taken_and_what_no_source_has_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        program(folder.path(), "apt-get", "echo \"$@\" >>$FOLDER/asked");
        let policy = "case $2 in docker-compose) v=$COMPOSE;; docker-compose-plugin|docker-compose-v2) v=;; docker.io) v=24;; *) v='(none)';; esac\n\
                      [ -z \"$v\" ] || echo \"  Candidate: $v\"";
        program(folder.path(), "apt-cache", &policy.replace("$COMPOSE", "2.26.1-4"));
        let done = run(folder.path(), APT, &["docker", "compose"], "");
        assert!(done.status.success(), "{done:?}");
        let asked = std::fs::read_to_string(folder.path().join("asked")).expect("read");
        assert!(asked.lines().last().is_some_and(|line| line.ends_with(" docker.io docker-compose")), "{asked}");
        program(folder.path(), "apt-cache", &policy.replace("$COMPOSE", "1.29.2-3"));
        let refused = run(folder.path(), APT, &["compose"], "");
        assert_eq!(refused.status.code(), Some(92));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("have no compose"), "{refused:?}");
    }

    #[test]
    fn an_image_that_a_container_came_to_use_since_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let docker = "case $1 in ps) echo c1;; inspect) echo sha256:b;; image) echo \"$4\" >>$FOLDER/gone;; esac";
        program(folder.path(), "docker", docker);
        let done = run(folder.path(), PRUNE_IMAGES, &["sha256:a", "sha256:b", "sha256:c"], "");
        assert!(done.status.success(), "{done:?}");
        let gone = std::fs::read_to_string(folder.path().join("gone")).expect("read");
        assert_eq!(gone, "sha256:a\nsha256:c\n");
    }

    #[test]
    fn a_password_goes_to_docker_on_its_input_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        program(folder.path(), "docker", "echo \"$@\" >>$FOLDER/asked; cat >>$FOLDER/read");
        for server in ["ghcr.io", ""] {
            assert!(run(folder.path(), LOGIN, &["bot", server], "s3cret").status.success());
        }
        let asked = std::fs::read_to_string(folder.path().join("asked")).expect("read");
        assert_eq!(asked, "login --username bot --password-stdin ghcr.io\nlogin --username bot --password-stdin\n");
        assert_eq!(std::fs::read_to_string(folder.path().join("read")).expect("read"), "s3crets3cret");
    }
}

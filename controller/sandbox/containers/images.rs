//! Images for droplets, which reach no registry: those of this machine's engine, pulled to it where they are not there, and
//! small stand-ins where they cannot be had. Owns how each is come by; which droplet runs what is whoever's who asks.
//!
//! Guarantees: a stand-in never bears another image's name on this machine's engine, only on droplets.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::docker::Docker;
use super::{Config, engine};

/// How long one image may take: the largest are gigabytes.
const PULL: Duration = Duration::from_secs(1800);
/// Prints the files of a stand-in as a tar, in the droplet's image: a busybox, and what programs of the real ones are asked
/// by health checks. What it is told to run it does not run. $1: the image that it stands in for. $2: where it answers.
const STAND_IN: &str = r##"set -e
[ -x /bin/busybox ] || { echo "there is no /bin/busybox in it" >&2; exit 70; }
root=$(mktemp -d); cd "$root"; mkdir bin www tmp; chmod 1777 tmp
cp -L /bin/busybox bin/busybox; for name in sh cat ls ps wget; do ln -s busybox bin/$name; done
for name in pg_isready redis-cli; do printf '#!/bin/sh\nexit 0\n' >bin/$name; done
echo "This stands in for $1." >www/index.html
{ printf '#!/bin/sh\ntrap "exit 0" TERM INT\necho "This stands in for %s: it does nothing of what that does."\n' "$1"
  for port in $2; do printf 'busybox httpd -p %s -h /www\n' "$port"; done
  printf 'while :; do busybox sleep 3600 & wait $!; done\n'; } >bin/stand-in
chmod 755 bin/*; tar --owner=0 --group=0 -cf - ."##;

/// An image that droplets are to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What compose files call it.
    pub image: String,
    /// The names of the droplets that run it; all where there are none.
    pub droplets: Vec<String>,
    /// Images before it without which it does nothing: a real one is of no use before a stand-in for these.
    pub needs: Vec<String>,
    /// Where a stand-in for it answers over http.
    pub ports: Vec<u16>,
}

/// An image of this machine's engine that droplets' own engines are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// What it is called on this machine's engine.
    pub image: String,
    /// What it is called on droplets.
    pub called: String,
    /// The names of the droplets that get it; all where there are none.
    pub droplets: Vec<String>,
}

impl From<&str> for Given {
    fn from(image: &str) -> Self {
        Self { image: image.to_owned(), called: image.to_owned(), droplets: Vec::new() }
    }
}

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// This machine's engine has it.
    Here,
    /// It is being pulled.
    Pulling,
    /// It was pulled.
    Pulled,
    /// A stand-in runs in its place, and why.
    StandIn(String),
}

/// Comes by images for droplets, one after the other, and tells of each where it is from.
///
/// Without `pull` no registry is asked. What happens if interrupted: images that were pulled stay on the engine.
pub async fn provide(
    config: &Config,
    wanted: &[Wanted],
    pull: bool,
    tell: &(dyn Fn(&Wanted, &Source) + Sync),
) -> io::Result<Vec<Given>> {
    let docker = Docker { host: config.docker.clone() };
    engine(&docker, &config.image).await.map_err(io::Error::other)?;
    let (mut given, mut silent): (Vec<Given>, _) = (Vec::new(), BTreeSet::new());
    for one in wanted {
        let stands_in = |image: &&String| given.iter().any(|g| g.called == **image && g.image != g.called);
        let source = match one.needs.iter().find(stands_in) {
            Some(image) => Source::StandIn(format!("as {image} is one, which it needs")),
            None => source(&docker, one, pull, &mut silent, tell).await,
        };
        let image = match &source {
            Source::StandIn(_) => stand_in(&docker, &config.image, one).await.map_err(io::Error::other)?,
            _ => one.image.clone(),
        };
        tell(one, &source);
        given.push(Given { image, called: one.image.clone(), droplets: one.droplets.clone() });
    }
    Ok(given)
}

async fn source(
    docker: &Docker,
    wanted: &Wanted,
    pull: bool,
    silent: &mut BTreeSet<String>,
    tell: &(dyn Fn(&Wanted, &Source) + Sync),
) -> Source {
    if docker.run(&["image", "inspect", "--format", "{{.Id}}", &wanted.image]).await.is_ok() {
        return Source::Here;
    }
    let registry = registry(&wanted.image);
    if is_example(&registry) {
        return Source::StandIn(format!("{registry} is an example's name"));
    }
    if !pull {
        return Source::StandIn("nothing was pulled".to_owned());
    }
    if silent.contains(&registry) {
        return Source::StandIn(format!("{registry} gave nothing before"));
    }
    tell(wanted, &Source::Pulling);
    let words = ["pull", "--quiet", wanted.image.as_str()];
    match tokio::time::timeout(PULL, docker.run(&words)).await {
        Ok(Ok(_)) => Source::Pulled,
        Ok(Err(why)) => {
            silent.insert(registry);
            Source::StandIn(format!("not pulled: {}", why.rsplit("response from daemon: ").next().unwrap_or(&why)))
        }
        Err(_) => Source::StandIn(format!("not pulled: it did not come within {} min", PULL.as_secs() / 60)),
    }
}

/// The registry that an image's name leads to.
fn registry(image: &str) -> String {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first.to_owned(),
        _ => "docker.io".to_owned(),
    }
}

/// Names that nobody can have (RFC 2606): nobody is asked for them.
fn is_example(registry: &str) -> bool {
    let name = registry.split(':').next().unwrap_or_default();
    ["example.com", "example.org", "example.net"].iter().any(|own| name == *own || name.ends_with(&format!(".{own}")))
        || name.ends_with(".example")
}

/// Makes a stand-in of what lies in the droplet's image, and gives its name on this machine's engine. One that is there
/// already is taken, and one that is made otherwise by now is replaced.
async fn stand_in(docker: &Docker, droplet: &str, wanted: &Wanted) -> Result<String, String> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let name = format!("driftless-stand-in:{}", wanted.image.chars().map(plain).collect::<String>());
    let ports = wanted.ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" ");
    let made_of = Sha256::new().chain_update(STAND_IN).chain_update(&ports).finalize();
    let made_of: String = made_of.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let label = format!("{} of {made_of}", wanted.image);
    let form = r#"{{index .Config.Labels "driftless.stand-in"}}|{{.Id}}"#;
    let there = docker.run(&["image", "inspect", "--format", form, &name]).await.unwrap_or_default();
    let former = match there.split_once('|') {
        Some((known, _)) if known == label => return Ok(name),
        other => other.map(|(_, id)| id),
    };
    let files = ["run", "--rm", "--network", "none", "--entrypoint", "sh", droplet, "-c", STAND_IN, "stand-in"];
    let label = format!("LABEL driftless.stand-in={label:?}");
    let import = ["import", "--change", r#"ENTRYPOINT ["/bin/stand-in"]"#, "--change", &label, "-", &name];
    docker.pipe(&[&files[..], &[&wanted.image, &ports]].concat(), &import).await.map_err(|why| {
        format!("no stand-in for {} could be made of {droplet} ({why}); where that image is older than this program, make it anew: sudo deploy/droplet-image/build {droplet}", wanted.image)
    })?;
    if let Some(former) = former {
        // Somebody's container may use it: then it stays.
        let _ = docker.run(&["image", "rm", former]).await;
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_images_name_leads_to_its_registry_and_examples_lead_nowhere() {
        for (image, leads) in [
            ("odoo:17.0", "docker.io"),
            ("n8nio/n8n:1.70.0", "docker.io"),
            ("ghcr.io/a/b", "ghcr.io"),
            ("localhost/a", "localhost"),
            ("registry:5000/a", "registry:5000"),
        ] {
            assert_eq!(registry(image), leads, "{image}");
        }
        assert!(is_example("registry.example.com") && is_example("example.org:5000") && is_example("a.example"));
        assert!(!is_example("docker.io") && !is_example("myexample.com"));
    }
}

//! What is behind the demo's droplets: simulated hosts, containers, or nothing. Owns which images containers are given, and
//! what of the template is left out with each. Starts nothing itself.

use super::screen::Screen;
use crate::sandbox::{ContainersConfig, HostsConfig, ImageSource, Running, WantedImage, provide_images};
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::time::Duration;

const ERP: &str = "odoo-erp-prod";
const OCR: &str = "ocr-service-droplet";
/// Every image of the template's stacks and of what the demo pushes: the droplet that runs it, what it needs, and where it
/// answers.
const IMAGES: [(&str, &str, &[&str], &[u16]); 7] = [
    ("postgres:16", ERP, &[], &[]),
    ("redis:7-alpine", ERP, &[], &[]),
    ("odoo:17.0", ERP, &["postgres:16"], &[8069, 8072]),
    ("n8nio/n8n:1.70.0", ERP, &["postgres:16", "redis:7-alpine"], &[5678]),
    ("n8nio/n8n:1.71.0", ERP, &["n8nio/n8n:1.70.0"], &[5678]),
    ("registry.example.com/ocr/service:2025.11", OCR, &[], &[8000]),
    ("registry.example.com/ocr/adapter:1.4.0", OCR, &[], &[8100]),
];
/// What of the template is about hosts.
const OF_HOSTS: [&str; 3] = ["hosts/", "stacks/", "sites/"];
/// How long a new droplet may take: images of gigabytes are loaded into it before it lets anybody in.
const PATIENCE: Duration = Duration::from_secs(1200);

/// What is behind droplets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Behind {
    /// Machines in this process, with SSH, a shell, Docker, nginx and certbot
    Simulated,
    /// Containers of this machine's Docker Engine, with the same for real
    Containers,
    /// Nothing: no hosts, stacks and sites
    None,
}

impl Behind {
    /// Makes ready what machines need; without the program ssh nobody could reach simulated ones.
    pub(super) async fn machines(self, screen: &Screen, pull: bool) -> anyhow::Result<(Self, Option<HostsConfig>)> {
        match self {
            Self::Simulated if !has_ssh() => {
                screen.note(
                    "There is no program ssh here (Debian: openssh-client), so the demo leaves hosts, stacks and sites out.",
                );
                Ok((Self::None, None))
            }
            Self::Simulated => Ok((self, Some(HostsConfig::default()))),
            Self::Containers if !has_ssh() => bail!(
                "droplets that are containers are reached by the program ssh, and there is none (Debian: openssh-client)"
            ),
            Self::Containers => Ok((self, Some(containers(screen, pull).await?))),
            Self::None => Ok((self, None)),
        }
    }

    /// How a stack that somebody set up by hand comes into git; nothing where there are no hosts.
    pub(super) fn import(self, api: &str) -> String {
        if self == Self::None {
            return String::new();
        }
        let compose = "services: {redis: {image: redis:7-alpine}}";
        format!(
            "or set up a stack by hand, and bring it into git:\n\n  \
             curl {api}/sandbox/hosts/{ERP} -d 'mkdir /opt/cache; cd /opt/cache\n    \
             echo \"{compose}\" >compose.yaml; docker compose up -d'\n  \
             driftless --config ../driftless.toml import . --host erp\n  \
             git add -A && git commit -m 'The cache, too' && git push\n\n"
        )
    }

    /// How long a new droplet may take, where that is longer than others' take.
    pub(super) fn patience(self) -> Option<Duration> {
        (self == Self::Containers).then_some(PATIENCE)
    }

    /// The rest of the sentence that the demo begins with.
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Simulated => {
                "with simulated hosts behind its droplets, a git\nrepository, and the controller between them."
            }
            Self::Containers => {
                "with containers as its droplets, a git repository,\nand the controller between them. Sites are served \
                 by plain http: no issuer of certificates\nreaches the droplets."
            }
            Self::None => "a git repository, and the controller between\nthem. Nothing is behind its droplets.",
        }
    }

    /// What there is to try beyond what all can, where droplets are containers.
    pub(super) async fn invitation(self, running: &Running) -> String {
        if self != Self::Containers {
            return String::new();
        }
        let asked = running.handle().on_host(ERP, "hostname -i").await;
        let address = asked.map(|said| said.text().split_whitespace().next().unwrap_or_default().to_owned());
        format!(
            "\n\nEach droplet is a container. Ask its site, look inside (the second line names the containers), and\n\
             give it an image that it has not:\n\n  \
             curl -H 'Host: erp.example.com' http://{}/\n  curl {}/sandbox/hosts\n  docker exec -it NAME bash\n  \
             docker save IMAGE | docker exec -i NAME docker load",
            address.unwrap_or_default(),
            running.url()
        )
    }

    /// Takes out of the template what there is no use for.
    pub(super) fn adapt(self, files: &mut BTreeMap<String, Vec<u8>>) {
        match self {
            Self::Simulated => {}
            Self::Containers => without_outside(files),
            Self::None => files.retain(|path, _| !OF_HOSTS.iter().any(|of| path.starts_with(of))),
        }
    }
}

/// Hosts are reached by the program ssh.
fn has_ssh() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("ssh").is_file())
}

/// Comes by every image, and says from where; the error says what this machine lacks.
async fn containers(screen: &Screen, pull: bool) -> anyhow::Result<HostsConfig> {
    let wanted = IMAGES.map(|(image, droplet, needs, ports)| WantedImage {
        image: image.to_owned(),
        droplets: vec![droplet.to_owned()],
        needs: needs.iter().map(|image| (*image).to_owned()).collect(),
        ports: ports.to_vec(),
    });
    screen.print(
        "Images, for droplets reach no registry: what this machine's engine has, else pulled (--stand-ins\n\
         pulls nothing), else a small stand-in that answers and does nothing:\n",
    );
    let tell = |wanted: &WantedImage, source: &ImageSource| {
        let from = match source {
            ImageSource::Here => "is here".to_owned(),
            ImageSource::Pulling => return screen.note(&format!("  {}: pulling", wanted.image)),
            ImageSource::Pulled => "pulled".to_owned(),
            ImageSource::StandIn(why) => format!("stand-in ({})", why.lines().next_back().unwrap_or_default().trim()),
        };
        screen.print(&format!("  {:<42} {from}", wanted.image));
    };
    let config = ContainersConfig::default();
    let seeds =
        provide_images(&config, &wanted, pull, &tell).await.context("the demo's droplets cannot be containers")?;
    screen.print("");
    Ok(HostsConfig { containers: Some(ContainersConfig { seeds, ..config }), ..HostsConfig::default() })
}

/// Takes out of the template what droplets that reach nothing outside cannot have.
fn without_outside(files: &mut BTreeMap<String, Vec<u8>>) {
    for (path, bytes) in files {
        let text = String::from_utf8_lossy(bytes);
        let kept = |line: &&str| match path.split('/').next() {
            // No issuer reaches them: sites are served over plain http.
            Some("sites") => !line.starts_with("  tls:") && !line.starts_with("  redirectHttp:"),
            // An image that is pruned could not be pulled again.
            Some("hosts") => !line.starts_with("  pruneImagesAbove:") && !line.starts_with("  # A full disk"),
            // Their packages are there, and no mirror is.
            Some("cloud-init") => !line.starts_with("package"),
            _ => true,
        };
        if ["sites/", "hosts/", "cloud-init/"].iter().any(|folder| path.starts_with(folder)) {
            *bytes = text.lines().filter(kept).map(|line| format!("{line}\n")).collect::<String>().into_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::demo::{N8N, N8N_NEXT, N8N_NOW};
    use super::super::template;
    use super::*;
    use std::collections::BTreeSet;

    fn template() -> BTreeMap<String, Vec<u8>> {
        template::files(&template::Own { estate: "demo", id: uuid::Uuid::nil(), public_key: None })
    }

    #[test]
    fn every_image_that_the_demo_runs_is_given_to_its_droplets() {
        let mut images = BTreeSet::new();
        for (path, bytes) in template() {
            let text = String::from_utf8(bytes).unwrap();
            if path.ends_with("/compose.yaml") {
                images.extend(text.lines().filter_map(|line| Some(line.trim().strip_prefix("image: ")?.to_owned())));
                let next = text.replace(N8N_NOW, N8N_NEXT);
                assert!(path != N8N || next != text, "{path} has no {N8N_NOW}");
                images.extend(next.lines().filter_map(|line| Some(line.trim().strip_prefix("image: ")?.to_owned())));
            }
        }
        assert_eq!(images, IMAGES.iter().map(|(image, ..)| (*image).to_owned()).collect());
    }

    #[test]
    fn what_they_cannot_have_is_taken_out_and_what_stays_is_sound() {
        let mut files = template();
        without_outside(&mut files);
        assert_eq!(template::check(&files).diagnostics, []);
        let all: String = files
            .iter()
            .filter(|(path, _)| !path.contains("schema"))
            .map(|(_, bytes)| String::from_utf8_lossy(bytes))
            .collect();
        for gone in ["issuer: letsencrypt", "redirectHttp: true", "pruneImagesAbove: 80%", "packages: ["] {
            assert!(!all.contains(gone), "{gone}");
        }
    }
}

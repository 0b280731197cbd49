//! Packages: what may be installed, and what that puts on the disk.

use super::{Call, Package, Program, web};
use crate::sandbox::hosts::disk::Disk;
use crate::sandbox::hosts::nginx::CONF;
use crate::sandbox::hosts::shell::Said;

pub(super) const ALL: &[Program] = &[
    ("apt-get", Package::Base, |call| Box::pin(apt_get(call))),
    ("apt-cache", Package::Base, |call| Box::pin(apt_cache(call))),
    ("dpkg-query", Package::Base, |call| Box::pin(dpkg_query(call))),
];

/// nginx as Debian and Ubuntu bring it, without what its own settings do not need.
const NGINX: &str = "user www-data;\nworker_processes auto;\npid /run/nginx.pid;\nevents {\n\tworker_connections 768;\n}\n\
                     http {\n\tsendfile on;\n\tinclude /etc/nginx/mime.types;\n\tdefault_type application/octet-stream;\n\t\
                     access_log /var/log/nginx/access.log;\n\tinclude /etc/nginx/conf.d/*.conf;\n\t\
                     include /etc/nginx/sites-enabled/*;\n}\n";
const MIME: &str = "types {\n\ttext/html html htm shtml;\n\ttext/css css;\n}\n";

/// Puts what a package brings onto the disk, where nothing is yet.
pub(super) fn unpack(disk: &Disk, package: Package) {
    match package {
        Package::Nginx => {
            for folder in
                ["/etc/nginx/conf.d", "/etc/nginx/sites-available", "/etc/nginx/sites-enabled", "/var/log/nginx"]
            {
                disk.folder(folder, 0o755);
            }
            disk.put("/etc/nginx/nginx.conf", NGINX, 0o644);
            disk.put("/etc/nginx/mime.types", MIME, 0o644);
            disk.put("/var/log/nginx/error.log", "", 0o640);
        }
        Package::Certbot => disk.folder("/etc/letsencrypt", 0o755),
        Package::Docker => disk.folder("/etc/docker", 0o755),
        Package::Base | Package::Compose => {}
    }
}

async fn apt_get(call: &Call<'_>) -> Said {
    // Options with a value of their own: `-o X` is written as two words.
    let mut words = Vec::new();
    let mut all = call.args.iter();
    while let Some(word) = all.next() {
        match word.as_str() {
            "-o" | "-t" => {
                all.next();
            }
            word if word.starts_with('-') => {}
            word => words.push(word),
        }
    }
    match words.split_first() {
        Some((&"update", _)) => Said::ok("Reading package lists...\n"),
        Some((&"install", names)) => {
            let machine = &call.session.machine;
            if machine.disk.is_full() {
                return Said::fails(100, "E: You don't have enough free space in /var/cache/apt/archives/.");
            }
            for name in names {
                match Package::named(name) {
                    Some(package) => machine.state().installed.add(&machine.disk, package),
                    None => return Said::fails(100, format!("E: Unable to locate package {name}")),
                }
            }
            if machine.state().installed.has(Package::Nginx) && machine.nginx().is_none() {
                // The package starts it; where it cannot, the package is there all the same.
                let _ = web::load(call, CONF, false).await;
            }
            Said::ok(format!("Setting up {} ...\n", names.join(" ")))
        }
        _ => Said::ok(""),
    }
}

/// `apt-cache policy NAME`.
async fn apt_cache(call: &Call<'_>) -> Said {
    let name = call.plain().nth(1).unwrap_or_default();
    let package = Package::named(name).filter(|package| package.version().0 == name);
    let Some(package) = package else { return Said::ok("") };
    let version = package.version().1;
    Said::ok(format!("{name}:\n  Installed: (none)\n  Candidate: {version}\n"))
}

/// `dpkg-query -W -f FORMAT NAME…`, with the one format that is asked for.
async fn dpkg_query(call: &Call<'_>) -> Said {
    let installed = call.session.machine.state().installed.clone();
    let all = installed.all().map(Package::version);
    let asked = all.filter(|(name, _)| call.args.iter().any(|word| word == name));
    Said::ok(asked.map(|(name, version)| format!("{name}\t{version}\tinstalled\n")).collect::<String>())
}

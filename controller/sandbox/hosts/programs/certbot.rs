//! `certbot certonly --webroot`: asks for the proof as an issuer would, on this machine, and writes a real certificate.

use rcgen::{CertificateParams, DnType, KeyPair};

use super::web::{self, asked};
use super::{Call, Package, Program};
use crate::sandbox::hosts::nginx::CONF;
use crate::sandbox::hosts::shell::Said;

pub(super) const ALL: &[Program] = &[("certbot", Package::Certbot, |call| Box::pin(certbot(call)))];

/// As long as Let's Encrypt's are good, in days.
const DAYS: i64 = 90;

async fn certbot(call: &Call<'_>) -> Said {
    let (mut names, mut webroot, mut name, mut hook) = (Vec::new(), "/var/www/html", None, None);
    let mut words = call.args.iter().map(String::as_str);
    let mut verb = "";
    while let Some(word) = words.next() {
        match word {
            "-d" | "--domain" | "--domains" => {
                names.extend(words.next().unwrap_or_default().split(',').map(str::to_owned))
            }
            "-w" | "--webroot-path" => webroot = words.next().unwrap_or_default(),
            "--cert-name" => name = words.next(),
            "--deploy-hook" => hook = words.next(),
            "--server" | "--email" | "-m" => {
                words.next();
            }
            _ if word.starts_with('-') => {}
            _ => verb = word,
        }
    }
    if verb != "certonly" {
        return Said::ok("");
    }
    let machine = &call.session.machine;
    let Some(name) = name.or(names.first().map(String::as_str)) else { return Said::fails(1, "no names were given") };
    let live = format!("/etc/letsencrypt/live/{name}");
    if !call.has(&["--force-renewal"]) && machine.disk.read(&format!("{live}/fullchain.pem")).await.is_some() {
        let had = machine.disk.read(&format!("{live}/.names")).await.unwrap_or_default();
        if String::from_utf8_lossy(&had) == names.join(" ") {
            return Said::ok("Certificate not yet due for renewal\nKeeping the existing certificate\n");
        }
    }
    for one in &names {
        let token = web::token(&format!("{one} {}", machine.now()));
        let path = format!("/.well-known/acme-challenge/{token}");
        machine.disk.put(&format!("{webroot}{path}"), &token, 0o644);
        let proved = matches!(asked(machine, 80, false, one, &path), Some(Ok((200, text))) if text == token);
        machine.disk.forget(&format!("{webroot}{path}")).await;
        if !proved {
            return Said::fails(
                1,
                format!(
                    "Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported these problems:\n  \
                     Domain: {one}\n  Type:   unauthorized\n  Detail: Invalid response from http://{one}{path}\n\n\
                     Some challenges have failed."
                ),
            );
        }
    }
    if let Err(why) = issue(call, &live, name, &names) {
        return Said::fails(1, format!("An unexpected error occurred: {why}"));
    }
    // The one hook that is ever given.
    if hook.is_some_and(|hook| hook.contains("nginx -s reload")) && machine.nginx().is_some() {
        let _ = web::load(call, CONF, true).await;
    }
    Said::ok(format!("Successfully received certificate.\nCertificate is saved at: {live}/fullchain.pem\n"))
}

fn issue(call: &Call<'_>, live: &str, name: &str, names: &[String]) -> Result<(), String> {
    let machine = &call.session.machine;
    if machine.disk.is_full() {
        return Err("[Errno 28] No space left on device".to_owned());
    }
    let mut params = CertificateParams::new(names.to_vec()).map_err(|error| error.to_string())?;
    params.distinguished_name.push(DnType::CommonName, name);
    let day = |days: i64| {
        let second = i64::try_from(machine.now() / 1000).unwrap_or_default() + days * 86_400;
        let date = jiff::Timestamp::from_second(second).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC).date();
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(i32::from(date.year()), part(date.month()), part(date.day()))
    };
    (params.not_before, params.not_after) = (day(0), day(DAYS));
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    let certificate = params.self_signed(&key).map_err(|error| error.to_string())?;
    let disk = &machine.disk;
    disk.put(&format!("{live}/fullchain.pem"), certificate.pem(), 0o644);
    disk.put(&format!("{live}/cert.pem"), certificate.pem(), 0o644);
    disk.put(&format!("{live}/privkey.pem"), key.serialize_pem(), 0o600);
    let renewal = "[renewalparams]\nauthenticator = webroot\n";
    disk.put(&format!("/etc/letsencrypt/renewal/{name}.conf"), renewal, 0o644);
    disk.put(&format!("{live}/.names"), names.join(" "), 0o644);
    Ok(())
}

//! What stands in the certificates of a host. Reads the first of each file: what a server shows of itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The names that it is for.
    pub names: BTreeSet<String>,
    /// From when it is good.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Its serial number, in hex.
    pub serial: String,
    /// Who signed it.
    pub issuer: String,
}

impl Certificate {
    /// The share of its life that is over, in percent; above 100 once it has run out.
    pub fn age(&self, now: Timestamp) -> u64 {
        let whole = self.until.duration_since(self.from).as_secs().max(1);
        let gone = now.duration_since(self.from).as_secs().max(0);
        u64::try_from(gone.saturating_mul(100) / whole).unwrap_or_default()
    }
}

/// Reads what the survey's awk says: `#file PATH`, then the first PEM block of it.
pub(super) fn read(text: &str) -> BTreeMap<String, Result<Certificate, String>> {
    let files = text.split("#file ").skip(1).filter_map(|part| part.split_once('\n'));
    files.map(|(path, pem)| (path.trim().to_owned(), one(pem))).collect()
}

fn one(pem: &str) -> Result<Certificate, String> {
    let body = pem
        .split_once("-----BEGIN CERTIFICATE-----")
        .and_then(|(_, rest)| rest.split_once("-----END CERTIFICATE-----"))
        .ok_or("there is no certificate in it")?;
    let body: String = body.0.chars().filter(|c| !c.is_whitespace()).collect();
    let der = STANDARD.decode(body).map_err(|_| "its certificate is no base64")?;
    let (_, certificate) =
        X509Certificate::from_der(&der).map_err(|error| format!("its certificate cannot be read: {error}"))?;
    let time = |at: i64| Timestamp::from_second(at).map_err(|_| "its times are out of range".to_owned());
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let named = alternative.into_iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_ascii_lowercase()),
        _ => None,
    });
    let mut names: BTreeSet<String> = named.collect();
    if names.is_empty() {
        let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
        names.extend(common.map(str::to_ascii_lowercase));
    }
    let validity = certificate.validity();
    Ok(Certificate {
        names,
        from: time(validity.not_before.timestamp())?,
        until: time(validity.not_after.timestamp())?,
        serial: certificate.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect(),
        issuer: certificate.issuer().to_string(),
    })
}

//! Zones and their records: `/v2/domains`. Names and dots stay as DigitalOcean writes them.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::call::{Call, Need};
use super::list::{Id, Listed};
use super::wire::or_default;
use super::{Client, Result};

const NEED: Need = Need::of("domain", "Domain");

/// A zone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Domain {
    /// Its name, which is its id.
    pub name: String,
    /// The default TTL; null while the zone is new.
    #[serde(default)]
    pub ttl: Option<u32>,
    /// The zone in BIND's format, as far as DigitalOcean has written it.
    #[serde(default)]
    pub zone_file: Option<String>,
}

/// A record as DigitalOcean tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Record {
    /// DigitalOcean's id.
    pub id: u64,
    /// Its type, such as `CNAME`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name below the zone, `@` for the zone itself.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Its value.
    #[serde(default, deserialize_with = "or_default")]
    pub data: String,
    /// For MX and SRV.
    #[serde(default)]
    pub priority: Option<u32>,
    /// For SRV.
    #[serde(default)]
    pub port: Option<u32>,
    /// Seconds that others may keep it.
    #[serde(default, deserialize_with = "or_default")]
    pub ttl: u32,
    /// For SRV.
    #[serde(default)]
    pub weight: Option<u32>,
    /// For CAA.
    #[serde(default)]
    pub flags: Option<u32>,
    /// For CAA.
    #[serde(default)]
    pub tag: Option<String>,
}

/// What a record shall be, whole: creating and replacing take the same.
///
/// What a type has no use for is sent as null, as in DigitalOcean's own examples: its
/// description requires `flags` and `tag` of TXT and SRV records too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RecordBody {
    /// Its type; fixed for good.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name below the zone, `@` for the zone itself.
    pub name: String,
    /// Its value; targets end with a dot.
    pub data: String,
    /// Seconds that others may keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// For MX and SRV.
    pub priority: Option<u32>,
    /// For SRV.
    pub port: Option<u32>,
    /// For SRV.
    pub weight: Option<u32>,
    /// For CAA.
    pub flags: Option<u32>,
    /// For CAA.
    pub tag: Option<String>,
}

impl Listed for Domain {
    const KEY: &'static str = "domains";

    fn id(&self) -> Id<'_> {
        Id::Name(&self.name)
    }
}

impl Listed for Record {
    const KEY: &'static str = "domain_records";

    fn id(&self) -> Id<'_> {
        Id::Number(self.id)
    }
}

#[derive(Deserialize)]
struct DomainAnswer {
    domain: Domain,
}

#[derive(Deserialize)]
struct RecordAnswer {
    domain_record: Record,
}

impl Client {
    /// Lists all zones.
    pub async fn domains(&self) -> Result<Vec<Domain>> {
        self.list(Call::get(&["domains"], NEED)).await
    }

    /// Reads one zone, without its records.
    pub async fn domain(&self, name: &str) -> Result<Option<Domain>> {
        let call = Call::get(&["domains", name], NEED);
        let answer: Option<DomainAnswer> = self.look_up(&call).await?;
        Ok(answer.map(|answer| answer.domain))
    }

    /// Makes a zone; DigitalOcean adds its NS and SOA records.
    pub async fn create_domain(&self, name: &str) -> Result<Domain> {
        let call = Call::create(&["domains"], NEED).body(&json!({"name": name}));
        let answer: DomainAnswer = self.ask(&call).await?;
        Ok(answer.domain)
    }

    /// Deletes a zone with all its records.
    pub async fn delete_domain(&self, name: &str) -> Result<()> {
        self.remove(&Call::delete(&["domains", name], NEED)).await
    }

    /// Lists all records of a zone.
    pub async fn records(&self, domain: &str) -> Result<Vec<Record>> {
        self.list(Call::get(&["domains", domain, "records"], NEED)).await
    }

    /// Reads one record.
    pub async fn record(&self, domain: &str, id: u64) -> Result<Option<Record>> {
        let call = Call::get(&["domains", domain, "records", &id.to_string()], NEED);
        let answer: Option<RecordAnswer> = self.look_up(&call).await?;
        Ok(answer.map(|answer| answer.domain_record))
    }

    /// Adds a record. Two equal ones are two records, so it is never sent twice.
    pub async fn create_record(&self, domain: &str, record: &RecordBody) -> Result<Record> {
        let call = Call::create(&["domains", domain, "records"], NEED).body(record);
        let answer: RecordAnswer = self.ask(&call).await?;
        Ok(answer.domain_record)
    }

    /// Replaces a record; its type stays.
    pub async fn update_record(&self, domain: &str, id: u64, record: &RecordBody) -> Result<Record> {
        let path = ["domains", domain, "records", &id.to_string()];
        let answer: RecordAnswer = self.ask(&Call::put(&path, NEED).body(record)).await?;
        Ok(answer.domain_record)
    }

    /// Deletes a record.
    pub async fn delete_record(&self, domain: &str, id: u64) -> Result<()> {
        let path = ["domains", domain, "records", &id.to_string()];
        self.remove(&Call::delete(&path, NEED)).await
    }
}

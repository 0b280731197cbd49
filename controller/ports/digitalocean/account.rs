//! Who the token belongs to: `/v2/account`. It judges nothing.

use std::sync::PoisonError;

use secrecy::ExposeSecret;
use serde::Deserialize;

use super::call::{Call, Need};
use super::wire::or_default;
use super::{Client, Result};

const NEED: Need = Need::of("account", "the check of the token's team");

/// The account and team behind a token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Account {
    /// The user's id.
    #[serde(deserialize_with = "or_default")]
    pub uuid: String,
    /// The user's address.
    #[serde(deserialize_with = "or_default")]
    pub email: String,
    /// Whether the account is usable.
    #[serde(deserialize_with = "or_default")]
    pub status: AccountStatus,
    /// Why it is not, if it is not.
    #[serde(deserialize_with = "or_default")]
    pub status_message: String,
    /// The team, which owns everything that the token sees.
    pub team: Option<Team>,
    /// How many droplets the team may have; told only to tokens that may read droplets.
    pub droplet_limit: Option<u64>,
}

impl Account {
    /// Returns the id to pin: the team's, or the user's where there is no team.
    pub fn owner(&self) -> &str {
        match &self.team {
            Some(team) if !team.uuid.is_empty() => &team.uuid,
            _ => &self.uuid,
        }
    }
}

/// A team of DigitalOcean users.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Team {
    /// The team's id.
    #[serde(deserialize_with = "or_default")]
    pub uuid: String,
    /// The team's name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
}

/// Whether an account is usable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountStatus {
    /// All is well.
    Active,
    /// DigitalOcean asks for something, such as a payment.
    Warning,
    /// Nothing can be changed.
    Locked,
    /// A status that this version does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct Answer {
    account: Account,
}

impl Client {
    /// Reads whose token it is.
    pub async fn account(&self) -> Result<Account> {
        let answer: Answer = self.ask(&Call::get(&["account"], NEED)).await?;
        Ok(answer.account)
    }

    /// Reads the id to pin, once for each token: it cannot change while the token stays the same.
    pub async fn owner(&self) -> Result<String> {
        let token = self.token().current();
        let known = self.0.owner.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((for_token, owner)) = known
            && for_token.expose_secret() == token.expose_secret()
        {
            return Ok(owner);
        }
        let owner = self.account().await?.owner().to_owned();
        // A token that changed while it was asked for is asked for again next time.
        if token.expose_secret() == self.token().current().expose_secret() {
            *self.0.owner.lock().unwrap_or_else(PoisonError::into_inner) = Some((token, owner.clone()));
        }
        Ok(owner)
    }
}

//! One request as data: what is asked of whom, which scope it takes, and how safe it is to repeat.
//! It sends nothing.

use reqwest::Method;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::budget::Lane;
use super::error::{ApiError, ErrorKind};

/// What a call is for; it decides what its failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    Look,
    Create,
    Update,
    Delete,
}

/// Whether sending a call twice does the same as sending it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Safety {
    Repeatable,
    /// DigitalOcean has no idempotency key: a second POST may make a second thing.
    Once,
}

/// What a token must be allowed to do, and which kind asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    /// DigitalOcean's name for the resource in a scope, such as `droplet`.
    pub(super) resource: &'static str,
    /// The scope's verb where it is not the aim's own.
    pub(super) verb: Option<&'static str>,
    /// The kind of document that needs it.
    pub(super) kind: &'static str,
}

impl Need {
    pub(super) const fn of(resource: &'static str, kind: &'static str) -> Self {
        Self { resource, verb: None, kind }
    }

    pub(super) const fn to(self, verb: &'static str) -> Self {
        Self { verb: Some(verb), ..self }
    }
}

/// One request.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    pub(super) need: Need,
    pub(super) aim: Aim,
    pub(super) safety: Safety,
    pub(super) lane: Lane,
    pub(super) is_list: bool,
}

impl Call {
    fn new(method: Method, path: &[&str], need: Need, aim: Aim, safety: Safety) -> Self {
        Self {
            method,
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            query: Vec::new(),
            body: None,
            need,
            aim,
            safety,
            lane: Lane::Common,
            is_list: false,
        }
    }

    pub(super) fn get(path: &[&str], need: Need) -> Self {
        Self::new(Method::GET, path, need, Aim::Look, Safety::Repeatable)
    }

    /// A POST that makes something: never sent again unless it certainly did nothing.
    pub(super) fn create(path: &[&str], need: Need) -> Self {
        Self::new(Method::POST, path, need, Aim::Create, Safety::Once)
    }

    /// A POST that changes something and must not run twice unseen.
    pub(super) fn act(path: &[&str], need: Need) -> Self {
        Self::new(Method::POST, path, need, Aim::Update, Safety::Once)
    }

    /// A PUT: it says how the thing shall be, so twice is as good as once.
    pub(super) fn put(path: &[&str], need: Need) -> Self {
        Self::new(Method::PUT, path, need, Aim::Update, Safety::Repeatable)
    }

    pub(super) fn delete(path: &[&str], need: Need) -> Self {
        Self::new(Method::DELETE, path, need, Aim::Delete, Safety::Repeatable)
    }

    pub(super) fn body(mut self, body: &impl Serialize) -> Self {
        // Only maps with keys that are not strings fail here, and no request has one.
        self.body = serde_json::to_value(body).ok();
        self
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn aim(mut self, aim: Aim) -> Self {
        self.aim = aim;
        self
    }

    pub(super) fn whole_list(mut self, per_page: u64) -> Self {
        self.is_list = true;
        self.query("per_page", per_page.to_string())
    }

    /// Says that this POST, by what it means, does the same when sent twice.
    pub(super) fn repeatable(mut self) -> Self {
        self.safety = Safety::Repeatable;
        self
    }

    pub(super) fn lane(mut self, lane: Lane) -> Self {
        self.lane = lane;
        self
    }

    /// The scope that the token must have, such as `droplet:create`.
    pub(super) fn scope(&self) -> String {
        let verb = self.need.verb.unwrap_or(match self.aim {
            Aim::Look => "read",
            Aim::Create => "create",
            Aim::Update => "update",
            Aim::Delete => "delete",
        });
        format!("{}:{verb}", self.need.resource)
    }

    /// The path as errors and logs show it: ids kept, no query.
    pub(super) fn path(&self) -> String {
        format!("/v2/{}", self.path.join("/"))
    }

    /// Builds the address below `base`.
    ///
    /// An empty part is refused: it would turn "delete this one" into "delete at the collection".
    pub(super) fn url(&self, base: &Url) -> Result<Url, ApiError> {
        let refuse = |why: &str| Err(ApiError::new(self, ErrorKind::Invalid).with_message(why));
        if self.path.iter().any(|part| matches!(part.as_str(), "" | "." | "..")) {
            return refuse("an identifier in the path is empty; nothing was sent");
        }
        let mut url = base.clone();
        match url.path_segments_mut() {
            Ok(mut parts) => {
                parts.pop_if_empty().push("v2").extend(&self.path);
            }
            Err(()) => return refuse("the API's address has no path"),
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEED: Need = Need::of("vpc", "Vpc");

    #[test]
    fn an_empty_identifier_never_reaches_the_collection() {
        let base = Url::parse("https://api.digitalocean.com").expect("an address");
        for bad in ["", ".", ".."] {
            assert!(Call::delete(&["vpcs", bad], NEED).url(&base).is_err());
        }
    }

    #[test]
    fn names_are_encoded_so_that_they_cannot_leave_their_place() {
        let base = Url::parse("http://127.0.0.1:1/api/").expect("an address");
        let url = Call::get(&["tags", "a/../b?c:d"], NEED).query("name", "x&y").url(&base).expect("an address");
        assert_eq!(url.as_str(), "http://127.0.0.1:1/api/v2/tags/a%2F..%2Fb%3Fc:d?name=x%26y");
    }
}

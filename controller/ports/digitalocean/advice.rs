//! What to do about a failed call: the hint for people, and the class of fault for the engine.
//! It reads errors and makes none.

use super::call::Aim;
use super::error::{ApiError, ErrorKind};
use crate::model::Fault;

/// A tag, network or droplet made a moment ago may take a while to be known everywhere.
const NOT_YET: &str = "Nothing was changed. Something it refers to is not there (yet); it is tried again.";

impl ApiError {
    /// Says what to do about it.
    pub fn hint(&self) -> String {
        let d = self.details();
        match self.kind() {
            ErrorKind::NotFound if d.aim == Aim::Create => NOT_YET.to_owned(),
            ErrorKind::Invalid if self.lacks_something() => NOT_YET.to_owned(),
            ErrorKind::NotFound => "It has gone since it was last looked at; the next look plans it anew.".to_owned(),
            ErrorKind::Unauthorized => format!(
                "The token is not valid (any more). Make one in the control panel under API > Tokens and put it \
                 into {}; a token file is read again by itself.",
                match d.token_place.as_str() {
                    "" => "the configuration",
                    place => place,
                }
            ),
            ErrorKind::Forbidden => format!(
                "The token lacks {}, which {} needs; give the token that scope in the control panel under \
                 API > Tokens, or use another token.",
                self.missing_scope(),
                d.needed_by
            ),
            ErrorKind::Conflict => {
                "Something with that name or range exists already; adopt it or choose another.".to_owned()
            }
            ErrorKind::Invalid if self.says("limit") => {
                "Nothing was changed. Raise the account's limit in the control panel, or free something.".to_owned()
            }
            ErrorKind::Invalid => {
                "Nothing was changed. DigitalOcean refuses it as it stands: correct the document.".to_owned()
            }
            ErrorKind::Busy => "Nothing was changed. It is busy or still in use; it is tried again.".to_owned(),
            ErrorKind::RateLimited => match self.retry_after() {
                Some(after) => format!("Nothing was changed. There is room again in {} s.", after.as_secs().max(1)),
                None => "Nothing was changed. It is tried again.".to_owned(),
            },
            ErrorKind::NotJson if self.is_refusal() => {
                "Something between here and DigitalOcean answered: check the proxy and the API's address.".to_owned()
            }
            ErrorKind::Server | ErrorKind::NotJson | ErrorKind::Timeout => {
                "It is tried again; see status.digitalocean.com if it goes on.".to_owned()
            }
            ErrorKind::Connect => "Nothing was sent. Check this machine's network, DNS and proxy.".to_owned(),
            ErrorKind::Unclear => {
                "It was sent, and whether it was done is unknown, so it is not sent again; the next look \
                 decides."
                    .to_owned()
            }
            ErrorKind::ListMoved => {
                "Somebody is changing it just now; it is read again at the next look, and until then \
                 nothing is concluded from it."
                    .to_owned()
            }
            ErrorKind::ActionErrored => {
                "Look at the droplet's history in the control panel; it is looked at and planned anew.".to_owned()
            }
            ErrorKind::StillRunning => "It goes on at DigitalOcean; the next look sees how it ended.".to_owned(),
        }
    }

    /// Returns the scope that a 403 is about: what the message names, else what the call takes.
    pub fn missing_scope(&self) -> &str {
        let named = self.message().split(|c: char| !(c.is_ascii_lowercase() || c == '_' || c == ':'));
        let mut scopes = named.filter(|word| {
            word.split_once(':').is_some_and(|(resource, verb)| {
                !resource.is_empty() && matches!(verb, "read" | "create" | "update" | "delete" | "access_cluster")
            })
        });
        scopes.next().unwrap_or(&self.details().scope)
    }

    /// Turns the failure into what the engine acts on.
    ///
    /// A PUT or DELETE whose answer was lost counts as transient: doing it again does no harm.
    /// What must not be done twice is `Unclear`, and then only looking settles it.
    pub fn fault(&self) -> Fault {
        let (what, hint) = (self.what(), self.hint());
        match self.kind() {
            ErrorKind::Unclear => Fault::Unclear { what, hint },
            ErrorKind::NotFound if self.details().aim == Aim::Create => self.transient(),
            ErrorKind::Invalid if self.lacks_something() => self.transient(),
            ErrorKind::NotFound
            | ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::Conflict
            | ErrorKind::Invalid => Fault::Permanent { what, hint },
            ErrorKind::NotJson if self.is_refusal() => Fault::Permanent { what, hint },
            _ => self.transient(),
        }
    }

    fn transient(&self) -> Fault {
        Fault::Transient { what: self.what(), hint: self.hint(), retry_after: self.retry_after() }
    }

    fn lacks_something(&self) -> bool {
        self.status() == Some(422) && (self.says("does not exist") || self.says("not found"))
    }

    /// Tells whether something in between, such as a proxy, refused the call for good.
    fn is_refusal(&self) -> bool {
        self.status().is_some_and(|status| (300..500).contains(&status))
    }
}

impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Self {
        error.fault()
    }
}

//! What goes wrong between the controller and a host, in words, and which of it time may cure.

use crate::model::Fault;
use std::time::Duration;

/// Why something on a host was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nobody has said yet how this host is reached.
    #[error("it is not known how {host} is reached")]
    NotAimed {
        /// The host.
        host: String,
    },
    /// It has another key than the one that it is believed to have.
    #[error("{host} shows another host key than the one it is known by: {known} was expected, it shows {offered}")]
    KeyChanged {
        /// The host.
        host: String,
        /// The fingerprint that was expected.
        known: String,
        /// What it showed, as far as ssh says it.
        offered: String,
    },
    /// It does not let us in.
    #[error("{host} does not let {user} in: {said}")]
    Refused {
        /// The host.
        host: String,
        /// The user.
        user: String,
        /// What ssh said.
        said: String,
    },
    /// It lets us in, and its sudo lets us do nothing.
    #[error("{host} does not let {user} work by sudo: {said}")]
    NoSudo {
        /// The host.
        host: String,
        /// The user.
        user: String,
        /// What sudo said.
        said: String,
    },
    /// It cannot be reached.
    #[error("{host} cannot be reached at {at}: {why}")]
    Unreachable {
        /// The host.
        host: String,
        /// Its address and port.
        at: String,
        /// What came back.
        why: String,
    },
    /// It did not end in time.
    #[error("{doing} on {host} did not end within {} s", .after.as_secs_f32())]
    TimedOut {
        /// The host.
        host: String,
        /// What was done.
        doing: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection broke while something was done.
    #[error("the connection to {host} broke while {doing}: {why}")]
    Lost {
        /// The host.
        host: String,
        /// What was done.
        doing: String,
        /// What came back.
        why: String,
    },
    /// A command ran and said no.
    #[error("{doing} on {host} failed with exit code {code}: {said}")]
    Failed {
        /// The host.
        host: String,
        /// What was done.
        doing: String,
        /// The exit code.
        code: i32,
        /// The last lines that it said.
        said: String,
    },
    /// It answered what cannot be read.
    #[error("{doing} on {host} brought back what cannot be read: {why}")]
    Strange {
        /// The host.
        host: String,
        /// What was done.
        doing: String,
        /// What is wrong with it.
        why: String,
    },
    /// Something on the controller's own machine is missing or in the way.
    #[error("{what}")]
    Here {
        /// What.
        what: String,
        /// What to do.
        hint: String,
    },
}

impl HostError {
    /// What to do, in a sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::NotAimed { .. } => "The next look finds out.".to_owned(),
            Self::KeyChanged { host, .. } => format!(
                "Somebody may be in between, or the machine was made anew. Nothing is done on it. If the new key is right, `driftless trust {host}` records it."
            ),
            Self::Refused { user, .. } => format!(
                "See that the public half of the key in `identity` stands in the authorized_keys of {user} there, and that the secret holds the private half without a passphrase."
            ),
            Self::NoSudo { user, .. } => format!(
                "`become: sudo` takes a sudo that asks for no password: a file /etc/sudoers.d/driftless there, with mode 0440, that says `{user} ALL=(ALL) NOPASSWD:ALL` (`visudo -c` checks it). Nothing was done."
            ),
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Lost { .. } => {
                "It is tried again. See whether the machine runs, and whether a firewall lets the controller in."
                    .to_owned()
            }
            Self::Failed { .. } | Self::Strange { .. } => String::new(),
            Self::Here { hint, .. } => hint.clone(),
        }
    }

    /// Says whether another try without anybody's doing makes sense.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::NotAimed { .. } | Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Lost { .. })
    }

    /// Says whether the host was not reached at all, as opposed to something on it going wrong.
    pub fn is_away(&self) -> bool {
        !matches!(self, Self::NoSudo { .. } | Self::Failed { .. } | Self::Strange { .. } | Self::Here { .. })
    }
}

/// Every step on a host says the same when it is done twice, so that nothing is unclear: it is looked at and done again.
impl From<HostError> for Fault {
    fn from(error: HostError) -> Self {
        let (what, hint) = (error.to_string(), error.hint());
        if error.may_pass() { Fault::transient(what, hint) } else { Fault::permanent(what, hint) }
    }
}

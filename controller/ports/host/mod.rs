//! Hosts from the inside: commands, files and the Docker socket, over SSH or on this machine. Owns the connections, one a
//! host, kept warm; decides nothing about what is done with them.
//!
//! Guarantees: a host shows the one key that it is known by, or nothing is done. Everything has an end: of time and of
//! bytes. A host that hangs holds up nobody else, and one that did not answer is left alone for a while.

mod docker;
mod error;
mod files;
mod first;
mod forward;
mod link;
mod pool;
mod room;
mod run;
mod sudo;
pub mod survey;
mod target;

pub use error::HostError;
pub use files::File;
pub use first::Stranger;
pub use forward::Forwarded;
pub use pool::{Host, Hosts};
pub use run::{Command, Limits, Output, last_lines};
pub use target::{Ssh, Target, Way};

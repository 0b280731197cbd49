//! When to look, what to run, how to retry. Owns the loop and the order of its steps; must not know any kind by name.

pub mod act;
mod anew;
pub mod backoff;
pub mod cycle;
pub mod desired;
pub mod execute;
pub mod halt;
pub mod import;
pub mod inventory;
pub mod keeper;
pub mod lease;
pub mod ledger;
pub mod look;
mod origin;
pub mod person;
pub mod pulse;
pub mod report;
pub mod run;
pub mod schedule;
pub mod snapshot;
pub mod source;
pub mod status;
pub mod under_way;
pub mod watch;
pub mod work;
mod writing;

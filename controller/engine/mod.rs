//! When to look, what to run, how to retry. Owns the loop and the order of its steps; must not know any kind by name.

mod anew;
pub mod backoff;
pub mod cycle;
pub mod desired;
pub mod execute;
pub mod halt;
pub mod keeper;
pub mod look;
pub mod report;
pub mod run;
pub mod schedule;
pub mod snapshot;
pub mod source;
pub mod watch;
pub mod work;

//! The built binary, whole: `run`, `plan`, `apply`, `approve`, `status` as people and service managers use them.

mod apply;
mod journal;
mod looks;
mod plan;
pub mod rig;
mod run;

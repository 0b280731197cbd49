//! The built binary, whole: `run`, `plan`, `apply`, `approve`, `status` as people and service managers use them.

mod apply;
mod plan;
pub mod rig;
mod run;

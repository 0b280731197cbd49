//! The Docker Engine of the tests of stacks, for droplets that are containers.

#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../stacks/engine.rs"]
pub mod engine;

//! driftless keeps a small team's infrastructure equal to a git repository.
//!
//! The rooms, in reading order; `controller/README.md` says what flows through them
//! and which doors between them are shut.

pub mod model;

pub mod repo;

pub mod plan;

pub mod insight;

pub mod render;

pub mod kinds;

pub mod ports;

pub mod engine;

pub mod server;

pub mod cli;

#[cfg(feature = "sandbox")]
pub mod sandbox;

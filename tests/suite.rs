//! The one binary of whole-process and cross-room tests: one module a topic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unreachable,
    reason = "a test that cannot go on fails"
)]

mod bad_input;
mod brakes;
mod chaos;
mod cli;
mod client;
mod client_openapi;
mod client_sandbox;
mod containers;
mod cycle;
mod demo;
mod deploy;
mod doors;
mod engine;
mod fuzz;
mod git;
mod git_faults;
mod hosts;
mod house;
mod import;
mod kinds_cloud;
mod kinds_domain;
mod kinds_firewall;
mod kinds_planned;
mod laws;
mod lease;
mod manifests;
mod memory;
mod moving;
mod nginx;
mod openapi;
mod process;
mod recorder;
mod sandbox_judges;
mod scenarios;
mod server;
mod simulated;
mod sites;
mod sshd;
mod stacks;
#[cfg(feature = "otel")]
mod telemetry;
mod workbench;

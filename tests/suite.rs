//! The one binary of whole-process and cross-room tests: one module a topic.

mod bad_input;
mod chaos;
mod cli;
mod client;
mod client_openapi;
mod client_sandbox;
mod cycle;
mod demo;
mod doors;
mod engine;
mod git;
mod git_faults;
mod house;
mod kinds_cloud;
mod kinds_domain;
mod kinds_firewall;
mod kinds_planned;
mod laws;
mod manifests;
mod openapi;
mod process;
mod recorder;
mod sandbox_judges;
mod scenarios;
mod workbench;

//! The only network, disk, processes and clock of the program. Each port speaks one thing; none decides anything.

pub mod clock;
pub mod config;
pub mod digitalocean;
pub mod disk;
pub mod git;
pub mod host;
pub mod machine;
pub mod people;
pub mod process;
pub mod reach;
pub mod secrets;
pub mod socket;
pub mod store;
pub mod systemd;
#[cfg(feature = "otel")]
pub mod telemetry;

/// The ways to the world that a kind's work gets.
#[derive(Clone)]
pub struct Ports {
    /// The time of day.
    pub clock: clock::Clock,
    /// The account.
    pub digitalocean: digitalocean::Client,
    /// Whether hosts answer.
    pub reach: reach::Reach,
    /// The hosts, from the inside.
    pub hosts: host::Hosts,
}

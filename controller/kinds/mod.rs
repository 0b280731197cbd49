//! One folder per kind, and the one visible list of them. A kind meets another by id and output only.

pub mod compose_stack;
pub mod domain;
pub mod droplet;
pub mod firewall;
pub mod host;
pub mod nginx_site;
pub mod operate;
pub mod ssh_key;
pub mod vpc;

pub use operate::{AnyOperate, Contact, Finished, Look, Operate, Progress, Seen, Surveyed, Surveys, Turn, Work};

use crate::model::{AnyKind, Of};

/// Every kind that the controller knows. Adding one is a folder beside this file and a line here.
pub static ALL: &[&dyn AnyOperate] = &[
    &Of::<vpc::Vpc>::new(),
    &Of::<ssh_key::SshKey>::new(),
    &Of::<droplet::Droplet>::new(),
    &Of::<firewall::Firewall>::new(),
    &Of::<domain::Domain>::new(),
    &Of::<host::Host>::new(),
    &Of::<compose_stack::ComposeStack>::new(),
    &Of::<nginx_site::NginxSite>::new(),
];

/// The pure halves of all kinds, for the repo room and the planner.
pub fn pure() -> Vec<&'static dyn AnyKind> {
    ALL.iter().map(|kind| *kind as &dyn AnyKind).collect()
}

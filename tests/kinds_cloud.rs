//! Droplets, networks and SSH keys against the simulator over real HTTP: what is applied is in sync at the next look.

mod droplet;
mod droplet_trouble;
mod rig;
mod ssh_key;
mod vpc;

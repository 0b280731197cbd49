//! Hosts that are containers: real sshd, cloud-init, Docker, compose, nginx and certbot behind the simulator's droplets, as a
//! controller works on them. As root and with a Docker Engine only; elsewhere that is said.

mod acme;
mod demo;
mod estate;
mod killed;
mod life;
mod machines;
mod moved;
mod scenarios;
mod sudo;
mod whole;

use machines::Machines;

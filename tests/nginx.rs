//! Sites on a real nginx, through a real sshd and a whole controller: made, drifted and put back, refused by nginx, taken
//! by others, given up; certificates from a real ACME service through a real certbot.

mod certificates;
mod imported;
mod machine;
mod moving;
mod sites;

//! Stacks on a real Docker Engine with a real compose, over a real sshd and on the controller's own machine: made, put
//! back, changed, taken over, broken and removed.

mod ailing;
pub mod engine;
mod first;
mod imported;
mod life;
mod moving;
mod parts;
mod serving;
mod takeover;

use engine::Engine;

/// Settings that enforce.
pub const SETTINGS: &str = crate::house::ENFORCE;

/// A service that runs until it is told to end.
pub const WAITS: &str = "[\"busybox\", \"sh\", \"-c\", \"trap 'exit 0' TERM; while :; do busybox sleep 0.1; done\"]";

/// A compose file whose service runs this, mounts a file and waits for another that ends.
pub fn compose(command: &str) -> String {
    format!(
        "services:\n  web:\n    image: tiny:1\n    network_mode: none\n    stop_grace_period: 1s\n    command: {command}\n    \
         environment: {{PASSWORD: \"${{PASSWORD}}\"}}\n    volumes: [\"./conf/app.ini:/app.ini:ro\"]\n    \
         depends_on: {{migrate: {{condition: service_completed_successfully}}}}\n  \
         migrate: {{image: \"tiny:1\", network_mode: none, command: [\"busybox\", \"true\"]}}\n"
    )
}

/// A stack's document on the host erp, in a folder of the test's.
pub fn stack(engine: &Engine, more: &str) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: ComposeStack\nmetadata: {{name: odoo}}\n{more}spec:\n  host: erp\n  \
         path: stacks/odoo\n  directory: {}\n  env: {{PASSWORD: {{secret: odoo.postgres}}}}\n  ready: {{within: 20s}}\n",
        engine.folder("opt/odoo")
    )
}

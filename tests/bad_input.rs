//! What comes from outside and is bad: tokens, answers, files. A clear error each, nothing lost, nothing leaked, no panic.

mod answers;
mod canary;
mod files;
mod tokens;

use crate::house::{ENFORCE, House, Setup};
use canary::Canary;

/// What cloud-init gets in these tests; nothing but the API may ever see it.
const SECRET: &str = "userdata-canary-6f1d2c";
/// The token of these tests.
const TOKEN: &str = "dop_v1_canary_9a8b7c6d5e4f";

fn estate_of_tests() -> Vec<(&'static str, String)> {
    let servers = format!(
        "apiVersion: driftless/v1\nkind: Vpc\nmetadata: {{name: main}}\nspec: {{name: production, region: sgp1, ipRange: 10.114.0.0/16}}\n---\napiVersion: driftless/v1\nkind: Droplet\nmetadata: {{name: web}}\npolicy: {{onRemove: destroy}}\nspec:\n  region: sgp1\n  size: s-1vcpu-1gb\n  image: ubuntu-22-04-x64\n  vpc: main\n  userData: \"#cloud-config\\npassword: {SECRET}\\n\"\n"
    );
    let firewall = "apiVersion: driftless/v1\nkind: Firewall\nmetadata: {name: edge}\nspec:\n  applyTo: {droplets: [web]}\n  inbound:\n    - {protocol: tcp, ports: 443, from: [any]}\n";
    let zone = "apiVersion: driftless/v1\nkind: Domain\nmetadata: {name: example.com}\nspec:\n  records:\n    - {name: www, type: A, droplet: web}\n    - {name: old, type: A, value: 192.0.2.7}\n";
    vec![
        ("settings.yaml", ENFORCE.to_owned()),
        ("servers.yaml", servers),
        ("firewall.yaml", firewall.to_owned()),
        ("zone.yaml", zone.to_owned()),
    ]
}

/// A house of that estate, before its first cycle; all that it logs is kept.
async fn house(setup: Setup) -> Canary {
    let canary = Canary::begin();
    let files = estate_of_tests();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    canary.house(House::set_up(&files, setup).await)
}

/// The same, in sync.
async fn settled() -> Canary {
    let token = driftless::ports::digitalocean::Token::inline(TOKEN);
    let sandbox = driftless::sandbox::Config {
        tokens: vec![driftless::sandbox::Token::full(TOKEN)],
        ..crate::house::sandbox_settings()
    };
    let clock = driftless::ports::clock::Clock::at("2026-03-01T12:00:00Z".parse().expect("a time"));
    let canary = house(Setup { token, sandbox, clock, ..Setup::default() }).await;
    canary.settles().await;
    canary.hand().forget_calls();
    canary
}

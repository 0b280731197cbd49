//! Simulated hosts, as a controller works on them: real ssh, the controller's own scripts, and machines that follow droplets.

use crate::house::{ENFORCE, House, Setup, sandbox_settings};
use crate::sshd::keygen;
use driftless::model::ResourceId;
use driftless::ports::host::Hosts;
use driftless::ports::secrets::Secrets;
use driftless::sandbox::HostsConfig;

/// A house whose droplets are simulated hosts, and let in who holds the secret `ssh.ops` by the SshKey `ops`.
pub async fn house(files: &[(&str, &str)]) -> House {
    let keys = tempfile::tempdir().expect("a folder");
    keygen(&keys.path().join("ops"));
    let public = std::fs::read_to_string(keys.path().join("ops.pub")).expect("a key");
    let key = format!(
        "apiVersion: driftless/v1\nkind: SshKey\nmetadata: {{name: ops}}\nspec: {{publicKey: \"{}\"}}\n",
        public.trim()
    );
    let mut sandbox = sandbox_settings();
    sandbox.hosts = Some(HostsConfig::default());
    let files: Vec<(&str, &str)> =
        [("settings.yaml", ENFORCE), ("ops.yaml", &key)].into_iter().chain(files.iter().copied()).collect();
    let mut house = House::set_up(&files, Setup { sandbox, ..Setup::default() }).await;
    let secrets = house.folder.path().join("secrets");
    std::fs::create_dir_all(&secrets).expect("a folder");
    std::fs::copy(keys.path().join("ops"), secrets.join("ssh.ops")).expect("copied");
    let short = std::time::Duration::from_secs(20);
    house.controller.ports.hosts = Hosts::patient(Secrets::in_folder(secrets), house.setup.reach.clone(), short);
    house
}

const ERP: &str = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: erp}\nspec: {region: sgp1, size: s-2vcpu-4gb, image: ubuntu-22-04-x64, sshKeys: [ops]}\n";
const HOST: &str = "apiVersion: driftless/v1\nkind: Host\nmetadata: {name: erp}\nspec:\n  droplet: erp\n  identity: {secret: ssh.ops}\n  authorizedKeys: [ops]\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_droplet_becomes_a_host_that_is_made_ready_and_seen() {
    let house = house(&[("erp.yaml", ERP), ("host.yaml", HOST)]).await;
    let snapshot = house.settles().await;
    let plan = snapshot.plan.clone().expect("a plan");
    let keys: Vec<String> = plan.changes.iter().map(|c| c.key.to_string()).collect();
    assert_eq!(keys, ["SshKey/ops create", "Droplet/erp create", "Host/erp create"]);
    assert!(house.controller.keeper.memory().pins.contains_key(&ResourceId::new("Host", "erp")));
    let inventory = serde_json::to_value(snapshot.inventory.as_deref()).expect("JSON").to_string();
    assert!(inventory.contains("Ubuntu 22.04"), "{inventory}");
    let said = house.hand().on_host("erp", "cat /etc/hostname").await.expect("it runs");
    assert!(said.text().ends_with("erp\n"), "{said:?}");
}

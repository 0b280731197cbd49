//! Mistakes of the controller that random schedules of hosts found, each as a small story of its own.

use crate::house::failed;
use crate::simulated::house;

const HOST: &str = "apiVersion: driftless/v1\nkind: Droplet\nmetadata: {name: h0}\nspec: {region: sgp1, size: s-2vcpu-4gb, image: ubuntu-22-04-x64, sshKeys: [ops]}\n---\napiVersion: driftless/v1\nkind: Host\nmetadata: {name: h0}\nspec: {droplet: h0, identity: {secret: ssh.ops}, install: [nginx]}\n";

fn site(name: &str, answer: u16) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: NginxSite\nmetadata: {{name: {name}}}\nspec: {{host: h0, serverNames: [{name}.example.com], locations: [{{path: /, redirect: {{to: /x, status: {answer}}}}}]}}\n"
    )
}

/// Seeds 11, 33 and 45: every file was as git says, and nobody answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_nginx_that_somebody_stopped_is_started() {
    let house = house(&[("host.yaml", HOST), ("a.yaml", &site("a", 301))]).await;
    house.settles().await;
    house.hand().on_host("h0", "nginx -s stop").await.expect("it runs");
    house.settles().await;
    let asked = house.hand().on_host("h0", "curl -s -o /dev/null -w '%{http_code}' http://a.example.com/").await;
    assert_eq!(asked.expect("it runs").text(), "301");
}

/// Seed 47: a link without its file kept every other site of the host from being changed, and nobody was told why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_whose_file_somebody_removed_goes_with_its_document_and_keeps_no_other_site_back() {
    let house = house(&[("host.yaml", HOST), ("a.yaml", &site("a", 301)), ("b.yaml", &site("b", 301))]).await;
    house.settles().await;
    house.hand().on_host("h0", "rm /etc/nginx/sites-available/a.example.com.conf").await.expect("it runs");
    house.push(&[("a.yaml", None), ("b.yaml", Some(&site("b", 302)))]).await;
    for _ in 0..2 {
        house.cycle().await;
        house.pass(4_000);
    }
    let snapshot = house.cycle().await;
    assert!(failed(&snapshot.outcomes).is_empty(), "{:#?}", snapshot.outcomes);
    let said =
        house.hand().on_host("h0", "ls /etc/nginx/sites-enabled; nginx -t 2>&1 | tail -n 1").await.expect("it runs");
    assert!(said.text().starts_with("b.example.com.conf\n") && said.text().contains("successful"), "{said:?}");
}

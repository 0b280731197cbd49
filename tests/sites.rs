//! Sites of simulated hosts: what is foreseen before anything is done, and what goes with a site.

mod certificates;

use crate::house::House;
use crate::simulated::{ERP, HOST, SITE, house, say};
use driftless::engine::snapshot::Snapshot;

/// A host with a site in front of nothing.
async fn served(more: &[(&str, &str)]) -> House {
    let site = SITE.replace("{url: \"http://127.0.0.1:8069\"}", "{url: \"http://127.0.0.1:1\"}");
    let files = [("erp.yaml", ERP), ("host.yaml", HOST), ("site.yaml", site.as_str())];
    let house = house(&[&files[..], more].concat()).await;
    house.settles().await;
    house
}

/// Another site, over http or with these files.
fn second(tls: &str) -> String {
    format!(
        "apiVersion: driftless/v1\nkind: NginxSite\nmetadata: {{name: shop}}\nspec:\n  host: erp\n  serverNames: [shop.example.com]\n{tls}  locations:\n    - {{path: /, redirect: {{to: /web, status: 302}}}}\n"
    )
}

fn told(snapshot: &Snapshot, rule: &str) -> String {
    let plan = snapshot.after.clone().expect("a plan");
    let found = plan.findings.iter().find(|finding| finding.rule == rule);
    let found = found.unwrap_or_else(|| panic!("no {rule} in {:#?}", plan.findings));
    format!("{}. {}", found.text, found.hint)
}

const SHOP: &str = "curl -s -o /dev/null -w '%{http_code}' -H 'Host: shop.example.com' http://127.0.0.1/";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_another_file_on_the_host_has_is_told_before_anything_is_made() {
    let house = served(&[]).await;
    let other = "server { listen 80; server_name shop.example.com; return 204; }";
    for (file, way) in [("sites-available/old", "write `file: old`"), ("conf.d/shop.conf", "remove that file")] {
        say(&house, &format!("mkdir -p /etc/nginx/conf.d; echo '{other}' >/etc/nginx/{file}")).await;
        if file.starts_with("sites") {
            say(&house, "ln -s ../sites-available/old /etc/nginx/sites-enabled/old").await;
        }
        house.push(&[("shop.yaml", Some(&second("")))]).await;
        let early = house.cycle().await;
        assert!(early.outcomes.is_empty(), "{:#?}", early.outcomes);
        let why = told(&early, "server-name-taken");
        let name = file.strip_prefix("sites-available/").unwrap_or(file);
        assert!(why.contains(&format!("shop.example.com is also in {name} on Host/erp")) && why.contains(way), "{why}");
        say(&house, &format!("rm -f /etc/nginx/{file} /etc/nginx/sites-enabled/old")).await;
        house.settles().await;
        assert_eq!(say(&house, SHOP).await, "302");
        house.push(&[("shop.yaml", None)]).await;
        house.settles().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_tls_that_are_not_on_the_host_are_named_before_anything_is_made() {
    let house = served(&[]).await;
    let tls = "  tls: {certificate: /etc/ssl/shop.pem, key: /etc/ssl/shop.key}\n";
    house.push(&[("shop.yaml", Some(&second(tls)))]).await;
    let early = house.cycle().await;
    assert!(early.outcomes.is_empty(), "{:#?}", early.outcomes);
    let why = told(&early, "certificate-missing");
    assert!(why.contains("/etc/ssl/shop.pem and /etc/ssl/shop.key are not on Host/erp"), "{why}");
    let copy = "mkdir -p /etc/ssl; cd /etc/letsencrypt/live/erp.example.com; cp fullchain.pem /etc/ssl/shop.pem; ";
    say(&house, copy).await;
    let why = told(house.cycle().await.as_ref(), "certificate-missing");
    assert!(why.contains("/etc/ssl/shop.key is not on Host/erp"), "{why}");
    say(&house, "cp /etc/letsencrypt/live/erp.example.com/privkey.pem /etc/ssl/shop.key").await;
    house.settles().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sites_that_stand_in_each_others_way_are_mended_in_one_cycle() {
    let shop = second("");
    let house = served(&[("shop.yaml", &shop)]).await;
    let both = "curl -s -o /dev/null -w '%{http_code} ' -H 'Host: erp.example.com' http://127.0.0.1/; ";
    let asked = format!("{both}{SHOP}");
    for broken in [
        // Links that lead nowhere.
        "rm /etc/nginx/sites-available/*",
        // Files that nginx refuses.
        "for one in /etc/nginx/sites-available/*; do echo 'listn 80;' >>$one; done",
        // One that is broken, and one that is only changed.
        "rm /etc/nginx/sites-available/shop*; echo '# mine' >/etc/nginx/sites-available/erp.example.com.conf",
        "echo nonsense >>/etc/nginx/sites-available/erp.example.com.conf; rm /etc/nginx/sites-enabled/shop*",
    ] {
        say(&house, broken).await;
        let mended = house.cycle().await;
        let failed = crate::house::failed(&mended.outcomes);
        assert!(failed.is_empty(), "{broken}: {failed:#?}");
        assert_eq!(mended.outcomes.len(), 2, "{broken}: {:#?}", mended.outcomes);
        assert!(mended.after.as_ref().is_some_and(|plan| plan.is_empty()), "{broken}: {:#?}", mended.after);
        assert_eq!(say(&house, &asked).await, "301 302", "{broken}");
        assert_eq!(say(&house, "ls -A /etc/nginx | grep -c driftless; true").await, "0\n", "{broken}");
    }
}

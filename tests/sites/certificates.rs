//! What becomes of a certificate whose site goes: it stays where it is, and nobody renews it any more where it came to be
//! there by driftless and nothing else uses it.

use super::served;
use crate::house::House;
use crate::simulated::{SITE, say};

const RENEWAL: &str = "cd /etc/letsencrypt; ls renewal live | tr '\\n' ' '";
const GOT: &str = "grep -c got /var/lib/driftless/certificates.ledger";

/// The site is taken out of git, and the host comes to rest.
async fn removed(house: &House) -> Vec<String> {
    house.push(&[("site.yaml", None)]).await;
    let snapshot = house.settles().await;
    let plan = snapshot.plan.clone().expect("a plan");
    plan.findings.iter().map(|finding| finding.rule.clone()).filter(|rule| rule == "certificate-stays").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_renewed_no_longer_than_its_site_is_there_and_comes_back_with_it() {
    let house = served(&[]).await;
    assert_eq!(say(&house, GOT).await, "1\n");
    assert!(removed(&house).await.is_empty());
    let parked = say(&house, RENEWAL).await;
    assert!(parked.contains("erp.example.com.conf.ended") && parked.contains("live: erp.example.com"), "{parked}");
    let inventory = house.cycle().await;
    assert!(inventory.after.as_ref().is_some_and(|plan| plan.is_empty()));

    let site = SITE.replace("{url: \"http://127.0.0.1:8069\"}", "{url: \"http://127.0.0.1:1\"}");
    house.push(&[("site.yaml", Some(&site))]).await;
    house.settles().await;
    let back = say(&house, RENEWAL).await;
    assert!(back.contains("erp.example.com.conf ") && !back.contains("ended"), "{back}");
    assert_eq!(say(&house, GOT).await, "1\n", "the same certificate serves, and none was got anew");
    assert!(removed(&house).await.is_empty(), "it is still ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_something_else_uses_or_that_is_not_ours_goes_on_being_renewed() {
    let uses = "echo '# ssl_certificate /etc/letsencrypt/live/erp.example.com/fullchain.pem;' >/etc/nginx/snippet.conf";
    for keeps in [uses, "rm /var/lib/driftless/certificates.ours"] {
        let house = served(&[]).await;
        say(&house, keeps).await;
        assert_eq!(removed(&house).await, ["certificate-stays"], "{keeps}");
        let renewed = say(&house, RENEWAL).await;
        assert!(renewed.contains("erp.example.com.conf ") && !renewed.contains("ended"), "{keeps}: {renewed}");
    }
}

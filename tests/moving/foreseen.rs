//! A move that the new host would refuse: told before anything of it is begun.

use super::{SITE, TTL, at_home, cycle, done, push, say, service, waiting};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_to_where_its_name_is_taken_or_its_files_are_missing_is_not_begun() {
    let house = at_home().await;
    let told = |snapshot: &driftless::engine::snapshot::Snapshot, rule: &str| {
        let plan = snapshot.after.clone().expect("a plan");
        let found = plan.findings.iter().find(|finding| finding.rule == rule);
        found.unwrap_or_else(|| panic!("no {rule} in {:#?}", plan.findings)).text.clone()
    };
    let other = "echo 'server { listen 80; server_name ocr.example.com; return 204; }' >/etc/nginx/sites-available/old; \
                 ln -s ../sites-available/old /etc/nginx/sites-enabled/old";
    say(&house, "erp", other).await;
    push(&house, &service("erp", "erp", TTL)).await;
    let taken = cycle(&house).await;
    assert_eq!(told(&taken, "server-name-taken"), "the server name ocr.example.com is also in old on Host/erp");
    assert!(
        !done(&taken).iter().any(|key| key.starts_with("NginxSite") || key.starts_with("Domain")),
        "{taken:?}",
        taken = done(&taken)
    );
    assert_eq!(say(&house, "ocr", SITE).await, "1\n");

    // The name is free; and now it is to be served with files that nobody has put there.
    say(&house, "erp", "rm /etc/nginx/sites-enabled/old /etc/nginx/sites-available/old").await;
    let [(path, text), domain] = service("erp", "erp", TTL);
    let files = text
        .replace("{issuer: letsencrypt, email: ops@example.com}", "{certificate: /etc/ssl/a.pem, key: /etc/ssl/a.key}");
    push(&house, &[(path, files), domain]).await;
    let missing = cycle(&house).await;
    assert!(told(&missing, "certificate-missing").starts_with("/etc/ssl/a.pem and /etc/ssl/a.key are not on Host/erp"));
    assert!(done(&missing).is_empty(), "{:?}", done(&missing));
    assert!(waiting(&missing).iter().any(|line| line.contains("ocr A update")), "{:?}", waiting(&missing));
    push(&house, &[(path, text)]).await;
    assert!(done(cycle(&house).await.as_ref()).contains(&"NginxSite/ocr replace".to_owned()));
}

//! Tokens that are wrong, rotated, or may not do what is asked.

use super::{TOKEN, house};
use crate::house::{Setup, failed, git_in, sandbox_settings};
use driftless::model::Attempt;
use driftless::ports::digitalocean::{Client, Config, Token};
use driftless::sandbox;

fn with(tokens: Vec<sandbox::Token>, token: Token) -> Setup {
    Setup { sandbox: sandbox::Config { tokens, ..sandbox_settings() }, token, ..Setup::default() }
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_said_with_its_place_and_changes_nothing() {
    let house = house(with(vec![sandbox::Token::full("another")], Token::inline(TOKEN))).await;
    let snapshot = house.cycle().await;
    let plan = snapshot.after.clone().expect("a plan");
    assert!(plan.changes.is_empty() && plan.unknown == plan.resources, "{:#?}", plan.findings);
    let status = house.reported("STATUS.md");
    assert!(status.contains("401"), "{status}");
    assert!(status.contains("configuration or environment"), "it says where the token is set: {status}");
    assert!(house.hand().calls().mutations.is_empty());
    house.leaks_nothing().await;
}

#[tokio::test]
async fn a_token_file_is_read_again_when_it_changes_and_a_bad_one_destroys_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    std::fs::write(&path, "first\n").expect("written");
    let tokens = vec![sandbox::Token::full("first"), sandbox::Token::full(TOKEN)];
    let house = house(with(tokens, Token::File(path.clone()))).await;
    house.settles().await;
    let before = house.world();

    std::fs::write(&path, "dop_v1_revoked\n").expect("written");
    let snapshot = house.cycle().await;
    assert_eq!(house.world(), before);
    assert!(snapshot.outcomes.is_empty());
    let status = house.reported("STATUS.md");
    assert!(status.contains("401") && status.contains(&path.display().to_string()), "{status}");
    let reports = git_in(&house.repo(), &["rev-list", "--count", "driftless/reports"]);
    for _ in 0..3 {
        house.cycle().await;
    }
    assert_eq!(git_in(&house.repo(), &["rev-list", "--count", "driftless/reports"]), reports, "told once");

    std::fs::write(&path, format!("{TOKEN}\n")).expect("written");
    house.settles().await;
    assert_eq!(house.world(), before);
    assert!(!house.reported("STATUS.md").contains("401"));
    house.leaks_nothing().await;
}

#[tokio::test]
async fn a_token_of_another_team_sees_nothing_as_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    std::fs::write(&path, TOKEN).expect("written");
    let stranger = sandbox::Token::full("stranger").of_team("11111111-1111-4111-8111-111111111111");
    let house = house(with(vec![sandbox::Token::full(TOKEN), stranger], Token::File(path.clone()))).await;
    house.settles().await;
    let before = house.world();
    house.hand().forget_calls();
    std::fs::write(&path, "stranger").expect("written");
    house.cycle().await;
    let house = house.restart(|_| {}).await;
    house.cycle().await;
    assert!(house.hand().calls().mutations.is_empty(), "{:#?}", house.hand().calls().mutations);
    assert!(house.reported("STATUS.md").contains("another-team") || house.reported("STATUS.md").contains("team 1111"));
    std::fs::write(&path, TOKEN).expect("written");
    house.settles().await;
    assert_eq!(house.world(), before);
    house.leaks_nothing().await;
}

#[test]
fn a_token_is_not_sent_over_plain_http_to_another_machine() {
    for base in ["http://192.0.2.1", "http://api.digitalocean.com", "http://127.0.0.1.example.com"] {
        let config = Config::at(base, Token::inline(TOKEN)).expect("an address");
        let told = Client::new(config).map(drop).expect_err("refused").to_string();
        assert!(told.contains("plain http") && told.contains("https"), "{told}");
        assert!(!told.contains(TOKEN), "{told}");
    }
}

#[tokio::test]
async fn a_scope_that_is_missing_for_looking_is_named_with_its_kind_and_stops_nothing_else() {
    let scopes = sandbox::Scopes::parse(
        "droplet:*,vpc:*,domain:*,account:read,sizes:read,regions:read,tag:*,image:read,ssh_key:*,actions:read",
    );
    let house = house(with(vec![sandbox::Token::full(TOKEN).with_scopes(scopes)], Token::inline(TOKEN))).await;
    house.cycle().await;
    let status = house.reported("STATUS.md");
    assert!(status.contains("firewall:read") && status.contains("Firewall"), "{status}");
    house.hand().read(|w| assert_eq!((w.droplets.len(), w.firewalls.len()), (1, 0)));
    house.leaks_nothing().await;
}

#[tokio::test]
async fn a_scope_that_is_missing_for_writing_is_named_with_its_kind() {
    let house =
        house(with(vec![sandbox::Token::full(TOKEN).with_scopes(sandbox::Scopes::ReadOnly)], Token::inline(TOKEN)))
            .await;
    let snapshot = house.cycle().await;
    let failed = failed(&snapshot.outcomes);
    let vpc = failed.iter().find(|o| o.key.id.kind == "Vpc").expect("it failed");
    let Attempt::Failed { fault, next, .. } = &vpc.attempt else { panic!("{vpc:#?}") };
    let told = format!("{fault} {}", fault.hint());
    assert!(told.contains("403") && told.contains("vpc:create") && told.contains("Vpc"), "{told}");
    assert!(next.is_some(), "a token may gain a scope");
    let status = house.reported("STATUS.md");
    assert!(status.contains("vpc:create"), "{status}");
    house.leaks_nothing().await;
}

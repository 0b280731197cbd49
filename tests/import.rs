//! Import: documents for what an account holds, after which the plan is empty. As a law over random accounts, and as
//! the program that people run.

mod account;
mod beginning;
mod command;
mod written;

use crate::house::{ENFORCE, House, Setup, lines, sandbox_settings};
use crate::laws::law;
use account::Account;
use driftless::engine::import::{Files, Imported, import};
use driftless::kinds;
use driftless::model::finding::Weight;
use driftless::model::{Attempt, Verb};
use driftless::ports::clock::Clock;
use serde_json::Value;
use std::time::Duration;

fn settings(mode: &str) -> String {
    ENFORCE.replace("mode: enforce", &format!("mode: {mode}"))
}

/// A house without documents over an account that somebody else filled.
async fn house(account: &Account) -> House {
    let clock = Clock::at("2026-03-01T12:00:00Z".parse().expect("a time"));
    let sandbox = driftless::sandbox::Config { action_time: Duration::from_millis(1), ..sandbox_settings() };
    let setup = Setup { clock, sandbox, ..Setup::default() };
    let house = House::set_up(&[("settings.yaml", &settings("observe"))], setup).await;
    account.plant(&house).await;
    house
}

async fn imported(house: &House) -> Imported {
    let beside = Files::from([("settings.yaml".to_owned(), settings("observe").into_bytes())]);
    import(&house.controller.ports, kinds::ALL, &beside).await.unwrap_or_else(|error| panic!("{error}: {error:?}"))
}

async fn push(house: &House, imported: &Imported, mode: &str) {
    let settings = settings(mode);
    let texts: Vec<(String, String)> = imported
        .files
        .iter()
        .map(|(path, bytes)| (path.clone(), String::from_utf8(bytes.clone()).expect("UTF-8")))
        .collect();
    let mut edits: Vec<(&str, Option<&str>)> =
        texts.iter().map(|(path, text)| (path.as_str(), Some(text.as_str()))).collect();
    edits.push(("settings.yaml", Some(&settings)));
    house.push(&edits).await;
}

/// The account as it stands, without the marks of this estate and without what only counts.
fn world(house: &House) -> Value {
    let mut world = house.hand().read(|world| serde_json::to_value(world).expect("JSON"));
    let ours = |tag: &str| tag.starts_with("driftless:9f2c6a1e:");
    for droplet in world["droplets"].as_object_mut().expect("droplets").values_mut() {
        droplet["tags"].as_array_mut().expect("tags").retain(|tag| !tag.as_str().is_some_and(ours));
    }
    world["tags"].as_object_mut().expect("tags").retain(|tag, _| !ours(tag));
    world
}

#[test]
fn after_an_import_of_any_account_nothing_is_to_be_done() {
    law(Account::any(), |account| {
        Box::pin(async move {
            let house = house(account).await;
            let before = world(&house);
            let imported = imported(&house).await;
            assert!(imported.plan.is_empty(), "{:#?}", lines(&imported.plan));
            let problems = imported.plan.findings.iter().filter(|f| f.weight != Weight::Note).collect::<Vec<_>>();
            assert!(problems.is_empty(), "{problems:#?}");
            account.all_is_told(&imported);

            // Somebody else's account, and a controller that only looks.
            push(&house, &imported, "observe").await;
            house.hand().forget_calls();
            let snapshot = house.cycle().await;
            let plan = snapshot.after.clone().expect("a plan");
            assert!(snapshot.troubles.is_empty() && snapshot.diagnostics.is_empty(), "{:?}", snapshot.diagnostics);
            assert!(plan.is_empty(), "{:#?}", lines(&plan));
            assert!(house.hand().calls().mutations.is_empty(), "{:?}", house.hand().calls().mutations);

            // It enforces: marks on droplets, and nothing else.
            push(&house, &imported, "enforce").await;
            let snapshot = house.cycle().await;
            for outcome in &snapshot.outcomes {
                assert!(outcome.attempt == Attempt::Done && outcome.key.verb == Verb::Adopt, "{outcome:#?}");
            }
            assert_eq!(world(&house), before);
            house.settles().await;
            assert_eq!(world(&house), before);

            // Another import of the same account finds that it is taken, and says so of each droplet.
            let again = self::imported(&house).await;
            let droplets = again.drafted.iter().filter(|one| one.id.kind == "Droplet");
            for droplet in droplets {
                // A droplet of somebody else's has been left out before.
                let why = droplet.left_out.as_deref().unwrap_or_default();
                assert!(why.contains("belongs to another estate"), "{} is imported twice: {why}", droplet.id);
            }
        })
    });
}

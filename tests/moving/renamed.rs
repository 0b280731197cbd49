//! A host that is called otherwise: nothing on it moves, and nothing is started anew.

use super::waiting;
use crate::house::House;
use crate::simulated::{HOST, SITE, STACK, say, stacked};
use driftless::engine::snapshot::Snapshot;
use driftless::kinds;
use driftless::model::{ChangeKey, Intent, Key, Memory, Owned, ProviderId, ResourceId, Scope, Verb};
use driftless::plan::renaming::followed;

/// The host under another name, and what is on it with that.
fn renamed(formerly: &str) -> [(&'static str, String); 3] {
    let host = HOST.replace("metadata: {name: erp}", &format!("metadata: {{name: shop{formerly}}}"));
    [
        ("host.yaml", host),
        ("stack.yaml", STACK.replace("host: erp", "host: shop")),
        ("site.yaml", SITE.replace("host: erp", "host: shop")),
    ]
}

async fn push(house: &House, files: &[(&str, String)]) {
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, Some(text.as_str()))).collect();
    house.push(&files).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_called_otherwise_moves_nothing_and_starts_nothing_anew() {
    let house = stacked(&[("site.yaml", SITE)]).await;
    let running = "docker ps -q --no-trunc | sort; cat /run/nginx.pid; cat /var/lib/driftless/certificates.ledger; cat /etc/nginx/sites-available/*; stat -c %Y /opt/stacks/odoo/.driftless/receipt.json";
    let before = say(&house, running).await;

    push(&house, &renamed(", formerly: [erp]")).await;
    let snapshot = house.cycle().await;
    let plan = snapshot.plan.clone().expect("a plan");
    assert!(plan.changes.is_empty() && plan.unknown == 0, "{:#?} {:#?}", plan.changes, plan.findings);
    assert!(snapshot.outcomes.is_empty(), "{:#?}", snapshot.outcomes);
    assert_eq!(say(&house, running).await, before);
    let memory = house.controller.keeper.memory();
    let (host, stack) = (ResourceId::new("Host", "shop"), ResourceId::new("ComposeStack", "odoo"));
    let owned = memory.owned.get(&stack).expect("it is owned");
    assert_eq!((owned.provider_id.0.as_str(), &owned.scope), ("shop:odoo", &Scope::within("ComposeStack", "shop")));
    assert!(memory.owned.contains_key(&host) && memory.pins.contains_key(&host), "{:#?}", memory.owned);
    let erp = memory.owned.iter().filter(|(id, owned)| {
        id.name == "erp" && id.kind == "Host" || owned.needs.contains(&ResourceId::new("Host", "erp"))
    });
    assert_eq!(erp.count(), 0, "nothing is remembered by the former name");
    house.settles().await;
    only_once(&snapshot, &memory);

    // What is done by hand is still put back, through the new name.
    say(&house, "docker stop odoo-web-1").await;
    let mended = house.cycle().await;
    assert_eq!(mended.outcomes.len(), 1, "{:#?} {:#?}", mended.outcomes, waiting(&mended));
    assert_eq!(say(&house, "docker ps -q | wc -l").await.trim(), "2");
}

/// Of what is remembered by the new name nothing follows again, though the line stays: what is called `erp` since is another.
fn only_once(snapshot: &Snapshot, memory: &Memory) {
    let estate = snapshot.estate.clone().expect("an estate");
    let kinds = kinds::pure();
    let (host, stack) = (ResourceId::new("Host", "erp"), ResourceId::new("ComposeStack", "odoo"));
    let mut other = memory.clone();
    let there = |owned: &mut Owned| owned.scope = Scope::within("ComposeStack", "erp");
    other.owned.get_mut(&stack).into_iter().for_each(there);
    assert!(followed(&kinds, &estate, &other).patches.is_empty());

    // Work that was begun under the former name is found by the new one.
    let renamed = ResourceId::new("Host", "shop");
    let owned = other.owned.remove(&renamed).expect("it is owned");
    other.owned.insert(host.clone(), owned);
    let key = ChangeKey::whole(&stack, Verb::Replace);
    let begun = Intent {
        key: key.clone(),
        scope: Scope::within("ComposeStack", "erp"),
        keys: vec![Key("erp odoo".to_owned()), Key("erpx odoo".to_owned())],
        before: Default::default(),
        provider_id: Some(ProviderId("erp:odoo".to_owned())),
        generation: 2,
        stage: None,
        opened: snapshot.at,
        unclear: false,
        wrote: Default::default(),
        settles: None,
        reached: Default::default(),
    };
    other.intents.insert(key.clone(), begun);
    let now = followed(&kinds, &estate, &other).memory;
    assert!(now.owned.contains_key(&renamed) && !now.owned.contains_key(&host));
    assert_eq!(now.owned[&stack].scope, Scope::within("ComposeStack", "shop"));
    let begun = &now.intents[&key];
    assert_eq!(begun.keys, [Key("shop odoo".to_owned()), Key("erpx odoo".to_owned())]);
    assert_eq!(
        (begun.provider_id.clone(), begun.scope.to_string()),
        (Some(ProviderId("shop:odoo".to_owned())), "ComposeStack:shop".to_owned())
    );
}

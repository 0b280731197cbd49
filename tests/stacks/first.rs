//! The first version of a stack, which has nothing to go back to: it is ours from its first container on, and not taken
//! for ready.

use super::life::{host, house, refused};
use super::{Engine, SETTINGS, WAITS, compose, stack};
use crate::house::lines;
use crate::sshd::Sshd;
use driftless::model::Standing;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_version_that_never_gets_ready_is_ours_and_waits_for_another() {
    let Some(engine) = Engine::start() else { return };
    let Some(mut sshd) = Sshd::start().await else { return };
    let (host, document) = (host(&sshd, "erp"), stack(&engine, ""));
    let ends = compose("[\"sh\", \"-c\", \"echo no database; exit 3\"]");
    let files = [
        ("settings.yaml", SETTINGS),
        ("host.yaml", &host),
        ("stack.yaml", &document),
        ("stacks/odoo/compose.yaml", &ends),
        ("stacks/odoo/conf/app.ini", "x=1\n"),
    ];
    let house = house(&engine, &mut sshd, &files).await;
    let told = refused(house.cycle().await.as_ref());
    assert!(told.contains("no database") && told.contains("git revert"), "{told}");
    for _ in 0..2 {
        let next = house.cycle().await;
        let after = next.after.clone().expect("a plan");
        assert!(next.outcomes.is_empty(), "{:?}", next.outcomes);
        let [change] = after.changes.as_slice() else { panic!("{:?}", lines(&after)) };
        assert!(matches!(&change.standing, Standing::Blocked(why) if why.contains("retry")), "{:?}", lines(&after));
    }
    house.push(&[("stacks/odoo/compose.yaml", Some(&compose(WAITS)))]).await;
    house.settles().await;
    assert_eq!(engine.web().0, "x=1");
}

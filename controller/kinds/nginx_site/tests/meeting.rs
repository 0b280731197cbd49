//! Upstreams that are looked up in what a stack offers.

use super::fixture::*;
use crate::kinds::nginx_site::{Form, NginxSite, Step, Want};
use crate::model::offer::{Door, Service};
use crate::model::{Complaint, Kind, Offer, Offers, Output, ResourceId, Step as Work, Supply};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn offers(on: &str, doors: &[(u16, &str, u16)]) -> Offers {
    let door = |(inside, address, outside): &(u16, &str, u16)| Door {
        inside: *inside,
        address: (*address).to_owned(),
        outside: *outside,
    };
    let service = Service { doors: doors.iter().map(door).collect(), place: "compose.yaml:2".to_owned() };
    let services = BTreeMap::from([("odoo".to_owned(), service)]);
    let offer = Offer { on: ResourceId::new("Host", on), services, more: false };
    BTreeMap::from([(ResourceId::new("ComposeStack", "odoo"), offer)])
}

fn site(to: Value) -> Want {
    desire(json!({"host": "erp", "serverNames": ["erp.example.com"], "locations": [{"path": "/", "to": to}]}))
}

fn meet(to: Value, offers: &Offers) -> Result<Want, Vec<Complaint>> {
    NginxSite::meet(&id(), &site(to), offers).map(|met| met.expect("a site by its fields"))
}

fn passed(want: &Want) -> String {
    let text = text(want, Form::Full);
    text.lines().find_map(|line| line.trim().strip_prefix("proxy_pass ")).expect("it passes on").to_owned()
}

#[test]
fn a_service_is_reached_where_its_stack_publishes_it() {
    let to = |more: Value| {
        let mut to = json!({"stack": "odoo", "service": "odoo"});
        to.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        to
    };
    for (doors, more, passes) in [
        (&[(8069, "127.0.0.1", 9069)][..], json!({}), "http://127.0.0.1:9069;"),
        (&[(8069, "", 8069), (8072, "", 8072)], json!({"port": 8072}), "http://127.0.0.1:8072;"),
        (&[(8069, "::", 8069)], json!({"path": "/v1/parse"}), "http://127.0.0.1:8069/v1/parse;"),
        (&[(8069, "::1", 8069)], json!({}), "http://[::1]:8069;"),
        (&[(8069, "10.1.0.5", 8069)], json!({}), "http://10.1.0.5:8069;"),
    ] {
        assert_eq!(passed(&meet(to(more), &offers("erp", doors)).expect("published")), passes);
    }
    let needs: Vec<String> = site(to(json!({}))).needs.iter().map(|need| need.on.to_string()).collect();
    assert_eq!(needs, ["Host/erp", "ComposeStack/odoo"]);
}

#[test]
fn what_nobody_publishes_is_a_mistake_with_its_place() {
    let odoo = offers("erp", &[(8069, "", 8069), (8072, "", 8072)]);
    let none = offers("erp", &[]);
    for (to, offers, path, label) in [
        (
            json!({"stack": "odoo", "service": "odoo", "port": 80}),
            &odoo,
            "port",
            "odoo publishes 8069, 8072 (compose.yaml:2)",
        ),
        (
            json!({"stack": "odoo", "service": "odoo", "port": 80}),
            &none,
            "port",
            "odoo publishes none (compose.yaml:2)",
        ),
        (json!({"stack": "odoo", "service": "odoo"}), &none, "service", "compose.yaml:2"),
        (json!({"stack": "odoo", "service": "oddo"}), &odoo, "service", "it has odoo"),
        (json!({"stack": "odoo", "service": "odoo"}), &odoo, "", "add port: 8069, or 8072"),
    ] {
        let wrong = meet(to, offers).expect_err("it is not published");
        let at = format!("spec.locations[0].to.{path}");
        assert_eq!((wrong[0].path.as_str(), wrong[0].label.as_str()), (at.trim_end_matches('.'), label));
    }
}

#[test]
fn a_stack_of_another_host_is_reached_by_its_private_address_once_that_is_known() {
    let to = json!({"stack": "odoo", "service": "odoo"});
    let wrong = meet(to.clone(), &offers("ocr", &[(8069, "127.0.0.1", 8069)])).expect_err("loopback is not reached");
    assert_eq!(wrong[0].label, "Host/erp cannot reach it");
    let want = meet(to, &offers("ocr", &[(8069, "", 8070)])).expect("published");
    assert!(want.needs.iter().any(|need| need.on == ResourceId::new("Host", "ocr")));
    let mut case = Case::of(&want, None);
    case.others = vec![(ResourceId::new("Host", "ocr"), Supply::Pending)];
    let waits = case.diff();
    assert!(matches!(&waits.changes[0].step, Work::Waits { why, .. } if why == "Host/ocr to be ready"));
    let live = BTreeMap::from([(Output::PrivateAddress, "10.114.0.3".to_owned())]);
    case.others = vec![(ResourceId::new("Host", "ocr"), Supply::Live(live))];
    let known = case.diff();
    let Work::Ready(Step::Write(write)) = &known.changes[0].step else { panic!("{known:?}") };
    let text = crate::kinds::nginx_site::text_of(&id(), &write.content, false);
    assert!(text.contains("proxy_pass http://10.114.0.3:8070;"), "{text}");
    case.others = vec![(ResourceId::new("Host", "ocr"), Supply::Unknown("it does not answer".to_owned()))];
    let unknown = case.diff();
    assert!(unknown.changes.is_empty() && rules(&unknown).contains("upstream-unknown"));
}

#[test]
fn what_offers_nothing_is_left_to_whoever_told_of_it() {
    let met = meet(json!({"stack": "odoo", "service": "odoo"}), &Offers::new()).expect("told elsewhere");
    assert_eq!(passed(&met), "\"http://(odoo of ComposeStack/odoo)\";");
}

#[test]
fn a_site_is_made_once_the_stack_behind_it_is_there() {
    let to = json!({"stack": "odoo", "service": "odoo"});
    let want = meet(to, &offers("erp", &[(8069, "127.0.0.1", 8069)])).expect("published");
    let mut case = Case::of(&want, None);
    case.others = vec![(ResourceId::new("ComposeStack", "odoo"), Supply::Pending)];
    let waits = case.diff();
    assert!(
        matches!(&waits.changes[0].step, Work::Waits { on, .. } if on == &[ResourceId::new("ComposeStack", "odoo")])
    );
    let on = |host: &str| Supply::Live(BTreeMap::from([(Output::Host, host.to_owned())]));
    case.others = vec![(ResourceId::new("ComposeStack", "odoo"), on("erp"))];
    assert!(matches!(&case.diff().changes[0].step, Work::Ready(_)));
    case.others = vec![(ResourceId::new("ComposeStack", "odoo"), on("old"))];
    let elsewhere = case.diff();
    assert!(
        elsewhere.changes.is_empty() && rules(&elsewhere).contains("upstream-unknown"),
        "its move is held or failed"
    );
}

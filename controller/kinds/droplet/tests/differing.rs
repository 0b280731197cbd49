//! What a difference asks for, field by field.

use super::super::*;
use super::fixture::*;
use crate::model::{ChangeKey, OnRemove, Owned, Risk, Shown, Step as Work, Supply, Verb};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

#[test]
fn a_droplet_that_is_as_written_asks_for_nothing() {
    let want = desire(full());
    let memory = owned(&want);
    let case = Case { owned: Some(&memory), ..Case::of(&want, &state(&want)) }.diff();
    assert_eq!(case, Diffed::default());
}

#[test]
fn what_is_missing_is_created_whole_with_its_marker_and_its_price() {
    let want = desire(full());
    let change = Case::of(&want, None).only();
    assert_eq!((change.key.clone(), change.generation), (ChangeKey::whole(&id(), Verb::Create), 1));
    let Work::Ready(Step::Create(body)) = &change.step else { panic!("{:?}", change.step) };
    assert_eq!((body.vpc.as_deref(), body.ssh_keys.as_slice()), (Some(VPC), [512].as_slice()));
    assert!(body.tags.contains(&Marker::of(&Uuid::nil(), &id(), 1).to_string()), "{:?}", body.tags);
    let wrote: Vec<&str> = change.wrote.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(wrote, ["image", "userData", "sshKeys", "monitoring"]);
    let cost = change.cost.expect("a price");
    assert_eq!((cost.before, cost.after), (Cents(0), Cents(2880)), "weekly backups cost 20 %");
    assert_eq!(change.risk, Risk::None);
}

#[test]
fn a_droplet_waits_for_what_it_lies_in() {
    let want = desire(full());
    let case = Case { vpc: Supply::Pending, key: Supply::Pending, ..Case::of(&want, None) };
    let change = case.only();
    let Work::Waits { on, why } = &change.step else { panic!("{:?}", change.step) };
    assert_eq!(on, &[ResourceId::new("Vpc", "main"), ResourceId::new("SshKey", "ops")]);
    assert_eq!(why, "id of Vpc/main, id of SshKey/ops");
    let vpc = change.fields.iter().find(|f| f.path == "vpc").expect("shown");
    assert!(matches!(vpc.to, Shown::Pending { .. }));
    let keys = change.fields.iter().find(|f| f.path == "sshKeys").expect("shown");
    assert!(matches!(keys.to, Shown::Mixed(_)));
}

#[test]
fn a_droplet_is_not_made_while_its_network_cannot_be_seen() {
    let want = desire(full());
    let diffed = Case { vpc: Supply::Unknown("403".to_owned()), ..Case::of(&want, None) }.diff();
    assert!(diffed.changes.is_empty());
    assert_eq!(rules(&diffed), ["reference-unknown"]);
    assert!(diffed.findings[0].text.contains("Vpc/main could not be seen: 403"), "{}", diffed.findings[0].text);
}

/// Each row: what is different in reality, the change that puts it back.
#[test]
fn each_field_that_differs_is_one_change() {
    let want = desire(full());
    type Edit = fn(&mut State);
    let table: Vec<(Edit, &str, Step)> = vec![
        (|s| s.name = "x".into(), "#name update", Step::Rename { name: "odoo-erp-prod".into() }),
        (|s| s.size = "s-1vcpu-1gb".into(), "#size update", Step::Resize { size: "s-2vcpu-4gb".into(), disk: false }),
        (
            |s| s.tags = vec!["odoo".into(), "by-hand".into()],
            "#tags update",
            Step::Tags { add: vec!["production".into()], remove: vec!["by-hand".into()] },
        ),
        (
            |s| s.backups = Backups::Off,
            "#backups update",
            Step::EnableBackups {
                schedule: Some(Schedule { plan: Plan::Weekly, weekday: Some(Weekday::Sun), hour: Some(4) }),
            },
        ),
        (
            |s| s.backups = Backups::On(Some(Schedule { plan: Plan::Daily, weekday: None, hour: Some(4) })),
            "#backups update",
            Step::ChangeBackups {
                schedule: Schedule { plan: Plan::Weekly, weekday: Some(Weekday::Sun), hour: Some(4) },
            },
        ),
        (
            |s| s.markers.clear(),
            " adopt",
            Step::Mark { add: Some(Marker::of(&Uuid::nil(), &id(), 1)), remove: Vec::new() },
        ),
    ];
    for (edit, key, step) in table {
        let mut have = state(&want);
        edit(&mut have);
        let change = Case::of(&want, &have).only();
        assert_eq!(change.key.to_string(), format!("Droplet/erp{key}"));
        assert_eq!(change.step, Work::Ready(step));
        assert!(!change.fields.is_empty(), "{key}");
        assert_eq!(change.provider_id.as_ref().map(|id| id.0.as_str()), Some("3164494"));
    }
}

#[test]
fn ipv6_goes_on_in_place() {
    let want = desire(with("ipv6", true));
    let have = State { ipv6: false, ..state(&want) };
    assert_eq!(Case::of(&want, &have).only().step, Work::Ready(Step::EnableIpv6));
}

#[test]
fn backups_go_off_only_with_an_approval() {
    let want = desire(with("backups", false));
    let have = State { backups: Backups::On(None), ..state(&want) };
    let change = Case::of(&want, &have).only();
    assert_eq!(change.step, Work::Ready(Step::DisableBackups));
    assert!(matches!(change.risk, Risk::Unprotects(_)));
    let cost = change.cost.expect("a price");
    assert!(cost.after < cost.before);
}

#[test]
fn what_a_document_leaves_open_is_always_right() {
    for open in [
        json!(true),
        json!({"plan": "weekly"}),
        json!({"plan": "weekly", "hour": 8}),
        json!({"plan": "weekly", "weekday": "TUE"}),
    ] {
        let want = desire(with("backups", open.clone()));
        let tuesday = Schedule { plan: Plan::Weekly, weekday: Some(Weekday::Tue), hour: Some(8) };
        let have = State { backups: Backups::On(Some(tuesday)), ..state(&want) };
        assert_eq!(Case::of(&want, &have).diff(), Diffed::default(), "{open}");
    }
}

#[test]
fn tags_compare_without_case_and_spare_those_of_others() {
    let want = desire(with("tags", json!(["Production", "odoo"])));
    let mut have = state(&want);
    have.tags = ["production", "ODOO", "k8s", "k8s:abc", "do:x", "driftless:strange"].map(str::to_owned).to_vec();
    assert_eq!(Case::of(&want, &have).diff(), Diffed::default());
    have.tags.push("Extra".to_owned());
    let change = Case::of(&want, &have).only();
    assert_eq!(change.step, Work::Ready(Step::Tags { add: Vec::new(), remove: vec!["Extra".to_owned()] }));
    assert_eq!(change.fields[0].from, Shown::set(["Extra", "ODOO", "production"].map(str::to_owned)));
    assert_eq!(change.fields[0].to, Shown::set(["ODOO", "production"].map(str::to_owned)));
}

#[test]
fn a_tag_of_others_that_the_document_names_is_kept_like_any() {
    let want = desire(with("tags", json!(["k8s:worker"])));
    let have = State { tags: Vec::new(), ..state(&want) };
    let add = vec!["k8s:worker".to_owned()];
    assert_eq!(Case::of(&want, &have).only().step, Work::Ready(Step::Tags { add, remove: Vec::new() }));
    assert_eq!(Case::of(&want, &state(&want)).diff(), Diffed::default());
}

#[test]
fn a_resize_says_how_long_it_is_off_and_what_it_costs() {
    let want = desire(with("size", "s-4vcpu-8gb"));
    let have = State { size: "s-2vcpu-4gb".into(), ..state(&want) };
    let change = Case::of(&want, &have).only();
    assert_eq!(change.title, "resize, 1–2 min off");
    assert_eq!(change.risk, Risk::Downtime("1–2 min off".to_owned()));
    let cost = change.cost.expect("a price");
    assert_eq!((cost.before, cost.after), (Cents(2880), Cents(5760)));
}

#[test]
fn a_disk_grows_only_when_told_to_and_says_that_it_is_for_good() {
    let mut spec = with("size", "s-4vcpu-8gb");
    spec["resizeDisk"] = json!(true);
    let want = desire(spec);
    let have = State { size: "s-2vcpu-4gb".into(), ..state(&want) };
    let change = Case::of(&want, &have).only();
    assert_eq!(change.step, Work::Ready(Step::Resize { size: "s-4vcpu-8gb".into(), disk: true }));
    assert!(change.title.contains("for good") && change.risk.why().contains("cannot be undone"), "{change:?}");
    let disk = change.fields.iter().find(|f| f.path == "disk").expect("shown");
    assert_eq!((&disk.from, &disk.to), (&Shown::text("80 GiB"), &Shown::text("160 GiB")));
    // The disk is as large already: nothing to grow.
    let large = State { disk: 160, ..have };
    let change = Case::of(&want, &large).only();
    assert_eq!(change.step, Work::Ready(Step::Resize { size: "s-4vcpu-8gb".into(), disk: false }));
}

#[test]
fn a_size_with_a_smaller_disk_is_a_finding_and_no_change() {
    let want = desire(with("size", "s-1vcpu-1gb"));
    let have = State { size: "s-2vcpu-4gb".into(), ..state(&want) };
    let diffed = Case::of(&want, &have).diff();
    assert!(diffed.changes.is_empty());
    assert_eq!(rules(&diffed), ["cannot-shrink-disk"]);
    assert!(diffed.findings[0].text.contains("25 GiB") && diffed.findings[0].text.contains("80 GiB"));
}

#[test]
fn a_size_that_cannot_be_had_is_told_with_similar_ones() {
    for (size, rule, text, similar) in [
        ("s-2vcpu-5gb", "size-unknown", "no size s-2vcpu-5gb", "s-2vcpu-4gb"),
        ("c-2", "size-not-offered", "not offered in sgp1", "s-4vcpu-8gb"),
        ("g-old", "size-not-offered", "not offered any more", "s-1vcpu-1gb"),
    ] {
        let want = desire(with("size", size));
        let have = State { size: "s-2vcpu-4gb".into(), ..state(&want) };
        for diffed in [Case::of(&want, None).diff(), Case::of(&want, &have).diff()] {
            assert!(diffed.changes.is_empty(), "{size}: {diffed:?}");
            assert_eq!(rules(&diffed), [rule]);
            let finding = &diffed.findings[0];
            assert!(finding.text.contains(text) && finding.hint.contains(similar), "{finding:?}");
            assert!(!finding.hint.contains("c-2"), "not offered there: {}", finding.hint);
        }
    }
}

#[test]
fn without_a_price_list_sizes_are_taken_as_written_and_cost_nothing_known() {
    let want = desire(with("size", "anything-at-all"));
    let change = Case { catalog: Catalog::default(), ..Case::of(&want, None) }.only();
    assert_eq!(change.cost, None);
}

#[test]
fn an_old_size_that_is_not_offered_any_more_is_no_matter_for_a_droplet_that_has_it() {
    let want = desire(with("size", "g-old"));
    assert_eq!(Case::of(&want, &state(&want)).diff(), Diffed::default());
}

#[test]
fn changes_follow_one_another_and_what_may_be_held_comes_last() {
    let mut spec = with("size", "s-4vcpu-8gb");
    spec["backups"] = json!(false);
    spec["ipv6"] = json!(true);
    let want = desire(spec);
    let have = State {
        name: "x".into(),
        size: "s-2vcpu-4gb".into(),
        backups: Backups::On(None),
        ipv6: false,
        tags: Vec::new(),
        markers: Vec::new(),
        ..state(&want)
    };
    let diffed = Case::of(&want, &have).diff();
    assert_eq!(
        keys(&diffed),
        [" adopt", "#name update", "#ipv6 update", "#tags update", "#size update", "#backups update"]
    );
    for pair in diffed.changes.windows(2) {
        assert_eq!(pair[1].after, [pair[0].key.clone()]);
    }
    let (size, backups) = (diffed.changes[4].cost.expect("price"), diffed.changes[5].cost.expect("price"));
    assert_eq!(size.before, Cents(3120), "with backups at 30 %");
    assert_eq!(size.after, backups.before, "the prices meet");
    assert_eq!(backups.after, Cents(4800), "without backups at the new size");
}

#[test]
fn nothing_is_planned_for_a_droplet_that_is_being_worked_on() {
    let want = desire(full());
    let have = State { name: "x".into(), ..state(&want) };
    assert_eq!(Case { changing: true, ..Case::of(&want, &have) }.diff(), Diffed::default());
    let locked = State { locked: true, ..have.clone() };
    assert_eq!(Case::of(&want, &locked).diff(), Diffed::default());
    let new = State { status: Status::New, ..have };
    assert_eq!(Case::of(&want, &new).diff(), Diffed::default());
}

#[test]
fn a_droplet_that_somebody_turned_off_is_left_off() {
    let want = desire(full());
    let off = State { status: Status::Off, ..state(&want) };
    let intent = resize_intent(None);
    for intent in [None, Some(&intent)] {
        assert!(Case { intent, ..Case::of(&want, &off) }.diff().changes.is_empty());
    }
    let small = State { size: "s-1vcpu-1gb".into(), ..off };
    let diffed = Case::of(&want, &small).diff();
    let [change] = diffed.changes.as_slice() else { panic!("{diffed:#?}") };
    assert_eq!(change.step, Work::Ready(Step::Resize { size: "s-2vcpu-4gb".into(), disk: false }));
    assert_eq!(change.risk, Risk::None);
}

#[test]
fn a_resize_that_was_interrupted_goes_on_and_ends_with_the_droplet_on() {
    let want = desire(full());
    let intent = resize_intent(Some("powered-off"));
    let off = State { status: Status::Off, ..state(&want) };
    let on = Case { intent: Some(&intent), ..Case::of(&want, &off) }.only();
    assert_eq!((on.key.to_string().as_str(), &on.step), ("Droplet/erp#size update", &Work::Ready(Step::PowerOn)));
    let small = State { size: "s-1vcpu-1gb".into(), ..off.clone() };
    let again = Case { intent: Some(&intent), ..Case::of(&want, &small) }.only();
    assert_eq!(again.step, Work::Ready(Step::Resize { size: "s-2vcpu-4gb".into(), disk: false }));
    // The document asks for the impossible by now: on again all the same.
    let impossible = desire(with("size", "s-1vcpu-1gb"));
    let diffed =
        Case { intent: Some(&intent), ..Case::of(&impossible, &State { size: "s-2vcpu-4gb".into(), ..off.clone() }) }
            .diff();
    assert_eq!((keys(&diffed), rules(&diffed)), (vec!["#size update".to_owned()], vec!["cannot-shrink-disk"]));
    assert_eq!(diffed.changes[0].step, Work::Ready(Step::PowerOn));
    // The document has gone: on again, then let go.
    let gone = Case { intent: Some(&intent), ..Case::of(None, &off) }.diff();
    assert_eq!(keys(&gone), ["#size update", " release"]);
}

#[test]
fn a_wanted_droplet_that_somebody_turned_off_is_told_and_left_alone() {
    let want = desire(full());
    let off = State { status: Status::Off, ..state(&want) };
    let memory = owned(&want);
    let case = Case { owned: Some(&memory), ..Case::of(&want, &off) };
    let told = case.diff();
    assert_eq!((keys(&told), rules(&told)), (vec![], vec!["is-off"]));
    assert_eq!(told.findings[0].weight, crate::model::finding::Weight::Note, "it counts as in sync");
    // Nor did a resize that was begun and got no further turn it off.
    let begun = resize_intent(None);
    assert_eq!(rules(&Case { intent: Some(&begun), ..Case::of(&want, &off) }.diff()), ["is-off"]);
    // What we turned off is no news, nor what nobody wants.
    for stage in ["powered-off", "on-again"] {
        let intent = resize_intent(Some(stage));
        assert!(
            rules(&Case { intent: Some(&intent), owned: Some(&memory), ..Case::of(&want, &off) }.diff()).is_empty()
        );
    }
    let stopped = Owned { stopped: Some(jiff::Timestamp::UNIX_EPOCH), ..memory.clone() };
    assert!(rules(&Case { owned: Some(&stopped), ..Case::of(&want, &off) }.diff()).is_empty());
    assert!(rules(&Case { owned: Some(&memory), ..Case::of(None, &off) }.diff()).is_empty());
}

#[test]
fn a_document_that_has_gone_follows_its_policy() {
    let want = desire(full());
    let have = state(&want);
    let by = |on_remove, have: &State| Case { on_remove, ..Case::of(None, have) }.diff();
    let keep = by(OnRemove::Keep, &have);
    assert_eq!(keys(&keep), [" release"]);
    assert_eq!(keep.changes[0].step, Work::Ready(Step::Mark { add: None, remove: have.markers.clone() }));
    let stop = by(OnRemove::Stop, &have);
    assert_eq!(stop.changes[0].step, Work::Ready(Step::Stop));
    // What is off already is left off, and the soak begins: nothing is sent for that.
    let off = by(OnRemove::Stop, &State { status: Status::Off, ..have.clone() });
    assert_eq!((keys(&off), &off.changes[0].risk), (vec![" stop".to_owned()], &Risk::None));
    let destroy = by(OnRemove::Destroy, &have);
    assert_eq!(destroy.changes[0].risk, Risk::Destroys("destroys its disk and its address".to_owned()));
    assert_eq!(destroy.changes[0].cost.expect("price").after, Cents(0));
    assert_eq!(Case { on_remove: OnRemove::Destroy, ..Case::of(None, None) }.diff(), Diffed::default());
}

#[test]
fn outputs_are_what_is_known() {
    let have = state(&desire(full()));
    let outputs = Droplet::outputs(&have);
    assert_eq!(outputs.get(&Output::Address).map(String::as_str), Some("203.0.113.10"));
    assert_eq!(outputs.get(&Output::Id).map(String::as_str), Some("3164494"));
    assert_eq!(outputs.get(&Output::AddressV6), None);
}

fn specs() -> impl Strategy<Value = Value> {
    let backups = prop_oneof![
        Just(json!(false)),
        Just(json!(true)),
        (0u8..=5).prop_map(|h| json!({"plan": "daily", "hour": h * 4})),
        prop_oneof!["SUN", "MON", "SAT"].prop_map(|day| json!({"plan": "weekly", "weekday": day})),
    ];
    let tags = proptest::collection::vec("[a-zA-Z][a-zA-Z0-9_:-]{0,20}", 0..6);
    let size = prop_oneof![Just("s-1vcpu-1gb"), Just("s-4vcpu-8gb"), Just("s-2vcpu-4gb")];
    ("[a-z][a-z0-9-]{0,20}[a-z0-9]", size, backups, tags, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(name, size, backups, tags, ipv6, monitoring, disk)| {
            json!({
                "name": name, "region": "sgp1", "size": size, "image": "debian-12-x64", "vpc": "main",
                "sshKeys": ["ops"], "backups": backups, "tags": tags, "ipv6": ipv6, "monitoring": monitoring,
                "resizeDisk": disk, "replaceOn": ["image", "vpc"]
            })
        },
    )
}

proptest! {
    #[test]
    fn a_droplet_made_from_a_document_differs_in_nothing(spec in specs()) {
        let want = desire(spec);
        let memory = owned(&want);
        let have = state(&want);
        let diffed = Case { owned: Some(&memory), ..Case::of(&want, &have) }.diff();
        prop_assert_eq!(diffed, Diffed::default());
    }

    #[test]
    fn every_step_survives_being_written_down(one in specs(), other in specs()) {
        let (want, have) = (desire(one), state(&desire(other)));
        let made = Case::of(&want, None).diff().changes;
        for change in Case::of(&want, &have).diff().changes.into_iter().chain(made) {
            let Work::Ready(step) = change.step else { continue };
            let text = serde_json::to_string(&step).expect("written");
            prop_assert_eq!(serde_json::from_str::<Step>(&text).expect("read"), step);
        }
    }
}

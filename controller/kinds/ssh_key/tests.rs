//! What SSH keys mean and how they differ, as tables.

use super::*;
use crate::model::{
    Catalog, Change, ChangeKey, Digest, Observed, OnRemove, Owned, Policy, ProviderId, Scope, Step as Work, Verb, View,
    erased::{AnyKind, Of},
    memory::Retiring,
};
use uuid::Uuid;

const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8vVkbw87jJIm0/1UMnAZkS8oU/FEauUZZhhm2Gw/Eh ops@example.com";
const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC1mF4ho+wPdibJYuDIWez6FDyDZzVFgqDGVeYKO6I2mApdS0ZVzijA5ZiIAqd8M23QdM8x+Xu63ZDfUifzGqEHZE5G3szbJM0yzq+LMyu1JDKIvD8PUbSpRkXnaeDbtdGwrYtVLtfr4D6S/GE7BtLDKjZhBXclk4Kba2p1BqSLVY3MAEf5IeLjIHzdcsuhnSMC5LCZ+mlD5exlulO+kUfJGRtxsKdwpKq/dmst2D3Iiqek+HAaFWn5quRMmlQ1X81UWf8etzSHQ5mGeNNs+5KKULQU11+ro4xcvUo6jjxPk1IfQBtKpvozcRn+Rt4H5fijp4kZiBH8MXVfLNbT/cxj ops@example.com";
const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMi1x3t+n4IbJW2dJRtX28roTZjobhggtSYdU/rjZV5U5vRV12ANDO9Elqla4/SJtFewbW0ELve7xHjZQEi/WhY= ops@example.com";
// As `ssh-keygen -l -E md5` says.
const ED25519_PRINT: &str = "a4:79:59:40:af:24:13:62:45:f6:3a:e5:c8:29:a4:c1";

fn id() -> ResourceId {
    ResourceId::new("SshKey", "ops")
}

fn desire(key: &str) -> Result<Want, Vec<Complaint>> {
    spec::desire(&id(), &Spec { name: None, public_key: key.to_owned() })
}

fn want(key: &str) -> Want {
    desire(key).expect("a good key")
}

fn state(want: &Want) -> State {
    State { id: 512, name: want.name.clone(), fingerprint: want.fingerprint.clone(), public_key: want.line() }
}

fn plan(want: Option<&Want>, state: Option<&State>, on_remove: OnRemove, owned: Option<&Owned>) -> Diffed<Step> {
    let id = id();
    let catalog = Catalog::default();
    let view = View {
        as_of: jiff::Timestamp::UNIX_EPOCH,
        estate: Uuid::nil(),
        catalog: &catalog,
        supplies: Default::default(),
    };
    let provider_id = state.map(|s| ProviderId(s.id.to_string()));
    SshKey::diff(&Diff {
        id: &id,
        want,
        have: state.map_or(Observed::Absent, Observed::Present),
        provider_id: provider_id.as_ref(),
        owned,
        policy: &Policy::default_for(on_remove),
        adopting: false,
        generation: u32::from(state.is_some()),
        intent: None,
        retiring: owned.iter().flat_map(|o| o.retiring.iter().map(|r| &r.provider_id)).collect(),
        scopes: None,
        view: &view,
    })
}

fn keys(diffed: &Diffed<Step>) -> Vec<String> {
    diffed.changes.iter().map(|c| c.key.to_string()).collect()
}

fn only(diffed: Diffed<Step>) -> Change<Step> {
    assert_eq!(diffed.changes.len(), 1, "{diffed:?}");
    diffed.changes.into_iter().next().expect("one change")
}

#[test]
fn fingerprints_are_those_that_ssh_keygen_prints() {
    assert_eq!(want(ED25519).fingerprint, ED25519_PRINT);
    assert_eq!(want(RSA).fingerprint, "b9:b6:65:d3:8d:75:77:4d:be:8b:3d:16:ee:b5:5e:f5");
    assert_eq!(want(ECDSA).fingerprint, "ed:fe:4f:54:ad:73:8c:3f:99:bd:d2:c9:1a:1a:c1:8e");
}

#[test]
fn white_space_and_comment_do_not_make_another_key() {
    let plain = ED25519.replace(" ops@example.com", "");
    for same in [plain.clone(), format!("  {ED25519}\n"), plain.replace(' ', "   "), plain.replace(' ', "\t")] {
        let other = want(&same);
        assert_eq!(Digest::of(&other), Digest::of(&want(ED25519)), "{same:?}");
        assert!(plan(Some(&other), Some(&state(&want(ED25519))), OnRemove::Keep, None).changes.is_empty());
    }
    assert_eq!(want(&format!("{plain}  a  b ")).line(), format!("{plain} a  b"));
}

#[test]
fn what_is_no_key_is_refused_at_its_path_with_the_reason() {
    let cut = ED25519.replace("Gw/Eh", "");
    let table: [(&str, &str); 9] = [
        ("", "no type of key"),
        ("AAAAC3Nza", "no type of key"),
        ("ssh-dss AAAAB3NzaC1kc3M=", "no type of key"),
        ("from=\"10.0.0.1\" ssh-ed25519 AAAA", "no type of key"),
        ("ssh-ed25519", "no whole ssh-ed25519 key"),
        ("ssh-ed25519 AAAA…", "not base64"),
        (&cut, "ssh-ed25519"),
        (&RSA.replace("ssh-rsa ", "ssh-ed25519 "), "the base64 says \"ssh-rsa\""),
        (&format!("{ED25519}\n{RSA}"), "more than one line"),
    ];
    for (text, expected) in table {
        let wrong = desire(text).expect_err(text);
        assert_eq!(wrong.len(), 1, "{text:?}: {wrong:?}");
        assert_eq!(wrong[0].path, "spec.publicKey");
        assert!(wrong[0].message.contains(expected), "{text:?}: {}", wrong[0].message);
    }
}

#[test]
fn a_private_key_in_the_repository_is_told_as_what_it_is_and_not_repeated() {
    let text = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n";
    let wrong = desire(text).expect_err("refused");
    assert!(wrong[0].message.contains("private key") && wrong[0].hint.contains("ssh-keygen"), "{wrong:?}");
    assert!(!format!("{wrong:?}").contains("b3BlbnNz"));
}

#[test]
fn a_name_with_white_space_around_it_is_refused() {
    let spec = Spec { name: Some(" ops".to_owned()), public_key: ED25519.to_owned() };
    assert_eq!(spec::desire(&id(), &spec).expect_err("refused")[0].path, "spec.name");
}

#[test]
fn a_key_that_is_as_written_asks_for_nothing() {
    let want = want(ED25519);
    assert_eq!(plan(Some(&want), Some(&state(&want)), OnRemove::Keep, None), Diffed::default());
}

#[test]
fn a_missing_key_is_created_with_its_comment() {
    let change = only(plan(Some(&want(ED25519)), None, OnRemove::Keep, None));
    assert_eq!(change.key, ChangeKey::whole(&id(), Verb::Create));
    assert_eq!(change.generation, 1);
    let expected =
        Step::Create { name: "ops".to_owned(), public_key: ED25519.to_owned(), fingerprint: ED25519_PRINT.to_owned() };
    assert_eq!(change.step, Work::Ready(expected));
}

#[test]
fn another_name_is_a_rename() {
    let want = want(ED25519);
    let have = State { name: "old".to_owned(), ..state(&want) };
    let change = only(plan(Some(&want), Some(&have), OnRemove::Keep, None));
    assert_eq!(change.key.to_string(), "SshKey/ops#name update");
    assert_eq!(change.step, Work::Ready(Step::Rename { name: "ops".to_owned() }));
}

#[test]
fn another_key_is_added_before_the_old_one_goes() {
    let diffed = plan(Some(&want(ED25519)), Some(&state(&want(RSA))), OnRemove::Keep, None);
    assert_eq!(keys(&diffed), ["SshKey/ops replace", "SshKey/ops#512 retire"]);
    assert_eq!(diffed.changes[0].generation, 2);
    assert_eq!(diffed.changes[1].after, [diffed.changes[0].key.clone()]);
    assert_eq!(diffed.changes[1].provider_id, Some(ProviderId("512".to_owned())));
    assert_eq!(diffed.changes[1].step, Work::Ready(Step::Delete));
}

#[test]
fn a_former_key_that_is_still_there_is_retired_later() {
    let want = want(ED25519);
    let owned = Owned {
        provider_id: ProviderId("512".to_owned()),
        scope: Scope::of("SshKey"),
        generation: 2,
        policy: Policy::default_for(OnRemove::Keep),
        needs: Default::default(),
        parts: Default::default(),
        wrote: Default::default(),
        retiring: vec![Retiring { provider_id: ProviderId("77".to_owned()), generation: 1, scope: None }],
        file: String::new(),
        stopped: None,
    };
    let change = only(plan(Some(&want), Some(&state(&want)), OnRemove::Keep, Some(&owned)));
    assert_eq!(change.key.to_string(), "SshKey/ops#77 retire");
    assert_eq!(change.generation, 1);
}

#[test]
fn a_document_that_has_gone_follows_its_policy() {
    let have = state(&want(ED25519));
    for (policy, expected) in
        [(OnRemove::Keep, Verb::Release), (OnRemove::Stop, Verb::Release), (OnRemove::Destroy, Verb::Delete)]
    {
        let diffed = plan(None, Some(&have), policy, None);
        assert_eq!(diffed.findings.len(), usize::from(policy == OnRemove::Stop));
        assert_eq!(only(diffed).key.verb, expected);
    }
    assert!(plan(None, None, OnRemove::Destroy, None).changes.is_empty());
}

#[test]
fn the_schema_takes_good_keys_and_refuses_others() {
    let validator = jsonschema::validator_for(&Of::<SshKey>::new().schema()).expect("a schema");
    for good in [ED25519, RSA, ECDSA] {
        assert!(validator.is_valid(&serde_json::json!({"publicKey": good})), "{good}");
    }
    for bad in [
        serde_json::json!({}),
        serde_json::json!({"publicKey": "ssh-dss AAAA"}),
        serde_json::json!({"publicKey": ED25519, "key": 1}),
    ] {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}

#[test]
fn steps_survive_being_written_down() {
    for step in [
        Step::Create { name: "a".into(), public_key: "b".into(), fingerprint: "c".into() },
        Step::Rename { name: "a".into() },
        Step::Delete,
        Step::Release,
    ] {
        let text = serde_json::to_string(&step).expect("written");
        assert_eq!(serde_json::from_str::<Step>(&text).expect("read"), step);
    }
}

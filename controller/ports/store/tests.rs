//! The journal against `Memory::apply`, against damage, and against growing without end.

use super::*;
use crate::model::memory::{Deletion, Failure, Retiring};
use crate::model::{
    Approval, Attempt, Cause, Change, ChangeKey, Digest, Fault, Freeze, Intent, Key, OnRemove, Outcome, Owned, Pause,
    Plan, Policy, ProviderId, ResourceId, Risk, Scope, Standing, Step, Verb,
};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

fn id() -> impl Strategy<Value = ResourceId> {
    ("Droplet|Domain", "[ab]|erp\\.x").prop_map(|(kind, name)| ResourceId::new(kind, name))
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<u8>().prop_map(|n| Digest::of_bytes(&[n % 4]))
}

fn time() -> impl Strategy<Value = Timestamp> {
    (-3i64..4, -999_999_999i32..1_000_000_000).prop_map(|(second, nano)| {
        Timestamp::from_second(second).unwrap() + jiff::SignedDuration::from_nanos(i64::from(nano))
    })
}

fn change() -> impl Strategy<Value = ChangeKey> {
    (id(), proptest::option::of("|size|@ TXT|erp A"), any::<bool>()).prop_map(|(id, part, create)| ChangeKey {
        id,
        part,
        verb: if create { Verb::Create } else { Verb::Delete },
    })
}

fn parts() -> impl Strategy<Value = BTreeMap<String, Digest>> {
    proptest::collection::btree_map("|@ TXT|erp A", digest(), 0..3)
}

fn owned() -> impl Strategy<Value = Owned> {
    (any::<u32>(), proptest::collection::btree_set(id(), 0..3), parts(), parts(), ".{0,8}").prop_map(
        |(generation, needs, parts, wrote, file)| Owned {
            provider_id: ProviderId(generation.to_string()),
            scope: Scope::within("Domain", "example.com"),
            generation,
            policy: Policy { until: Some(Timestamp::MAX), ..Policy::default_for(OnRemove::Stop) },
            needs,
            parts,
            wrote,
            retiring: vec![Retiring { provider_id: ProviderId("7".into()), generation, scope: None }],
            file,
            stopped: Some(Timestamp::MIN),
        },
    )
}

fn intent() -> impl Strategy<Value = Intent> {
    (change(), time(), any::<bool>(), parts(), proptest::option::of(".{0,4}")).prop_map(
        |(key, opened, unclear, wrote, stage)| Intent {
            key,
            scope: Scope::of("Droplet"),
            keys: vec![Key("erp".into())],
            before: [ProviderId("1".into())].into(),
            provider_id: None,
            generation: 1,
            stage,
            opened,
            unclear,
            settles: wrote.values().next().cloned(),
            wrote,
            reached: crate::model::Reached::Answered,
        },
    )
}

fn failure() -> impl Strategy<Value = Failure> {
    (digest(), any::<u32>(), proptest::option::of(time()), time(), ".{0,6}").prop_map(
        |(digest, attempts, next, since, what)| Failure {
            digest,
            attempts,
            next,
            fault: Fault::Transient {
                what,
                hint: "wait".into(),
                retry_after: Some(std::time::Duration::from_millis(1500)),
            },
            since,
            unfit: None,
        },
    )
}

fn patch() -> impl Strategy<Value = Patch> {
    let own = prop_oneof![
        (id(), owned()).prop_map(|(id, owned)| Patch::Own(id, owned)),
        id().prop_map(Patch::Forget),
        (id(), "|@ TXT|erp A", digest()).prop_map(|(id, part, digest)| Patch::Part(id, part, digest)),
        (id(), "|@ TXT|erp A").prop_map(|(id, part)| Patch::PartGone(id, part)),
        (id(), id()).prop_map(|(old, new)| Patch::Rename(old, new)),
    ];
    let work = prop_oneof![
        any::<u128>().prop_map(|n| Patch::Estate(uuid::Uuid::from_u128(n))),
        ".{0,5}".prop_map(Patch::Team),
        intent().prop_map(Patch::Intend),
        change().prop_map(Patch::Settle),
        (change(), failure()).prop_map(|(key, failure)| Patch::Fail(key, failure)),
        change().prop_map(Patch::Heal),
    ];
    let care = prop_oneof![
        (id(), ".{0,5}", proptest::option::of(time()))
            .prop_map(|(id, reason, until)| Patch::Pause(id, Pause { reason, until })),
        id().prop_map(Patch::Resume),
        (digest(), time()).prop_map(|(digest, at)| Patch::Approve(digest, Approval { by: "ana".into(), at })),
        digest().prop_map(Patch::Spend),
        (time(), change()).prop_map(|(at, key)| Patch::Deleted(Deletion { at, scope: Scope::of(&key.id.kind), key })),
        time().prop_map(Patch::DeletionsBefore),
        (change(), time(), digest())
            .prop_map(|(key, at, digest)| Patch::PutBack(key, crate::model::memory::PutBack { at, digest })),
        change().prop_map(Patch::Calm),
        time().prop_map(Patch::PutBackBefore),
        ("a|it's \"b\"|é", time()).prop_map(|(what, when)| Patch::Since(what, when)),
        "a|it's \"b\"|é".prop_map(Patch::Over),
        (time(), proptest::option::of(time())).prop_map(|(at, until)| Patch::Freeze(Freeze {
            by: "ana".into(),
            reason: "é".into(),
            at,
            until
        })),
        Just(Patch::Thaw),
    ];
    let loss = prop_oneof![
        (0u64..3).prop_map(Patch::Serial),
        id().prop_map(Patch::Found),
        id().prop_map(Patch::Known),
        any::<bool>().prop_map(Patch::Lost),
        (id(), time()).prop_map(|(id, at)| {
            let key =
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8vVkbw87jJIm0/1UMnAZkS8oU/FEauUZZhhm2Gw/Eh".parse().unwrap();
            Patch::Pin(id, crate::model::Pin { key, machine: "7".into(), by: None, at })
        }),
    ];
    prop_oneof![own, work, care, loss]
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn the_journal_holds_what_memory_holds_after_any_patches(
        writes in proptest::collection::vec(proptest::collection::vec(patch(), 0..12), 0..6),
    ) {
        wait(async {
            let store = Store::memory_only().await.unwrap();
            let mut memory = Memory::default();
            for patches in &writes {
                store.write(patches).await.unwrap();
                patches.iter().for_each(|patch| memory.apply(patch));
                prop_assert_eq!(&store.load().await.unwrap(), &memory);
            }
            Ok(())
        })?;
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn some_patches() -> Vec<Patch> {
    let time = Timestamp::from_second(1_764_000_000).unwrap();
    vec![
        Patch::Team("team".into()),
        Patch::Since("Droplet/erp".into(), time),
        Patch::Pause(ResourceId::new("Droplet", "erp"), Pause { reason: "by hand".into(), until: None }),
    ]
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let folder = folder();
    let path = folder.path().join("a/b/journal.db");
    let store = Store::open(&path).await.unwrap();
    store.write(&some_patches()).await.unwrap();
    let before = store.load().await.unwrap();
    // Not closed: a crash does not close either.
    let again = Store::open(&path).await.unwrap();
    assert_eq!(again.load().await.unwrap(), before);
    assert_eq!(before.team.as_deref(), Some("team"));
}

#[tokio::test]
async fn the_journal_its_companions_and_its_folder_are_for_nobody_else() {
    let folder = folder();
    let path = folder.path().join("state/journal.db");
    let store = Store::open(&path).await.unwrap();
    store.write(&some_patches()).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for end in ["", "-wal", "-shm"] {
        assert_eq!(mode(Path::new(&format!("{}{end}", path.display()))), 0o600, "journal.db{end}");
    }
    store.close().await;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    Store::open(&path).await.unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn a_write_that_fails_in_the_middle_leaves_nothing_behind() {
    let store = Store::memory_only().await.unwrap();
    store.write(&some_patches()).await.unwrap();
    let before = store.load().await.unwrap();
    sqlx::query("CREATE TRIGGER full BEFORE INSERT ON since BEGIN SELECT raise(ABORT, 'no'); END")
        .execute(&store.pool)
        .await
        .unwrap();
    let patches = [Patch::Team("other".into()), Patch::Since("new".into(), Timestamp::UNIX_EPOCH)];
    let error = store.write(&patches).await.unwrap_err();
    assert!(matches!(error, StoreError::Sql { .. }), "{error:?}");
    assert_eq!(store.load().await.unwrap(), before);
}

#[tokio::test]
async fn a_write_that_is_dropped_at_any_point_is_done_whole_or_not_at_all() {
    // On disk: a connection that is dropped in the middle may be replaced, and one in memory is lost with its data.
    let folder = folder();
    let store = Store::open(folder.path().join("journal.db")).await.unwrap();
    let (mut none, mut all) = (0, 0);
    for polls in 0..40 {
        let patches = [Patch::Team(polls.to_string()), Patch::Since(polls.to_string(), Timestamp::UNIX_EPOCH)];
        let mut write = Box::pin(store.write(&patches));
        for _ in 0..polls {
            if futures::poll!(&mut write).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(write);
        let memory = store.load().await.unwrap();
        let (team, since) = (memory.team == Some(polls.to_string()), memory.since.contains_key(&polls.to_string()));
        assert_eq!(team, since, "half of the write is there after {polls} polls");
        *if team { &mut all } else { &mut none } += 1;
    }
    assert!(none > 0, "no write was dropped early: {none} and {all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_open_a_new_journal_at_once_all_get_it() {
    for _ in 0..20 {
        let folder = folder();
        let path = folder.path().join("state/journal.db");
        let opened = futures::future::join_all((0..6).map(|_| tokio::spawn(Store::open(path.clone())))).await;
        for (n, store) in opened.into_iter().enumerate() {
            let store = store.unwrap().unwrap();
            store.write(&[Patch::Since(n.to_string(), Timestamp::UNIX_EPOCH)]).await.unwrap();
        }
        let memory = Store::open(&path).await.unwrap().load().await.unwrap();
        assert_eq!(memory.since.len(), 6);
    }
}

#[tokio::test]
async fn every_commit_waits_for_the_disk() {
    let folder = folder();
    let store = Store::open(folder.path().join("journal.db")).await.unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&store.pool).await.unwrap();
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.pool).await.unwrap();
    assert_eq!((synchronous, mode.as_str()), (2, "wal"));
}

#[tokio::test]
async fn a_newer_journal_is_refused_and_left_as_it_is() {
    let folder = folder();
    let path = folder.path().join("journal.db");
    let store = Store::open(&path).await.unwrap();
    store.write(&some_patches()).await.unwrap();
    sqlx::query("PRAGMA user_version = 99").execute(&store.pool).await.unwrap();
    store.close().await;
    let bytes = std::fs::read(&path).unwrap();
    let error = Store::open(&path).await.unwrap_err().to_string();
    assert!(error.contains("version 99") && error.contains("up to 1"), "{error}");
    assert!(error.contains("run the newer driftless"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn the_database_of_another_program_is_refused_and_left_as_it_is() {
    let folder = folder();
    let path = folder.path().join("theirs.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let theirs = SqlitePool::connect_with(options).await.unwrap();
    sqlx::query("CREATE TABLE theirs (x)").execute(&theirs).await.unwrap();
    theirs.close().await;
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
}

#[tokio::test]
async fn a_damaged_journal_says_how_to_go_on() {
    let folder = folder();
    let path = folder.path().join("journal.db");
    std::fs::write(&path, "this is no database, however long it may be".repeat(100)).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("move it aside together with its -wal and -shm"), "{error}");
}

#[tokio::test]
async fn a_journal_with_torn_pages_is_refused_at_start() {
    let folder = folder();
    let path = folder.path().join("journal.db");
    let store = Store::open(&path).await.unwrap();
    let many: Vec<Patch> = (0..2_000).map(|n| Patch::Since(format!("what {n}"), Timestamp::UNIX_EPOCH)).collect();
    store.write(&many).await.unwrap();
    store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 8192].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_row_that_does_not_fit_is_named() {
    let store = Store::memory_only().await.unwrap();
    sqlx::query("INSERT INTO owned VALUES ('Droplet/erp', '{}')").execute(&store.pool).await.unwrap();
    let error = store.load().await.unwrap_err().to_string();
    assert!(error.contains("owned \"Droplet/erp\"") && error.contains("providerId"), "{error}");
}

#[tokio::test]
async fn ten_thousand_parts_are_written_in_one_go() {
    let store = Store::memory_only().await.unwrap();
    let mut memory = Memory::default();
    let mut patches = Vec::new();
    for zone in 0..20 {
        let id = ResourceId::new("Domain", format!("z{zone}.example.com"));
        let owned = Owned {
            provider_id: ProviderId(id.name.clone()),
            scope: Scope::of("Domain"),
            generation: 1,
            policy: Policy::default_for(OnRemove::Keep),
            needs: Default::default(),
            parts: Default::default(),
            wrote: Default::default(),
            retiring: vec![],
            file: String::new(),
            stopped: None,
        };
        patches.push(Patch::Own(id.clone(), owned));
        for n in 0..500 {
            patches.push(Patch::Part(id.clone(), format!("h{n} A"), Digest::of_bytes(b"x")));
        }
    }
    store.write(&patches).await.unwrap();
    patches.iter().for_each(|patch| memory.apply(patch));
    assert_eq!(store.load().await.unwrap(), memory);
}

fn outcome(n: usize, attempt: Attempt) -> Outcome {
    let id = ResourceId::new("Domain", "example.com");
    let key = ChangeKey::part(&id, format!("h{n} A"), Verb::Create);
    let change = Change {
        key: key.clone(),
        provider_id: None,
        generation: 1,
        scope: Scope::of("Domain"),
        title: "create".into(),
        risk: Risk::None,
        fields: vec![],
        cost: None,
        cause: Cause::Document,
        after: vec![],
        step: Step::Ready(serde_json::Value::Null),
        standing: Standing::Go,
        place: None,
        wrote: vec![],
        settles: None,
        ways: vec![],
        undo: None,
        leads: None,
        digest: Digest::of_bytes(b"x"),
    };
    Outcome { key, change, attempt, took_ms: 3 }
}

fn plan(changes: usize) -> Plan {
    Plan {
        schema: crate::model::plan::SCHEMA.into(),
        estate: "production".into(),
        estate_id: uuid::Uuid::nil(),
        commit: Some("4f2c9d1".into()),
        as_of: Timestamp::UNIX_EPOCH,
        mode: Default::default(),
        changes: (0..changes).map(|n| outcome(n, Attempt::Done).change).collect(),
        findings: vec![],
        resources: 3,
        in_sync: 2,
        paused: 0,
        unknown: 0,
        unowned: vec![],
        monthly: Default::default(),
        looked: Default::default(),
        frozen: None,
        next_due: None,
        remember: some_patches(),
    }
}

fn ending(outcomes: Vec<Outcome>) -> Ending {
    Ending { ended: Timestamp::from_second(60).unwrap(), outcomes, stopped: None }
}

#[tokio::test]
async fn a_run_is_remembered_with_its_plan_and_what_came_of_it() {
    let store = Store::memory_only().await.unwrap();
    let id = store.begin_run(Timestamp::UNIX_EPOCH, &plan(2)).await.unwrap();
    let open = store.recent_runs(5).await.unwrap();
    assert_eq!((open[0].id, open[0].ended), (id, None));
    let fault = Attempt::Failed { fault: Fault::permanent("422", "choose another size"), attempts: 1, next: None };
    let outcomes = vec![outcome(0, Attempt::Done), outcome(1, fault)];
    store.finish_run(id, &ending(outcomes.clone())).await.unwrap();
    let run = store.recent_runs(5).await.unwrap().remove(0);
    assert_eq!(run.tally, Tally { done: 1, failed: 1, left: 0 });
    assert_eq!(run.outcomes, [outcomes[1].clone(), outcomes[0].clone()], "failures come first");
    assert_eq!(run.plan, Some(Plan { remember: vec![], ..plan(2) }));
    assert_eq!((run.commit.as_deref(), run.plan_cut, run.ended), (Some("4f2c9d1"), 0, Timestamp::from_second(60).ok()));
}

#[tokio::test]
async fn runs_are_bounded_in_number_and_size_and_the_file_with_them() {
    let store = Store::memory_only().await.unwrap();
    let (large, small) = (plan(300), plan(1));
    for _ in 0..KEPT {
        let id = store.begin_run(Timestamp::UNIX_EPOCH, &large).await.unwrap();
        store.finish_run(id, &ending(vec![])).await.unwrap();
    }
    let full = pages(&store).await;
    let run = store.recent_runs(1).await.unwrap().remove(0);
    assert_eq!(run.plan.unwrap().changes.len() + run.plan_cut, 300);
    assert!(run.plan_cut > 100, "a plan of 300 changes does not fit whole");
    for _ in 0..KEPT {
        let id = store.begin_run(Timestamp::UNIX_EPOCH, &small).await.unwrap();
        store.finish_run(id, &ending(vec![])).await.unwrap();
    }
    let runs = store.recent_runs(u32::MAX).await.unwrap();
    assert_eq!(runs.len(), KEPT as usize);
    assert_eq!((runs[0].id, runs[199].id), (400, 201));
    assert!(pages(&store).await < full / 10, "the room of the large runs went back to the disk");
}

async fn pages(store: &Store) -> i64 {
    sqlx::query_scalar("PRAGMA page_count").fetch_one(&store.pool).await.unwrap()
}

#[tokio::test]
async fn a_backup_is_a_journal_and_never_writes_over_a_file() {
    let folder = folder();
    let store = Store::open(folder.path().join("journal.db")).await.unwrap();
    store.write(&some_patches()).await.unwrap();
    let copy = folder.path().join("copy.db");
    store.backup(&copy).await.unwrap();
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let restored = Store::open(&copy).await.unwrap().load().await.unwrap();
    assert_eq!(restored, store.load().await.unwrap());
    assert!(matches!(store.backup(&copy).await.unwrap_err(), StoreError::Files { .. }));
}

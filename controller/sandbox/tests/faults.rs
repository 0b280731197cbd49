//! Faults on demand.

use super::*;

impl Bed {
    fn fault(&self, line: &str) -> u64 {
        self.handle().inject(line.parse().expect("a fault"))
    }
}

#[tokio::test]
async fn a_lost_reply_leaves_the_work_done() {
    let bed = bed(quick()).await;
    let fault = bed.fault("POST /v2/droplets lost-reply count=1");
    // A pooled connection, which clients like to try twice.
    bed.get("/v2/account").await;
    let body = droplet("once");
    let lost = bed.try_raw("sandbox", "POST", "/v2/droplets", &body).await;
    assert!(lost.is_err(), "{lost:?}");
    assert_eq!(bed.get("/v2/droplets").await["meta"]["total"], 1);
    assert_eq!(bed.handle().fired(fault), 1);
    let log = bed.handle().calls().mutations;
    assert_eq!((log[0].status, log[0].lost), (202, true));
    assert_eq!(log[0].body["name"], "once");
}

#[tokio::test]
async fn a_connection_closed_before_the_work_leaves_nothing_done() {
    let bed = bed(quick()).await;
    bed.fault("POST /v2/droplets closed count=1");
    let body = droplet("never");
    let closed = bed.try_raw("sandbox", "POST", "/v2/droplets", &body).await;
    assert!(closed.is_err(), "{closed:?}");
    assert_eq!(bed.get("/v2/droplets").await["meta"]["total"], 0);
    bed.done("POST", "/v2/droplets", body).await;
}

#[tokio::test]
async fn refusals_have_the_status_and_the_body_asked_for() {
    let bed = bed(quick()).await;
    bed.fault("GET /v2/account 429 retry-after=7 count=1");
    let busy = bed.raw("GET", "/v2/account").await;
    assert_eq!((busy.status().as_u16(), &busy.headers()["retry-after"]), (429, &"7".parse().expect("a value")));
    bed.fault("* /v2/** 502 count=1");
    let html = bed.raw("GET", "/v2/account").await;
    assert_eq!(html.status(), 502);
    assert!(html.text().await.expect("a body").starts_with("<html>"));
    bed.fault("GET /v2/account 500 after=1 count=1");
    assert_eq!(bed.raw("GET", "/v2/account").await.status(), 200);
    assert_eq!(bed.refused(500, "GET", "/v2/account", Value::Null).await, "Unexpected server-side error");
    assert_eq!(bed.raw("GET", "/v2/account").await.status(), 200);
}

#[tokio::test]
async fn a_stale_list_is_the_one_before_the_last_change_or_of_a_while_ago() {
    let bed = bed(by_hand()).await;
    bed.fault("GET /v2/domains stale=1 count=1");
    bed.fault("GET /v2/domains stale=5s");
    bed.done("POST", "/v2/domains", json!({"name": "one.example"})).await;
    bed.handle().advance(Duration::from_secs(4));
    let total = || async { bed.get("/v2/domains").await["meta"]["total"].clone() };
    assert_eq!(total().await, 0);
    assert_eq!(total().await, 0);
    bed.handle().advance(Duration::from_secs(2));
    assert_eq!(total().await, 1);
}

#[tokio::test]
async fn pages_that_shift_show_an_element_twice_or_never() {
    let bed = bed(quick()).await;
    bed.handle().seed(Seed { droplets: 6, ..Seed::default() });
    let pages = || async {
        let one = bed.get("/v2/droplets?per_page=3").await;
        let two = bed.get("/v2/droplets?per_page=3&page=2").await;
        let mut all = ids(&one["droplets"]);
        all.extend(ids(&two["droplets"]));
        all.sort_unstable();
        all.dedup();
        (all.len(), two["meta"]["total"].clone())
    };
    bed.fault("GET /v2/droplets?page=2 shift=insert count=1");
    assert_eq!(pages().await, (5, json!(7)));
    bed.fault("GET /v2/droplets?page=2 shift=remove count=1");
    assert_eq!(pages().await, (5, json!(5)));
    assert_eq!(pages().await, (6, json!(6)));
    bed.fault("GET /v2/droplets total=-2 count=1");
    assert_eq!(bed.get("/v2/droplets").await["meta"]["total"], 4);
}

#[tokio::test]
async fn what_is_hidden_answers_404_for_a_while_after_its_creation() {
    let bed = bed(by_hand()).await;
    bed.fault("GET /v2/droplets/* hidden=800ms");
    let path = bed.droplet(droplet("shy")).await;
    bed.refused(404, "GET", &path, Value::Null).await;
    bed.handle().advance(Duration::from_millis(800));
    bed.get(&path).await;
}

#[tokio::test]
async fn a_create_that_fails_after_its_202_leaves_no_droplet() {
    let bed = bed(quick()).await;
    bed.fault("POST /v2/droplets errored count=1");
    let made = bed.done("POST", "/v2/droplets", droplet("doomed")).await;
    let action = format!("/v2/actions/{}", made["links"]["actions"][0]["id"]);
    assert_eq!(bed.get(&action).await["action"]["status"], "errored");
    let path = format!("/v2/droplets/{}", made["droplet"]["id"]);
    bed.refused(404, "GET", &path, Value::Null).await;
}

#[tokio::test]
async fn a_chance_with_the_same_seed_makes_the_same_faults() {
    let pattern = |bed: Bed| async move {
        bed.fault("GET /v2/account 500 chance=0.5 seed=9");
        let mut seen = Vec::new();
        for _ in 0..16 {
            seen.push(bed.raw("GET", "/v2/account").await.status().as_u16());
        }
        seen
    };
    let one = pattern(bed(quick()).await).await;
    assert_eq!(one, pattern(bed(quick()).await).await);
    assert!(one.contains(&500) && one.contains(&200), "{one:?}");
}

#[tokio::test]
async fn latency_delays_the_answer_and_not_the_others() {
    let bed = bed(quick()).await;
    bed.fault("GET /v2/account latency=1m");
    let slow = bed.raw("GET", "/v2/account");
    let quick = bed.raw("GET", "/v2/sizes");
    tokio::select! {
        _ = slow => panic!("the slow one was first"),
        answer = quick => assert_eq!(answer.status(), 200),
    }
}

#[tokio::test]
async fn faults_and_calls_are_controlled_over_http_too() {
    let bed = bed(quick()).await;
    let url = |path: &str| format!("{}/sandbox/{path}", bed.running.url());
    let lines = "GET /v2/account 500 count=1\nGET /v2/sizes 429\n";
    let added = bed.client.post(url("faults")).body(lines).send().await.expect("an answer");
    assert_eq!(added.status(), 200);
    assert_eq!(bed.raw("GET", "/v2/account").await.status(), 500);
    let listed: Value = bed.client.get(url("faults")).send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(listed["faults"][0]["fired"], 1);
    let wrong = bed.client.post(url("faults")).body("GET /v2/account explode").send().await.expect("an answer");
    assert_eq!(wrong.status(), 422);
    assert!(wrong.text().await.expect("a body").contains("`explode` is not understood"));
    bed.client.delete(url("faults")).send().await.expect("an answer");
    assert_eq!(bed.raw("GET", "/v2/sizes").await.status(), 200);
    let calls: Value = bed.client.get(url("calls")).send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(calls["by_path"]["GET /v2/account"], 1);
    assert_eq!(calls["total"], 2);
}

#[tokio::test]
async fn a_request_that_hangs_is_not_done_and_a_mute_one_is_and_neither_is_answered() {
    for (word, done) in [("hang", 0), ("mute", 1)] {
        let bed = bed(quick()).await;
        let fault = bed.fault(&format!("POST /v2/domains {word} count=1"));
        let (handle, body) = (bed.handle(), json!({"name": "one.example"}));
        tokio::select! {
            answer = bed.try_raw("sandbox", "POST", "/v2/domains", &body) => panic!("{word}: {answer:?}"),
            () = handle.hit(fault) => {}
        }
        assert_eq!(bed.get("/v2/domains").await["meta"]["total"], done, "{word}");
        assert_eq!(bed.handle().calls().struck.len(), 1);
    }
}

#[tokio::test]
async fn a_garbled_answer_is_no_json_and_the_work_is_done() {
    let bed = bed(quick()).await;
    bed.fault("POST /v2/domains garbled count=1");
    let answer = bed.try_raw("sandbox", "POST", "/v2/domains", &json!({"name": "one.example"})).await.expect("one");
    assert_eq!(answer.status(), 201);
    assert!(answer.text().await.expect("a body").starts_with("<html>"));
    assert_eq!(bed.get("/v2/domains").await["meta"]["total"], 1);
}

#[tokio::test]
async fn a_keyed_chance_hits_the_same_requests_in_any_order() {
    let paths = ["/v2/droplets", "/v2/domains", "/v2/vpcs", "/v2/firewalls", "/v2/account", "/v2/tags", "/v2/sizes"];
    let backwards: Vec<&str> = paths.iter().rev().copied().collect();
    let mut found = Vec::new();
    for order in [paths.to_vec(), backwards] {
        let bed = bed(quick()).await;
        bed.fault("GET /v2/** 500 chance=0.5 seed=4 keyed");
        let mut hit = Vec::new();
        for path in order {
            hit.push((path, bed.raw("GET", path).await.status().as_u16()));
        }
        hit.sort_unstable();
        found.push(hit);
    }
    assert_eq!(found[0], found[1]);
    assert!(found[0].iter().any(|(_, status)| *status == 500) && found[0].iter().any(|(_, status)| *status == 200));
}

#[tokio::test]
async fn a_ticking_clock_moves_with_each_request() {
    let clock = Clock::ticking(Duration::from_secs(2));
    let bed = bed(Config { clock, ..quick() }).await;
    let before = bed.handle().now();
    bed.get("/v2/account").await;
    bed.get("/v2/account").await;
    assert_eq!(bed.handle().now() - before, 4_000);
}

//! Every request that the client can send, held against DigitalOcean's own OpenAPI description.
//!
//! The description is data of DigitalOcean's and no part of the project: it is looked for beside
//! the checkout. Where it is missing the tests say so, and fail only where `CI` is set.

#[path = "client_openapi/calls.rs"]
mod calls;
#[path = "client_openapi/description.rs"]
mod description;

use crate::client::script::{Reply, Server};
use calls::every_call;
use description::Description;

#[tokio::test]
async fn every_request_is_one_that_the_description_knows() {
    let Some(description) = Description::beside_the_checkout() else { return };
    // A refusal is the quickest answer: it is never sent again, and it names the scope.
    let refusing = || Server::answering(|_| Reply::error(403, "forbidden", "You are not authorized."));
    let mut wrong = Vec::new();
    for number in 0..every_call(&refusing().await.client()).len() {
        let server = refusing().await;
        let client = server.client();
        let (name, call) = every_call(&client).swap_remove(number);
        let error = call.await.expect_err(name);
        let seen = server.seen();
        assert!(!seen.is_empty(), "{name} sent nothing");
        for request in &seen {
            let complaints = description.check(request, error.missing_scope());
            wrong.extend(complaints.into_iter().map(|complaint| format!("{name}: {complaint}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_example_answer_of_the_description_is_understood() {
    let Some(description) = Description::beside_the_checkout() else { return };
    let answering = description.clone();
    let server = Server::answering(move |seen| match answering.example(&seen) {
        Some((status, Some(body))) => Reply::json(status, body),
        Some((status, None)) => Reply::text(status, ""),
        None => Reply::error(403, "forbidden", "The description has no example of this answer."),
    })
    .await;
    let client = server.client();
    let (mut understood, mut without, mut wrong) = (0, Vec::new(), Vec::new());
    for (name, call) in every_call(&client) {
        match call.await {
            Ok(()) => understood += 1,
            Err(error) if error.says("has no example") => without.push(name),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(understood > 25 && without.len() < 12, "{understood} understood, no example for {without:?}");
}

#[test]
fn the_check_itself_finds_a_wrong_field_value_parameter_path_and_scope() {
    let Some(description) = Description::beside_the_checkout() else { return };
    let good = description::request("POST", "/v2/vpcs", &[], Some(r#"{"name":"a","region":"fra1"}"#));
    assert_eq!(description.check(&good, "vpc:create"), Vec::<String>::new());
    for (method, path, query, body, scope, why) in [
        ("POST", "/v2/vpcs", None, Some(r#"{"name":"a","region":"fra1","colour":1}"#), "vpc:create", "colour"),
        ("POST", "/v2/vpcs", None, Some(r#"{"name":"a"}"#), "vpc:create", "region"),
        ("POST", "/v2/vpcs", None, Some(r#"{"name":"a_b","region":"fra1"}"#), "vpc:create", "a_b"),
        ("POST", "/v2/vpcs", None, Some(r#"{"name":"a","region":"fra1"}"#), "vpc:read", "scope"),
        ("GET", "/v2/vpcs", Some(("per_page", "500")), None, "vpc:read", "per_page"),
        ("GET", "/v2/vpcs", Some(("colour", "1")), None, "vpc:read", "colour"),
        ("GET", "/v2/vpc", None, None, "vpc:read", "/v2/vpc"),
    ] {
        let query: Vec<_> = query.into_iter().collect();
        let complaints = description.check(&description::request(method, path, &query, body), scope);
        assert!(complaints.iter().any(|complaint| complaint.contains(why)), "{why}: {complaints:?}");
    }
}

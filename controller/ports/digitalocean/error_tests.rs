//! What DigitalOcean's answers are taken to mean, and how they read.

use super::*;
use crate::model::Fault;
use crate::ports::digitalocean::call::Need;

const DROPLET: Need = Need::of("droplet", "Droplet");

fn body(id: &str, message: &str) -> String {
    serde_json::json!({"id": id, "message": message, "request_id": "4d9d8375"}).to_string()
}

fn create() -> Call {
    Call::create(&["droplets"], DROPLET)
}

fn update() -> Call {
    Call::act(&["droplets", "3164494", "actions"], DROPLET)
}

fn delete(what: &'static str) -> Call {
    Call::delete(&[what, "1"], Need::of("vpc", "Vpc"))
}

fn kind(call: &Call, status: u16, message: &str) -> ErrorKind {
    ApiError::from_answer(call, status, "", &body("x", message)).kind()
}

#[test]
fn status_and_message_together_make_the_class() {
    let cases = [
        (update(), 422, "Droplet already has a pending event.", ErrorKind::Busy),
        (update(), 422, "You can't shrink a disk", ErrorKind::Invalid),
        (update(), 403, "can't be updated while it processes previous actions", ErrorKind::Busy),
        (delete("vpcs"), 403, "Can not delete VPC with members", ErrorKind::Busy),
        (delete("vpcs"), 409, "Can not delete VPC with members", ErrorKind::Busy),
        (delete("vpcs"), 403, "You do not have permission to perform this action.", ErrorKind::Forbidden),
        (delete("vpcs"), 403, "Can not delete default VPCs", ErrorKind::Invalid),
        (create(), 409, "duplicate name", ErrorKind::Conflict),
        (create(), 422, "SSH Key is already in use on your account", ErrorKind::Conflict),
        (create(), 422, "This range/size overlaps with another VPC network", ErrorKind::Conflict),
        (create(), 422, "duplicate rules are not allowed", ErrorKind::Invalid),
        (create(), 422, "Name is invalid", ErrorKind::Invalid),
        (create(), 401, "Unable to authenticate you.", ErrorKind::Unauthorized),
        (create(), 404, "The resource you requested could not be found.", ErrorKind::NotFound),
        (create(), 429, "API rate limit exceeded.", ErrorKind::RateLimited),
        (create(), 503, "Unexpected server-side error", ErrorKind::Server),
    ];
    for (call, status, message, expected) in cases {
        assert_eq!(kind(&call, status, message), expected, "{status} {message}");
    }
}

#[test]
fn a_proxys_404_is_no_proof_that_a_droplet_is_gone() {
    let error = ApiError::from_answer(&update(), 404, "", "<html>404 Not Found</html>");
    assert_eq!(error.kind(), ErrorKind::NotJson);
    assert!(!error.is_not_found());
    let empty = ApiError::from_answer(&update(), 404, "", "");
    assert_eq!(empty.kind(), ErrorKind::NotJson);
}

#[test]
fn an_error_says_what_was_tried_what_came_back_and_what_to_do() {
    let error = ApiError::from_answer(
        &update(),
        422,
        "from-the-header",
        &body("unprocessable_entity", "Droplet already has a pending event."),
    );
    assert_eq!(
        error.to_string(),
        "DigitalOcean answered 422 to POST /v2/droplets/3164494/actions (request 4d9d8375): \
         \"Droplet already has a pending event.\" \
         Nothing was changed. It is busy or still in use; it is tried again."
    );
    let html = ApiError::from_answer(&update(), 502, "e1", "<h1>Bad\n Gateway</h1>").with_tries(5);
    assert_eq!(
        html.what(),
        "DigitalOcean answered 502 to POST /v2/droplets/3164494/actions (request e1), tried 5 times: \
         \"<h1>Bad Gateway</h1>\""
    );
}

#[test]
fn a_403_names_the_scope_that_is_missing_and_the_kind_that_needs_it() {
    let error = ApiError::from_answer(&create(), 403, "", &body("forbidden", "You are not authorized."));
    assert!(error.hint().starts_with("The token lacks droplet:create, which Droplet needs"), "{}", error.hint());
    let told = body("forbidden", "You are missing the required permission tag:create.");
    let error = ApiError::from_answer(&create(), 403, "", &told);
    assert_eq!(error.missing_scope(), "tag:create");
}

#[test]
fn a_401_says_where_the_token_is_put() {
    let error = ApiError::from_answer(&create(), 401, "", &body("unauthorized", "Unable to authenticate you."));
    let error = error.with_token_place("/etc/driftless/token".to_owned());
    assert!(error.hint().contains("into /etc/driftless/token"), "{}", error.hint());
}

#[test]
fn the_class_of_fault_follows_what_the_call_was_for() {
    let fault =
        |call: &Call, status, message: &str| ApiError::from_answer(call, status, "", &body("x", message)).fault();
    assert!(matches!(fault(&create(), 404, "no such VPC"), Fault::Transient { .. }));
    assert!(matches!(fault(&update(), 404, "no such droplet"), Fault::Permanent { .. }));
    assert!(matches!(fault(&update(), 422, "already has a pending event"), Fault::Transient { .. }));
    assert!(matches!(fault(&create(), 422, "tag web does not exist"), Fault::Transient { .. }));
    assert!(matches!(fault(&create(), 422, "invalid size"), Fault::Permanent { .. }));
    assert!(matches!(fault(&create(), 403, "no permission"), Fault::Permanent { .. }));
    assert!(matches!(fault(&create(), 409, "duplicate name"), Fault::Permanent { .. }));
    let lost = ApiError::new(&create(), ErrorKind::Timeout).unclear().fault();
    assert!(matches!(lost, Fault::Unclear { .. }));
}

#[test]
fn a_body_in_an_error_is_bounded_by_characters_and_not_cut_within_one() {
    let error = ApiError::from_answer(&update(), 500, "", &"ä".repeat(100_000));
    assert_eq!(error.message().chars().count(), 301);
}

#[test]
fn a_body_with_nulls_is_still_understood() {
    let told = r#"{"id":"not_found","message":"gone","request_id":null}"#;
    let error = ApiError::from_answer(&update(), 404, "from-the-header", told);
    assert!(error.is_not_found());
    assert_eq!(error.request_id(), "from-the-header");
}

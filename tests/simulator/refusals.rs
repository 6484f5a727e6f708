//! Refusals: what the SDK makes of each, in both APIs and in STS.

use serde_json::json;
use ses_exporter::simulator::{Clock, Fault, Rate, Trouble};

use super::*;

fn signed(service: &str) -> String {
    let scope = format!("{KEY}/20261122/eu-west-1/{service}/aws4_request");
    format!("authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00\r\n")
}

/// What both APIs say to the same refusal: (v2, v1).
async fn both(simulator: &Simulator, region: &str) -> [(u16, Option<String>); 2] {
    let v2 = refused(sesv2(simulator, region).get_account().send().await);
    let v1 = refused(ses(simulator, region).get_send_quota().send().await);
    [v2, v1]
}

fn code(status: u16, name: &str) -> (u16, Option<String>) {
    (status, Some(name.to_owned()))
}

#[tokio::test]
async fn a_region_that_is_not_enabled_looks_like_a_wrong_key() {
    let simulator = start(world()).await;
    let expected = [code(403, "UnrecognizedClientException"), code(403, "InvalidClientTokenId")];
    for region in ["me-south-1", "eu-nowhere-1"] {
        assert_eq!(both(&simulator, region).await, expected, "{region}");
    }
    let stranger = Credentials::new("AKIANOBODYNOBODY0000", "secret", None, None, "test");
    let client = client!(aws_sdk_sesv2, simulator, "eu-west-1", stranger.clone());
    assert_eq!(refused(client.get_account().send().await), code(403, "UnrecognizedClientException"));
    let client = client!(aws_sdk_sts, simulator, "eu-west-1", stranger);
    assert_eq!(refused(client.get_caller_identity().send().await), code(403, "InvalidClientTokenId"));
}

#[tokio::test]
async fn a_request_without_a_signature_is_refused() {
    let simulator = start(world()).await;
    let (status, head, _) = http(&simulator, "GET", "/v2/email/account", "", "").await;
    assert_eq!(status, 403);
    assert!(head.contains("x-amzn-errortype: MissingAuthenticationTokenException"), "{head}");
    for version in ["2010-12-01", "2011-06-15"] {
        let form = format!("Action=GetSendQuota&Version={version}");
        let (status, head, body) = http(&simulator, "POST", "/", "", &form).await;
        assert_eq!(status, 403);
        assert!(body.contains("<Code>MissingAuthenticationToken</Code>"), "{body}");
        assert!(head.contains("x-amzn-requestid: ") && head.contains("date: "), "{head}");
    }
}

#[tokio::test]
async fn faults_refuse_in_the_words_of_each_api() {
    let simulator = start(world()).await;
    let refuse = Trouble::Refuse { status: 403, code: "OptInRequired".to_owned(), message: "Subscribe.".to_owned() };
    let cases = [
        (Trouble::Throttle, code(429, "TooManyRequestsException"), code(400, "Throttling")),
        (Trouble::Deny, code(403, "AccessDeniedException"), code(403, "AccessDenied")),
        (Trouble::DenyByServiceControlPolicy, code(403, "AccessDeniedException"), code(403, "AccessDenied")),
        (Trouble::RegionDisabled, code(403, "UnrecognizedClientException"), code(403, "InvalidClientTokenId")),
        (Trouble::ExpiredToken, code(403, "ExpiredTokenException"), code(403, "ExpiredToken")),
        (Trouble::RequestTimeTooSkewed, code(403, "RequestTimeTooSkewed"), code(403, "RequestTimeTooSkewed")),
        (refuse, code(403, "OptInRequired"), code(403, "OptInRequired")),
        (Trouble::ServerError { status: 503 }, (503, None), (503, None)),
        (Trouble::Html, (200, None), (200, None)),
        (Trouble::InvalidJson, (200, None), (200, None)),
    ];
    for (trouble, v2, v1) in cases {
        let id = simulator.world().inject(Fault::new(trouble.clone()).account(MAIN).region("eu-west-1"));
        assert_eq!(both(&simulator, "eu-west-1").await, [v2, v1], "{trouble:?}");
        assert!(sesv2(&simulator, "us-east-1").get_account().send().await.is_ok(), "{trouble:?} elsewhere");
        assert!(sts(&simulator).get_caller_identity().send().await.is_ok(), "{trouble:?} at STS");
        assert!(simulator.world().remove_fault(id));
    }
    assert!(sesv2(&simulator, "eu-west-1").get_account().send().await.is_ok());
}

#[tokio::test]
async fn a_denial_names_the_action_and_a_policy_says_that_it_is_one() {
    let simulator = start(world()).await;
    let client = sesv2(&simulator, "eu-west-1");
    for (trouble, part) in [
        (Trouble::Deny, "because no identity-based policy allows the ses:GetAccount action"),
        (Trouble::DenyByServiceControlPolicy, "with an explicit deny in a service control policy"),
    ] {
        simulator.world().inject(Fault::new(trouble).operation("GetAccount").times(1));
        let error = client.get_account().send().await.expect_err("a denial");
        let message = error.message().expect("a text");
        assert!(
            message.starts_with("User: arn:aws:iam::111111111111:user/ses-exporter is not authorized"),
            "{message}"
        );
        assert!(message.contains("ses:GetAccount on resource: *") && message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn a_role_is_refused_to_whom_it_does_not_trust() {
    let simulator = start(world()).await;
    let role = |account: &str| format!("arn:aws:iam::{account}:role/reader");
    for (arn, external_id) in [
        (role(STRICT), None),
        (role(STRICT), Some("closed")),
        (role("999999999999"), None),
        (format!("arn:aws:iam::{OTHER}:role/writer"), None),
    ] {
        let ask = sts(&simulator).assume_role().role_arn(&arn).role_session_name("watch");
        let error = ask.set_external_id(external_id.map(str::to_owned)).send().await.expect_err("a denial");
        assert_eq!(error.code(), Some("AccessDenied"), "{arn}");
        let expected = format!(
            "User: arn:aws:iam::{MAIN}:user/ses-exporter is not authorized to perform: sts:AssumeRole on resource: {arn}"
        );
        assert_eq!(error.message(), Some(expected.as_str()));
    }
    let denied = Fault::new(Trouble::Throttle).operation("AssumeRole").account(OTHER);
    simulator.world().inject(denied);
    let ask = sts(&simulator).assume_role().role_arn(role(OTHER)).role_session_name("watch");
    assert_eq!(refused(ask.send().await), code(400, "Throttling"));
}

#[tokio::test]
async fn temporary_keys_expire() {
    let simulator = start(world()).await;
    let arn = format!("arn:aws:iam::{OTHER}:role/reader");
    let ask = sts(&simulator).assume_role().role_arn(arn).role_session_name("watch");
    let keys = ask.send().await.expect("an answer").credentials.expect("keys");
    let with_token = |token: &str| {
        let token = Some(token.to_owned());
        Credentials::new(keys.access_key_id(), keys.secret_access_key(), token, None, "test")
    };
    let wrong = client!(aws_sdk_sesv2, simulator, "eu-west-1", with_token("wrong"));
    assert_eq!(refused(wrong.get_account().send().await), code(403, "UnrecognizedClientException"));
    simulator.world().advance(Duration::from_hours(24));
    let keys = with_token(keys.session_token());
    let v2 = client!(aws_sdk_sesv2, simulator, "eu-west-1", keys.clone());
    assert!(v2.get_account().send().await.is_ok(), "keys live by the wall clock, not by the world's");
    simulator.world().expire_sessions();
    assert_eq!(refused(v2.get_account().send().await), code(403, "ExpiredTokenException"));
    let v1 = client!(aws_sdk_ses, simulator, "eu-west-1", keys);
    assert_eq!(refused(v1.get_send_quota().send().await), code(403, "ExpiredToken"));
}

#[tokio::test]
async fn one_rate_for_both_apis_and_none_for_sts() {
    let clock = Clock::from_fn(std::time::SystemTime::now);
    let simulator = start(world().with_clock(clock).with_rate(Some(Rate { per_second: 0.001, burst: 2.0 }))).await;
    assert!(sesv2(&simulator, "eu-west-1").get_account().send().await.is_ok());
    assert!(ses(&simulator, "eu-west-1").get_send_quota().send().await.is_ok());
    let expected = [code(429, "TooManyRequestsException"), code(400, "Throttling")];
    assert_eq!(both(&simulator, "eu-west-1").await, expected);
    assert!(sesv2(&simulator, "us-east-1").get_account().send().await.is_ok(), "a region of its own");
    for _ in 0..5 {
        assert!(sts(&simulator).get_caller_identity().send().await.is_ok());
    }
    simulator.world().set_rate(None);
    assert!(sesv2(&simulator, "eu-west-1").get_account().send().await.is_ok());
    assert_eq!(simulator.world().busiest_window(Duration::from_mins(1)), 5);
    assert_eq!(simulator.world().most_in_flight(), 1);
}

#[tokio::test]
async fn wrong_input_is_refused() {
    let simulator = start(world()).await;
    let client = sesv2(&simulator, "eu-west-1");
    let refusals = [
        refused(client.list_email_identities().page_size(1001).send().await),
        refused(client.list_email_identities().next_token("made up").send().await),
    ];
    assert_eq!(refusals, [code(400, "BadRequestException"), code(400, "BadRequestException")]);
    let error = client.get_email_identity().email_identity("absent.example").send().await.expect_err("a refusal");
    assert!(error.into_service_error().is_not_found_exception());
    let old = ses(&simulator, "eu-west-1").list_identities().max_items(5_000).send().await;
    assert_eq!(refused(old), code(400, "InvalidParameterValue"));
}

#[tokio::test]
async fn an_operation_that_is_not_simulated_is_unknown() {
    let simulator = start(world()).await;
    let (status, head, _) = http(&simulator, "GET", "/v2/email/nonsense", &signed("ses"), "").await;
    assert_eq!(status, 404);
    assert!(head.contains("x-amzn-errortype: UnknownOperationException"), "{head}");
    for (service, version) in [("ses", "2010-12-01"), ("sts", "2011-06-15")] {
        let (status, _, body) = http(&simulator, "POST", "/", &signed(service), "Action=Nonsense&Version=1").await;
        assert_eq!(status, 400);
        let text =
            format!("<Code>InvalidAction</Code><Message>Could not find operation Nonsense for version {version}");
        assert!(body.contains(&text), "{body}");
    }
}

#[tokio::test]
async fn an_unknown_member_or_account_is_no_change() {
    let simulator = start(world()).await;
    let world = simulator.world();
    let stranger = world.patch_region(MAIN, "eu-west-1", &json!({ "Sandbox": true })).expect_err("a mistake");
    assert!(stranger.to_string().starts_with("GetAccount has no member Sandbox; it has: DedicatedIp"), "{stranger}");
    assert!(world.patch_region("9", "eu-west-1", &json!({})).is_err());
    assert!(world.patch_region(MAIN, "eu-west-9", &json!({})).is_err());
}

//! The control API under `/_simulator/`, in plain HTTP.

use aws_sdk_sesv2::types::IdentityInfo;
use serde_json::json;

use super::*;

#[tokio::test]
async fn the_index_lists_what_there_is() {
    let simulator = start(World::demo(1)).await;
    let (status, index) = control(&simulator, "GET", "", Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(index["operations"]["sts"], json!(["AssumeRole", "GetCallerIdentity"]));
    assert_eq!(index["accounts"].as_array().map(Vec::len), Some(4));
    let endpoints = index["endpoints"].as_array().expect("endpoints");
    for endpoint in endpoints.iter().filter(|endpoint| endpoint["method"] == "GET") {
        let path = endpoint["path"].as_str().expect("a path").trim_start_matches("/_simulator/");
        let name = if path.contains("configuration-sets") { "transactional" } else { "shop.example" };
        let path = path.replace("{id}", "111111111111").replace("{region}", "us-east-1").replace("{name}", name);
        assert_eq!(control(&simulator, "GET", &path, Value::Null).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn a_fault_comes_and_goes() {
    let simulator = start(world()).await;
    let fault = json!({ "kind": "throttle", "account": MAIN, "operation": "GetAccount", "count": 5 });
    let (status, answer) = control(&simulator, "POST", "faults", fault).await;
    assert_eq!((status, &answer["id"]), (200, &json!(1)));
    assert!(sesv2(&simulator, "eu-west-1").get_account().send().await.is_err());
    let (_, listed) = control(&simulator, "GET", "faults", Value::Null).await;
    assert_eq!((&listed["faults"][0]["kind"], &listed["faults"][0]["count"]), (&json!("throttle"), &json!(4)));
    assert_eq!(control(&simulator, "DELETE", "faults/1", Value::Null).await.0, 200);
    assert_eq!(control(&simulator, "DELETE", "faults/1", Value::Null).await.0, 404);
    assert!(sesv2(&simulator, "eu-west-1").get_account().send().await.is_ok());
    control(&simulator, "POST", "faults", json!({ "kind": "slow", "milliseconds": 1 })).await;
    assert_eq!(control(&simulator, "DELETE", "faults", Value::Null).await, (200, json!({})));
    assert!(simulator.world().faults().is_empty());
}

#[tokio::test]
async fn the_log_tells_what_was_asked() {
    let simulator = start(world()).await;
    sesv2(&simulator, "eu-west-1").get_account().send().await.expect("an answer");
    let (_, log) = control(&simulator, "GET", "requests", Value::Null).await;
    let entry = &log["requests"][0];
    let told = ["account", "region", "service", "operation", "status", "in_flight"].map(|member| entry[member].clone());
    assert_eq!(told, [json!(MAIN), json!("eu-west-1"), json!("sesv2"), json!("GetAccount"), json!(200), json!(1)]);
    control(&simulator, "DELETE", "requests", Value::Null).await;
    assert_eq!(control(&simulator, "GET", "requests", Value::Null).await.1, json!({ "requests": [] }));
}

#[tokio::test]
async fn a_region_can_be_changed() {
    let simulator = start(world()).await;
    let path = format!("accounts/{MAIN}/regions/eu-west-1");
    let change = json!({ "EnforcementStatus": "PROBATION", "SendQuota": { "Max24HourSend": -1.0 } });
    let (status, region) = control(&simulator, "PATCH", &path, change).await;
    assert_eq!((status, &region["account"]["SendQuota"]["MaxSendRate"]), (200, &json!(14.0)));
    let account = sesv2(&simulator, "eu-west-1").get_account().send().await.expect("an answer");
    assert_eq!(account.enforcement_status(), Some("PROBATION"));
    control(&simulator, "PATCH", &path, json!({ "Enabled": false })).await;
    let refusal = refused(sesv2(&simulator, "eu-west-1").get_account().send().await);
    assert_eq!(refusal.1.as_deref(), Some("UnrecognizedClientException"));
}

#[tokio::test]
async fn an_identity_can_be_put_and_removed() {
    let simulator = start(world()).await;
    let path = format!("accounts/{MAIN}/regions/us-east-1/identities/a+b@shop.example");
    let (status, put) =
        control(&simulator, "PUT", &path, json!({ "status": "PENDING", "sending_enabled": true })).await;
    assert_eq!((status, &put["IdentityType"]), (200, &json!("EMAIL_ADDRESS")));
    let client = sesv2(&simulator, "us-east-1");
    let listed = client.list_email_identities().send().await.expect("an answer");
    let found = listed.email_identities().iter().find(|found| found.identity_name() == Some("a+b@shop.example"));
    assert_eq!(found.map(IdentityInfo::sending_enabled), Some(true));
    assert_eq!(control(&simulator, "DELETE", &path, Value::Null).await.0, 200);
    assert_eq!(control(&simulator, "DELETE", &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn an_identity_is_put_with_its_topics_and_details() {
    let simulator = start(world()).await;
    let path = format!("accounts/{MAIN}/regions/us-east-1/identities/shop.example");
    let mail_from = json!({ "MailFromDomain": "bounce.shop.example", "MailFromDomainStatus": "FAILED" });
    let words = json!({ "topics": { "bounce": "arn:bounces" }, "details": { "MailFromAttributes": mail_from } });
    let (status, put) = control(&simulator, "PUT", &path, words).await;
    assert_eq!((status, &put["NotificationAttributes"]), (200, &json!({ "BounceTopic": "arn:bounces" })));
    let client = ses(&simulator, "us-east-1");
    let ask = client.get_identity_notification_attributes().identities("shop.example");
    let told = ask.send().await.expect("an answer");
    assert_eq!(told.notification_attributes()["shop.example"].bounce_topic(), "arn:bounces");
    let ask = client.get_identity_mail_from_domain_attributes().identities("shop.example");
    let told = ask.send().await.expect("an answer");
    assert_eq!(told.mail_from_domain_attributes()["shop.example"].mail_from_domain_status().as_str(), "Failed");
}

#[tokio::test]
async fn a_configuration_set_can_be_put_and_removed() {
    let simulator = start(world()).await;
    let region = format!("accounts/{MAIN}/regions/us-east-1");
    let path = format!("{region}/configuration-sets/main");
    let destination = json!({ "kind": "EVENT_BRIDGE", "event_bus_arn": "arn:bus" });
    let words = json!({
        "event_destinations": [{ "name": "bus", "event_types": ["BOUNCE"], "destination": destination }],
        "details": { "SendingOptions": { "SendingEnabled": false } },
    });
    let (status, put) = control(&simulator, "PUT", &path, words).await;
    assert_eq!((status, &put["SendingOptions"]["SendingEnabled"]), (200, &json!(false)));
    assert_eq!(put["EventDestinations"][0]["EventBridgeDestination"], json!({ "EventBusArn": "arn:bus" }));
    assert_eq!(control(&simulator, "GET", &path, Value::Null).await, (200, put));
    assert_eq!(control(&simulator, "GET", &region, Value::Null).await.1["configuration_sets"], json!(["main"]));
    let client = sesv2(&simulator, "us-east-1");
    let told = client.get_configuration_set().configuration_set_name("main").send().await.expect("an answer");
    assert!(told.sending_options().is_some_and(|options| !options.sending_enabled()));
    assert_eq!(control(&simulator, "DELETE", &path, Value::Null).await.0, 200);
    assert_eq!(control(&simulator, "DELETE", &path, Value::Null).await.0, 404);
    assert_eq!(control(&simulator, "GET", &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn clock_and_settings_can_be_changed() {
    let simulator = start(world()).await;
    let before = simulator.world().now();
    control(&simulator, "POST", "clock", json!({ "advance_seconds": 7200 })).await;
    assert!(simulator.world().now().duration_since(before).expect("forward") >= Duration::from_hours(2));
    let settings = json!({ "rate": { "per_second": 5.0, "burst": 9.0 }, "send_rate": false, "latency_milliseconds": 3, "session_lifetime_seconds": 60,
        "dns_ttl_seconds": 7, "notices_dns_after_seconds": 90 });
    let (status, answer) = control(&simulator, "PATCH", "settings", settings.clone()).await;
    assert_eq!((status, answer), (200, settings));
    let (_, answer) =
        control(&simulator, "PATCH", "settings", json!({ "rate": null, "session_lifetime_seconds": null })).await;
    let expected = json!({ "rate": null, "send_rate": false, "latency_milliseconds": 3, "session_lifetime_seconds": null,
        "dns_ttl_seconds": 7, "notices_dns_after_seconds": 90 });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn mistakes_are_answered_with_what_is_allowed() {
    let simulator = start(world()).await;
    let region = format!("accounts/{MAIN}/regions/eu-west-1");
    let identity = format!("{region}/identities/shop.example");
    let set = format!("{region}/configuration-sets/main");
    let pigeon = json!({ "name": "loft", "event_types": [], "destination": { "kind": "PIGEON" } });
    let cases = [
        ("POST", "faults".to_owned(), json!({ "kind": "flood" }), 400, "expected one of `throttle`"),
        ("POST", "faults".to_owned(), json!([]), 400, "the body is not right"),
        ("POST", "clock".to_owned(), json!({ "advance": 1 }), 400, "expected `advance_seconds`"),
        (
            "PATCH",
            "settings".to_owned(),
            json!({ "speed": 1 }),
            400,
            "there are: rate, send_rate, latency_milliseconds",
        ),
        ("PATCH", "settings".to_owned(), json!({ "rate": { "per_second": 0 } }), 400, "rate must be null or"),
        ("PATCH", "settings".to_owned(), json!({ "send_rate": 1 }), 400, "send_rate must be true or false"),
        ("PATCH", region.clone(), json!({ "Sandbox": true }), 400, "it has: DedicatedIpAutoWarmupEnabled"),
        ("PATCH", region.clone(), json!({ "Enabled": 1 }), 400, "true or false"),
        ("PATCH", "accounts/9/regions/eu-west-1".to_owned(), json!({}), 400, "there are: 111111111111"),
        ("PUT", identity.clone(), json!({ "state": "PENDING" }), 400, "expected one of `type`, `status`"),
        ("PUT", identity, json!({ "topics": { "bounces": "arn" } }), 400, "expected one of `bounce`"),
        ("PUT", set.clone(), json!({ "sending": false }), 400, "expected `event_destinations` or `details`"),
        ("PUT", set.clone(), json!({ "event_destinations": [pigeon] }), 400, "expected one of `SNS`, `CLOUD_WATCH`"),
        ("POST", set, json!({}), 404, "GET /_simulator/ lists what there is"),
        ("GET", "nonsense".to_owned(), Value::Null, 404, "GET /_simulator/ lists what there is"),
    ];
    for (method, path, body, status, part) in cases {
        let (answered, answer) = control(&simulator, method, &path, body.clone()).await;
        let error = answer["error"].as_str().expect("a sentence");
        assert_eq!(answered, status, "{method} {path} {body}: {error}");
        assert!(error.contains(part), "{method} {path} {body}: {error}");
    }
}

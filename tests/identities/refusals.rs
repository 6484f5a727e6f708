//! Actions that a policy denies: only what needs them is absent, they are named, and they are seldom asked again.

use super::*;

/// What is denied in a region of its own.
const DENIED: [(&str, &str); 4] = [
    ("us-east-1", "GetIdentityNotificationAttributes"),
    ("us-west-2", "GetEmailIdentity"),
    ("eu-central-1", "GetConfigurationSetEventDestinations"),
    ("eu-west-2", "ListEmailIdentities"),
];

/// How often an operation was asked in a region.
fn asked(aws: &Aws, region: &str, operation: &str) -> usize {
    operations(&to_ses(&aws.world.requests(), MAIN, region)).get(operation).copied().unwrap_or_default()
}

/// Whether a family has series of the one identity or set that this is about.
fn has(page: &Page, region: &str, family: &str) -> bool {
    page.find(family, &[("aws_region", region)])
        .any(|sample| sample.labels.get("identity").is_none_or(|identity| identity == "full.example"))
}

#[test]
fn what_is_denied_hides_only_what_needs_it() {
    let regions = DENIED.map(|(region, _)| region);
    let mut world = world(&regions);
    let full = Identity::domain("full.example")
        .mail_from("bounce.full.example", "SUCCESS", "USE_DEFAULT_VALUE")
        .forwarding(false)
        .configuration_set("main");
    for region in regions {
        world.put_identity(MAIN, region, full.clone()).unwrap();
        world.put_configuration_set(MAIN, region, set("main", &["BOUNCE"])).unwrap();
    }
    let aws = Aws::start(world);
    for (region, operation) in DENIED {
        aws.world.inject(Fault::new(Trouble::Deny).region(region).operation(operation));
    }
    let agent = Agent::start(&aws, &(quick(&aws, &regions, "1s", "1h") + MAIN_ACCOUNT));
    let [notifications, describe, destinations, list] = regions;
    let refused =
        [(notifications, "identity_details"), (describe, "identity_details"), (destinations, "configuration_sets")];
    let failed = |page: &Page, region, collector| -> f64 {
        failures(page, "main", region, collector).iter().map(|(_, count)| count).sum()
    };
    let page = agent.page_where("some slices have passed", |page| {
        refused.iter().all(|(region, collector)| failed(page, region, collector) >= 5.0)
            && success(page, "main", list, "dns") == Some(0.0)
            && regions[..3].iter().all(|region| has(page, region, "ses_identity_dns_record_ok"))
    });

    for (region, collector) in refused {
        assert_eq!(success(&page, "main", region, collector), Some(0.0), "{region}");
        assert_eq!(failures(&page, "main", region, collector)[0].0, "access_denied", "{region}");
        let others = ["account", "sending", "identities", "dns", "identity_details", "configuration_sets"];
        for other in others.into_iter().filter(|other| *other != collector) {
            assert_eq!(success(&page, "main", region, other), Some(1.0), "{other} of {region}");
        }
    }
    for (region, operation) in DENIED {
        let log = agent.log();
        let told = warnings(&log, region);
        assert_eq!(told.len(), 1, "once: {told:?}");
        assert!(told[0].contains(&format!("ses:{operation}")), "{told:?}");
    }
    // Read after the log of requests, so that no slice is missing.
    for ((region, collector), (_, operation)) in refused.into_iter().zip(DENIED) {
        let asked = f64::from(u32::try_from(asked(&aws, region, operation)).unwrap());
        let slices = failed(&agent.page(), region, collector) + 1.0;
        // About each of the two identities by itself, as it could be refused for one alone.
        let things = if operation == "GetEmailIdentity" { 2.0 } else { 1.0 };
        let most = things * (1.0 + slices / 15.0);
        assert!(asked >= 1.0 && asked <= most, "{operation} was asked {asked} times in {slices} slices");
    }

    let by_batches =
        ["ses_identity_dkim_status", "ses_identity_mail_from_status", "ses_identity_feedback_forwarding_enabled"];
    let described = ["ses_identity_dkim_info", "ses_identity_configuration_set_info"];
    for family in by_batches {
        assert!(refused.iter().all(|(region, _)| has(&page, region, family)), "{family}");
    }
    for family in described {
        assert!(has(&page, notifications, family) && has(&page, destinations, family), "{family}");
        assert!(!has(&page, describe, family), "{family}");
    }
    assert!(!has(&page, notifications, "ses_identity_notification_topic_configured"));
    assert!(has(&page, describe, "ses_identity_notification_topic_configured"));
    assert!(has(&page, destinations, "ses_configuration_set_sending_enabled"));
    assert!(!has(&page, destinations, "ses_configuration_set_event_covered"));
    // Bounces reach somebody by the set where all is read; whether anybody hears of complaints can't be told.
    let heard = |region, event| {
        let labels = [("aws_region", region), ("identity", "full.example"), ("event", event)];
        page.value("ses_identity_feedback_path", &labels)
    };
    assert_eq!((heard(notifications, "bounce"), heard(notifications, "complaint")), (Some(1.0), None));
    assert_eq!((heard(describe, "bounce"), heard(describe, "complaint")), (None, None));
    assert_eq!((heard(destinations, "bounce"), heard(destinations, "complaint")), (None, None));

    for collector in ["identities", "identity_details", "dns"] {
        assert_eq!(success(&page, "main", list, collector), Some(0.0), "{collector}");
        assert_eq!(failures(&page, "main", list, collector)[0].0, "access_denied", "{collector}");
    }
    for collector in ["account", "sending", "configuration_sets"] {
        assert_eq!(success(&page, "main", list, collector), Some(1.0), "{collector}");
    }
    assert!(has(&page, list, "ses_configuration_set_event_covered"));
}

//! Pairs of regions in a few words, and what speaks against the standby.

use super::*;
use crate::collectors::identity_details::{Described, Dkim};

fn account(production: bool, enabled: bool, enforcement: &str, quota: Option<f64>, sent: f64) -> account::Reading {
    account::Reading {
        production_access: production,
        sending_enabled: enabled,
        enforcement_status: enforcement.to_owned(),
        review_status: None,
        review_case_id: None,
        max_24h: quota,
        sent_24h: sent,
        max_per_second: None,
        suppressed_reasons: None,
        vdm_enabled: None,
        auto_warmup: false,
    }
}

fn healthy() -> account::Reading {
    account(true, true, "HEALTHY", Some(1000.0), 100.0)
}

/// `NAME`, verified, or `NAME=STATUS`; `=?` without any; `/DKIM` the status of its DKIM, `/off` if it does not sign,
/// `/none` if there is none, nothing if it was not read.
fn region(words: &str) -> (Vec<Identity>, BTreeMap<Arc<str>, Arc<Details>>) {
    let (mut identities, mut all) = (Vec::new(), BTreeMap::new());
    for word in words.split_whitespace() {
        let (listed, signing) = word.split_once('/').unwrap_or((word, "?"));
        let (name, status) = listed.split_once('=').unwrap_or((listed, "SUCCESS"));
        identities.push(Identity {
            name: Arc::from(name),
            identity_type: Arc::from("domain"),
            status: (status != "?").then(|| Arc::from(status)),
            sending_enabled: status == "SUCCESS",
        });
        let mut details = Details::default();
        let dkim =
            |status: &str, signing_enabled| Dkim { status: Arc::from(status), signing_enabled, tokens: Vec::new() };
        match signing {
            "?" => {}
            "none" => details.described = Some(Described::at(std::time::SystemTime::UNIX_EPOCH)),
            "off" => details.dkim = Some(dkim("SUCCESS", false)),
            status => details.dkim = Some(dkim(status, true)),
        }
        all.insert(Arc::from(name), Arc::new(details));
    }
    (identities, all)
}

fn found(account: Option<&account::Reading>, standby: &str, primary: &str, busiest: Option<f64>) -> Found {
    let ((ours, our_details), (theirs, their_details)) = (region(standby), region(primary));
    let standby = Known { account, identities: Some(&ours), details: Some(&our_details) };
    let primary = Known { account: None, identities: Some(&theirs), details: Some(&their_details) };
    judge(standby, primary, busiest)
}

/// The reasons, and `?` if something is open.
fn words(found: &Found) -> String {
    let open = (found.open).then_some("?");
    found.reasons.iter().map(|reason| reason.as_str()).chain(open).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_verified_identity_of_the_primary_is_wanted_with_dkim_no_worse() {
    for (standby, primary, expected) in [
        ("", "", ""),
        ("a.test/SUCCESS b.test/SUCCESS", "a.test/SUCCESS", ""),
        ("a.test/SUCCESS", "a.test/SUCCESS b.test=FAILED/FAILED", ""),
        ("", "a.test/SUCCESS", "identity_not_verified"),
        ("a.test=PENDING/PENDING", "a.test/SUCCESS", "identity_not_verified"),
        ("a.test=?/SUCCESS", "a.test/SUCCESS", "?"),
        ("a.test/SUCCESS", "a.test=?/SUCCESS", "?"),
        ("", "a.test=?/SUCCESS b.test/SUCCESS", "identity_not_verified ?"),
        ("a.test/PENDING", "a.test/SUCCESS", "dkim_worse"),
        ("a.test/off", "a.test/SUCCESS", "dkim_worse"),
        ("a.test/none", "a.test/SUCCESS", "dkim_worse"),
        ("a.test/PENDING", "a.test/FAILED", ""),
        ("a.test/off", "a.test/off", ""),
        ("x@a.test/none", "x@a.test/none", ""),
        ("x@a.test", "x@a.test/none", ""),
        ("a.test", "a.test/SUCCESS", "?"),
        ("a.test/SUCCESS", "a.test", "?"),
        ("a.test/off", "a.test/SUCCESS b.test/SUCCESS", "identity_not_verified dkim_worse"),
        ("a.test/SUCCESS", "a.test/SUCCESS x@a.test/none", ""),
        ("a.test/SUCCESS", "x@mail.a.test/SUCCESS", ""),
        ("a.test/off", "x@a.test/SUCCESS", "dkim_worse"),
        ("a.test=PENDING/PENDING", "x@a.test/none", "identity_not_verified"),
        ("x@a.test=?/SUCCESS a.test/SUCCESS", "x@a.test/SUCCESS", "?"),
        ("x@a.test/SUCCESS", "a.test/SUCCESS", "identity_not_verified"),
        ("A.test/SUCCESS", "a.test/SUCCESS", ""),
        ("x@a.test/SUCCESS", "X@a.test/SUCCESS", "identity_not_verified"),
    ] {
        assert_eq!(words(&found(Some(&healthy()), standby, primary, Some(0.0))), expected, "{standby} | {primary}");
    }
}

#[test]
fn the_standby_must_send_and_have_room_for_the_busiest_day() {
    let quota = |quota, sent| account(true, true, "HEALTHY", quota, sent);
    for (account, busiest, expected) in [
        (healthy(), Some(900.0), ""),
        (healthy(), Some(901.0), "quota_too_small"),
        (quota(Some(f64::INFINITY), 1e9), Some(1e9), ""),
        (quota(Some(100.0), 200.0), Some(0.0), "quota_too_small"),
        (quota(None, 0.0), Some(1.0), "?"),
        (healthy(), None, "?"),
        (account(false, true, "HEALTHY", Some(200.0), 0.0), Some(0.0), "sandbox"),
        (account(true, false, "HEALTHY", Some(200.0), 0.0), Some(0.0), "sending_paused"),
        (account(true, true, "SHUTDOWN", Some(200.0), 0.0), Some(0.0), "sending_paused"),
        (account(true, true, "PROBATION", Some(200.0), 0.0), Some(0.0), ""),
        (account(false, false, "HEALTHY", Some(200.0), 0.0), Some(201.0), "sandbox sending_paused quota_too_small"),
    ] {
        assert_eq!(words(&found(Some(&account), "", "", busiest)), expected, "{account:?} {busiest:?}");
    }
}

#[test]
fn what_was_not_read_leaves_it_open_unless_something_is_known_to_be_missing() {
    assert_eq!(judge(Known::default(), Known::default(), None).ready(), None);
    assert_eq!(found(None, "a.test/SUCCESS", "a.test/SUCCESS", Some(0.0)).ready(), None);
    assert_eq!(found(None, "", "a.test/SUCCESS", None).ready(), Some(false));
    assert_eq!(found(Some(&healthy()), "", "", Some(0.0)).ready(), Some(true));
    let (theirs, details) = region("a.test/SUCCESS");
    let primary = Known { account: None, identities: Some(&theirs), details: Some(&details) };
    let blind = Known { account: Some(&healthy()), ..Known::default() };
    assert_eq!(words(&judge(blind, primary, Some(0.0))), "?");
}

#[test]
fn the_busiest_day_is_any_24_hours() {
    let busiest = |buckets: &[(i64, u32)]| busiest_day(buckets.iter().copied());
    for (buckets, expected) in [
        (&[][..], 0.0),
        (&[(0, 5)], 5.0),
        (&[(0, 5), (DAY - 900, 6)], 11.0),
        (&[(0, 5), (DAY, 6)], 6.0),
        (&[(0, 5), (DAY - 900, 6), (DAY, 7), (2 * DAY, 1)], 13.0),
        (&[(0, 50), (5 * DAY, 6)], 50.0),
    ] {
        let difference = busiest(buckets) - expected;
        assert!(difference.abs() < 1e-9, "{buckets:?}: {difference}");
    }
}

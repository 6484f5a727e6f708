//! What is done to the world for each alert, and how it is taken back. Each act owns an account.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use ses_exporter::simulator::{Bucket, ConfigurationSet, Identity, Region, Sending};

/// The region of every act.
pub(super) const REGION: &str = "eu-west-1";
/// Where what stands by for [`REGION`] is.
pub(super) const STANDBY: &str = "eu-central-1";
/// How many identities bear series; one act has one more.
pub(super) const MOST_IDENTITIES: usize = 8;

/// One alert, driven.
pub(super) struct Act {
    /// `SESQuotaHigh warning`, and also the name of the account.
    pub(super) alert: &'static str,
    /// The state in which nothing is wrong.
    pub(super) regions: Vec<Region>,
    /// What the operator declares, without the accounts.
    pub(super) declared: &'static str,
    /// What goes wrong.
    pub(super) change: Change,
    /// What else may be told, because it is true as well, or seems so for a moment: details are read in slices, of
    /// which fifteen make a pass, and in fast motion a pass is longer than the alerts are patient.
    pub(super) beside: &'static [&'static str],
    /// Whether it takes too long for every day: only --long.
    pub(super) long: bool,
}

/// What is changed, and back.
#[derive(Clone)]
pub(super) enum Change {
    /// Merged into what GetAccount answers.
    Account(Value, Value),
    /// An identity or a configuration set: what is put there, or nothing for its removal.
    Thing(&'static str, String, Option<Value>, Option<Value>),
    /// A fault of AWS in the account.
    Aws(Value),
    /// A fault of the DNS.
    Dns(Value),
    /// What was sent.
    Sent(Sending, Sending),
}

/// The name of the domain that an act owns.
pub(super) fn domain(alert: &str) -> String {
    format!("{}.test", alert.to_lowercase().replace(' ', "-"))
}

fn act(alert: &'static str, change: Change) -> Act {
    let regions = vec![production(alert)];
    Act { alert, regions, declared: "", change, beside: &[], long: false }
}

impl Act {
    fn region(self, region: Region) -> Self {
        Act { regions: vec![region], ..self }
    }

    fn declares(self, declared: &'static str) -> Self {
        Act { declared, ..self }
    }

    fn beside(self, beside: &'static [&'static str]) -> Self {
        Act { beside, ..self }
    }
}

/// A region in production with the act's domain, verified and healthy.
fn production(alert: &str) -> Region {
    Region::production(REGION, 50_000.0, 14.0).identity(Identity::domain(domain(alert)))
}

/// A sandbox with nothing in it.
fn sandbox() -> Region {
    Region::fresh(REGION)
}

const DECLARED_PRODUCTION: &str = "[[expect]]\nstate = \"production\"\n";
const DECLARED_SANDBOX: &str = "[[expect]]\nstate = \"sandbox\"\n";
const DECLARED_UNUSED: &str = "[[expect]]\nstate = \"unused\"\n";

fn account(make: Value, back: Value) -> Change {
    Change::Account(make, back)
}

/// The review of the request for production access.
fn review(status: &str) -> Change {
    let told = |status: &str| json!({ "Details": { "ReviewDetails": { "Status": status, "CaseId": "42" } } });
    account(told(status), told("GRANTED"))
}

/// The share of the quota that is used.
fn used(share: f64) -> Change {
    let sent = |sent: f64| json!({ "SendQuota": { "SentLast24Hours": sent } });
    account(sent(50_000.0 * share), sent(1000.0))
}

/// The act's domain takes another status.
fn status(alert: &str, status: &str) -> Change {
    identity(&domain(alert), Some(json!({ "status": status })), Some(json!({})))
}

/// The act's domain takes other details.
fn details(alert: &str, details: &Value) -> Change {
    identity(&domain(alert), Some(json!({ "details": details })), Some(json!({})))
}

fn identity(name: &str, make: Option<Value>, back: Option<Value>) -> Change {
    Change::Thing("identities", name.to_owned(), make, back)
}

fn set(make: Option<Value>) -> Change {
    Change::Thing("configuration-sets", "main".to_owned(), make, Some(json!({})))
}

fn mail_from(alert: &str, behavior: &str) -> Change {
    let domain = format!("bounce.{}", domain(alert));
    let told = json!({ "MailFromDomain": domain, "MailFromDomainStatus": "FAILED", "BehaviorOnMxFailure": behavior });
    details(alert, &json!({ "MailFromAttributes": told }))
}

fn fault(kind: &str, operation: &str) -> Change {
    Change::Aws(json!({ "kind": kind, "operation": operation }))
}

/// One quarter-hour that has been over for a while, with all its bounces and complaints. What SES has told is never
/// taken back: a ratio falls because more is sent.
fn once(delivery_attempts: u64, bounces: u64, complaints: u64) -> Change {
    let bucket = |delivery_attempts| {
        let bucket = Bucket { start: quarter_hour(-4), delivery_attempts, bounces, complaints, rejects: 0 };
        Sending::Exactly(vec![bucket])
    };
    Change::Sent(bucket(delivery_attempts), bucket(delivery_attempts * 100))
}

/// The same every quarter-hour, since an hour and for as long as the drill lasts.
fn steadily(delivery_attempts: u64) -> Change {
    let bucket = |back| Bucket { start: quarter_hour(back), delivery_attempts, bounces: 0, complaints: 0, rejects: 0 };
    Change::Sent(Sending::Exactly((-4..=2).map(bucket).collect()), Sending::Nothing)
}

/// The begin of the quarter-hour so many after this one.
pub(super) fn quarter_hour(after: i64) -> SystemTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    UNIX_EPOCH + Duration::from_secs((now / 900).checked_add_signed(after).unwrap() * 900)
}

/// Every act that one agent watches. The agents' own troubles are in the file above.
pub(super) fn acts() -> Vec<Act> {
    [of_the_account(), of_the_quota(), of_identities(), of_details(), of_declarations(), of_the_agent()]
        .into_iter()
        .flatten()
        .collect()
}

fn of_the_account() -> Vec<Act> {
    let sandboxed = || account(json!({ "ProductionAccessEnabled": false }), json!({ "ProductionAccessEnabled": true }));
    let name = "SESRegionInSandbox warning";
    vec![
        act(name, identity(&domain(name), Some(json!({})), None)).region(sandbox()),
        act("SESProductionAccessLost critical", sandboxed()),
        act("SESProductionAccessDenied warning", review("DENIED")),
        act("SESProductionAccessReviewFailed warning", review("FAILED")),
        act("SESProductionAccessReviewPending info", review("PENDING")),
        Act { long: true, ..act("SESProductionAccessReviewPending warning", review("PENDING")) }
            .beside(&["SESProductionAccessReviewPending info"]),
        act(
            "SESSendingPaused critical",
            account(json!({ "SendingEnabled": false }), json!({ "SendingEnabled": true })),
        ),
        act(
            "SESUnderReview warning",
            account(json!({ "EnforcementStatus": "PROBATION" }), json!({ "EnforcementStatus": "HEALTHY" })),
        ),
    ]
}

fn of_the_quota() -> Vec<Act> {
    let name = "SESQuotaWillExhaust warning";
    let ratio = |alert, change| {
        act(alert, change).region(Region::production(REGION, 1e9, 14.0).identity(Identity::domain(domain(alert))))
    };
    let small = Region::production(REGION, 900.0, 14.0).identity(Identity::domain(domain(name)));
    let (full, empty) =
        (json!({ "SendQuota": { "SentLast24Hours": 200.0 } }), json!({ "SendQuota": { "SentLast24Hours": 0.0 } }));
    vec![
        act("SESQuotaHigh warning", used(0.85)),
        act("SESQuotaCritical critical", used(0.97)).beside(&["SESQuotaHigh warning"]),
        act("SESQuotaExhausted critical", used(1.2)).beside(&["SESQuotaHigh warning", "SESQuotaCritical critical"]),
        act("SESQuotaExhausted warning", account(full, empty)).region(sandbox()).declares(DECLARED_SANDBOX),
        act(name, steadily(100)).region(small),
        ratio("SESBounceRatioHigh warning", once(1000, 50, 0)),
        ratio("SESBounceRatioHigh critical", once(1000, 90, 0)).beside(&["SESBounceRatioHigh warning"]),
        ratio("SESComplaintRatioHigh warning", once(10_000, 0, 20)),
        ratio("SESComplaintRatioHigh critical", once(10_000, 0, 50)).beside(&["SESComplaintRatioHigh warning"]),
    ]
}

fn of_identities() -> Vec<Act> {
    let pending = |name: &str| identity(name, Some(json!({ "status": "PENDING" })), None);
    let below = |alert: &str| format!("mail.{}", domain(alert));
    let lost = "SESIdentityLost warning";
    let failed = "SESIdentityVerificationFailed warning";
    let vanished = "SESIdentityVanished critical";
    vec![
        act("SESIdentityPendingTooLong info", pending("pending.test")),
        act("SESIdentityPendingTooLong warning", pending("somebody@pending-address.test")),
        act(failed, identity("failed.test", Some(json!({ "status": "FAILED" })), None)),
        act("SESIdentityTemporaryFailure warning", status("SESIdentityTemporaryFailure warning", "TEMPORARY_FAILURE"))
            .beside(&["SESDkimTemporaryFailure warning"]),
        act("SESIdentityLost critical", status("SESIdentityLost critical", "PENDING")),
        act(lost, identity(&below(lost), Some(json!({ "status": "PENDING" })), Some(json!({}))))
            .region(production(lost).identity(Identity::domain(below(lost)))),
        act(vanished, identity(&domain(vanished), None, Some(json!({})))),
    ]
}

fn of_details() -> Vec<Act> {
    let dkim = |alert: &str, status: &str| details(alert, &json!({ "DkimAttributes": { "Status": status } }));
    let rejecting = "SESMailFromRejecting warning";
    vec![
        act("SESDkimBroken critical", dkim("SESDkimBroken critical", "FAILED"))
            .beside(&["SESDkimBroken warning", "SESDnsRecordWrong warning"]),
        act("SESDkimBroken warning", dkim("SESDkimBroken warning", "FAILED")).beside(&["SESDnsRecordWrong warning"]),
        act("SESDkimTemporaryFailure warning", dkim("SESDkimTemporaryFailure warning", "TEMPORARY_FAILURE")),
        act(
            "SESDnsRecordWrong warning",
            Change::Dns(
                json!({ "kind": "removed", "name": domain("SESDnsRecordWrong warning"), "record_type": "CNAME" }),
            ),
        ),
        act("SESMailFromRejecting critical", mail_from("SESMailFromRejecting critical", "REJECT_MESSAGE"))
            .beside(&["SESDnsRecordWrong warning"]),
        act(rejecting, mail_from(rejecting, "REJECT_MESSAGE"))
            .region(sandbox().identity(Identity::domain(domain(rejecting))))
            .declares(DECLARED_SANDBOX)
            .beside(&["SESDnsRecordWrong warning"]),
        act("SESMailFromDegraded warning", mail_from("SESMailFromDegraded warning", "USE_DEFAULT_VALUE"))
            .beside(&["SESDnsRecordWrong warning"]),
        act(
            "SESNoFeedbackPath warning",
            details("SESNoFeedbackPath warning", &json!({ "FeedbackForwardingStatus": false })),
        ),
        act(
            "SESConfigurationSetPaused warning",
            set(Some(json!({ "details": { "SendingOptions": { "SendingEnabled": false } } }))),
        )
        .region(production("SESConfigurationSetPaused warning").configuration_set(ConfigurationSet::new("main"))),
    ]
}

fn of_declarations() -> Vec<Act> {
    let expected = "SESExpectedIdentityNotVerified warning";
    let blocked = "SESSendPathBlocked critical";
    let standby = "SESFailoverNotReady warning";
    let unreadable = || fault("deny", "GetAccount");
    let access = |access: bool| json!({ "ProductionAccessEnabled": access });
    let sandboxed = account(access(false), access(true));
    let sent = |sent: f64| json!({ "SendQuota": { "SentLast24Hours": sent } });
    let quota = |limit: f64| json!({ "SendQuota": { "Max24HourSend": limit } });
    vec![
        act("SESProductionAccessMissing critical", sandboxed).declares(DECLARED_PRODUCTION),
        act("SESUnexpectedRegionActive critical", account(sent(7.0), sent(0.0)))
            .region(sandbox())
            .declares(DECLARED_UNUSED),
        act("SESUnexpectedRegionActive warning", account(access(true), access(false)))
            .region(sandbox())
            .declares(DECLARED_SANDBOX),
        act("SESQuotaBelowDeclared warning", account(quota(1000.0), quota(50_000.0)))
            .declares("[[expect]]\nstate = \"production\"\nminimum_quota = 50000\n"),
        act(expected, identity(&domain(expected), None, Some(json!({}))))
            .region(sandbox().identity(Identity::domain(domain(expected))))
            .declares(concat!(
                "[[expect]]\nstate = \"sandbox\"\n",
                "identities = [\"sesexpectedidentitynotverified-warning.test\"]\n"
            )),
        act("SESUnexpectedIdentity warning", identity("stranger.test", Some(json!({ "status": "PENDING" })), None))
            .declares(concat!(
                "[[expect]]\nstate = \"production\"\nexhaustive = true\n",
                "identities = [\"sesunexpectedidentity-warning.test\"]\n"
            )),
        act(blocked, set(None)).region(production(blocked).configuration_set(ConfigurationSet::new("main"))).declares(
            concat!(
                "[[send_paths]]\nname = \"orders\"\nconfiguration_set = \"main\"\n",
                "from = \"orders@sessendpathblocked-critical.test\"\n"
            ),
        ),
        Act {
            regions: [REGION, STANDBY]
                .map(|name| Region::production(name, 50_000.0, 14.0).identity(Identity::domain(domain(standby))))
                .to_vec(),
            ..act(standby, details(standby, &json!({ "DkimAttributes": { "Status": "PENDING" } })))
        }
        .beside(&["SESDnsRecordWrong warning"])
        .declares("[[failover]]\nprimary = \"eu-west-1\"\nstandby = \"eu-central-1\"\n"),
        act("SESDeclaredRegionUnreadable critical", unreadable())
            .declares(DECLARED_PRODUCTION)
            .beside(&["SESExporterAccessDenied warning", "SESExporterCollectorStale critical"]),
        act("SESDeclaredRegionUnreadable warning", unreadable())
            .region(sandbox())
            .declares(DECLARED_SANDBOX)
            .beside(&["SESExporterAccessDenied warning", "SESExporterCollectorStale critical"]),
    ]
}

fn of_the_agent() -> Vec<Act> {
    let dropped = "SESExporterIdentitiesDropped warning";
    let many = |region: Region| {
        (1..MOST_IDENTITIES)
            .fold(region, |region, number| region.identity(Identity::domain(format!("{number}.{}", domain(dropped)))))
    };
    let slow = json!({ "kind": "slow", "operation": "GetSendStatistics", "milliseconds": 40_000 });
    let broken = |operation| Change::Aws(json!({ "kind": "server_error", "status": 503, "operation": operation }));
    vec![
        act("SESExporterCollectorFailing warning", broken("GetSendStatistics")),
        act("SESExporterAccessDenied warning", fault("deny", "GetSendStatistics")),
        act("SESExporterCollectorStale warning", Change::Aws(slow)),
        act("SESExporterCollectorStale critical", broken("GetAccount"))
            .beside(&["SESExporterCollectorFailing warning", "SESExporterCollectorStale warning"]),
        act(dropped, identity("zzz.test", Some(json!({})), None)).region(many(production(dropped))),
    ]
}
